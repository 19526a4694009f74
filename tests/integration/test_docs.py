"""The examples of the documents run, and print what the documents say."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any

import pytest

from scripts.check_examples import DOCS, SINGLE, TUTORIALS, examples


@pytest.fixture
def reader(monkeypatch, tmp_path) -> Callable[..., None]:
    """Be where a reader is: in an empty directory, with a server in the settings."""

    def be_with(uri, auth, database=None) -> None:
        monkeypatch.chdir(tmp_path)
        monkeypatch.setenv("NEO4J_URI", uri)
        if auth:
            monkeypatch.setenv("NEO4J_USERNAME", auth[0])
            monkeypatch.setenv("NEO4J_PASSWORD", auth[1])
        if database:
            monkeypatch.setenv("NEO4J_DATABASE", database)

    return be_with


@pytest.mark.parametrize(
    ("code", "prints"),
    [
        pytest.param(code, prints, id=f"{path.stem}-{at}")
        for path in SINGLE
        for at, (_, code, prints) in enumerate(examples(path))
    ],
)
def test_example_runs(wiped, server, reader, capsys, code, prints):
    reader(*server)
    exec(compile(code, "example", "exec"), {})
    assert capsys.readouterr().out == prints


def run_through(steps: Iterable[tuple[str, str, str]], capsys) -> None:
    """Run examples that go on from each other, the first of which connects as `orch`."""
    scope: dict[str, Any] = {}
    try:
        for language, code, prints in steps:
            exec(compile(code, f"an example in {language}", "exec"), scope)
            assert capsys.readouterr().out == prints, code
    finally:
        scope["orch"].close()


@pytest.mark.parametrize("page", TUTORIALS, ids=lambda it: it.stem)
def test_tutorial_runs(wiped, server, reader, capsys, page):
    reader(*server)
    run_through(examples(page), capsys)


def test_examples_of_the_analysis_run(wiped, server, reader, capsys, tmp_path):
    reader(*server)
    run_through(examples(DOCS / "analysis.md"), capsys)
    assert {path.name for path in tmp_path.iterdir()} == {
        "tasks.graphml",
        "agents.svg",
        "tasks.png",
        "gantt.png",
        "plan.png",
        "load.png",
        "graph.html",
    }
