"""Every command, when the server has committed it and the answer does not arrive."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from types import SimpleNamespace
from typing import Any
from uuid import uuid4

import pytest

from graph_orch import CircuitBreaker, Communities, Completion, NewTask, Orchestrator
from graph_orch._sync.commands import Commands
from graph_orch._sync.gates import new_gate
from graph_orch._sync.handling import Handling
from graph_orch.domain.durable import Waits
from graph_orch.domain.models import Algorithm
from tests.faults.proxy import Proxy


@pytest.fixture(scope="module")
def proxied(server, connected) -> Iterator[tuple[Proxy, Orchestrator]]:
    """A proxy, and an orchestrator that is connected through it."""
    uri, auth, database = server
    host, _, port = uri.partition("://")[2].partition(":")
    with (
        Proxy(host, int(port)) as proxy,
        Orchestrator.connect(f"bolt://127.0.0.1:{proxy.port}", auth, database) as orch,
    ):
        yield proxy, orch


@pytest.fixture
def prepare(orch, new_task, wipe) -> Callable[[], SimpleNamespace]:
    """Make a graph anew: a task in every state, and an agent."""

    def build() -> SimpleNamespace:
        wipe()
        orch.agents.register_agent("worker", ["py"], max_concurrent_tasks=50)
        orch.agents.register_agent("other", ["py"])
        orch.budgets.set("agent:worker", {"tokens": 10})
        made = SimpleNamespace(other=new_task("other"), pending=new_task("pending"))
        made.assigned = new_task("assigned")
        orch.tasks.assign_task(made.assigned, "worker", lease_seconds=60)
        made.running = new_task("running")
        orch.tasks.assign_task(made.running, "worker")
        orch.tasks.start_task(made.running)
        made.cancelled = new_task("cancelled")
        orch.tasks.cancel_task(made.cancelled)
        new_task("waiting", dependencies=[made.running], on_dependency_failure="cancel")
        made.gate = orch.gates.create("good?").gate_id
        made.done = new_task("judged")
        orch.tasks.assign_task(made.done, "worker")
        orch.tasks.start_task(made.done)
        orch.tasks.complete_task(made.done)
        new_task("judging", dependencies=[made.done], gates=[made.gate])
        made.hook = orch.webhooks.put("hook", "http://127.0.0.1:9").name
        new_task("tells of itself")
        made.token = orch.tokens.create("ada").token_id
        for name, on in (("made", "created:triggering"), ("more", "created:triggering")):
            orch.triggers.put(name, on, create={"content": name, "task_type": "any"})
        orch.triggers.put("post", "created:triggering", post={"webhook": "hook"})
        orch.triggers.put("stop", "created:triggering", cancel={"task_type": "triggering"})
        orch.triggers.put("rest", "created:triggering", pause={"what": "task_type:any"})
        made.triggering = new_task("triggering", "triggering")
        return made

    return build


CREW = Communities.of([["worker"]], 0.0, Algorithm.LEIDEN, 1.0, 0)

DONE = {"attempt": 1, "result": None, "metrics": None, "duration_ms": 1.0, "ran_ms": None}


def handling(orch: Orchestrator) -> Handling:
    """What a worker asks for its handlers."""
    return Handling(orch.graph, Commands(orch.graph))


def leaving(it: SimpleNamespace) -> Waits:
    """What a handler may leave behind: children, a question, and a step that says so."""
    children = [NewTask(content="child", task_type="any") for _ in range(2)]
    gate, seconds = new_gate("go on?", "approval", (), None, 60, None)
    return Waits(
        awaits=[children[0].task_id],
        gates=[{"key": "approval#1", "gate": gate, "expires_seconds": seconds}],
        steps=[{"key": "spawn#1", "result": "[]", "duration_ms": 0.0}],
        tasks=children,
        before={it.pending: [task.task_id for task in children]},
    )


COMMANDS = {
    "assign": lambda o, it: o.tasks.assign_task(it.pending, "worker"),
    "dispatch": lambda o, it: o.router.dispatch_task(it.pending),
    "dispatch in team": lambda o, it: o.router.dispatch_task(it.pending, prefer_team=True),
    "teams": lambda o, it: o.teams.write(CREW),
    "team by hand": lambda o, it: o.teams.put("mine", ["other"], leader="other").leader,
    "start": lambda o, it: o.tasks.start_task(it.assigned),
    "complete": lambda o, it: o.tasks.complete_task(it.running, {"x": 1}),
    "try_failed": lambda o, it: o.tasks.fail_task(it.running, "x"),
    "failed": lambda o, it: o.tasks.fail_task(it.running, "x", False),
    "release": lambda o, it: o.tasks.release_task(it.assigned),
    "suspend": lambda o, it: o.tasks.suspend_task(it.running, 60, awaits=[it.other]),
    "suspend and leave": lambda o, it: handling(o).suspend(it.running, 1, leaving(it), None),
    "complete and leave": lambda o, it: handling(o).complete(
        {**DONE, "task_id": it.running, "command_id": uuid4().hex}, leaving(it)
    ),
    "reserve": lambda o, it: handling(o).reserve(it.running, 1, [5, 0, 0, 0]) or "done",
    "budget": lambda o, it: o.budgets.set("agent:other", {"tokens": 7}),
    "keep a step": lambda o, it: handling(o).keep(
        {"task_id": it.running, "attempt": 1, "key": "step:x#1", "result": "1", "duration_ms": 1.0}
    ),
    "cancel": lambda o, it: o.tasks.cancel_task(it.pending),
    "cancel held": lambda o, it: o.tasks.cancel_task(it.running),
    "retry": lambda o, it: o.tasks.retry_task(it.cancelled),
    "cancel many": lambda o, it: o.tasks.cancel_tasks({"task_type": "any"}),
    "retry many": lambda o, it: o.tasks.retry_tasks({"status": "cancelled"}, from_start=True),
    "rate the work": lambda o, it: o.tasks.rate(it.done, 0.5, by="ada", comment="short"),
    "add_dependency": lambda o, it: o.tasks.add_dependency(it.pending, it.other),
    "update": lambda o, it: o.tasks.update_task(
        it.pending, priority="high", requirements=["brand new"], metadata={"x": 1}
    ),
    "create": lambda o, it: o.tasks.create_task("new", "any", task_id=str(uuid4())),
    "create dependent": lambda o, it: o.tasks.create_task("new", "any", dependencies=[it.pending]),
    "create new lane": lambda o, it: o.tasks.create_task(
        "new", "any", requirements=["brand new"], concurrency_key="new key"
    ),
    "create_tasks": lambda o, it: o.tasks.create_tasks(
        [NewTask(content=str(n), task_type="any") for n in range(5)]
    ),
    "complete many": lambda o, it: o.tasks.complete_all(
        [Completion(claim=claim) for claim in o.tasks.claim_tasks("worker", 2, start=True)]
    ),
    "claim": lambda o, it: o.tasks.claim_tasks("worker", 1),
    "claim a share": lambda o, it: (
        o.tasks.create_task("new", "shared", fairness_key="x"),
        o.tasks.claim_tasks("worker", 1, task_types=["shared"]),
    ),
    "weigh": lambda o, it: o.tasks.set_fairness_weight("x", 2) or "done",
    "claim and start": lambda o, it: o.tasks.claim_tasks("worker", 2, start=True),
    "register": lambda o, it: o.agents.register_agent("new", ["a", "b"]),
    "learn": lambda o, it: o.agents.learn_new_capability("worker", "more"),
    "forget": lambda o, it: o.agents.forget_capability("worker", "py"),
    "deregister": lambda o, it: o.agents.deregister_agent("worker"),
    "performance": lambda o, it: o.agents.update_agent_performance("worker", True, 5),
    "limit": lambda o, it: o.tasks.set_concurrency_limit("key", 3),
    "rate": lambda o, it: o.tasks.set_rate_limit("key", 3),
    "pause": lambda o, it: o.pauses.put("task_type:any").what,
    "dead letter": lambda o, it: o.dead_letters.keep("in", "/x", "1", "no JSON").tries,
    "retry dead letters": lambda o, it: o.dead_letters.retry_all("in"),
    "take": lambda o, it: o.subscriptions.take(
        o.subscriptions.put("taken", "*").name, "reader", 60
    ),
    "subscription": lambda o, it: o.subscriptions.put("s", "*:*").name,
    "webhook": lambda o, it: o.webhooks.put("w", "https://x.test").name,
    "rotate": lambda o, it: o.webhooks.rotate(it.hook).name,
    "enable": lambda o, it: o.webhooks.enable(it.hook).name,
    "redeliver": lambda o, it: o.webhooks.deliver() and o.webhooks.redeliver(it.hook),
    "deliver": lambda o, it: o.webhooks.deliver(),
    "remove webhook": lambda o, it: o.webhooks.remove(it.hook),
    "trigger": lambda o, it: o.triggers.put("t", "created", call="x").name,
    "fire": lambda o, it: len(o.triggers.run()),
    "do again": lambda o, it: o.triggers.retry("made"),
    "resume": lambda o, it: o.pauses.remove("queue"),
    "breaker": lambda o, it: o.agents.set_circuit_breaker("worker", CircuitBreaker()),
    "reassign": lambda o, it: o.tasks.reassign_task(it.running, "other"),
    "heartbeat": lambda o, it: [
        o.tasks.heartbeat(claim) for claim in o.tasks.claim_tasks("worker", 2)
    ],
    "process due": lambda o, it: o.tasks.process_due(),
    "events": lambda o, it: len(o.events.read()),
    "create a gate": lambda o, it: o.gates.create("more?", task_ids=[it.pending]),
    "decide": lambda o, it: o.gates.decide(it.gate, "approve", by="grace"),
    "send back": lambda o, it: o.gates.send_back(it.gate, by="grace", comment="shorter"),
    "link": lambda o, it: o.gates.link(it.gate, "grace"),
    "token": lambda o, it: o.tokens.create("bob", kind="agent"),
    "revoke": lambda o, it: o.tokens.revoke(it.token),
    "guard": lambda o, it: o.agents.guard_skill("py"),
}

GRAPH = """
MATCH (t:Task)
OPTIONAL MATCH (t)-[:HAS_EVENT]->(e:TaskEvent)
WITH t, e ORDER BY e.seq
WITH t, collect(e.type) AS story
RETURN t.content AS content, t.status AS status, t.attempt AS attempt, t.retry_count AS retries,
       story, COUNT { (t)-[:ASSIGNED_TO]->() } AS tries, COUNT { (t)-[:DEPENDS_ON]->() } AS waits,
       COUNT { (t)-[:SPAWNED|AWAITS|WAITS_FOR]->() } AS other,
       COUNT { (t)-[:HAS_STEP]->() } AS steps
