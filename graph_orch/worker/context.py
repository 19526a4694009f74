"""What a handler is given, and what a worker knows of its work."""

from __future__ import annotations

import asyncio
import inspect
import logging
import threading
import time
from collections.abc import Awaitable, Callable, Coroutine, Generator, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from decimal import Decimal
from functools import cached_property
from typing import Any, Protocol, TypeVar, cast, overload

from pydantic import JsonValue

from graph_orch._async.claims import heartbeat_of
from graph_orch.domain.durable import Decision
from graph_orch.domain.ids import new_hex
from graph_orch.domain.models import Claim, GateDecision, GateKind, NewTask, Task
from graph_orch.domain.models.budgets import Budget, used_of
from graph_orch.errors import text_of
from graph_orch.logs import logger_of
from graph_orch.worker.durable import Durable, at_step, name_of
from graph_orch.worker.failures import number_of, storable_text
from graph_orch.worker.handlers import in_thread, is_coroutine_function
from graph_orch.worker.results import storable
from graph_orch.worker.typed import inputs_of

MOST_MESSAGE = 2_000
T = TypeVar("T")
Handler = Callable[[Any], Any]
"""Takes a Context (a plain function) or an AsyncContext (a coroutine function).

It returns what pydantic can write as JSON; what can be awaited is awaited.
"""


@dataclass(frozen=True)
class WorkerSettings:
    """What a worker is told. `slots`: `concurrency` and what is held beyond."""

    agent_id: str
    worker_id: str
    concurrency: int
    slots: int
    lease_seconds: float
    grace_seconds: float
    spread: int
    has_own_slots: bool = False

    @property
    def beat_seconds(self) -> float:
        """How long it is from one beat of the heart to the next."""
        return self.lease_seconds / 3

    @property
    def ahead(self) -> int:
        """How many tasks may be held beyond those that run."""
        return self.slots - self.concurrency


@dataclass(eq=False)
class Job:
    """A claim that this process holds, and how far its work is."""

    claim: Claim
    durable: Durable
    progress: tuple[float | None, str | None] = (None, None)
    cancelled: bool = False
    alarm: threading.Event | None = None
    """What wakes a handler that sleeps in a thread."""
    running: asyncio.Task[None] | None = None
    began: float | None = None
    """When its handler began, by `time.perf_counter`."""
    in_thread: bool = False
    """Its handler runs in a thread, which nothing can end but the handler itself."""
    ended: bool = False
    """Its handler has ended, or will not begin, and that is being told."""
    told: bool = False
    """The queue knows that its handler has begun."""
    lost: bool = False
    """The worker has lost its task: there is nothing to tell."""
    timer: asyncio.TimerHandle | None = None
    """When its time to finish is over."""
    command_id: str = field(default_factory=new_hex)
    metrics: dict[str, JsonValue] = field(default_factory=dict[str, JsonValue])
    """What its handler recorded."""
    recording: threading.RLock = field(default_factory=threading.RLock)
    """Steps and handlers in several threads may record at once."""

    def __post_init__(self) -> None:
        self.durable.used = lambda: used_of(self.metrics)

    @property
    def about(self) -> dict[str, object]:
        """What the records of the log are about that its work makes."""
        task = self.claim.task
        return {
            "task_id": task.task_id,
            "attempt": self.claim.attempt,
            "workflow_id": task.workflow_id,
            "agent_id": self.claim.agent_id,
            "worker_id": task.worker_id,
        }

    def heartbeat(self, *, tells_start: bool = False) -> dict[str, Any]:
        """What keeps the claim, and says how far the work is, or that it began."""
        claim, (progress, message) = self.claim, self.progress
        return heartbeat_of(
            claim.task_id,
            claim.attempt,
            claim.lease_seconds,
            progress,
            message,
            self.began if tells_start else None,
            f"{self.command_id}s",  # the id that the completion gives to the event that it began
            used_of(self.metrics),
        )

    def cancel(self) -> None:
        """Tell the handler that nobody wants its result any more; a coroutine is cancelled."""
        self.cancelled = self.durable.is_over = True
        if self.alarm is not None:
            self.alarm.set()
        # A coroutine that has not begun does not notice a cancellation; it looks when it begins.
        if self.running is not None and self.began is not None and not self.in_thread:
            self.running.cancel()


