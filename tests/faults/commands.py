"""Commands that are killed at any moment, and started again."""

from __future__ import annotations

import os
import subprocess
import sys
import tempfile

from tests.mcp_client import environment

UNREACHABLE = 5
"""The exit code of a command that finds no store."""


class Process:
    """A command that is started again whenever it was killed; `settings` are of its environment."""

    def __init__(self, server, *command: str, **settings: str) -> None:
        self._environment = {**os.environ, **environment(server), **settings}
        self._command = [sys.executable, "-m", "graph_orch.cli", *command]
        self._start()

    def _start(self) -> None:
        self._log = tempfile.TemporaryFile()  # noqa: SIM115 - as long as the process
        self._process = subprocess.Popen(
            self._command, env=self._environment, stdout=self._log, stderr=self._log
        )

    def kill(self) -> None:
        self._end()
        self._start()

    def _end(self) -> None:
        self._process.kill()
        self._process.wait()
        self._log.close()

    def tend(self) -> None:
        """Start it again where it found no store when it began, as a service manager does."""
        if (code := self._process.poll()) is not None:
            assert code == UNREACHABLE, self.said()
            self.kill()

    def said(self) -> str:
        self._log.seek(0)
        return self._log.read().decode()

    def __enter__(self) -> Process:
        return self

    def __exit__(self, *_: object) -> None:
        print(self.said())  # which is seen where the test fails
        self._end()
