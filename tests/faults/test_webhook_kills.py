"""Senders of webhooks that are killed at any moment: the log, held against what arrived."""

from __future__ import annotations

import os
import random
import signal
import subprocess
import sys
import threading
import time
from collections import Counter

from graph_orch import NewTask, Orchestrator
from graph_orch._async.webhooks import AT_ONCE, CLAIM_SECONDS
from graph_orch.domain.webhooks import new_secret
from graph_orch.testing import advance
from tests.faults.load import seeds
from tests.mcp_client import environment
from tests.webhook_receiver import Got, Receiver

SECRET = new_secret()
HOOKS = 3
KILLS = 12
SENDER = """
import asyncio
from graph_orch import AsyncOrchestrator
async def main():
    async with AsyncOrchestrator.connect() as orch:
        while True:
            await orch.webhooks.deliver()
            await asyncio.sleep(0.05)
asyncio.run(main())
"""


@seeds
def test_what_arrives_is_what_the_log_holds(orch, server, monkeypatch, seed):
    monkeypatch.setenv("GRAPH_ORCH_WEBHOOK_NETWORKS", "127.0.0.0/8")
    chance = random.Random(seed)
    accepted: Counter[tuple[str, str]] = Counter()
    asked: Counter[tuple[str, str]] = Counter()
    lock = threading.Lock()
    statuses = [200, 200, 200, 204, 500, 429]

    def answer(got: Got) -> int:
        time.sleep(chance.random() * 0.02)
        status = chance.choice(statuses)
        with lock:
            asked[got.path, got.id] += 1
            accepted[got.path, got.id] += status < 300
        return status

    with Receiver(SECRET) as receiver:
        receiver.answer = answer
        for number in range(HOOKS):
            pattern = ("*:*", "created:*", "completed:*")[number]
            orch.webhooks.put(f"w{number}", f"{receiver.url}/{number}", pattern, secret=SECRET)
        kills = kill_at_random(orch, server, chance)
        statuses[4:] = []
        # What was under way when its sender died, and what failed, is due later.
        for _ in range(200):
            orch.events.end()  # `behind` counts what has a place
            if not any(it.waiting or it.behind for it in orch.webhooks.list()):
                break
            advance(orch, CLAIM_SECONDS + 300)
        assert receiver.wrong == []

    events = list(orch.events.read(limit=10_000))
    for number, types in enumerate((None, {"created"}, {"completed"})):
        wanted = {it.event_id for it in events if types is None or it.type.value in types}
        path = f"/hook/{number}"
        assert {it for at, it in accepted if at == path and accepted[at, it]} == wanted
        found = orch.webhooks.get(f"w{number}")
        assert (found.waiting, found.given_up, found.disabled_at) == (0, 0, None)
    recorded = Counter(
        (f"/hook/{it.webhook[1:]}", it.event_id)
        for number in range(HOOKS)
        for it in orch.webhooks.attempts(f"w{number}", limit=10_000)
    )
    # Each try was asked for; only what was under way at a kill was asked for and not recorded.
    assert recorded <= asked
    assert (asked - recorded).total() <= kills * HOOKS * AT_ONCE
    taken_again = sum(number - 1 for number in accepted.values() if number > 1)
    assert taken_again <= (asked - recorded).total()


def kill_at_random(orch: Orchestrator, server, chance: random.Random) -> int:
    """Let two senders send while events happen, and kill one now and then; how many were killed."""
    given = {**os.environ, **environment(server)}
    orch.agents.register_agent("ada", [], max_concurrent_tasks=1_000)

    def start() -> subprocess.Popen[bytes]:
        return subprocess.Popen([sys.executable, "-c", SENDER], env=given)

    senders = [start(), start()]
    try:
        for _ in range(KILLS):
            orch.tasks.create_tasks([NewTask(content="x", task_type="t") for _ in range(20)])
            for claim in orch.tasks.claim_tasks("ada", 20, start=True):
                orch.tasks.complete(claim)
            place = chance.randrange(2)
            time.sleep(0.5 + chance.random() * 1.5)
            senders[place].send_signal(signal.SIGKILL)
            senders[place].wait()
            senders[place] = start()
    finally:
        for sender in senders:
            sender.kill()
            sender.wait()
    return KILLS + len(senders)
