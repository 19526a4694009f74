"""The connection to the store that every command works on."""

from __future__ import annotations

import hashlib
from collections.abc import Generator
from contextlib import contextmanager

import platformdirs

import graph_orch
from graph_orch.cli.progress import downloading
from graph_orch.domain.recommendations import nearest
from graph_orch.embedded.kernel_lock import KernelLock
from graph_orch.errors import AlreadyRunningError, WorkflowNotFoundError
from graph_orch.settings import APP, EmbeddedSettings, ServerSettings
from graph_orch.store.runtime import AsyncOpening

COMPARED = 1_000
"""How many of the newest workflows are compared with one that there is not."""


def connect() -> graph_orch.Orchestrator:
    """Connect to the store that the environment names; the result is a context manager."""
    if ServerSettings().uri is None:
        install_server()
    return graph_orch.Orchestrator.connect()


def check_workflow(orch: graph_orch.Orchestrator, workflow_id: str | None) -> None:
    """Check that there is a workflow by which tasks are filtered; None filters by none.

    Nothing passes the filter by one that was mistyped, and nobody would be told why.

    Raises:
        WorkflowNotFoundError: there is none; the message names ids like it.
    """
    if not workflow_id or orch.workflows.get(workflow_id) is not None:
        return
    error = WorkflowNotFoundError(workflow_id)
    if similar := nearest(
        workflow_id, [it.workflow_id for it in orch.workflows.list(limit=COMPARED)]
    ):
        error.args = (f"{error}. Did you mean {', '.join(similar)}?",)
    raise error


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
