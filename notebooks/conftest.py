"""Under pytest the first notebook finds nothing set up, and the others a server that is empty."""

from __future__ import annotations

from collections.abc import Generator

import neo4j
import pytest

from tests.conftest import shared_server
from tests.mcp_client import environment


@pytest.hookimpl(wrapper=True)
def pytest_runtest_call(item: pytest.Item) -> Generator[None, object, object]:
    with pytest.MonkeyPatch.context() as patch:
        patch.delenv("NEO4J_URI", raising=False)
        if item.get_closest_marker("server"):
            uri, auth, database = server = shared_server(item.config)
            with neo4j.GraphDatabase.driver(uri, auth=auth) as driver:
                driver.execute_query("MATCH (n) DETACH DELETE n", database_=database)
            for name, value in environment(server).items():
                patch.setenv(name, value)
        return (yield)
