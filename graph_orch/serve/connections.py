"""Connections by HTTP that end by themselves: none may be held open by a client that does nothing.

uvicorn limits how long a connection may be idle between two requests, and nothing else: a header
that never ends and an answer that nobody reads would be waited for without end.
"""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import Iterable
from ipaddress import IPv4Address, IPv6Address, IPv6Network, ip_address
from typing import cast

from uvicorn.protocols.http.h11_impl import H11Protocol

from graph_orch.serve.options import HttpOptions, allow_files

LEAST_READ = 64 * 1024
"""Bytes that a client must read of a waiting answer within the time that it may leave it unread."""
BUSY = b"HTTP/1.1 503 Service Unavailable\r\ncontent-length: 0\r\nconnection: close\r\n\r\n"

logger = logging.getLogger(__name__)


class Connection(H11Protocol):
    """A connection, with limits on what it waits for."""

    options: HttpOptions
    most: int
    _home: IPv4Address | IPv6Network | None

    def connection_made(self, transport: asyncio.Transport) -> None:  # pyright: ignore[reportIncompatibleMethodOverride]
        """Let it in; where there are too many, the one that waited longest for a request goes."""
        super().connection_made(transport)
        self._waits_since: float | None = time.monotonic()
        self._unread: tuple[float, int] | None = None
        self._home = _home_of(self.client)
        everybody = cast("set[Connection]", self.connections)
        neighbours = [it for it in everybody if self._home is not None and it._home == self._home]
        if len(everybody) > self.most:
            self._make_room(everybody)
        elif len(neighbours) > max(1, self.most // 2):
            self._make_room(neighbours)

    def handle_events(self) -> None:
        """Go on with what came; a whole header ends the wait for it."""
        super().handle_events()
        if self.cycle and not self.cycle.response_complete:
            self._waits_since = None

    def on_response_complete(self) -> None:
        """Wait for the next request, and for the rest of this one if its body was not read."""
        self._waits_since = time.monotonic()
        super().on_response_complete()

    def resume_writing(self) -> None:
        """The client has read what was waiting."""
        super().resume_writing()
        self._unread = None

    def look(self) -> None:
        """End it if its client has let the time pass that it had."""
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

    def _make_room(self, others: Iterable[Connection]) -> None:
        waiting = [it for it in others if it is not self and it._waits_since is not None]
        if waiting:
            longest = min(waiting, key=lambda it: it._waits_since or 0.0)
            longest._drop("waited while there were too many connections")
        else:
            self.transport.write(BUSY)
            self._drop("came when there were too many connections", at_once=False)

    def _drop(self, why: str, at_once: bool = True) -> None:
        logger.warning("a client %s: its connection is closed", why)
        self.connections.discard(self)  # it does not count until the loop has closed it
        if at_once:
            self.transport.abort()
        else:
            self.transport.close()


def protocol(options: HttpOptions) -> type[Connection]:
    """The class of the connections of a server."""
    most = min(options.connections, allow_files() // 2)
    return type("Connection", (Connection,), {"options": options, "most": most})


def _home_of(client: tuple[str, int] | None) -> IPv4Address | IPv6Network | None:
    """What counts as one client: an address, and of IPv6 its /64, which one machine has whole.

    None on loopback, where a proxy speaks for many.
    """
    address = None if client is None else ip_address(client[0].partition("%")[0])
    if address is None or address.is_loopback:
        return None
    if isinstance(address, IPv6Address):
        return IPv6Network((address, 64), strict=False)
    return address
