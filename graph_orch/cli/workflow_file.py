"""Workflows in files: YAML or JSON of our own, a recorded one in WfFormat, or a Python object."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, cast

import pydantic
import yaml

from graph_orch.analysis.wfformat import Workflow, parse_workflow
from graph_orch.cli.input import imported, text_of
from graph_orch.domain.durations import ESTIMATE
from graph_orch.domain.fields import TOO_DEEP, complaints
from graph_orch.domain.models.workflows import NewWorkflow
from graph_orch.errors import ValidationError

FIELDS = tuple(NewWorkflow.model_fields)
NEEDED = ("name", "tasks")
YAML = (".yaml", ".yml")
MOST_NODES = 1_000_000
"""Values in a YAML file, in which an alias counts as all that it stands for."""
DEEPEST = 100
MOST_TOLD = 10
"""Wrong fields that an error names."""
_WORKFLOW: pydantic.TypeAdapter[NewWorkflow] = pydantic.TypeAdapter(NewWorkflow)
_LOADER: Any = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
Place = tuple[str | int, ...]


def read_workflow_file(source: str) -> dict[str, Any]:
    """The arguments of `workflows.start` that a file, or the object MODULE:NAME, holds.

    Raises:
        ValidationError: there is none, or it is no workflow; the message says where, with the line
            where the file is YAML.
    """
    path = Path(source)
    if ":" in source and not path.exists():
        return _arguments(imported(source, "a file, or MODULE:NAME"), source, {})
    text = text_of(path)
    value: object
    lines: Mapping[Place, int] = {}
    if path.suffix.lower() in YAML:
        value, lines = parse_yaml(source, text)
    else:
        try:
            value = json.loads(text)
        except (ValueError, RecursionError) as error:
            raise ValidationError(f"{source}: is not JSON: {error}") from None
    if not isinstance(value, dict):
        raise ValidationError(f"{source}: holds no object; one with a name and tasks is needed")
    given = cast(dict[str, Any], value)
    if isinstance(given.get("workflow"), dict):
        try:
            return of_recorded(parse_workflow(given, path.stem))
        except ValidationError as error:
            raise ValidationError(f"{source}: {error}") from None
    return _arguments(given, source, lines)


def of_recorded(recorded: Workflow) -> dict[str, Any]:
    """A recorded workflow: its programs are skills, its seconds are estimates."""
    return {
        "name": recorded.name,
        "tasks": [
            {
                "name": step.id,
                "content": step.id,
                "task_type": step.program,
                "requirements": [step.program],
                "dependencies": list(step.parents),
                "metadata": {ESTIMATE: step.seconds},
            }
            for step in recorded.steps
        ],
    }


def _arguments(value: object, source: str, lines: Mapping[Place, int]) -> dict[str, Any]:
    """Check what a source holds. A list is the tasks of a workflow that is called as the source."""
    if not isinstance(value, Mapping):
        value = {"name": source, "tasks": value}
    given = dict(cast(Mapping[str, Any], value))
    allowed = f"name and tasks are needed, and {', '.join(FIELDS[2:])} may be there"
    strange = sorted({str(name) for name in given} - set(FIELDS))
    wrong: list[tuple[tuple[Place, ...], str]] = []
    if strange:
        wrong = [(((strange[0],),), f"{allowed}; {', '.join(strange)} may not")]
    elif not given.keys() >= set(NEEDED):
        raise ValidationError(f"{source}: {allowed}")
    tasks: object = given.get("tasks")
    if not isinstance(tasks, Sequence) or isinstance(tasks, str | bytes):
        raise ValidationError(f"{_where(source, lines, ('tasks',))}: tasks is no list of tasks")
    named = cast(Sequence[object], tasks)
    try:
        _WORKFLOW.validate_python({name: given[name] for name in FIELDS if name in given})
    except pydantic.ValidationError as error:
        for place, message in complaints(error):
            field = ".".join(map(str, place[2:] if place[0] == "tasks" else place)) or "value"
            what = f"{field}: {message}"
            if place[0] == "tasks" and len(place) > 1:
                what = f"{_called(int(place[1]), named)}: start: {what}"
            wrong.append(((place[:3], place[:2], place[:1]), what))
    except RecursionError:
        raise ValidationError(f"{source}: {TOO_DEEP}") from None
    if wrong:
        told = [f"{_where(source, lines, *places)}: {what}" for places, what in wrong[:MOST_TOLD]]
        rest = [it.removeprefix(f"{source}, ").removeprefix(f"{source}: ") for it in told[1:]]
        more = [f"and {len(wrong) - MOST_TOLD} more"] if len(wrong) > MOST_TOLD else []
        raise ValidationError("; ".join([told[0], *rest, *more]))
    return given


def _called(number: int, tasks: Sequence[object]) -> str:
    task = tasks[number]
    name = cast(dict[str, Any], task).get("name") if isinstance(task, dict) else None
    return f"task {number + 1}" + (f" ({name!r:.100})" if name else "")


def _where(source: str, lines: Mapping[Place, int], *places: Place) -> str:
    """A source, with the line of the first of these places whose line is known."""
    line = next((lines[place] for place in places if place in lines), None)
    return source if line is None else f"{source}, line {line}"


def parse_yaml(source: str, text: str) -> tuple[Any, Mapping[Place, int]]:
    """The value of a YAML text, and the lines of its fields, of its tasks and of their fields.

    Only plain values are made. What would be deep or, by its aliases, huge is refused before
    anything is made of it.

    Raises:
        ValidationError: it is not YAML, holds a key twice, or is too deep or too large.
    """
    try:
        _check_depth(source, text)
        loader = _LOADER(text)
        try:
            node: yaml.Node | None = loader.get_single_node()
            if node is None:
                return None, {}
            _check_size(source, node)
            lines: dict[Place, int] = {}
            _note_lines(node, (), lines)
            return loader.construct_document(node), lines
        finally:
            loader.dispose()
    except yaml.MarkedYAMLError as error:
        mark = error.problem_mark or error.context_mark
        line = f", line {mark.line + 1}" if mark else ""
        raise ValidationError(f"{source}{line}: is not YAML: {error.problem}") from None
    except ValidationError:
        raise
    except (yaml.YAMLError, ValueError, TypeError, RecursionError) as error:
        raise ValidationError(f"{source}: is not YAML: {error!s:.300}") from None


def _check_depth(source: str, text: str) -> None:
    """Refuse deep nesting by the events alone: composing it would exhaust the stack."""
    depth = 0
    events: Iterator[yaml.Event] = cast(Any, yaml).parse(text, Loader=_LOADER)
    for event in events:
        if isinstance(event, yaml.CollectionStartEvent):
            depth += 1
            if depth > DEEPEST:
                line = event.start_mark.line + 1
                raise ValidationError(f"{source}, line {line}: is nested more than {DEEPEST} deep")
        elif isinstance(event, yaml.CollectionEndEvent):
            depth -= 1


def _check_size(source: str, root: yaml.Node) -> None:
    """Refuse a key that stands twice in a mapping, and more values than may be made."""
    sizes: dict[int, int | None] = {}

    def size(node: yaml.Node) -> int:
        line = node.start_mark.line + 1
        if id(node) in sizes:
            if (known := sizes[id(node)]) is None:
                raise ValidationError(f"{source}, line {line}: an alias stands for what holds it")
            return known
        sizes[id(node)] = None
        total = 1
        for child in _children(source, node):
            total += size(child)
            if total > MOST_NODES:
                raise ValidationError(
                    f"{source}, line {line}: holds more than {MOST_NODES:,} values, with what its "
                    "aliases stand for"
                )
        sizes[id(node)] = total
        return total

    size(root)


def _children(source: str, node: yaml.Node) -> list[yaml.Node]:
    if isinstance(node, yaml.SequenceNode):
        return node.value
    if not isinstance(node, yaml.MappingNode):
        return []
    keys: set[str] = set()
    for key, _ in node.value:
        if key.value in keys and isinstance(key, yaml.ScalarNode):
            line = key.start_mark.line + 1
            raise ValidationError(f"{source}, line {line}: {key.value!r:.100} stands here twice")
        if isinstance(key, yaml.ScalarNode):
            keys.add(key.value)
    return [it for pair in node.value for it in pair]


def _note_lines(node: yaml.Node, at: Place, lines: dict[Place, int]) -> None:
    lines[at] = node.start_mark.line + 1
    if isinstance(node, yaml.MappingNode):
        for key, value in node.value:
            if isinstance(key, yaml.ScalarNode):
                if at == () and key.value == "tasks":
                    _note_lines(value, ("tasks",), lines)
                lines[(*at, key.value)] = key.start_mark.line + 1
    elif isinstance(node, yaml.SequenceNode) and at == ("tasks",):
        for number, task in enumerate(node.value):
            _note_lines(task, ("tasks", number), lines)
