"""Every statement, against the planner of a real server: a true header and a sane plan."""

from __future__ import annotations

import re
from datetime import UTC, datetime, timedelta
from uuid import uuid4

import neo4j
import pytest
from neo4j.exceptions import CypherSyntaxError

from graph_orch import CircuitBreaker, Communities, NewTask, TaskFilters
from graph_orch._async.events import NOTHING
from graph_orch._async.querying import END, parameters
from graph_orch._async.schema import MIGRATIONS
from graph_orch._sync.claims import heartbeat_of
from graph_orch._sync.commands import Commands
from graph_orch._sync.gates import new_gate
from graph_orch._sync.handling import Handling
from graph_orch.domain.durable import Waits
from graph_orch.domain.models import Algorithm
from graph_orch.store import statements
from graph_orch.testing.clock import advance

SAMPLES = {
    "STRING": "x",
    "INTEGER": 10,
    "FLOAT": 1.0,
    "BOOLEAN": False,
    "ZONED DATETIME": datetime(2026, 1, 1, tzinfo=UTC),
    "MAP": {"x": "y"},
    "LIST<STRING>": ["x"],
    "LIST<INTEGER>": [1, 1, 1, 1],
    "LIST<MAP>": [{"x": "y"}],
}
"""A value of each type that a parameter may have."""
CLAIM = {
    "agent_id": "x",
    "worker_id": "x",
    "command_id": "x",
    "task_types": ["x"],
    "take_up": True,
    "limit": 1,
    "lease_seconds": 60.0,
    "start": True,
}
A_FEW_HITS = 20
"""Far fewer than the hundred agents, or five hundred tasks, that are added between two readings."""
SCANS = {"AllNodesScan", "NodeByLabelScan", "UnionNodeByLabelsScan"}
SCANNING = {
    # These are about every agent, lane, skill or pending task; none of them reads the history.
    "agents/list",
    "agents/statistics",
    "pauses/list",
    "doctor/active_tasks",
    "doctor/agent_skills",
    "doctor/put_aside",
    "doctor/due",
    "doctor/lanes",
    "doctor/limits",
    "doctor/budgets",
    "doctor/part_of",
    "doctor/workflows",
    "doctor/readiness",
    "doctor/unmet",
    "insights/blocked",
    "insights/held_and_only",
    "testing/advance",
    "testing/held",
    "testing/wipe",
    "workers/processes",
    "monitor/backlog",
    "monitor/blocked",
    "monitor/expired",
    "monitor/gauges",
    "monitor/gates",
    "monitor/skills",
    # All that failed: what failed untried has no label of its own.
    "monitor/untried",
    "export/counts",
    "export/teams",
    "doctor/team_members",
    "doctor/team_sizes",
    "teams/count",
    "teams/drop",
    "teams/leave",
    "teams/list",
    "routing/statistics",
    "routing/utilization_spread",
    "tasks/statistics",
    "workers/forget",
    "workflows/slots",
    "workers/list",
    # All agents, and that for a task that requires nothing only.
    "insights/why_blocked",
    "routing/dispatch",
    "routing/dispatch_in_team",
    "routing/route",
    "routing/route_in_team",
    # Whether a label is in use: the first node answers.
    "schema/record",
    "events/read",
    "subscriptions/read",
    "upkeep/due",
    # All agents, limits, schedules and lanes, once in the life of a store.
    "schema/lane_needs",
    "schema/agent_terms",
    "schema/compose_names",
    "schema/rename_retired_skills",
    # What is new, by its label.
    "tasks/index_content",
    # All of them are asked for.
    "schedules/list",
    "tokens/list",
}
EXPECTED = {
    # Any two tasks may be joined; a path of any length is what a cycle is.
    "tasks/find_cycle": "info: unbounded variable length pattern",
    # Everything before or after a task, each once: the test below sees that it stays so.
    "insights/downstream": "info: unbounded variable length pattern",
    "insights/upstream": "info: unbounded variable length pattern",
    "insights/upward": "info: unbounded variable length pattern",
    "insights/why_blocked": "info: unbounded variable length pattern",
}
WRITTEN = [name for name in statements.names() if statements.statement(name).mode != "schema"]
QUERIES = [name for name in WRITTEN if statements.statement(name).plugin is None]
"""What needs a plugin is tested on a server that has it: integration/test_gds."""


