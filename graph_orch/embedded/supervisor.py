"""The process that owns a server: it ends it when its last user is gone, however that user went.

python -m graph_orch.embedded.supervisor DATA_DIRECTORY
"""

from __future__ import annotations

import json
import subprocess
import sys
import time
from pathlib import Path

from filelock import Timeout

from graph_orch.embedded.state import DataDirectory, ServerRecord

LOOK_EVERY_SECONDS = 0.2
STOP_SECONDS = 30


def supervise(data: DataDirectory) -> None:
    """Run the server that `run/command.json` describes until nobody uses it."""
    command = json.loads(data.command_path.read_text(encoding="utf-8"))
    with data.supervising.acquire(timeout=0), data.console_path.open("wb") as console:
        server = subprocess.Popen(
            command["arguments"],
            stdin=subprocess.DEVNULL,
            stdout=console,
            stderr=subprocess.STDOUT,
            cwd=data.root,
        )
        named = {name: command[name] for name in ("port", "version", "plugins")}
        data.write_record(ServerRecord(server.pid, **named))
        _watch(data, server)
        data.record_path.unlink(missing_ok=True)


def _watch(data: DataDirectory, server: subprocess.Popen[bytes]) -> None:
    while server.poll() is None:
        time.sleep(LOOK_EVERY_SECONDS)
        try:
            with data.starting.acquire(timeout=0):
                if not data.keep_path.exists() and not data.has_users():
                    end(server)
        except Timeout:
            continue  # somebody is starting or stopping; look again


def end(server: subprocess.Popen[bytes]) -> None:
    """Stop a server in good order; by force where it does not go."""
    server.terminate()
    try:
        server.wait(STOP_SECONDS)
    except subprocess.TimeoutExpired:
        server.kill()
        server.wait()


if __name__ == "__main__":
    supervise(DataDirectory(Path(sys.argv[1])))
