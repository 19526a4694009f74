"""Pruning: what is old goes, what may still be needed stays, and the work goes on."""

from __future__ import annotations

import json
import threading
from concurrent.futures import ThreadPoolExecutor
from datetime import datetime
from uuid import uuid4

import pytest

from graph_orch import (
    AsyncOrchestrator,
    DependencyNotFoundError,
    NewTask,
    Orchestrator,
    TaskNotFoundError,
    ValidationError,
)

DAY = 86_400
TIMEOUT_SECONDS = 120


@pytest.fixture
def age(cypher):
    """Let finished tasks be so many days older than they are; without ids, all of them."""

    def shift(days: float, *task_ids: str) -> None:
        cypher(
            "MATCH (t:Task) WHERE t.completed_at IS NOT NULL AND ($ids = [] OR t.task_id IN $ids) "
            "SET t.completed_at = t.completed_at - duration({seconds: $seconds})",
            ids=list(task_ids),
            seconds=days * DAY,
        )

    return shift


@pytest.fixture
def completed(orch, running):
    def make(**fields) -> str:
        return orch.tasks.complete_task(running(**fields).task_id, {"x": 1}).task_id

    return make


@pytest.fixture
def failed(orch, running):
    def make(**fields) -> str:
        return orch.tasks.fail_task(running(**fields).task_id, "x", should_retry=False).task_id

    return make


@pytest.fixture
def left(cypher):
    """The ids of the tasks that are there."""
    return lambda: {row["id"] for row in cypher("MATCH (t:Task) RETURN t.task_id AS id")}


def test_old_finished_tasks_go_with_their_events(orch, completed, failed, new_task, left, cypher):
    old = [completed(), failed(), orch.tasks.cancel_task(new_task()).task_id]
    cypher("MATCH (t:Task) SET t.completed_at = datetime() - duration('P31D')")
    young, waiting = completed(), new_task()
    assert orch.retention.prune(30 * DAY) == len(old)
    assert left() == {young, waiting}
    counted = cypher(
        "MATCH (e:TaskEvent) OPTIONAL MATCH (t:Task)-[:HAS_EVENT]->(e) "
        "RETURN count(e) AS number, collect(t.task_id) AS ids"
    )[0]
    assert counted["number"] == 5
    assert set(counted["ids"]) == {young, waiting}
    assert orch.tasks.get_history(old[0]) == []
    assert orch.retention.prune(30 * DAY) == 0
    agent = orch.agents.get_agent("worker")
    assert (agent.total_completed, agent.total_failed) == (2, 1)
    numbers = orch.tasks.get_queue_statistics()
    assert (numbers.completed_count, numbers.failed_count, numbers.cancelled_count) == (1, 0, 0)
    assert orch.doctor().is_sound


def test_only_the_statuses_asked_for(orch, completed, failed, left):
    done, broken = completed(), failed()
    assert orch.retention.prune(0, statuses=["completed"]) == 1
    assert left() == {broken}
    assert orch.tasks.get_task_status(done) is None


def test_batches(orch, completed, age):
    for _ in range(7):
        completed()
    age(1)
    assert orch.retention.prune(3600, batch=2) == 7


def test_dependency_stays_while_it_is_needed(orch, completed, new_task, age, left):
    first = completed()
    waiting = new_task(dependencies=[first])
    age(40)
    assert orch.retention.prune(DAY) == 0
    task = orch.tasks.get_task_status(waiting)
    assert (task.unmet, task.dependencies) == (0, [first])
    orch.tasks.assign_task(waiting, "worker")
    orch.tasks.start_task(waiting)
    assert orch.retention.prune(DAY) == 0
    orch.tasks.complete_task(waiting)
    assert orch.retention.prune(DAY) == 1
    assert left() == {waiting}
    assert orch.doctor().is_sound


def test_failed_dependency_of_a_waiting_task_stays(orch, failed, new_task, age):
    first = failed()
    waiting = new_task(dependencies=[first])
    age(40)
    assert orch.retention.prune(DAY) == 0
    orch.tasks.retry_task(first)
    assert orch.tasks.get_task_status(waiting).unmet == 1
    assert orch.doctor().is_sound


