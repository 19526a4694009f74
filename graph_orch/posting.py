"""Posts to receivers on the internet, who may answer anything, for as long as they like.

A URL comes from whoever put the webhook, and its name from a DNS server that may be hostile: so a
name is resolved once, every address of it is looked at, and what was looked at is connected to.
Redirects are answers like any other, and proxies of the environment are not used.
"""

from __future__ import annotations

import asyncio
import contextlib
import socket
import ssl
import time
from collections.abc import Iterable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import cache
from typing import Any, cast
from urllib.parse import urlsplit

import httpcore2
from standardwebhooks import Webhook as Signer

from graph_orch.domain.cloud_events import CONTENT_TYPE
from graph_orch.domain.webhooks import (
    Answer,
    Networks,
    Post,
    asked_for,
    is_public,
    is_within,
)

CONNECT_SECONDS = 5.0
"""For one address."""
POST_SECONDS = 15.0
"""For the whole of it: name, connection, request and answer."""
BODY_SECONDS = 2.0
"""How long the body of an answer is read, of which no more than its beginning is of use."""
MOST_READ = 16_384
"""Bytes of a body that are read; where more come, the connection is not used again."""
MOST_KEPT = 500
"""Characters of a body that are kept."""
MOST_ADDRESSES = 8
"""Of a name; each that does not answer takes CONNECT_SECONDS."""
MOST_RESOLVING = 32
AGENT = "graph-orch"


class RefusedAddressError(httpcore2.ConnectError):
    """A URL leads to an address that nothing is sent to."""


@dataclass
class _Seen:
    """What was seen of an answer so far."""

    status: int | None = None
    text: str | None = None
    again_after: float | None = None


class Poster:
    """Sends posts, any number at once, over connections that are kept until it is closed.

    Args:
        allowed: Networks that may be sent to beside public addresses, by http too.
    """

    def __init__(self, allowed: Networks = ()) -> None:
        networks = tuple(allowed)
        resolver = ThreadPoolExecutor(MOST_RESOLVING, thread_name_prefix="graph-orch-resolve")
        self._resolver = resolver
        self._pools = {
            "https": _pool(_CheckedBackend(networks, resolver, also_public=True)),
            "http": _pool(_CheckedBackend(networks, resolver, also_public=False)),
        }

    async def close(self) -> None:
        """Close the connections."""
        self._resolver.shutdown(wait=False, cancel_futures=True)
        for pool in self._pools.values():
            await pool.aclose()

    async def post_all(self, posts: Iterable[Post]) -> list[Answer]:
        """Send them all at once; the answers in their order."""
        return list(await asyncio.gather(*map(self.post, posts)))

    async def post(self, post: Post) -> Answer:
        """Send one; what goes wrong is in the answer."""
        began, seen, error = time.perf_counter(), _Seen(), None
        try:
            async with asyncio.timeout(POST_SECONDS):
                await self._exchange(post, seen)
        except TimeoutError:
            error = f"no answer within {POST_SECONDS:g} s"
        except RefusedAddressError as refused:
            error = str(refused)
        except (httpcore2.NetworkError, httpcore2.TimeoutException) as failed:
            error = f"not reached: {_told(failed)}"
        except (httpcore2.ProtocolError, httpcore2.UnsupportedProtocol, OSError) as failed:
            error = f"no proper answer: {_told(failed)}"
        except Exception as failed:  # whatever a receiver brings about, the other posts go on
            error = f"cannot be sent: {_told(failed)}"
        if (status := seen.status) is not None:
            error = None if 200 <= status < 300 else f"answered with status {status}"
        took = round((time.perf_counter() - began) * 1000, 3)
        return Answer(took, status, error, seen.text, seen.again_after)

    async def _exchange(self, post: Post, seen: _Seen) -> None:
        """Note what is seen of the answer as soon as it is: its status says whether it arrived."""
        pool = self._pools[post.url.partition(":")[0].lower()]
        timeouts = {"connect": POST_SECONDS, "read": POST_SECONDS, "write": POST_SECONDS}
        async with pool.stream(
            "POST",
            post.url,
            headers=_headers(post),
            content=post.body.encode(),
            extensions={"timeout": timeouts},
        ) as answer:
            seen.status = answer.status
            headers = {name.lower(): value for name, value in answer.headers}
            asked = headers.get(b"retry-after", b"").decode("latin-1")
            seen.again_after = asked_for(asked, datetime.now(UTC))
            found = bytearray()
            with contextlib.suppress(httpcore2.ProtocolError, httpcore2.NetworkError, TimeoutError):
                async with asyncio.timeout(BODY_SECONDS):
                    async for part in answer.aiter_stream():
                        found += part[: MOST_READ - len(found)]
                        if len(found) >= MOST_READ:
                            break
            seen.text = found[: 4 * MOST_KEPT].decode(errors="replace")[:MOST_KEPT] or None


