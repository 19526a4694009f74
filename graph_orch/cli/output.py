"""Output of the commands: tables for people, JSON for programs."""

from __future__ import annotations

import json
import sys
from collections.abc import Callable, Container, Iterable, Mapping, Sequence
from datetime import datetime
from operator import attrgetter
from typing import TYPE_CHECKING, Annotated, Any, TypeVar, cast

import typer
from pydantic import BaseModel

from graph_orch.domain.characters import visible, visible_json

if TYPE_CHECKING:
    from rich.console import Console
    from rich.table import Table

T = TypeVar("T")
Json = Annotated[bool, typer.Option("--json", help="Print JSON instead of text.")]


def beginning(text: str, most: int) -> str:
    """The first characters of a text, which show that there is more."""
    return text if len(text) <= most else f"{text[: most - 1]}…"


class Lines(tuple[object, ...]):
    """Values that stand in a cell one below the other."""


def console() -> Console:
    """The console for standard output: as wide as the terminal, or wide where there is none."""
    from rich.console import Console

    return Console(width=None if sys.stdout.isatty() else 160, highlight=False)


def plain(value: object) -> Any:
    """Convert a model, or a value from the graph, to what JSON can hold."""
    if isinstance(value, BaseModel):
        return value.model_dump(mode="json")
    if isinstance(value, Mapping):  # nodes and relationships are mappings of their properties
        items = cast(Mapping[object, object], value).items()
        return {str(key): plain(item) for key, item in items}
    if value is None or isinstance(value, str | int | float | bool):
        return value
    if isinstance(value, datetime):
        return value.isoformat()
    if isinstance(value, Iterable):  # lists, and paths, which are their relationships
        return [plain(item) for item in cast(Iterable[object], value)]
    # One of the driver's temporal types, which only the graph module may import.
    iso_format = getattr(value, "iso_format", None)
    return str(iso_format() if callable(iso_format) else value)


def show(value: BaseModel, as_json: bool) -> None:
    """Print a model: as JSON, or as a table of the fields that are not null."""
    if as_json:
        show_json(value)
        return
    fields = plain(value).items()
    show_table(["field", "value"], [field for field in fields if field[1] is not None])


def show_list(
    values: Iterable[T],
    columns: Mapping[str, str | Callable[[T], object]],
    as_json: bool,
    whole: Container[str] = (),
) -> None:
    """Print models: as JSON, or as a table with a row for each; see `table_of`.

    Args:
        columns: The attribute that each column shows, or a function that makes its value.
    """
    if as_json:
        show_json(list(values))
        return
    console().print(list_of(values, columns, whole))


def list_of(
    values: Iterable[T],
    columns: Mapping[str, str | Callable[[T], object]],
    whole: Container[str] = (),
) -> Table:
    """The table of `show_list`."""
    makers = [attrgetter(it) if isinstance(it, str) else it for it in columns.values()]
    return table_of([*columns], ([make(value) for make in makers] for value in values), whole=whole)


def show_json(value: object) -> None:
    """Print a value as JSON."""
    print(_json(value, indent=2))


def show_line(value: object) -> None:
    """Print a value as one line of JSON."""
    print(_json(value))


def _json(value: object, indent: int | None = None) -> str:
    # Where standard output cannot encode every character, escapes keep the output valid JSON.
    encoding = getattr(sys.stdout, "encoding", None) or ""
    ensure_ascii = not encoding.lower().startswith("utf")
    return visible_json(json.dumps(plain(value), ensure_ascii=ensure_ascii, indent=indent))


def show_table(columns: Sequence[str], rows: Iterable[Sequence[object]], title: str = "") -> None:
    """Print rows as a table. Values are shown as text, never as markup."""
    console().print(table_of(columns, rows, title))


def table_of(
    columns: Sequence[str],
    rows: Iterable[Sequence[object]],
    title: str = "",
    whole: Container[str] = (),
) -> Table:
    """A table of values, which are text and never markup.

    Args:
        whole: The columns whose values stay on one line, such as ids, however narrow it gets.
    """
    from rich.table import Table
    from rich.text import Text

    table = Table(title=title or None, title_justify="left")
    for column in columns:
        table.add_column(Text(visible(column)), overflow="fold", no_wrap=column in whole)
    for row in rows:
        table.add_row(*(Text(cell(value)) for value in row))
    return table


def cell(value: object) -> str:
    """The text of a value in a cell of a table."""
    if value is None:
        return ""
    if isinstance(value, Lines):
        return "\n".join(map(cell, value))
    if isinstance(value, float):
        return f"{value:.3g}" if abs(value) < 100 else f"{value:.1f}"
    found = plain(value)
    return visible(found if isinstance(found, str) else json.dumps(found, ensure_ascii=False))


def say(text: str) -> None:
    """Print a line of text, in which stored control characters cannot drive the terminal."""
    from rich.text import Text

    # Wrapping would start a new line with stored text, which could then pass for a line of ours.
    console().print(Text(visible(text)), soft_wrap=True)
