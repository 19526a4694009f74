"""A template of work that was done before, and the new tasks that follow from it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal

from graph_orch.analysis.checks import whole
from graph_orch.analysis.history.tables import Spread
from graph_orch.domain.fields import NAME
from graph_orch.domain.ids import new_uuid
from graph_orch.domain.lifecycle import TaskPriority
from graph_orch.domain.models import NewTask
from graph_orch.errors import ValidationError

Kind = Literal["workflow", "chain", "fan", "join"]
Contents = str | Mapping[str, str] | Sequence[str] | None

OWN = ("content", "task_type", "task_id", "dependencies", "idempotency_key")
"""Fields of a new task that the template itself sets."""


@dataclass(frozen=True, slots=True)
class TemplateStep:
    """A task of a template. It waits for the steps `after`, which come before it.

    `requirements` are what all tasks at this place required, `priority` the one that most of them
    had. `is_many` stands for several tasks alike.
    """

    task_type: str
    requirements: tuple[str, ...]
    priority: TaskPriority
    after: tuple[int, ...]
    is_many: bool = False


@dataclass(frozen=True, slots=True)
class Template:
    """Work that came again and again: how often, how well, and how long it took.

    It occurred `occurrences` times, in `workflows` different workflows (its support). In
    `success` of the occurrences all tasks succeeded at last, in `first_try` all at their first try
    (shares). `seconds` is from the first start to the last end; with `is_sampled`, from some of
    the occurrences only. `sizes` are, of a fan or a join, how wide it was and how often.
    """

    kind: Kind
    steps: tuple[TemplateStep, ...]
    workflows: int
    occurrences: int
    success: float
    first_try: float
    seconds: Spread
    sizes: tuple[tuple[int, int], ...] = ()
    is_sampled: bool = False

    @property
    def name(self) -> str:
        """Such as "split -> work xN" for a fan."""
        if self.kind == "workflow":
            return f"workflow of {len(self.steps)}: " + ", ".join(self._types())
        parts = [step.task_type + (" xN" if step.is_many else "") for step in self.steps]
        return " -> ".join(parts)

    @property
    def width(self) -> int | None:
        """How wide it was in the middle (the lower median); None where nothing is of many."""
        passed = 0
        for size, count in self.sizes:
            passed += count
            if 2 * passed >= self.occurrences:
                return size
        return None

    def instantiate(
        self,
        contents: Contents = None,
        *,
        width: int | None = None,
        idempotency_prefix: str | None = None,
        **defaults: Any,
    ) -> list[NewTask]:
        """New tasks for `create_tasks`, in an order in which they can run, with new ids.

        Args:
            contents: The content of each task: one text for all, texts by task type, or a list
                of as many texts as there are tasks. Where there is none, it is the task type.
            width: How many tasks a step of many becomes; `self.width` if not given.
            idempotency_prefix: Gives each task the idempotency key "<prefix>:<number>", so that
                creating them again changes nothing.
            defaults: Other fields for every task, as `create_task` has them; those of them that
                the template knows (priority, requirements) go before what it knows.

        Raises:
            ValidationError: there are not as many contents as tasks, or contents for types that do
                not occur, or a field is not acceptable.
        """
        types, waits = self._spread(width)
        if wrong := [name for name in OWN if name in defaults]:
            raise ValidationError(
                f"instantiate: {wrong[0]} is the template's own; "
                "contents=, width= and idempotency_prefix= say what can be said"
            )
        texts = _texts(contents, [step.task_type for step in types])
        prefix = idempotency_prefix and NAME.of("idempotency_prefix", idempotency_prefix)
        ids = [new_uuid() for _ in types]
        rows = [
            {
                "content": texts[i],
                "task_type": step.task_type,
                "requirements": step.requirements,
                "priority": step.priority,
                **defaults,
                "task_id": ids[i],
                "dependencies": [ids[other] for other in waits[i]],
                "idempotency_key": f"{prefix}:{i}" if prefix else None,
            }
            for i, step in enumerate(types)
        ]
        return [NewTask.parsed("instantiate", row) for row in rows]

    def _types(self) -> list[str]:
        return list(dict.fromkeys(step.task_type for step in self.steps))

    def _spread(self, width: int | None) -> tuple[list[TemplateStep], list[list[int]]]:
        """Each task's step, and the tasks that it waits for: steps of many become so many."""
        if width is not None and self.width is None:
            raise ValidationError(f"width: a {self.kind} has no step that stands for many tasks")
        many = self.width if width is None else whole("width", width, 1)
        if many is not None and many > LARGEST:
            raise ValidationError(f"width: {many:,} is more than {LARGEST:,}")
        steps: list[TemplateStep] = []
        places: list[list[int]] = []
        waits: list[list[int]] = []
        for step in self.steps:
            count = many if step.is_many and many is not None else 1
            places.append(list(range(len(steps), len(steps) + count)))
            before = [it for place in step.after for it in places[place]]
            steps.extend([step] * count)
            waits.extend([before] * count)
        return steps, waits


LARGEST = 1_000_000


def _texts(contents: Contents, types: list[str]) -> list[str]:
    if contents is None:
        return types
    if isinstance(contents, str):
        return [contents] * len(types)
    if isinstance(contents, Mapping):
        return _by_type(contents, types)
    if not isinstance(contents, list | tuple):
        raise ValidationError("contents: a text, texts by task type, or a list of texts is needed")
    if len(contents) != len(types):
        raise ValidationError(
            f"contents: {len(contents):,} texts for {len(types):,} tasks; give one for each, in "
            "the order of the steps, or texts by task type"
        )
    return list(contents)


def _by_type(contents: Mapping[str, str], types: list[str]) -> list[str]:
    if unknown := sorted(map(str, set(contents) - set(types))):
        there = ", ".join(sorted(set(types)))
        raise ValidationError(
            f"contents: no task is of type {unknown[0]!r:.100}; there are {there}"
        )
    return [contents.get(kind, kind) for kind in types]
