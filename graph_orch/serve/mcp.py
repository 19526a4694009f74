"""The MCP server: tools, resources and the prompt, on stdio or as a route of the HTTP server."""

from __future__ import annotations

import json
import logging
import math
from collections.abc import Awaitable, Callable
from functools import cache
from importlib.metadata import version
from typing import Any
from urllib.parse import unquote

from mcp.server import Server, ServerRequestContext
from mcp.server.auth.middleware.bearer_auth import AuthenticatedUser, AuthorizationContext
from mcp.server.auth.provider import AccessToken
from mcp.server.stdio import stdio_server
from mcp.server.streamable_http import StreamableHTTPServerTransport
from mcp.server.streamable_http_manager import (
    StreamableHTTPASGIApp,
    StreamableHTTPSessionManager,
)
from mcp.shared.exceptions import MCPError
from mcp_types import (
    INTERNAL_ERROR,
    INVALID_PARAMS,
    INVALID_REQUEST,
    CallToolRequestParams,
    CallToolResult,
    ElicitRequest,
    ElicitRequestFormParams,
    ElicitResult,
    GetPromptRequestParams,
    GetPromptResult,
    InputRequiredResult,
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
from mcp_types.version import MODERN_PROTOCOL_VERSIONS
from pydantic import BaseModel
from starlette.routing import Route
from starlette.types import ASGIApp, Receive, Scope, Send

from graph_orch import AsyncOrchestrator
from graph_orch.domain.fields import MAX_NAME
from graph_orch.errors import AgentNotFoundError, OrchestrationError
from graph_orch.logs import log_to_stderr
from graph_orch.serve.guard import MAX_BODY
from graph_orch.serve.options import HttpOptions
from graph_orch.serve.principals import Principal
from graph_orch.tools.advice import explain
from graph_orch.tools.call import LONGEST_CALL_SECONDS, Ask, Call, ask_nobody, within
from graph_orch.tools.table import Tool
from graph_orch.tools.texts import GRAPH, GUIDE, INSTRUCTIONS

NAME = "graph-orch"
PATH = "/mcp"
SESSION_IDLE_SECONDS = 1_800.0
JSON = "application/json"
ASKED = "decision"
RESOURCES = {
    "task": "A task with its tries and its history",
    "agent": "An agent with its record",
}
SCHEMA = Resource(
    uri="graph://schema",
    name="schema",
    description="Labels, edges and the life of a task",
    mime_type="text/markdown",
)
PROMPT = Prompt(
    name="work_here",
    description="How an agent works here, step by step",
    arguments=[
        PromptArgument(name="agent_id", description="Your id", required=True),
        PromptArgument(name="capabilities", description="Your skills, comma-separated"),
    ],
)

Context = ServerRequestContext[dict[str, Any]]
Who = Callable[[], Awaitable[Principal | None]]
"""Finds who the client is; None: its token counts no more."""


def build(
    orch: AsyncOrchestrator, principal: Principal, identify: Who | None = None
) -> Server[dict[str, Any]]:
    """An MCP server of the tools.

    On stdio the client is `principal`, or whom `identify` finds at each of its requests. By HTTP it
    is whoever the guard found for each.
    """
    handlers = _Handlers(orch, principal, identify)
    return Server(
        NAME,
        version=version("graph-orch"),
        instructions=INSTRUCTIONS,
        get_tool_input_schema=handlers.input_schema,
        on_list_tools=handlers.list_tools,
        on_call_tool=handlers.call_tool,
        on_list_resources=handlers.list_resources,
        on_list_resource_templates=handlers.list_resource_templates,
        on_read_resource=handlers.read_resource,
        on_list_prompts=handlers.list_prompts,
        on_get_prompt=handlers.get_prompt,
    )


async def serve_stdio(server: Server[dict[str, Any]]) -> None:
    """Serve one client on standard input and output until it disconnects."""
    log_to_stderr(logging.WARNING, plain=None)  # clients show it to people, who look at each line
    async with stdio_server() as (incoming, outgoing):
        await server.run(incoming, outgoing, server.create_initialization_options())


class Sessions(StreamableHTTPSessionManager):
    """The sessions of an MCP server by HTTP, of which `run()` is the lifespan.

    When a new session would be one too many, the longest idle one ends. Its client, if it is still
    there, is answered 404 and begins another.
    """

    def __init__(self, server: Server[dict[str, Any]], options: HttpOptions) -> None:
        super().__init__(
            server,
            max_request_body_size=MAX_BODY,
            session_idle_timeout=SESSION_IDLE_SECONDS,
            max_sessions=options.sessions,
        )

    def route(self) -> Route:
        """The route of the HTTP server by which clients reach the sessions."""
        return Route(PATH, endpoint=_Owned(StreamableHTTPASGIApp(self)))

    def _admit_session(
        self, requestor: AuthorizationContext | None
    ) -> StreamableHTTPServerTransport | None:
        if self.max_sessions is not None and len(self._server_instances) >= self.max_sessions:
            session_id, idlest = min(
                self._server_instances.items(), key=lambda item: _idle_deadline(item[1])
            )
            if idlest.idle_scope is not None and _idle_deadline(idlest) < math.inf:
                idlest.idle_scope.cancel()
                del self._server_instances[session_id]
        return super()._admit_session(requestor)


class _Owned:
    """Tells the sessions whose a request is: a session is continued by nobody else."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        principal: Principal = scope["state"]["principal"]
        access = AccessToken(token="", client_id=principal.name, scopes=[])
        await self._app({**scope, "user": AuthenticatedUser(access)}, receive, send)


def _idle_deadline(session: StreamableHTTPServerTransport) -> float:
    """The event loop's time at which an idle session ends; infinite while it answers a request."""
    return math.inf if session.idle_scope is None else session.idle_scope.deadline


@cache
def definition(tool: Tool) -> McpTool:
    """A tool as `tools/list` shows it."""
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
    def __init__(self, orch: AsyncOrchestrator, principal: Principal, identify: Who | None) -> None:
        self._orch = orch
        self._principal = principal
        self._identify = identify

    async def _principal_of(self, context: Context) -> Principal:
        """By HTTP the principal that the guard found, on stdio the one that started the server."""
        if context.request is not None:
            return context.request.state.principal
        if self._identify is None:
            return self._principal
        if (found := await self._identify()) is None:
            raise MCPError(INVALID_REQUEST, "the token was revoked, or has expired; set another")
        return found

    def input_schema(self, name: str) -> dict[str, Any] | None:
        tool = self._principal.tools.get(name)
        return None if tool is None else tool.input_schema

    async def list_tools(
        self, context: Context, params: PaginatedRequestParams | None
    ) -> ListToolsResult:
        tools = (await self._principal_of(context)).tools.values()
        return ListToolsResult(tools=[definition(tool) for tool in tools])

    async def call_tool(
        self, context: Context, params: CallToolRequestParams
    ) -> CallToolResult | InputRequiredResult:
        principal = await self._principal_of(context)
        report = context.session.report_progress
        ask = _asking(context, params)
        call = Call(self._orch, report, principal.why_not, principal, ask)
        try:
            tool = principal.tool(params.name)
            answer = await within(LONGEST_CALL_SECONDS, tool.run(call, params.arguments or {}))
        except _Asking as asking:
            return asking.result
        except OrchestrationError as error:
            return _refused(await explain(self._orch.monitor, error))
        except TimeoutError:
            return _refused(
                f"{params.name} took longer than {LONGEST_CALL_SECONDS:.0f} s; ask again"
            )
        return CallToolResult(content=[_text(_json(answer))], structured_content=answer)

    async def list_resources(
        self, context: Context, params: PaginatedRequestParams | None
    ) -> ListResourcesResult:
        return ListResourcesResult(resources=[SCHEMA])

    async def list_resource_templates(
        self, context: Context, params: PaginatedRequestParams | None
    ) -> ListResourceTemplatesResult:
        principal = await self._principal_of(context)
        templates = [
            ResourceTemplate(
                uri_template=f"{kind}://{{id}}", name=kind, description=about, mime_type=JSON
            )
            for kind, about in RESOURCES.items()
            if principal.may(f"{kind}://")
        ]
        return ListResourceTemplatesResult(resource_templates=templates)

    async def read_resource(
        self, context: Context, params: ReadResourceRequestParams
    ) -> ReadResourceResult:
        principal = await self._principal_of(context)
        try:
            text, kind = await within(LONGEST_CALL_SECONDS, self._read(params.uri, principal))
        except OrchestrationError as error:
            message = await explain(self._orch.monitor, error)
            raise MCPError(INVALID_PARAMS, message, {"uri": params.uri[:MAX_NAME]}) from error
        except TimeoutError as error:
            raise MCPError(INTERNAL_ERROR, "reading it took too long; ask again") from error
        contents = TextResourceContents(uri=params.uri, text=text, mime_type=kind)
        return ReadResourceResult(contents=[contents])

    async def list_prompts(
        self, context: Context, params: PaginatedRequestParams | None
    ) -> ListPromptsResult:
        return ListPromptsResult(prompts=[PROMPT])

    async def get_prompt(self, context: Context, params: GetPromptRequestParams) -> GetPromptResult:
        arguments = params.arguments or {}
        if params.name != "work_here" or not arguments.get("agent_id"):
            raise MCPError(INVALID_PARAMS, "the prompt is work_here, with agent_id: your id")
        skills = arguments.get("capabilities") or "say them when you register"
        guide = GUIDE.format(agent_id=arguments["agent_id"], capabilities=skills)
        return GetPromptResult(messages=[PromptMessage(role="user", content=_text(guide))])

    async def _read(self, uri: str, principal: Principal) -> tuple[str, str]:
        """The text of a resource and its MIME type."""
        scheme, _, rest = uri.partition("://")
        if scheme in RESOURCES and (why := principal.why_not(f"{scheme}://")):
            raise MCPError(INVALID_PARAMS, why, {"uri": uri[:MAX_NAME]})
        match scheme, unquote(rest).rstrip("/"):
            case "graph", "schema":
                return GRAPH, "text/markdown"
            case "task", task_id:
                tasks = self._orch.tasks
                found = _dumped(await tasks.get_task(task_id)) | {
                    "tries": [_dumped(row) for row in await tasks.get_tries(task_id)],
                    "history": [_dumped(row) for row in await tasks.get_history(task_id)],
                }
            case "agent", agent_id:
                if (agent := await self._orch.agents.get_agent(agent_id)) is None:
                    raise AgentNotFoundError(agent_id)
                found = _dumped(agent) | {"handles": await self._orch.agents.schemas(agent_id)}
            case _:
                known = "there are task://{id}, agent://{id} and graph://schema"
                raise MCPError(
                    INVALID_PARAMS,
                    f"no resource {uri[:MAX_NAME]!r}; {known}",
                    {"uri": uri[:MAX_NAME]},
                )
        return _json(found), JSON


class _Asking(Exception):
    """A tool asks its caller's user; the client calls it again, with the answer."""

    def __init__(self, result: InputRequiredResult) -> None:
        super().__init__()
        self.result = result


def _asking(context: Context, params: CallToolRequestParams) -> Ask:
    """How a tool asks its caller's user: by the answer to this call, or with sessions by a request.

    Nothing is kept for the second call: it brings the arguments of the first again.
    """

    async def ask(question: str, form: dict[str, Any]) -> dict[str, Any] | None:
        capabilities = context.session.client_capabilities
        elicits = None if capabilities is None else capabilities.elicitation
        if elicits is None or (elicits.form is None and elicits.url is not None):
            return await ask_nobody(question, form)
        if context.protocol_version not in MODERN_PROTOCOL_VERSIONS:
            answer = await context.session.elicit_form(question, form, context.request_id)
        elif (given := (params.input_responses or {}).get(ASKED)) is None:
            asked = ElicitRequestFormParams(message=question, requested_schema=form)
            request = ElicitRequest(params=asked)
            raise _Asking(InputRequiredResult(input_requests={ASKED: request}))
        elif isinstance(given, ElicitResult):
            answer = given
        else:
            raise MCPError(INVALID_PARAMS, "the answer is not one to an elicitation")
        return answer.content if answer.action == "accept" else None

    return ask


def _dumped(model: BaseModel) -> dict[str, Any]:
    return model.model_dump(mode="json", exclude_none=True)


def _text(text: str) -> TextContent:
    return TextContent(type="text", text=text)


def _refused(why: str) -> CallToolResult:
    return CallToolResult(content=[_text(why)], is_error=True)


def _json(value: object) -> str:
    """Compact JSON, since agents pay for each token."""
    return json.dumps(value, ensure_ascii=False, separators=(",", ":"))
