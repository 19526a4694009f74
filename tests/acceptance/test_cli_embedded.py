"""Where nothing is set up: the command line starts an embedded server, shares it and ends it."""

from __future__ import annotations

import json
import os
from pathlib import Path

import pytest
from mcp import Client, StdioServerParameters

from graph_orch.embedded import EmbeddedNeo4j, server_status, stop_server
from graph_orch.tools.table import TOOLS
from tests.command_line import COMMAND, Cli
from tests.waiting import eventually

pytestmark = pytest.mark.own_server


def test_server_is_kept_until_it_is_stopped(tmp_path: Path) -> None:
    cli, env = Cli("", None, None), {"GRAPH_ORCH_DATA_DIR": str(tmp_path / "data")}
    assert "never started" in cli("server", "logs", code=4, **env).stderr
    assert "not running" in cli("server", "status", **env).stdout
    try:
        started = json.loads(cli.process("server", "start", "--json", **env).stdout)
        assert started["running"]
        assert started["uri"].startswith("bolt://127.0.0.1:")
        again = cli.json("server", "start", **env)
        assert again == started
        assert str(started["pid"]) in cli("server", "status", **env).stdout
        assert "Started" in cli("server", "logs", "--lines", "500", **env).stdout
        task_id = cli("task", "create", "kept", **env).stdout.strip()
        assert "kept" in cli("task", "show", task_id, **env).stdout
        with EmbeddedNeo4j(tmp_path / "data") as joined:
            assert joined.uri == started["uri"]
            assert "other processes" in cli("server", "stop", code=5, **env).stderr
            cli("server", "start", **env)  # else it would end with who uses it now
        assert cli.json("server", "status", **env) == started
    finally:
        stopped = json.loads(cli.process("server", "stop", "--json", **env).stdout)
    assert not stopped["running"]
    assert not stop_server(tmp_path / "data")


async def test_mcp_on_the_embedded_store(tmp_path: Path) -> None:
    """The whole of it where nothing is set up: the server starts the store, and ends it."""
    env = {name: it for name, it in os.environ.items() if not name.startswith("NEO4J_")}
    data_dir = tmp_path / "data"
    env["GRAPH_ORCH_DATA_DIR"] = str(data_dir)
    parameters = StdioServerParameters(command=COMMAND[0], args=[*COMMAND[1:], "mcp"], env=env)
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
    assert eventually(lambda: not server_status(data_dir).running)
