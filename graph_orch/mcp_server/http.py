"""Streamable HTTP: on loopback unless told otherwise, and guarded."""

from __future__ import annotations

import asyncio
import hmac
import socket
import sys
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import urlsplit

import uvicorn
from mcp.server import Server
from mcp.server.transport_security import TransportSecuritySettings
from pydantic import SecretStr
from starlette.datastructures import Headers
from starlette.responses import PlainTextResponse, Response
from starlette.routing import Route
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from graph_orch.errors import ValidationError

PATH = "/mcp"
CARD_PATH = "/.well-known/agent-card.json"
"""The A2A card says how to be let in, so it is shown to everybody."""
MAX_BODY = 4 * 1024 * 1024
MAX_SESSIONS = 1_000
IDLE_SECONDS = 1_800.0
SHUTDOWN_SECONDS = 5
LOOPBACK = frozenset({"127.0.0.1", "localhost", "::1"})


@dataclass(frozen=True)
class HttpOptions:
    """Where to listen, and whom to let in. Port 0 is any; off loopback a token is needed."""

    host: str = "127.0.0.1"
    port: int = 8000
    token: SecretStr | None = None
    origins: frozenset[str] = field(default_factory=frozenset[str])
    body_seconds: float = 30.0

    def __post_init__(self) -> None:
        if self.host not in LOOPBACK and self.token is None:
            raise ValidationError(
                f"listening on {self.host} needs a bearer token: set GRAPH_ORCH_MCP_TOKEN, or "
                "listen on 127.0.0.1"
            )


async def serve_http(
    server: Server[dict[str, Any]],
    options: HttpOptions,
    routes: Callable[[str], Sequence[Route]] = lambda url: (),
) -> None:
    """Serve many clients until SIGTERM, and the routes besides that are made for the URL."""
    with listen(options) as listener:
        at = url(options.host, listener.getsockname()[1])
        config = uvicorn.Config(
            Guard(application(server, routes(at)), options),
            log_level="warning",
            access_log=False,
            timeout_graceful_shutdown=SHUTDOWN_SECONDS,
        )
        print(f"graph-orch: serving MCP at {at}{PATH}", file=sys.stderr, flush=True)
        await uvicorn.Server(config).serve(sockets=[listener])


def application(server: Server[dict[str, Any]], routes: Sequence[Route]) -> ASGIApp:
    """The server and the routes as one application."""
    return server.streamable_http_app(
        streamable_http_path=PATH,
        max_request_body_size=MAX_BODY,
        session_idle_timeout=IDLE_SECONDS,
        max_sessions=MAX_SESSIONS,
        # The guard below checks hosts and origins, for the other routes too.
        transport_security=TransportSecuritySettings(enable_dns_rebinding_protection=False),
        custom_starlette_routes=list(routes),
    )


def listen(options: HttpOptions) -> socket.socket:
    """A socket that listens as the options say."""
    family = socket.AF_INET6 if ":" in options.host else socket.AF_INET
    return socket.create_server((options.host, options.port), family=family)


def url(host: str, port: int) -> str:
    """The address of a server."""
    return f"http://[{host}]:{port}" if ":" in host else f"http://{host}:{port}"


class Guard:
    """Lets a request through whose origin, token, size and pace are right."""

    def __init__(self, app: ASGIApp, options: HttpOptions) -> None:
        self._app = app
        self._options = options
        token = options.token
        self._expected = None if token is None else f"Bearer {token.get_secret_value()}".encode()

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        refused = self._refused(scope["path"], Headers(scope=scope))
        body = b"" if refused else await _body(receive, self._options.body_seconds)
        if isinstance(body, Response):
            refused = body
        if refused is not None:
            await refused(scope, receive, send)
            return
        await self._app(scope, _again({"type": "http.request", "body": body}, receive), send)

    def _refused(self, path: str, headers: Headers) -> Response | None:
        on_loopback = self._options.host in LOOPBACK
        if on_loopback and _hostname(f"//{headers.get('host', '')}") not in LOOPBACK:
            return PlainTextResponse("this server is asked for by a name of loopback", 421)
        if (origin := headers.get("origin")) and not self._is_allowed(origin, on_loopback):
            return PlainTextResponse(f"the origin {origin[:200]} is not allowed", 403)
        if self._expected is None or path == CARD_PATH:
            return None
        given = headers.get("authorization", "").encode("latin-1")
        if hmac.compare_digest(given, self._expected):
            return None
        challenge = {"WWW-Authenticate": "Bearer"}
        return PlainTextResponse("a bearer token is needed", 401, challenge)

    def _is_allowed(self, origin: str, on_loopback: bool) -> bool:
        return origin in self._options.origins or (on_loopback and _hostname(origin) in LOOPBACK)


def _hostname(url: str) -> str | None:
    try:
        return urlsplit(url).hostname
    except ValueError:
        return None


async def _body(receive: Receive, seconds: float) -> bytes | Response:
    """The whole body of a request, or why it is refused."""
    body = bytearray()
    try:
        async with asyncio.timeout(seconds):
            while True:
                message = await receive()
                body += message.get("body", b"")
                if len(body) > MAX_BODY:
                    return PlainTextResponse(f"more than {MAX_BODY} bytes", 413)
                if not message.get("more_body"):
                    return bytes(body)
    except TimeoutError:
        return PlainTextResponse(f"the body took longer than {seconds:g} s", 408)


def _again(first: Message, receive: Receive) -> Receive:
    """What was received already, and then what comes."""
    kept = [first]

    async def replay() -> Message:
        return kept.pop() if kept else await receive()

    return replay
