"""The MCP server as real processes, and the official client, over stdio and over HTTP."""

from __future__ import annotations

import json
import subprocess
import sys
from contextlib import asynccontextmanager
from uuid import uuid4

import anyio
import httpx
import pytest
from mcp.shared.exceptions import MCPError

from graph_orch.tools.table import TOOLS, Profile, chosen
from tests.mcp_client import (
    COMMAND,
    INITIALIZE,
    environment,
    http,
    http_server,
    stdio,
    typed_worker,
)

TOKEN = "a-test-token"


@pytest.fixture(scope="module")
def web(server):
    with http_server(server) as running:
        yield running


@pytest.fixture
def connecting(server, web):
    """Connect an agent by a transport."""

    @asynccontextmanager
    async def connect(transport):
        async with stdio(server) if transport == "stdio" else http(web.url) as agent:
            yield agent

    return connect


@pytest.mark.parametrize("transport", ["stdio", "http"])
async def test_whole_life_with_every_tool(wiped, connecting, transport):
    async with connecting(transport) as call:
        listed = await call.client.list_tools()
        assert [tool.name for tool in listed.tools] == list(TOOLS)
        await call("register_agent", agent_id="ada", capabilities=["python"], max_concurrent=2)
        await call("register_agent", agent_id="ada", learn=["sql"], forget=["python"])
        record = await call("register_agent", agent_id="ada", learn=["python"])
        assert record["capabilities"] == ["sql", "python"]
        first, second = str(uuid4()), str(uuid4())
        plan = [
            {"content": "second", "task_id": second, "dependencies": [first]},
            {"content": "first", "task_id": first, "requirements": ["python"]},
        ]
        assert (await call("create_task", tasks=plan))["task_ids"] == [second, first]
        assert (await call("find_capable_agents", capabilities=["PYTHON"]))["agents"] == [
            {"agent_id": "ada", "score": 1.0}
        ]
        assert (await call("route_task", task_id=first))["agent_id"] == "ada"
        assert (await call("poll_tasks", agent_id="ada"))["tasks"][0]["task_id"] == first
        (task,) = (await call("poll_tasks", agent_id="ada", claim=True))["tasks"]
        own = {"task_id": first, "attempt": task["attempt"]}
        await call("start_task", **own)
        await call("start_task", heartbeat=True, progress=0.5, message="half", **own)
        assert (await call("get_task_status", task_id=first))["progress"] == 0.5
        assert (await call("fail_task", error="not yet", **own))["status"] == "pending"
        assert (await call("assign_task", task_id=first, agent_id="ada"))["status"] == "assigned"
        assert (await call("fail_task", task_id=first, action="release"))["status"] == "pending"
        assert (await call("route_task", task_id=first, dispatch=True))["dispatched"]
        await call("start_task", task_id=first)
        await call("complete_task", task_id=first, result={"lines": 3}, metrics={"duration_ms": 5})
        done = await call("get_task_status", task_id=first, history=True)
        assert done["result"] == {"lines": 3}
        assert [it["type"] for it in done["history"]][-3:] == ["assigned", "started", "completed"]
        assert (await call("fail_task", task_id=second, action="cancel"))["status"] == "cancelled"
        assert (await call("fail_task", task_id=second, action="retry"))["status"] == "pending"
        rows = await call("query_tasks", status=["pending", "completed"], limit=1)
        rest = await call("query_tasks", limit=1, cursor=rows["next_cursor"])
        assert {rows["tasks"][0]["task_id"], rest["tasks"][0]["task_id"]} == {first, second}
        await call("update_agent_performance", agent_id="ada", success=False, duration_ms=1)
        health = await call("get_agent_health", agent_id="ada")
        assert (health["agents"][0]["total_failed"], health["total_agents"]) == (2, 1)
        assert (await call("get_routing_stats", agent_id="ada"))["by_agent"] == {"ada": 3}
        assert (await call("get_queue_metrics"))["completed_count"] == 1
        assert (await call("get_health"))["status"] == "healthy"
        found = (await call("get_recommendations"))["recommendations"]
        assert {it["kind"] for it in found} == {"single_holder"}
        assert (await call("deregister_agent", agent_id="ada"))["agent_id"] == "ada"
        assert call.called == set(TOOLS)


