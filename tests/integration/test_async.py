"""The asynchronous twin, and what belongs to connecting."""

from __future__ import annotations

import asyncio
import os

import pytest

from graph_orch import (
    AsyncOrchestrator,
    ForeignGraphError,
    NewTask,
    Orchestrator,
    SchemaTooNewError,
    StoreUnreachableError,
    TaskQueue,
)
from graph_orch.errors import ClosedError, ForkedProcessError, StoreQueryError


async def test_whole_life(aorch):
    await aorch.agents.register_agent("ada", ["x"])
    first = await aorch.tasks.create_task("one", "any", requirements=["x"])
    second = await aorch.tasks.create_task("two", "any", dependencies=[first])
    assert await aorch.router.dispatch_task(first) == "ada"
    await aorch.tasks.start_task(first)
    await aorch.tasks.fail_task(first, "not yet")
    await aorch.router.dispatch_task(first)
    await aorch.tasks.start_task(first)
    await aorch.tasks.complete_task(first, "done")
    assert [task.task_id for task in await aorch.tasks.poll_tasks()] == [second]
    types = [event.type.value for event in await aorch.tasks.get_history(first)]
    assert types == [
        "created",
        "assigned",
        "started",
        "try_failed",
        "assigned",
        "started",
        "completed",
    ]
    assert (await aorch.doctor()).is_sound


async def test_capacity_holds_under_concurrent_dispatch(aorch):
    for name in ("ada", "bob"):
        await aorch.agents.register_agent(name, [], max_concurrent_tasks=10)
    ids = await aorch.tasks.create_tasks(NewTask(content="x", task_type="any") for _ in range(30))
    given = await asyncio.gather(*(aorch.router.dispatch_task(task_id) for task_id in ids))
    assert sorted(filter(None, given)) == ["ada"] * 10 + ["bob"] * 10
    assert (await aorch.doctor()).findings == []


async def test_new_lanes_and_new_agents_find_each_other(aorch):
    """A lane may be added while an agent learns its skills."""
    names = [f"skill-{number}" for number in range(6)]
    await asyncio.gather(
        *(aorch.agents.register_agent(f"agent-{n}", names[n % 3 :]) for n in range(8)),
        *(aorch.tasks.create_task("x", "any", requirements=names[n : n + 2]) for n in range(5)),
        *(aorch.agents.register_agent(f"agent-{n}", names[: n + 1]) for n in range(4)),
    )
    await aorch.agents.register_agent("all", names)
    assert len(await aorch.tasks.poll_tasks("all")) == 5
    assert (await aorch.doctor()).findings == []


async def test_connect_can_be_awaited(server):
    orch = await AsyncOrchestrator.connect(*server)
    assert (await orch.tasks.get_queue_statistics()).total_count() >= 0
    await orch.close()
    await orch.close()
    with pytest.raises(ClosedError):
        await orch.tasks.poll_tasks()


def test_service_built_alone(orch):
    assert TaskQueue(orch.graph).get_queue_statistics().total_count() == 0


def test_nobody_answers():
    with pytest.raises(StoreUnreachableError, match="no Neo4j server answers") as caught:
        Orchestrator.connect("bolt://127.0.0.1:9", ("neo4j", "a-secret-word"))
    assert "a-secret-word" not in str(caught.value)


def test_unusable_address():
    with pytest.raises(StoreUnreachableError, match="cannot use the address"):
        Orchestrator.connect("ftp://127.0.0.1")


def test_somebody_elses_graph(orch, server, cypher):
    cypher("MATCH (s:GraphOrchSchema) SET s:Hidden REMOVE s:GraphOrchSchema CREATE (:Task)")
    try:
        with pytest.raises(ForeignGraphError, match="Task"):
            Orchestrator.connect(*server)
    finally:
        cypher("MATCH (t:Task) DELETE t")
        cypher("MATCH (s:Hidden) SET s:GraphOrchSchema REMOVE s:Hidden")


