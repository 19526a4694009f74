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
from graph_orch._async.upkeep import AsyncUpkeep
from graph_orch.errors import OrchestrationError
from graph_orch.logs import logger_of
from graph_orch.settings import Address
from graph_orch.store.runtime import AsyncTogether

UPKEEP_SECONDS = 1.5
"""How often the workers of a place look for what is due beside tasks: schedules and the like."""
UPKEEPS_A_SECOND = 5
"""How often the workers of all places together do at most."""
MOST_KINDS = 100
"""How many kinds of upkeep go on at once: all there are."""
logger = logger_of("graph_orch.worker")


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
    upkeep: asyncio.Task[None]
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
        upkeep = asyncio.create_task(_keep_up(opening))
        place = places[address, spread] = _Place(opening, upkeep)
    place.users += 1
    try:
        yield await asyncio.shield(place.opening)
    finally:
        place.users -= 1
        if not place.users:
            del places[address, spread]
            place.upkeep.cancel()
            await asyncio.gather(place.upkeep, return_exceptions=True)
            if not place.opening.done():
                place.opening.cancel()
            elif not place.opening.cancelled() and place.opening.exception() is None:
                await place.opening.result().graph.close()


async def _open(address: Address, spread: int) -> Shared:
    return Shared.on(await AsyncGraph.at(address), spread)


async def _keep_up(opening: asyncio.Future[Shared]) -> None:
    """Do the upkeep of a place while it has workers: one of them is enough.

    What is due of one kind waits for no other: a receiver of webhooks may be slow.
    """
    graph = (await asyncio.shield(opening)).graph
    upkeep = AsyncUpkeep(graph)
    async with AsyncTogether(MOST_KINDS) as together:
        while True:
            try:
                for kind in await upkeep.due():
                    together.start(kind, upkeep.do, kind)
                await together.wait(0)
            except OrchestrationError as error:
                logger.warning("what is due beside tasks was not looked at: %s", error)
            await asyncio.sleep(graph.work.paced(UPKEEP_SECONDS, UPKEEPS_A_SECOND))
