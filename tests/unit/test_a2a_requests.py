"""What A2A does without a store: its one task runs on and on."""

from __future__ import annotations

import asyncio
from contextlib import aclosing
from datetime import UTC, datetime
from typing import Any, cast

import pytest
from a2a.server.context import ServerCallContext
from a2a.types import a2a_pb2 as pb
from a2a.utils.errors import InternalError, TaskNotFoundError
from httpx import ASGITransport, AsyncClient
from starlette.applications import Starlette

from graph_orch import Task, TaskPriority, errors
from graph_orch.domain.lifecycle import TaskStatus
from graph_orch.serve.a2a.server import PRINCIPAL, QueueHandler, routes
from graph_orch.serve.principals import Principal

RUNNING = Task(
    task_id="1",
    content="x",
    task_type="any",
    status=TaskStatus.RUNNING,
    priority=TaskPriority.MEDIUM,
    requirements=[],
    dependencies=[],
    created_at=datetime(2026, 1, 1, tzinfo=UTC),
)


class Queue:
    """Services that know one task, which never changes."""

    def __init__(self) -> None:
        self.tasks = self
        self.created = 0

    async def get_task(self, task_id: str) -> Task:
        if task_id != "1":
            raise errors.TaskNotFoundError(task_id)
        return RUNNING

    async def wait_for_change(self, *_: object) -> Task:
        return await asyncio.Event().wait() and RUNNING

    async def create_tasks(self, asked: list[object]) -> list[str]:
        self.created += 1
        return ["1"]


@pytest.mark.parametrize(
    "body",
    [
        b"\xff",
        b"[" * 3_000,
        b"9" * 5_000,
        b"{",
        b'{"jsonrpc":"2.0","id":"\\ud800","method":"GetTask"}',
    ],
)
async def test_a_body_that_is_no_json_is_answered_as_such(body, caplog):
    app = Starlette(routes=routes(cast(Any, Queue()), "http://127.0.0.1", Principal()))
    async with AsyncClient(transport=ASGITransport(app), base_url="http://127.0.0.1") as client:
        answer = await client.post("/a2a", content=body)
    assert answer.status_code == 200
    assert answer.json()["error"]["code"] == -32700
    assert not caplog.records


async def test_streams_are_limited_and_given_back():
    queue = Queue()
    handler = QueueHandler(cast(Any, queue), most_streams=2)
    context = ServerCallContext(state={PRINCIPAL: Principal()})

    def follow(task_id="1"):
        return handler.on_subscribe_to_task(pb.SubscribeToTaskRequest(id=task_id), context)

    def send():
        message = pb.Message(message_id="m", parts=[pb.Part(text="x")])
        return handler.on_message_send_stream(pb.SendMessageRequest(message=message), context)

    with pytest.raises(TaskNotFoundError):  # what is refused holds none
        await anext(follow("2"))
    async with aclosing(follow()) as first, aclosing(follow()) as second:
        assert [(await anext(it)).id for it in (first, second)] == ["1", "1"]
        for more in (follow(), send()):
            with pytest.raises(InternalError, match="all 2 streams"):
                await anext(more)
        assert queue.created == 0
    assert (await anext(follow())).id == "1"
