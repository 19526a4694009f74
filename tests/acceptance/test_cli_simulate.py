"""`graph-orch simulate` on files. No server is there, and none is needed."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from tests.command_line import Cli


@pytest.fixture
def cli() -> Cli:
    return Cli("bolt://127.0.0.1:1", None, None)


@pytest.fixture
def workflow(tmp_path: Path) -> str:
    """a, then five of two seconds, then z."""
    fan = [f"fan-{n}" for n in range(5)]
    parents = {"a": [], **{key: ["a"] for key in fan}, "z": fan}
    tasks = [
        {"id": key, "parents": others, "runtimeInSeconds": 2, "command": {"program": f"p-{key}"}}
        for key, others in parents.items()
    ]
    path = tmp_path / "fan.json"
    path.write_text(json.dumps({"name": "fan", "workflow": {"tasks": tasks}}))
    return str(path)


def test_simulate_says_how_long_it_would_take(cli: Cli, workflow: str) -> None:
    found = cli.json("simulate", workflow, "--agents", "2", "--slots", "1")
    assert found["makespan"] == 2 + 3 * 2 + 2
    assert found["critical_path_seconds"] == 6
    assert found["critical_path"][0] == "a"
    assert found["completed"] == found["tasks"] == 7
    assert [it["max_concurrent_tasks"] for it in found["agents"]] == [1, 1]
    text = cli("simulate", workflow, "--agents", "5", "--slots", "1").stdout
    assert "makespan 6.00 s, critical path 6.00 s of 3 tasks (1.00 times)" in text


def test_simulate_draws_failures_by_the_seed(cli: Cli, workflow: str) -> None:
    args = ("simulate", workflow, "--failure-rate", "0.5", "--pull", "--seed")
    first = cli.json(*args, "1")
    assert first["mode"] == "pull"
    assert first["tries"] > 7
    assert cli.json(*args, "1") == first
    assert cli.json(*args, "2") != first


def test_simulate_reports_what_does_not_end(cli: Cli, workflow: str) -> None:
    found = cli.json("simulate", workflow, "--failure-rate", "1")
    assert (found["failed"], found["blocked"], found["completed"]) == (1, 6, 0)
    assert "6 tasks blocked" in cli("simulate", workflow, "--failure-rate", "1").stdout


@pytest.mark.parametrize(
    ("args", "code"),
    [
        (["no-such-file.json"], 2),
        (["{workflow}", "--agents", "0"], 2),
        (["{workflow}", "--failure-rate", "1.5"], 2),
        (["{workflow}", "--failure-rate", "nan"], 2),
        (["{workflow}", "--seed", str(2**64)], 4),
        (["{empty}"], 4),
    ],
)
def test_simulate_refuses(cli: Cli, workflow: str, tmp_path: Path, args, code) -> None:
    empty = tmp_path / "empty.json"
    empty.write_text("{}")
    given = [it.format(workflow=workflow, empty=empty) for it in args]
    done = cli("simulate", *given, code=code)
    assert done.stderr
    assert "Traceback" not in done.stderr
