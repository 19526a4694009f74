"""The command line on a real server; as a real process where that is what matters."""

from __future__ import annotations

import json
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import Any
from uuid import uuid4

import pytest

from graph_orch import DependencyFailure, NewTask, Orchestrator
from tests.command_line import TIMEOUT_SECONDS, Cli


@pytest.fixture
def skill() -> str:
    return f"skill-{uuid4()}"


@pytest.fixture
def agent(cli: Cli, skill: str) -> str:
    agent_id = f"agent-{uuid4()}"
    cli("agent", "register", agent_id, "-s", skill, "--slots", "1")
    return agent_id


def test_task_is_created_listed_and_shown(cli: Cli) -> None:
    kind = f"type-{uuid4()}"
    task_id = cli("task", "create", "sort this", "--type", kind).stdout.strip()
    listed = cli.process("task", "list", "--type", kind, "--json").stdout
    assert [row["task_id"] for row in json.loads(listed)] == [task_id]
    assert cli.json("task", "show", task_id)["content"] == "sort this"
    assert "sort this" in cli("task", "show", task_id).stdout
    assert [event["type"] for event in cli.json("task", "history", task_id)] == ["created"]


def test_task_is_cancelled_and_retried(cli: Cli) -> None:
    task_id = cli("task", "create", "x").stdout.strip()
    assert cli.json("task", "cancel", task_id, "--reason", "no")["status"] == "cancelled"
    assert cli.json("task", "retry", task_id)["status"] == "pending"


def test_task_waits_for_another(cli: Cli) -> None:
    first = cli("task", "create", "first").stdout.strip()
    second = cli.json("task", "create", "second", "--after", first)
    assert second["dependencies"] == [first]
    assert second["unmet"] == 1


def test_route_only_reads_and_dispatch_assigns(cli: Cli, agent: str, skill: str) -> None:
    task_id = cli("task", "create", "x", "-s", skill).stdout.strip()
    assert cli("route", task_id).stdout.strip() == agent
    assert cli.json("task", "show", task_id)["status"] == "pending"
    found = cli.json("route", task_id, "--dispatch")
    assert found == {"task_id": task_id, "agent_id": agent, "dispatched": True}
    assert cli.json("task", "show", task_id)["assigned_to"] == agent


def test_route_finds_nobody(cli: Cli, skill: str) -> None:
    task_id = cli("task", "create", "x", "-s", skill).stdout.strip()
    assert cli.json("route", task_id)["agent_id"] is None


def test_agent_learns_and_is_removed(cli: Cli, agent: str) -> None:
    assert "cypher" in cli.json("agent", "learn", agent, "cypher")["capabilities"]
    assert agent in {row["agent_id"] for row in cli.json("agent", "list")}
    cli("agent", "remove", agent)
    assert agent in cli("agent", "show", agent, code=3).stderr


def test_numbers_and_checks(cli: Cli, agent: str) -> None:
    found = cli.json("stats")
    assert found["agents"]["total_agents"] >= 1
    assert set(found) == {"queue", "agents", "routing"}
    assert cli.json("doctor")["is_sound"]
    assert cli.json("migrate")["version"] >= 1


def test_export_is_json_lines(cli: Cli, agent: str) -> None:
    task_id = cli("task", "create", "x").stdout.strip()
    cli("budget", "set", f"agent:{agent}", "--tokens", "5")
    rows = [json.loads(line) for line in cli("export").stdout.splitlines()]
    assert f"agent:{agent}" in {row["owner"] for row in rows if row["kind"] == "budget"}
    assert agent in {row["agent_id"] for row in rows if row["kind"] == "agent"}
    assert task_id in {row["task_id"] for row in rows if row["kind"] == "task"}


def test_cypher_reads_and_never_writes(cli: Cli, agent: str) -> None:
    assert cli.json("cypher", "RETURN 1 AS one, datetime() IS NULL AS no") == [
        {"one": 1, "no": False}
    ]
    query = f"MATCH (a:Agent {{agent_id: '{agent}'}}) RETURN a, a.registered_at AS at"
    assert cli.json("cypher", query)[0]["a"]["agent_id"] == agent
    assert agent in cli("cypher", query).stdout
    cli("cypher", "CREATE (:Unwanted)", code=4)


