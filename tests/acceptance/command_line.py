"""The command line as a real process."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

TIMEOUT_SECONDS = 120
HEED_SIGINT = (
    "import os, signal, sys; signal.signal(signal.SIGINT, signal.SIG_DFL); "
    "os.execv(sys.argv[1], sys.argv[1:])"
)


class Cli:
    """Runs graph-orch in processes of its own."""

    def __init__(self, uri: str, auth: tuple[str, str] | None, database: str | None) -> None:
        self._env = os.environ | {"NEO4J_URI": uri, "NO_COLOR": "1"}
        for name in ("NEO4J_USERNAME", "NEO4J_PASSWORD", "NEO4J_DATABASE"):
            self._env.pop(name, None)
        if auth is not None:
            self._env |= {"NEO4J_USERNAME": auth[0], "NEO4J_PASSWORD": auth[1]}
        if database is not None:
            self._env["NEO4J_DATABASE"] = database

    def __call__(self, *args: str, code: int = 0, **env: str) -> subprocess.CompletedProcess[str]:
        done = subprocess.run(
            [sys.executable, "-m", "graph_orch.cli", *args],
            env=self._env | env,
            capture_output=True,
            text=True,
            timeout=TIMEOUT_SECONDS,
            check=False,
        )
        assert done.returncode == code, done.stdout + done.stderr
        return done

    def popen(
        self, *args: str, stdin: int | None = None, cwd: Path | None = None, **env: str
    ) -> subprocess.Popen[str]:
        # A shell lets what it runs in the background ignore SIGINT, and that is inherited.
        command = [sys.executable, "-c", HEED_SIGINT, sys.executable, "-m", "graph_orch.cli", *args]
        pipe = subprocess.PIPE
        return subprocess.Popen(
            command,
            env=self._env | env,
            cwd=cwd,
            stdin=stdin,
            stdout=pipe,
            stderr=pipe,
            text=True,
        )

    def json(self, *args: str, code: int = 0) -> Any:
        return json.loads(self(*args, "--json", code=code).stdout)