async def test_what_models_send_in_another_shape_is_taken_as_it_is_meant(orch, web):
    async with http(web.url) as call:
        await call("register_agent", agent_id="ada", capabilities='["python", "sql"]', learn="go")
        assert orch.agents.get_agent("ada").skills == ["python", "sql", "go"]
        (one,) = (
            await call(
                "create_task",
                content="[1]",
                task_type="a",
                priority=None,
                requirements="python",
                dependencies="",
                max_retries="2",
                metadata='{"deep": [1, null]}',
                tasks="null",
            )
        )["task_ids"]
        batch = '[{"content": "x", "requirements": "[\\"sql\\"]", "metadata": null}]'
        (two,) = (await call("create_task", tasks=batch))["task_ids"]
        (three,) = (await call("create_task", tasks={"content": "x", "task_type": "b"}))["task_ids"]
        task, other = orch.tasks.get_tasks([one, two])
        assert (task.content, task.requirements, task.max_retries) == ("[1]", ["python"], 2)
        assert (task.metadata, other.requirements) == ({"deep": [1, None]}, ["sql"])
        for status in ("pending", '["pending", "failed"]'):
            found = await call("query_tasks", status=status, limit="2")
            assert len(found["tasks"]) == 2
        for types, ids in (("b", [three]), ('["a", "b"]', [one, three]), (None, [one, two, three])):
            found = await call("poll_tasks", agent_id="ada", task_types=types, claim="false")
            assert [it["task_id"] for it in found["tasks"]] == ids
        await call("assign_task", task_id=one, agent_id="ada", reassign="no")
        await call("start_task", task_id=one)
        await call("complete_task", task_id=one, result='{"a": 1}', metrics='{"duration_ms": 5}')
        done = orch.tasks.get_task_status(one)
        assert (done.result, done.execution_duration_ms) == ('{"a": 1}', 5.0)


MB = "x" * 1_000_001
BAD = [
    ("create_task", {"content": 5}, "content: "),
    ("create_task", {}, "give either content, or tasks"),
    ("create_task", {"content": MB}, "content: takes 1,000,001 bytes"),
    ("create_task", {"content": "é" * 600_000}, "takes 1,200,000 bytes"),
    ("create_task", {"content": "x", "metadata": {"x": MB}}, "metadata"),
    ("create_task", {"content": "x", "requirements": "[5]"}, "requirements.0: "),
    ("create_task", {"content": "x", "metadata": "not JSON"}, "metadata: "),
    ("create_task", {"content": "x", "dependencies": [str(uuid4())]}, "create the dependencies"),
    ("create_task", {"content": "x", "available_at": "2026-01-01T00:00:00"}, "timezone"),
    ("create_task", {"content": "x", "agent": "ada"}, "no parameter 'agent'"),
    ("query_tasks", {"statuses": ["failed"]}, "did you mean status"),
    ("query_tasks", {"status": ["done"]}, "'pending', 'assigned'"),
    ("query_tasks", {"cursor": "nonsense"}, "next_cursor"),
    ("query_tasks", {"limit": 0}, "greater than or equal to 1"),
    ("poll_tasks", {"agent_id": "aad"}, "Did you mean ada?"),
    ("poll_tasks", {"claim": True}, "claim needs agent_id"),
    ("poll_tasks", {"wait_seconds": 1e9}, "wait_seconds: "),
    ("start_task", {"task_id": str(uuid4())}, "orchestration_query_tasks"),
    ("complete_task", {"task_id": "TASK", "result": 1}, "it is pending"),
    ("complete_task", {"task_id": "TASK"}, "claim=true"),
    ("complete_task", {"task_id": "TASK", "attempt": 7}, "the current attempt is 0"),
    ("get_task_status", {"task_id": "LIKE"}, "Did you mean TASK?"),
    ("get_task_status", {"task_id": MB}, "at most 200"),
    ("fail_task", {"task_id": "TASK"}, "error is needed"),
    ("fail_task", {"task_id": "TASK", "action": "retry"}, "it is pending"),
    ("register_agent", {"agent_id": "new"}, "needs capabilities"),
    ("register_agent", {"agent_id": "adda", "learn": ["x"]}, "Did you mean ada?"),
    ("register_agent", {"agent_id": " ", "capabilities": []}, "agent_id"),
    ("deregister_agent", {"agent_id": "bob"}, "orchestration_register_agent"),
    ("update_agent_performance", {"agent_id": "ada", "success": "maybe"}, "success: "),
    ("assign_task", {"task_id": "TASK", "agent_id": "ada"}, "lacks 'cooking'"),
    ("get_recommendations", {"kinds": ["all"]}, "kinds"),
]


