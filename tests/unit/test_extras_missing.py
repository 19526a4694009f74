"""What a missing extra says, and that `mcp` and `a2a` do without each other."""

from __future__ import annotations

import re
import subprocess
import sys

import httpx
import pytest

WITHOUT_MCP = "import sys; sys.modules |= {'mcp': None, 'mcp_types': None}\n"
A2A = """
import asyncio
from types import SimpleNamespace
from graph_orch.serve import a2a
from graph_orch.serve.http import serve_http
from graph_orch.serve.options import HttpOptions

async def held_skills(most):
    return ["python"]

async def schemas():
    return {}

orch = SimpleNamespace(
    monitor=SimpleNamespace(held_skills=held_skills), agents=SimpleNamespace(schemas=schemas)
)
options = HttpOptions(port=0)
asyncio.run(serve_http(options, lambda url: a2a.routes(orch, url, options.principal)))
"""


def test_mcp_on_stdio_says_what_to_install():
    command = WITHOUT_MCP + "from graph_orch.cli import main; sys.argv[1:] = ['mcp']; main()"
    done = subprocess.run(
        [sys.executable, "-c", command], capture_output=True, text=True, check=False
    )
    assert (done.returncode, done.stdout) == (4, "")
    assert "install graph-orch[mcp] to serve MCP" in done.stderr


def test_a2a_is_served_without_mcp():
    command = [sys.executable, "-c", WITHOUT_MCP + A2A]
    with subprocess.Popen(command, stderr=subprocess.PIPE, text=True) as process:
        try:
            line = process.stderr.readline()
            found = re.search(r"serving (.*) at (http://\S+)", line)
            assert found, line
            assert found[1] == "/.well-known/agent-card.json, /a2a"
            card = httpx.get(f"{found[2]}/.well-known/agent-card.json", timeout=60).json()
            assert [skill["name"] for skill in card["skills"]] == ["python"]
        finally:
            process.kill()


@pytest.mark.parametrize(
    ("module", "url", "extra"),
    [
        ("nats", "nats://host", "nats"),
        ("redis", "redis://host", "redis"),
        ("aiokafka", "kafka://host", "kafka"),
        ("cloudevents", "nats://host", "nats"),
    ],
)
@pytest.mark.parametrize("command", ["relay --to", "ingest --task {} --from"])
def test_a_broker_says_what_to_install(module, url, extra, command):
    args = [*command.split(), url]
    code = f"import sys; sys.modules[{module!r}] = None\nfrom graph_orch.cli import main\n"
    done = subprocess.run(
        [sys.executable, "-c", f"{code}sys.argv[1:] = {args!r}; main()"],
        capture_output=True,
        text=True,
        check=False,
    )
    assert (done.returncode, done.stdout) == (4, "")
    assert f"install graph-orch[{extra}] to exchange events by {extra}://" in done.stderr
