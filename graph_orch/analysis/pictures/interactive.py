"""The graph to move about in, in a notebook or in a browser, without a network.

Drawn by neo4j-viz, Neo4j's own (its extra is `notebooks`). A file that is written contains that
library's code, which is under the GPL 3.
"""

from __future__ import annotations

import html
import json
from collections import Counter
from collections.abc import Collection, Mapping
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any, cast

import networkx as nx
import numpy as np

from graph_orch.analysis.pictures import nodes as read
from graph_orch.analysis.pictures.arrangement import by_community, communities
from graph_orch.analysis.pictures.colours import (
    BLUE,
    GREEN,
    GREY,
    ORANGE,
    PURPLE,
    SKY,
    STATUSES,
    UNKNOWN,
)
from graph_orch.analysis.pictures.layers import flow, layout
from graph_orch.analysis.pictures.limits import said
from graph_orch.analysis.pictures.nodes import Node
from graph_orch.analysis.pictures.sheet import File
from graph_orch.analysis.pictures.texts import count, order, plain, shorten
from graph_orch.errors import ValidationError
from graph_orch.files import replacing

if TYPE_CHECKING:
    import neo4j_viz
    import numpy.typing as npt

    Graph = nx.Graph[Any]
    Floats = npt.NDArray[np.float64]

SUFFIXES = (".html", ".htm")
MOST_NODES = 2_000
_LONGEST_VALUE = 1_000
_LABELS = {"Agent": BLUE, "Skill": ORANGE, "Team": PURPLE, "Task": GREEN}
_EDGES = {
    "HAS_SKILL": "#b5b5b5",
    "DEPENDS_ON": GREY,
    "ASSIGNED_TO": BLUE,
    "REQUIRES": SKY,
    "MEMBER_OF": PURPLE,
}
_VIEW = 1_100.0, 620.0
"""The pixels that the graph has at first, about."""
_MOST_CAPTIONS = 60


@dataclass(frozen=True)
class InteractiveGraph:
    """An HTML page with a graph. A notebook shows it in a frame that nothing gets out of."""

    html: str
    height: int = 640

    def _repr_html_(self) -> str:
        """For notebooks: the page may run its own scripts, but not touch the notebook."""
        page = html.escape(self.html, quote=True)
        return (
            f'<iframe sandbox="allow-scripts" width="100%" height="{self.height}" '
            f'style="border:0" srcdoc="{page}"></iframe>'
        )


def interactive(
    graph: Graph, path: File | None = None, *, limit: int = 1_000, title: str | None = None
) -> InteractiveGraph:
    """Make a page to look about in a graph: zoom, drag, search, click for the attributes.

    Nodes are coloured by what they are, tasks by their status; larger nodes have more links. The
    page needs no network. What the attributes say is shown as text, whatever it contains.

    Args:
        graph: of `snapshot`, of any kind, or any other. It is not changed.
        path: where to save it, as .html.
        limit: how many nodes are shown at most, up to 2,000: those with the most links, and no
            skill that nobody has and no live task of the graph needs. The page says how many are
            left out.
        title: of the page.

    Raises:
        ValidationError: an argument is not acceptable, or the extra `notebooks` is not installed.
        OSError: the file cannot be written.
    """
    _check(path, limit)
    read.check_graph(graph)
    idle = read.idle_skills(graph)
    shown = _shown(graph, idle, limit)
    head = title if title is not None else _title(graph, shown)
    page = InteractiveGraph(_page(shown, head, graph.number_of_nodes() - len(idle), len(idle)))
    if path is not None:
        with replacing(path) as file:
            file.write(page.html.encode())
    return page


def _check(path: File | None, limit: int) -> None:
    if path is not None and Path(path).suffix.lower() not in SUFFIXES:
        raise ValidationError(
            f"an interactive graph cannot be saved as {str(path)!r}; let the name end in .html"
        )
    if isinstance(limit, bool) or not isinstance(limit, int) or not 1 <= limit <= MOST_NODES:  # pyright: ignore[reportUnnecessaryIsInstance]
        raise ValidationError(f"limit is {limit!r}; give a number from 1 to {MOST_NODES:,}")


