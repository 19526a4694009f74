"""The picture of tasks and what they depend on."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import numpy as np
from matplotlib.figure import Figure
from matplotlib.patches import Polygon, Rectangle
from matplotlib.ticker import MaxNLocator

from graph_orch.analysis.model import Given, graph_of
from graph_orch.analysis.pictures import nodes as read
from graph_orch.analysis.pictures.labels import BESIDE, Label, boxes, place, write_between
from graph_orch.analysis.pictures.layers import Edge, Layout, layout
from graph_orch.analysis.pictures.marks import (
    BLACK,
    GREY,
    INK,
    SHOWN,
    VERMILLION,
    flowing,
    lines,
)
from graph_orch.analysis.pictures.nodes import Node, Numbers, left_out_said
from graph_orch.analysis.pictures.plan import Plan, plan_of
from graph_orch.analysis.pictures.sheet import DPI, File, Sheet, Size, check_path, nothing_there
from graph_orch.analysis.pictures.texts import Floats, count, short_id, shorten

_MOST_BOXES, _MOST_BOX_LAYERS, _MOST_NAMED = 30, 9, 150
MOST_DOTS, _MOST_LAYERS, _MOST_BARS = 2_000, 80, 60
_MOST_PATH_NAMES = 60
_ARC = 0.6
_HALF, _STRIP = (0.4, 0.32), 0.1
"""Half the width and height of a box, and how wide its coloured strip is."""


def draw_tasks(
    graph: Given,
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
    or hatch; gates that tasks wait for are diamonds. Dependencies that close a cycle are drawn
    dashed, and do not count for the layers.

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
    graph = graph_of(graph)
    if not read.of_kind(graph, "Task"):
        return nothing_there(title or "Tasks", "no tasks", path, figsize)
    tasks = read.of_kind(graph, "Task", "Gate")
    plan = plan_of(graph, tasks, critical_path, duration)
    head = title if title is not None else plan.title
    if len(tasks) <= _MOST_BOXES and plan.flow.depth <= _MOST_BOX_LAYERS:
        sheet = _boxes(plan, head, figsize)
    elif len(tasks) <= MOST_DOTS and plan.flow.depth <= _MOST_LAYERS:
        sheet = _dots(plan, head, figsize)
    else:
        sheet = _bars(plan, head, figsize)
    return sheet.finish(path)


def _boxes(plan: Plan, title: str, figsize: Size | None) -> Sheet:
    """Each task as a white box with its type, its id, and a strip of its status's colour."""
    arranged = layout(plan.flow, _MOST_BOXES)
    low, high = _span(arranged)
    columns = plan.flow.depth
    size = 3.0 + 1.8 * columns, 1.7 + 0.72 * (high - low + 1)
    legend = plan.legend(as_areas=True)
    sheet = Sheet(title, size, figsize, legend=legend, notes=left_out_said(plan.graph))
    sheet.axes.set_xlim(-0.45, columns - 0.55)
    sheet.axes.set_ylim(low - 0.5, high + 0.5 + (_ARC if plan.flow.against else 0.0))
    sheet.settle()
    _edges(sheet, plan, arranged, _HALF[0])
    wide, tall = _HALF
    for node, (x, y) in arranged.places.items():
        style, data = SHOWN[plan.statuses[node]], plan.graph.nodes[node]
        if plan.is_gate(node):
            tips = [(x - wide, y), (x, y + tall), (x + wide, y), (x, y - tall)]
            look = {"facecolor": style.colour, "edgecolor": BLACK, "linewidth": 0.8, "zorder": 3}
            sheet.axes.add_patch(Polygon(tips, closed=True, **look))
            asked = shorten(str(data.get("question", node)), 24)
            write_between(sheet, asked, x - wide, x + wide, y, size=7.5, weight="normal", above=0)
            continue
        corner, line = (x - wide, y - tall), 2.4 if node in plan.path else 0.8
        looks: list[tuple[float, dict[str, Any]]] = [
            (2 * wide, {"facecolor": "white", "zorder": 3, "linewidth": 0}),
            (_STRIP, {"facecolor": style.colour, "hatch": style.hatch, "zorder": 4, "lw": 0.6}),
            (2 * wide, {"facecolor": "none", "edgecolor": BLACK, "zorder": 5, "linewidth": line}),
        ]
        for width, look in looks:
            sheet.axes.add_patch(Rectangle(corner, width, 2 * tall, **look))
        own = short_id(data.get("task_id", node), 24)
        kind = data.get("task_type")
        words = [(own, "bold", 0)]
        if kind is not None:
            words = [(str(kind), "bold", 1), (own, "normal", -1)]
        for text, weight, above in words:
            write_between(
                sheet, text, x - wide + _STRIP, x + wide, y, size=8.5, weight=weight, above=above
            )
    return sheet


