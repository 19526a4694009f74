"""A gate that is sent back: what it judges is done again, with the comment."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor

import httpx
import pytest

from graph_orch import (
    GateClosedError,
    NewTask,
    NotApproverError,
    OrchestrationError,
    RetryPolicy,
    ValidationError,
    Worker,
)
from graph_orch._sync import gates
from tests.command_line import Cli
from tests.mcp_client import http, http_server


@pytest.fixture
def do(orch):
    """Do the next task, and say which it was."""
    orch.agents.register_agent("ada", ["python"], max_concurrent_tasks=100)

    def work(result):
        (claim,) = orch.tasks.claim_tasks("ada", start=True)
        orch.tasks.complete(claim, result)
        return claim.task

    return work


@pytest.fixture
def judged(orch, do, new_task):
    """A draft that was done, and what waits for it and for a gate."""
    gate = orch.gates.create("publish?", approvers=["grace", "eve"], expires_seconds=3_600)
    draft = new_task("write", "draft", metadata={"words": 5}, requirements=["python"])
    publish = new_task("publish", "web", gates=[gate.gate_id], dependencies=[draft])
    do("first")
    return gate, draft, publish


def test_what_was_done_is_done_again_with_the_comment(orch, do, judged):
    gate, draft, publish = judged
    again = orch.gates.send_back(gate.gate_id, by="grace", comment="shorter")
    assert (again.status, again.question, again.approvers) == ("open", "publish?", gate.approvers)
    assert (again.expires_at - again.created_at).total_seconds() == 3_600
    assert again.task_ids == [publish]
    before = orch.gates.get(gate.gate_id)
    assert (before.status, before.decided_by, before.comment) == ("sent_back", "grace", "shorter")
    assert (before.reopened_as, before.waiting) == (again.gate_id, 0)
    orch.gates.decide(again.gate_id, "approve", by="eve")
    assert orch.tasks.get_task_status(publish).unmet == 1  # for the copy of the draft
    redone = do("second")
    assert (redone.content, redone.task_type, redone.requirements) == ("write", "draft", ["python"])
    note = {"task_id": draft, "gate_id": gate.gate_id, "by": "grace", "comment": "shorter"}
    assert redone.metadata == {"words": 5, "sent_back": [note]}
    assert orch.tasks.get_task_status(draft).result == "first"  # the history stays
    assert orch.tasks.get_task_status(publish).dependencies == [redone.task_id]
    assert do("done").task_id == publish
    assert orch.doctor().is_sound


def test_again_and_again(orch, do, judged):
    gate, draft, publish = judged
    for number in range(3):
        assert orch.gates.decide(gate.gate_id, "send_back", by="eve", comment=f"{number}")
        gate = orch.gates.get(orch.gates.get(gate.gate_id).reopened_as)
        redone = do(number)
        draft = redone.task_id
    assert redone.comments == ["0", "1", "2"]
    orch.gates.decide(gate.gate_id, "approve", by="eve")
    assert do("done").task_id == publish
    assert orch.tasks.get_task_status(publish).dependencies == [draft]
    assert orch.doctor().is_sound


def test_a_workflow_keeps_the_names_of_its_tasks(orch, do):
    gate = orch.gates.create("publish?")
    policy = RetryPolicy(max_retries=5, initial_seconds=7, non_retryable=["ValueError"])
    orch.workflows.start(
        "page",
        [
            {"content": "a", "task_type": "any", "name": "text", "retry_policy": policy},
            {"content": "b", "task_type": "any", "name": "picture", "metadata": "not an object"},
        ],
        workflow_id="w",
    )
    made = {do(number).name: None for number in range(2)}
    assert set(made) == {"text", "picture"}
    ids = {task.name: task.task_id for task in orch.tasks.query_tasks({"workflow_id": "w"})}
    last = orch.tasks.create_task(
        "c",
        "any",
        workflow_id="w",
        name="last",
        dependencies=[ids["text"], ids["picture"]],
        gates=[gate.gate_id],
    )
    other = orch.tasks.create_task("d", "any", dependencies=[ids["text"]])
    gate = orch.gates.send_back(gate.gate_id, by="x", comment="larger", task_id=ids["picture"])
    redone = {orch.tasks.claim_tasks("ada")[0].task_id, orch.tasks.claim_tasks("ada")[0].task_id}
    assert other in redone
    (picture,) = redone - {other}
    found = orch.tasks.get_task_status(picture)
    assert (found.name, found.workflow_id) == ("picture", "w")
    assert found.metadata["metadata"] == "not an object"
    assert orch.tasks.get_task_status(last).dependencies == [ids["text"], picture]
    orch.tasks.start_task(picture)
    orch.tasks.complete_task(picture, "new")
    results = orch.workflows.results("w")
    assert results["picture"] == "new"
    assert set(results) == {"text", "picture"}
    gate = orch.gates.send_back(gate.gate_id, by="x", task_id=ids["text"])
    (claim,) = orch.tasks.claim_tasks("ada", task_types=["any"])
    assert (claim.task.name, claim.task.max_retries) == ("text", 5)
    orch.tasks.start_task(claim.task_id)
    assert not orch.tasks.fail_task(claim.task_id, "ValueError: x").is_blocked
    assert orch.doctor().is_sound


def test_what_lies_between_is_done_again_and_a_handler_asks_anew(orch):
    worker = Worker(orch, "ada", [])

    @worker.task("write")
    def write(ctx):
        return f"draft {len((ctx.task.metadata or {}).get('sent_back', []))}"

    @worker.task("pass on")
    def pass_on(ctx):
        (text,) = ctx.inputs().values()
        return text

    @worker.task("publish")
    async def publish(ctx):
        given = await ctx.inputs()
        shown = await ctx.step("show", lambda: f"{given['write']}, {given['review']}")
        decision = await ctx.approval(f"{shown}?")
        return [decision.decision, shown]

    kinds = {"write": [], "polish": ["write"], "review": ["polish"], "publish": ["write", "review"]}
    tasks = [
        {
            "name": name,
            "content": "x",
            "task_type": name if name in ("write", "publish") else "pass on",
            "dependencies": waits,
        }
        for name, waits in kinds.items()
    ]
    orch.workflows.start("flow", tasks, workflow_id="f")
    worker.run(until_idle=True)
    for number in range(2):
        (gate,) = orch.gates.list()
        assert gate.question == f"draft {number}, draft {number}?"
        (draft,) = orch.tasks.query_tasks({"workflow_id": "f", "task_type": "write"})[-1:]
        for _ in range(2):  # asked twice, it is done once
            sent = orch.gates.send_back(gate.gate_id, by="x", task_id=draft.task_id)
            assert (sent.gate_id, sent.status, sent.reopened_as) == (
                gate.gate_id,
                "sent_back",
                None,
            )
        worker.run(until_idle=True)
    (gate,) = orch.gates.list()
    orch.gates.decide(gate.gate_id, "approve", by="x")
    worker.run(until_idle=True)
    assert orch.workflows.results("f")["publish"] == ["approve", "draft 2, draft 2"]
    assert orch.workflows.get("f").total == 4 + 2 * 3
    assert orch.doctor().findings == []


def test_what_is_refused(orch, do, judged, new_task):
    gate, draft, publish = judged
    with pytest.raises(NotApproverError):
        orch.gates.send_back(gate.gate_id, by="ada")
    with pytest.raises(ValidationError, match="depend on no"):
        orch.gates.send_back(gate.gate_id, by="eve", task_id=publish)
    alone = orch.gates.create("alone?", task_ids=[new_task()])
    with pytest.raises(ValidationError, match="no completed task"):
        orch.gates.send_back(alone.gate_id, by="eve")
    with pytest.raises(ValidationError, match="not decided by send_back"):
        orch.gates.create("x", expires_seconds=1, default="send_back")
    assert orch.gates.get(alone.gate_id).status == "open"
    orch.gates.decide(gate.gate_id, "reject", by="eve")
    with pytest.raises(GateClosedError, match="it is rejected by 'eve'"):
        orch.gates.send_back(gate.gate_id, by="eve")
    assert len(orch.gates.list("sent_back")) == 0
    assert orch.tasks.get_task_status(draft).name is None


def test_sent_back_twice_in_the_same_way_is_once(orch, judged):
    gate, _, publish = judged
    first = orch.gates.send_back(gate.gate_id, by="eve", comment="x")
    assert orch.gates.send_back(gate.gate_id, by="eve", comment="x") == first
    with pytest.raises(GateClosedError, match="it is sent_back by 'eve'"):
        orch.gates.send_back(gate.gate_id, by="eve", comment="y")
    with pytest.raises(GateClosedError, match="it is sent_back by 'eve'"):
        orch.gates.decide(gate.gate_id, "approve", by="grace")
    assert orch.gates.get(first.gate_id).task_ids == [publish]
    assert orch.tasks.get_queue_statistics().total_count() == 3


def test_a_task_that_comes_to_a_gate_that_was_sent_back(orch, judged, new_task):
    gate, *_ = judged
    orch.gates.send_back(gate.gate_id, by="eve")
    late = new_task(gates=[gate.gate_id], on_dependency_failure="cancel")
    assert orch.tasks.get_task_status(late).status == "cancelled"


@pytest.mark.parametrize("turn", range(3))
def test_decided_and_sent_back_at_once(orch, do, judged, turn):
    gate, _, publish = judged

    def decide(number):
        how = [
            lambda: orch.gates.decide(gate.gate_id, "approve", by="grace"),
            lambda: orch.gates.send_back(gate.gate_id, by="eve", comment="x"),
            lambda: orch.gates.send_back(gate.gate_id, by="grace", comment=f"{number}"),
            lambda: orch.gates.decide(gate.gate_id, "reject", by="eve"),
        ][(number + turn) % 4]
        try:
            return how().gate_id
        except GateClosedError:
            return None

    with ThreadPoolExecutor(16) as pool:
        answers = set(pool.map(decide, range(16))) - {None}
    found = orch.gates.get(gate.gate_id)
    assert found.status != "open"
    total = orch.tasks.get_queue_statistics().total_count()
    if found.status == "sent_back":
        assert answers == {found.reopened_as}
        assert total == 3  # one copy, however many asked
        orch.gates.decide(found.reopened_as, "approve", by="eve")
        do("second")
        assert do("done").task_id == publish
    else:
        assert (answers, total) == ({gate.gate_id}, 2)
    assert orch.doctor().is_sound


def test_many_who_wait_are_moved_together(orch, do, new_task):
    draft = new_task("write")
    gate = orch.gates.create("publish?")
    waiting = {new_task(gates=[gate.gate_id], dependencies=[draft]) for _ in range(50)}
    do("first")
    again = orch.gates.send_back(gate.gate_id, by="x", comment="y")
    assert again.waiting == 50
    do("second")
    orch.gates.decide(again.gate_id, "approve", by="x")
    assert {claim.task_id for claim in orch.tasks.claim_tasks("ada", limit=100)} == waiting
    assert orch.doctor().is_sound


async def test_every_way_to_send_back(orch, server, judged):
    gate, *_ = judged
    secret = orch.tokens.create("grace").secret
    agent = orch.tokens.create("ada", kind="agent").secret
    sent = {"decision": "send_back", "comment": "by mcp"}
    with http_server(server, "--with", "gates") as web:
        async with http(web.url, token=agent) as call:
            await call.refused("decide_gate", gate_id=gate.gate_id, **sent)
        async with http(web.url, token=secret) as call:
            again = await call("decide_gate", gate_id=gate.gate_id, **sent)
            assert again["status"] == "open"
        (claim,) = orch.tasks.claim_tasks("ada", start=True)
        orch.tasks.complete(claim, 2)
        address = orch.gates.link(again["gate_id"], "eve", url=web.url)
        form = {"decision": "send_back", "comment": "by link"}
        async with httpx.AsyncClient(timeout=60) as browser:
            assert "sent_back" in (await browser.post(address, data=form)).text
            late = await browser.post(address, data={"decision": "approve"})
        assert late.status_code == 409
    (claim,) = orch.tasks.claim_tasks("ada", start=True)
    orch.tasks.complete(claim, 3)
    (gate,) = orch.gates.list()
    given = ["--by", "grace", "--comment", "by shell"]
    assert Cli(*server).json("gate", "send-back", gate.gate_id, *given)["status"] == "open"
    (claim,) = orch.tasks.claim_tasks("ada")
    said = [note["comment"] for note in claim.task.metadata["sent_back"]]
    assert said == ["by mcp", "by link", "by shell"]


async def test_without_blocking(aorch):
    await aorch.agents.register_agent("ada", [])
    first = await aorch.tasks.create_task("x", "any")
    gate = await aorch.gates.create("publish?")
    await aorch.tasks.create_task("y", "any", gates=[gate.gate_id], dependencies=[first])
    (claim,) = await aorch.tasks.claim_tasks("ada", start=True)
    await aorch.tasks.complete(claim, 1)
    again = await aorch.gates.send_back(gate.gate_id, by="grace", comment="x" * 10_000)
    (claim,) = await aorch.tasks.claim_tasks("ada")
    assert claim.task.metadata["sent_back"][0]["comment"] == "x" * 10_000
    with pytest.raises(OrchestrationError):
        await aorch.gates.send_back(again.gate_id, by="grace")  # nothing is done yet


def test_in_a_workflow_with_a_budget_and_nobody_judges_what_he_did_again(orch):
    for name in ("ada", "bob"):
        orch.agents.register_agent(name, [])
    gate = orch.gates.create("good?")
    draft = {"content": "x", "task_type": "draft", "name": "draft"}
    review = {"content": "x", "task_type": "review", "dependencies": ["draft"]}
    review |= {"independent_of": ["draft"], "gates": [gate.gate_id]}
    flow = orch.workflows.start("paper", [draft, review], budget={"tries": 9})
    orch.tasks.complete(orch.tasks.claim_tasks("bob", start=True)[0])
    again = orch.gates.send_back(gate.gate_id, by="grace", comment="shorter")
    (redone,) = orch.tasks.claim_tasks("ada", start=True)
    orch.tasks.complete(redone)
    orch.gates.decide(again.gate_id, "approve", by="grace")
    assert orch.tasks.claim_tasks("ada") == orch.tasks.claim_tasks("bob") == []
    assert orch.budgets.get(f"workflow:{flow.workflow_id}").spent.tries == 2
    assert orch.doctor().findings == []


def test_what_is_done_again_is_bounded(orch, do, new_task, cypher, monkeypatch):
    """A draft, 200 tasks that were made of it, and two that wait for these and for a gate."""
    monkeypatch.setattr(gates, "MOST_REDONE", 10)
    draft = new_task("write", "draft")
    do("first")
    gate = orch.gates.create("publish?")
    between = [
        NewTask(content="translate", task_type="between", dependencies=[draft]) for _ in range(200)
    ]
    for part in (between[:100], between[100:]):
        orch.tasks.create_tasks(part)
        ids = [task.task_id for task in part]
        new_task("publish", "web", gates=[gate.gate_id], dependencies=ids)
    cypher(
        "MATCH (t:Task {task_type: 'between'}) SET t.status = 'completed', t:CompletedTask, "
        "t.completed_at = datetime() REMOVE t:PendingTask, t.ready_key"
    )
    cypher("MATCH (t:Task {task_type: 'web'}) SET t.unmet = 1")
    refused = "200 tasks would be done again, to which 200 dependencies lead; at most 10 and"
    with pytest.raises(ValidationError, match=refused):
        orch.gates.send_back(gate.gate_id, by="grace")
    assert orch.gates.get(gate.gate_id).status == "open"
    assert len(orch.gates.list()) == 1
    one = between[3].task_id
    again = orch.gates.send_back(gate.gate_id, by="grace", task_id=one)
    assert again.waiting == 2
    assert do("second").metadata["sent_back"][0]["task_id"] == one


def test_what_is_done_again_at_once_holds_no_more_than_a_batch(orch, do, new_task):
    gate = orch.gates.create("publish?")
    ids = [new_task("x" * 990_000) for _ in range(33)]
    for _ in ids:
        do("first")
    new_task("publish", "web", gates=[gate.gate_id], dependencies=ids)
    with pytest.raises(ValidationError, match="holds 32,670,000 characters, and at most 32,"):
        orch.gates.send_back(gate.gate_id, by="grace")
    assert orch.gates.send_back(gate.gate_id, by="grace", task_id=ids[0]).waiting == 1


def test_a_gate_at_which_too_many_wait_is_not_sent_back(orch):
    gate = orch.gates.create("publish?")
    orch.tasks.create_tasks(
        NewTask(content="x", task_type="any", gates=[gate.gate_id]) for _ in range(1_001)
    )
    with pytest.raises(ValidationError, match="1,001 tasks wait at the gate, and at most 1,000"):
        orch.gates.send_back(gate.gate_id, by="grace")
