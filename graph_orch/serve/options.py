"""How the HTTP server is started, and the limits that it holds clients to."""

from __future__ import annotations

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
    """Let this process open as many files as it needs, where it may; how many that are."""
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
    """Where to listen, whom to let in, and how much of it. Port 0 is any.

    Off loopback a token is needed. Whoever is let in is the principal.

    Args:
        body_seconds: How long a request's body may take.
        header_seconds: How long a connection may wait without a whole request.
        unread_seconds: How long a client may leave its answer unread.
        connections: How many there may be; of one address half of that, unless it is loopback. They
            are never more than half of the files that may be open, for the store needs some too.
        sessions: How many MCP sessions there may be.
        held_bytes: How much the bodies of all requests that are being answered may take.
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

    def __post_init__(self) -> None:
        if self.host not in LOOPBACK and self.token is None:
            raise ValidationError(
                f"listening on {self.host} needs a bearer token: set GRAPH_ORCH_MCP_TOKEN, or "
                "listen on 127.0.0.1"
            )
