"""The sheet that a picture is drawn on: title, legend, notes, axes, and how it is saved.

Only the object interface of matplotlib is used, never pyplot: nothing is registered globally, so
that figures are collected like any object and threads do not meet.
"""

from __future__ import annotations

import textwrap
from collections.abc import Callable, Iterable, Sequence
from datetime import UTC, datetime, timedelta
from io import BytesIO
from os import PathLike
from pathlib import Path
from typing import Any, BinaryIO, cast

from matplotlib import dates
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure
from matplotlib.layout_engine import ConstrainedLayoutEngine
from matplotlib.patches import Patch
from matplotlib.text import Text
from matplotlib.ticker import MaxNLocator

from graph_orch.analysis.pictures.marks import GREY, INK, Entry
from graph_orch.analysis.pictures.texts import families, fit, plain, shorten, unit_of
from graph_orch.errors import ValidationError
from graph_orch.files import replacing

DPI = 100
SMALLEST, LARGEST = (5.0, 3.5), (60.0, 60.0)
SUFFIXES = (".png", ".svg")
EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_LEAST_DATES = 10.0
"""Seconds: matplotlib does not draw dates well that are microseconds apart."""
_EDGE, _GAP = 0.25, 0.15
_TITLE, _LABEL, _SMALL = 14, 9.5, 8.5
Size = tuple[float, float]
File = str | PathLike[str]


class Picture(Figure):
    """A figure that a notebook shows by itself.

    Notebooks know how to show figures only once pyplot is imported, which nothing here does.
    """

    def _repr_png_(self) -> bytes:
        image = BytesIO()
        _write(self, image, "png")
        return image.getvalue()


class Sheet:
    """A figure with its title, legend and notes; name what `axes` show, `settle`, draw, `finish`.

    Args:
        title: stands above, in at most two lines.
        size: width and height in inches, where `asked` is None. A sheet that is too low for its
            legend is made higher.
        asked: the size that somebody asked for.
        legend: stands at the right of the axes.
        notes: stand below, in at most four lines.

    Raises:
        ValidationError: the size asked for is no pair of numbers from 5 x 3.5 to 60 x 60.
    """

    def __init__(
        self,
        title: str,
        size: Size,
        asked: Size | None = None,
        *,
        legend: Sequence[Entry] = (),
        notes: Iterable[str] = (),
    ) -> None:
        width, height = figure_size(asked, size)
        # matplotlib's own types leave its keyword arguments unknown, so its objects are Any here.
        look: dict[str, Any] = {"dpi": DPI, "facecolor": "white", "layout": "none"}
        self.figure: Any = Picture(figsize=(width, height), **look)
        FigureCanvasAgg(self.figure)
        self.axes: Any = self.figure.add_subplot()
        self.axes.set(xticks=[], yticks=[])
        self.axes.spines[:].set_visible(False)
        self._entries = legend
        self._legend = self._add_legend() if legend else None
        head = self.figure.suptitle(
            "", x=_EDGE / width, ha="left", fontsize=_TITLE, fontweight="bold", color=INK
        )
        foot = self.figure.supxlabel(
            "", x=_EDGE / width, ha="left", fontsize=_SMALL, color=GREY, linespacing=1.3
        )
        needed = 4 * _GAP
        for text, words, most in ((head, title, 2), (foot, " ".join(notes), 4)):
            if words.strip():
                needed += self._wrap(_literal(text), plain(words), most)
        if self._legend is not None:
            needed += self._legend.get_window_extent().height / DPI
        if needed > height:
            self.figure.set_size_inches(width, needed)

    def scale(self, name: str, title: str, ticks: Any = None, form: Any = None) -> None:
        """Say what axis "x" or "y" shows and in what unit; give its ticks and how they look."""
        axis = self.axes.xaxis if name == "x" else self.axes.yaxis
        axis.set_label_text(title, fontsize=_LABEL, color=INK)
        if ticks is not None:
            axis.set_major_locator(ticks)
            axis.set_major_formatter(form)
        axis.set_tick_params(labelsize=_LABEL - 1, labelcolor=INK, color=GREY)
        self.axes.spines["bottom" if name == "x" else "left"].set(visible=True, color=GREY)

    def scale_time(
        self, start: float, end: float, *, is_clock: bool, air: float = 0.0
    ) -> Callable[[Any], Any]:
        """Make the x axis one of time, and return where on it a time in seconds is.

        Times of the clock (`is_clock`, seconds since 1970) are times of day, UTC; what took less
        than ten seconds, and other times, are counted in the unit that fits. `air` is the share of
        the span that is left free at both ends.
        """
        half = min(max(int((self.figure.get_figwidth() - 3) / 1.6), 2), 6)
        begun = f" from {EPOCH + timedelta(seconds=round(start)):%Y-%m-%d %H:%M:%S}"
        if is_clock and end - start >= _LEAST_DATES:
            unit, origin = 86_400.0, float(cast(Any, dates).date2num(EPOCH))
            # With these there is an interval for every span, and at least one tick in it.
            ticks = dates.AutoDateLocator(tz=UTC, minticks=half, maxticks=2 * half + 1)
            form = dates.ConciseDateFormatter(ticks, tz=UTC, show_offset=False, usetex=False)
            self.scale("x", f"time (UTC){begun}", ticks, form)
        else:
            unit, name = unit_of(end - start)
            origin = -start / unit if is_clock else 0.0
            ticks = MaxNLocator(2 * half, steps=[1, 2, 5, 10])
            self.scale(
                "x", f"time ({name}){begun + ' UTC' if is_clock else ''}", ticks, "{x:,.10g}"
            )
        air *= end - start
        self.axes.set_xlim((start - air) / unit + origin, (end + air) / unit + origin)
        return lambda seconds: seconds / unit + origin

    def settle(self) -> None:
        """Give all its place for good: from now on it is known where on the sheet a point is."""
        self._all_literal()
        # Not the figure's own layout: that would be done again, with one more drawing, when saved.
        ConstrainedLayoutEngine(w_pad=_EDGE - 0.05, h_pad=_GAP).execute(self.figure)

    def scale_marks(self, radius: Callable[[float], float]) -> None:
        """Draw the marks of the legend that stand for values as large as those in the picture."""
        marks = self._legend.legend_handles if self._legend is not None else ()
        for entry, mark in zip(self._entries, marks, strict=bool(marks)):
            if entry.value is not None:
                mark.set_markersize(2 * radius(entry.value))

    def finish(self, path: File | None) -> Figure:
        """The figure, saved if that is asked for."""
        self._all_literal()
        if path is not None:
            save(self.figure, path)
        return self.figure

    def _wrap(self, text: Any, words: str, most: int) -> float:
        """Show the words in lines that fit the width, cut after `most`; the inches they take."""

        def lines(limit: int) -> str:
            cut = [shorten(word, max(limit, 4)) for word in words.split()]
            return textwrap.fill(" ".join(cut), limit, max_lines=most, placeholder="…")

        fit(text, (self.figure.get_figwidth() - 2 * _EDGE) * DPI, lines, len(words))
        return float(text.get_window_extent().height) / DPI

    def _add_legend(self) -> Any:
        legend = self.axes.legend(
            [Patch(alpha=0) if entry.mark is None else entry.mark for entry in self._entries],
            [plain(entry.text) for entry in self._entries],
            loc="upper left",
            bbox_to_anchor=(1, 1),
            borderpad=0,
            frameon=False,
            handlelength=1.8,
            handleheight=1.1,
            labelspacing=0.55,
            labelcolor=INK,
            prop={"family": families(), "size": 9},
        )
        for entry, text in zip(self._entries, legend.get_texts(), strict=True):
            _literal(text)
            if entry.mark is None:  # a heading stands over the marks, not over the other texts
                text.set_fontweight("bold")
                text.set_x(-(legend.handlelength + legend.handletextpad) * text.get_fontsize())
        return legend

    def _all_literal(self) -> None:
        for text in self.figure.findobj(Text):
            _literal(text)


