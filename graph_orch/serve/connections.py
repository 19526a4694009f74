"""HTTP connections with time limits, so that an idle or slow client cannot hold one open.

uvicorn limits only how long a connection may be idle between two requests: it would wait forever
for a header that never ends, and for a client that reads no answer.
"""

from __future__ import annotations

import asyncio
import logging
import socket
import time
from ipaddress import IPv4Address, IPv6Address, IPv6Network, ip_address
from typing import cast

from uvicorn.protocols.http.h11_impl import H11Protocol

from graph_orch.serve.options import HttpOptions, allow_files

LEAST_READ = 64 * 1024
"""Bytes of a waiting answer that a client must read within `unread_seconds`."""
BUSY = b"HTTP/1.1 503 Service Unavailable\r\ncontent-length: 0\r\nconnection: close\r\n\r\n"

logger = logging.getLogger(__name__)


class Connection(H11Protocol):
    """A connection that the server ends when its client exceeds a limit of the options."""

    options: HttpOptions
    most: int
    _home: IPv4Address | IPv6Network | None

    def connection_made(self, transport: asyncio.Transport) -> None:  # pyright: ignore[reportIncompatibleMethodOverride]
        """Accept it. When there are too many, the one that waited longest for a request closes.

        When all of them are being answered, the new one gets 503.
        """
        super().connection_made(transport)
        # asyncio does this only where the listening socket names its protocol. Otherwise the body
        # of an answer waits, some 40 ms, until the client has acknowledged the header.
        transport.get_extra_info("socket").setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self._waits_since: float | None = time.monotonic()
        self._unread: tuple[float, int] | None = None
        self._home = _home_of(self.client)
        rivals = list(cast("set[Connection]", self.connections))
        if len(rivals) <= self.most:
            neighbours = [it for it in rivals if self._home is not None and it._home == self._home]
            rivals = neighbours if len(neighbours) > max(1, self.most // 2) else []
        if not rivals:
            return
        idle = [it for it in rivals if it is not self and it._waits_since is not None]
        if idle:
            longest = min(idle, key=lambda it: it._waits_since or 0.0)
            longest._drop("waited while there were too many connections")
        else:
            self.transport.write(BUSY)
            self._drop("came when there were too many connections", at_once=False)

    def handle_events(self) -> None:
        """Handle received data; a complete header ends the wait for a request."""
        super().handle_events()
        if self.cycle and not self.cycle.response_complete:
            self._waits_since = None

    def on_response_complete(self) -> None:
        """Wait for the next request, or for the rest of a body that the application left unread."""
        self._waits_since = time.monotonic()
        super().on_response_complete()

    def resume_writing(self) -> None:
        """Note that the client has read what was waiting."""
        super().resume_writing()
        self._unread = None

    def enforce_time_limits(self) -> None:
        """Close it if its client reads too slowly, or has sent no complete request in time."""
        now, unread = time.monotonic(), self.transport.get_write_buffer_size()
        if unread:
            if self._unread is None or unread <= self._unread[1] - LEAST_READ:
                self._unread = now, unread
            elif now - self._unread[0] > self.options.unread_seconds:
                self._drop("left its answer unread")
        else:
            self._unread = None
            since = self._waits_since
            if since is not None and now - since > self.options.header_seconds:
                self._drop("sent no whole request in time")

    def _drop(self, why: str, at_once: bool = True) -> None:
        logger.warning("a client %s: its connection is closed", why)
        self.connections.discard(self)  # so that it no longer counts before the loop has closed it
        if at_once:
            self.transport.abort()
        else:
            self.transport.close()


def protocol(options: HttpOptions) -> type[Connection]:
    """The class of a server's connections, as uvicorn's `http` option takes it."""
    most = min(options.connections, allow_files() // 2)
    return type("Connection", (Connection,), {"options": options, "most": most})


def _home_of(client: tuple[str, int] | None) -> IPv4Address | IPv6Network | None:
    """What counts as one client: an IPv4 address, or the /64 that one IPv6 machine has to itself.

    None on loopback, where a proxy speaks for many clients.
    """
    address = None if client is None else ip_address(client[0].partition("%")[0])
    if address is None or address.is_loopback:
        return None
    if isinstance(address, IPv6Address):
        return IPv6Network((address, 64), strict=False)
    return address