@pytest.mark.parametrize(
    ("args", "code"),
    [
        (["task", "show", str(uuid4())], 3),
        (["task", "cancel", str(uuid4())], 3),
        (["task", "history", str(uuid4())], 3),
        (["agent", "remove", f"nobody-{uuid4()}"], 3),
        (["task", "show", "not a uuid"], 3),
        (["task", "list", "--limit", "0"], 4),
        (["cypher", "this is not Cypher"], 4),
        (["task", "list", "--status", "unheard-of"], 2),
        (["run", "no-such-file.json"], 2),
        (["no-such-command"], 2),
    ],
)
def test_exit_codes(cli: Cli, args: list[str], code: int) -> None:
    done = cli.process(*args, code=code)
    assert done.stderr
    assert "Traceback" not in done.stderr
    if code != 2:
        assert len(done.stderr.splitlines()) == 1


def test_refused_transition_is_one_line(cli: Cli) -> None:
    task_id = cli("task", "create", "x").stdout.strip()
    assert "it is pending" in cli("task", "retry", task_id, code=4).stderr


def test_unreachable_store(cli: Cli) -> None:
    done = cli("stats", code=5, NEO4J_URI="bolt://127.0.0.1:1")
    assert len(done.stderr.splitlines()) == 1


def wfformat(split: bool) -> dict[str, Any]:
    """A diamond, in the one layout or the other."""
    edges = {"a": [], "b": ["a"], "c": ["a"], "d": ["b", "c"]}
    tasks = [
        {"id": key, "name": key, "parents": parents, "children": []}
        for key, parents in edges.items()
    ]
    ran = [
        {"id": key, "runtimeInSeconds": 0.2, "command": {"program": f"p-{key}"}} for key in edges
    ]
    if split:
        return {"workflow": {"specification": {"tasks": tasks}, "execution": {"tasks": ran}}}
    return {"workflow": {"tasks": [task | row for task, row in zip(tasks, ran, strict=True)]}}


@pytest.mark.parametrize("split", [True, False])
def test_run_keeps_the_dependencies(cli: Cli, tmp_path: Path, split: bool) -> None:
    file = tmp_path / "diamond.json"
    file.write_text(json.dumps(wfformat(split)))
    found = cli.json("run", str(file), "--agents", "2", "--slots", "1", "--speed", "2")
    assert (found["tasks"], found["completed"], found["dependencies"]) == (4, 4, 4)
    assert found["violations"] == []
    assert found["critical_path_seconds"] == pytest.approx(0.3)
    assert found["makespan_seconds"] >= 0.3


def test_run_refuses_what_is_not_wfformat(cli: Cli, tmp_path: Path) -> None:
    file = tmp_path / "other.json"
    file.write_text('{"workflow": {"tasks": [{"id": "a", "parents": ["b"]}]}}')
    assert "'b'" in cli("run", str(file), code=4).stderr


def test_demo_audits_twice_in_a_row(cli: Cli) -> None:
    for _ in range(2):
        found = cli.json("demo", "--limit", "5")
        assert (found["total"], found["audited"], found["failed"]) == (5, 5, 0)
        assert sum(agent["done"] for agent in found["agents"]) == 5
    assert "longest chain" in cli("demo", "--limit", "5").stdout


def test_demo_takes_back_what_a_killed_run_left(cli: Cli) -> None:
    cli("demo", "--limit", "1")
    task_id = cli("task", "create", "left", "-s", "native-code", "-s", "console-scripts")
    others = [
        row["agent_id"]
        for row in cli.json("agent", "list")
        if not row["agent_id"].startswith("demo-auditor-")
    ]
    exclude = [arg for other in others for arg in ("--exclude", other)]
    assert cli.json("route", task_id.stdout.strip(), "--dispatch", *exclude)["agent_id"]
    assert cli.json("demo", "--limit", "1")["released"] == 1
    assert cli.json("task", "show", task_id.stdout.strip())["status"] == "pending"


def test_demo_cancels_the_chain_that_a_killed_run_left(
    cli: Cli, server: tuple[str, tuple[str, str] | None, str | None]
) -> None:
    cli("demo", "--limit", "1")
    chain = [str(uuid4()) for _ in range(3)]
    tasks = [
        NewTask(
            task_id=key,
            content="left",
            task_type="environment-audit",
            dependencies=chain[:number][-1:],
            on_dependency_failure=DependencyFailure.CANCEL,
        )
        for number, key in enumerate(chain)
    ]
    with Orchestrator.connect(*server) as orch:
        orch.workflows.start("demo", tasks, workflow_id=f"graph-orch-demo:{uuid4()}")
    assert cli.json("demo", "--limit", "1")["cancelled"] == 3
    assert {cli.json("task", "show", key)["status"] for key in chain} == {"cancelled"}


