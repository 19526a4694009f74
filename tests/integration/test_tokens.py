"""Who asks: tokens, and what their principals may do over MCP and A2A, by the real clients."""

from __future__ import annotations

import subprocess
from contextlib import asynccontextmanager
from pathlib import Path

import httpx
import pytest
from a2a.client import A2ACardResolver, ClientConfig, ClientFactory
from a2a.types import a2a_pb2 as pb
from a2a.utils.errors import A2AError
from mcp.shared.exceptions import MCPError

from graph_orch import Right, TokenNotFoundError, ValidationError
from tests.command_line import Cli
from tests.mcp_client import COMMAND, environment, http, http_server, stdio

ODD = "Ünï कोड/../{}'\"$(id)`;-- <b>&amp;"


@pytest.fixture(scope="module")
def web(server):
    with http_server(server) as running:
        yield running


@pytest.fixture
def agents(orch):
    """Two agents, of which each has a token and holds a task."""
    made = {}
    for name in ("ada", "bob"):
        orch.agents.register_agent(name, ["python"])
        orch.tasks.create_task(f"for {name}", "any", requirements=["python"])
        (claim,) = orch.tasks.claim_tasks(name, lease_seconds=3_600, start=True)
        made[name] = (orch.tokens.create(name, kind="agent"), claim)
    return made


def status(url, secret=None):
    """How a request with this token is answered, by a server that serves something."""
    headers = {} if secret is None else {"authorization": f"Bearer {secret}"}
    body = {"jsonrpc": "2.0", "id": 1, "method": "ListTasks", "params": {}}
    headers["A2A-Version"] = "1.0"
    return httpx.post(f"{url}/a2a", json=body, headers=headers).status_code


def test_a_token_is_shown_once_and_only_its_hash_is_kept(orch, cypher):
    made = orch.tokens.create(ODD, rights=["read", "decide"], expires_seconds=60)
    assert made.secret.startswith("gorch_")
    assert made.secret not in repr(made)
    assert made.rights == [Right.READ, Right.DECIDE]
    stored = cypher("MATCH (n) RETURN collect(properties(n)) AS all")[0]["all"]
    assert made.secret not in str(stored)
    (listed,) = orch.tokens.list()
    assert listed.model_dump() == made.model_dump(exclude={"secret"})
    found = orch.tokens.authenticate(made.secret)
    assert (found.token_id, found.principal) == (made.token_id, ODD)
    assert orch.tokens.list()[0].last_used_at is not None
    for wrong in ("", "gorch_", made.secret[:-1], made.secret + "x", made.token_id, "\ud800"):
        assert orch.tokens.authenticate(wrong) is None
    cypher("MATCH (k:Token) SET k.expires_at = datetime() - duration('PT1S')")
    assert orch.tokens.authenticate(made.secret) is None


def test_revoking_counts_at_once_and_once(orch):
    made, other = (orch.tokens.create("ada") for _ in range(2))
    revoked = orch.tokens.revoke(made.token_id)
    assert orch.tokens.revoke(made.token_id) == revoked
    assert orch.tokens.authenticate(made.secret) is None
    assert orch.tokens.authenticate(other.secret) is not None
    with pytest.raises(TokenNotFoundError):
        orch.tokens.revoke(made.secret)


def test_what_a_token_cannot_be(orch):
    for wrong in (
        {"kind": "agent", "rights": ["decide"]},
        {"kind": "agent", "rights": ["administer"]},
        {"rights": ["work"]},
        {"rights": []},
        {"rights": ["everything"]},
        {"rights": "read"},
        {"rights": ["administer"], "agent_id": "ada"},
        {"kind": "robot"},
        {"expires_seconds": 0},
    ):
        with pytest.raises(ValidationError):
            orch.tokens.create("ada", **wrong)
    with pytest.raises(ValidationError):
        orch.tokens.create("a\u200bda")
    assert orch.tokens.list() == []
    assert not orch.tokens.are_in_use()


def test_a_server_asks_for_a_token_as_soon_as_there_is_one(orch, web):
    assert status(web.url) == 200
    reader = orch.tokens.create("ada", rights=["read"])
    assert (status(web.url), status(web.url, "wrong")) == (401, 401)
    assert status(web.url, reader.secret) == 200
    orch.tokens.revoke(reader.token_id)
    # It does not let everybody in again because the last token was revoked.
    assert (status(web.url, reader.secret), status(web.url)) == (401, 401)
    card = httpx.get(f"{web.url}/.well-known/agent-card.json").json()
    assert "bearer" in card["securitySchemes"]


