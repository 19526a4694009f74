"""A clock that tests can move, and a graph that they can empty. Only for graphs of tests."""

from __future__ import annotations

from graph_orch._async.orchestrator import AsyncOrchestrator
from graph_orch._sync.orchestrator import Orchestrator
from graph_orch.domain.fields import OWN_KEYS, SECONDS
from graph_orch.domain.ids import new_hex
from graph_orch.domain.lanes import lane_key

WIPED_AT_ONCE = 5_000


def advance(orch: Orchestrator, seconds: float) -> None:
    """Let time pass for a graph of tests, and do what comes due: delays, leases, deadlines, gates.

    The server's clock stays where it is; all times that the graph holds move back instead, also
    those of the past, so that their order and distances remain. Schedules tick that come due: once,
    as after a time in which nobody ticked. The leases of workers that are at work run out as if
    they had been silent meanwhile.

    Raises:
        ValidationError: the seconds are no number from 0 to a year.
    """
    orch.graph.write("testing/advance", **_params(seconds))
    orch.maintain()


async def advance_async(orch: AsyncOrchestrator, seconds: float) -> None:
    """See `advance`."""
    await orch.graph.write("testing/advance", **_params(seconds))
    await orch.maintain()


def wipe(orch: Orchestrator) -> None:
    """Delete all that a graph of tests holds, but for its schema."""
    number = WIPED_AT_ONCE
    while number == WIPED_AT_ONCE:
        (row,) = orch.graph.write("testing/wipe", lane=lane_key(()), limit=WIPED_AT_ONCE)
        number = row["number"]


def held(orch: Orchestrator) -> int:
    """How many nodes `wipe` would delete."""
    (row,) = orch.graph.read("testing/held", lane=lane_key(()))
    return int(row["number"])


def _params(seconds: float) -> dict[str, object]:
    return {
        "seconds": SECONDS.of("seconds", seconds) or 0.0,
        "schedule_keys": OWN_KEYS[0],
        "command_id": new_hex(),
    }
