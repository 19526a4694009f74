"""The tools from the shell, and the MCP server on the embedded store."""

from __future__ import annotations

import json
from uuid import uuid4

import pytest

from tests.command_line import Cli


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
