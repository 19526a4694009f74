"""A crew: agents that do the tasks of one command, each with a worker."""

from __future__ import annotations

import asyncio
import time
from collections import Counter
from collections.abc import Callable, Iterable, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass
from typing import Any
from uuid import UUID, uuid5

from pydantic import JsonValue

import graph_orch
from graph_orch import DependencyFailure, ErrorClass, EventType, NewTask, Task, TaskStatus
from graph_orch.cli.output import say, show_table
from graph_orch.cli.progress import OnChange, Progress, shown
from graph_orch.cli.store import connect_alone
from graph_orch.domain.lifecycle import LIVE
from graph_orch.errors import describe

PAGE = 1_000
IDLE_SECONDS = 0.5
ENDS = frozenset({EventType.COMPLETED, EventType.FAILED, EventType.CANCELLED})

Job = Callable[[str], JsonValue]
"""Does the work of a task, given its id. An OSError or ValueError fails the task."""


@dataclass(frozen=True)
class Member:
    """An agent of a crew."""

    agent_id: str
    skills: tuple[str, ...]
    slots: int


@dataclass(frozen=True)
class Run:
    """One run of a command, which is a workflow."""

    command: str
    task_type: str
    run_id: str

    @property
    def workflow_id(self) -> str:
        """The id of its workflow, by which the next run of the command recognises it."""
        return f"{_prefix(self.command)}{self.run_id}"

    def task_id(self, name: str) -> str:
        """The id of the task for what has this name."""
        return str(uuid5(UUID(self.run_id), name))

    def task(
        self, name: str, content: str, skills: Sequence[str], dependencies: Iterable[str]
    ) -> NewTask:
        """A task of this run; `dependencies` are names too."""
        return NewTask(
            task_id=self.task_id(name),
            content=content,
            task_type=self.task_type,
            requirements=tuple(skills),
            dependencies=tuple(map(self.task_id, dependencies)),
            on_dependency_failure=DependencyFailure.CANCEL,
        )


def _prefix(command: str) -> str:
    return f"graph-orch-{command}:"