class Results(Protocol):
    """Where a handler finds what its task's dependencies gave; `AsyncTaskQueue` is one."""

    async def get_dependency_results(self, task_id: str) -> dict[str, JsonValue]: ...


class _Results(dict[str, JsonValue]):
    """Results of dependencies that may be awaited too."""

    def __await__(self) -> Generator[None, None, dict[str, JsonValue]]:
        yield from ()
        return self


class _Context:
    def __init__(self, job: Job, queue: Results, loop: asyncio.AbstractEventLoop) -> None:
        self._job = job
        self._queue = queue
        self._loop = loop

    @cached_property
    def logger(self) -> logging.LoggerAdapter[logging.Logger]:
        """Where the handler may write. Its records bear `task_id`, `attempt`, `workflow_id`,
        `agent_id` and `worker_id`."""
        logger = logger_of(f"graph_orch.task.{self.task.task_type}")
        return logging.LoggerAdapter(logger, self._job.about)

    @property
    def task(self) -> Task:
        """The task, as it was when it was claimed."""
        return self._job.claim.task

    @property
    def attempt(self) -> int:
        """Which try this is, from 1: the fencing token, to be passed to whatever takes one."""
        return self._job.claim.attempt

    @property
    def is_cancelled(self) -> bool:
        """Whether nobody wants the result: the task was cancelled or lost, or the worker ends."""
        return self._job.cancelled

    async def _inputs(self, types: Any) -> dict[str, Any]:
        return inputs_of(await self._job.durable.inputs(), types)

    def record(self, tokens: int = 0, cost: Decimal | float | str = 0, **metrics: Any) -> None:
        """Record what the work has used: of the same name, numbers are added up.

        It is told with the end of the try, however that ends, with each heartbeat and with
        each step: budgets pay for it also where the try fails, or its worker is killed. It becomes
        the task's `metrics`.
        What a step uses is recorded within its function: what stands beside a step runs again in
        the next try, and is counted again.

        Args:
            cost: Money, in the currency of the budgets; a float is rounded to a billionth.

        Raises:
            ValidationError: an amount is not acceptable.
            UnstorableResult: a metric has no form as JSON, or takes more than 1 MB.
        """
        given = Budget(tokens=tokens, cost=cost)
        with self._job.recording:
            kept = self._job.metrics
            if given.tokens:
                kept["tokens"] = cast(int, kept.get("tokens", 0)) + given.tokens
            if given.cost:
                kept["cost"] = float(Decimal(str(kept.get("cost", 0))) + given.cost)
            for name, value in metrics.items():
                before = kept.get(name)
                if isinstance(value, int | float) and isinstance(before, int | float):
                    value = before + value
                kept[name] = storable(value, f"metric {name!r}")  # a sum may be infinite

    def heartbeat(self, progress: float | None = None, message: str | None = None) -> None:
        """Say how far the work is (0 to 1), with a message; the next heartbeat sends both.

        The worker keeps the lease without this. A number below 0 counts as 0, one above 1 as 1;
        what is no number is logged and left out. 2,000 characters of the message are kept.
        """
        ratio, word = self._job.progress
        if progress is not None:
            number = number_of(progress)
            if number is None:
                said = text_of(progress)
                self.logger.warning("a progress of %.200s is no number from 0 to 1", said)
            else:
                ratio = min(max(number, 0.0), 1.0)
        if message is not None:
            word = storable_text(text_of(message), MOST_MESSAGE)
        self._job.progress = ratio, word


