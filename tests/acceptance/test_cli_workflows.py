"""Workflows and gates by the command line, on a real server."""

from __future__ import annotations

import json
from concurrent.futures import ThreadPoolExecutor
from uuid import uuid4

import pytest

from tests.command_line import Cli

TASKS = [
    {"name": "search", "content": "find papers", "task_type": "search"},
    {"name": "write", "content": "write it up", "task_type": "text", "dependencies": ["search"]},
]


@pytest.fixture
def file(tmp_path):
    """A file with a workflow."""

    def write(given: object) -> str:
        path = tmp_path / "flow.json"
        path.write_text(given if isinstance(given, str) else json.dumps(given))
        return str(path)

    return write


def test_a_workflow_from_start_to_results(cli: Cli, orch, file) -> None:
    flow = f"flow-{uuid4()}"
    path = file({"name": "paper", "tasks": TASKS})
    made = cli.json("workflow", "start", path, "--id", flow)
    assert (made["workflow_id"], made["state"]) == (flow, "running")
    assert cli.json("workflow", "start", path, "--id", flow)["created_at"] == made["created_at"]
    listed = cli.json("workflow", "list", "--state", "running")
    assert flow in {row["workflow_id"] for row in listed}
    assert "paper" in cli("workflow", "list").stdout
    names = [row["name"] for row in cli.json("task", "list", "--workflow", flow)]
    assert names == ["write", "search"]  # the newest first
    told = cli("workflow", "show", flow).stdout
    assert "is running" in told
    assert "it may be done in" in told
    agent = orch.agents.register_agent(f"agent-{uuid4()}", []).agent_id
    first = cli.json("task", "list", "--workflow", flow)[-1]["task_id"]
    orch.tasks.assign_task(first, agent)
    orch.tasks.start_task(first)
    assert f"runs: search, running by {agent}" in cli("workflow", "show", flow).stdout
    orch.tasks.complete_task(first, {"found": 12})
    assert json.loads(cli("workflow", "results", flow).stdout) == {"search": {"found": 12}}
    assert cli.json("workflow", "cancel", flow, "--reason", "enough")["state"] == "cancelled"
    assert cli.json("workflow", "show", flow, "--wait", "5")["reason"] == "enough"
    assert cli.json("workflow", "retry", flow, "--from-start")["state"] == "running"
    cli("workflow", "cancel", flow)


def test_what_is_no_workflow(cli: Cli, file) -> None:
    for given, said in (
        ("{", "is not JSON"),
        ([], "holds no object"),
        ({"name": "x"}, "name and tasks are needed"),
        ({"name": "x", "tasks": [], "color": "red"}, "color may not"),
        ({"name": "x", "tasks": [{"content": 5}]}, "start: content"),
    ):
        assert said in cli("workflow", "start", file(given), code=4).stderr
    assert "does not exist" in cli("workflow", "show", "nothing", code=3).stderr


def test_watching_in_a_pipe(cli: Cli, orch, tmp_path) -> None:
    agent = orch.agents.register_agent(f"agent-{uuid4()}", []).agent_id
    path = tmp_path / "flow.yaml"
    path.write_text("name: one\ntasks: [{name: a, content: x, task_type: any, max_retries: 0}]\n")
    for end, code in (("complete", 0), ("fail", 1), ("cancel", 4)):
        flow = f"flow-{uuid4()}"
        cli("workflow", "start", str(path), "--id", flow)
        (task,) = orch.tasks.query_tasks({"workflow_id": flow})
        orch.tasks.assign_task(task.task_id, agent)
        orch.tasks.start_task(task.task_id)
        with ThreadPoolExecutor(1) as pool:
            watching = pool.submit(cli.process, "workflow", "watch", flow, code=code)
            if end == "complete":
                orch.tasks.complete_task(task.task_id, 1)
            elif end == "fail":
                orch.tasks.fail_task(task.task_id, "no luck")
            else:
                orch.workflows.cancel(flow, "not needed")
            said = watching.result().stdout
        assert "\x1b" not in said
        assert {
            "complete": f"one ({flow}) is completed: 1 completed",
            "fail": "  failed: a: no luck",
            "cancel": f"one ({flow}) is cancelled: not needed: 1 cancelled",
        }[end] in said
        *_, last = cli("workflow", "watch", flow, "--json", code=code).stdout.splitlines()
        assert json.loads(last)["workflow_id"] == flow
        events = cli("events", "--workflow", flow, "--json").stdout.splitlines()
        assert {json.loads(line)["task_id"] for line in events} == {task.task_id}
        rows = cli("export", "--workflow", flow).stdout.splitlines()
        assert [json.loads(row)["task_id"] for row in rows] == [task.task_id]


