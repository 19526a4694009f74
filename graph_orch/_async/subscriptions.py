"""Subscriptions: events that somebody wants, read from where they were acknowledged."""

from __future__ import annotations

import time
from collections.abc import AsyncIterator, Sequence
from datetime import datetime, timedelta
from typing import Any

from graph_orch._async.events import AsyncEvents, chosen, idle_left, place_before
from graph_orch._async.graph import AsyncGraph
from graph_orch.domain.fields import (
    CURSOR,
    LEASE,
    LIMIT,
    MOMENT,
    NAME,
    NEW_NAME,
    SECONDS,
    instances,
)
from graph_orch.domain.ids import new_hex
from graph_orch.domain.models import EventTask, Subscription, TaskEvent
from graph_orch.domain.models.base import EPOCH
from graph_orch.domain.patterns import Wanted
from graph_orch.errors import (
    StoreError,
    SubscriptionDeliveredError,
    SubscriptionHeldError,
    SubscriptionNotFoundError,
    ValidationError,
)
from graph_orch.logs import logger_of
from graph_orch.store.driving import native
from graph_orch.store.runtime import async_sleep
from graph_orch.store.statements import TRANSACTION_SECONDS

WINDOW = 20_000
"""How many places of the log one statement looks at."""
PASSED_OVER = 1_000
"""After so many places without a match a subscription moves on, so that they are not read again."""
ACKNOWLEDGE_SECONDS = 1.0
"""How long at most events that were dealt with go unacknowledged by `follow`."""
PAGE = 100
REMOVED_AT_ONCE = 1_000
"""How many deliveries of a webhook one transaction deletes."""
INBOX = "inbox"
WEBHOOK = "webhook"
TRIGGER = "trigger"
"""How a subscription delivers that is read, and one that is a webhook. Triggers are some too."""
WAYS = (INBOX, "broker")
"""How the events of a subscription get to whom they are for, where these read them."""
MOST_LETTERS = 200_000
"""How long the JSON of a result may be that is told elsewhere; a batch of them fits in memory."""
ROUNDS = 5
"""How often one read looks again for what was committed meanwhile."""
LOOK_SECONDS = 1.0
"""How often one who waits for another reader to end looks whether it has."""
logger = logger_of("graph_orch.subscriptions")


