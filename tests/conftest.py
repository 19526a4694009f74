"""A real server for every test: embedded, in a container, or by URI (NEO4J_TEST says which)."""

from __future__ import annotations

import contextlib
import os
from collections.abc import AsyncIterator, Callable, Iterator
from pathlib import Path
from typing import Any

import docker
import neo4j
import pytest
from hypothesis import settings

from graph_orch import AsyncOrchestrator, Orchestrator, Task
from graph_orch.domain.values import lane_key
from graph_orch.embedded import EmbeddedNeo4j

settings.register_profile("untimed", deadline=None)  # a busy machine is no failure
settings.load_profile("untimed")

Server = tuple[str, tuple[str, str] | None, str | None]


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption(
        "--traces", type=Path, metavar="DIR", help="WfFormat files, on which more is tested"
    )


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    """A test that takes a `trace` runs on each of them; without any it is skipped."""
    if "trace" in metafunc.fixturenames:
        directory: Path | None = metafunc.config.getoption("--traces")
        paths = sorted(directory.glob("*.json")) if directory else []
        metafunc.parametrize("trace", paths, ids=[path.stem for path in paths])


def docker_answers() -> bool:
    """Whether containers can be used."""
    if "DOCKER_HOST" not in os.environ and not Path("/var/run/docker.sock").exists():
        return False
    with contextlib.closing(docker.DockerClient(**docker.utils.kwargs_from_env())) as client:
        try:
            return bool(client.ping())
        except (docker.errors.DockerException, OSError):
            return False


@pytest.fixture(scope="session")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    kind = os.environ.get("NEO4J_TEST") or ("container" if docker_answers() else "embedded")
    if kind == "embedded":
        with EmbeddedNeo4j(tmp_path_factory.mktemp("neo4j")) as embedded:
            yield embedded.uri, embedded.auth, None
    elif kind == "container":
        yield from container()
    else:
        yield from by_uri()


def container() -> Iterator[Server]:
    from testcontainers.community.neo4j import Neo4jContainer

    image = os.environ.get("NEO4J_TEST_IMAGE", "neo4j:5.26-community")
    options: dict[str, Any] = {}
    if mode := os.environ.get("NEO4J_TEST_NETWORK_MODE"):  # for engines that need another one
        options["network_mode"] = mode
    box = Neo4jContainer(image, password="a-test-password", **options)
    if os.environ.get("NEO4J_TEST_LOOPBACK_PORTS"):
        box.ports = dict.fromkeys(box.ports, ("127.0.0.1",))
    with box:
        yield box.get_connection_url(), (box.username, box.password), None


def by_uri() -> Iterator[Server]:
    password = os.environ.get("NEO4J_PASSWORD")
    auth = (os.environ.get("NEO4J_USERNAME", "neo4j"), password) if password else None
    database = os.environ.get("NEO4J_DATABASE")
    with neo4j.GraphDatabase.driver(os.environ["NEO4J_URI"], auth=auth) as driver:
        found = driver.execute_query("MATCH (n) RETURN count(n)", database_=database).records[0][0]
    if found and os.environ.get("NEO4J_TEST_WIPE") != "1":
        pytest.exit(
            f"the database holds {found} nodes; NEO4J_TEST_WIPE=1 lets the tests wipe it", 2
        )
    yield os.environ["NEO4J_URI"], auth, database


@pytest.fixture(scope="session")
def driver(server: Server) -> Iterator[neo4j.Driver]:
    uri, auth, _ = server
    with neo4j.GraphDatabase.driver(uri, auth=auth) as bare:
        yield bare


@pytest.fixture(scope="session")
def cypher(server: Server, driver: neo4j.Driver) -> Callable[..., list[neo4j.Record]]:
    """Run Cypher past the package."""

    def run(text: str, **params: Any) -> list[neo4j.Record]:
        return driver.execute_query(text, params, database_=server[2]).records

    return run


@pytest.fixture(scope="module")
def gds_server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[EmbeddedNeo4j]:
    """A server with Graph Data Science: embedded always, and of the version that it fits."""
    directory = tmp_path_factory.mktemp("gds")
    with EmbeddedNeo4j(directory, version="5.26.30", plugins=["gds"], heap="1g") as embedded:
        yield embedded


@pytest.fixture(scope="module")
def gds_connected(gds_server: EmbeddedNeo4j) -> Iterator[Orchestrator]:
    with Orchestrator.connect(gds_server.uri, gds_server.auth) as orchestrator:
        yield orchestrator


@pytest.fixture
def gds_orch(gds_connected: Orchestrator, gds_server: EmbeddedNeo4j) -> Orchestrator:
    """An orchestrator on an empty graph, with Graph Data Science."""
    with neo4j.GraphDatabase.driver(gds_server.uri, auth=gds_server.auth) as bare:
        bare.execute_query(
            "MATCH (n) WHERE NOT n:GraphOrchSchema AND NOT (n:Lane AND n.key = $empty) "
            "DETACH DELETE n",
            empty=lane_key(()),
        )
    return gds_connected


@pytest.fixture(scope="session")
def connected(server: Server) -> Iterator[Orchestrator]:
    with Orchestrator.connect(*server) as orchestrator:
        yield orchestrator


@pytest.fixture
def wipe(connected: Orchestrator, cypher: Callable[..., list[neo4j.Record]]) -> Callable[[], None]:
    """Empty the graph, but for the schema and the lane that requires nothing."""

    def empty() -> None:
        cypher(
            "MATCH (n) WHERE NOT n:GraphOrchSchema AND NOT (n:Lane AND n.key = $empty) "
            "DETACH DELETE n",
            empty=lane_key(()),
        )

    return empty


@pytest.fixture
def wiped(wipe: Callable[[], None]) -> None:
    """An empty graph."""
    wipe()


@pytest.fixture
def orch(connected: Orchestrator, wiped: None) -> Orchestrator:
    return connected


@pytest.fixture
async def aorch(wiped: None, server: Server) -> AsyncIterator[AsyncOrchestrator]:
    async with AsyncOrchestrator.connect(*server) as orchestrator:
        yield orchestrator


@pytest.fixture
def new_task(orch: Orchestrator) -> Callable[..., str]:
    """Create a task; what is not given does not matter."""

    def create(content: str = "work", task_type: str = "any", **fields: Any) -> str:
        return orch.tasks.create_task(content, task_type, **fields)

    return create


@pytest.fixture
def running(orch: Orchestrator, new_task: Callable[..., str]) -> Callable[..., Task]:
    """A task that an agent is working on."""

    def make(agent_id: str = "worker", **fields: Any) -> Task:
        if orch.agents.get_agent(agent_id) is None:
            orch.agents.register_agent(agent_id, fields.get("requirements") or [])
        task_id = new_task(**fields)
        orch.tasks.assign_task(task_id, agent_id)
        return orch.tasks.start_task(task_id)

    return make
