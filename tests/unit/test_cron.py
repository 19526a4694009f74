"""When the ticks of a cron expression are: summer time, what was missed, what cannot be read."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from itertools import pairwise

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from graph_orch import ValidationError
from graph_orch.domain.cron import Cron

EXPRESSIONS = [
    "30 2 * * *",
    "0,15,30,45 2 * * *",
    "0 1-3 * * *",
    "*/15 * * * *",
    "0 * * * *",
    "0 0 * * SUN",
    "0 0 L * *",
    "10 30 2 * * *",
]
ZONES = ["UTC", "Europe/Berlin", "America/New_York", "Australia/Lord_Howe", "America/Havana"]
CHANGES = [
    datetime(2026, 3, 29, 1, tzinfo=UTC),  # Berlin
    datetime(2026, 10, 25, 1, tzinfo=UTC),
    datetime(2026, 3, 8, 7, tzinfo=UTC),  # New York, Havana
    datetime(2026, 11, 1, 6, tzinfo=UTC),
    datetime(2026, 10, 3, 15, 30, tzinfo=UTC),  # Lord Howe
    datetime(2026, 4, 4, 15, tzinfo=UTC),
]


def at(text: str) -> datetime:
    return datetime.fromisoformat(text).replace(tzinfo=UTC)


def ticks(cron: Cron, start: datetime, number: int) -> list[datetime]:
    found = [start]
    for _ in range(number):
        found.append(cron.after(found[-1]))
    return found[1:]


@pytest.mark.parametrize(
    ("expression", "start", "expected"),
    [
        # Half past two does not exist on 29 March, and occurs twice on 25 October.
        ("30 2 * * *", "2026-03-28T00:00", ["2026-03-28T01:30", "2026-03-29T01:00"]),
        ("30 2 * * *", "2026-10-24T12:00", ["2026-10-25T00:30", "2026-10-26T01:30"]),
        ("30 2 * * *", "2026-10-25T01:10", ["2026-10-26T01:30", "2026-10-27T01:30"]),
        # Nine o'clock stays nine o'clock.
        ("0 9 * * *", "2026-03-28T00:00", ["2026-03-28T08:00", "2026-03-29T07:00"]),
        # What ticks every hour does so whatever the clocks say.
        ("0 * * * *", "2026-03-29T00:30", ["2026-03-29T01:00", "2026-03-29T02:00"]),
        ("0 * * * *", "2026-10-24T23:30", ["2026-10-25T00:00", "2026-10-25T01:00"]),
    ],
)
def test_summer_time(expression, start, expected):
    cron = Cron.of(expression, "Europe/Berlin")
    assert ticks(cron, at(start), len(expected)) == [at(text) for text in expected]


def test_latest_is_the_last_one_missed():
    cron = Cron.of("0 * * * *", "UTC")
    since = at("2026-01-01T05:00")
    assert cron.latest(since, since) == since
    assert cron.latest(since, since + timedelta(minutes=59, seconds=59)) == since
    assert cron.latest(since, at("2026-01-01T06:00")) == at("2026-01-01T06:00")
    assert cron.latest(since, at("2026-07-01T06:59:59.999999")) == at("2026-07-01T06:00")


def test_latest_in_the_hour_that_occurs_twice():
    cron = Cron.of("0,15,30,45 2 * * *", "Europe/Berlin")
    assert cron.latest(at("2026-10-25T00:00"), at("2026-10-25T01:10")) == at("2026-10-25T00:45")


@settings(deadline=None)
@given(
    expression=st.sampled_from(EXPRESSIONS),
    zone=st.sampled_from(ZONES),
    change=st.sampled_from(CHANGES),
    before=st.integers(0, 3 * 86_400),
    after=st.integers(0, 3 * 86_400_000_000),
)
def test_latest_and_after_leave_nothing_between_them(expression, zone, change, before, after):
    cron = Cron.of(expression, zone)
    since = cron.after(change - timedelta(seconds=before))
    now = since + timedelta(microseconds=after)
    found = [since]
    while (following := cron.after(found[-1])) <= now:
        found.append(following)
    assert all(one < other for one, other in pairwise(found))
    assert cron.latest(since, now) == found[-1]
    assert cron.after(found[-1]) > now


@pytest.mark.parametrize(
    ("expression", "timezone", "complaint"),
    [
        ("", "UTC", "Wrong number of fields"),
        ("* * * *", "UTC", "Wrong number of fields"),
        ("61 * * * *", "UTC", "Bad minute in '61"),
        ("* * * * whenever", "UTC", "Bad day-of-week"),
        ("0 0 30 2 *", "UTC", "Bad day-of-month"),
        ("0 0 */30 * MON#2", "UTC", "never comes"),
        ("1," * 1_000 + "1 * * * *", "UTC", "the limit is 1000"),
        ("9" * 5_000 + " * * * *", "UTC", "the limit is 1000"),
        ("* * * * *", "Mars/Olympus", "'Mars/Olympus' is not in"),
        ("* * * * *", "../etc/passwd", "is not in"),
        ("* * * * *", "Europe", "is not in"),
        ("* * * * *", "", "is not in"),
    ],
)
def test_what_cannot_be_read_is_said(expression, timezone, complaint):
    with pytest.raises(ValidationError, match=complaint):
        Cron.of(expression, timezone)