def samples(it: statements.Statement) -> dict[str, object]:
    return {param: SAMPLES[kind] for param, kind in it.params.items()}


def operators(plan: dict) -> list[str]:
    own = plan["operatorType"].partition("@")[0]
    return [own, *(name for child in plan.get("children", []) for name in operators(child))]


@pytest.fixture(scope="module")
def lived(connected, cypher):
    """A graph in which every label, type and property has been used: the planner knows them."""
    tasks, agents = connected.tasks, connected.agents
    agents.register_agent("plan-agent", ["plan-skill"], labels=["x"])
    agents.update_agent_performance("plan-agent", True, 1, {"x": 1})
    first = tasks.create_task(
        "x", "any", requirements=["plan-skill"], metadata=1, idempotency_key=str(uuid4())
    )
    other = tasks.create_task("x", "any", dependencies=[first], on_dependency_failure="cancel")
    tasks.create_task(
        "x",
        "any",
        concurrency_key="plan-key",
        schedule_to_start_seconds=86_400,
        schedule_to_close_seconds=86_400,
        fallback_requirements=["plan-skill"],
        fallback_after_seconds=86_400,
    )
    tasks.set_concurrency_limit("plan-key", 1)
    tasks.set_rate_limit("plan-rate", 1)
    limited = tasks.create_task("x", "any", concurrency_key="plan-rate")
    agents.set_circuit_breaker("plan-agent", CircuitBreaker(failures=1))
    for what in ("queue", "agent:plan-agent"):
        connected.pauses.put(what, seconds=60, reason="x", by="x")
        connected.pauses.remove(what)
    tasks.assign_task(limited, "plan-agent")
    tasks.fail_task(limited, "x", should_retry=False)
    agents.set_circuit_breaker("plan-agent", None)
    connected.pauses.remove("agent:plan-agent")
    tasks.create_task("cafe\u0301", "any", available_at=datetime.now(UTC) + timedelta(days=1))
    tasks.index_content()
    beat = {"worker_id": "plan", "hostname": "x", "pid": 1, "concurrency": 1, "beat_seconds": 1.0}
    beat |= {"task_types": ["any"]}
    connected.graph.write("workers/beat", agent_id="plan-agent", **beat)
    connected.graph.write("workers/tell", worker_id="plan", slots=5, schemas="{}")
    for end in (
        lambda: tasks.fail_task(first, "x", exclude_agent=True),
        lambda: tasks.fail_task(first, "x", should_retry=False),
        lambda: tasks.cancel_task(first, "x"),
        lambda: tasks.complete_task(first, 1, {"duration_ms": 1}),
    ):
        if tasks.get_task_status(first).status in ("failed", "cancelled"):
            tasks.retry_task(first, from_start=True)
        tasks.assign_task(first, "plan-agent", lease_seconds=60)
        tasks.start_task(first)
        end()
    assert tasks.get_task_status(other).status == "cancelled"
    tasks.rate(first, 1, by="x", comment="x")
    assert connected.events.read()
    connected.subscriptions.put("x", "*", workflow_id="x", agent_id="x", team_id="x", skill="x")
    connected.subscriptions.put("y", "*", after=0, where="type = created")
    connected.subscriptions.replay("y", 0)
    reading = connected.subscriptions.follow("y")
    assert next(reading)
    reading.close()
    connected.webhooks.put("z", "http://127.0.0.1:9", after=0)
    connected.webhooks.deliver()
    connected.webhooks.rotate("z")
    cypher(  # as of a webhook and of deliveries with any end
        "MATCH (s:Subscription {name: 'z'}) SET s.disabled_at = datetime(), "
        "s.disabled_because = 'x' WITH s MATCH (d:Delivery) WITH s, d LIMIT 1 "
        "SET d.delivered_at = datetime(), d.failed_at = datetime() "
        "CREATE (s)-[:SENDS {claim: 'x'}]->(d)"
    )
    connected.triggers.put(
        "plan-trigger",
        "created:triggered",
        when={"expect": "completed", "within_seconds": 60},
        workflow_id="x",
        agent_id="x",
        team_id="x",
        skill="x",
        call="x",
    )
    for name, kind in (
        ("plan-expect", {"expect": "failed", "within_seconds": 0.001}),
        ("plan-count", {"count": 2, "within_seconds": 60}),
    ):
        connected.triggers.put(
            name,
            "created:triggered",
            when=kind,
            create={"content": "{task.result.x}", "task_type": "any"},
        )
    connected.triggers.put("plan-asking", "recommendation:*", when={"every_seconds": 1}, call="x")
    connected.webhooks.put("posted", "http://127.0.0.1:9", None)
    connected.triggers.put("plan-post", "created:triggered", post={"webhook": "posted"})
    connected.apply([{"kind": "subscription", "name": "plan-declared", "pattern": "*"}])
    tasks.create_task("x", "triggered")
    fired = connected.triggers.run()
    cypher("MATCH (k:TriggerGroup) SET k.due_at = datetime() - duration('PT1M')")
    fired += connected.triggers.run()
    ended = {it.trigger: it.status for it in fired}
    assert ended == {"plan-post": "done", "plan-expect": "failed"}
    letter = connected.dead_letters.keep("x", "x", "x", "x", body=b"x", headers={"x": "y"})
    connected.dead_letters.retry(letter.letter_id)
    connected.schedules.put("plan-schedule", "* * * * *", {"content": "x", "task_type": "any"})
    cypher("MATCH (s:Schedule) SET s.next_at = datetime() - duration('PT1M')")
    assert connected.schedules.tick()
    gates = [
        connected.gates.create(
            "x", kind="event", approvers=["x"], schema={}, expires_seconds=60, default="reject"
        ).gate_id
        for _ in range(2)
    ]
    flow = {"content": "x", "task_type": "any", "name": "x", "gates": gates}
    assert connected.gates.link(gates[0], "x")
    connected.workflows.start("x", [flow], workflow_id="x", close_in_seconds=60, metadata=1)
    connected.gates.decide(gates[0], "answer", by="x", comment="x", payload=1)
    cypher(  # as while many tasks are released, or written
        "MATCH (w:Workflow) MATCH (g:Gate {gate_id: $open}) SET g.released_to = 'x', "
        "w.writer = 'x', w.written_at = datetime(), w.written_by = 'x', w.gate_id = g.gate_id",
        open=gates[1],
    )
    done = tasks.create_task("x", "any")
    judged = connected.gates.create("x")
    tasks.create_task("x", "any", dependencies=[done], gates=[judged.gate_id])
    tasks.assign_task(done, "plan-agent")
    tasks.start_task(done)
    tasks.complete_task(done)
    connected.gates.send_back(judged.gate_id, by="x", comment="x")
    connected.workflows.cancel("x", "x")
    connected.workflows.start("x", [flow | {"gates": []}], workflow_id="y", budget={"tokens": 9})
    connected.budgets.set("agent:plan-agent", {"tokens": 10})
    waits = tasks.create_task("x", "any", independent_of="ancestors", estimate={"tokens": 1})
    tasks.assign_task(waits, "plan-agent")
    more = {"task_id": waits, "attempt": 1, "amounts": [1, 0, 0, 0], "command_id": "x"}
    connected.graph.write("tasks/reserve_more", **more)
    row = heartbeat_of(waits, 1, 60.0, used=[1, 1])
    connected.graph.write("tasks/heartbeat", rows=[row], agent_id="plan-agent")
    connected.budgets.set("agent:plan-agent", {"tokens": 4, "cost": 1})  # 2 are left
    tasks.create_task("x", "dear", estimate={"tokens": 3})
    assert tasks.claim_tasks("plan-agent", 1, task_types=["dear"]) == []
    gate, seconds = new_gate("x", "approval", (), None, None, None)
    Handling(connected.graph, Commands(connected.graph)).suspend(
        waits,
        1,
        Waits(
            awaits=[tasks.create_task("x", "any")],
            gates=[{"key": "x", "gate": gate, "expires_seconds": seconds}],
            steps=[{"key": "x", "result": "1", "duration_ms": 1.0}],
            tasks=[NewTask(content="x", task_type="any")],
        ),
        None,
    )
    token = connected.tokens.create("x", kind="agent", expires_seconds=60)
    assert connected.tokens.authenticate(token.secret)
    connected.tokens.revoke(token.token_id)
    connected.agents.guard_skill("plan-skill")
    found = Communities.of([["plan-agent"]], 0.0, Algorithm.LEIDEN, 1.0, 0)
    assert connected.teams.write(found).members == 1
    agents.register_agent("plan-leader", ["plan-skill"])
    connected.teams.put("plan-team", ["plan-leader"], leader="plan-leader")
    tasks.set_fairness_weight("plan-key", 2)
    helping = {"fairness_key": "plan-key", "required_labels": ["x"], "preferred_labels": {"x": 1}}
    wanted = {"team_id": "plan-team", "fallback_after_seconds": 60}
    tasks.create_task("x", "plan-helped", **helping, **wanted, for_leader=True)
    for _ in range(2):
        tasks.create_task("x", "plan-helped", **helping, **wanted)
    agents.register_agent("plan-helper", ["plan-skill"], labels=["x"])
    advance(connected, 61)
    assert len(tasks.claim_tasks("plan-helper", 1, task_types=["plan-helped"])) == 1
    tasks.set_aging(60)
    tasks.set_aging(None)
    agents.deregister_agent("plan-agent")


