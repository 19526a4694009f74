"""The examples of the documents run, and print what the documents say."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any

import pytest

ROOT = Path(__file__).resolve().parents[2]
DOCS = ROOT / "docs"
SINGLE = [ROOT / "README.md", DOCS / "index.md", *sorted((DOCS / "how-to").glob("*.md"))]
"""Each example of these stands alone; those of the tutorials and of the analysis go on."""


def steps(path: Path, languages: str = "python") -> list[tuple[str, str, str]]:
    """Of each example its language, its code and what it prints: the text that stands after it."""
    example = rf"```({languages})\n(.*?)```(?:\n+```text\n(.*?)```)?"
    return re.findall(example, path.read_text(encoding="utf-8"), re.DOTALL)


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
        for at, (_, code, prints) in enumerate(steps(path))
    ],
)
def test_example_runs(wiped, server, reader, capsys, code, prints):
    reader(*server)
    exec(compile(code, "example", "exec"), {})
    assert capsys.readouterr().out == prints


def run_through(examples: Iterable[tuple[str, str, str]], capsys) -> None:
    """Run examples that go on from each other, the first of which connects as `orch`."""
    scope: dict[str, Any] = {}
    try:
        for language, code, prints in examples:
            exec(compile(code, f"an example in {language}", "exec"), scope)
            assert capsys.readouterr().out == prints, code
    finally:
        scope["orch"].close()


@pytest.mark.parametrize("page", sorted((DOCS / "tutorials").glob("*.md")), ids=lambda it: it.stem)
def test_tutorial_runs(wiped, server, reader, capsys, page):
    reader(*server)
    run_through(steps(page), capsys)


def test_examples_of_the_analysis_run(wiped, server, reader, capsys, tmp_path):
    reader(*server)
    run_through(steps(DOCS / "analysis.md"), capsys)
    assert {path.name for path in tmp_path.iterdir()} == {
        "tasks.graphml",
        "agents.svg",
        "tasks.png",
        "gantt.png",
        "plan.png",
        "load.png",
        "graph.html",
    }
