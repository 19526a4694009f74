"""Workflows as a unit: started whole or not at all, watched, cancelled, retried."""

from __future__ import annotations

import threading
from concurrent.futures import ThreadPoolExecutor

import pytest

from graph_orch import (
    DependencyCycleError,
    DependencyNotFoundError,
    InvalidTransitionError,
    NewTask,
    TaskConflictError,
    ValidationError,
    WorkflowCancelledError,
    WorkflowConflictError,
    WorkflowNotFoundError,
)
from graph_orch._sync import workflows

NOBODY = "01a217f6-21e2-7c6c-b649-711dba5bfd08"
PAPER = [
    {"name": "search", "content": "find papers", "task_type": "search"},
    {"name": "read", "content": "read them", "task_type": "read", "dependencies": ["search"]},
    {"name": "write", "content": "write it", "task_type": "write", "dependencies": ["read"]},
]


@pytest.fixture
def ada(orch):
    orch.agents.register_agent("ada", ["python"], max_concurrent_tasks=10_000)
    return "ada"


def total(orch):
    return len(orch.tasks.query_tasks(limit=1_000))


def work(orch, result=1):
    """Do what is ready; how many tasks that were."""
    claims = orch.tasks.claim_tasks("ada", limit=1_000, start=True)
    for claim in claims:
        orch.tasks.complete_task(claim.task_id, result, attempt=claim.attempt)
    return len(claims)


def test_from_start_to_results(orch, ada):
    flow = orch.workflows.start("paper", PAPER, workflow_id="paper-1", metadata={"for": "you"})
    assert (flow.workflow_id, flow.name, flow.state, flow.total) == (
        "paper-1",
        "paper",
        "running",
        3,
    )
    assert flow.metadata == {"for": "you"}
    status = orch.workflows.status("paper-1")
    assert status.running == []
    assert [reason.kind for reason in status.waiting] == ["ready"]
    assert status.eta_seconds == pytest.approx(3.0)  # one second each, as nothing is known
    assert work(orch) == 1
    found = orch.tasks.query_tasks({"workflow_id": "paper-1", "status": "pending"})
    assert [task.name for task in found] == ["read", "write"]
    assert all(task.workflow_id == "paper-1" for task in found)
    (claim,) = orch.tasks.claim_tasks(ada, start=True)
    (running,) = orch.workflows.status("paper-1").running
    assert (running.name, running.agent_id, running.status) == ("read", "ada", "running")
    orch.tasks.complete_task(claim.task_id, "read")
    assert orch.workflows.results("paper-1") == {"search": 1, "read": "read"}
    assert work(orch) == 1
    done = orch.workflows.get("paper-1")
    assert (done.state, done.counts["completed"]) == ("completed", 3)
    assert orch.workflows.status("paper-1").eta_seconds is None


def test_when_it_may_be_done(orch, cypher):
    """By the skills and slots of the agents, by what tasks took, and by how long they run."""
    orch.agents.register_agent("ada", ["read"], max_concurrent_tasks=2)
    orch.agents.register_agent("bob", ["write"], max_concurrent_tasks=9)
    reading = {"content": "x", "task_type": "read", "requirements": ["read"]}
    ten = {"metadata": {"estimated_seconds": 10}}
    orch.workflows.start("flow", [{**reading, **ten}] * 5, workflow_id="w")
    assert orch.workflows.status("w").eta_seconds == pytest.approx(30)  # ada's two slots
    (claim,) = orch.tasks.claim_tasks("ada", start=True)
    cypher("MATCH (t:RunningTask) SET t.started_at = t.started_at - duration('PT4S')")
    assert 20 <= orch.workflows.status("w").eta_seconds <= 26
    cypher("MATCH (t:RunningTask) SET t.started_at = t.started_at - duration('PT16S')")
    assert orch.workflows.status("w").eta_seconds >= 30  # late by 10 s, and as long again
    orch.tasks.complete_task(claim.task_id, 1)
    nobody = {"content": "x", "task_type": "sing", "requirements": ["sing"], **ten}
    orch.workflows.start("nobody", [{**nobody, "name": "a"}, {**nobody, "dependencies": ["a"]}])
    (flow, _) = orch.workflows.list()
    assert orch.workflows.status(flow.workflow_id).eta_seconds == pytest.approx(20)


