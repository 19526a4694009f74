"""The server is killed under a relay, senders of webhooks and evaluators of triggers.

What arrived, and what fired, is held against the log.
"""

from __future__ import annotations

import asyncio
import os
import random
import signal
import threading
import time
from collections import Counter, defaultdict
from contextlib import ExitStack, suppress

import pytest
from cloudevents.core.formats.json import JSONFormat

from benchmarks.peers.nats import Nats
from graph_orch import NewTask, Orchestrator, StoreError
from graph_orch._async.webhooks import CLAIM_SECONDS
from graph_orch.domain.webhooks import new_secret
from graph_orch.embedded import EmbeddedNeo4j, server_status
from graph_orch.testing import advance
from tests.faults.commands import Process
from tests.faults.load import KILLS, seeds
from tests.faults.test_brokers_killed import PLACE, all_of, connected_to, iter_pages
from tests.waiting import eventually
from tests.webhook_receiver import Receiver

pytestmark = [
    pytest.mark.own_server,
    pytest.mark.skipif(
        os.environ.get("NEO4J_TEST", "embedded") != "embedded",
        reason="only a server of our own may be killed",
    ),
]


@seeds
def test_3_what_arrives_and_fires_is_the_log(tmp_path, monkeypatch, seed):
    monkeypatch.setenv("GRAPH_ORCH_WEBHOOK_NETWORKS", "127.0.0.0/8")
    chance, data, secret = random.Random(seed), tmp_path / "data", new_secret()
    with ExitStack() as stack:
        first = stack.enter_context(EmbeddedNeo4j(data))
        port, server = int(first.uri.rpartition(":")[2]), (first.uri, first.auth, None)
        orch = stack.enter_context(Orchestrator.connect(first.uri, first.auth))
        receiver, broker = stack.enter_context(Receiver(secret)), stack.enter_context(Nats())
        orch.agents.register_agent("ada", [], max_concurrent_tasks=1_000)
        orch.subscriptions.put("out", "*:any", deliver="broker", after=0)
        orch.webhooks.put("w", receiver.url, "*:any", secret=secret)
        made = {"content": "{event.task_id}", "task_type": "made"}
        orch.triggers.put("each", "created:any", create=made)
        relay = ["relay", "*:any", "--to", f"{broker.url}/{PLACE}", "--create", "--name", "out"]
        keep = ["maintain", "--every", "0.2"]
        processes = [
            stack.enter_context(Process(server, *words))
            for words in ([*relay, "--lease", "2"], keep, keep)
        ]

        def settled() -> bool:
            """Whether all that has happened was sent, and has fired."""
            for process in processes:
                process.tend()
            with suppress(StoreError):
                advance(orch, CLAIM_SECONDS)  # what was under way at a kill is due later
                end = orch.events.end()
                return (
                    orch.subscriptions.get("out").position == end
                    and not any(it.waiting or it.behind for it in orch.webhooks.list())
                    and not any(it.pending or it.behind for it in orch.triggers.list())
                )
            return False

        with busy(orch, random.Random(seed)):
            for _ in range(KILLS):
                before = len(receiver.got)
                assert eventually(lambda: len(receiver.got) > before)  # noqa: B023
                time.sleep(chance.random())
                os.kill(server_status(data).pid, signal.SIGKILL)
                stack.enter_context(EmbeddedNeo4j(data, port=port))
        assert eventually(settled, 60)

        log = [it for page in iter_pages(orch) for it in page]
        any_ = {it.task_id for it in orch.tasks.query_tasks({"task_type": "any"}, limit=10_000)}
        log = [it for it in log if it.task_id in any_]
        events = asyncio.run(published(broker))
        assert Counter(it.get_id() for it in events) == Counter(it.event_id for it in log)
        arrived, happened = defaultdict(list), defaultdict(list)
        for it in events:
            arrived[it.get_subject()].append(it.get_id())
        for it in log:
            happened[it.task_id].append(it.event_id)
        assert arrived == happened
        assert receiver.wrong == []
        assert receiver.ids.keys() == {it.event_id for it in log}
        fired = orch.tasks.query_tasks({"task_type": "made"}, limit=10_000)
        assert sorted(it.content for it in fired) == sorted(any_)
        assert orch.doctor().is_sound
        assert len(log) > 5


async def published(broker):
    client = await connected_to(broker)
    found = [JSONFormat().read(None, it.data) for it in await all_of(client.jetstream())]
    await client.close()
    return found


class busy:
    """A block beside which tasks are created and completed."""

    def __init__(self, orch: Orchestrator, chance: random.Random) -> None:
        self._orch, self._chance = orch, chance
        self._ended = threading.Event()
        self._thread = threading.Thread(target=self._work)

    def _work(self) -> None:
        while not self._ended.is_set():
            with suppress(StoreError):  # the server is killed, and it takes long to come back
                many = self._chance.randrange(1, 5)
                self._orch.tasks.create_tasks(
                    [NewTask(content="x", task_type="any") for _ in range(many)]
                )
                for claim in self._orch.tasks.claim_tasks(
                    "ada", many, task_types=["any"], start=True
                ):
                    self._orch.tasks.complete(claim)
            self._ended.wait(self._chance.random() * 0.2)

    def __enter__(self) -> None:
        self._thread.start()

    def __exit__(self, *_: object) -> None:
        self._ended.set()
        self._thread.join()
