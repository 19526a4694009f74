"""The workflows, and one workflow as a graph."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping

from graph_orch import ExportedTask, Gate, Task, WorkflowState
from graph_orch.domain.lifecycle import ENDED
from graph_orch.errors import OrchestrationError
from graph_orch.serve.web.asked import Asked, Screen, Seen
from graph_orch.serve.web.drawing import bars_of, draw

ROWS = 50
MOST_UNFOLDED = 50
SCALES = {"0.25": 0.25, "0.5": 0.5}
MOST_DRAWN = 2_000
"""Tasks of a workflow that are read to be drawn."""


async def workflows(asked: Asked) -> Seen:
    """The workflows, newest first, perhaps of one state."""
    state = asked.text("state") or None
    page = await asked.orch.workflows.list(state, ROWS, asked.text("after") or None)
    return {
        "workflows": list(page),
        "next_cursor": page.next_cursor,
        "state": state or "",
        "states": list(WorkflowState),
    }


async def workflow(asked: Asked) -> Seen:
    """One workflow: its state, its graph, what it waits for, what it has spent."""
    orch, key = asked.orch, asked.key
    status = await orch.workflows.status(key)
    exported, gates = await _read(asked, key)
    tasks = [it.task for it in exported]
    critical = await _critical(asked, tasks)
    total = sum(status.counts.values())
    unfold = asked.request.query_params.getlist("unfold")[:MOST_UNFOLDED]
    budget = None if status.spent is None else await orch.budgets.get(f"workflow:{key}")
    return {
        "workflow": status,
        "total": total,
        "done": sum(n for it, n in status.counts.items() if it in ENDED),
        "tasks": tasks,
        "drawing": await asyncio.to_thread(draw, tasks, frozenset(unfold), critical),
        "drawn": len(tasks),
        "unfold": unfold,
        "scale": SCALES.get(asked.text("scale"), 1),
        "bars": bars_of(exported),
        "budget": budget,
        "gates": gates,
    }


async def _read(asked: Asked, key: str) -> tuple[list[ExportedTask], list[Gate]]:
    """The tasks with their tries, and the gates at which they wait, or waited."""
    found, gates = list[ExportedTask](), list[Gate]()
    async for page in asked.orch.export.tasks({"workflow_id": key}):
        found += page.tasks
        gates += page.gates
        if len(found) >= MOST_DRAWN:
            break
    return found, gates


async def _critical(asked: Asked, tasks: list[Task]) -> frozenset[str]:
    """The ids of the longest chain; of none where the tasks are in a cycle."""
    if not tasks:
        return frozenset()
    try:
        path = await asked.orch.insights.critical_path([it.task_id for it in tasks])
    except OrchestrationError:
        return frozenset()
    return frozenset(path.path)


def _of_workflow(asked: Asked) -> Mapping[str, str]:
    return {"workflow": asked.key}


SCREENS = (
    Screen("/workflows", "Workflows", "workflows.html", workflows),
    Screen(
        "/workflows/{key:path}", "Workflow", "workflow.html", workflow, False, events=_of_workflow
    ),
)
