"""Checks for single arguments: `NAME.of("agent_id", value)` is the value, or says what is wrong."""

from __future__ import annotations

from uuid import uuid4

from graph_orch.lifecycle import TaskStatus
from graph_orch.models import (
    Check,
    Content,
    Count,
    Json,
    LeaseSeconds,
    Limit,
    Milliseconds,
    Name,
    NewTask,
    Ratio,
    Skills,
    Slots,
    TaskId,
)

ATTEMPT: Check[int | None] = Check(Count | None)
CONFIDENCE: Check[float] = Check(Ratio)
CONTENT: Check[str] = Check(Content)
JSON: Check[object] = Check(Json)
LEASE: Check[float | None] = Check(LeaseSeconds | None)
LIMIT: Check[int] = Check(Limit)
MILLISECONDS: Check[float] = Check(Milliseconds)
NAME: Check[str] = Check(Name)
NAMES: Check[list[str]] = Check(list[Name])
NEW_TASK: Check[NewTask] = Check(NewTask)
SKILLS: Check[tuple[str, ...]] = Check(Skills)
SLOTS: Check[int] = Check(Slots)
STATUS: Check[TaskStatus] = Check(TaskStatus)
TASK_ID: Check[str] = Check(TaskId)


def command_id_of(given: str | None) -> str:
    """The command id that a caller gave, or a new one."""
    return str(uuid4()) if given is None else NAME.of("command_id", given)
