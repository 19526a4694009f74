"""The picture of what each agent did when."""

from __future__ import annotations

import heapq
import re
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING, Any

from matplotlib.collections import PolyCollection

from graph_orch.analysis.pictures import times
from graph_orch.analysis.pictures.colours import (
    INK,
    OUTCOMES,
    PALE,
    PLANNED,
    UNKNOWN,
    Style,
    ink_on,
)
from graph_orch.analysis.pictures.labels import write_within
from graph_orch.analysis.pictures.sheet import (
    DPI,
    Entry,
    File,
    Margins,
    Sheet,
    Size,
    area,
    check_path,
    figure_size,
    nothing_there,
)
from graph_orch.analysis.pictures.texts import count, short_id, shorten
from graph_orch.analysis.pictures.tries import OTHER, Bar, Schedule, Timeline, timeline

if TYPE_CHECKING:
    import networkx as nx
    from matplotlib.figure import Figure

MOST_ROWS, _MOST_NAMED = 72, 250
_INCHES, _HIGH = 0.19, 0.8
"""The height of a row, and what of it a bar takes."""


@dataclass(frozen=True)
class _Rows:
    """The bars with the row that each stands in, and the rows of each agent, from the top."""

    placed: list[tuple[Bar, int]]
    agents: list[tuple[str, int, int]]
    left_out: list[str]
    left_bars: int

    @property
    def number(self) -> int:
        """How many rows there are."""
        return sum(rows for _, _, rows in self.agents)


def draw_gantt(
    source: nx.Graph[object] | Schedule,
    path: File | None = None,
    *,
    now: datetime | float | None = None,
    title: str | None = None,
    figsize: Size | None = None,
) -> Figure:
    """Draw the tries of tasks as bars over time, a row for each slot that an agent used.

    Outcomes are told by colour and hatch; the time from assignment to start is pale. A bar has its
    task's type and id where they fit. Time is counted in s, min or h from the first assignment, and
    shown as time of day (UTC) from six hours on. At most 72 rows are drawn, those of the agents
    that worked longest; the picture says what is left out.

    Args:
        source: a graph of `snapshot(orch, "tasks")` or "all", read by the attribute `tries` of the
            tasks, their edges ASSIGNED_TO, or assigned_to and its times; or a schedule: rows of
            (task, agent, start, end) or (task, agent, start, end, outcome), or objects with these
            attributes, in seconds.
        path: where to save it, as .png or .svg.
        now: until when tries that are not ended are drawn; else when the graph was taken.
        title: above the picture.
        figsize: width and height in inches, from 5 x 3.5 to 60 x 60.

    Raises:
        ValidationError: an argument is not acceptable.
        OSError: the file cannot be written.
    """
    check_path(path)
    found = timeline(source, now)
    if not found.bars:
        return nothing_there(title or "What ran when", "no tasks were tried", path, figsize)
    rows = _rows(found)
    size = figure_size(figsize, (14.0, 2.4 + _INCHES * rows.number))
    sheet = Sheet(
        _title(found) if title is None else title,
        size,
        legend=_legend(rows),
        notes=_notes(found, rows),
        margins=Margins(left=1.55, bottom=0.6),
    )
    _axes(sheet, found, rows)
    _bars(sheet, rows)
    _names(sheet, rows)
    return sheet.finish(path)


def _rows(found: Timeline) -> _Rows:
    """As many agents as there is room for, those that worked longest, by name."""
    lanes = {agent: _slots(bars) for agent, bars in found.by_agent().items()}
    busy = {agent: sum(bar.end - bar.held for bar, _ in lane) for agent, lane in lanes.items()}
    chosen: list[str] = []
    total = 0
    for agent in sorted(lanes, key=lambda it: (-busy[it], it)):
        needed = _height(lanes[agent])
        if not chosen or total + needed <= MOST_ROWS:
            chosen.append(agent)
            total += needed
    placed: list[tuple[Bar, int]] = []
    agents: list[tuple[str, int, int]] = []
    top = 0
    for agent in sorted(chosen, key=natural):
        placed += [(bar, top + slot) for bar, slot in lanes[agent]]
        agents.append((agent, top, _height(lanes[agent])))
        top += _height(lanes[agent])
    left = sorted(set(lanes) - set(chosen))
    return _Rows(placed, agents, left, sum(len(lanes[agent]) for agent in left))


def _slots(bars: Sequence[Bar]) -> list[tuple[Bar, int]]:
    """Each bar in the first slot that is free when it begins: as few slots as can be."""
    free: list[int] = []
    taken: list[tuple[float, int]] = []
    placed: list[tuple[Bar, int]] = []
    for bar in bars:
        while taken and taken[0][0] <= bar.held:
            heapq.heappush(free, heapq.heappop(taken)[1])
        slot = heapq.heappop(free) if free else len(taken)
        heapq.heappush(taken, (bar.end, slot))
        placed.append((bar, slot))
    return placed