async def test_each_kind_of_bad_input_says_what_to_do(orch, web):
    orch.agents.register_agent("ada", ["python"])
    task_id = orch.tasks.create_task("x", "any", requirements=["cooking"])
    known = {"TASK": task_id, "LIKE": f"{task_id[:8]}-0"}
    async with http(web.url) as call:
        for tool, given, says in BAD:
            arguments = {
                name: known.get(value, value) if isinstance(value, str) else value
                for name, value in given.items()
            }
            said = await call.refused(tool, **arguments)
            assert says.replace("TASK", task_id) in said, (tool, given.keys(), said[:500])
            assert len(said) < 1_000
        with pytest.raises(MCPError):
            await call.client.read_resource("task://nothing")
        with pytest.raises(MCPError):
            await call.client.get_prompt("work_here", {})
        said = await call.refused("pol_tasks")
        assert "did you mean orchestration_poll_tasks" in said
    assert orch.tasks.get_queue_statistics().total_count() == 1


async def test_a_megabyte_goes_through(orch, server, web):
    content = "x" * 1_000_000
    for connecting in (stdio(server), http(web.url)):
        async with connecting as call:
            (task_id,) = (await call("create_task", content=content))["task_ids"]
            cut = await call("get_task_status", task_id=task_id)
            assert (len(cut["content"]), cut["truncated"]) == (4_000, ["content"])
            whole = await call("get_task_status", task_id=task_id, full=True)
            assert whole["content"] == content


async def test_a_stale_attempt_is_refused(orch, web):
    for agent_id in ("ada", "bob"):
        orch.agents.register_agent(agent_id, [])
    (task_id,) = [orch.tasks.create_task("x", "any")]
    async with http(web.url) as call:
        (lost,) = (await call("poll_tasks", agent_id="ada", claim=True))["tasks"]
        await call("assign_task", task_id=task_id, agent_id="bob", reassign=True)
        for tool, given in [("start_task", {}), ("fail_task", {"error": "x"})]:
            said = await call.refused(tool, task_id=task_id, attempt=lost["attempt"], **given)
            assert "drop this piece of work" in said
            assert "claim=true for other work" in said


