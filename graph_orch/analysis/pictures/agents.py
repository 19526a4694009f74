"""The picture of agents and their skills."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from matplotlib.figure import Figure
from matplotlib.patches import Circle

from graph_orch.analysis.model import Given, graph_of
from graph_orch.analysis.pictures import nodes as read
from graph_orch.analysis.pictures.arrangement import (
    NOBODY,
    Arrangement,
    by_community,
    by_forces,
    in_columns,
)
from graph_orch.analysis.pictures.cast import AGENT, MARKERS, SKILL, Cast, Colour, cast_of
from graph_orch.analysis.pictures.labels import AROUND, BESIDE, Label, boxes, place
from graph_orch.analysis.pictures.marks import GREY, INK, WHITE, Entry, bundled, flowing, lines
from graph_orch.analysis.pictures.nodes import Groups, Numbers
from graph_orch.analysis.pictures.sheet import File, Sheet, Size, check_path, nothing_there
from graph_orch.analysis.pictures.texts import Floats, shorten
from graph_orch.errors import ValidationError

_MOST_IN_COLUMNS, _MOST_BY_FORCES, _MOST_NAMED = 60, 150, 45
_MOST_THICK = 300
_ASPECT = 1.5
_MOST_POINTS = 2.6
"""The radius of the smallest node at most, in points."""


def draw_agents(
    graph: Given,
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
    graph = graph_of(graph)
    if colour not in ("community", "utilization"):
        raise ValidationError(f"colour is {colour!r}; give 'community' or 'utilization'")
    found = cast_of(graph, communities, size)
    if not found.nodes:
        return nothing_there(title or "Agents and skills", "no agents", path, figsize)
    head = title if title is not None else found.title
    draw = _plane
    if found.is_bipartite and len(found.nodes) <= _MOST_IN_COLUMNS:
        draw = _columns
    return draw(found, found.colours(colour), head, found.legend(colour, size), figsize).finish(
        path
    )


def _columns(
    found: Cast, colours: list[str], title: str, legend: list[Entry], figsize: Size | None
) -> Sheet:
    """Agents on the left, skills on the right, names outside."""
    agents = [at for at, kind in enumerate(found.kinds) if kind == AGENT]
    places = in_columns(found.links, agents, len(found.nodes))
    rows = max(len(agents), len(found.nodes) - len(agents))
    notes = found.notes(_MOST_IN_COLUMNS)
    sheet = Sheet(title, (9.5, 2.0 + rows * 0.34), figsize, legend=legend, notes=notes)
    sheet.axes.set_xlim(-0.62, 1.62)
    sheet.axes.set_ylim(-rows / 2 - 0.2, rows / 2 + 0.2)
    sheet.settle()
    sheet.scale_marks(lambda value: _MOST_POINTS * found.radius(value))
    links = np.array(found.links, dtype=int).reshape(-1, 2)
    _edges(sheet, found, flowing(places[links[:, 0]], places[links[:, 1]]), colours, 1.4)
    radii = _MOST_POINTS * found.radii
    _dots(sheet, found, places, radii, colours)
    place(
        sheet,
        [
            Label(
                read.name(found.graph, node, 24),
                tuple(places[at]),
                radii[at] + 3,
                9.5,
                spots=((-1, 0) if found.kinds[at] == AGENT else (1, 0),),
                longest=24,
            )
            for at, node in enumerate(found.nodes)
        ],
    )
    return sheet


def _plane(
    found: Cast, colours: list[str], title: str, legend: list[Entry], figsize: Size | None
) -> Sheet:
    """Communities as discs, or a small graph by forces."""
    units = found.radii
    few = len(found.nodes) <= _MOST_BY_FORCES
    if few and not found.is_bipartite:
        arranged = by_forces(found.links, units, _ASPECT)
    else:
        arranged = by_community(found.links, found.home, units, _ASPECT)
    circles = np.array([(*disc.centre, disc.radius) for disc in arranged.discs]).reshape(-1, 3)
    centres = np.vstack([arranged.places, circles[:, :2]])
    reach = np.concatenate([units, circles[:, 2]])[:, None]
    low = (centres - reach).min(axis=0)
    high = np.maximum((centres + reach).max(axis=0), low + 4.0)
    wide = 12.0 if few else 14.0
    tall = 1.5 + (wide - 2.5) * min(float((high - low)[1] / (high - low)[0]), 1.2)
    size, notes = (wide, max(tall, wide / 2.5)), found.notes(_MOST_NAMED)
    sheet = Sheet(title, size, figsize, legend=legend, notes=notes)
    sheet.settle()
    scale = _fill(sheet, low, high)
    for disc in arranged.discs:
        if found.groups[disc.group][0] != NOBODY:
            tint = found.tint(disc.group)
            look: dict[str, Any] = {"facecolor": tint, "alpha": 0.09, "linewidth": 0, "zorder": 0}
            sheet.axes.add_patch(Circle(disc.centre, disc.radius, **look))
    _edges(sheet, found, _curves(found, arranged), colours, 0.9)
    points = min(scale, _MOST_POINTS)
    sheet.scale_marks(lambda value: points * found.radius(value))
    _dots(sheet, found, arranged.places, units * points, colours)
    _names(sheet, found, arranged, units * points, scale)
    return sheet


def _fill(sheet: Sheet, low: Floats, high: Floats) -> float:
    """Fill the axes, with room for names at the edge; how many points a unit is."""
    box = np.array(sheet.axes.get_window_extent().size)
    scale = float(((box - 2 * np.array([14.0, 22.0])) / (high - low)).min())  # pixels in a unit
    middle, half = (low + high) / 2, box / 2 / scale
    sheet.axes.set_xlim(middle[0] - half[0], middle[0] + half[0])
    sheet.axes.set_ylim(middle[1] - half[1], middle[1] + half[1])
    return scale * 72 / sheet.figure.dpi


def _curves(found: Cast, arranged: Arrangement) -> Floats:
    links = np.array(found.links, dtype=int).reshape(-1, 2)
    starts, ends = arranged.places[links[:, 0]], arranged.places[links[:, 1]]
    if not arranged.discs:
        return bundled(starts, ends, ends, starts, 1 / 3)  # straight
    centres = np.array([disc.centre for disc in arranged.discs])
    home = np.array(found.home)[links]
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
    labels: list[Label] = []
    for disc in arranged.discs:
        title, members = found.groups[disc.group]
        if len(members) > 1 and title != NOBODY:
            labels.append(
                Label(
                    f"{shorten(title, 22)} ({len(members)})",
                    disc.centre,
                    disc.radius * scale,
                    9.5,
                    weight="bold",
                    longest=30,
                    spots=((0, 1), (0, -1), (1, 0), (-1, 0)),
                )
            )
    few = len(found.nodes) <= _MOST_BY_FORCES
    ranked = sorted(range(len(found.nodes)), key=lambda at: (-found.values[at], at))
    labels += [
        Label(
            read.name(found.graph, found.nodes[at], 18),
            tuple(arranged.places[at]),
            float(radii[at]),
            spots=BESIDE if few else AROUND,
            boxed=not few,
        )
        for at in (ranked if few else _hubs(found, ranked))
    ]
    place(sheet, labels, boxes(sheet, arranged.places, radii), most_covered=0 if few else 9)


def _hubs(found: Cast, ranked: Sequence[int]) -> list[int]:
    """The largest nodes, but no more of any community than its share allows, at least one."""
    number = len(ranked)
    left = [max(1, min(5, round(_MOST_NAMED * len(it) / number))) for _, it in found.groups]
    kept: list[int] = []
    for at in ranked:
        if left[found.home[at]] > 0:
            left[found.home[at]] -= 1
            kept.append(at)
    return kept[:_MOST_NAMED]
