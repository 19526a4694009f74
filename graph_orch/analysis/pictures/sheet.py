"""The sheet that a picture is drawn on: title, legend, notes, and what room is left for the axes.

Only the object interface of matplotlib is used, never pyplot: nothing is registered globally, so
that figures are collected like any object and threads do not meet.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from io import BytesIO
from os import PathLike
from pathlib import Path
from typing import Any, BinaryIO

from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from matplotlib.patches import Patch
from matplotlib.text import Text

from graph_orch.analysis.pictures import times
from graph_orch.analysis.pictures.colours import GREY, INK
from graph_orch.analysis.pictures.texts import families, plain, shorten
from graph_orch.errors import ValidationError
from graph_orch.files import replacing

DPI = 100
SMALLEST, LARGEST = (5.0, 3.5), (60.0, 60.0)
SUFFIXES = (".png", ".svg")
_EDGE, _GAP = 0.25, 0.15
_TITLE, _LABEL, _SMALL = 14, 9.5, 8.5
Size = tuple[float, float]
File = str | PathLike[str]


@dataclass(frozen=True)
class Entry:
    """A line of a legend: a mark and what it means. Without a mark it is a heading.

    `value` is what the size of the mark stands for, where it does.
    """

    text: str
    mark: Any = None
    value: float | None = None


@dataclass(frozen=True)
class Margins:
    """What the axes need around them for ticks and labels, in inches."""

    left: float = 0.0
    bottom: float = 0.0
    right: float = 0.0


class Picture(Figure):
    """A figure that a notebook shows by itself.

    Notebooks know how to show figures only once pyplot is imported, which nothing here does.
    """

    def _repr_png_(self) -> bytes:
        image = BytesIO()
        write(self, image, "png")
        return image.getvalue()


class Sheet:
    """A figure with its title, legend and notes; draw on `axes`, then `finish`.

    A figure that is too low for its legend is made higher.
    """

    def __init__(
        self,
        title: str,
        size: Size,
        *,
        legend: Sequence[Entry] = (),
        notes: Iterable[str] = (),
        margins: Margins = Margins(),
    ) -> None:
        # matplotlib's own types leave its keyword arguments unknown, so its objects are Any here.
        self.figure: Any = Picture(figsize=size, dpi=DPI, facecolor="white")
        self.canvas = FigureCanvasAgg(self.figure)
        self._entries = legend
        self._legend = self._add_legend(legend) if legend else None
        top = self._add_title(title)
        bottom = self._add_notes(" ".join(notes))
        self._grow(top + bottom)
        self._pin(top)
        self.axes: Any = self._add_axes(top, bottom, margins)

    @property
    def size(self) -> Size:
        """Width and height in inches."""
        width, height = self.figure.get_size_inches()
        return float(width), float(height)

    def measure(self, text: Text) -> Any:
        """The box of a text in pixels."""
        return text.get_window_extent(self.canvas.get_renderer())

    def scale_x(self, ticks: Sequence[tuple[float, str]], title: str) -> None:
        """Name places on the x axis, and say what it shows and in what unit."""
        self.axes.set_xticks([at for at, _ in ticks], [text for _, text in ticks])
        self.axes.set_xlabel(title, fontsize=_LABEL, color=INK)
        self._show_ticks("x")

    def scale_y(self, ticks: Sequence[tuple[float, str]], title: str) -> None:
        """The same for the y axis."""
        self.axes.set_yticks([at for at, _ in ticks], [text for _, text in ticks])
        self.axes.set_ylabel(title, fontsize=_LABEL, color=INK)
        self._show_ticks("y")

    def scale_time(self, start: float, end: float, is_clock: bool) -> None:
        """The x axis as time in seconds, told in the unit that fits the span."""
        most = max(2, int(self.axes.get_window_extent().width / DPI / 1.1))
        self.scale_x(*times.scale(start, end, is_clock, most))

    def _show_ticks(self, axis: Any) -> None:
        self.axes.tick_params(axis=axis, labelsize=_LABEL - 1, labelcolor=INK, color=GREY)
        self.axes.spines["bottom" if axis == "x" else "left"].set(visible=True, color=GREY)

    def scale_marks(self, radius: Callable[[float], float]) -> None:
        """Draw the marks of the legend that stand for values as large as those in the picture."""
        marks = self._legend.legend_handles if self._legend is not None else ()
        for entry, mark in zip(self._entries, marks, strict=bool(marks)):
            if entry.value is not None:
                mark.set_markersize(2 * radius(entry.value))

    def finish(self, path: File | None) -> Figure:
        """Make sure that no text is taken for a formula, and save the figure if it is asked for."""
        for text in self.figure.findobj(Text):
            _literal(text)
        if path is not None:
            save(self.figure, path)
        return self.figure

    def _text(self, x: float, y: float, text: str, **style: Any) -> Text:
        found = self.figure.text(x, y, text, family=families(), **style)
        return _literal(found)

    def _add_title(self, title: str) -> float:
        """Write the title; the inches that it takes."""
        artist = self._text(0, 1, "", fontsize=_TITLE, fontweight="bold", color=INK, va="top")
        artist.set_text(self._wrapped(artist, plain(title), 2))
        self._title = artist
        return _EDGE + self.measure(artist).height / DPI + _GAP

    def _add_notes(self, notes: str) -> float:
        if not notes:
            return _EDGE
        artist = self._text(0, 0, "", fontsize=_SMALL, color=GREY, va="bottom", linespacing=1.3)
        artist.set_text(self._wrapped(artist, plain(notes), 4))
        width, height = self.size
        artist.set_position((_EDGE / width, _EDGE / height))
        self._notes = artist
        return _EDGE + self.measure(artist).height / DPI + _GAP

    def _wrapped(self, artist: Text, text: str, most: int) -> str:
        """The text in lines that fit the width; what does not fit in `most` lines is cut."""
        lines = [""]
        for word in text.split():
            longer = f"{lines[-1]} {word}".strip()
            if self._fits(artist, longer):
                lines[-1] = longer
            else:
                lines += [self._cut(artist, word)]
        lines = [line for line in lines if line]
        if len(lines) > most:
            lines = [*lines[: most - 1], self._cut(artist, lines[most - 1] + "…")]
        return "\n".join(lines)

    def _cut(self, artist: Text, word: str) -> str:
        limit = len(word)
        while limit > 4 and not self._fits(artist, shorten(word, limit)):
            limit = limit * 9 // 10
        return shorten(word, limit)

    def _fits(self, artist: Text, line: str) -> bool:
        artist.set_text(line)
        return self.measure(artist).width <= (self.size[0] - 2 * _EDGE) * DPI

    def _add_legend(self, entries: Sequence[Entry]) -> Any:
        nothing = Patch(alpha=0)
        legend = self.figure.legend(
            [nothing if entry.mark is None else entry.mark for entry in entries],
            [plain(entry.text) for entry in entries],
            loc="upper right",
            borderaxespad=0,
            borderpad=0,
            frameon=False,
            fontsize=9,
            handlelength=1.8,
            handleheight=1.1,
            labelspacing=0.55,
            prop={"family": families(), "size": 9},
        )
        for entry, text in zip(entries, legend.get_texts(), strict=True):
            text.set_color(INK)
            if entry.mark is None:
                text.set_fontweight("bold")
                text.set_x(-self._indent(legend))
            _literal(text)
        return legend

    @staticmethod
    def _indent(legend: Any) -> float:
        """How far a heading stands left of the other texts: over the marks."""
        return float((legend.handlelength + legend.handletextpad) * legend._fontsize)

    def _box(self) -> Size:
        """The inches that the legend takes."""
        if self._legend is None:
            return 0.0, 0.0
        box = self._legend.get_window_extent(self.canvas.get_renderer())
        return box.width / DPI + 2 * _GAP, box.height / DPI

    def _grow(self, around: float) -> None:
        width, height = self.size
        needed = self._box()[1] + around
        if needed > height:
            self.figure.set_size_inches(width, needed)

    def _pin(self, top: float) -> None:
        """Give title, notes and legend their places, now that the height is known."""
        width, height = self.size
        self._title.set_position((_EDGE / width, 1 - _EDGE / height))
        if hasattr(self, "_notes"):
            self._notes.set_position((_EDGE / width, _EDGE / height))
        if self._legend is not None:
            self._legend.set_bbox_to_anchor((1 - _EDGE / width, 1 - top / height))

    def _add_axes(self, top: float, bottom: float, margins: Margins) -> Any:
        width, height = self.size
        left = _EDGE + margins.left
        below = bottom + margins.bottom
        wide = width - left - self._box()[0] - _EDGE - margins.right
        axes = self.figure.add_axes(
            (left / width, below / height, wide / width, (height - below - top) / height)
        )
        axes.set_xticks([])
        axes.set_yticks([])
        for side in axes.spines.values():
            side.set_visible(False)
        return axes


def dot(style: Any, size: float = 8, **more: Any) -> Line2D:
    """The mark of a point, for a legend. `size` is its width in points."""
    look: dict[str, Any] = {"markeredgecolor": INK, "markeredgewidth": 0.6, **more}
    return Line2D(
        [], [], linestyle="", marker=style.marker, color=style.colour, markersize=size, **look
    )


def area(style: Any) -> Patch:
    """The mark of an area, for a legend."""
    return Patch(facecolor=style.colour, hatch=style.hatch, edgecolor=INK, linewidth=0.6)


def stroke(colour: str, width: float, style: Any = "-") -> Line2D:
    """The mark of an edge, for a legend."""
    return Line2D([], [], color=colour, linewidth=width, linestyle=style)


def nothing_there(title: str, what: str, path: File | None, size: Size | None = None) -> Figure:
    """A picture that says that there is nothing to show."""
    sheet = Sheet(title, figure_size(size, (6.0, 3.5)))
    sheet.axes.text(0.5, 0.5, what, ha="center", va="center", fontsize=16, color=GREY)
    return sheet.finish(path)


def figure_size(asked: Size | None, default: Size) -> Size:
    """The size of the figure in inches: as asked for, or within reason.

    Raises:
        ValidationError: it is no pair of numbers from 5 x 3.5 to 60 x 60.
    """
    try:
        width, height = map(float, default if asked is None else asked)
    except (TypeError, ValueError) as error:
        raise ValidationError(
            f"figsize is {asked!r}; give a width and a height in inches, such as (12, 8)"
        ) from error
    least, most = SMALLEST, LARGEST
    if asked is None:
        return min(max(width, least[0]), most[0]), min(max(height, least[1]), most[1])
    if not (least[0] <= width <= most[0] and least[1] <= height <= most[1]):
        raise ValidationError(
            f"figsize is {asked!r}; give inches from {least[0]:g} x {least[1]:g} "
            f"to {most[0]:g} x {most[1]:g}"
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
    """Save a figure as PNG or SVG, by the suffix; the same figure gives the same bytes.

    Raises:
        ValidationError: the suffix is another one.
        OSError: the file cannot be written.
    """
    check_path(path)
    with replacing(path) as file:
        write(figure, file, Path(path).suffix.lower()[1:])


def write(figure: Any, to: BinaryIO, kind: str) -> None:
    """Write a figure as "png" or "svg", without a word on when, or by what."""
    about: dict[str, Any] = {"Date": None} if kind == "svg" else {"Software": None}
    figure.savefig(to, format=kind, dpi=DPI, facecolor="white", metadata=about)


def _literal(text: Text) -> Text:
    """Let a text be shown as it stands, whatever the user's settings are."""
    text.set_parse_math(False)
    text.set_usetex(False)
    text.set_fontfamily(families())
    return text