async def test_lost_answers_can_be_asked_again(orch, web):
    orch.agents.register_agent("ada", [], max_concurrent_tasks=9)
    async with http(web.url) as call:

        async def twice(tool, **arguments):
            first = await call(tool, **arguments)
            assert await call(tool, **arguments) == first
            return first

        created = await twice("create_task", content="x", idempotency_key="one")
        await twice("create_task", tasks=[{"content": "a"}, {"content": "b"}], idempotency_key="k")
        (task,) = (
            await twice("poll_tasks", agent_id="ada", claim=True, limit=1, command_id="claim")
        )["tasks"]
        assert task["task_id"] == created["task_ids"][0]
        own = {"task_id": task["task_id"], "attempt": task["attempt"]}
        await twice("start_task", command_id="start", **own)
        await twice("complete_task", result="r", command_id="complete", **own)
        other = (await call("poll_tasks"))["tasks"][0]["task_id"]
        await twice("route_task", task_id=other, dispatch=True, command_id="dispatch")
        await twice("fail_task", task_id=other, action="release", command_id="release")
        await twice("assign_task", task_id=other, agent_id="ada", command_id="assign")
        await twice("fail_task", task_id=other, error="x", command_id="fail")
        performance = {"agent_id": "ada", "success": True, "duration_ms": 4}
        await twice("update_agent_performance", command_id="performance", **performance)
        await twice("deregister_agent", agent_id="ada", command_id="deregister")
    assert orch.tasks.get_queue_statistics().total_count() == 3


async def test_long_waits_tell_how_far_they_are(orch, server):
    orch.agents.register_agent("ada", [])
    told = []

    async def progress(gone, total, message):
        told.append((gone, total, message))
        if len(told) == 1:
            orch.tasks.create_task("x", "any")

    async with stdio(server) as call:
        result = await call.client.call_tool(
            "orchestration_poll_tasks",
            {"agent_id": "ada", "claim": True, "wait_seconds": 60},
            progress_callback=progress,
        )
        assert len(result.structured_content["tasks"]) == 1
        assert told[0][1:] == (60, "waiting for a ready task")
        task_id = result.structured_content["tasks"][0]["task_id"]

        async def cancel(gone, total, message):
            told.append(message)
            orch.tasks.cancel_task(task_id)

        result = await call.client.call_tool(
            "orchestration_get_task_status",
            {"task_id": task_id, "wait_seconds": 60},
            progress_callback=cancel,
        )
        assert result.structured_content["status"] == "cancelled"
        assert told[-1] == "task is assigned"


async def test_resources_and_the_prompt(orch, server):
    orch.agents.register_agent("ada lovelace", ["python"])
    typed_worker(orch.graph, "ada lovelace", '{"cook": {"input": {"type": "string"}}}')
    task_id = orch.tasks.create_task("x", "any")
    async with stdio(server) as call:
        client = call.client
        (schema,) = (await client.list_resources()).resources
        assert "DEPENDS_ON" in (await client.read_resource(schema.uri)).contents[0].text
        templates = (await client.list_resource_templates()).resource_templates
        assert [it.uri_template for it in templates] == ["task://{id}", "agent://{id}"]
        task = json.loads((await client.read_resource(f"task://{task_id}")).contents[0].text)
        assert (task["task_id"], task["history"][0]["type"]) == (task_id, "created")
        agent = await client.read_resource("agent://ada%20lovelace")
        told = json.loads(agent.contents[0].text)
        assert told["capabilities"] == ["python"]
        assert told["handles"] == {"cook": {"input": {"type": "string"}}}
        with pytest.raises(MCPError, match="ada lovelace"):
            await client.read_resource("agent://ada lovelac")
        with pytest.raises(MCPError, match="there are task"):
            await client.read_resource("file:///etc/passwd")
        (prompt,) = (await client.list_prompts()).prompts
        said = await client.get_prompt(prompt.name, {"agent_id": "ada", "capabilities": "python"})
        assert "You are the agent ada" in said.messages[0].content.text


async def test_a_command_id_of_another_client_gives_nothing_away(orch, web):
    for agent_id in ("ada", "bob"):
        orch.agents.register_agent(agent_id, [])
    mine, yours = (orch.tasks.create_task(it, "any") for it in ("mine", "yours"))
    async with http(web.url) as ada, http(web.url) as bob:
        await ada("assign_task", task_id=mine, agent_id="ada", command_id="1")
        said = await bob.refused("assign_task", task_id=yours, agent_id="bob", command_id="1")
        assert "command_id '1'" in said
        assert "mine" not in said
    assert orch.tasks.get_task_status(yours).status == "pending"