def test_what_a_task_that_may_be_retried_needs_stays_as_long_as_it(
    orch, completed, failed, age, left
):
    first = completed()
    other = failed(dependencies=[first])
    age(40, first)
    assert orch.retention.prune(DAY) == 0
    age(40, other)
    assert orch.retention.prune(DAY, statuses=["completed"]) == 0
    assert left() == {first, other}
    assert orch.retention.prune(DAY) == 2


@pytest.mark.parametrize("batch", [1, 3, 500])
def test_chain_that_was_cancelled_goes_whole(orch, failed, new_task, age, left, batch):
    chain = [failed()]
    for _ in range(5):
        chain.append(
            new_task(dependencies=chain[-1:], on_dependency_failure="cancel"),
        )
    age(1)
    # The first of them as the youngest, so that what needs it is looked at after it.
    age(-0.5, chain[0])
    assert orch.retention.prune(3600, batch=batch) == 6
    assert left() == set()


def test_export_then_delete(orch, completed, new_task, age):
    first = completed()
    retried = new_task(requirements=["py"], dependencies=[first], metadata={"a": [1]})
    orch.agents.register_agent("ada", ["py"])
    for _ in range(2):
        (claim,) = orch.tasks.claim_tasks("ada", start=True)
        claim.attempt == 1 and orch.tasks.fail(claim, "no luck")
    orch.tasks.complete(claim, {"y": 2})
    age(1)
    seen: list[dict] = []

    def export(record: dict) -> None:
        assert orch.tasks.get_task_status(record["task_id"]) is not None
        seen.append(json.loads(json.dumps(record)))

    assert orch.retention.prune(3600, export=export) == 2
    record = next(it for it in seen if it["task_id"] == retried)
    assert (record["dependencies"], record["metadata"]) == ([first], {"a": [1]})
    assert (record["status"], record["result"]) == ("completed", {"y": 2})
    tries = [(it["attempt"], it["agent_id"], it["outcome"], it["error"]) for it in record["tries"]]
    assert tries == [(1, "ada", "failed", "no luck"), (2, "ada", "completed", None)]
    assert all(datetime.fromisoformat(it["ended_at"]) for it in record["tries"])
    assert [event["type"] for event in record["events"]] == [
        "created",
        "assigned",
        "started",
        "try_failed",
        "assigned",
        "started",
        "completed",
    ]
    assert orch.tasks.query_tasks()[:] == []


def test_what_an_export_raises_ends_the_pruning_and_nothing_is_lost(orch, completed, age, left):
    ids = {completed(), completed()}
    age(1)

    def full(record: dict) -> None:
        raise OSError("no room")

    with pytest.raises(OSError, match="no room"):
        orch.retention.prune(3600, export=full)
    assert left() == ids


def test_revived_task_is_not_pruned(orch, failed, completed, age, left):
    """Retried between being found and being locked, and so whatever it depends on."""
    first = completed()
    revived, other = failed(dependencies=[first]), failed()
    age(40)
    given: list[str] = []

    def export(record: dict) -> None:
        given.append(record["task_id"])
        if record["task_id"] == revived:
            orch.tasks.retry_task(revived)

    assert orch.retention.prune(DAY, export=export) == 1
    assert sorted(given) == sorted([first, revived, other])
    assert left() == {first, revived}
    task = orch.tasks.get_task_status(revived)
    assert (task.status, task.dependencies) == ("pending", [first])
    assert orch.doctor().is_sound


def test_dependent_created_meanwhile_keeps_its_dependency(orch, completed, new_task, age, left):
    first = completed()
    age(40)
    made: list[str] = []
    export = lambda record: made.append(new_task(dependencies=[first]))  # noqa: E731
    assert orch.retention.prune(DAY, export=export) == 0
    assert left() == {first, *made}


