"""What the benchmarks of the analysis make of what they measured."""

from __future__ import annotations

import gc
import json
import sys
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from benchmarks.analysis import table
from benchmarks.analysis.material import STAGES, in_layers
from benchmarks.analysis.weighing import Case, found, weighed
from graph_orch.domain.dag import levels_of

DOCS = Path(table.__file__).parents[2] / "docs"
LINUX = pytest.mark.skipif(not sys.platform.startswith("linux"), reason="Linux tells the peak")


@pytest.fixture(autouse=True)
def little_to_collect() -> Iterator[None]:
    """What others hold is not looked through each time that garbage is collected."""
    gc.freeze()
    yield
    gc.unfreeze()


@LINUX
def test_the_peak_is_seen_and_the_result_counts():
    seconds, mib = weighed(lambda: bytearray(64 * 2**20))
    assert seconds > 0
    assert 60 < mib < 90
    _, less = weighed(lambda: None)
    assert less < 5


@LINUX
def test_what_is_freed_on_the_way_counts():
    _, mib = weighed(lambda: len(bytearray(64 * 2**20)))
    assert 60 < mib < 90


def test_the_case_and_its_floor_take_turns():
    calls: list[str] = []
    case = Case(
        "it", lambda: calls.append("it"), "the floor", lambda: calls.append("floor"), calls=2
    )
    it = found(case, 3)
    assert calls == ["it", "it", "floor", "floor", "floor", "floor"] + ["it"] * 4 + ["floor"] * 2
    assert len(it.rounds["ours"]) == len(it.rounds["floor"]) == 3
    assert it.low <= it.ratio <= it.high


def test_a_part_of_the_floor_counts_for_the_whole():
    slow = Case("it", lambda: None, "a part", lambda: sum(range(10_000)), parts=10**6)
    it = found(slow, 3)
    assert it.floor_seconds > 1
    assert it.ratio < 1e-3


def test_targets_are_judged():
    case = Case("it", lambda: sum(range(100_000)), "little", lambda: None, most=0.5)
    assert found(case, 3).met is False
    assert found(replace(case, most=1e9), 3).met is True
    assert "**missed**" in table.row(found(case, 3).as_json())
    untold = Case("it", lambda: None, "little", lambda: None)
    assert found(untold, 3).met is None
    assert table.row(found(untold, 3).as_json()).endswith("|  |")


def test_layers_are_a_graph_that_can_run():
    tasks = {task.task_id: task for task in in_layers(1_000)}
    levels = levels_of({key: task.dependencies for key, task in tasks.items()})
    assert [len(level) for level in levels] == [10] * 100
    assert {task.task_type for task in tasks.values()} == set(STAGES)


def test_table_of_the_document_is_that_of_the_figures(tmp_path: Path):
    kept = (DOCS / "performance" / "analysis.json").read_text(encoding="utf-8")
    told = (DOCS / "performance" / "analysis.md").read_text(encoding="utf-8")
    document = tmp_path / "analysis.md"
    document.write_text(told, encoding="utf-8")
    table.write(json.loads(kept), tmp_path, document)
    assert document.read_text(encoding="utf-8") == told
    assert (tmp_path / "analysis.json").read_text(encoding="utf-8") == kept
