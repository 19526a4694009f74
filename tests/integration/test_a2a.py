"""A2A: a real client submits tasks and sees them finish; cards in and out."""

from __future__ import annotations

import json
from uuid import uuid4

import anyio
import httpx
import pytest
from a2a.client import A2ACardResolver, ClientConfig, ClientFactory
from a2a.types import a2a_pb2 as pb
from a2a.utils.errors import A2AError
from google.protobuf.json_format import MessageToDict, ParseDict
from google.protobuf.struct_pb2 import Value

from graph_orch.domain.lifecycle import TaskStatus
from graph_orch.errors import ValidationError
from graph_orch.serve.a2a import card_of, parse_card, registration, to_json
from graph_orch.serve.a2a.tasks import STATUSES, a2a_task, new_task, state_of
from tests.command_line import Cli
from tests.mcp_client import http_server, typed_worker

CARD = {
    "name": "recipe-agent",
    "description": "Finds recipes",
    "version": "1.2",
    "url": "https://recipes.example/a2a",
    "capabilities": {"streaming": True},
    "defaultInputModes": ["text/plain"],
    "defaultOutputModes": ["text/plain"],
    "skills": [
        {"id": "find", "name": "Find recipes", "description": "x", "tags": ["cooking", "search"]}
    ],
}


@pytest.fixture(scope="module")
def web(server):
    with http_server(server) as running:
        yield running


@pytest.fixture
def connect(web):
    async def make(http, streaming=True):
        card = await A2ACardResolver(http, web.url).get_agent_card()
        config = ClientConfig(streaming=streaming, httpx_client=http)
        return ClientFactory(config).create(card)

    return make


def request(text, wait=True, **metadata):
    message = pb.Message(
        message_id=str(uuid4()), role=pb.ROLE_USER, parts=[pb.Part(text=text)], metadata=metadata
    )
    sending = pb.SendMessageConfiguration(return_immediately=not wait)
    return pb.SendMessageRequest(message=message, configuration=sending)


async def work(orch, result, started=None):
    """An agent that does the next task."""
    (claim,) = await orch.tasks.claim_tasks("cook", wait_seconds=60, start=True)
    if started is not None:
        with anyio.fail_after(60):
            await started.wait()
    await orch.tasks.complete(claim, result)


async def test_client_follows_its_task_to_the_end(aorch, connect):
    await aorch.agents.register_agent("cook", ["cooking"])
    working, states, artifacts = anyio.Event(), [], []
    async with httpx.AsyncClient(timeout=60) as http, anyio.create_task_group() as group:
        client = await connect(http)
        group.start_soon(work, aorch, {"dish": "soup"}, working)
        async for event in client.send_message(request("cook", requirements=["cooking"])):
            match event.WhichOneof("payload"):
                case "task":
                    states.append(event.task.status.state)
                case "status_update":
                    states.append(event.status_update.status.state)
                case "artifact_update":
                    artifacts.append(event.artifact_update.artifact)
            if states[-1] == pb.TASK_STATE_WORKING:
                working.set()
    submitted, done = pb.TASK_STATE_SUBMITTED, pb.TASK_STATE_COMPLETED
    assert list(dict.fromkeys(states)) in (
        [submitted, pb.TASK_STATE_WORKING, done],
        [pb.TASK_STATE_WORKING, done],
    )
    assert artifacts[0].parts[0].data.struct_value["dish"] == "soup"


async def test_client_that_waits_and_one_that_asks(aorch, connect):
    await aorch.agents.register_agent("cook", [])
    async with httpx.AsyncClient(timeout=60) as http:
        client = await connect(http, streaming=False)
        async with anyio.create_task_group() as group:
            group.start_soon(work, aorch, "soup")
            (event,) = [it async for it in client.send_message(request("cook"))]
        assert event.task.status.state == pb.TASK_STATE_COMPLETED
        assert event.task.artifacts[0].parts[0].text == "soup"

        asked = request("cook", wait=False, priority="high", task_type="meal", max_retries=0)
        (event,) = [it async for it in client.send_message(asked)]
        (again,) = [it async for it in client.send_message(asked)]
        assert event.task.id == again.task.id
        assert event.task.status.state == pb.TASK_STATE_SUBMITTED
        task = await aorch.tasks.get_task_status(event.task.id)
        assert (task.priority, task.task_type, task.max_retries) == ("high", "meal", 0)

        (claim,) = await aorch.tasks.claim_tasks("cook", start=True)
        got = await client.get_task(pb.GetTaskRequest(id=claim.task_id))
        assert got.status.state == pb.TASK_STATE_WORKING
        await aorch.tasks.fail(claim, "burnt")
        got = await client.get_task(pb.GetTaskRequest(id=claim.task_id))
        assert got.status.state == pb.TASK_STATE_FAILED
        assert got.status.message.parts[0].text == "burnt"
        listed = await client.list_tasks(pb.ListTasksRequest(status=pb.TASK_STATE_FAILED))
        assert [it.id for it in listed.tasks] == [claim.task_id]


