"""What past tries teach: success with intervals, waiting against working, retries."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from math import isclose
from statistics import NormalDist

import networkx as nx
import pytest
from hypothesis import given
from hypothesis import strategies as st

from graph_orch.analysis import Timeline
from graph_orch.analysis.history import retries, success_rates, time_use, wilson
from graph_orch.analysis.history.rates_and_times import spread
from graph_orch.errors import AnalysisError, ValidationError

START = datetime(2026, 1, 1, tzinfo=UTC)


def at(second: float) -> datetime:
    return START + timedelta(seconds=second)


def tried(agent: str, outcome: str | None, *times: float | None, attempt: int = 1) -> dict:
    names = ("assigned_at", "started_at", "ended_at")
    known = {name: at(time) for name, time in zip(names, times, strict=False) if time is not None}
    return {"agent_id": agent, "attempt": attempt, "outcome": outcome, **known}


def history() -> nx.DiGraph:
    """b waits for a, which succeeds at the second try; c was released, is held; d is untried."""
    graph = nx.DiGraph(kind="tasks")
    a = [tried("ada", "failed", 2, 3, 7), tried("bob", "completed", 12, 14, 24, attempt=2)]
    b = [tried("ada", "completed", 25, 30, 40)]
    c = [tried("ada", "released", 5, None, 6), tried("bob", None, 8, 9, attempt=2)]
    plain = {"label": "Task", "created_at": at(0)}
    graph.add_node("a", task_type="x", tries=a, requirements=["Py"], available_at=at(10), **plain)
    graph.add_node("b", task_type="y", tries=b, requirements=["py", "sql"], **plain)
    graph.add_node("c", task_type="y", tries=c, requirements=[], **plain)
    graph.add_node("d", task_type="y", tries=[], **plain)
    graph.nodes["a"]["completed_at"] = at(24)
    graph.add_edge("b", "a", type="DEPENDS_ON")
    return graph


# Newcombe (1998), Statistics in Medicine 17, 857–872, table I, method 3.
@pytest.mark.parametrize(
    ("successes", "n", "low", "high"),
    [
        (81, 263, 0.2553, 0.3662),
        (15, 148, 0.0624, 0.1605),
        (0, 20, 0.0000, 0.1611),
        (1, 29, 0.0061, 0.1718),
    ],
)
def test_wilson_gives_the_published_intervals(successes, n, low, high):
    found = wilson(successes, n)
    assert (round(found.low, 4), round(found.high, 4)) == (low, high)


@given(st.integers(1, 10_000), st.floats(0, 1), st.sampled_from([0.5, 0.9, 0.95, 0.999]))
def test_wilson_inverts_the_score_test(n, share, confidence):
    successes = round(share * n)
    found = wilson(successes, n, confidence)
    z = NormalDist().inv_cdf(0.5 + confidence / 2)
    assert 0 <= found.low <= successes / n <= found.high <= 1
    for end in {found.low, found.high} - {0.0, 1.0}:
        assert isclose(abs(successes / n - end), z * (end * (1 - end) / n) ** 0.5, rel_tol=1e-6)
    other = wilson(n - successes, n, confidence)
    assert isclose(other.low, 1 - found.high, abs_tol=1e-9)


def test_wilson_refuses_and_knows_nothing():
    assert (wilson(0, 0).low, wilson(0, 0).high) == (0, 1)
    for wrong in ((-1, 3), (4, 3), (1, -1), (float("nan"), 3)):
        with pytest.raises(ValidationError, match="wilson"):
            wilson(*wrong)
    for wrong in (5, {"agent"}, ["agent", []]):
        with pytest.raises(ValidationError, match="by"):
            time_use(nx.DiGraph(), wrong)
    for confidence in (0, 1, float("nan"), -3, None, "much"):
        with pytest.raises(ValidationError, match="confidence"):
            wilson(1, 2, confidence)


def test_success_by_agent_and_skill():
    found = success_rates(history())
    assert [row.group for row in found.rows] == [("ada", "py"), ("ada", "sql"), ("bob", "py")]
    ada = found.of("ada", "py")
    assert (ada.n, ada.successes, ada.rate) == (2, 1, 0.5)
    assert ada.interval == wilson(1, 2)
    frame = found.to_frame()
    assert list(frame.columns) == [
        "agent",
        "skill",
        "n",
        "successes",
        "others",
        "rate",
        "low",
        "high",
    ]
    assert frame.loc[frame.agent == "bob", "rate"].item() == 1
    with pytest.raises(KeyError):
        found.of("zoe", "py")


def test_success_by_agent_counts_what_is_neither():
    found = success_rates(history(), "agent", confidence=0.9)
    assert (found.of("ada").n, found.of("ada").others) == (2, 1)
    assert (found.of("bob").n, found.of("bob").others) == (1, 1)
    assert found.of("bob").interval == wilson(1, 1, 0.9)
    by_type = success_rates(history(), ("task_type", "agent"))
    assert by_type.of("y", "bob").rate is None
    with pytest.raises(ValidationError, match="'team' is not one of"):
        success_rates(history(), "team")


def test_what_expired_or_timed_out_is_a_failure():
    graph = nx.DiGraph()
    rows = [
        tried("ada", outcome, attempt=i)
        for i, outcome in enumerate(("expired", "timed_out", "cancelled", "odd"))
    ]
    graph.add_node("t", task_type="x", tries=rows)
    row = success_rates(graph, "agent").of("ada")
    assert (row.n, row.successes, row.others) == (2, 0, 2)


def test_what_is_nobodys_failure_counts_neither_way():
    graph = nx.DiGraph()
    rows = [tried("ada", "failed", attempt=i) | {"blameless": i > 1} for i in (1, 2, 3)]
    graph.add_node("t", task_type="x", tries=rows)
    row = success_rates(graph, "agent").of("ada")
    assert (row.n, row.successes, row.others) == (1, 0, 2)
    assert retries(graph).of("x").retried == 1  # it was tried again all the same


def test_waiting_against_working():
    a, b = Timeline.of(history()).tasks[:2]
    first, second = a.tries
    assert (first.wait, first.work) == (3, 4)  # the pause before the retry was not there yet
    assert (second.wait, second.work) == (4, 10)  # from the end of the pause, at 10
    assert (b.tries[0].wait, b.tries[0].queue, b.tries[0].work) == (30, 6, 10)
    found = time_use(history())
    x = found.of("x")
    assert x.waiting_share == pytest.approx(7 / 21)
    assert (x.wait.p50, x.work.total, x.turnaround.max) == (3.5, 14, 14)
    y = found.of("y")
    assert (y.tries, y.work.n, y.work.missing) == (3, 1, 2)
    assert y.waiting_share == 30 / 40
    assert found.oddities == ()
    assert time_use(history(), "agent").of("bob").wait.n == 2
    (everything,) = time_use(history(), ()).rows
    assert everything.tries == 5
    assert found.to_frame().loc[0, "wait_p50"] == 3.5


def test_percentiles_are_those_of_the_definition():
    found = spread([*map(float, range(101)), None, -1.0])
    assert (found.p50, found.p90, found.p99, found.max) == (50, 90, 99, 100)
    assert (found.n, found.missing, found.negative, found.mean) == (101, 1, 1, 50)
    assert spread([]).p50 is spread([None, -2.0]).mean is None


def test_clocks_that_run_backwards_are_told():
    graph = nx.DiGraph()
    graph.add_node(
        "t", task_type="x", created_at=at(10), tries=[tried("ada", "completed", 4, 5, 3)]
    )
    found = time_use(graph)
    row = found.of("x")
    assert (row.wait.negative, row.work.negative, row.wait.p50) == (1, 1, None)
    assert row.waiting_share is None
    assert [(odd.what, odd.seconds) for odd in found.oddities] == [
        ("wait", -5),
        ("queue", -5),
        ("work", -2),
        ("turnaround", -7),
    ]


def test_missing_times_stay_missing():
    graph = nx.DiGraph()
    rows = [tried("ada", "failed", 1, 2), tried("bob", "completed", 3, 4, 5, attempt=2)]
    graph.add_node("t", tries=rows)
    first, second = Timeline.of(graph).tasks[0].tries
    assert (first.since, first.wait, first.work) == (None, None, None)
    assert (second.wait, second.work) == (None, 1)
    graph.nodes["t"]["available_at"] = at(0)
    first, second = Timeline.of(graph).tasks[0].tries
    assert first.wait == 2
    assert second.wait is None  # nobody knows when the first try gave it back


def test_retries_by_task_type_and_agent():
    found = retries(history())
    x, y = found.of("x"), found.of("y")
    assert (x.tasks, x.tries, x.retried, x.most) == (1, 2, 1, 2)
    assert (x.first_try, x.succeeded, x.lost_seconds) == (0, 1, 4)
    assert x.outcomes == (("completed", 1), ("failed", 1))
    assert (y.tasks, y.untried, y.first_try, y.succeeded, y.retried) == (3, 1, 1, 1, 0)
    ada = retries(history(), "agent").of("ada")
    assert (ada.tasks, ada.first_try, ada.succeeded) == (3, 1, 1)
    assert retries(history(), "agent").of("bob").first_try == 0
    assert retries(history()).to_frame().loc[1, "untried"] == 1


def test_tries_of_a_handler_that_waited_are_no_retries_and_nothing_is_lost():
    graph = nx.DiGraph()
    rows = [
        tried("ada", "suspended", 1, 2, 3),
        tried("bob", "completed", 4, 5, 6, attempt=2),
    ]
    graph.add_node("t", task_type="x", tries=rows)
    x = retries(graph).of("x")
    assert (x.tries, x.retried, x.first_try, x.succeeded, x.lost_seconds) == (2, 0, 1, 1, 0)


def test_tries_of_a_graph_of_everything():
    graph = nx.MultiDiGraph(kind="all")
    graph.add_node("t", label="Task", task_type="x", created_at=at(0))
    for row in (tried("bob", "completed", 4, 5, 6, attempt=2), tried("ada", "failed", 1, 2, 3)):
        agent = row.pop("agent_id")
        graph.add_node(agent, label="Agent")
        graph.add_edge("t", agent, key=f"ASSIGNED_TO:{row['attempt']}", type="ASSIGNED_TO", **row)
    graph.add_edge("t", "skill:py", key="REQUIRES", type="REQUIRES")
    (task,) = Timeline.of(graph).tasks
    assert [(one.agent, one.attempt, one.wait) for one in task.tries] == [
        ("ada", 1, 2),
        ("bob", 2, 2),
    ]
    assert success_rates(graph, "skill").of("py").n == 2


def test_graphs_without_tries():
    for graph in (nx.Graph(), nx.DiGraph(), nx.karate_club_graph()):
        assert success_rates(graph).rows == time_use(graph).rows == retries(graph).rows == ()
        assert success_rates(graph).to_frame().empty
        assert time_use(graph).to_frame().empty


@pytest.mark.parametrize(
    "wrong",
    [
        {"tries": "none"},
        {"tries": [5]},
        {"tries": [{"attempt": "1"}]},
        {"tries": [{"started_at": "yesterday"}]},
        {"tries": [{"started_at": datetime(2026, 1, 1)}]},
        {"tries": [], "created_at": 5},
        {"tries": [], "requirements": "py"},
    ],
)
def test_what_cannot_be_read_is_refused(wrong):
    graph = nx.DiGraph()
    graph.add_node("t", task_type="x", **wrong)
    with pytest.raises(AnalysisError, match="node 't'"):
        time_use(graph)


def test_nodes_of_any_kind_and_order():
    graph = nx.DiGraph()
    for node in ((1, 2), 7, "7", None.__class__):
        graph.add_node(node, task_type=node, tries=[tried(node, "completed", 1, 2, 3)])
    assert len(success_rates(graph, ("agent", "task_type")).rows) == 4
    turned = nx.DiGraph()
    turned.add_nodes_from(reversed(list(graph.nodes(data=True))))
    assert time_use(turned, "agent") == time_use(graph, "agent")
