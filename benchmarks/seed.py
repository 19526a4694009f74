"""Filling a store quickly, so that the integrity check finds it sound."""

from __future__ import annotations

import random
from collections.abc import Sequence

from benchmarks.store import Store
from graph_orch.domain.lanes import lane_key

BATCH = 10_000

CLONE = """
UNWIND range($first, $first + $number - 1) AS i
CALL (i) {
  MATCH (t:Task {task_id: $template})
  CREATE (n:Task)
  SET n:$($labels), n = t {
    .*, task_id: randomUUID(), queue_key: t.queue_key + i + 1, ready_key: t.ready_key + i + 1,
    created_at: t.created_at - duration({milliseconds: i}),
    completed_at: t.completed_at - duration({milliseconds: i})
  }
  WITH i, t, n
  CALL (t, n) { MATCH (t)-[:REQUIRES]->(k) CREATE (n)-[:REQUIRES]->(k) }
  CALL (i, t, n) {
    MATCH (t)-[:HAS_EVENT]->(e)
    CREATE (n)-[:HAS_EVENT]->(x:TaskEvent:NewEvent)
    SET x = e {
      .*, event_id: n.task_id + ':' + e.type, at: e.at - duration({milliseconds: i})
    }
  }
}"""
IN_TURN = " IN TRANSACTIONS OF 1000 ROWS"
AT_ONCE = " IN 2 CONCURRENT TRANSACTIONS OF 1000 ROWS"


def backlog(store: Store, template: str, number: int) -> None:
    """Copies of a task: the same lane, status and events, each behind the one before.

    No two were created in the same moment: pages are read by an index on these.
    """
    labels = store.run("MATCH (t:Task {task_id: $id}) RETURN labels(t) AS l", id=template)[0]["l"]
    for first in range(0, number, BATCH):
        some = min(BATCH, number - first)
        # The first alone: nodes with few edges are locked by each that adds one.
        clone = CLONE + (IN_TURN if first == 0 else AT_ONCE)
        store.run(clone, template=template, first=first, number=some, labels=labels)


def finished(store: Store) -> str:
    """One task that an agent has completed; its id."""
    store.orch.agents.register_agent("old", [])
    old = store.orch.tasks.create_task("x", "any")
    store.orch.tasks.assign_task(old, "old")
    store.orch.tasks.start_task(old)
    store.orch.tasks.complete_task(old)
    return old


AGENTS = """
UNWIND $agents AS one
CALL (one) {
  MATCH (m:Agent {agent_id: $model})
  CREATE (a:Agent)
  SET a = m {
    .*, agent_id: one.agent_id, skills: one.skills, success_rate: one.success_rate,
    total_completed: one.done, total_failed: one.failed, max_concurrent_tasks: 1000000
  }
  WITH a, one
  UNWIND one.skills AS key
  MATCH (k:Skill {key: key})
  CREATE (a)-[:HAS_SKILL {confidence: 1.0, learned_at: datetime()}]->(k)
} IN TRANSACTIONS OF 500 ROWS
"""


def skills(store: Store, number: int) -> list[str]:
    """So many skills; their keys."""
    keys = [f"skill-{place:05}" for place in range(number)]
    store.run(
        "UNWIND $keys AS key MERGE (k:Skill {key: key}) ON CREATE SET k.name = key", keys=keys
    )
    return keys


def agents(store: Store, names: Sequence[str], keys: Sequence[str], each: int) -> None:
    """Agents with so many skills each, chosen at random, and a history."""
    chance = random.Random(1)
    store.orch.agents.register_agent("model", [])
    rows: list[dict[str, object]] = []
    for name in names:
        done, failed = chance.randrange(1, 100), chance.randrange(10)
        rate = done / (done + failed)
        one: dict[str, object] = {"agent_id": name, "skills": sorted(chance.sample(keys, each))}
        rows.append(one | {"success_rate": rate, "done": done, "failed": failed})
    for first in range(0, len(rows), BATCH):
        store.run(AGENTS, agents=rows[first : first + BATCH], model="model")
    store.orch.agents.deregister_agent("model")


LANES = """
UNWIND $lanes AS lane
CALL (lane) {
  CREATE (l:Lane {key: lane.key, size: size(lane.skills), skills: lane.skills, needs: lane.skills})
  WITH l, lane
  UNWIND lane.skills AS key
  MATCH (k:Skill {key: key})
  CREATE (l)-[:NEEDS]->(k)
  WITH l, k ORDER BY COUNT { (k)<-[:HAS_SKILL]-() }, COUNT { (k)<-[:NEEDS]-() }
  WITH l, collect(k.key)[0] AS rarest
  SET l.rarest = rarest
} IN TRANSACTIONS OF 2000 ROWS
"""


def lanes(store: Store, keys: Sequence[str], number: int, size: int = 3) -> list[list[str]]:
    """So many distinct sets of skills that tasks have asked for; the sets."""
    chance = random.Random(2)
    sets: set[tuple[str, ...]] = set()
    while len(sets) < number:
        sets.add(tuple(sorted(chance.sample(keys, size))))
    found = [list(one) for one in sorted(sets)]
    rows = [{"key": lane_key(one), "skills": one} for one in found]
    for first in range(0, number, BATCH):
        store.run(LANES, lanes=rows[first : first + BATCH])
    return found
