"""`graph-orch mcp`: serve agents by MCP and A2A, and print the configuration for MCP clients."""

from __future__ import annotations

import asyncio
import contextlib
import os
import signal
import sys
from functools import partial
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from graph_orch.cli.mcp_clients import PASSWORD, TOKEN, Client, configuration
from graph_orch.cli.signals import leave_in_order, left_at_once
from graph_orch.cli.store import connect_async
from graph_orch.errors import NotAllowedError, StoreError, ValidationError
from graph_orch.settings import (
    EmbeddedSettings,
    McpSettings,
    Profile,
    ServerSettings,
    TokenSettings,
    Toolset,
)

if TYPE_CHECKING:
    from collections.abc import Coroutine
    from typing import Any

    from pydantic import SecretStr
    from starlette.routing import Route

    from graph_orch import AsyncOrchestrator
    from graph_orch.serve.principals import Principal

LEAVE_SECONDS = 8.0
"""Container runtimes kill a process that is still there 10 s after SIGTERM."""

app = typer.Typer(invoke_without_command=True, help="Serve the tools to agents, by MCP and A2A.")

UseProfile = Annotated[Profile, typer.Option(help="How many tools: worker, core or all.")]
With = Annotated[
    list[Toolset] | None,
    typer.Option("--with", help="Tools beside the profile's: workflows, gates, inbox."),
]
ReadOnly = Annotated[bool, typer.Option("--read-only", help="Only tools that change nothing.")]


@app.callback(epilog="Example: graph-orch mcp --http --port 8000 --profile worker")
def mcp(
    context: typer.Context,
    http: Annotated[bool, typer.Option("--http", help="Streamable HTTP, not stdio.")] = False,
    host: Annotated[str, typer.Option(help="Where to listen.")] = "127.0.0.1",
    port: Annotated[int, typer.Option(min=0, max=65535, help="0: any.")] = 8000,
    profile: UseProfile = Profile.ALL,
    toolsets: With = None,
    read_only: ReadOnly = False,
    allow_origin: Annotated[
        list[str] | None, typer.Option(help="An origin of web pages to let in.")
    ] = None,
) -> None:
    """Serve the tools to agents: on standard input and output, or by HTTP.

    By HTTP it is an A2A agent too. There clients bring a token (`graph-orch token create`) as soon
    as there is one, and always off loopback; on standard input it is that in GRAPH_ORCH_TOKEN.
    """
    if context.invoked_subcommand is not None:
        return
    if not (find_spec("mcp") or (http and find_spec("a2a"))):
        raise ValidationError(
            "install graph-orch[mcp] to serve MCP; graph-orch[a2a] serves A2A with --http"
        )
    from graph_orch.serve.principals import Principal

    leave_in_order()
    token, origins = McpSettings().token, frozenset(allow_origin or ())
    name = "administrator" if token is None or not http else "token"
    principal = Principal(name, profile, read_only, frozenset(toolsets or ()))
    if http:
        asyncio.run(_serve_http(host, port, token, origins, principal))
    else:
        asyncio.run(_serve_stdio(principal))


@app.command("install", epilog="Example: graph-orch mcp install --client cursor")
def install(
    client: Annotated[Client | None, typer.Option(help="Only this client.")] = None,
    profile: UseProfile = Profile.ALL,
    toolsets: With = None,
    read_only: ReadOnly = False,
) -> None:
    """Print the configuration for common clients, with the settings of this environment.

    Passwords and tokens are not printed. A client that can read its environment, or ask, is
    configured to do so; for the others you replace `<the password>` and `<the token>`.
    """
    script = Path(sys.executable).with_name("graph-orch")
    command = [str(script)] if script.exists() else [sys.executable, "-P", "-m", "graph_orch.cli"]
    command += ["mcp", *([] if profile is Profile.ALL else ["--profile", profile])]
    command += [part for toolset in toolsets or () for part in ("--with", toolset)]
    command += ["--read-only"] if read_only else []
    server, environment = ServerSettings(), EmbeddedSettings().environment()
    if server.uri is not None:
        environment |= {"NEO4J_USERNAME": server.username, **server.environment()}
        if server.password is not None:
            environment["NEO4J_PASSWORD"] = PASSWORD
    if TokenSettings().token is not None:
        environment["GRAPH_ORCH_TOKEN"] = TOKEN
    for chosen in Client if client is None else [client]:
        print(configuration(chosen, command, environment))


