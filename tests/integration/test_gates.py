"""Gates: tasks wait at them until somebody decides, or nobody does in time."""

from __future__ import annotations

import time
from concurrent.futures import ThreadPoolExecutor

import pytest

from graph_orch import (
    GateClosedError,
    GateNotFoundError,
    InvalidTransitionError,
    NotApproverError,
    TaskNotFoundError,
    TaskStatus,
    UnmetDependencyError,
    ValidationError,
)

NOBODY = "01a217f6-21e2-7c6c-b649-711dba5bfd08"
SCHEMA = {
    "type": "object",
    "properties": {"budget": {"type": "number", "minimum": 0}},
    "required": ["budget"],
}


@pytest.fixture
def ada(orch):
    orch.agents.register_agent("ada", ["python"], max_concurrent_tasks=1_000)
    return "ada"


def claimed(orch, agent_id="ada"):
    return {claim.task_id for claim in orch.tasks.claim_tasks(agent_id, limit=1_000)}


def status(orch, task_id):
    return orch.tasks.get_task_status(task_id).status


def test_a_task_waits_until_it_is_approved(orch, ada, new_task):
    gate = orch.gates.create("publish?", approvers=["boss"])
    assert (gate.status, gate.kind, gate.question) == ("open", "approval", "publish?")
    task_id = new_task(gates=[gate.gate_id], requirements=["python"])
    free = new_task()
    assert orch.tasks.get_task_status(task_id).is_blocked
    assert claimed(orch) == {free}
    with pytest.raises(UnmetDependencyError):
        orch.tasks.assign_task(task_id, ada)
    assert [it.gate_id for it in orch.gates.list()] == [gate.gate_id]
    decided = orch.gates.decide(gate.gate_id, "approve", by="boss", comment="good")
    assert (decided.status, decided.decided_by, decided.comment) == ("approved", "boss", "good")
    assert decided.task_ids == [task_id]
    assert claimed(orch) == {task_id}
    assert orch.gates.list() == []
    assert [it.gate_id for it in orch.gates.list("approved")] == [gate.gate_id]
    assert orch.doctor().findings == []


def test_why_a_task_waits_names_the_gate(orch, new_task):
    gate = orch.gates.create("publish?", approvers=["boss"], expires_seconds=60)
    first = new_task(gates=[gate.gate_id])
    last = new_task(dependencies=[new_task(dependencies=[first])])
    for task_id in (first, last):
        (reason,) = orch.insights.why_blocked(task_id).reasons[:1]
        assert (reason.kind, reason.task_id) == ("gate", first)
        assert f"gate {gate.gate_id} ('publish?'), which 'boss' may decide" in reason.sentence
        assert reason.until == gate.expires_at
    orch.gates.decide(gate.gate_id, "reject", by="boss")
    reason = orch.insights.why_blocked(last).reasons[0]
    assert "which is rejected by 'boss'" in reason.sentence


def test_pending_tasks_are_held_back_from_now_on(orch, ada, new_task):
    ready, later = new_task(), new_task()
    gate = orch.gates.create("go on?", task_ids=[ready, later])
    assert gate.waiting == 2
    assert claimed(orch) == set()
    events = [event.type for event in orch.tasks.get_history(ready)]
    assert events == ["created", "dependency_added"]
    orch.gates.decide(gate.gate_id, "approve", by="anybody")
    assert claimed(orch) == {ready, later}
    with pytest.raises(InvalidTransitionError):
        orch.gates.create("again?", task_ids=[ready])
    with pytest.raises(TaskNotFoundError):
        orch.gates.create("again?", task_ids=[NOBODY])
    assert orch.gates.list() == []  # nothing of what was refused is there


