"""The official MCP client on real server processes, over stdio and over HTTP."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager
from typing import Any

from mcp import Client, StdioServerParameters
from mcp.client.streamable_http import streamable_http_client
from mcp.shared._httpx_utils import create_mcp_http_client
from mcp_types import CallToolResult

INITIALIZE = {
    "jsonrpc": "2.0",
    "id": 1,
    "method": "initialize",
    "params": {
        "protocolVersion": "2025-06-18",
        "capabilities": {},
        "clientInfo": {"name": "bare", "version": "0"},
    },
}
"""What a client of the protocol with sessions says first."""


COMMAND = [sys.executable, "-m", "graph_orch.cli", "mcp"]
Server = tuple[str, tuple[str, str] | None, str | None]


def environment(server: Server) -> dict[str, str]:
    """The variables that name a store."""
    uri, auth, database = server
    named = {"NEO4J_URI": uri}
    if auth is not None:
        named |= {"NEO4J_USERNAME": auth[0], "NEO4J_PASSWORD": auth[1]}
    return named | ({} if database is None else {"NEO4J_DATABASE": database})


@asynccontextmanager
async def stdio(server: Server, *args: str, elicit: Any = None, **env: str) -> AsyncIterator[Agent]:
    """A client, with a server process of its own."""
    command, *rest = [*COMMAND, *args]
    parameters = StdioServerParameters(command=command, args=rest, env=environment(server) | env)
    options = {"read_timeout_seconds": 120, "elicitation_callback": elicit}
    async with Client(parameters, **options) as client:
        yield Agent(client)


@asynccontextmanager
async def http(
    url: str, mode: str = "auto", token: str | None = None, **options: Any
) -> AsyncIterator[Agent]:
    """A client of a server by HTTP; with the mode "legacy", one of the protocols with sessions."""
    headers = {} if token is None else {"authorization": f"Bearer {token}"}
    async with create_mcp_http_client(headers) as at:
        transport = streamable_http_client(f"{url}/mcp", http_client=at)
        async with Client(transport, read_timeout_seconds=120, mode=mode, **options) as client:
            yield Agent(client)


class Refused(Exception):
    """A tool answered with an error."""


class Agent:
    """Calls tools by their short names."""

    def __init__(self, client: Client) -> None:
        self.client = client
        self.called: set[str] = set()

    async def raw(self, tool: str, **arguments: Any) -> CallToolResult:
        self.called.add(f"orchestration_{tool}")
        return await self.client.call_tool(f"orchestration_{tool}", arguments)

    async def __call__(self, tool: str, **arguments: Any) -> dict[str, Any]:
        result = await self.raw(tool, **arguments)
        if result.is_error:
            raise Refused(result.content[0].text)
        assert result.structured_content is not None
        return result.structured_content

    async def refused(self, tool: str, **arguments: Any) -> str:
        """What the tool says to a call that it refuses."""
        result = await self.raw(tool, **arguments)
        assert result.is_error, result.structured_content
        return result.content[0].text


class HttpServer:
    """A server process by HTTP, that can be killed and started again where it was."""

    def __init__(self, server: Server, *args: str, **env: str) -> None:
        self._env = os.environ | environment(server) | env
        self._args = args
        self._port = "0"
        self.start()

    def start(self) -> None:
        command = [*COMMAND, "--http", "--port", self._port, *self._args]
        self.process = subprocess.Popen(
            command, env=self._env, stderr=subprocess.PIPE, stdout=subprocess.PIPE, text=True
        )
        assert self.process.stderr is not None
        said = self.process.stderr.readline()
        found = re.search(r"http://\S+:(\d+)", said)
        assert found, said + self.process.stderr.read()
        self.url, self._port = found[0], found[1]

    def kill(self) -> None:
        self.process.kill()
        self.process.communicate()


@contextmanager
def http_server(server: Server, *args: str, **env: str) -> Iterator[HttpServer]:
    """A server process by HTTP; it leaves in order when it is told to."""
    it = HttpServer(server, *args, **env)
    try:
        yield it
    finally:
        it.process.terminate()
        out, err = it.process.communicate(timeout=60)
    assert (it.process.returncode, out) == (0, ""), err


def typed_worker(graph, agent_id: str, schemas: str) -> None:
    """As a worker tells that has typed handlers."""
    beat = {"worker_id": "typed", "hostname": "x", "pid": 1, "concurrency": 1, "beat_seconds": 60.0}
    graph.write("workers/beat", agent_id=agent_id, task_types=["cook"], **beat)
    graph.write("workers/tell", worker_id="typed", slots=None, schemas=schemas)