@pytest.mark.parametrize("ask", ["create", "add_dependency", "retry"])
def test_who_waits_for_the_lock_of_a_deleted_task_finds_it_gone(
    orch, failed, new_task, driver, server, cypher, ask
):
    first, other = failed(), new_task()
    asks = {
        "create": lambda: new_task(dependencies=[first]),
        "add_dependency": lambda: orch.tasks.add_dependency(other, first),
        "retry": lambda: orch.tasks.retry_task(first),
    }
    with ThreadPoolExecutor(1) as pool, driver.session(database=server[2]) as session:
        with session.begin_transaction() as pruning:
            pruning.run("MATCH (t:Task {task_id: $id}) SET t.lk = 'x'", id=first).consume()
            asked = pool.submit(asks[ask])
            waiting = "SHOW TRANSACTIONS YIELD status WHERE status STARTS WITH 'Blocked' RETURN 1"
            while not cypher(waiting):
                assert not asked.done()
            pruning.run(
                "MATCH (t:Task {task_id: $id}) OPTIONAL MATCH (t)-[:HAS_EVENT]->(e) "
                "DETACH DELETE e, t",
                id=first,
            ).consume()
            pruning.commit()
        with pytest.raises((DependencyNotFoundError, TaskNotFoundError)):
            asked.result(TIMEOUT_SECONDS)
    assert orch.tasks.get_task_status(other).unmet == 0
    assert orch.doctor().is_sound


def test_pruning_while_tasks_are_created_and_completed(orch, server, cypher):
    """Workers lose nothing: no error, no task gone that was not finished, a sound graph."""
    rounds, workers = 12, 4
    done = threading.Event()
    exported: list[str] = []

    def work(number: int) -> list[str]:
        made: list[str] = []
        with Orchestrator.connect(*server) as own:
            agent = own.agents.register_agent(f"w{number}", [], max_concurrent_tasks=50).agent_id
            for _ in range(rounds):
                first = NewTask(content="a", task_type="any")
                last = [first.task_id]
                batch = [first]
                for _ in range(4):
                    batch.append(NewTask(content="b", task_type="any", dependencies=last))
                    last = [batch[-1].task_id]
                made += own.tasks.create_tasks(batch)
                for claim in own.tasks.claim_tasks(agent, 10, start=True):
                    if uuid4().int % 5:
                        own.tasks.complete(claim)
                    else:
                        failed = own.tasks.fail(claim, "x", should_retry=False)
                        assert failed.status == "failed"
                own.tasks.get_queue_statistics()
                own.tasks.query_tasks({"status": ["completed", "failed"]})
                own.events.read(limit=1000)
        return made

    def prune() -> int:
        total = 0
        with Orchestrator.connect(*server) as own:
            while not done.is_set():
                total += own.retention.prune(
                    0, batch=7, export=lambda record: exported.append(record["task_id"])
                )
        return total

    with ThreadPoolExecutor(workers + 2) as pool:
        pruners = [pool.submit(prune) for _ in range(2)]
        try:
            made = [id_ for ids in pool.map(work, range(workers)) for id_ in ids]
        finally:
            done.set()
        deleted = sum(pruner.result(TIMEOUT_SECONDS) for pruner in pruners)
    deleted += orch.retention.prune(0, export=lambda record: exported.append(record["task_id"]))
    left = {row["id"] for row in cypher("MATCH (t:Task) RETURN t.task_id AS id")}
    assert set(made) - left <= set(exported)
    assert deleted == len(made) - len(left)
    assert len(made) == workers * rounds * 5
    assert orch.doctor().findings == []
    stray = "MATCH (e:TaskEvent) WHERE NOT EXISTS { (:Task)-[:HAS_EVENT]->(e) } RETURN e"
    assert cypher(stray) == []
    # What is left is live, or needed by what is.
    kept = (
        "MATCH (t:Task) WHERE t.completed_at IS NOT NULL AND NOT EXISTS { "
        "(t)<-[:DEPENDS_ON*1..]-(x) WHERE x.status = 'pending' OR x.status IN "
        "['assigned', 'running'] } RETURN t"
    )
    assert cypher(kept) == []


@pytest.mark.parametrize(
    "fields",
    [
        {"older_than_seconds": -1},
        {"older_than_seconds": "soon"},
        {"older_than_seconds": 1, "statuses": ["running"]},
        {"older_than_seconds": 1, "statuses": ["unheard-of"]},
        {"older_than_seconds": 1, "batch": 0},
    ],
)
def test_what_is_not_acceptable_is_refused(orch, fields):
    with pytest.raises(ValidationError):
        orch.retention.prune(**fields)


async def test_asynchronous(aorch: AsyncOrchestrator):
    task_id = await aorch.tasks.create_task("x", "any")
    await aorch.tasks.cancel_task(task_id)
    seen: list[str] = []
    export = lambda record: seen.append(record["task_id"])  # noqa: E731
    assert await aorch.retention.prune(0, export=export) == 1
    assert seen == [task_id]
