"""Output of the commands: tables for people, JSON for programs."""

from __future__ import annotations

import json
import sys
from collections.abc import Callable, Iterable, Mapping, Sequence
from datetime import datetime
from operator import attrgetter
from typing import TYPE_CHECKING, Annotated, Any, TypeVar, cast

import typer
from pydantic import BaseModel

from graph_orch.domain.characters import visible, visible_json

if TYPE_CHECKING:
    from rich.console import Console

T = TypeVar("T")
Json = Annotated[bool, typer.Option("--json", help="Print JSON instead of text.")]


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
    values: Iterable[T], columns: Mapping[str, str | Callable[[T], object]], as_json: bool
) -> None:
    """Print models: as JSON, or as a table with a row for each.

    Args:
        columns: The attribute that each column shows, or a function that makes its value.
    """
    if as_json:
        show_json(list(values))
        return
    makers = [attrgetter(it) if isinstance(it, str) else it for it in columns.values()]
    show_table([*columns], ([make(value) for make in makers] for value in values))


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
    from rich.table import Table
    from rich.text import Text

    table = Table(title=title or None, title_justify="left")
    for column in columns:
        table.add_column(Text(visible(column)), overflow="fold")
    for row in rows:
        table.add_row(*(Text(cell(value)) for value in row))
    console().print(table)


def cell(value: object) -> str:
    """The text of a value in a cell of a table."""
    if value is None:
        return ""
    if isinstance(value, float):
        return f"{value:.3g}" if abs(value) < 100 else f"{value:.1f}"
    found = plain(value)
    return visible(found if isinstance(found, str) else json.dumps(found, ensure_ascii=False))


def say(text: str) -> None:
    """Print a line of text, in which stored control characters cannot drive the terminal."""
    from rich.text import Text

    # Wrapping would start a new line with stored text, which could then pass for a line of ours.
    console().print(Text(visible(text)), soft_wrap=True)
