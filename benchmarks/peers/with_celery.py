"""Celery with Redis: a real worker process, whose handlers report through a named pipe.

The worker is up before the tasks are created, and is then told to consume their queue. It hears
that only when its blocking read of the queues it has returns, up to a second later, so draining is
timed from the first report of a handler to the last: in Celery's favour by one task.
"""

import os
import select
import subprocess
import sys
import tempfile
import time
from collections.abc import Generator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from importlib.metadata import version
from pathlib import Path
from typing import Any, Self

import redis

from benchmarks.peers.celery_tasks import BROKER, QUEUE, READY, REPORT, application
from benchmarks.peers.lifecycle import DEADLINE, Lifecycle, Plan, Tally, check
from benchmarks.peers.redis import DURABILITY, Redis
from benchmarks.peers.server import HOST, READY_SECONDS, end

SETTLE_SECONDS = 5.0
ROOT = Path(__file__).parents[2]


class CeleryPeer:
    name = "Celery + Redis"
    durability = DURABILITY
    batches = False  # it documents none: a group sends its messages one by one

    def __init__(self) -> None:
        self._server = Redis()

    @property
    def version(self) -> str:
        return version("celery")

    def start(self) -> None:
        self._server.start()

    def stop(self) -> None:
        self._server.stop()

    def __enter__(self) -> Self:
        self.start()
        return self

    def __exit__(self, *_: object) -> None:
        self.stop()

    def lifecycle(self, tasks: int, workers: int, batch: int | None = None) -> Lifecycle:
        if batch is not None:
            raise ValueError("Celery documents no batches: call lifecycle() without batch")
        plan, tally = Plan(tasks, workers), Tally(tasks)
        store = redis.Redis(HOST, self._server.port)
        store.flushdb()  # pyright: ignore[reportUnknownMemberType] - its options are untyped
        app = application(self._server.url)
        app.conf.broker_pool_limit = workers + 2  # one each, and for control; it ships with ten
        with _worker(self._server.url, workers) as reports:
            created = _create(app, plan)
            app.control.add_consumer(QUEUE)
            drained = _drain(reports, tally)
            left = _settled(store)
        reports.collect(tally)  # what ran after the last distinct task: duplicates
        app.close()
        store.close()
        check(plan, tally, tasks - left, self.name)
        return Lifecycle(tasks, created, drained, tally.done, tally.duplicates)


def _create(app: Any, plan: Plan) -> float:
    """Seconds to send each task by itself; Celery's sending is blocking, hence threads."""
    task = app.tasks["benchmark"]
    with ThreadPoolExecutor(plan.workers) as producers:
        started = time.perf_counter()
        for _ in producers.map(task.delay, range(plan.tasks)):
            pass
        return time.perf_counter() - started


def _drain(reports: "_Reports", tally: Tally) -> float:
    deadline = time.monotonic() + DEADLINE
    first = None
    while not tally.complete.is_set():
        if not reports.wait(deadline - time.monotonic()):
            raise TimeoutError(f"Celery + Redis: {tally.done} tasks done after {DEADLINE:.0f} s")
        now = time.perf_counter()
        first = first or now
        reports.collect(tally)
    return time.perf_counter() - (first or 0.0)


def _settled(store: redis.Redis) -> int:
    """Messages still in the store once the last acknowledgements, which trail, have arrived."""
    deadline = time.monotonic() + SETTLE_SECONDS
    while left := store.llen(QUEUE) + store.hlen("unacked"):
        if time.monotonic() > deadline:
            break
        time.sleep(0.01)  # between two looks at the condition
    return left


@contextmanager
def _worker(broker: str, workers: int) -> Generator["_Reports"]:
    """A worker process that is up and consumes no queue of tasks yet; ended on leaving.

    Raises RuntimeError with the end of its log when it does not come up.
    """
    with tempfile.TemporaryDirectory(prefix="graph-orch-peer-") as name:
        pipe, log = Path(name, "reports"), Path(name, "log")
        reports = _Reports(pipe)
        process = _launch(broker, workers, pipe, log)
        try:
            if not reports.wait(READY_SECONDS) or reports.lines() != [READY]:
                raise RuntimeError(f"Celery's worker did not start: {log.read_text()[-2000:]}")
            yield reports
        finally:
            end(process)


def _pool(workers: int) -> str:
    """The fastest for tasks that do nothing, measured on two cores.

    One worker: solo 750-1000 tasks/s, prefork 550-750, threads 570-660. Sixteen: prefork 540-690,
    threads 520-630. Prefork is also what Celery ships with; solo has no concurrency.
    """
    return "solo" if workers == 1 else "prefork"


def _launch(broker: str, workers: int, pipe: Path, log: Path) -> "subprocess.Popen[bytes]":
    worker = ["worker", "--pool", _pool(workers), "--concurrency", str(workers), "--queues", "idle"]
    alone = ["--without-gossip", "--without-mingle"]  # there is no other worker to hear of
    module = ["-m", "celery", "-A", "benchmarks.peers.celery_tasks"]
    environment = {BROKER: broker, REPORT: str(pipe), "PYTHONPATH": str(ROOT)}
    with log.open("wb") as output:
        return subprocess.Popen(
            [sys.executable, *module, *worker, *alone],
            cwd=pipe.parent,
            env={**os.environ, **environment},
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=output,
            start_new_session=True,
        )


class _Reports:
    """The reading end of the pipe, one line a report."""

    def __init__(self, pipe: Path) -> None:
        os.mkfifo(pipe)
        # Open for writing too, so that a moment without writers is not the end of the file
        self._file = os.open(pipe, os.O_RDWR | os.O_NONBLOCK)
        self._rest = b""

    def wait(self, seconds: float) -> bool:
        return bool(select.select([self._file], [], [], max(seconds, 0))[0])

    def lines(self) -> list[bytes]:
        """What has come so far; empty when nothing has."""
        try:
            self._rest += os.read(self._file, 1 << 16)
        except BlockingIOError:
            return []
        *lines, self._rest = self._rest.split(b"\n")
        return lines

    def collect(self, tally: Tally) -> None:
        for line in self.lines():
            tally.count(int(line))
