"""The heartbeats of a worker, from a thread of their own."""

from __future__ import annotations

import contextlib
import os
import socket
import threading
import time
from collections.abc import Callable, Sequence

from graph_orch._sync.claims import Claims
from graph_orch._sync.graph import Graph
from graph_orch.errors import OrchestrationError, StoreError
from graph_orch.logs import logger_of
from graph_orch.settings import Address
from graph_orch.store.signals import Ended
from graph_orch.worker.context import Job, WorkerSettings

END_SECONDS = 2.0
logger = logger_of("graph_orch.worker")


class Heart(threading.Thread):
    """Keeps the claims of a run, and records that the worker lives, from a thread of its own.

    It does nothing else, so that nothing holds up a heartbeat.
    """

    def __init__(
        self,
        settings: WorkerSettings,
        address: Address,
        held: Callable[[], tuple[list[Job], int]],
        lose: Callable[[Sequence[Ended]], None],
        task_types: Sequence[str] | None,
        schemas: str | None,
    ) -> None:
        super().__init__(name="graph-orch-heart", daemon=True)
        self._settings = settings
        self._address = address
        self._held = held
        self._lose = lose
        self._types = task_types
        self._schemas = schemas
        self._has_told = False
        self._ended = threading.Event()
        self._lingering = 0

    def run(self) -> None:
        graph: Graph | None = None
        while not self._ended.is_set():
            next_beat = time.monotonic() + self._settings.beat_seconds
            try:
                # A beat that is not answered is given up in time for another before the lease ends.
                graph = graph or Graph.at(self._address, self._settings.beat_seconds)
                self._beat(graph)
            except StoreError as error:
                logger.warning("a heartbeat was not heard: %s", error)
            except Exception:  # the leases of all tasks hang on this thread: it goes on
                logger.exception("a heartbeat failed")
            self._ended.wait(max(0.0, next_beat - time.monotonic()))
        if graph is not None:
            with contextlib.suppress(OrchestrationError):
                graph.write("workers/leave", worker_id=self._settings.worker_id)
            graph.close()

    def stop(self) -> None:
        """End the thread, and wait for that for a while."""
        self._ended.set()
        self.join(END_SECONDS)

    def _beat(self, graph: Graph) -> None:
        settings = self._settings
        jobs, lingering = self._held()
        if jobs:
            rows = Claims(graph).keep(settings.agent_id, [job.heartbeat() for job in jobs])
            lost = [(it["task_id"], it["attempt"], it["status"]) for it in rows if not it["kept"]]
            if lost:
                self._lose(lost)
        graph.write(
            "workers/beat",
            worker_id=settings.worker_id,
            agent_id=settings.agent_id,
            hostname=socket.gethostname(),
            pid=os.getpid(),
            concurrency=settings.concurrency,
            beat_seconds=settings.beat_seconds,
            task_types=self._types,
        )
        if settings.has_own_slots or (self._schemas and not self._has_told):
            graph.write(
                "workers/tell",
                worker_id=settings.worker_id,
                slots=settings.slots if settings.has_own_slots else None,
                schemas=self._schemas,
            )
            self._has_told = True
        if lingering != self._lingering:
            graph.write("workers/lingering", worker_id=settings.worker_id, lingering=lingering)
            self._lingering = lingering
