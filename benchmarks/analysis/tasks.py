"""Analysis of task graphs, beside a topological sort and one pass over the edges; simulation."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import networkx as nx
import simpy

from benchmarks.analysis.material import STAGES, Material
from benchmarks.analysis.weighing import Case
from graph_orch import analysis
from graph_orch.analysis.simulation import tasks_of

CREW, SLOTS = 100, 10
SORT = "nx.topological_sort and one pass over the edges"
TRIES = "one pass over the tries"


def task_graphs(material: Material) -> Iterator[Case]:
    """What follows from who depends on whom."""
    graph = material.tasks
    crew = {f"agent-{n}": {"capabilities": STAGES, "max_concurrent_tasks": SLOTS} for n in _crew()}
    root = next(node for node in reversed(list(nx.topological_sort(graph))))
    for what, act in (
        ("levels", lambda: analysis.levels(graph)),
        ("critical_path", lambda: analysis.critical_path(graph)),
        ("parallelism", lambda: analysis.parallelism(graph)),
        (f"earliest_finish, {CREW} agents", lambda: analysis.earliest_finish(graph, crew)),
        ("blast_radius", lambda: analysis.blast_radius(graph, root)),
        ("find_cycles", lambda: analysis.find_cycles(graph)),
    ):
        yield Case(f"{what}, {_size(graph)}", act, SORT, lambda: _sort(graph))


def _crew() -> range:
    return range(CREW)


def _size(graph: nx.Graph[Any]) -> str:
    return f"{graph.number_of_nodes():,} tasks, {graph.number_of_edges():,} edges"


def _sort(graph: nx.DiGraph[Any]) -> int:
    order = list(nx.topological_sort(graph))
    return len(order) + sum(1 for _ in graph.edges(data=True))


def history(material: Material) -> Iterator[Case]:
    """What past tries teach."""
    graph = material.tasks
    size = f"{sum(len(data['tries']) for _, data in graph.nodes(data=True)):,} tries"
    for what, act in (
        ("success_rates", lambda: analysis.success_rates(graph)),
        ("time_use", lambda: analysis.time_use(graph)),
        ("retries", lambda: analysis.retries(graph)),
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
    tasks = tasks_of(material.tasks)
    crew = analysis.identical_agents(CREW, tasks, max_concurrent_tasks=SLOTS)
    for mode in ("push", "pull"):
        yield Case(
            f"simulate, {mode}, {len(tasks):,} tasks, {CREW} agents × {SLOTS} slots",
            lambda mode=mode: analysis.simulate(tasks, crew, mode=mode),
            "simpy, with one event for each arrival and each end",
            lambda: _events(tasks),
        )


def _events(tasks: tuple[analysis.SimulatedTask, ...]) -> float:
    env = simpy.Environment()
    for task in tasks:
        env.timeout(task.arrives_at)
        env.timeout(task.arrives_at + task.duration)
    env.run()
    return env.now