@pytest.mark.parametrize("mode", ["legacy", "auto"])
async def test_a_profile_holds_for_resources_and_by_http_too(orch, server, mode):
    orch.agents.register_agent("ada", [])
    task_id = orch.tasks.create_task("x", "any")
    with http_server(server, "--profile", "worker", "--read-only") as worker:
        async with http(worker.url, mode) as call:
            names = [tool.name for tool in (await call.client.list_tools()).tools]
            assert names == list(chosen(Profile.WORKER, read_only=True))
            assert "no tool is called" in await call.refused("create_task", content="x")
            templates = (await call.client.list_resource_templates()).resource_templates
            assert [it.uri_template for it in templates] == ["task://{id}"]
            await call.client.read_resource(f"task://{task_id}")
            with pytest.raises(MCPError, match="--profile core serves it"):
                await call.client.read_resource("agent://ada")


async def test_profiles_and_read_only(orch, server):
    orch.tasks.create_task("x", "any")
    async with stdio(server, "--profile", "worker") as call:
        names = [tool.name for tool in (await call.client.list_tools()).tools]
        assert names == list(chosen(Profile.WORKER))
        assert "no tool is called" in await call.refused("get_health")
    async with stdio(server, "--read-only") as call:
        tools = (await call.client.list_tools()).tools
        assert all(tool.annotations.read_only_hint for tool in tools)
        assert len((await call("poll_tasks"))["tasks"]) == 1
        assert "no parameter 'claim'" in await call.refused("poll_tasks", claim=True)
        assert "no tool is called" in await call.refused("create_task", content="x")


async def test_workflows_are_run_with_the_tools_beside_a_profile(orch, server):
    orch.agents.register_agent("ada", [])
    async with stdio(server, "--profile", "worker", "--with", "workflows") as call:
        plan = [
            {"name": "write", "content": "write", "dependencies": ["search"]},
            {"name": "search", "content": "search"},
        ]
        asked = {"name": "paper", "tasks": plan, "workflow_id": "paper-7"}
        assert (await call("start_workflow", **asked))["state"] == "running"
        assert (await call("start_workflow", **asked))["counts"]["pending"] == 2
        said = await call.refused("start_workflow", **asked | {"tasks": plan[1:]})
        assert "started already, with other tasks" in said
        (task,) = (await call("poll_tasks", agent_id="ada", claim=True))["tasks"]
        held = await call("get_workflow_status", workflow_id="paper-7")
        assert [(it["name"], it["agent_id"]) for it in held["running"]] == [("search", "ada")]
        await call("start_task", task_id=task["task_id"])
        await call("complete_task", task_id=task["task_id"], result="x" * 5_000)
        found = await call("get_workflow_results", workflow_id="paper-7")
        assert found["truncated"] == ["search"]
        full = await call(
            "get_workflow_results", workflow_id="paper-7", names=["search"], full=True
        )
        assert full["results"] == {"search": "x" * 5_000}
        gone = await call("cancel_workflow", workflow_id="paper-7", reason="not needed")
        assert (gone["state"], gone["reason"]) == ("cancelled", "not needed")
        (row,) = (await call("list_workflows", state="cancelled"))["workflows"]
        assert row["workflow_id"] == "paper-7"
        assert (await call("retry_workflow", workflow_id="paper-7"))["state"] == "running"
        assert "does not exist" in await call.refused("cancel_workflow", workflow_id="paper-8")


async def test_answers_are_copied_in_a_short_text(orch, web):
    orch.tasks.create_task("x" * 1_000, "any")
    async with http(web.url) as call:
        result = await call.raw("query_tasks")
        assert json.loads(result.content[0].text) == result.structured_content
        assert "null" not in result.content[0].text
        assert len(result.content[0].text) < 500


