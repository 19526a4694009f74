"""Every command obeys SIGTERM and SIGINT, also as process 1 and while it starts.

The kernel drops a signal to process 1 that has no handler, so that a handler is what is asked for.
"""

from __future__ import annotations

import contextlib
import json
import signal
import socket
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.command_line import Cli
from tests.mcp_client import INITIALIZE
from tests.waiting import eventually

SECONDS = 60
proc = pytest.mark.skipif(not Path("/proc/self/status").exists(), reason="needs Linux's /proc")


def handles(pid: int, number: signal.Signals) -> bool:
    """Whether a process has a handler for a signal."""
    (line,) = (
        line
        for line in Path(f"/proc/{pid}/status").read_text().splitlines()
        if line.startswith("SigCgt")
    )
    return bool(int(line.split()[1], 16) >> (number - 1) & 1)


def ended(process: subprocess.Popen[str], number: signal.Signals) -> int:
    """The exit code after a signal, which had a handler; nothing else was said."""
    assert handles(process.pid, number)
    process.send_signal(number)
    _, said = process.communicate(timeout=SECONDS)
    assert "Traceback" not in said, said
    return process.returncode


@proc
@pytest.mark.parametrize(("number", "code"), [(signal.SIGTERM, 0), (signal.SIGINT, 130)])
def test_maintain(cli: Cli, number: signal.Signals, code: int) -> None:
    process = cli.popen("maintain", "--json", "--every", "3600")
    assert process.stdout is not None
    assert process.stdout.readline()  # it has looked once, and sleeps
    assert ended(process, number) == code


@proc
@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_mcp_that_waits_for_its_client(cli: Cli, number: signal.Signals) -> None:
    process = cli.popen("mcp", stdin=subprocess.PIPE)
    assert process.stdin is not None
    assert process.stdout is not None
    process.stdin.write(json.dumps(INITIALIZE) + "\n")
    process.stdin.flush()
    assert "serverInfo" in process.stdout.readline()
    assert ended(process, number) == 0


@pytest.fixture
def silent() -> Iterator[str]:
    """The URI of a server that takes connections and never answers."""
    with socket.create_server(("127.0.0.1", 0)) as listener:
        yield f"bolt://127.0.0.1:{listener.getsockname()[1]}"


WORKER = """
import graph_orch
worker = graph_orch.Worker(graph_orch.Orchestrator.connect(), "ada", [])
"""
STARTING = {
    "worker that imports": ["worker", "a_module:worker"],
    "worker that connects": ["worker", "--exec", "true"],
    "mcp": ["mcp"],
    "maintain": ["maintain"],
    "a command that is no service": ["stats"],
}


@proc
@pytest.mark.parametrize("what", STARTING)
def test_while_it_starts(cli: Cli, silent: str, tmp_path: Path, what: str) -> None:
    (tmp_path / "a_module.py").write_text(WORKER)
    process = cli.popen(*STARTING[what], stdin=subprocess.PIPE, cwd=tmp_path, NEO4J_URI=silent)
    assert eventually(lambda: connects(process.pid), SECONDS)
    code = ended(process, signal.SIGTERM)
    assert code == (143 if what.startswith("a command") else 0), process.stderr.read()


def connects(pid: int) -> bool:
    """Whether a process has a socket, as it has none before it connects."""
    with contextlib.suppress(FileNotFoundError):  # what was open is closed meanwhile
        links = [str(link.readlink()) for link in Path(f"/proc/{pid}/fd").iterdir()]
        return any(link.startswith("socket:") for link in links)
    return False


def test_a_reader_of_standard_output_that_goes(cli: Cli) -> None:
    with cli.popen("cypher", "--json", "UNWIND range(1, 100000) AS x RETURN x") as process:
        assert process.stdout is not None
        process.stdout.close()
        assert process.stderr is not None
        assert process.stderr.read() == ""
        assert process.wait(SECONDS) == 1


def test_standard_output_that_is_full_or_closed() -> None:
    command = [sys.executable, "-m", "graph_orch.cli", "--help"]
    with open("/dev/full", "w") as full:
        done = subprocess.run(command, stdout=full, stderr=subprocess.PIPE, text=True, check=False)
    assert (done.returncode, len(done.stderr.splitlines())) == (1, 1), done.stderr
    done = subprocess.run(
        ["sh", "-c", '"$@" >&-', "sh", *command], stderr=subprocess.PIPE, text=True, check=False
    )
    assert "Traceback" not in done.stderr