def test_schema_of_a_newer_version(orch, server, cypher):
    cypher("MATCH (s:GraphOrchSchema) SET s.version = s.version + 1")
    try:
        with pytest.raises(SchemaTooNewError, match="upgrade graph_orch"):
            Orchestrator.connect(*server)
    finally:
        cypher("MATCH (s:GraphOrchSchema) SET s.version = s.version - 1")


def test_query_by_hand_cannot_write(orch):
    assert orch.graph.query("RETURN $x AS x", x=1) == (["x"], [[1]])
    with pytest.raises(StoreQueryError):
        orch.graph.query("CREATE (:Task)")


@pytest.mark.parametrize(
    ("query", "said"),
    [
        ("LOAD CSV FROM 'file:///etc/hostname' AS row RETURN row", "LOAD CSV does more"),
        (
            "CYPHER 5 /* ' */ UNWIND ['http://127.0.0.1:1/' + 1] AS url\n"
            "CALL (url) { lOaD\tCSV WITH HEADERS FROM url AS row RETURN row } RETURN row",
            "LOAD CSV does more",
        ),
        ("TERMINATE TRANSACTIONS 'neo4j-transaction-1'", "TERMINATE TRANSACTIONS? does more"),
        (
            "SHOW TRANSACTIONS YIELD transactionId AS id "
            "TERMINATE TRANSACTION id YIELD message RETURN message",
            "TERMINATE TRANSACTIONS? does more",
        ),
        ("CALL db.clearQueryCaches()", "db.clearQueryCaches is not one"),
        ("CALL dbms.killConnection('bolt-1')", "dbms.killConnection is not one"),
        ("CALL`db` . `stats`.stop()", "db.stats.stop is not one"),
        ("SHOW USERS", "does more"),
        ("ALTER CURRENT USER SET PASSWORD FROM 'a' TO 'b'", "does more"),
        ("CREATE INDEX mine FOR (n:Mine) ON (n.x)", "does more"),
    ],
)
def test_query_by_hand_only_reads_the_graph(orch, query, said):
    with pytest.raises(StoreQueryError, match=f"may only read the graph.*{said}"):
        orch.graph.query(query)


def test_query_by_hand_may_be_written_in_any_way(orch):
    for query in ("// a comment\nRETURN 1 AS x;", "CYPHER 5 RETURN 1 AS x", "SHOW INDEXES"):
        assert orch.graph.query(query)[1]


def test_fork_is_detected(orch, monkeypatch):
    monkeypatch.setattr(os, "getpid", lambda: -1)
    with pytest.raises(ForkedProcessError):
        orch.tasks.poll_tasks()


async def test_a_claim_that_is_cancelled_gives_back_what_it_was_given(aorch, monkeypatch):
    await aorch.agents.register_agent("ada", [])
    task_id = await aorch.tasks.create_task("x", "any")
    write, asked = aorch.graph.write, asyncio.Event()

    async def told(name, **params):
        if name == "tasks/claim":
            asked.set()
        return await write(name, **params)

    monkeypatch.setattr(aorch.graph, "write", told)
    claim = asyncio.create_task(aorch.tasks.claim_tasks("ada", lease_seconds=3_600))
    await asked.wait()
    claim.cancel()
    with pytest.raises(asyncio.CancelledError):
        await claim
    task = await aorch.tasks.get_task_status(task_id)
    assert (task.status, task.retry_count) == ("pending", 0)
    (again,) = await aorch.tasks.claim_tasks("ada")
    assert again.task_id == task_id


async def test_a_claim_that_was_not_answered_is_asked_again_by_the_next(aorch, monkeypatch):
    await aorch.agents.register_agent("ada", [], max_concurrent_tasks=10)
    ids = [await aorch.tasks.create_task("x", "any") for _ in range(2)]
    write = aorch.graph.write

    async def lost(name, **params):
        await write(name, **params)
        raise StoreUnreachableError("gone")

    monkeypatch.setattr(aorch.graph, "write", lost)
    with pytest.raises(StoreUnreachableError):
        await aorch.tasks.claim_tasks("ada")
    monkeypatch.setattr(aorch.graph, "write", write)
    found = [(await aorch.tasks.claim_tasks("ada"))[0].task_id for _ in range(2)]
    assert found == ids
