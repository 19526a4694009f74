"""What is asked of the tools and of the server, and what is like it."""

from __future__ import annotations

from typing import Any

from hypothesis import strategies as st

from graph_orch.tools.table import EVERY_TOOL
from tests.faults.strangers import KNOWN, WORDS, as_json, damaged, near, of_schema

calls = st.sampled_from(list(EVERY_TOOL.values())).flatmap(
    lambda tool: st.tuples(st.just(tool.name), of_schema(tool.full_schema).flatmap(near))
)


def without_waits(value: Any) -> Any:
    """What is asked for, but for long waits for what does not come."""
    if isinstance(value, list):
        return [without_waits(it) for it in value]
    if not isinstance(value, dict):
        return value
    found = {name: without_waits(it) for name, it in value.items()}
    return found | ({"wait_seconds": 0.01} if _is_long(found.get("wait_seconds")) else {})


def _is_long(value: Any) -> bool:
    try:
        return 0.01 < float(value) <= 300
    except (TypeError, ValueError, OverflowError):
        return False


JSON = {"Content-Type": "application/json", "Accept": "application/json, text/event-stream"}


def request(method: str, path: str, body: bytes, headers: dict[str, str]) -> bytes:
    """The bytes of a request."""
    named = {"Host": "127.0.0.1", "Content-Length": str(len(body))} | headers
    lines = [f"{method} {path} HTTP/1.1", *(f"{name}: {it}" for name, it in named.items())]
    return "\r\n".join([*lines, "", ""]).encode(errors="surrogatepass") + body


ASKED = {"jsonrpc": "2.0", "id": 1}
CLIENT = {"name": "x", "version": "1"}
BEGINNING = ASKED | {
    "method": "initialize",
    "params": {"protocolVersion": "2025-06-18", "capabilities": {}, "clientInfo": CLIENT},
}
META = {
    f"io.modelcontextprotocol/{name}": it
    for name, it in (
        ("protocolVersion", "2026-07-28"),
        ("clientInfo", CLIENT),
        ("clientCapabilities", {}),
    )
}
MCP = [
    BEGINNING,
    {"jsonrpc": "2.0", "method": "notifications/initialized"},
    {"jsonrpc": "2.0", "method": "notifications/cancelled", "params": {"requestId": 1}},
    ASKED | {"method": "ping"},
    ASKED | {"method": "tools/list", "params": {"cursor": "x"}},
    ASKED | {"method": "resources/list"},
    ASKED | {"method": "resources/templates/list"},
    ASKED | {"method": "resources/read", "params": {"uri": f"task://{KNOWN[3]}"}},
    ASKED | {"method": "resources/read", "params": {"uri": "agent://ada"}},
    ASKED | {"method": "prompts/list"},
    ASKED
    | {"method": "prompts/get", "params": {"name": "work_here", "arguments": {"agent_id": "ada"}}},
    ASKED | {"result": {}},
]
TEXT_MESSAGE = {
    "messageId": "m",
    "role": "ROLE_USER",
    "parts": [{"text": "x"}, {"data": {"a": [1, None, 0.5]}}],
    "metadata": {"priority": "high", "requirements": ["python"], "max_retries": 2},
}
SENDING = {"message": TEXT_MESSAGE, "configuration": {"returnImmediately": True}}
A2A = [
    ASKED | {"method": method, "params": params}
    for method, params in (
        ("SendMessage", SENDING),
        ("SendStreamingMessage", SENDING),
        ("GetTask", {"id": KNOWN[3], "historyLength": 1}),
        ("ListTasks", {"pageSize": 1, "pageToken": "x", "status": "TASK_STATE_SUBMITTED"}),
        ("ListTasks", {"contextId": "x"}),
        ("CancelTask", {"id": KNOWN[4]}),
        ("SubscribeToTask", {"id": KNOWN[5]}),
        ("CreateTaskPushNotificationConfig", {"taskId": KNOWN[3], "url": "x"}),
        ("GetExtendedAgentCard", {}),
    )
]
SESSION = "<the session>"
VERSIONS = [
    {"Mcp-Session-Id": SESSION, "MCP-Protocol-Version": "2025-06-18"},
    {"MCP-Protocol-Version": "2025-06-18"},
    {"MCP-Protocol-Version": "2026-07-28"},
]
HEADERS = {
    "Host": ["127.0.0.1", "localhost:1", "evil.example", "[::1", "", "127.0.0.1, evil.example"],
    "Origin": ["http://localhost", "null", "http://[", "http://evil.example", "\ud800"],
    "Content-Length": ["0", "5", "-1", "9" * 30, "1, 1", "+3"],
    "Transfer-Encoding": ["chunked", "gzip", "chunked, chunked"],
    "Content-Type": ["text/plain", "application/json; charset=utf-16", "application/json;;", ""],
    "Content-Encoding": ["gzip"],
    "Accept": ["*/*", "text/event-stream", "application/json", "q=;", ""],
    "Connection": ["close", "Upgrade", "keep-alive"],
    "Upgrade": ["websocket", "h2c"],
    "Expect": ["100-continue", "x"],
    "Authorization": ["Bearer x", "Basic eDp5", "Bearer \xff"],
    "Mcp-Session-Id": [SESSION, "x", "\xff", ""],
    "MCP-Protocol-Version": ["2025-06-18", "2026-07-28", "1", ""],
    "Mcp-Method": ["tools/call", "x"],
    "Last-Event-ID": ["1", ""],
    "A2A-Version": ["1.0", "0.3", "x", ""],
    "X-Forwarded-For": ["1.2.3.4", "x"],
    "X y": ["1"],
    "X\x00": ["1"],
    "X": ["x" * 100_000, "a\r\n b", "\x00"],
}
METHODS = [*("GET", "POST", "POST", "DELETE", "HEAD", "OPTIONS", "PUT", "CONNECT", "get", "X\x00")]
PATHS = [
    *("/mcp", "/a2a", "/.well-known/agent-card.json", "/", "/mcp/", "//mcp", "/a2a/../mcp", "*"),
    *("/%00", "/mcp?x=%ff&x", "http://x/mcp", "/mcp;x", "/" + "x" * 100_000, "\xff", "/a2a#x", ""),
]
headers = st.dictionaries(st.sampled_from(list(HEADERS)), st.integers(0, 5), max_size=4).map(
    lambda found: {name: HEADERS[name][at % len(HEADERS[name])] for name, at in found.items()}
)
mcp_bodies = st.one_of(
    st.sampled_from(MCP).flatmap(near),
    calls.flatmap(
        lambda it: near(
            ASKED | {"method": "tools/call", "params": {"name": it[0], "arguments": it[1]}}
        )
    ),
)


