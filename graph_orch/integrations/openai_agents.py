"""Agents of the OpenAI Agents SDK as handlers: what they pay for is kept, and not paid for again.

    worker.task("research")(handler(agent))

Each call of a model and of a function tool is a step, also of agents that it hands off to and of
those that are tools. Tools that need approval ask at a gate. A later try runs the agent from its
start with what was kept, so that no RunState is stored, which grows with each turn.
"""

from __future__ import annotations

import dataclasses
import json
from collections.abc import AsyncIterator, Callable, Coroutine, Sequence
from typing import Any, cast

import genai_prices
from agents import (
    Agent,
    AgentsException,
    FunctionTool,
    Handoff,
    MCPToolCancellationError,
    Model,
    ModelProvider,
    ModelResponse,
    ModelTimeoutError,
    RunConfig,
    Runner,
    ToolTimeoutError,
)
from agents.util._approvals import (  # pyright: ignore[reportPrivateUsage]
    evaluate_function_tool_approval,
)
from openai.types.responses import Response, ResponseCompletedEvent
from pydantic import TypeAdapter

from graph_orch.domain.models import GateKind
from graph_orch.integrations import places
from graph_orch.integrations.places import Places, Price, current, given
from graph_orch.worker import AsyncContext

_RESPONSE: TypeAdapter[ModelResponse] = TypeAdapter(ModelResponse)
_PREPARED = "_graph_orch_prepared"


def handler(
    agent: Agent[Any],
    *,
    prompt: Callable[[AsyncContext], Any] = lambda ctx: ctx.task.content,
    context: Callable[[AsyncContext], Any] = lambda ctx: None,
    run_config: RunConfig | None = None,
    max_turns: int = 10,
    price: Price | None = None,
    approvers: Sequence[str] = (),
    expires_seconds: float | None = None,
    **options: Any,
) -> Callable[[AsyncContext], Coroutine[Any, Any, Any]]:
    """A handler that runs an agent on its task; its result is the agent's final output.

    The agent, and those that it hands off to or has as tools, are prepared for it in place;
    outside of a handler they run as before.

    Args:
        prompt: What the agent is asked; by default the content of the task. It may be a coroutine
            function, as where it needs `ctx.inputs()`.
        context: What tools and hooks are given, as for `Runner.run`.
        run_config: See there.
        max_turns: See there.
        price: What a call costs, by model, input tokens and output tokens; by default what
            `genai-prices` knows.
        approvers: Who may decide what the agent asks; by default anybody but agents.
        expires_seconds: How long that can be decided.
        options: Others of `Runner.run`, such as `hooks`.
    """
    _prepare(agent)
    config = run_config or RunConfig()
    config = dataclasses.replace(config, model_provider=_StepProvider(config.model_provider))
    if isinstance(config.model, Model):
        config = dataclasses.replace(config, model=_StepModel.of(config.model))

    async def run(ctx: AsyncContext) -> Any:
        with places.durable(
            ctx,
            price=price,
            approvers=approvers,
            expires_seconds=expires_seconds,
            permanent=_comes_again,
        ) as here:
            asked: Any = await given(prompt, ctx)
            inside: Any = await given(context, ctx)
            while True:
                result = await Runner.run(
                    agent,
                    asked,
                    context=inside,
                    run_config=config,
                    max_turns=max_turns,
                    **options,
                )
                if not result.interruptions:
                    return result.final_output
                asked, inside = await _decided(here, result), None

    return run


async def _decided(here: Places, result: Any) -> Any:
    """The state of a run after persons have decided on the calls that interrupt it."""
    state = result.to_state()
    calls = {f"tool {it.tool_name} {_call_id(it)}": it for it in result.interruptions}
    decided = await here.ask(
        {
            place: (
                GateKind.APPROVAL,
                f"May {it.tool_name} be called with {it.arguments or '{}'}?",
                None,
            )
            for place, it in calls.items()
        }
    )
    for place, said in decided.items():
        if said.is_approved:
            state.approve(calls[place])
        else:
            state.reject(calls[place], rejection_message=said.comment)
    return state


def _call_id(item: Any) -> str:
    raw = item.raw_item  # a model, or a dictionary
    return str(cast("dict[str, Any]", raw)["call_id"] if isinstance(raw, dict) else raw.call_id)


def _comes_again(error: BaseException) -> bool:
    """Whether an error is the same in each try, as it follows from answers that were kept."""
    return isinstance(error, AgentsException) and not isinstance(
        error, MCPToolCancellationError | ModelTimeoutError | ToolTimeoutError
    )


def _prepare(agent: Agent[Any]) -> Agent[Any]:
    """Let an agent, and those that it reaches, make steps of what they call within a handler."""
    if _PREPARED in agent.__dict__:
        return agent
    list_tools = agent.get_all_tools
    made: dict[int, tuple[Any, Any]] = {}

    async def get_all_tools(context: Any) -> list[Any]:
        tools: list[Any] = await list_tools(context)
        return tools if current() is None else [_tool(it, made) for it in tools]

    agent.__dict__[_PREPARED] = True
    agent.__dict__["get_all_tools"] = get_all_tools
    if isinstance(agent.model, Model):
        agent.model = _StepModel.of(agent.model)
    for other in agent.handoffs:
        if isinstance(other, Agent):
            _prepare(other)
        else:
            _prepare_handoff(other)
    return agent


