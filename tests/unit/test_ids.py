"""New ids are UUIDs of version 7, in the order of time."""

from __future__ import annotations

import time
from itertools import pairwise
from uuid import RFC_4122, UUID

from graph_orch.domain.ids import new_hex, new_uuid


def test_they_are_uuids_of_now():
    before = time.time_ns() // 1_000_000
    made = UUID(new_uuid())
    assert (made.version, made.variant) == (7, RFC_4122)
    assert before <= made.int >> 80 <= time.time_ns() // 1_000_000
    assert UUID(new_hex()).version == 7


def test_they_differ_and_rise_with_time(monkeypatch):
    moment = 1_764_000_000_123_456_789
    monkeypatch.setattr(time, "time_ns", lambda: moment)
    assert len({new_hex() for _ in range(10_000)}) == 10_000
    found = []
    for _ in range(1_000):
        moment += 500  # nanoseconds: two parts of the 4,096 of a millisecond
        found.append(new_uuid()[:18])
    assert all(one < other for one, other in pairwise(found))
