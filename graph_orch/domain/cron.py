"""Cron expressions, and the times of their ticks in a timezone."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, tzinfo
from zoneinfo import ZoneInfo

from cronsim import CronSim, CronSimError

from graph_orch.errors import ValidationError

LONGEST = 1_000
"""Characters of an expression: longer lists of numbers take long to parse, and add nothing."""


@dataclass(frozen=True)
class Cron:
    """An expression as Debian's cron(8) reads it, or one with a field for the seconds before that.

    Where summer time begins, a tick within the hour that is left out comes right after it. Where it
    ends, a tick within the hour that occurs twice comes once. Ticks at intervals, such as every ten
    minutes, stay evenly spaced.
    """

    expression: str
    zone: tzinfo

    @classmethod
    def of(cls, expression: str, timezone: str) -> Cron:
        """Parse a cron expression, with the name of a timezone of the IANA database.

        Raises:
            ValidationError: The expression cannot be parsed or never ticks, or the timezone is not
                known.
        """
        if len(expression) > LONGEST:
            raise ValidationError(
                f"cron: it has {len(expression):,} characters, and the limit is {LONGEST}"
            )
        cron = cls(expression, _zone(timezone))
        try:
            CronSim(expression, datetime.now(UTC))
        except CronSimError as error:
            raise ValidationError(
                f"cron: {error} in {expression!r}; five fields are needed, such as "
                "'30 2 * * MON': minute, hour, day of the month, month, day of the week"
            ) from None
        if cron.after(datetime.now(UTC)) is None:
            raise ValidationError(f"cron: {expression!r} names a day that never comes")
        return cron

    def after(self, moment: datetime) -> datetime | None:
        """The first tick after a moment, in UTC; None where none comes in 50 years."""
        ticks = self._ticks(moment, reverse=False)
        return next((tick for tick in ticks if tick > moment), None)

    def latest(self, since: datetime, now: datetime) -> datetime:
        """The last tick up to `now`, in UTC; `since` is an earlier tick, or that one."""
        # CronSim searches strictly before a time: with a fraction of a second, a tick in the second
        # of `now` is found.
        last = next(self._ticks(now.replace(microsecond=1), reverse=True), since)
        tick = max(since, last) if last <= now else since
        # Backwards, CronSim skips ticks in an hour that occurs twice; forwards, it finds them.
        while (following := self.after(tick)) is not None and following <= now:
            tick = following
        return tick

    def _ticks(self, moment: datetime, *, reverse: bool) -> Iterator[datetime]:
        local = moment.astimezone(self.zone)
        return (tick.astimezone(UTC) for tick in CronSim(self.expression, local, reverse))


def _zone(name: str) -> tzinfo:
    if name == "UTC":
        return UTC
    try:
        return ZoneInfo(name)
    except (KeyError, ValueError, OSError):  # OSError: it is the name of a directory
        raise ValidationError(
            f"timezone: {name!r} is not in this machine's timezone database; give a name such as "
            "'Europe/Berlin' (where all are missing, install the package tzdata)"
        ) from None
