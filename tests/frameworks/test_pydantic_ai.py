"""Agents of Pydantic AI under a worker: what they call is kept once."""

from __future__ import annotations

import asyncio

import pytest
from pydantic import BaseModel
from pydantic_ai import (
    Agent,
    CallDeferred,
    FunctionToolset,
    ModelRetry,
    RunContext,
    ToolReturn,
    UsageLimits,
)
from pydantic_ai.exceptions import ApprovalRequired, ModelHTTPError
from pydantic_ai.messages import ModelRequest, ModelResponse, TextPart, ToolCallPart
from pydantic_ai.models.fallback import FallbackModel
from pydantic_ai.models.function import DeltaToolCall, FunctionModel
from pydantic_ai.usage import RequestUsage

from graph_orch import NewTask
from graph_orch.integrations.pydantic_ai import Durability, durable, handler
from graph_orch.testing import run_handler

CALLS = 5
TASK = NewTask(content="bees", task_type="ask")


class Killed(BaseException):
    """What ends a try in the middle, as a kill does."""


def answers(messages) -> int:
    return sum(isinstance(it, ModelResponse) for it in messages)


def says(text) -> ModelResponse:
    return ModelResponse(parts=[TextPart(str(text))])


def calls(*asked) -> ModelResponse:
    return ModelResponse(parts=[ToolCallPart(name, args) for name, args in asked])


def told(messages) -> list:
    """What the tools gave of which the model is told last."""
    return [part.content for part in messages[-1].parts]


@pytest.mark.parametrize("place", ["model", "tool"])
@pytest.mark.parametrize("at", range(1, CALLS))
def test_each_call_is_made_once_wherever_the_worker_dies(worker, place, at):
    paid: list[int] = []
    used: list[int] = []
    kills = [at]

    def dies(here, number):
        if here == place and number in kills:
            kills.remove(number)
            raise Killed

    def model(messages, info):
        number = answers(messages) + 1
        dies("model", number)
        paid.append(number)
        return calls(("look", {"number": number})) if number < CALLS else says("done")

    agent = Agent(FunctionModel(model))

    @agent.tool_plain
    def look(number: int) -> int:
        dies("tool", number)
        used.append(number)
        return number

    worker.task("ask")(handler(agent))
    first = run_handler(worker, TASK)
    assert first.status == "failed"
    second = run_handler(worker, first)
    assert (second.status, second.result) == ("completed", "done")
    assert paid == [*range(1, CALLS + 1)]
    assert used == [*range(1, CALLS)]
    assert first.metrics.get("model_calls", 0) + second.metrics["model_calls"] == CALLS


def test_tools_side_by_side_are_each_kept(worker):
    used: list[str] = []

    def model(messages, info):
        if answers(messages) == 0:
            return calls(*(("look", {"at": it}) for it in "abc"))
        return says(",".join(told(messages)))

    agent = Agent(FunctionModel(model))

    @agent.tool_plain
    async def look(at: str) -> str:
        used.append(at)
        if at == "b" and used.count("b") == 1:
            await asyncio.sleep(0.05)  # the others have ended
            raise Killed
        return at

    worker.task("ask")(handler(agent))
    first = run_handler(worker, TASK)
    assert run_handler(worker, first).result == "a,b,c"
    assert sorted(used) == ["a", "b", "b", "c"]


def test_output_has_its_type_and_retries_are_kept(worker):
    class City(BaseModel):
        name: str

    checked: list[str] = []

    def model(messages, info):
        number = answers(messages)
        if number < 2:
            return calls(("find", {"name": "x"}))
        return calls((info.output_tools[0].name, {"name": "Rome" if number > 2 else "Room"}))

    agent = Agent(FunctionModel(model), output_type=City)
    tries: list[str] = []

    @agent.tool_plain
    def find(name: str) -> str:
        tries.append(name)
        if len(tries) == 1:
            raise ModelRetry("another name")
        return "found"

    @agent.output_validator
    def known(city: City) -> City:
        checked.append(city.name)
        if city.name != "Rome":
            raise ModelRetry("no such city")
        return city

    worker.task("ask")(handler(agent))
    outcome = run_handler(worker, TASK)
    assert outcome.result == {"name": "Rome"}
    assert (checked, tries) == (["Room", "Rome"], ["x", "x"])
    assert outcome.metrics["model_calls"] == 4


