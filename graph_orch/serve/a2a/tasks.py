"""Tasks as A2A has them: states, results as artifacts, messages as new tasks. Pure."""

from __future__ import annotations

import hashlib
from typing import Any, assert_never, cast

from a2a.types import a2a_pb2 as pb
from google.protobuf.json_format import MessageToDict, ParseDict
from google.protobuf.struct_pb2 import Struct, Value
from pydantic import JsonValue

from graph_orch.domain.lifecycle import TaskStatus
from graph_orch.domain.models import NewTask, Task
from graph_orch.domain.values import dump_json
from graph_orch.errors import ValidationError

CONTEXT = "a2a_context"
"""The metadata key under which a task keeps the conversation that it is of."""
MESSAGE = "a2a_message"
"""The metadata key under which a task keeps a hash of what its message says."""
LARGEST_EXACT = 2**53
"""Up to that, every whole number is one that a float holds."""
LARGEST_DATA = 10_000
"""Characters of JSON that are given as data: protobuf writes those value by value, in the event
loop, and a page may have a hundred of them. Larger ones are given as text."""
DEEPEST = 20
"""Protocol Buffers read messages a hundred levels deep; each of JSON's takes three, and there are
those around it."""
OWN_FIELDS = ("content", "metadata", "task_id", "idempotency_key")
"""The fields of a task that are made of the message; its metadata may say all others."""


def state_of(task: Task) -> pb.TaskState:
    """The state of a task. A try that failed and is made again is submitted anew.

    A task that failed and was never taken is rejected.
    """
    match task.status:
        case TaskStatus.PENDING | TaskStatus.ASSIGNED:
            return pb.TASK_STATE_SUBMITTED
        case TaskStatus.RUNNING:
            return pb.TASK_STATE_WORKING
        case TaskStatus.COMPLETED:
            return pb.TASK_STATE_COMPLETED
        case TaskStatus.FAILED:
            return pb.TASK_STATE_FAILED if task.attempt else pb.TASK_STATE_REJECTED
        case TaskStatus.CANCELLED:
            return pb.TASK_STATE_CANCELED
        case _:
            assert_never(task.status)


STATUSES: dict[int, list[TaskStatus]] = {
    pb.TASK_STATE_SUBMITTED: [TaskStatus.PENDING, TaskStatus.ASSIGNED],
    pb.TASK_STATE_WORKING: [TaskStatus.RUNNING],
    pb.TASK_STATE_COMPLETED: [TaskStatus.COMPLETED],
    pb.TASK_STATE_FAILED: [TaskStatus.FAILED],
    pb.TASK_STATE_REJECTED: [TaskStatus.FAILED],
    pb.TASK_STATE_CANCELED: [TaskStatus.CANCELLED],
}
"""The statuses that a state may be."""


def new_task(message: pb.Message, principal: str) -> NewTask:
    """The task that a message of a principal asks for; the same message again asks for the same.

    It is known again by the principal and the id of the message, and by what it says told from
    another with the same id.

    Raises:
        ValidationError: it holds no text, or its metadata is not acceptable.
    """
    texts = [part.text for part in message.parts if part.text.strip()]
    if not texts:
        raise ValidationError("the message holds no text part: say what is to be done")
    if not message.message_id.strip():
        raise ValidationError(
            "the message has no messageId, which A2A requires: make a new one for each message, "
            "such as a UUID, and repeat it where you send a message again"
        )
    said = _plain(message.metadata)
    fields: dict[str, Any] = {
        name: it
        for name, it in said.items()
        if name in NewTask.model_fields and name not in OWN_FIELDS
    }
    data = [_plain(part.data) for part in message.parts if part.HasField("data")]
    fields = (
        {"task_type": "a2a"}
        | fields
        | {
            "content": "\n".join(texts),
            "metadata": {CONTEXT: message.context_id or message.message_id, "data": data},
        }
    )
    fields["metadata"][MESSAGE] = _hash(fields)
    key = _hash([principal, message.message_id])
    return NewTask.parsed("message", fields).with_own_key(f"a2a:{key}")


def is_same(asked: NewTask, found: Task) -> bool:
    """Whether a task was made for a message that says the same."""
    made_for = found.metadata.get(MESSAGE) if isinstance(found.metadata, dict) else None
    return isinstance(asked.metadata, dict) and made_for == asked.metadata[MESSAGE]


def a2a_task(task: Task, with_result: bool = True) -> pb.Task:
    """A task with its state, and its result as an artifact."""
    artifact = artifact_of(task) if with_result else None
    return pb.Task(
        id=task.task_id,
        context_id=context_of(task),
        status=status_of(task),
        artifacts=[] if artifact is None else [artifact],
    )


def context_of(task: Task) -> str:
    """The conversation that a task is of; one that did not come by A2A is its own."""
    metadata = task.metadata if isinstance(task.metadata, dict) else {}
    return str(metadata.get(CONTEXT) or task.task_id)


def status_of(task: Task) -> pb.TaskStatus:
    """The state of a task, with a word on it where there is one."""
    said = task.error_message if task.status is not TaskStatus.COMPLETED else None
    said = said or (task.progress_message if task.status is TaskStatus.RUNNING else None)
    status = pb.TaskStatus(state=state_of(task), timestamp=_moment(task))
    if said:
        status.message.CopyFrom(
            pb.Message(
                message_id=f"{task.task_id}:{task.attempt}:{task.status}",
                task_id=task.task_id,
                context_id=context_of(task),
                role=pb.ROLE_AGENT,
                parts=[pb.Part(text=said)],
            )
        )
    return status


def artifact_of(task: Task) -> pb.Artifact | None:
    """What a completed task gave; None where it gave nothing."""
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


def _moment(task: Task) -> Any:
    return task.completed_at or task.started_at or task.assigned_at or task.created_at


def _hash(value: Any) -> str:
    return hashlib.sha256(dump_json(value).encode()).hexdigest()


def _plain(message: Struct | Value) -> Any:
    """What a message holds as JSON has it, whole numbers as such: to A2A all numbers are floats.

    Raises:
        ValidationError: it holds a number that is none, which JSON cannot have, or one that may not
            be the one that was sent.
    """
    try:
        return _with_integers(MessageToDict(message))
    except ValueError as error:
        raise ValidationError(f"message: {error}") from error


def _with_integers(value: Any) -> Any:
    match value:
        case float() if value.is_integer():
            if abs(value) >= LARGEST_EXACT:  # which is what the next whole number becomes too
                raise ValueError(
                    f"{value:.17g} may be another number than was sent, since A2A holds numbers as "
                    "floats, which from 2**53 on leave whole numbers out; send it as text"
                )
            return int(value)
        case list():
            return [_with_integers(item) for item in cast(list[Any], value)]
        case dict():
            given = cast(dict[str, Any], value)
            return {name: _with_integers(item) for name, item in given.items()}
        case _:
            return value


def _is_exact(value: JsonValue, levels: int = DEEPEST) -> bool:
    """Whether A2A's own form of JSON holds a value as it is, and every client can read it."""
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
