"""The picture of tasks and what they depend on."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING, Any

import networkx as nx
import numpy as np
from matplotlib.patches import Rectangle

from graph_orch.analysis.pictures import nodes as read
from graph_orch.analysis.pictures.colours import (
    BLACK,
    GREY,
    INK,
    STATUSES,
    VERMILLION,
)
from graph_orch.analysis.pictures.curves import flowing, lines
from graph_orch.analysis.pictures.labels import BESIDE, Label, boxes, place, write_within
from graph_orch.analysis.pictures.layers import Edge, Layout, layout
from graph_orch.analysis.pictures.limits import said
from graph_orch.analysis.pictures.nodes import Node, Numbers
from graph_orch.analysis.pictures.plan import Plan, legend_of, plan_of, style_of, title_of
from graph_orch.analysis.pictures.sheet import (
    DPI,
    File,
    Margins,
    Sheet,
    Size,
    check_path,
    figure_size,
    nothing_there,
)
from graph_orch.analysis.pictures.texts import count, short_id
from graph_orch.analysis.pictures.times import nice_steps

if TYPE_CHECKING:
    import numpy.typing as npt
    from matplotlib.figure import Figure

    Floats = npt.NDArray[np.float64]
    Graph = nx.Graph[Any]

_MOST_BOXES, _MOST_BOX_LAYERS, _MOST_NAMED = 30, 9, 150
MOST_DOTS, _MOST_LAYERS, _MOST_BARS = 2_000, 80, 60
_MOST_PATH_NAMES = 60
_ARC = 0.6
_HALF, _STRIP = (0.4, 0.32), 0.1
"""Half the width and height of a box, and how wide its coloured strip is."""


def draw_tasks(
    graph: Graph,
    path: File | None = None,
    *,
    critical_path: Iterable[Node] | None = None,
    duration: Numbers = "execution_duration_ms",
    title: str | None = None,
    figsize: Size | None = None,
) -> Figure:
    """Draw tasks in layers, each to the right of all that it depends on.

    The layers are those of the longest paths, their order has few crossings (Sugiyama et al.,
    1981). Up to 30 tasks are boxes with type and id, up to 2,000 in up to 80 layers are marks, and
    of more there are bars with the numbers of each layer. The status is shown by colour and by mark
    or hatch. Dependencies that close a cycle are drawn dashed, and do not count for the layers.

    Args:
        graph: of `snapshot(orch, "tasks")` or "all", or any other directed graph with edges from
            what waits to what it waits for. It is not changed.
        path: where to save it, as .png or .svg.
        critical_path: the nodes to emphasise, in either direction; () for none. Without it: the
            chain of dependencies with the longest total duration.
        duration: of a node, for that: the name of an attribute, a mapping or a function, 0 where
            it is missing; where no node has one, each counts 1. Or "estimated" or "measured", as
            `critical_path` has them: then it is the same path.
        title: above the picture.
        figsize: width and height in inches, from 5 x 3.5 to 60 x 60.

    Raises:
        ValidationError: an argument is not acceptable.
        OSError: the file cannot be written.
    """
    check_path(path)
    read.check_graph(graph)
    tasks = read.of_kind(graph, "Task")
    if not tasks:
        return nothing_there(title or "Tasks", "no tasks", path, figsize)
    plan = plan_of(graph, tasks, critical_path, duration)
    head = title if title is not None else title_of(plan)
    layers = max(plan.flow.levels.values()) + 1
    if len(tasks) <= _MOST_BOXES and layers <= _MOST_BOX_LAYERS:
        sheet = _boxes(plan, head, figsize)
    elif len(tasks) <= MOST_DOTS and layers <= _MOST_LAYERS:
        sheet = _dots(plan, head, figsize)
    else:
        sheet = _bars(plan, head, figsize)
    return sheet.finish(path)


def _boxes(plan: Plan, title: str, figsize: Size | None) -> Sheet:
    """Each task as a box with its type and its id."""
    arranged = layout(plan.flow, _MOST_BOXES)
    low, high = _span(arranged)
    columns = max(plan.flow.levels.values()) + 1
    size = figure_size(figsize, (3.0 + 1.8 * columns, 1.7 + 0.72 * (high - low + 1)))
    sheet = Sheet(title, size, legend=legend_of(plan, as_areas=True), notes=said(plan.graph))
    sheet.axes.set_xlim(-0.45, columns - 0.55)
    sheet.axes.set_ylim(low - 0.5, high + 0.5 + (_ARC if plan.flow.against else 0.0))
    _edges(sheet, plan, arranged, _HALF[0])
    for node, (x, y) in arranged.places.items():
        _box(sheet, plan, node, x, y)
    return sheet


def _box(sheet: Sheet, plan: Plan, node: Node, x: float, y: float) -> None:
    """A white box with a strip of the status's colour, so that the words stay readable."""
    style, is_critical = style_of(plan.statuses[node]), node in plan.path
    (wide, high), strip = _HALF, _STRIP
    edge: dict[str, Any] = {"edgecolor": BLACK, "linewidth": 2.4 if is_critical else 0.8}
    corner = (x - wide, y - high)
    sheet.axes.add_patch(
        Rectangle(
            corner, strip, 2 * high, facecolor=style.colour, hatch=style.hatch, zorder=4, lw=0.6
        )
    )
    sheet.axes.add_patch(Rectangle(corner, 2 * wide, 2 * high, facecolor="none", zorder=5, **edge))
    sheet.axes.add_patch(Rectangle(corner, 2 * wide, 2 * high, facecolor="white", zorder=3, lw=0))
    room = (corner[0] + strip, corner[0] + 2 * wide)
    for line, weight, side in _words(plan.graph, node):
        write_within(sheet, line, room, y, size=8.5, weight=weight, above=side)


