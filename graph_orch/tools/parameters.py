"""The types of the tools' parameters: each with a description and limits, for the input schemas."""

from __future__ import annotations

from datetime import datetime
from enum import StrEnum
from typing import Annotated, Any

from pydantic import Field, JsonValue

from graph_orch.domain.lifecycle import DependencyFailure, ErrorClass, TaskPriority, TaskStatus
from graph_orch.domain.models import RecommendationKind
from graph_orch.domain.values import MAX_BYTES, MAX_DEPENDENCIES, MAX_NAME

LONGEST_WAIT_SECONDS = 300
MOST_TASKS = 1_000
MOST_ROWS = 200
MOST_NAMES = 100
LONGEST_LEASE_SECONDS = 86_400


class Ending(StrEnum):
    """How a try ends otherwise than done."""

    FAIL = "fail"
    RELEASE = "release"
    CANCEL = "cancel"
    RETRY = "retry"


def text(about: str, longest: int = MAX_NAME) -> Any:
    """The description and the limit of a text."""
    return Field(description=about, max_length=longest)


def number(about: str, least: float, most: float) -> Any:
    """The description and the limits of a number."""
    return Field(description=about, ge=least, le=most)


def names(about: str, most: int = MOST_NAMES) -> Any:
    """The description and the limit of a list of names."""
    return Field(description=about, max_length=most)


TaskId = Annotated[str, text("Task id")]
AgentId = Annotated[str, text("Agent id")]
Content = Annotated[str, text("What to do", MAX_BYTES)]
TaskType = Annotated[str, text("Kind of task")]
Priority = Annotated[TaskPriority, Field(description="Urgency")]
Requirements = Annotated[list[str], names("Skills needed, all of them")]
Dependencies = Annotated[list[str], names("Ids of tasks to finish first", MAX_DEPENDENCIES)]
IdempotencyKey = Annotated[str, text("Same key, same task: ask again safely")]
CommandId = Annotated[str, text("Your id of this call; the same again changes nothing")]
Attempt = Annotated[int, number("Attempt token from the claim", 0, 2**31 - 1)]
MaxRetries = Annotated[int, number("Tries after the first", 0, 1_000_000)]
AvailableAt = Annotated[datetime, Field(description="Not before, with timezone")]
Json = Annotated[JsonValue, Field(description="Any JSON, at most 1 MB")]
Metadata = Annotated[dict[str, JsonValue], Field(description="JSON object, at most 1 MB")]
OnFailure = Annotated[DependencyFailure, Field(description="If a dependency fails")]
Lease = Annotated[
    float,
    Field(description="Seconds until the claim lapses", gt=0, le=LONGEST_LEASE_SECONDS),
]
Wait = Annotated[float, number("Seconds to wait", 0, LONGEST_WAIT_SECONDS)]
Limit = Annotated[int, number("At most so many", 1, MOST_ROWS)]
Status = Annotated[TaskStatus, Field(description="Status")]
Statuses = Annotated[list[TaskStatus], names("Any of these", 6)]
TaskTypes = Annotated[list[str], names("Only these types")]
Progress = Annotated[float, number("How far, 0 to 1", 0, 1)]
Message = Annotated[str, text("A word on it", 10_000)]
ErrorText = Annotated[str, text("What went wrong, or the reason", MAX_BYTES)]
ErrorKind = Annotated[ErrorClass, Field(description="permanent, budget: no retry")]
RetryAfter = Annotated[float, number("Seconds until the next try", 0, 31_536_000)]
Capabilities = Annotated[list[str], names("Skill names")]
MaxConcurrent = Annotated[int, number("Tasks it may hold at once", 1, 10_000)]
Confidence = Annotated[float, number("Of the learned skills, 0 to 1", 0, 1)]
Duration = Annotated[float, number("Duration in ms", 0, 1e12)]
ExcludeAgents = Annotated[list[str], names("Agents to pass over")]
Words = Annotated[str, text("Whole words of the content", 1_000)]
After = Annotated[datetime, Field(description="From then, with timezone")]
Before = Annotated[datetime, Field(description="Before then, with timezone")]
Cursor = Annotated[str, text("next_cursor of the last page", 1_000)]
Kinds = Annotated[list[RecommendationKind], names("Only these kinds", 8)]


def flag(about: str) -> Any:
    """The description of a yes or no."""
    return Field(description=about)
