"""The graph to move about in, in a notebook or in a browser, without a network.

Drawn by neo4j-viz, Neo4j's own (its extra is `notebooks`). A file that is written contains that
library's code, which is under the GPL 3.
"""

from __future__ import annotations

import html
import json
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any, cast

import numpy as np

from graph_orch.analysis.model import Given, graph_of
from graph_orch.analysis.nodes import Graph, by_name
from graph_orch.analysis.pictures import nodes as read
from graph_orch.analysis.pictures.arrangement import by_community, communities, links_of
from graph_orch.analysis.pictures.layers import flow, layout
from graph_orch.analysis.pictures.marks import GREY, KINDS, RELATIONS, STATUSES, UNKNOWN
from graph_orch.analysis.pictures.nodes import Node
from graph_orch.analysis.pictures.sheet import File
from graph_orch.analysis.pictures.texts import Floats, count, plain, shorten
from graph_orch.errors import ValidationError
from graph_orch.files import replacing

SUFFIXES = (".html", ".htm")
MOST_NODES = 2_000
_LONGEST_VALUE = 1_000
_VIEW = 1_100.0, 620.0
"""The pixels that the graph has at first, about."""
_MOST_CAPTIONS = 60
_POLICY = (
    '<meta http-equiv="Content-Security-Policy" content="default-src \'none\'; '
    "script-src 'unsafe-inline' 'unsafe-eval' blob:; style-src 'unsafe-inline'; "
    'img-src data: blob:; font-src data:; worker-src blob: data:; connect-src data: blob:">'
)
"""Nothing is fetched from anywhere: the browser refuses it."""
_BANNER = (
    '<div style="position:fixed;left:60px;right:160px;top:11px;z-index:9;pointer-events:none;'
    'text-align:center;font:13px sans-serif;color:#222"><b>{title}</b> {notes}</div></body>'
)


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
    graph: Given, path: File | None = None, *, limit: int = 1_000, title: str | None = None
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
    if path is not None and Path(path).suffix.lower() not in SUFFIXES:
        raise ValidationError(
            f"an interactive graph cannot be saved as {str(path)!r}; let the name end in .html"
        )
    if isinstance(limit, bool) or not isinstance(limit, int) or not 1 <= limit <= MOST_NODES:  # pyright: ignore[reportUnnecessaryIsInstance]
        raise ValidationError(f"limit is {limit!r}; give a number from 1 to {MOST_NODES:,}")
    graph = graph_of(graph)
    idle = read.idle_skills(graph)
    total = graph.number_of_nodes() - len(idle)
    kept = set(read.most_linked(graph, (node for node in graph if node not in idle), limit))
    shown = read.without(graph, (node for node in graph if node not in kept))
    kinds = Counter(_kind(shown, node) for node in shown)
    parts = [count(number, kind.lower()) for kind, number in sorted(kinds.items())]
    words = html.escape(plain((", ".join(parts) or "an empty graph") if title is None else title))
    notes = read.left_out_said(shown, len(idle))
    if total > len(kept):
        left = total - len(kept)
        notes.append(f"{left:,} of {total:,} nodes, those with the fewest links, are left out.")
    banner = _BANNER.format(title=words, notes=html.escape(" ".join(notes)))
    text = _rendered(shown)
    text = text.replace("<title>neo4j-viz</title>", f"{_POLICY}<title>{words}</title>", 1)
    page = InteractiveGraph(text.replace("</body>", banner, 1))
    if path is not None:
        with replacing(path) as file:
            file.write(page.html.encode())
    return page


