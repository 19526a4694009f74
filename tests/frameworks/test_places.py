"""Where the calls of an agent are kept, in whatever order it comes to them."""

from __future__ import annotations

import asyncio
import time
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime
from types import SimpleNamespace

import pytest

from graph_orch import NewTask, ValidationError, Worker
from graph_orch.domain.models import GateKind
from graph_orch.integrations.places import durable, retry_after
from graph_orch.testing import run_handler

TASK = NewTask(content="bees", task_type="ask")


def handled(worker, function, **options):
    """A worker whose handler runs a function of its places."""

    @worker.task("ask")
    async def ask(ctx):
        with durable(ctx, **options) as here:
            return await function(here)

    return worker


def test_call_that_fails_gives_its_place_back(worker):
    """So that a framework may try again, or turn to another model, and the next try is the same."""
    asked: list[str] = []
    ends = [RuntimeError("the server is killed")]

    async def work(here):
        async def first():
            asked.append("first")
            raise ConnectionError

        async def second():
            asked.append("second")
            return "second"

        async def third():
            asked.append("third")
            if ends:
                raise ends.pop()
            return "third"

        found = []
        try:
            found.append(await here.step("model", first))
        except ConnectionError:
            found.append(await here.step("model", second))
        return [*found, await here.step("model", third)]

    handled(worker, work)
    again = run_handler(worker, run_handler(worker, TASK))
    assert again.result == ["second", "third"]
    assert asked == ["first", "second", "third", "third"]


def test_calls_side_by_side_and_within_calls_have_places_of_their_own(worker):
    ran: list[str] = []
    dies = [RuntimeError("killed")]

    async def work(here):
        async def agent(name):
            async def model():
                ran.append(name)
                if name == "b" and dies:
                    await asyncio.sleep(0.05)
                    raise dies.pop()
                return name.upper()

            return await here.inside(f"tool {name}").step("model", model)

        names = "abc" if dies else "cba"  # in another order
        tools = [here.step(f"tool {it}", lambda it=it: agent(it)) for it in names]
        return sorted(await asyncio.gather(*tools))

    handled(worker, work)
    first = run_handler(worker, TASK)
    assert sorted(first.steps) == ["tool a", "tool a/model", "tool c", "tool c/model"]
    assert run_handler(worker, first).result == ["A", "B", "C"]
    assert sorted(ran) == ["a", "b", "b", "c"]


def test_gates_are_asked_together_and_found_in_any_order(worker):
    orders = ["xy", "yx"]

    async def work(here):
        asked = {it: (GateKind.APPROVAL, f"May {it}?", None) for it in orders.pop(0)}
        return {it: said.decision for it, said in (await here.ask(asked)).items()}

    handled(worker, work, approvers=["maria"])
    asked = run_handler(worker, TASK)
    assert [(it.question, it.approvers) for it in asked.gates] == [
        ("May x?", ["maria"]),
        ("May y?", ["maria"]),
    ]
    done = run_handler(worker, asked, decisions={"May x?": "approve", "May y?": "reject"})
    assert done.result == {"x": "approve", "y": "reject"}


def test_long_names_are_told_apart(worker):
    async def work(here):
        async def call(number):
            return number

        names = ["x" * 1_000 + it for it in "ab"]
        return [await here.step(name, lambda at=at: call(at)) for at, name in enumerate(names)]

    outcome = run_handler(handled(worker, work), TASK)
    assert outcome.result == [0, 1]
    assert [len(it) <= 200 for it in outcome.steps] == [True, True]


def test_plain_handler_is_refused(worker):
    @worker.task("ask")
    def ask(ctx):
        with durable(ctx):
            return

    assert isinstance(run_handler(worker, TASK).error, ValidationError)


@pytest.mark.parametrize(
    ("headers", "seconds"),
    [
        ({"retry-after": "7"}, 7),
        ({"retry-after-ms": "1500", "retry-after": "7"}, 1.5),
        ({"retry-after": "soon"}, None),
        ({"retry-after": "-1"}, None),
        ({"retry-after": "nan"}, None),
        ({}, None),
    ],
)
def test_what_the_provider_says_is_when_the_task_is_tried_again(worker, headers, seconds):
    async def work(here):
        cause = OSError()
        cause.response = SimpleNamespace(headers=headers)
        raise RuntimeError("too many") from cause

    outcome = run_handler(handled(worker, work), TASK)
    assert (outcome.retry_after, outcome.is_final) == (seconds, False)
    assert "too many" in outcome.error_message


def test_provider_may_name_a_time():
    at = datetime.now(UTC) + timedelta(seconds=60)
    error = OSError()
    error.response = SimpleNamespace(headers={"retry-after": format_datetime(at, usegmt=True)})
    assert 50 < retry_after(error) <= at.timestamp() - time.time() + 1


def test_call_has_its_known_price_or_the_given_one_or_is_counted(worker):
    async def work(here):
        here.used("gpt-4o", SimpleNamespace(input_tokens=1_000_000, output_tokens=0), "openai")
        here.used("nobody-knows-it", SimpleNamespace(input_tokens=2, output_tokens=3))

    def metrics(**options):
        return run_handler(handled(Worker(None, "ada", []), work, **options), TASK).metrics

    known = metrics()
    assert known.pop("cost") > 0
    assert known == {"tokens": 1_000_005, "model_calls": 2, "calls_without_price": 1}
    given = metrics(price=lambda model, tokens_in, tokens_out: tokens_in // 1_000 + tokens_out)
    assert given == {"tokens": 1_000_005, "cost": 1_003.0, "model_calls": 2}
