"""A server process of the benchmark's own: temporary directory, loopback, free port."""

import atexit
import os
import pwd
import shutil
import signal
import socket
import subprocess
import tempfile
import time
from abc import ABC, abstractmethod
from pathlib import Path
from typing import Self

HOST = "127.0.0.1"
READY_SECONDS = 60.0
STOP_SECONDS = 20.0


class Server(ABC):
    """Started by `start`; `stop` ends it and removes its files, also after a failed start.

    The directory is in the system's place for temporary files: for durability to mean anything,
    that must be a disk (set TMPDIR otherwise).
    """

    user: str
    """Whom the server runs as where this process is root."""
    stop_signal: signal.Signals = signal.SIGTERM

    def __init__(self) -> None:
        self.port = 0
        self._directory: Path | None = None
        self._process: subprocess.Popen[bytes] | None = None

    @abstractmethod
    def command(self) -> list[str]:
        """Arguments of the server, to stay in the foreground on HOST and `port`."""

    @abstractmethod
    def ready(self) -> bool:
        """Whether the server answers."""

    def prepare(self) -> None:  # noqa: B027 - most servers need nothing
        """Make the server's files, before it is started."""

    @property
    def directory(self) -> Path:
        if self._directory is None:
            raise RuntimeError(f"{type(self).__name__} is not started: call start()")
        return self._directory

    def start(self) -> None:
        """Bring the server up. Raises RuntimeError with the end of its log when it does not."""
        atexit.register(self.stop)
        try:
            self._directory = Path(tempfile.mkdtemp(prefix="graph-orch-peer-"))
            self.port = free_port()
            command = self.command()  # which installs what is absent, and with it the account
            if (account := self._account()) is not None:
                os.chown(self._directory, account.pw_uid, account.pw_gid)
            self.prepare()
            self._process = self._launch(command)
            self._await_ready(self._process)
        except BaseException:
            self.stop()
            raise

    def kill(self) -> None:
        """End the server as a crash does; `again` starts it on what is left."""
        if self._process is not None:
            end(self._process, signal.SIGKILL)
            self._process = None

    def again(self) -> None:
        """Start the server again, on the same port and the same files."""
        self._process = self._launch(self.command())
        self._await_ready(self._process)

    def stop(self) -> None:
        """End the server and remove its files; does nothing when it is not started."""
        atexit.unregister(self.stop)
        if self._process is not None:
            end(self._process, self.stop_signal)
            self._process = None
        if self._directory is not None:
            shutil.rmtree(self._directory, ignore_errors=True)
            self._directory = None

    def __enter__(self) -> Self:
        self.start()
        return self

    def __exit__(self, *_: object) -> None:
        self.stop()

    def run(self, *arguments: str) -> None:
        """Run a program as the server's user. Raises RuntimeError with its output on failure."""
        process = self._launch(list(arguments))
        if process.wait() != 0:
            raise RuntimeError(f"{arguments[0]} failed: {self._log_end()}")

    def _launch(self, arguments: list[str]) -> subprocess.Popen[bytes]:
        account = self._account()
        with self._log.open("ab") as log:
            return subprocess.Popen(
                arguments,
                cwd=self.directory,
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                user=None if account is None else account.pw_uid,
                group=None if account is None else account.pw_gid,
                extra_groups=None if account is None else [],
                start_new_session=True,  # Ctrl-C reaches this process, which then stops the server
            )

    def _account(self) -> pwd.struct_passwd | None:
        """Whom to run as: PostgreSQL refuses root, and the others need not be it."""
        return pwd.getpwnam(self.user) if os.geteuid() == 0 else None

    def _await_ready(self, process: subprocess.Popen[bytes]) -> None:
        deadline = time.monotonic() + READY_SECONDS
        while not self.ready():
            if process.poll() is not None or time.monotonic() > deadline:
                raise RuntimeError(f"{process.args} did not start: {self._log_end()}")
            time.sleep(0.05)  # between two looks at the condition

    @property
    def _log(self) -> Path:
        return self.directory / "log"

    def _log_end(self) -> str:
        return self._log.read_text(errors="replace")[-2000:]


def end(process: subprocess.Popen[bytes], how: signal.Signals = signal.SIGTERM) -> None:
    """Ask a process to stop, and kill it when it has not after STOP_SECONDS."""
    if process.poll() is None:
        process.send_signal(how)
    try:
        process.wait(STOP_SECONDS)
    except subprocess.TimeoutExpired:
        process.kill()
        process.wait()


def free_port() -> int:
    """A port on HOST that nobody listens on."""
    with socket.socket() as probe:
        probe.bind((HOST, 0))
        return int(probe.getsockname()[1])