class Crew:
    """Does the tasks of a run: a worker for each member, all in one thread, until all is done.

    `finished` holds the tasks that an agent had, by their ids; `released` and `cancelled` count the
    tasks that an earlier run, which was killed, had left with agents or unfinished.
    """

    def __init__(self, run: Run, members: Sequence[Member], job: Job) -> None:
        self._run = run
        self._members = members
        self._job = job
        self.finished: dict[str, Task] = {}
        self.released = 0
        self.cancelled = 0
        self.seconds = 0.0

    def work(self, tasks: Sequence[NewTask], title: str, quiet: bool) -> None:
        """Do every task; those that depend on one that failed are cancelled by the queue.

        Args:
            tasks: In an order in which each comes after its dependencies.
            title: What the progress on standard error is called.
            quiet: Show no progress.
        """
        with connect_alone(self._run.command) as orch:
            self._clear_leftovers(orch)
            began = time.monotonic()
            cursor = orch.events.end()
            orch.workflows.start(self._run.command, tasks, workflow_id=self._run.workflow_id)
            workers = [self._worker(orch, member) for member in self._members]

            async def serve() -> None:
                await asyncio.gather(*(worker.serve() for worker in workers))

            with (
                shown(title, len(tasks), quiet) as on_change,
                ThreadPoolExecutor(1, "crew") as pool,
            ):
                working = pool.submit(asyncio.run, serve())
                try:
                    open_ids = {task.task_id for task in tasks}
                    self._follow(orch, open_ids, cursor, working, on_change)
                finally:
                    for worker in workers:
                        worker.stop()
                working.result()
            for start in range(0, len(tasks), PAGE):
                ids = [task.task_id for task in tasks[start : start + PAGE]]
                for task in orch.tasks.get_tasks(ids):
                    if task.status is not TaskStatus.CANCELLED and task.assigned_to is not None:
                        self.finished[task.task_id] = task
            self.seconds = time.monotonic() - began

    def agents(self, elapsed_ms: float) -> list[dict[str, Any]]:
        """A row for each member; `utilization` is the busy share of its slots in the time given."""
        rows: list[dict[str, Any]] = []
        for member in self._members:
            ended = [it for it in self.finished.values() if it.assigned_to == member.agent_id]
            done = [task for task in ended if task.status is TaskStatus.COMPLETED]
            busy_ms = sum(task.execution_duration_ms or 0.0 for task in done)
            capacity_ms = member.slots * elapsed_ms
            rows.append(
                {
                    "agent": member.agent_id,
                    "skills": ", ".join(member.skills[:4]) + " …" * (len(member.skills) > 4),
                    "slots": member.slots,
                    "done": len(done),
                    "failed": len(ended) - len(done),
                    "utilization": busy_ms / capacity_ms if capacity_ms else 0.0,
                    "average ms": busy_ms / len(done) if done else 0.0,
                }
            )
        return rows

    def show(self, elapsed_ms: float) -> None:
        """Print what an earlier run had left, and the table of the agents."""
        if self.released or self.cancelled:
            say(
                f"an earlier run was killed: {self.released} tasks taken back from its agents, "
                f"{self.cancelled} unfinished ones cancelled"
            )
        rows = self.agents(elapsed_ms)
        show_table([*rows[0]], [[*row.values()] for row in rows], title="agents, in this run")

    def _worker(self, orch: graph_orch.Orchestrator, member: Member) -> graph_orch.Worker:
        worker = graph_orch.Worker(
            orch, member.agent_id, member.skills, member.slots, grace_seconds=0
        )

        @worker.task(self._run.task_type)
        def handle(ctx: graph_orch.Context) -> JsonValue:  # pyright: ignore[reportUnusedFunction]
            try:
                return self._job(ctx.task.task_id)
            except (OSError, ValueError) as error:
                raise graph_orch.TaskFailure(describe(error), ErrorClass.PERMANENT) from error

        return worker

    def _clear_leftovers(self, orch: graph_orch.Orchestrator) -> None:
        """Register the members, release what they hold, and cancel earlier runs."""
        for member in self._members:
            orch.agents.register_agent(
                member.agent_id, member.skills, max_concurrent_tasks=member.slots
            )
            for status in (TaskStatus.ASSIGNED, TaskStatus.RUNNING):
                for task in orch.tasks.poll_tasks(member.agent_id, status, PAGE):
                    orch.tasks.release_task(task.task_id, "left by a run that was killed")
                    self.released += 1
        filters: dict[str, Any] = {"status": sorted(LIVE), "task_type": self._run.task_type}
        page = orch.tasks.query_tasks(filters, limit=PAGE)
        flows = Counter(task.workflow_id for task in page)
        while page.next_cursor is not None:
            page = orch.tasks.query_tasks(filters, limit=PAGE, after=page.next_cursor)
            flows.update(task.workflow_id for task in page)
        for workflow_id, number in flows.items():
            if workflow_id is not None and workflow_id.startswith(_prefix(self._run.command)):
                self.cancelled += number
                orch.workflows.cancel(workflow_id, "its run was killed")

    def _follow(
        self,
        orch: graph_orch.Orchestrator,
        open_ids: set[str],
        cursor: int,
        working: Future[None],
        on_change: OnChange,
    ) -> None:
        """Read the events of the workflow until each task has ended, or the workers have."""
        progress, holders = Progress(len(open_ids)), dict[str, str]()
        flow = self._run.workflow_id
        while open_ids and not working.done():
            for event in orch.events.subscribe(cursor, workflow_id=flow, idle_seconds=IDLE_SECONDS):
                cursor = event.position or cursor
                if event.task_id in open_ids:
                    holders.pop(event.task_id, None)
                    if event.type is EventType.STARTED:
                        holders[event.task_id] = event.agent_id or ""
                    if event.type in ENDS:
                        open_ids.discard(event.task_id)
                        progress.completed += event.type is EventType.COMPLETED
                        progress.failed += event.type is not EventType.COMPLETED
                    progress.running = Counter(holders.values())
                    on_change(progress)
                if not open_ids:
                    return
