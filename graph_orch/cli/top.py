"""`graph-orch top`: what the queue is doing, live. The screen that shows it is apart."""

from __future__ import annotations

import sys
from collections.abc import Callable, Mapping, Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import partial
from typing import Annotated, Any, NamedTuple

import typer

from graph_orch import (
    Agent,
    Orchestrator,
    QueueStatistics,
    Recommendation,
    Task,
    TaskStatus,
    WorkerInfo,
)
from graph_orch.cli.durations import ago, lasting, milliseconds
from graph_orch.cli.output import Json, plain, show_json
from graph_orch.cli.store import connect
from graph_orch.cli.worker import handled, held
from graph_orch.domain.lifecycle import HELD
from graph_orch.domain.models import WhyBlocked
from graph_orch.errors import TaskNotFoundError, ValidationError

SHOWN = 100
"""Tasks that run, of which it tells."""
EXPLAINED = 10
"""The oldest and the newest pending tasks, so many of each, whose waiting is explained."""
REASONS = 2
QUIT_SECONDS = 2.0
"""How long whoever quits waits for the last look."""


class Cell(NamedTuple):
    """A value by which rows are sorted, and the text that stands for it."""

    key: Any
    text: str


@dataclass(frozen=True)
class Picture:
    """The queue at one moment."""

    at: datetime
    queue: QueueStatistics
    running: Sequence[Task]
    agents: Sequence[Agent]
    workers: Sequence[WorkerInfo]
    waiting: Sequence[tuple[Task, WhyBlocked[str]]]
    advice: Sequence[Recommendation]

    @property
    def summary(self) -> str:
        """The queue by status, in words."""
        it = self.queue
        parts = {"ready": it.ready_count, "blocked": it.blocked_count, "delayed": it.delayed_count}
        of_pending = ", ".join(f"{number} {name}" for name, number in parts.items() if number)
        counts = [f"{getattr(it, f'{status}_count')} {status}" for status in TaskStatus]
        if of_pending:
            counts[0] += f" ({of_pending})"
        age = it.oldest_ready_age_seconds
        oldest = f"; the oldest ready task has waited for {lasting(age)}" if age is not None else ""
        return f"{', '.join(counts)}{oldest}"


def look(orch: Orchestrator) -> Picture:
    """Look at the whole queue."""
    pending = {"status": TaskStatus.PENDING}
    waiting: dict[str, tuple[Task, WhyBlocked[str]]] = {}
    for newest in (False, True):
        for task in orch.tasks.query_tasks(pending, limit=EXPLAINED, newest_first=newest):
            if task.task_id in waiting:
                continue
            try:
                why = orch.insights.why_blocked(task.task_id, REASONS)
            except TaskNotFoundError:  # deleted meanwhile
                continue
            if why.is_waiting:
                waiting[task.task_id] = task, why
    return Picture(
        at=datetime.now(UTC),
        queue=orch.tasks.get_queue_statistics(),
        running=orch.tasks.query_tasks({"status": list(HELD)}, limit=SHOWN, newest_first=True),
        agents=orch.agents.list(),
        workers=orch.agents.list_workers(),
        waiting=list(waiting.values()),
        advice=orch.monitor.get_recommendations(),
    )


@dataclass(frozen=True)
class Pane:
    """A table of `top`: its columns with their widths, 0 for what is left, and its rows."""

    title: str
    columns: Mapping[str, int]
    rows: Callable[[Picture], list[tuple[Cell, ...]]]


def _text(text: str | None) -> Cell:
    return Cell((text or "").casefold(), text or "")


def _number(value: float, text: str) -> Cell:
    return Cell(-value, text)  # the largest comes first


def _age(moment: datetime | None, show: Callable[[datetime], str]) -> Cell:
    return Cell(moment.timestamp() if moment else 0.0, show(moment) if moment else "")


def _for(moment: datetime) -> str:
    return lasting((datetime.now(UTC) - moment).total_seconds())


def _called(task: Task) -> Cell:
    return _text(f"{task.name or task.task_type} ({task.task_id})")


def _running(seen: Picture) -> list[tuple[Cell, ...]]:
    return [
        (
            _age(it.started_at or it.assigned_at, _for),
            _text(it.status),
            _text(it.assigned_to),
            _called(it),
        )
        for it in seen.running
    ]


def _agents(seen: Picture) -> list[tuple[Cell, ...]]:
    return [
        (
            _number(it.utilization, f"{it.active_tasks} of {it.max_concurrent_tasks}"),
            _number(it.total_completed, str(it.total_completed)),
            _number(it.total_failed, str(it.total_failed)),
            _number(it.success_rate, f"{it.success_rate:.0%}"),
            _number(it.avg_completion_ms, milliseconds(it.avg_completion_ms)),
            _text(it.agent_id),
        )
        for it in seen.agents
    ]


def _workers(seen: Picture) -> list[tuple[Cell, ...]]:
    return [
        (
            _text("yes" if it.is_live else "no"),
            _age(it.last_seen_at, ago),
            _number(len(it.task_ids), held(it)),
            _text(it.agent_id),
            _text(handled(it)),
            _text(it.worker_id),
        )
        for it in seen.workers
    ]


def _waiting(seen: Picture) -> list[tuple[Cell, ...]]:
    return [
        (
            _age(task.created_at, _for),
            _text(task.name or task.task_type),
            _text(" ".join(reason.sentence for reason in why.reasons[:REASONS])),
        )
        for task, why in seen.waiting
    ]


def _advice(seen: Picture) -> list[tuple[Cell, ...]]:
    return [
        (Cell(place, str(it.kind)), Cell(place, it.what)) for place, it in enumerate(seen.advice)
    ]


PANES = (
    Pane("Running", {"for": 7, "status": 8, "agent": 16, "task": 0}, _running),
    Pane(
        "Agents",
        {"held": 8, "done": 7, "failed": 7, "success": 7, "average": 8, "agent": 0},
        _agents,
    ),
    Pane(
        "Workers",
        {"live": 4, "seen": 10, "held": 8, "agent": 12, "handles": 14, "worker": 0},
        _workers,
    ),
    Pane("Waiting", {"for": 7, "task": 14, "why": 0}, _waiting),
    Pane("Advice", {"kind": 18, "what": 0}, _advice),
)


def top(
    every: Annotated[float, typer.Option(min=0.1, help="Seconds between two looks.")] = 2.0,
    as_json: Json = False,
) -> None:
    """Show live what runs, who works, what waits and why, and what would help.

    Keys: 1 to 5 choose a table, s sorts by the next column, r turns the order round, / filters, q
    quits. With --json it looks once. It needs the extra `top`.
    """
    if as_json:
        with connect() as orch:
            seen = look(orch)
        waiting = [plain(why) for _, why in seen.waiting]
        show_json(plain(vars(seen)) | {"waiting": waiting})
        return
    try:
        from graph_orch.cli.top_screen import Top
    except ImportError as error:
        raise ValidationError("install graph-orch[top] to see the queue live") from error
    if not (sys.stdout.isatty() and sys.stdin.isatty()):
        raise ValidationError("top needs a terminal; `graph-orch top --json` looks once")
    with ExitStack() as stack:
        screen = Top(partial(look, stack.enter_context(connect())), every)
        screen.run()
        if not screen.has_ended(QUIT_SECONDS):
            # Its last look waits for a server that is away. A connection that is in use cannot be
            # closed: it ends with this process.
            stack.pop_all()
