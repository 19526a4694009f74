"""A worker: what it is told, and its life."""

from __future__ import annotations

import asyncio
import contextlib
import os
import signal
import socket
import threading
from collections.abc import Callable, Generator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from types import MappingProxyType
from typing import Any, Literal, TypeVar, cast, overload
from uuid import uuid4

from pydantic import JsonValue

from graph_orch._async.agents import AsyncAgentRegistry
from graph_orch._async.orchestrator import AsyncOrchestrator
from graph_orch._sync.orchestrator import Orchestrator
from graph_orch.domain.fields import LABELS, LEASE, LIMIT, NAME, NEW_NAME, NEW_NAMES, SECONDS, SLOTS
from graph_orch.domain.models import CircuitBreaker
from graph_orch.errors import AlreadyRunningError, ValidationError, describe
from graph_orch.logs import logger_of
from graph_orch.worker.context import Handler, WorkerSettings
from graph_orch.worker.handlers import refuse_unusable
from graph_orch.worker.run import ABORT_SECONDS, Run
from graph_orch.worker.sharing import shared
from graph_orch.worker.trying import ANY
from graph_orch.worker.typed import Types

H = TypeVar("H", bound=Handler)
T = TypeVar("T", bound=Callable[..., Any])
logger = logger_of("graph_orch.worker")


