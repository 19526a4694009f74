"""What is stored of a handler's result, and told of its error: always something, and bounded."""

from __future__ import annotations

import asyncio
import dataclasses
import decimal
import enum
import json
import logging
import math
import re
import threading
import uuid
from datetime import UTC, datetime
from types import SimpleNamespace

import numpy as np
import pydantic
import pytest

from graph_orch import TaskFailure
from graph_orch.domain.fields import CONTENT, JSON, NAMES
from graph_orch.domain.forms import dump_json
from graph_orch.worker.failures import Failure, storable_text
from graph_orch.worker.results import UnstorableResult, storable


class Found(pydantic.BaseModel):
    name: str
    score: float


@dataclasses.dataclass
class Held:
    part: object


class Colour(enum.Enum):
    RED = "red"


NOW = datetime(2026, 1, 2, 3, 4, 5, tzinfo=UTC)
ID = uuid.UUID(int=7)


@pytest.mark.parametrize(
    ("result", "stored"),
    [
        (None, None),
        ({"a": [1, 2.5, None, True, "é"]}, {"a": [1, 2.5, None, True, "é"]}),
        (Found(name="x", score=1), {"name": "x", "score": 1.0}),
        ([Found(name="x", score=1)], [{"name": "x", "score": 1.0}]),
        (Held({1}), {"part": [1]}),
        (decimal.Decimal("1.50"), "1.50"),
        ((NOW, ID, Colour.RED), ["2026-01-02T03:04:05Z", str(ID), "red"]),
        ([math.nan, math.inf, -math.inf], ["NaN", "Infinity", "-Infinity"]),
        (b"text", "text"),
        ({"a": b"\xff"}, {"a": "_w=="}),
        ({1: "one", (2, 3): "both"}, {"1": "one", "2,3": "both"}),
        (10**30, 10**30),
        ({np.int64(1): [np.float32(0.5), np.bool_(True), np.array(3)]}, {"1": [0.5, True, 3]}),
    ],
)
def test_whatever_has_a_form_as_json_is_stored(result, stored):
    assert storable(result) == stored
    assert json.loads(dump_json(JSON.of("result", stored))) == stored


SELF_HOLDING: list[object] = []
SELF_HOLDING.append(SELF_HOLDING)
DEEP: list[object] = []
for _ in range(3_000):
    DEEP = [DEEP]


@pytest.mark.parametrize(
    ("result", "said"),
    [
        (object(), "result is a object"),
        ({"a": [1, {"b": threading.Lock()}]}, r"result\['a'\]\[1\]\['b'\] is a lock"),
        (Held([Held(len)]), r"result\.part\[0\]\.part is a builtin_function_or_method"),
        ({"a": "half \ud800"}, r"result\['a'\] is a str"),
        ({"\ud800": 1}, "result is a dict"),
        (SELF_HOLDING, "result is a list"),
        (DEEP, "result"),
        ([10**5_000], r"result\[0\] is a int"),
        ("x" * 1_000_001, "1,000,003 bytes"),
        ((n for n in range(3)), "an iterator"),
        ({"a": {1: "x", "1": "y"}}, r"result\['a'\] has two keys that are '1' as JSON"),
        (np.array([1, 2]), "result is a ndarray"),
    ],
)
def test_what_has_none_fails_for_good_and_is_kept_in_part(result, said):
    with pytest.raises(UnstorableResult, match=said) as raised:
        storable(result)
    told = Failure.of(raised.value)
    assert told.error_class == "permanent"
    assert "; it was " in told.message
    assert len(told.message) < 6_000
    assert CONTENT.of("error", told.message)


def test_beginning_of_work_that_cannot_be_stored_is_kept():
    with pytest.raises(UnstorableResult, match="paid for"):
        storable({"answer": "paid for", "handle": object()})


class Mute(Exception):
    def __str__(self):
        raise KeyboardInterrupt


class Careless(TaskFailure):
    """It does not call `super().__init__`."""

    def __init__(self):
        self.error_class = "timeout"
        self.retry_after = "soon"


def nameless(name: str) -> Exception:
    return type(name, (Exception,), {})("x")


@pytest.mark.parametrize(
    ("error", "message", "kind"),
    [
        (ValueError("half \ud800 here"), "ValueError: half ? here", "ValueError"),
        (Mute(), "Mute: its message cannot be read: __str__ raised KeyboardInterrupt", "Mute"),
        (nameless(""), "x", "Exception"),
        (nameless(" "), ": x", "Exception"),
        (nameless("N" * 500), "N" * 500 + ": x", None),
        (ValueError(""), "ValueError", "ValueError"),
        (ValueError("\ud800"), "ValueError: ?", "ValueError"),
        (SystemExit(3), "SystemExit: 3", "SystemExit"),
        (GeneratorExit(), "GeneratorExit", "GeneratorExit"),
        (SyntaxError("x", ("f", "no", None, [])), None, "SyntaxError"),
        (Careless(), "Careless", "Careless"),
        (TaskFailure(), "TaskFailure", "TaskFailure"),
        (TaskFailure({"code": 429}), "{'code': 429}", "TaskFailure"),
        (ExceptionGroup("both", [ValueError("a")]), "ExceptionGroup: both (1 sub-exception)", None),
    ],
)
def test_of_every_error_something_is_told(error, message, kind):
    told = Failure.of(error)
    if message is not None:
        assert told.message == message
    if kind is not None:
        assert told.kinds[0] == kind
    assert {"Exception", "BaseException"}.intersection(told.kinds)
    assert told.error_class == "transient"
    assert told.retry_after is None
    assert NAMES.of("kinds", told.kinds) == told.kinds
    assert CONTENT.of("error", told.message)
    assert CONTENT.of("traceback", told.traceback)


