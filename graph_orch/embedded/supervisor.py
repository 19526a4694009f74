"""The process that owns a server: starts it again when it falls, ends it when its last user goes.

python -m graph_orch.embedded.supervisor DATA_DIRECTORY [DESCRIPTOR]

The descriptor is the supervisor's lock, where the starter took it. Beside each supervisor waits a
deputy, a shell that reads from a pipe into which nobody writes: when the supervisor is killed, the
pipe ends, and the deputy becomes the next supervisor, of the server that is there. So a killed
supervisor leaves no server behind, and ends none under its users.
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
from graph_orch.embedded.state import (
    LOOPBACK,
    Command,
    DataDirectory,
    ServerRecord,
)
from graph_orch.files import appending, write_private

LOOK_EVERY_SECONDS = 0.2
START_LOOK_SECONDS = 0.05
STOP_SECONDS = 30
TAKE_OVER_SECONDS = 5.0
"""Who looks whether the lock is held may have it for a moment; who has it longer, supervises."""
PAUSES = (0.0, 0.5, 1.0, 2.0, 4.0, 8.0)
"""Seconds before each time that a server which falls is started again; then it is given up."""
STEADY_SECONDS = 60.0
"""A server that ran for so long does not fall again and again: its falls are counted anew."""
DEPUTY = 'read -r nothing; exec "$SUPERVISOR_PYTHON" -P -m "$SUPERVISOR_MODULE" "$SUPERVISOR_DATA"'
"""What it becomes stands in the environment, so that its command line is not a supervisor's: who
kills supervisors by name leaves the deputy to take over."""


@dataclass
class Server:
    """A server's process: our child, or one that another supervisor left."""

    data: DataDirectory
    pid: int
    port: int
    child: subprocess.Popen[bytes] | None = None
    began: float = field(default_factory=time.monotonic)
    listens: bool = False
    """Whether it was seen to listen, which the record says since."""

    @property
    def runs(self) -> bool:
        """Whether it has not ended."""
        if self.child is not None:
            return self.child.poll() is None
        return self.data.owns_process(self.pid)

    def end(self) -> None:
        """Stop it in good order; by force where it does not go."""
        for number in (signal.SIGTERM, signal.SIGKILL):
            with contextlib.suppress(ProcessLookupError):
                if self.runs:
                    os.kill(self.pid, number)
            if wait_until(lambda: not self.runs, STOP_SECONDS):
                return


def find_server(data: DataDirectory) -> Server | None:
    """The server of a directory that runs, in the record or, where that was lost, without one."""
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
    """Keeps the server of a data directory for as long as it is wanted."""

    def __init__(self, data: DataDirectory, command: Command) -> None:
        self._data = data
        self._command = command
        self._deputy: subprocess.Popen[bytes] | None = None

    def supervise(self, *, again: bool) -> None:
        """Run the server until nobody wants it, or until it has fallen too often.

        Args:
            again: Another supervised it before: a server that never answered is no reason to end.
        """
        try:
            self._keep_deputy()
            server = find_server(self._data) or (None if again else self._launch())
            falls = 0
            while server is None or not self._ended_unwanted(server):
                came_up = server is not None and server.listens
                if not came_up and not falls and not again:
                    return  # a first start that failed: whoever asked for it tells why
                if server is not None and time.monotonic() - server.began > STEADY_SECONDS:
                    falls = 0
                if falls == len(PAUSES):
                    self._say(f"the server fell {falls} times, and is not started again")
                    return
                if not self._wanted_after(PAUSES[falls]):
                    return
                falls += 1
                self._say(f"the server fell, and is started again ({falls} of {len(PAUSES)})")
                server = self._launch()
        finally:
            self._data.record_path.unlink(missing_ok=True)
            self._dismiss_deputy()

    def _ended_unwanted(self, server: Server) -> bool:
        """Watch a server until it ends: True where we ended it since nobody wants it any more."""
        while server.runs:
            time.sleep(LOOK_EVERY_SECONDS if server.listens else START_LOOK_SECONDS)
            self._keep_deputy()
            if not server.listens and listens_on(server.pid, server.port):
                with contextlib.suppress(OSError):  # a full disk: look again
                    self._record(server.pid, server.port)
                    server.listens = True
            if self._unwanted(server.end):
                return True
        self._data.record_path.unlink(missing_ok=True)  # so that nobody looks for it there
        return False

    def _wanted_after(self, seconds: float) -> bool:
        """Pause; False as soon as nobody wants the server any more."""
        return not wait_until(self._unwanted, seconds, LOOK_EVERY_SECONDS)

    def _unwanted(self, then: Callable[[], None] = lambda: None) -> bool:
        """Whether nobody wants the server; if so, do something before anybody else may join."""
        starting = self._data.starting
        try:
            if not starting.try_acquire():
                return False  # somebody is starting or stopping; look again
            with starting:
                if self._data.is_wanted():
                    return False
                then()
        except FileNotFoundError:  # the directory is gone, and with it all that the server had
            then()
        return True

    def _launch(self) -> Server | None:
        """Start the server, on the port that it had where that is free; None where it cannot be."""
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
            self._say(f"cannot start the server: {error}")
            if child is not None:
                child.kill()
                child.wait()
            return None
        return Server(data, child.pid, port, child)

    def _record(self, pid: int, port: int) -> None:
        command = self._command
        self._data.write_record(ServerRecord(pid, port, command.version, command.plugins))

    def _keep_deputy(self) -> None:
        """Have a deputy; one that was killed is replaced."""
        if self._deputy is None or self._deputy.poll() is not None:
            self._dismiss_deputy()
            with contextlib.suppress(OSError):  # no shell, or no room: we go on without
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
            deputy.kill()  # before its pipe ends
            deputy.communicate()

    def _say(self, what: str) -> None:
        """Add a line to the server's log, which is our standard error too."""
        print(f"{time.strftime('%Y-%m-%d %H:%M:%S%z')} graph-orch: {what}", file=sys.stderr)


def is_free(port: int) -> bool:
    """Whether a server could have a port."""
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((LOOPBACK, port))
        except OSError:
            return False
        return True


def free_port() -> int:
    """A port that nobody has."""
    with socket.socket() as probe:
        probe.bind((LOOPBACK, 0))
        return probe.getsockname()[1]


def wait_until(condition: Callable[[], bool], seconds: float, every: float = 0.05) -> bool:
    """Whether a condition comes true within so many seconds."""
    deadline = time.monotonic() + seconds
    while not condition():
        if time.monotonic() >= deadline:
            return False
        time.sleep(every)
    return True


def main(directory: str, descriptor: str | None = None) -> None:
    """Supervise, with the lock that was handed over; or take over where nobody supervises."""
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