def test_killed_demo_leaves_a_sound_graph_and_the_next_works(cli: Cli) -> None:
    with cli.popen("demo") as process:
        assert process.stderr is not None
        assert "auditing" in process.stderr.readline()
        process.kill()
        process.communicate(timeout=TIMEOUT_SECONDS)
    assert cli.json("doctor")["is_sound"]
    found = cli.json("demo", "--limit", "3")
    assert found["audited"] == 3
    kept = "MATCH (t:Task {task_type: 'environment-audit'}) WHERE t.status IN $live RETURN t"
    live = "['pending', 'assigned', 'running']"
    assert cli.json("cypher", kept.replace("$live", live)) == []


def test_events_of_a_pattern_are_followed(cli: Cli) -> None:
    kind = uuid4().hex
    cli("task", "create", "x", "--type", kind)
    follow = ("events", "follow", f"created:{kind}-*", "--after", "0", "--json")
    with cli.popen(*follow) as process:
        cli("task", "create", "x", "--type", kind)
        wanted = cli.json("task", "create", "x", "--type", f"{kind}-b")["task_id"]
        assert process.stdout is not None
        assert json.loads(process.stdout.readline())["task_id"] == wanted
        process.terminate()


def test_two_demos_on_one_store_do_not_overlap(cli: Cli) -> None:
    with cli.popen("demo") as process:
        assert process.stderr is not None
        assert "auditing" in process.stderr.readline()
        process.send_signal(signal.SIGSTOP)  # so that it has not ended before the other begins
        try:
            assert "another `graph-orch demo`" in cli("demo", "--limit", "1", code=4).stderr
        finally:
            process.send_signal(signal.SIGCONT)
        process.communicate(timeout=TIMEOUT_SECONDS)
        assert process.returncode == 0


def test_markup_in_names_is_text(cli: Cli, tmp_path: Path) -> None:
    file = tmp_path / "odd.json"
    tasks = [{"id": "[/red]", "name": "[bold]", "command": {"program": "[/b]"}}]
    file.write_text(json.dumps({"name": "[/blue]", "workflow": {"tasks": tasks}}))
    done = cli("run", str(file))
    assert "[/blue]" in done.stderr
    assert "b]" in done.stdout


MODULE = """
from graph_orch import Orchestrator, Worker
worker = Worker(Orchestrator.connect(), "module-agent", ["module-skill"])
worker.task("shout")(lambda ctx: ctx.task.content.upper())
"""


def until_ended(cli: Cli, task_id: str) -> Any:
    deadline = time.monotonic() + TIMEOUT_SECONDS
    while time.monotonic() < deadline:
        task = cli.json("task", "show", task_id)
        if task["status"] not in ("pending", "assigned", "running"):
            return task
    raise AssertionError(f"{task_id} did not end")


def end(process: subprocess.Popen[str]) -> None:
    process.send_signal(signal.SIGTERM)
    _, errors = process.communicate(timeout=TIMEOUT_SECONDS)
    assert process.returncode == 0, errors


def test_worker_of_a_module(cli: Cli, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "my_agents.py").write_text(MODULE)
    monkeypatch.chdir(tmp_path)
    task_id = cli("task", "create", "hello", "--type", "shout", "-s", "module-skill").stdout.strip()
    process = cli.popen("worker", "my_agents:worker")
    task = until_ended(cli, task_id)
    shown = [it for it in cli.json("workers") if it["agent_id"] == "module-agent"]
    end(process)
    assert (task["result"], task["assigned_to"]) == ("HELLO", "module-agent")
    assert [it["is_live"] for it in shown] == [True]


def test_worker_of_a_command(cli: Cli, skill: str) -> None:
    task_id = cli("task", "create", "; touch x", "--type", "any", "-s", skill).stdout.strip()
    code = "import json, sys; print(json.dumps(json.load(sys.stdin)['content'].split()))"
    command = f'{sys.executable} -c "{code}"'
    process = cli.popen("worker", "--exec", command, "--skills", f"{skill},other", "--agent", skill)
    task = until_ended(cli, task_id)
    end(process)
    assert task["result"] == [";", "touch", "x"]


@pytest.mark.parametrize(
    ("args", "code"),
    [
        (["worker"], 2),
        (["worker", "no_such_module:worker"], 4),
        (["worker", "json:dumps"], 4),
        (["worker", "nothing"], 4),
        (["worker", "--exec", "", "--skills", "a"], 4),
    ],
)
def test_worker_that_is_none(cli: Cli, args: list[str], code: int) -> None:
    done = cli(*args, code=code)
    assert done.stderr
    assert "Traceback" not in done.stderr


def test_maintain_looks_once(cli: Cli) -> None:
    assert set(cli.json("maintain", "--once")) >= {"tasks", "workers forgotten"}
