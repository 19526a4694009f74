"""A lock of a file that the kernel drops when its process ends, and that says who holds it."""

from __future__ import annotations

import contextlib
import json
import os
import sys
import threading
import time
import weakref
from collections.abc import Callable
from datetime import datetime
from pathlib import Path
from typing import Self

from graph_orch.embedded.processes import arguments_of, is_stopped, lock_holders
from graph_orch.errors import LockHeldError

LOOK_EVERY_SECONDS = 0.05
STOPPED_SECONDS = 5.0
"""How long to wait for a process that is stopped: it may be told to go on."""
LONGEST_COMMAND = 200


class KernelLock:
    """A lock that one process holds, by flock(2). A child that is forked has no part in it.

    The kernel has such a lock until every descriptor of it is closed, or one process says that it
    is unlocked, be it a child that inherited it. So a child closes its copies as it is born, and
    says nothing; and who releases a lock unlocks it, as there may be copies on their way to exec.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        self._descriptor: int | None = None

    @property
    def is_ours(self) -> bool:
        """Whether this process holds it, through this object."""
        return self._descriptor is not None

    def try_acquire(self) -> bool:
        """Take it where it is free; whether it was."""
        with _changing:
            descriptor = os.open(self.path, os.O_RDWR | os.O_CREAT | os.O_NOFOLLOW, 0o600)
            if not _try_lock(descriptor, exclusive=True):
                os.close(descriptor)
                return False
            self._have(descriptor)
        self._sign()
        return True

    def acquire(self, seconds: float, purpose: str) -> Self:
        """Take it, waiting so long for whoever holds it; to be entered by `with`.

        Args:
            purpose: What it is wanted for, to be read after "cannot".

        Raises:
            LockHeldError: it was held all the time; says by whom, since when, and what to do.
        """
        self._wait(self.try_acquire, seconds, purpose)
        return self

    def release(self) -> None:
        """Give it back. Released twice is released."""
        with _changing:
            descriptor, self._descriptor = self._descriptor, None
            _ours.discard(self)
            if descriptor is not None:
                os.ftruncate(descriptor, 0)
                _unlock(descriptor)
                os.close(descriptor)

    @property
    def descriptor(self) -> int:
        """What a child needs to `take_over`; `abandon` it then."""
        assert self._descriptor is not None
        return self._descriptor

    def abandon(self) -> None:
        """Leave it to the child that has it now: close our copy, which unlocks nothing."""
        with _changing:
            descriptor, self._descriptor = self._descriptor, None
            _ours.discard(self)
            if descriptor is not None:
                os.close(descriptor)

    def take_over(self, descriptor: int) -> None:
        """Hold what the parent handed over."""
        os.set_inheritable(descriptor, False)
        with _changing:
            self._have(descriptor)
        self._sign()

    def is_held(self) -> bool:
        """Whether any process holds it. Looking makes others wait for a moment at most."""
        try:
            descriptor = os.open(self.path, os.O_RDONLY | os.O_NOFOLLOW)
        except FileNotFoundError:
            return False
        try:
            # Shared, so that two who look do not take each other for the holder.
            return not _try_lock(descriptor, exclusive=False)
        finally:
            os.close(descriptor)

    def wait_released(self, seconds: float, purpose: str) -> None:
        """Wait so long until nobody holds it; raises as `acquire` does."""
        self._wait(lambda: not self.is_held(), seconds, purpose)

    def _wait(self, condition: Callable[[], bool], seconds: float, purpose: str) -> None:
        began = time.monotonic()
        while not condition():
            waited = time.monotonic() - began
            pid = self._holder()[0] if waited > STOPPED_SECONDS else None
            if waited > seconds or (pid is not None and is_stopped(pid)):
                raise LockHeldError(f"cannot {purpose}: {self._held(waited)}")
            time.sleep(LOOK_EVERY_SECONDS)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.release()

    def __del__(self) -> None:
        if self._descriptor is not None:
            self.release()

    def _have(self, descriptor: int) -> None:
        self._descriptor = descriptor
        _ours.add(self)

    def _sign(self) -> None:
        """Say in the file who holds it."""
        assert self._descriptor is not None
        text = json.dumps({"pid": os.getpid(), "since": time.time()}).encode()
        with contextlib.suppress(OSError):  # a full disk: the lock is held all the same
            os.ftruncate(self._descriptor, 0)
            os.pwrite(self._descriptor, text, 0)

    def _holder(self) -> tuple[int | None, float | None]:
        """Who holds it and since when, as far as can be known."""
        holders = lock_holders(self.path)
        try:
            signed = json.loads(self.path.read_text(encoding="utf-8"))
            pid, since = int(signed["pid"]), float(signed["since"])
        except (OSError, ValueError, TypeError, KeyError):
            return next(iter(holders), None), None
        return (pid, since) if pid in holders or not holders else (holders[0], None)

    def _held(self, waited: float) -> str:
        pid, since = self._holder()
        if pid is None:
            return f"another process holds {self.path}, for {waited:.0f} s; end it and try again"
        words = " ".join(arguments_of(pid)).split()
        command = " ".join(words)[:LONGEST_COMMAND] or "of which no more is known"
        began = f" since {datetime.fromtimestamp(since):%Y-%m-%d %H:%M:%S}" if since else ""
        stopped = is_stopped(pid)
        state = " and is stopped" if stopped else ""
        mend = (
            f"let it go on (kill -CONT {pid}), or end it" if stopped else "wait for it, or end it"
        )
        return (
            f"process {pid} ({command}) holds {self.path}{began}{state}; waited "
            f"{waited:.0f} s: {mend} (kill -KILL {pid}), and try again"
        )


_ours: weakref.WeakSet[KernelLock] = weakref.WeakSet()
_changing = threading.RLock()
"""Held while locks change, and while the process forks, so that a child knows all it inherits."""


def _leave_to_the_parent() -> None:
    for lock in list(_ours):
        lock.abandon()
    _changing.release()


if hasattr(os, "register_at_fork"):
    os.register_at_fork(
        before=_changing.acquire,
        after_in_parent=_changing.release,
        after_in_child=_leave_to_the_parent,
    )


if sys.platform == "win32":

    def _try_lock(descriptor: int, *, exclusive: bool) -> bool:
        raise NotImplementedError("the embedded server runs on Linux and macOS")

    def _unlock(descriptor: int) -> None:
        raise NotImplementedError("the embedded server runs on Linux and macOS")

else:
    import fcntl

    def _try_lock(descriptor: int, *, exclusive: bool) -> bool:
        kind = fcntl.LOCK_EX if exclusive else fcntl.LOCK_SH
        try:
            fcntl.flock(descriptor, kind | fcntl.LOCK_NB)
        except BlockingIOError:
            return False
        return True

    def _unlock(descriptor: int) -> None:
        fcntl.flock(descriptor, fcntl.LOCK_UN)
