"""What the store answers about task graphs, against the same questions to a snapshot."""

from __future__ import annotations

import random
from collections import Counter
from datetime import UTC, datetime, timedelta
from itertools import pairwise

import networkx as nx
import pytest

from graph_orch import NewTask, WaitKind, analysis
from graph_orch.errors import (
    AgentNotFoundError,
    OrchestrationError,
    TaskNotFoundError,
    ValidationError,
)
from graph_orch.store import statements

FAR = datetime.now(UTC) + timedelta(days=1000)


@pytest.fixture
def picture(orch, cypher):
    """All that is in the store as a graph of kind "all", read past the services."""

    def take() -> nx.MultiDiGraph:
        graph = nx.MultiDiGraph(kind="all", taken_at=datetime.now(UTC), limits={})
        for agent in orch.agents.list():
            graph.add_node(agent.agent_id, label="Agent", **agent.model_dump())
        tasks = orch.tasks.get_tasks(
            [row["id"] for row in cypher("MATCH (t:Task) RETURN t.task_id AS id")]
        )
        for task in tasks:
            known = {name: it for name, it in task.model_dump().items() if it is not None}
            graph.add_node(task.task_id, label="Task", **known)
        for task in tasks:
            for other in task.dependencies:
                graph.add_edge(task.task_id, other, "DEPENDS_ON", type="DEPENDS_ON")
        rows = cypher("MATCH (x:Limit) RETURN x.key AS key, x.max AS max")
        graph.graph["limits"] = {row["key"]: row["max"] for row in rows}
        return graph

    return take


@pytest.fixture
def joined(orch, cypher):
    """Create tasks past the services, as they would be: a dict of each to what it depends on."""

    def create(dependencies: dict[str, list[str]], done: dict[str, str] | None = None) -> None:
        done = done or {}
        rows = [
            {"id": key, "status": done.get(key, "pending"), "label": _label(done.get(key))}
            for key in dependencies
        ]
        lane = cypher("MATCH (l:Lane {size: 0}) RETURN l.key AS key")[0]["key"]
        for at in range(0, len(rows), 10_000):
            cypher(
                "UNWIND $rows AS row CREATE (t:Task:$(row.label) {task_id: row.id, lane: $lane, "
                "task_type: 'any', content: 'x', status: row.status, priority: 'low', "
                "requirements: [], created_at: datetime(), attempt: 0, retry_count: 0, "
                "max_retries: 3, unmet: 0, on_dependency_failure: 'wait', events: 0})",
                rows=rows[at : at + 10_000],
                lane=lane,
            )
        edges = [[key, other] for key, others in dependencies.items() for other in others]
        for at in range(0, len(edges), 10_000):
            cypher(
                "UNWIND $edges AS edge MATCH (t:Task {task_id: edge[0]}) "
                "MATCH (d:Task {task_id: edge[1]}) CREATE (t)-[:DEPENDS_ON {ordinal: 0}]->(d) "
                "SET t.unmet = t.unmet + 1, t:BlockedTask",
                edges=edges[at : at + 10_000],
            )

    return create


def _label(status: str | None) -> str:
    return f"{(status or 'pending').capitalize()}Task"


SKILLS = ("py", "sql", "ocr")


def live_through(orch, seed: int, size: int = 40) -> None:
    """A random graph of tasks, some of which are worked on, fail, or are cancelled."""
    rng = random.Random(seed)
    for agent_id in ("ada", "bob", "cy"):
        orch.agents.register_agent(
            agent_id, rng.sample(SKILLS, rng.randint(0, 2)), max_concurrent_tasks=rng.randint(1, 3)
        )
    orch.tasks.set_concurrency_limit("two", 2)
    ids: list[str] = []
    for _ in range(size):
        after = rng.sample(ids, min(len(ids), rng.choice([0, 1, 1, 2, 3])))
        ids.append(
            orch.tasks.create_task(
                "x",
                rng.choice(["slow", "fast"]),
                requirements=rng.sample([*SKILLS, "rare"], rng.choice([0, 0, 1, 1, 2])),
                dependencies=after,
                on_dependency_failure=rng.choice(["wait", "wait", "cancel"]),
                concurrency_key=rng.choice([None, None, None, "one", "two"]),
                available_at=rng.choice([None, None, None, FAR]),
                max_retries=rng.choice([0, 2]),
                metadata=rng.choice([None, {"estimated_seconds": rng.randint(0, 9)}]),
            )
        )
    for _ in range(2 * size):
        _move(orch, rng, rng.choice(ids))


