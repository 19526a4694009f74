"""`graph-orch serve` and `graph-orch web`: the HTTP server, with all of its parts or some."""

from __future__ import annotations

import asyncio
import contextlib
import sys
import threading
import webbrowser
from collections.abc import Iterable
from enum import StrEnum
from importlib.util import find_spec
from typing import TYPE_CHECKING, Annotated

import typer

from graph_orch.cli.signals import leave_in_order, left_at_once
from graph_orch.cli.store import connect_async
from graph_orch.errors import ValidationError
from graph_orch.settings import McpSettings, Profile, Toolset

if TYPE_CHECKING:
    from starlette.routing import BaseRoute

    from graph_orch.serve.principals import Principal


class Part(StrEnum):
    """A part of the HTTP server. The stream of events and links to gates go with each."""

    WEB = "web"  # the dashboard
    MCP = "mcp"
    A2A = "a2a"


MODULES = {
    Part.WEB: ("jinja2", "numpy", "scipy", "starlette", "uvicorn"),
    Part.MCP: ("mcp", "starlette", "uvicorn"),
    Part.A2A: ("a2a", "starlette", "uvicorn"),
}
"""What must be installed for each part; the extra has the part's name."""
AGENTS = frozenset({Part.MCP, Part.A2A})

Host = Annotated[str, typer.Option(help="Where to listen.")]
Port = Annotated[int, typer.Option(min=0, max=65535, help="0: any.")]
ReadOnly = Annotated[bool, typer.Option("--read-only", help="Nothing that changes something.")]
Origins = Annotated[list[str] | None, typer.Option(help="An origin of web pages to let in.")]


def web(
    host: Host = "127.0.0.1",
    port: Port = 8080,
    read_only: ReadOnly = False,
    no_open: Annotated[bool, typer.Option("--no-open", help="Do not open a browser.")] = False,
    allow_origin: Origins = None,
) -> None:
    """Show the queue in the browser, live: tasks, workflows, agents, gates, events.

    On loopback whoever can reach it is the administrator, as long as no token was created. Then,
    and always off loopback, people log in with a token (`graph-orch token create`).
    """
    serve_http(
        frozenset({Part.WEB}),
        host,
        port,
        allow_origin or (),
        Profile.ALL,
        read_only,
        frozenset(Toolset),
        opens=not no_open and sys.stdout.isatty(),
    )


def serve(
    host: Host = "127.0.0.1",
    port: Port = 8000,
    only: Annotated[list[Part] | None, typer.Option(help="Only these parts.")] = None,
    read_only: ReadOnly = False,
    allow_origin: Origins = None,
) -> None:
    """Serve people and agents by HTTP: the dashboard, MCP, A2A, events and links to gates."""
    parts = frozenset(only) if only else frozenset(filter(_is_installed, Part)) or frozenset(Part)
    serve_http(parts, host, port, allow_origin or (), Profile.ALL, read_only, frozenset(Toolset))


def _is_installed(part: Part) -> bool:
    return all(map(find_spec, MODULES[part]))


def serve_http(
    parts: frozenset[Part],
    host: str,
    port: int,
    origins: Iterable[str],
    profile: Profile,
    read_only: bool,
    toolsets: frozenset[Toolset],
    opens: bool = False,
) -> None:
    """Serve some parts until SIGTERM; of MCP and A2A those whose extras are installed.

    Raises:
        ValidationError: what a part needs is not installed, or a token is needed.
    """
    there = frozenset(filter(_is_installed, parts))
    if Part.WEB in parts - there or not there:
        lacking = sorted(parts - there)
        raise ValidationError(
            f"install graph-orch[{','.join(lacking)}] to serve {' and '.join(lacking)}"
        )
    from graph_orch.serve.principals import Principal

    leave_in_order()
    name = "administrator" if McpSettings().token is None else "token"
    everybody = Principal(name, profile, read_only, toolsets)
    asyncio.run(_serve(there, host, port, frozenset(origins), everybody, opens))


async def _serve(
    parts: frozenset[Part],
    host: str,
    port: int,
    origins: frozenset[str],
    everybody: Principal,
    opens: bool,
) -> None:
    from graph_orch.serve import events, links, metrics
    from graph_orch.serve.http import serve_http as serve_routes
    from graph_orch.serve.options import LOOPBACK, HttpOptions
    from graph_orch.serve.principals import by_tokens
    from graph_orch.telemetry import Meter

    token = McpSettings().token
    with left_at_once():
        orch = await connect_async()
    async with orch:
        has_tokens = await orch.tokens.are_in_use()
        options = HttpOptions(
            host, port, token, origins, principal=everybody, has_tokens=has_tokens
        )
        identify = by_tokens(orch, everybody, token is not None or host not in LOOPBACK)
        meter = Meter(orch)
        found: list[BaseRoute] = [*metrics.routes(meter)]
        lifespan, to_login = contextlib.nullcontext, None
        if Part.MCP in parts:
            from graph_orch.serve.mcp import Sessions, build

            sessions = Sessions(build(orch, everybody), options)
            found.append(sessions.route())
            lifespan = sessions.run
        if Part.WEB in parts:
            from graph_orch.serve import web

            found += web.routes(orch, meter, options, identify)
            to_login = web.to_login
        else:
            found += events.routes(orch)
        if not everybody.read_only:
            found += links.routes(orch)

        def routes(url: str) -> list[BaseRoute]:
            if Part.A2A not in parts:
                return found
            from graph_orch.serve import a2a

            return [*found, *a2a.routes(orch, url, everybody, identify)]

        def open_page(url: str) -> None:
            # A browser in the terminal would keep this thread, which is to answer it.
            threading.Thread(target=webbrowser.open, args=(url,), daemon=True).start()

        ready = open_page if opens else None
        # Its curves are there at once; where only scrapes ask, they look.
        async with meter.following() if Part.WEB in parts else contextlib.nullcontext():
            await serve_routes(options, routes, lifespan, identify, to_login, ready)
