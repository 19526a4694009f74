"""Who is let in, and with how much: what stands before every route of the HTTP server."""

from __future__ import annotations

import asyncio
import hmac
import re

from starlette.datastructures import Headers
from starlette.responses import PlainTextResponse, Response
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from graph_orch.serve.options import LOOPBACK, MB, HttpOptions
from graph_orch.serve.principals import Principal

CARD_PATH = "/.well-known/agent-card.json"
"""The A2A card says how to be let in, so it is shown to everybody."""
MAX_BODY = 4 * MB
SMALL_BODY = 64 * 1024
"""A body up to that is taken whatever the others take: an agent can always say that it is done."""
MOST_VALUES = 100_000
"""Values in the JSON of a body. The event loop reads them itself: each takes it up to 4 µs."""
SINGLE = ("host", "origin", "authorization", "content-length", "transfer-encoding")
"""Headers that decide on something here: two of them could be read in two ways."""

_PLACE = re.compile(
    r"(?:[a-z][a-z0-9+.-]*:)?//(?:\[([0-9a-f:.]+)\]|([a-z0-9.-]+))(?::[0-9]*)?", re.I | re.ASCII
)
"""A host and a port. User information, a path or a space in it would be read in two ways."""
_TEXT = re.compile(rb'"(?:[^"\\]|\\.)*+"', re.DOTALL)


class Guard:
    """Lets a request through whose origin, token, size and pace are right."""

    def __init__(self, app: ASGIApp, options: HttpOptions) -> None:
        self._app = app
        self._options = options
        self._held = 0

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        match scope["type"]:
            case "lifespan":
                await self._app(scope, receive, send)
            case "http":
                await self._answer(scope, receive, send)
            case _:  # nothing here is served by WebSocket
                await send({"type": "websocket.close"})

    async def _answer(self, scope: Scope, receive: Receive, send: Send) -> None:
        headers = Headers(scope=scope)
        principal = self._principal(headers)
        refused = _ambiguous(headers) or self._elsewhere(headers)
        if refused is None and principal is None:
            if scope["path"] == CARD_PATH:
                await self._app(scope, _again(b"", receive), send)
                return
            challenge = {"WWW-Authenticate": "Bearer"}
            refused = PlainTextResponse("a bearer token is needed", 401, challenge)
        if refused is not None:
            await refused(scope, receive, send)
            return
        scope.setdefault("state", {})["principal"] = principal
        await self._with_body(scope, receive, send)

    async def _with_body(self, scope: Scope, receive: Receive, send: Send) -> None:
        parts: list[bytes] = []
        try:
            refused = await self._read(receive, parts)
            parts[:] = [b"".join(parts)]
            refused = refused or _unreadable(parts[0])
            if refused is not None:
                await refused(scope, receive, send)
            else:
                await self._app(scope, _again(parts[0], receive), send)
        finally:
            self._held -= sum(map(len, parts))

    async def _read(self, receive: Receive, parts: list[bytes]) -> Response | None:
        """Read the whole body; why it is refused."""
        size, seconds = 0, self._options.body_seconds
        try:
            async with asyncio.timeout(seconds):
                while True:
                    message = await receive()
                    if message["type"] == "http.disconnect":
                        return PlainTextResponse("the body ended early", 400)
                    parts.append(message.get("body", b""))
                    size += len(parts[-1])
                    self._held += len(parts[-1])
                    if size > MAX_BODY:
                        return PlainTextResponse(f"more than {MAX_BODY} bytes", 413)
                    if size > SMALL_BODY and self._held > self._options.held_bytes:
                        busy = "the requests of all clients are too large together; ask again"
                        return PlainTextResponse(busy, 503, {"Retry-After": "1"})
                    if not message.get("more_body"):
                        return None
        except TimeoutError:
            return PlainTextResponse(f"the body took longer than {seconds:g} s", 408)

    def _principal(self, headers: Headers) -> Principal | None:
        """Whose request it is; None where it brings no token that is known."""
        token = self._options.token
        if token is None:
            return self._options.principal
        scheme, _, given = headers.get("authorization", "").partition(" ")
        expected = token.get_secret_value().encode()
        is_right = hmac.compare_digest(given.strip().encode("latin-1"), expected)
        return self._options.principal if is_right and scheme.lower() == "bearer" else None

    def _elsewhere(self, headers: Headers) -> Response | None:
        """Why a request that a web page or another name of this machine brought is refused."""
        on_loopback = self._options.host in LOOPBACK
        if on_loopback and _hostname(f"//{headers.get('host', '')}") not in LOOPBACK:
            return PlainTextResponse("this server is asked for by a name of loopback", 421)
        if (origin := headers.get("origin")) and not self._is_allowed(origin, on_loopback):
            return PlainTextResponse(f"the origin {origin[:200]} is not allowed", 403)
        return None

    def _is_allowed(self, origin: str, on_loopback: bool) -> bool:
        return origin in self._options.origins or (on_loopback and _hostname(origin) in LOOPBACK)


def _ambiguous(headers: Headers) -> Response | None:
    """Why a request is refused that a proxy before this server might read in another way."""
    if twice := [name for name in SINGLE if len(headers.getlist(name)) > 1]:
        return PlainTextResponse(f"the header {twice[0]} is given twice", 400)
    if "content-length" in headers and "transfer-encoding" in headers:
        return PlainTextResponse("content-length and transfer-encoding exclude each other", 400)
    return None


def _unreadable(body: bytes) -> Response | None:
    """Why a body is refused that would take too long to read."""
    if b"\0" in body:  # JSON in UTF-16, of which the values could not be counted
        return PlainTextResponse("the body is not JSON in UTF-8", 400)
    if _values(body) > MOST_VALUES and _values(_TEXT.sub(b"", body)) > MOST_VALUES:
        return PlainTextResponse(
            f"the JSON holds more than {MOST_VALUES} values; send fewer at a time", 413
        )
    return None


def _values(body: bytes) -> int:
    """How many values JSON holds, up to a factor; those that its texts seem to hold count too."""
    return body.count(b",") + body.count(b"[") + body.count(b"{")


def _hostname(url: str) -> str | None:
    found = _PLACE.fullmatch(url)
    return None if found is None else (found[1] or found[2]).lower()


def _again(body: bytes, receive: Receive) -> Receive:
    """The body that was received already, and then what comes."""
    kept: list[Message] = [{"type": "http.request", "body": body}]

    async def replay() -> Message:
        return kept.pop() if kept else await receive()

    return replay
