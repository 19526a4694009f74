"""Agents of the OpenAI Agents SDK under a worker: no call of a model is paid twice."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest
from agents import (
    Agent,
    GuardrailFunctionOutput,
    ModelRetrySettings,
    ModelSettings,
    RunConfig,
    Runner,
    Usage,
    function_tool,
    handoff,
    output_guardrail,
)
from agents.testing import ScriptedModel, assistant_message, function_call
from pydantic import BaseModel

from graph_orch import NewTask
from graph_orch.integrations.openai_agents import handler
from graph_orch.testing import run_handler

CALLS = 5
TASK = NewTask(content="bees", task_type="ask")
OFFLINE = RunConfig(tracing_disabled=True)


class Killed(BaseException):
    """What ends a try in the middle, as a kill does."""


def calls(tool: str, number: object, **arguments: Any) -> Any:
    return function_call(tool, arguments, call_id=f"c{number}")


def script(*steps: Any) -> ScriptedModel:
    """A stand-in that gives each step once: a call too many is an error."""
    usage = Usage(requests=1, input_tokens=2, output_tokens=3, total_tokens=5)
    return ScriptedModel(steps, default_usage=usage)


def says(text: str) -> list[Any]:
    return [assistant_message(text)]


@pytest.mark.parametrize("place", ["model", "tool"])
@pytest.mark.parametrize("number", range(1, CALLS))
def test_each_call_is_made_once_wherever_the_worker_dies(worker, place, number):
    used: list[int] = []
    kills = [number]

    def dies(here, number):
        if here == place and number in kills:
            kills.remove(number)
            raise Killed

    class Dying(ScriptedModel):
        async def get_response(self, *args, **kwargs):
            dies("model", CALLS + 1 - self.remaining_steps)
            return await super().get_response(*args, **kwargs)

    steps = [[calls("look", it, at=it)] for it in range(1, CALLS)]
    model = Dying([*steps, says("done")], default_usage=Usage(input_tokens=2, output_tokens=3))

    @function_tool
    def look(at: int) -> int:
        dies("tool", at)
        used.append(at)
        return at

    agent = Agent(name="a", model=model, tools=[look])
    worker.task("ask")(handler(agent, run_config=OFFLINE, max_turns=CALLS + 1))
    first = run_handler(worker, TASK)
    assert first.status == "failed"
    second = run_handler(worker, first)
    assert (second.status, second.result) == ("completed", "done")
    model.assert_complete()
    assert used == [*range(1, CALLS)]
    assert first.metrics.get("tokens", 0) + second.metrics["tokens"] == 5 * CALLS


def test_tools_side_by_side_are_each_kept(worker):
    used: list[str] = []

    @function_tool
    async def look(at: str) -> str:
        used.append(at)
        if at == "b" and used.count("b") == 1:
            await asyncio.sleep(0.05)  # the others have ended
            raise Killed
        return at

    model = script([calls("look", it, at=it) for it in "abc"], says("done"))
    worker.task("ask")(handler(Agent(name="a", model=model, tools=[look]), run_config=OFFLINE))
    assert run_handler(worker, run_handler(worker, TASK)).result == "done"
    assert sorted(used) == ["a", "b", "b", "c"]
    outputs = [it["output"] for it in model.last_call.input if "output" in it]
    assert outputs == ["a", "b", "c"]


def test_approvals_are_asked_together_also_after_a_hand_off(worker):
    sent: list[str] = []

    @function_tool(needs_approval=True)
    def send(to: str) -> str:
        sent.append(to)
        return "sent"

    def agent() -> Agent[Any]:
        both = [calls("send", 2, to="maria"), calls("send", 3, to="tom")]
        second = Agent(name="second", model=script(both, says("done")), tools=[send])
        first = script([calls("transfer_to_second", 1)])
        return Agent(name="first", model=first, handoffs=[handoff(second)])

    worker.task("ask")(handler(agent(), run_config=OFFLINE, approvers=["ann"]))
    asked = run_handler(worker, TASK)
    maria, tom = (gate.question for gate in asked.gates)
    assert maria == 'May send be called with {"to":"maria"}?'
    assert [gate.approvers for gate in asked.gates] == [["ann"]] * 2
    assert sent == []
    done = run_handler(worker, asked, decisions={maria: "approve", tom: "reject"})
    assert done.result == "done"
    assert sent == ["maria"]


def test_agent_that_is_a_tool_keeps_its_own_calls_and_asks_at_gates(worker):
    sent: list[str] = []
    dies = [Killed()]

    @function_tool(needs_approval=True)
    def send(to: str) -> str:
        sent.append(to)
        return "sent"

    @function_tool
    def look() -> str:
        if dies:
            raise dies.pop()
        return "seen"

    inner_model = script([calls("look", 1)], [calls("send", 2, to="maria")], says("found"))
    inner = Agent(name="inner", model=inner_model, tools=[look, send])
    outer_model = script([calls("search", 1, input="x")], says("done"))
    outer = Agent(name="outer", model=outer_model, tools=[inner.as_tool("search", "finds")])
    worker.task("ask")(handler(outer, run_config=OFFLINE))
    asked = run_handler(worker, run_handler(worker, TASK))
    (gate,) = asked.gates
    done = run_handler(worker, asked, decisions={gate.question: "approve"})
    assert (done.result, sent) == ("done", ["maria"])
    inner_model.assert_complete()
    outer_model.assert_complete()
    assert [*done.steps] == [
        "model",
        "tool search c1/model",
        "tool search c1/tool look c1",
        "tool search c1/model#2",
        "tool search c1/tool send c2",
        "tool search c1/model#3",
        "model#2",
    ]


def test_policy_of_approval_sees_arguments_as_the_sdk_shows_them(worker):
    """A policy is not asked about arguments that the function gets in another form."""
    seen: list[Any] = []

    async def dear(context, arguments, call_id):
        seen.append(arguments)
        return arguments["amount"] > 100

    @function_tool(needs_approval=dear)
    def pay(amount: int) -> str:
        return f"paid {amount}"

    both = [calls("pay", 1, amount=5), calls("pay", 2, amount=500), calls("pay", 3, amount="7")]
    agent = Agent(name="a", model=script(both, says("done")), tools=[pay])
    worker.task("ask")(handler(agent, run_config=OFFLINE))
    asked = run_handler(worker, TASK)
    assert [it.question for it in asked.gates] == [
        'May pay be called with {"amount":500}?',
        'May pay be called with {"amount":"7"}?',
    ]
    assert {it["amount"] for it in seen} == {5, 500}


def test_call_that_the_sdk_tries_again_has_one_place(worker):
    dies = [Killed()]

    @function_tool
    def look() -> str:
        if dies:
            raise dies.pop()
        return "seen"

    again = ModelRetrySettings(
        max_retries=2, backoff={"initial_delay": 0}, policy=lambda context: True
    )
    model = script(ConnectionError("down"), [calls("look", 1)], says("done"))
    settings = ModelSettings(retry=again)
    agent = Agent(name="a", model=model, tools=[look], model_settings=settings)
    worker.task("ask")(handler(agent, run_config=OFFLINE))
    done = run_handler(worker, run_handler(worker, TASK))
    assert (done.result, [*done.steps]) == ("done", ["model", "tool look c1", "model#2"])


def test_output_has_its_type_and_models_come_from_the_provider(worker):
    class City(BaseModel):
        name: str

    class Provider:
        def __init__(self) -> None:
            self.model = script(says('{"name": "Rome"}'))
            self.model.model = "gpt-4o"

        def get_model(self, name):
            assert name == "gpt-4o"
            return self.model

    agent = Agent(name="a", model="gpt-4o", output_type=City)
    config = RunConfig(tracing_disabled=True, model_provider=Provider())
    worker.task("ask")(handler(agent, run_config=config))
    outcome = run_handler(worker, TASK)
    assert outcome.result == {"name": "Rome"}
    assert outcome.metrics["tokens"] == 5
    assert outcome.metrics["cost"] > 0


def test_turns_and_guardrails_end_the_task_for_good(worker):
    @output_guardrail
    async def never(context, agent, output):
        return GuardrailFunctionOutput(output_info=None, tripwire_triggered=True)

    @function_tool
    def look() -> str:
        return "seen"

    many = script(*([calls("look", it)] for it in range(3)))
    few = Agent(name="a", model=many, tools=[look])
    guarded = Agent(name="b", model=script(says("no")), output_guardrails=[never])
    worker.task("ask")(handler(few, run_config=OFFLINE, max_turns=2))
    worker.task("say")(handler(guarded, run_config=OFFLINE))
    assert run_handler(worker, TASK).error_class == "permanent"
    assert run_handler(worker, NewTask(content="x", task_type="say")).error_class == "permanent"


def test_agent_runs_as_before_outside_of_a_handler(worker):
    @function_tool
    def look() -> str:
        return "seen"

    agent = Agent(name="a", model=script([calls("look", 1)], says("done")), tools=[look])
    worker.task("ask")(handler(agent, run_config=OFFLINE))
    assert asyncio.run(Runner.run(agent, "x", run_config=OFFLINE)).final_output == "done"


def test_agent_tool_that_streams_gives_its_kept_end(worker):
    events: list[str] = []
    dies = [Killed()]

    @function_tool
    def look() -> str:
        if dies:
            raise dies.pop()
        return "seen"

    inner = Agent(name="inner", model=script(says("found")))
    tool = inner.as_tool("search", "finds", on_stream=lambda it: events.append(it["event"].type))
    model = script([calls("search", 1, input="x")], [calls("look", 2)], says("done"))
    outer = Agent(name="outer", model=model, tools=[tool, look])
    worker.task("ask")(handler(outer, run_config=OFFLINE))
    assert run_handler(worker, run_handler(worker, TASK)).result == "done"
    assert "run_item_stream_event" in events