def test_off_loopback_a_token_in_the_graph_is_enough(orch, server):
    made = orch.tokens.create("ada", rights=["read"])
    with http_server(server, "--host", "0.0.0.0") as web:
        at = web.url.replace("0.0.0.0", "127.0.0.1")
        assert (status(at), status(at, "wrong"), status(at, made.secret)) == (401, 401, 200)


AS_OTHERS = [
    ("poll_tasks", {"agent_id": "bob"}),
    ("poll_tasks", {"agent_id": "bob", "claim": True}),
    ("assign_task", {"task_id": "READY", "agent_id": "bob"}),
    ("assign_task", {"task_id": "BOB", "agent_id": "ada", "reassign": True}),
    ("start_task", {"task_id": "BOB"}),
    ("start_task", {"task_id": "BOB", "heartbeat": True}),
    ("start_task", {"task_id": "BOB", "heartbeat": True, "attempt": 1}),
    ("complete_task", {"task_id": "BOB", "result": 1}),
    ("complete_task", {"task_id": "BOB", "attempt": 1}),
    ("complete_task", {"task_id": "BOB", "attempt": 2}),
    ("complete_task", {"task_id": "READY"}),
    ("fail_task", {"task_id": "BOB", "error": "x"}),
    ("fail_task", {"task_id": "BOB", "error": "x", "attempt": 1}),
    ("fail_task", {"task_id": "BOB", "action": "release"}),
    ("fail_task", {"task_id": "BOB", "action": "cancel"}),
    ("fail_task", {"task_id": "ADA", "action": "cancel"}),
    ("fail_task", {"task_id": "BOB", "action": "retry"}),
    ("register_agent", {"agent_id": "bob", "capabilities": []}),
    ("register_agent", {"agent_id": "ada", "learn": ["cooking"]}),
    ("register_agent", {"agent_id": "ada", "capabilities": ["cooking"]}),
    ("register_agent", {"agent_id": "ada", "max_concurrent": 99}),
    ("register_agent", {"agent_id": "new", "capabilities": []}),
    ("update_agent_performance", {"agent_id": "ada", "success": True, "duration_ms": 1}),
    ("update_agent_performance", {"agent_id": "bob", "success": False, "duration_ms": 1}),
    ("deregister_agent", {"agent_id": "bob"}),
    ("deregister_agent", {"agent_id": "ada"}),
    ("route_task", {"task_id": "READY", "dispatch": True}),
]


@pytest.mark.parametrize("transport", ["stdio", "auto", "legacy"])
async def test_an_agent_acts_as_itself_and_as_no_other(
    orch, server, web, agents, new_task, transport
):
    (token, mine), (_, others) = agents["ada"], agents["bob"]
    known = {"ADA": mine.task_id, "BOB": others.task_id, "READY": new_task()}
    before = orch.agents.list(), orch.tasks.get_tasks(list(known.values()))
    connecting = (
        stdio(server, GRAPH_ORCH_TOKEN=token.secret)
        if transport == "stdio"
        else http(web.url, transport, token.secret)
    )
    async with connecting as call:
        for tool, given in AS_OTHERS:
            arguments = {
                name: known.get(value, value) if isinstance(value, str) else value
                for name, value in given.items()
            }
            said = await call.refused(tool, **arguments)
            assert token.secret not in said
        after = orch.agents.list(), orch.tasks.get_tasks(list(known.values()))
        assert after == before
        (found,) = (await call("poll_tasks"))["tasks"]
        assert found["task_id"] == known["READY"]
        (taken,) = (await call("poll_tasks", claim=True))["tasks"]
        own = {"task_id": taken["task_id"], "attempt": taken["attempt"]}
        assert (await call("start_task", **own))["assigned_to"] == "ada"
        await call("start_task", heartbeat=True, **own)
        await call("complete_task", result="done", command_id="c", **own)
        await call("complete_task", result="done", command_id="c", **own)  # asked again
        await call("fail_task", task_id=mine.task_id, error="x")
        await call("poll_tasks", agent_id="ada", claim=True)
        await call("create_task", content="more")
        assert (await call("get_agent_health"))["total_agents"] == 2
    assert orch.doctor().is_sound


