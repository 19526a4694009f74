"""A relay: what a subscription reads is published to a broker, and then acknowledged."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncGenerator, Iterable, Iterator, Sequence
from contextlib import asynccontextmanager
from typing import Any, TypeAlias

from cloudevents.core.base import BaseCloudEvent

from graph_orch._async.orchestrator import AsyncOrchestrator
from graph_orch.brokers.cloud_events import cloud_event, shortened
from graph_orch.brokers.protocols import Publisher
from graph_orch.domain.cloud_events import SOURCE
from graph_orch.domain.ids import new_hex
from graph_orch.domain.models import TaskEvent
from graph_orch.errors import (
    BrokerError,
    BrokerUnreachableError,
    MessageTooLargeError,
    StoreError,
    SubscriptionHeldError,
)
from graph_orch.logs import logger_of
from graph_orch.store.backoff import pauses

BATCH = 250
"""How many events are read, published and acknowledged together."""
FIRST_PAUSE_SECONDS = 0.05
LONGEST_LOOK_SECONDS = 1.0
LONGEST_PAUSE_SECONDS = 15.0
REFUSED_SECONDS = 30.0
"""How long a relay that has published is refused before it ends: a broker that starts again may not
know its streams yet."""
_Page: TypeAlias = tuple[Sequence[TaskEvent], Sequence[BaseCloudEvent]]
logger = logger_of("graph_orch.relay")


async def relay(
    orch: AsyncOrchestrator,
    publisher: Publisher,
    name: str,
    pattern: str = "*:*",
    *,
    workflow_id: str | None = None,
    agent_id: str | None = None,
    team_id: str | None = None,
    skill: str | None = None,
    where: str | Sequence[str] | None = None,
    after: int | None = None,
    source: str = SOURCE,
    lease_seconds: float = 30.0,
    idle_seconds: float | None = None,
) -> int:
    """Publish events of the log as they come, as CloudEvents; how many were published.

    Each is published at least once, and those of one task in their order; one that is published
    again has the same `id`. Of several relays of one name one works, and another goes on where it
    died. While the broker or the store is away, they are tried again, and each failure is logged.

    Args:
        name: The subscription, which is created, or replaced where it is one of a relay, and keeps
            its position.
        pattern: And the other filters: see `Subscriptions.put`; `after` is for a new one.
        source: The `source` of the CloudEvents.
        lease_seconds: So long after a relay died another one goes on.
        idle_seconds: End when nothing came for so long; None: never end.

    Raises:
        ValidationError: an argument is not acceptable.
        SubscriptionDeliveredError: the subscription of this name is no relay's.
        SubscriptionNotFoundError: the subscription was removed.
        BrokerError: the broker refuses, and somebody must do something about it. What was not
            published waits in the subscription.
    """
    if any(it.name == name for it in await orch.subscriptions.list()):
        after = None  # a relay that is started again goes on where it was
    await orch.subscriptions.put(
        name,
        pattern,
        deliver="broker",
        workflow_id=workflow_id,
        agent_id=agent_id,
        team_id=team_id,
        skill=skill,
        where=where,
        after=after,
    )
    return await _Relay(orch, publisher, name, source, lease_seconds).run(idle_seconds)


class _Relay:
    def __init__(
        self,
        orch: AsyncOrchestrator,
        publisher: Publisher,
        name: str,
        source: str,
        lease_seconds: float,
    ) -> None:
        self._orch = orch
        self._events = orch.subscriptions
        self._publisher = publisher
        self._name = name
        self._source = source
        self._lease = lease_seconds
        self._reader = f"relay {new_hex()}"
        self._is_open = False
        self._has_it = False
        self._taken_at = 0.0
        self._published = 0
        self._ahead: asyncio.Future[_Page] | None = None
        """What comes after the events that were published last, while it is read."""

    async def run(self, idle_seconds: float | None) -> int:
        heard = time.monotonic()
        failures = pauses(FIRST_PAUSE_SECONDS, LONGEST_PAUSE_SECONDS)
        async with self._closed_at_the_end():
            await self._opened()
            while True:
                seen = self._orch.graph.work.seen
                try:
                    number = await self._step()
                except (StoreError, SubscriptionHeldError) as error:
                    self._has_it = self._has_it and not isinstance(error, SubscriptionHeldError)
                    logger.warning("%s waits: %s", self._name, error)
                    await asyncio.sleep(next(failures))
                    continue
                failures = pauses(FIRST_PAUSE_SECONDS, LONGEST_PAUSE_SECONDS)
                if number:
                    heard = time.monotonic()
                elif idle_seconds is not None and time.monotonic() - heard >= idle_seconds:
                    return self._published
                elif self._has_it:
                    await self._orch.graph.wait(seen, min(LONGEST_LOOK_SECONDS, self._lease / 3))
                else:
                    await asyncio.sleep(LONGEST_LOOK_SECONDS)

    async def _step(self) -> int:
        """Publish the next events; how many. 0 too where another relay of this name works."""
        if self._is_late:
            # Another relay may have had the subscription since, and have gone on.
            ahead, self._ahead = self._ahead, None
            await _dropped(ahead)
            if not await self._take():
                return 0
        events, made = await self._next()
        if not events:
            return 0
        last = events[-1].position or 0
        # What comes after them is read meanwhile. Where they are not acknowledged it is dropped.
        ahead = asyncio.ensure_future(self._read(last))
        try:
            for together in in_rounds(made):
                if (self._is_late and not await self._take()) or not await self._publish(together):
                    return 0
            self._taken_at = time.monotonic()
            moved = await self._events.ack(self._name, last, **self._held)
            if moved.position == last:  # else a replay has come, and what is read ahead is too far
                self._ahead, ahead = ahead, None
        finally:
            await _dropped(ahead)
        self._published += len(events)
        return len(events)

    async def _next(self) -> _Page:
        """The events after those that are acknowledged."""
        ahead, self._ahead = self._ahead, None
        if ahead is not None and (page := await ahead)[0]:
            return page
        return await self._read(None)  # the end of the log may have come nearer since

    async def _read(self, after: int | None) -> _Page:
        """Events after a place in the log, or after what is acknowledged; as they are published."""
        events = await self._events.read(self._name, BATCH, after=after, **self._held)
        tasks = await self._events.tasks_of(events) if events else {}
        return events, [cloud_event(it, tasks.get(it.task_id), self._source) for it in events]

    @property
    def _held(self) -> dict[str, Any]:
        return {"reader": self._reader, "lease_seconds": self._lease}

    @property
    def _is_late(self) -> bool:
        """Whether it is time to say again that this relay has the subscription."""
        return not self._has_it or time.monotonic() - self._taken_at > self._lease / 3

    async def _publish(self, events: Sequence[BaseCloudEvent]) -> bool:
        """Publish events until the broker has them; False: another relay has taken over."""
        together = list(events)
        refused_since: float | None = None
        # It keeps the subscription while it tries.
        pause = pauses(FIRST_PAUSE_SECONDS, min(LONGEST_PAUSE_SECONDS, self._lease / 3))
        while True:
            try:
                if not self._is_open:
                    await self._opened()
                await self._publisher.publish(together)
                return True
            except MessageTooLargeError as error:
                together = _without_long_parts(together, error)
                logger.warning("%s: %s; it goes without what is long in it", self._name, error)
                continue
            except BrokerUnreachableError as error:
                refused_since = None
                logger.warning("%s: %s; trying again", self._name, error)
            except BrokerError as error:
                refused_since = refused_since or time.monotonic()
                if time.monotonic() - refused_since > REFUSED_SECONDS:
                    raise
                logger.warning("%s: %s; trying again for a while", self._name, error)
            await self._close()
            await asyncio.sleep(next(pause))
            if not await self._take():
                return False

    async def _take(self) -> bool:
        self._taken_at = time.monotonic()
        self._has_it = await self._events.take(self._name, self._reader, self._lease)
        return self._has_it

    async def _opened(self) -> None:
        """Connect to the broker, whenever it is there."""
        pause = pauses(FIRST_PAUSE_SECONDS, LONGEST_PAUSE_SECONDS)
        while True:
            try:
                await self._publisher.open()
                self._is_open = True
                return
            except BrokerUnreachableError as error:
                logger.warning("%s: %s; trying again", self._name, error)
            await self._close()
            await asyncio.sleep(next(pause))

    async def _close(self) -> None:
        self._is_open = False
        await self._publisher.close()

    @asynccontextmanager
    async def _closed_at_the_end(self) -> AsyncGenerator[None]:
        try:
            yield
        finally:
            await _dropped(self._ahead)
            await self._close()
            if self._has_it:
                await self._events.give_up(self._name, self._reader)


async def _dropped(ahead: asyncio.Future[_Page] | None) -> None:
    if ahead is not None:
        ahead.cancel()
        await asyncio.gather(ahead, return_exceptions=True)


def in_rounds(events: Iterable[BaseCloudEvent]) -> Iterator[list[BaseCloudEvent]]:
    """Events in rounds, each with one event of a task at most.

    A round is published when the one before it is acknowledged. So an event that a broker refuses,
    or that is lost, is never overtaken by a later one of its task, whatever the broker promises.
    """
    rounds: list[list[BaseCloudEvent]] = []
    before: dict[str | None, int] = {}
    for event in events:
        task_id = event.get_subject()
        number = before[task_id] = before.get(task_id, -1) + 1
        if number == len(rounds):
            rounds.append([])
        rounds[number].append(event)
    yield from rounds


def _without_long_parts(
    events: Sequence[BaseCloudEvent], error: MessageTooLargeError
) -> list[BaseCloudEvent]:
    """The events, that which is too large without what is long in it.

    Raises:
        MessageTooLargeError: it has nothing long in it.
    """
    found: list[BaseCloudEvent] = []
    for event in events:
        if event.get_id() == error.event_id:
            short = shortened(event)
            if short.get_data() == event.get_data():
                raise error
            event = short
        found.append(event)
    return found
