"""Programs of the command line write their logs as JSON where they are told so, and say of what."""

from __future__ import annotations

import json
import os
import signal
import subprocess
from pathlib import Path

import httpx

from graph_orch import TaskFilters
from tests.command_line import COMMAND
from tests.mcp_client import environment, http_server
from tests.waiting import eventually

PASSWORD = "pass-word"
HANDLERS = f"""
import logging
from graph_orch import Worker

worker = Worker(None, "ada", [], 2)

@worker.task("speaks")
def speaks(ctx):
    ctx.logger.info("by its logger\\nforged\\x1b[2J")
    logging.getLogger("a.library").warning("by a library")

@worker.task("speaks later")
async def speaks_later(ctx):
    logging.getLogger("a.library").warning("from a coroutine")

@worker.task("fails")
def fails(ctx):
    raise LookupError("bolt://neo4j:{PASSWORD}@host is away")
"""


def records(text: str) -> list[dict]:
    """Every line is a record."""
    assert all(line.isprintable() for line in text.splitlines())
    return [json.loads(line) for line in text.splitlines()]


def run(server, path: Path, *args: str) -> list[dict]:
    env = os.environ | environment(server) | {"GRAPH_ORCH_LOG": "json"}
    done = subprocess.run(
        [*COMMAND, *args],
        env=env,
        cwd=path,
        capture_output=True,
        text=True,
        timeout=120,
        check=True,
    )
    return records(done.stderr)


def test_records_of_a_handler_tell_its_task(orch, server, tmp_path):
    (tmp_path / "own.py").write_text(HANDLERS, encoding="utf-8")
    task = {"content": "x", "task_type": "speaks", "name": "first"}
    orch.workflows.start("w", [task], workflow_id="flow")
    (spoke,) = (it.task_id for it in orch.tasks.query_tasks(TaskFilters(workflow_id="flow")))
    later = orch.tasks.create_task("x", "speaks later")
    failed = orch.tasks.create_task("x", "fails", max_retries=0)
    told = run(server, tmp_path, "worker", "own:worker", "--burst")
    common = {"time", "level", "logger", "message"}
    assert all(common <= record.keys() for record in told)
    by = {(it["logger"], it.get("task_id")): it for it in told}
    own, library = by["graph_orch.task.speaks", spoke], by["a.library", spoke]
    for record in (own, library, by["a.library", later], by["graph_orch.task.fails", failed]):
        assert (record["attempt"], record["agent_id"]) == (1, "ada")
    assert own["workflow_id"] == library["workflow_id"] == "flow"
    assert own["worker_id"] == library["worker_id"]
    assert own["level"] == "INFO"
    assert own["message"] == "by its logger\\nforged\\x1b[2J"  # as our loggers escape it
    assert "workflow_id" not in by["a.library", later]
    failure = by["graph_orch.task.fails", failed]
    assert failure["exception"].startswith("Traceback (most recent call last):\n")
    assert "LookupError: bolt://neo4j:***@host is away" in failure["exception"]
    assert PASSWORD not in json.dumps(told)
    assert any("task_id" not in record for record in told)  # the worker's own, about none


def test_maintain_says_nothing_that_is_no_record(orch, server, tmp_path):
    assert run(server, tmp_path, "maintain", "--once") == []


def test_the_server_writes_records(orch, server):
    with http_server(server, GRAPH_ORCH_LOG="json") as web:
        assert httpx.get(f"{web.url}/nothing", timeout=60).status_code == 404
        web.process.send_signal(signal.SIGTERM)
        assert eventually(lambda: web.process.poll() is not None)
        assert records(web.process.stderr.read()) == []
