"""Weighing: how long a call takes and how much memory it needs, in turn with a floor."""

from __future__ import annotations

import ctypes
import gc
import time
from collections.abc import Callable
from dataclasses import asdict, dataclass
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


@dataclass(frozen=True)
class Finding:
    """A case with what was measured: medians over the rounds, and the ratio round by round.

    `mib` is that of the round that needed most: what another has just given back may be used again.
    """

    what: str
    seconds: float
    mib: float | None
    beside: str
    floor_seconds: float
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
    """Weigh a case and its floor in turn; the case goes first, the next time the floor does."""
    for _ in range(case.warm_up):
        case.act()
        case.floor()
    ours: list[float] = []
    floor: list[float] = []
    mib: list[float | None] = []
    for number in range(rounds):
        for is_ours in (True, False) if number % 2 == 0 else (False, True):
            seconds, held = weighed(case.act if is_ours else case.floor, case.calls)
            if is_ours:
                ours.append(seconds)
                mib.append(held)
            else:
                floor.append(seconds * case.parts)
    return _finding(case, ours, floor, max((it for it in mib if it is not None), default=None))


def _finding(case: Case, ours: list[float], floor: list[float], mib: float | None) -> Finding:
    ratio = Ratio.of([a / b for a, b in zip(ours, floor, strict=True)])
    return Finding(
        what=case.what,
        seconds=median(ours),
        mib=mib,
        beside=case.beside,
        floor_seconds=median(floor),
        ratio=ratio.value,
        low=ratio.low,
        high=ratio.high,
        most=case.most,
        rounds={"ours": ours, "floor": floor},
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
