"""The connection to the graph: statements by name, retries, and errors in our terms.

Nothing else, but for the embedded server, knows the driver.
"""

from __future__ import annotations

import os
import random
import time
from collections import deque
from collections.abc import Callable, Hashable, Mapping, Sequence
from pathlib import Path
from typing import Any, Concatenate, Literal, LiteralString, ParamSpec, TypeVar, cast

import neo4j
from neo4j.exceptions import (
    AuthError,
    ConfigurationError,
    ConstraintError,
    DriverError,
    IncompleteCommit,
    Neo4jError,
    ServiceUnavailable,
    SessionExpired,
)

from graph_orch.combining import Combiner
from graph_orch.driving import UnprintedText, unprinted
from graph_orch.embedded import server_resolver
from graph_orch.errors import (
    ClosedError,
    ForkedProcessError,
    OrchestrationError,
    StoreAuthenticationError,
    StoreError,
    StoreQueryError,
    StoreUnreachableError,
    TransactionTooLargeError,
)
from graph_orch.runtime import Result, Signal, sleep
from graph_orch.settings import Address
from graph_orch.statements import TRANSACTION_SECONDS, Statement, statement

P = ParamSpec("P")
Item = TypeVar("Item")
R = TypeVar("R")
Access = Literal["READ", "WRITE"]
READ: Access = "READ"
WRITE: Access = "WRITE"
Rows = Sequence[Mapping[str, Any]]

RETRY_SECONDS = 30.0
"""How long a statement is tried again when the server is away or asks for another try."""
FIRST_PAUSE_SECONDS = 0.01
LONGEST_PAUSE_SECONDS = 2.0
MEMORY_TRIES = 3
"""How often a statement is tried that the server has no memory for: other transactions may have
taken it, but what is too much by itself is better split soon."""
MOST_IDLE = 100


class AlreadyAppliedError(StoreQueryError):
    """A uniqueness constraint refused a statement: what it would create is there already."""


class Transaction:
    """An open transaction: statements by name, all or nothing."""

    def __init__(self, transaction: neo4j.Transaction) -> None:
        self._transaction = transaction

    def run(self, name: str, **params: Any) -> Rows:
        """Run a statement and return all its rows."""
        it = statement(name)
        it.check(params)
        result = self._transaction.run(_literal(it), unprinted(params))
        return [row for row in result]


