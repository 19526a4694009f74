"""Tools, resources and the prompt as MCP has them."""

from __future__ import annotations

import json
from functools import cache
from importlib.metadata import version
from typing import Any
from urllib.parse import unquote

from mcp.server import Server, ServerRequestContext
from mcp.server.stdio import stdio_server
from mcp.shared.exceptions import MCPError
from mcp_types import (
    INTERNAL_ERROR,
    INVALID_PARAMS,
    CallToolRequestParams,
    CallToolResult,
    GetPromptRequestParams,
    GetPromptResult,
    ListPromptsResult,
    ListResourcesResult,
    ListResourceTemplatesResult,
    ListToolsResult,
    PaginatedRequestParams,
    Prompt,
    PromptArgument,
    PromptMessage,
    ReadResourceRequestParams,
    ReadResourceResult,
    Resource,
    ResourceTemplate,
    TextContent,
    TextResourceContents,
    ToolAnnotations,
)
from mcp_types import Tool as McpTool

from graph_orch import AsyncOrchestrator
from graph_orch.domain.values import MAX_NAME
from graph_orch.errors import AgentNotFoundError, OrchestrationError, TaskNotFoundError
from graph_orch.serve.principals import Principal
from graph_orch.tools.advice import explain
from graph_orch.tools.call import LONGEST_CALL_SECONDS, Call, within
from graph_orch.tools.table import Tool, find
from graph_orch.tools.texts import GRAPH, GUIDE, INSTRUCTIONS

NAME = "graph-orch"

Context = ServerRequestContext[dict[str, Any]]


def build(orch: AsyncOrchestrator, principal: Principal) -> Server[dict[str, Any]]:
    """A server of the tools: for whoever asks by HTTP, and for this principal by stdio."""
    it = _Handlers(orch, principal)
    return Server(
        NAME,
        version=version("graph-orch"),
        instructions=INSTRUCTIONS,
        get_tool_input_schema=it.input_schema,
        on_list_tools=it.list_tools,
        on_call_tool=it.call_tool,
        on_list_resources=it.list_resources,
        on_list_resource_templates=it.list_resource_templates,
        on_read_resource=it.read_resource,
        on_list_prompts=it.list_prompts,
        on_get_prompt=it.get_prompt,
    )


async def serve_stdio(server: Server[dict[str, Any]]) -> None:
    """Serve one client on standard input and output, until it goes."""
    async with stdio_server() as (incoming, outgoing):
        await server.run(incoming, outgoing, server.create_initialization_options())


@cache
def definition(tool: Tool) -> McpTool:
    """A tool as clients see it."""
    return McpTool(
        name=tool.name,
        description=tool.description,
        input_schema=tool.input_schema,
        output_schema=tool.output_schema,
        annotations=ToolAnnotations(
            read_only_hint=tool.read_only,
            destructive_hint=tool.destructive,
            idempotent_hint=tool.idempotent or tool.read_only,
            open_world_hint=False,
        ),
    )


