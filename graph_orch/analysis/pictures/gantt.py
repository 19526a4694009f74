"""The picture of what each agent did when."""

from __future__ import annotations

import heapq
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from matplotlib.collections import PolyCollection
from matplotlib.figure import Figure

from graph_orch.analysis.model import Given
from graph_orch.analysis.pictures.labels import write_between
from graph_orch.analysis.pictures.marks import (
    BAND,
    HELD,
    INK,
    OUTCOMES,
    PLANNED,
    STEP,
    Entry,
    area,
    ink_on,
)
from graph_orch.analysis.pictures.sheet import File, Sheet, Size, check_path, nothing_there
from graph_orch.analysis.pictures.texts import count, duration, natural, short_id, shorten
from graph_orch.analysis.pictures.tries import Bar, Bars, Schedule, read_bars

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
    source: Given | Schedule,
    path: File | None = None,
    *,
    now: datetime | float | None = None,
    title: str | None = None,
    figsize: Size | None = None,
) -> Figure:
    """Draw the tries of tasks as bars over time, a row for each slot that an agent used.

    Of one task alone the steps that its handler has kept stand below its tries.

    Outcomes are told by colour and hatch; the time from assignment to start is pale. A bar has its
    task's type and id where they fit. Times of a graph are times of day (UTC), those of a schedule
    have the unit that fits. At most 72 rows are drawn, those of the agents that worked longest; the
    picture says what is left out.

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
    found = read_bars(source, now)
    if not found.bars:
        return nothing_there(title or "What ran when", "no tasks were tried", path, figsize)
    rows = _rows(found)
    start, end = found.span
    if title is None:
        tasks = len({bar.task for bar in found.bars})
        title = (
            f"{count(len(found.bars), 'try', 'tries')} of {count(tasks, 'task')} by "
            f"{count(len({bar.agent for bar in found.bars}), 'agent')} in {duration(end - start)}"
        )
    notes = ["A row is a slot of an agent."]
    if left := len(rows.left_out):
        notes.append(
            f"{count(left, 'agent')} of {left + len(rows.agents):,}, "
            f"with {count(rows.left_bars, 'try', 'tries')}, left out: those that worked least."
        )
    notes += found.said()
    size = 14.0, 2.4 + _INCHES * rows.number
    sheet = Sheet(title, size, figsize, legend=_legend(rows), notes=notes)
    at = sheet.scale_time(start, end, is_clock=found.is_clock, air=0.01)
    middles = [top + (high - 1) / 2 for _, top, high in rows.agents]
    sheet.axes.set_yticks(middles, [shorten(agent, 20) for agent, _, _ in rows.agents])
    sheet.scale("y", "agent")
    sheet.axes.set_ylim(rows.number - 0.4, -0.6)
    pitch = (sheet.figure.get_figheight() - 2) * 72 / rows.number
    small = min(high for _, _, high in rows.agents) * pitch
    sheet.axes.tick_params(axis="y", length=0, labelsize=min(8.5, max(small * 0.8, 3.0)))
    sheet.settle()
    for _, top, high in rows.agents[::2]:
        sheet.axes.axhspan(top - 0.5, top + high - 0.5, color=BAND, linewidth=0, zorder=0)
    _bars(sheet, rows, at)
    return sheet.finish(path)


def _rows(found: Bars) -> _Rows:
    """As many agents as there is room for, those that worked longest, by name."""
    lanes = {agent: _slots(bars) for agent, bars in found.by_agent().items()}
    busy = {agent: sum(bar.end - bar.held for bar, _ in lane) for agent, lane in lanes.items()}
    chosen: list[str] = []
    total = 0
    for agent in sorted(lanes, key=lambda it: (-busy[it], it)):
        needed = 1 + max(slot for _, slot in lanes[agent])
        if not chosen or total + needed <= MOST_ROWS:
            chosen.append(agent)
            total += needed
    placed: list[tuple[Bar, int]] = []
    agents: list[tuple[str, int, int]] = []
    top = 0
    for agent in sorted(chosen, key=natural):
        high = 1 + max(slot for _, slot in lanes[agent])
        placed += [(bar, top + slot) for bar, slot in lanes[agent]]
        agents.append((agent, top, high))
        top += high
    if found.steps:
        steps = _slots(sorted(found.steps, key=lambda it: (it.held, it.end, it.kind)))
        placed += [(bar, top + slot) for bar, slot in steps]
        agents.append((found.steps[0].agent, top, 1 + max(slot for _, slot in steps)))
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


def _legend(rows: _Rows) -> list[Entry]:
    numbers = Counter(bar.outcome for bar, _ in rows.placed)
    keys = [
        Entry(f"{outcome.replace('_', ' ')} ({numbers[outcome]:,})", area(style))
        for outcome, style in OUTCOMES.items()
        if numbers[outcome]
    ]
    if any(bar.start > bar.held for bar, _ in rows.placed):
        keys.append(Entry(HELD, area(OUTCOMES[HELD])))
    return [Entry("schedule" if set(numbers) == {PLANNED} else "try ended as"), *keys]


def _bars(sheet: Sheet, rows: _Rows, at: Callable[[float], float]) -> None:
    """The bars, wide enough to be seen, and type and id in those that have room for them."""
    low, high = sheet.axes.get_xlim()
    least = (high - low) / sheet.axes.get_window_extent().width  # a pixel
    alike: dict[str, list[list[tuple[float, float]]]] = {}
    few = len(rows.placed) <= _MOST_NAMED
    for bar, row in rows.placed:
        parts = [(bar.outcome, bar.start, bar.end)]
        if bar.start > bar.held:
            worked = parts if bar.end > bar.start else []
            parts = [(HELD, bar.held, bar.start), *worked]
        for outcome, start, end in parts:
            left, top, bottom = at(start), row - _HIGH / 2, row + _HIGH / 2
            right = max(at(end), left + least)
            corners = [(left, top), (right, top), (right, bottom), (left, bottom)]
            alike.setdefault(outcome, []).append(corners)
        if few:
            start = bar.start if bar.end > bar.start else bar.held
            own = short_id(bar.task, 16) if bar.outcome != STEP else ""
            style = OUTCOMES[bar.outcome]
            write_between(
                sheet,
                f"{shorten(bar.kind, 12)} {own}".strip() if bar.kind else own,
                at(start),
                at(bar.end),
                row,
                size=7,
                colour=INK if style.hatch else ink_on(style.colour),
                boxed=bool(style.hatch),
                least=9,
            )
    for outcome, corners in alike.items():
        style = OUTCOMES[outcome]
        look: dict[str, Any] = {"facecolors": style.colour, "hatch": style.hatch, "edgecolors": INK}
        drawn = PolyCollection(
            corners, linewidths=0.6 if few else 0.3, zorder=2 + (outcome != HELD), **look
        )
        sheet.axes.add_collection(drawn, autolim=False)
