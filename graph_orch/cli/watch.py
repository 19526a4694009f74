"""Follow what changes: live on a terminal, a line for each change elsewhere."""

from __future__ import annotations

import sys
import time
from collections.abc import Callable, Generator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Annotated, Any, Generic, NamedTuple, Protocol, TypeVar

import typer

from graph_orch import Orchestrator, Task, WorkflowState, WorkflowStatus
from graph_orch.cli.output import console, list_of, say, show_line
from graph_orch.domain.characters import visible
from graph_orch.domain.lifecycle import TaskStatus

if TYPE_CHECKING:
    from rich.console import RenderableType

T = TypeVar("T")
Watch = Annotated[bool, typer.Option("--watch", "-w", help="Go on, and show what changes.")]
Every = Annotated[float, typer.Option(min=0.1, help="Seconds between two looks.")]
EXIT_CODES = {WorkflowState.FAILED: 1, WorkflowState.CANCELLED: 4}
"""By how it ended; 0 where it is completed."""
SHOWN = 20
"""Tasks, or reasons, under each branch."""


class View(Protocol):
    """What is seen in one look."""

    @property
    def told(self) -> object:
        """What JSON tells of it."""
        ...

    def lines(self) -> list[str]:
        """All of it, without what changes with every second."""
        ...

    def drawn(self) -> RenderableType:
        """All of it, as a terminal shows it."""
        ...


@dataclass(frozen=True)
class Listing(Generic[T]):
    """A list of models at one moment, each a row on a terminal and a line elsewhere."""

    told: Sequence[T]
    columns: Mapping[str, str | Callable[[T], object]]
    line: Callable[[T], str]
    whole: frozenset[str] = field(default_factory=frozenset[str])

    def lines(self) -> list[str]:
        """A line for each."""
        return [self.line(value) for value in self.told]

    def drawn(self) -> RenderableType:
        """The table of all."""
        return list_of(self.told, self.columns, self.whole)


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
    def eta(self) -> str:
        """How long the rest may take; "" where that is not known."""
        seconds, waits = self.status.eta_seconds, bool(self.status.waiting)
        if seconds is None:
            return ""
        return f"it may be done in {seconds:.0f} s{', not counting what waits' if waits else ''}"

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

    @property
    def told(self) -> WorkflowStatus:
        """What JSON tells of it."""
        return self.status

    def lines(self) -> list[str]:
        """All of it, without what changes with every second."""
        found = [self.title]
        for name, entries in self.branches.items():
            found += [f"  {name}: {entry}" for entry in _shortened(entries)]
        return found

    def drawn(self) -> RenderableType:
        """A tree of all of it, with how long what runs has run."""
        from rich.text import Text
        from rich.tree import Tree

        tree: Any = Tree(Text(visible(self.title)))
        if self.eta:
            tree.add(Text(self.eta))
        now = datetime.now(UTC)
        branches = self.branches
        branches["runs"] = [
            line + (f", for {(now - it.started_at).total_seconds():.0f} s" if it.started_at else "")
            for line, it in zip(branches["runs"], self.status.running, strict=True)
        ]
        for name, entries in branches.items():
            if entries:
                branch = tree.add(Text(name))
                for entry in _shortened(entries):
                    branch.add(Text(visible(entry)))
        return tree


def _shortened(entries: list[str]) -> list[str]:
    more = len(entries) - SHOWN
    return [*entries[:SHOWN], f"and {more} more"] if more > 0 else entries


def watch(orch: Orchestrator, workflow_id: str, every: float, as_json: bool) -> int:
    """Show a workflow until it ends, looking again after so many seconds; the exit code."""
    with shown(as_json) as show:
        seconds = 0.0
        while True:
            seen = look(orch, workflow_id, seconds)
            show(seen)
            if seen.status.state.is_ended:
                return EXIT_CODES.get(seen.status.state, 0)
            seconds = every


def follow(look: Callable[[], View], every: float, as_json: bool) -> None:
    """Show what a look sees, again after so many seconds, until this process is ended."""
    with shown(as_json) as show:
        while True:
            show(look())
            time.sleep(every)


def look(orch: Orchestrator, workflow_id: str, seconds: float) -> Seen:
    """Look at a workflow once it has ended, or after so many seconds."""
    status = orch.workflows.wait(workflow_id, seconds)
    failed: list[Task] = []
    if status.counts[TaskStatus.FAILED]:
        filters = {"workflow_id": status.workflow_id, "status": TaskStatus.FAILED}
        failed = list(orch.tasks.query_tasks(filters, limit=SHOWN))
    return Seen(status, failed)


@contextmanager
def shown(as_json: bool) -> Generator[Callable[[View], None]]:
    """How what was seen is shown: as JSON lines, live, or by what is new in it."""
    before: list[str] = []

    def print_json(seen: View) -> None:
        if seen.lines() != before:
            before[:] = seen.lines()
            show_line(seen.told)
            sys.stdout.flush()

    def print_news(seen: View) -> None:
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
        yield lambda seen: live.update(seen.drawn(), refresh=True)