@pytest.fixture
def plan(lived, server):
    """EXPLAIN a statement: its columns, its operators, what the planner notes."""
    uri, auth, database = server
    with neo4j.GraphDatabase.driver(uri, auth=auth) as driver:

        def explain(name: str):
            it = statements.statement(name)
            text = it.text.replace("replan=skip\n", "EXPLAIN\n", 1)
            with driver.session(database=database) as session:
                result = session.run(text, samples(it))
                columns = tuple(result.keys())
                summary = result.consume()
            notes = [note for note in summary.gql_status_objects if note.is_notification]
            return columns, operators(summary.plan), [note.status_description for note in notes]

        yield explain


def unions(name: str) -> int:
    """How many unions a statement asks for. Of an OR the planner may make one more, of two seeks in
    an index, which then is read to its end; it makes none of a CASE."""
    return statements.statement(name).text.count("UNION")


@pytest.mark.parametrize("name", QUERIES)
def test_statement(plan, name):
    columns, used, notes = plan(name)
    assert columns == statements.statement(name).returns
    assert [note for note in notes if not note.startswith(EXPECTED.get(name, "-"))] == []
    if name not in SCANNING:
        assert not SCANS.intersection(used)
        assert used.count("Union") <= unions(name)


def test_an_error_names_a_line_of_what_is_sent(cypher):
    """So `graph-orch statement` shows the place."""
    it = statements.statement("tasks/claim")
    text = it.text.replace("size(taken)", "size(nothing)", 1)
    with pytest.raises(CypherSyntaxError, match="`nothing` not defined") as refused:
        cypher(text, **samples(it))
    line, column = re.findall(r"line (\d+), column (\d+)", str(refused.value))[0]
    assert text.splitlines()[int(line) - 1][int(column) - 1 :].startswith("nothing")