def test_starting_again_is_safe(orch, ada):
    first = orch.workflows.start("paper", PAPER, workflow_id="p")
    assert orch.workflows.start("paper", PAPER, workflow_id="p") == first
    work(orch)
    assert orch.workflows.start("paper", PAPER, workflow_id="p").counts["completed"] == 1
    for name, tasks in (("book", PAPER), ("paper", PAPER[:2])):
        with pytest.raises(WorkflowConflictError):
            orch.workflows.start(name, tasks, workflow_id="p")
    assert total(orch) == 3


def test_many_start_the_same_at_once(orch):
    with ThreadPoolExecutor(8) as pool:
        found = list(
            pool.map(lambda _: orch.workflows.start("paper", PAPER, workflow_id="p"), range(8))
        )
    assert {flow.total for flow in found} == {3}
    assert total(orch) == 3


@pytest.mark.parametrize("is_large", [False, True])
def test_two_start_different_ones_of_one_id_at_once(orch, monkeypatch, is_large):
    if is_large:
        monkeypatch.setattr(workflows, "MAX_BATCH", 5)
        monkeypatch.setattr(workflows, "AT_ONCE", 2)
    plans = [[{"content": text, "task_type": "any"}] * 12 for text in "abcd"]

    def start(plan):
        try:
            return orch.workflows.start("flow", plan, workflow_id="one")
        except WorkflowConflictError as error:
            return error

    with ThreadPoolExecutor(4) as pool:
        found = list(pool.map(start, plans))
    assert sum(not isinstance(it, WorkflowConflictError) for it in found) == 1
    kept = {task.content for task in orch.tasks.query_tasks({"workflow_id": "one"})}
    assert len(kept) == 1
    assert orch.workflows.get("one").total == total(orch) == 12
    assert orch.doctor().findings == []


def test_all_or_nothing(orch, new_task):
    existing = new_task(idempotency_key="there")
    wrong = [
        ({"dependencies": [NOBODY]}, DependencyNotFoundError),
        ({"dependencies": ["no such name"]}, DependencyNotFoundError),
        ({"name": "search"}, ValidationError),
        ({"task_id": existing}, TaskConflictError),
        ({"idempotency_key": "there"}, TaskConflictError),
        ({"content": 5}, ValidationError),
        ({"name": "self", "dependencies": ["self"]}, ValidationError),
    ]
    for fields, error in wrong:
        last = {"content": "x", "task_type": "any", "name": "last"} | fields
        with pytest.raises(error):
            orch.workflows.start("paper", [*PAPER, last], workflow_id="w")
    circle = [
        {"name": "a", "content": "x", "task_type": "any", "dependencies": ["b"]},
        {"name": "b", "content": "x", "task_type": "any", "dependencies": ["a"]},
    ]
    with pytest.raises(DependencyCycleError):
        orch.workflows.start("circle", circle, workflow_id="w")
    assert orch.workflows.get("w") is None
    assert total(orch) == 1
    assert orch.workflows.start("nothing", [], workflow_id="w").state == "completed"


def test_tasks_are_added_later(orch, ada, new_task):
    flow = orch.workflows.start("paper", PAPER)
    new_task(workflow_id=flow.workflow_id, name="print")
    assert orch.workflows.get(flow.workflow_id).total == 4
    with pytest.raises(WorkflowNotFoundError):
        new_task(workflow_id="nothing")
    with pytest.raises(ValidationError, match="workflow_id"):
        orch.tasks.create_tasks([NewTask(content="x", task_type="any", name="x")])
    named = NewTask(content="x", task_type="any", name="x")
    assert orch.workflows.start("of models", [named]).total == 1


def test_cancelling_is_one_command(orch, ada, new_task):
    flow = orch.workflows.start("paper", PAPER, workflow_id="p")
    other = new_task()
    after = new_task(
        dependencies=[task.task_id for task in orch.tasks.query_tasks({"workflow_id": "p"})][-1:],
        on_dependency_failure="cancel",
    )
    (claim,) = orch.tasks.claim_tasks(ada, start=True)
    cancelled = orch.workflows.cancel("p", "not needed")
    assert (cancelled.state, cancelled.reason, cancelled.counts["cancelled"]) == (
        "cancelled",
        "not needed",
        3,
    )
    assert cancelled.created_at == flow.created_at
    task = orch.tasks.get_task_status(claim.task_id)
    assert (task.status, task.error_message) == ("cancelled", "not needed")
    assert orch.agents.get_agent(ada).active_tasks == 0
    with pytest.raises(InvalidTransitionError):
        orch.tasks.complete_task(claim.task_id, 1)
    with pytest.raises(WorkflowCancelledError, match="retry lets it go on"):
        new_task(workflow_id="p")
    assert orch.tasks.get_task_status(after).status == "cancelled"
    assert orch.workflows.cancel("p", "again").reason == "not needed"
    assert [it.task_id for it in orch.tasks.claim_tasks(ada, limit=10)] == [other]
    with pytest.raises(WorkflowNotFoundError):
        orch.workflows.cancel("nothing")
    assert orch.doctor().findings == []