def _move(orch, rng: random.Random, task_id: str) -> None:
    tasks = orch.tasks
    try:
        match tasks.get_task_status(task_id).status:
            case "pending" if rng.random() < 0.1:
                tasks.cancel_task(task_id)
            case "pending":
                tasks.assign_task(task_id, rng.choice(["ada", "bob", "cy"]))
                tasks.start_task(task_id)
            case "running" if rng.random() < 0.7:
                tasks.complete_task(task_id, metrics={"duration_ms": rng.randint(1, 9) * 1000})
            case "running":
                tasks.fail_task(task_id, "boom", exclude_agent=rng.random() < 0.5)
            case "failed" if rng.random() < 0.3:
                tasks.retry_task(task_id)
            case _:
                pass
    except OrchestrationError:
        pass  # it is blocked, or the agent cannot: another is tried


@pytest.mark.parametrize("seed", range(4))
def test_store_and_snapshot_agree(orch, picture, seed):
    live_through(orch, seed)
    graph = picture()
    tasks = sorted(key for key, label in graph.nodes(data="label") if label == "Task")
    seen = Counter()
    for key in tasks:
        found = orch.insights.why_blocked(key)
        assert found == analysis.tasks.why_blocked(graph, key)
        seen.update(found.kinds)
        assert orch.insights.blast_radius(key) == analysis.tasks.blast_radius(graph, key)
        assert orch.insights.levels(key) == analysis.tasks.levels(graph, tasks=key)
        for duration in ("measured", "estimated"):
            assert orch.insights.critical_path(key, duration) == analysis.tasks.critical_path(
                graph, duration, tasks=key
            )
    for agent_id in ("ada", "bob", "cy"):
        assert orch.insights.agent_blast_radius(agent_id) == analysis.tasks.agent_blast_radius(
            graph, agent_id
        )
    assert orch.insights.critical_path(tasks) == analysis.tasks.critical_path(graph)
    assert seen[WaitKind.DEPENDENCY]
    assert len(seen) > 3


def test_who_can_be_told_is_told_in_the_store(orch, new_task):
    orch.agents.register_agent("ada", ["py", "sql"], max_concurrent_tasks=1)
    orch.agents.register_agent("bob", ["ocr"], max_concurrent_tasks=1)
    kinds = {
        WaitKind.READY: new_task(requirements=["PY"]),
        WaitKind.MISSING_SKILL: new_task(requirements=["py", "Zig"]),
        WaitKind.NO_CAPABLE_AGENT: new_task(requirements=["py", "ocr"]),
        WaitKind.NOT_DUE: new_task(available_at=FAR),
    }
    for kind, task_id in kinds.items():
        assert [it.kind for it in orch.insights.why_blocked(task_id).reasons] == [kind]
    assert orch.insights.why_blocked(kinds[WaitKind.MISSING_SKILL]).reasons[0].skills == ["Zig"]
    busy = new_task(requirements=["sql"])
    orch.tasks.assign_task(busy, "ada")
    found = orch.insights.why_blocked(kinds[WaitKind.READY])
    assert [(it.kind, it.agents) for it in found.reasons] == [(WaitKind.AGENTS_FULL, ["ada"])]
    held = orch.insights.why_blocked(busy)
    assert (held.is_waiting, [it.kind for it in held.reasons]) == (False, [WaitKind.NOT_PENDING])


