"""Snapshots of a store, beside the bare driver that reads the same; and their files."""

# pyright: reportUnknownMemberType=false, reportUnknownLambdaType=false
# networkx types its readers and writers by halves.

from __future__ import annotations

import json
from collections.abc import Iterator
from functools import partial
from pathlib import Path
from typing import Any
from unittest.mock import patch

import networkx as nx

from benchmarks.analysis.material import Material, agents_and_skills, layers_of_tasks
from benchmarks.analysis.weighing import Case
from benchmarks.store import Store
from graph_orch import analysis
from graph_orch.analysis.snapshots.building import SnapshotKind
from graph_orch.statements import statement

PARTS = 4
SAME_ROWS = "the same rows, by the bare driver"


def of_agents(material: Material) -> Iterator[Case]:
    """Agents with their skills."""
    material.fill(agents_and_skills)
    sizes = material.sizes
    what = f"{sizes.agents:,} agents × {sizes.skills:,} skills, {sizes.each} each"
    yield _snapshot(material.store, "agents-skills", what)


def of_tasks(material: Material) -> Iterator[Case]:
    """Tasks with their dependencies and tries; and what is read of them as tables."""
    material.fill(layers_of_tasks)
    what = f"{material.sizes.tasks:,} tasks"
    yield _snapshot(material.store, "tasks", what)
    graph = material.tasks
    yield Case(
        f"to_frames, {what}",
        lambda: analysis.to_frames(graph),
        "a list of all attributes",
        lambda: [list(data.values()) for _, data in graph.nodes(data=True)],
    )


def _snapshot(store: Store, kind: SnapshotKind, what: str) -> Case:
    reads: list[tuple[str, dict[str, Any]]] = []
    graph = store.orch.graph

    def act() -> object:
        with patch.object(graph, "read", wraps=graph.read) as read:
            found = analysis.snapshot(store.orch, kind, progress=False)
        reads[:] = [(statement(it.args[0]).text, dict(it.kwargs)) for it in read.call_args_list]
        return found

    def floor() -> object:
        return [store.run(text, **params) for text, params in reads]

    return Case(f"snapshot, {what}", act, SAME_ROWS, floor)


def files(material: Material) -> Iterator[Case]:
    """A snapshot written and read, beside what json and NetworkX do by themselves."""
    graph, directory = material.agents, material.directory
    size = f"{graph.number_of_nodes():,} nodes, {graph.number_of_edges():,} edges"
    node_link, graphml = directory / "by-networkx.json", directory / "by-networkx.graphml"
    part = _as_texts(_part_of(graph))
    for suffix, beside, write, read, parts in (
        (
            ".json",
            "node-link data of NetworkX by json, times as texts",
            lambda: _write_node_link(graph, node_link),
            lambda: nx.node_link_graph(json.loads(node_link.read_text()), edges="edges"),
            1,
        ),
        (
            ".graphml",
            f"NetworkX's own GraphML of texts, of one agent in {PARTS}, × {PARTS}",
            lambda: nx.write_graphml(part, graphml),
            lambda: nx.read_graphml(graphml),
            PARTS,
        ),
    ):
        path = directory / f"ours{suffix}"
        save, load = partial(analysis.save, graph, path), partial(analysis.load, path)
        yield Case(f"save {suffix}, {size}", save, beside, write, parts=parts)
        yield Case(f"load {suffix}, {size}", load, beside, read, parts=parts)


def _part_of(graph: nx.Graph[Any]) -> nx.Graph[Any]:
    """One agent in `PARTS`, and all skills: NetworkX takes its time."""
    agents = [node for node, data in graph.nodes(data=True) if data["label"] == "Agent"]
    left_out = set(agents) - set(agents[::PARTS])
    return graph.subgraph(node for node in graph if node not in left_out)


def _write_node_link(graph: nx.Graph[Any], path: Path) -> None:
    data = nx.node_link_data(graph, edges="edges")
    path.write_text(json.dumps(data, default=str))


def _as_texts(graph: nx.Graph[Any]) -> nx.DiGraph[Any]:
    """A copy that GraphML can hold without our encoding."""
    found: nx.DiGraph[Any] = nx.DiGraph()
    found.add_nodes_from((node, _texts(data)) for node, data in graph.nodes(data=True))
    found.add_edges_from((one, other, _texts(data)) for one, other, data in graph.edges(data=True))
    return found


def _texts(data: dict[str, Any]) -> dict[str, str]:
    return {name: str(value) for name, value in data.items()}
