"""A receiver of posts that answers 204 at once."""

import socket
import sys
from pathlib import Path

from benchmarks.peers.server import HOST, Server


class Receiver(Server):
    """In a process of its own, so that it takes none of the time of the one that sends."""

    user = "root"  # who may read this tree

    @property
    def url(self) -> str:
        return f"http://{HOST}:{self.port}/hook"

    def command(self) -> list[str]:
        program = Path(__file__).with_name("answering.py")
        return [sys.executable, str(program), HOST, str(self.port)]

    def ready(self) -> bool:
        try:
            socket.create_connection((HOST, self.port), timeout=1).close()
        except OSError:
            return False
        return True
