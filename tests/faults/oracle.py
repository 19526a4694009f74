"""The oracle: reads the whole graph and the workers' own logs, and says what is wrong with them."""

from __future__ import annotations

import json
from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path
from typing import Any

from graph_orch import Orchestrator

TRIES = """
MATCH (t:Task)-[r:ASSIGNED_TO]->(a)
RETURN t.task_id AS task_id, a.agent_id AS agent_id, r.attempt AS attempt, r.outcome AS outcome,
       coalesce(r.blameless, false) AS blameless,
       r.assigned_at AS began, r.ended_at AS ended, r.started_at AS started,
       t.concurrency_key AS key
"""
TASKS = """
MATCH (t:Task)
RETURN t.task_id AS task_id, t.task_type AS type, t.status AS status, t.attempt AS attempt,
       t.result AS result, t.completed_at AS completed, t.events AS events
"""
DEPENDENCIES = """
MATCH (t:Task)-[:DEPENDS_ON]->(d:Task)
RETURN t.task_id AS task_id, d.task_id AS depends_on
"""
EVENTS = """
MATCH (t:Task)-[:HAS_EVENT]->(e:TaskEvent)
RETURN t.task_id AS task_id, e.type AS type, e.seq AS seq, e.position AS position
"""
AGENTS = """
MATCH (a:Agent|RetiredAgent)
RETURN a.agent_id AS agent_id, a.total_completed AS completed, a.total_failed AS failed,
       a.active_tasks AS active, a.max_concurrent_tasks AS slots
"""
FINAL = frozenset({"completed", "failed", "cancelled"})


@dataclass
class Verdict:
    """What is wrong, in words; and what there was, in numbers."""

    wrong: list[str]
    numbers: dict[str, int]


def examine(
    orch: Orchestrator, created: Iterable[str], logs: Iterable[Path], limits: dict[str, int]
) -> Verdict:
    """Check everything that must hold when all work has ended.

    Args:
        created: The ids of the tasks whose creation was acknowledged.
        logs: What the workers wrote before each completion: task_id, attempt, token.
        limits: How many tasks of each concurrency key might be held at once.
    """
    rows = {name: _rows(orch, text) for name, text in _QUESTIONS.items()}
    wrong = [
        *_each_ended_once(rows["tasks"], rows["events"], created),
        *_no_two_live_attempts(rows["tries"]),
        *_never_overloaded(rows["tries"], rows["agents"], limits),
        *_dependencies_kept(rows["tasks"], rows["tries"], rows["dependencies"], rows["events"]),
        *_results_are_the_winners(rows["tasks"], logs),
        *_counters(rows["agents"], rows["tries"]),
        *(str(finding) for finding in orch.doctor().findings),
    ]
    outcomes = Counter(row["outcome"] for row in rows["tries"])
    statuses = Counter(row["status"] for row in rows["tasks"])
    return Verdict(
        wrong,
        {"tasks": len(rows["tasks"]), **statuses, **{f"tries {k}": v for k, v in outcomes.items()}},
    )


_QUESTIONS = {
    "tasks": TASKS,
    "tries": TRIES,
    "dependencies": DEPENDENCIES,
    "events": EVENTS,
    "agents": AGENTS,
}


def _rows(orch: Orchestrator, text: str) -> list[dict[str, Any]]:
    columns, rows = orch.graph.query(text)
    return [dict(zip(columns, row, strict=True)) for row in rows]


def _each_ended_once(tasks: list, events: list, created: Iterable[str]) -> Iterator[str]:
    known = {row["task_id"]: row for row in tasks}
    for task_id in created:
        if task_id not in known:
            yield f"lost: {task_id}"
    by_task = defaultdict(list)
    for event in events:
        by_task[event["task_id"]].append((event["seq"], event["type"]))
    for row in tasks:
        if row["status"] not in FINAL:
            yield f"not ended: {row['task_id']} is {row['status']}"
        story = sorted(by_task[row["task_id"]])
        if [seq for seq, _ in story] != list(range(1, row["events"] + 1)):
            yield f"events of {row['task_id']} are not numbered through: {story}"
        ends = [type_ for _, type_ in story if type_ in FINAL]
        again = sum(type_ == "retried" for _, type_ in story)
        if len(ends) != again + 1 or (ends and ends[-1] != row["status"]):
            yield f"ended {len(ends)} times with {again} redrives: {row['task_id']}: {story}"


