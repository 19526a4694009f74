"""Weighing: how long a call takes and how much memory it needs, in turn with a floor."""

from __future__ import annotations

import ctypes
import gc
import time
from collections.abc import Callable
from dataclasses import asdict, dataclass, field
from pathlib import Path
from statistics import median
from typing import Any

from benchmarks.measure import Ratio

Act = Callable[[], object]
MIB = 2**20
FORGET_PEAK = "5"
"""What Linux takes, in /proc/self/clear_refs, as the wish to begin a new peak (VmHWM)."""


@dataclass(frozen=True)
class Case:
    """What is weighed, and beside what: the floor, with which it takes turns.

    Args:
        beside: What the floor is.
        most: The target: at most so many times as long as the floor.
        parts: The floor does one of so many equal parts of the work, and counts so many times.
        calls: How many a round has; its time is their median.
        warm_up: How many go before the first round.
    """

    what: str
    act: Act
    beside: str
    floor: Act
    most: float | None = None
    parts: int = 1
    calls: int = 1
    warm_up: int = 0


@dataclass
class Weights:
    """Seconds of each round; and the MiB of the round that needed most, beyond what was held."""

    seconds: list[float] = field(default_factory=list[float])
    mib: float | None = None

    def add(self, seconds: float, mib: float | None) -> None:
        self.seconds.append(seconds)
        self.mib = mib if self.mib is None or mib is None else max(self.mib, mib)


@dataclass(frozen=True)
class Finding:
    """A case with what was measured: medians over the rounds, and the ratio round by round."""

    what: str
    seconds: float
    mib: float | None
    beside: str
    floor_seconds: float
    floor_mib: float | None
    ratio: float
    low: float
    high: float
    most: float | None
    rounds: dict[str, list[float]]

    @property
    def met(self) -> bool | None:
        """Whether the target was met; None where there is none."""
        return None if self.most is None else self.ratio <= self.most

    def as_json(self) -> dict[str, Any]:
        return asdict(self) | {"met": self.met}


def found(case: Case, rounds: int) -> Finding:
    """Weigh a case and its floor, round by round."""
    for _ in range(case.warm_up):
        case.floor()
        case.act()
    ours, floor = Weights(), Weights()
    for _ in range(rounds):
        seconds, mib = weighed(case.floor, case.calls)
        floor.add(seconds * case.parts, mib)
        ours.add(*weighed(case.act, case.calls))
    ratio = Ratio.of([a / b for a, b in zip(ours.seconds, floor.seconds, strict=True)])
    return Finding(
        case.what,
        median(ours.seconds),
        ours.mib,
        case.beside,
        median(floor.seconds),
        floor.mib,
        ratio.value,
        ratio.low,
        ratio.high,
        case.most,
        {"ours": ours.seconds, "floor": floor.seconds},
    )


def weighed(act: Act, calls: int = 1) -> tuple[float, float | None]:
    """The median seconds of some calls, and the MiB that the process held more at the peak.

    The memory is that of the process, whoever allocates it; None where the system is not Linux.
    """
    _give_back()
    before = _begin_peak()
    times: list[float] = []
    for _ in range(calls):
        began = time.perf_counter()
        result = act()
        times.append(time.perf_counter() - began)
        del result
    return median(times), None if before is None else max(0.0, _held("VmHWM") - before)


def _give_back() -> None:
    """Return what is free to the system: what is used again would not be seen as needed."""
    gc.collect()
    trim = getattr(ctypes.CDLL(None), "malloc_trim", None)
    if trim is not None:
        trim(0)


def _begin_peak() -> float | None:
    """Forget the peak so far; how many MiB are held now."""
    try:
        Path("/proc/self/clear_refs").write_text(FORGET_PEAK)
    except OSError:
        return None
    return _held("VmRSS")


def _held(name: str) -> float:
    for line in Path("/proc/self/status").read_text().splitlines():
        key, _, value = line.partition(":")
        if key == name:
            return int(value.split()[0]) * 1024 / MIB
    raise RuntimeError(f"/proc/self/status has no {name}")
