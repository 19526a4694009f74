"""A Redis server with the settings it ships with."""

import shutil
import socket
from functools import cache

from benchmarks.peers import debian
from benchmarks.peers.server import HOST, Server

DURABILITY = (
    "snapshots only, at the soonest a minute apart (Redis's defaults: no append-only file); "
    "Celery acknowledges a task before it runs, so a task in a worker that dies is lost"
)


@cache
def program() -> str:
    """The path of `redis-server`, installed if absent. Raises Unavailable."""
    if (found := shutil.which("redis-server")) is None:
        debian.install("redis-server")
        found = shutil.which("redis-server")
    if found is None:
        raise debian.Unavailable("redis-server was not found")
    return found


class Redis(Server):
    """Without a configuration file: Redis's own defaults, whose durability is Debian's too."""

    user = "redis"

    def __init__(self, *options: str) -> None:
        """A server, with more options of `redis-server`."""
        super().__init__()
        self._options = options

    @property
    def url(self) -> str:
        return f"redis://{HOST}:{self.port}/0"

    def command(self) -> list[str]:
        place = ["--bind", HOST, "--port", str(self.port), "--dir", str(self.directory)]
        return [program(), *place, *self._options]

    def ready(self) -> bool:
        try:
            with socket.create_connection((HOST, self.port), timeout=1) as connection:
                connection.sendall(b"PING\r\n")
                return connection.recv(16).startswith(b"+PONG")
        except OSError:
            return False