async def _serve_stdio(principal: Principal) -> None:
    from graph_orch.serve.mcp import build, serve_stdio
    from graph_orch.serve.principals import by_tokens

    if os.environ.get("GRAPH_ORCH_TOKEN") == "":  # perhaps a client left a place for it empty
        raise ValidationError("GRAPH_ORCH_TOKEN is empty: give a token, or remove the variable")
    token = TokenSettings().token
    with left_at_once():
        orch = await connect_async()
    async with orch:
        server = build(orch, principal)
        if token is not None:
            who = partial(by_tokens(orch, principal), token.get_secret_value())
            if await who() is None:
                raise NotAllowedError(
                    "the token in GRAPH_ORCH_TOKEN is not known, was revoked or has expired; make "
                    "one with graph-orch token create"
                )
            server = build(orch, principal, who)
        await _until_client_or_signal(serve_stdio(server), orch)


async def _serve_http(
    host: str,
    port: int,
    token: SecretStr | None,
    origins: frozenset[str],
    principal: Principal,
) -> None:
    """Serve the protocols whose extras are installed."""
    from graph_orch.serve import events, links, metrics
    from graph_orch.serve.http import serve_http
    from graph_orch.serve.options import LOOPBACK, HttpOptions
    from graph_orch.serve.principals import by_tokens
    from graph_orch.telemetry import Meter

    with left_at_once():
        orch = await connect_async()
    async with orch:
        has_tokens = await orch.tokens.are_in_use()
        options = HttpOptions(
            host, port, token, origins, principal=principal, has_tokens=has_tokens
        )
        identify = by_tokens(orch, principal, token is not None or host not in LOOPBACK)
        mcp_routes: list[Route] = []
        lifespan = contextlib.nullcontext
        if find_spec("mcp"):
            from graph_orch.serve.mcp import Sessions, build

            sessions = Sessions(build(orch, options.principal), options)
            mcp_routes, lifespan = [sessions.route()], sessions.run

        mcp_routes += [*events.routes(orch), *metrics.routes(Meter(orch))]
        if not principal.read_only:
            mcp_routes += links.routes(orch)

        def routes(url: str) -> list[Route]:
            if not find_spec("a2a"):
                return mcp_routes
            from graph_orch.serve import a2a

            return [*mcp_routes, *a2a.routes(orch, url, options.principal, identify)]

        await serve_http(options, routes, lifespan, identify)


async def _until_client_or_signal(
    serving: Coroutine[Any, Any, None], orch: AsyncOrchestrator
) -> None:
    """Serve one client until it disconnects, or until SIGTERM or SIGINT.

    A thread waits for the client's next message, and nothing can interrupt it: neither the event
    loop nor the interpreter would end before the thread does. So `os._exit` leaves the process.
    """
    signalled = asyncio.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        asyncio.get_running_loop().add_signal_handler(number, signalled.set)
    server, ending = asyncio.ensure_future(serving), asyncio.ensure_future(signalled.wait())
    await asyncio.wait((server, ending), return_when=asyncio.FIRST_COMPLETED)
    if server.done():
        ending.cancel()
        return server.result()
    # An embedded server that is not closed in time ends anyway with its last user.
    with contextlib.suppress(TimeoutError, StoreError):
        async with asyncio.timeout(LEAVE_SECONDS):
            await orch.close()
    sys.stdout.flush()
    os._exit(0)
