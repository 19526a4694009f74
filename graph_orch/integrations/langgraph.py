"""Graphs of LangGraph as handlers: nodes are steps, and what interrupts a graph asks at a gate.

    worker.task("research")(handler(graph))

A later try runs the graph from its start, where nodes that have ended give what was kept of them.
So no state is stored beside what the nodes gave: the checkpoints of a try live in memory, under
the task's id as their thread.
"""

from __future__ import annotations

import base64
import json
from collections.abc import Awaitable, Callable, Coroutine, Sequence
from contextvars import ContextVar
from typing import Any, cast

import genai_prices
from langchain_core.callbacks import BaseCallbackHandler
from langchain_core.messages import AIMessage
from langchain_core.outputs import ChatGeneration, LLMResult
from langchain_core.runnables import RunnableConfig, RunnableLambda
from langchain_core.runnables.config import merge_configs
from langgraph.checkpoint.memory import InMemorySaver
from langgraph.checkpoint.serde.base import SerializerProtocol
from langgraph.checkpoint.serde.jsonplus import JsonPlusSerializer
from langgraph.constants import START
from langgraph.errors import GraphInterrupt, GraphRecursionError, InvalidUpdateError
from langgraph.graph.state import (  # pyright: ignore[reportMissingTypeStubs]
    CompiledStateGraph,
    StateGraph,
)
from langgraph.types import Command

from graph_orch.domain.lifecycle import ErrorClass
from graph_orch.domain.models import GateKind
from graph_orch.errors import ValidationError
from graph_orch.integrations import places
from graph_orch.integrations.places import Places, Price, current, given
from graph_orch.worker import AsyncContext, TaskFailure

_OWN = JsonPlusSerializer()
_SERDE: ContextVar[SerializerProtocol | None] = ContextVar("graph_orch_serde", default=None)
"""How what nodes give is written; None: in LangGraph's own form, which knows messages, commands."""
Graph = StateGraph[Any, Any, Any, Any] | CompiledStateGraph[Any, Any, Any, Any]


def handler(
    graph: Graph,
    *,
    input: Callable[[AsyncContext], Any] = lambda ctx: {"content": ctx.task.content},
    output: Callable[[Any], Any] = lambda state: state,
    config: RunnableConfig | None = None,
    serde: SerializerProtocol | None = None,
    context: Callable[[AsyncContext], Any] = lambda ctx: None,
    price: Price | None = None,
    approvers: Sequence[str] = (),
    expires_seconds: float | None = None,
) -> Callable[[AsyncContext], Coroutine[Any, Any, Any]]:
    """A handler that runs a graph on its task, under the task's id as its thread.

    `interrupt(value)` in a node asks for an input at a gate: the value is the question, or the
    `question` of a mapping that may have a JSON `schema` too. At a node of `interrupt_before` or
    `interrupt_after` a person approves that the graph goes on.

    Args:
        graph: Compiled or not, and with subgraphs, as `create_agent` gives one too. A checkpointer
            that it was compiled with is not used.
        input: What the graph is given; by default the content of the task as `content`.
        output: What of the last state is the task's result: it must have a form as JSON.
        config: More for `graph.ainvoke`, such as a `recursion_limit`.
        serde: What writes and reads what nodes give; by default a `JsonPlusSerializer`. One with
            `allowed_msgpack_modules` names the types of your own that it may make.
        context: What nodes find in their runtime, as for `graph.ainvoke`.
        price: What a call costs, by model, input tokens and output tokens; by default what
            `genai-prices` knows.
        approvers: Who may decide what the graph asks; by default anybody but agents.
        expires_seconds: How long that can be decided.

    Raises:
        ValidationError: it is no graph of nodes, as that of an `entrypoint` function.
    """
    compiled: Any = graph
    if isinstance(graph, StateGraph):
        compiled = cast(Any, graph).compile()
    if not isinstance(compiled, CompiledStateGraph):
        raise ValidationError(
            f"a handler runs a StateGraph, compiled or not, and this is a {type(graph).__name__}"
        )
    kept = _of_steps(cast(Any, compiled))

    async def run(ctx: AsyncContext) -> Any:
        with places.durable(
            ctx,
            price=price,
            approvers=approvers,
            expires_seconds=expires_seconds,
            permanent=_comes_again,
        ) as here:
            _SERDE.set(serde)
            return output(await _run(here, await given(input, ctx), await given(context, ctx)))

    async def _run(here: Places, start: Any, runtime: Any) -> Any:
        own: RunnableConfig = {
            "configurable": {"thread_id": here.ctx.task.task_id},
            "callbacks": [_Usage(here)],
        }
        whole = merge_configs(config, own)
        running = kept.copy({"checkpointer": InMemorySaver()})
        while True:
            state = await running.ainvoke(start, whole, context=runtime)
            now = await running.aget_state(whole)
            if now.interrupts:
                asked = {here.names[it.id]: _question(it) for it in now.interrupts}
                answers = (await here.answers(asked)).values()
                start = Command(
                    resume={
                        it.id: answer for it, answer in zip(now.interrupts, answers, strict=True)
                    }
                )
            elif now.next:
                await _approve(here, now.next)
                start = None
            else:
                return state

    return run


