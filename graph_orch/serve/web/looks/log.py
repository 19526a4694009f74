"""The log of events, and what reads it: subscriptions, webhooks, triggers."""

from __future__ import annotations

from collections.abc import Mapping

from graph_orch import TaskEvent
from graph_orch.errors import ValidationError
from graph_orch.serve.events import FILTERS
from graph_orch.serve.web.asked import Asked, Screen, Seen

ROWS = 100
BACK = 2_000
"""Places of the log that are looked at for the latest events."""
STEP = ROWS
"""Places that are looked at first; each further step goes back four times as far."""
ATTEMPTS = 50


async def events(asked: Asked) -> Seen:
    """The latest events that match, the newest first."""
    wanted = _wanted(asked)
    filters = {FILTERS.get(name, name): text for name, text in wanted.items()}
    log, refused = asked.orch.events, ""
    end = await log.end()
    back, after, found = STEP, end, list[TaskEvent]()
    try:
        while True:
            after = max(0, end - min(back, BACK))
            found = list(await log.read(after, **filters, limit=BACK))
            if len(found) >= ROWS or after in (0, end - BACK):
                break
            back *= 4
    except ValidationError as error:  # the filters stay, so that they can be mended
        refused = str(error)
    tasks = await asked.orch.subscriptions.tasks_of(found[-ROWS:]) if found else {}
    return {
        "events": found[: -ROWS - 1 : -1],
        "tasks": tasks,
        "refused": refused,
        "wanted": wanted,
        "end": end,
        "looked_at": end - after,
    }


def _wanted(asked: Asked) -> Mapping[str, str]:
    names = ("pattern", "where", *FILTERS)
    return {name: text for name in names if (text := asked.text(name))}


async def subscriptions(asked: Asked) -> Seen:
    """Who reads the log, and how far each has come; the webhooks with what they could not send."""
    webhooks = await asked.orch.webhooks.list()
    return {
        "subscriptions": await asked.orch.subscriptions.list(),
        "webhooks": webhooks,
        "triggers": await asked.orch.triggers.list(),
    }


async def webhook(asked: Asked) -> Seen:
    """One webhook, and its latest attempts."""
    return {
        "webhook": await asked.orch.webhooks.get(asked.key),
        "attempts": await asked.orch.webhooks.attempts(asked.key, limit=ATTEMPTS),
    }


async def trigger(asked: Asked) -> Seen:
    """One trigger, and its latest firings."""
    return {
        "trigger": await asked.orch.triggers.get(asked.key),
        "firings": await asked.orch.triggers.firings(asked.key, ATTEMPTS),
    }


SCREENS = (
    Screen("/events", "Events", "events.html", events, events=_wanted),
    Screen("/subscriptions", "Subscriptions", "subscriptions.html", subscriptions),
    Screen("/webhooks/{key:path}", "Webhook", "webhook.html", webhook, is_listed=False),
    Screen("/triggers/{key:path}", "Trigger", "trigger.html", trigger, is_listed=False),
)
