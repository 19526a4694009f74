"""Workflows: WfFormat files as plain data.

Nothing here touches the store. Two layouts of WfFormat are read: tasks under `workflow.tasks` (or,
older, `workflow.jobs`), and tasks split over `workflow.specification` and `workflow.execution`. The
second, that of version 1.5, is written.
"""

from __future__ import annotations

import json
import re
import sys
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path, PurePosixPath
from reprlib import repr
from typing import Any, cast

from graph_orch.domain.dag import run_order
from graph_orch.errors import ValidationError
from graph_orch.files import read_limited, replacing

LONGEST_PROGRAM = 200
SCHEMA_VERSION = "1.5"
LARGEST_FILE = 256_000_000
LARGEST_FLOAT = sys.float_info.max


@dataclass(frozen=True)
class Step:
    """One task of a recorded workflow. `seconds` is what it took when it was recorded."""

    id: str
    program: str
    seconds: float
    parents: tuple[str, ...]


@dataclass(frozen=True)
class Workflow:
    """A recorded workflow. Its steps stand in an order in which they can run."""

    name: str
    steps: tuple[Step, ...]

    @property
    def dependencies(self) -> dict[str, tuple[str, ...]]:
        """The parents of each step."""
        return {step.id: step.parents for step in self.steps}

    @property
    def programs(self) -> list[str]:
        """Every program once, in order of first use."""
        return list(dict.fromkeys(step.program for step in self.steps))


def read_workflow(path: Path, *, max_bytes: int = LARGEST_FILE) -> Workflow:
    """Read a WfFormat file.

    Raises:
        ValidationError: it is not WfFormat, names a parent that it does not hold, has a cycle, or
            is larger than `max_bytes`.
    """
    try:
        # json.loads tells UTF-8, 16 and 32 apart.
        document: object = json.loads(read_limited(path, max_bytes))
    except RecursionError:
        raise ValidationError(f"cannot read {path} as JSON: it is nested too deeply") from None
    except ValidationError:
        raise
    except (OSError, ValueError) as error:
        raise ValidationError(f"cannot read {path} as JSON: {error}") from error
    try:
        return parse_workflow(document, path.stem)
    except ValidationError as error:
        raise ValidationError(f"{path}: {error}") from error


def parse_workflow(document: object, name: str = "workflow") -> Workflow:
    """The workflow of a parsed WfFormat document; errors as for `read_workflow`."""
    top = _mapping(document, "the document")
    workflow = _mapping(top.get("workflow"), "workflow")
    rows = _rows(workflow)
    ids = _ids(rows)
    parents = _parents(rows, ids)
    steps = {key: _step(key, row, parents[key]) for key, row in zip(parents, rows, strict=True)}
    order = run_order(parents)
    title = _text(top.get("name"), "the name of the workflow") or name
    return Workflow(title, tuple(steps[key] for key in order))


def write_workflow(
    workflow: Workflow, path: Path, *, makespan_seconds: float, executed_at: datetime
) -> None:
    """Write a WfFormat 1.5 file, from which `read_workflow` reads the same steps again.

    Other programs may want a workflow that has a name and steps, whose ids are made of letters,
    digits, "-", "_" and ".".

    Args:
        makespan_seconds: How long the whole took, from the first start to the last end.
        executed_at: When it began, an aware time.

    Raises:
        ValidationError: it would not be read as it is, or one of these numbers is none.
        OSError: the file cannot be written.
    """
    if not isinstance(executed_at, datetime) or executed_at.tzinfo is None:  # pyright: ignore[reportUnnecessaryIsInstance]
        raise ValidationError(f"executed_at: {executed_at!r:.100} is no datetime with a timezone")
    makespan = _seconds(makespan_seconds, "makespan_seconds")
    document = _document(workflow, makespan, executed_at)
    _check_same(workflow, parse_workflow(document, workflow.name))
    with replacing(path) as file:
        file.write(f"{json.dumps(document, indent=1)}\n".encode())


def _document(workflow: Workflow, makespan: float, executed_at: datetime) -> dict[str, Any]:
    children: dict[str, list[str]] = {}
    for step in workflow.steps:
        for parent in step.parents:
            children.setdefault(parent, []).append(step.id)
    specified = [
        {"name": it.id, "id": it.id, "parents": [*it.parents], "children": children.get(it.id, [])}
        for it in workflow.steps
    ]
    recorded = [
        {"id": it.id, "runtimeInSeconds": it.seconds, "command": {"program": it.program}}
        for it in workflow.steps
    ]
    execution = {"makespanInSeconds": makespan, "executedAt": executed_at.isoformat()}
    return {
        "name": workflow.name,
        "schemaVersion": SCHEMA_VERSION,
        "workflow": {
            "specification": {"tasks": specified},
            "execution": execution | {"tasks": recorded},
        },
    }


def _check_same(workflow: Workflow, read: Workflow) -> None:
    """Refuse what would not be read as it is: a program with a path, a parent named twice."""
    found = {step.id: step for step in read.steps}
    for step in workflow.steps:
        if found.get(step.id) != step:
            raise ValidationError(
                f"step {step.id!r:.100} cannot be written as it is: {step!r:.300} would be read as "
                f"{found.get(step.id)!r:.300}"
            )


