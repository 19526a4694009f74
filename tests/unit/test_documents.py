"""What the documents say of names, commands and tools is what the code has."""

from __future__ import annotations

import re
import shlex
import tomllib
from pathlib import Path
from types import ModuleType

import pytest
import yaml
from typer.main import get_command

import graph_orch
from graph_orch import analysis, errors
from graph_orch.cli.app import app
from graph_orch.domain.lifecycle import TRANSITIONS
from graph_orch.settings import (
    EmbeddedSettings,
    LogSettings,
    McpSettings,
    ServerSettings,
    TokenSettings,
)
from graph_orch.telemetry.measures import MEASURES
from graph_orch.telemetry.prometheus import named
from graph_orch.tools.table import EVERY_TOOL, TOOLS

TOOL_ROW = r"^\| `(orchestration_\w+)` \| (\w+) \| ([a-z, ]+) \| [^|]+ \|$"
ROOT = Path(__file__).resolve().parents[2]
DOCS = ROOT / "docs"
PAGES = [ROOT / "README.md", *(path for path in sorted(DOCS.rglob("*.md")) if path.stem != "cli")]
REFERENCE = [*(DOCS / "reference").glob("*.md")]


def commands_in(path: Path) -> list[list[str]]:
    """What stands behind `graph-orch` in the shell examples of a document."""
    lines = "".join(
        re.findall(r"```(?:sh|bash)\n(.*?)```", path.read_text(encoding="utf-8"), re.DOTALL)
    ).splitlines()
    told = (shlex.split(line.replace("…", "TOKEN"), comments=True) for line in lines)
    return [words[words.index("graph-orch") + 1 :] for words in told if "graph-orch" in words]


def test_reference_has_every_name_of_the_analysis():
    text = (DOCS / "reference" / "analysis.md").read_text(encoding="utf-8")
    found = re.findall(r"^::: (graph_orch\.analysis\S*)\n((?:    .+\n)+)", text, re.MULTILINE)
    told = {path: set(re.findall(r"^        - (\w+)$", rows, re.MULTILINE)) for path, rows in found}
    parts = [getattr(analysis, name) for name in analysis.__all__]
    modules = [analysis, *(it for it in parts if isinstance(it, ModuleType))]
    assert told == {
        module.__name__: {
            name for name in module.__all__ if not isinstance(getattr(module, name), ModuleType)
        }
        for module in modules
    }


def test_reference_has_every_public_name():
    text = "".join(path.read_text(encoding="utf-8") for path in REFERENCE)
    told = re.findall(r"^::: graph_orch\.([A-Z]\w+)$", text, re.MULTILINE)
    twins = {f"Async{name}" for name in told}  # of the services, which are told once
    assert len(told) == len(set(told))
    assert set(told) - set(graph_orch.__all__) == set()
    assert set(graph_orch.__all__) - set(told) - twins == {
        name for name in graph_orch.__all__ if hasattr(errors, name)
    }


@pytest.mark.parametrize("page", PAGES, ids=lambda it: it.stem)
def test_commands_in_examples_are_there(page):
    for words in commands_in(page):
        command = get_command(app)
        while hasattr(command, "commands") and words and words[0] in command.commands:
            command, words = command.commands[words[0]], words[1:]
        is_group = hasattr(command, "commands")
        assert not is_group or not words or words[0].startswith("-"), f"no command {words[0]}"
        command.make_context("graph-orch", words).close()  # parsed, and not run


def test_every_page_is_in_the_navigation():
    site = tomllib.loads((ROOT / "zensical.toml").read_text(encoding="utf-8"))["project"]
    linked = set(re.findall(r"[\w/-]+\.md", str(site["nav"])))
    made = {"performance/figures.md"}  # by benchmarks, for performance.md
    pages = {path.relative_to(DOCS).as_posix() for path in DOCS.rglob("*.md")}
    decisions = {page for page in pages if page.startswith("decisions/0")}
    built = {"reference/cli.md"}  # by `make docs`
    assert linked == pages - decisions - made | built


