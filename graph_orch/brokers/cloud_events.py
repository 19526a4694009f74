"""Events of the log as CloudEvents 1.0, and messages of brokers read as such."""

from __future__ import annotations

import json
import math
import re
from enum import StrEnum
from typing import Any, cast

from cloudevents.core.base import BaseCloudEvent
from cloudevents.core.bindings import http, kafka
from cloudevents.core.exceptions import BaseCloudEventException
from cloudevents.core.formats.json import JSONFormat
from cloudevents.core.v1.event import CloudEvent
from pydantic import JsonValue

from graph_orch.brokers.protocols import Incoming
from graph_orch.domain.cloud_events import attributes
from graph_orch.domain.fields import Check
from graph_orch.domain.lifecycle import EventType
from graph_orch.domain.models import EventTask, TaskEvent
from graph_orch.errors import ValidationError

FORMAT = JSONFormat()
_TRACEPARENT = re.compile(r"[0-9a-f]{2}-[0-9a-f]{32}-[0-9a-f]{16}-[0-9a-f]{2}")
_JSON_TYPE = re.compile(r"(application|text)/([\w.+-]+\+)?json\s*(;.*)?", re.IGNORECASE)


BROKEN = (
    *(BaseCloudEventException, ValueError, TypeError, AttributeError),
    *(KeyError, ArithmeticError, RecursionError),
)
"""What the library raises where a message is no CloudEvent, in ways that it does not expect too."""


class Mode(StrEnum):
    """Where a message has a CloudEvent."""

    STRUCTURED = "structured"  # in its body
    BINARY = "binary"  # its attributes in the headers, its data in the body


MODE: Check[Mode] = Check(Mode)


def cloud_event(event: TaskEvent, task: EventTask | None, source: str) -> CloudEvent:
    """An event of the log as a CloudEvent.

    Its data is the event, with `task_type`, `workflow_id` and `name` of its task, and the `result`
    where it was completed. `left_out` names what there is, and is too long.

    Args:
        task: None: it is deleted.
    """
    data: dict[str, JsonValue] = event.model_dump(mode="json")
    if task is not None:
        data |= {"task_type": task.task_type, "workflow_id": task.workflow_id, "name": task.name}
        if event.type is EventType.COMPLETED:
            data["result"] = task.result
            if task.left_out:
                data["left_out"] = ["result"]
    about = {**attributes(event, source), "partitionkey": event.task_id}
    if (traceparent := _traceparent(task)) is not None:
        about["traceparent"] = traceparent
    return CloudEvent(about, cast(dict[str, Any], data))


def shortened(event: BaseCloudEvent) -> CloudEvent:
    """The same event without what may be long: the result, and the detail."""
    data = cast(dict[str, JsonValue], event.get_data())
    kept = {name: value for name, value in data.items() if name not in ("result", "detail")}
    left_out = [name for name in ("result", "detail") if data.get(name) is not None]
    return CloudEvent(
        dict(event.get_attributes()), {**kept, "left_out": data.get("left_out") or left_out}
    )


def _traceparent(task: EventTask | None) -> str | None:
    """The W3C trace context that a task carries in its metadata."""
    metadata = None if task is None else task.metadata
    found = metadata.get("traceparent") if isinstance(metadata, dict) else None
    return found if isinstance(found, str) and _TRACEPARENT.fullmatch(found) else None


def encoded(event: BaseCloudEvent, mode: Mode) -> tuple[dict[str, str], bytes]:
    """The headers and the body of a message, as NATS and HTTP have them."""
    encode = http.to_binary if mode is Mode.BINARY else http.to_structured
    message = encode(event, FORMAT)
    return message.headers, message.body


def decoded(message: Incoming) -> BaseCloudEvent:
    """A message as a CloudEvent: a structured or a binary one, or plain JSON.

    Plain JSON gets the id and the source that the broker knows it by, and the type "message".

    Raises:
        ValidationError: it is none of these.
    """
    headers = {name.lower(): value for name, value in message.headers.items()}
    # The library takes what is no JSON for a text.
    is_json = _JSON_TYPE.fullmatch(headers.get("content-type", "application/json"))
    try:
        if any(name.startswith("ce-") for name in headers):
            found = http.from_binary(http.HTTPMessage(headers, message.body), FORMAT)
        elif any(name.startswith("ce_") for name in headers):
            values = {name: value.encode() for name, value in headers.items()}
            found = kafka.from_binary(kafka.KafkaMessage(values, None, message.body), FORMAT)
        else:
            found, is_json = _from_json(message, headers.get("content-type", "")), None
    except ValidationError:
        raise
    except BROKEN as error:
        raise ValidationError(f"it is no CloudEvent: {_first_line(error)}") from None
    for name in ("id", "source"):
        if not _is_storable(found.get_attributes()[name]):
            raise ValidationError(f"it is no CloudEvent: half of a surrogate pair is in its {name}")
    if is_json and message.body:
        _parsed(message.body)
    return found


def _from_json(message: Incoming, kind: str) -> BaseCloudEvent:
    if kind.startswith("application/cloudevents-batch"):
        raise ValidationError("it is a batch of CloudEvents; send each in a message")
    found = _parsed(message.body)
    is_event = isinstance(found, dict) and {"specversion", "id", "source", "type"} <= found.keys()
    if is_event or kind.startswith("application/cloudevents"):
        if not isinstance(found, dict):
            raise ValidationError("it is no CloudEvent: its body is no JSON object")
        return FORMAT.read(None, message.body)
    attributes = {"id": message.place, "source": message.source, "type": "message"}
    return CloudEvent(attributes, cast(dict[str, Any], found))


def _parsed(body: bytes) -> JsonValue:
    try:
        return json.loads(body.decode(), parse_float=_finite, parse_constant=_finite)
    except (ValueError, RecursionError) as error:
        raise ValidationError(f"it is not JSON: {_first_line(error)}") from None


def _finite(text: str) -> float:
    """A number; those that are none, and those without end, no store of JSON takes."""
    if not math.isfinite(number := float(text)):
        raise ValueError(f"{text[:50]} is no finite number")
    return number


def _is_storable(text: str) -> bool:
    try:
        text.encode()
    except UnicodeEncodeError:
        return False
    return True


def _first_line(error: BaseException) -> str:
    return " ".join(str(error).split())[:300]