def test_counts_come_from_the_count_store(plan):
    _, used, _ = plan("tasks/statistics")
    assert used.count("NodeCountFromCountStore") == 8


@pytest.mark.parametrize("name", ["tasks/poll_agent", "tasks/poll_all"])
def test_polling_reads_the_index_in_its_order(plan, name):
    _, used, _ = plan(name)
    assert "Sort" not in used
    assert "NodeIndexSeekByRange" in used or "NodeIndexSeek" in used


@pytest.mark.parametrize("name", ["downstream", "upstream", "upward", "why_blocked"])
def test_what_is_before_or_after_a_task_is_visited_once(plan, name):
    _, used, _ = plan(f"insights/{name}")
    assert "VarLengthExpand(Pruning,BFS,All)" in used
    assert "VarLengthExpand(All)" not in used


def test_recommendations_read_the_end_of_the_history_and_no_more(plan):
    _, used, _ = plan("monitor/expired")
    assert "Top" not in used  # each part comes from an index in its order, or needs none


@pytest.mark.parametrize(
    "name",
    ["export/agents", "export/skills"]
    + [f"tasks/query_{kind}" for kind in ("all", "by_agent", "by_status", "by_type")],
)
def test_a_page_is_read_along_its_index(plan, name):
    _, used, _ = plan(name)
    assert (
        used.count("NodeIndexSeek")
        + used.count("NodeIndexSeekByRange")
        + used.count("NodeUniqueIndexSeekByRange")
        == 1
    )
    # One that sorts all that follows would read it all for each page.
    assert not {"Distinct", "Union"}.intersection(used)
    assert "PartialTop" in used or name.startswith("export/")