ORDER BY content, status, story
"""
AGENTS = """
MATCH (a:Agent|RetiredAgent)
RETURN a.agent_id AS id, a.active_tasks AS active, a.total_completed AS done,
       a.total_failed AS failed, a.total_assigned AS assigned, a.skills AS skills,
       [(a)-[:MEMBER_OF]->(g) | [g.name, g.size]] AS team ORDER BY id
"""

# Not the milliseconds: those of tries before them are never twice the same.
BUDGETS = """
MATCH (b:Budget)
RETURN b.key AS key, [b.held[0], b.held[1], b.held[3]] AS held, b.most AS most ORDER BY key
"""
WEBHOOKS = """
MATCH (s:Subscription)
OPTIONAL MATCH (d:Delivery {webhook: s.name})
RETURN s.name AS name, s.disabled_at AS disabled, s.failures AS failures,
       s.old_secret IS NULL AS unrotated, count(d) AS deliveries, sum(d.tries) AS tries,
       count { (s)-[:SENDS]->() } AS under_way ORDER BY name
"""
GATES = """
MATCH (g:Gate)
RETURN g.question AS question, g.status AS status, g.decided_by AS by, g.comment AS comment,
       COUNT { (g)<-[:WAITS_FOR]-() } AS waiting, COUNT { (g)-[:REOPENS]->() } AS reopens