RESULTS = [
    1234567890123456789,
    {"big": -(10**400)},
    2**53,
    [1, 2.5, -0.0, True, None, "\u00e9 \x00"],
    1.7e308,
    [0] * 10_000,
]


async def test_results_come_as_they_are_and_none_spoils_a_page(aorch, connect):
    deep: object = 1
    for _ in range(150):
        deep = [deep]
    results = [*RESULTS, deep, {"a": deep}]
    await aorch.agents.register_agent("cook", [], max_concurrent_tasks=99)
    ids = await aorch.tasks.create_tasks([{"content": "x", "task_type": "x"} for _ in results])
    for claim in await aorch.tasks.claim_tasks("cook", len(ids), start=True):
        await aorch.tasks.complete(claim, results[ids.index(claim.task_id)])
    late = [{"content": "x", "task_type": "x", "schedule_to_start_seconds": 0.001}] * 2
    await aorch.tasks.create_tasks([dict(it) for it in late])
    while (await aorch.tasks.get_queue_statistics()).failed_count < len(late):
        await aorch.tasks.process_due()
    async with httpx.AsyncClient(timeout=60) as http:
        client = await connect(http)
        got: list[str] = []
        token = ""
        while True:
            page = await client.list_tasks(pb.ListTasksRequest(page_size=4, page_token=token))
            assert page.total_size == len(results) + len(late)
            got += [it.id for it in page.tasks]
            token = page.next_page_token
            if not token:
                break
        assert got[: len(ids)] == ids
        for task_id, result in zip(ids, results, strict=True):
            task = await client.get_task(pb.GetTaskRequest(id=task_id))
            (part,) = task.artifacts[0].parts
            if part.media_type:
                assert part.media_type == "application/json"
                assert json.loads(part.text) == result
            else:
                assert MessageToDict(part.data) == result
                assert len(json.dumps(result)) < 10_000  # more would take the event loop long
        for state, total in ((pb.TASK_STATE_REJECTED, 2), (pb.TASK_STATE_FAILED, 0)):
            page = await client.list_tasks(pb.ListTasksRequest(status=state, page_size=1))
            assert page.total_size == total
        page = await client.list_tasks(pb.ListTasksRequest(status=pb.TASK_STATE_AUTH_REQUIRED))
        assert (page.total_size, list(page.tasks), page.next_page_token) == (0, [], "")


async def test_what_a_message_says_is_taken_exactly_or_refused(aorch, connect):
    async with httpx.AsyncClient(timeout=60) as http:
        client = await connect(http, streaming=False)
        for wrong in (2.7, -1, "3", [1], None):
            with pytest.raises(A2AError, match="max_retries"):
                [it async for it in client.send_message(request("x", max_retries=wrong))]
        blank = request("x", wait=False)
        blank.message.parts[0].text = " "
        with pytest.raises(A2AError, match="no text part"):
            [it async for it in client.send_message(blank)]
        asked = request("x", wait=False, max_retries=2)
        asked.message.message_id = "m" * 500
        asked.message.parts.append(
            pb.Part(data=ParseDict({"n": 5, "of": [2.5, 2**53 - 1]}, Value()))
        )
        (event,) = [it async for it in client.send_message(asked)]
        task = await aorch.tasks.get_task_status(event.task.id)
        assert json.dumps(task.metadata["data"]) == '[{"n": 5, "of": [2.5, 9007199254740991]}]'
        assert task.max_retries == 2


async def test_client_cancels(aorch, connect):
    async with httpx.AsyncClient(timeout=60) as http:
        client = await connect(http)
        (first, *_) = [
            it async for it in _until_first(client.send_message(request("x", wait=False)))
        ]
        task_id = first.task.id
        cancelled = await client.cancel_task(pb.CancelTaskRequest(id=task_id))
        assert cancelled.status.state == pb.TASK_STATE_CANCELED
        with pytest.raises(A2AError):
            await client.cancel_task(pb.CancelTaskRequest(id=task_id))
        with pytest.raises(A2AError):
            await client.get_task(pb.GetTaskRequest(id=str(uuid4())))
        more = request("more")
        more.message.task_id = task_id
        with pytest.raises(A2AError, match="takes no further message"):
            [it async for it in client.send_message(more)]
        with pytest.raises(A2AError, match="priority"):
            [it async for it in client.send_message(request("x", priority="soonish"))]


