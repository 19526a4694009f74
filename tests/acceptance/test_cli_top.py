"""`graph-orch top` on a real server: its screen by the toolkit's own pilot, and a real terminal."""

from __future__ import annotations

import asyncio
import fcntl
import os
import pty
import struct
import subprocess
import termios
import time
from functools import partial
from urllib.parse import urlsplit

import pytest
from textual.widgets import DataTable, Input

from graph_orch import Orchestrator
from graph_orch.cli.top import PANES, look
from graph_orch.cli.top_screen import Top
from tests.acceptance.test_cli_hostile_texts import STORABLE
from tests.command_line import COMMAND, Cli
from tests.faults.proxy import Proxy

SECONDS = 120


def screen(app: Top) -> str:
    """What stands on the screen."""
    lines = app.screen._compositor.render_strips()
    return "\n".join("".join(segment.text for segment in strip) for strip in lines)


async def until(pilot, condition) -> None:
    deadline = time.monotonic() + SECONDS
    while not condition():
        assert time.monotonic() < deadline, screen(pilot.app)
        await pilot.pause(0.05)


def rows(app: Top, number: int) -> list[list[str]]:
    table = app.query_one(f"#table{number}", DataTable)
    return [[str(it) for it in table.get_row_at(at)] for at in range(table.row_count)]


@pytest.fixture
def busy(orch):
    """A task that runs, one that waits for it, one that nobody can do; and two agents."""
    orch.agents.register_agent("ada", ["sql"], max_concurrent_tasks=4)
    orch.agents.register_agent("bob", [])
    tasks = [{"name": name, "content": "x", "task_type": "step"} for name in ("first", "second")]
    tasks[1]["dependencies"] = ["first"]
    flow = orch.workflows.start("flow", tasks)
    first = orch.tasks.query_tasks({"workflow_id": flow.workflow_id})[0].task_id
    orch.tasks.assign_task(first, "ada")
    orch.tasks.start_task(first)
    orch.tasks.create_task("x", "odd", requirements=["juggling"])
    beat = {"hostname": "h", "pid": 1, "concurrency": 3, "beat_seconds": 60.0}
    orch.graph.write(
        "workers/beat", worker_id="w1", agent_id="ada", task_types=["step", "other"], **beat
    )
    return first


async def test_it_shows_what_runs_who_works_what_waits_and_why(orch, busy):
    app = Top(partial(look, orch), 0.1)
    async with app.run_test(size=(80, 24)) as pilot:
        await until(pilot, lambda: rows(app, 1))
        assert "2 pending (1 ready, 1 blocked)" in screen(app)
        assert "1 running" in screen(app)
        assert [row[1:] for row in rows(app, 1)] == [["running", "ada", f"first ({busy})"]]
        for number, pane in enumerate(PANES, 1):
            await pilot.press(str(number))
            await until(pilot, lambda pane=pane: [*pane.columns][-1] in screen(app))
            assert all(len(line) <= 80 for line in screen(app).splitlines())
        assert [row[-1] for row in rows(app, 2)] == ["ada", "bob"]  # by load
        assert rows(app, 3)[0][2:] == ["0 of 3", "ada", "step, other", "w1"]
        waits = {row[1]: row[2] for row in rows(app, 4)}
        assert (
            f"second ({orch.tasks.query_tasks({'status': 'pending'})[0].task_id})"
            in (waits["second"])
        )
        assert "no registered agent has 'juggling'" in waits["odd"]
        assert any(row[0] == "missing_skill" for row in rows(app, 5))
        orch.tasks.complete_task(busy, 1)
        await until(pilot, lambda: rows(app, 1) == [])


