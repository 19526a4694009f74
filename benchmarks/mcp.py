"""What a tool costs: tokens, and its time over stdio beside the Python API, on the same store.

`python -m benchmarks.mcp [ROUNDS]` starts an embedded server of its own and prints a table. API and
tool take turns, so that both see the same store and the same machine.
"""

from __future__ import annotations

import asyncio
import json
import statistics
import sys
import tempfile
import time
import warnings
from collections.abc import Awaitable, Callable
from contextlib import suppress
from typing import Any

from mcp import Client, StdioServerParameters

from graph_orch import AsyncOrchestrator
from graph_orch.embedded import EmbeddedNeo4j
from graph_orch.errors import InvalidTransitionError
from graph_orch.serve.mcp import definition
from graph_orch.tools.table import TOOLS

ROUNDS = 100
WARM_UP = 20
Arguments = dict[str, Any]


async def new(orch: AsyncOrchestrator, status: str = "pending") -> Arguments:
    """A task in a status, as the arguments of a command on it."""
    task_id = await orch.tasks.create_task("a task to measure", "bench", requirements=["bench"])
    if status != "pending":
        await orch.tasks.assign_task(task_id, "bench")
    if status == "running":
        await orch.tasks.start_task(task_id)
    return {"task_id": task_id}


async def settle(orch: AsyncOrchestrator, arguments: Arguments) -> None:
    """End what was left behind, so that the next round finds the store as this one did."""
    if "task_id" in arguments:
        with suppress(InvalidTransitionError):
            await orch.tasks.cancel_task(arguments["task_id"])


def agent(orch: AsyncOrchestrator, **more: Any) -> Callable[[], Awaitable[Arguments]]:
    """The arguments of a tool on the agent."""

    async def make() -> Arguments:
        return {"agent_id": "bench"} | more

    return make


def task(orch: AsyncOrchestrator, status: str, **more: Any) -> Callable[[], Awaitable[Arguments]]:
    """The arguments of a tool on a new task."""

    async def make() -> Arguments:
        return await new(orch, status) | more

    return make


def given(**arguments: Any) -> Callable[[], Awaitable[Arguments]]:
    """The same arguments each time."""

    async def make() -> Arguments:
        return dict(arguments)

    return make


def cases(orch: AsyncOrchestrator) -> dict[str, tuple[Any, Callable[[Arguments], Awaitable[Any]]]]:
    """For each tool its arguments, and the call of the Python API that does the same."""
    t, a, r, m = orch.tasks, orch.agents, orch.router, orch.monitor

    async def learned() -> Arguments:
        await a.register_agent("other", ["x"])
        return {"agent_id": "other"}

    return {
        "create_task": (
            given(content="x", task_type="bench", metadata={"n": 1}),
            lambda it: t.create_task(it["content"], it["task_type"], metadata=it["metadata"]),
        ),
        "poll_tasks": (agent(orch), lambda it: t.poll_tasks(it["agent_id"])),
        "assign_task": (
            task(orch, "pending", agent_id="bench"),
            lambda it: t.assign_task(it["task_id"], it["agent_id"]),
        ),
        "start_task": (task(orch, "assigned"), lambda it: t.start_task(it["task_id"])),
        "complete_task": (
            task(orch, "running", result={"n": 1}),
            lambda it: t.complete_task(it["task_id"], it["result"]),
        ),
        "fail_task": (
            task(orch, "running", error="x"),
            lambda it: t.fail_task(it["task_id"], it["error"]),
        ),
        "get_task_status": (task(orch, "pending"), lambda it: t.get_task_status(it["task_id"])),
        "query_tasks": (
            given(status=["pending"], limit=10),
            lambda it: t.query_tasks({"status": it["status"]}, limit=10),
        ),
        "register_agent": (
            given(agent_id="other", capabilities=["x"]),
            lambda it: a.register_agent(it["agent_id"], it["capabilities"]),
        ),
        "update_agent_performance": (
            agent(orch, success=True, duration_ms=1),
            lambda it: a.update_agent_performance("bench", True, 1),
        ),
        "get_agent_health": (agent(orch), lambda it: a.get_agent_health(it["agent_id"])),
        "find_capable_agents": (
            given(capabilities=["bench"]),
            lambda it: r.find_capable(it["capabilities"]),
        ),
        "deregister_agent": (learned, lambda it: a.deregister_agent(it["agent_id"])),
        "route_task": (task(orch, "pending"), lambda it: r.route_task(it["task_id"])),
        "get_routing_stats": (given(), lambda it: r.get_routing_statistics()),
        "get_queue_metrics": (given(), lambda it: t.get_queue_statistics()),
        "get_health": (given(), lambda it: m.get_health()),
        "get_recommendations": (given(), lambda it: m.get_recommendations()),
    }


