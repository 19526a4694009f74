"""Pictures, beside matplotlib alone with as many marks."""

# pyright: reportUnknownMemberType=false
# matplotlib types its keyword arguments by halves.

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import networkx as nx
import numpy as np
from matplotlib.axes import Axes
from matplotlib.collections import LineCollection
from matplotlib.figure import Figure

from benchmarks.analysis.material import Material
from benchmarks.analysis.weighing import Case
from graph_orch import analysis
from scripts.draw_examples import agents_graph, tasks_graph

ROWS, COLUMNS = 20, 80
"""About as many cells as a picture of the load has."""


def pictures(material: Material) -> Iterator[Case]:
    """Each kind of picture, as PNG."""
    number, directory = material.sizes.nodes, material.directory
    agents, tasks = agents_graph(number), tasks_graph(number)
    tries = sum(len(data["tries"]) for _, data in tasks.nodes(data=True))
    marks = "matplotlib, a mark for each node and a line for each edge"

    def of_agents(axes: Axes) -> None:
        _marks(axes, agents)

    def of_tasks(axes: Axes) -> None:
        _marks(axes, tasks)

    def of_tries(axes: Axes) -> None:
        axes.barh(np.arange(tries) % ROWS, np.ones(tries), left=np.arange(tries))

    def of_load(axes: Axes) -> None:
        axes.pcolormesh(np.random.default_rng(0).random((ROWS, COLUMNS)))

    for draw, graph, beside, by_itself in (
        (analysis.pictures.draw_agents, agents, marks, of_agents),
        (analysis.pictures.draw_tasks, tasks, marks, of_tasks),
        (analysis.pictures.draw_gantt, tasks, "matplotlib, a bar for each try", of_tries),
        (analysis.pictures.draw_load, tasks, "matplotlib, a mesh of cells", of_load),
    ):
        yield _picture(draw, graph, beside, by_itself, directory)


def _picture(
    draw: Callable[..., Figure],
    graph: nx.Graph[Any],
    beside: str,
    by_itself: Callable[[Axes], object],
    directory: Path,
) -> Case:
    def floor() -> None:
        figure = Figure(figsize=(14, 10))
        by_itself(figure.add_subplot())
        figure.savefig(directory / "alone.png")

    return Case(
        f"{draw.__name__}, {graph.number_of_nodes():,} nodes",
        lambda: draw(graph, directory / "ours.png"),
        beside,
        floor,
    )


def _marks(axes: Axes, graph: nx.Graph[Any]) -> None:
    places = np.random.default_rng(0).random((graph.number_of_nodes(), 2))
    at = {node: place for place, node in enumerate(graph)}
    ends = np.array([(at[one], at[other]) for one, other in graph.edges()]).reshape(-1, 2)
    axes.add_collection(LineCollection(list(places[ends]), linewidths=0.5))
    axes.scatter(*places.T)
