"""The Celery application: imported by the producing side, and run by the worker's process.

`celery -A benchmarks.peers.celery_tasks worker` reads both variables from its environment.
"""

import importlib
import os
from functools import cache
from typing import Any

celery: Any = importlib.import_module("celery")  # it ships no types
signals: Any = importlib.import_module("celery.signals")

BROKER = "GRAPH_ORCH_PEER_BROKER"
REPORT = "GRAPH_ORCH_PEER_REPORT"
QUEUE = "benchmark"
READY = b"ready"


def application(broker: str) -> Any:
    """An app on that broker whose results are ignored, all else as Celery ships."""
    made = celery.Celery("peers", broker=broker, set_as_current=False)
    made.conf.update(task_ignore_result=True, task_default_queue=QUEUE)
    made.task(name="benchmark")(benchmark)
    return made


def benchmark(number: int) -> None:
    _report(b"%d" % number)


def _report(line: bytes) -> None:
    """One write below PIPE_BUF, so whole, from whichever process or thread of the pool."""
    os.write(_pipe(), line + b"\n")


@cache
def _pipe() -> int:
    return os.open(os.environ[REPORT], os.O_WRONLY)


def _ready(**_: Any) -> None:
    _report(READY)


if BROKER in os.environ:
    app = application(os.environ[BROKER])
    signals.worker_ready.connect(_ready)
