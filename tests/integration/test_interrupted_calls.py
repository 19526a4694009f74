"""Calls that a signal's handler ends by an error, as Ctrl-C does in a notebook."""

from __future__ import annotations

import random
import signal

import pytest

SECONDS = 0.004
TRIALS = 60


class Alarm(Exception):
    """What the handler raises."""


def raise_alarm(number, frame):
    raise Alarm


@pytest.fixture
def alarm():
    before = signal.signal(signal.SIGALRM, raise_alarm)
    yield
    signal.setitimer(signal.ITIMER_REAL, 0)
    signal.signal(signal.SIGALRM, before)


@pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning")
def test_no_answer_is_taken_for_that_of_another_call(orch, new_task, alarm):
    """Wherever the handler raises, the calls after it are answered with what they asked for."""
    chance = random.Random(1)
    ids = [new_task(f"content {number}") for number in range(20)]
    for _ in range(TRIALS):
        try:
            # Again after a second: Python drops what is raised while it frees an object.
            signal.setitimer(signal.ITIMER_REAL, chance.random() * SECONDS + 0.0001, 1)
            while True:
                orch.tasks.get_task_status(chance.choice(ids))
        except Alarm:
            signal.setitimer(signal.ITIMER_REAL, 0)
        asked = chance.choice(ids)
        assert orch.tasks.get_task_status(asked).task_id == asked
        assert orch.tasks.get_queue_statistics().pending_count == len(ids)
        assert orch.agents.list() == []