async def test_a_try_that_was_its_own_is_not_the_other_agents(orch, web, agents, new_task):
    token, mine = agents["ada"]
    orch.tasks.reassign_task(mine.task_id, "bob")
    async with http(web.url, token=token.secret) as call:
        assert "drop this" in await call.refused("complete_task", task_id=mine.task_id, attempt=1)
        said = await call.refused("complete_task", task_id=mine.task_id)
        assert "is not held by agent 'ada'" in said
    assert orch.tasks.get_task_status(mine.task_id).assigned_to == "bob"


async def test_what_each_right_serves(orch, web):
    async def names(*rights, **more):
        secret = orch.tokens.create("ada", rights=rights, **more).secret
        async with http(web.url, token=secret) as call:
            tools = (await call.client.list_tools()).tools
            return {tool.name.removeprefix("orchestration_"): tool for tool in tools}

    reading = await names("read")
    assert all(tool.annotations.read_only_hint for tool in reading.values())
    assert "claim" not in reading["poll_tasks"].input_schema["properties"]
    assert set(await names("create")) == {"create_task"}
    assert set(await names("decide")) == set()
    assert len(await names("administer")) == 18
    working = await names("read", "work", agent_id="ada")
    assert "claim" in working["poll_tasks"].input_schema["properties"]
    assert "create_task" not in working
    assert "dispatch" not in working["route_task"].input_schema["properties"]
    secret = orch.tokens.create("ada", rights=["create"]).secret
    async with http(web.url, token=secret) as call:
        assert "needs the right read" in await call.refused("get_task_status", task_id="x")
        with pytest.raises(MCPError, match="needs the right read"):
            await call.client.read_resource("task://x")
        assert (await call.client.list_resource_templates()).resource_templates == []


async def test_a_guarded_skill_is_taught_by_administrators_only(orch, server, web):
    orch.agents.register_agent("ada", ["python"])
    assert orch.agents.guard_skill("Human-Approval") == ["Human-Approval"]
    async with http(web.url) as call:  # without tokens: anybody, perhaps a language model
        for given in ({"learn": ["human-approval"]}, {"capabilities": ["HUMAN-APPROVAL", "x"]}):
            assert "is guarded" in await call.refused("register_agent", agent_id="ada", **given)
            assert "is guarded" in await call.refused(
                "register_agent", agent_id="eve", capabilities=["human-approval"]
            )
    assert orch.agents.get_agent("ada").skills == ["python"]
    secret = orch.tokens.create("grace", rights=["administer"]).secret
    async with http(web.url, token=secret) as call:
        record = await call("register_agent", agent_id="ada", learn=["human-approval"])
        assert record["capabilities"] == ["python", "Human-Approval"]
    Cli(*server)("agent", "guard", "human-approval", "--off")
    assert orch.agents.guarded_skills() == []


async def test_nobody_is_advised_to_teach_a_guarded_skill(orch, new_task):
    for number in range(3):
        orch.agents.register_agent(f"agent-{number}", ["python"], max_concurrent_tasks=1)
    orch.agents.register_agent("busy", ["Approval", "rare"], max_concurrent_tasks=1)
    orch.agents.guard_skill("approval")
    orch.agents.guard_skill("audit")
    new_task(requirements=["approval"])
    orch.tasks.claim_tasks("busy", lease_seconds=60)
    new_task(requirements=["audit"])
    new_task(requirements=["approval", "python"])
    excluded = new_task(requirements=["approval"])
    orch.tasks.release_task(orch.tasks.query_tasks({"status": ["assigned"]})[0].task_id)
    orch.tasks.assign_task(excluded, "busy")
    orch.tasks.fail_task(excluded, "x", exclude_agent=True)
    orch.tasks.claim_tasks("busy", lease_seconds=60)
    found = orch.monitor.get_recommendations(limit=100)
    assert {it.kind for it in found} >= {"missing_skill", "agents_excluded", "load_skew"}
    for it in found:
        given = it.call.arguments
        taught = [*(given.get("learn") or ()), *(given.get("capabilities") or ())]
        if it.call.tool == "orchestration_register_agent":
            assert not {"approval", "audit"} & {name.casefold() for name in taught}, it