def _shown(graph: Graph, idle: Collection[Node], limit: int) -> Graph:
    degrees = {node: degree for node, degree in graph.degree() if node not in idle}
    kept = sorted(degrees, key=lambda node: (-degrees[node], order(node)))[:limit]
    found = graph.copy()  # a subgraph would have the order of a set, which is another each time
    found.remove_nodes_from(set(graph) - set(kept))
    return found


def _title(graph: Graph, shown: Graph) -> str:
    numbers = Counter(_label(graph, node) for node in shown)
    parts = [count(number, label.lower()) for label, number in sorted(numbers.items())]
    return ", ".join(parts) or "an empty graph"


def _label(graph: Graph, node: Node) -> str:
    label = graph.nodes[node].get("label")
    return label if isinstance(label, str) and label in _LABELS else "node"


def _page(shown: Graph, title: str, total: int, idle: int) -> str:
    viz = _viz()
    nodes = sorted(shown, key=order)
    at = {node: number for number, node in enumerate(nodes)}
    places = _places(shown, nodes)
    drawn = viz.VisualizationGraph(_nodes(viz, shown, nodes, places), _edges(viz, shown, at))
    drawn.set_legend(nodes=_node_legend(shown), relationships=_edge_legend(shown))
    rendered = drawn.render(
        layout=viz.Layout.COORDINATE,
        height="100vh",
        theme="light",
        initial_zoom=_zoom(places),
        min_zoom=0.02,
        max_allowed_nodes=MOST_NODES,
    )
    left = total - len(nodes)
    notes = [*said(shown), *read.idle_said(idle)]
    notes += (
        [f"{left:,} of {total:,} nodes, those with the fewest links, are left out."] if left else []
    )
    if not nodes:
        notes = ["There is nothing in this graph."]
    return _headed(str(rendered.data), title, " ".join(notes))  # pyright: ignore[reportUnknownMemberType, reportUnknownArgumentType]


def _viz() -> Any:
    try:
        import neo4j_viz
    except ImportError as error:
        raise ValidationError("install graph-orch[notebooks] to make interactive graphs") from error
    return neo4j_viz


def _headed(page: str, title: str, notes: str) -> str:
    """The page with a title, notes, and leave to run only what is in it."""
    words = html.escape(plain(title))
    line = f"<b>{words}</b> {html.escape(plain(notes)) if notes else ''}"
    banner = (
        '<div style="position:fixed;left:60px;right:160px;top:11px;z-index:9;pointer-events:none;'
        f'text-align:center;font:13px sans-serif;color:#222">{line}</div>'
    )
    page = page.replace("<title>neo4j-viz</title>", f"{_POLICY}<title>{words}</title>", 1)
    return page.replace("</body>", f"{banner}</body>", 1)


_POLICY = (
    '<meta http-equiv="Content-Security-Policy" content="default-src \'none\'; '
    "script-src 'unsafe-inline' 'unsafe-eval' blob:; style-src 'unsafe-inline'; "
    'img-src data: blob:; font-src data:; worker-src blob: data:; connect-src data: blob:">'
)
"""Nothing is fetched from anywhere: the browser refuses it."""


def _zoom(places: Floats) -> float:
    """So that all of it is seen at first."""
    reach = 2 * np.abs(places).max(axis=0, initial=0.0) + 160
    return float(np.clip((np.array(_VIEW) / reach).min(), 0.02, 1.5))


def _nodes(viz: Any, shown: Graph, nodes: list[Node], places: Floats) -> list[neo4j_viz.Node]:
    degrees = np.array([float(shown.degree(node)) for node in nodes])
    sizes = 18 + 18 * np.sqrt(degrees / (degrees.max(initial=0.0) or 1.0))
    return [
        viz.Node(
            id=str(at),
            caption=read.name(shown, node, 24),
            color=_colour(shown, node),
            size=float(sizes[at]),
            x=float(places[at][0]),
            y=float(places[at][1]),
            properties=_properties({"node": node, **shown.nodes[node]}),
        )
        for at, node in enumerate(nodes)
    ]