def test_schema_statements_are_applied(cypher, orch):
    names = {row["name"] for row in cypher("SHOW INDEXES YIELD name")}
    wanted = {name for group in MIGRATIONS.values() for name in group}
    made = {name.partition("/")[2] for name in wanted if not name.startswith("schema/drop_")}
    assert {f"graph_orch_{name}" for name in made} <= names
    assert wanted == {n for n in statements.names() if statements.statement(n).mode == "schema"}


def test_every_statement_is_used():
    root = statements.directory().parent / "graph_orch"
    written = [path for path in root.rglob("*.py") if "_sync" not in path.parts]
    source = "".join(path.read_text() for path in written)
    for name in WRITTEN:
        assert f'"{name}"' in source or name.startswith("doctor/"), f"{name} is used nowhere"


def test_plans_made_on_an_empty_graph_serve_a_full_one(plan, wipe, cypher):
    """A plan is kept however the graph grows, so none may be one that only suits a small graph."""
    wipe()
    cypher("CALL db.clearQueryCaches()")
    for name in set(QUERIES) - SCANNING - {"events/number"}:  # it takes the first of an index
        _, used, _ = plan(name)
        assert not {*SCANS, "NodeIndexScan"}.intersection(used), name
        assert used.count("Union") <= unions(name), name


@pytest.fixture
def hits(server):
    """How often a statement reads the store; what it writes is undone."""
    uri, auth, database = server
    with (
        neo4j.GraphDatabase.driver(uri, auth=auth) as driver,
        driver.session(database=database) as session,
    ):

        def profile(name: str, **params: object) -> int:
            it = statements.statement(name)
            text = it.text.replace("replan=skip\n", "PROFILE\n", 1)
            with session.begin_transaction() as transaction:
                summary = transaction.run(text, params).consume()
                transaction.rollback()
            return db_hits(summary.profile)

        yield profile


def grown(before: dict[str, int], after: dict[str, int]) -> dict[str, tuple[int, int]]:
    """What read more than a few more; how the server lays out properties is worth some hits."""
    return {
        name: (number, after[name])
        for name, number in before.items()
        if after[name] > number + A_FEW_HITS
    }


def db_hits(profile: dict) -> int:
    return profile["args"].get("DbHits", 0) + sum(map(db_hits, profile.get("children", [])))


