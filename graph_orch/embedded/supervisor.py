"""The process that restarts a server when it crashes, and ends it when its last user leaves.

python -m graph_orch.embedded.supervisor DATA_DIRECTORY [DESCRIPTOR]

DESCRIPTOR is that of the supervisor's lock, where the parent took the lock for it. Each supervisor
has a deputy: a shell that reads from a pipe into which nobody writes. When the supervisor is
killed, the pipe ends, and the deputy becomes the next supervisor of the same server. So a killed
supervisor neither leaves a server behind nor ends one that is used.
"""

from __future__ import annotations

import contextlib
import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from pathlib import Path

from graph_orch.embedded.processes import listens_on
from graph_orch.embedded.state import LOOPBACK, Command, DataDirectory, ServerRecord
from graph_orch.files import appending, write_private

POLL_SECONDS = 0.2
START_POLL_SECONDS = 0.05
STOP_SECONDS = 30
"""How long to wait after SIGTERM, and then after SIGKILL."""
TAKE_OVER_SECONDS = 5.0
"""How long a deputy tries to take the lock: a process that only looks at it has it for a moment,
and one that has it for longer supervises."""
PAUSES = (0.0, 0.5, 1.0, 2.0, 4.0, 8.0)
"""Seconds before each restart after a crash; after the last the server is given up."""
STEADY_SECONDS = 60.0
"""The crashes are counted anew after a run of this length."""
DEPUTY = 'read -r nothing; exec "$SUPERVISOR_PYTHON" -P -m "$SUPERVISOR_MODULE" "$SUPERVISOR_DATA"'
"""The program that it becomes stands in the environment, not in its command line: so whoever kills
supervisors by name spares the deputy."""


@dataclass
class Server:
    """A server's process: our child, or the child of a supervisor that was killed."""

    data: DataDirectory
    pid: int
    port: int
    child: subprocess.Popen[bytes] | None = None
    began: float = field(default_factory=time.monotonic)
    listens: bool = False
    """Whether it was seen to listen; then the record has its port."""

    @property
    def runs(self) -> bool:
        """Whether the process has not ended."""
        if self.child is not None:
            return self.child.poll() is None
        return self.data.owns_process(self.pid)

    def end(self) -> None:
        """Stop the process by SIGTERM, and by SIGKILL where that does not end it."""
        for number in (signal.SIGTERM, signal.SIGKILL):
            with contextlib.suppress(ProcessLookupError):
                if self.runs:
                    os.kill(self.pid, number)
            if wait_until(lambda: not self.runs, STOP_SECONDS):
                return


def find_server(data: DataDirectory) -> Server | None:
    """The running server of a directory; it is found without a record too, where that was lost."""
    record, command = data.running(), data.command()
    if record is not None:
        port = record.port or (command.port if command else 0)
        return Server(data, record.pid, port, listens=bool(record.port))
    pid = data.unrecorded() if command is not None else None
    if pid is None or command is None:
        return None
    data.write_record(ServerRecord(pid, 0, command.version, command.plugins))
    return Server(data, pid, command.port)


