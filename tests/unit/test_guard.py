"""What the guard of the HTTP server lets through."""

from __future__ import annotations

import asyncio

import pytest
from pydantic import SecretStr

from graph_orch.errors import ValidationError
from graph_orch.mcp_server import HttpOptions
from graph_orch.mcp_server.http import MAX_BODY, Guard, url


async def answer(options, *messages, path="/mcp", **headers):
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
    pairs = [(name.encode(), value.encode()) for name, value in named.items()]
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


@pytest.mark.parametrize(
    ("headers", "status"),
    [
        ({}, 200),
        ({"host": "[::1]:80"}, 200),
        ({"host": "127.0.0.1"}, 200),
        ({"host": "evil.example"}, 421),
        ({"host": "[bad"}, 421),
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
    assert (await answer(options, path="/.well-known/agent-card.json"))[0] == 200
    right = {"authorization": "Bearer secret"}
    assert (await answer(options, origin="http://localhost", **right))[0] == 403


def test_no_listening_to_the_world_without_a_token():
    with pytest.raises(ValidationError, match="GRAPH_ORCH_MCP_TOKEN"):
        HttpOptions(host="0.0.0.0")
    assert "secret" not in repr(HttpOptions(token=SecretStr("secret")))
    assert url("::1", 1) == "http://[::1]:1"
