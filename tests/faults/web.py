"""The real server by HTTP in a thread of this process, and a client that sends any bytes."""

from __future__ import annotations

import asyncio
import logging
import socket
import threading
import traceback
from collections.abc import Generator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path
from queue import Queue
from typing import Any
from urllib.parse import urlsplit

import h11
import pytest
import uvicorn

from graph_orch import AsyncOrchestrator, Orchestrator
from graph_orch.serve import a2a
from graph_orch.serve.http import serve_http
from graph_orch.serve.mcp import Sessions, build
from graph_orch.serve.options import HttpOptions
from tests.faults.asked import (
    A2A_VERSION,
    ASKED,
    BEGINNING,
    JSON,
    VERSIONS,
    in_session,
    modern,
    request,
    routed,
    unique,
    without_waits,
)
from tests.faults.strangers import as_json

ANSWER_SECONDS = 20.0


@dataclass
class Answer:
    """What came back: 0 and nothing where the connection was closed without an answer."""

    status: int = 0
    head: bytes = b""
    body: bytes = b""


@dataclass
class Web:
    """A server, and what it logged."""

    port: int
    log: list[logging.LogRecord] = field(default_factory=list)

    def send(self, sent: bytes, *, whole: bool = True) -> Answer:
        """What is answered to some bytes; one that begins no whole request may be left alone."""
        with (
            suppress(ConnectionError),
            socket.create_connection(("127.0.0.1", self.port), ANSWER_SECONDS) as connection,
        ):
            return _exchange(connection, sent, whole)
        return Answer()

    def post(self, path: str, body: bytes, headers: dict[str, str] | None = None) -> Answer:
        """What is answered to a request."""
        return self.send(request("POST", path, body, JSON | (headers or {})))


def _exchange(connection: socket.socket, sent: bytes, whole: bool) -> Answer:
    with suppress(ConnectionError):  # it may be refused, and answered, before it is sent
        connection.sendall(sent)
    found = bytearray()
    if not whole:
        connection.settimeout(0.2)
    try:
        while not _is_done(bytes(found), sent.partition(b" ")[0]):
            part = connection.recv(65_536)
            if not part:
                break
            found += part
            connection.settimeout(ANSWER_SECONDS)
    except TimeoutError:
        if whole:
            raise
    head, _, body = _answered(bytes(found))
    if not head:
        return Answer()
    return Answer(int(head.split(b" ", 2)[1]), head, body)


def _answered(found: bytes) -> tuple[bytes, bytes, bytes]:
    """The head of an answer, what ends it, and the body; past what says that there is more."""
    head, end, body = found.partition(b"\r\n\r\n")
    return _answered(body) if head.startswith(b"HTTP/1.1 1") else (head, end, body)


def _is_done(found: bytes, method: bytes) -> bool:
    """Whether an answer is there as a whole; of a stream, its first event."""
    head, end, body = _answered(found)
    if not end or method == b"HEAD" or head.startswith((b"HTTP/1.1 204", b"HTTP/1.1 304")):
        return bool(end)
    lines = dict(line.lower().split(b": ", 1) for line in head.split(b"\r\n")[1:])
    if lines.get(b"content-type", b"").startswith(b"text/event-stream"):
        return method == b"GET" or b"data: {" in body or body.endswith(b"0\r\n\r\n")
    if (length := lines.get(b"content-length")) is not None:
        return len(body) >= int(length)
    return b"transfer-encoding" not in lines or body.endswith(b"0\r\n\r\n")


