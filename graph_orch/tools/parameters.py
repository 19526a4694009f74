"""The types of the tools' parameters: those of the domain, each with a description for agents.

Some limits are lower than those of the services, since an agent reads every answer.
"""

from __future__ import annotations

from enum import StrEnum
from typing import Annotated, Any

from pydantic import Field

from graph_orch.domain import fields
from graph_orch.domain.lifecycle import ErrorClass, TaskStatus
from graph_orch.domain.models import RecommendationKind
from graph_orch.domain.recommendations import LONGEST_LEASE_SECONDS, MOST_SLOTS, MOST_TAUGHT

LONGEST_WAIT_SECONDS = 300
MOST_TASKS = 1_000
MOST_ROWS = 200
MOST_NAMES = MOST_TAUGHT


class Ending(StrEnum):
    """How a try ends unfinished."""

    FAIL = "fail"
    RELEASE = "release"
    CANCEL = "cancel"
    RETRY = "retry"


def about(description: str) -> Any:
    """A parameter with a description."""
    return Field(description=description)


def text(description: str, longest: int = fields.MAX_NAME) -> Any:
    """A text with a description and a limit of characters."""
    return Field(description=description, max_length=longest)


def number(description: str, least: float, most: float) -> Any:
    """A number with a description and limits."""
    return Field(description=description, ge=least, le=most)


def names(description: str, most: int = MOST_NAMES) -> Any:
    """A list of names with a description and a limit."""
    return Field(description=description, max_length=most)


WorkflowId = Annotated[str, text("Workflow id")]
TaskId = Annotated[str, text("Task id")]
AgentId = Annotated[str, text("Agent id")]
CommandId = Annotated[str, text("The same id again changes nothing")]
Attempt = Annotated[fields.Count, about("That of the claim")]
Json = Annotated[fields.Json, about("Any JSON, at most 1 MB")]
Metadata = Annotated[fields.JsonObject, about("JSON object, at most 1 MB")]
Lease = Annotated[
    float,
    Field(description="Seconds until it lapses", gt=0, le=LONGEST_LEASE_SECONDS),
]
Deadline = Annotated[
    fields.LeaseSeconds, about("Its tasks fail that are not done in so many seconds")
]
Wait = Annotated[float, number("Seconds to wait", 0, LONGEST_WAIT_SECONDS)]
Rows = Annotated[int, number("At most so many", 1, MOST_ROWS)]
NextPage = Annotated[str, text("next_cursor of the last page", 1_000)]
Status = Annotated[TaskStatus, about("Status")]
TaskTypes = Annotated[list[str], names("Only these types")]
Progress = Annotated[fields.Ratio, about("How far, 0 to 1")]
Message = Annotated[str, text("A word on it", 10_000)]
ErrorText = Annotated[str, text("What went wrong, or why", fields.MAX_BYTES)]
ErrorKind = Annotated[ErrorClass, about("permanent, budget: no retry")]
RetryAfter = Annotated[fields.Seconds, about("Seconds until the next try")]
Capabilities = Annotated[list[str], names("Skill names")]
MaxConcurrent = Annotated[int, number("Tasks it may hold at once", 1, MOST_SLOTS)]
Confidence = Annotated[fields.Ratio, about("Of learned skills")]
Duration = Annotated[fields.Milliseconds, about("Duration in ms")]
ExcludeAgents = Annotated[list[str], names("Agents to pass over")]
Kinds = Annotated[list[RecommendationKind], names("Only these kinds", len(RecommendationKind))]