def test_the_root_and_its_own_reasons(orch, new_task):
    orch.agents.register_agent("ada", ["py"])
    root = new_task(requirements=["zig"])
    middle = new_task(dependencies=[root])
    last = new_task(dependencies=[middle])
    found = orch.insights.why_blocked(last)
    assert [(it.kind, it.task_id) for it in found.reasons] == [
        (WaitKind.DEPENDENCY, root),
        (WaitKind.MISSING_SKILL, root),
    ]
    orch.agents.learn_new_capability("ada", "zig")
    assert orch.insights.why_blocked(last).kinds == {WaitKind.DEPENDENCY}
    orch.tasks.assign_task(root, "ada")
    orch.tasks.start_task(root)
    assert orch.insights.why_blocked(last).reasons[0].agents == ["ada"]
    orch.tasks.complete_task(root)
    assert orch.insights.why_blocked(last).roots == [middle]
    assert not orch.insights.why_blocked(middle).is_waiting


def test_retry_delay_exclusion_limit_and_deadline(orch, new_task, cypher):
    orch.agents.register_agent("ada", [])
    delayed = new_task(schedule_to_close_seconds=1000)
    orch.tasks.assign_task(delayed, "ada")
    orch.tasks.fail_task(delayed, "boom", retry_after=1000.0, exclude_agent=True)
    found = orch.insights.why_blocked(delayed)
    assert found.kinds == {WaitKind.RETRY_DELAY, WaitKind.AGENTS_EXCLUDED}
    cypher("MATCH (t:Task) SET t.close_by = datetime() - duration('PT1S')")
    assert WaitKind.DEADLINE_PASSED in orch.insights.why_blocked(delayed).kinds
    first, second = new_task(concurrency_key="k"), new_task(concurrency_key="k")
    assert orch.insights.why_blocked(second).kinds == {WaitKind.READY}
    orch.tasks.assign_task(first, "ada")
    assert orch.insights.why_blocked(second).kinds == {WaitKind.CONCURRENCY_LIMIT}


def test_nobody_is_registered(orch, new_task):
    found = orch.insights.why_blocked(new_task())
    assert [it.kind for it in found.reasons] == [WaitKind.NO_CAPABLE_AGENT]
    assert "no agent is registered" in found.reasons[0].sentence


def test_unknown_ids_and_bad_arguments(orch):
    for ask in (orch.insights.why_blocked, orch.insights.blast_radius, orch.insights.critical_path):
        with pytest.raises(TaskNotFoundError):
            ask("00000000-0000-0000-0000-000000000000")
    with pytest.raises(TaskNotFoundError):
        orch.insights.levels(["nothing"])
    with pytest.raises(AgentNotFoundError):
        orch.insights.agent_blast_radius("nobody")
    with pytest.raises(ValidationError):
        orch.insights.why_blocked("x", limit=0)
    with pytest.raises(ValidationError, match="duration"):
        orch.insights.critical_path("x", "cost")
    with pytest.raises(ValidationError, match="ask its insights"):
        analysis.tasks.levels(orch)
    assert orch.insights.levels([]) == []


def test_estimate_that_is_none(orch, new_task):
    task_id = new_task(metadata={"estimated_seconds": "soon"})
    with pytest.raises(ValidationError, match="'soon'"):
        orch.insights.critical_path(task_id)


async def test_async(aorch):
    task_id = await aorch.tasks.create_task("x", "any")
    assert (await aorch.insights.why_blocked(task_id)).is_waiting
    with pytest.raises(ValidationError, match="ask its insights"):
        analysis.tasks.why_blocked(aorch, task_id)


def test_cycle_that_somebody_wrote_past_the_services(orch, new_task, cypher):
    orch.agents.register_agent("ada", [])
    a = new_task()
    b = new_task(dependencies=[a])
    cypher(
        "MATCH (a:Task {task_id: $a}), (b:Task {task_id: $b}) "
        "CREATE (a)-[:DEPENDS_ON {ordinal: 0}]->(b) SET a.unmet = 1, a:BlockedTask",
        a=a,
        b=b,
    )
    (reason,) = orch.insights.why_blocked(a).reasons
    assert reason.kind is WaitKind.CYCLE
    assert set(reason.cycle) == {a, b}
    with pytest.raises(ValidationError, match="cycle"):
        orch.insights.levels([a, b])