def test_what_is_refused(orch, new_task):
    gate = orch.gates.create("how much?", kind="input", schema=SCHEMA, approvers=["boss"])
    with pytest.raises(NotApproverError, match=r"'eve' may not decide .* 'boss'"):
        orch.gates.decide(gate.gate_id, "answer", by="eve", payload={"budget": 1})
    with pytest.raises(ValidationError, match=r"payload: \$.budget: -1 is less than"):
        orch.gates.decide(gate.gate_id, "answer", by="boss", payload={"budget": -1})
    with pytest.raises(ValidationError, match="is not decided by approve"):
        orch.gates.decide(gate.gate_id, "approve", by="boss")
    with pytest.raises(ValidationError, match="decision"):
        orch.gates.decide(gate.gate_id, "perhaps", by="boss")
    with pytest.raises(GateNotFoundError):
        orch.gates.decide(NOBODY, "approve", by="boss")
    with pytest.raises(GateNotFoundError):
        new_task(gates=[NOBODY])
    with pytest.raises(ValidationError, match="is no JSON schema"):
        orch.gates.create("x", kind="input", schema={"type": "no such type"})
    with pytest.raises(ValidationError, match="waits for ever"):
        orch.gates.create("x", default="approve")
    far = orch.gates.create("x", kind="input", schema={"$ref": "http://127.0.0.1:9/schema"})
    with pytest.raises(ValidationError, match="does not hold it"):
        orch.gates.decide(far.gate_id, "answer", by="x", payload=1)
    assert orch.gates.get(NOBODY) is None
    assert orch.gates.get(gate.gate_id).status == "open"


@pytest.mark.parametrize(
    "schema",
    [
        {"$ref": "#"},
        {"$defs": {"a": {"$ref": "#/$defs/b"}, "b": {"$ref": "#/$defs/a"}}, "$ref": "#/$defs/a"},
        {
            "$defs": {f"d{n}": {"allOf": [{"$ref": f"#/$defs/d{n + 1}"}] * 2} for n in range(15)}
            | {"d15": {}},
            "$ref": "#/$defs/d0",
        },
        {"allOf": [{}] * 40_000},
        {"pattern": "^(a+)+$"},
        {"properties": {"x": {"patternProperties": {"(a*)*": {}}}}},
        {"$schema": []},
        {"$schema": 5},
        {"$schema": "http://["},
        {"not": {"not": {"not": {}}}}
        | {"anyOf": [{"items": [[[[[[[[[[[[[[[[[[[[[[]]]]]]]]]]]]]]]]]]]]]]}]},
    ],
)
def test_a_schema_that_could_keep_the_server_busy_or_is_none(orch, schema):
    with pytest.raises(ValidationError, match="schema"):
        orch.gates.create("x", kind="input", schema=schema)


def test_a_schema_of_nested_models_and_what_no_number_can_be(orch):
    of = {"$defs": {"item": {"properties": {"pattern": {"type": "integer"}}}}}
    schema = {**of, "properties": {"list": {"items": {"$ref": "#/$defs/item"}}}}
    gate = orch.gates.create("x", kind="input", schema=schema)
    with pytest.raises(ValidationError, match="is not of type"):
        orch.gates.decide(gate.gate_id, "answer", by="x", payload={"list": [{"pattern": "1"}]})
    orch.gates.decide(gate.gate_id, "answer", by="x", payload={"list": [{"pattern": 1}]})
    odd = orch.gates.create("x", kind="input", schema={"multipleOf": 0.1})
    with pytest.raises(ValidationError, match="payload"):
        orch.gates.decide(odd.gate_id, "answer", by="x", payload=10**400)


@pytest.mark.parametrize("name", ["administrator", "token"])
def test_nobody_is_called_as_those_without_a_token_are(orch, name):
    with pytest.raises(ValidationError, match="brings no token"):
        orch.gates.create("x", approvers=[name])
    with pytest.raises(ValidationError, match="brings no token"):
        orch.tokens.create(name)


def test_deciding_again(orch):
    gate = orch.gates.create("how much?", kind="input", schema=SCHEMA)
    first = orch.gates.decide(gate.gate_id, "answer", by="ada", payload={"budget": 5})
    assert first.payload == {"budget": 5}
    assert orch.gates.decide(gate.gate_id, "answer", by="bob", payload={"budget": 5}) == first
    with pytest.raises(GateClosedError, match="it is answered by 'ada'"):
        orch.gates.decide(gate.gate_id, "reject", by="ada")
    with pytest.raises(GateClosedError):
        orch.gates.decide(gate.gate_id, "answer", by="ada", payload={"budget": 6})


