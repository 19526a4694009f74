"""Workers of one event loop at one place share a connection and the services on it.

So what several agents of a process ask for at once goes to the server together, see `batching`.
"""

from __future__ import annotations

import asyncio
import contextlib
import weakref
from collections.abc import AsyncGenerator, Callable, Sequence
from dataclasses import dataclass

from graph_orch._async.claims import AsyncClaims
from graph_orch._async.commands import AsyncCommands
from graph_orch._async.graph import AsyncGraph
from graph_orch._async.handling import AsyncHandling
from graph_orch._async.tasks import AsyncTaskQueue
from graph_orch._async.upkeep import AsyncUpkeep
from graph_orch.domain.ids import new_hex
from graph_orch.errors import OrchestrationError
from graph_orch.logs import logger_of
from graph_orch.settings import Address
from graph_orch.store.runtime import AsyncTogether

UPKEEP_SECONDS = 1.5
"""How often the workers of a place look for what is due: tasks, schedules and the like."""
UPKEEPS_A_SECOND = 5
"""How often the workers of all places together do, while LONGEST_UPKEEP_SECONDS allow it."""
LONGEST_UPKEEP_SECONDS = 5.0
"""How long a place pauses at most, however many there are: the others may have just ended."""
END_SECONDS = 1.0
"""How long the last who leaves waits for a look that is under way."""
HEED_SECONDS = 0.2
"""How often who waits for more than a look sees whether there is still time for it."""
PLANNED = "planned"
"""The name of a call beside the kinds of upkeep: on a cold server it may take seconds, for which
the first look for what is due does not wait."""
TO_THEIR_END = {"delivered", "called", PLANNED}
"""What of these is under way when the last leaves has the grace of that worker: posts that are cut
off are sent twice, functions are called twice, and a driver may leave a socket open."""
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
    users: list[float]
    """Of each worker, after how many seconds somebody has to look for what is due."""
    ending: asyncio.Event


_places: weakref.WeakKeyDictionary[asyncio.AbstractEventLoop, dict[tuple[Address, int], _Place]] = (
    weakref.WeakKeyDictionary()
)


@contextlib.asynccontextmanager
async def shared(
    address: Address,
    spread: int = 1,
    upkeep_seconds: float = UPKEEP_SECONDS,
    grace_left: Callable[[], float] = lambda: 0.0,
) -> AsyncGenerator[Shared]:
    """What is shared at an address, opened for the first who enters, closed after the last.

    Args:
        spread: Of claims, see `TaskQueue`: those of another spread do not share.
        upkeep_seconds: How often to look for what is due, where no other wants it more often.
        grace_left: How many seconds what is under way may still take, if this is the last to leave.

    Raises:
        StoreError: it cannot be reached; see `AsyncGraph.connect`.
    """
    places = _places.setdefault(asyncio.get_running_loop(), {})
    place = places.get((address, spread))
    if place is None:
        opening, users = asyncio.ensure_future(_open(address, spread)), list[float]()
        ending = asyncio.Event()
        upkeep = asyncio.create_task(_keep_up(opening, users, ending))
        place = places[address, spread] = _Place(opening, upkeep, users, ending)
    place.users.append(upkeep_seconds)
    try:
        yield await asyncio.shield(place.opening)
    finally:
        place.users.remove(upkeep_seconds)
        if not place.users:
            del places[address, spread]
            place.ending.set()
            try:
                if place.opening.done():
                    await _come_to_end(place.upkeep, grace_left)
            finally:
                await _close(place)


async def _come_to_end(upkeep: asyncio.Task[None], grace_left: Callable[[], float]) -> None:
    """Wait for the upkeep to end, until there is no grace left: a second stop takes it away."""
    # A look always has some time: a driver whose call is cancelled while it connects may leave a
    # socket open.
    await asyncio.wait([upkeep], timeout=END_SECONDS)
    while not upkeep.done() and (left := grace_left()) > 0:
        await asyncio.wait([upkeep], timeout=min(left, HEED_SECONDS))


async def _close(place: _Place) -> None:
    place.opening.cancel()  # first of all, while it may not have begun to connect
    place.upkeep.cancel()
    await asyncio.gather(place.upkeep, return_exceptions=True)
    opening = place.opening
    if opening.done() and not opening.cancelled() and opening.exception() is None:
        await opening.result().graph.close()


async def _open(address: Address, spread: int) -> Shared:
    return Shared.on(await AsyncGraph.at(address), spread)


async def _plan(graph: AsyncGraph) -> int:
    """Let the server plan what wakes tasks, before a first retry waits for it: it wakes none."""
    # Whatever is wrong with the store, the looks for what is due tell it.
    with contextlib.suppress(Exception):
        await graph.write("tasks/wake", task_ids=[], command_id=new_hex())
    return 0


async def _keep_up(
    opening: asyncio.Future[Shared], users: Sequence[float], ending: asyncio.Event
) -> None:
    """Do the upkeep of a place while it has workers: one of them is enough.

    What is due of one kind waits for no other: a receiver of webhooks may be slow.
    """
    graph = (await asyncio.shield(opening)).graph
    upkeep = AsyncUpkeep(graph, is_ending=ending.is_set)
    async with AsyncTogether(MOST_KINDS) as together:
        together.start(PLANNED, _plan, graph)
        while not ending.is_set():
            try:
                for kind in await upkeep.due():
                    together.start(kind, upkeep.do, kind)
                await together.wait(0)
                # Also here, as nobody waits for work, and counts, while all workers are busy.
                await graph.count_processes()
            except OrchestrationError as error:
                logger.warning("what is due was not looked at: %s", error)
            except Exception:  # nobody would begin this loop again, and nothing due would be done
                logger.exception("what is due was not looked at")
            seconds = min([UPKEEP_SECONDS, *users])
            pause = graph.work.paced(seconds, UPKEEPS_A_SECOND, LONGEST_UPKEEP_SECONDS)
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(pause):
                    await ending.wait()
        while not TO_THEIR_END.isdisjoint(together.names):
            await together.wait(HEED_SECONDS)
