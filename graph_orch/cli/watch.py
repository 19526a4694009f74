"""Follow a workflow until it ends: a live tree on a terminal, a line for each change elsewhere."""

from __future__ import annotations

import sys
from collections.abc import Generator
from contextlib import contextmanager
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any, NamedTuple

from graph_orch import Orchestrator, Task, WorkflowState, WorkflowStatus
from graph_orch.cli.output import console, say, show_line
from graph_orch.domain.characters import visible
from graph_orch.domain.lifecycle import TaskStatus

if TYPE_CHECKING:
    from collections.abc import Callable

    from rich.console import RenderableType

EXIT_CODES = {WorkflowState.FAILED: 1, WorkflowState.CANCELLED: 4}
"""By how it ended; 0 where it is completed."""
SHOWN = 20
"""Tasks, or reasons, under each branch."""


class Seen(NamedTuple):
    """A workflow at one moment, with the first of its tasks that failed."""

    status: WorkflowStatus
    failed: list[Task]

    @property
    def title(self) -> str:
        """Its name, its state and how far it is."""
        it = self.status
        counts = ", ".join(f"{number} {name}" for name, number in it.counts.items() if number)
        reason = f": {it.reason}" if it.reason else ""
        return f"{it.name} ({it.workflow_id}) is {it.state}{reason}: {counts or 'no tasks'}"

    @property
    def branches(self) -> dict[str, list[str]]:
        """What runs, what waits and why, and what failed, each on a line."""
        return {
            "runs": [
                f"{it.name or it.task_id}, {it.status} by {it.agent_id}"
                for it in self.status.running
            ],
            "waits": [it.sentence for it in self.status.waiting],
            "failed": [f"{it.name or it.task_id}: {it.error_message}" for it in self.failed],
        }

    def lines(self) -> list[str]:
        """All of it, without what changes with every second."""
        found = [self.title]
        for name, entries in self.branches.items():
            found += [f"  {name}: {entry}" for entry in _shortened(entries)]
        return found


def _shortened(entries: list[str]) -> list[str]:
    more = len(entries) - SHOWN
    return [*entries[:SHOWN], f"and {more} more"] if more > 0 else entries


def watch(orch: Orchestrator, workflow_id: str, every: float, as_json: bool) -> int:
    """Show a workflow until it ends, looking again after so many seconds; the exit code."""
    with _shown(as_json) as show:
        seconds = 0.0
        while True:
            seen = look(orch, workflow_id, seconds)
            show(seen)
            if seen.status.state.is_ended:
                return EXIT_CODES.get(seen.status.state, 0)
            seconds = every


def look(orch: Orchestrator, workflow_id: str, seconds: float) -> Seen:
    """Look at a workflow once it has ended, or after so many seconds."""
    status = orch.workflows.wait(workflow_id, seconds)
    failed: list[Task] = []
    if status.counts[TaskStatus.FAILED]:
        filters = {"workflow_id": status.workflow_id, "status": TaskStatus.FAILED}
        failed = list(orch.tasks.query_tasks(filters, limit=SHOWN))
    return Seen(status, failed)


@contextmanager
def _shown(as_json: bool) -> Generator[Callable[[Seen], None]]:
    """How what was seen is shown: as JSON lines, as a live tree, or by what is new in it."""
    before: list[str] = []

    def print_json(seen: Seen) -> None:
        if seen.lines() != before:
            before[:] = seen.lines()
            show_line(seen.status)
            sys.stdout.flush()

    def print_news(seen: Seen) -> None:
        for line in seen.lines():
            if line not in before:
                say(line)
        before[:] = seen.lines()
        sys.stdout.flush()

    screen = console()
    if as_json or not screen.is_terminal:
        yield print_json if as_json else print_news
        return
    from rich.live import Live

    with Live(console=screen, auto_refresh=False) as live:
        yield lambda seen: live.update(_tree(seen), refresh=True)


def _tree(seen: Seen) -> RenderableType:
    from rich.text import Text
    from rich.tree import Tree

    tree: Any = Tree(Text(visible(seen.title)))
    if seen.status.eta_seconds is not None:
        tree.add(Text(f"it may be done in {seen.status.eta_seconds:.0f} s"))
    now = datetime.now(UTC)
    branches = seen.branches
    branches["runs"] = [
        line + (f", for {(now - it.started_at).total_seconds():.0f} s" if it.started_at else "")
        for line, it in zip(branches["runs"], seen.status.running, strict=True)
    ]
    for name, entries in branches.items():
        if entries:
            branch = tree.add(Text(name))
            for entry in _shortened(entries):
                branch.add(Text(visible(entry)))
    return tree
