"""The tools for gates: what tasks wait for until a person decides. They stand beside the others."""

from __future__ import annotations

import json
from collections.abc import Mapping
from datetime import datetime
from typing import Annotated, Any, Self, cast

from pydantic import Field, JsonValue

from graph_orch.domain.fields import JsonObject
from graph_orch.domain.models import Gate, Right
from graph_orch.domain.models.gates import KIND_DECISIONS, GateDecision, GateKind, GateStatus
from graph_orch.errors import GateNotFoundError, ValidationError
from graph_orch.tools import parameters as p
from graph_orch.tools.answers import PREVIEW, Answer, cut
from graph_orch.tools.call import Call

GateId = Annotated[str, p.text("Gate id")]
PLAIN = {"string", "number", "integer", "boolean"}
"""The types of fields that a client can ask its user for in a form."""


class GateView(Answer):
    """A gate."""

    gate_id: str
    kind: GateKind
    question: str
    status: GateStatus
    approvers: list[str] = Field(description="Who may decide; empty: anybody")
    expires_at: datetime | None = None
    json_schema: JsonValue = Field(None, description="Of the answer")
    task_ids: list[str] = Field(description="Some that wait")
    waiting: int = Field(description="How many wait")
    decided_by: str | None = None
    comment: str | None = None
    payload: JsonValue = Field(None, description="The answer")

    @classmethod
    def preview(cls, gate: Gate) -> Self:
        """A gate of a list, with the beginning of its texts, and without what may be large."""
        comment = None if gate.comment is None else cut(gate.comment, PREVIEW)
        short = {"question": cut(gate.question, PREVIEW), "comment": comment}
        return cls.of(gate).model_copy(update=short | {"json_schema": None, "payload": None})


class GateViews(Answer):
    gates: list[GateView] = Field(description="Oldest first")


async def list_gates(
    call: Call,
    status: Annotated[GateStatus, p.about("Status")] = GateStatus.OPEN,
    limit: p.Rows = 50,
) -> GateViews:
    """The gates that you may decide, or of another status all."""
    mine = call.caller.name if status is GateStatus.OPEN and call.caller.is_known else None
    found = await call.orch.gates.list(status, limit, approver=mine)
    return GateViews(gates=[GateView.preview(gate) for gate in found])


async def get_gate(call: Call, gate_id: GateId) -> GateView:
    """A gate with its whole question and its decision."""
    return GateView.of(await _found(call, gate_id))


async def create_gate(
    call: Call,
    question: Annotated[str, p.text("What is asked", 1_000_000)],
    kind: Annotated[GateKind, p.about("approval, or input: an answer by a schema")] = (
        GateKind.APPROVAL
    ),
    approvers: Annotated[list[str] | None, p.names("Who may decide; absent: anybody")] = None,
    answer_schema: Annotated[JsonObject | None, p.about("JSON schema of the answer")] = None,
    expires_seconds: Annotated[
        float | None, Field(description="Then it counts as rejected", gt=0, le=31_536_000)
    ] = None,
    default: Annotated[GateDecision | None, p.about("What counts then instead")] = None,
    task_ids: Annotated[list[str] | None, p.names("Pending tasks to hold back")] = None,
) -> GateView:
    """Ask a person. Tasks created with gates=[its id] wait for the decision."""
    if task_ids:
        call.caller.require(Right.ADMINISTER, "holding back tasks that exist")
    gate = await call.orch.gates.create(
        question,
        kind=kind,
        approvers=approvers or (),
        schema=answer_schema,
        expires_seconds=expires_seconds,
        default=default,
        task_ids=task_ids or (),
    )
    return GateView.of(gate)


async def decide_gate(
    call: Call,
    gate_id: GateId,
    decision: Annotated[GateDecision | None, p.about("Absent: your user is asked")] = None,
    comment: Annotated[str | None, p.text("A word on it", 10_000)] = None,
    payload: p.Json = None,
    by: Annotated[str | None, p.text("Who decides, in the shell only")] = None,
) -> GateView:
    """Decide a gate once: approve, reject, or answer with a payload."""
    who = call.caller.deciding_as(by)
    if decision is None:
        gate = await _found(call, gate_id)
        answer = await call.ask(gate.question, _form(gate))
        if answer is None:  # the user would not say
            return GateView.of(gate)
        decision, comment, payload = _said(gate, answer)
    found = await call.orch.gates.decide(
        gate_id, decision, by=who, comment=comment, payload=payload
    )
    return GateView.of(found)


async def _found(call: Call, gate_id: str) -> Gate:
    gate = await call.orch.gates.get(gate_id)
    if gate is None:
        raise GateNotFoundError([gate_id])
    return gate


def _is_plain(schema: JsonValue) -> bool:
    """Whether a schema is that of an object which a client can show as a form: no value in it is
    nested."""
    if not isinstance(schema, dict) or schema.get("type") != "object":
        return False
    if not schema.keys() <= {"type", "properties", "required", "title", "description"}:
        return False
    fields = schema.get("properties")
    return (
        bool(fields)
        and isinstance(fields, dict)
        and all(isinstance(field, dict) and field.get("type") in PLAIN for field in fields.values())
    )


def _form(gate: Gate) -> dict[str, Any]:
    """The form in which a user decides a gate: the fields of its answer, or a choice."""
    if gate.kind is GateKind.INPUT and _is_plain(gate.json_schema):
        return cast(dict[str, Any], gate.json_schema)
    decisions = [decision.value for decision in KIND_DECISIONS[gate.kind]]
    fields: dict[str, Any] = {
        "decision": {"type": "string", "enum": decisions},
        "comment": {"type": "string", "description": "A word on it"},
    }
    if GateDecision.ANSWER in KIND_DECISIONS[gate.kind]:
        fields["answer"] = {"type": "string", "description": "JSON, or a text"}
    return {"type": "object", "properties": fields, "required": ["decision"]}


def _said(gate: Gate, answer: Mapping[str, Any]) -> tuple[GateDecision, str | None, JsonValue]:
    """What a user said in the form: the decision, a comment, the payload."""
    if gate.kind is GateKind.INPUT and _is_plain(gate.json_schema):
        return GateDecision.ANSWER, None, dict(answer)
    text = answer.get("answer")
    payload: JsonValue = text
    if isinstance(text, str) and text:
        try:
            payload = json.loads(text)
        except (ValueError, RecursionError):
            payload = text
    try:
        decision = GateDecision(answer.get("decision", ""))
    except ValueError:
        raise ValidationError("decide_gate: the user's answer holds no decision") from None
    is_answer = decision is GateDecision.ANSWER
    return decision, answer.get("comment") or None, payload if is_answer else None