def test_reading_does_not_grow_with_agents_of_other_skills(orch, hits):
    """All agents are read for a task that requires nothing, and for no other."""
    orch.agents.register_agent("ada", ["x", "y"], max_concurrent_tasks=10)
    task_id = orch.tasks.create_task("x", "any", requirements=["x", "y"])
    held = orch.tasks.create_task("x", "any", requirements=["x"])
    orch.tasks.assign_task(held, "ada")
    common = {"task_id": task_id, "command_id": str(uuid4())}
    dispatch = {"exclude": [], "lease_seconds": 60.0, **common}
    claim = {"limit": 1, "spread": 1, "heed_due": True}
    request = CLAIM | {"agent_id": "ada", "command_id": str(uuid4()), "task_types": None}
    found = []
    for turn in range(2):
        for number in range(100):
            orch.agents.register_agent(f"other-{turn}-{number}", ["z"])
        found.append(
            {
                "route": hits("routing/route", task_id=task_id, exclude=[], limit=1),
                "route in team": hits(
                    "routing/route_in_team", task_id=task_id, exclude=[], limit=1, team=None
                ),
                "dispatch": hits("routing/dispatch", **dispatch),
                "dispatch in team": hits("routing/dispatch_in_team", team=None, **dispatch),
                "find": hits("routing/find_capable", skills=["x", "y"]),
                "assign": hits("tasks/assign", agent_id="ada", lease_seconds=None, **common),
                "inspect": hits("tasks/inspect", agent_id="ada", **common),
                "poll": hits("tasks/poll_agent", agent_id="ada", task_types=None, limit=10),
                "wait": hits("tasks/has_ready", requests=[request]),
                "claim": hits("tasks/claim", requests=[request], **claim),
                "start": hits("tasks/start", attempt=None, **common | {"task_id": held}),
                "why": hits("insights/why_blocked", task_id=task_id, limit=10),
                "health": hits("agents/get", agent_id="ada"),
                "backlog": hits("monitor/backlog"),
            }
        )
    assert grown(*found) == {}
    assert max(found[0].values()) < 1_000


def test_reading_does_not_grow_with_the_backlog(orch, hits):
    orch.agents.register_agent("ada", ["x", "y"], max_concurrent_tasks=10)
    task_id = orch.tasks.create_task("x", "any", requirements=["x"])
    claim = {"limit": 1, "spread": 1, "heed_due": True}
    request = CLAIM | {"agent_id": "ada", "command_id": str(uuid4()), "task_types": None}
    newest = parameters(TaskFilters(), 10, None) | {"cursor_at": END}
    found = []
    for _ in range(2):
        orch.tasks.create_tasks(
            NewTask(content="x", task_type="any", requirements=["x"]) for _ in range(500)
        )
        orch.events.end()
        found.append(
            {
                "poll": hits("tasks/poll_agent", agent_id="ada", task_types=None, limit=10),
                "poll all": hits("tasks/poll_all", task_types=None, limit=10),
                "claim": hits("tasks/claim", requests=[request], **claim),
                "route": hits("routing/route", task_id=task_id, exclude=[], limit=1),
                "statistics": hits("tasks/statistics"),
                "end of the log": hits("events/read", **NOTHING),
                "tasks of a skill": hits("tasks/requiring", requirements=["x"]),
                "page of all": hits("tasks/query_all", **parameters(TaskFilters(), 10, None)),
                **{
                    f"newest by {by}": hits("tasks/query_newest", **newest | own)
                    for by, own in (
                        ("all", {"by": "all"}),
                        ("status", {"by": "status", "statuses": ["pending", "failed"]}),
                        ("type", {"by": "type", "task_types": ["any"]}),
                    )
                },
            }
        )
    assert grown(*found) == {}
    assert max(found[0].values()) < 1_000


def test_what_waits_for_a_task_is_read_up_to_a_limit(orch, hits):
    root = orch.tasks.create_task("x", "any")
    found = []
    for _ in range(2):
        orch.tasks.create_tasks(
            NewTask(content="x", task_type="any", dependencies=[root]) for _ in range(500)
        )
        found.append({"downstream": hits("insights/downstream", task_id=root, limit=10)})
    assert grown(*found) == {}
    assert max(found[0].values()) < 1_000


def test_a_page_of_agents_is_read_without_the_others(orch, hits):
    found = []
    for turn in range(2):
        for number in range(100):
            orch.agents.register_agent(f"agent-{turn}-{number:03}", ["x"])
        found.append({"first": hits("agents/list", containing=None, folded=None, limit=10)})
    assert grown(*found) == {}
