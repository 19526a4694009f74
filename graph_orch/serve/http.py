"""Streamable HTTP: on loopback unless told otherwise, and guarded."""

from __future__ import annotations

import math
import socket
import sys
from collections.abc import Callable, Sequence
from typing import Any, cast

import uvicorn
from mcp.server import Server
from mcp.server.auth.middleware.bearer_auth import AuthorizationContext
from mcp.server.streamable_http import StreamableHTTPServerTransport
from mcp.server.streamable_http_manager import (
    StreamableHTTPASGIApp,
    StreamableHTTPSessionManager,
)
from starlette.applications import Starlette
from starlette.routing import Route

from graph_orch.serve.complaints import Complaints
from graph_orch.serve.connections import Connection, protocol
from graph_orch.serve.guard import MAX_BODY, Guard
from graph_orch.serve.options import HttpOptions

PATH = "/mcp"
IDLE_SECONDS = 1_800.0
SHUTDOWN_SECONDS = 5
BACKLOG = 100
"""Connections that the kernel keeps for us. Where no file is left for one, asyncio tries, and
complains, as often as that."""


async def serve_http(
    server: Server[dict[str, Any]],
    options: HttpOptions,
    routes: Callable[[str], Sequence[Route]] = lambda url: (),
) -> None:
    """Serve many clients until SIGTERM, and the routes besides that are made for the URL."""
    complaints = Complaints()

    async def look() -> None:
        for connection in list(running.server_state.connections):
            cast(Connection, connection).look()
        complaints.tell()

    with listen(options) as listener:
        at = url(options.host, listener.getsockname()[1])
        config = uvicorn.Config(
            Guard(application(server, options, routes(at)), options),
            http=protocol(options),
            ws="none",
            backlog=BACKLOG,
            log_config=complaints.config(),
            log_level="warning",
            access_log=False,
            callback_notify=look,
            timeout_notify=0,  # that is each second
            timeout_graceful_shutdown=SHUTDOWN_SECONDS,
        )
        running = uvicorn.Server(config)
        print(f"graph-orch: serving MCP at {at}{PATH}", file=sys.stderr, flush=True)
        await running.serve(sockets=[listener])


def application(
    server: Server[dict[str, Any]], options: HttpOptions, routes: Sequence[Route]
) -> Starlette:
    """The server and the routes as one application, before which the guard is to stand."""
    sessions = Sessions(
        server,
        max_request_body_size=MAX_BODY,
        session_idle_timeout=IDLE_SECONDS,
        max_sessions=options.sessions,
    )
    mcp = Route(PATH, endpoint=StreamableHTTPASGIApp(sessions))
    return Starlette(routes=[mcp, *routes], lifespan=lambda app: sessions.run())


class Sessions(StreamableHTTPSessionManager):
    """Sessions of MCP. Where one more would be too many, the one that is idle longest ends.

    Its client, if it lives, is told that there is no such session, and begins another.
    """

    def _admit_session(
        self, requestor: AuthorizationContext | None
    ) -> StreamableHTTPServerTransport | None:
        if self.max_sessions is not None and len(self._server_instances) >= self.max_sessions:
            session_id, idlest = min(self._server_instances.items(), key=lambda it: _ends(it[1]))
            if idlest.idle_scope is not None and _ends(idlest) < math.inf:
                idlest.idle_scope.cancel()
                del self._server_instances[session_id]
        return super()._admit_session(requestor)


def _ends(session: StreamableHTTPServerTransport) -> float:
    """When a session ends by itself; never while it answers a request."""
    return math.inf if session.idle_scope is None else session.idle_scope.deadline


def listen(options: HttpOptions) -> socket.socket:
    """A socket that listens as the options say."""
    family = socket.AF_INET6 if ":" in options.host else socket.AF_INET
    return socket.create_server((options.host, options.port), family=family)


def url(host: str, port: int) -> str:
    """The address of a server."""
    return f"http://[{host}]:{port}" if ":" in host else f"http://{host}:{port}"