class Worker:
    """Claims an agent's tasks and runs handlers on them until it is told to stop."""

    def __init__(
        self,
        orch: Orchestrator | AsyncOrchestrator | None,
        agent_id: str,
        capabilities: Sequence[str],
        concurrency: int = 10,
        *,
        lease_seconds: float = 30,
        grace_seconds: float = 30,
        prefetch: int = 0,
        claim_spread: int = 1,
        metadata: dict[str, JsonValue] | None = None,
        worker_id: str | None = None,
        circuit_breaker: CircuitBreaker | None = None,
        slots: Literal["per_agent", "per_process"] = "per_agent",
        labels: Sequence[str] | None = None,
    ) -> None:
        """A worker for an agent, which it registers when it runs.

        Args:
            orch: Where the tasks are; the worker makes connections of its own to the same place,
                and shares them with the other workers of its event loop. None: where the settings
                say, as for `Orchestrator.connect()`, from when it runs.
            concurrency: How many handlers run at once.
            lease_seconds: How long a claim outlives this process; it is kept by a beat every third
                of that.
            grace_seconds: How long running handlers may go on after SIGTERM, and, where this is the
                last worker of its event loop at this store, webhooks that are being sent and
                functions of triggers.
            prefetch: How many tasks to hold beyond those that run.
            claim_spread: See `TaskQueue`.
            circuit_breaker: When the agent is paused because it keeps failing; None: as it was set.
            slots: "per_agent": the agent has `concurrency + prefetch` slots, which all processes
                that work as this agent share. "per_process": each process brings so many, and the
                agent has those of all that live. All workers of an agent say the same.
            labels: What the agent is besides, such as "region=eu", see `register_agent`; None: as
                it was. They are its agent's: workers of several regions work as several agents.
        """
        places = SLOTS.of("concurrency", concurrency)
        if slots not in ("per_agent", "per_process"):
            raise ValidationError(f"slots: {slots!r:.100} is not per_agent or per_process")
        unique = f"{socket.gethostname()[:100]}-{os.getpid()}-{uuid4()}"
        self._address = None if orch is None else orch.graph.address
        self.settings = WorkerSettings(
            agent_id=NEW_NAME.of("agent_id", agent_id),
            worker_id=NEW_NAME.of("worker_id", worker_id or unique),
            concurrency=places,
            slots=SLOTS.of("prefetch", places + prefetch),
            lease_seconds=LEASE.of("lease_seconds", lease_seconds) or 30.0,
            grace_seconds=SECONDS.of("grace_seconds", grace_seconds) or 0.0,
            spread=LIMIT.of("claim_spread", claim_spread),
            has_own_slots=slots == "per_process",
        )
        self._capabilities = NEW_NAMES.of("capabilities", capabilities)
        self._metadata = metadata
        self._labels = None if labels is None else LABELS.of("labels", labels)
        self._breaker = None
        if circuit_breaker is not None:
            self._breaker = CircuitBreaker.parsed("circuit_breaker", circuit_breaker)
        self._handlers: dict[str, Handler] = {}
        self._types: dict[str, Types] = {}
        self._run: Run | None = None
        self._starting: asyncio.Future[Run] | None = None
        self._serving = self._stopping = self._has_ended = False

    @property
    def agent_id(self) -> str:
        """The agent that it works for."""
        return self.settings.agent_id

    @property
    def worker_id(self) -> str:
        """Which process it is, as `graph-orch workers` shows it."""
        return self.settings.worker_id

    @property
    def handlers(self) -> Mapping[str, Handler]:
        """The handlers by task type; that of "*" is every other type's."""
        return MappingProxyType(self._handlers)

    @overload
    def task(
        self, task_type: str = ANY, *, input: None = None, output: object = None
    ) -> Callable[[H], H]: ...

    @overload
    def task(
        self, task_type: str = ANY, *, input: object, output: object = None
    ) -> Callable[[T], T]: ...

    @overload
    def task(self, task_type: H) -> H: ...

    def task(
        self, task_type: str | Any = ANY, *, input: object = None, output: object = None
    ) -> Any:
        """Decorate the handler of a task type; without one, of every type that has no other.

        A coroutine function runs in the event loop, any other in a thread; what it returns is
        awaited where it can be. Only tasks that have a handler are claimed.

        Args:
            input: A pydantic model, or another type that pydantic checks. The content of the task
                is JSON of it, and the handler's second argument. Content that does not fit fails
                the task for good, with an error that names the field.
            output: The type of the result, in the same way.

        Raises:
            ValidationError: it cannot be a handler, or the type has one already.
        """
        if callable(task_type):  # `@worker.task`, without parentheses
            return self._register(ANY, task_type, Types.of(None, None))
        name, types = NAME.of("task_type", task_type), Types.of(input, output)

        def register(handler: Callable[..., Any]) -> Callable[..., Any]:
            return self._register(name, handler, types)

        return register

    def schemas(self) -> dict[str, dict[str, JsonValue]]:
        """JSON schemas of typed handlers: by task type `input`, the content, and `output`."""
        return {name: found for name, it in self._types.items() if (found := it.schemas())}

    def _register(self, name: str, handler: T, types: Types) -> T:
        refuse_unusable(name, handler, takes_input=types.takes is not None)
        if name in self._handlers:
            raise ValidationError(f"the task type {name!r} has a handler already")
        is_typed = types.takes is not None or types.gives is not None
        called = cast(Handler, handler)
        self._handlers[name] = types.wrap(called) if is_typed else called
        self._types[name] = types
        return handler

    def run(self, *, until_idle: bool = False) -> None:
        """Work until SIGTERM, SIGINT or `stop()`; then drain. Owns an event loop meanwhile.

        In another thread than the main one, signals are left alone. It may be called again after
        its end.

        Args:
            until_idle: End when nothing is ready for it and nothing that it began is left. What
                waits for its time, for a gate or for another agent does not keep it.

        Raises:
            ValidationError: there is no handler; or an event loop runs here: await `serve()`.
            AlreadyRunningError: this worker is at work.
        """
        with contextlib.suppress(RuntimeError):
            asyncio.get_running_loop()
            raise ValidationError(
                "worker.run() cannot be called where an event loop runs: await worker.serve()"
            )
        self._has_ended = self._has_ended and self._serving
        in_main = threading.current_thread() is threading.main_thread()
        with _own_loop() as loop:
            serving = loop.create_task(self.serve(handle_signals=in_main, until_idle=until_idle))
            while True:
                try:
                    return loop.run_until_complete(serving)
                except (KeyboardInterrupt, SystemExit) as error:
                    # asyncio lets these two through out of any of its tasks: a handler's, since
                    # signals are handled otherwise. They fail what awaits that task, no more.
                    if self._run is None or serving.done():
                        raise
                    logger.warning("a task that a handler made raised %s", describe(error))

    async def serve(self, *, handle_signals: bool = False, until_idle: bool = False) -> None:
        """Work in the running event loop until `stop()` or until it is cancelled; then drain.

        Draining starts nothing new, lets what runs go on for `grace_seconds`, and gives back the
        rest: no retry is spent. Where it is cancelled, there is no such grace.

        Args:
            handle_signals: SIGTERM and SIGINT stop it.
            until_idle: See `run`.

        Raises:
            ValidationError: no handler is registered.
            AlreadyRunningError: this worker is at work.
        """
        if not self._handlers:
            raise ValidationError("the worker has no handler: decorate one with @worker.task(…)")
        if self._serving:
            raise AlreadyRunningError(
                f"worker {self.worker_id!r} is at work; stop() it first, or make another Worker"
            )
        self._serving, self._has_ended = True, False
        try:
            with _signals(self.stop) if handle_signals else contextlib.nullcontext():
                if not self._stopping:
                    await self._serve(until_idle)
        finally:
            self._run = self._starting = None
            self._serving = self._stopping = False
            self._has_ended = True

    async def _serve(self, until_idle: bool) -> None:
        async with contextlib.AsyncExitStack() as stack:
            self._starting = asyncio.ensure_future(self._start(stack, until_idle))
            try:
                self._run = await self._starting
            except asyncio.CancelledError:
                if self._stopping:  # stop() ended the start, which may take long
                    return
                raise
            if self._stopping:
                self._run.stop()
            await self._run.work()

    async def _start(self, stack: contextlib.AsyncExitStack, until_idle: bool) -> Run:
        settings = self.settings
        address = self._address
        if address is None:
            orch = await stack.enter_async_context(AsyncOrchestrator.connect())
            address = orch.graph.address
        place = shared(address, settings.spread, settings.beat_seconds, self._grace_left)
        store = await stack.enter_async_context(place)
        agents = AsyncAgentRegistry(store.graph)
        await agents.register_agent(
            settings.agent_id,
            self._capabilities,
            self._metadata,
            max_concurrent_tasks=None if settings.has_own_slots else settings.slots,
            labels=self._labels,
        )
        if self._breaker is not None:
            await agents.set_circuit_breaker(settings.agent_id, self._breaker)
        types = [repr(name) for name in sorted(self._handlers) if name != ANY]
        if ANY in self._handlers:
            types = ["all types"] if not types else [*types, "and all other types"]
        logger.info(
            "worker %s works as agent %r on %s; it handles %s, %d at once",
            *(settings.worker_id, settings.agent_id, address, ", ".join(types)),
            settings.concurrency,
        )
        return Run(settings, store, self._handlers, schemas=self.schemas(), ends_idle=until_idle)

    def _grace_left(self) -> float:
        return 0.0 if self._run is None else self._run.grace_left()

    def stop(self) -> None:
        """Drain, and end; asked twice, end at once. Safe from any thread and signal handler.

        Before the worker has begun it does not begin; after it has ended this does nothing.
        """
        if self._has_ended:
            return
        again, self._stopping = self._stopping, True
        run, starting = self._run, self._starting
        with contextlib.suppress(RuntimeError):  # its loop has ended meanwhile
            if run is not None:
                run.loop.call_soon_threadsafe(run.abort if again else run.stop)
            elif starting is not None:
                starting.get_loop().call_soon_threadsafe(starting.cancel)


@contextlib.contextmanager
def _own_loop() -> Generator[asyncio.AbstractEventLoop]:
    """An event loop, which is closed though a task heeds no cancelling, as a handler's may."""
    loop, executor = asyncio.new_event_loop(), ThreadPoolExecutor(thread_name_prefix="graph-orch")
    loop.set_default_executor(executor)
    try:
        yield loop
    finally:
        if left := asyncio.all_tasks(loop):
            for task in left:
                task.cancel()
            loop.run_until_complete(asyncio.wait(left, timeout=ABORT_SECONDS))
        loop.run_until_complete(loop.shutdown_asyncgens())
        executor.shutdown(wait=False, cancel_futures=True)
        loop.close()


@contextlib.contextmanager
def _signals(stop: Callable[[], None]) -> Generator[None]:
    """Stop on SIGTERM and SIGINT while the block runs."""
    loop = asyncio.get_running_loop()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, stop)
    try:
        yield
    finally:
        for number in (signal.SIGTERM, signal.SIGINT):
            loop.remove_signal_handler(number)