def test_approvals_are_asked_together_beside_tools_that_need_none(worker):
    sent: list[str] = []
    looked: list[str] = []

    def model(messages, info):
        if answers(messages) == 0:
            return calls(
                ("send", {"to": "maria"}), ("look", {}), ("send", {"to": "tom"}), ("weigh", {})
            )
        return says("; ".join(map(str, told(messages))))

    agent = Agent(FunctionModel(model))

    @agent.tool_plain(requires_approval=True)
    def send(to: str) -> str:
        sent.append(to)
        return f"sent to {to}"

    @agent.tool_plain
    def look() -> str:
        looked.append("looked")
        return "looked"

    @agent.tool_plain
    def weigh() -> str:
        raise CallDeferred

    worker.task("ask")(handler(agent, approvers=["ann"]))
    asked = run_handler(worker, TASK)
    maria, tom, weight = (gate.question for gate in asked.gates)
    assert (maria, weight) == (
        'May send be called with {"to":"maria"}?',
        "What does weigh give for {}?",
    )
    assert [gate.approvers for gate in asked.gates] == [["ann"]] * 3
    assert (sent, looked) == ([], ["looked"])
    done = run_handler(
        worker, asked, decisions={maria: "approve", tom: "reject", weight: {"kg": 3}}
    )
    assert done.status == "completed"
    assert done.result.startswith("sent to maria; looked; ")
    assert "denied" in done.result
    assert done.result.endswith("{'kg': 3}")
    assert (sent, looked) == (["maria"], ["looked"])


def test_tool_may_ask_for_approval_itself(worker):
    begun: list[bool] = []

    def model(messages, info):
        if answers(messages) == 0:
            return calls(("pay", {"amount": 500}))
        return says(told(messages)[0])

    agent = Agent(FunctionModel(model))

    @agent.tool
    def pay(ctx: RunContext[None], amount: int) -> str:
        begun.append(ctx.tool_call_approved)
        if amount > 100 and not ctx.tool_call_approved:
            raise ApprovalRequired
        return f"paid {amount}"

    worker.task("ask")(handler(agent))
    asked = run_handler(worker, TASK)
    question = 'May pay be called with {"amount":500}?'
    assert run_handler(worker, asked, decisions={question: "approve"}).result == "paid 500"
    assert begun == [False, True]


def test_agent_that_a_tool_runs_keeps_its_own_calls(worker):
    paid: list[str] = []
    kills = [3]

    def inner_model(messages, info):
        number = answers(messages) + 1
        if number in kills:
            kills.remove(number)
            raise Killed
        paid.append(f"inner {number}")
        return calls(("look", {})) if number < 4 else says("found")

    inner = Agent(FunctionModel(inner_model), name="inner", capabilities=[Durability()])

    @inner.tool_plain
    def look() -> str:
        return "seen"

    def outer_model(messages, info):
        number = answers(messages) + 1
        paid.append(f"outer {number}")
        return calls(("search", {})) if number < 3 else says("done")

    outer = Agent(FunctionModel(outer_model), name="outer", capabilities=[Durability()])

    @outer.tool_plain
    async def search() -> str:
        return (await inner.run("bees")).output

    worker.task("ask")(handler(outer))
    first = run_handler(worker, TASK)
    assert run_handler(worker, first).result == "done"
    one = [f"inner {it}" for it in range(1, 5)]
    assert paid == ["outer 1", *one, "outer 2", *one, "outer 3"]


def test_answer_of_another_model_is_kept_in_the_place_of_the_one_that_failed(worker):
    paid: list[str] = []
    kills = [Killed()]

    def first(messages, info):
        paid.append("first")
        raise ModelHTTPError(503, "first")

    def second(messages, info):
        paid.append("second")
        return calls(("look", {})) if answers(messages) == 0 else says("done")

    agent = Agent(FallbackModel(FunctionModel(first), FunctionModel(second)))

    @agent.tool_plain
    def look() -> str:
        if kills:
            raise kills.pop()
        return "seen"

    worker.task("ask")(handler(agent))
    assert run_handler(worker, run_handler(worker, TASK)).result == "done"
    assert paid == ["first", "second"] * 2


def test_stream_is_kept_as_a_whole_and_told_again(worker):
    paid: list[int] = []
    texts: list[str] = []
    kills = [Killed()]

    async def stream(messages, info):
        paid.append(answers(messages) + 1)
        if answers(messages) == 0:
            yield {0: DeltaToolCall("look", "{}")}
        else:
            yield "do"
            yield "ne"

    agent = Agent(FunctionModel(stream_function=stream), name="a", capabilities=[Durability()])

    @agent.tool_plain
    def look() -> str:
        if kills:
            raise kills.pop()
        return "seen"

    @worker.task("ask")
    async def ask(ctx):
        with durable(ctx):
            async with agent.run_stream(ctx.task.content) as result:
                texts.extend([text async for text in result.stream_text(debounce_by=None)])
        return texts[-1]

    assert run_handler(worker, run_handler(worker, TASK)).result == "done"
    assert paid == [1, 2]


