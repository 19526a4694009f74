"""ASGI middleware in front of every route of the HTTP server: who may ask, and how much at once.

Starlette's own middleware does not replace it: TrustedHostMiddleware answers a wrong host with 400
where 421 is meant, RequestBodyLimitMiddleware limits one body but not the memory and time of all,
and AuthenticationMiddleware would only wrap the one comparison of a token.
"""

from __future__ import annotations

import asyncio
import re
from collections.abc import Callable
from functools import partial
from urllib.parse import unquote

from starlette.datastructures import Headers
from starlette.exceptions import HTTPException
from starlette.requests import cookie_parser
from starlette.responses import PlainTextResponse
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from graph_orch.errors import StoreError
from graph_orch.serve.options import LOOPBACK, MB, HttpOptions
from graph_orch.serve.principals import Identify, Principal

CARD_PATH = "/.well-known/agent-card.json"
"""The A2A card describes how to authenticate, so it is public."""
LINKS = "/decide/"
"""How the paths of links to gates begin. A link says who decides, so it needs no token."""
LOGIN = "/login"
STATIC = "/static"
MAX_BODY = 4 * MB
SMALL_BODY = 64 * 1024
"""A body up to this size is read even when other requests fill `held_bytes`, so that an agent can
always report that a task is done."""
MOST_VALUES = 100_000
"""JSON values in a body. The event loop parses them itself, which takes up to 4 µs for each."""
SINGLE = ("host", "origin", "authorization", "content-length", "transfer-encoding")
"""Headers that decide about access here. A proxy could choose another one of two than this does."""

_HOST = re.compile(
    r"(?:[a-z][a-z0-9+.-]*:)?//(?:\[([0-9a-f:.]+)\]|([a-z0-9.-]+))(?::[0-9]*)?", re.I | re.ASCII
)
"""A host and an optional port. Two parsers may read user information, a path or a space in it
differently, so those do not match."""
_JSON_STRING = re.compile(rb'"(?:[^"\\]|\\.)*+"', re.DOTALL)


class Guard:
    """Passes a request on when its headers, origin, token and body are acceptable.

    The application finds who asks in `request.state.principal`, and what goes on for long asks
    `request.state.identify_again` whether that is still so.
    """

    def __init__(
        self,
        app: ASGIApp,
        options: HttpOptions,
        identify: Identify | None = None,
        to_login: Callable[[str], ASGIApp] | None = None,
    ) -> None:
        self._app = app
        self._options = options
        self._identify = identify
        self._to_login = to_login
        self._held = 0  # bytes of the bodies of all requests that are being answered

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        match scope["type"]:
            case "lifespan":
                await self._app(scope, receive, send)
            case "http":
                await self._answer(scope, receive, send)
            case _:  # no route here speaks WebSocket
                await send({"type": "websocket.close"})

    async def _answer(self, scope: Scope, receive: Receive, send: Send) -> None:
        headers, parts = Headers(scope=scope), list[bytes]()
        try:
            _check_unambiguous(headers)
            self._check_origin(headers)
            principal = await self._authenticate(headers)
            if principal is not None:
                state = scope.setdefault("state", {})
                state["principal"] = principal
                state["identify_again"] = partial(self._authenticate, headers)
            if _says_who_asks(scope["path"]):  # the application checks it before it reads
                receive = self._once_asked(receive, parts)
            elif principal is not None:
                await self._read_body(receive, parts)
                receive = _replay(parts[0], receive)
            elif _is_public(scope["path"]):
                receive = _replay(b"", receive)
            elif self._to_login is not None and "text/html" in headers.get("accept", ""):
                await self._to_login(address_of(scope))(scope, receive, send)
                return
            else:
                challenge = {"WWW-Authenticate": "Bearer"}
                raise HTTPException(401, "a bearer token is needed", challenge)
            await self._app(scope, receive, send)
        except HTTPException as error:
            response = PlainTextResponse(error.detail, error.status_code, error.headers)
            await response(scope, receive, send)
        finally:
            self._held -= sum(map(len, parts))

    async def _authenticate(self, headers: Headers) -> Principal | None:
        """The principal of a request, by its bearer token or its cookie; None: it has no valid one.

        Without one it is whoever can reach loopback, as long as there are no tokens.
        """
        scheme, _, given = headers.get("authorization", "").partition(" ")
        secret = given.strip() if scheme.lower() == "bearer" else _cookie(headers)
        if secret and self._options.is_token(secret.encode("latin-1").decode(errors="replace")):
            return self._options.principal
        if self._identify is None:
            return self._options.principal if self._options.token is None else None
        try:
            return await self._identify(secret)
        except StoreError as error:
            raise HTTPException(503, "the store does not answer; ask again") from error

    def _check_origin(self, headers: Headers) -> None:
        """Refuse a request from a foreign web page, or one for another name of this machine.

        A page can let its own name resolve to a loopback address (DNS rebinding), so the host
        must be a loopback name too.
        """
        on_loopback = self._options.host in LOOPBACK
        if on_loopback and _hostname(f"//{headers.get('host', '')}") not in LOOPBACK:
            raise HTTPException(421, "this server answers to the names of loopback only")
        origin = headers.get("origin")
        is_local = on_loopback and origin is not None and _hostname(origin) in LOOPBACK
        # Off loopback a page of this server itself; it got here with a token, or asks for one.
        is_own = (
            not on_loopback
            and origin is not None
            and origin.partition("://")[2] == headers.get("host")
        )
        if origin and not is_local and not is_own and origin not in self._options.origins:
            raise HTTPException(403, f"the origin {origin[:200]} is not allowed")

    def _once_asked(self, receive: Receive, parts: list[bytes]) -> Receive:
        """A `receive` that reads the body, a small one, when the application asks for it."""

        async def read() -> Message:
            if parts:
                return await receive()
            await self._read_body(receive, parts, SMALL_BODY)
            return {"type": "http.request", "body": parts[0]}

        return read

    async def _read_body(self, receive: Receive, parts: list[bytes], most: int = MAX_BODY) -> None:
        """Read the whole body into `parts`, and check that its JSON is cheap to parse."""
        size, seconds = 0, self._options.body_seconds
        try:
            async with asyncio.timeout(seconds):
                more = True
                while more:
                    message = await receive()
                    if message["type"] == "http.disconnect":
                        raise HTTPException(400, "the body ended early")
                    parts.append(message.get("body", b""))
                    more = message.get("more_body", False)
                    size += len(parts[-1])
                    self._held += len(parts[-1])
                    if size > most:
                        raise HTTPException(413, f"the body has more than {most} bytes")
                    if size > SMALL_BODY and self._held > self._options.held_bytes:
                        busy = "the bodies of all requests together are too large; ask again"
                        raise HTTPException(503, busy, {"Retry-After": "1"})
        except TimeoutError:
            raise HTTPException(408, f"the body took longer than {seconds:g} s") from None
        parts[:] = [b"".join(parts)]
        _check_json(parts[0])