async def timed(work: Awaitable[Any]) -> tuple[float, Any]:
    """How many milliseconds it took, and what came of it."""
    began = time.perf_counter()
    found = await work
    return (time.perf_counter() - began) * 1000, found


async def measure(orch: AsyncOrchestrator, client: Client, rounds: int) -> None:
    """Print a row for each tool. The tools take turns too; the first rounds only warm up."""
    count, all_cases = counter(), cases(orch)
    direct = {name: list[float]() for name in all_cases}
    stdio = {name: list[float]() for name in all_cases}
    answers = dict[str, str]()
    for number in range(-WARM_UP, rounds):
        for name, (make, api) in all_cases.items():
            arguments = await make()
            took, _ = await timed(api(arguments))
            await settle(orch, arguments)
            arguments = await make()
            over, result = await timed(client.call_tool(f"orchestration_{name}", arguments))
            await settle(orch, arguments)
            assert not result.is_error, result.content
            answers[name] = result.content[0].text
            if number >= 0:
                direct[name].append(took)
                stdio[name].append(over)
    sizes = {name: count(json.dumps(wire(name), separators=(",", ":"))) for name in all_cases}
    for name in all_cases:
        print(row(name, sizes[name], count(answers[name]), direct[name], stdio[name]))
    print(f"\nall 18 definitions: {sum(sizes.values()):,} tokens")


def row(name: str, own: int, answer: int, direct: list[float], stdio: list[float]) -> str:
    """A row of the table."""
    p50, p99 = (quantile(direct, 50), quantile(direct, 99))
    over50, over99 = (quantile(stdio, 50), quantile(stdio, 99))
    return (
        f"| `{name}` | {own} | {answer} | {p50:.1f} / {p99:.1f} | {over50:.1f} / {over99:.1f} "
        f"| {over50 / p50:.1f} / {over99 / p99:.1f} |"
    )


def quantile(times: list[float], percent: int) -> float:
    """A percentile."""
    return statistics.quantiles(times, n=100)[percent - 1]


def wire(name: str) -> Arguments:
    """A tool's definition as a client gets it."""
    made = definition(TOOLS[f"orchestration_{name}"])
    return made.model_dump(mode="json", by_alias=True, exclude_none=True)


def counter() -> Callable[[str], int]:
    """Counts the tokens of a text, by o200k_base."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DeprecationWarning)
        import bpe_openai  # pyright: ignore[reportMissingTypeStubs]
    encoding = bpe_openai.get_encoding("o200k_base")
    return lambda text: len(encoding.encode(text))


async def main(rounds: int) -> None:
    """Measure on a server of its own."""
    with tempfile.TemporaryDirectory() as data, EmbeddedNeo4j(data) as server:
        command = [sys.executable, "-m", "graph_orch.cli", "mcp"]
        env = {
            "NEO4J_URI": server.uri,
            "NEO4J_USERNAME": server.auth[0],
            "NEO4J_PASSWORD": server.auth[1],
        }
        parameters = StdioServerParameters(command=command[0], args=command[1:], env=env)
        async with (
            AsyncOrchestrator.connect(server.uri, server.auth) as orch,
            Client(parameters) as client,
        ):
            await orch.agents.register_agent("bench", ["bench"], max_concurrent_tasks=1_000)
            for _ in range(20):
                await new(orch)
            print("| tool | tokens | answer | API ms | stdio ms | ratio |")
            print("|---|---|---|---|---|---|")
            await measure(orch, client, rounds)


if __name__ == "__main__":
    asyncio.run(main(int(sys.argv[1]) if len(sys.argv) > 1 else ROUNDS))
