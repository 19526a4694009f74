"""`graph-orch task why` on a real server."""

from __future__ import annotations

from uuid import uuid4

from tests.command_line import Cli


def test_why_a_task_waits(cli: Cli) -> None:
    skill = f"skill-{uuid4()}"
    cli("agent", "register", f"agent-{uuid4()}")
    root = cli("task", "create", "first", "-s", skill).stdout.strip()
    last = cli("task", "create", "second", "--after", root).stdout.strip()
    found = cli.json("task", "why", last)
    assert found["is_waiting"] is True
    assert [(it["kind"], it["task_id"]) for it in found["reasons"]] == [
        ("dependency", root),
        ("missing_skill", root),
    ]
    text = cli("task", "why", last).stdout
    assert f"{last} is pending, and waits" in text
    assert skill in text
    cli("agent", "register", f"agent-{uuid4()}", "-s", skill)
    assert "is ready" in cli("task", "why", root).stdout


def test_why_of_a_task_that_is_not_there(cli: Cli) -> None:
    done = cli("task", "why", str(uuid4()), code=3)
    assert "does not exist" in done.stderr