def _words(graph: Graph, node: Node) -> list[tuple[str, str, int]]:
    data = graph.nodes[node]
    own = short_id(data.get("task_id", node), 24)
    kind = data.get("task_type")
    return [(own, "bold", 0)] if kind is None else [(str(kind), "bold", 1), (own, "normal", -1)]


def _dots(plan: Plan, title: str, figsize: Size | None) -> Sheet:
    """Each task as a mark, named where there is room."""
    number = len(plan.flow.levels)
    arranged = layout(plan.flow, int(np.clip(1.4 * np.sqrt(number), 10, 44)))
    low, high = _span(arranged)
    wide = max(x for x, _ in arranged.places.values())
    size = figure_size(figsize, (14.0, float(np.clip(2.0 + 0.3 * (high - low), 6.0, 10.0))))
    named = number <= _MOST_NAMED
    words = "Only tasks on the critical path have names" if plan.path else "No task has its name"
    notes = said(plan.graph) if named else [f"{words}: there are too many.", *said(plan.graph)]
    sheet = Sheet(title, size, legend=legend_of(plan, as_areas=False), notes=notes)
    sheet.axes.set_xlim(-0.4, wide + (0.9 if named else 0.4))
    sheet.axes.set_ylim(low - 0.8, high + 0.8 + (_ARC if plan.flow.against else 0.0))
    box = sheet.axes.get_window_extent()
    pitch = min(box.height / (high - low + 1.6), 0.4 * box.width / (wide + 1.3))
    radius = float(np.clip(0.4 * pitch * 72 / DPI, 1.6, 5.5))
    _edges(sheet, plan, arranged, 0.0)
    _marks(sheet, plan, arranged, radius)
    _names(sheet, plan, arranged, radius)
    return sheet


def _marks(sheet: Sheet, plan: Plan, arranged: Layout, radius: float) -> None:
    critical = set(plan.path)
    for status in [*STATUSES, "unknown"]:
        style = style_of(status)
        for is_critical in (False, True):
            members = [
                place
                for node, place in arranged.places.items()
                if plan.statuses[node] == status and (node in critical) is is_critical
            ]
            if members:
                sheet.axes.scatter(
                    *np.array(members).T,
                    s=(2 * radius * (1.35 if is_critical else 1)) ** 2,
                    marker=style.marker,
                    color=style.colour,
                    edgecolors=BLACK if is_critical else INK,
                    linewidths=1.3 if is_critical else 0.4,
                    zorder=4 if is_critical else 3,
                )


def _names(sheet: Sheet, plan: Plan, arranged: Layout, radius: float) -> None:
    critical = set(plan.path)
    few = len(arranged.places) <= _MOST_NAMED
    rest = [node for node in arranged.places if few and node not in critical]
    points = np.array(list(arranged.places.values()))
    labels = [
        Label(
            read.name(plan.graph, node, 24),
            arranged.places[node],
            radius * (1.4 if node in critical else 1.0),
            7.5,
            weight="bold" if node in critical else "normal",
            spots=((0, 1), (0, -1), *BESIDE) if node in critical else BESIDE,
            boxed=node in critical,
        )
        for node in [*plan.path[:_MOST_PATH_NAMES], *rest]
    ]
    covered = boxes(sheet, points, np.full(len(points), radius))
    place(sheet, labels, covered, most_covered=0 if few else 4)


