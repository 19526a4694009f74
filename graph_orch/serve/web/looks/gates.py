"""The gates at which tasks wait for people, and one gate with its form."""

from __future__ import annotations

from graph_orch import GateStatus
from graph_orch.domain.models.gates import KIND_DECISIONS
from graph_orch.errors import GateNotFoundError
from graph_orch.serve.web.asked import Asked, Screen, Seen

ROWS = 100


async def gates(asked: Asked) -> Seen:
    """The gates of one status; `mine` shows those that the viewer may decide."""
    status = asked.text("status") or GateStatus.OPEN
    mine = asked.principal.name if asked.text("mine") else None
    found = await asked.orch.gates.list(status, ROWS, approver=mine)
    return {
        "gates": list(found),
        "status": str(status),
        "statuses": list(GateStatus),
        "mine": bool(mine),
        "waiting_count": await asked.orch.gates.count_waiting(),
    }


async def gate(asked: Asked) -> Seen:
    """One gate: what is asked, of whom, what waits, and what was decided."""
    found = await asked.orch.gates.get(asked.key)
    if found is None:
        raise GateNotFoundError([asked.key])
    return {
        "gate": found,
        "tasks": await asked.orch.tasks.get_tasks(found.task_ids),
        "decisions": list(KIND_DECISIONS[found.kind]),
    }


SCREENS = (
    Screen("/gates", "Gates", "gates.html", gates),
    Screen("/gates/{key:path}", "Gate", "gate.html", gate, is_listed=False),
)
