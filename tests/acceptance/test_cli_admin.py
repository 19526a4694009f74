"""Schedules, pruning and redriving by the command line, on a real server."""

from __future__ import annotations

import json
from pathlib import Path
from uuid import uuid4

import pytest

from tests.command_line import Cli


@pytest.fixture
def kind() -> str:
    return f"type-{uuid4()}"


@pytest.fixture
def name(cli: Cli):
    found = f"s-{str(uuid4())[:8]}"
    yield found
    cli("schedule", "remove", found, code=0 if _names(cli) & {found} else 3)


def _names(cli: Cli) -> set[str]:
    return {row["name"] for row in cli.json("schedule", "list")}


@pytest.fixture
def failed(cli: Cli, orch, kind: str):
    """Make a failed task, and return its id."""

    def make() -> str:
        agent = orch.agents.register_agent(f"agent-{uuid4()}", []).agent_id
        task_id = orch.tasks.create_task("x", kind)
        orch.tasks.assign_task(task_id, agent)
        return orch.tasks.fail_task(task_id, "broken", should_retry=False).task_id

    return make


def test_schedule_is_put_listed_ticked_and_removed(cli: Cli, cypher, kind: str, name: str) -> None:
    args = ("schedule", "put", name, "0 * * * *", "sweep", "--type", kind, "-s", "broom")
    made = cli.json(*args, "--timezone", "Europe/Berlin")
    assert (made["name"], made["cron"], made["timezone"]) == (name, "0 * * * *", "Europe/Berlin")
    assert name in cli("schedule", "list").stdout
    assert cli.json("schedule", "tick") == []
    cypher("MATCH (s:Schedule) SET s.next_at = s.next_at - duration('PT1H')")
    task_id = cli("schedule", "tick").stdout.strip()
    task = cli.json("task", "show", task_id)
    assert (task["content"], task["task_type"], task["requirements"]) == ("sweep", kind, ["broom"])
    assert cli.json(*args, "--paused")["next_at"] is None
    assert "paused" in cli("schedule", "list").stdout
    assert cli.json("schedule", "remove", name) == {"name": name, "removed": True}
    assert name not in _names(cli)
    assert cli.json("task", "show", task_id)["status"] == "pending"


def test_schedule_that_cannot_be(cli: Cli, name: str) -> None:
    assert "Bad minute" in cli("schedule", "put", name, "99 * * * *", "x", code=4).stderr
    put = ("schedule", "put", name, "* * * * *", "x")
    assert "Mars" in cli(*put, "--timezone", "Mars", code=4).stderr
    assert name in cli("schedule", "remove", name, code=3).stderr


def test_prune_exports_and_deletes(cli: Cli, failed, cypher, kind: str, tmp_path: Path) -> None:
    old, young = failed(), failed()
    cypher(
        "MATCH (t:Task {task_id: $id}) SET t.completed_at = t.completed_at - duration('P31D')",
        id=old,
    )
    file = tmp_path / "old.jsonl"
    file.write_text('{"task_id": "from before"}\n')
    args = ("prune", "--older-than", "30d", "--export", str(file))
    assert cli.json(*args, "--status", "completed") == {"pruned": 0}
    assert cli.json(*args, "--status", "failed", "--status", "cancelled") == {"pruned": 1}
    records = [json.loads(line) for line in file.read_text().splitlines()]
    assert [record["task_id"] for record in records] == ["from before", old]
    assert [event["type"] for event in records[1]["events"]] == ["created", "assigned", "failed"]
    assert records[1]["tries"][0]["error"] == "broken"
    assert "0 tasks deleted" in cli(*args).stdout
    cli("task", "show", old, code=3)
    assert cli.json("task", "show", young)["status"] == "failed"


@pytest.mark.parametrize(
    ("args", "code"),
    [
        (["prune"], 2),
        (["prune", "--older-than", "soon"], 2),
        (["prune", "--older-than", "99999d"], 4),
        (["prune", "--older-than", "1d", "--status", "running"], 4),
        (["prune", "--older-than", "1d", "--export", "/no/such/directory/x.jsonl"], 1),
        (["task", "retry"], 2),
        (["task", "retry", str(uuid4()), "--failed"], 2),
        (["task", "cancel"], 2),
        (["task", "cancel", str(uuid4()), "--type", "x"], 2),
        (["task", "cancel", str(uuid4()), "--dry-run"], 2),
        (["task", "cancel", "--status", "completed"], 4),
        (["task", "retry", "--failed", "--workflow", "x"], 2),
        (["task", "rate", str(uuid4()), "7"], 4),
    ],
)
def test_exit_codes(cli: Cli, args: list[str], code: int) -> None:
    done = cli(*args, code=code)
    assert done.stderr
    assert "Traceback" not in done.stderr


def test_retry_many(cli: Cli, failed, kind: str) -> None:
    ids = [failed() for _ in range(3)]
    args = ("task", "retry", "--failed", "--type", kind)
    assert cli(*args, "--limit", "1").stdout.split() == ids[:1]
    again = cli.json(*args)
    assert {(task["task_id"], task["status"]) for task in again} == {
        (task_id, "pending") for task_id in ids[1:]
    }
    assert cli.json(*args) == []
    assert cli.json("task", "retry", failed())["status"] == "pending"


def test_many_are_cancelled_and_retried_by_filters(cli: Cli, kind: str) -> None:
    for n in range(3):
        cli("task", "create", f"page {n}", "--type", kind)
    args = ("task", "cancel", "--type", kind, "--text", "page")
    assert cli.json(*args, "--dry-run") == {"matched": 3}
    assert cli(*args, "--reason", "wrong").stdout.strip() == "3 tasks cancelled"
    assert cli.json(*args) == {"cancelled": 0}
    assert cli.json("task", "retry", "--type", kind, "--status", "cancelled") == {"retried": 3}
    assert len(cli.json("task", "list", "--type", kind, "--text", "1")) == 1


def test_rate(cli: Cli, failed) -> None:
    task_id = failed()
    rated = cli.json("task", "rate", task_id, "0.5", "--by", "ada", "--attempt", "1")
    assert (rated["score"], rated["rated_by"], rated["outcome"]) == (0.5, "ada", "failed")
    assert "rated" in cli("task", "history", task_id).stdout
    assert "none of its tries was completed" in cli("task", "rate", task_id, "1", code=4).stderr


def test_maintain_ticks_what_it_can(cli: Cli, cypher, kind: str, name: str) -> None:
    cli("schedule", "put", name, "0 * * * *", "sweep", "--type", kind)
    cypher("MATCH (s:Schedule) SET s.next_at = s.next_at - duration('PT1H')")
    assert cli.json("maintain", "--once")["scheduled"] == 1
    cypher(
        "MATCH (s:Schedule) SET s.timezone = 'Mars/Olympus', "
        "s.next_at = s.next_at - duration('PT1H')"
    )
    done = cli.process("maintain", "--once")
    assert "Mars/Olympus" in done.stderr
    assert "scheduled 0" in done.stdout
