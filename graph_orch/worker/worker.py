"""A worker: what it is told, and its life."""

from __future__ import annotations

import asyncio
import contextlib
import os
import signal
import socket
import threading
from collections.abc import Callable, Generator, Sequence
from uuid import uuid4

from pydantic import JsonValue

from graph_orch._async.agents import AsyncAgentRegistry
from graph_orch._async.orchestrator import AsyncOrchestrator
from graph_orch._sync.orchestrator import Orchestrator
from graph_orch.checks import LEASE, NAME, NAMES, SECONDS, SLOTS
from graph_orch.errors import ValidationError
from graph_orch.worker.context import Handler, WorkerSettings
from graph_orch.worker.run import ANY, Run
from graph_orch.worker.sharing import shared_graph


class Worker:
    """Claims an agent's tasks and runs handlers on them until it is told to stop."""

    def __init__(
        self,
        orch: Orchestrator | AsyncOrchestrator,
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
    ) -> None:
        """A worker for an agent, which it registers when it runs.

        Args:
            orch: Where the tasks are; the worker makes connections of its own to the same place,
                and shares them with the other workers of its event loop.
            concurrency: How many handlers run at once.
            lease_seconds: How long a claim outlives this process; it is kept by a beat every third
                of that.
            grace_seconds: How long running handlers may go on after SIGTERM.
            prefetch: How many tasks to hold beyond those that run. The agent has
                `concurrency + prefetch` slots.
            claim_spread: See `TaskQueue`.
        """
        slots = SLOTS.of("concurrency", concurrency)
        unique = f"{socket.gethostname()[:100]}-{os.getpid()}-{uuid4()}"
        self.settings = WorkerSettings(
            address=orch.graph.address,
            agent_id=NAME.of("agent_id", agent_id),
            worker_id=NAME.of("worker_id", worker_id or unique),
            concurrency=slots,
            slots=SLOTS.of("prefetch", slots + prefetch),
            lease_seconds=LEASE.of("lease_seconds", lease_seconds) or 30.0,
            grace_seconds=SECONDS.of("grace_seconds", grace_seconds) or 0.0,
            spread=claim_spread,
        )
        self._capabilities = NAMES.of("capabilities", capabilities)
        self._metadata = metadata
        self._handlers: dict[str, Handler] = {}
        self._run: Run | None = None
        self._stopping = False

    @property
    def agent_id(self) -> str:
        """The agent that it works for."""
        return self.settings.agent_id

    @property
    def worker_id(self) -> str:
        """Which process it is, as `graph-orch workers` shows it."""
        return self.settings.worker_id

    def task(self, task_type: str = ANY) -> Callable[[Handler], Handler]:
        """Decorate the handler of a task type; without one, of every type that has no other.

        Only tasks that have a handler are claimed.
        """
        name = NAME.of("task_type", task_type)

        def register(handler: Handler) -> Handler:
            if name in self._handlers:
                raise ValidationError(f"the task type {name!r} has a handler already")
            self._handlers[name] = handler
            return handler

        return register

    def run(self) -> None:
        """Work until SIGTERM, SIGINT or `stop()`; then drain. Owns an event loop meanwhile.

        In another thread than the main one, signals are left alone.
        """
        in_main = threading.current_thread() is threading.main_thread()
        asyncio.run(self.serve(handle_signals=in_main))

    async def serve(self, *, handle_signals: bool = False) -> None:
        """Work in the running event loop until `stop()`, then drain.

        Draining starts nothing new, lets what runs go on for `grace_seconds`, and gives back the
        rest: no retry is spent.

        Raises:
            ValidationError: no handler is registered.
        """
        if not self._handlers:
            raise ValidationError("the worker has no handler: decorate one with @worker.task(…)")
        async with shared_graph(self.settings.address) as graph:
            registry = AsyncAgentRegistry(graph)
            await registry.register_agent(
                self.settings.agent_id,
                self._capabilities,
                self._metadata,
                max_concurrent_tasks=self.settings.slots,
            )
            self._run = Run(self.settings, graph, self._handlers)
            if self._stopping:
                self._run.stop()
            try:
                with _signals(self.stop) if handle_signals else contextlib.nullcontext():
                    await self._run.work()
            finally:
                self._run = None

    def stop(self) -> None:
        """Drain, and end; asked twice, end at once. Safe from any thread and signal handler."""
        again, self._stopping = self._stopping, True
        run = self._run
        if run is not None:
            run.loop.call_soon_threadsafe(run.abort if again else run.stop)


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
