"""Workflows as plain data: reading them, their order, cycles, the critical path."""

from __future__ import annotations

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from graph_orch.audit import PURE, Installed
from graph_orch.cli.demo import make_plan
from graph_orch.cycles import break_cycles
from graph_orch.errors import ValidationError
from graph_orch.precedence import longest_chain, run_order
from graph_orch.workflows import parse_workflow, read_workflow

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
def test_longest_chain_is_the_longest(graph, weights):
    kept, _ = break_cycles(graph)
    weigh = {key: float(weights[int(key)]) for key in kept}

    def longest(key: str) -> float:
        return weigh[key] + max((longest(other) for other in kept[key]), default=0.0)

    chain = longest_chain(kept, weigh)
    assert chain.weight == max(map(longest, kept)) == sum(weigh[key] for key in chain.ids)
    assert all(a in kept[b] for a, b in zip(chain.ids, chain.ids[1:], strict=False))


def test_empty():
    assert longest_chain({}, {}).ids == ()
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


def test_an_id_goes_before_another_tasks_name():
    rows = [{"id": "1", "name": "2"}, {"id": "2", "name": "x"}, {"id": "3", "parents": ["2"]}]
    found = parsed(*rows)
    assert found.dependencies["3"] == ("2",)


@pytest.mark.parametrize(
    ("document", "message"),
    [
        ([], "not a JSON object"),
        ({}, "workflow is not"),
        ({"workflow": {}}, "not a list"),
        ({"workflow": {"tasks": [{}]}}, "neither id nor name"),
        ({"workflow": {"tasks": [{"id": "a"}, {"id": "a"}]}}, "two tasks have the id 'a'"),
        ({"workflow": {"tasks": [{"id": "a", "parents": ["a"]}]}}, "a -> a"),
        ({"workflow": {"tasks": [{"id": "a", "parents": ["b"]}]}}, "'b', which is not in"),
        ({"workflow": {"tasks": [{"id": "a", "runtimeInSeconds": -1}]}}, "-1 is not a number"),
        ({"workflow": {"tasks": [{"id": "a", "runtimeInSeconds": "NaN"}]}}, "not a number"),
        ({"workflow": {"tasks": [{"id": "a", "parents": "a"}]}}, "not a list"),
        ({"workflow": {"tasks": [{"id": "a", "parents": 3}]}}, "not a list"),
    ],
)
def test_what_is_not_wfformat(document, message):
    with pytest.raises(ValidationError, match=message):
        parse_workflow(document)


def test_file_that_is_no_json(tmp_path):
    file = tmp_path / "it.json"
    file.write_bytes(b"\xff{")
    with pytest.raises(ValidationError, match=r"it\.json as JSON"):
        read_workflow(file)
    file.write_text(json.dumps({"workflow": {"tasks": [{"id": "a", "runtime": float("nan")}]}}))
    with pytest.raises(ValidationError, match="not a number"):
        read_workflow(file)


def test_distributions_that_require_each_other_are_audited_all_the_same():
    def one(name: str, *requires: str) -> Installed:
        return Installed(name, "1", requires, (PURE,), (), True)

    plan = make_plan([one("a", "b"), one("b", "c"), one("c", "a")], "0" * 32)
    assert plan.broken == [("c", "a")]
    assert [task.content for task in plan.tasks] == ["c==1", "b==1", "a==1"]
    assert plan.chain.ids == ("c", "b", "a")