def nothing_there(title: str, what: str, path: File | None, asked: Size | None = None) -> Figure:
    """A picture that says that there is nothing to show."""
    sheet = Sheet(title, (6.0, 3.5), asked)
    sheet.axes.text(0.5, 0.5, what, ha="center", va="center", fontsize=16, color=GREY)
    return sheet.finish(path)


def figure_size(asked: Size | None, default: Size) -> Size:
    """The size of the figure in inches: as asked for, or within reason.

    Raises:
        ValidationError: it is no pair of numbers from 5 x 3.5 to 60 x 60.
    """
    least, most = SMALLEST, LARGEST
    if asked is None:
        width, height = default
        return min(max(width, least[0]), most[0]), min(max(height, least[1]), most[1])
    try:
        width, height = map(float, asked)
    except (TypeError, ValueError, OverflowError):
        width = height = 0.0
    if not (least[0] <= width <= most[0] and least[1] <= height <= most[1]):
        raise ValidationError(
            f"figsize is {asked!r}; give a width and a height in inches, from "
            f"{least[0]:g} x {least[1]:g} to {most[0]:g} x {most[1]:g}, such as (12, 8)"
        )
    return width, height


def check_path(path: File | None) -> None:
    """Refuse a path that a picture cannot be saved to, before anything is drawn.

    Raises:
        ValidationError: the suffix is not one of those that are known.
    """
    if path is not None and Path(path).suffix.lower() not in SUFFIXES:
        raise ValidationError(
            f"a picture cannot be saved as {str(path)!r}; let the name end in "
            f"{' or '.join(SUFFIXES)}"
        )


def save(figure: Any, path: File) -> None:
    """Save a figure as PNG or SVG, by the suffix; the same PNG each time.

    Raises:
        ValidationError: the suffix is another one.
        OSError: the file cannot be written.
    """
    check_path(path)
    with replacing(path) as file:
        _write(figure, file, Path(path).suffix.lower()[1:])


def _write(figure: Any, to: BinaryIO, kind: str) -> None:
    """Write a figure as "png" or "svg", without a word on when, or by what."""
    about: dict[str, Any] = {"Date": None} if kind == "svg" else {"Software": None}
    figure.savefig(to, format=kind, dpi=DPI, facecolor="white", metadata=about)


def _literal(text: Any) -> Any:
    """Let a text be shown as it stands, whatever the user's settings are."""
    text.set(parse_math=False, usetex=False, fontfamily=families())
    return text