@pytest.mark.parametrize(
    "command",
    [
        *(["task", "list"], ["task", "cancel"], ["task", "retry"], ["export"], ["events"]),
        ["graph", "tasks", "-o", "none.json"],
    ],
    ids=" ".join,
)
def test_a_workflow_that_is_not_there_is_told_with_ids_like_it(
    cli: Cli, orch, tmp_path, monkeypatch, command
) -> None:
    monkeypatch.chdir(tmp_path)
    orch.workflows.start("paper", [], workflow_id="papers-of-1907")
    done = cli(*command, "--workflow", "papers-of-1970", code=3)
    assert "workflow 'papers-of-1970' does not exist" in done.stderr
    assert done.stderr.strip().endswith("Did you mean papers-of-1907?")
    assert done.stdout == ""
    assert not (tmp_path / "none.json").exists()


def test_budgets_are_set_and_seen(cli: Cli, orch) -> None:
    orch.workflows.start("paper", [], workflow_id="paper-budget")
    state = cli.json("budget", "set", "workflow:paper-budget", "--cost", "1.50", "--tokens", "9")
    assert (state["budget"]["cost"], state["left"]["tokens"]) == ("1.5", 9)
    assert "tokens 9, cost 1.5 USD" in cli("budget", "list").stdout
    replaced = cli("budget", "set", "workflow:paper-budget", "--tries", "3").stdout
    assert "paper-budget had tokens 9, cost 1.5 USD, and has tries 3" in replaced
    assert cli.json("budget", "get", "workflow:paper-budget")["is_closed"] is False
    assert "workflow:ID" in cli("budget", "get", "paper", code=4).stderr


def test_a_limit_says_what_it_replaces(cli: Cli, orch) -> None:
    key = f"key-{uuid4()}"
    assert orch.tasks.get_concurrency_limit(key) is None
    assert "had" not in cli("limit", key, "--at-once", "3").stdout
    said = cli("limit", key, "--rate", "60", "--burst", "5").stdout
    assert f"{key} had 3 at once, and has 3 at once, one in 1 s and 5 after a time of none" in said
    assert cli.json("limit", key, "--no-rate")["max"] == 3
    assert orch.tasks.get_concurrency_limit(key) == orch.tasks.set_concurrency_limit(key, 3)
    assert orch.tasks.get_concurrency_limits() == [orch.tasks.get_concurrency_limit(key)]


def test_gates_are_decided(cli: Cli, orch) -> None:
    made = cli("gate", "create", "publish?", "--approver", "grace", "--expires-seconds", "600")
    gate = orch.gates.get(made.stdout.strip())
    task_id = orch.tasks.create_task("x", f"type-{uuid4()}", gates=[gate.gate_id])
    assert "publish?" in cli("gate", "list").stdout
    assert cli.json("gate", "show", gate.gate_id)["task_ids"] == [task_id]
    assert "may not decide" in cli("gate", "approve", gate.gate_id, "--by", "eve", code=4).stderr
    done = cli.json("gate", "approve", gate.gate_id, "--by", "grace", "--comment", "good")
    assert (done["status"], done["comment"]) == ("approved", "good")
    assert (
        "it is approved by 'grace'"
        in cli("gate", "reject", gate.gate_id, "--by", "grace", code=4).stderr
    )
    assert gate.gate_id in {
        row["gate_id"] for row in cli.json("gate", "list", "--status", "approved")
    }
    assert "no gate of these ids" in cli("gate", "show", "nothing", code=3).stderr
    orch.tasks.cancel_task(task_id)


def test_an_answer_is_json_that_fits(cli: Cli, orch) -> None:
    gate = orch.gates.create("how much?", kind="input", schema={"type": "integer"})
    assert "is not JSON" in cli("gate", "answer", gate.gate_id, "five", code=4).stderr
    assert "payload: $:" in cli("gate", "answer", gate.gate_id, '"five"', code=4).stderr
    assert cli.json("gate", "answer", gate.gate_id, "5")["payload"] == 5