async def connected(http, web):
    card = await A2ACardResolver(http, web.url).get_agent_card()
    client = ClientFactory(ClientConfig(streaming=False, httpx_client=http)).create(card)
    return card, client


async def test_a_profile_holds_for_a2a_too(aorch, orch, server):
    await aorch.agents.register_agent("cook", ["cooking"])
    typed_worker(orch.graph, "cook", '{"cook": {"input": {"type": "string"}}}')
    other = await aorch.tasks.create_task("somebody else's", "x")
    with http_server(server, "--profile", "worker") as web:
        async with httpx.AsyncClient(timeout=60) as http:
            card, client = await connected(http, web)
            assert [skill.id for skill in card.skills] == ["cooking", "task_type:cook"]
            assert '"type":"string"' in card.skills[1].description.replace(" ", "")
            (sent,) = [it async for it in client.send_message(request("x", wait=False))]
            assert (await client.get_task(pb.GetTaskRequest(id=sent.task.id))).id == sent.task.id
            with pytest.raises(A2AError, match="--profile core serves it"):
                await client.list_tasks(pb.ListTasksRequest())
            for task_id in (other, sent.task.id):
                with pytest.raises(A2AError, match="--profile all serves it"):
                    await client.cancel_task(pb.CancelTaskRequest(id=task_id))
    assert (await aorch.tasks.get_task_status(other)).status == "pending"


async def test_reading_only_holds_for_a2a_too(aorch, server):
    await aorch.agents.register_agent("cook", ["cooking"])
    task_id = await aorch.tasks.create_task("x", "x")
    with http_server(server, "--read-only") as web:
        async with httpx.AsyncClient(timeout=60) as http:
            card, client = await connected(http, web)
            assert (list(card.skills), card.description.count("takes no new tasks")) == ([], 1)
            assert (await client.get_task(pb.GetTaskRequest(id=task_id))).id == task_id
            listed = await client.list_tasks(pb.ListTasksRequest())
            assert [it.id for it in listed.tasks] == [task_id]
            with pytest.raises(A2AError, match="--read-only"):
                await client.cancel_task(pb.CancelTaskRequest(id=task_id))
            streaming = ClientFactory(ClientConfig(httpx_client=http)).create(card)
            for one in (client, streaming):
                with pytest.raises(A2AError, match="--read-only"):
                    [it async for it in one.send_message(request("x", wait=False))]
    assert (await aorch.tasks.get_queue_statistics()).total_count() == 1


async def test_a_message_id_names_one_message(aorch, web):
    async def send(text, **of):
        message = {"role": "ROLE_USER", "parts": [{"text": text}], **of}
        body = {
            "jsonrpc": "2.0",
            "id": 1,
            "method": "SendMessage",
            "params": {"message": message, "configuration": {"returnImmediately": True}},
        }
        headers = {"A2A-Version": "1.0"}
        return (await http.post(f"{web.url}/a2a", json=body, headers=headers)).json()

    async with httpx.AsyncClient(timeout=60) as http:
        for of in ({}, {"messageId": ""}, {"messageId": "  "}):
            assert "has no messageId" in (await send("x", **of))["error"]["message"]
        first = (await send("mine", messageId="1"))["result"]["task"]["id"]
        assert (await send("mine", messageId="1"))["result"]["task"]["id"] == first
        for other in (
            {"text": "yours"},
            {"text": "mine", "contextId": "another"},
            {"text": "mine", "metadata": {"priority": "high"}},
        ):
            refused = await send(**other, messageId="1")
            assert "'1' was used before" in refused["error"]["message"]
            assert first not in json.dumps(refused)
        assert (await send("mine", messageId="2"))["result"]["task"]["id"] != first
    assert (await aorch.tasks.get_queue_statistics()).total_count() == 2


def test_message_ids_of_one_principal_say_nothing_to_another():
    message = request("x").message
    one, again, other = (new_task(message, it).idempotency_key for it in ("one", "one", "other"))
    assert one == again != other


