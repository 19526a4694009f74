"""What processes that share a data directory know of each other: files and kernel locks."""

from __future__ import annotations

import contextlib
import json
import os
import subprocess
from dataclasses import asdict, dataclass
from pathlib import Path
from uuid import uuid4

from filelock import FileLock, Timeout


@dataclass(frozen=True, slots=True)
class ServerRecord:
    """The server that the supervisor of a data directory runs."""

    pid: int
    port: int
    version: str
    plugins: tuple[str, ...] = ()


class DataDirectory:
    """The files of one data directory.

    A user of the server holds a lock of its own in `run/users`, the supervisor one for its life;
    the kernel drops them when their process ends, however it ends. Whoever starts or stops the
    server, or looks for the last user, holds `starting`.
    """

    def __init__(self, root: Path) -> None:
        self.root = root.expanduser().absolute()
        self.run = self.root / "run"
        self.users = self.run / "users"
        self.record_path = self.run / "server.json"
        self.keep_path = self.run / "keep"
        self.command_path = self.run / "command.json"
        self.password_path = self.root / "password"
        self.version_path = self.root / "neo4j-version"
        self.config_path = self.root / "conf" / "neo4j.conf"
        self.console_path = self.root / "logs" / "console.log"

    def prepare(self) -> None:
        """Make the directories, for this user's eyes only."""
        self.root.mkdir(parents=True, exist_ok=True, mode=0o700)
        for path in (self.users, self.config_path.parent, self.console_path.parent):
            path.mkdir(parents=True, exist_ok=True)

    @property
    def starting(self) -> FileLock:
        """The lock of whoever starts, stops or counts; a new handle each time."""
        return FileLock(self.run / "start.lock", is_singleton=False)

    @property
    def supervising(self) -> FileLock:
        """The lock that the supervisor holds for its life."""
        return FileLock(self.run / "supervisor.lock", is_singleton=False)

    def new_user(self) -> FileLock:
        """A lock, taken, that says this process uses the server. Call it while `starting`."""
        lock = FileLock(self.users / f"{os.getpid()}-{uuid4()}.lock", is_singleton=False)
        lock.acquire(timeout=0)
        return lock

    def has_users(self) -> bool:
        """Whether anybody uses the server; clears away who has died. Call it while `starting`."""
        used = [self._is_used(path) for path in self.users.glob("*.lock")]
        return any(used)

    def _is_used(self, path: Path) -> bool:
        if is_held(FileLock(path, is_singleton=False)):
            return True
        path.unlink(missing_ok=True)
        return False

    def record(self) -> ServerRecord | None:
        """The server that was started last and not seen to end."""
        try:
            return ServerRecord(**json.loads(self.record_path.read_text(encoding="utf-8")))
        except (FileNotFoundError, ValueError, TypeError):
            return None

    def write_record(self, record: ServerRecord) -> None:
        """Say which server runs."""
        write_private(self.record_path, json.dumps(asdict(record)))

    def owns_process(self, pid: int) -> bool:
        """Whether a process is a server of this directory, by its command line."""
        return f"--home-dir={self.root}" in _arguments(pid)


def is_held(lock: FileLock) -> bool:
    """Whether some process holds a lock."""
    try:
        with lock.acquire(timeout=0):
            return False
    except Timeout:
        return True


def write_private(path: Path, text: str) -> None:
    """Write a file that only this user may read, all of it or nothing."""
    partial = path.with_name(f".{path.name}.{uuid4()}")
    descriptor = os.open(partial, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    with os.fdopen(descriptor, "w", encoding="utf-8") as file:
        file.write(text)
        file.flush()
        os.fsync(file.fileno())
    partial.replace(path)


def _arguments(pid: int) -> list[str]:
    with contextlib.suppress(OSError):
        return Path(f"/proc/{pid}/cmdline").read_bytes().decode(errors="replace").split("\0")
    with contextlib.suppress(OSError):
        shown = subprocess.run(
            ["ps", "-o", "command=", "-p", str(pid)], capture_output=True, text=True, check=False
        )
        return shown.stdout.split()
    return []
