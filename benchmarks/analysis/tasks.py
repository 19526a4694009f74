"""Analysis of task graphs, beside a topological sort and one pass over the edges; simulation."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import networkx as nx
import simpy

from benchmarks.analysis.material import STAGES, Material
from benchmarks.analysis.weighing import Case
from graph_orch import analysis

CREW, SLOTS = 100, 10
SORT = "nx.topological_sort and one pass over the edges"
TRIES = "one pass over the tries"


def task_graphs(material: Material) -> Iterator[Case]:
    """What follows from who depends on whom."""
    graph = material.tasks
    crew = [analysis.tasks.AgentSlots(f"agent-{n}", frozenset(STAGES), SLOTS) for n in range(CREW)]
    root = next(node for node in reversed(list(nx.topological_sort(graph))))
    tasks = analysis.TaskGraph.of(graph)
    for what, act in (
        ("TaskGraph", lambda: analysis.TaskGraph.of(graph)),
        ("levels", lambda: analysis.tasks.levels(tasks)),
        ("critical_path", lambda: analysis.tasks.critical_path(tasks)),
        (f"earliest_finish, {CREW} agents", lambda: analysis.tasks.earliest_finish(tasks, crew)),
        ("blast_radius", lambda: analysis.tasks.blast_radius(tasks, root)),
    ):
        yield Case(f"{what}, {_size(graph)}", act, SORT, lambda: _sort(graph))


def _size(graph: nx.Graph[Any]) -> str:
    return f"{graph.number_of_nodes():,} tasks, {graph.number_of_edges():,} edges"


def _sort(graph: nx.DiGraph[Any]) -> int:
    order = list(nx.topological_sort(graph))
    return len(order) + sum(1 for _ in graph.edges(data=True))


def history(material: Material) -> Iterator[Case]:
    """What past tries teach."""
    graph = material.tasks
    size = f"{sum(len(data['tries']) for _, data in graph.nodes(data=True)):,} tries"
    tries = analysis.Timeline.of(graph)
    for what, act in (
        ("Timeline", lambda: analysis.Timeline.of(graph)),
        ("success_rates", lambda: analysis.history.success_rates(tries)),
        ("time_use", lambda: analysis.history.time_use(tries)),
    ):
        yield Case(f"{what}, {size}", act, TRIES, lambda: _pass_over_tries(graph))


def _pass_over_tries(graph: nx.DiGraph[Any]) -> int:
    return sum(
        one.get("outcome") == "completed"
        for _, data in graph.nodes(data=True)
        for one in data["tries"]
    )


def simulation(material: Material) -> Iterator[Case]:
    """The tasks through simulated agents, beside simpy with the same events and nothing else."""
    tasks = analysis.simulation.tasks_of(material.tasks)
    crew = analysis.simulation.identical_agents(CREW, tasks, max_concurrent_tasks=SLOTS)
    for mode in ("push", "pull"):
        yield Case(
            f"simulate, {mode}, {len(tasks):,} tasks, {CREW} agents × {SLOTS} slots",
            lambda mode=mode: analysis.simulation.simulate(tasks, crew, mode=mode),
            "simpy, with one event for each arrival and each end",
            lambda: _events(tasks),
        )


def _events(tasks: tuple[analysis.simulation.SimulatedTask, ...]) -> float:
    env = simpy.Environment()
    for task in tasks:
        env.timeout(task.arrives_at)
        env.timeout(task.arrives_at + task.duration)
    env.run()
    return env.now