def _says_who_asks(path: str) -> bool:
    """Whether a request for a path says by its path or its body who asks."""
    return path == LOGIN or path.startswith(LINKS)


def _is_public(path: str) -> bool:
    """Whether a path is for whoever brings no token too."""
    return path == CARD_PATH or path.startswith(f"{STATIC}/")


def cookie_of(headers: Headers) -> str:
    """The name of the cookie in which a browser keeps the token that its user logged in with.

    It names the port, since a browser sends a cookie to all ports of a host.
    """
    port = headers.get("host", "").rpartition(":")[2]
    return f"graph-orch-token-{port}" if port.isdecimal() else "graph-orch-token"


def _cookie(headers: Headers) -> str | None:
    """The token that a browser keeps; None where it has none."""
    kept = cookie_parser(headers.get("cookie", "")).get(cookie_of(headers))
    return None if kept is None else unquote(kept, encoding="latin-1")


def address_of(scope: Scope) -> str:
    """The path of a request with its parameters, as it was sent."""
    query = scope["query_string"]
    return (scope["raw_path"] + (b"?" + query if query else b"")).decode("latin-1")


def _check_unambiguous(headers: Headers) -> None:
    """Refuse headers that a proxy in front of this server might read differently."""
    if twice := [name for name in SINGLE if len(headers.getlist(name)) > 1]:
        raise HTTPException(400, f"the header {twice[0]} is given twice")
    if "content-length" in headers and "transfer-encoding" in headers:
        raise HTTPException(400, "content-length and transfer-encoding exclude each other")


def _check_json(body: bytes) -> None:
    """Refuse a body that would take too long to parse."""
    if b"\0" in body:  # JSON in UTF-16, whose values the bytes below do not show
        raise HTTPException(400, "the body is not JSON in UTF-8")
    # Removing the strings is slow, so it is done only when the strings may make the difference.
    if _values(body) > MOST_VALUES and _values(_JSON_STRING.sub(b"", body)) > MOST_VALUES:
        raise HTTPException(
            413, f"the JSON holds more than {MOST_VALUES} values; send fewer at a time"
        )


def _values(body: bytes) -> int:
    """About how many values JSON holds; commas and brackets inside strings count too."""
    return body.count(b",") + body.count(b"[") + body.count(b"{")


def _hostname(url: str) -> str | None:
    found = _HOST.fullmatch(url)
    return None if found is None else (found[1] or found[2]).lower()


def _replay(body: bytes, receive: Receive) -> Receive:
    """A `receive` that gives the body, which has been read already, and then what else comes."""
    kept: list[Message] = [{"type": "http.request", "body": body}]

    async def replay() -> Message:
        return kept.pop() if kept else await receive()

    return replay
