"""Options for the fields of a task, derived from `NewTask`."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Container, Iterable
from enum import StrEnum
from functools import wraps
from typing import Annotated, Any, get_origin

import typer
from pydantic.fields import FieldInfo

from graph_orch import NewTask
from graph_orch.cli.input import parse_json

Command = Callable[..., None]

FLAGS = {
    "task_type": ("--type",),
    "requirements": ("--skill", "-s"),
    "fallback_requirements": ("--fallback-skill",),
    "dependencies": ("--after",),
    "task_id": ("--id",),
    "idempotency_key": ("--key",),
}
"""The options whose names differ from those of their fields."""
JSON = ("metadata", "retry_policy", "estimate", "preferred_labels")
"""The fields whose options take JSON text."""


def takes_task(
    without: Iterable[str] = (), only: Container[str] = NewTask.model_fields.keys()
) -> Callable[[Command], Command]:
    """Decorate a command whose parameter `task` becomes a dict of the options that are given.

    Every field has an option except `content`, which commands take as an argument.

    Args:
        without: More fields that have no option.
        only: The fields that may have one.
    """

    def decorate(command: Command) -> Command:
        left_out = {"content", *without}
        names = [name for name in NewTask.model_fields if name in only and name not in left_out]
        default = {"task_type": "task"} if "task_type" in names else {}

        @wraps(command)
        def run(**arguments: Any) -> None:
            options = {name: arguments.pop(name) for name in names}
            given = {name: value for name, value in options.items() if value not in (None, [])}
            task = {k: parse_json(k, v) if k in JSON else v for k, v in given.items()}
            command(task={**default, **task}, **arguments)

        # Typer reads the options from the signature.
        parameters = inspect.signature(command, eval_str=True).parameters.values()
        own = [own.replace(kind=own.KEYWORD_ONLY) for own in parameters if own.name != "task"]
        options = [_option(name, NewTask.model_fields[name]) for name in names]
        run.__signature__ = inspect.Signature([*own, *options])  # pyright: ignore[reportAttributeAccessIssue]
        run.__annotations__ = {}
        return run

    return decorate


def _option(name: str, field: FieldInfo) -> inspect.Parameter:
    """The option for a field. It has no default, since `NewTask` has the defaults."""
    flags = FLAGS.get(name, ("--" + name.replace("_", "-"),))
    about = f"{field.description}{', as JSON' if name in JSON else ''}."
    kind: Any = str  # NewTask parses the text
    if get_origin(field.annotation) is tuple:
        kind = list[str]
    elif isinstance(field.annotation, type) and issubclass(field.annotation, int | StrEnum):
        kind = field.annotation
    return inspect.Parameter(
        name,
        inspect.Parameter.KEYWORD_ONLY,
        default=None,
        annotation=Annotated[kind | None, typer.Option(*flags, help=about)],
    )
