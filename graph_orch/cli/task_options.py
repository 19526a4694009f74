"""The options by which commands take a task: one for each field of `NewTask`, which tells them."""

from __future__ import annotations

import inspect
import json
from collections.abc import Callable, Container
from enum import StrEnum
from functools import wraps
from typing import Annotated, Any, get_origin

import typer
from pydantic.fields import FieldInfo

from graph_orch import NewTask, ValidationError

Command = Callable[..., None]

FLAGS = {
    "task_type": ("--type",),
    "requirements": ("--skill", "-s"),
    "dependencies": ("--after",),
    "task_id": ("--id",),
    "idempotency_key": ("--key",),
}
"""The options that are called otherwise than their fields."""
JSON = ("metadata", "retry_policy")
"""The fields whose options take JSON text."""


def takes_task(without: Container[str] = ()) -> Callable[[Command], Command]:
    """Let a command take a task: its parameter `task` is a dict of what the options say.

    All fields have an option but `content`, which commands take as an argument.

    Args:
        without: The fields for which it has no options.
    """

    def decorated(command: Command) -> Command:
        names = [it for it in NewTask.model_fields if it != "content" and it not in without]

        @wraps(command)
        def run(**given: Any) -> None:
            options = {name: given.pop(name) for name in names}
            told = {name: it for name, it in options.items() if it not in (None, [])}
            task = {name: _read(name, it) for name, it in told.items()}
            command(task={"task_type": "task", **task}, **given)

        found = inspect.signature(command, eval_str=True).parameters.values()
        options = [_option(name, NewTask.model_fields[name]) for name in names]
        own = [it.replace(kind=it.KEYWORD_ONLY) for it in found if it.name != "task"]
        run.__signature__ = inspect.Signature([*own, *options])  # pyright: ignore[reportAttributeAccessIssue]
        run.__annotations__ = {}
        return run

    return decorated


def _option(name: str, field: FieldInfo) -> inspect.Parameter:
    """The option for a field. What is not given is left out: the store knows the defaults."""
    flags = FLAGS.get(name, ("--" + name.replace("_", "-"),))
    about = f"{field.description}{', as JSON' if name in JSON else ''}."
    kind: Any = str  # which NewTask reads
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


def _read(name: str, given: Any) -> Any:
    """What a field is given.

    Raises:
        ValidationError: a text that must be JSON is none.
    """
    if name not in JSON:
        return given
    try:
        return json.loads(given)
    except (ValueError, RecursionError) as error:
        raise ValidationError(f"{name}: is not JSON ({error}): {given[:100]!r}") from None