def test_nobody_is_given_a_task_of_a_cancelled_workflow(orch, ada):
    """Not even before its tasks are cancelled, which whoever cancelled it did not come to."""
    flow = orch.workflows.start("wide", [{"content": "x", "task_type": "any"}] * 20)
    orch.graph.write("workflows/cancel", workflow_id=flow.workflow_id, reason=None, command_id="c")
    (task, *_) = orch.tasks.query_tasks({"workflow_id": flow.workflow_id})
    assert orch.tasks.claim_tasks(ada, limit=10) == []
    with pytest.raises(WorkflowCancelledError):
        orch.tasks.assign_task(task.task_id, ada)


def test_claims_pass_over_what_is_being_cancelled(orch, ada, new_task):
    """Others' tasks behind them are claimed before anybody has taken them out of the queue."""
    orch.workflows.start("wide", [{"content": "x", "task_type": "any"}] * 300, workflow_id="w")
    behind = [new_task() for _ in range(3)]
    orch.graph.write("workflows/cancel", workflow_id="w", reason=None, command_id="c")
    orch.agents.register_agent("bob", [f"skill {n}" for n in range(50)], max_concurrent_tasks=9)
    for n in range(50):  # an agent that serves many lanes looks at the head of the queue first
        orch.tasks.create_task("x", "other", requirements=[f"skill {n}"])
    assert [it.task_id for it in orch.tasks.claim_tasks(ada, limit=2)] == behind[:2]
    assert [it.task_id for it in orch.tasks.claim_tasks("bob", limit=1)] == behind[2:]
    assert orch.tasks.claim_tasks(ada) == []


def test_retrying_waits_for_the_end_of_a_cancellation(orch, ada, cypher):
    orch.workflows.start("wide", [{"content": "x", "task_type": "any"}] * 20, workflow_id="w")
    orch.graph.write("workflows/cancel", workflow_id="w", reason=None, command_id="c")
    orch.graph.write("workflows/withhold", workflow_id="w", limit=15, command_id="d")
    assert orch.workflows.retry("w").counts["pending"] == 20
    assert orch.doctor().findings == []
    assert work(orch) == 20


def test_the_queue_goes_on_with_a_cancellation(orch, ada, cypher):
    flow = orch.workflows.start("wide", [{"content": "x", "task_type": "any"}] * 20)
    orch.graph.write("workflows/cancel", workflow_id=flow.workflow_id, reason=None, command_id="c")
    cypher("MATCH (w:Workflow) SET w.due_at = datetime()")
    orch.tasks.claim_tasks(ada, limit=10)
    assert orch.workflows.get(flow.workflow_id).counts["cancelled"] == 20


def test_its_events_are_followed_alone(orch, ada, new_task):
    new_task()
    orch.workflows.start("paper", PAPER, workflow_id="p")
    new_task()
    orch.workflows.cancel("p")
    found = list(orch.events.subscribe(workflow_id="p", idle_seconds=0.1))
    assert [it.type for it in found] == ["created"] * 3 + ["cancelled"] * 3
    assert orch.events.read(workflow_id="p", types=["cancelled"], limit=2).next_cursor < (
        orch.events.end()
    )
    assert list(orch.events.read(workflow_id="nothing")) == []


def test_retrying(orch, ada):
    orch.workflows.start("paper", PAPER, workflow_id="p")
    (claim,) = orch.tasks.claim_tasks(ada, start=True)
    orch.tasks.fail_task(claim.task_id, "no luck", should_retry=False)
    assert orch.workflows.wait("p", 60).state == "failed"  # the others wait for it
    reasons = orch.workflows.status("p").waiting
    assert any("no luck" in reason.sentence for reason in reasons)
    orch.workflows.cancel("p")
    again = orch.workflows.retry("p")
    assert (again.state, again.counts["pending"], again.cancelled_at) == ("running", 3, None)
    while work(orch):
        pass
    assert orch.workflows.get("p").state == "completed"
    with pytest.raises(WorkflowNotFoundError):
        orch.workflows.retry("nothing")


