"""What processes that share a data directory know of each other: files and kernel locks."""

from __future__ import annotations

import json
import os
from dataclasses import asdict, dataclass
from pathlib import Path
from stat import S_IMODE
from uuid import uuid4

from graph_orch.embedded.kernel_lock import KernelLock
from graph_orch.embedded.ownership import is_open, refuse_others
from graph_orch.embedded.processes import all_pids, arguments_of, is_ours
from graph_orch.errors import DataDirectoryError
from graph_orch.files import write_private

LOOPBACK = "127.0.0.1"
SETTING = "GRAPH_ORCH_DATA_DIR"


@dataclass(frozen=True, slots=True)
class ServerRecord:
    """The server that the supervisor of a data directory runs; `port` is 0 until it listens.

    So nobody is sent to a port, and logs in there, that somebody else took before the server could.
    """

    pid: int
    port: int
    version: str
    plugins: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Command:
    """How a server is to be run, for whoever supervises it.

    `config` is its configuration, but for the port, which stands there as `PORT`. `fixed` says that
    no other port will do.
    """

    arguments: tuple[str, ...]
    config: str
    port: int
    fixed: bool
    version: str
    plugins: tuple[str, ...]

    PORT = "@PORT@"


class DataDirectory:
    """The files of one data directory.

    A user of the server holds a lock of its own in `run/users`, the supervisor one for its life;
    the kernel drops them when their process ends, however it ends. Whoever starts or stops the
    server, or looks for the last user, holds `starting`.
    """

    def __init__(self, root: Path) -> None:
        # By its one true name: a server is known by it, whatever links lead there.
        self.root = root.expanduser().resolve()
        self.run = self.root / "run"
        self.users = self.run / "users"
        self.record_path = self.run / "server.json"
        self.keep_path = self.run / "keep"
        self.command_path = self.run / "command.json"
        self.password_path = self.root / "password"
        self.version_path = self.root / "neo4j-version"
        self.config_path = self.root / "conf" / "neo4j.conf"
        self.key_path = self.config_path.with_name("bolt.key")
        self.certificate_path = self.config_path.with_name("bolt.crt")
        self.console_path = self.root / "logs" / "console.log"
        self.accounts_path = self.root / "data" / "databases" / "system"
        self.first_account_path = self.root / "data" / "dbms" / "auth.ini"

    def prepare(self) -> None:
        """Make the directories, for this user's eyes only.

        Raises:
            DataDirectoryError: others made them, or could write into them.
        """
        self.root.mkdir(parents=True, exist_ok=True, mode=0o700)
        self.refuse_others()
        was_open, mode = is_open(self.root), self.root.stat().st_mode
        self.root.chmod(0o700)  # before we look, or they could still put something there
        if was_open and any(self.root.iterdir()):
            self.root.chmod(S_IMODE(mode))
            raise DataDirectoryError(
                f"other users may write into {self.root}, and may have put something there: look "
                f"through it, then close it (chmod 700 {self.root}), or choose another {SETTING}"
            )
        directories = self.users, self.config_path.parent, self.console_path.parent
        for path in (*directories, self.first_account_path.parent):
            path.mkdir(parents=True, exist_ok=True)

    def refuse_others(self) -> None:
        """Raise where it is there, and another user owns it or what is in it."""
        if self.root.is_dir():
            refuse_others(self.root, SETTING)

    @property
    def starting(self) -> KernelLock:
        """The lock of whoever starts, stops or counts; a new handle each time."""
        return KernelLock(self.run / "start.lock")

    @property
    def supervising(self) -> KernelLock:
        """The lock that the supervisor holds for its life; a new handle each time."""
        return KernelLock(self.run / "supervisor.lock")

    @property
    def is_supervised(self) -> bool:
        """Whether a supervisor lives."""
        return self.supervising.is_held()

    def new_user(self) -> KernelLock:
        """A lock, taken, that says this process uses the server. Call it while `starting`."""
        lock = KernelLock(self.users / f"{os.getpid()}-{uuid4()}.lock")
        lock.try_acquire()
        return lock

    def has_users(self) -> bool:
        """Whether anybody uses the server; clears away who has died. Call it while `starting`."""
        used = [self._is_used(path) for path in self.users.glob("*.lock")]
        return any(used)

    def _is_used(self, path: Path) -> bool:
        if KernelLock(path).is_held():
            return True
        path.unlink(missing_ok=True)
        return False

    def is_wanted(self) -> bool:
        """Whether the server shall run on. Call it while `starting`."""
        return self.keep_path.exists() or self.has_users()

    def record(self) -> ServerRecord | None:
        """The server that was started last and not seen to end."""
        try:
            return ServerRecord(**json.loads(self.record_path.read_text(encoding="utf-8")))
        except (FileNotFoundError, ValueError, TypeError):
            return None

    def write_record(self, record: ServerRecord) -> None:
        """Say which server runs."""
        write_private(self.record_path, json.dumps(asdict(record)))

    def command(self) -> Command | None:
        """How the server was to be run the last time; None before the first."""
        try:
            fields = json.loads(self.command_path.read_text(encoding="utf-8"))
            return Command(**fields | {"arguments": tuple(fields["arguments"])})
        except (FileNotFoundError, ValueError, TypeError, KeyError):
            return None

    def write_command(self, command: Command) -> None:
        """Say how the server is to be run."""
        write_private(self.command_path, json.dumps(asdict(command)))

    def running(self) -> ServerRecord | None:
        """The server that runs, seen by its process, whether somebody supervises it or not."""
        record = self.record()
        return record if record is not None and self.owns_process(record.pid) else None

    def unrecorded(self) -> int | None:
        """A server of this directory that runs, though it is in no record: see all processes."""
        return next((pid for pid in all_pids() if self.owns_process(pid)), None)

    def owns_process(self, pid: int) -> bool:
        """Whether a process of this user is a server of this directory, by its command line."""
        return f" --home-dir={self.root} " in " ".join(arguments_of(pid)) and is_ours(pid)

    def address(self, _asked: object = None) -> list[tuple[str, int]]:
        """Where the server is now, whatever address was asked for; nowhere while none runs."""
        record = self.running()
        return [] if record is None or not record.port else [(LOOPBACK, record.port)]
