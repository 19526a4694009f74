"""Events reach agents: an inbox by MCP, and a stream by HTTP that goes on where it ended."""

from __future__ import annotations

import json
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager

import httpx
import pytest

from graph_orch import AsyncOrchestrator, Orchestrator
from tests.mcp_client import http, http_server

ODD = "</script>\nevent: forged\ndata: {}\n\n‮"


@pytest.fixture(scope="module")
def web(server):
    with http_server(server, "--with", "inbox") as running:
        yield running


@contextmanager
def stream(url: str, headers: dict[str, str] | None = None, **wanted: str) -> Iterator[Iterator]:
    """The (id, type, event) of a stream as they come."""

    def told(lines: Iterator[str]) -> Iterator[tuple[int, str, dict]]:
        fields: dict[str, str] = {}
        for line in lines:
            if not line and "data" in fields:
                yield int(fields["id"]), fields["event"], json.loads(fields["data"])
                fields = {}
            elif line and not line.startswith(":"):
                name, _, value = line.partition(": ")
                fields[name] = value

    with httpx.stream("GET", f"{url}/events", params=wanted, headers=headers, timeout=60) as answer:
        answer.read() if answer.status_code != 200 else None
        assert answer.status_code == 200, answer.text
        lines = answer.iter_lines()
        assert next(lines) == ": these are the events"
        yield told(lines)


async def test_an_agent_subscribes_reads_acknowledges_and_leaves(orch, web, new_task):
    for name in ("ada", "bob"):
        orch.agents.register_agent(name, [])
    secret = orch.tokens.create("ada", kind="agent").secret
    async with http(web.url, token=secret) as ada:
        assert "does not exist" in await ada.refused("read_inbox")
        made = await ada("subscribe", pattern="created:any", where=["task.priority = high"])
        assert made == {"name": "inbox", "pattern": "created:any", "behind": 0}
        new_task()
        theirs = [new_task(priority="high") for _ in range(3)]
        first = (await ada("read_inbox", limit=2))["events"]
        assert [event["task_id"] for event in first] == theirs[:2]
        assert (await ada("read_inbox", limit=2))["events"] == first  # not acknowledged
        (last,) = (await ada("read_inbox", acknowledge=first[-1]["position"]))["events"]
        assert last["task_id"] == theirs[2]
        done = await ada("read_inbox", acknowledge=last["position"], wait_seconds=0.1)
        assert done["events"] == []
        said = await ada.refused("read_inbox", agent_id="bob")
        assert "acts as agent 'ada' and as no other" in said
        assert await ada("unsubscribe") == {"removed": True}
        new_task(priority="high")
        assert "does not exist" in await ada.refused("read_inbox")


async def test_inboxes_of_odd_names_are_not_each_others(orch, aorch, web, new_task):
    async with http(web.url) as anybody:
        await anybody("subscribe", pattern="created", agent_id="a:b", name="c")
        await anybody("subscribe", pattern="failed", agent_id="a", name="b:c")
        new_task()
        one = await anybody("read_inbox", agent_id="a:b", name="c")
        other = await anybody("read_inbox", agent_id="a", name="b:c")
        assert (len(one["events"]), other["events"]) == (1, [])


def test_a_stream_goes_on_after_what_its_client_has_seen(orch, web, new_task):
    with stream(web.url, pattern="created:any") as events:
        ids = [new_task(metadata={"n": number}) for number in range(3)]
        new_task(task_type="other")
        seen = [next(events) for _ in ids]
    assert [(kind, event["task_id"]) for _, kind, event in seen] == [("created", it) for it in ids]
    later = {"last-event-id": str(seen[0][0])}
    with stream(web.url, later, pattern="created:any", where="task.metadata.n > 1") as events:
        assert next(events)[2]["task_id"] == ids[2]
    with stream(web.url, after="0") as events:
        assert [next(events)[2]["task_id"] for _ in range(4)][:3] == ids


def test_an_event_can_forge_no_other(orch, web, new_task):
    orch.agents.register_agent("ada", [])
    with stream(web.url, pattern="released,created") as events:
        task_id = new_task()
        (claim,) = orch.tasks.claim_tasks("ada")
        orch.tasks.release_task(task_id, ODD, attempt=claim.attempt)
        assert [next(events)[1] for _ in range(2)] == ["created", "released"]


@pytest.mark.parametrize(
    ("query", "why"),
    [
        ("pattern=nothing", "means no type of event"),
        ("where=colour%3Dred", "no field of an event"),
        ("after=-1", "no position"),
        ("after=99999999999999999999999", "after"),
        ("colour=red", "is no parameter of /events"),
    ],
)
def test_a_stream_that_cannot_be_is_refused(web, query: str, why: str) -> None:
    answer = httpx.get(f"{web.url}/events?{query}")
    assert answer.status_code == 422
    assert why in answer.text


def test_who_may_not_read_gets_no_stream(orch: Orchestrator, web) -> None:
    secret = orch.tokens.create("maker", rights=["create"]).secret
    assert httpx.get(f"{web.url}/events").status_code == 401
    answer = httpx.get(f"{web.url}/events", headers={"authorization": f"Bearer {secret}"})
    assert (answer.status_code, "needs the right read" in answer.text) == (403, True)


def test_a_stream_ends_when_its_token_is_revoked(orch: Orchestrator, web, new_task) -> None:
    token = orch.tokens.create("reader", rights=["read"])
    headers = {"authorization": f"Bearer {token.secret}"}
    with ThreadPoolExecutor(1) as pool, stream(web.url, headers) as events:
        new_task()
        assert next(events)[1] == "created"
        orch.tokens.revoke(token.token_id)
        assert pool.submit(next, events, None).result(60) is None


async def test_streams_have_a_limit_and_give_their_place_back(aorch: AsyncOrchestrator) -> None:
    from starlette.applications import Starlette

    from graph_orch.serve import events
    from graph_orch.serve.principals import Principal

    app = Starlette(routes=events.routes(aorch, most_streams=1))
    sent: list[dict] = []

    async def ask(then) -> int:
        async def receive():
            await then()
            return {"type": "http.disconnect"}

        async def send(message):
            sent.append(message)

        scope = {"type": "http", "method": "GET", "path": "/events", "query_string": b""}
        scope |= {"headers": [], "state": {"principal": Principal()}, "http_version": "1.1"}
        await app(scope | {"root_path": "", "asgi": {"spec_version": "2.0"}}, receive, send)
        return next(it["status"] for it in sent if "status" in it)

    async def meanwhile():
        while len(sent) < 2:
            await aorch.events.end()
        first, sent[:] = [*sent], []
        assert await ask(aorch.events.end) == 503
        sent[:] = first

    assert await ask(meanwhile) == 200
    sent.clear()
    assert await ask(aorch.events.end) == 200
