"""Handlers with types: what fits them, and what is said of what does not."""

from __future__ import annotations

import json
from typing import Any

import pytest
from pydantic import BaseModel

from graph_orch import NewTask, ValidationError, Worker
from graph_orch.testing import run_handler


class Brief(BaseModel):
    topic: str
    words: int = 100


class Draft(BaseModel):
    text: str
    tags: list[str] = []


@pytest.fixture
def worker() -> Worker:
    return Worker(None, "writer", [])


def task(content: object) -> NewTask:
    text = content if isinstance(content, str) else json.dumps(content)
    return NewTask(content=text, task_type="write")


@pytest.mark.parametrize("kind", ["coroutine", "plain", "gives a coroutine"])
@pytest.mark.parametrize("given", [Draft(text="b"), {"text": "b"}])
def test_content_and_result_are_of_their_types(worker, kind, given):
    async def later(ctx: Any, brief: Brief) -> Any:
        assert brief == Brief(topic="bees")
        return given

    def plain(ctx: Any, brief: Brief) -> Any:
        assert brief == Brief(topic="bees")
        return given

    handlers = {
        "coroutine": later,
        "plain": plain,
        "gives a coroutine": lambda ctx, brief: later(ctx, brief),
    }
    decorated = worker.task("write", input=Brief, output=Draft)(handlers[kind])
    assert decorated is handlers[kind]
    assert run_handler(worker, task({"topic": "bees"})).result == {"text": "b", "tags": []}


@pytest.mark.parametrize(
    ("content", "why"),
    [
        ({}, "the content does not fit Brief: topic: Field required"),
        ({"topic": "x", "words": "many"}, "words: Input should be a valid integer"),
        ("bees", "Invalid JSON"),
    ],
)
def test_content_that_does_not_fit_fails_for_good(worker, content, why):
    worker.task("write", input=Brief)(lambda ctx, brief: None)
    outcome = run_handler(worker, task(content))
    assert (outcome.error_class, outcome.is_final) == ("permanent", True)
    assert why in (outcome.error_message or "")


def test_result_that_does_not_fit_is_kept_in_the_error(worker):
    worker.task("write", output=Draft)(lambda ctx: {"text": "paid work", "tags": [1]})
    outcome = run_handler(worker, task("x"))
    assert outcome.error_class == "permanent"
    assert "the result does not fit Draft: tags.0: " in (outcome.error_message or "")
    assert "paid work" in (outcome.error_message or "")


def test_schemas(worker):
    worker.task("write", input=Brief, output=list[Draft])(lambda ctx, brief: [])
    worker.task("free")(lambda ctx: None)
    found: Any = worker.schemas()
    assert set(found) == {"write"}
    assert found["write"]["input"]["required"] == ["topic"]
    assert found["write"]["output"]["type"] == "array"


def test_unusable_handlers_and_types_are_refused(worker):
    with pytest.raises(ValidationError, match="two arguments, the context and its input"):
        worker.task("write", input=Brief)(lambda ctx: None)
    with pytest.raises(ValidationError, match="output: no type for pydantic"):
        worker.task("write", output=object())