class Graph:
    """A graph database that holds agents, skills and tasks. Safe to share between tasks.

    Every read sees the writes that came before it through the same graph, on a cluster too.
    """

    def __init__(
        self,
        driver: neo4j.Driver,
        database: str | None = None,
        address: Address | None = None,
    ) -> None:
        self._driver = driver
        self._database = database
        self._address = address
        # A server that is spoken to directly shows its writes at once; members of a cluster lag.
        routed = address is None or address.uri.startswith("neo4j")
        self._bookmarks = neo4j.GraphDatabase.bookmark_manager() if routed else None
        self._idle: dict[Access, deque[neo4j.Session]] = {READ: deque(), WRITE: deque()}
        self.work = Signal((address.uri, database) if address else id(self))
        self._process = os.getpid()
        self._closed = False
        self._combiners: dict[Hashable, Combiner[Any, Any]] = {}

    @classmethod
    def connect(
        cls,
        uri: str,
        auth: tuple[str, str] | None = None,
        database: str | None = None,
        data_dir: Path | None = None,
    ) -> Graph:
        """Connect to a server, and see that it answers.

        Args:
            data_dir: An embedded server's, to find it again where it comes back on another port.

        Raises:
            StoreUnreachableError: nothing answers at `uri`.
            StoreAuthenticationError: the server refuses `auth`.
        """
        try:
            driver = neo4j.GraphDatabase.driver(  # pyright: ignore[reportUnknownMemberType]
                uri,
                auth=auth,
                user_agent="graph-orch",
                telemetry_disabled=True,
                notifications_min_severity=neo4j.NotificationMinimumSeverity.OFF,
                max_connection_pool_size=100,
                connection_timeout=10,
                connection_acquisition_timeout=60,
                max_transaction_retry_time=RETRY_SECONDS,
                keep_alive=True,
                resolver=server_resolver(data_dir),
            )
        except (ConfigurationError, ValueError) as error:
            raise StoreUnreachableError(f"cannot use the address {uri!r}: {error}") from error
        graph = cls(driver, database, Address(uri, auth, database, data_dir))
        try:
            graph._greet(uri)
        except BaseException:
            driver.close()
            raise
        return graph

    @classmethod
    def at(cls, address: Address) -> Graph:
        """Connect once more to where another graph is: see `address`; errors as for `connect`."""
        return cls.connect(address.uri, address.auth, address.database, address.data_dir)

    @property
    def database(self) -> str | None:
        """The name of the database that every statement goes to."""
        return self._database

    @property
    def address(self) -> Address:
        """Where it is connected to, for another connection to the same.

        Raises:
            StoreError: it was made from a driver, not by `connect`.
        """
        if self._address is None:
            raise StoreError("this graph was not made by connect(), so its address is not known")
        return self._address

    def read(self, name: str, **params: Any) -> Rows:
        """Run a statement that only reads, and return all its rows.

        Raises:
            StoreError: the server is away, or refused it.
        """
        return self._auto_commit(statement(name), params, READ)

    def write(self, name: str, **params: Any) -> Rows:
        """Run a statement in a transaction of its own, and return all its rows.

        It may run twice where an acknowledgement is lost: the statement must be one that a second
        run does not apply again.

        Raises:
            AlreadyAppliedError: a uniqueness constraint refused it.
            StoreError: the server is away, or refused it.
        """
        return self._auto_commit(statement(name), params, WRITE)

    def transaction(
        self,
        work: Callable[Concatenate[Transaction, P], Result[R]],
        *args: P.args,
        **kwargs: P.kwargs,
    ) -> R:
        """Run several statements as one, again from the start where the server asks for it.

        Raises:
            AlreadyAppliedError: a uniqueness constraint refused one of them.
            StoreError: the server is away, or refused one of them.
        """

        return self._retried(
            work.__name__, lambda: self._transact_once(work, *args, **kwargs)
        )

    def together(
        self,
        kind: Hashable,
        run: Callable[[Sequence[Item]], Result[Sequence[R | Exception]]],
        item: Item,
        rows: int = 1,
        at_once: int = 1,
    ) -> R:
        """Do one thing of a kind, in one run with the others that are asked for meanwhile.

        Args:
            kind: What may share a run. Kinds are few, as they are kept: what differs from call to
                call belongs into the item. The first call's `run` and `at_once` are used for all.
            rows: How much it is, see `combining.weight`; a run takes so many together.
            at_once: How many runs of the kind may be under way.

        Raises:
            StoreError: as for what is run; or what the run answered this item with.
        """
        self._check_usable()
        combiner = self._combiners.get(kind)
        if combiner is None:
            combiner = self._combiners.setdefault(kind, Combiner[Item, R](run, at_once))
        return combiner.submit(item, rows)

    def query(self, cypher: str, **params: Any) -> tuple[list[str], list[list[Any]]]:
        """Run Cypher that a person wrote, without the right to write: column names and rows.

        Raises:
            StoreQueryError: it is not valid, or would write.
        """
        self._check_usable()
        try:
            with self._session(READ) as session:
                return session.execute_read(_fetch, cypher, params)
        except (DriverError, Neo4jError) as error:
            raise translate(error, "query") from error

    def define(self, name: str) -> None:
        """Run a statement of the schema."""
        self._auto_commit(statement(name), {}, WRITE)

    def close(self) -> None:
        """Give the connections back. Closing twice is fine."""
        if not self._closed and self._process == os.getpid():
            self._closed = True
            for sessions in self._idle.values():
                while sessions:
                    sessions.pop().close()
            self._driver.close()

    def _greet(self, uri: str) -> None:
        try:
            with self._session(READ) as session:
                result = session.run("RETURN 1")
                summary = result.consume()
        except (DriverError, Neo4jError, OSError) as error:
            raise translate(error, f"connecting to {uri}") from error
        self._database = summary.database or self._database

    def _auto_commit(self, it: Statement, params: dict[str, Any], mode: Access) -> Rows:
        it.check(params)
        return self._retried(it.name, lambda: self._run_once(it, params, mode))

    def _retried(self, doing: str, once: Callable[[], Result[R]]) -> R:
        """Do something, again where another try may succeed.

        What was done may have been committed though its answer was lost: every statement is made
        so that it does not apply twice.
        """
        self._check_usable()
        deadline = time.monotonic() + RETRY_SECONDS
        pause = FIRST_PAUSE_SECONDS
        tries = 0
        while True:
            tries += 1
            try:
                return once()
            except (DriverError, Neo4jError) as error:
                if not _may_pass(error, tries) or time.monotonic() + pause > deadline:
                    raise translate(error, doing) from error
            sleep(pause * random.uniform(0.5, 1.5))
            pause = min(pause * 2, LONGEST_PAUSE_SECONDS)

    def _run_once(self, it: Statement, params: dict[str, Any], mode: Access) -> Rows:
        """Run a statement on a session that is kept for the next: opening one takes its time.

        It holds no connection while nothing runs on it.
        """
        idle = self._idle[mode]
        session = idle.pop() if idle else self._session(mode)
        try:
            result = session.run(
                neo4j.Query(_literal(it), timeout=it.seconds), unprinted(params)
            )
            rows = [row for row in result]
        except BaseException as error:
            session.__exit__(  # pyright: ignore[reportUnknownMemberType]
                type(error), error, error.__traceback__
            )
            raise
        if len(idle) < MOST_IDLE and not self._closed:
            idle.append(session)
        else:
            session.close()
        return rows

    def _transact_once(
        self,
        work: Callable[Concatenate[Transaction, P], Result[R]],
        *args: P.args,
        **kwargs: P.kwargs,
    ) -> R:
        with self._session(WRITE) as session:
            # The transaction is not entered itself. When the server refuses a statement, the driver
            # gives the connection back at once; rolling back then could reach one that somebody
            # else has by now. The session rolls back what is still open when it is left.
            transaction = session.begin_transaction(timeout=TRANSACTION_SECONDS)
            found = work(Transaction(transaction), *args, **kwargs)
            transaction.commit()
            return found

    def _session(self, mode: Access) -> neo4j.Session:
        return self._driver.session(  # pyright: ignore[reportUnknownMemberType]
            database=self._database,
            default_access_mode=mode,
            bookmark_manager=self._bookmarks,
        )

    def _check_usable(self) -> None:
        if self._process != os.getpid():
            raise ForkedProcessError
        if self._closed:
            raise ClosedError


