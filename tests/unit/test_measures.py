"""What is counted of events: percentiles, labels that stay few, and an hour that goes on."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from graph_orch.domain.measures import (
    BOUNDS,
    MOST_TYPES,
    OTHER,
    SLOTS,
    Counted,
    Histogram,
    Labels,
    Ring,
    Totals,
    bound_names,
)


def counted(type_: str = "created", **fields) -> Counted:
    plain = {"reason": None, "task_type": "t", "slot": 0, "bucket": None, "number": 1, "took": None}
    return Counted(type_, **(plain | fields))


def test_bounds_ascend_and_those_that_are_told_are_round():
    assert list(BOUNDS) == sorted(set(BOUNDS))
    assert bound_names()[:4] == ["0.005", "0.01", "0.025", "0.05"]
    assert bound_names()[-3:] == ["5000", "10000", "+Inf"]
    assert [*map(float, bound_names())] == sorted(map(float, bound_names()))


@pytest.mark.parametrize(
    ("numbers", "p50", "p99"),
    [
        ({}, None, None),
        ({0: 10}, 0.0005, 0.00099),
        ({1: 100}, 0.001125, 0.0012475),
        ({0: 1, 10: 1}, 0.001, 0.00996),
        ({len(BOUNDS): 3}, 80_000, 80_000),
    ],
)
def test_percentiles_lie_within_their_buckets(numbers, p50, p99):
    histogram = Histogram()
    for bucket, number in numbers.items():
        histogram.count(counted("started", bucket=bucket, number=number, took=0))
    found = histogram.percentiles()
    assert found.number == sum(numbers.values())
    assert (found.p50, found.p99) == (pytest.approx(p50), pytest.approx(p99))


def test_a_spread_counts_all_up_to_each_bound():
    histogram = Histogram()
    for bucket, took in ((0, 10), (7, 5_000), (8, 5_100), (len(BOUNDS), 10**11)):
        histogram.count(counted("started", bucket=bucket, took=took))
    told = histogram.told()
    assert told.upto[:3] == (2, 3, 3)
    assert (told.number, told.upto[-1]) == (4, 3)
    assert told.seconds == pytest.approx(100_000.01011)


def test_types_have_few_labels_and_each_keeps_its_own():
    labels = Labels()
    labels.commonest({"rare": 1, "common": 9})
    numbers = {f"type-{i:04}": i for i in range(1_000)}
    labels.commonest(numbers)
    assert labels.of("common") == "common"
    assert labels.of("rare") == "rare"
    assert {labels.of(it) for it in numbers} == {OTHER, *list(numbers)[-(MOST_TYPES - 2) :]}
    assert labels.of("new") == OTHER


def test_a_label_is_one_visible_line():
    assert Labels().of('a\nb\x1b"\u202e') == 'a\\nb\\x1b"\\u202e'


def test_totals_tell_apart_which_time_ran_out():
    totals = Totals()
    totals.count(
        [
            counted("try_failed", reason="lease", number=2),
            counted("failed", reason="schedule_to_close"),
            counted("failed"),
            counted("updated", reason="fallback"),
        ]
    )
    assert totals.overdue == {("lease", "t"): 2, ("schedule_to_close", "t"): 1}
    assert totals.events["failed", "t"] == 2


def test_the_ring_has_an_hour_without_a_gap_and_forgets_what_is_older():
    ring = Ring()
    now = 1_000_000_005
    ring.count([counted(slot=now - 5), counted("completed", slot=now - 5, bucket=3, took=9)], now)
    ring.count([counted(slot=now - 4_000), counted(slot=now - 3_605)], now)
    found = ring.recent(now)
    assert len(found.slots) == SLOTS
    assert sum(it.created for it in found.slots) == 1
    assert (found.slots[-1].created, found.slots[-1].ended, found.runs.number) == (1, 1, 1)
    assert found.slots[-1].at == datetime.fromtimestamp(now - 5, UTC)
    steps = {b.at - a.at for a, b in zip(found.slots, found.slots[1:], strict=False)}
    assert steps == {timedelta(seconds=10)}
    minutes = ring.recent(now, 60).slots
    assert (len(minutes), sum(it.created for it in minutes)) == (61, 1)
    ring.count([], now + 3_600)
    assert sum(it.created for it in ring.recent(now + 3_600).slots) == 0


def test_nothing_is_known_before_the_first_look():
    found = Ring().recent(None)
    assert (found.slots, found.upto, found.waits.p50) == ((), None, None)
