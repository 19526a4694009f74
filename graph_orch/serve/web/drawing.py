"""A workflow as a graph in SVG: places by the layered layout of the analysis.

It is SVG and no canvas: each task is a link with a name, which the keyboard, a screen reader and a
test find, and the next look morphs it in place.
"""

from __future__ import annotations

import itertools
from collections import Counter
from collections.abc import Callable, Collection, Hashable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import TypeVar

import networkx as nx

from graph_orch import Agent, ExportedTask, Task, TaskStatus, TaskTry
from graph_orch.analysis.pictures.layers import Layout, Point, flow, layout
from graph_orch.domain.lifecycle import ENDED
from graph_orch.serve.web.page import link
from graph_orch.tools.answers import cut

MOST_SINGLE = 150
"""With more tasks, those of one type on one level are one box, until they are unfolded."""
MOST_ROWS = 10_000  # one column for each level
WIDE, HIGH = 168, 40
ACROSS, DOWN = 232, 56
"""A box, and how far boxes are apart, in pixels."""
LONGEST = 22


@dataclass(frozen=True)
class Box:
    """Something with a page of its own, or several tasks of one type on one level, and its place.

    Args:
        status: That of a task; of several the one that says most: failed before running, and so
            on, see `_ORDER`.
        href: Its page; "" for several tasks.
        key: Its id; for several tasks what unfolds them.
    """

    x: int
    y: int
    label: str
    under: str
    status: str
    title: str
    href: str
    key: str
    is_critical: bool = False


@dataclass(frozen=True)
class Drawing:
    """The boxes and the curves between them, and the size of the whole."""

    boxes: Sequence[Box]
    curves: Sequence[tuple[str, bool]]
    """Each an SVG path, and whether it is of the longest chain."""
    width: int
    height: int


_ORDER = (
    TaskStatus.FAILED,
    TaskStatus.RUNNING,
    TaskStatus.ASSIGNED,
    TaskStatus.PENDING,
    TaskStatus.CANCELLED,
    TaskStatus.COMPLETED,
)


def draw(
    tasks: Sequence[Task], unfolded: Collection[str], critical: Collection[str] = ()
) -> Drawing | None:
    """The graph of some tasks; None where there are none.

    Args:
        unfolded: Of which groups each task is drawn, see `Box.key`.
        critical: The ids of the longest chain.
    """
    if not tasks:
        return None
    graph: nx.DiGraph[str] = nx.DiGraph()
    graph.add_nodes_from(it.task_id for it in tasks)
    known = set(graph)
    graph.add_edges_from((it.task_id, d) for it in tasks for d in it.dependencies if d in known)
    groups = _groups(tasks, graph, unfolded)
    drawn: nx.DiGraph[str] = nx.DiGraph()
    drawn.add_nodes_from(dict.fromkeys(groups.values()))
    drawn.add_edges_from((groups[a], groups[b]) for a, b in graph.edges if groups[a] != groups[b])
    members: dict[str, list[Task]] = {}
    for task in tasks:
        members.setdefault(groups[task.task_id], []).append(task)

    def box(name: str, x: int, y: int) -> Box:
        if name in known:
            return _single(members[name][0], x, y, critical)
        return _several(name, members[name], x, y, critical)

    return _placed(drawn, box, frozenset(critical))


def draw_skills(agents: Sequence[Agent], skills: Sequence[str]) -> Drawing | None:
    """The agents on the left, joined with those of some skills that they have, on the right."""
    if not agents or not skills:
        return None
    drawn: nx.DiGraph[tuple[str, str]] = nx.DiGraph()
    by_id = {it.agent_id: it for it in agents}
    drawn.add_nodes_from(("skill", name) for name in skills)
    for agent in agents:
        drawn.add_node(("agent", agent.agent_id))
        held = set(skills) & set(agent.capabilities)
        drawn.add_edges_from((("skill", name), ("agent", agent.agent_id)) for name in held)

    def box(node: tuple[str, str], x: int, y: int) -> Box:
        kind, name = node
        page = link("/agents", name) if kind == "agent" else link("/agents", q=name)
        if kind == "agent":
            agent = by_id[name]
            slots = f"{agent.active_tasks} of {agent.max_concurrent_tasks} slots"
            status = "running" if agent.active_tasks else ""
            return Box(x, y, cut(name, LONGEST), slots, status, f"agent {name}", page, name)
        number = drawn.out_degree(node)
        holders = f"{number} agent{'' if number == 1 else 's'}"
        status = "single" if number == 1 else ""
        return Box(
            x, y, cut(name, LONGEST), holders, status, f"skill {name}", page, f"skill {name}"
        )

    return _placed(drawn, box, frozenset())


N = TypeVar("N", bound=Hashable)


def _placed(
    drawn: nx.DiGraph[N], box: Callable[[N, int, int], Box], critical: frozenset[N]
) -> Drawing:
    """Boxes at the places of a layered layout, and the curves between them."""
    found = layout(flow(drawn, drawn.nodes), MOST_ROWS)
    left, top = _corner(found)
    boxes = [box(node, *_at(found.places[node], left, top)) for node in drawn]
    curves = [
        (_curve(found, after, before, left, top), {before, after} <= critical)
        for after, before in drawn.edges
    ]
    width = max(it.x for it in boxes) + WIDE + 16
    return Drawing(boxes, curves, width, max(it.y for it in boxes) + HIGH + 16)


def _levels(tasks: Sequence[Task], graph: nx.DiGraph[str]) -> list[tuple[Task, int]]:
    levels = flow(graph, graph.nodes).levels
    return [(it, levels[it.task_id]) for it in tasks]


