"""The HTTP server against clients that hold what they do not use. Real processes, no store."""

from __future__ import annotations

import asyncio
import gc
import multiprocessing
import os
import re
import resource
import socket
from contextlib import contextmanager, suppress
from multiprocessing.connection import Connection
from socket import IPPROTO_TCP, TCP_NODELAY

import httpx
import pytest
from mcp.server import Server
from starlette.requests import Request
from starlette.responses import JSONResponse, StreamingResponse
from starlette.routing import Route

from graph_orch.serve import connections as serve_connections
from graph_orch.serve.http import serve_http
from graph_orch.serve.mcp import Sessions
from graph_orch.serve.options import HttpOptions
from tests.mcp_client import INITIALIZE

# Each server is forked from a process that has imported all of this once.
FORKED = multiprocessing.get_context("forkserver")
FORKED.set_forkserver_preload([__name__])


async def endless(request: Request) -> StreamingResponse:
    async def parts():
        while True:
            yield b"x" * 65536

    return StreamingResponse(parts())


async def sends_at_once(request: Request) -> JSONResponse:
    """Whether this process sends what it has on each connection, without waiting for more."""
    found = [it for it in gc.get_objects() if isinstance(it, serve_connections.Connection)]
    sockets = [it.transport.get_extra_info("socket") for it in found]
    return JSONResponse([it.getsockopt(IPPROTO_TCP, TCP_NODELAY) for it in sockets])


def serve(said: Connection, files: int, options: dict[str, object]) -> None:
    os.dup2(said.fileno(), 2)
    resource.setrlimit(resource.RLIMIT_NOFILE, (files, files))
    limits = HttpOptions(port=0, **options)
    sessions = Sessions(Server("x"), limits)
    routes = [sessions.route(), Route("/endless", endless), Route("/at-once", sends_at_once)]
    asyncio.run(serve_http(limits, lambda url: routes, sessions.run))


HALF = b"POST /mcp HTTP/1.1\r\nhost: localhost\r\nx-half: "
HEADERS = {"accept": "application/json, text/event-stream"}


class Running:
    """A server process, and where it is."""

    def __init__(self, files: int, options: dict[str, object]) -> None:
        heard, said = FORKED.Pipe(duplex=False)
        self.process = FORKED.Process(target=serve, args=(said, files, options))
        self.process.start()
        said.close()
        self.stderr = os.fdopen(os.dup(heard.fileno()), encoding="utf-8")
        heard.close()
        found = re.search(r"http://127\.0\.0\.1:(\d+)", self.stderr.readline())
        self.port = int(found[1])
        self.connections: list[socket.socket] = []

    def connect(self, sent: bytes = b"") -> socket.socket:
        connection = socket.create_connection(("127.0.0.1", self.port), timeout=60)
        self.connections.append(connection)
        connection.sendall(sent)
        return connection

    def post(self, body: object, **headers: str) -> httpx.Response:
        url = f"http://127.0.0.1:{self.port}/mcp"
        return httpx.post(url, json=body, headers=HEADERS | headers, timeout=60)

    def begin(self) -> str:
        """Begin a session; its id."""
        answer = self.post(INITIALIZE)
        assert answer.status_code == 200, answer.text
        return answer.headers["mcp-session-id"]

    def lives(self, session: str) -> bool:
        """Whether a session is still there."""
        named = {"mcp-session-id": session, "mcp-protocol-version": "2025-06-18"}
        return self.post({"jsonrpc": "2.0", "id": 2, "method": "ping"}, **named).is_success

    def log(self) -> str:
        """All that it logged; it ends."""
        self.process.terminate()
        return self.stderr.read()

    def end(self) -> None:
        for connection in self.connections:
            connection.close()
        self.process.kill()
        self.process.join()
        self.stderr.close()


@contextmanager
def serving(files: int = 1_024, **options: object):
    server = Running(files, options)
    try:
        yield server
    finally:
        server.end()


def ended(connection: socket.socket) -> bool:
    """Whether the server ends a connection; what it still says is read."""
    try:
        while connection.recv(65_536):
            pass
    except ConnectionError:
        pass
    return True  # else a timeout is raised


def test_the_body_of_an_answer_does_not_wait_for_an_acknowledgement():
    with serving() as server:
        told = httpx.get(f"http://127.0.0.1:{server.port}/at-once", timeout=60)
        assert told.json() == [1]


def test_half_sent_headers_keep_nobody_out_and_end():
    with serving(connections=5, header_seconds=0.5) as server:
        half = [server.connect(HALF) for _ in range(20)]
        server.begin()
        assert all(ended(it) for it in half)


def test_a_header_that_comes_letter_by_letter_gets_no_more_time_for_that():
    with serving(header_seconds=0.5) as server:
        slow = server.connect(HALF)
        slow.settimeout(0.05)
        with pytest.raises(ConnectionError):
            send_letters(slow)


def send_letters(slow: socket.socket) -> None:
    """Send them one by one until the server ends the connection."""
    while True:
        slow.sendall(b"x")
        with suppress(TimeoutError):
            if not slow.recv(1):
                raise ConnectionResetError


def test_the_rest_of_a_refused_request_is_not_waited_for():
    with serving(header_seconds=0.5) as server:
        refused = server.connect(
            b"POST /mcp HTTP/1.1\r\nhost: elsewhere\r\ncontent-length: 1000\r\n\r\n{"
        )
        assert refused.recv(12) == b"HTTP/1.1 421"
        assert ended(refused)


def test_who_reads_no_answer_is_left():
    with serving(unread_seconds=0.5) as server:
        unread = server.connect(b"GET /endless HTTP/1.1\r\nhost: localhost\r\n\r\n")
        assert "left its answer unread" in server.stderr.readline()
        assert ended(unread)


def test_connections_that_are_answered_are_not_ended_for_others():
    with serving(connections=2) as server:
        busy = [
            server.connect(b"GET /endless HTTP/1.1\r\nhost: localhost\r\n\r\n") for _ in range(2)
        ]
        assert all(it.recv(12) == b"HTTP/1.1 200" for it in busy)
        assert server.connect(HALF).recv(12) == b"HTTP/1.1 503"


def test_the_longest_idle_session_ends_where_there_are_too_many():
    with serving(sessions=2) as server:
        first, second, third = server.begin(), server.begin(), server.begin()
        assert [server.lives(it) for it in (first, second, third)] == [False, True, True]
        held = server.connect(
            b"GET /mcp HTTP/1.1\r\nhost: localhost\r\naccept: text/event-stream\r\n"
            b"mcp-protocol-version: 2025-06-18\r\nmcp-session-id: " + second.encode() + b"\r\n\r\n"
        )
        assert held.recv(12) == b"HTTP/1.1 200"  # one that listens is not idle
        fourth = server.begin()
        assert [server.lives(it) for it in (second, third, fourth)] == [True, False, True]


def test_where_no_file_is_left_it_says_so_shortly_and_goes_on():
    with serving(files=64) as server:
        for _ in range(100):
            server.connect(HALF)
        server.begin()
        assert 0 < len(server.log()) < 50_000
