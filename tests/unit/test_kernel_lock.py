"""Locks that end with their process: who holds them, and what becomes of them in a fork."""

from __future__ import annotations

import fcntl
import os
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from graph_orch.embedded.kernel_lock import KernelLock
from graph_orch.errors import LockHeldError
from tests.waiting import eventually

HOLD = """
import sys
from pathlib import Path
from graph_orch.embedded.kernel_lock import KernelLock
lock = KernelLock(Path(sys.argv[1]))
assert lock.try_acquire()
print("held", flush=True)
sys.stdin.readline()
"""

FORK = """
import atexit, gc, os, sys
from pathlib import Path
from graph_orch.embedded.kernel_lock import KernelLock
lock = KernelLock(Path(sys.argv[1]))
assert lock.try_acquire()
atexit.register(lock.release)


def leave():
    with lock:
        pass

def drop():
    global lock
    del lock
    gc.collect()
    os._exit(0)

def again():
    assert not lock.is_ours
    assert not lock.try_acquire()
    lock.release()

def fail():
    raise ValueError("a child that fails")

ends = [lock.release, lock.abandon, leave, drop, again, fail, sys.exit, lambda: os._exit(1)]
sys.stderr = open(os.devnull, "w")
for end in ends:
    child = os.fork()
    if not child:
        end()
        sys.exit()
    os.waitpid(child, 0)
    print(KernelLock(lock.path).is_held() and lock.is_ours, flush=True)
if os.fork():
    if sys.stdin.readline() == "release\\n":
        lock.release()
    os._exit(0)
print(os.getpid(), flush=True)
import time
time.sleep(60)
"""

Start = Callable[..., subprocess.Popen[str]]


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "start.lock"


@pytest.fixture
def start(path: Path) -> Iterator[Start]:
    """Run one of the programs above on the lock."""
    processes: list[subprocess.Popen[str]] = []

    def run(program: str, *arguments: str) -> subprocess.Popen[str]:
        process = subprocess.Popen(
            [sys.executable, "-c", program, str(path), *arguments],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )
        processes.append(process)
        return process

    yield run
    for process in processes:
        process.kill()
        process.communicate()


def line(process: subprocess.Popen[str]) -> str:
    assert process.stdout is not None
    return process.stdout.readline().strip()


@pytest.mark.parametrize("how", ["release\n", "end\n"])
def test_a_forked_child_neither_drops_nor_keeps_its_parents_lock(path, start, how):
    parent = start(FORK)
    assert [line(parent) for _ in range(8)] == ["True"] * 8
    child = int(line(parent))
    assert KernelLock(path).is_held()
    parent.stdin.write(how)
    parent.stdin.flush()
    parent.wait()
    try:
        assert not KernelLock(path).is_held(), "the child that lives on has no part in it"
    finally:
        os.kill(child, signal.SIGKILL)


def test_a_stopped_holder_is_named_long_before_the_time_is_up(path, start, monkeypatch):
    monkeypatch.setattr("graph_orch.embedded.kernel_lock.STOPPED_SECONDS", 0.1)
    holder = start(HOLD)
    assert line(holder) == "held"
    holder.send_signal(signal.SIGSTOP)
    said = rf"cannot stop it: process {holder.pid} \(.*python.* holds .* and is stopped"
    with pytest.raises(LockHeldError, match=said) as raised:
        KernelLock(path).acquire(600, "stop it")
    assert f"kill -CONT {holder.pid}" in str(raised.value)
    holder.kill()
    with KernelLock(path).acquire(60, "stop it") as ours:  # the kernel took it from the dead
        assert ours.is_ours


def test_a_holder_that_works_on_is_named_when_the_time_is_up(path, start):
    holder = start(HOLD)
    assert line(holder) == "held"
    said = rf"process {holder.pid} \(.*\) holds .* since 2\d\d\d-.*wait for it, or end it"
    with pytest.raises(LockHeldError, match=said):
        KernelLock(path).acquire(0.1, "start it")
    with pytest.raises(LockHeldError, match=f"process {holder.pid}"):
        KernelLock(path).wait_released(0.1, "start it")


@pytest.mark.skipif(not Path("/proc/locks").exists(), reason="only Linux tells who holds a lock")
@pytest.mark.parametrize("text", ["", "not JSON", '{"pid": 1, "since": 0}', '{"pid": null}', "[]"])
def test_a_holder_that_did_not_sign_is_named(path, text):
    path.write_text(text)
    with path.open("r+") as other:
        fcntl.flock(other, fcntl.LOCK_EX)
        with pytest.raises(LockHeldError, match=f"process {os.getpid()} "):
            KernelLock(path).acquire(0.1, "start it")


def test_who_only_looks_is_taken_for_nobody(path):
    assert not KernelLock(path).is_held()
    assert not path.exists()
    path.touch()
    with path.open() as looking:
        fcntl.flock(looking, fcntl.LOCK_SH)
        assert not KernelLock(path).is_held()


def test_a_lock_is_handed_over_without_a_gap(path):
    lock = KernelLock(path)
    assert lock.try_acquire()
    child = subprocess.Popen(
        ["sh", "-c", "echo $$; read -r nothing"],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
        pass_fds=[lock.descriptor],
    )
    lock.abandon()
    lock.release()
    assert KernelLock(path).is_held()
    child.communicate("")
    assert eventually(lambda: not KernelLock(path).is_held(), 30)


def test_a_lock_that_is_forgotten_is_free(path):
    lock = KernelLock(path)
    assert lock.try_acquire()
    assert KernelLock(path).is_held()
    del lock
    assert not KernelLock(path).is_held()
    assert path.read_text() == ""