def _dots(plan: Plan, title: str, figsize: Size | None) -> Sheet:
    """Each task as a mark, named where there is room."""
    number = len(plan.statuses)
    arranged = layout(plan.flow, int(np.clip(1.4 * np.sqrt(number), 10, 44)))
    low, high = _span(arranged)
    wide = max(x for x, _ in arranged.places.values())
    few = number <= _MOST_NAMED
    words = "Only tasks on the critical path have names" if plan.path else "No task has its name"
    notes = [*([] if few else [f"{words}: there are too many."]), *left_out_said(plan.graph)]
    size = 14.0, float(np.clip(2.0 + 0.3 * (high - low), 6.0, 10.0))
    sheet = Sheet(title, size, figsize, legend=plan.legend(as_areas=False), notes=notes)
    sheet.axes.set_xlim(-0.4, wide + (0.9 if few else 0.4))
    sheet.axes.set_ylim(low - 0.8, high + 0.8 + (_ARC if plan.flow.against else 0.0))
    sheet.settle()
    box = sheet.axes.get_window_extent()
    pitch = min(box.height / (high - low + 1.6), 0.4 * box.width / (wide + 1.3))
    radius = float(np.clip(0.4 * pitch * 72 / DPI, 1.6, 5.5))
    _edges(sheet, plan, arranged, 0.0)
    critical = set(plan.path)
    alike: dict[tuple[str, bool], list[Node]] = {}
    for node, status in plan.statuses.items():
        alike.setdefault((status, node in critical), []).append(node)
    for (status, is_critical), members in alike.items():
        sheet.axes.scatter(
            *np.array([arranged.places[node] for node in members]).T,
            s=(2 * radius * (1.35 if is_critical else 1)) ** 2,
            marker=SHOWN[status].marker,
            color=SHOWN[status].colour,
            edgecolors=BLACK if is_critical else INK,
            linewidths=1.3 if is_critical else 0.4,
            zorder=4 if is_critical else 3,
        )
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
        for node in [
            *plan.path[:_MOST_PATH_NAMES],
            *(node for node in arranged.places if few and node not in critical),
        ]
    ]
    points = np.array(list(arranged.places.values()))
    covered = boxes(sheet, points, np.full(len(points), radius))
    place(sheet, labels, covered, most_covered=0 if few else 4)
    return sheet


def _edges(sheet: Sheet, plan: Plan, arranged: Layout, half: float) -> None:
    """The dependencies as curves between the layers; the critical path over the others."""
    ways = {edge: _way(edge, arranged, half) for edge in plan.flow.edges}
    on_path = plan.on_path
    plain = [curve for edge, curve in ways.items() if edge not in on_path]
    critical = [curve for edge, curve in ways.items() if edge in on_path]
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
    bends = arranged.bends[edge]
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
    step = (plan.flow.depth - 1) // _MOST_BARS + 1
    bars = (plan.flow.depth - 1) // step + 1
    note = "Too many tasks or layers to show each: a bar is " + (
        "one layer." if step == 1 else f"{step} layers one after another."
    )
    notes = [note, f"The critical path has {count(len(plan.path), 'task')}." if plan.path else ""]
    notes += left_out_said(plan.graph)
    if cycles := len(plan.flow.against):
        notes.append(f"{count(cycles, 'dependency', 'dependencies')} left out: they close cycles.")
    legend = plan.legend(as_areas=True, with_edges=False)
    sheet = Sheet(title, (12.0, 7.0), figsize, legend=legend, notes=notes)
    numbers = {status: np.zeros(bars) for status in SHOWN}
    for node, level in plan.flow.levels.items():
        numbers[plan.statuses[node]][level // step] += 1
    bottom = np.zeros(bars)
    for status, style in SHOWN.items():
        sheet.axes.bar(
            range(bars),
            numbers[status],
            0.8,
            bottom,
            color=style.colour,
            hatch=style.hatch,
            edgecolor=INK,
            linewidth=0.5,
        )
        bottom += numbers[status]

    def first(bar: float, _: object) -> str:
        return f"{bar * step + 1:.0f}"

    layers = MaxNLocator(12, integer=True)
    sheet.scale("x", "layer (1 depends on nothing)", layers, first)
    sheet.scale("y", "tasks", MaxNLocator(8, integer=True, steps=[1, 2, 5, 10]), "{x:,.0f}")
    sheet.axes.set_xlim(-0.6, bars - 0.4)
    sheet.axes.set_ylim(0, float(bottom.max()) * 1.04)
    sheet.settle()
    return sheet
