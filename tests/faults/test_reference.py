"""The whole way, each step once, while processes are killed: a message starts a workflow of two
teams, a person approves by a link, a CloudEvent and a signed webhook tell of the result."""

from __future__ import annotations

import asyncio
import json
import random
from collections import Counter
from contextlib import ExitStack

import httpx
import nats
from cloudevents.core.formats.json import JSONFormat

from benchmarks.peers.nats import Nats
from graph_orch import Communities
from graph_orch.domain.webhooks import new_secret
from tests.faults.commands import Process
from tests.faults.load import seeds
from tests.mcp_client import http_server
from tests.webhook_receiver import Receiver

ORDERS = 6
KILLS = 10
SECRET = new_secret()
TEMPLATE = {"task_type": "intake", "content": "{data.title}", "metadata": {"order": "{id}"}}
FLOW = {
    "name": "{task.content}",
    "tasks": [
        {"content": "{task.result.title}", "task_type": "draft", "name": "draft"},
        {"content": "{task.content}", "task_type": "check", "name": "check"},
        {"content": "{task.content}", "task_type": "send", "name": "send"},
    ],
}
for one, skill, before in zip(
    FLOW["tasks"], ["writing", "checking", "checking"], [[], ["draft"], ["check"]], strict=True
):
    one |= {"requirements": [skill], "dependencies": before}


@seeds
async def test_each_step_of_the_whole_way_is_done_once(
    orch, server, monkeypatch, tmp_path, seed
) -> None:
    calls, chance = tmp_path / "calls", random.Random(seed)
    monkeypatch.setenv("REFERENCE_CALLS", str(calls))
    monkeypatch.setenv("GRAPH_ORCH_WEBHOOK_NETWORKS", "127.0.0.0/8")
    for agent, skill in (("ada", "writing"), ("bob", "checking")):
        orch.agents.register_agent(agent, [skill], max_concurrent_tasks=4)
    how = {"modularity": 0.5, "algorithm": "leiden", "resolution": 1, "seed": 0, "run_id": "x"}
    orch.teams.write(Communities(members=[["ada"], ["bob"]], **how), ["writers", "senders"])
    writers = orch.teams.get_team("ada").team_id
    orch.triggers.put("orders", "completed:intake", start_workflow=FLOW, team_id=writers)
    with ExitStack() as stack:
        receiver = stack.enter_context(Receiver(SECRET))
        web = stack.enter_context(http_server(server))
        broker = stack.enter_context(Nats())
        orch.webhooks.put("asked", f"{receiver.url}/asked", "suspended:check", secret=SECRET)
        orch.webhooks.put("done", f"{receiver.url}/done", "completed:send", secret=SECRET)
        client = await nats.connect(broker.url)
        await client.jetstream().add_stream(name="orders", subjects=["orders"])
        agents = "tests.faults.reference_agents"
        relay = ["relay", "--to", f"{broker.url}/results", "completed:send", "--after", "0"]
        processes = [
            stack.enter_context(Process(server, *command))
            for command in (
                ["ingest", "--from", f"{broker.url}/orders", "--task", json.dumps(TEMPLATE)],
                [*relay, "--create", "--lease", "2"],
                ["worker", f"{agents}:writers"],
                ["worker", f"{agents}:senders"],
            )
        ]
        for number in range(ORDERS):
            body = json.dumps({"title": f"order {number}"}).encode()
            for _ in range(2):  # its sender does not know whether it arrived
                await client.jetstream().publish(
                    "orders", body, headers={"Nats-Msg-Id": f"{number}"}
                )
        person = asyncio.create_task(approve(orch, receiver, web.url))
        for _ in range(KILLS):
            await asyncio.sleep(chance.uniform(0.2, 2.0))
            await asyncio.to_thread(chance.choice(processes).kill)
        async with asyncio.timeout(240):
            while len(await asyncio.to_thread(of, receiver, "/hook/done")) < ORDERS:
                for process in processes:
                    process.tend()
                await asyncio.sleep(0.2)
            await person
            sent = await results(client)
        await client.close()
    titles = sorted(f"order {number}" for number in range(ORDERS))
    assert sorted(calls.read_text().splitlines()) == titles
    tasks = Counter((it.task_type, it.status) for it in orch.tasks.query_tasks(limit=1_000))
    kinds = ("intake", "draft", "check", "send")
    assert tasks == {(kind, "completed"): ORDERS for kind in kinds}
    states = [flow.state for flow in orch.workflows.list(limit=100)]
    assert states == ["completed"] * ORDERS
    assert sorted(it["data"]["result"]["sent"] for it in sent) == titles
    assert all(it["data"]["result"]["check"]["by"] == "grace" for it in sent)
    done = of(receiver, "/hook/done")
    assert {it["subject"] for it in done.values()} == {it["subject"] for it in sent}
    assert receiver.wrong == []


def of(receiver: Receiver, path: str) -> dict[str, dict]:
    """The events that came to a path, by their ids: one that came again is the same."""
    with receiver.changed:
        return {it.id: it.event for it in receiver.got if it.path == path}


async def approve(orch, receiver: Receiver, url: str) -> None:
    """A person who is told of each question by a webhook, and decides each by a link."""
    decided: set[str] = set()
    while len(decided) < ORDERS:
        await asyncio.sleep(0.1)
        if not of(receiver, "/hook/asked"):
            continue
        for gate in await asyncio.to_thread(orch.gates.list):
            link = await asyncio.to_thread(orch.gates.link, gate.gate_id, "grace", 600, url=url)
            answer = await asyncio.to_thread(httpx.post, link, data={"decision": "approve"})
            assert answer.status_code in (200, 409)
            decided.add(gate.gate_id)


async def results(client) -> list[dict]:
    """What the relay has published, once all is there: each id once."""
    stream = client.jetstream()
    while True:
        last = (await stream.stream_info("results")).state.last_seq
        messages = [await stream.get_msg("results", seq) for seq in range(1, last + 1)]
        events = {it.get_id(): it for it in (JSONFormat().read(None, it.data) for it in messages)}
        if len(events) >= ORDERS:
            assert len(events) == len(messages) == ORDERS
            return [{"subject": it.get_subject(), "data": it.get_data()} for it in events.values()]
        await asyncio.sleep(0.1)
