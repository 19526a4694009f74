"""What the documents say is what the code does."""

from __future__ import annotations

import re
import shlex
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any

import pytest
from typer.main import get_command

from graph_orch import Orchestrator, analysis
from graph_orch.cli.app import app
from graph_orch.domain.lifecycle import TRANSITIONS
from graph_orch.tools.table import TOOLS

TOOL_ROW = r"^\| `(orchestration_\w+)` \| (\w+) \| ([a-z, ]+) \| [^|]+ \|$"
ROOT = Path(__file__).resolve().parents[2]


def blocks(path: str, language: str) -> list[str]:
    text = (ROOT / path).read_text(encoding="utf-8")
    return re.findall(rf"```{language}\n(.*?)```", text, re.DOTALL)


def steps(path: str, languages: str) -> list[tuple[str, str, str]]:
    """Of each example its language, its code and what it prints: the text that stands after it."""
    text = (ROOT / path).read_text(encoding="utf-8")
    example = rf"```({languages})\n(.*?)```(?:\n+```text\n(.*?)```)?"
    return re.findall(example, text, re.DOTALL)


EXAMPLES = [*blocks("README.md", "python"), *blocks("docs/operations.md", "python")]
PRINTS = [
    "ada True\n",
    "HELLO\n",
    "['skill:owls']\nTrue\nTrue\n",
    "True []\n",
    "0\n",
]


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


@pytest.mark.parametrize(("code", "prints"), list(zip(EXAMPLES, PRINTS, strict=True)))
def test_example_runs(orch, server, reader, capsys, code, prints):
    reader(*server)
    exec(compile(code, "example", "exec"), {})
    assert capsys.readouterr().out == prints
    assert isinstance(orch, Orchestrator)


def run_through(examples: Iterable[tuple[str, str, str]], capsys) -> None:
    """Run examples that go on from each other, the first of which connects as `orch`."""
    scope: dict[str, Any] = {}
    try:
        for language, code, prints in examples:
            exec(compile(code, f"an example in {language}", "exec"), scope)
            assert capsys.readouterr().out == prints, code
    finally:
        scope["orch"].close()


def test_examples_of_the_analysis_run(wiped, server, reader, capsys, tmp_path):
    reader(*server)
    run_through(steps("docs/analysis.md", "python"), capsys)
    assert {path.name for path in tmp_path.iterdir()} == {
        "tasks.graphml",
        "agents.svg",
        "tasks.png",
        "gantt.png",
        "plan.png",
        "load.png",
        "graph.html",
    }


def test_examples_in_the_database_run(gds_orch, gds_server, reader, capsys):
    reader(gds_server.uri, gds_server.auth)
    examples = steps("docs/analysis.md", "python(?: gds)?")
    last = max(at for at, (language, *_) in enumerate(examples) if language == "python gds")
    run_through(examples[: last + 1], capsys)
    assert gds_orch.teams.list()


def test_analysis_names_everything(orch):
    text = (ROOT / "docs" / "analysis.md").read_text(encoding="utf-8")
    rows = [line for line in text[text.index("## Names") :].splitlines() if line.startswith("| ")]
    functions = [row for row in rows if not row.startswith("| `orch.")]
    assert set(re.findall(r"`(\w+)`", "".join(functions))) == set(analysis.__all__)
    for part in ("teams", "insights", "export"):
        (row,) = (row for row in rows if row.startswith(f"| `orch.{part}`"))
        public = {name for name in dir(getattr(orch, part)) if not name.startswith("_")}
        assert set(re.findall(r"`(\w+)`", row)) == public


def test_commands_in_examples_are_there():
    commands = get_command(app).commands
    for code in blocks("docs/operations.md", "sh"):
        for line in code.splitlines():
            _, group, name, *_ = shlex.split(line)
            assert name in commands[group].commands
    for code in blocks("docs/mcp.md", "sh"):
        assert all(shlex.split(line)[1] in commands for line in code.splitlines())


def test_readme_names_every_command():
    table = (ROOT / "README.md").read_text(encoding="utf-8")
    for name in get_command(app).commands:
        assert f"`graph-orch {name}" in table


def test_tools_are_in_the_tables():
    text = (ROOT / "docs" / "mcp.md").read_text(encoding="utf-8")
    rows = {name: hints for name, *hints in re.findall(TOOL_ROW, text, re.MULTILINE)}
    assert list(rows) == list(TOOLS)
    for name, tool in TOOLS.items():
        hints = ["reads" if tool.read_only else "writes"]
        hints += ["destructive"] * tool.destructive
        hints += ["idempotent"] * (tool.idempotent or tool.read_only)
        assert rows[name] == [tool.profile, ", ".join(hints)]
    readme = (ROOT / "README.md").read_text(encoding="utf-8")
    assert all(f"`{tool.short_name}`" in readme for tool in TOOLS.values())
    measured = re.findall(r"^\| `(\w+)` \| \d+ \| \d+ \|", text, re.MULTILINE)
    assert measured == [tool.short_name for tool in TOOLS.values()]


def test_concepts_table_is_the_lifecycle():
    text = (ROOT / "docs" / "concepts.md").read_text(encoding="utf-8")
    rows = dict(re.findall(r"^\| (\w+) \| ([a-z, ]+) \| [^|]+ \|$", text, re.MULTILINE))
    for command, ways in TRANSITIONS.items():
        if command != "add_dependency":
            assert set(rows[command].split(", ")) == set(ways)


def test_documents_link_to_what_is_there():
    for path in [ROOT / "README.md", *(ROOT / "docs").rglob("*.md")]:
        for target in re.findall(r"\]\((?!https?:)([^)#]+)\)", path.read_text(encoding="utf-8")):
            assert (path.parent / target).exists(), f"{path.name} links to {target}"


def test_compose_file_is_pinned_and_on_loopback():
    import yaml

    compose = yaml.safe_load((ROOT / "docker-compose.yml").read_text(encoding="utf-8"))
    neo4j = compose["services"]["neo4j"]
    assert re.fullmatch(r"neo4j:5\.26[\w.]*-community", neo4j["image"])
    assert all(port.startswith("127.0.0.1:") for port in neo4j["ports"])
    assert "healthcheck" in neo4j
