"""The connection to the store that every command works on."""

from __future__ import annotations

import hashlib
from collections.abc import Generator
from contextlib import contextmanager

import platformdirs

import graph_orch
from graph_orch.cli.progress import downloading
from graph_orch.embedded.kernel_lock import KernelLock
from graph_orch.errors import AlreadyRunningError
from graph_orch.settings import APP, EmbeddedSettings, ServerSettings
from graph_orch.store.runtime import AsyncOpening


def connect() -> graph_orch.Orchestrator:
    """Connect to the store that the environment names; the result is a context manager."""
    if ServerSettings().uri is None:
        install_server()
    return graph_orch.Orchestrator.connect()


def connect_async() -> AsyncOpening[graph_orch.AsyncOrchestrator]:
    """The same for asynchronous code; the result is an asynchronous context manager."""
    if ServerSettings().uri is None:
        install_server()
    return graph_orch.AsyncOrchestrator.connect()


@contextmanager
def connect_alone(command: str) -> Generator[graph_orch.Orchestrator]:
    """Connect while nobody else on this machine runs `command` on the same store.

    Such a command clears away what an earlier run has left, so two of them must not overlap.

    Raises:
        AlreadyRunningError: somebody else runs it.
    """
    store = ServerSettings().uri or str(EmbeddedSettings().data_dir.absolute())
    key = hashlib.sha256(store.encode()).hexdigest()[:16]
    path = platformdirs.user_state_path(APP, ensure_exists=True) / f"{command}-{key}.lock"
    lock = KernelLock(path)
    if not lock.try_acquire():
        raise AlreadyRunningError(
            f"another `graph-orch {command}` runs on this store; wait until it has ended"
        )
    with lock, connect() as orch:
        yield orch


def install_server() -> None:
    """Install the embedded server's jars if they are missing, and show the progress."""
    from graph_orch.embedded import EmbeddedNeo4j

    with downloading() as progress:
        EmbeddedNeo4j(progress=progress).install()
