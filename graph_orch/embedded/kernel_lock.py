"""File locks that the kernel releases when their process ends, and that name their holder."""

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

if sys.platform != "win32":
    import fcntl

POLL_SECONDS = 0.05
STOPPED_SECONDS = 5.0
"""How long to wait for a holder that is suspended, as somebody may let it go on."""
LONGEST_COMMAND = 200
"""Characters of the holder's command line that an error shows."""


class KernelLock:
    """A lock that one process holds, by flock(2), and that a forked child does not share.

    The kernel keeps such a lock until every copy of its descriptor is closed or one process unlocks
    it, even a child that inherited it. So a forked child closes its copies at once and unlocks
    nothing, and `release` unlocks before it closes, as a child that has not reached exec yet may
    hold a copy.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        self._descriptor: int | None = None

    @property
    def is_ours(self) -> bool:
        """Whether this process holds the lock through this object."""
        return self._descriptor is not None

    def try_acquire(self) -> bool:
        """Take the lock if it is free; False where another holds it."""
        with _changing:
            descriptor = os.open(self.path, os.O_RDWR | os.O_CREAT | os.O_NOFOLLOW, 0o600)
            if not _try_lock(descriptor, exclusive=True):
                os.close(descriptor)
                return False
            self._have(descriptor)
        self._sign()
        return True

    def acquire(self, seconds: float, purpose: str) -> Self:
        """Take the lock, waiting at most `seconds` for its holder; use the result in `with`.

        Args:
            purpose: What the caller does, as a verb phrase that follows "cannot" in the error.

        Raises:
            LockHeldError: It was held all the time; the message says by whom, since when, and
                what to do.
        """
        self._wait(self.try_acquire, seconds, purpose)
        return self

    def acquire_unless(self, is_needless: Callable[[], bool], seconds: float, purpose: str) -> bool:
        """Take the lock as `acquire` does, or return False once `is_needless` while it is held."""
        self._wait(lambda: self.try_acquire() or is_needless(), seconds, purpose)
        return self.is_ours

    def release(self) -> None:
        """Release the lock. A second call does nothing."""
        with _changing:
            descriptor, self._descriptor = self._descriptor, None
            _ours.discard(self)
            if descriptor is not None:
                os.ftruncate(descriptor, 0)
                fcntl.flock(descriptor, fcntl.LOCK_UN)
                os.close(descriptor)

    @property
    def descriptor(self) -> int:
        """The descriptor for a child's `take_over`; call `abandon` once the child has it."""
        assert self._descriptor is not None
        return self._descriptor

    def abandon(self) -> None:
        """Leave the lock to a child that inherited it: close our copy without unlocking."""
        with _changing:
            descriptor, self._descriptor = self._descriptor, None
            _ours.discard(self)
            if descriptor is not None:
                os.close(descriptor)

    def take_over(self, descriptor: int) -> None:
        """Hold the lock whose descriptor the parent handed over."""
        os.set_inheritable(descriptor, False)
        with _changing:
            self._have(descriptor)
        self._sign()

    def is_held(self) -> bool:
        """Whether any process holds the lock. The look delays others for a moment at most."""
        try:
            descriptor = os.open(self.path, os.O_RDONLY | os.O_NOFOLLOW)
        except FileNotFoundError:
            return False
        try:
            # The lock is tried in shared mode, so that two that look at once do not see each other
            # as its holder.
            return not _try_lock(descriptor, exclusive=False)
        finally:
            os.close(descriptor)

    def wait_released(self, seconds: float, purpose: str) -> None:
        """Wait at most `seconds` until nobody holds the lock; raises as `acquire` does."""
        self._wait(lambda: not self.is_held(), seconds, purpose)

    def _wait(self, condition: Callable[[], bool], seconds: float, purpose: str) -> None:
        began = time.monotonic()
        while not condition():
            waited = time.monotonic() - began
            pid = self._holder()[0] if waited > STOPPED_SECONDS else None
            if waited > seconds or (pid is not None and is_stopped(pid)):
                raise LockHeldError(f"cannot {purpose}: {self._holder_and_mend(waited)}")
            time.sleep(POLL_SECONDS)

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
        """Write into the file who holds the lock, and since when."""
        assert self._descriptor is not None
        text = json.dumps({"pid": os.getpid(), "since": time.time()}).encode()
        with contextlib.suppress(OSError):  # on a full disk the lock is held all the same
            os.ftruncate(self._descriptor, 0)
            os.pwrite(self._descriptor, text, 0)

    def _holder(self) -> tuple[int | None, float | None]:
        """The holder's pid and since when it holds the lock (Unix time), as far as is known."""
        holders = lock_holders(self.path)
        try:
            signed = json.loads(self.path.read_text(encoding="utf-8"))
            pid, since = int(signed["pid"]), float(signed["since"])
        except (OSError, ValueError, TypeError, KeyError):
            return next(iter(holders), None), None
        # The kernel knows best: the file may name a former holder, or the parent that handed over.
        return (pid, since) if pid in holders or not holders else (holders[0], None)

    def _holder_and_mend(self, waited: float) -> str:
        pid, since = self._holder()
        if pid is None:
            return f"another process holds {self.path}, for {waited:.0f} s; end it and try again"
        command = " ".join(" ".join(arguments_of(pid)).split())[:LONGEST_COMMAND]
        command = command or "of which no more is known"
        began = f" since {datetime.fromtimestamp(since):%Y-%m-%d %H:%M:%S}" if since else ""
        state, mend = "", "wait for it, or end it"
        if is_stopped(pid):
            state, mend = " and is stopped", f"let it go on (kill -CONT {pid}), or end it"
        return (
            f"process {pid} ({command}) holds {self.path}{began}{state}; waited "
            f"{waited:.0f} s: {mend} (kill -KILL {pid}), and try again"
        )


_ours: weakref.WeakSet[KernelLock] = weakref.WeakSet()
_changing = threading.RLock()
"""Held while `_ours` changes and while the process forks, so that a child closes every copy."""


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


def _try_lock(descriptor: int, *, exclusive: bool) -> bool:
    if sys.platform == "win32":  # where the rest of the package works with a server of one's own
        raise NotImplementedError("the embedded server runs on Linux and macOS")
    kind = fcntl.LOCK_EX if exclusive else fcntl.LOCK_SH
    try:
        fcntl.flock(descriptor, kind | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True
