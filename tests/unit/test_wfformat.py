"""Workflows as plain data: reading them, their order, cycles, the critical path."""

from __future__ import annotations

import json
from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from graph_orch.analysis.wfformat import (
    Step,
    Workflow,
    parse_workflow,
    read_workflow,
    write_workflow,
)
from graph_orch.cli.audit import PURE, Installed
from graph_orch.cli.demo import make_plan
from graph_orch.domain.dag import break_cycles, critical_path_of, run_order
from graph_orch.errors import ValidationError

GRAPHS = st.integers(1, 12).flatmap(
    lambda size: st.fixed_dictionaries(
        {str(key): st.lists(st.integers(0, size - 1).map(str), unique=True) for key in range(size)}
    )
)


def parsed(*tasks: dict):
    return parse_workflow({"name": "w", "workflow": {"tasks": list(tasks)}})


@given(GRAPHS)
def test_cycles_are_broken_and_no_more_than_needed(graph):
    kept, broken = break_cycles(graph)
    assert len(run_order(kept)) == len(graph)
    for key, other in broken:
        with_it = kept | {key: (*kept[key], other)}
        with pytest.raises(ValidationError, match="cycle"):
            run_order(with_it)
    edges = [(key, other) for key, others in kept.items() for other in others]
    assert sorted(edges + broken) == sorted(
        (key, other) for key, others in graph.items() for other in others
    )


@given(GRAPHS, st.lists(st.integers(0, 9), min_size=12, max_size=12))
def test_critical_path_is_the_longest_chain(graph, weights):
    kept, _ = break_cycles(graph)
    weigh = {key: float(weights[int(key)]) for key in kept}

    def longest(key: str) -> float:
        return weigh[key] + max((longest(other) for other in kept[key]), default=0.0)

    chain = critical_path_of(kept, weigh)
    assert chain.seconds == max(map(longest, kept)) == sum(weigh[key] for key in chain.path)
    assert all(a in kept[b] for a, b in zip(chain.path, chain.path[1:], strict=False))


def test_empty():
    assert critical_path_of({}, {}).path == ()
    assert parsed().steps == ()


def test_parents_and_children_are_one_relation():
    found = parsed(
        {"id": "a", "children": ["b"], "runtimeInSeconds": 2, "command": {"program": "/bin/sort"}},
        {"id": "b", "parents": ["a"], "runtime": 0.5},
        {"name": "c", "parents": ["b", "a"]},
    )
    assert found.dependencies == {"a": (), "b": ("a",), "c": ("b", "a")}
    assert [step.seconds for step in found.steps] == [2, 0.5, 0]
    assert found.programs == ["sort", "b", "c"]


def test_ids_are_texts_or_whole_numbers():
    found = parsed({"id": 0}, {"id": 1, "parents": [0]}, {"name": 2, "parents": ["1"]})
    assert found.dependencies == {"0": (), "1": ("0",), "2": ("1",)}


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16", "utf-16-le", "utf-32"])
def test_any_unicode_encoding(tmp_path, encoding):
    file = tmp_path / "it.json"
    text = json.dumps({"workflow": {"tasks": [{"id": "\u00e9"}]}}, ensure_ascii=False)
    file.write_text(text, encoding=encoding)
    assert [step.id for step in read_workflow(file).steps] == ["\u00e9"]


@pytest.mark.parametrize(
    ("row", "program"),
    [
        ({"program": "/usr/bin/bwa mem -t 4 ref.fa"}, "bwa"),
        ({"program": "/opt/[x]"}, "[x]"),
        ({"program": "[ ! -f x.gz ] && ln -s a x.gz\nfastp --in1 x"}, "FASTP"),
        ({"program": "# a comment\nrun"}, "FASTP"),
        ({"program": "- x"}, "FASTP"),
        ({"program": "QUAST_BIN=$(echo quast)"}, "FASTP"),
        ({"program": "printf '%s' x"}, "FASTP"),
        ({"program": "check.py \\\n  --x", "category": "checking"}, "checking"),
    ],
)
def test_what_a_step_is_called(row, program):
    name = "NFCORE_VIRALRECON:ILLUMINA:FASTP (SAMPLE1.x)"
    assert parsed({"id": "it", "name": name} | row).programs == [program]


