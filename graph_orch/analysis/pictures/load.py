"""The picture of how busy each agent was over time."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import cast

import numpy as np
from matplotlib.figure import Figure

from graph_orch.analysis.model import Given
from graph_orch.analysis.pictures.marks import GREY, HEAT, INK
from graph_orch.analysis.pictures.nodes import number
from graph_orch.analysis.pictures.sheet import File, Sheet, Size, check_path, nothing_there
from graph_orch.analysis.pictures.texts import Floats, count, duration, natural, plain, shorten
from graph_orch.analysis.pictures.tries import Bar, Bars, Schedule, read_bars
from graph_orch.errors import ValidationError

MOST_ROWS, _MOST_BINS = 40, 96
_MINUTE, _HOUR, _DAY = 60.0, 3_600.0, 86_400.0
_STEPS = (
    *(base * 10.0**power for power in range(-6, 1) for base in (1, 2, 5)),
    *(10.0, 15.0, 30.0),
    *(_MINUTE * step for step in (1, 2, 5, 10, 15, 30)),
    *(_HOUR * step for step in (1, 2, 3, 6, 12)),
    *(_DAY * step for step in (1, 2, 7, 14, 28, 91, 182, 364)),
)
"""The lengths that a bin may have, in seconds."""


@dataclass(frozen=True)
class _Load:
    """Utilization by row and bin, 1 is full; edges and length of the bins in seconds."""

    rows: list[str]
    cells: Floats
    edges: Floats
    step: float
    by_peak: int
    others: int


def draw_load(
    source: Given | Schedule,
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
    found = read_bars(source, now)
    if not found.bars:
        what = "no agents" if not found.slots else "no tasks were tried"
        return nothing_there(title or "Load of the agents", what, path, figsize)
    load = _load(found, slots)
    if title is None:
        start, end = found.span
        title = f"Load of {count(len(found.agents), 'agent')} over {duration(end - start)}"
    notes = [
        f"A cell is the mean over {duration(load.step)} of the tasks held, by the agent's slots."
    ]
    if load.by_peak:
        notes.append(
            f"The slots of {count(load.by_peak, 'agent')} are not known: the most that each held "
            "at once is taken for 100 %."
        )
    if load.others:
        notes.append(
            f"{count(load.others, 'agent')} left out: those that held least; their mean is below."
        )
    notes += found.said()
    sheet = Sheet(title, (13.0, 2.6 + 0.26 * len(load.rows)), figsize, notes=notes)
    _heat(sheet, found, load)
    return sheet.finish(path)


def _load(found: Bars, slots: int | Mapping[str, int] | None) -> _Load:
    start, end = found.span
    step = next(
        (it for it in _STEPS if it >= (end - start) / _MOST_BINS), (end - start) / _MOST_BINS
    )
    bins = max(1, math.ceil((end - start) / step - 1e-9))
    edges: Floats = np.array([*(start + step * at for at in range(bins)), end])
    by_agent = found.by_agent()
    agents = sorted(found.agents, key=natural)
    limits = _limits(found, slots)
    held: dict[str, float] = {}
    used: dict[str, Floats] = {}
    for agent in agents:
        bars = by_agent.get(agent, [])
        tasks = _held(bars, edges)
        held[agent] = float(tasks @ np.diff(edges))
        used[agent] = tasks / (limits.get(agent) or _peak(bars) or 1.0)
    shown, others = agents, list[str]()
    if len(agents) > MOST_ROWS:
        busiest = sorted(agents, key=lambda it: (-held[it], natural(it)))
        shown = sorted(busiest[: MOST_ROWS - 1], key=natural)
        others = busiest[MOST_ROWS - 1 :]
    rows = [shorten(agent, 22) for agent in shown]
    cells = [used[agent] for agent in shown]
    if others:
        rows.append(f"mean of {len(others):,} others")
        cells.append(np.mean([used[agent] for agent in others], axis=0))
    by_peak = sum(agent not in limits for agent in by_agent)
    return _Load(rows, np.array(cells), edges, step, by_peak, len(others))


def _limits(found: Bars, slots: object) -> dict[str, float]:
    """How many tasks an agent may hold at once, of those where it is known."""

    def positive(value: object) -> float:
        if not (slots_of_it := number(value)) > 0:
            raise ValidationError(
                f"slots is {value!r}; give how many tasks are held at once, at least 1"
            )
        return slots_of_it

    limits = {agent: known for agent, known in found.slots.items() if known > 0}
    if isinstance(slots, Mapping):
        given = cast(Mapping[object, object], slots)
        return limits | {plain(agent): positive(value) for agent, value in given.items()}
    return limits if slots is None else dict.fromkeys(found.agents, positive(slots))


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


def _heat(sheet: Sheet, found: Bars, load: _Load) -> None:
    at = sheet.scale_time(*found.span, is_clock=found.is_clock)
    number_of = len(load.rows)
    drawn = sheet.axes.pcolormesh(
        at(load.edges),
        np.arange(number_of + 1) - 0.5,
        100 * load.cells,
        cmap=HEAT,
        vmin=0,
        vmax=100,
        edgecolors="white",
        linewidth=0.4,
        rasterized=False,
    )
    sheet.axes.set_yticks(range(number_of), load.rows)
    sheet.axes.set_ylim(number_of - 0.5, -0.5)
    sheet.scale("y", "agent")
    sheet.axes.tick_params(axis="y", length=0)
    if load.others:
        sheet.axes.axhline(number_of - 1.5, color="white", linewidth=4)
    is_over = bool((load.cells > 1.0 + 1e-9).any())
    bar = sheet.figure.colorbar(
        drawn,
        ax=sheet.axes,
        use_gridspec=False,  # which constrained layout cannot move
        aspect=(sheet.figure.get_figheight() - 1.2) / 0.2,
        pad=0.02,
        extend="max" if is_over else "neither",
    )
    bar.set_ticks([0, 25, 50, 75, 100], labels=[f"{step} %" for step in (0, 25, 50, 75, 100)])
    bar.ax.tick_params(labelsize=8.5, labelcolor=INK, color=GREY)
    bar.set_label("slots in use", fontsize=9.5, color=INK)
    bar.outline.set_visible(False)
    sheet.settle()
