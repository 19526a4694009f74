"""`graph-orch apply`: triggers, schedules and subscriptions from files."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Annotated, Any, cast

import typer

from graph_orch.cli.input import parse_json, text_of
from graph_orch.cli.output import Json, beginning, say, show_json
from graph_orch.cli.store import connect
from graph_orch.cli.workflow_file import YAML, parse_yaml
from graph_orch.domain.models.declared import Change, ChangeAction
from graph_orch.errors import ValidationError

SIGNS = {
    ChangeAction.CREATE: "+",
    ChangeAction.CHANGE: "~",
    ChangeAction.REMOVE: "-",
    ChangeAction.KEEP: "=",
}
LONGEST = 200


def apply(
    files: Annotated[
        list[Path], typer.Option("--file", "-f", help="A file, or a directory of such.")
    ],
    set_name: Annotated[
        str, typer.Option("--set", help="What these files belong to, for --prune.")
    ] = "default",
    dry_run: Annotated[
        bool, typer.Option("--dry-run", help="Show what would change, and change nothing.")
    ] = False,
    prune: Annotated[
        bool, typer.Option("--prune", help="Remove what this set had before and has no longer.")
    ] = False,
    as_json: Json = False,
) -> None:
    """Make the store have the triggers, schedules and subscriptions of files; show what changes.

    A file is YAML or JSON: a mapping, or a list of such, with kind (trigger, schedule or
    subscription), name, and the arguments of its put. All that is wrong is told before anything
    is changed.
    """
    items: list[dict[str, Any]] = []
    wrong: list[str] = []
    for path in _paths(files):
        try:
            items += _items(path)
        except ValidationError as error:
            wrong.append(str(error))
    if wrong:
        raise ValidationError("; ".join(wrong))
    with connect() as orch:
        changes = orch.apply(items, set_name, dry_run=dry_run, prune=prune)
    if as_json:
        show_json(changes)
        return
    for change in changes:
        _say(change)
    numbers = {it: sum(one.action is it for one in changes) for it in ChangeAction}
    told = ", ".join(f"{number} to {it}" for it, number in numbers.items() if number)
    say(f"{told or 'nothing is declared'}{'; nothing was changed' if dry_run else ''}")


def _paths(given: list[Path]) -> list[Path]:
    found: list[Path] = []
    for path in given:
        if path.is_dir():
            inner = (it for it in path.iterdir() if it.suffix.lower() in (*YAML, ".json"))
            found += sorted(it for it in inner if it.is_file())
        else:
            found.append(path)
    return found


def _items(path: Path) -> list[dict[str, Any]]:
    """What a file declares, each with where it stands."""
    text = text_of(path)
    if path.suffix.lower() == ".json":
        value = parse_json(str(path), text)
    else:
        value, _ = parse_yaml(str(path), text)
    if value is None:
        return []
    items = cast("list[object]", value) if isinstance(value, list) else [value]
    found: list[dict[str, Any]] = []
    for number, item in enumerate(items):
        at = f"{path}, item {number + 1}" if len(items) > 1 else str(path)
        if not isinstance(item, dict):
            raise ValidationError(f"{at}: is a {type(item).__name__} where a mapping is needed")
        # YAML 1.1 reads the key `on` as true.
        fields = {
            "on" if name is True else str(name): it
            for name, it in cast("dict[object, Any]", item).items()
        }
        found.append({**fields, "at": at})
    return found


def _say(change: Change) -> None:
    say(f"{SIGNS[change.action]} {change.kind} {change.name}")
    if change.action is ChangeAction.CHANGE:
        for name in sorted({*change.before, *change.after}):
            before, after = (
                beginning(json.dumps(it.get(name), ensure_ascii=False), LONGEST)
                for it in (change.before, change.after)
            )
            say(f"    {name}: {before} -> {after}")