def test_an_id_goes_before_another_tasks_name():
    rows = [{"id": "1", "name": "2"}, {"id": "2", "name": "x"}, {"id": "3", "parents": ["2"]}]
    found = parsed(*rows)
    assert found.dependencies["3"] == ("2",)


NESTED: list[object] = []
for _ in range(3_000):
    NESTED = [NESTED]


@pytest.mark.parametrize(
    ("document", "message"),
    [
        ([], "not a JSON object"),
        ({}, "workflow is not"),
        ({"workflow": {}}, "not a list"),
        ({"workflow": {"tasks": [{}]}}, "neither id nor name"),
        ({"workflow": {"tasks": [{"id": "a"}, {"id": "a"}]}}, "two tasks have the id 'a'"),
        ({"workflow": {"tasks": [{"id": 0}, {"id": "0"}]}}, "two tasks have the id '0'"),
        ({"workflow": {"tasks": [{"id": True}]}}, "True, which is no text"),
        ({"workflow": {"tasks": [{"id": ["a"]}]}}, "no text or whole number"),
        ({"workflow": {"tasks": [{"id": 1.5}]}}, "the id of a task is 1.5"),
        ({"name": NESTED, "workflow": {"tasks": []}}, "the name of the workflow"),
        ({"workflow": {"tasks": [{"id": "a", "name": NESTED}]}}, "the name of a task"),
        ({"workflow": {"tasks": [{"id": "a", "program": NESTED}]}}, "the program of a task"),
        ({"workflow": {"tasks": [{"id": "a", "parents": [NESTED]}]}}, "what task 'a' names"),
        ({"workflow": {"tasks": [{"id": "a", "runtime": NESTED}]}}, "not a number of seconds"),
        ({"workflow": {"tasks": [{"id": "a", "parents": ["a"]}]}}, "a -> a"),
        ({"workflow": {"tasks": [{"id": "a", "parents": ["b"]}]}}, "'b', which is not in"),
        ({"workflow": {"tasks": [{"id": "a", "parents": ["b" * 9_000]}]}}, "which is not in"),
        ({"workflow": {"tasks": [{"id": "a" * 9_000, "parents": ["a" * 9_000]}]}}, "a -> a"),
        ({"workflow": {"tasks": [{"id": "a", "runtimeInSeconds": -1}]}}, "-1 is not a number"),
        ({"workflow": {"tasks": [{"id": "a", "runtimeInSeconds": "NaN"}]}}, "not a number"),
        ({"workflow": {"tasks": [{"id": "a", "parents": "a"}]}}, "not a list"),
        ({"workflow": {"tasks": [{"id": "a", "parents": 3}]}}, "not a list"),
    ],
)
def test_what_is_not_wfformat(document, message):
    with pytest.raises(ValidationError, match=message) as raised:
        parse_workflow(document)
    assert len(str(raised.value)) < 500


def test_file_that_is_no_json(tmp_path):
    file = tmp_path / "it.json"
    file.write_bytes(b"\xff{")
    with pytest.raises(ValidationError, match=r"it\.json as JSON"):
        read_workflow(file)
    file.write_text(json.dumps({"workflow": {"tasks": [{"id": "a", "runtime": float("nan")}]}}))
    with pytest.raises(ValidationError, match="not a number"):
        read_workflow(file)


def test_seconds_that_no_float_holds(tmp_path):
    with pytest.raises(ValidationError, match="not a number of seconds"):
        parsed({"id": "a", "runtime": 10**400})


STEPS = st.builds(
    lambda graph, names, seconds: [
        Step(
            names[int(key)], f"p{int(key) % 3}", seconds[int(key)], tuple(names[int(p)] for p in ps)
        )
        for key, ps in break_cycles(graph)[0].items()
    ],
    GRAPHS,
    st.lists(st.text(min_size=1), min_size=12, max_size=12, unique=True),
    st.lists(st.floats(0, 1e9), min_size=12, max_size=12),
)
RAN = {"makespan_seconds": 2.5, "executed_at": datetime(2026, 1, 2, tzinfo=UTC)}