class Context(_Context):
    """What a plain handler is given.

    Where a plain function gave a coroutine, that may await what the methods give.
    """

    def __init__(self, job: Job, queue: Results, loop: asyncio.AbstractEventLoop) -> None:
        super().__init__(job, queue, loop)
        self._thread = threading.get_ident()
        self._alarm = job.alarm = threading.Event()  # in the loop's thread, as is `Job.cancel`
        if job.cancelled:
            self._alarm.set()

    def _wait(self, asked: Coroutine[Any, Any, T]) -> T:
        """What a coroutine of the worker's loop gives; in the loop's thread, the coroutine."""
        if threading.get_ident() == self._thread:  # to wait here would be to wait for oneself
            return cast(T, asked)
        return asyncio.run_coroutine_threadsafe(asked, self._loop).result()

    def results(self) -> dict[str, JsonValue]:
        """What the task's dependencies gave, by their ids."""
        found = self._wait(self._queue.get_dependency_results(self.task.task_id))
        return found if inspect.iscoroutine(found) else _Results(found)

    @overload
    def inputs(self, types: None = None) -> dict[str, JsonValue]: ...
    @overload
    def inputs(self, types: type[T]) -> dict[str, T]: ...
    @overload
    def inputs(self, types: Mapping[str, object]) -> dict[str, Any]: ...
    def inputs(self, types: Any = None) -> dict[str, Any]:
        """What the task's dependencies gave, by their names; by id where one has none.

        Args:
            types: A pydantic model, or another type that pydantic checks, which all of them are; or
                types by name, where the others stay as JSON.

        Raises:
            InputMismatch: One does not fit its type; the task fails for good.
        """
        return self._wait(self._inputs(types))

    def reserve(self, tokens: int = 0, cost: Decimal | float | str = 0) -> None:
        """Reserve more than was estimated, before it is used, in each budget that pays for it.

        Raises:
            BudgetExhaustedError: one has not enough left. A handler that lets it through ends its
                try, and nobody failed.
        """
        self._wait(self._job.durable.reserve(tokens, cost))

    def wait_cancelled(self, seconds: float) -> bool:
        """Sleep until the time is up or nobody wants the result any more; whether the latter."""
        return self._alarm.wait(seconds)

    def step(self, name: str, function: Callable[..., Any], *args: Any) -> Any:
        """Call a function once for this task, and give what it gave, in this try and later ones.

        What it gives is kept as JSON, and given as JSON. A later try of the task that comes to
        this place reads it. A function that raises keeps nothing. Places are told apart by name
        and order: a handler comes to them in the same order each time.

        Args:
            function: It is called with `args`; what can be awaited is awaited.

        Raises:
            UnstorableResult: the result has no form as JSON, or takes more than 1 MB: keep it
                elsewhere, and give a reference to it.
        """
        durable, key = self._job.durable, self._job.durable.key("step", name_of(name))
        if threading.get_ident() == self._thread:
            return _step(durable, key, function, args)
        was_kept, value = self._wait(durable.look(key))
        if was_kept:
            return value
        began = time.perf_counter()
        with at_step(key):
            value = function(*args)
            if inspect.isawaitable(value):
                value = self._wait(_awaited(value, key))
        return self._wait(durable.keep(key, value, began))

    def sleep(self, seconds: float) -> None:
        """Let the task rest for so long, without a slot; then its handler runs from its top.

        What ran before as a step is not run again. No retry is spent.
        """
        self._wait(self._job.durable.sleep(self._job.durable.key("sleep"), seconds))

    def approval(
        self,
        question: str,
        *,
        approvers: Sequence[str] = (),
        expires_seconds: float | None = None,
        default: GateDecision | str | None = None,
    ) -> Decision:
        """Ask a person to approve something, and give the decision, whatever it is.

        Until then the task waits at a gate, without a slot; see `gates.create` for the arguments.
        """
        return self._wait(
            self._job.durable.ask(
                self._job.durable.key("approval"),
                GateKind.APPROVAL,
                question,
                approvers,
                None,
                expires_seconds,
                default,
            )
        )

    def input(
        self,
        question: str,
        schema: Mapping[str, JsonValue] | None = None,
        *,
        approvers: Sequence[str] = (),
        expires_seconds: float | None = None,
    ) -> JsonValue:
        """Ask a person for something, and give the answer, which fits the JSON schema.

        Until then the task waits at a gate, without a slot; see `gates.create` for the arguments.

        Raises:
            InputRefused: it was rejected, or nobody answered in time.
        """
        key = self._job.durable.key("input")
        return self._wait(
            self._job.durable.input(key, question, schema, approvers, expires_seconds)
        )

    def gather(
        self, task_ids: Iterable[str], *, allow_failed: bool = False
    ) -> dict[str, JsonValue]:
        """What tasks gave, by their ids, once all have ended; until then the task waits.

        Args:
            allow_failed: Leave those out that failed or were cancelled.

        Raises:
            GatherFailed: one of them failed, or was cancelled.
            TaskNotFoundError: one does not exist.
        """
        return self._wait(self._job.durable.gather(task_ids, allow_failed=allow_failed))

    def spawn(
        self, tasks: Iterable[NewTask | Mapping[str, Any]], before: Iterable[str] = ()
    ) -> list[str]:
        """Create tasks with the end of this try, or with its suspension; their ids.

        They are created in that transaction, and never without it: a try that fails creates none,
        and one that is made again creates the same. They join the task's workflow; among their
        dependencies each may name others of them.

        Args:
            before: The ids of pending tasks that are to wait for them.

        Raises:
            ValidationError: one is not acceptable.
            DependencyNotFoundError: a dependency does not exist.
        """
        key = self._job.durable.key("spawn")
        return self._wait(self._job.durable.spawn(key, tasks, before))