def test_runs_of_one_handler_follow_each_other_with_their_history(worker):
    agent = Agent(
        FunctionModel(lambda messages, info: says(answers(messages))),
        name="a",
        capabilities=[Durability()],
    )

    @worker.task("ask")
    async def ask(ctx):
        with durable(ctx):
            first = await agent.run("one")
            second = await agent.run("two", message_history=first.all_messages())
            side_by_side = await asyncio.gather(agent.run("three"), agent.run("four"))
        requests = sum(isinstance(it, ModelRequest) for it in second.all_messages())
        return [requests, second.output, *(it.output for it in side_by_side)]

    outcome = run_handler(worker, TASK)
    assert outcome.result == [2, "1", "0", "0"]
    assert [*outcome.steps] == ["model", "run 2/model", "run 3/model", "run 4/model"]
    assert asyncio.run(agent.run("outside")).output == "0"


@pytest.mark.parametrize(
    ("raised", "error_class", "retry_after"),
    [
        (ModelHTTPError(429, "m", retry_after=7.0), "transient", 7.0),
        (ModelHTTPError(503, "m"), "transient", None),
        (ModelHTTPError.for_category, "permanent", None),
    ],
    ids=["rate", "down", "rejected"],
)
def test_errors_of_a_provider_say_what_follows(worker, raised, error_class, retry_after):
    from pydantic_ai.exceptions import ModelRequestRejectedError

    error = raised if isinstance(raised, Exception) else ModelRequestRejectedError("m", "too long")

    def model(messages, info):
        raise error

    worker.task("ask")(handler(Agent(FunctionModel(model))))
    outcome = run_handler(worker, TASK)
    assert (outcome.error_class, outcome.retry_after) == (error_class, retry_after)


def test_limit_of_usage_counts_what_was_kept_and_is_final(worker):
    kills = [Killed()]

    def model(messages, info):
        return calls(("look", {}))

    agent = Agent(FunctionModel(model))

    @agent.tool_plain
    def look() -> str:
        if kills:
            raise kills.pop()
        return "seen"

    worker.task("ask")(handler(agent, usage_limits=UsageLimits(request_limit=3)))
    second = run_handler(worker, run_handler(worker, TASK))
    assert (second.error_class, second.metrics["model_calls"]) == ("permanent", 2)
    assert "request_limit" in second.error_message


def test_result_that_is_too_big_says_which_and_what_to_do(worker):
    agent = Agent(FunctionModel(lambda messages, info: calls(("read", {}))))

    @agent.tool_plain
    def read() -> str:
        return "x" * 1_100_000

    worker.task("ask")(handler(agent))
    outcome = run_handler(worker, TASK)
    assert outcome.error_class == "permanent"
    assert "tool read" in outcome.error_message
    assert "1 MB" in outcome.error_message or "1,000,000" in outcome.error_message


def test_cost_is_recorded_where_the_price_is_known(worker):
    def model(messages, info):
        usage = RequestUsage(input_tokens=1_000, output_tokens=100, cache_read_tokens=900)
        return ModelResponse(parts=[TextPart("done")], usage=usage)

    worker.task("ask")(handler(Agent(FunctionModel(model, model_name="gpt-4o"))))
    metrics = run_handler(worker, TASK).metrics
    assert metrics["tokens"] == 1_100
    assert 0 < metrics["cost"] < 0.01


def test_tools_of_toolsets_are_kept_too(worker):
    used: list[str] = []

    def look() -> ToolReturn:
        used.append("look")
        return ToolReturn({"found": 1}, content="more", metadata={"n": 2})

    def model(messages, info):
        if answers(messages) == 0:
            return calls(("look", {}))
        return says([part.content for part in messages[-1].parts])

    def dies(ctx):
        raise Killed

    agent = Agent(FunctionModel(model), toolsets=[FunctionToolset([look], id="eyes")])
    ends = [Killed()]

    @agent.output_validator
    def check(text: str) -> str:
        if ends:
            raise ends.pop()
        return text

    worker.task("ask")(handler(agent))
    done = run_handler(worker, run_handler(worker, TASK))
    assert done.result == "[{'found': 1}, 'more']"
    assert used == ["look"]