@given(STEPS, st.text())
def test_what_is_written_is_read_again(tmp_path_factory, steps, name):
    file = tmp_path_factory.mktemp("written") / "it.json"
    write_workflow(Workflow(name, tuple(steps)), file, **RAN)
    read = read_workflow(file)
    assert {step.id: step for step in read.steps} == {step.id: step for step in steps}
    assert read.name == (name or "it")
    again = file.with_name("again.json")
    write_workflow(read, again, **RAN)
    assert read_workflow(again) == read


def test_written_as_version_1_5_says(tmp_path):
    steps = Step("a", "sort", 1.5, ()), Step("b", "uniq", 0.5, ("a",))
    write_workflow(Workflow("w", steps), tmp_path / "it.json", **RAN)
    document = json.loads((tmp_path / "it.json").read_text())
    assert document["schemaVersion"] == "1.5"
    assert document["workflow"]["specification"]["tasks"] == [
        {"name": "a", "id": "a", "parents": [], "children": ["b"]},
        {"name": "b", "id": "b", "parents": ["a"], "children": []},
    ]
    assert document["workflow"]["execution"] == {
        "makespanInSeconds": 2.5,
        "executedAt": "2026-01-02T00:00:00+00:00",
        "tasks": [
            {"id": "a", "runtimeInSeconds": 1.5, "command": {"program": "sort"}},
            {"id": "b", "runtimeInSeconds": 0.5, "command": {"program": "uniq"}},
        ],
    }


@pytest.mark.parametrize(
    ("steps", "message"),
    [
        ([Step("a", "/bin/sort", 1, ())], "would be read as"),
        ([Step("a", "sort -u", 1, ())], "would be read as"),
        ([Step("a", "", 1, ())], "would be read as"),
        ([Step("", "sort", 1, ())], "neither id nor name"),
        ([Step("a", "sort", float("nan"), ())], "not a number of seconds"),
        ([Step("a", "sort", 1, ("b",))], "not in the file"),
        ([Step("a", "sort", 1, ("a",))], "a -> a"),
        ([Step("a", "sort", 1, ()), Step("a", "sort", 2, ())], "two tasks have the id 'a'"),
        ([Step("a", "sort", 1, ()), Step("b", "sort", 1, ("a", "a"))], "would be read as"),
    ],
)
def test_what_would_not_be_read_again_is_not_written(tmp_path, steps, message):
    with pytest.raises(ValidationError, match=message):
        write_workflow(Workflow("w", tuple(steps)), tmp_path / "it.json", **RAN)
    assert not (tmp_path / "it.json").exists()


@pytest.mark.parametrize(
    ("ran", "message"),
    [
        ({"makespan_seconds": -1}, "makespan_seconds: -1 is not"),
        ({"executed_at": datetime(2026, 1, 2)}, "no datetime with a timezone"),
        ({"executed_at": "yesterday"}, "no datetime with a timezone"),
    ],
)
def test_when_and_how_long_it_ran_must_be_known(tmp_path, ran, message):
    with pytest.raises(ValidationError, match=message):
        write_workflow(Workflow("w", ()), tmp_path / "it.json", **RAN | ran)


def test_parents_keep_their_order_whoever_names_them():
    found = parsed({"id": "a", "children": ["c"]}, {"id": "b"}, {"id": "c", "parents": ["b", "a"]})
    assert found.dependencies["c"] == ("b", "a")


def test_distributions_that_require_each_other_are_audited_all_the_same():
    def one(name: str, *requires: str) -> Installed:
        return Installed(name, "1", requires, (PURE,), (), True)

    plan = make_plan([one("a", "b"), one("b", "c"), one("c", "a")], "0" * 32)
    assert plan.broken == [("c", "a")]
    assert [task.content for task in plan.tasks] == ["c==1", "b==1", "a==1"]
    assert plan.chain.path == ("c", "b", "a")