def test_many_decide_at_once(orch, ada, new_task):
    gate = orch.gates.create("publish?")
    task_id = new_task(gates=[gate.gate_id])

    def decide(number):
        try:
            decision = ("approve", "reject")[number % 2]
            return orch.gates.decide(gate.gate_id, decision, by=f"person {number}").status
        except GateClosedError:
            return None

    with ThreadPoolExecutor(16) as pool:
        decided = set(pool.map(decide, range(16))) - {None}
    (found,) = decided
    assert orch.gates.get(gate.gate_id).status == found
    assert claimed(orch) == ({task_id} if found == "approved" else set())
    assert orch.doctor().findings == []


@pytest.mark.parametrize("policy", ["cancel", "wait"])
def test_rejecting_is_a_failed_dependency(orch, ada, new_task, policy):
    gate = orch.gates.create("publish?")
    waits = new_task(gates=[gate.gate_id], on_dependency_failure=policy)
    after = new_task(dependencies=[waits], on_dependency_failure="cancel")
    orch.gates.decide(gate.gate_id, "reject", by="boss")
    found = orch.tasks.get_task_status(waits)
    if policy == "cancel":
        assert (found.status, status(orch, after)) == ("cancelled", "cancelled")
        assert found.error_message == f"gate {gate.gate_id} was rejected"
    else:
        assert (found.status, found.unmet, status(orch, after)) == ("pending", 1, "pending")
    later = new_task(gates=[gate.gate_id], on_dependency_failure=policy)
    assert status(orch, later) == ("cancelled" if policy == "cancel" else "pending")
    assert claimed(orch) == set()
    assert orch.doctor().findings == []


@pytest.mark.parametrize(("default", "ends"), [(None, "expired"), ("approve", "approved")])
def test_nobody_decides_in_time(orch, ada, new_task, cypher, default, ends):
    gate = orch.gates.create("publish?", expires_seconds=3_600, default=default)
    task_id = new_task(gates=[gate.gate_id], on_dependency_failure="cancel")
    cypher(
        "WITH datetime() - duration('PT1S') AS at MATCH (g:Gate) "
        "SET g.expires_at = at, g.due_at = at"
    )
    claims = claimed(orch) | claimed(orch)  # the queue looks at what is due first
    assert orch.gates.get(gate.gate_id).status == ends
    assert claims == ({task_id} if default else set())
    assert status(orch, task_id) == ("assigned" if default else "cancelled")
    with pytest.raises(GateClosedError):
        orch.gates.decide(gate.gate_id, "reject", by="boss")


def test_gates_and_dependencies_count_together(orch, ada, new_task):
    first = orch.gates.create("one?")
    second = orch.gates.create("two?")
    other = new_task(content="other")
    task_id = new_task(gates=[first.gate_id, second.gate_id], dependencies=[other])
    assert orch.tasks.get_task_status(task_id).unmet == 3
    (claim,) = orch.tasks.claim_tasks(ada, start=True)
    orch.gates.decide(second.gate_id, "approve", by="x")
    orch.tasks.complete_task(claim.task_id)
    assert orch.tasks.get_task_status(task_id).unmet == 1
    assert claimed(orch) == set()
    orch.gates.decide(first.gate_id, "approve", by="x")
    assert claimed(orch) == {task_id}


def test_whoever_decided_died_before_it_let_the_tasks_go(orch, ada, new_task, cypher):
    gate = orch.gates.create("publish?")
    waiting = {new_task(gates=[gate.gate_id]) for _ in range(3)}
    rows = orch.graph.write(
        "gates/decide",
        gate_id=gate.gate_id,
        status="approved",
        by="boss",
        comment=None,
        payload=None,
        command_id="d",
    )
    assert rows
    assert claimed(orch) == set()
    assert orch.doctor().findings == []  # they are about to be released
    cypher("MATCH (g:Gate) SET g.due_at = datetime()")
    deadline = time.monotonic() + 30
    taken = set()
    while taken != waiting and time.monotonic() < deadline:
        taken |= claimed(orch)
    assert taken == waiting


async def test_without_blocking(aorch):
    await aorch.agents.register_agent("ada", [])
    gate = await aorch.gates.create("publish?")
    task_id = await aorch.tasks.create_task("x", "any", gates=[gate.gate_id])
    assert await aorch.tasks.claim_tasks("ada") == []
    await aorch.gates.decide(gate.gate_id, "approve", by="boss")
    (claim,) = await aorch.tasks.claim_tasks("ada")
    assert (claim.task_id, claim.task.status) == (task_id, TaskStatus.ASSIGNED)
