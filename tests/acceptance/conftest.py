"""What the acceptance tests share."""

from __future__ import annotations

import pytest

from tests.command_line import Cli


@pytest.fixture
def cli(server: tuple[str, tuple[str, str] | None, str | None]) -> Cli:
    return Cli(*server)