def _fold(task: Task, level: int) -> str:
    return f"{level}:{task.task_type}"


def _groups(
    tasks: Sequence[Task], graph: nx.DiGraph[str], unfolded: Collection[str]
) -> Mapping[str, str]:
    """Of each task the box in which it is drawn: its own, or one for a level and a type."""
    if len(tasks) <= MOST_SINGLE:
        return {it.task_id: it.task_id for it in tasks}
    found = {it.task_id: _fold(it, level) for it, level in _levels(tasks, graph)}
    sizes = Counter(found.values())
    return {
        key: key if fold in unfolded or sizes[fold] == 1 else fold for key, fold in found.items()
    }


def _corner(found: Layout) -> Point:
    columns, rows = zip(*found.places.values(), strict=True)
    return min(columns), min(rows)


def _at(place: Point, left: float, top: float) -> tuple[int, int]:
    return round(16 + (place[0] - left) * ACROSS), round(16 + (place[1] - top) * DOWN)


def _single(task: Task, x: int, y: int, critical: Collection[str]) -> Box:
    name = task.name or task.task_type
    by = f" · {task.assigned_to}" if task.assigned_to else ""
    title, is_critical = f"{name}: {task.status}", task.task_id in critical
    under, page = f"{task.status}{by}", link("/tasks", task.task_id)
    return Box(x, y, cut(name, LONGEST), under, task.status, title, page, task.task_id, is_critical)


def _several(fold: str, tasks: Sequence[Task], x: int, y: int, critical: Collection[str]) -> Box:
    counts = Counter(it.status for it in tasks)
    status = next(it for it in _ORDER if counts[it])
    told = ", ".join(f"{counts[it]} {it}" for it in _ORDER if counts[it])
    title = f"{len(tasks)} tasks of type {tasks[0].task_type}: {told}"
    under = f"{len(tasks)} tasks, {sum(counts[it] for it in ENDED)} ended"
    is_critical = any(it.task_id in critical for it in tasks)
    return Box(x, y, cut(tasks[0].task_type, LONGEST), under, status, title, "", fold, is_critical)


def _curve(found: Layout, after: Hashable, before: Hashable, left: float, top: float) -> str:
    """From the right side of a box, by the places that the layout keeps free, to the next one."""
    bends = found.bends.get((before, after), ())
    points = [found.places[before], *bends, found.places[after]]
    places = [_at(it, left, top) for it in points]
    middle = [(x, y + HIGH // 2) for x, y in places]
    path = f"M{middle[0][0] + WIDE} {middle[0][1]}"
    for place, ((x0, y0), (x1, y1)) in enumerate(itertools.pairwise(middle)):
        start = x0 + WIDE
        half = (start + x1) // 2
        path += f"C{half} {y0} {half} {y1} {x1} {y1}"
        if place < len(middle) - 2:  # a bend: the curve goes straight past the boxes of its level
            path += f"L{x1 + WIDE} {y1}"
    return path


@dataclass(frozen=True)
class Bar:
    """A try, and where it is drawn."""

    x: float
    y: int
    width: float
    outcome: str
    task_id: str
    title: str


@dataclass(frozen=True)
class Bars:
    """Who tried what, when: a row for each slot of an agent that was used, with its name."""

    bars: Sequence[Bar]
    rows: Sequence[tuple[int, str]]
    width: int
    height: int
    seconds: float


LEFT, ALONG = 168, 1_000
"""Where the bars begin, and how wide all of them are, in pixels."""
ROW = 24
MOST_BARS = 2_000


def bars_of(tasks: Sequence[ExportedTask]) -> Bars | None:
    """The tries of some tasks by agent, those at the same time below each other; None: none."""
    tries = [(it.task, one) for it in tasks for one in it.tries][:MOST_BARS]
    if not tries:
        return None
    now = datetime.now(UTC)
    begins = min(one.started_at or one.assigned_at for _, one in tries)
    ends = max(one.ended_at or now for _, one in tries)
    scale = ALONG / max((ends - begins).total_seconds(), 0.001)
    free: dict[str, list[datetime]] = {}  # of each agent, when its slots are free again
    placed: list[tuple[str, int, Task, TaskTry]] = []
    for task, one in sorted(tries, key=lambda it: it[1].started_at or it[1].assigned_at):
        slots = free.setdefault(one.agent_id, [])
        at = one.started_at or one.assigned_at
        slot = next((n for n, until in enumerate(slots) if until <= at), len(slots))
        slots[slot : slot + 1] = [one.ended_at or now]
        placed.append((one.agent_id, slot, task, one))
    tops, top, rows = dict[str, int](), 8, list[tuple[int, str]]()
    for agent_id in sorted(free):
        tops[agent_id] = top
        rows.append((top + 14, cut(agent_id, LONGEST)))
        top += ROW * len(free[agent_id])
    bars: list[Bar] = []
    for agent_id, slot, task, one in placed:
        at, until = one.started_at or one.assigned_at, one.ended_at or now
        said = f"{task.name or task.task_type}, try {one.attempt}: {one.outcome or 'under way'}"
        bars.append(
            Bar(
                x=round(LEFT + (at - begins).total_seconds() * scale, 1),
                y=tops[agent_id] + ROW * slot,
                width=max(2.0, round((until - at).total_seconds() * scale, 1)),
                outcome=str(one.outcome or ""),
                task_id=task.task_id,
                title=f"{said}, {(until - at).total_seconds():.3g} s by {agent_id}",
            )
        )
    return Bars(bars, rows, LEFT + ALONG + 16, top + 8, (ends - begins).total_seconds())
