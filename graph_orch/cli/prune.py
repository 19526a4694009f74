"""`graph-orch prune`: delete finished tasks."""

from __future__ import annotations

import json
from collections.abc import Callable, Generator
from contextlib import contextmanager
from pathlib import Path
from typing import Annotated

import typer
from pydantic import JsonValue

from graph_orch import TaskStatus
from graph_orch.cli.durations import seconds
from graph_orch.cli.output import Json, say, show_json
from graph_orch.cli.store import connect
from graph_orch.domain.characters import visible_json
from graph_orch.domain.lifecycle import ENDED
from graph_orch.files import appending


def prune(
    older_than: Annotated[
        float,
        typer.Option(
            parser=seconds, metavar="AGE", help="The time since they finished: 30d, 12h, 90m."
        ),
    ],
    export: Annotated[
        Path | None,
        typer.Option(
            help="Append them to this file first, as JSON lines; only you may read it.",
            dir_okay=False,
        ),
    ] = None,
    status: Annotated[
        list[TaskStatus] | None, typer.Option(help="Only these; may be repeated.")
    ] = None,
    batch: Annotated[int, typer.Option(help="How many tasks a transaction deletes.")] = 500,
    also_unread: Annotated[
        bool, typer.Option("--also-unread", help="Also what a subscription has not read.")
    ] = False,
    as_json: Json = False,
) -> None:
    """Delete finished tasks with their history, except dependencies of tasks that may still run."""
    with connect() as orch, _writing(export) as write:
        number = orch.retention.prune(
            older_than,
            statuses=status or ENDED,
            batch=batch,
            export=write,
            also_unread=also_unread,
        )
    if as_json:
        show_json({"pruned": number})
    else:
        say(f"{number} tasks deleted")


@contextmanager
def _writing(path: Path | None) -> Generator[Callable[[dict[str, JsonValue]], None] | None]:
    if path is None:
        yield None
        return
    with appending(path) as file:

        def write(record: dict[str, JsonValue]) -> None:
            print(visible_json(json.dumps(record, ensure_ascii=False)), file=file, flush=True)

        yield write
