"""A real server for every test: embedded, in a container, or by URI (NEO4J_TEST says which).

A process of tests has one server at a time, so that two processes never have more than two: the
shared one for most tests, and after its end, for those marked `own_server`, what they start. The
order in which tests are collected sees to that; `--dist loadfile --no-loadscope-reorder` keeps it.
"""

from __future__ import annotations

import contextlib
import os
import tempfile
from collections.abc import AsyncIterator, Callable, Iterator
from pathlib import Path
from typing import Any

import docker
import neo4j
import pytest
from hypothesis import settings

from graph_orch import AsyncOrchestrator, Orchestrator, Task
from graph_orch.embedded import EmbeddedNeo4j
from graph_orch.testing.clock import wipe as testing_wipe

# A busy machine is no failure, and the same code has the same outcome each time.
settings.register_profile("same", deadline=None, derandomize=True)
settings.register_profile("new", deadline=None)
settings.load_profile("same")

# A server that a test starts lives for a minute: what optimising its code costs would not be had
# back. Without it, a start and 300 tasks take 28 s of processor time in place of 46. The shared
# server lives long enough: after four minutes both cost the same, and it answers faster.
os.environ.setdefault("JAVA_TOOL_OPTIONS", "-XX:TieredStopAtLevel=1")

Server = tuple[str, tuple[str, str] | None, str | None]
SERVER = pytest.StashKey[Server]()
SHARED = pytest.StashKey[contextlib.ExitStack]()
"""The shared server and what is connected to it, which end together."""
OWN_SERVER = "01_quick_start"
"""The notebook that finds nothing set up, as most readers do; the others are given the server."""
MOST_WORKERS = 2
"""A server needs a processor of its own, and so does what asks it."""


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


@pytest.hookimpl(optionalhook=True)
def pytest_xdist_auto_num_workers() -> int:
    """How many processes `-n auto` means: one where the tests are given one server as it is."""
    return MOST_WORKERS if server_kind() == "embedded" else 0


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Mark each test by what it needs, and put those that start servers after the others.

    Tests without a server come last: they are many and short, and fill up the shorter process.
    """

    def needs(item: pytest.Item) -> str:
        if item.get_closest_marker("own_server"):
            return "own_server"
        if not isinstance(item, pytest.Function):  # a notebook
            return "own_server" if item.path.stem == OWN_SERVER else "server"
        return "server" if "server" in item.fixturenames else "unit"

    kinds: dict[Path, set[str]] = {}
    for item in items:
        kinds.setdefault(item.path, set()).add(needs(item))
        item.add_marker(needs(item))
        if item.path.parent.name == "faults":
            item.add_marker("faults")
    for path, found in kinds.items():
        if found >= {"server", "own_server"}:  # the first of the latter ends the shared server
            raise pytest.UsageError(
                f"{path.name} mixes tests of the shared server and of their own"
            )
    items.sort(key=lambda item: ("server", "own_server", "unit").index(needs(item)))


def pytest_runtest_setup(item: pytest.Item) -> None:
    """End the shared server before a test that starts one of its own."""
    if item.get_closest_marker("own_server"):
        item.config.stash.get(SHARED, contextlib.ExitStack()).close()


def server_kind() -> str:
    """Which server the tests have: embedded, container, or uri."""
    return os.environ.get("NEO4J_TEST") or ("container" if docker_answers() else "embedded")


def docker_answers() -> bool:
    """Whether containers can be used."""
    if "DOCKER_HOST" not in os.environ and not Path("/var/run/docker.sock").exists():
        return False
    with contextlib.closing(docker.DockerClient(**docker.utils.kwargs_from_env())) as client:
        try:
            return bool(client.ping())
        except (docker.errors.DockerException, OSError):
            return False


def shared_server(config: pytest.Config) -> Server:
    """The server that the tests of this process share; it starts when it is first asked for."""
    if SERVER not in config.stash:
        stack = config.stash[SHARED] = contextlib.ExitStack()
        config.add_cleanup(stack.close)
        config.stash[SERVER] = stack.enter_context(SERVERS[server_kind()]())
    return config.stash[SERVER]


@contextlib.contextmanager
def embedded() -> Iterator[Server]:
    with tempfile.TemporaryDirectory() as directory:
        it = EmbeddedNeo4j(directory)
        with pytest.MonkeyPatch.context() as patch:
            patch.delenv("JAVA_TOOL_OPTIONS")
            it.start()
        with it:
            yield it.uri, it.auth, None


@contextlib.contextmanager
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


@contextlib.contextmanager
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


SERVERS = {"embedded": embedded, "container": container, "uri": by_uri}


@pytest.fixture(scope="session")
def server(pytestconfig: pytest.Config) -> Server:
    return shared_server(pytestconfig)


@pytest.fixture(scope="session")
def driver(pytestconfig: pytest.Config, server: Server) -> neo4j.Driver:
    uri, auth, _ = server
    return pytestconfig.stash[SHARED].enter_context(neo4j.GraphDatabase.driver(uri, auth=auth))


@pytest.fixture(scope="session")
def cypher(server: Server, driver: neo4j.Driver) -> Callable[..., list[neo4j.Record]]:
    """Run Cypher past the package."""

    def run(text: str, **params: Any) -> list[neo4j.Record]:
        return driver.execute_query(text, params, database_=server[2]).records

    return run


@pytest.fixture(scope="session")
def connected(pytestconfig: pytest.Config, server: Server) -> Orchestrator:
    return pytestconfig.stash[SHARED].enter_context(Orchestrator.connect(*server))


@pytest.fixture
def wipe(connected: Orchestrator) -> Callable[[], None]:
    """Empty the graph, but for the schema and the lane that requires nothing."""
    return lambda: testing_wipe(connected)


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