def test_nothing_but_protocol_on_standard_output(server):
    first = INITIALIZE
    lines = [
        json.dumps(first),
        "this is no JSON",
        json.dumps({"jsonrpc": "2.0", "method": "notifications/initialized"}),
        json.dumps({"jsonrpc": "2.0", "id": 2, "method": "tools/list"}),
    ]
    with subprocess.Popen(
        COMMAND,
        env=environment(server),
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    ) as process:
        process.stdin.write("".join(f"{line}\n" for line in lines))
        process.stdin.flush()
        answers = []
        while not any(it.get("id") == 2 for it in answers):
            answers.append(json.loads(process.stdout.readline()))
        process.stdin.close()
        assert process.wait(60) == 0
        assert process.stdout.read() == ""
    (listed,) = [it for it in answers if it.get("id") == 2]
    assert len(listed["result"]["tools"]) == 18


async def test_store_that_is_away(server):
    command = [*COMMAND]
    env = {"NEO4J_URI": "bolt://127.0.0.1:1"}
    done = await anyio.run_process(command, env=env, check=False)
    assert (done.returncode, done.stdout) == (5, b"")
    assert len(done.stderr.splitlines()) == 1


async def test_fifty_sessions_at_once(orch, web):
    for number in range(50):
        orch.agents.register_agent(f"agent-{number}", [], max_concurrent_tasks=1)
    taken = []

    async def work(number):
        async with http(web.url, "legacy" if number % 2 else "auto") as call:
            (task_id,) = (await call("create_task", content=f"{number}"))["task_ids"]
            (task,) = (
                await call(
                    "poll_tasks",
                    agent_id=f"agent-{number}",
                    claim=True,
                    limit=1,
                    wait_seconds=60,
                )
            )["tasks"]
            taken.append(task["task_id"])
            await call("start_task", task_id=task["task_id"], attempt=task["attempt"])
            await call("complete_task", task_id=task["task_id"], attempt=task["attempt"])
            done = await call("get_task_status", task_id=task_id, wait_seconds=60)
            assert done["status"] == "completed"

    async with anyio.create_task_group() as group:
        for number in range(50):
            group.start_soon(work, number)
    assert len(set(taken)) == 50
    assert orch.tasks.get_queue_statistics().completed_count == 50
    assert orch.doctor().is_sound


WAITING = """
import asyncio, sys
from tests.mcp_client import http
async def main():
    async def progress(*told): print("waiting", flush=True)
    async with http(sys.argv[1]) as call:
        await call.client.call_tool("orchestration_poll_tasks",
            {"agent_id": "ghost", "claim": True, "wait_seconds": 300, "lease_seconds": 1},
            progress_callback=progress)
asyncio.run(main())
"""


def die_waiting(url):
    command = [sys.executable, "-c", WAITING, url]
    with subprocess.Popen(command, stdout=subprocess.PIPE) as dying:
        assert dying.stdout.readline() == b"waiting\n"
        dying.kill()


async def test_client_that_dies_while_it_waits(orch, web):
    for agent_id in ("ghost", "live"):
        orch.agents.register_agent(agent_id, [])
    die_waiting(web.url)
    orch.tasks.create_task("x", "any")
    async with http(web.url) as call:
        work = await call("poll_tasks", agent_id="live", claim=True, wait_seconds=60)
    assert len(work["tasks"]) == 1