def _rendered(shown: Graph) -> str:
    """The page as neo4j-viz makes it."""
    try:
        import neo4j_viz
    except ImportError as error:
        raise ValidationError("install graph-orch[notebooks] to make interactive graphs") from error
    viz: Any = neo4j_viz
    nodes = sorted(shown, key=by_name)
    places = _places(shown, nodes)
    degrees = np.array([float(shown.degree(node)) for node in nodes])
    sizes = 18 + 18 * np.sqrt(degrees / (degrees.max(initial=0.0) or 1.0))
    keys: Counter[tuple[str, str]] = Counter()
    drawn: list[Any] = []
    for at, node in enumerate(nodes):
        kind, data = _kind(shown, node), shown.nodes[node]
        words, colour = kind, KINDS.get(kind, GREY)
        if kind == "Task":
            status = data.get("status")
            status = status if isinstance(status, str) and status in STATUSES else UNKNOWN
            words, colour = f"Task, {status!s}", STATUSES[status].colour
        keys[words, colour] += 1
        drawn.append(
            viz.Node(
                id=str(at),
                caption=read.name(shown, node, 24),
                color=colour,
                size=float(sizes[at]),
                x=float(places[at][0]),
                y=float(places[at][1]),
                properties=_properties({"node": node, **data}),
            )
        )
    number_of = {node: str(at) for at, node in enumerate(nodes)}
    has_captions = shown.number_of_edges() <= _MOST_CAPTIONS
    links: list[Any] = []
    kinds: Counter[tuple[str, str]] = Counter()
    for rank, (u, v, data) in enumerate(shown.edges(data=True)):
        kind = data.get("type") or ""
        colour = RELATIONS.get(kind, GREY) if isinstance(kind, str) else GREY
        words = shorten(kind or "link", 24)
        kinds[words, colour] += 1
        links.append(
            viz.Relationship(
                id=f"edge-{rank}",
                source=number_of[u],
                target=number_of[v],
                caption=words if has_captions and kind else " ",
                color=colour,
                properties=_properties(data),
            )
        )
    graph = viz.VisualizationGraph(drawn, links)
    graph.set_legend(nodes=_legend(keys), relationships=_legend(kinds))
    reach = 2 * np.abs(places).max(axis=0, initial=0.0) + 160
    rendered = graph.render(
        layout=viz.Layout.COORDINATE,
        height="100vh",
        theme="light",
        initial_zoom=float(np.clip((np.array(_VIEW) / reach).min(), 0.02, 1.5)),
        min_zoom=0.02,
        max_allowed_nodes=MOST_NODES,
    )
    return str(rendered.data)


def _kind(graph: Graph, node: Node) -> str:
    label = graph.nodes[node].get("label")
    return label if isinstance(label, str) and label in KINDS else "node"


def _legend(keys: Counter[tuple[str, str]]) -> dict[str, str]:
    return {f"{words} ({number:,})": colour for (words, colour), number in sorted(keys.items())}


def _places(shown: Graph, nodes: list[Node]) -> Floats:
    """Tasks in layers from left to right; anything else by community. The middle is (0, 0)."""
    if not nodes:
        return np.zeros((0, 2))
    if all(_kind(shown, node) == "Task" for node in nodes):
        places = layout(flow(shown, nodes), max(8, int(1.4 * len(nodes) ** 0.5))).places
        found = np.array([places[node] for node in nodes]) * np.array([240.0, 100.0])
        wide, tall = np.ptp(found, axis=0)
        found[:, 0] *= max(1.0, 1.5 * tall / wide) if wide else 1.0
    else:
        parts = communities(shown, nodes, None).groups
        number_of = {node: number for number, (_, part) in enumerate(parts) for node in part}
        degrees = np.array([float(shown.degree(node)) for node in nodes])
        radii = 1.5 + 0.3 * degrees / (degrees.max(initial=0.0) or 1.0)  # the most linked inside
        home = [number_of[node] for node in nodes]
        found = by_community(links_of(shown, nodes), home, radii, 1.5).places * 44.0
    return found - (found.min(axis=0) + found.max(axis=0)) / 2


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
    if len(text) <= _LONGEST_VALUE:
        return text
    return f"{text[:_LONGEST_VALUE]}… ({len(text):,} characters)"
