"""What is not acceptable is refused with a sentence, whichever function of analysis is asked."""

from __future__ import annotations

from contextlib import suppress
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import networkx as nx
import numpy as np
import pytest

from graph_orch import analysis
from graph_orch.analysis.pictures.plan import plan_of
from graph_orch.errors import OrchestrationError, ValidationError

NOW = datetime(2026, 3, 2, tzinfo=UTC)


def tasks(**attributes: Any) -> nx.DiGraph[Any]:
    """t1 is pending and waits for t0."""
    graph: nx.DiGraph[Any] = nx.DiGraph(kind="tasks", taken_at=NOW)
    graph.add_node("t0", label="Task", task_id="t0", status="pending", task_type="x", **attributes)
    graph.add_node("t1", label="Task", task_id="t1", status="pending", task_type="x")
    graph.add_edge("t1", "t0", type="DEPENDS_ON")
    return graph


def skills() -> nx.DiGraph[Any]:
    graph: nx.DiGraph[Any] = nx.DiGraph(kind="agents-skills")
    for agent in ("ada", "bob"):
        graph.add_node(agent, label="Agent", capabilities=["python"])
        graph.add_edge(agent, "skill:python", type="HAS_SKILL", confidence=0.5)
    graph.add_node("skill:python", label="Skill", key="python", name="python")
    return graph


def result() -> analysis.simulation.SimulationResult:
    return analysis.simulation.simulate(
        [analysis.simulation.SimulatedTask("a", 1.0)], analysis.simulation.identical_agents(1)
    )


REFUSED: dict[str, Any] = {
    "would_cycle": lambda: analysis.tasks.would_cycle(tasks(), ["t0"], "t1"),
    "would_cycle array": lambda: analysis.tasks.would_cycle(tasks(), np.array([1, 2]), "t1"),
    "agent_blast_radius": lambda: analysis.tasks.agent_blast_radius(skills_and_tasks(), ["ada"]),
    "AgentSlots": lambda: analysis.tasks.earliest_finish(tasks(), [unhashable_agent()]),
    "agents": lambda: analysis.AgentSkills.from_networkx(skills(), agents=7),  # type: ignore[arg-type]
    "agents text": lambda: analysis.AgentSkills.from_networkx(skills(), agents="ada"),
    "skills": lambda: analysis.AgentSkills.from_networkx(skills(), skills=[["a"]]),  # type: ignore[list-item]
    "measure": lambda: analysis.skills.nearest(skills(), measure=["count"]),  # type: ignore[arg-type]
    "weight": lambda: analysis.skills.project(skills(), weight={}),  # type: ignore[arg-type]
    "min_weight text": lambda: analysis.skills.project(skills(), min_weight="x"),  # type: ignore[arg-type]
    "min_weight nan": lambda: analysis.skills.project(skills(), min_weight=float("nan")),
    "seed": lambda: analysis.skills.centrality(skills(), "betweenness", samples=1, seed=-1),
    "damping": lambda: analysis.skills.centrality(skills(), "pagerank", damping=None),  # type: ignore[arg-type]
    "shared_skills": lambda: analysis.teams.shared_skills(None),  # type: ignore[arg-type]
    "communities": lambda: analysis.teams.communities(skills(), weight=True),  # type: ignore[arg-type]
    "agreement": lambda: analysis.teams.agreement({1: 0, 2: 0}, [[1, 2]]),  # type: ignore[arg-type]
    "agreement group": lambda: analysis.teams.agreement([1, 2], [[1, 2]]),  # type: ignore[list-item]
    "wilson text": lambda: analysis.history.wilson("1", 2),  # type: ignore[arg-type]
    "wilson part": lambda: analysis.history.wilson(1.5, 2),  # type: ignore[arg-type]
    "wilson inf": lambda: analysis.history.wilson(1, float("inf")),  # type: ignore[arg-type]
    "router": lambda: analysis.simulation.simulate([], [], router=3),  # type: ignore[arg-type]
    "limits": lambda: analysis.simulation.simulate([], [], concurrency_limits=3),  # type: ignore[arg-type]
    "measures": lambda: analysis.simulation.replicate(2, [], [], measures={"a": 1}),  # type: ignore[dict-item]
    "compare": lambda: analysis.simulation.compare(3),  # type: ignore[arg-type]
    "scale_capacity": lambda: analysis.simulation.scale_capacity(["ada"], 2),  # type: ignore[list-item]
    "task_type": lambda: analysis.templates.mine_templates(tasks(), task_type=[]),  # type: ignore[arg-type]
    "save": lambda: analysis.save(tasks(), 3),  # type: ignore[arg-type]
    "load": lambda: analysis.load(None),  # type: ignore[arg-type]
    "why limits": lambda: analysis.tasks.why_blocked(tasks(concurrency_key="k"), "t0", limits=3),  # type: ignore[arg-type]
    "why now": lambda: analysis.tasks.why_blocked(tasks(), "t0", now=datetime(2026, 1, 1)),
    "gantt now": lambda: analysis.pictures.draw_gantt(tasks(), now="soon"),  # type: ignore[arg-type]
    "communities text": lambda: analysis.pictures.draw_agents(skills(), communities=["ada"]),
}


def skills_and_tasks() -> nx.DiGraph[Any]:
    graph = nx.compose(skills(), tasks())
    graph.graph["kind"] = "all"
    return graph