def test_it_has_failed_once_nothing_goes_on_by_itself(orch, ada):
    gate = orch.gates.create("x")
    other = orch.tasks.create_task("x", "any", requirements=["nobody"])
    tasks = [
        {"name": "fails", "content": "x", "task_type": "any"},
        {"name": "next", "content": "x", "task_type": "any", "dependencies": ["fails"]},
        {"name": "last", "content": "x", "task_type": "any", "dependencies": ["next"]},
        {"name": "asks", "content": "x", "task_type": "any", "gates": [gate.gate_id]},
        {"name": "waits", "content": "x", "task_type": "any", "dependencies": [other]},
        {"name": "joins", "content": "x", "task_type": "any", "dependencies": ["asks", "waits"]},
    ]
    orch.workflows.start("paper", tasks, workflow_id="p")
    assert orch.workflows.get("p").state == "running"
    (claim,) = orch.tasks.claim_tasks(ada, start=True)
    orch.tasks.fail_task(claim.task_id, "no luck", should_retry=False)
    assert orch.workflows.get("p").state == "waiting"
    orch.gates.decide(gate.gate_id, "reject", by="x")
    assert orch.workflows.get("p").state == "waiting"
    orch.tasks.cancel_task(other)
    assert orch.workflows.get("p").state == "failed"


def test_failing(orch, ada):
    tasks = [task | {"on_dependency_failure": "cancel"} for task in PAPER]
    flow = orch.workflows.start("paper", tasks, close_in_seconds=3_600)
    assert flow.close_by is not None
    (claim,) = orch.tasks.claim_tasks(ada, start=True)
    orch.tasks.fail_task(claim.task_id, "no luck", should_retry=False)
    assert orch.workflows.get(flow.workflow_id).state == "failed"


def test_its_deadline_is_that_of_its_tasks(orch, ada, cypher):
    flow = orch.workflows.start("paper", PAPER, close_in_seconds=3_600)
    cypher(
        "WITH datetime() - duration('PT1S') AS at MATCH (t:Task) SET t.close_by = at, t.due_at = at"
    )
    assert orch.tasks.claim_tasks(ada) == []
    assert orch.workflows.get(flow.workflow_id).counts["failed"] == 3


def test_waiting_for_it(orch, ada):
    orch.workflows.start("paper", PAPER, workflow_id="p")
    assert orch.workflows.wait("p", 0).state == "running"
    done = threading.Event()

    def rest():
        while not done.is_set():
            work(orch)

    worker = threading.Thread(target=rest)
    worker.start()
    try:
        assert orch.workflows.wait("p", 60).state == "completed"
    finally:
        done.set()
        worker.join()
    with pytest.raises(WorkflowNotFoundError):
        orch.workflows.wait("nothing", 1)


def test_listing(orch, ada):
    ids = [orch.workflows.start(f"flow {n}", PAPER[:1]).workflow_id for n in range(7)]
    orch.workflows.cancel(ids[3])
    page = orch.workflows.list(limit=3)
    assert [flow.workflow_id for flow in page] == ids[:3:-1]
    rest = orch.workflows.list(limit=10, after=page.next_cursor)
    assert [flow.workflow_id for flow in rest] == ids[3::-1]
    assert rest.next_cursor is None
    running = orch.workflows.list("running", limit=4)
    assert [flow.workflow_id for flow in running] == [ids[6], ids[5], ids[4], ids[2]]
    assert [it.workflow_id for it in orch.workflows.list("cancelled")] == [ids[3]]
    last = orch.workflows.list("running", limit=4, after=running.next_cursor)
    assert [flow.workflow_id for flow in last] == [ids[1], ids[0]]
    with pytest.raises(ValidationError):
        orch.workflows.list("odd")
    with pytest.raises(ValidationError, match="no cursor"):
        orch.workflows.list(after="x")


@pytest.fixture
def in_parts(monkeypatch):
    """Workflows of more than 5 tasks are written in parts of 2."""
    monkeypatch.setattr(workflows, "MAX_BATCH", 5)
    monkeypatch.setattr(workflows, "AT_ONCE", 2)


def chain_and_fan():
    fan = [{"name": f"fan {n}", "content": "x", "task_type": "any"} for n in range(6)]
    end = {"name": "end", "content": "x", "task_type": "any", "dependencies": ["fan 0", "fan 5"]}
    return [end, *fan]


