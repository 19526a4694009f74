"""Fixtures for pytest: `orch` and `async_orch`, each on an empty graph.

One server serves a session. NEO4J_URI names it where that is set; else an embedded one starts, in a
directory that is kept, so that the next session starts faster.
"""

from __future__ import annotations

import contextlib
import fcntl
import importlib.util
import os
from collections.abc import AsyncGenerator, Generator
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:  # every session of pytest loads this module, and few need the rest
    from graph_orch import AsyncOrchestrator, Orchestrator

if importlib.util.find_spec("pytest_asyncio") is None:
    async_fixture = pytest.fixture  # anyio's plugin runs it
else:
    from pytest_asyncio import fixture as async_fixture


@pytest.fixture(scope="session")
def graph_orch_session() -> Generator[Orchestrator]:
    """Where the tests of a session are connected."""
    from graph_orch import Orchestrator
    from graph_orch.embedded import EmbeddedNeo4j
    from graph_orch.testing.clock import held, wipe

    with contextlib.ExitStack() as stack:
        if "NEO4J_URI" in os.environ:
            orch = stack.enter_context(Orchestrator.connect())
            if (number := held(orch)) and os.environ.get("NEO4J_TEST_WIPE") != "1":
                pytest.exit(
                    f"the graph at NEO4J_URI holds {number} nodes, and tests delete them; "
                    "set NEO4J_TEST_WIPE=1 where it may be wiped",
                    2,
                )
        else:
            directory = stack.enter_context(_own_directory())
            # What connects by the environment, such as Worker(None, …), finds the same server.
            patch = stack.enter_context(pytest.MonkeyPatch.context())
            patch.setenv("GRAPH_ORCH_DATA_DIR", str(directory))
            server = stack.enter_context(EmbeddedNeo4j(directory))
            orch = stack.enter_context(Orchestrator.connect(server.uri, server.auth))
        yield orch
        wipe(orch)


@pytest.fixture
def orch(graph_orch_session: Orchestrator) -> Orchestrator:
    """An orchestrator on an empty graph."""
    from graph_orch.testing.clock import wipe

    wipe(graph_orch_session)
    return graph_orch_session


@async_fixture
async def async_orch(orch: Orchestrator) -> AsyncGenerator[AsyncOrchestrator]:
    """An `AsyncOrchestrator` on an empty graph."""
    from graph_orch import AsyncOrchestrator

    where = orch.graph.address
    async with AsyncOrchestrator.connect(where.uri, where.auth, where.database) as opened:
        yield opened


@contextlib.contextmanager
def _own_directory() -> Generator[Path]:
    """A directory that no other session uses meanwhile; the first that is free, so it is warm."""
    import platformdirs

    parent = platformdirs.user_cache_path("graph-orch") / "tests"
    parent.mkdir(parents=True, exist_ok=True)
    number = 0
    while True:
        with (parent / f"{number}.lock").open("w") as lock:
            try:
                fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError:
                number += 1
                continue
            yield parent / str(number)
            return
