"""What the guard of the HTTP server lets through."""

from __future__ import annotations

import asyncio
import json

import pytest
from pydantic import SecretStr

from graph_orch.errors import ValidationError
from graph_orch.serve.guard import MAX_BODY, MOST_VALUES, SMALL_BODY, Guard
from graph_orch.serve.http import url
from graph_orch.serve.options import HttpOptions
from graph_orch.serve.principals import Principal


async def answer(options, *messages, path="/mcp", more=(), **headers):
    """The status of a guarded request, and what the application behind got of it."""
    got, sent = [], []
    incoming = list(messages) or [{"type": "http.request", "body": b"{}"}]

    async def app(scope, receive, send):
        got.append((await receive())["body"])
        await send({"type": "http.response.start", "status": 200})

    async def receive():
        if not incoming:
            await asyncio.Event().wait()
        return incoming.pop(0)

    async def send(message):
        sent.append(message)

    named = {"host": "localhost:80"} | headers
    pairs = [(name.encode(), value.encode()) for name, value in [*named.items(), *more]]
    scope = {"type": "http", "method": "POST", "path": path, "headers": pairs}
    await Guard(app, options)(scope, receive, send)
    return sent[0]["status"], got


async def test_slow_body_is_cut():
    begun = {"type": "http.request", "body": b"{", "more_body": True}
    assert await answer(HttpOptions(body_seconds=0.01), begun) == (408, [])


async def test_body_comes_in_parts_and_is_limited():
    part = {"type": "http.request", "body": b"x" * MAX_BODY, "more_body": True}
    last = {"type": "http.request", "body": b"y"}
    assert await answer(HttpOptions(), part, last) == (413, [])
    part["body"] = b"x"
    assert await answer(HttpOptions(), part, last) == (200, [b"xy"])


async def test_half_a_body_is_not_taken_for_a_whole_one():
    begun = {"type": "http.request", "body": b"{", "more_body": True}
    assert (await answer(HttpOptions(), begun, {"type": "http.disconnect"}))[1] == []


async def test_bodies_share_a_limit_and_small_ones_are_always_taken():
    options, told = HttpOptions(held_bytes=SMALL_BODY * 2), []

    async def app(scope, receive, send):
        if (await receive())["body"] == b"outer":
            for size in (SMALL_BODY * 2, SMALL_BODY, SMALL_BODY * 2):
                await guard(*request(b"x" * size, told))
        await send({"type": "http.response.start", "status": 200})

    guard = Guard(app, options)
    await guard(*request(b"outer", told))
    assert told == [503, 200, 503, 200]
    await guard(*request(b"x" * SMALL_BODY * 2, told))
    assert told[-1] == 200  # what was held is given back, also for those that were refused


def request(body, told):
    """The scope, receive and send of a request; `told` gets the status of its answer."""

    async def receive():
        return {"type": "http.request", "body": body}

    async def send(message):
        if "status" in message:
            told.append(message["status"])

    scope = {"type": "http", "method": "POST", "path": "/mcp", "headers": [(b"host", b"localhost")]}
    return scope, receive, send


async def test_json_of_too_many_values_is_not_read():
    async def of(body):
        return (await answer(HttpOptions(), {"type": "http.request", "body": body}))[0]

    assert await of(b"[" + b"[]," * (MOST_VALUES - 2) + b"1]") == 413
    assert await of(b"[" + b"1," * (MOST_VALUES - 1) + b"1]") == 200
    assert await of(json.dumps(['[,{\\"' * 200_000, "\n,"]).encode()) == 200  # a text is one value
    assert await of("[1,2]".encode("utf-16")) == 400


@pytest.mark.parametrize(
    "more",
    [
        [("authorization", "Bearer secret")] * 2,
        [("authorization", "Bearer secret"), ("authorization", "Bearer other")],
        [("origin", "http://localhost"), ("origin", "https://evil.example")],
        [("host", "evil.example")],
        [("content-length", "2"), ("transfer-encoding", "chunked")],
    ],
)
async def test_what_can_be_read_in_two_ways_is_refused(more):
    assert await answer(HttpOptions(token=SecretStr("secret")), more=more) == (400, [])


