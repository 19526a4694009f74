"""The picture of agents and their skills."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import networkx as nx
import numpy as np
from matplotlib.patches import Circle

from graph_orch.analysis.pictures import nodes as read
from graph_orch.analysis.pictures.arrangement import (
    NOBODY,
    Arrangement,
    by_community,
    by_forces,
    in_columns,
)
from graph_orch.analysis.pictures.cast import (
    AGENT,
    MARKERS,
    SKILL,
    Cast,
    Colour,
    cast_of,
    colours_of,
    legend_of,
    most,
    share,
    title_of,
    unit,
)
from graph_orch.analysis.pictures.colours import GREY, INK, WHITE
from graph_orch.analysis.pictures.curves import bundled, flowing, lines
from graph_orch.analysis.pictures.labels import AROUND, BESIDE, Label, boxes, place
from graph_orch.analysis.pictures.nodes import Groups, Numbers
from graph_orch.analysis.pictures.sheet import (
    Entry,
    File,
    Sheet,
    Size,
    check_path,
    figure_size,
    nothing_there,
)
from graph_orch.analysis.pictures.texts import count, shorten
from graph_orch.errors import ValidationError

if TYPE_CHECKING:
    import numpy.typing as npt
    from matplotlib.figure import Figure

    Floats = npt.NDArray[np.float64]
    Graph = nx.Graph[Any]

_MOST_IN_COLUMNS, _MOST_BY_FORCES, _MOST_NAMED = 60, 150, 45
_MOST_THICK = 300
_ASPECT = 1.5
_MOST_POINTS = 2.6
"""The radius of the smallest node at most, in points."""


def draw_agents(
    graph: Graph,
    path: File | None = None,
    *,
    communities: Groups | None = None,
    size: Numbers | None = None,
    title: str | None = None,
    colour: Colour = "community",
    figsize: Size | None = None,
) -> Figure:
    """Draw agents and their skills, or any graph of who is linked with what.

    Up to 60 agents and skills stand in two columns, each with its name. More of them stand in
    discs, one for each community, with the most linked in the middle; the names are those of the
    communities and of the largest nodes that there is room for, and edges between two communities
    are bundled (Holten, "Hierarchical Edge Bundles", 2006). At most 2,000 nodes are drawn, those
    with the most links, and no skill that nobody has and no live task of the graph needs; the
    picture says how many are left out.

    Args:
        graph: of `snapshot(orch, "agents-skills")` or "all", or any other. Sides are told by the
            attribute `label` ("Agent", "Skill") or `bipartite` (0, 1). It is not changed.
        path: where to save it, as .png or .svg.
        communities: what `communities` returned, sets of nodes, or a mapping from nodes to the name
            of a community. Without it:
            the teams in the graph, or else what the Louvain method finds. What was found by
            modularity is neither named nor coloured where it is no better than chance
            (`Communities.are_apparent`); the picture says so.
        size: what the area of a node shows, as the name of an attribute, a mapping from nodes or a
            function of a node; else its number of links.
        title: above the picture.
        colour: by "community", or by "utilization": held tasks by slots, in %.
        figsize: width and height in inches, from 5 x 3.5 to 60 x 60.

    Raises:
        ValidationError: an argument is not acceptable.
        OSError: the file cannot be written.
    """
    check_path(path)
    read.check_graph(graph)
    if colour not in ("community", "utilization"):
        raise ValidationError(f"colour is {colour!r}; give 'community' or 'utilization'")
    found = cast_of(graph, communities, size)
    head = title if title is not None else title_of(found)
    if not found.nodes:
        return nothing_there(title or "Agents and skills", "no agents", path, figsize)
    colours = colours_of(found, colour)
    legend = legend_of(found, colour, size)
    if found.is_bipartite and len(found.nodes) <= _MOST_IN_COLUMNS:
        sheet = _columns(found, colours, Page(head, legend, figsize))
    else:
        sheet = _plane(found, colours, Page(head, legend, figsize))
    return sheet.finish(path)


@dataclass(frozen=True)
class Page:
    """What a sheet is made of."""

    title: str
    legend: list[Entry]
    figsize: Size | None


def _columns(found: Cast, colours: list[str], page: Page) -> Sheet:
    """Agents on the left, skills on the right, names outside."""
    agents = [at for at, kind in enumerate(found.kinds) if kind == AGENT]
    places = in_columns(found.links, agents, len(found.nodes))
    rows = max(len(agents), len(found.nodes) - len(agents))
    size = figure_size(page.figsize, (9.5, 2.0 + rows * 0.34))
    sheet = Sheet(page.title, size, legend=page.legend, notes=found.said())
    radii = _MOST_POINTS * unit(share(found.values))
    sheet.scale_marks(lambda value: _MOST_POINTS * unit(value / most(found)))
    names = [read.name(found.graph, node, 24) for node in found.nodes]
    sheet.axes.set_xlim(-0.62, 1.62)
    sheet.axes.set_ylim(-rows / 2 - 0.2, rows / 2 + 0.2)
    _edges(sheet, found, flowing(*_ends(found, places)), colours, 1.4)
    _dots(sheet, found, places, radii, colours)
    place(
        sheet,
        [
            Label(names[at], tuple(places[at]), radii[at] + 3, 9.5, longest=24, spots=(spot,))
            for at in range(len(names))
            for spot in [(-1, 0) if found.kinds[at] == AGENT else (1, 0)]
        ],
    )
    return sheet


def _plane(found: Cast, colours: list[str], page: Page) -> Sheet:
    """Communities as discs, or a small graph by forces."""
    units = unit(share(found.values))
    arranged = _arranged(found, units)
    low, high = _extent(arranged, units)
    wide = 12.0 if len(found.nodes) <= _MOST_BY_FORCES else 14.0
    tall = 1.5 + (wide - 2.5) * min(float((high - low)[1] / (high - low)[0]), 1.2)
    size = figure_size(page.figsize, (wide, max(tall, wide / 2.5)))
    sheet = Sheet(page.title, size, legend=page.legend, notes=_notes(found))
    scale = _fit(sheet, low, high)
    _discs(sheet, found, arranged)
    _edges(sheet, found, _curves(found, arranged), colours, 0.9)
    radii = units * min(scale, _MOST_POINTS)
    sheet.scale_marks(lambda value: min(scale, _MOST_POINTS) * unit(value / most(found)))
    _dots(sheet, found, arranged.places, radii, colours)
    _names(sheet, found, arranged, radii, scale)
    return sheet


def _arranged(found: Cast, units: Floats) -> Arrangement:
    if not found.is_bipartite and len(found.nodes) <= _MOST_BY_FORCES:
        return by_forces(found.graph, found.nodes, units, _ASPECT)
    at = {node: number for number, node in enumerate(found.nodes)}
    members = [[at[node] for node in part] for _, part in found.groups]
    return by_community(found.links, members, units, _ASPECT)


def _extent(arranged: Arrangement, units: Floats) -> tuple[Floats, Floats]:
    """The corners of all that is drawn, never without width or height."""
    corners = np.vstack(
        [arranged.places - units[:, None], arranged.places + units[:, None]]
        + [np.array([[x - r, y - r], [x + r, y + r]]) for x, y, r in _circles(arranged)]
    )
    return corners.min(axis=0), np.maximum(corners.max(axis=0), corners.min(axis=0) + 4.0)


def _fit(sheet: Sheet, low: Floats, high: Floats) -> float:
    """Fill the axes, with room for names at the edge; how many points a unit is."""
    box = sheet.axes.get_window_extent()
    room = np.array([box.width, box.height]) - 2 * np.array([14.0, 22.0])
    scale = float((room / (high - low)).min())  # pixels in a unit
    middle, half = (low + high) / 2, np.array([box.width, box.height]) / 2 / scale
    sheet.axes.set_xlim(middle[0] - half[0], middle[0] + half[0])
    sheet.axes.set_ylim(middle[1] - half[1], middle[1] + half[1])
    return scale * 72 / sheet.figure.dpi


def _circles(arranged: Arrangement) -> list[tuple[float, float, float]]:
    return [(*disc.centre, disc.radius) for disc in arranged.discs]


def _discs(sheet: Sheet, found: Cast, arranged: Arrangement) -> None:
    for disc in arranged.discs:
        if found.groups[disc.group][0] == NOBODY:
            continue
        tint = found.colour(disc.group)
        circle = Circle(disc.centre, disc.radius, facecolor=tint, alpha=0.09, linewidth=0, zorder=0)
        sheet.axes.add_patch(circle)


def _ends(found: Cast, places: Floats) -> tuple[Floats, Floats]:
    links = np.array(found.links, dtype=int).reshape(-1, 2)
    return places[links[:, 0]], places[links[:, 1]]


def _curves(found: Cast, arranged: Arrangement) -> Floats:
    starts, ends = _ends(found, arranged.places)
    if not arranged.discs:
        return bundled(starts, ends, ends, starts, 1 / 3)  # straight
    centres = np.array([disc.centre for disc in arranged.discs])
    home = np.array(found.home)[np.array(found.links, dtype=int).reshape(-1, 2)]
    is_inner = (home[:, 0] == home[:, 1])[:, None]
    first = np.where(is_inner, starts, centres[home[:, 0]])
    last = np.where(is_inner, ends, centres[home[:, 1]])
    return bundled(starts, ends, first, last, 0.75)


def _edges(sheet: Sheet, found: Cast, curves: Floats, colours: list[str], width: float) -> None:
    """Faded, the more of them the more; grey between two communities."""
    if not found.links:
        return
    number = len(found.links)
    home = found.home
    tints = [colours[a] if home[a] == home[b] else GREY for a, b in found.links]
    drawn = lines(
        curves,
        edgecolors=tints,
        linewidths=width if number <= _MOST_THICK else 0.6,
        alpha=float(np.clip(9 / np.sqrt(number), 0.12, 0.65)),
        zorder=1,
    )
    sheet.axes.add_collection(drawn, autolim=False)


def _dots(sheet: Sheet, found: Cast, places: Floats, radii: Floats, colours: Sequence[str]) -> None:
    """All nodes that look alike at once: an SVG then has the shape only once."""
    alike: dict[tuple[str, str, float], list[int]] = {}
    for at, look in enumerate(zip(found.kinds, colours, np.round(radii * 2) / 2, strict=True)):
        alike.setdefault(look, []).append(at)
    for (kind, colour, radius), members in alike.items():
        sheet.axes.scatter(
            *places[members].T,
            s=(2 * radius) ** 2 * (0.65 if kind == SKILL else 1.0),
            color=colour,
            marker=MARKERS[kind],
            edgecolors=INK if kind == SKILL else WHITE,
            linewidths=0.8 if radius > 2.5 else 0.4,
            zorder=4 if kind == SKILL else 3,
        )


def _names(sheet: Sheet, found: Cast, arranged: Arrangement, radii: Floats, scale: float) -> None:
    """Communities first, then nodes, the largest first."""
    covered = boxes(sheet, arranged.places, radii)
    titles = [
        Label(
            f"{shorten(found.groups[disc.group][0], 22)} ({len(found.groups[disc.group][1])})",
            disc.centre,
            disc.radius * scale,
            9.5,
            weight="bold",
            colour=INK,
            longest=30,
            spots=((0, 1), (0, -1), (1, 0), (-1, 0)),
        )
        for disc in arranged.discs
        if len(found.groups[disc.group][1]) > 1 and found.groups[disc.group][0] != NOBODY
    ]
    ranked = sorted(range(len(found.nodes)), key=lambda at: (-found.values[at], at))
    few = len(found.nodes) <= _MOST_BY_FORCES
    labels = [
        Label(
            read.name(found.graph, found.nodes[at], 18),
            tuple(arranged.places[at]),
            float(radii[at]),
            8.0,
            longest=18,
            spots=BESIDE if few else AROUND,
            boxed=not few,
        )
        for at in (ranked if few else _hubs(found, ranked))
    ]
    place(sheet, [*titles, *labels], covered, most_covered=0 if few else 9)


def _hubs(found: Cast, ranked: Sequence[int]) -> list[int]:
    """The largest nodes, but no more of any community than its share allows, at least one."""
    number = len(ranked)
    left = {
        group: max(1, min(5, round(_MOST_NAMED * len(members) / number)))
        for group, (_, members) in enumerate(found.groups)
    }
    kept: list[int] = []
    for at in ranked:
        if left[found.home[at]] > 0:
            left[found.home[at]] -= 1
            kept.append(at)
    return kept[:_MOST_NAMED]


def _notes(found: Cast) -> list[str]:
    notes = ["Only the largest nodes have their names." if len(found.nodes) > _MOST_NAMED else ""]
    if found.left_out:
        notes.append(
            f"{count(found.left_out, 'node')} of {found.left_out + len(found.nodes):,}, those with "
            "the fewest links, are left out."
        )
    return [note for note in [*notes, *found.said()] if note]
