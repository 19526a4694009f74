"""Agents of Pydantic AI as handlers: what they pay for is kept, and not paid for again.

    worker.task("research")(handler(agent))

`Durability` is a capability such as Pydantic AI's own for Temporal, DBOS and Prefect: each call of
a model, of a tool and of an MCP server is a step. Tools that require approval ask at a gate.
"""

from __future__ import annotations

import contextlib
from collections.abc import Awaitable, Callable, Coroutine, Generator, Sequence
from typing import Any, ClassVar, cast

from pydantic_ai import Agent, DeferredToolRequests, DeferredToolResults, RunContext, ToolDenied
from pydantic_ai.durable_exec import (
    JSON_CODEC,
    BaseDurabilityCapability,
    DurabilityEngineSpec,
    DurableOperationId,
    EventStreamHandlerId,
    JournalCallableOperationBackend,
    ModelRequestId,
    RoleBasedOperationConfig,
    ToolsetCallToolId,
    conversation_id_from_run_id,
)
from pydantic_ai.exceptions import (
    AgentRunError,
    ConcurrencyLimitExceeded,
    ModelAPIError,
    ModelAuthenticationError,
    ModelRequestRejectedError,
    UserError,
)
from pydantic_ai.messages import ModelResponse

from graph_orch.domain.lifecycle import ErrorClass
from graph_orch.domain.models import GateKind
from graph_orch.integrations import places
from graph_orch.integrations.places import Places, Price, current, given
from graph_orch.worker import AsyncContext, TaskFailure


def handler(
    agent: Agent[Any, Any],
    *,
    prompt: Callable[[AsyncContext], Any] = lambda ctx: ctx.task.content,
    deps: Callable[[AsyncContext], Any] = lambda ctx: None,
    price: Price | None = None,
    approvers: Sequence[str] = (),
    expires_seconds: float | None = None,
    **options: Any,
) -> Callable[[AsyncContext], Coroutine[Any, Any, Any]]:
    """A handler that runs an agent on its task; its result is the agent's output.

    Args:
        prompt: What the agent is asked; by default the content of the task. It may be a coroutine
            function, as where it needs `ctx.inputs()`.
        deps: What the agent's tools are given, as for `agent.run`.
        price: What a call costs, by model, input tokens and output tokens; by default what
            `genai-prices` knows.
        approvers: Who may decide what the agent asks; by default anybody but agents.
        expires_seconds: How long that can be decided.
        options: Others of `agent.run`, such as `usage_limits` and `message_history`.

    Raises:
        pydantic_ai.UserError: a toolset of the agent has no `id`, and so its calls no place.
    """

    added = [] if Durability.from_agent(agent) else [Durability(name=agent.name or "agent")]
    for one in added:
        one.for_agent(agent)  # so that what it refuses is said here

    async def run(ctx: AsyncContext) -> Any:
        with durable(ctx, price=price, approvers=approvers, expires_seconds=expires_seconds):
            result = await agent.run(
                await given(prompt, ctx),
                deps=await given(deps, ctx),
                capabilities=[*added, *options.get("capabilities", ())],
                **{name: it for name, it in options.items() if name != "capabilities"},
            )
        return result.output

    return run


@contextlib.contextmanager
def durable(
    ctx: AsyncContext,
    *,
    price: Price | None = None,
    approvers: Sequence[str] = (),
    expires_seconds: float | None = None,
) -> Generator[None]:
    """Let agents that have the capability `Durability` keep their calls as steps of a handler.

        agent = Agent("openai:gpt-5", name="researcher", capabilities=[Durability()])

        @worker.task("research")
        async def research(ctx):
            with durable(ctx):
                first = await agent.run(ctx.task.content)
                return (await agent.run("Shorter", message_history=first.all_messages())).output

    See `handler` for the arguments.
    """
    with places.durable(
        ctx,
        price=price,
        approvers=approvers,
        expires_seconds=expires_seconds,
        permanent=_comes_again,
    ):
        yield


def _comes_again(error: BaseException) -> bool:
    """Whether an error is the same in each try: it follows from answers that were kept, or from
    what is asked.
    """
    if isinstance(error, ModelAPIError):
        is_rejected = isinstance(error, ModelRequestRejectedError)
        return is_rejected and not isinstance(error, ModelAuthenticationError)
    if isinstance(error, ConcurrencyLimitExceeded):
        return False
    return isinstance(error, AgentRunError | UserError)