def _edges(viz: Any, shown: Graph, at: Mapping[Node, int]) -> list[neo4j_viz.Relationship]:
    number = shown.number_of_edges()
    return [
        viz.Relationship(
            id=f"edge-{rank}",
            source=str(at[u]),
            target=str(at[v]),
            caption=_caption(data) if number <= _MOST_CAPTIONS else " ",
            color=_edge_colour(data.get("type")),
            properties=_properties(data),
        )
        for rank, (u, v, data) in enumerate(shown.edges(data=True))
    ]


def _caption(data: Mapping[Any, Any]) -> str:
    return shorten(data["type"], 24) if data.get("type") else " "


def _places(shown: Graph, nodes: list[Node]) -> Floats:
    """Tasks in layers from left to right; anything else by community. The middle is (0, 0)."""
    if not nodes:
        return np.zeros((0, 2))
    is_tasks = all(_label(shown, node) == "Task" for node in nodes)
    found = _in_layers(shown, nodes) if is_tasks else _by_community(shown, nodes)
    return found - (found.min(axis=0) + found.max(axis=0)) / 2


def _in_layers(shown: Graph, nodes: list[Node]) -> Floats:
    waits: nx.DiGraph[Any] = nx.DiGraph()
    waits.add_nodes_from(nodes)
    waits.add_edges_from((v, u) for u, v in shown.edges())
    places = layout(flow(waits), max(8, int(1.4 * len(nodes) ** 0.5))).places
    found = np.array([places[node] for node in nodes]) * np.array([240.0, 100.0])
    wide, tall = np.ptp(found, axis=0)
    return found * np.array([max(1.0, 1.5 * tall / wide) if wide else 1.0, 1.0])


def _by_community(shown: Graph, nodes: list[Node]) -> Floats:
    at = {node: number for number, node in enumerate(nodes)}
    found = communities(shown, nodes, None).groups
    groups = [[at[node] for node in members] for _, members in found]
    links = sorted({(at[u], at[v]) for u, v in shown.edges() if u != v})
    degrees = np.array([float(shown.degree(node)) for node in nodes])
    radii = 1.5 + 0.3 * degrees / (degrees.max(initial=0.0) or 1.0)  # the most linked inside
    return by_community(links, groups, radii, 1.5).places * 44.0


def _colour(shown: Graph, node: Node) -> str:
    label = _label(shown, node)
    if label == "Task":
        return STATUSES.get(str(shown.nodes[node].get("status")), UNKNOWN).colour
    return _LABELS.get(label, GREY)


def _edge_colour(kind: object) -> str:
    return _EDGES.get(kind, GREY) if isinstance(kind, str) else GREY


def _node_legend(shown: Graph) -> dict[str, str]:
    named: Counter[tuple[str, str]] = Counter()
    for node in shown:
        label = _label(shown, node)
        status = plain(shown.nodes[node].get("status", "unknown"))
        words = f"Task, {status if status in STATUSES else 'unknown'}" if label == "Task" else label
        named[words, _colour(shown, node)] += 1
    return {f"{words} ({number:,})": colour for (words, colour), number in sorted(named.items())}


def _edge_legend(shown: Graph) -> dict[str, str]:
    named = [data.get("type") for *_, data in read.edges(shown)]
    kinds = Counter(shorten(kind or "link", 24) for kind in named)
    colours = {shorten(kind or "link", 24): _edge_colour(kind) for kind in named}
    return {f"{kind} ({number:,})": colours[kind] for kind, number in sorted(kinds.items())}


def _properties(data: Mapping[Any, Any]) -> dict[str, str]:
    """The attributes as text. (A number that JSON lacks, as NaN, would leave the page empty.)"""
    return {
        shorten(key, 60): _text(value)
        for key, value in data.items()
        if key not in ("tries", "bipartite")
    }


def _text(value: object) -> str:
    if isinstance(value, datetime):
        return value.isoformat()
    if isinstance(value, Mapping | list | tuple):
        value = json.dumps(cast(object, value), ensure_ascii=False, default=str, skipkeys=True)
    text = str(value).encode("utf-8", "replace").decode()
    return (
        text
        if len(text) <= _LONGEST_VALUE
        else f"{text[:_LONGEST_VALUE]}… ({len(text):,} characters)"
    )