async def test_page_tokens_and_sizes_that_a_client_makes_up(aorch, connect):
    async with httpx.AsyncClient(timeout=60) as http:
        client = await connect(http)
        for wrong in ({"page_token": "../../etc"}, {"page_token": "x" * 5_000}, {"page_size": -1}):
            with pytest.raises(A2AError):
                await client.list_tasks(pb.ListTasksRequest(**wrong))


async def _until_first(events):
    async for event in events:
        yield event
        return


def test_every_status_has_a_state(orch, running):
    task = running()
    for status in TaskStatus:
        state = state_of(task.model_copy(update={"status": status}))
        assert status in STATUSES[state]
    never_taken = task.model_copy(update={"status": TaskStatus.FAILED, "attempt": 0})
    assert a2a_task(never_taken).status.state == pb.TASK_STATE_REJECTED


def test_card_is_registered_and_written_again(orch):
    it = registration(parse_card(json.dumps(CARD)))
    assert it.capabilities == ["find", "Find recipes", "cooking", "search"]
    agent = orch.agents.register_agent(it.agent_id, it.capabilities, it.metadata)
    agent = orch.agents.learn_new_capability(agent.agent_id, "baking")
    written = to_json(card_of(agent, ""))
    assert written["description"] == "Finds recipes"
    assert written["supportedInterfaces"][0]["url"] == "https://recipes.example/a2a"
    assert [skill["name"] for skill in written["skills"]] == ["Find recipes", "baking"]
    for text in ("no JSON", "[]", '{"skills": 5}', "{}"):
        with pytest.raises(ValidationError):
            registration(parse_card(text))


def test_cards_by_the_command_line(orch, server, web, tmp_path):
    cli = Cli(*server)
    file = tmp_path / "card.json"
    file.write_text(json.dumps(CARD))
    assert cli.json("agent", "import", str(file), "--slots", "2")["agent_id"] == "recipe-agent"
    assert json.loads(cli("agent", "export", "recipe-agent").stdout)["version"] == "1.2"
    found = cli.json("agent", "import", web.url, "--id", "elsewhere")
    assert "cooking" in found["capabilities"]
    made = orch.agents.register_agent("ada", ["Python"])
    card = json.loads(cli("agent", "export", made.agent_id, "--url", "http://ada").stdout)
    assert [skill["id"] for skill in card["skills"]] == ["python"]
    assert "no A2A agent card" in cli("agent", "import", "http://127.0.0.1:1", code=4).stderr
    cli("agent", "export", "nobody", code=3)


def says(task_id, text, **metadata):
    """A message to a task that asks for input."""
    asked = request(text, **metadata)
    asked.message.task_id = task_id
    return asked


async def test_a_task_at_a_gate_asks_and_a_message_answers(aorch, web):
    await aorch.agents.register_agent("cook", [])
    gate = await aorch.gates.create("publish the menu?")
    judged = await aorch.gates.create("good?", approvers=["grace"])
    schema = {"type": "object", "properties": {"price": {"type": "number"}}, "required": ["price"]}
    price = await aorch.gates.create("which price?", kind="input", schema=schema)
    free = await aorch.tasks.create_task("x", "a2a")
    async with httpx.AsyncClient(timeout=60) as http:
        _, client = await connected(http, web)

        async def send(asked):
            (event,) = [it async for it in client.send_message(asked)]
            return event.task

        # It answers at once, though the client would wait for the end.
        task = await send(request("cook", gates=[gate.gate_id, judged.gate_id, price.gate_id]))
        assert task.status.state == pb.TASK_STATE_INPUT_REQUIRED
        text, data = task.status.message.parts
        assert text.text == "publish the menu?"
        assert MessageToDict(data.data)["decisions"] == ["approve", "reject"]
        for state, ids in (("INPUT_REQUIRED", [task.id]), ("SUBMITTED", [free])):
            state = pb.TaskState.Value(f"TASK_STATE_{state}")
            listed = await client.list_tasks(pb.ListTasksRequest(status=state))
            assert ([it.id for it in listed.tasks], listed.total_size) == (ids, 1)
        with pytest.raises(A2AError, match="'administrator' may not decide"):
            await send(says(task.id, "approve", gate_id=judged.gate_id, by="grace"))
        with pytest.raises(A2AError, match="waits at"):
            await send(says(task.id, "approve", gate_id="none"))
        with pytest.raises(A2AError, match="decides nothing"):
            await send(says(task.id, "well, perhaps", gate_id=gate.gate_id))
        with pytest.raises(A2AError, match="asks nothing"):
            await send(says(free, "approve"))
        with pytest.raises(A2AError, match="gate_id"):  # of three, it says none
            await send(says(task.id, "approve"))
        task = await send(says(task.id, "Approve.\nwell done", gate_id=gate.gate_id))
        assert task.status.message.parts[0].text == "good?"
        await aorch.gates.decide(judged.gate_id, "approve", by="grace")
        task = await client.get_task(pb.GetTaskRequest(id=task.id))
        assert task.status.message.parts[0].text == "which price?"
        with pytest.raises(A2AError, match=r"is not of type .object"):
            await send(says(task.id, "cheap", gate_id=price.gate_id))
        with pytest.raises(A2AError, match="gate_id"):  # as when an answer was lost
            await send(says(task.id, "approve"))
        answer = says(task.id, "here", gate_id=price.gate_id)
        answer.message.parts.append(pb.Part(data=ParseDict({"price": 5}, Value())))
        answer.configuration.return_immediately = True
        assert (await send(answer)).status.state == pb.TASK_STATE_SUBMITTED
    decided = await aorch.gates.get(gate.gate_id)
    assert (decided.decided_by, decided.comment) == ("administrator", "well done")
    assert (await aorch.gates.get(price.gate_id)).payload == {"price": 5}
    assert len(await aorch.tasks.claim_tasks("cook", limit=9)) == 2


