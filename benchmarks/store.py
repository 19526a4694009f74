"""The server that is measured, and connections to it: the package's, and the bare driver's."""

from __future__ import annotations

import contextlib
import tempfile
from collections.abc import Generator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, LiteralString, cast

import neo4j

from graph_orch import Orchestrator
from graph_orch.embedded import EmbeddedNeo4j, server_status
from graph_orch.settings import ServerSettings

HEAP = "2g"
PAGE_CACHE = "2g"
DELETE_BATCH = 20_000


@dataclass
class Store:
    """One server. `orch` is the package on it, `driver` the driver without the package."""

    uri: str
    auth: tuple[str, str] | None
    database: str | None
    orch: Orchestrator
    driver: neo4j.Driver
    session: neo4j.Session
    pid: int | None
    directory: str | None

    def run(self, cypher: str, **params: Any) -> list[neo4j.Record]:
        """Run Cypher past the package, on a session that is kept open."""
        return list(self.session.run(cast(LiteralString, cypher), params))

    def return_1(self, _: object = None) -> None:
        """The floor: a round trip of the bare driver."""
        self.session.run("RETURN 1").consume()

    def write_1(self, _: object = None) -> None:
        """The other floor: a transaction that writes one property, by the bare driver."""
        self.session.run("MATCH (f:Floor) SET f.x = timestamp()").consume()

    def wipe(self) -> None:
        """Leave the schema and the lane that requires nothing.

        Tasks go first: to delete a skill or an agent with a million edges is one transaction.
        """
        keep = "n:GraphOrchSchema OR n:Floor OR (n:Lane AND n.size = 0)"
        for matched in ("(n:TaskEvent)", "(n:Task)", f"(n) WHERE NOT ({keep})"):
            while self.run(
                f"MATCH {matched} WITH n LIMIT $batch "
                "CALL (n) { DETACH DELETE n } IN TRANSACTIONS OF 2000 ROWS RETURN count(*) AS n",
                batch=DELETE_BATCH,
            )[0]["n"]:
                pass

    def clear(self) -> None:
        """Leave what has finished: take away the tasks that have not, and the agents."""
        for text in (
            "MATCH (t:PendingTask|AssignedTask|RunningTask) "
            "CALL (t) { OPTIONAL MATCH (t)-[:HAS_EVENT]->(e) DETACH DELETE t, e } "
            "IN TRANSACTIONS OF 2000 ROWS",
            "MATCH (a:Agent|RetiredAgent) DETACH DELETE a",
        ):
            self.run(text)

    def settle(self) -> None:
        """Let the planner forget what it planned for another graph, and its statistics be new."""
        self.run("CALL db.prepareForReplanning(60)")
        self.run("CALL db.clearQueryCaches()")


@contextlib.contextmanager
def opened() -> Generator[Store]:
    """A server for measuring: NEO4J_URI's, which must be empty, or an embedded one of its own."""
    settings = ServerSettings()
    with contextlib.ExitStack() as stack:
        if settings.uri is None:
            directory = stack.enter_context(tempfile.TemporaryDirectory(prefix="graph-orch-bench-"))
            server = EmbeddedNeo4j(directory, heap=HEAP, page_cache=PAGE_CACHE)
            stack.enter_context(server)
            uri, auth, pid = server.uri, server.auth, server_status(Path(directory)).pid
        else:
            uri, auth, pid, directory = settings.uri, settings.auth, None, None
        driver = stack.enter_context(
            neo4j.GraphDatabase.driver(  # pyright: ignore[reportUnknownMemberType]
                uri, auth=auth, notifications_min_severity=neo4j.NotificationMinimumSeverity.OFF
            )
        )
        session = stack.enter_context(
            driver.session(database=settings.database)  # pyright: ignore[reportUnknownMemberType]
        )
        if list(session.run("MATCH (n) RETURN 1 LIMIT 1")):
            raise SystemExit("the benchmarks need an empty database: they delete what is in it")
        orch = stack.enter_context(Orchestrator.connect(uri, auth, settings.database))
        session.run("CREATE (:Floor)").consume()
        yield Store(uri, auth, settings.database, orch, driver, session, pid, directory)
