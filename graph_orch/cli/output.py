"""What commands print: tables for people, JSON for programs."""

from __future__ import annotations

import json
import sys
from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime
from typing import TYPE_CHECKING, Annotated, Any, cast

import typer
from pydantic import BaseModel

from graph_orch.domain.characters import visible, visible_json

if TYPE_CHECKING:
    from rich.console import Console

Json = Annotated[bool, typer.Option("--json", help="Print JSON instead of text.")]


def console() -> Console:
    """Where text goes: as wide as the terminal, and wide where there is none."""
    from rich.console import Console

    return Console(width=None if sys.stdout.isatty() else 160, highlight=False)


def plain(value: object) -> Any:
    """A value, of ours or from the graph, as JSON can have it."""
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
    return _moment(value)


def show_json(value: object) -> None:
    """Print a value as JSON."""
    print(_json(value, indent=2))


def show_line(value: object) -> None:
    """Print a value as one line of JSON."""
    print(_json(value))


def _json(value: object, indent: int | None = None) -> str:
    return visible_json(json.dumps(plain(value), ensure_ascii=not _takes_all(), indent=indent))


def _takes_all() -> bool:
    """Whether standard output takes every character; what it does not is to stay JSON."""
    return (getattr(sys.stdout, "encoding", None) or "").lower().startswith("utf")


def show_table(columns: Sequence[str], rows: Iterable[Sequence[object]], title: str = "") -> None:
    """Print rows as a table. What comes from the graph is text, never markup."""
    from rich.table import Table
    from rich.text import Text

    table = Table(title=title or None, title_justify="left")
    for column in columns:
        table.add_column(Text(visible(column)), overflow="fold")
    for row in rows:
        table.add_row(*(Text(cell(value)) for value in row))
    console().print(table)


def show_fields(value: BaseModel) -> None:
    """Print a model's fields, one a line."""
    rows = [(name, item) for name, item in plain(value).items() if item is not None]
    show_table(["field", "value"], rows)


def cell(value: object) -> str:
    """A value as a cell of a table shows it."""
    if value is None:
        return ""
    if isinstance(value, float):
        return f"{value:.3g}" if abs(value) < 100 else f"{value:.1f}"
    found = plain(value)
    return visible(found if isinstance(found, str) else json.dumps(found, ensure_ascii=False))


def say(text: str) -> None:
    """Print a line of text; what is stored must not drive a terminal."""
    from rich.text import Text

    # Not wrapped: the rest of a long line would begin a line of its own.
    console().print(Text(visible(text)), soft_wrap=True)


def _moment(value: object) -> str:
    # The graph's own times; only the graph module may know the driver's types.
    iso = getattr(value, "iso_format", None)
    return str(iso()) if callable(iso) else str(value)
