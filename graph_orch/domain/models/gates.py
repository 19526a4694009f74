"""Gates: what a person decides, or answers, before tasks go on."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from enum import StrEnum
from typing import Any, Self

from pydantic import Field, JsonValue

from graph_orch.domain.forms import load_json
from graph_orch.domain.models.base import Model, moment, some_moment


class GateKind(StrEnum):
    """Who opens a gate, and how."""

    APPROVAL = "approval"  # a person approves or rejects
    INPUT = "input"  # a person answers, by a JSON schema where one is given
    EVENT = "event"  # something happens


class GateStatus(StrEnum):
    """Whether a gate is decided. Tasks pass those that are approved or answered."""

    OPEN = "open"  # nobody has decided yet
    APPROVED = "approved"
    REJECTED = "rejected"
    ANSWERED = "answered"
    SENT_BACK = "sent_back"  # what it judges is redone, and another gate is open in its place
    EXPIRED = "expired"  # nobody decided in time, and it has no default


class GateDecision(StrEnum):
    """What can be said at a gate."""

    APPROVE = "approve"
    REJECT = "reject"
    ANSWER = "answer"
    SEND_BACK = "send_back"  # what is judged is to be redone

    @property
    def status(self) -> GateStatus:
        """The status that it leads to."""
        return _LEADS_TO[self]


_LEADS_TO = {
    GateDecision.APPROVE: GateStatus.APPROVED,
    GateDecision.REJECT: GateStatus.REJECTED,
    GateDecision.ANSWER: GateStatus.ANSWERED,
    GateDecision.SEND_BACK: GateStatus.SENT_BACK,
}
KIND_DECISIONS = {
    GateKind.APPROVAL: (GateDecision.APPROVE, GateDecision.REJECT),
    GateKind.INPUT: (GateDecision.ANSWER, GateDecision.REJECT),
    GateKind.EVENT: (GateDecision.APPROVE, GateDecision.ANSWER, GateDecision.REJECT),
}
"""The decisions that each kind of gate takes, besides being sent back."""


class Gate(Model):
    """A gate as it is in the graph. A task that waits at it is pending and blocked."""

    gate_id: str
    kind: GateKind
    question: str = Field(description="What is asked")
    status: GateStatus
    approvers: list[str] = Field(description="Who may decide it; empty: anybody")
    created_at: datetime
    json_schema: JsonValue = Field(None, description="The JSON schema that an answer must fit")
    expires_at: datetime | None = Field(None, description="Until when it can be decided")
    default: GateStatus | None = Field(None, description="Its status where nobody decides in time")
    decided_by: str | None = None
    decided_at: datetime | None = None
    comment: str | None = None
    payload: JsonValue = Field(None, description="The answer")
    reopened_as: str | None = Field(None, description="The gate in its place, if it was sent back")
    task_ids: list[str] = Field(description="Tasks that wait at it: the first of them by id")
    waiting: int = Field(0, description="How many tasks wait, or waited, at it")

    @classmethod
    def from_record(cls, record: Mapping[str, Any]) -> Self:
        """From a row with `gate` (see gates/row.fragment), `task_ids` and `waiting`."""
        node = record["gate"]
        return cls(
            gate_id=node["gate_id"],
            kind=GateKind(node["kind"]),
            question=node["question"],
            status=GateStatus(node["status"]),
            approvers=list(node["approvers"]),
            created_at=some_moment(node["created_at"]),
            json_schema=load_json(node.get("schema")),
            expires_at=moment(node.get("expires_at")),
            default=GateStatus(node["default"]) if node.get("default") else None,
            decided_by=node.get("decided_by"),
            decided_at=moment(node.get("decided_at")),
            comment=node.get("comment"),
            payload=load_json(node.get("payload")),
            reopened_as=node.get("reopened_as"),
            task_ids=list(record["task_ids"]),
            waiting=record.get("waiting", len(record["task_ids"])),
        )