class AsyncSubscriptions:
    """Subscriptions in a graph: each event at least once, in order, none after it was acknowledged.

    A subscription is read by one at a time: by whoever calls `read` and `ack`, or by whoever
    follows it, whose lease another takes over when it has run out. What is not acknowledged comes
    again. One that is slow slows nobody.
    """

    def __init__(self, graph: AsyncGraph) -> None:
        self._graph = graph
        self._events = AsyncEvents(graph)
        self._read_at: dict[tuple[str, str | None], int] = {}
        """By subscription and reader, how often it had gone back when it was read last here: what
        is acknowledged was read then."""

    async def put(
        self,
        name: str,
        pattern: str,
        *,
        deliver: str = INBOX,
        workflow_id: str | None = None,
        agent_id: str | None = None,
        team_id: str | None = None,
        skill: str | None = None,
        where: str | Sequence[str] | None = None,
        after: int | None = None,
    ) -> Subscription:
        """Create a subscription, or replace the one of this name, which keeps its position.

        Args:
            pattern: `EVENTS:TASK_TYPES`, such as `completed:research/*`, `completed,failed:*` or
                `*:*`. `*` stands for any letters, `?` for one.
            deliver: "inbox": events wait until they are read. "broker": a relay publishes them, see
                `graph_orch.brokers`.
            workflow_id: Only events of its tasks; each of these filters must hold.
            agent_id: Only what this agent did, or got.
            team_id: Only what those did, or got, who are members of this team when it is read.
            skill: Only of tasks that require it.
            where: Conditions that must hold, such as `task.metadata.customer = acme` or
                `detail.score < 0.5`: see `domain.patterns.Condition`. They are asked when the event
                is read, of the task as it is then.
            after: Begin after this place in the log, 0 with all that is kept. None: a new
                subscription begins with what happens from now on.

        Raises:
            ValidationError: an argument is not acceptable.
            SubscriptionDeliveredError: one of this name delivers otherwise.
        """
        if (way := NAME.of("deliver", deliver)) not in WAYS:
            raise ValidationError(
                f"deliver: {way!r} is not known; give one of {', '.join(WAYS)}, or use "
                "webhooks.put or triggers.put"
            )
        wanted = Wanted.of(pattern, where, workflow_id, agent_id, team_id, skill)
        params = parameters(name, way, wanted, after)
        end = await self._events.end()
        rows = await self._graph.write("subscriptions/put", end=end, **params)
        if not rows:
            raise SubscriptionDeliveredError(params["subscription"])
        return Subscription.from_record(native(rows[0]) | {"last": end})

    async def tasks_of(self, events: Sequence[TaskEvent]) -> dict[str, EventTask]:
        """By id, what is told elsewhere of the tasks of events; without those that are deleted."""
        ids = sorted({it.task_id for it in instances("events", TaskEvent, events)})
        rows = await self._graph.read("subscriptions/tasks_of", task_ids=ids, letters=MOST_LETTERS)
        return {row["task"]["task_id"]: EventTask.from_record(row) for row in rows}

    async def list(self) -> list[Subscription]:
        """All subscriptions, by name."""
        rows = await self._graph.read("subscriptions/list", subscription=None)
        return [Subscription.from_record(native(row)) for row in rows]

    async def get(self, name: str) -> Subscription:
        """The subscription of this name.

        Raises:
            SubscriptionNotFoundError: there is none.
        """
        key = NAME.of("name", name)
        rows = await self._graph.read("subscriptions/list", subscription=key)
        if not rows:
            raise SubscriptionNotFoundError(key)
        return Subscription.from_record(native(rows[0]))

    async def remove(self, name: str) -> bool:
        """Remove a subscription: nobody is given anything more of it. False where there is none.

        Raises:
            SubscriptionDeliveredError: it is a trigger.
        """
        params, found = {"subscription": NAME.of("name", name), "limit": REMOVED_AT_ONCE}, False
        while rows := await self._graph.write("subscriptions/remove", **params):
            found = True
            if rows[0]["gone"]:
                break
        if not found and await self._graph.read(
            "subscriptions/list", subscription=params["subscription"]
        ):
            raise SubscriptionDeliveredError(str(params["subscription"]))
        return found

    async def read(
        self,
        name: str,
        limit: int = 100,
        *,
        after: int | None = None,
        reader: str | None = None,
        lease_seconds: float = 30.0,
    ) -> list[TaskEvent]:
        """The first events that are not acknowledged, in order; [] where there are none.

        Args:
            after: Read ahead: what comes after this place in the log, while what comes before it is
                being dealt with. None: after what is acknowledged.
            reader: Who has taken it, see `take`; it then has it for so many seconds more.

        Raises:
            SubscriptionNotFoundError: there is none of this name.
            SubscriptionHeldError: somebody follows it.
            SubscriptionDeliveredError: it is a webhook or a trigger.
        """
        who = None if reader is None else NEW_NAME.of("reader", reader)
        key, most = NAME.of("name", name), LIMIT.of("limit", limit)
        place = None if after is None else CURSOR.of("after", after)
        seconds = LEASE.of("lease_seconds", lease_seconds) or 30.0
        return await self._read(key, most, who, seconds, place)

    async def ack(
        self,
        name: str,
        position: int,
        *,
        reader: str | None = None,
        lease_seconds: float = 30.0,
    ) -> Subscription:
        """Say that all events up to a position are dealt with: they do not come again.

        Args:
            position: The `position` of an event that was read. One before is no error, nor is one
                that was read before a `replay`: the subscription stays where it is. What was read
                is known of the last `read` of this object, without `after`, under this `reader`;
                one that has read nothing counts as if it had read what anybody did.
            reader: Who has taken it, see `take`; it then has it for so many seconds more.

        Raises:
            ValidationError: it is beyond the end of the log.
            SubscriptionNotFoundError, SubscriptionHeldError: as for `read`.
        """
        key, place = NAME.of("name", name), CURSOR.of("position", position)
        seconds = LEASE.of("lease_seconds", lease_seconds) or 30.0
        who = None if reader is None else NEW_NAME.of("reader", reader)
        return await self._move(key, place, who, seconds)

    async def take(self, name: str, reader: str, lease_seconds: float = 30.0) -> bool:
        """Be the one who reads a subscription for so long; False: another one is.

        For those who deal with many events at once, and so do not `follow`.

        Raises:
            SubscriptionNotFoundError: there is none of this name.
        """
        key, who = NAME.of("name", name), NEW_NAME.of("reader", reader)
        return await self._take(key, who, LEASE.of("lease_seconds", lease_seconds) or 30.0)

    async def give_up(self, name: str, reader: str) -> None:
        """Let another one read a subscription that was taken, at once."""
        await self._give_up(NAME.of("name", name), 0, NEW_NAME.of("reader", reader))

    async def replay(self, name: str, position: int | datetime) -> Subscription:
        """Go back: all events after a position come again, acknowledged or not; errors as `ack`.

        Whoever reads it meanwhile reads it again from there: what it acknowledges of what it read
        before changes nothing, also where others have read it since; see `ack`.

        Args:
            position: Or a time: then all come again from the first one on that is not older.
        """
        key = NAME.of("name", name)
        if isinstance(position, datetime):
            place = await self._place_at(MOMENT.of("position", position))
        else:
            place = CURSOR.of("position", position)
        return await self._move(key, place, None, 0.0, back=True)

    async def _place_at(self, moment: datetime) -> int:
        """The place before the first event that is not older than a moment."""
        end, micro = await self._events.end(), timedelta(microseconds=1)
        since, late = (moment - EPOCH) // micro, timedelta(seconds=TRANSACTION_SECONDS) // micro
        # Events are as old as their transactions, and stand in the order of their commits: what
        # stands before one that is so much older was all committed before the moment.
        start = await place_before(self._graph, since - late, end)
        rows = await self._graph.read("events/place", position=start + 1, since=since)
        return rows[0]["position"] - 1 if rows else end

    async def follow(
        self,
        name: str,
        *,
        reader: str | None = None,
        lease_seconds: float = 30.0,
        idle_seconds: float | None = None,
    ) -> AsyncIterator[TaskEvent]:
        """Every event that is not acknowledged, and every one that comes.

        An event is acknowledged when the next one is asked for, within a second; so what was being
        dealt with when its reader died comes again. Others who follow the same subscription wait
        until this one ends, or its lease does.

        Args:
            reader: Who follows, to go on at once after a restart; None: somebody new.
            lease_seconds: How long dealing with one event may take before another reader goes on.
            idle_seconds: End when nothing came for so long; None: never end.

        Raises:
            SubscriptionNotFoundError: there is none of this name, or it was removed.
            SubscriptionHeldError: another reader took over, as the lease had run out.
        """
        key, who = NAME.of("name", name), NEW_NAME.of("reader", reader or new_hex())
        seconds = LEASE.of("lease_seconds", lease_seconds) or 30.0
        idle = SECONDS.of("idle_seconds", idle_seconds)
        heard = time.monotonic()
        done, told = 0, time.monotonic()
        has_it = False
        try:
            while True:
                seen = self._graph.work.seen
                if not has_it or time.monotonic() - told > seconds / 3:
                    has_it, told = await self._take(key, who, seconds), time.monotonic()
                left = idle_left(heard, idle)
                page = await self._read(key, PAGE, who, seconds) if has_it else []
                for event in page:
                    if done and time.monotonic() - told > min(ACKNOWLEDGE_SECONDS, seconds / 3):
                        moved = await self._move(key, done, who, seconds)
                        told = time.monotonic()
                        if moved.position < done:  # a replay: it is read again from there
                            break
                    yield event
                    done = event.position or done
                if page:
                    await self._move(key, done, who, seconds)
                    heard = told = time.monotonic()
                    done = 0  # so that it is not acknowledged again after a replay
                elif left <= 0:
                    return
                elif has_it:
                    await self._graph.wait(seen, min(left, seconds / 3))
                else:
                    await async_sleep(min(left, LOOK_SECONDS))
        finally:
            if has_it:
                await self._give_up(key, done, who)

    async def _read(
        self,
        name: str,
        limit: int,
        reader: str | None,
        seconds: float = 0.0,
        ahead_of: int | None = None,
    ) -> list[TaskEvent]:
        (found,) = await self._graph.read("subscriptions/list", subscription=name) or (None,)
        if found is None:
            raise SubscriptionNotFoundError(name)
        if found["subscription"]["deliver"] not in WAYS:
            raise SubscriptionDeliveredError(name)
        wanted = Wanted.of(found["subscription"]["pattern"], found["subscription"]["where"])
        events: list[TaskEvent] = []
        after, start, rounds = ahead_of, 0, ROUNDS
        while True:
            most = limit - len(events)
            row = await self._page(name, reader, after, most, wanted)
            start = row["position"] if after is None else start
            events += chosen(wanted.where, row["events"])
            if len(events) >= limit:
                break
            if len(row["events"]) == most:
                after = row["events"][-1]["position"]
                continue
            after = row["upto"]
            if after >= row["last"]:
                if not row["more"] or not rounds:
                    break
                rounds -= 1
                await self._events.end()
        passed = (events[0].position or 1) - 1 if events else after
        # Who reads ahead has not dealt with what comes before, so nothing of it is passed over.
        if ahead_of is None and passed is not None and passed - start > PASSED_OVER:
            await self._move(name, passed, reader, seconds)
        return events

    async def _page(
        self, name: str, reader: str | None, after: int | None, limit: int, wanted: Wanted
    ) -> dict[str, Any]:
        """The row of `subscriptions/read`; errors as for `read`."""
        rows = await self._graph.read(
            "subscriptions/read",
            subscription=name,
            reader=reader,
            after=after,
            window=WINDOW,
            limit=limit,
            **wanted.asked,
        )
        if not rows:
            raise SubscriptionNotFoundError(name)
        if rows[0]["held"]:
            raise SubscriptionHeldError(name)
        if after is None:
            replays = self._read_at[name, reader] = rows[0]["replays"]
            if rows[0]["unheeded"]:  # who acknowledges elsewhere, and reads nothing, goes by that
                await self._graph.write("subscriptions/heed", subscription=name, replays=replays)
        return dict(rows[0])

    async def _take(self, name: str, reader: str, seconds: float) -> bool:
        rows = await self._graph.write(
            "subscriptions/take", subscription=name, reader=reader, seconds=seconds
        )
        if not rows:
            raise SubscriptionNotFoundError(name)
        if rows[0]["deliver"] not in WAYS:
            raise SubscriptionDeliveredError(name)
        return rows[0]["taken"]

    async def _move(
        self, name: str, position: int, reader: str | None, seconds: float, *, back: bool = False
    ) -> Subscription:
        rows = await self._graph.write(
            "subscriptions/move",
            subscription=name,
            reader=reader,
            position=position,
            back=back,
            seconds=seconds,
            replays=self._read_at.get((name, reader)),
        )
        if not rows:
            raise SubscriptionNotFoundError(name)
        row = rows[0]
        if row["held"] and row["subscription"]["deliver"] not in WAYS:
            raise SubscriptionDeliveredError(name)
        if row["held"]:
            raise SubscriptionHeldError(name)
        if position > row["last"]:
            raise ValidationError(
                f"position: {position} is beyond the end of the log, which is {row['last']}; give "
                "the position of an event that was read"
            )
        return Subscription.from_record(native(row))

    async def _give_up(self, name: str, done: int, reader: str) -> None:
        """Acknowledge what was dealt with, and let another reader go on at once."""
        try:
            await self._move(name, done, reader, 0.0)
        except (StoreError, SubscriptionHeldError, SubscriptionNotFoundError) as error:
            logger.warning("%s is not given up: %s", name, error)
        finally:
            self._read_at.pop((name, reader), None)


def parameters(name: str, deliver: str, wanted: Wanted, after: int | None) -> dict[str, Any]:
    """The parameters of `subscriptions/put`, but for the end of the log.

    Raises:
        ValidationError: an argument is not acceptable.
    """
    return {
        "subscription": NEW_NAME.of("name", name),
        "deliver": deliver,
        "pattern": wanted.pattern.text,
        "where": wanted.where.texts,
        "after": None if after is None else CURSOR.of("after", after),
        **wanted.filters,
    }
