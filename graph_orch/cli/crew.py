"""A crew: agents that do a set of tasks in threads, all through the public API."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from concurrent.futures import FIRST_COMPLETED, Future, ThreadPoolExecutor, wait
from contextlib import suppress
from dataclasses import dataclass, field
from typing import Any

from pydantic import JsonValue

from graph_orch import NewTask, Orchestrator, Task, TaskStatus
from graph_orch.errors import InvalidTransitionError
from graph_orch.lifecycle import LIVE
from graph_orch.models import skill_key

PAGE = 1_000
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
    """Works off tasks: hands out what is ready to whom the router chooses, until all is done."""

    def __init__(self, orch: Orchestrator, members: Sequence[Member], job: Job) -> None:
        self._orch = orch
        self._members = {member.agent_id: member for member in members}
        self._job = job
        self.finished: dict[str, Task] = {}
        self.tallies = {member.agent_id: Tally() for member in members}
        # Without it, agents of other people would be given our tasks.
        self._strangers = [
            agent.agent_id
            for agent in orch.agents.list_agents()
            if agent.agent_id not in self._members
        ]

    @property
    def slots(self) -> int:
        """How many tasks it can do at once."""
        return sum(member.slots for member in self._members.values())

    def work(self, tasks: Sequence[NewTask], on_change: OnChange) -> None:
        """Do every task. Those that depend on one that failed are cancelled by the queue."""
        backlog = _Backlog(tasks)
        progress = Progress(len(tasks))
        running: dict[Future[Task], str] = {}
        with ThreadPoolExecutor(self.slots, "crew") as pool:
            try:
                self._hand_out(backlog, pool, running)
                while running:
                    ended, _ = wait(running, return_when=FIRST_COMPLETED)
                    for future in ended:
                        self._count(future.result(), running.pop(future), backlog, progress)
                    self._hand_out(backlog, pool, running)
                    progress.running = _by_agent(running.values())
                    on_change(progress)
            except BaseException:
                pool.shutdown(wait=False, cancel_futures=True)
                raise

    def _hand_out(
        self, backlog: _Backlog, pool: ThreadPoolExecutor, running: dict[Future[Task], str]
    ) -> None:
        refused: set[frozenset[str]] = set()  # skills for which nobody is free in this round
        for task in backlog.ready():
            if len(running) >= self.slots:
                return
            skills = frozenset(map(skill_key, task.requirements))
            if skills in refused:
                continue
            agent_id = self._dispatch(task.task_id)
            if agent_id is None:
                refused.add(skills)
                continue
            backlog.take(task.task_id)
            running[pool.submit(self._do, task.task_id)] = agent_id

    def _dispatch(self, task_id: str) -> str | None:
        while True:
            agent_id = self._orch.router.dispatch_task(task_id, self._strangers)
            if agent_id is None or agent_id in self._members:
                return agent_id
            self._orch.tasks.release_task(task_id, "given to an agent of another crew")
            self._strangers.append(agent_id)

    def _do(self, task_id: str) -> Task:
        attempt = self._orch.tasks.start_task(task_id).attempt
        try:
            result = self._job(task_id)
        except (OSError, ValueError) as error:
            return self._orch.tasks.fail_task(
                task_id, f"{type(error).__name__}: {error}", False, attempt=attempt
            )
        return self._orch.tasks.complete_task(task_id, result, attempt=attempt)

    def _count(self, task: Task, agent_id: str, backlog: _Backlog, progress: Progress) -> None:
        self.finished[task.task_id] = task
        tally = self.tallies[agent_id]
        if task.status is TaskStatus.COMPLETED:
            tally.done += 1
            tally.busy_ms += task.execution_duration_ms or 0.0
            progress.completed += 1
            backlog.complete(task.task_id)
        else:
            tally.failed += 1
            progress.failed += 1


class _Backlog:
    """Which tasks may be handed out. It only saves asking: the queue itself keeps the order."""

    def __init__(self, tasks: Iterable[NewTask]) -> None:
        self._tasks = {task.task_id: task for task in tasks}
        self._unmet = {task.task_id: len(task.dependencies) for task in self._tasks.values()}
        self._dependents: dict[str, list[str]] = {key: [] for key in self._tasks}
        for task in self._tasks.values():
            for other in task.dependencies:
                self._dependents[other].append(task.task_id)
        self._ready = {key: None for key, unmet in self._unmet.items() if not unmet}

    def ready(self) -> list[NewTask]:
        return [self._tasks[key] for key in self._ready]

    def take(self, task_id: str) -> None:
        del self._ready[task_id]

    def complete(self, task_id: str) -> None:
        for other in self._dependents[task_id]:
            self._unmet[other] -= 1
            if not self._unmet[other]:
                self._ready[other] = None


def gather(orch: Orchestrator, members: Iterable[Member]) -> int:
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


def clear_leftovers(orch: Orchestrator, command: str, task_type: str) -> int:
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


def create_in_batches(orch: Orchestrator, tasks: Sequence[NewTask]) -> None:
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


def _live(orch: Orchestrator, task_type: str) -> Iterator[Task]:
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
