"""What the tests of all frameworks take."""

from __future__ import annotations

import pytest

from graph_orch import Worker


@pytest.fixture
def worker() -> Worker:
    """A worker that needs no store, as long as its handlers are run by `graph_orch.testing`."""
    return Worker(None, "ada", [])