def _headers(post: Post) -> list[tuple[str, str]]:
    at = datetime.now(UTC).replace(microsecond=0)
    signed = [Signer(secret).sign(post.id, at, post.body) for secret in post.secrets]
    parts = urlsplit(post.url)
    return [
        # The library writes an IPv6 address without its brackets.
        ("Host", parts.netloc.removesuffix(":443" if parts.scheme == "https" else ":80")),
        ("User-Agent", AGENT),
        ("Content-Type", CONTENT_TYPE),
        ("Accept-Encoding", "identity"),
        ("webhook-id", post.id),
        ("webhook-timestamp", str(int(at.timestamp()))),
        ("webhook-signature", " ".join(signed)),
    ]


def _pool(backend: httpcore2.AsyncNetworkBackend) -> httpcore2.AsyncConnectionPool:
    return httpcore2.AsyncConnectionPool(
        ssl_context=_ssl_context(),
        max_connections=1_000,
        max_keepalive_connections=100,
        keepalive_expiry=5.0,
        network_backend=backend,
    )


@cache
def _ssl_context() -> ssl.SSLContext:
    """That of the system's authorities, or of SSL_CERT_FILE; to load them takes a while."""
    return httpcore2.default_ssl_context()


class _CheckedBackend(httpcore2.AsyncNetworkBackend):
    """Connects to addresses that were looked at, and to no name."""

    def __init__(
        self, allowed: Networks, resolver: ThreadPoolExecutor, *, also_public: bool
    ) -> None:
        self._allowed = allowed
        self._resolver = resolver
        self._also_public = also_public
        # Without anyio this class has no methods, and so its type has none.
        self._inner = cast(httpcore2.AsyncNetworkBackend, httpcore2.AnyIOBackend())

    async def connect_tcp(
        self,
        host: str,
        port: int,
        timeout: float | None = None,
        local_address: str | None = None,
        socket_options: Iterable[Any] | None = None,
    ) -> httpcore2.AsyncNetworkStream:
        addresses = await self._addresses(host, port)
        failed: httpcore2.ConnectError | httpcore2.ConnectTimeout | None = None
        for address in addresses[:MOST_ADDRESSES]:
            try:
                return await self._inner.connect_tcp(
                    address, port, CONNECT_SECONDS, local_address, socket_options
                )
            except (httpcore2.ConnectError, httpcore2.ConnectTimeout) as error:
                failed = error
        raise failed or httpcore2.ConnectError(f"{host} has no address")

    async def _addresses(self, host: str, port: int) -> list[str]:
        """The addresses of a name.

        Raises:
            RefusedAddressError: one of them is not to be sent to.
        """
        # Of the threads of its own: those of the event loop are for handlers, and a name server
        # that does not answer would take them all.
        loop = asyncio.get_running_loop()
        try:
            found = await loop.run_in_executor(
                self._resolver, socket.getaddrinfo, host, port, 0, socket.SOCK_STREAM
            )
        except (OSError, UnicodeError) as error:
            raise httpcore2.ConnectError(f"the name {host} is not resolved: {error}") from error
        addresses = list(dict.fromkeys(str(it[4][0]) for it in found))
        for address in addresses:
            self._refuse_unless_meant(host, address)
        return addresses

    def _refuse_unless_meant(self, host: str, address: str) -> None:
        if is_within(address, self._allowed):
            return
        where = address if address == host else f"{host} at {address}"
        if not is_public(address):
            raise RefusedAddressError(
                f"refused: {where} is no public address; the setting GRAPH_ORCH_WEBHOOK_NETWORKS "
                "of the process that delivers allows others"
            )
        if not self._also_public:
            raise RefusedAddressError(
                f"refused: {where} is a public address, to which nothing is sent without TLS; use "
                "https, or the setting GRAPH_ORCH_WEBHOOK_NETWORKS of the process that delivers"
            )


def _told(error: Exception) -> str:
    return str(error)[:300] or type(error).__name__
