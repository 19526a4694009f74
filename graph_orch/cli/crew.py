"""A crew: agents that do a set of tasks, each with a worker, and what is seen of it meanwhile."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import suppress
from dataclasses import dataclass, field
from functools import partial
from typing import Any

from pydantic import JsonValue

import graph_orch
from graph_orch import ErrorClass, EventType, NewTask, Task, TaskEvent, TaskStatus
from graph_orch.domain.lifecycle import LIVE
from graph_orch.errors import InvalidTransitionError, describe

PAGE = 1_000
IDLE_SECONDS = 0.5
ENDS = frozenset({EventType.COMPLETED, EventType.FAILED, EventType.CANCELLED})
MARK = "graph_orch_cli"
"""The metadata key by which a command knows the tasks that it made."""

Job = Callable[[str], JsonValue]
"""Does the work of a task, given its id. An OSError or ValueError fails the task."""
OnChange = Callable[["Progress"], None]


@dataclass(frozen=True)
class Member:
    """An agent of a crew."""

    agent_id: str
    skills: tuple[str, ...]
    slots: int


@dataclass
class Progress:
    """How far a crew is."""

    total: int
    completed: int = 0
    failed: int = 0
    running: dict[str, int] = field(default_factory=dict[str, int])


@dataclass
class Tally:
    """What one agent did in one run."""

    done: int = 0
    failed: int = 0
    busy_ms: float = 0.0


class Crew:
    """Works off tasks: a worker for each member, all in one thread, until all is done."""

    def __init__(
        self, orch: graph_orch.Orchestrator, members: Sequence[Member], task_type: str, job: Job
    ) -> None:
        self._orch = orch
        self._members = members
        self.finished: dict[str, Task] = {}
        self.tallies = {member.agent_id: Tally() for member in members}
        self._workers = [
            graph_orch.Worker(orch, member.agent_id, member.skills, member.slots, grace_seconds=0)
            for member in members
        ]
        for worker in self._workers:
            worker.task(task_type)(partial(_done, job))

    def work(self, tasks: Sequence[NewTask], on_change: OnChange) -> None:
        """Do every task. Those that depend on one that failed are cancelled by the queue."""
        cursor = self._orch.events.end()
        create_in_batches(self._orch, tasks)
        with ThreadPoolExecutor(1, "crew") as pool:
            working = pool.submit(asyncio.run, self._serve())
            try:
                self._follow({task.task_id for task in tasks}, cursor, working, on_change)
            finally:
                for worker in self._workers:
                    worker.stop()
            working.result()
        for start in range(0, len(tasks), PAGE):
            ids = [task.task_id for task in tasks[start : start + PAGE]]
            self._count(self._orch.tasks.get_tasks(ids))

    async def _serve(self) -> None:
        await asyncio.gather(*(worker.serve() for worker in self._workers))

    def _follow(
        self, open_: set[str], cursor: int, working: Future[None], on_change: OnChange
    ) -> None:
        """Read what happens to the tasks until each has ended."""
        progress, holders = Progress(len(open_)), dict[str, str]()
        while open_ and not working.done():
            for event in self._orch.events.subscribe(cursor, idle_seconds=IDLE_SECONDS):
                cursor = event.position or cursor
                if event.task_id in open_:
                    _note(event, open_, holders, progress)
                    on_change(progress)
                if not open_:
                    return

    def _count(self, tasks: Iterable[Task]) -> None:
        for task in tasks:
            if task.status is TaskStatus.CANCELLED or task.assigned_to is None:
                continue
            self.finished[task.task_id] = task
            tally = self.tallies[task.assigned_to]
            if task.status is TaskStatus.COMPLETED:
                tally.done += 1
                tally.busy_ms += task.execution_duration_ms or 0.0
            else:
                tally.failed += 1


def _done(job: Job, ctx: graph_orch.Context) -> JsonValue:
    try:
        return job(ctx.task.task_id)
    except (OSError, ValueError) as error:
        raise graph_orch.TaskFailure(describe(error), ErrorClass.PERMANENT) from error


def _note(event: TaskEvent, open_: set[str], holders: dict[str, str], progress: Progress) -> None:
    """Take down what an event says of a task."""
    if event.type is EventType.STARTED:
        holders[event.task_id] = event.agent_id or ""
    else:
        holders.pop(event.task_id, None)
    if event.type in ENDS:
        open_.discard(event.task_id)
        progress.completed += event.type is EventType.COMPLETED
        progress.failed += event.type is not EventType.COMPLETED
    progress.running = _by_agent(holders.values())


def gather(orch: graph_orch.Orchestrator, members: Iterable[Member]) -> int:
    """Register the members, and let go what an earlier run that was killed left with them."""
    released = 0
    for member in members:
        orch.agents.register_agent(
            member.agent_id, member.skills, max_concurrent_tasks=member.slots
        )
        for status in (TaskStatus.ASSIGNED, TaskStatus.RUNNING):
            for task in orch.tasks.poll_tasks(member.agent_id, status, PAGE):
                orch.tasks.release_task(task.task_id, "left by a run that was killed")
                released += 1
    return released


def clear_leftovers(orch: graph_orch.Orchestrator, command: str, task_type: str) -> int:
    """Cancel the tasks that an earlier run of `command` did not come to; how many there were."""
    left = [task for task in _live(orch, task_type) if is_made_by(task.metadata, command)]
    for task in left:
        # Cancelling a task cancels those that wait for it, which may be in the list too.
        with suppress(InvalidTransitionError):
            orch.tasks.cancel_task(task.task_id, "its run was killed")
    return len(left)


def mark(command: str, run_id: str) -> dict[str, JsonValue]:
    """The metadata of a task that `command` makes."""
    return {MARK: command, "run_id": run_id}


def is_made_by(metadata: JsonValue, command: str) -> bool:
    """Whether a task with this metadata was made by `command`."""
    return isinstance(metadata, dict) and metadata.get(MARK) == command


def create_in_batches(orch: graph_orch.Orchestrator, tasks: Sequence[NewTask]) -> None:
    """Create tasks that stand in an order in which each comes after its dependencies."""
    for start in range(0, len(tasks), PAGE):
        orch.tasks.create_tasks(tasks[start : start + PAGE])


def agent_rows(crew: Crew, members: Iterable[Member], elapsed_ms: float) -> list[list[Any]]:
    """agent, skills, slots, done, failed, busy share of its slots, average ms: of this run."""
    rows: list[list[Any]] = []
    for member in members:
        tally = crew.tallies[member.agent_id]
        share = tally.busy_ms / (member.slots * elapsed_ms) if elapsed_ms else 0.0
        average = tally.busy_ms / tally.done if tally.done else 0.0
        skills = ", ".join(member.skills[:4]) + (" …" if len(member.skills) > 4 else "")
        rows.append(
            [member.agent_id, skills, member.slots, tally.done, tally.failed, share, average]
        )
    return rows


AGENT_COLUMNS = ("agent", "skills", "slots", "done", "failed", "utilization", "average ms")


def _live(orch: graph_orch.Orchestrator, task_type: str) -> Iterator[Task]:
    filters: Mapping[str, Any] = {"status": sorted(LIVE), "task_type": task_type}
    after: str | None = None
    while True:
        page = orch.tasks.query_tasks(filters, limit=PAGE, after=after)
        yield from page
        after = page.next_cursor
        if after is None:
            return


def _by_agent(agent_ids: Iterable[str]) -> dict[str, int]:
    counts: dict[str, int] = {}
    for agent_id in agent_ids:
        counts[agent_id] = counts.get(agent_id, 0) + 1
    return counts
