"""The tools from the shell, and the MCP server on the embedded store."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path
from uuid import uuid4

import pytest
from mcp import Client, StdioServerParameters

from graph_orch.tools.table import TOOLS
from tests.acceptance.command_line import Cli
from tests.waiting import eventually


def test_call_runs_a_tool(cli: Cli) -> None:
    content = f"sort {uuid4()}"
    made = json.loads(
        cli("call", "orchestration_create_task", json.dumps({"content": content})).stdout
    )
    found = cli.json(
        "call", "orchestration_get_task_status", json.dumps({"task_id": made["task_ids"][0]})
    )
    assert (found["content"], found["status"]) == (content, "pending")


@pytest.mark.parametrize(
    ("args", "code", "says"),
    [
        (["orchestration_pol_tasks"], 4, "did you mean orchestration_poll_tasks"),
        (["orchestration_get_task_status", "{}"], 4, "task_id: Field required"),
        (["orchestration_get_task_status", '{"task_id": "x"}'], 3, "Next: orchestration_query"),
        (["orchestration_get_health", "[]"], 4, "not a JSON object"),
        (["orchestration_get_health", "{"], 4, "not JSON"),
    ],
)
def test_call_that_is_refused(cli: Cli, args: list[str], code: int, says: str) -> None:
    done = cli("call", *args, code=code)
    assert says in done.stderr
    assert len(done.stderr.splitlines()) == 1


def test_install_never_prints_a_password(cli: Cli) -> None:
    done = cli("mcp", "install", "--profile", "worker", NEO4J_PASSWORD="a-secret-word")
    assert "a-secret-word" not in done.stdout
    for client in ("Claude Desktop", "claude mcp add", "Cursor", "mcp_servers", "VS Code"):
        assert client in done.stdout
    assert "worker" in done.stdout


def runs(env: dict[str, str]) -> bool:
    command = [sys.executable, "-m", "graph_orch.cli", "server", "status", "--json"]
    done = subprocess.run(command, env=env, capture_output=True, text=True, check=True)
    return bool(json.loads(done.stdout)["running"])


async def test_mcp_on_the_embedded_store(tmp_path: Path) -> None:
    """The whole of it where nothing is set up: the server starts the store, and ends it."""
    env = {name: it for name, it in os.environ.items() if not name.startswith("NEO4J_")}
    env["GRAPH_ORCH_DATA_DIR"] = str(tmp_path / "data")
    command = [sys.executable, "-m", "graph_orch.cli"]
    parameters = StdioServerParameters(command=command[0], args=[*command[1:], "mcp"], env=env)
    async with Client(parameters, read_timeout_seconds=120) as client:
        assert [tool.name for tool in (await client.list_tools()).tools] == list(TOOLS)

        async def call(tool: str, **arguments: object) -> dict[str, object]:
            result = await client.call_tool(f"orchestration_{tool}", arguments)
            assert not result.is_error, result.content
            return result.structured_content or {}

        await call("register_agent", agent_id="ada", capabilities=["python"])
        made = await call("create_task", content="x", requirements=["python"])
        work = await call("poll_tasks", agent_id="ada", claim=True, wait_seconds=60)
        (task,) = work["tasks"]  # type: ignore[misc]
        own = {"task_id": task["task_id"], "attempt": task["attempt"]}
        await call("start_task", **own)
        assert (await call("complete_task", result="done", **own))["status"] == "completed"
        assert made["task_ids"] == [task["task_id"]]
    # A client ends a server that takes long to end; the store then ends by itself.
    assert eventually(lambda: not runs(env))
