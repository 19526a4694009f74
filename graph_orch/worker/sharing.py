"""Workers of one event loop at one place share a graph: its connections, and so transactions.

What several agents of a process ask for at once goes to the server together, see `combining`.
"""

from __future__ import annotations

import asyncio
import contextlib
import weakref
from collections.abc import AsyncGenerator
from dataclasses import dataclass

from graph_orch._async.graph import AsyncGraph
from graph_orch.settings import Address


@dataclass
class _Shared:
    opening: asyncio.Future[AsyncGraph]
    users: int = 0


_shared: weakref.WeakKeyDictionary[asyncio.AbstractEventLoop, dict[Address, _Shared]] = (
    weakref.WeakKeyDictionary()
)


@contextlib.asynccontextmanager
async def shared_graph(address: Address) -> AsyncGenerator[AsyncGraph]:
    """The graph at an address, opened for the first who enters, closed after the last.

    Raises:
        StoreError: it cannot be reached; see `AsyncGraph.connect`.
    """
    places = _shared.setdefault(asyncio.get_running_loop(), {})
    shared = places.get(address)
    if shared is None:
        shared = places[address] = _Shared(asyncio.ensure_future(AsyncGraph.at(address)))
    shared.users += 1
    try:
        yield await asyncio.shield(shared.opening)
    finally:
        shared.users -= 1
        if not shared.users:
            del places[address]
            await _close(shared.opening)


async def _close(opening: asyncio.Future[AsyncGraph]) -> None:
    if not opening.done():
        opening.cancel()
    elif not opening.cancelled() and opening.exception() is None:
        await opening.result().close()
