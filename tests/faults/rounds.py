"""Rounds of inputs by chance: each has its number for a seed, so that a finding comes again.

Each target has one round. FUZZ_SECONDS makes them more: it is how long all targets take together.
FUZZ_ROUND is the round that they begin with.
"""

from __future__ import annotations

import os
import signal
import time
from collections.abc import Callable, Generator
from contextlib import contextmanager
from itertools import count
from typing import Any

from hypothesis import HealthCheck, given, seed, settings
from hypothesis import strategies as st

SECONDS = float(os.environ.get("FUZZ_SECONDS", "0"))
FIRST = int(os.environ.get("FUZZ_ROUND", "0"))
TARGETS = 12
"""How many share the time."""
HANGS_SECONDS = 30


def fuzz(
    target: str,
    inputs: st.SearchStrategy[Any],
    check: Callable[[Any], None],
    examples: int = 100,
    before: Callable[[], None] = lambda: None,
    after: Callable[[], None] = lambda: None,
) -> None:
    """Check one input after another, and after each round what must still hold."""
    until = time.monotonic() + SECONDS / TARGETS
    for number in count(FIRST):
        try:
            before()
            _round(number, inputs, check, examples)
            with in_time():
                after()
        except BaseException as error:
            error.add_note(f"in round {number} of {target}: FUZZ_ROUND={number} begins with it")
            raise
        if time.monotonic() > until:
            print(f"{target}: {number - FIRST + 1} rounds of {examples}")
            return


def _round(
    number: int, inputs: st.SearchStrategy[Any], check: Callable[[Any], None], examples: int
) -> None:
    @seed(number)
    @settings(
        max_examples=examples,
        database=None,
        derandomize=False,
        deadline=None,
        report_multiple_bugs=False,
        suppress_health_check=list(HealthCheck),
    )
    @given(inputs)
    def run(given: Any) -> None:
        with in_time():
            check(given)

    run()


@contextmanager
def in_time() -> Generator[None]:
    """Fail where something hangs."""

    def late(*_: object) -> None:
        raise AssertionError(f"it was not done after {HANGS_SECONDS} s")

    before = signal.signal(signal.SIGALRM, late)
    # Again after a second: Python drops what is raised while it frees an object.
    signal.setitimer(signal.ITIMER_REAL, HANGS_SECONDS, 1)
    try:
        yield
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)
        signal.signal(signal.SIGALRM, before)