async def test_a_stream_ends_where_input_is_needed_and_one_that_subscribes_goes_on(aorch, connect):
    await aorch.agents.register_agent("cook", [])
    gate = await aorch.gates.create("go on?")
    states = []
    async with httpx.AsyncClient(timeout=60) as http:
        client = await connect(http)
        sent = [it async for it in client.send_message(request("cook", gates=[gate.gate_id]))]
        (task,) = [it.task for it in sent]
        assert task.status.state == pb.TASK_STATE_INPUT_REQUIRED
        async with anyio.create_task_group() as group:
            async for event in client.subscribe(pb.SubscribeToTaskRequest(id=task.id)):
                match event.WhichOneof("payload"):
                    case "task":
                        states.append(event.task.status.state)
                        await aorch.gates.decide(gate.gate_id, "approve", by="grace")
                    case "status_update":
                        states.append(event.status_update.status.state)
                        if states[-1] == pb.TASK_STATE_SUBMITTED and len(states) == 2:
                            group.start_soon(work, aorch, "soup")
    wanted = [pb.TASK_STATE_INPUT_REQUIRED, pb.TASK_STATE_SUBMITTED, pb.TASK_STATE_COMPLETED]
    assert [state for state in dict.fromkeys(states) if state in wanted] == wanted


async def test_a_gate_is_decided_over_a2a_by_whom_the_token_names(aorch, web):
    gate = await aorch.gates.create("publish?", approvers=["grace"])
    task_id = await aorch.tasks.create_task("x", "any", gates=[gate.gate_id])
    refused = {
        "eve": "'eve' may not decide",
        "ada": "needs the right decide",
    }
    secrets = {
        "eve": (await aorch.tokens.create("eve")).secret,
        "ada": (await aorch.tokens.create("ada", kind="agent")).secret,
        "grace": (await aorch.tokens.create("grace", rights=["read", "decide"])).secret,
    }
    for name, secret in secrets.items():
        headers = {"authorization": f"Bearer {secret}"}
        async with httpx.AsyncClient(timeout=60, headers=headers) as http:
            _, client = await connected(http, web)
            asked = says(task_id, "approve")
            asked.configuration.return_immediately = True
            if name in refused:
                with pytest.raises(A2AError, match=refused[name]):
                    [it async for it in client.send_message(asked)]
            else:
                [event] = [it async for it in client.send_message(asked)]
                assert event.task.status.state == pb.TASK_STATE_SUBMITTED
    assert (await aorch.gates.get(gate.gate_id)).decided_by == "grace"


async def test_reading_only_decides_nothing(aorch, server):
    gate = await aorch.gates.create("publish?")
    task_id = await aorch.tasks.create_task("x", "any", gates=[gate.gate_id])
    with http_server(server, "--read-only") as web:
        async with httpx.AsyncClient(timeout=60) as http:
            _, client = await connected(http, web)
            with pytest.raises(A2AError, match="--read-only"):
                [it async for it in client.send_message(says(task_id, "approve"))]
    assert (await aorch.gates.get(gate.gate_id)).status == "open"
