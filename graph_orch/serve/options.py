"""The options of the HTTP server, and the limits that it sets to clients."""

from __future__ import annotations

import hmac
import sys
from dataclasses import dataclass, field

from pydantic import SecretStr

from graph_orch.errors import ValidationError
from graph_orch.serve.principals import Principal

LOOPBACK = frozenset({"127.0.0.1", "localhost", "::1"})
FILES = 4_096
MOST_CONNECTIONS = 1_000
MB = 1024 * 1024


def allow_files() -> int:
    """Raise this process's limit of open files to `FILES` if it may, and return the limit."""
    if sys.platform == "win32":
        return FILES
    import resource

    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    if 0 <= soft < FILES:
        soft = FILES if hard == resource.RLIM_INFINITY else min(hard, FILES)
        resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))
    return FILES if soft < 0 else soft


@dataclass(frozen=True)
class HttpOptions:
    """Where the server listens, whom it lets in, and how much they may use.

    Args:
        port: 0 lets the system choose one.
        token: A bearer token that lets in, beside those in the graph.
        has_tokens: Whether there are tokens in the graph. Off loopback one or the other is needed.
        origins: The origins of web pages that may ask, besides those of loopback.
        body_seconds: How long a request's body may take.
        header_seconds: How long a connection may wait without a complete request.
        unread_seconds: How long a client may leave its answer unread.
        connections: The most connections. One address may have half of them, unless it is loopback.
            They never exceed half of the open files allowed, since the store needs some too.
        sessions: The most MCP sessions.
        held_bytes: The most bytes that the bodies of all requests being answered may take.
        principal: Who asks, for a request that is let in by `token` or, on loopback, without one.

    Raises:
        ValidationError: the host is not loopback and there is no token.
    """

    host: str = "127.0.0.1"
    port: int = 8000
    token: SecretStr | None = None
    origins: frozenset[str] = field(default_factory=frozenset[str])
    body_seconds: float = 30.0
    header_seconds: float = 10.0
    unread_seconds: float = 60.0
    connections: int = MOST_CONNECTIONS
    sessions: int = 1_000
    held_bytes: int = 64 * MB
    principal: Principal = field(default_factory=Principal)
    has_tokens: bool = False

    def __post_init__(self) -> None:
        if self.host not in LOOPBACK and self.token is None and not self.has_tokens:
            raise ValidationError(
                f"listening on {self.host} needs a bearer token: make one with graph-orch token "
                "create, or set GRAPH_ORCH_MCP_TOKEN, or listen on 127.0.0.1"
            )

    def is_token(self, given: str) -> bool:
        """Whether a secret is the token of this server."""
        if self.token is None:
            return False
        return hmac.compare_digest(given.encode(), self.token.get_secret_value().encode())