class Durability(BaseDurabilityCapability[Any]):
    """Makes steps of what an agent calls within `durable` or `handler`; elsewhere it does nothing.

    An agent that a tool runs keeps its own calls too where it has this capability.
    """

    engine_spec: ClassVar = DurabilityEngineSpec(
        engine_name="graph_orch",
        durable_unit_noun="step",
        durable_container_noun="handler",
        codec=JSON_CODEC,
        serialization_failure=lambda error: TaskFailure(
            f"what was called gave what has no form as JSON: {error}", ErrorClass.PERMANENT
        ),
        toolset_lifecycles={
            "function": "enter-always",
            "mcp": "enter-in-durable-unit",
            "dynamic": "enter-never",
        },
        unsupported_runtime_toolset_kinds=frozenset({"function", "mcp", "dynamic"}),
    )

    @property
    def in_durable_context(self) -> bool:
        return current() is not None

    def get_durable_operation_backend(self) -> _Backend:
        return _Backend(
            agent_name=self.name,
            default_model_id=self.default_model_id,
            config=RoleBasedOperationConfig[None](
                model=None, event=None, capability=None, tool=None
            ),
        )

    def get_default_run_id(self) -> str | None:
        """The task, and which run of its handler this is: the same in each try."""
        if (here := current()) is None:
            return None
        number = len(here.runs) + 1
        run_id = f"{here.ctx.task.task_id}/{here.within}{number}"
        here.runs[run_id] = "" if number == 1 else f"run {number}/"
        return run_id

    def get_default_conversation_id(self, run_id: str) -> str | None:
        return conversation_id_from_run_id(run_id) if self.in_durable_context else None

    async def handle_deferred_tool_calls(
        self, ctx: RunContext[Any], *, requests: DeferredToolRequests
    ) -> DeferredToolResults | None:
        """Ask persons for approval, and for what calls give that run elsewhere."""
        if (here := current()) is None:
            return None
        asked: dict[str, Any] = {}
        for call in requests.approvals:
            question = f"May {call.tool_name} be called with {call.args_as_json_str()}?"
            asked[f"tool {call.tool_name} {call.tool_call_id}"] = (
                GateKind.APPROVAL,
                question,
                None,
            )
        for call in requests.calls:
            question = f"What does {call.tool_name} give for {call.args_as_json_str()}?"
            asked[f"tool {call.tool_name} {call.tool_call_id}"] = (GateKind.INPUT, question, None)
        decided = iter((await here.ask(asked)).values())
        results = DeferredToolResults()
        for call in requests.approvals:
            said = next(decided)
            results.approvals[call.tool_call_id] = (
                True
                if said.is_approved
                else ToolDenied(said.comment or "A person has denied this call.")
            )
        for call in requests.calls:
            said = next(decided)
            results.calls[call.tool_call_id] = (
                said.payload
                if said.is_approved
                else ToolDenied(said.comment or "A person has refused to answer this call.")
            )
        return results


class _Backend(JournalCallableOperationBackend[None]):
    async def execute(
        self,
        *,
        operation_id: DurableOperationId,
        name: str,
        body: Callable[[], Awaitable[object]],
        cache_key: tuple[object, ...],
        config: None,
    ) -> object:
        here = current()
        if here is None or isinstance(operation_id, EventStreamHandlerId):
            return await body()  # events are told in each try
        place = _place(here, operation_id, name, cache_key)

        async def call() -> object:
            with places.at(here.inside(place)):
                payload = await body()
            if isinstance(operation_id, ModelRequestId):
                response: ModelResponse = JSON_CODEC.load(ModelResponse, payload)
                here.used(response.model_name, response.usage, response.provider_name)
            return payload

        return await here.step(place, call)


def _place(
    here: Places, operation_id: DurableOperationId, name: str, cache_key: tuple[object, ...]
) -> str:
    """The name of an operation's place: of a tool's call, by the id that the model gave it."""
    found: list[Any] = [it for it in cache_key if isinstance(it, RunContext)]
    ctx = cast("RunContext[Any] | None", found[0] if found else None)
    run_id = ctx.run_id if ctx is not None and ctx.run_id else ""
    begins = here.runs.get(run_id, f"run {run_id}/" if run_id else "")
    if isinstance(operation_id, ModelRequestId):
        return f"{begins}model"
    if isinstance(operation_id, ToolsetCallToolId) and ctx is not None:
        return f"{begins}tool {cache_key[0]} {ctx.tool_call_id}"
    called = f" {ctx.tool_call_id}" if ctx is not None and ctx.tool_call_id else ""
    return f"{begins}{name}{called}"