def test_counter_that_is_wrong(orch, new_task, cypher):
    orch.agents.register_agent("ada", [])
    task_id = new_task()
    cypher("MATCH (t:Task) SET t.unmet = 1, t:BlockedTask")
    assert orch.insights.why_blocked(task_id).kinds == {WaitKind.MISCOUNTED}


@pytest.fixture
def hits(driver, server):
    """How often a statement reads the store."""

    def profile(name: str, **params: object) -> int:
        text = statements.statement(name).text.replace("replan=skip\n", "PROFILE\n", 1)
        with driver.session(database=server[2]) as session:
            return total(session.run(text, params).consume().profile)

    def total(plan: dict) -> int:
        return plan["args"].get("DbHits", 0) + sum(map(total, plan.get("children", [])))

    return profile


def test_chain_ladder_and_fan_cost_what_they_hold(orch, joined, hits):
    """A ladder of 1,000 diamonds has 2**1000 ways down."""
    chain = [f"c{at:05d}" for at in range(10_000)]
    joined({chain[0]: []} | {b: [a] for a, b in pairwise(chain)})
    ladder: dict[str, list[str]] = {"j0": []}
    for at in range(1000):
        ladder |= {f"l{at}": [f"j{at}"], f"r{at}": [f"j{at}"], f"j{at + 1}": [f"l{at}", f"r{at}"]}
    joined(ladder, {"j0": "failed"})
    joined({f"f{at}": [] for at in range(10_000)}, {f"f{at}": "failed" for at in range(10_000)})
    joined({"fan": [f"f{at}" for at in range(10_000)]})
    for task_id, root, edges in (
        (chain[-1], chain[0], 9_999),
        ("j1000", "j0", 4_000),
        ("fan", "f0", 10_000),
    ):
        found = orch.insights.why_blocked(task_id)
        assert found.roots[0] == root
        assert hits("insights/why_blocked", task_id=task_id, limit=100) < 12 * edges
    assert (found.root_count, len(found.roots)) == (10_000, 100)
    assert len(orch.insights.blast_radius(chain[0]).waits) == 9_999
    assert orch.insights.blast_radius(chain[0], limit=3).waits == chain[1:4]
    assert len(orch.insights.blast_radius("j0").affected) == 3_000
    assert orch.insights.critical_path(chain[-1]).seconds == 10_000
    assert len(orch.insights.levels("j1000")) == 2_001


def test_what_was_done_long_ago_costs_nothing(orch, running, new_task, hits):
    first = new_task()
    second = new_task(dependencies=[first])
    before = hits("insights/why_blocked", task_id=second, limit=100)
    held = hits("insights/held_and_only", agent_id="worker")
    # The server reads all edges of a node that has 50 at most, and of others those of a type.
    for _ in range(100):
        orch.tasks.complete_task(running().task_id)
    assert hits("insights/why_blocked", task_id=second, limit=100) <= before + 60
    assert hits("insights/held_and_only", agent_id="worker") <= held + 60


def test_means_are_those_of_the_latest_of_a_type(orch, new_task, cypher):
    orch.tasks.create_tasks(NewTask(content="x", task_type="old") for _ in range(1_001))
    cypher(
        "MATCH (t:Task {task_type: 'old'}) WITH t ORDER BY t.created_at LIMIT 1 "
        "SET t.status = 'completed', t.execution_duration_ms = 5000.0"
    )
    task_id = new_task(task_type="old")
    assert orch.insights.critical_path(task_id).seconds == 1
    cypher(
        "MATCH (t:Task {task_id: $id}) "
        "SET t.status = 'completed', t.execution_duration_ms = 7000.0",
        id=task_id,
    )
    other = new_task(task_type="old")
    assert orch.insights.critical_path(other).seconds == 7
