"""The command line: in this process, or, where the process is what matters, in one of its own."""

from __future__ import annotations

import functools
import io
import json
import logging
import os
import signal
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
import typer.main

from graph_orch.cli.app import main

TIMEOUT_SECONDS = 120
COMMAND = [sys.executable, "-m", "graph_orch.cli"]
HEED_SIGINT = (
    "import os, signal, sys; signal.signal(signal.SIGINT, signal.SIG_DFL); "
    "os.execv(sys.argv[1], sys.argv[1:])"
)
# A shell lets what it runs in the background ignore SIGINT, and that is inherited.
HEEDING = [sys.executable, "-c", HEED_SIGINT, *COMMAND]
Done = subprocess.CompletedProcess[str]
get_command = functools.cache(typer.main.get_command)
"""Typer makes all commands anew for each call, which takes ten times as long as most calls do."""


def run(*args: str) -> Done:
    """Run a command in this process; what it sets up for the whole of its process is put back."""
    root, driver = logging.getLogger(), logging.getLogger("neo4j")
    handlers, levels = root.handlers[:], (root.level, driver.level)
    heeding = signal.getsignal(signal.SIGTERM)
    out, err = (io.TextIOWrapper(io.BytesIO(), "utf-8") for _ in range(2))
    try:
        with pytest.MonkeyPatch.context() as patch:
            patch.setattr(typer.main, "get_command", get_command)
            patch.setattr(sys, "argv", ["graph-orch", *args])
            patch.setattr(sys, "path", sys.path[:])
            patch.setattr(sys, "stdout", out)
            patch.setattr(sys, "stderr", err)
            with pytest.raises(SystemExit) as ended:
                main()
    finally:
        root.handlers[:] = handlers
        root.setLevel(levels[0])
        driver.setLevel(levels[1])
        signal.signal(signal.SIGTERM, heeding)
    assert isinstance(ended.value.code, int)
    return subprocess.CompletedProcess(args, ended.value.code, said(out), said(err))


def said(stream: io.TextIOWrapper) -> str:
    stream.flush()
    return stream.buffer.getvalue().decode()  # type: ignore[attr-defined]


class Cli:
    """Runs graph-orch on a server."""

    def __init__(self, uri: str, auth: tuple[str, str] | None, database: str | None) -> None:
        user, password = auth or (None, None)
        self._settings = {
            "NEO4J_URI": uri,
            "NEO4J_USERNAME": user,
            "NEO4J_PASSWORD": password,
            "NEO4J_DATABASE": database,
            "NO_COLOR": "1",
        }

    def __call__(self, *args: str, code: int | None = 0, **env: str) -> Done:
        """Run a command in this process; None is any exit code."""
        with pytest.MonkeyPatch.context() as patch:
            for name, value in (self._settings | env).items():
                patch.delenv(name, raising=False) if value is None else patch.setenv(name, value)
            return checked(run(*args), code)

    def json(self, *args: str, code: int = 0, **env: str) -> Any:
        return json.loads(self(*args, "--json", code=code, **env).stdout)

    def process(self, *args: str, code: int = 0, **env: str) -> Done:
        """Run a command in a process of its own."""
        done = subprocess.run(
            [*COMMAND, *args],
            env=self._environment(env),
            capture_output=True,
            text=True,
            timeout=TIMEOUT_SECONDS,
            check=False,
        )
        return checked(done, code)

    def popen(
        self, *args: str, stdin: int | None = None, cwd: Path | None = None, **env: str
    ) -> subprocess.Popen[str]:
        """Start a command in a process of its own."""
        pipe = subprocess.PIPE
        return subprocess.Popen(
            [*HEEDING, *args],
            env=self._environment(env),
            cwd=cwd,
            stdin=stdin,
            stdout=pipe,
            stderr=pipe,
            text=True,
        )

    def _environment(self, more: dict[str, str]) -> dict[str, str]:
        given = os.environ | self._settings | more
        return {name: value for name, value in given.items() if value is not None}


def checked(done: Done, code: int | None) -> Done:
    assert code in (None, done.returncode), done.stdout + done.stderr
    return done