def _height(lane: Sequence[tuple[Bar, int]]) -> int:
    return max(slot for _, slot in lane) + 1


def natural(name: str) -> tuple[tuple[int, int, str], ...]:
    """A key that sorts agent-2 before agent-10."""
    parts = (part for part in _DIGITS.split(name) if part)
    return tuple((0, int(it), "") if it.isdecimal() else (1, 0, it) for it in parts)


_DIGITS = re.compile(r"(\d{1,18})")


def _title(found: Timeline) -> str:
    tasks, agents = {bar.task for bar in found.bars}, {bar.agent for bar in found.bars}
    start, end = found.span
    return (
        f"{count(len(found.bars), 'try', 'tries')} of {count(len(tasks), 'task')} by "
        f"{count(len(agents), 'agent')} in {times.duration(end - start)}"
    )


def _legend(rows: _Rows) -> list[Entry]:
    numbers = Counter(bar.outcome for bar, _ in rows.placed)
    keys = [
        Entry(f"{outcome.replace('_', ' ')} ({numbers[outcome]:,})", area(_style(outcome)))
        for outcome in [*OUTCOMES, OTHER]
        if numbers[outcome]
    ]
    if any(bar.start > bar.held for bar, _ in rows.placed):
        keys.append(Entry("assigned, not started", area(Style(PALE))))
    return [Entry("schedule" if set(numbers) == {PLANNED} else "try ended as"), *keys]


def _style(outcome: str) -> Style:
    return OUTCOMES.get(outcome, UNKNOWN)


def _notes(found: Timeline, rows: _Rows) -> list[str]:
    notes = ["A row is a slot of an agent."]
    if rows.left_out:
        notes.append(
            f"{count(len(rows.left_out), 'agent')} of {len(rows.left_out) + len(rows.agents):,}, "
            f"with {count(rows.left_bars, 'try', 'tries')}, left out: those that worked least."
        )
    if found.skipped:
        notes.append(f"{count(found.skipped, 'try', 'tries')} without times left out.")
    return [*notes, *found.notes]


def _axes(sheet: Sheet, found: Timeline, rows: _Rows) -> None:
    start, end = found.span
    margin = 0.01 * (end - start)
    sheet.axes.set_xlim(start - margin, end + margin)
    sheet.axes.set_ylim(rows.number - 0.4, -0.6)
    sheet.scale_time(start, end, found.is_clock)
    pitch = sheet.axes.get_window_extent().height / DPI * 72 / rows.number
    agents = [(top + (high - 1) / 2, shorten(agent, 20)) for agent, top, high in rows.agents]
    sheet.scale_y(agents, "agent")
    small = min(high for _, _, high in rows.agents) * pitch
    sheet.axes.tick_params(axis="y", length=0, labelsize=min(8.5, max(small * 0.8, 3.0)))
    for at, (_, top, high) in enumerate(rows.agents):
        if at % 2 == 0:
            sheet.axes.axhspan(top - 0.5, top + high - 0.5, color="#f3f3f3", linewidth=0, zorder=0)


def _bars(sheet: Sheet, rows: _Rows) -> None:
    start, end = sheet.axes.get_xlim()
    pixel = (end - start) / sheet.axes.get_window_extent().width
    pale = [
        _outline(bar.held, bar.start, row, pixel)
        for bar, row in rows.placed
        if bar.start > bar.held
    ]
    look: dict[str, Any] = {
        "edgecolors": INK,
        "linewidths": 0.3 if len(rows.placed) > _MOST_NAMED else 0.6,
    }
    sheet.axes.add_collection(
        PolyCollection(pale, facecolors=PALE, zorder=2, **look), autolim=False
    )
    for outcome in [*OUTCOMES, OTHER]:
        style = _style(outcome)
        own = [
            _outline(bar.start, bar.end, row, pixel)
            for bar, row in rows.placed
            if bar.outcome == outcome and (bar.end > bar.start or bar.start == bar.held)
        ]
        drawn = PolyCollection(own, facecolors=style.colour, hatch=style.hatch, zorder=3, **look)
        sheet.axes.add_collection(drawn, autolim=False)


def _outline(start: float, end: float, row: int, least: float) -> list[tuple[float, float]]:
    """The corners of a bar, wide enough to be seen."""
    end, half = max(end, start + least), _HIGH / 2
    return [(start, row - half), (end, row - half), (end, row + half), (start, row + half)]


def _names(sheet: Sheet, rows: _Rows) -> None:
    """Type and id in each bar that has room for them."""
    if len(rows.placed) > _MOST_NAMED:
        return
    for bar, row in rows.placed:
        room = (bar.start, bar.end) if bar.end > bar.start else (bar.held, bar.end)
        own = short_id(bar.task, 16)
        text = f"{shorten(bar.kind, 12)} {own}" if bar.kind else own
        style = _style(bar.outcome)
        ink = ink_on(style.colour) if not style.hatch else INK
        write_within(sheet, text, room, row, size=7, colour=ink, boxed=bool(style.hatch), least=9)
