"""Schedules, budgets, limits and pauses: what decides when tasks begin."""

from __future__ import annotations

from graph_orch.serve.web.asked import Asked, Screen, Seen


async def schedules(asked: Asked) -> Seen:
    """The schedules, by when each ticks next."""
    found = await asked.orch.schedules.list()
    last = max((it.next_at for it in found if it.next_at), default=None)
    return {"schedules": sorted(found, key=lambda it: (it.next_at is None, it.next_at or last))}


async def limits(asked: Asked) -> Seen:
    """What holds tasks back: pauses, limits by key, budgets with what is left of each, shares."""
    return {
        "pauses": await asked.orch.pauses.list(),
        "budgets": await asked.orch.budgets.list(),
        "limits": await asked.orch.tasks.get_concurrency_limits(),
        "weights": await asked.orch.tasks.get_fairness_weights(),
    }


SCREENS = (
    Screen("/schedules", "Schedules", "schedules.html", schedules),
    Screen("/limits", "Limits", "limits.html", limits),
)
