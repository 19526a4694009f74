"""`graph-orch mcp`: the MCP server, and how clients are told of it."""

from __future__ import annotations

import asyncio
import contextlib
import os
import signal
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from graph_orch.cli.mcp_clients import PASSWORD, Client, configuration
from graph_orch.cli.signals import leave_in_order, left_at_once
from graph_orch.cli.store import connect_async
from graph_orch.errors import StoreError, ValidationError
from graph_orch.settings import EmbeddedSettings, McpSettings, Profile, ServerSettings

if TYPE_CHECKING:
    from collections.abc import Coroutine, Sequence
    from typing import Any

    from starlette.routing import Route

    from graph_orch import AsyncOrchestrator
    from graph_orch.serve.options import HttpOptions
    from graph_orch.serve.principals import Principal

LEAVE_SECONDS = 8.0
"""Who ends a container kills what is still there after 10 s."""

app = typer.Typer(invoke_without_command=True, help="Serve the tools to agents, by MCP and A2A.")

UseProfile = Annotated[Profile, typer.Option(help="How many tools: worker, core or all.")]
ReadOnly = Annotated[bool, typer.Option("--read-only", help="Only tools that change nothing.")]


@app.callback(epilog="Example: graph-orch mcp --http --port 8000 --profile worker")
def mcp(
    context: typer.Context,
    http: Annotated[bool, typer.Option("--http", help="Streamable HTTP, not stdio.")] = False,
    host: Annotated[str, typer.Option(help="Where to listen.")] = "127.0.0.1",
    port: Annotated[int, typer.Option(min=0, max=65535, help="0: any.")] = 8000,
    profile: UseProfile = Profile.ALL,
    read_only: ReadOnly = False,
    allow_origin: Annotated[
        list[str] | None, typer.Option(help="An origin of web pages to let in.")
    ] = None,
) -> None:
    """Serve the tools to agents: on standard input and output, or by HTTP.

    Off loopback a bearer token is needed, in GRAPH_ORCH_MCP_TOKEN. By HTTP it is an A2A agent too.
    """
    if context.invoked_subcommand is not None:
        return
    try:
        from graph_orch.serve.options import HttpOptions
    except ImportError as error:
        raise ValidationError("install graph-orch[mcp] to serve MCP") from error
    from graph_orch.serve.principals import Principal

    leave_in_order()
    token, origins = McpSettings().token, frozenset(allow_origin or ())
    name = "administrator" if token is None or not http else "token"
    principal = Principal(name, profile, read_only)
    options = HttpOptions(host, port, token, origins, principal=principal) if http else None
    asyncio.run(_serve(options, principal))


@app.command("install", epilog="Example: graph-orch mcp install --client cursor")
def install(
    client: Annotated[Client | None, typer.Option(help="Only this client.")] = None,
    profile: UseProfile = Profile.ALL,
    read_only: ReadOnly = False,
) -> None:
    """Print the configuration for common clients, with the settings of this environment.

    Passwords are not printed: where a client can read its own environment or ask, it is told to,
    else `<the password>` is to be replaced.
    """
    arguments = ["mcp", *([] if profile is Profile.ALL else ["--profile", profile])]
    arguments += ["--read-only"] if read_only else []
    for one in Client if client is None else [client]:
        print(configuration(one, [*_command(), *arguments], _environment()))


async def _serve(options: HttpOptions | None, principal: Principal) -> None:
    from graph_orch.serve.http import serve_http
    from graph_orch.serve.mcp import build, serve_stdio

    with left_at_once():
        orch = await connect_async()
    async with orch:
        server = build(orch, principal)
        if options is None:
            await _until_told_to_end(serve_stdio(server), orch)
            return
        await serve_http(server, options, lambda url: _a2a(orch, url, options))


async def _until_told_to_end(serving: Coroutine[Any, Any, None], orch: AsyncOrchestrator) -> None:
    """Serve one client until it goes, or until SIGTERM or SIGINT.

    A thread waits for the client's next message, and nothing can interrupt it: neither the event
    loop nor the interpreter would end before it does. So the process is left past both.
    """
    told = asyncio.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        asyncio.get_running_loop().add_signal_handler(number, told.set)
    server, ending = asyncio.ensure_future(serving), asyncio.ensure_future(told.wait())
    await asyncio.wait((server, ending), return_when=asyncio.FIRST_COMPLETED)
    if server.done():
        ending.cancel()
        return server.result()
    with contextlib.suppress(TimeoutError, StoreError):  # it ends with its last user anyhow
        async with asyncio.timeout(LEAVE_SECONDS):
            await orch.close()
    sys.stdout.flush()
    os._exit(0)


def _command() -> list[str]:
    """What starts this program, from whatever directory."""
    script = Path(sys.executable).with_name("graph-orch")
    return [str(script)] if script.exists() else [sys.executable, "-P", "-m", "graph_orch.cli"]


def _a2a(orch: AsyncOrchestrator, url: str, options: HttpOptions) -> Sequence[Route]:
    """The routes of A2A; none where it is not installed."""
    try:
        from graph_orch.serve.a2a import routes
    except ImportError:
        return []
    return routes(orch, url, options.principal, needs_token=options.token is not None)


def _environment() -> dict[str, str]:
    """The variables that shape which store is opened, and how; secrets by what stands for them."""
    server, embedded = ServerSettings(), EmbeddedSettings().environment()
    if server.uri is None:
        return embedded
    password = {} if server.password is None else {"NEO4J_PASSWORD": PASSWORD}
    return {**embedded, "NEO4J_USERNAME": server.username, **server.environment(), **password}