ORDER BY question, status
"""
OTHERS = """
MATCH (n:Token|Secret|Skill|Subscription|Firing|Share|Team)
RETURN labels(n) AS labels, coalesce(n.principal, n.name, n.trigger, n.key) AS name, n.size AS size,
       n.guarded AS guarded, n.revoked_at IS NULL AS counts, n.fired AS fired, n.status AS status,
       n.served AS served, n.weight AS weight
ORDER BY labels, name
"""


def shape(orch: Orchestrator) -> Any:
    """The graph, as far as it is the same however often one asks."""
    return [orch.graph.query(text)[1] for text in (GRAPH, AGENTS, GATES, BUDGETS, WEBHOOKS, OTHERS)]


@pytest.mark.parametrize("times", [1, 2])
@pytest.mark.parametrize("name", COMMANDS)
def test_lost_answer(orch, prepare, proxied, name, times):
    """What a command does when its answer is lost is what it does when it is not."""
    COMMANDS[name](orch, prepare())
    expected = shape(orch)
    proxy, through = proxied
    it, before = prepare(), proxy.cuts
    proxy.lose_next_answer(times)
    try:
        answer = COMMANDS[name](through, it)
    finally:
        proxy.lose_next_answer(0)
    assert proxy.cuts > before
    assert answer is not None
    assert shape(orch) == expected
    assert orch.doctor().is_sound


def test_waiting_claim_outlives_its_connections(orch, prepare, proxied):
    prepare()
    for claim in orch.tasks.claim_tasks("worker", 50):
        orch.tasks.cancel_task(claim.task_id)
    proxy, through = proxied
    before = proxy.cuts
    with ThreadPoolExecutor(1) as pool:
        waiting = pool.submit(through.tasks.claim_tasks, "worker", wait_seconds=60)
        proxy.lose_next_answer(3)
        while proxy.cuts < before + 3:
            assert not waiting.done()
        task_id = orch.tasks.create_task("x", "any")
        assert [claim.task_id for claim in waiting.result(60)] == [task_id]