def modern(body: Any) -> Any:
    """A request as the protocol without sessions has it."""
    if isinstance(body, dict) and isinstance(body.get("params", {}), dict):
        return body | {"params": body.get("params", {}) | {"_meta": META}}
    return body


A2A_VERSION = {"A2A-Version": "1.0"}
_raw = st.sampled_from(
    [
        request("POST", "/mcp", as_json(modern(MCP[4])), JSON | VERSIONS[2]),
        request("POST", "/a2a", as_json(A2A[2]), JSON | A2A_VERSION),
        request("GET", "/.well-known/agent-card.json", b"", {}),
        request("POST", "/a2a", b"5\r\nx\r\n0\r\n\r\n", {"Transfer-Encoding": "chunked"}),
    ]
)
HTTP_WORDS = [b"\r\n", b"\n", b":", b" ", b"HTTP/1.1", b"HTTP/2.0", b"x" * 70_000, *WORDS]

A_REQUEST = st.tuples(
    st.sampled_from(METHODS),
    st.sampled_from(PATHS),
    headers,
    st.sampled_from([b"", *map(as_json, [MCP[4], A2A[2]])]),
)

BY_HTTP: dict[str, st.SearchStrategy[Any]] = {
    "bytes": _raw.flatmap(lambda it: damaged(it, HTTP_WORDS)),
    "requests": A_REQUEST,
    "mcp": st.tuples(mcp_bodies, st.sampled_from(VERSIONS)),
    "a2a": st.sampled_from(A2A).flatmap(near),
}
"""What is sent, by the method of `Client` that sends it."""


def in_session(given: dict[str, str], session: str) -> dict[str, str]:
    """Headers with the session that there is."""
    return {name: it.replace(SESSION, session) for name, it in given.items()}


def routed(body: Any) -> dict[str, str]:
    """The headers by which the protocol without sessions wants a request to be told."""
    found = {"Mcp-Method": body.get("method")} if isinstance(body, dict) else {}
    params = body.get("params") if found else None
    if isinstance(params, dict):
        found["Mcp-Name"] = params.get("name", params.get("uri"))
    return {
        name: it
        for name, it in found.items()
        if isinstance(it, str) and it.isascii() and it.isprintable()
    }


def unique(body: Any, number: int) -> Any:
    """A message with an id of its own, so that none is taken for the one before."""
    match body:
        case {"params": {"message": {"messageId": "m"} as message} as params}:
            return body | {"params": params | {"message": message | {"messageId": f"m{number}"}}}
        case _:
            return body
