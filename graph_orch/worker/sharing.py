"""Workers of one event loop at one place share a connection and the services on it.

So what several agents of a process ask for at once goes to the server together, see `batching`.
"""

from __future__ import annotations

import asyncio
import contextlib
import weakref
from collections.abc import AsyncGenerator
from dataclasses import dataclass

from graph_orch._async.claims import AsyncClaims
from graph_orch._async.commands import AsyncCommands
from graph_orch._async.graph import AsyncGraph
from graph_orch._async.handling import AsyncHandling
from graph_orch._async.tasks import AsyncTaskQueue
from graph_orch.settings import Address


@dataclass
class Shared:
    """What the workers of a place share."""

    graph: AsyncGraph
    queue: AsyncTaskQueue
    claims: AsyncClaims
    handling: AsyncHandling

    @classmethod
    def on(cls, graph: AsyncGraph, spread: int = 1) -> Shared:
        """The services on a graph."""
        handling = AsyncHandling(graph, AsyncCommands(graph))
        return cls(graph, AsyncTaskQueue(graph), AsyncClaims(graph, spread), handling)


@dataclass
class _Place:
    opening: asyncio.Future[Shared]
    users: int = 0


_places: weakref.WeakKeyDictionary[asyncio.AbstractEventLoop, dict[tuple[Address, int], _Place]] = (
    weakref.WeakKeyDictionary()
)


@contextlib.asynccontextmanager
async def shared(address: Address, spread: int = 1) -> AsyncGenerator[Shared]:
    """What is shared at an address, opened for the first who enters, closed after the last.

    Args:
        spread: Of claims, see `TaskQueue`: those of another spread do not share.

    Raises:
        StoreError: it cannot be reached; see `AsyncGraph.connect`.
    """
    places = _places.setdefault(asyncio.get_running_loop(), {})
    place = places.get((address, spread))
    if place is None:
        opening = asyncio.ensure_future(_open(address, spread))
        place = places[address, spread] = _Place(opening)
    place.users += 1
    try:
        yield await asyncio.shield(place.opening)
    finally:
        place.users -= 1
        if not place.users:
            del places[address, spread]
            if not place.opening.done():
                place.opening.cancel()
            elif not place.opening.cancelled() and place.opening.exception() is None:
                await place.opening.result().graph.close()


async def _open(address: Address, spread: int) -> Shared:
    return Shared.on(await AsyncGraph.at(address), spread)
