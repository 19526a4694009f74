"""A handler of ten steps, killed at each of its lines: no step that was kept runs again, no child
is missing or doubled, nobody is asked twice. Where the server is killed: `test_server_killed`.
"""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from collections import Counter
from contextlib import contextmanager, suppress
from pathlib import Path

from graph_orch import NewTask, Orchestrator
from tests.faults.durable_process import CHILDREN, STEPS
from tests.faults.load import END_SECONDS

LINES = 43
"""A handler comes to so many lines in all of its tries."""


@contextmanager
def handlers(address, directory: Path, lines, *, kills: bool):
    uri, auth, database = address
    settings = {
        "uri": uri,
        "auth": auth,
        "database": database,
        "log": str(directory),
        "lines": list(lines),
        "kills": kills,
    }
    command = [sys.executable, "-m", "tests.faults.durable_process", json.dumps(settings)]
    process = subprocess.Popen(command, start_new_session=True)
    try:
        yield process
    finally:
        with suppress(ProcessLookupError):
            os.killpg(process.pid, signal.SIGKILL)
        process.wait()


def begin(orch: Orchestrator, lines) -> dict[int, str]:
    """A task of its own for each line."""
    tasks = [NewTask(content="", task_type=f"parent-{line}", max_retries=100) for line in lines]
    return dict(zip(lines, orch.tasks.create_tasks(tasks), strict=True))


def approve(orch: Orchestrator) -> None:
    for gate in orch.gates.list():
        orch.gates.decide(gate.gate_id, "approve", by="boss")


def judge(orch: Orchestrator, directory: Path, parents: dict[int, str]) -> None:
    """What must hold, however often anything was killed."""
    for line, parent in parents.items():
        done = orch.tasks.get_task(parent)
        log = (directory / f"{line}.txt").read_text(encoding="utf-8").splitlines()
        children = orch.tasks.query_tasks({"task_type": f"child-{line}"})
        assert done.status == "completed", (line, done.error_message)
        assert Counter(it.status for it in children) == {"completed": CHILDREN + 1}, line
        assert set(done.result) <= {it.task_id for it in children}, line
        assert len(done.result) == CHILDREN, line
        kept = set()
        for entry in log:
            what, _, number = entry.partition(" ")
            if what == "kept":
                kept.add(number)
            assert what != "ran" or number not in kept, (line, entry)
        assert len(kept) == STEPS, line
        steps = orch.tasks.get_steps(parent)
        assert [it.result for it in steps if it.key.startswith("step:")] == list(range(STEPS))
    questions = Counter(it.question for it in orch.gates.list("approved"))
    assert questions == {f"line {line}?": 1 for line in parents}
    assert orch.gates.list() == []
    assert orch.doctor().findings == []


def test_the_worker_is_killed_at_each_line(orch, server, tmp_path):
    lines = range(1, LINES + 1)
    parents = begin(orch, lines)
    with handlers(server, tmp_path, lines, kills=True) as process:
        until = time.monotonic() + END_SECONDS
        while process.poll() is None and time.monotonic() < until:
            approve(orch)
            time.sleep(0.2)
        assert process.poll() == 0
    killed = [line for line in lines if "killed" in (tmp_path / f"{line}.txt").read_text()]
    assert killed == list(lines)
    judge(orch, tmp_path, parents)
