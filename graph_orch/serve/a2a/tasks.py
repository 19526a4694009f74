"""Conversion between tasks and A2A: states, results as artifacts, messages as new tasks. Pure."""

from __future__ import annotations

import hashlib
from typing import Any, cast

from a2a.types import a2a_pb2 as pb
from google.protobuf.json_format import MessageToDict, ParseDict
from google.protobuf.struct_pb2 import Struct, Value
from pydantic import JsonValue

from graph_orch.domain.forms import dump_json
from graph_orch.domain.lifecycle import TaskStatus
from graph_orch.domain.models import Gate, NewTask, Task
from graph_orch.domain.models.gates import KIND_DECISIONS, GateDecision
from graph_orch.errors import ValidationError

CONTEXT = "a2a_context"
"""The metadata key under which a task keeps the id of its A2A context, a conversation."""
MESSAGE = "a2a_message"
"""The metadata key under which a task keeps a hash of its message."""
LARGEST_EXACT = 2**53
"""A float holds every whole number up to this exactly."""
LARGEST_DATA = 10_000
"""Characters of a JSON result that is sent as data; larger ones are sent as text. Protobuf writes
data value by value in the event loop, and a page may have a hundred results."""
DEEPEST = 20
"""Levels of JSON that are sent as data. Protocol Buffers parse messages a hundred levels deep, each
level of JSON takes three, and the message around it takes some."""
OWN_FIELDS = ("content", "metadata", "task_id", "idempotency_key")
"""The fields of a task that come from the message itself; its metadata may give all others."""


STATUSES: dict[int, list[TaskStatus]] = {
    pb.TASK_STATE_SUBMITTED: [TaskStatus.PENDING, TaskStatus.ASSIGNED],
    pb.TASK_STATE_WORKING: [TaskStatus.RUNNING],
    pb.TASK_STATE_COMPLETED: [TaskStatus.COMPLETED],
    pb.TASK_STATE_FAILED: [TaskStatus.FAILED],
    pb.TASK_STATE_REJECTED: [TaskStatus.FAILED],
    pb.TASK_STATE_CANCELED: [TaskStatus.CANCELLED],
    pb.TASK_STATE_INPUT_REQUIRED: [TaskStatus.PENDING],
}
"""The statuses of the tasks in each A2A state."""
PARTIAL = (pb.TASK_STATE_REJECTED, pb.TASK_STATE_INPUT_REQUIRED)
"""The states that some tasks of a status have, which their status does not tell."""
_STATES = {
    status: state
    for state, statuses in STATUSES.items()
    if state not in PARTIAL
    for status in statuses
}


def state_of(task: Task, gate: Gate | None = None) -> pb.TaskState:
    """The A2A state of a task: rejected if it failed before anybody took it.

    A task whose try failed and that is tried again is submitted anew. One that waits at an open
    `gate` requires input.
    """
    if gate is not None and task.status is TaskStatus.PENDING:
        return pb.TASK_STATE_INPUT_REQUIRED
    if task.status is TaskStatus.FAILED and not task.attempt:
        return pb.TASK_STATE_REJECTED
    return cast(pb.TaskState, _STATES[task.status])


def new_task(message: pb.Message, principal: str) -> NewTask:
    """The task that a principal's message asks for.

    Its idempotency key is made of the principal and the id of the message, so that the same message
    again gives the same task. The hash in its metadata tells another message with that id apart.

    Raises:
        ValidationError: the message has no text or no id, or its metadata is not acceptable.
    """
    texts = [part.text for part in message.parts if part.text.strip()]
    if not texts:
        raise ValidationError("the message holds no text part: say what is to be done")
    if not message.message_id.strip():
        raise ValidationError(
            "the message has no messageId, which A2A requires: make a new one for each message, "
            "such as a UUID, and repeat it where you send a message again"
        )
    given = _plain(message.metadata).items()
    known = NewTask.model_fields.keys() - OWN_FIELDS
    data = [_plain(part.data) for part in message.parts if part.HasField("data")]
    metadata = {CONTEXT: message.context_id or message.message_id, "data": data}
    fields: dict[str, Any] = {"task_type": "a2a"} | {k: v for k, v in given if k in known}
    fields |= {"content": "\n".join(texts), "metadata": metadata}
    metadata[MESSAGE] = _hash(fields)
    key = _hash([principal, message.message_id])
    return NewTask.parsed("message", fields).with_own_key(f"a2a:{key}")


def is_same(asked: NewTask, found: Task) -> bool:
    """Whether a task that was found was made from the same message as the one that is asked for."""
    made_from = found.metadata.get(MESSAGE) if isinstance(found.metadata, dict) else None
    return isinstance(asked.metadata, dict) and made_from == asked.metadata[MESSAGE]


def named_in(message: pb.Message, name: str) -> str | None:
    """A text in the metadata of a message; None where there is none."""
    field = message.metadata.fields.get(name)
    return None if field is None else field.string_value or None


def decision_of(message: pb.Message, gate: Gate) -> dict[str, Any]:
    """The arguments of `gates.decide` that a message says for a gate, but for who decides.

    Its metadata may name `decision` and `comment`. Otherwise a data part is the answer, or the text
    is: a first line that is a decision is one, and what follows is the comment.

    Raises:
        ValidationError: it says no decision that the gate takes.
    """
    metadata = _plain(message.metadata)
    text = "\n".join(part.text for part in message.parts if part.text.strip()).strip()
    data = [_plain(part.data) for part in message.parts if part.HasField("data")]
    first, _, rest = text.partition("\n")
    takes = (*KIND_DECISIONS[gate.kind], GateDecision.SEND_BACK)
    decisions = [decision.value for decision in takes]
    word = str(metadata.get("decision", first)).strip().rstrip(".!").casefold().replace(" ", "_")
    if word not in decisions and GateDecision.ANSWER in KIND_DECISIONS[gate.kind]:
        word, rest = GateDecision.ANSWER.value, ""
        data = data or [text]
    elif "decision" in metadata:
        rest = text
    if word not in decisions:
        raise ValidationError(
            f"the message decides nothing: begin it with {' or '.join(decisions)}, or say so as "
            "decision in its metadata"
        )
    comment = metadata.get("comment") or rest.strip() or None
    payload = data[0] if data and word == GateDecision.ANSWER else None
    return {"decision": word, "comment": comment, "payload": payload}


