"""Graphs of LangGraph under a worker: no node that has ended runs again."""

from __future__ import annotations

import operator
from typing import Annotated, Any, TypedDict

import pytest
from langchain_core.language_models.fake_chat_models import FakeListChatModel, GenericFakeChatModel
from langchain_core.messages import AIMessage, AnyMessage
from langgraph.func import entrypoint
from langgraph.graph import END, START, StateGraph
from langgraph.types import Command, RetryPolicy, Send, interrupt

from graph_orch import NewTask, ValidationError
from graph_orch.integrations.langgraph import handler, step
from graph_orch.testing import run_handler

CALLS = 5
TASK = NewTask(content="bees", task_type="ask")


class Killed(BaseException):
    """What ends a try in the middle, as a kill does."""


class State(TypedDict):
    content: str
    messages: Annotated[list[AnyMessage], operator.add]
    title: str


class Sent(TypedDict):
    part: str


def start(ctx) -> dict[str, Any]:
    return {"content": ctx.task.content, "messages": []}


def texts(state) -> list[str]:
    return [it.content for it in state["messages"]]


def chain(*nodes) -> StateGraph:
    """A graph of nodes, one after the other."""
    graph = StateGraph(State)
    before = START
    for name, node in nodes:
        graph.add_node(name, node)
        graph.add_edge(before, name)
        before = name
    graph.add_edge(before, END)
    return graph


def model_of(*answers: str) -> GenericFakeChatModel:
    """A stand-in that tells what it has used, as models do."""
    usage = {"input_tokens": 2, "output_tokens": 3, "total_tokens": 5}
    made = [
        AIMessage(it, usage_metadata=usage, response_metadata={"model_name": "gpt-4o"})
        for it in answers
    ]
    return GenericFakeChatModel(messages=iter(made))


@pytest.mark.parametrize("at", range(1, CALLS + 1))
def test_no_model_call_is_paid_twice(worker, at):
    paid: list[int] = []
    kills = [at]
    model = FakeListChatModel(responses=[f"answer {n}" for n in range(1, CALLS + 1)])

    def ask(state: State):
        number = len(state["messages"]) + 1
        if number in kills:
            kills.remove(number)
            raise Killed
        paid.append(number)
        return {"messages": [model.invoke(state["content"])]}

    def more(state: State) -> str:
        return END if len(state["messages"]) == CALLS else "ask"

    graph = StateGraph(State)
    graph.add_node("ask", ask)
    graph.add_edge(START, "ask")
    graph.add_conditional_edges("ask", more)
    worker.task("ask")(handler(graph, input=start, output=texts))
    first = run_handler(worker, TASK)
    assert first.status == "failed"
    second = run_handler(worker, first)
    assert second.result == [f"answer {n}" for n in range(1, CALLS + 1)]
    assert paid == [*range(1, CALLS + 1)]


class Drafts(TypedDict):
    content: str
    drafts: Annotated[list[str], operator.add]
    title: Annotated[list[str], operator.add]


def test_interrupts_side_by_side_ask_together_and_get_their_own_answers(worker):
    ran: list[str] = []

    async def write(state: Sent):
        ran.append(state["part"])
        title = interrupt({"question": f"Title of {state['part']}?", "schema": {"type": "string"}})
        return {"drafts": [state["part"]], "title": [title]}

    def review(state: Drafts):
        return {"title": [interrupt("Ready?"), interrupt("Sure?")]}

    graph = StateGraph(Drafts)
    graph.add_node("write", write)
    graph.add_node("review", review)
    sends = [Send("write", {"part": it}) for it in "ab"]
    graph.add_conditional_edges(START, lambda state: sends, ["write"])
    graph.add_edge("write", "review")
    graph.add_edge("review", END)
    worker.task("ask")(handler(graph.compile()))
    asked = run_handler(worker, TASK)
    assert sorted(it.question for it in asked.gates) == ["Title of a?", "Title of b?"]
    asked = run_handler(worker, asked, decisions={"Title of a?": "A", "Title of b?": "B"})
    assert [it.question for it in asked.gates] == ["Ready?"]
    asked = run_handler(worker, asked, decisions={"Ready?": "yes"})
    assert [it.question for it in asked.gates] == ["Sure?"]
    done = run_handler(worker, asked, decisions={"Sure?": "very"})
    assert done.result == {
        "content": "bees",
        "drafts": ["a", "b"],
        "title": ["A", "B", "yes", "very"],
    }