def _fetch(
    transaction: neo4j.ManagedTransaction, cypher: str, params: dict[str, Any]
) -> tuple[list[str], list[list[Any]]]:
    result = transaction.run(cast(LiteralString, cypher), params)
    return list(result.keys()), [row.values() for row in result]


def _literal(it: Statement) -> LiteralString:
    """The driver asks for literals, to keep user input out of Cypher; so do we, in cypher/."""
    return cast(LiteralString, UnprintedText(it.text))


def _may_pass(error: DriverError | Neo4jError, tries: int) -> bool:
    """Whether another try may succeed: a deadlock, a lost connection, a change of leader.

    The driver does not try again where the connection is lost during a commit; we may, see
    `_retried`.
    """
    if _is_too_large(error) and tries >= MEMORY_TRIES:
        return False
    return isinstance(error, IncompleteCommit) or (
        error.is_retryable() and not isinstance(error, ConstraintError)
    )


def _is_too_large(error: DriverError | Neo4jError) -> bool:
    """Whether the server has no memory for the transaction."""
    return isinstance(error, Neo4jError) and "OutOfMemory" in (error.code or "")


def translate(error: Exception, doing: str) -> OrchestrationError:
    """A driver's error in our terms; the driver's messages hold no credentials."""
    match error:
        case ConstraintError():
            return AlreadyAppliedError(f"{doing}: {error.message}")
        case AuthError():
            return StoreAuthenticationError(
                f"{doing}: the server refused the user name or password; "
                "check NEO4J_USERNAME and NEO4J_PASSWORD"
            )
        case ServiceUnavailable() | SessionExpired() | OSError():
            return StoreUnreachableError(
                f"{doing}: no Neo4j server answers ({error}); check that it runs and that "
                "NEO4J_URI names it"
            )
        case Neo4jError() if _is_too_large(error):
            return TransactionTooLargeError(doing)
        case Neo4jError():
            return StoreQueryError(f"{doing}: {error.message} ({error.code})")
        case _:
            return StoreError(f"{doing}: {error}")