def test_message_of_any_length_is_bounded_at_both_ends():
    told = Failure.of(ValueError("begin" + "x" * 10_000_000 + "end"))
    assert told.message.startswith("ValueError: begin")
    assert told.message.endswith("end")
    assert "9,980,020 characters left out" in told.message
    assert len(told.message) < 20_100
    assert len(told.traceback) < 8_100


def test_own_cancellation_is_explained():
    assert "cancelled itself" in Failure.of(asyncio.CancelledError()).message


@pytest.mark.parametrize(
    ("given", "kept"),
    [
        ({"retry_after": -0.2}, ("transient", 0.0)),
        ({"retry_after": math.nan}, ("transient", None)),
        ({"retry_after": math.inf}, ("transient", 31_536_000.0)),
        ({"retry_after": "2.5"}, ("transient", 2.5)),
        ({"retry_after": 10**400}, ("transient", None)),
        ({"error_class": "timeout"}, ("transient", None)),
        ({"error_class": None}, ("transient", None)),
        ({"error_class": "permanent", "retry_after": 1}, ("permanent", 1.0)),
    ],
)
def test_slip_in_telling_is_put_right(given, kept):
    failure = TaskFailure("429", **given)
    assert (failure.error_class, failure.retry_after) == kept
    assert str(failure) == "429"


def deep(secret: str, depth: int = 3) -> None:
    if depth:
        deep(secret, depth - 1)
    raise ConnectionError("cannot reach bolt://neo4j:p@ss:w@host:7687/db as asked")


def test_traceback_says_where_without_secrets(caplog):
    with pytest.raises(ConnectionError) as raised:
        deep("-".join(("the", "key")))
    told = Failure.of(raised.value)
    assert told.traceback.startswith("Traceback (most recent call last)")
    assert "in deep" in told.traceback
    told.log(raised.value, SimpleNamespace(task_id="t", task_type="any"), 1)
    (record,) = caplog.records
    assert record.levelno == logging.WARNING
    assert "in deep" in caplog.text
    for text in (told.message, told.traceback, caplog.text.partition("Traceback")[2]):
        assert "the-key" not in text
    assert "neo4j:***@" in told.message


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("bolt://u:pw@host", "bolt://u:***@host"),
        ("redis://:pw@host:1/0", "redis://:***@host:1/0"),
        ("postgresql+psycopg://u:p@w:x@host/db", "postgresql+psycopg://u:***@host/db"),
        ("see http://host:80/a and a@b", "see http://host:80/a and a@b"),
        ("https://host/a?b=c:d@e", "https://host/a?b=c:d@e"),
    ],
)
def test_passwords_in_uris_are_masked(text, shown):
    assert storable_text(text, 1_000) == shown


class _Untold(TaskFailure):
    """An error whose own code fails when it is asked."""

    @property
    def retry_after(self) -> float:
        raise KeyError("retry-after")

    def __init__(self) -> None:
        Exception.__init__(self, "429")


def test_an_error_that_cannot_say_what_it_is_is_a_failure_all_the_same():
    failure = Failure.of(_Untold())
    assert "KeyError" in failure.message
    assert failure.error_class == "transient"


class _Permanent(TaskFailure):
    error_class = "permanent"
    retry_after = 60.0
    exclude_agent = True


def test_a_subclass_says_what_follows_for_all_of_its_errors():
    failure = Failure.of(_Permanent("no"))
    assert (failure.error_class, failure.retry_after, failure.exclude_agent) == (
        "permanent",
        60.0,
        True,
    )
    assert Failure.of(_Permanent("yes", "transient", retry_after=0)).retry_after == 0


def test_what_follows_from_a_group_of_errors_is_said_by_one_in_it():
    group = ExceptionGroup(
        "g", [ValueError("x"), ExceptionGroup("h", [TaskFailure("y", "budget")])]
    )
    failure = Failure.of(group)
    assert failure.error_class == "budget"
    assert {"ExceptionGroup", "ValueError", "TaskFailure"} <= set(failure.kinds)


@pytest.mark.parametrize(
    ("result", "place"),
    [
        ({"rows": (n for n in range(3)), "image": b"\xff"}, "result['rows']"),
        ([1, {"deep": [iter(())]}], "result[1]['deep'][0]"),
    ],
)
def test_an_iterator_in_a_result_is_refused_and_not_read(result, place):
    with pytest.raises(TaskFailure, match=re.escape(f"{place} is an iterator")):
        storable(result)


def test_a_field_without_a_value_is_named():
    @dataclasses.dataclass
    class Unset:
        a: int
        b: object = dataclasses.field(init=False)

    with pytest.raises(TaskFailure, match="result cannot be stored"):
        storable(Unset(1))
