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
    """The server that a data directory's supervisor runs.

    `port` is 0 until the server listens. So no client sends its login to a process that took the
    port before the server did.
    """

    pid: int
    port: int
    version: str
    plugins: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Command:
    """How the supervisor runs a server.

    `config` is the text of neo4j.conf, in which `PORT` stands for the port. Where `fixed` is set,
    the server runs on `port` or not at all.
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

    Each process that uses the server holds a lock of its own in `run/users`, and the supervisor
    holds one for its life; the kernel releases them when the process ends, however it ends.
    Whoever starts or stops the server, or counts its users, holds `starting` meanwhile.
    """

    def __init__(self, root: Path) -> None:
        # Links are resolved, since a server is recognised by this path in its command line.
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
        """Create the directories, and close them to other users.

        Raises:
            DataDirectoryError: Another user owns one of them, or could have written into one.
        """
        self.root.mkdir(parents=True, exist_ok=True, mode=0o700)
        self.refuse_others()
        was_open, mode = is_open(self.root), self.root.stat().st_mode
        # The directory is closed before we look into it, so that nothing is added after the look.
        self.root.chmod(0o700)
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
        """Raise a DataDirectoryError where another user owns the directory or what is in it."""
        if self.root.is_dir():
            refuse_others(self.root, SETTING)

    @property
    def starting(self) -> KernelLock:
        """The lock for starting, stopping and counting users; a new handle each time."""
        return KernelLock(self.run / "start.lock")

    @property
    def supervising(self) -> KernelLock:
        """The lock that the supervisor holds for its life; a new handle each time."""
        return KernelLock(self.run / "supervisor.lock")

    @property
    def is_supervised(self) -> bool:
        """Whether a supervisor lives."""
        return self.supervising.is_held()

    @property
    def has_server(self) -> bool:
        """Whether a server runs, or a supervisor lives that is starting one."""
        return self.is_supervised or self.running() is not None

    def new_user(self) -> KernelLock:
        """Take a lock that says that this process uses the server. Call it while `starting`."""
        lock = KernelLock(self.users / f"{os.getpid()}-{uuid4()}.lock")
        lock.try_acquire()
        return lock

    def remove_user(self, lock: KernelLock) -> None:
        """Release a lock of `new_user`, and remove its file."""
        lock.release()
        lock.path.unlink(missing_ok=True)

    def is_wanted(self) -> bool:
        """Whether somebody uses the server, or asked to keep it. Call it while `starting`.

        The files of users that ended without leaving are removed.
        """
        has_users = False
        for path in self.users.glob("*.lock"):
            if KernelLock(path).is_held():
                has_users = True
            else:
                path.unlink(missing_ok=True)
        return has_users or self.keep_path.exists()

    def record(self) -> ServerRecord | None:
        """The server that was started last; None once the supervisor saw its end."""
        try:
            return ServerRecord(**json.loads(self.record_path.read_text(encoding="utf-8")))
        except (FileNotFoundError, ValueError, TypeError):
            return None

    def write_record(self, record: ServerRecord) -> None:
        """Say which server runs."""
        write_private(self.record_path, json.dumps(asdict(record)))

    def command(self) -> Command | None:
        """The command of the last start; None before the first."""
        try:
            fields = json.loads(self.command_path.read_text(encoding="utf-8"))
            return Command(**fields | {"arguments": tuple(fields["arguments"])})
        except (FileNotFoundError, ValueError, TypeError, KeyError):
            return None

    def write_command(self, command: Command) -> None:
        """Say how the supervisor is to run the server."""
        write_private(self.command_path, json.dumps(asdict(command)))

    def console(self) -> str:
        """What the server and its supervisor wrote since the last start."""
        return self.console_path.read_text(encoding="utf-8", errors="replace")

    def running(self) -> ServerRecord | None:
        """The recorded server if its process runs, whether a supervisor lives or not."""
        record = self.record()
        return record if record is not None and self.owns_process(record.pid) else None

    def unrecorded(self) -> int | None:
        """The pid of a server of this directory, found among all processes without a record."""
        return next((pid for pid in all_pids() if self.owns_process(pid)), None)

    def owns_process(self, pid: int) -> bool:
        """Whether a process of this user is a server of this directory, by its command line."""
        return f" --home-dir={self.root} " in " ".join(arguments_of(pid)) and is_ours(pid)

    def address(self, _asked: object = None) -> list[tuple[str, int]]:
        """A resolver for the driver: the server's (host, port), or nothing while none runs."""
        record = self.running()
        return [] if record is None or not record.port else [(LOOPBACK, record.port)]
