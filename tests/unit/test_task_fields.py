"""Every field of a task can be set by every way to create one, but for those named here."""

from __future__ import annotations

import inspect
import json
from datetime import UTC, datetime
from typing import Annotated, Any, get_type_hints
from uuid import uuid4

import pytest
import typer
from a2a.types import a2a_pb2 as pb
from typer.testing import CliRunner

from graph_orch import AsyncTaskQueue, NewTask, TaskQueue
from graph_orch._async.schedules import template_of
from graph_orch.cli.app import app
from graph_orch.cli.task_options import FLAGS, JSON, takes_task
from graph_orch.domain.models import ONCE_ONLY, RetryPolicy, TaskOptions
from graph_orch.serve.a2a.tasks import OWN_FIELDS, new_task
from graph_orch.tools.schemas import as_called
from graph_orch.tools.table import TOOLS

FIELDS = {
    "content": "sort this",
    "task_type": "code",
    "priority": "high",
    "requirements": ["python"],
    "dependencies": [str(uuid4())],
    "task_id": str(uuid4()),
    "idempotency_key": "once",
    "max_retries": 7,
    "available_at": "2026-11-26T12:00:00+01:00",
    "metadata": {"cost": [1, 2.5]},
    "on_dependency_failure": "cancel",
    "retry_policy": {"initial_seconds": 5, "non_retryable": ["ValueError"]},
    "schedule_to_start_seconds": 10.5,
    "start_to_close_seconds": 20,
    "schedule_to_close_seconds": 30,
    "fallback_requirements": ["shell"],
    "fallback_after_seconds": 40,
    "workflow_id": "review-7",
    "name": "sort",
    "gates": [str(uuid4())],
    "independent_of": ["ancestors"],
    "estimate": {"tokens": 1_000, "cost": "0.25"},
    "concurrency_key": "one-at-a-time",
    "fairness_key": "customer-7",
    "team_id": "writers",
    "for_leader": True,
    "required_labels": ["region=eu"],
    "preferred_labels": {"gpu": 30.0},
}
TASK = NewTask.parsed("task", FIELDS)


def test_there_is_a_value_for_every_field():
    assert FIELDS.keys() == NewTask.model_fields.keys()
    for name, field in NewTask.model_fields.items():
        assert field.description, name
        assert getattr(TASK, name) != field.get_default(), name


@pytest.mark.parametrize("service", [TaskQueue, AsyncTaskQueue])
def test_create_task(service):
    parameters = set(inspect.signature(service.create_task).parameters) - {"self", "options"}
    assert parameters | get_type_hints(TaskOptions).keys() == FIELDS.keys()


def test_the_tool_and_its_batches():
    tool = TOOLS["orchestration_create_task"]
    called = as_called(tool.function, tool.parse(FIELDS))
    assert NewTask.parsed("task", called["task"]) == TASK
    (one,) = as_called(tool.function, tool.parse({"tasks": [FIELDS]}))["tasks"]
    assert one.new() == TASK


def test_the_command_line():
    made = {}

    def create(content: Annotated[str, typer.Argument()], task: dict[str, Any]) -> None:
        made.update(task, content=content)

    given = typer.Typer()
    given.command()(takes_task()(create))
    flags = {name: FLAGS.get(name, (f"--{name.replace('_', '-')}",))[0] for name in FIELDS}
    arguments = [FIELDS["content"]]
    for name, it in FIELDS.items():
        if name != "content":
            (it,) = it if isinstance(it, list) else (it,)
            given_as = [] if it is True else [json.dumps(it) if name in JSON else str(it)]
            arguments += [flags[name], *given_as]
    answer = CliRunner().invoke(given, arguments)
    assert answer.exit_code == 0, answer.output
    assert NewTask.parsed("task", made) == TASK


@pytest.mark.parametrize(
    ("path", "without"), [(("task", "create"), ()), (("schedule", "put"), ONCE_ONLY)]
)
def test_the_commands_that_take_a_task(path, without):
    command = typer.main.get_command(app)
    for name in path:
        command = command.commands[name]
    assert {it.name for it in command.params} >= FIELDS.keys() - set(without)


def test_a_schedule():
    template = {name: it for name, it in FIELDS.items() if name not in ONCE_ONLY}
    kept = template_of(template)
    assert kept.keys() == template.keys()
    own = set(ONCE_ONLY)
    assert NewTask.parsed("task", kept).model_dump(exclude=own) == TASK.model_dump(exclude=own)


def test_a_message():
    said = {name: it for name, it in FIELDS.items() if name not in OWN_FIELDS}
    message = pb.Message(message_id="m", parts=[pb.Part(text=FIELDS["content"])], metadata=said)
    made = new_task(message, "somebody")
    assert made.model_dump(exclude=set(OWN_FIELDS)) == TASK.model_dump(exclude=set(OWN_FIELDS))
    assert made.content == TASK.content


def test_the_types_are_what_is_kept():
    assert TASK.available_at == datetime(2026, 11, 26, 11, tzinfo=UTC)
    assert TASK.retry_policy == RetryPolicy(initial_seconds=5, non_retryable=["ValueError"])
