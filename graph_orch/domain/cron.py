"""Cron expressions: when their ticks are, by the clocks of a timezone."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, tzinfo
from zoneinfo import ZoneInfo

from cronsim import CronSim, CronSimError

from graph_orch.errors import ValidationError

LONGEST = 1_000
"""Characters of an expression: longer lists of numbers take long to read, and say nothing more."""


@dataclass(frozen=True)
class Cron:
    """An expression as cron(8) of Debian reads it, or with a field for the seconds before it.

    A tick at a time that a change to summer time leaves out comes right after the gap; one at a
    time that occurs twice comes once. Ticks every so many minutes or hours go on evenly.
    """

    expression: str
    zone: tzinfo

    @classmethod
    def of(cls, expression: str, timezone: str) -> Cron:
        """A cron expression in a timezone of the IANA database.

        Raises:
            ValidationError: the expression cannot be read or never ticks, or the timezone is
                not known.
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
        """The last of the ticks from `since`, which is one, up to `now`; in UTC."""
        # With a fraction of a second, the second of `now` itself counts.
        last = next(self._ticks(now.replace(microsecond=1), reverse=True), since)
        tick = max(since, last) if last <= now else since
        # Going back passes over ticks in an hour that occurs twice: from here on, forward.
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
    except (KeyError, ValueError, OSError):  # OSError: the name of a directory
        raise ValidationError(
            f"timezone: {name!r} is not in this machine's timezone database; give a name such as "
            "'Europe/Berlin' (where all are missing, install the package tzdata)"
        ) from None