def _no_two_live_attempts(tries: list) -> Iterator[str]:
    by_task = defaultdict(list)
    for row in tries:
        if row["ended"] is None:
            yield f"attempt {row['attempt']} of {row['task_id']} never ended"
        else:
            by_task[row["task_id"]].append((row["attempt"], row["began"], row["ended"]))
    for task_id, attempts in by_task.items():
        attempts.sort()
        if [number for number, _, _ in attempts] != list(range(1, len(attempts) + 1)):
            yield f"attempts of {task_id} are not numbered through: {attempts}"
        for (_, _, ended), (_, began, _) in pairwise(attempts):
            if began < ended:
                yield f"two attempts of {task_id} at once"


def _never_overloaded(tries: list, agents: list, limits: dict[str, int]) -> Iterator[str]:
    slots = {row["agent_id"]: row["slots"] for row in agents}
    by_agent, by_key = defaultdict(list), defaultdict(list)
    for row in tries:
        if row["ended"] is not None:
            by_agent[row["agent_id"]].append(row)
            by_key[row["key"]].append(row)
    for agent_id, rows in by_agent.items():
        if (most := _most_at_once(rows)) > slots[agent_id]:
            yield f"agent {agent_id} held {most} of {slots[agent_id]}"
    for key, limit in limits.items():
        if (most := _most_at_once(by_key[key])) > limit:
            yield f"key {key}: {most} held, {limit} allowed"


def _most_at_once(rows: list) -> int:
    # An end makes room for a beginning at the same moment.
    moments = sorted(
        [(row["began"].to_native(), 1) for row in rows]
        + [(row["ended"].to_native(), -1) for row in rows]
    )
    most = now = 0
    for _, step in moments:
        now += step
        most = max(most, now)
    return most


def _dependencies_kept(tasks: list, tries: list, dependencies: list, events: list) -> Iterator[str]:
    completed = {row["task_id"]: row["completed"] for row in tasks if row["status"] == "completed"}
    changed = {row["task_id"] for row in events if row["type"] == "dependency_added"}
    ordered = sorted(tries, key=lambda row: row["attempt"])
    first = {row["task_id"]: row["began"] for row in reversed(ordered)}
    last = {row["task_id"]: row["began"] for row in ordered}
    for row in dependencies:
        # One that was added later counts for the tries after that: the last of them is looked at.
        began = (last if row["task_id"] in changed else first).get(row["task_id"])
        if began is not None and (
            row["depends_on"] not in completed or began < completed[row["depends_on"]]
        ):
            yield f"{row['task_id']} began before {row['depends_on']} was completed"


def _results_are_the_winners(tasks: list, logs: Iterable[Path]) -> Iterator[str]:
    said = {}
    for path in logs:
        for line in path.read_text().splitlines():
            if line.endswith("}"):  # a killed worker may have left half a line
                entry = json.loads(line)
                said[entry["task_id"], entry["attempt"]] = entry["token"]
    for row in tasks:
        if row["status"] == "completed" and row["type"] == "work" and said:
            token = json.loads(row["result"])["token"] if row["result"] else None
            if said.get((row["task_id"], row["attempt"])) != token:
                yield f"the result of {row['task_id']} is not that of attempt {row['attempt']}"


def _counters(agents: list, tries: list) -> Iterator[str]:
    outcomes = Counter((row["agent_id"], row["outcome"]) for row in tries if not row["blameless"])
    for row in agents:
        agent_id = row["agent_id"]
        completed = outcomes[agent_id, "completed"]
        failed = sum(outcomes[agent_id, it] for it in ("failed", "expired", "timed_out"))
        if (row["completed"], row["failed"], row["active"]) != (completed, failed, 0):
            yield f"agent {agent_id} counts {row}, its edges {completed} and {failed}"