async def test_keys_sort_filter_and_quit(orch, busy):
    app = Top(partial(look, orch), 0.1)
    async with app.run_test(size=(200, 40)) as pilot:
        await until(pilot, lambda: rows(app, 2))
        await pilot.press("2")
        await pilot.press("r")
        assert [row[-1] for row in rows(app, 2)] == ["bob", "ada"]
        await pilot.press("s", "s", "s", "s", "s")  # by the last column
        assert [row[-1] for row in rows(app, 2)] == ["bob", "ada"]
        await pilot.press("r")
        assert [row[-1] for row in rows(app, 2)] == ["ada", "bob"]
        await pilot.press("slash", "B", "o", "b")
        await until(pilot, lambda: [row[-1] for row in rows(app, 2)] == ["bob"])
        await pilot.press("escape")
        await until(pilot, lambda: len(rows(app, 2)) == 2)
        assert app.query_one("#filter", Input).value == ""
        await pilot.press("q")
        await until(pilot, lambda: app._exit)


async def test_hostile_names_are_text(orch, busy, cypher):
    for name in ("agent_id", "name", "worker_id", "task_type", "assigned_to"):
        cypher(
            f"MATCH (n) WHERE n.`{name}` IS NOT NULL AND NOT n:GraphOrchSchema AND NOT n:EventLog "
            f"SET n.`{name}` = '[red]' + n.`{name}` + $h",
            h=STORABLE,
        )
    app = Top(partial(look, orch), 0.1)
    async with app.run_test(size=(80, 24)) as pilot:
        await until(pilot, lambda: rows(app, 1))
        for number in range(1, len(PANES) + 1):
            await pilot.press(str(number))
            await pilot.pause(0.3)
            assert all(line.isprintable() for line in screen(app).splitlines())
            assert all(cell.isprintable() for row in rows(app, number) for cell in row)
        assert rows(app, 1)[0][2].startswith("[red]ada<\\x1b[2J")


async def test_it_outlives_its_server(server, orch, busy):
    uri, auth, database = server
    parts = urlsplit(uri)
    with Proxy(parts.hostname, parts.port or 7687) as proxy:
        address = f"bolt://127.0.0.1:{proxy.port}"
        there = await asyncio.to_thread(lambda: Orchestrator.connect(address, auth, database))
        app = Top(partial(look, there), 0.1)
        async with app.run_test(size=(80, 24)) as pilot:
            await until(pilot, lambda: rows(app, 1))
            proxy.swallowing = True
            proxy.swallow_open()
            await until(pilot, lambda: "No answer, asking again" in screen(app))
            assert rows(app, 1)  # what was seen last stays
            proxy.swallowing = False
            await until(pilot, lambda: "No answer" not in screen(app))
            await asyncio.to_thread(orch.tasks.complete_task, busy, 1)
            await until(pilot, lambda: rows(app, 1) == [])
        assert await asyncio.to_thread(app.has_ended, SECONDS)
        await asyncio.to_thread(there.close)


def test_a_user_starts_it_and_quits(cli: Cli, busy):
    main, other = pty.openpty()
    fcntl.ioctl(other, termios.TIOCSWINSZ, struct.pack("HHHH", 24, 80, 0, 0))
    given = cli._environment({"TERM": "xterm-256color", "GRAPH_ORCH_DEBUG": "1"})
    process = subprocess.Popen(
        [*COMMAND, "top"],
        stdin=other,
        stdout=other,
        stderr=other,
        env=given,
        start_new_session=True,
    )
    os.close(other)
    said, asked = b"", False
    try:
        while True:
            try:
                part = os.read(main, 65_536)
            except OSError:  # the other end is closed
                break
            said += part
            if not asked and busy[:20].encode() in said:
                os.write(main, b"q")
                asked = True
    finally:
        os.close(main)
    assert process.wait(SECONDS) == 0
    assert asked
    assert b"Traceback" not in said


def test_without_a_terminal_it_says_so_and_tells_json(cli: Cli, busy):
    assert "needs a terminal" in cli("top", code=4).stderr
    told = cli.json("top")
    assert [it["task_id"] for it in told["running"]] == [busy]
    assert told["queue"]["blocked_count"] == 1
    assert {it["agent_id"] for it in told["agents"]} == {"ada", "bob"}
    assert told["workers"][0]["task_types"] == ["step", "other"]