def _prepare_handoff(handoff: Handoff[Any, Any]) -> None:
    if _PREPARED in handoff.__dict__:
        return
    invoke = handoff.on_invoke_handoff

    async def prepared(context: Any, arguments: str) -> Any:
        return _prepare(await invoke(context, arguments))

    handoff.__dict__[_PREPARED] = True
    handoff.on_invoke_handoff = prepared


def _tool(tool: Any, made: dict[int, tuple[Any, Any]]) -> Any:
    """A tool whose calls are steps; those of an agent are none, for its own calls are."""
    if not isinstance(tool, FunctionTool):
        return tool  # the provider of the model runs it, as part of the model's answer
    if id(tool) in made and made[id(tool)][0] is tool:
        return made[id(tool)][1]
    agent = getattr(tool, "_agent_instance", None)
    if agent is not None:
        _prepare(agent)

    async def invoke(context: Any, arguments: str) -> Any:
        here = current()
        if here is None:
            return await tool.on_invoke_tool(context, arguments)
        # By the id that the model gave to the call: tools run side by side, in any order.
        place = f"tool {tool.name} {context.tool_call_id}"

        async def call() -> Any:
            with places.at(here.inside(place)):
                return await tool.on_invoke_tool(context, arguments)

        return await here.step(place, call) if agent is None else await call()

    changes: dict[str, Any] = {"on_invoke_tool": invoke}
    if callable(tool.needs_approval):
        # The SDK looks into its own invoker for whether a policy saw the arguments as they are.
        async def needs_approval(context: Any, arguments: dict[str, Any], call_id: str) -> bool:
            found = await evaluate_function_tool_approval(
                tool, context, json.dumps(arguments), call_id
            )
            return found.outcome != "invoke"

        changes["needs_approval"] = needs_approval
    made[id(tool)] = (tool, dataclasses.replace(tool, **changes))
    return made[id(tool)][1]


class _StepProvider(ModelProvider):
    """A provider whose models' answers are kept."""

    def __init__(self, provider: ModelProvider) -> None:
        self._provider = provider

    def get_model(self, model_name: str | None) -> Model:
        return _StepModel.of(self._provider.get_model(model_name))

    async def aclose(self) -> None:
        await self._provider.aclose()


class _StepModel(Model):
    """A model whose answers are kept within a handler."""

    def __init__(self, model: Model) -> None:
        self._model = model

    @classmethod
    def of(cls, model: Model) -> _StepModel:
        """A model that does it once."""
        return model if isinstance(model, cls) else cls(model)

    async def close(self) -> None:
        await self._model.close()

    async def _cleanup_on_run_end(self, owner: object) -> None:
        await self._model._cleanup_on_run_end(owner)  # pyright: ignore[reportPrivateUsage]

    def get_retry_advice(self, request: Any) -> Any:
        return self._model.get_retry_advice(request)

    async def get_response(self, *args: Any, **kwargs: Any) -> ModelResponse:
        here = current()
        if here is None:
            return await self._model.get_response(*args, **kwargs)

        async def ask() -> Any:
            response = await self._model.get_response(*args, **kwargs)
            self._record(here, response.usage)
            return _RESPONSE.dump_python(response, mode="json", by_alias=True, exclude_unset=True)

        return _RESPONSE.validate_python(await here.step("model", ask))

    async def stream_response(self, *args: Any, **kwargs: Any) -> AsyncIterator[Any]:
        """Within a handler, the end of the stream only: it is kept as a whole."""
        here = current()
        if here is None:
            async for event in self._model.stream_response(*args, **kwargs):
                yield event
            return

        async def ask() -> Any:
            response: Response | None = None
            async for event in self._model.stream_response(*args, **kwargs):
                if isinstance(event, ResponseCompletedEvent):
                    response = event.response
            if response is None:
                raise RuntimeError("the stream of the model's answer ended before the answer did")
            self._record(here, response.usage)
            return response.model_dump(mode="json", by_alias=True, exclude_unset=True)

        response = Response.model_validate(await here.step("model", ask))
        yield ResponseCompletedEvent(
            type="response.completed", response=response, sequence_number=0
        )

    def _record(self, here: Places, usage: Any) -> None:
        name = getattr(self._model, "model", None)
        details = getattr(usage, "input_tokens_details", None)
        used = genai_prices.Usage(
            input_tokens=getattr(usage, "input_tokens", 0),
            cache_read_tokens=getattr(details, "cached_tokens", 0) or 0,
            output_tokens=getattr(usage, "output_tokens", 0),
        )
        here.used(None if name is None else str(name), used, None)
