"""The picture of how busy each agent was over time."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING, Any

import numpy as np
from matplotlib import colormaps

from graph_orch.analysis.pictures import times
from graph_orch.analysis.pictures.colours import GREY, INK
from graph_orch.analysis.pictures.gantt import natural
from graph_orch.analysis.pictures.nodes import number
from graph_orch.analysis.pictures.sheet import (
    File,
    Margins,
    Sheet,
    Size,
    check_path,
    figure_size,
    nothing_there,
)
from graph_orch.analysis.pictures.texts import count, plain, shorten
from graph_orch.analysis.pictures.tries import Bar, Schedule, Timeline, timeline
from graph_orch.errors import ValidationError

if TYPE_CHECKING:
    import networkx as nx
    import numpy.typing as npt
    from matplotlib.figure import Figure

    Floats = npt.NDArray[np.float64]

MOST_ROWS, _MOST_BINS = 40, 96
_STEPS = (
    *(base * 10.0**power for power in range(-6, 1) for base in (1, 2, 5)),
    *(10.0, 15.0, 30.0),
    *(times.MINUTE * step for step in (1, 2, 5, 10, 15, 30)),
    *(times.HOUR * step for step in (1, 2, 3, 6, 12)),
    *(times.DAY * step for step in (1, 2, 7, 14, 28, 91, 182, 364)),
)


@dataclass(frozen=True)
class _Load:
    """Utilization by row and bin, 1 is full; the edges of the bins in seconds."""

    rows: list[str]
    cells: Floats
    edges: Floats
    by_peak: int
    others: int


def draw_load(
    source: nx.Graph[object] | Schedule,
    path: File | None = None,
    *,
    slots: int | Mapping[str, int] | None = None,
    now: datetime | float | None = None,
    title: str | None = None,
    figsize: Size | None = None,
) -> Figure:
    """Draw the utilization of agents over time as a heat map.

    A cell is the mean over its time of the tasks that the agent held (assigned or running) as a
    share of its slots, in %. The colours are those of cividis, which get lighter evenly and are
    the same to people with and without a colour vision deficiency. At most 40 rows are drawn: of
    more agents, those that held most, and the mean of the others.

    Args:
        source: a graph of `snapshot(orch, "all")` or "tasks", or a schedule, as for `draw_gantt`.
        path: where to save it, as .png or .svg.
        slots: how many tasks an agent may hold at once: of all, or by agent. Without it: what the
            graph says (max_concurrent_tasks), or else the most that the agent ever held.
        now: until when tries that are not ended are counted; else when the graph was taken.
        title: above the picture.
        figsize: width and height in inches, from 5 x 3.5 to 60 x 60.

    Raises:
        ValidationError: an argument is not acceptable.
        OSError: the file cannot be written.
    """
    check_path(path)
    found = timeline(source, now)
    if not found.bars:
        what = "no agents" if not found.slots else "no tasks were tried"
        return nothing_there(title or "Load of the agents", what, path, figsize)
    load = _load(found, _given(slots))
    size = figure_size(figsize, (13.0, 2.6 + 0.26 * len(load.rows)))
    sheet = Sheet(
        _title(found, load) if title is None else title,
        size,
        notes=_notes(found, load),
        margins=Margins(left=1.75, bottom=0.6, right=1.1),
    )
    _heat(sheet, found, load)
    return sheet.finish(path)


def _given(slots: int | Mapping[str, int] | None) -> Mapping[str, float] | float | None:
    if slots is None:
        return None
    if isinstance(slots, Mapping):
        return {plain(agent): _positive(value) for agent, value in slots.items()}
    return _positive(slots)


def _positive(value: object) -> float:
    found = number(value, math.nan)
    if not found > 0:
        raise ValidationError(
            f"slots is {value!r}; give how many tasks are held at once, at least 1"
        )
    return found


def _load(found: Timeline, given: Mapping[str, float] | float | None) -> _Load:
    start, end = found.span
    edges = bins(start, end)
    by_agent = found.by_agent()
    agents = sorted({*by_agent, *found.slots}, key=natural)
    cut = np.minimum(edges, end)
    held = {agent: _held(by_agent.get(agent, []), cut) for agent in agents}
    limits = {agent: _limit(agent, found, given) for agent in agents}
    peaks = {agent: float(_peak(by_agent.get(agent, []))) for agent in agents}
    used = {agent: held[agent] / (limits[agent] or peaks[agent] or 1.0) for agent in agents}
    shown, others = agents, list[str]()
    if len(agents) > MOST_ROWS:
        busiest = sorted(agents, key=lambda it: (-float(held[it].sum()), natural(it)))
        shown = sorted(busiest[: MOST_ROWS - 1], key=natural)
        others = busiest[MOST_ROWS - 1 :]
    cells = [used[agent] for agent in shown]
    if others:
        cells.append(np.mean([used[agent] for agent in others], axis=0))
    rows = [shorten(agent, 22) for agent in shown] + (
        [f"mean of {len(others):,} others"] if others else []
    )
    by_peak = sum(limits[agent] is None for agent in by_agent)
    return _Load(rows, np.array(cells), edges, by_peak, len(others))


def _limit(agent: str, found: Timeline, given: Mapping[str, float] | float | None) -> float | None:
    known = found.slots.get(agent)
    if isinstance(given, Mapping):
        known = given.get(agent, known)
    elif given is not None:
        known = given
    return known if known is not None and known > 0 else None


def bins(start: float, end: float) -> Floats:
    """The edges of at most about a hundred bins of a round length that hold both times."""
    least = (end - start) / _MOST_BINS
    step = next((it for it in _STEPS if it >= least), least)
    number_of = max(1, math.ceil((end - start) / step - 1e-9))
    return np.array([start + step * at for at in range(number_of + 1)])


def _held(bars: Sequence[Bar], edges: Floats) -> Floats:
    """The mean number of tasks held in each bin."""
    total = np.zeros(len(edges))
    for bar in bars:
        total += np.clip(edges, bar.held, bar.end) - bar.held
    return np.diff(total) / np.diff(edges)


def _peak(bars: Sequence[Bar]) -> int:
    """The most that were held at once."""
    steps = sorted([(bar.held, 1) for bar in bars] + [(bar.end, -1) for bar in bars])
    return int(max(np.cumsum([step for _, step in steps]), default=0))


def _title(found: Timeline, load: _Load) -> str:
    start, end = found.span
    agents = len(load.rows) - bool(load.others) + load.others
    return f"Load of {count(agents, 'agent')} over {times.duration(end - start)}"


def _notes(found: Timeline, load: _Load) -> list[str]:
    step = times.duration(float(load.edges[1] - load.edges[0]))
    notes = [f"A cell is the mean over {step} of the tasks held, by the agent's slots."]
    if load.by_peak:
        notes.append(
            f"The slots of {count(load.by_peak, 'agent')} are not known: the most that each held "
            "at once is taken for 100 %."
        )
    if load.others:
        notes.append(
            f"{count(load.others, 'agent')} left out: those that held least; their mean is below."
        )
    if found.skipped:
        notes.append(f"{count(found.skipped, 'try', 'tries')} without times left out.")
    return [*notes, *found.notes]


def _heat(sheet: Sheet, found: Timeline, load: _Load) -> None:
    edges = np.minimum(load.edges, found.span[1])
    rows = np.arange(len(load.rows) + 1) - 0.5
    is_over = bool((load.cells > 1.0 + 1e-9).any())
    drawn = sheet.axes.pcolormesh(
        edges,
        rows,
        100 * load.cells,
        cmap=colormaps["cividis"],
        vmin=0,
        vmax=100,
        edgecolors="white",
        linewidth=0.4,
        rasterized=False,
    )
    sheet.axes.set_xlim(edges[0], edges[-1])
    sheet.axes.set_ylim(len(load.rows) - 0.5, -0.5)
    sheet.scale_time(*found.span, found.is_clock)
    sheet.scale_y(list(enumerate(load.rows)), "agent")
    sheet.axes.tick_params(axis="y", length=0)
    if load.others:
        sheet.axes.axhline(len(load.rows) - 1.5, color="white", linewidth=4)
    box = sheet.axes.get_position()
    width = sheet.size[0]
    place = (box.x1 + 0.25 / width, box.y0, 0.2 / width, box.height)
    bar: Any = sheet.figure.colorbar(
        drawn, cax=sheet.figure.add_axes(place), extend="max" if is_over else "neither"
    )
    steps = (0, 25, 50, 75, 100)
    bar.set_ticks(list(steps), labels=[f"{step} %" for step in steps])
    bar.ax.tick_params(labelsize=8.5, labelcolor=INK, color=GREY)
    bar.set_label("slots in use", fontsize=9.5, color=INK)
    bar.outline.set_visible(False)
