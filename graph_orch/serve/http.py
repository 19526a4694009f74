"""The HTTP server: one application with one guard, whatever protocols its routes speak."""

from __future__ import annotations

import socket
import sys
from collections.abc import Callable, Sequence
from contextlib import AbstractAsyncContextManager, nullcontext
from typing import cast

import uvicorn
from starlette.applications import Starlette
from starlette.middleware import Middleware
from starlette.routing import BaseRoute, Route
from starlette.types import ASGIApp

from graph_orch.serve.complaints import Complaints
from graph_orch.serve.connections import Connection, protocol
from graph_orch.serve.guard import Guard
from graph_orch.serve.options import HttpOptions
from graph_orch.serve.principals import Identify

SHUTDOWN_SECONDS = 5
BACKLOG = 100
"""Connections that the kernel queues. When no file descriptor is left, asyncio tries to accept, and
logs an error, up to this many times in a row."""


async def serve_http(
    options: HttpOptions,
    routes: Callable[[str], Sequence[BaseRoute]],
    lifespan: Callable[[], AbstractAsyncContextManager[None]] = nullcontext,
    identify: Identify | None = None,
    to_login: Callable[[str], ASGIApp] | None = None,
    ready: Callable[[str], None] | None = None,
) -> None:
    """Serve many clients until SIGTERM.

    Args:
        routes: Makes the routes, given the server's URL, whose port may be chosen by the system.
        lifespan: Makes the context in which the routes are served.
        identify: Finds whose token a request brings.
        to_login: Answers a browser without a token, given the address that it asked for.
        ready: Is told the URL when clients can connect.
    """
    complaints = Complaints()

    async def every_second() -> None:
        for connection in list(server.server_state.connections):
            cast(Connection, connection).enforce_time_limits()
        complaints.report_omitted()

    family = socket.AF_INET6 if ":" in options.host else socket.AF_INET
    with socket.create_server((options.host, options.port), family=family) as listener:
        at = url(options.host, listener.getsockname()[1])
        served = routes(at)
        app = Starlette(
            routes=served,
            middleware=[Middleware(Guard, options, identify, to_login)],
            lifespan=lambda app: lifespan(),
        )
        app.router.redirect_slashes = (
            False  # an address may hold a secret, and where it leads is told
        )
        config = uvicorn.Config(
            app,
            http=protocol(options),
            ws="none",
            backlog=BACKLOG,
            log_config=complaints.config(),
            log_level="warning",
            access_log=False,
            callback_notify=every_second,
            timeout_notify=0,  # uvicorn looks once a second, and calls when this much has passed
            timeout_graceful_shutdown=SHUTDOWN_SECONDS,
        )
        server = uvicorn.Server(config)
        paths = ", ".join(dict.fromkeys(it.path for it in served if isinstance(it, Route)))
        print(f"graph-orch: serving {paths} at {at}", file=sys.stderr, flush=True)
        if ready is not None:
            ready(at)
        await server.serve(sockets=[listener])


def url(host: str, port: int) -> str:
    """The base URL of a server."""
    return f"http://[{host}]:{port}" if ":" in host else f"http://{host}:{port}"