def unhashable_agent() -> analysis.tasks.AgentSlots:
    return analysis.tasks.AgentSlots([], frozenset())  # type: ignore[arg-type]


@pytest.mark.parametrize("name", REFUSED)
def test_an_argument_of_a_wrong_type_is_refused_with_a_sentence(name: str) -> None:
    with pytest.raises(ValidationError) as error:
        REFUSED[name]()
    assert len(str(error.value)) < 400


ODD: list[Any] = [None, True, -1, 2**70, float("nan"), "x", [], [[]], {"a": 1}, object()]
ODD += [np.array([1, 2]), np.float64(2.5), datetime(2026, 1, 1)]
ASKED: dict[str, Any] = {
    "levels": lambda graph: analysis.tasks.levels(graph, remaining=True),
    "critical_path": analysis.tasks.critical_path,
    "measured": lambda graph: analysis.tasks.critical_path(graph, "measured"),
    "why_blocked": lambda graph: analysis.tasks.why_blocked(graph, "t0", limits={"x": 1}),
    "why_blocked after": lambda graph: analysis.tasks.why_blocked(graph, "t1"),
    "blast_radius": lambda graph: analysis.tasks.blast_radius(graph, "t0"),
    "earliest_finish": lambda graph: analysis.tasks.earliest_finish(graph, {"ada": ["x"]}),
    "retries": analysis.history.retries,
    "mine_templates": lambda graph: analysis.templates.mine_templates(graph, min_support=1),
}
ATTRIBUTES = [
    "status",
    "task_type",
    "requirements",
    "excluded_agents",
    "available_at",
    "created_at",
    "unmet",
    "retry_count",
    "error_message",
    "concurrency_key",
    "metadata",
    "assigned_to",
    "execution_duration_ms",
    "schedule_to_close_seconds",
    "label",
    "tries",
    "attempt",
]


@pytest.mark.parametrize("name", ATTRIBUTES)
@pytest.mark.parametrize("asked", ASKED)
def test_an_odd_attribute_is_refused_or_does_not_matter(asked: str, name: str) -> None:
    for value in ODD:
        graph = tasks(created_at=NOW) if name != "created_at" else tasks()
        graph.nodes["t0"][name] = value
        with suppress(OrchestrationError):  # any other error fails the test
            ASKED[asked](graph)
        assert graph.nodes["t0"][name] is value


@pytest.mark.parametrize("algorithm", ["louvain", "leiden"])
@pytest.mark.parametrize("weight", [1e308, 1e-320])
def test_weights_that_no_sum_of_squares_holds_are_refused(algorithm: str, weight: float) -> None:
    graph = nx.path_graph(4)
    nx.set_edge_attributes(graph, weight, "weight")
    with pytest.raises(ValidationError, match="scale the weights"):
        analysis.teams.communities(graph, algorithm=algorithm)


def test_agents_are_drawn_by_the_communities_that_were_found(tmp_path: Path) -> None:
    graph = nx.karate_club_graph()
    path = tmp_path / "karate.png"
    analysis.pictures.draw_agents(graph, path, communities=analysis.teams.communities(graph))
    assert path.stat().st_size


def test_skills_are_shared_the_same_whatever_order_like_named_agents_came_in() -> None:
    edges = [(1, "skill"), ("1", "skill"), (2, "skill")]
    made = [
        list(
            analysis.teams.shared_skills(
                analysis.AgentSkills.from_networkx(nx.Graph(order), agents=[1, "1", 2])
            )
        )
        for order in (edges, edges[::-1])
    ]
    assert made == [[1, "1", 2], [1, "1", 2]]


def test_the_path_that_is_drawn_may_be_that_of_critical_path() -> None:
    graph: nx.DiGraph[Any] = nx.DiGraph([("end", "slow"), ("end", "fast")])
    nx.set_node_attributes(graph, "x", "task_type")
    for name, guess, took in (("slow", 9, 1_000.0), ("fast", 1, 5_000.0)):
        graph.nodes[name].update(metadata={"estimated_seconds": guess}, execution_duration_ms=took)
    for duration in ("estimated", "measured"):
        drawn = plan_of(graph, list(graph), None, duration)
        assert tuple(drawn.path) == analysis.tasks.critical_path(graph, duration).path


def test_a_duration_that_is_none_is_refused_where_it_would_not_be_needed_too() -> None:
    with pytest.raises(ValidationError, match="name of an attribute"):
        analysis.pictures.draw_tasks(tasks(), critical_path=(), duration=3)  # type: ignore[arg-type]


def test_a_try_by_what_cannot_be_an_agent_is_refused() -> None:
    with pytest.raises(OrchestrationError, match="'t0': a try: agent_id"):
        analysis.history.success_rates(tasks(tries=[{"agent_id": []}]))


@pytest.mark.parametrize("skills_given", [-1, "python", [3]])
def test_an_agent_whose_skills_are_no_list_is_not_simulated(skills_given: Any) -> None:
    graph = skills_and_tasks()
    graph.nodes["ada"]["capabilities"] = skills_given
    nx.set_node_attributes(graph, 1_000.0, "execution_duration_ms")
    with pytest.raises(ValidationError, match="skills"):
        analysis.simulation.simulate(graph)
