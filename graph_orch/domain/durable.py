"""What a handler keeps, waits for and leaves behind, so that its work outlives its tries. Pure."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any, Literal, Self
from uuid import UUID, uuid5

from pydantic import Field, JsonValue

from graph_orch.domain.models import NewTask, Step
from graph_orch.domain.models.base import Model
from graph_orch.domain.models.gates import Gate, GateDecision, GateStatus


class Decision(Model):
    """What was decided at a gate that a handler asked for."""

    decision: Literal["approve", "reject", "answer", "expire"] = Field(
        description="'expire': nobody decided in time, and there is no default"
    )
    by: str | None = Field(None, description="Who decided; None: its time or its default did")
    comment: str | None = None
    payload: JsonValue = Field(None, description="The answer")

    @property
    def is_approved(self) -> bool:
        """Whether it was approved or answered."""
        return self.decision in ("approve", "answer")

    @classmethod
    def at(cls, gate: Gate) -> Self | None:
        """The decision at a gate; None while it is open."""
        if gate.status is GateStatus.OPEN:
            return None
        said = {it.status: it.value for it in GateDecision}.get(gate.status, "expire")
        return cls.stored(
            {
                "decision": said,
                "by": gate.decided_by,
                "comment": gate.comment,
                "payload": gate.payload,
            }
        )


@dataclass(frozen=True)
class Kept:
    """What was kept of a task's handler: its steps by key."""

    steps: dict[str, Step] = field(default_factory=dict[str, Step])
    restarts: int = 0
    """How often the task was retried from its start."""


@dataclass
class Waits:
    """What a try leaves behind: what its task waits for, and the tasks that its handler created."""

    is_waiting: bool = False
    """Whether the handler asked for something that is not there yet."""
    seconds: float = 0.0
    awaits: list[str] = field(default_factory=list[str])
    """The ids of tasks for whose end it waits."""
    gates: list[dict[str, Any]] = field(default_factory=list[dict[str, Any]])
    """The gates at which it asks, as `tasks/suspend` takes them."""
    steps: list[dict[str, Any]] = field(default_factory=list[dict[str, Any]])
    """Steps that are kept together with the rest, as `tasks/add_step` takes them."""
    tasks: list[NewTask] = field(default_factory=list[NewTask])
    before: dict[str, list[str]] = field(default_factory=dict[str, list[str]])
    """By the id of a task, those of `tasks` for which it is to wait."""

    def described(self) -> dict[str, Any]:
        """What is waited for, in words and numbers, for the event that says so."""
        told = {
            "seconds": self.seconds,
            "tasks": self.awaits[:10],
            "gates": [row["gate"]["gate_id"] for row in self.gates],
        }
        return {name: value for name, value in told.items() if value}


def spawned(
    parent_id: str, place: str, tasks: Sequence[NewTask], own: Sequence[bool]
) -> list[NewTask]:
    """Tasks of a handler under ids that another try of the same place in it gives them too.

    Args:
        place: Which spawn of the handler it is.
        own: Which of the tasks keep the id that they have.
    """
    ids = {
        task.task_id: task.task_id if keeps else str(uuid5(UUID(parent_id), f"{place}/{number}"))
        for number, (task, keeps) in enumerate(zip(tasks, own, strict=True))
    }
    return [task.renamed(ids, task_id=ids[task.task_id]) for task in tasks]