class Supervisor:
    """Keeps the server of a data directory running for as long as somebody wants it."""

    def __init__(self, data: DataDirectory, command: Command) -> None:
        self._data = data
        self._command = command
        self._deputy: subprocess.Popen[bytes] | None = None

    def supervise(self, *, again: bool) -> None:
        """Run the server until nobody wants it, or until it has crashed too often.

        Args:
            again: Whether another supervisor ran it before. Then a first start that fails is
                repeated; otherwise it ends the supervisor, and the starter reports the reason.
        """
        try:
            self._keep_deputy()
            server = find_server(self._data) or (None if again else self._launch())
            falls = 0
            while server is None or not self._ended_unwanted(server):
                came_up = server is not None and server.listens
                if not came_up and not falls and not again:
                    return
                if server is not None and time.monotonic() - server.began > STEADY_SECONDS:
                    falls = 0
                if falls == len(PAUSES):
                    self._log(f"the server fell {falls} times, and is not started again")
                    return
                if wait_until(self._unwanted, PAUSES[falls], POLL_SECONDS):
                    return
                falls += 1
                self._log(f"the server fell, and is started again ({falls} of {len(PAUSES)})")
                server = self._launch()
        finally:
            self._data.record_path.unlink(missing_ok=True)
            self._dismiss_deputy()

    def _ended_unwanted(self, server: Server) -> bool:
        """Watch a server until it ends; True where we ended it, as nobody wants it any more."""
        while server.runs:
            time.sleep(POLL_SECONDS if server.listens else START_POLL_SECONDS)
            self._keep_deputy()
            if not server.listens and listens_on(server.pid, server.port):
                with contextlib.suppress(OSError):  # on a full disk the next round tries again
                    self._record(server.pid, server.port)
                    server.listens = True
            if self._unwanted(server.end):
                return True
        self._data.record_path.unlink(missing_ok=True)  # clients must not look for it there
        return False

    def _unwanted(self, then: Callable[[], None] = lambda: None) -> bool:
        """Whether nobody wants the server; if so, call `then` before anybody else can join."""
        starting = self._data.starting
        try:
            if not starting.try_acquire():
                return False  # another process starts or stops it, so the next round looks again
            with starting:
                if self._data.is_wanted():
                    return False
                then()
        except FileNotFoundError:  # somebody deleted the directory, and so the server's data
            then()
        return True

    def _launch(self) -> Server | None:
        """Start the server, on its last port where that is free or fixed; None where it fails."""
        data, port = self._data, self._command.port
        if not self._command.fixed and not is_free(port):
            port = free_port()
        self._command = replace(self._command, port=port)
        child = None
        try:
            data.write_command(self._command)
            config = self._command.config.replace(Command.PORT, str(port))
            write_private(data.config_path, config)
            with appending(data.console_path) as console:
                child = subprocess.Popen(
                    self._command.arguments,
                    stdin=subprocess.DEVNULL,
                    stdout=console,
                    stderr=subprocess.STDOUT,
                    cwd=data.root,
                )
            self._record(child.pid, 0)
        except OSError as error:  # such as a full disk
            self._log(f"cannot start the server: {error}")
            if child is not None:
                child.kill()
                child.wait()
            return None
        return Server(data, child.pid, port, child)

    def _record(self, pid: int, port: int) -> None:
        command = self._command
        self._data.write_record(ServerRecord(pid, port, command.version, command.plugins))

    def _keep_deputy(self) -> None:
        """Start a deputy, also in the place of one that was killed."""
        if self._deputy is None or self._deputy.poll() is not None:
            self._dismiss_deputy()
            with contextlib.suppress(OSError):  # without a shell, or memory, it goes on alone
                self._deputy = subprocess.Popen(
                    ["/bin/sh", "-c", DEPUTY],
                    stdin=subprocess.PIPE,
                    stdout=subprocess.DEVNULL,
                    env=os.environ
                    | {
                        "SUPERVISOR_PYTHON": sys.executable,
                        "SUPERVISOR_MODULE": "graph_orch.embedded.supervisor",
                        "SUPERVISOR_DATA": str(self._data.root),
                    },
                    start_new_session=True,
                )

    def _dismiss_deputy(self) -> None:
        deputy, self._deputy = self._deputy, None
        if deputy is not None:
            deputy.kill()  # before its pipe ends, which would make it the next supervisor
            deputy.communicate()

    def _log(self, message: str) -> None:
        """Write a line to standard error, which the starter directed to the server's log."""
        print(f"{time.strftime('%Y-%m-%d %H:%M:%S%z')} graph-orch: {message}", file=sys.stderr)


def is_free(port: int) -> bool:
    """Whether a server could listen on a port."""
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((LOOPBACK, port))
        except OSError:
            return False
        return True


def free_port() -> int:
    """A port on which nobody listens."""
    with socket.socket() as probe:
        probe.bind((LOOPBACK, 0))
        return probe.getsockname()[1]


def wait_until(condition: Callable[[], bool], seconds: float, every: float = 0.05) -> bool:
    """Whether a condition comes true within `seconds`; it is tried every `every` seconds."""
    deadline = time.monotonic() + seconds
    while not condition():
        if time.monotonic() >= deadline:
            return False
        time.sleep(every)
    return True


def main(directory: str, descriptor: str | None = None) -> None:
    """Supervise with the lock of `descriptor`, or as a deputy, once the lock is free."""
    data = DataDirectory(Path(directory))
    lock, command = data.supervising, data.command()
    if descriptor is not None:
        lock.take_over(int(descriptor))
    elif not wait_until(lock.try_acquire, TAKE_OVER_SECONDS):
        return
    with lock:
        if command is not None:
            Supervisor(data, command).supervise(again=descriptor is None)


if __name__ == "__main__":
    main(*sys.argv[1:])