def test_a_large_one_is_seen_when_it_is_whole(orch, ada, in_parts, monkeypatch):
    seen = []
    create = workflows.Creation.create

    def watched(self, tasks):
        seen.append(len(orch.tasks.claim_tasks(ada, limit=10)))
        return create(self, tasks)

    monkeypatch.setattr(workflows.Creation, "create", watched)
    flow = orch.workflows.start("large", chain_and_fan(), workflow_id="l")
    assert seen == [0] * 4
    assert (flow.total, flow.state) == (7, "running")
    assert orch.gates.list() == []
    assert (work(orch), work(orch)) == (6, 1)
    assert orch.workflows.start("large", chain_and_fan(), workflow_id="l").state == "completed"
    assert orch.doctor().findings == []


def test_a_large_one_that_is_broken_off_is_begun_again(orch, ada, in_parts, monkeypatch, cypher):
    create = workflows.Creation.create

    def dies(self, tasks):
        if total(orch) >= 4:
            raise KeyboardInterrupt
        return create(self, tasks)

    monkeypatch.setattr(workflows.Creation, "create", dies)
    with pytest.raises(KeyboardInterrupt):
        orch.workflows.start("large", chain_and_fan(), workflow_id="l")
    monkeypatch.setattr(workflows.Creation, "create", create)
    assert orch.tasks.claim_tasks(ada, limit=10) == []
    with pytest.raises(WorkflowConflictError):  # whoever writes it may be alive
        orch.workflows.start("large", chain_and_fan(), workflow_id="l")
    cypher("MATCH (w:Workflow) SET w.written_at = datetime() - duration('PT61S')")
    assert orch.workflows.start("large", chain_and_fan(), workflow_id="l").total == 7
    assert total(orch) == 7
    assert (work(orch), work(orch)) == (6, 1)
    assert len(orch.gates.list("open")) == 0


def test_it_goes_with_its_last_task(orch, ada, cypher):
    gate = orch.gates.create("may I?").gate_id
    first, *rest = PAPER
    orch.workflows.start("paper", [first | {"gates": [gate]}, *rest], workflow_id="p")
    orch.workflows.start("nothing", [], workflow_id="n")
    orch.workflows.start("young", [], workflow_id="y")
    orch.gates.decide(gate, "approve", by="grace")
    while work(orch):
        pass

    def age(days, where):
        shift = f"duration({{days: {days}}})"
        cypher(f"MATCH (t:Task) WHERE {where} SET t.completed_at = t.completed_at - {shift}")

    cypher("MATCH (w:Workflow) WHERE w.name <> 'young' SET w.created_at = datetime('2020-01-01')")
    age(9, "t.name <> 'write'")
    assert orch.retention.prune(86_400) == 2
    assert orch.gates.get(gate) is None
    assert orch.workflows.get("p").total == 1
    assert orch.workflows.get("n") is None
    age(9, "t.name = 'write'")
    assert orch.retention.prune(86_400, batch=1) == 1
    assert [flow.workflow_id for flow in orch.workflows.list()] == ["y"]
    assert orch.doctor().findings == []


def test_the_doctor_sees_what_was_broken_off(orch, ada, in_parts, cypher):
    orch.workflows.start("half", [{"content": "x", "task_type": "any"}] * 20, workflow_id="h")
    cypher("MATCH (w:Workflow) SET w.writer = 'x', w.written_at = datetime() - duration('PT2H')")
    orch.workflows.start("whole", PAPER, workflow_id="w")
    cypher("MATCH (:Task {name: 'read'})-[r:PART_OF]->() DELETE r")
    found = orch.doctor().findings
    assert sorted((it.check, it.expected) for it in found) == [
        ("part_of", "w"),
        ("workflows", "all of its tasks written"),
    ]
    assert orch.doctor(repair=True).is_sound
    orch.tasks.process_due()
    assert orch.workflows.get("h").reason == "its start was broken off"
    assert orch.workflows.get("h").counts["cancelled"] == 20
    assert orch.doctor().findings == []


async def test_without_blocking(aorch):
    await aorch.agents.register_agent("ada", [])
    flow = await aorch.workflows.start("paper", PAPER)
    (claim,) = await aorch.tasks.claim_tasks("ada", start=True)
    await aorch.tasks.complete_task(claim.task_id, 5)
    assert await aorch.workflows.results(flow.workflow_id) == {"search": 5}
    assert (await aorch.workflows.cancel(flow.workflow_id)).state == "cancelled"
    assert (await aorch.workflows.wait(flow.workflow_id, 5)).state == "cancelled"
    assert [it.state for it in await aorch.workflows.list()] == ["cancelled"]
