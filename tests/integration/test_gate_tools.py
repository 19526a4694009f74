"""Gates over MCP: who may decide them, and how a client's user is asked; by the real client."""

from __future__ import annotations

import json

import pytest
from mcp_types import ElicitResult

from tests.command_line import Cli
from tests.mcp_client import http, http_server, stdio

SCHEMA = {
    "type": "object",
    "properties": {"budget": {"type": "number", "minimum": 0}, "why": {"type": "string"}},
    "required": ["budget"],
}
DEEP = {"type": "object", "properties": {"of": {"type": "array", "items": {"type": "string"}}}}


@pytest.fixture(scope="module")
def web(server):
    with http_server(server, "--with", "gates") as running:
        yield running


@pytest.fixture
def secrets(orch):
    """The secrets of two people and an agent."""
    orch.agents.register_agent("ada", [])
    return {
        "grace": orch.tokens.create("grace").secret,
        "eve": orch.tokens.create("eve").secret,
        "ada": orch.tokens.create("ada", kind="agent").secret,
    }


async def test_who_decides_is_who_the_token_says(orch, web, secrets, new_task):
    gate = orch.gates.create("publish?", approvers=["grace"])
    other = orch.gates.create("anybody?")
    new_task(gates=[gate.gate_id])
    async with http(web.url, token=secrets["ada"]) as ada:
        names = {tool.name for tool in (await ada.client.list_tools()).tools}
        assert "orchestration_decide_gate" not in names
        for gate_id in (gate.gate_id, other.gate_id):
            given = {"gate_id": gate_id, "decision": "approve"}
            said = await ada.refused("decide_gate", **given)
            assert "needs the right decide" in said
            assert "needs the right decide" in await ada.refused("decide_gate", by="grace", **given)
        asked = await ada("create_gate", question="may I?", approvers=["ada"])
        assert "needs the right decide" in await ada.refused(
            "decide_gate", gate_id=asked["gate_id"], decision="approve"
        )
        held = await ada.refused("create_gate", question="x", task_ids=[new_task()])
        assert "needs the right administer" in held
    approve = {"gate_id": gate.gate_id, "decision": "approve"}
    async with http(web.url, token=secrets["eve"]) as eve:
        listed = (await eve("list_gates"))["gates"]
        assert [it["gate_id"] for it in listed] == [other.gate_id]
        assert "'eve' may not decide" in await eve.refused("decide_gate", **approve)
        said = await eve.refused("decide_gate", by="grace", **approve)
        assert "decides as 'eve' and as nobody else" in said
    async with http(web.url, token=secrets["grace"]) as grace:
        listed = (await grace("list_gates"))["gates"]
        assert [it["gate_id"] for it in listed] == [gate.gate_id, other.gate_id]
        assert (await grace("get_gate", gate_id=gate.gate_id))["waiting"] == 1
        decided = await grace("decide_gate", comment="good", **approve)
        assert (decided["status"], decided["decided_by"]) == ("approved", "grace")
        assert await grace("decide_gate", comment="good", **approve) == decided
        reject = approve | {"decision": "reject"}
        assert "it is approved by 'grace'" in await grace.refused("decide_gate", **reject)
    (claim,) = orch.tasks.claim_tasks("ada", limit=9)[:1]
    assert claim.task.unmet == 0
    assert orch.gates.get(asked["gate_id"]).status == "open"


async def test_whoever_asks_without_a_token_is_no_approver(orch, web):
    gate = orch.gates.create("publish?", approvers=["grace"])
    free = orch.gates.create("anybody?")
    async with http(web.url) as call:
        given = {"gate_id": gate.gate_id, "decision": "approve"}
        assert "'administrator' may not" in await call.refused("decide_gate", **given)
        assert "nobody else" in await call.refused("decide_gate", by="grace", **given)
        given = {"gate_id": free.gate_id, "decision": "approve"}
        assert (await call("decide_gate", **given))["decided_by"] == "administrator"
        assert "gates.list()" in await call.refused("get_gate", gate_id="none")


@pytest.mark.parametrize("transport", ["stdio", "auto", "legacy"])
async def test_a_client_asks_its_user(orch, server, web, transport):
    asked: list[tuple[str, dict]] = []
    answers: list[ElicitResult] = []

    async def ask(context, params):
        asked.append((params.message, params.requested_schema))
        return answers.pop(0)

    secret = orch.tokens.create("grace").secret
    connecting = (
        stdio(server, "--with", "gates", elicit=ask, GRAPH_ORCH_TOKEN=secret)
        if transport == "stdio"
        else http(web.url, transport, secret, elicitation_callback=ask)
    )

    def accept(**content):
        return ElicitResult(action="accept", content=content)

    approval = orch.gates.create("publish?", approvers=["grace"])
    plain = orch.gates.create("how much?", kind="input", schema=SCHEMA)
    deep = orch.gates.create("which?", kind="input", schema=DEEP)
    async with connecting as call:
        for action in ("decline", "cancel"):
            answers.append(ElicitResult(action=action))
            found = await call("decide_gate", gate_id=approval.gate_id)
            assert found["status"] == "open"
        answers.append(accept(decision="approve", comment="good"))
        found = await call("decide_gate", gate_id=approval.gate_id)
        assert (found["decided_by"], found["comment"]) == ("grace", "good")
        assert asked[-1][0] == "publish?"
        assert asked[-1][1]["properties"]["decision"]["enum"] == ["approve", "reject"]
        answers.append(accept(budget=-1))
        assert "less than the minimum" in await call.refused("decide_gate", gate_id=plain.gate_id)
        answers.append(accept(budget=5, why="enough"))
        found = await call("decide_gate", gate_id=plain.gate_id)
        assert found["payload"] == {"budget": 5, "why": "enough"}
        assert asked[-1] == ("how much?", SCHEMA)
        answers.append(accept(decision="answer", answer='{"of": ["a"]}'))
        found = await call("decide_gate", gate_id=deep.gate_id)
        assert found["payload"] == {"of": ["a"]}
        third = orch.gates.create("again?", approvers=["eve"])
        answers.append(accept(decision="approve"))
        said = await call.refused("decide_gate", gate_id=third.gate_id)
        assert "'grace' may not decide" in said


async def test_a_client_that_cannot_ask_is_told_so(orch, web):
    gate = orch.gates.create("publish?")
    async with http(web.url) as call:
        said = await call.refused("decide_gate", gate_id=gate.gate_id)
        assert "decision is needed" in said
    assert orch.gates.get(gate.gate_id).status == "open"


def test_gate_tools_from_the_shell(orch, server):
    gate = orch.gates.create("publish?", approvers=["grace"])
    given = {"gate_id": gate.gate_id, "decision": "approve", "by": "grace"}
    done = Cli(*server)("call", "orchestration_decide_gate", json.dumps(given))
    assert json.loads(done.stdout)["status"] == "approved"


async def test_ten_thousand_gates_are_listed_a_page_at_a_time(orch, web, cypher, secrets):
    cypher(
        "UNWIND range(1, 10000) AS n CREATE (:Gate {gate_id: 'many-' + n, kind: 'approval', "
        "question: 'q', status: 'open', approvers: CASE WHEN n = 10000 THEN ['grace'] ELSE ['x'] "
        "END, created_at: datetime() + duration({milliseconds: n})})"
    )
    assert len(orch.gates.list(limit=10_000)) == 10_000
    async with http(web.url, token=secrets["grace"]) as grace:
        (found,) = (await grace("list_gates", limit=200))["gates"]
        assert found["gate_id"] == "many-10000"
