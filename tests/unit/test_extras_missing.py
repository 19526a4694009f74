"""What serves agents where only one of the extras `mcp` and `a2a` is installed."""

from __future__ import annotations

import re
import subprocess
import sys

import httpx

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