class AsyncContext(_Context):
    """What a coroutine handler is given. It is cancelled when nobody wants its result."""

    async def results(self) -> dict[str, JsonValue]:
        """What the task's dependencies gave, by their ids."""
        return await self._queue.get_dependency_results(self.task.task_id)

    @overload
    async def inputs(self, types: None = None) -> dict[str, JsonValue]: ...
    @overload
    async def inputs(self, types: type[T]) -> dict[str, T]: ...
    @overload
    async def inputs(self, types: Mapping[str, object]) -> dict[str, Any]: ...
    async def inputs(self, types: Any = None) -> dict[str, Any]:
        """See `Context.inputs`."""
        return await self._inputs(types)

    async def reserve(self, tokens: int = 0, cost: Decimal | float | str = 0) -> None:
        """See `Context.reserve`."""
        await self._job.durable.reserve(tokens, cost)

    def step(self, name: str, function: Callable[..., Any], *args: Any) -> Coroutine[Any, Any, Any]:
        """See `Context.step`. A function that gives no coroutine runs in a thread.

        Steps may run side by side: their places are those of the calls.
        """
        key = self._job.durable.key("step", name_of(name))
        return _step(self._job.durable, key, function, args)

    async def sleep(self, seconds: float) -> None:
        """See `Context.sleep`."""
        await self._job.durable.sleep(self._job.durable.key("sleep"), seconds)

    async def approval(
        self,
        question: str,
        *,
        approvers: Sequence[str] = (),
        expires_seconds: float | None = None,
        default: GateDecision | str | None = None,
    ) -> Decision:
        """See `Context.approval`."""
        durable, kind = self._job.durable, GateKind.APPROVAL
        key = durable.key("approval")
        return await durable.ask(key, kind, question, approvers, None, expires_seconds, default)

    async def input(
        self,
        question: str,
        schema: Mapping[str, JsonValue] | None = None,
        *,
        approvers: Sequence[str] = (),
        expires_seconds: float | None = None,
    ) -> JsonValue:
        """See `Context.input`."""
        key = self._job.durable.key("input")
        return await self._job.durable.input(key, question, schema, approvers, expires_seconds)

    async def gather(
        self, task_ids: Iterable[str], *, allow_failed: bool = False
    ) -> dict[str, JsonValue]:
        """See `Context.gather`."""
        return await self._job.durable.gather(task_ids, allow_failed=allow_failed)

    async def spawn(
        self, tasks: Iterable[NewTask | Mapping[str, Any]], before: Iterable[str] = ()
    ) -> list[str]:
        """See `Context.spawn`."""
        return await self._job.durable.spawn(self._job.durable.key("spawn"), tasks, before)


async def _step(
    durable: Durable, key: str, function: Callable[..., Any], args: Sequence[Any]
) -> JsonValue:
    was_kept, value = await durable.look(key)
    if was_kept:
        return value
    async with durable.running(key):
        began = time.perf_counter()
        if is_coroutine_function(function):
            value = await function(*args)
        else:
            value = await in_thread(lambda _: function(*args), None)
            if inspect.isawaitable(value):
                value = await value
        return await durable.keep(key, value, began)


async def _awaited(value: Awaitable[T], key: str) -> T:
    with at_step(key):
        return await value