def a2a_task(task: Task, with_result: bool = True, gate: Gate | None = None) -> pb.Task:
    """A task as A2A shows it: with its state, and with its result as an artifact.

    Args:
        gate: The open gate at which it waits.
    """
    artifact = artifact_of(task) if with_result else None
    return pb.Task(
        id=task.task_id,
        context_id=context_of(task),
        status=status_of(task, gate),
        artifacts=[] if artifact is None else [artifact],
    )


def context_of(task: Task) -> str:
    """The A2A context of a task; a task that did not come by A2A has its own id."""
    metadata = task.metadata if isinstance(task.metadata, dict) else {}
    return str(metadata.get(CONTEXT) or task.task_id)


def status_of(task: Task, gate: Gate | None = None) -> pb.TaskStatus:
    """The state of a task since when, with its error, its progress or its question as a message."""
    if state_of(task, gate) == pb.TASK_STATE_INPUT_REQUIRED and gate is not None:
        return _question_of(task, gate)
    text = task.error_message if task.status is not TaskStatus.COMPLETED else None
    text = text or (task.progress_message if task.status is TaskStatus.RUNNING else None)
    since: Any = task.completed_at or task.started_at or task.assigned_at or task.created_at
    status = pb.TaskStatus(state=state_of(task), timestamp=since)
    if text:
        status.message.CopyFrom(
            pb.Message(
                message_id=f"{task.task_id}:{task.attempt}:{task.status}",
                task_id=task.task_id,
                context_id=context_of(task),
                role=pb.ROLE_AGENT,
                parts=[pb.Part(text=text)],
            )
        )
    return status


def _question_of(task: Task, gate: Gate) -> pb.TaskStatus:
    """The state of a task that waits at a gate: the question, and as data what the gate takes."""
    asked: dict[str, Any] = {
        "gate_id": gate.gate_id,
        "decisions": [decision.value for decision in KIND_DECISIONS[gate.kind]],
        "approvers": gate.approvers,
    }
    schema = gate.json_schema
    if schema is not None and len(dump_json(schema)) <= LARGEST_DATA and _is_exact(schema):
        asked["schema"] = gate.json_schema
    if gate.expires_at is not None:
        asked["expires_at"] = gate.expires_at.isoformat()
    status = pb.TaskStatus(state=pb.TASK_STATE_INPUT_REQUIRED, timestamp=cast(Any, gate.created_at))
    status.message.CopyFrom(
        pb.Message(
            message_id=f"{task.task_id}:{gate.gate_id}",
            task_id=task.task_id,
            context_id=context_of(task),
            role=pb.ROLE_AGENT,
            parts=[
                pb.Part(text=gate.question),
                pb.Part(data=ParseDict(cast(Any, asked), Value())),
            ],
        )
    )
    return status


def artifact_of(task: Task) -> pb.Artifact | None:
    """The result of a completed task; None when there is none."""
    if task.status is not TaskStatus.COMPLETED or task.result is None:
        return None
    text = dump_json(task.result)
    if isinstance(task.result, str):
        part = pb.Part(text=task.result)
    elif len(text) <= LARGEST_DATA and _is_exact(task.result):
        part = pb.Part(data=ParseDict(cast(Any, task.result), Value()))
    else:
        part = pb.Part(text=text, media_type="application/json")
    return pb.Artifact(artifact_id=f"{task.task_id}:result", name="result", parts=[part])


def _hash(value: Any) -> str:
    return hashlib.sha256(dump_json(value).encode()).hexdigest()


def _plain(message: Struct | Value) -> Any:
    """The JSON values of a protobuf message, in which whole numbers are integers again.

    A2A holds all numbers as floats.

    Raises:
        ValidationError: a number is NaN or infinite, which JSON cannot hold, or so large that
            another number may have been sent.
    """
    try:
        return _with_integers(MessageToDict(message))
    except ValueError as error:
        raise ValidationError(f"message: {error}") from error


def _with_integers(value: Any) -> Any:
    match value:
        case float() if value.is_integer():
            if abs(value) >= LARGEST_EXACT:  # the next whole number becomes this float too
                raise ValueError(
                    f"{value:.17g} may be another number than was sent, since A2A holds numbers as "
                    "floats, which from 2**53 on leave whole numbers out; send it as text"
                )
            return int(value)
        case list():
            return [_with_integers(item) for item in cast(list[Any], value)]
        case dict():
            items = cast(dict[str, Any], value).items()
            return {name: _with_integers(item) for name, item in items}
        case _:
            return value


def _is_exact(value: JsonValue, levels: int = DEEPEST) -> bool:
    """Whether A2A's data holds a JSON value without a change, and every client can parse it."""
    match value:
        case bool():
            return True
        case int():
            return abs(value) <= LARGEST_EXACT
        case list():
            return levels > 0 and all(_is_exact(item, levels - 1) for item in value)
        case dict():
            return levels > 0 and all(_is_exact(item, levels - 1) for item in value.values())
        case _:
            return True
