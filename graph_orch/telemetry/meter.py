"""The meter: follows the log of events, and keeps in memory what metrics and pages tell of it."""

from __future__ import annotations

import asyncio
import time
from collections import Counter
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager

from graph_orch import AsyncOrchestrator
from graph_orch._async.measuring import MOST_PLACES, AsyncMeasuring
from graph_orch.domain.fields import Check, Count
from graph_orch.domain.measures import SLOT_SECONDS, Recent, Ring, Totals
from graph_orch.errors import StoreError, ValidationError
from graph_orch.logs import logger_of
from graph_orch.telemetry.measures import (
    BEHIND,
    MOST_OF_A_KIND,
    STORE_UP,
    Values,
    counted,
    standing,
)

KEPT_SECONDS = 5.0
"""Who looks again within this time is answered with what was found."""
LOOK_SECONDS = 8.0
"""A look takes no longer: Prometheus gives a scrape up after 10 s by default."""
MOST_CALLS = 10
"""How often one look counts a stretch of the log; what is left, the next one counts."""
BEFORE = 20_000
"""How many places of the log, before the one where the meter begins, fill the last hour."""
FOLLOW_SECONDS = 10.0
STEP: Check[int] = Check(Count)
logger = logger_of("graph_orch.metrics")


class Meter:
    """Counts what happens to tasks from its first look on, and says how things stand.

    It follows the log by positions, so that it counts every event once, however late its
    transaction commits. It keeps nothing in the store: after a restart, counters begin at 0, as
    Prometheus and OpenTelemetry expect. A look costs the same few statements however many tasks
    there are. The methods belong to one event loop; `values` may be read in any thread.
    """

    def __init__(self, orch: AsyncOrchestrator) -> None:
        self._measuring = AsyncMeasuring(orch.graph)
        self._totals, self._ring = Totals(), Ring()
        self._position: int | None = None
        self._now: int | None = None
        self._looking: asyncio.Task[None] | None = None
        self._looked_at = -KEPT_SECONDS
        self._said = False
        self.values: Values = {STORE_UP: {(): 0}}
        """The values of all measures, as the last look found them; each look makes new ones."""

    async def look(self) -> bool:
        """Bring everything up to date, unless that was done in the last 5 s.

        Callers at the same time share one look.

        Returns:
            Whether the store answers. Where it does not, the counters stay as they are.
        """
        if self._looking is None and time.monotonic() - self._looked_at >= KEPT_SECONDS:
            self._looking = asyncio.create_task(self._look())
        if self._looking is not None:
            await asyncio.shield(self._looking)  # it goes on for others, where one gives up
        return bool(self.values[STORE_UP][()])

    @asynccontextmanager
    async def following(self, seconds: float = FOLLOW_SECONDS) -> AsyncGenerator[None]:
        """A block in which the meter looks by itself, for outputs that cannot wait for a look, such
        as OpenTelemetry's, and where nobody asks it for long."""
        following = asyncio.create_task(self._follow(seconds))
        try:
            yield
        finally:
            following.cancel()
            if self._looking is not None:
                self._looking.cancel()
            await asyncio.wait([it for it in (following, self._looking) if it is not None])

    def recent(self, step_seconds: int = SLOT_SECONDS) -> Recent:
        """The last hour, as it was at the last look: what happened, and how long it took.

        It is filled from the last 20,000 events of the log where the meter has just begun.

        Args:
            step_seconds: How long a slot is: a multiple of 10, and an hour at most.

        Raises:
            ValidationError: it is none of these.
        """
        step = STEP.of("step_seconds", step_seconds)
        if not 0 < step <= 3600 or step % SLOT_SECONDS:
            raise ValidationError(
                f"step_seconds: {step} is no multiple of {SLOT_SECONDS} up to 3600"
            )
        return self._ring.recent(self._now, step)

    async def _follow(self, seconds: float) -> None:
        while True:
            try:
                await self.look()
            except Exception:  # a fault of ours must not end what others rely on
                logger.exception("a look failed")
            await asyncio.sleep(seconds)

    async def _look(self) -> None:
        try:
            async with asyncio.timeout(LOOK_SECONDS):
                found = await self._measuring.standing(MOST_OF_A_KIND)
                behind = await self._count(time.monotonic() + LOOK_SECONDS / 2)
        except (StoreError, TimeoutError) as error:
            if not self._said:
                logger.warning("the store does not answer: %s", str(error) or "it takes too long")
            self._said = True
            self.values = {STORE_UP: {(): 0}, **counted(self._totals)}
        else:
            self._said = False
            up: Values = {STORE_UP: {(): 1}, BEHIND: {(): behind}}
            self.values = {**up, **standing(found), **counted(self._totals)}
        finally:
            self._looked_at, self._looking = time.monotonic(), None

    async def _count(self, deadline: float) -> int:
        """Count what has happened since the last look; how many events are left.

        Args:
            deadline: By `time.monotonic`; what is not counted by then, the next look counts.
        """
        if self._position is None:
            self._position = await self._begin()
        left, until = 0, None
        for _ in range(MOST_CALLS):
            found = await self._measuring.events(self._position)
            # Nothing is awaited between these lines, so that each event is counted once.
            self._position, self._now = found.upto, found.now
            self._totals.count(found.counted)
            self._ring.count(found.counted, found.now)
            left = found.left
            # What happens meanwhile is left to the next look, which a busy log would else not end.
            until = found.upto + left if until is None else until
            if found.last < self._position:  # the store was restored from an older copy, or emptied
                self._position = found.last
            if found.upto >= until or time.monotonic() > deadline:
                break
        return left

    async def _begin(self) -> int:
        """Fill the last hour from the end of the log; the place from where to count."""
        end = await self._measuring.end()
        ring, numbers, place = Ring(), Counter[str](), max(0, end - BEFORE)
        while place < end:
            found = await self._measuring.events(place, min(MOST_PLACES, end - place))
            ring.count(found.counted, found.now)
            for one in found.counted:
                numbers[one.task_type] += one.number
            place = found.upto
        self._ring = ring
        self._totals.labels.commonest(numbers)
        return end
