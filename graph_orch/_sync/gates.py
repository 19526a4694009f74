"""Gates: tasks wait at them until a person decides, or answers, or their time is over."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from contextlib import suppress
from typing import Any

from pydantic import JsonValue

from graph_orch._sync.due import Due
from graph_orch._sync.graph import AlreadyAppliedError, Graph, Transaction
from graph_orch.domain.answers import check_schema, refuse_answer
from graph_orch.domain.fields import (
    CONTENT,
    JSON,
    LEASE,
    LIMIT,
    NAME,
    NEW_NAME,
    NEW_NAMES,
    TASK_IDS,
    Check,
)
from graph_orch.domain.forms import dump_json
from graph_orch.domain.ids import new_hex, new_uuid
from graph_orch.domain.lifecycle import Command, allowed_from
from graph_orch.domain.models.gates import KIND_DECISIONS, Gate, GateDecision, GateKind, GateStatus
from graph_orch.errors import (
    GateClosedError,
    GateNotFoundError,
    InvalidTransitionError,
    NotApproverError,
    TaskNotFoundError,
    ValidationError,
)

SHOWN = 100
"""How many of the tasks that wait at a gate are told."""
KIND: Check[GateKind] = Check(GateKind)
STATUS: Check[GateStatus] = Check(GateStatus)
DECISION: Check[GateDecision] = Check(GateDecision)


class Gates:
    """Gates in a graph. A task that waits at one is pending and blocked, and holds no slot."""

    def __init__(self, graph: Graph) -> None:
        self._graph = graph
        self._due = Due(graph)

    def create(
        self,
        question: str,
        *,
        kind: GateKind | str = GateKind.APPROVAL,
        approvers: Sequence[str] = (),
        schema: Mapping[str, JsonValue] | None = None,
        expires_seconds: float | None = None,
        default: GateDecision | str | None = None,
        task_ids: Sequence[str] = (),
    ) -> Gate:
        """Create a gate. Tasks wait at it that are named here, or created with `gates=[gate_id]`.

        Args:
            question: What is asked, at most 1 MB.
            kind: "approval" is approved or rejected; "input" is answered, or rejected; "event"
                takes all three.
            approvers: Who may decide it; empty: anybody.
            schema: The JSON schema that an answer must fit.
            expires_seconds: So long it can be decided. Then it counts as a failed dependency.
            default: The decision that counts instead where nobody decides in time.
            task_ids: Pending tasks that wait at it from now on.

        Raises:
            ValidationError: an argument is not acceptable, or the schema is none.
            TaskNotFoundError: a task does not exist.
            InvalidTransitionError: a task is not pending.
        """
        ids = sorted(set(TASK_IDS.of("task_ids", task_ids)))
        gate, seconds = new_gate(question, kind, approvers, schema, expires_seconds, default)
        with suppress(AlreadyAppliedError):  # it was created, and the answer was lost
            self._graph.transaction(_create, gate, seconds, ids, new_hex())
        return self._found(gate["gate_id"])

    def decide(
        self,
        gate_id: str,
        decision: GateDecision | str,
        *,
        by: str,
        comment: str | None = None,
        payload: JsonValue = None,
    ) -> Gate:
        """Decide a gate. The tasks that wait for nothing else become ready, or count it as failed.

        Deciding it again in the same way changes nothing.

        Args:
            decision: "approve", "reject" or "answer".
            by: Who decides.
            comment: A word on it, kept with the gate.
            payload: The answer: any JSON that fits the gate's schema.

        Raises:
            GateNotFoundError: there is no such gate.
            GateClosedError: it was decided otherwise, or has expired; the error says by whom.
            NotApproverError: it names others who may decide it.
            ValidationError: the decision is not one for its kind, or the answer does not fit.
        """
        gate = self._found(NAME.of("gate_id", gate_id))
        wanted = _decision(gate.kind, decision)
        who = NEW_NAME.of("by", by)
        if gate.approvers and who not in gate.approvers:
            raise NotApproverError(gate.gate_id, who, gate.approvers)
        answer = None if payload is None else dump_json(JSON.of("payload", payload))
        if wanted is GateDecision.ANSWER:
            refuse_answer(gate.json_schema, payload)
        rows = self._graph.write(
            "gates/decide",
            gate_id=gate.gate_id,
            status=wanted.status.value,
            by=who,
            comment=None if comment is None else CONTENT.of("comment", comment),
            payload=answer,
            command_id=new_hex(),
        )
        if not rows:
            self._due.expire_gate(gate.gate_id)  # it may have expired just now
            gate = self._found(gate.gate_id)
            if (gate.status, gate.payload) != (wanted.status, payload):
                raise GateClosedError(gate.gate_id, wanted, gate.status, gate.decided_by)
        self._due.release_gate(gate.gate_id)
        return self._found(gate.gate_id)

    def get(self, gate_id: str) -> Gate | None:
        """The gate of this id; None where there is none."""
        key = NAME.of("gate_id", gate_id)
        rows = self._graph.read("gates/get", gate_id=key, limit=SHOWN)
        return Gate.from_record(rows[0]) if rows else None

    def _found(self, gate_id: str) -> Gate:
        found = self.get(gate_id)
        if found is None:
            raise GateNotFoundError([gate_id])
        return found

    def list(
        self, status: GateStatus | str = GateStatus.OPEN, limit: int = 100
    ) -> Sequence[Gate]:
        """The gates of one status, oldest first."""
        rows = self._graph.read(
            "gates/list",
            status=STATUS.of("status", status).value,
            limit=LIMIT.of("limit", limit),
        )
        return [Gate.from_record(row) for row in rows]


def new_gate(
    question: str,
    kind: GateKind | str,
    approvers: Sequence[str],
    schema: Mapping[str, JsonValue] | None,
    expires_seconds: float | None,
    default: GateDecision | str | None,
) -> tuple[dict[str, Any], float | None]:
    """The properties of a gate to be created, and for how long it can be decided.

    Raises:
        ValidationError: an argument is not acceptable, or the schema is none.
    """
    of_kind = KIND.of("kind", kind)
    seconds = LEASE.of("expires_seconds", expires_seconds)
    gate: dict[str, Any] = {
        "gate_id": new_uuid(),
        "kind": of_kind.value,
        "question": CONTENT.of("question", question),
        "approvers": NEW_NAMES.of("approvers", approvers),
    }
    if schema is not None:
        gate["schema"] = dump_json(check_schema(schema))
    if default is not None:
        if seconds is None:
            raise ValidationError("default: a gate without expires_seconds waits for ever")
        gate["default"] = _decision(of_kind, default).status.value
    return gate, seconds


def _create(
    tx: Transaction,
    gate: Mapping[str, Any],
    expires_seconds: float | None,
    task_ids: list[str],
    command_id: str,
) -> None:
    (row,) = tx.run(
        "gates/create",
        gate=gate,
        expires_seconds=expires_seconds,
        task_ids=task_ids,
        detail=dump_json({"gate": gate["gate_id"]}),
        command_id=command_id,
    )
    for task_id in sorted({*task_ids}.difference(row["task_ids"])):
        found = tx.run("tasks/get", task_id=task_id)
        if not found:
            raise TaskNotFoundError(task_id)
        command = Command.ADD_DEPENDENCY
        status = found[0]["task"]["status"]
        raise InvalidTransitionError(command, task_id, status, allowed_from(command))


def _decision(kind: GateKind, decision: object) -> GateDecision:
    wanted = DECISION.of("decision", decision)
    if wanted not in KIND_DECISIONS[kind]:
        raise ValidationError(
            f"decision: a gate of the kind {kind} is not decided by {wanted}, but by "
            f"{' or '.join(KIND_DECISIONS[kind])}"
        )
    return wanted