async def step(name: str, function: Callable[..., Awaitable[Any]], *args: Any) -> Any:
    """Within a node, a step of its own: where several calls of models share one node.

        async def write(state):
            draft = await step("draft", model.ainvoke, state["messages"])
            return {"messages": [await step("polish", model.ainvoke, [draft])]}

    Outside of a handler it calls the function.
    """
    here = current()
    if here is None:
        return await function(*args)
    return await _kept(here, name, lambda: function(*args))


def _of_steps(graph: Any) -> Any:
    """The same graph, whose nodes are steps of the handler that runs it.

    A node that is a graph is none: its own nodes are.
    """
    nodes: dict[str, Any] = {}
    for name, node in graph.nodes.items():
        bound: Any = node.bound
        if isinstance(bound, CompiledStateGraph):
            bound = _inside(name, _of_steps(cast(Any, bound)))
        elif name != START:
            bound = _step(name, bound)
        nodes[name] = node.copy({"bound": bound, "subgraphs": node.subgraphs})
    return graph.copy({"nodes": nodes})


def _step(name: str, node: Any) -> RunnableLambda[Any, Any]:
    async def run(state: Any, config: RunnableConfig) -> Any:
        here = current()
        if here is None:
            return await node.ainvoke(state, config)
        place = _place(name, config)

        async def call() -> Any:
            try:
                with places.at(here.inside(place)):
                    return await node.ainvoke(state, config)
            except GraphInterrupt as raised:  # its id is another in each try
                here.names |= {it.id: f"{here.within}{place}" for it in raised.args[0]}
                raise

        return await _kept(here, place, call)

    return RunnableLambda(run, name=name)


def _inside(name: str, graph: Any) -> RunnableLambda[Any, Any]:
    async def run(state: Any, config: RunnableConfig) -> Any:
        here = current()
        with places.at(None if here is None else here.inside(_place(name, config))):
            return await graph.ainvoke(state, config)

    return RunnableLambda(run, name=name)


def _place(name: str, config: RunnableConfig) -> str:
    """The name of a node's place: in a graph, each step has each node once, or once for a `Send`.

    A node that is tried again by its retry policy, or after an interrupt, comes to the same.
    """
    told = config.get("metadata", {})
    path = [it for it in told.get("langgraph_path", ()) if isinstance(it, int | str)]
    sent = "".join(f".{it}" for it in path if isinstance(it, int) and not isinstance(it, bool))
    return f"node {name} {told.get('langgraph_step', 0)}{sent}"


async def _kept(here: Places, place: str, call: Callable[[], Awaitable[Any]]) -> Any:
    serde = _SERDE.get() or _OWN

    async def written() -> list[str]:
        form, data = serde.dumps_typed(await call())
        return [form, base64.b64encode(data).decode()]

    form, data = cast("list[str]", await here.step(place, written))
    return serde.loads_typed((form, base64.b64decode(data)))


def _question(interrupt: Any) -> tuple[str, Any]:
    """What an interrupt asks, and the JSON schema of the answer."""
    value = interrupt.value
    schema = interrupt.response_schema
    if isinstance(value, dict):
        told = cast("dict[str, Any]", value)
        question = told.get("question") or json.dumps(told, default=str, ensure_ascii=False)
        return str(question), told.get("schema", schema)
    return str(value), schema


async def _approve(here: Places, nodes: Sequence[str]) -> None:
    names = ", ".join(nodes)
    question = f"May the graph go on with {names}?"
    place = f"node {names}"
    decision = (await here.ask({place: (GateKind.APPROVAL, question, None)}))[place]
    if not decision.is_approved:
        comment = f": {decision.comment}" if decision.comment else ""
        raise TaskFailure(f"{question} It was not approved{comment}", ErrorClass.PERMANENT)


def _comes_again(error: BaseException) -> bool:
    """Whether an error is the same in each try, as it follows from what nodes gave before."""
    return isinstance(error, GraphRecursionError | InvalidUpdateError)


class _Usage(BaseCallbackHandler):
    """Records what each call of a model has used, when it ends; kept nodes call none."""

    run_inline = True

    def __init__(self, here: Places) -> None:
        self._here = here

    def on_llm_end(self, response: LLMResult, **kwargs: Any) -> None:
        for several in response.generations:
            for one in several:
                message = one.message if isinstance(one, ChatGeneration) else None
                if not isinstance(message, AIMessage):
                    continue
                told: dict[str, Any] = message.response_metadata
                name = told.get("model_name") or told.get("model")
                usage: Any = message.usage_metadata or {}
                used = genai_prices.Usage(
                    input_tokens=usage.get("input_tokens", 0),
                    cache_read_tokens=usage.get("input_token_details", {}).get("cache_read", 0),
                    output_tokens=usage.get("output_tokens", 0),
                )
                self._here.used(name, used, told.get("model_provider"))
