"""Connections that look open and carry nothing: a firewall drops their packets without a word."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from uuid import uuid4

import pytest

from graph_orch import (
    AsyncOrchestrator,
    Orchestrator,
    StoreUnreachableError,
    TaskStatus,
    Worker,
)
from graph_orch._async.graph import AsyncGraph
from graph_orch._sync.graph import LATER, RETRY_SECONDS, Graph, _seconds
from graph_orch.settings import Address
from graph_orch.store.statements import ANSWER_SECONDS, ROWS_A_SECOND, names, statement
from tests.faults.proxy import Proxy
from tests.waiting import eventually

PATIENCE = 4.0
"""The default would do too, and take half a minute."""
DEFAULT_LEASE = 30.0


@pytest.fixture
def proxy(server) -> Iterator[Proxy]:
    host, _, port = server[0].partition("://")[2].partition(":")
    with Proxy(host, int(port)) as it:
        yield it


@pytest.fixture
def address(server, proxy) -> Address:
    return Address(f"bolt://127.0.0.1:{proxy.port}", server[1], server[2])


@pytest.fixture
def through(address) -> Iterator[Orchestrator]:
    with Orchestrator(Graph.at(address, PATIENCE)) as it:
        yield it


@pytest.fixture
def planned(orch) -> None:
    """The server has made its plans, which takes longer than answering."""
    for call in CALLS.values():
        call(orch, str(uuid4()))


CALLS = {
    "a statement": lambda o, key: o.tasks.create_task("x", "any", idempotency_key=key),
    "several in one transaction": lambda o, key: o.agents.register_agent(key, ["py"]),
    "a read": lambda o, key: o.tasks.poll_tasks(),
    "a query by hand": lambda o, key: o.graph.query("RETURN 1"),
}


@pytest.mark.parametrize("name", CALLS)
def test_a_call_goes_on_over_a_new_connection(orch, planned, proxy, through, name):
    CALLS[name](through, "before")
    before = proxy.accepted
    proxy.swallow_open()
    assert CALLS[name](through, "after") is not None
    assert proxy.accepted == before + 1
    CALLS[name](through, "later")
    assert proxy.accepted == before + 1


async def test_an_asynchronous_call_goes_on_over_a_new_connection(orch, planned, proxy, address):
    async with AsyncOrchestrator(await AsyncGraph.at(address, PATIENCE)) as through:
        for name in ("a statement", "several in one transaction"):
            call = CALLS[name]
            await call(through, str(uuid4()))
            proxy.swallow_open()
            assert await call(through, str(uuid4())) is not None


def test_a_call_that_nobody_answers_ends_and_the_next_goes_on(orch, planned, proxy, through):
    through.tasks.create_task("x", "any")
    proxy.swallowing = True
    before = proxy.accepted
    with pytest.raises(StoreUnreachableError):
        through.tasks.create_task("x", "any")
    assert proxy.accepted > before  # it was tried on a new connection
    proxy.swallowing = False
    assert through.tasks.create_task("x", "any")


async def test_an_asynchronous_call_that_nobody_answers_ends(
    orch, planned, proxy, address, monkeypatch
):
    # It is the first of its kind, which the server would be given a minute for.
    monkeypatch.setattr("graph_orch._async.graph.PLANNING_SECONDS", PATIENCE)
    through = AsyncOrchestrator(await AsyncGraph.at(address, PATIENCE))
    proxy.swallowing = True
    with pytest.raises(StoreUnreachableError):
        await through.tasks.create_task("x", "any")
    await through.close()


def test_connecting_to_what_never_answers_ends(proxy, address):
    proxy.swallowing = True
    with pytest.raises(StoreUnreachableError):
        Graph.at(address, PATIENCE)


def test_a_worker_keeps_its_lease_and_does_its_work_once(orch, proxy, address, monkeypatch):
    """The connections of its heart are dead, and those over which it completes."""
    monkeypatch.setattr("graph_orch._async.graph._seconds", lambda *_: 3.0)
    going_on, runs = threading.Event(), list[int]()
    task_id = orch.tasks.create_task("x", "any")

    def expires():
        return orch.tasks.get_task_status(task_id).lease_expires_at

    with Orchestrator(Graph.at(address)) as through:
        worker = Worker(through, "ada", [], 1, lease_seconds=9)

        @worker.task("any")
        def handle(ctx):
            runs.append(ctx.attempt)
            assert going_on.wait(60)

        with ThreadPoolExecutor(1) as pool:
            ended = pool.submit(worker.run)
            try:
                assert eventually(lambda: runs)
                first = expires()
                assert eventually(lambda: expires() > first)  # the heart has a connection
                before = expires()
                proxy.swallow_open()
                assert eventually(lambda: expires() > before + timedelta(seconds=1))
                going_on.set()
                assert eventually(
                    lambda: orch.tasks.get_task_status(task_id).status is TaskStatus.COMPLETED
                )
            finally:
                going_on.set()
                worker.stop()
            ended.result(60)
    assert runs == [1]


def test_a_claim_whose_answer_was_lost_is_asked_for_again_while_its_lease_runs():
    assert ANSWER_SECONDS * LATER < DEFAULT_LEASE
    brief = {name for name in names() if statement(name).seconds <= ANSWER_SECONDS}
    assert {"tasks/claim", "tasks/claimed", "tasks/heartbeat", "tasks/complete"} <= brief
    assert RETRY_SECONDS > ANSWER_SECONDS * LATER  # there is a second try


def test_a_statement_may_take_as_long_as_its_header_and_its_rows_ask():
    assert _seconds(3600, []) == 3600
    assert _seconds(ANSWER_SECONDS, ["x", [1] * ROWS_A_SECOND]) == ANSWER_SECONDS + 1
    assert _seconds(ANSWER_SECONDS, [{"rows": [1] * 1_000_000}]) == 120