class Client:
    """Sends what it is given to the server, and sees that it is answered as it must be."""

    def __init__(self, web: Web, orch: Orchestrator) -> None:
        self._web = web
        self._orch = orch
        self.session = ""
        self._messages = 0

    def begin(self) -> None:
        """Begin a session."""
        answer = self._web.post("/mcp", as_json(BEGINNING))
        lines = [line.split(b": ") for line in answer.head.lower().split(b"\r\n")]
        (self.session,) = [it[1].decode() for it in lines if it[0] == b"mcp-session-id"]

    def still_served(self) -> None:
        """See that others are served as before."""
        self.begin()
        health = {"name": "orchestration_get_health", "arguments": {}}
        asked = ASKED | {"method": "tools/call", "params": health}
        found = self._web.post("/mcp", as_json(asked), in_session(VERSIONS[0], self.session))
        assert b"schema_version" in found.body
        found = self._web.post("/a2a", as_json(ASKED | {"method": "ListTasks"}), A2A_VERSION)
        assert b"totalSize" in found.body
        found = self._web.send(request("GET", "/.well-known/agent-card.json", b"", {}))
        assert b"graph_orch" in found.body
        assert self._orch.doctor().findings == []

    def bytes(self, given: bytes) -> None:
        """Send any bytes."""
        self._judge(self._web.send(given, whole=False))

    def requests(self, given: tuple[str, str, dict[str, str], bytes]) -> None:
        """Send a request with whatever headers."""
        method, path, named, body = given
        found = in_session(JSON | named, self.session)
        whole = not {"Content-Length", "Transfer-Encoding", "Expect"} & set(named)
        self._judge(self._web.send(request(method, path, body, found), whole=whole))

    def mcp(self, given: tuple[Any, dict[str, str]]) -> None:
        """Send a request of MCP."""
        body, named = given
        if named == VERSIONS[2]:
            body, named = modern(body), named | routed(body)
        asked = as_json(without_waits(body))
        self._judge(self._web.post("/mcp", asked, in_session(named, self.session)))

    def a2a(self, given: Any) -> None:
        """Send a request of A2A, with a new id where it is a message with the usual one."""
        self._messages += 1
        given = unique(given, self._messages)
        self._judge(self._web.post("/a2a", as_json(given), A2A_VERSION))

    def _judge(self, answer: Answer) -> None:
        logged = list(self._web.log)
        self._web.log.clear()
        ours = [it for it in logged if not _is_of_others(it)]
        bad = [it for it in ours if it.exc_info or it.levelno >= logging.ERROR]
        assert not bad, "\n".join(map(logging.Formatter().format, bad))
        if ours == logged:
            assert answer.status == 0 or 200 <= answer.status < 500, answer
            assert b'"code":-32603' not in answer.body, answer.body


def _is_of_others(record: logging.LogRecord) -> bool:
    """Whether a library complains about what it got, and not our code.

    A2A's SDK tells what it cannot read with a traceback, and answers some of it as its own failure;
    uvicorn does so where a body breaks off while the request is being refused.
    """
    if record.exc_info is None:
        return record.name.startswith("a2a.")
    if isinstance(record.exc_info[1], h11.LocalProtocolError):
        return True
    frames = [Path(it.filename) for it in traceback.extract_tb(record.exc_info[2])]
    ours = [it for it in frames if "graph_orch" in it.parts and it.name != "guard.py"]
    return not ours and any("a2a" in it.parts for it in frames)


@contextmanager
def serving(server: Any, monkeypatch: pytest.MonkeyPatch) -> Generator[Web]:
    """A server on a store, until the block ends."""
    begun: Queue[Any] = Queue()
    root = logging.getLogger()
    before = root.handlers[:], root.level

    class Told(uvicorn.Server):
        """One that can be told to end without a signal, which only a process can get."""

        def __init__(self, config: uvicorn.Config) -> None:
            super().__init__(config)
            begun.put(self)

    async def serve() -> None:
        async with AsyncOrchestrator.connect(*server) as orch:
            options = HttpOptions(port=0)
            sessions = Sessions(build(orch, options.principal), options)

            def routes(url: str) -> Any:
                begun.put(url)
                return [sessions.route(), *a2a.routes(orch, url, options.principal)]

            await serve_http(options, routes, sessions.run)

    monkeypatch.setattr(uvicorn, "Server", Told)
    thread = threading.Thread(target=lambda: asyncio.run(serve()))
    thread.start()
    url, it = begun.get(timeout=60), begun.get(timeout=60)
    web = Web(urlsplit(url).port or 0)
    with kept(web.log):
        try:
            yield web
        finally:
            it.should_exit = True
            thread.join()
            root.handlers[:], root.level = before


@contextmanager
def kept(log: list[logging.LogRecord]) -> Generator[None]:
    """Keep what is logged."""

    class Keeping(logging.Handler):
        def emit(self, record: logging.LogRecord) -> None:
            log.append(record)

    handler, loggers = Keeping(), [logging.getLogger(), logging.getLogger("uvicorn")]
    for logger in loggers:
        logger.addHandler(handler)
    try:
        yield
    finally:
        for logger in loggers:
            logger.removeHandler(handler)
