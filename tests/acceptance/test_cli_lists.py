"""What the lists and statistics say to people: in a pipe, and on terminals of several widths."""

from __future__ import annotations

import fcntl
import os
import pty
import re
import signal
import struct
import subprocess
import termios
from uuid import uuid4

import pytest

from tests.command_line import HEEDING, Cli


def on_a_terminal(cli: Cli, *args: str, columns: int, until: str = "", **env: str) -> str:
    """What a command writes on a terminal; it is interrupted once it has written a text."""
    main, other = pty.openpty()
    fcntl.ioctl(other, termios.TIOCSWINSZ, struct.pack("HHHH", 24, columns, 0, 0))
    given = {name: it for name, it in cli._environment({"TERM": "xterm", **env}).items() if it}
    process = subprocess.Popen(
        [*HEEDING, *args],
        stdin=other,
        stdout=other,
        stderr=other,
        env=given,
        start_new_session=True,
    )
    os.close(other)
    said, asked = b"", False
    while True:
        try:
            part = os.read(main, 65_536)
        except OSError:  # the other end is closed
            break
        if not part:
            break
        said += part
        if until and not asked and until.encode() in said:
            process.send_signal(signal.SIGINT)
            asked = True
    os.close(main)
    process.wait(60)
    return said.decode()


def widths(shown: str) -> set[int]:
    return {len(re.sub(r"\x1b\[[\d;]*m", "", line)) for line in shown.splitlines()}


@pytest.fixture
def busy(orch):
    """A workflow with names, of which one task runs, one is done and one waits."""
    agent = orch.agents.register_agent(f"agent-{uuid4()}", ["sql"], max_concurrent_tasks=5)
    tasks = [{"name": name, "content": f"content of {name}", "task_type": "step"} for name in "abc"]
    tasks[2]["dependencies"] = ["a"]
    flow = orch.workflows.start("flow", tasks)
    ids = {it.name: it.task_id for it in orch.tasks.query_tasks({"workflow_id": flow.workflow_id})}
    for name in "ab":
        orch.tasks.assign_task(ids[name], agent.agent_id)
        orch.tasks.start_task(ids[name])
    orch.tasks.complete_task(ids["b"], 1, {"duration_ms": 2_500})
    return flow.workflow_id, agent.agent_id, ids


def test_tasks_are_listed_newest_first_with_relative_times(cli: Cli, orch, busy, cypher) -> None:
    flow, _agent, ids = busy
    moved = "MATCH (t:Task {task_id: $id}) SET t.created_at = t.created_at - duration('PT200S')"
    cypher(moved, id=ids["b"])
    as_json = [it["task_id"] for it in cli.json("task", "list", "--workflow", flow)]
    assert as_json == [ids["c"], ids["a"], ids["b"]]
    text = cli("task", "list", "--workflow", flow).stdout
    assert list(re.findall("|".join(ids.values()), text)) == as_json
    (line,) = [line for line in text.splitlines() if ids["b"] in line]
    assert "3 min ago" in line
    assert "b: content of b" in line
    for columns in (80, 200):
        shown = on_a_terminal(cli, "task", "list", "--workflow", flow, columns=columns)
        assert max(widths(shown)) <= columns
        assert all(it in shown for it in ("3 min ago", "running", "content of b", *ids.values()))
        assert not re.search(r"\x1b\[[\d;]*3\d", shown)  # NO_COLOR is set: bold at most


def test_colours_are_for_terminals_alone(cli: Cli, busy) -> None:
    flow = busy[0]
    assert "\x1b" not in cli.process("task", "list", "--workflow", flow, NO_COLOR="").stdout
    assert "\x1b[1m" in on_a_terminal(
        cli, "task", "list", "--workflow", flow, columns=100, NO_COLOR=""
    )


def test_a_list_is_watched(cli: Cli, orch, busy) -> None:
    flow, agent, ids = busy
    live = on_a_terminal(
        *(cli, "task", "list", "--workflow", flow, "--watch", "--every", "0.1"),
        columns=80,
        until=ids["a"],
    )
    assert "Traceback" not in live
    process = cli.popen("task", "list", "--workflow", flow, "--watch", "--every", "0.1")
    said = [process.stdout.readline() for _ in range(3)]
    assert f"{ids['a']} running by {agent}: step: a: content of a\n" in said
    orch.tasks.complete_task(ids["a"], 1)
    assert process.stdout.readline().startswith(f"{ids['a']} completed by {agent}")
    process.send_signal(signal.SIGINT)
    assert process.wait(60) == 130
    process.stdout.close()
    process.stderr.close()


def test_statistics_say_what_runs_and_have_units(cli: Cli, busy) -> None:
    _flow, agent, ids = busy
    text = cli("stats").stdout
    assert "{" not in text
    assert "1 blocked" in text
    assert "a completed task took 2.5 s on average" in text
    assert ids["a"] in text
    assert re.search(rf"{agent}\W+1 of 5\W+2\W+1\W+0\W+100.0%\W+2.5 s", text)
    (line,) = [line for line in text.splitlines() if ids["a"] in line]
    assert "running" in line
    assert "ago" in line or "just now" in line
    shown = on_a_terminal(cli, "stats", columns=80)
    assert max(widths(shown)) <= 80


def test_workers_say_what_they_handle(cli: Cli, orch) -> None:
    worker_id = f"w-{uuid4()}"
    beat = {"agent_id": "ada", "hostname": "h", "pid": 1, "concurrency": 3, "beat_seconds": 60.0}
    orch.graph.write("workers/beat", worker_id=worker_id, task_types=["write"], **beat)
    (row,) = [line for line in cli("workers").stdout.splitlines() if worker_id in line]
    assert all(it in row for it in ("ada", "write", "0 of 3", "yes"))
    (told,) = [it for it in cli.json("workers") if it["worker_id"] == worker_id]
    assert (told["task_types"], told["concurrency"]) == (["write"], 3)


def test_a_budget_of_nobody_is_none(cli: Cli, busy) -> None:
    for kind in ("workflow", "agent", "team"):
        assert f"{kind} 'nobody'" in cli("budget", "get", f"{kind}:nobody", code=3).stderr
    assert cli.json("budget", "get", f"agent:{busy[1]}")["budget"]["tokens"] is None


def test_errors_name_commands_and_no_methods(cli: Cli) -> None:
    for args, says in (
        (["task", "show", "nothing"], "find it with `graph-orch task list`"),
        (["gate", "show", "nothing"], "see the ids with `graph-orch gate list`"),
        (["agent", "show", "nobody"], "call `graph-orch agent register` first"),
        (["budget", "get", "workflow:nothing"], "see the ids with `graph-orch workflow list`"),
    ):
        assert says in cli(*args, code=3).stderr
