"""A graph of bounded size, that knows what is left out of it."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from graph_orch.analysis.pictures.texts import count, order

if TYPE_CHECKING:
    import networkx as nx

    Graph = nx.Graph[Any]

LEFT_OUT = "left_out"
"""The graph's attribute that has the number of nodes that are left out."""
_LONG_AGO = datetime.min.replace(tzinfo=UTC)


def limited(graph: Graph, limit: int) -> Graph:
    """A copy with the `limit` tasks created last; without tasks, the nodes with the most links."""
    ranked = [node for node in sorted(graph, key=order) if graph.nodes[node].get("label") == "Task"]
    if ranked:
        ranked.sort(key=lambda node: _created(graph, node), reverse=True)
    else:
        ranked = sorted(graph, key=lambda node: (-graph.degree(node), order(node)))
    dropped = ranked[limit:]
    found = graph.copy()  # a subgraph would have the order of a set, which is another each time
    found.remove_nodes_from(dropped)
    found.graph[LEFT_OUT] = graph.graph.get(LEFT_OUT, 0) + len(dropped)
    return found


def said(graph: Graph) -> list[str]:
    """What a picture says of that."""
    number = graph.graph.get(LEFT_OUT, 0)
    if not isinstance(number, int) or number <= 0:
        return []
    return [f"{count(number, 'node')} left out of the graph before it was drawn."]


def _created(graph: Graph, node: Any) -> datetime:
    found = graph.nodes[node].get("created_at")
    return found if isinstance(found, datetime) and found.tzinfo is not None else _LONG_AGO