def _edges(sheet: Sheet, plan: Plan, arranged: Layout, half: float) -> None:
    """The dependencies as curves between the layers; the critical path over the others."""
    ways = {edge: _way(edge, arranged, half) for edge in plan.flow.edges}
    plain = [curve for edge, curve in ways.items() if edge not in plan.on_path]
    critical = [curve for edge, curve in ways.items() if edge in plan.on_path]
    back = [_arc(edge, arranged, _HALF[1] if half else 0.0) for edge in plan.flow.against]
    faded = float(np.clip(8 / np.sqrt(len(plain) + 1), 0.15, 0.8))
    width = 1.2 if len(plain) < 200 else 0.7
    for curves, look in (
        (plain, {"edgecolors": GREY, "linewidths": width, "alpha": faded, "zorder": 1}),
        (critical, {"edgecolors": BLACK, "linewidths": 2.6, "zorder": 2}),
        (back, {"edgecolors": VERMILLION, "linewidths": 1.4, "linestyles": "--", "zorder": 6}),
    ):
        if curves:
            sheet.axes.add_collection(lines(curves, **look), autolim=False)


def _way(edge: Edge, arranged: Layout, half: float) -> Floats:
    """A curve from the right of the first task, past its bends, to the left of the second."""
    (x0, y0), (x1, y1) = arranged.places[edge[0]], arranged.places[edge[1]]
    bends = arranged.bends.get(edge, [])
    if half:  # level past the boxes of a layer, that none is crossed
        bends = [(x + side, y) for x, y in bends for side in (-half, half)]
    points = np.array([(x0 + half, y0), *bends, (x1 - half, y1)])
    pieces = flowing(points[:-1], points[1:])
    return np.vstack([pieces[0][:1], *(piece[1:] for piece in pieces)])


def _arc(edge: Edge, arranged: Layout, half: float) -> Floats:
    """A curve over the top: from a task back to an earlier one, or to itself."""
    (x0, y0), (x1, y1) = arranged.places[edge[0]], arranged.places[edge[1]]
    top = max(y0, y1) + half + _ARC
    if edge[0] == edge[1]:
        x0, x1 = x0 - 0.12, x1 + 0.12
    return np.array([(x0, y0 + half), (x0, top), (x1, top), (x1, y1 + half)])


def _span(arranged: Layout) -> tuple[float, float]:
    rows = [y for _, y in arranged.places.values()]
    rows += [y for bends in arranged.bends.values() for _, y in bends]
    return min(rows), max(rows)


def _bars(plan: Plan, title: str, figsize: Size | None) -> Sheet:
    """How many tasks of which status each layer has."""
    last = max(plan.flow.levels.values())
    step = last // _MOST_BARS + 1
    bars = last // step + 1
    note = "Too many tasks or layers to show each: a bar is " + (
        "one layer." if step == 1 else f"{step} layers one after another."
    )
    cycles = len(plan.flow.against)
    notes = [note, f"The critical path has {count(len(plan.path), 'task')}." if plan.path else ""]
    notes += said(plan.graph)
    if cycles:
        notes.append(f"{count(cycles, 'dependency', 'dependencies')} left out: they close cycles.")
    sheet = Sheet(
        title,
        figure_size(figsize, (12.0, 7.0)),
        legend=legend_of(plan, as_areas=True, is_summed=True),
        notes=notes,
        margins=Margins(left=0.75, bottom=0.55),
    )
    bottom = np.zeros(bars)
    for status in [*STATUSES, "unknown"]:
        heights = np.zeros(bars)
        for node, level in plan.flow.levels.items():
            heights[level // step] += plan.statuses[node] == status
        style = style_of(status)
        sheet.axes.bar(
            range(bars),
            heights,
            0.8,
            bottom,
            color=style.colour,
            hatch=style.hatch,
            edgecolor=INK,
            linewidth=0.5,
        )
        bottom += heights
    ticks = range(0, bars, bars // 12 + 1)
    sheet.scale_x([(at, str(at * step + 1)) for at in ticks], "layer (1 depends on nothing)")
    sheet.scale_y([(at, f"{at:,.0f}") for at in nice_steps(float(bottom.max()))], "tasks")
    sheet.axes.set_xlim(-0.6, bars - 0.4)
    sheet.axes.set_ylim(0, float(bottom.max()) * 1.04)
    return sheet
