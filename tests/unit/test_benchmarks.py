"""What the benchmarks make of what they measured."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from benchmarks import report
from benchmarks.measure import Operation, Ratio, Series, interleaved, quantile
from benchmarks.results import Results


def test_ratio_is_the_median_of_the_rounds():
    ours = Series([[2.0, 4.0, 90.0], [6.0], [30.0]])
    floor = Series([[1.0, 2.0, 3.0], [2.0], [3.0]])
    assert Ratio.between(ours, floor) == Ratio(3.0, 2.0, 10.0)
    assert (ours.p50, ours.p99) == (6.0, 90.0)
    assert quantile([3.0, 1.0, 2.0], 0) == 1.0


def test_operations_take_turns():
    calls: list[str] = []
    operations = {
        "one": Operation(lambda given: calls.append(f"one {given}"), lambda: "prepared"),
        "other": Operation(lambda _: calls.append("other")),
    }
    found = interleaved(operations, rounds=2, calls=2, warm_up=1)
    assert calls == ["one prepared", "other"] * 5
    assert [len(one) for one in found["one"].rounds] == [2, 2]


def test_targets_are_judged_in_their_direction():
    results = Results()
    results.at_most("slow", Ratio.of([3.0]), "×", 2)
    results.at_most("quick", Ratio.of([1.0]), "×", 2)
    results.at_least("many", Ratio.of([9.0]), "/s", 8)
    results.at_least("few", Ratio.of([7.0]), "/s", 8)
    results.at_most("untold", Ratio.of([7.0]), "ms")
    assert [one.met for one in results.figures] == [False, True, True, False, None]


def test_table_of_the_document_is_that_of_the_figures(tmp_path: Path):
    directory = Path(report.__file__).parent.parent / "docs"
    found = json.loads((directory / "performance" / "figures.json").read_text())
    document = tmp_path / "performance.md"
    document.write_text((directory / "performance.md").read_text())
    report.write(found, tmp_path, document)
    assert document.read_text() == (directory / "performance.md").read_text()
    assert (tmp_path / "figures.json").read_text() == (
        directory / "performance" / "figures.json"
    ).read_text()
    for plot in ("targets.svg", "throughput.svg"):
        assert (tmp_path / plot).stat().st_size > 1_000
    table = report.as_table(found)
    assert table.count("\n|") == len(found["figures"]) + 1
    document.write_text("no place for a table")
    with pytest.raises(ValueError, match="unpack"):
        report.write(found, tmp_path, document)