def test_nodes_of_subgraphs_are_steps_and_breakpoints_ask_for_approval(worker):
    paid: list[int] = []

    def ask(state: State):
        paid.append(len(state["messages"]))
        return {"messages": [AIMessage("x")]}

    sub = chain(("inner", ask), ("name", lambda state: {"title": interrupt("Title?")}))
    graph = chain(("first", ask), ("sub", sub.compile()), ("last", ask))
    compiled = graph.compile(interrupt_before=["last"])
    worker.task("ask")(handler(compiled, input=start, output=lambda it: it["title"]))
    asked = run_handler(worker, TASK)
    asked = run_handler(worker, asked, decisions={"Title?": "Bees"})
    question = "May the graph go on with last?"
    assert [it.question for it in asked.gates] == [question]
    done = run_handler(worker, asked, decisions={question: "approve"})
    assert done.result == "Bees"
    assert [*done.steps] == [
        "node first 1",
        "node sub 2/node inner 1",
        "node sub 2/node name 2",
        "node last 3",
    ]
    assert paid == [0, 1, 3]
    refused = run_handler(worker, asked, decisions={question: "reject"})
    assert (refused.status, refused.error_class) == ("failed", "permanent")


def test_node_that_is_tried_again_keeps_its_place_beside_others(worker):
    ran: list[str] = []
    dies = [Killed()]

    def write(state: Sent):
        ran.append(state["part"])
        if ran.count(state["part"]) == 1:
            raise ConnectionError
        return {"drafts": [state["part"]]}

    def end(state: Drafts):
        if dies:
            raise dies.pop()
        return {"title": ["end"]}

    graph = StateGraph(Drafts)
    quick = RetryPolicy(initial_interval=0.01, jitter=False, retry_on=ConnectionError)
    graph.add_node("write", write, retry_policy=quick)
    graph.add_node("end", end)
    sends = [Send("write", {"part": it}) for it in "abc"]
    graph.add_conditional_edges(START, lambda state: sends, ["write"])
    graph.add_edge("write", "end")
    worker.task("ask")(handler(graph))
    done = run_handler(worker, run_handler(worker, TASK))
    assert done.result == {"content": "bees", "drafts": ["a", "b", "c"], "title": ["end"]}
    assert sorted(ran) == [*"aabbcc"]


def test_several_calls_in_a_node_are_kept_by_steps_of_their_own(worker):
    paid: list[str] = []
    dies = [Killed()]

    async def call(text: str) -> str:
        paid.append(text)
        if text == "polish" and dies:
            raise dies.pop()
        return text.upper()

    async def write(state: State):
        draft = await step("draft", call, "draft")
        return {"messages": [AIMessage(draft), AIMessage(await step("polish", call, "polish"))]}

    worker.task("ask")(handler(chain(("write", write)), input=start, output=texts))
    done = run_handler(worker, run_handler(worker, TASK))
    assert done.result == ["DRAFT", "POLISH"]
    assert paid == ["draft", "polish", "polish"]


def test_commands_and_usage_are_kept(worker):
    model = model_of("a", "b")
    dies = [Killed()]

    async def first(state: State) -> Command:
        return Command(goto="last", update={"messages": [await model.ainvoke("x")]})

    async def last(state: State):
        if dies:
            raise dies.pop()
        return {"messages": [await model.ainvoke("x")]}

    graph = StateGraph(State)
    graph.add_node("first", first, destinations=("last",))
    graph.add_node("last", last)
    graph.add_edge(START, "first")
    worker.task("ask")(handler(graph, input=start, output=texts))
    one = run_handler(worker, TASK)
    two = run_handler(worker, one)
    assert two.result == ["a", "b"]
    for metrics in (one.metrics, two.metrics):
        assert metrics.pop("cost") > 0
        assert metrics == {"tokens": 5, "model_calls": 1}


def test_limit_of_recursion_is_final(worker):
    graph = StateGraph(State)
    graph.add_node("again", lambda state: {"messages": [AIMessage("x")]})
    graph.add_edge(START, "again")
    graph.add_edge("again", "again")
    worker.task("ask")(handler(graph, input=start, config={"recursion_limit": 3}))
    outcome = run_handler(worker, TASK)
    assert outcome.error_class == "permanent"
    assert "Recursion" in outcome.error_message


def test_functional_graph_is_refused():
    @entrypoint()
    def work(content: str) -> str:
        return content

    with pytest.raises(ValidationError, match="StateGraph"):
        handler(work)