class _Handlers:
    def __init__(self, orch: AsyncOrchestrator, principal: Principal) -> None:
        self._orch = orch
        self._principal = principal

    def _asking(self, context: Context) -> Principal:
        """Who asks: by HTTP whoever the guard let in, by stdio who started this process."""
        request = context.request
        return self._principal if request is None else request.state.principal

    def input_schema(self, name: str) -> dict[str, Any] | None:
        tool = self._principal.tools.get(name)
        return None if tool is None else tool.input_schema

    async def list_tools(
        self, context: Context, params: PaginatedRequestParams | None
    ) -> ListToolsResult:
        return ListToolsResult(
            tools=[definition(it) for it in self._asking(context).tools.values()]
        )

    async def call_tool(self, context: Context, params: CallToolRequestParams) -> CallToolResult:
        principal = self._asking(context)
        call = Call(self._orch, context.session.report_progress, principal.why_not)
        try:
            tool = find(principal.tools, params.name)
            answer = await within(LONGEST_CALL_SECONDS, tool.run(call, params.arguments or {}))
        except OrchestrationError as error:
            return _refused(await explain(self._orch.monitor, error))
        except TimeoutError:
            seconds = f"{LONGEST_CALL_SECONDS:.0f} s"
            return _refused(f"{params.name} took longer than {seconds}; ask again")
        return CallToolResult(content=[_text(_json(answer))], structured_content=answer)

    async def list_resources(
        self, context: Context, params: PaginatedRequestParams | None
    ) -> ListResourcesResult:
        about = "Labels, edges and the life of a task"
        schema = Resource(
            uri="graph://schema", name="schema", description=about, mime_type="text/markdown"
        )
        return ListResourcesResult(resources=[schema])

    async def list_resource_templates(
        self, context: Context, params: PaginatedRequestParams | None
    ) -> ListResourceTemplatesResult:
        templates = [
            ResourceTemplate(
                uri_template=f"{kind}://{{id}}", name=kind, description=about, mime_type=JSON
            )
            for kind, about in _TEMPLATES.items()
            if self._asking(context).may(f"{kind}://")
        ]
        return ListResourceTemplatesResult(resource_templates=templates)

    async def read_resource(
        self, context: Context, params: ReadResourceRequestParams
    ) -> ReadResourceResult:
        try:
            text, kind = await within(
                LONGEST_CALL_SECONDS, self._read(params.uri, self._asking(context))
            )
        except OrchestrationError as error:
            said = await explain(self._orch.monitor, error)
            raise MCPError(INVALID_PARAMS, said, {"uri": params.uri[:MAX_NAME]}) from error
        except TimeoutError as error:
            raise MCPError(INTERNAL_ERROR, "reading it took too long; ask again") from error
        contents = TextResourceContents(uri=params.uri, text=text, mime_type=kind)
        return ReadResourceResult(contents=[contents])

    async def list_prompts(
        self, context: Context, params: PaginatedRequestParams | None
    ) -> ListPromptsResult:
        arguments = [
            PromptArgument(name="agent_id", description="Your id", required=True),
            PromptArgument(name="capabilities", description="Your skills, comma-separated"),
        ]
        about = "How an agent works here, step by step"
        return ListPromptsResult(
            prompts=[Prompt(name="work_here", description=about, arguments=arguments)]
        )

    async def get_prompt(self, context: Context, params: GetPromptRequestParams) -> GetPromptResult:
        given = params.arguments or {}
        if params.name != "work_here" or not given.get("agent_id"):
            raise MCPError(INVALID_PARAMS, "the prompt is work_here, with agent_id: your id")
        skills = given.get("capabilities") or "say them when you register"
        said = GUIDE.format(agent_id=given["agent_id"], capabilities=skills)
        return GetPromptResult(messages=[PromptMessage(role="user", content=_text(said))])

    async def _read(self, uri: str, principal: Principal) -> tuple[str, str]:
        """The text that a resource holds, and its kind."""
        scheme, _, rest = uri.partition("://")
        if scheme in _TEMPLATES and (why := principal.why_not(f"{scheme}://")):
            raise MCPError(INVALID_PARAMS, why, {"uri": uri[:MAX_NAME]})
        match scheme, unquote(rest).rstrip("/"):
            case "graph", "schema":
                return GRAPH, "text/markdown"
            case "task", task_id:
                return _json(await self._task(task_id)), JSON
            case "agent", agent_id:
                return _json(await self._agent(agent_id)), JSON
            case _:
                raise MCPError(
                    INVALID_PARAMS,
                    f"no resource {uri[:MAX_NAME]!r}; {_KNOWN}",
                    {"uri": uri[:MAX_NAME]},
                )

    async def _task(self, task_id: str) -> dict[str, Any]:
        task = await self._orch.tasks.get_task_status(task_id)
        if task is None:
            raise TaskNotFoundError(task_id)
        tries = await self._orch.tasks.get_tries(task_id)
        events = await self._orch.tasks.get_history(task_id)
        return {
            **task.model_dump(mode="json", exclude_none=True),
            "tries": [it.model_dump(mode="json", exclude_none=True) for it in tries],
            "history": [it.model_dump(mode="json", exclude_none=True) for it in events],
        }

    async def _agent(self, agent_id: str) -> dict[str, Any]:
        agent = await self._orch.agents.get_agent(agent_id)
        if agent is None:
            raise AgentNotFoundError(agent_id)
        return agent.model_dump(mode="json", exclude_none=True)


JSON = "application/json"
_TEMPLATES = {
    "task": "A task with its tries and its history",
    "agent": "An agent with its record",
}
_KNOWN = "there are task://{id}, agent://{id} and graph://schema"


def _text(text: str) -> TextContent:
    return TextContent(type="text", text=text)


def _refused(why: str) -> CallToolResult:
    return CallToolResult(content=[_text(why)], is_error=True)


def _json(value: object) -> str:
    """JSON without a space too many: agents pay for each."""
    return json.dumps(value, ensure_ascii=False, separators=(",", ":"))