async def test_a_pair_of_agents_does_a_workflow_by_tools_alone(orch, server, web):
    """One plans and waits, the other works: one by stdio, one by HTTP, on the same queue."""

    async def worker():
        async with stdio(server, "--profile", "worker") as call:
            await call("register_agent", agent_id="writer", capabilities=["writing"])
            for _ in range(4):  # the second task takes two tries
                asked = {"agent_id": "writer", "claim": True, "limit": 1, "wait_seconds": 60}
                work = await call("poll_tasks", **asked)
                (task,) = work["tasks"]
                own = {"task_id": task["task_id"], "attempt": task["attempt"]}
                await call("start_task", **own)
                found = [
                    (await call("get_task_status", task_id=task_id))["result"]
                    for task_id in task["dependencies"]
                ]
                if task["content"] == "draft" and task["attempt"] == 1:
                    await call("fail_task", error="no idea yet", **own)
                else:
                    await call("complete_task", result=[*found, task["content"]], **own)

    async with anyio.create_task_group() as group:
        group.start_soon(worker)
        async with http(web.url) as call:
            ids = [str(uuid4()) for _ in range(3)]
            plan = [
                {
                    "content": content,
                    "task_id": ids[number],
                    "requirements": ["writing"],
                    "dependencies": ids[number - 1 : number] if number else [],
                }
                for number, content in enumerate(["outline", "draft", "edit"])
            ]
            await call("create_task", tasks=plan)
            last = await call("get_task_status", task_id=ids[2], wait_seconds=120)
            assert last["result"] == [[["outline"], "draft"], "edit"]
            draft = await call("get_task_status", task_id=ids[1], history=True)
            assert "try_failed" in [it["type"] for it in draft["history"]]
    assert orch.doctor().is_sound


async def test_server_killed_between_calls(orch, server):
    orch.agents.register_agent("ada", [])
    with http_server(server) as web:
        async with http(web.url) as call:
            created = await call("create_task", content="x", idempotency_key="k")
            claim = {"agent_id": "ada", "claim": True, "command_id": "c"}
            first = await call("poll_tasks", **claim)
            web.kill()
            web.start()
            assert await call("create_task", content="x", idempotency_key="k") == created
            assert await call("poll_tasks", **claim) == first
            own = {name: first["tasks"][0][name] for name in ("task_id", "attempt")}
            await call("start_task", **own)
            assert (await call("complete_task", **own))["status"] == "completed"


async def test_session_of_a_server_that_was_killed_by_stdio(orch, server):
    orch.agents.register_agent("ada", [])
    orch.tasks.create_task("x", "any")
    answers = []
    for _ in range(2):
        async with stdio(server) as call:
            answers.append(await call("poll_tasks", agent_id="ada", claim=True, command_id="c"))
    assert answers[0] == answers[1]


def post(url, body=b"{}", **headers):
    given = {"content-type": "application/json", "accept": "application/json, text/event-stream"}
    return httpx.post(f"{url}/mcp", content=body, headers=given | headers).status_code


def test_guard_on_loopback(web):
    assert post(web.url) < 403 + 10
    assert post(web.url, origin="http://localhost:3000") not in (401, 403, 421)
    assert post(web.url, origin="https://evil.example") == 403
    assert post(web.url, origin="null") == 403
    assert post(web.url, host="evil.example") == 421
    assert post(web.url, body=b"x" * (4 * 1024 * 1024 + 1)) == 413


def test_token_off_loopback(server):
    refused = subprocess.run(
        [*COMMAND, "--http", "--host", "0.0.0.0", "--port", "0"],
        env=environment(server),
        capture_output=True,
        text=True,
        check=False,
    )
    assert refused.returncode == 4
    assert "GRAPH_ORCH_MCP_TOKEN" in refused.stderr


def test_token_and_origin(server):
    args = ["--allow-origin", "https://ours.example"]
    with http_server(server, *args, GRAPH_ORCH_MCP_TOKEN=TOKEN) as web:
        right = {"authorization": f"Bearer {TOKEN}"}
        assert post(web.url) == 401
        assert post(web.url, authorization="Bearer wrong") == 401
        assert post(web.url, **right) not in (401, 403)
        assert post(web.url, origin="https://ours.example", **right) not in (401, 403)
        card = httpx.get(f"{web.url}/.well-known/agent-card.json").json()
        assert "bearer" in card["securitySchemes"]
        assert httpx.post(f"{web.url}/a2a", json={}).status_code == 401
