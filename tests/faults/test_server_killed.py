"""Nothing is lost or doubled where the server itself is killed, again and again."""

from __future__ import annotations

import os
import signal
from contextlib import ExitStack

import pytest

from graph_orch import Orchestrator
from graph_orch.embedded import EmbeddedNeo4j, server_status
from tests.faults.load import (
    KILLS,
    PROCESSES,
    TASKS,
    create,
    judge,
    load_on,
    seeds,
    tasks_of,
    until_ended,
)

pytestmark = pytest.mark.own_server


@seeds
@pytest.mark.skipif(
    os.environ.get("NEO4J_TEST", "embedded") != "embedded",
    reason="only a server of our own may be killed",
)
def test_3_the_server_is_killed(tmp_path, seed):
    data = tmp_path / "data"
    with ExitStack() as servers:
        first = servers.enter_context(EmbeddedNeo4j(data))
        uri, auth = first.uri, first.auth
        port = int(uri.rpartition(":")[2])
        with (
            load_on((uri, auth, None), tmp_path, seed) as load,
            Orchestrator.connect(uri, auth) as orch,
        ):
            created = create(orch, tasks_of(seed))
            for _ in range(PROCESSES):
                load.start(lease_seconds=6)
            kills = []

            def kill(ended: int) -> None:
                if len(kills) < KILLS and ended > len(kills) * TASKS // (KILLS + 1):
                    os.kill(server_status(data).pid, signal.SIGKILL)
                    kills.append(ended)
                    servers.enter_context(EmbeddedNeo4j(data, port=port))

            until_ended(orch, kill)
            judge(orch, load, created)
        assert len(kills) == KILLS