def _mapping(value: object, what: str) -> dict[str, Any]:
    if not isinstance(value, dict):
        raise ValidationError(f"{what} is not a JSON object, so this is not WfFormat")
    return cast(dict[str, Any], value)


def _list(value: object, what: str) -> list[dict[str, Any]]:
    if not isinstance(value, list):
        raise ValidationError(f"{what} is not a list, so this is not WfFormat")
    return [_mapping(row, f"an entry of {what}") for row in cast(list[object], value)]


def _rows(workflow: dict[str, Any]) -> list[dict[str, Any]]:
    """The tasks, what was specified and what was recorded of each in one."""
    if "specification" not in workflow:
        found = workflow.get("tasks", workflow.get("jobs"))
        return _list(found, "workflow.tasks")
    specification = _mapping(workflow["specification"], "workflow.specification")
    execution = _mapping(workflow.get("execution", {}), "workflow.execution")
    ran = {_id(row): row for row in _list(execution.get("tasks", []), "workflow.execution.tasks")}
    tasks = _list(specification.get("tasks"), "workflow.specification.tasks")
    return [ran.get(_id(row), {}) | row for row in tasks]


def _id(row: Mapping[str, Any]) -> str:
    for field in ("id", "name"):
        if key := _text(row.get(field), f"the {field} of a task"):
            return key
    raise ValidationError("a task has neither id nor name")


def _text(value: object, what: str) -> str:
    """What is a text, or a number that some recorders write for one; "" where nothing is given."""
    if value is None:
        return ""
    if isinstance(value, bool) or not isinstance(value, str | int):
        raise ValidationError(f"{what} is {repr(value)}, which is no text or whole number")
    return str(value)


def _ids(rows: Iterable[Mapping[str, Any]]) -> dict[str, str]:
    """What a task may be called by, to its id; an id goes before another task's name."""
    ids: dict[str, str] = {}
    for row in rows:
        if _id(row) in ids:
            raise ValidationError(f"two tasks have the id {_id(row)!r:.100}")
        ids[_id(row)] = _id(row)
    names = {_text(row.get("name"), "the name of a task"): _id(row) for row in rows}
    names.pop("", None)
    return names | ids


def _parents(rows: Iterable[Mapping[str, Any]], ids: Mapping[str, str]) -> dict[str, list[str]]:
    """The parents of each task, whether it names them or they name it as a child."""
    parents: dict[str, dict[str, None]] = {_id(row): {} for row in rows}
    for row in rows:
        for name in _names(row, "parents"):
            parents[_id(row)][_known(ids, name, _id(row))] = None
    for row in rows:  # after those, so that parents keep the order in which they are named
        for name in _names(row, "children"):
            parents[_known(ids, name, _id(row))][_id(row)] = None
    return {key: list(found) for key, found in parents.items()}


def _names(row: Mapping[str, Any], field: str) -> list[object]:
    found: object = row.get(field) or []
    if not isinstance(found, list):
        raise ValidationError(f"{field} of task {_id(row)!r:.100} is not a list of ids")
    return cast(list[object], found)


def _known(ids: Mapping[str, str], name: object, by: str) -> str:
    found = ids.get(_text(name, f"what task {by!r:.100} names"))
    if found is None:
        raise ValidationError(f"task {by!r:.100} names {name!r:.100}, which is not in the file")
    return found


def _step(key: str, row: Mapping[str, Any], parents: Iterable[str]) -> Step:
    seconds = _seconds(
        row.get("runtimeInSeconds", row.get("runtime", 0)) or 0, f"task {key!r:.100}"
    )
    return Step(key, _program(row) or key[:LONGEST_PROGRAM], seconds, tuple(parents))


def _seconds(value: Any, of: str) -> float:
    number = isinstance(value, int | float) and not isinstance(value, bool)
    if not number or not 0 <= value <= LARGEST_FLOAT:
        raise ValidationError(f"{of}: {repr(value)} is not a number of seconds")
    return float(value)


def _program(row: Mapping[str, Any]) -> str:
    """The program's name. Some recorders put its whole command line there: its first word is meant.

    Nextflow's put a shell script there, whose first word says nothing: then it is what its category
    says, or the process, which is the last part of its name.
    """
    command: object = row.get("command")
    inner = cast(dict[str, Any], command) if isinstance(command, dict) else dict[str, Any]()
    given = _text(inner.get("program") or row.get("program"), "the program of a task").strip()
    words = given.split()
    if len(words) > 1 and _SHELL.search(given):
        name = _text(row.get("name"), "the name of a task")
        process = re.split(r"[.:]", re.sub(r" \(.*", "", name))[-1]
        category = _text(row.get("category"), "the category of a task")
        return (category or process).strip()[:LONGEST_PROGRAM]
    return PurePosixPath(words[0]).name[:LONGEST_PROGRAM] if words else ""


_SHELL = re.compile(r"[\n;|&<>$`#=(){}\[\]\\\"'*?!]|^-")