async def test_revoking_counts_at_the_next_call_of_a_client_that_is_connected(orch, server, web):
    made = orch.tokens.create("ada", rights=["read"])
    async with (
        stdio(server, GRAPH_ORCH_TOKEN=made.secret) as here,
        http(web.url, "auto", made.secret) as there,
    ):
        await here("get_queue_metrics")
        await there("get_queue_metrics")
        orch.tokens.revoke(made.token_id)
        with pytest.raises(MCPError, match="was revoked"):
            await here("get_queue_metrics")
        with pytest.raises(MCPError):
            await there("get_queue_metrics")


def test_stdio_with_a_token_that_does_not_count(orch, server):
    orch.tokens.create("ada")
    done = subprocess.run(
        COMMAND,
        env=environment(server) | {"GRAPH_ORCH_TOKEN": "gorch_wrong"},
        capture_output=True,
        text=True,
        check=False,
    )
    assert (done.returncode, done.stdout) == (4, "")
    assert "GRAPH_ORCH_TOKEN" in done.stderr
    assert "gorch_wrong" not in done.stderr


async def test_a_session_is_continued_by_nobody_else(orch, web):
    ada, bob = (orch.tokens.create(name, rights=["read"]).secret for name in ("ada", "bob"))
    given = {"content-type": "application/json", "accept": "application/json, text/event-stream"}

    def post(secret, session=None, method="tools/list", **params):
        headers = given | {"authorization": f"Bearer {secret}"}
        if session:
            headers["mcp-session-id"] = session
        body = {"jsonrpc": "2.0", "id": 1, "method": method, "params": params}
        return httpx.post(f"{web.url}/mcp", json=body, headers=headers)

    began = post(
        ada,
        method="initialize",
        protocolVersion="2025-06-18",
        capabilities={},
        clientInfo={"name": "x", "version": "0"},
    )
    session = began.headers["mcp-session-id"]
    assert post(ada, session).status_code == 200
    assert post(bob, session).status_code in (403, 404)


@asynccontextmanager
async def a2a(url, secret):
    """A client by A2A, with a token."""
    headers = {"authorization": f"Bearer {secret}"}
    async with httpx.AsyncClient(timeout=60, headers=headers) as own:
        card = await A2ACardResolver(own, url).get_agent_card()
        yield ClientFactory(ClientConfig(streaming=False, httpx_client=own)).create(card)


async def test_rights_hold_for_a2a(orch, web, agents):
    token, mine = agents["ada"]
    async with a2a(web.url, token.secret) as agent:
        assert (await agent.get_task(pb.GetTaskRequest(id=mine.task_id))).id == mine.task_id
        with pytest.raises(A2AError, match="needs the right administer"):
            await agent.cancel_task(pb.CancelTaskRequest(id=mine.task_id))
    message = pb.Message(message_id="1", role=pb.ROLE_USER, parts=[pb.Part(text="x")])
    async with a2a(web.url, orch.tokens.create("eve", rights=["read"]).secret) as reader:
        with pytest.raises(A2AError, match="needs the right create"):
            [it async for it in reader.send_message(pb.SendMessageRequest(message=message))]
    assert orch.tasks.get_queue_statistics().total_count() == 2


def test_tokens_by_the_command_line(orch, server):
    cli = Cli(*server)
    secret = cli("token", "create", "ada", "--kind", "agent", "--expires-days", "1").stdout.strip()
    found = orch.tokens.authenticate(secret)
    assert (found.agent_id, found.kind) == ("ada", "agent")
    rights = ["--right", "read", "--right", "decide"]
    made = cli.json("token", "create", ODD, *rights)
    assert orch.tokens.authenticate(made["secret"]).principal == ODD
    listed = cli("token", "list")
    assert secret not in listed.stdout
    assert {it["token_id"] for it in cli.json("token", "list")} == {
        found.token_id,
        made["token_id"],
    }
    assert cli.json("token", "revoke", found.token_id)["revoked_at"]
    cli("token", "revoke", "no-such-token", code=3)
    assert (
        "is for people"
        in cli("token", "create", "x", "--kind", "agent", "--right", "decide", code=4).stderr
    )


def test_a_token_is_in_no_list_of_processes(orch, server):
    secret = orch.tokens.create("ada", rights=["read"]).secret
    with subprocess.Popen(
        COMMAND,
        env=environment(server) | {"GRAPH_ORCH_TOKEN": secret},
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    ) as process:
        seen = Path(f"/proc/{process.pid}/cmdline").read_text()
        _, told = process.communicate("not JSON\n", timeout=60)
    assert secret not in seen + told
