"""Whatever is given for any parameter of any service, tool or model, our errors come out, or none.

What there is to call is read from the code, so that what is new is tried without a word here, but
for how it may be called well: a needed parameter that `good` does not know fails the test.
"""

from __future__ import annotations

import inspect
import math
import types
import uuid
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta, timezone
from decimal import Decimal
from itertools import islice
from reprlib import repr
from typing import get_args, get_type_hints

import pytest

import graph_orch.domain.models
from graph_orch import Communities, NewTask, RetryPolicy
from graph_orch.domain.models import Algorithm, Completion
from graph_orch.domain.models.base import Model
from graph_orch.errors import OrchestrationError
from graph_orch.tools.call import Call
from graph_orch.tools.table import EVERY_TOOL


def nested(levels: int) -> list:
    found: list = []
    for _ in range(levels):
        found = [found]
    return found


def itself() -> list:
    found: list = []
    found.append(found)
    return found


EARLIEST = datetime.min.replace(tzinfo=timezone(timedelta(hours=14)))
LATEST = datetime.max.replace(tzinfo=timezone(timedelta(hours=-14)))
NUMBERS = [
    True,
    0,
    -1,
    1.5,
    -0.0,
    math.nan,
    math.inf,
    1.7e308,
    10**400,
    2**31,
    2**63,
    Decimal("NaN"),
]
TEXTS = ["", " ", "x" * 201, "\ud800", "\x00", "\x1c", "\u200b", "x\u0301", "9" * 5_000, b"ab"]
LISTS = [
    [],
    ["a"],
    [None],
    [5],
    ["\ud800"],
    [["a"]],
    ["a"] * 10_001,
    {"a"},
    nested(3_000),
    itself(),
    lambda: (text for text in ["a", 5]),
]
OBJECTS = [
    {},
    {"a": 1},
    {1: 2},
    {None: 1},
    {"a": math.nan},
    {"a": 10**400},
    {"a": object()},
    {"\ud800": 1},
    {"a": "\ud800"},
    {"a": nested(3_000)},
    types.MappingProxyType({"a": 1}),
]
MOMENTS = [
    datetime(2026, 1, 1),
    datetime.min.replace(tzinfo=UTC),
    datetime.max.replace(tzinfo=UTC),
    EARLIEST,
    LATEST,
    "2026-01-01",
    "0001-01-01T00:00:00+14:00",
    "99999-01-01T00:00:00Z",
]
THINGS = [None, object, object(), uuid.UUID(int=1), RetryPolicy(), Algorithm]
HOSTILE = [*NUMBERS, *TEXTS, *LISTS, *OBJECTS, *MOMENTS, *THINGS]

SERVICES = [
    "tasks",
    "agents",
    "router",
    "workflows",
    "gates",
    "tokens",
    "budgets",
    "pauses",
    "subscriptions",
    "webhooks",
    "triggers",
    "dead_letters",
    "events",
    "schedules",
    "retention",
    "monitor",
    "export",
    "teams",
    "insights",
    "schema",
]
WAITS = {"wait_seconds", "idle_seconds"}


def is_long(value: object) -> bool:
    """Whether it is accepted where something is waited for, and waits."""
    return value is None or (isinstance(value, int | float) and 0 < value < 10)


def given(value: object) -> object:
    """The value; a new one where it can be used once only."""
    return value() if isinstance(value, types.LambdaType) else value


@pytest.fixture
def good(orch, new_task):
    """How everything may be called well, by the names of the parameters."""
    orch.agents.register_agent("ada", ["x"], max_concurrent_tasks=1_000)
    ended = new_task()
    orch.tasks.assign_task(ended, "ada")
    orch.tasks.start_task(ended)
    orch.tasks.complete_task(ended)
    new_task(requirements=["x"])
    (claim,) = orch.tasks.claim_tasks("ada", 1, 3_600)
    return {
        "workflow_id": orch.workflows.start("x", []).workflow_id,
        "gate_id": orch.gates.create("x").gate_id,
        "approver": "x",
        "link": "x",
        "principal": "x",
        "secret": "x",
        "token_id": orch.tokens.create("x").token_id,
        "question": "x",
        "decision": "approve",
        "by": "ada",
        "task_id": ended,
        "depends_on": ended,
        "task_ids": [ended],
        "tasks": [],
        "task_or_id": ended,
        "agent_id": "ada",
        "agent_ids": ["ada"],
        "reason": "x",
        "error": "x",
        "claim": claim,
        "done": [Completion(claim=claim)],
        "content": "x",
        "task_type": "x",
        "aging_seconds": None,
        "key": "x",
        "ingest": "x",
        "source": "x",
        "message_id": "x",
        "letter_id": orch.dead_letters.keep("x", "x", "x", "x", body=b"x").letter_id,
        "reader": "x",
        "events": [],
        "limit": 1,
        "skill": "x",
        "skills": ["x"],
        "capabilities": ["x"],
        "success": True,
        "duration_ms": 1.0,
        "name": "x",
        "cron": "0 0 1 1 *",
        "task": {"content": "x", "task_type": "x"},
        "older_than_seconds": 1_000_000.0,
        "seen": None,
        "seconds": 0.0,
        "idle_seconds": 0.0,
        "owner": "agent:ada",
        "what": "agent:ada",
        "pattern": "*:*",
        "url": "http://127.0.0.1:9/",
        "on": "created:nothing",
        "position": 0,
        "breaker": {"failures": 1_000},
        "filters": {"task_type": "x"},
        "score": 1,
        "budget": {"tries": 1_000_000},
        "team_id": "x",
        "members": ["ada"],
        "weight": 1.0,
        "communities": Communities.of([["ada"]], 0.5, Algorithm.LOUVAIN, 1.0, 0),
    }


