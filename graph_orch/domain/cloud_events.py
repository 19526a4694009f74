"""Events of the log as CloudEvents 1.0, for webhooks and brokers alike. Pure."""

from __future__ import annotations

import hashlib
import json
from datetime import datetime
from typing import Any

from pydantic import JsonValue

from graph_orch.domain.models.events import TaskEvent

SOURCE = "/graph-orch"
TYPE = "graph_orch.task."
"""How the types of our events begin: `graph_orch.task.completed`."""
FIRED = "graph_orch.trigger.fired"
CONTENT_TYPE = "application/cloudevents+json"


def attributes(event: TaskEvent, source: str = SOURCE) -> dict[str, Any]:
    """The attributes of an event of the log."""
    return attributes_of(event.event_id, f"{TYPE}{event.type}", event.task_id, event.at, source)


def attributes_of(
    id_: str, type_: str, subject: str | None, at: datetime, source: str = SOURCE
) -> dict[str, Any]:
    """The attributes of a CloudEvent whose data is JSON; `subject` is the id of a task, if any."""
    told = {} if subject is None else {"subject": subject}
    about = {"id": id_, "source": source, "type": type_, **told, "time": at}
    return {**about, "datacontenttype": "application/json"}


def firing_id(key: str) -> str:
    """The id under which a firing is posted, made of its key: that may have any letters, and ids
    are sent in a header."""
    return f"firing_{hashlib.sha256(key.encode()).hexdigest()[:32]}"


def in_json(about: dict[str, Any], data: JsonValue) -> str:
    """A CloudEvent with these attributes in its structured form, which is JSON."""
    event = {"specversion": "1.0", **about, "time": about["time"].isoformat(), "data": data}
    return json.dumps(event, ensure_ascii=False, separators=(",", ":"))
