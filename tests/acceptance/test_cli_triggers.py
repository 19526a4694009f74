"""Triggers by the command line, and what files declare."""

from __future__ import annotations

import json
from pathlib import Path

from tests.command_line import Cli

TASK = '{"content": "check {task.content}", "task_type": "check"}'
FILES = {
    "triggers.yaml": """
- kind: trigger
  name: check
  on: created:write
  create: {content: "check {task.content}", task_type: check}
- kind: schedule
  name: nightly
  cron: 30 2 * * *
  task: {content: sweep, task_type: chore}
""",
    "news.json": '{"kind": "subscription", "name": "news", "pattern": "failed:*"}',
    "notes.txt": "no declaration",
}


def test_a_trigger_is_put_shown_tested_run_and_removed(cli: Cli, orch) -> None:
    made = cli.json("trigger", "put", "check", "created:write", "--create", TASK)
    assert (made["on"], made["action"], made["when"]) == ("created:write", "create", None)
    orch.tasks.create_task("bees", "write")
    (match,) = cli.json("trigger", "test", "check")
    (fired,) = cli.json("trigger", "run")
    assert (fired["status"], fired["position"]) == ("done", match["position"])
    assert [it.content for it in orch.tasks.query_tasks({"task_type": "check"})] == ["check bees"]
    shown = cli.json("trigger", "show", "check")
    assert (shown["trigger"]["fired"], shown["firings"]) == (1, [fired])
    assert "done" in cli("trigger", "show", "check").stdout
    assert "created:write" in cli("trigger", "list").stdout
    when = json.dumps({"count": 2})
    assert cli.json("trigger", "test", "--on", "created:*", "--when", when, "--over", "1h") != []
    assert cli("trigger", "retry", "check").stdout == "0 firings are done again\n"
    assert cli("trigger", "remove", "check").stdout == "removed check\n"
    assert "does not exist" in cli("trigger", "remove", "check", code=3).stderr
    assert "does not exist" in cli("trigger", "show", "check", code=3).stderr
    assert "not JSON" in cli("trigger", "put", "x", "created", "--create", "{", code=4).stderr
    told = '{"webhook": "w"}'
    assert cli.json("trigger", "put", "tell", "failed", "--post", told)["action"] == "post"
    assert "nothing is given" in cli("trigger", "put", "x", "created", code=4).stderr


def test_files_are_applied_as_a_set(cli: Cli, orch, tmp_path: Path) -> None:
    for name, text in FILES.items():
        (tmp_path / name).write_text(text)
    args = ("apply", "-f", str(tmp_path), "--set", "mine")
    planned = cli(*args, "--dry-run").stdout.splitlines()
    assert planned == [
        "+ subscription news",
        "+ trigger check",
        "+ schedule nightly",
        "3 to create; nothing was changed",
    ]
    assert orch.triggers.list() == []
    assert cli(*args).stdout.splitlines()[-1] == "3 to create"
    assert cli(*args, "--prune").stdout.splitlines()[-1] == "3 to keep"
    (tmp_path / "news.json").unlink()
    (tmp_path / "triggers.yaml").write_text(FILES["triggers.yaml"].replace("30 2", "45 2"))
    assert cli(*args, "--prune").stdout.splitlines() == [
        "= trigger check",
        "~ schedule nightly",
        '    cron: "30 2 * * *" -> "45 2 * * *"',
        "- subscription news",
        "1 to change, 1 to remove, 1 to keep",
    ]
    (tmp_path / "wrong.yaml").write_text("- kind: trigger\n  name: x\n  on: created\n- kind: x\n")
    (tmp_path / "more.yaml").write_text("a: [")
    assert "more.yaml, line 2: is not YAML" in cli(*args, code=4).stderr
    (tmp_path / "more.yaml").unlink()
    refused = cli(*args, code=4).stderr
    assert "wrong.yaml, item 1: trigger 'x': a trigger does one thing, and nothing is" in refused
    assert "wrong.yaml, item 2: kind: Input should be" in refused
    assert [it.name for it in orch.triggers.list()] == ["check"]
