"""The heartbeats of a worker, from a thread of their own."""

from __future__ import annotations

import contextlib
import logging
import os
import socket
import threading
from collections.abc import Callable, Sequence

from graph_orch._sync.graph import Graph
from graph_orch._sync.tasks import TaskQueue
from graph_orch.errors import StoreError
from graph_orch.lifecycle import TaskStatus
from graph_orch.worker.context import Job, WorkerSettings

Lost = tuple[str, int, str]
"""A claim that holds no more: task_id, attempt, and what the task is now."""
END_SECONDS = 2.0
logger = logging.getLogger("graph_orch.worker")


class Heart(threading.Thread):
    """Keeps the claims of a run, and says that the worker lives, from a thread of its own."""

    def __init__(
        self,
        settings: WorkerSettings,
        jobs: Callable[[], list[Job]],
        lose: Callable[[list[Lost]], None],
        task_types: Sequence[str] | None,
    ) -> None:
        super().__init__(name="graph-orch-heart", daemon=True)
        self._settings = settings
        self._jobs = jobs
        self._lose = lose
        self._types = task_types
        self._seconds = settings.lease_seconds / 3
        self._ended = threading.Event()

    def run(self) -> None:
        graph: Graph | None = None
        while not self._ended.is_set():
            try:
                # What is not answered is given up in time for another beat before the lease ends.
                graph = graph or Graph.at(self._settings.address, self._settings.lease_seconds / 3)
                self._beat(graph)
            except StoreError as error:
                logger.warning("a heartbeat was not heard: %s", error)
            self._ended.wait(self._seconds)
        if graph is not None:
            with contextlib.suppress(StoreError):
                graph.write("workers/leave", worker_id=self._settings.worker_id)
            graph.close()

    def stop(self) -> None:
        """End, and wait for it a while."""
        self._ended.set()
        self.join(END_SECONDS)

    def _beat(self, graph: Graph) -> None:
        settings, queue = self._settings, TaskQueue(graph)
        if jobs := self._jobs():
            said = {job.claim.task_id: job.progress for job in jobs}
            rows = queue.heartbeat_all([job.claim for job in jobs], said)
            lost = [
                (row["task_id"], row["attempt"], row["status"] or "gone")
                for row in rows
                if not row["kept"] and row["status"] != TaskStatus.COMPLETED
            ]
            if lost:
                self._lose(lost)
        graph.write(
            "workers/beat",
            worker_id=settings.worker_id,
            agent_id=settings.agent_id,
            hostname=socket.gethostname(),
            pid=os.getpid(),
            concurrency=settings.concurrency,
            beat_seconds=self._seconds,
            task_types=self._types,
        )
        queue.wake(1)
