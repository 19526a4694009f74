"""Models as users build them."""

from __future__ import annotations

import ast
import inspect
import textwrap
from datetime import UTC, datetime

import pytest

from graph_orch import AgentFilters, NewTask, RetryPolicy, TaskFilters, ValidationError
from graph_orch.domain.fields import NAME
from graph_orch.domain.forms import skill_key
from graph_orch.domain.lifecycle import EventType
from graph_orch.domain.models import Agent, Task, TaskEvent, TaskOptions, TaskTry, WorkerInfo


@pytest.mark.parametrize("model", [NewTask, RetryPolicy, TaskFilters, AgentFilters])
def test_what_type_checkers_are_told_is_what_there_is(model):
    (told,) = [
        node
        for node in ast.walk(ast.parse(textwrap.dedent(inspect.getsource(model))))
        if isinstance(node, ast.FunctionDef) and node.name == "__init__"
    ]
    names = [it.arg for it in told.args.kwonlyargs]
    options = [] if told.args.kwarg is None else list(TaskOptions.__annotations__)
    assert sorted([*names, *options]) == sorted(model.model_fields)
    needed = [name for name, of in zip(names, told.args.kw_defaults, strict=True) if of is None]
    assert needed == [name for name, it in model.model_fields.items() if it.is_required()]


@pytest.mark.parametrize(
    ("build", "said"),
    [
        (lambda: NewTask(content=1, task_type="x"), "NewTask: content: "),
        (lambda: NewTask(), "NewTask: content: Field required"),
        (lambda: NewTask(content="", task_type="x", retry_policy={"jitter": 2}), "policy.jitter"),
        (lambda: RetryPolicy(max_retries=-1), "RetryPolicy: max_retries: "),
        (lambda: TaskFilters(status="x"), "TaskFilters: status.0: "),
        (lambda: TaskFilters.model_validate([]), "TaskFilters: value: "),
        (lambda: RetryPolicy.model_validate_json("{"), "RetryPolicy: value: Invalid JSON"),
    ],
)
def test_a_model_that_cannot_be_is_refused_in_our_terms(build, said):
    with pytest.raises(ValidationError) as refused:
        build()
    assert said in str(refused.value)


@pytest.mark.parametrize(
    "name",
    ["", "\x1c", "\x00\x01", "\u200b\ufeff", "\u0301", "\ufe0f", "\u3164", "\u2800", "\xa0"],
)
def test_a_name_that_cannot_be_seen(name):
    with pytest.raises(ValidationError, match="cannot be seen"):
        NAME.of("agent_id", name)


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("caf\u00e9", "CAFE\u0301"),
        ("\u212b", "\u00e5"),  # the sign of the angstrom
        ("\u1fb3", "\u03b1\u0345"),  # alpha with an iota below, which folds to a letter
        ("STRASSE", "stra\u00dfe"),
        ("\ud55c", "\u1112\u1161\u11ab"),
        ("x\x1c", " X"),
    ],
)
def test_skills_that_are_one(one, other):
    assert skill_key(one) == skill_key(other) == skill_key(skill_key(one))


@pytest.mark.parametrize("model", [NewTask, Task, TaskTry, Agent, WorkerInfo])
def test_every_field_says_what_it_means(model):
    assert [name for name, field in model.model_fields.items() if not field.description] == []


def test_properties_are_decoded_by_the_types_of_the_fields():
    found = TaskEvent.decoded(
        {"type": "created", "at": 1_000_000, "detail": '{"a": [1]}', "seq": 1}
    )
    assert list(found) == list(TaskEvent.model_fields), "what is no field is left out"
    assert found["type"] is EventType.CREATED
    assert found["at"] == datetime(1970, 1, 1, 0, 0, 1, tzinfo=UTC)
    assert found["detail"] == {"a": [1]}
    assert found["agent_id"] is None
    assert Agent.decoded({})["max_concurrent_tasks"] == 5, "what is not stored has its default"
