"""`graph-orch graph …` on a real server."""

from __future__ import annotations

import json
import xml.etree.ElementTree as ET
from pathlib import Path
from uuid import uuid4

import pytest

from tests.command_line import Cli


@pytest.fixture
def worked(cli: Cli) -> str:
    """An agent that holds a task, and another task that waits for that; the first task's id."""
    agent, skill = f"agent-{uuid4()}", f"skill-{uuid4()}"
    cli("agent", "register", agent, "-s", skill)
    first = cli("task", "create", "<script>alert(1)</script> $x$", "-s", skill).stdout.strip()
    cli("task", "create", "later", "--after", first)
    cli("route", first, "--dispatch")
    return first


@pytest.mark.parametrize("picture", ["agents", "tasks", "gantt", "load"])
def test_pictures(cli: Cli, worked: str, tmp_path: Path, picture: str) -> None:
    png, svg = tmp_path / "x.png", tmp_path / "x.SVG"
    said = cli("graph", picture, "-o", str(png)).stdout
    assert "nodes" in said
    assert png.read_bytes().startswith(b"\x89PNG")
    found = cli.json("graph", picture, "--output", str(svg), "--title", "Our $ & queue")
    assert found["file"] == str(svg)
    assert found["nodes"] >= 2
    assert ET.parse(svg).getroot().tag.endswith("svg")


def test_page_and_files(cli: Cli, worked: str, tmp_path: Path) -> None:
    page, saved = tmp_path / "x.html", tmp_path / "x.json"
    cli("graph", "tasks", "-o", str(page))
    assert worked in page.read_text(encoding="utf-8")
    assert "<script>alert(1)" not in page.read_text(encoding="utf-8")
    cli("graph", "tasks", "-o", str(saved))
    assert worked in json.dumps(json.loads(saved.read_text(encoding="utf-8")))
    cli("graph", "tasks", "-o", str(tmp_path / "x.graphml"))
    assert worked in (tmp_path / "x.graphml").read_text(encoding="utf-8")


def test_status_and_limit_select(cli: Cli, worked: str, tmp_path: Path) -> None:
    saved = tmp_path / "x.json"
    cli("graph", "tasks", "-o", str(saved), "--status", "assigned")
    assert worked in saved.read_text(encoding="utf-8")
    cli("graph", "tasks", "-o", str(saved), "--status", "failed")
    assert worked not in saved.read_text(encoding="utf-8")
    found = cli.json("graph", "tasks", "-o", str(saved), "--limit", "1")
    assert found["nodes"] == 1
    assert found["left_out"] >= 1


def test_what_cannot_be_written_is_refused(cli: Cli, tmp_path: Path) -> None:
    assert (
        ".png, .svg, .html" in cli("graph", "tasks", "-o", str(tmp_path / "x.gif"), code=4).stderr
    )
    cli("graph", "tasks", code=2)
    cli("graph", "tasks", "-o", str(tmp_path / "x.png"), "--limit", "0", code=2)
    assert "no/x.png" in cli("graph", "tasks", "-o", str(tmp_path / "no/x.png"), code=1).stderr
