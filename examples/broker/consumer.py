"""Reports on completed tasks: a service that knows no Neo4j, with FastStream on NATS.

graph-orch relay --to nats://localhost:4222/events --create
faststream run examples.broker.consumer:app
"""

from __future__ import annotations

import os
from typing import Any, cast

from cloudevents.core.formats.json import JSONFormat
from faststream import FastStream
from faststream.nats import JStream, NatsBroker

broker = NatsBroker(os.environ.get("NATS_URL", "nats://localhost:4222"))
app = FastStream(broker)
reports: dict[str, str] = {}
"""By the id of the event, which is the same where an event comes again: in a service of yours, a
unique key of its database."""


@broker.subscriber(
    "events.completed", stream=JStream("events", declare=False), durable="reports", pull_sub=True
)
async def report(message: bytes) -> None:
    """Report on a task, once; what is not acknowledged, as this raised, comes again."""
    event = JSONFormat().read(None, message)
    data = cast(dict[str, Any], event.get_data())
    told = f"{data['agent_id']} completed {data['task_type']} {data['task_id']}: {data['result']}"
    if reports.setdefault(event.get_id(), told) is told:
        print(told)