async def test_only_requests_get_past_it():
    sent, reached = [], []

    async def app(scope, receive, send):
        reached.append(scope["type"])

    async def send(message):
        sent.append(message["type"])

    for kind in ("lifespan", "websocket", "webtransport"):
        await Guard(app, HttpOptions())({"type": kind, "headers": []}, asyncio.Event().wait, send)
    assert (reached, set(sent)) == (["lifespan"], {"websocket.close"})


async def test_principal_goes_with_the_request():
    found = []

    async def app(scope, receive, send):
        found.append(scope["state"]["principal"])

    mine = Principal("me", read_only=True)
    await Guard(app, HttpOptions(principal=mine))(*request(b"", []))
    assert found == [mine]


@pytest.mark.parametrize(
    ("headers", "status"),
    [
        ({}, 200),
        ({"host": "[::1]:80"}, 200),
        ({"host": "127.0.0.1"}, 200),
        ({"host": "evil.example"}, 421),
        ({"host": "LOCALHOST:80"}, 200),
        ({"host": "[bad"}, 421),
        ({"host": "evil.example@127.0.0.1"}, 421),
        ({"host": "127.0.0.1@evil.example"}, 421),
        ({"host": "127.0.0.1/evil.example"}, 421),
        ({"host": "127.0.0.1?evil.example"}, 421),
        ({"host": "127.0.0.1#evil.example"}, 421),
        ({"host": "local\thost"}, 421),
        ({"host": ""}, 421),
        ({"origin": "http://evil.example@localhost"}, 403),
        ({"origin": "http://localhost/evil.example"}, 403),
        ({"origin": "http://localhost:3000"}, 200),
        ({"origin": "https://ours.example"}, 200),
        ({"origin": "https://localhost.evil.example"}, 403),
        ({"origin": "null"}, 403),
    ],
)
async def test_hosts_and_origins(headers, status):
    options = HttpOptions(origins=frozenset({"https://ours.example"}))
    assert (await answer(options, **headers))[0] == status


async def test_token():
    options = HttpOptions(host="0.0.0.0", token=SecretStr("secret"))
    assert (await answer(options, host="any.example"))[0] == 401
    assert (await answer(options, authorization="Bearer other"))[0] == 401
    assert (await answer(options, authorization="Bearer secret"))[0] == 200
    assert (await answer(options, authorization="bearer  secret"))[0] == 200
    assert (await answer(options, authorization="Basic secret"))[0] == 401
    assert (await answer(options, authorization="secret"))[0] == 401
    assert (await answer(options, path="/mcp?token=secret"))[0] == 401
    card = await answer(options, path="/.well-known/agent-card.json")
    assert card == (200, [b""])  # the body of somebody unknown is not even read
    right = {"authorization": "Bearer secret"}
    assert (await answer(options, origin="http://localhost", **right))[0] == 403


def test_no_listening_to_the_world_without_a_token():
    with pytest.raises(ValidationError, match="GRAPH_ORCH_MCP_TOKEN"):
        HttpOptions(host="0.0.0.0")
    assert "secret" not in repr(HttpOptions(token=SecretStr("secret")))
    assert url("::1", 1) == "http://[::1]:1"


async def test_the_body_for_a_link_is_read_when_the_application_asks_for_it():
    """So whoever has no valid link costs no memory, and takes nothing from the limit of all."""
    reads, told = [], []

    async def app(scope, receive, send):
        if scope["path"].endswith("/good"):
            reads.append((await receive())["body"])
        await send({"type": "http.response.start", "status": 200})

    async def receive():
        reads.append("asked")
        return {"type": "http.request", "body": bodies.pop(0)}

    async def send(message):
        told.append(message.get("status"))

    guard = Guard(app, HttpOptions(token=SecretStr("t")))
    headers = [(b"host", b"localhost:80")]
    bodies = [b"x" * SMALL_BODY, b"x" * (SMALL_BODY + 1)]
    for link in ("forged", "good", "good"):
        scope = {"type": "http", "method": "POST", "path": f"/decide/{link}", "headers": headers}
        await guard(scope, receive, send)
    assert told[:3] == [200, 200, 413]
    assert reads == ["asked", b"x" * SMALL_BODY, "asked"]