def test_decisions_are_numbered_dated_and_in_the_index():
    index = (DOCS / "decisions" / "index.md").read_text(encoding="utf-8")
    rows = [line for line in index.splitlines() if line.startswith("| [")]
    pages = sorted((DOCS / "decisions").glob("0*.md"))
    for at, (page, row) in enumerate(zip(pages, rows, strict=True), 1):
        title, _, dated = page.read_text(encoding="utf-8").splitlines()[:3]
        number, name = title.removeprefix("# ").split(". ", 1)
        day, status = re.fullmatch(r"Date: (\d{4}-\d\d-\d\d) · Status: (.+)", dated).groups()
        status = re.sub(r"\[([^]]+)\]\([^)]*\)", r"\1", status)  # without its links
        assert row == f"| [{number}]({page.name}) | {name} | {day} | {status} |"
        assert page.name.startswith(f"{at:04}-")
        assert number == str(at)
        assert status.startswith(("accepted", "superseded by decision "))


def test_readme_names_every_command():
    table = (ROOT / "README.md").read_text(encoding="utf-8")
    for name in get_command(app).commands:
        assert f"`graph-orch {name}" in table


def test_settings_have_every_variable():
    text = (DOCS / "reference" / "settings.md").read_text(encoding="utf-8")
    for model in (ServerSettings, EmbeddedSettings, LogSettings, McpSettings, TokenSettings):
        for name in model.model_fields:
            assert f"`{model.model_config['env_prefix']}{name.upper()}`" in text


def test_how_to_names_every_metric_with_its_labels():
    text = (DOCS / "how-to" / "metrics.md").read_text(encoding="utf-8")
    rows = re.findall(r"^\| (`graph_orch_.*?) \| (.*?) ?\|", text, re.MULTILINE)
    told = {name: labels for names, labels in rows for name in re.findall(r"`(\w+)`", names)}
    assert told == {named(measure): ", ".join(measure.labels) for measure in MEASURES}


def test_tools_are_in_the_tables():
    text = (DOCS / "mcp.md").read_text(encoding="utf-8")
    rows = {name: hints for name, *hints in re.findall(TOOL_ROW, text, re.MULTILINE)}
    assert list(rows) == list(EVERY_TOOL)
    for name, tool in EVERY_TOOL.items():
        hints = ["reads" if tool.read_only else "writes"]
        hints += ["destructive"] * tool.destructive
        hints += ["idempotent"] * (tool.idempotent or tool.read_only)
        assert rows[name] == [tool.profile, ", ".join(hints)]
    readme = (ROOT / "README.md").read_text(encoding="utf-8")
    assert all(f"`{tool.short_name}`" in readme for tool in EVERY_TOOL.values())
    measured = re.findall(r"^\| `(\w+)` \| \d+ \| \d+ \|", text, re.MULTILINE)
    assert measured == [tool.short_name for tool in TOOLS.values()]


def test_concepts_table_is_the_lifecycle():
    text = (DOCS / "concepts.md").read_text(encoding="utf-8")
    rows = dict(re.findall(r"^\| (\w+) \| ([a-z, ]+) \| [^|]+ \|$", text, re.MULTILINE))
    for command, ways in TRANSITIONS.items():
        if command != "add_dependency":
            assert set(rows[command].split(", ")) == set(ways)


@pytest.mark.parametrize(
    "page",
    ["README.md", "CONTRIBUTING.md", "notebooks/README.md", "examples/literature_review/README.md"],
)
def test_pages_beside_the_site_link_to_what_is_there(page):
    path = ROOT / page  # the links of the site are checked where it is built
    for target in re.findall(r"\]\((?!https?:)([^)#]+)\)", path.read_text(encoding="utf-8")):
        assert (path.parent / target).exists(), f"{page} links to {target}"


def test_compose_file_is_pinned_and_on_loopback():
    compose = yaml.safe_load((ROOT / "docker-compose.yml").read_text(encoding="utf-8"))
    neo4j = compose["services"]["neo4j"]
    assert re.fullmatch(r"neo4j:5\.26[\w.]*-community", neo4j["image"])
    assert all(port.startswith("127.0.0.1:") for port in neo4j["ports"])
    assert "healthcheck" in neo4j