def calls(function, good: dict[str, object]) -> Iterator[tuple[str, object, dict[str, object]]]:
    """Each parameter with each value, and the arguments of that call."""
    parameters = dict(inspect.signature(function).parameters)
    options: list[str] = []
    for name, it in list(parameters.items()):
        if it.kind is inspect.Parameter.VAR_KEYWORD:  # all that a typed dictionary names
            del parameters[name]
            (kind,) = get_args(get_type_hints(function)[name])
            options += kind.__annotations__
    needed = {
        name: good[name]
        for name, it in parameters.items()
        if it.default is inspect.Parameter.empty or name in ("idle_seconds",)
    }
    for name in [*parameters, *options]:
        for value in HOSTILE:
            if not (name in WAITS and is_long(value)):
                yield name, value, needed | {name: given(value)}


@pytest.mark.parametrize("service", SERVICES)
def test_services(orch, good, service):
    raw: list[str] = []
    it = getattr(orch, service)
    for method, function in inspect.getmembers(it, inspect.ismethod):
        if method.startswith("_"):
            continue
        for name, value, arguments in calls(function, good):
            try:
                found = function(**arguments)
                if isinstance(found, Iterator):
                    list(islice(found, 20))
            except OrchestrationError:
                pass
            except Exception as error:
                raw.append(f"{method}({name}={repr(value)}): {type(error).__name__}: {error!s:.80}")
    assert not raw, "\n".join(raw)
    # What was let through did no harm.
    assert orch.doctor().findings == []
    assert orch.agents.get_agent_statistics().avg_success_rate <= 1
    assert all(math.isfinite(it.avg_completion_ms) for it in orch.agents.list())
    assert isinstance(orch.monitor.get_recommendations(), list)


async def test_tools(aorch):
    raw: list[str] = []
    await aorch.agents.register_agent("ada", ["x"], max_concurrent_tasks=1_000)
    task_id = await aorch.tasks.create_task("x", "x", requirements=["x"])
    await aorch.tasks.assign_task(task_id, "ada")
    good = {
        "task_id": task_id,
        "agent_id": "ada",
        "content": "x",
        "name": "x",
        "tasks": [{"content": "x"}],
        "workflow_id": "w",
        "capabilities": ["x"],
        "success": True,
        "duration_ms": 1.0,
        "what": "task_type:none",
        "key": "k",
        "owner": "agent:ada",
        "cron": "0 8 * * *",
        "task": {"content": "x"},
    }
    for tool in EVERY_TOOL.values():
        schema = tool.input_schema
        needed = {name: good[name] for name in schema.get("required", ()) if name in good}
        for name in schema["properties"]:
            if name == "wait_seconds":
                continue
            for value in HOSTILE:
                try:
                    await tool.run(Call(aorch), needed | {name: given(value)})
                except OrchestrationError:
                    pass
                except Exception as error:
                    raw.append(
                        f"{tool.name}({name}={repr(value)}): {type(error).__name__}: {error!s:.80}"
                    )
    assert not raw, "\n".join(raw)


MODELS = sorted(
    (
        it
        for it in vars(graph_orch.domain.models).values()
        if inspect.isclass(it) and issubclass(it, Model)
    ),
    key=lambda it: it.__name__,
)


@pytest.mark.parametrize("model", MODELS, ids=lambda it: it.__name__)
def test_models(model):
    good = {"content": "x", "task_type": "x"} if model is NewTask else {}
    for name in [*model.model_fields, "no_field"]:
        for value in HOSTILE:
            for make in (lambda of: model(**of), model.model_validate):
                try:
                    made = make(good | {name: given(value)})
                except OrchestrationError:
                    continue
                assert isinstance(made, model)
    for value in HOSTILE:
        try:
            model.model_validate(given(value))
        except OrchestrationError:
            continue
