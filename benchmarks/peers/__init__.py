"""The peers graph_orch is measured beside, each with a server of its own, one lifecycle on all.

    for peer in peers():
        with peer:
            print(peer.name, peer.lifecycle(tasks=500, workers=16).tasks_per_second)

Their Python packages are the group `bench`; PostgreSQL and Redis come from Debian when absent.
"""

import importlib
from collections.abc import Callable
from functools import cache
from importlib.util import find_spec
from typing import NamedTuple

from benchmarks.peers import postgres, redis
from benchmarks.peers.debian import Unavailable
from benchmarks.peers.lifecycle import Lifecycle, Peer

__all__ = ["Lifecycle", "Peer", "peers", "unavailable"]


class _Known(NamedTuple):
    name: str
    module: str
    peer: str
    packages: tuple[str, ...]
    server: Callable[[], object]
    """Installs the server if need be; raises Unavailable."""


_KNOWN = (
    _Known(
        "procrastinate",
        "with_procrastinate",
        "ProcrastinatePeer",
        ("procrastinate", "psycopg", "psycopg_pool"),
        postgres.programs,
    ),
    _Known("PgQueuer", "with_pgqueuer", "PgQueuerPeer", ("pgqueuer", "asyncpg"), postgres.programs),
    _Known("Celery + Redis", "with_celery", "CeleryPeer", ("celery", "redis"), redis.program),
    _Known("psycopg SKIP LOCKED", "with_psycopg", "PsycopgPeer", ("psycopg",), postgres.programs),
)


def peers() -> list[Peer]:
    """New peers, not started, of those that can run here; installs servers on the first call."""
    missing = unavailable()
    return [_make(known) for known in _KNOWN if known.name not in missing]


def unavailable() -> dict[str, str]:
    """Why the others cannot, one line each, by name."""
    reasons = {known.name: _reason(known) for known in _KNOWN}
    return {name: reason for name, reason in reasons.items() if reason is not None}


@cache
def _reason(known: _Known) -> str | None:
    absent = [package for package in known.packages if find_spec(package) is None]
    if absent:
        return f"not installed: {', '.join(absent)}; pip install --group bench"
    try:
        known.server()
    except Unavailable as reason:
        return str(reason)
    return None


def _make(known: _Known) -> Peer:
    module = importlib.import_module(f"benchmarks.peers.{known.module}")
    return getattr(module, known.peer)()
