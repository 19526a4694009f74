"""The connection to the graph: statements by name, retries, and errors in our terms.

Nothing else, but for the embedded server, knows the driver.
"""

from __future__ import annotations

import asyncio
import os
import time
from collections import deque
from collections.abc import Callable, Iterable, Mapping, Sequence, Sized
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

from graph_orch._async.first_calls import PLANNING_SECONDS, AsyncFirstCalls
from graph_orch.embedded.access import driver_options
from graph_orch.errors import (
    ClosedError,
    ForkedProcessError,
    OrchestrationError,
    OtherLoopError,
    StoreAuthenticationError,
    StoreError,
    StoreQueryError,
    StoreUnreachableError,
    TransactionTooLargeError,
)
from graph_orch.settings import Address
from graph_orch.store.backoff import pauses
from graph_orch.store.by_hand import refuse_effects, refuse_words
from graph_orch.store.driving import UnprintedText, distrust, unprinted
from graph_orch.store.runtime import (
    AsyncResult,
    AsyncTry,
    async_at_home,
    async_loop,
    async_sleep,
)
from graph_orch.store.signals import AsyncSignal
from graph_orch.store.statements import (
    ANSWER_SECONDS,
    ROWS_A_SECOND,
    TRANSACTION_SECONDS,
    Statement,
    statement,
)

P = ParamSpec("P")
R = TypeVar("R")
Access = Literal["READ", "WRITE"]
READ: Access = "READ"
WRITE: Access = "WRITE"
Rows = Sequence[Mapping[str, Any]]

RETRY_SECONDS = 30.0
"""How long a statement is tried again when the server is away or asks for another try."""
CONNECT_SECONDS = 10.0
IDLE_SECONDS = 60.0
"""A connection that was idle for longer is tested before it is used: firewalls drop some."""
LATER = 1.2
"""The client gives a try up so much later than the server. So the server's own error arrives first,
where it can; and where it cannot, the server has ended this try when the next begins."""
SHORTEST_TRY_SECONDS = 3.0
"""A new server plans each statement first, and that may take a second or two."""
FIRST_PAUSE_SECONDS = 0.01
LONGEST_PAUSE_SECONDS = 2.0
MEMORY_TRIES = 3
"""How often a statement is tried for which the server has no memory: other transactions may have
taken it, but a statement that is too large by itself should be split soon."""
MOST_IDLE = 100


class AlreadyAppliedError(StoreQueryError):
    """A uniqueness constraint refused a statement: what it would create is there already."""


class AsyncTransaction:
    """An open transaction: statements by name, all or nothing."""

    def __init__(self, transaction: neo4j.AsyncTransaction) -> None:
        self._transaction = transaction

    async def run(self, name: str, **params: Any) -> Rows:
        """Run a statement and return all its rows."""
        it = statement(name)
        it.check(params)
        result = await self._transaction.run(_literal(it), unprinted(params))
        return [row async for row in result]


class AsyncGraph:
    """A graph database that holds agents, skills and tasks. Safe to share between tasks.

    Every read sees the writes that came before it through the same graph, on a cluster too.
    """

    def __init__(
        self,
        driver: neo4j.AsyncDriver,
        database: str | None = None,
        address: Address | None = None,
        patience_seconds: float | None = None,
    ) -> None:
        self._driver = driver
        self._database = database
        self._patience = patience_seconds
        self._home = None
        self._address = address
        # A server that is spoken to directly shows its writes at once; members of a cluster lag.
        routed = address is None or address.uri.startswith("neo4j")
        self._bookmarks = neo4j.AsyncGraphDatabase.bookmark_manager() if routed else None
        self._idle: dict[Access, deque[neo4j.AsyncSession]] = {READ: deque(), WRITE: deque()}
        self.work = AsyncSignal((address.uri, database) if address else id(self))
        self._process = os.getpid()
        self._closed = False
        self._first_calls = AsyncFirstCalls()

    @classmethod
    async def connect(
        cls,
        uri: str,
        auth: tuple[str, str] | None = None,
        database: str | None = None,
        data_dir: Path | None = None,
    ) -> AsyncGraph:
        """Connect to a server, and check that it answers.

        Args:
            uri: As `bolt://host:7687`; a user and a password in it are taken where `auth` is None.
            data_dir: An embedded server's, to find it again where it comes back on another port.

        Raises:
            StoreUnreachableError: nothing answers at `uri`, or it is no address.
            StoreAuthenticationError: the server refuses `auth`.
        """
        return await cls.at(Address.parse(uri, auth, database, data_dir))

    @classmethod
    async def at(cls, address: Address, patience_seconds: float | None = None) -> AsyncGraph:
        """Connect to an address, such as that of another graph; errors as for `connect`.

        Args:
            patience_seconds: How long a call is tried again; None: RETRY_SECONDS. One try takes
                half of it, so that there is time for another. Where that is less than
                SHORTEST_TRY_SECONDS it takes so long, but at most one and a half times of it.
        """
        connect_seconds = min(CONNECT_SECONDS, patience_seconds or CONNECT_SECONDS)
        try:
            driver = neo4j.AsyncGraphDatabase.driver(  # pyright: ignore[reportUnknownMemberType]
                address.uri,
                auth=address.auth,
                user_agent="graph-orch",
                telemetry_disabled=True,
                notifications_min_severity=neo4j.NotificationMinimumSeverity.OFF,
                max_connection_pool_size=100,
                connection_timeout=connect_seconds,
                connection_acquisition_timeout=connect_seconds,
                liveness_check_timeout=IDLE_SECONDS,
                keep_alive=True,
                **driver_options(address.data_dir),
            )
        except (ConfigurationError, ValueError) as error:
            raise StoreUnreachableError(f"cannot use the address {address}: {error}") from error
        graph = cls(driver, address.database, address, patience_seconds)
        graph._first_calls = AsyncFirstCalls.at((address.uri, address.database))
        try:
            await graph._greet()
        except BaseException:
            await driver.close()
            raise
        return graph

    @property
    def database(self) -> str | None:
        """The name of the database that every statement goes to."""
        return self._database

    @property
    def address(self) -> Address:
        """Where it is connected to, for another connection to the same place.

        Raises:
            StoreError: it was made from a driver, not by `connect`.
        """
        if self._address is None:
            raise StoreError("this graph was not made by connect(), so its address is not known")
        return self._address

    async def read(self, name: str, **params: Any) -> Rows:
        """Run a statement that only reads, and return all its rows.

        Raises:
            StoreError: the server is away, or refused it.
        """
        return await self._auto_commit(statement(name), params, READ)

    async def wait(self, seen: int, seconds: float) -> None:
        """Return when something may have changed since `work.seen` was `seen`, or the time is up.

        What this process does is told at once. What others do, one of those who wait here finds.

        Raises:
            StoreError: the server is away.
        """
        deadline, me = time.monotonic() + seconds, object()
        try:
            while self.work.seen == seen and (left := deadline - time.monotonic()) > 0:
                if self.work.takes_look(me):
                    await self._look()
                else:
                    await self.work.wait(seen, min(left, self.work.look_in(me)))
        finally:
            self.work.leaves(me)

    async def _look(self) -> None:
        """Look, for all who wait in this process, whether something has changed."""
        await self.count_processes()
        (row,) = await self.read("events/count")
        self.work.looked(row["events"])
        await async_sleep(0)  # so that those who were told ask the store together with this one

    async def count_processes(self) -> None:
        """Count the processes that have workers, where it is time to: they pace what each does.

        Raises:
            StoreError: the server is away.
        """
        if self.work.takes_count():
            (row,) = await self.read("workers/processes")
            self.work.counted(row["processes"])

    async def write(self, name: str, **params: Any) -> Rows:
        """Run a statement in a transaction of its own, and return all its rows.

        It may run twice where an acknowledgement is lost, so the statement must not apply again
        what a first run has done.

        Raises:
            AlreadyAppliedError: a uniqueness constraint refused it.
            StoreError: the server is away, or refused it.
        """
        return await self._auto_commit(statement(name), params, WRITE)

    async def transaction(
        self,
        work: Callable[Concatenate[AsyncTransaction, P], AsyncResult[R]],
        *args: P.args,
        **kwargs: P.kwargs,
    ) -> R:
        """Run several statements as one; where the server asks for it, again from the start.

        Raises:
            AlreadyAppliedError: a uniqueness constraint refused one of them.
            StoreError: the server is away, or refused one of them.
        """
        return await self._retried(
            work.__name__,
            _seconds(ANSWER_SECONDS, args),
            lambda one, limit: self._transact_once(one, limit, work, *args, **kwargs),
        )

    async def query(
        self, cypher: str, *, most_rows: int | None = None, **params: Any
    ) -> tuple[list[str], list[list[Any]]]:
        """Run Cypher that a person wrote and that only reads the graph: column names and rows.

        Args:
            most_rows: Read no more rows than these, and let the server drop the others.

        Raises:
            StoreQueryError: it is not valid, would do more than read (see `by_hand`), or takes
                longer than two minutes.
        """
        refuse_words(cypher)
        return await self._retried(
            "query",
            TRANSACTION_SECONDS,
            lambda one, limit: self._query_once(one, limit, cypher, most_rows, params),
        )

    async def define(self, name: str) -> None:
        """Run a statement of the schema; what it defines may be there already."""
        try:
            await self._auto_commit(statement(name), {}, WRITE)
        except StoreQueryError as error:
            # `IF NOT EXISTS` does not see what another process defines at the same time.
            if "EquivalentSchemaRuleAlreadyExists" not in str(error):
                raise

    async def close(self) -> None:
        """Give the connections back. Closing twice is fine."""
        if not self._closed and self._process == os.getpid():
            self._closed = True
            await async_at_home(self._home, self._close)

    async def _close(self) -> None:
        for sessions in self._idle.values():
            while sessions:
                await sessions.pop().close()
        await self._driver.close()

    async def _greet(self) -> None:
        self.check_usable()
        seconds, limit = self._limits(ANSWER_SECONDS)
        try:
            async with AsyncTry(seconds) as one, self._session(READ) as session:
                one.on(session)
                result = await session.run(neo4j.Query("RETURN 1", timeout=limit))
                summary = await result.consume()
        except (DriverError, Neo4jError, OSError) as error:
            raise translate(error, f"connecting to {self._address}") from error
        self._database = summary.database or self._database

    async def _auto_commit(self, it: Statement, params: dict[str, Any], mode: Access) -> Rows:
        it.check(params)
        return await self._retried(
            it.name,
            _seconds(it.seconds, params.values()),
            lambda one, limit: self._run_once(one, limit, it, params, mode),
        )

    def _limits(self, seconds: float, is_first: bool = False) -> tuple[float, float]:
        """After how many seconds a try is given up here, and after how many at the server.

        The first call of its kind has the time that planning may need, whatever the patience: the
        server throws away what it planned half-way, and the next call would have to wait as long.
        """
        if is_first:
            seconds = max(seconds, PLANNING_SECONDS)
        here = seconds * LATER
        if self._patience is not None and not is_first:
            half, more = self._patience / 2, self._patience * 1.5
            here = min(here, max(half, min(more, SHORTEST_TRY_SECONDS)))
        return here, seconds

    async def _retried(
        self, doing: str, seconds: float, once: Callable[[AsyncTry, float], AsyncResult[R]]
    ) -> R:
        """Do something, and do it again where another try may succeed.

        What was done may have been committed though its answer was lost: no statement applies
        twice. Where no answer comes, or a connection is lost, the next try has a new connection:
        others along the same way may be dead too, without a sign of it.
        """
        self.check_usable()
        deadline = time.monotonic() + (self._patience or RETRY_SECONDS)
        pause = pauses(FIRST_PAUSE_SECONDS, LONGEST_PAUSE_SECONDS, growth=2)
        tries = 0
        while True:
            tries += 1
            try:
                async with self._first_calls.turn(doing) as is_first:
                    here, limit = self._limits(seconds, is_first)
                    async with AsyncTry(here) as one:
                        return await once(one, limit)
            except (DriverError, Neo4jError, TimeoutError) as error:
                if _is_lost(error):
                    distrust(self._driver)
                    if not isinstance(error, TimeoutError):  # it may have been started again
                        self._first_calls.forget()
                wait = next(pause)
                if not _may_pass(error, tries) or time.monotonic() + wait > deadline:
                    raise translate(error, doing) from error
            await async_sleep(wait)

    async def _run_once(
        self, one: AsyncTry, limit: float, it: Statement, params: dict[str, Any], mode: Access
    ) -> Rows:
        """Run a statement on a session that is kept for the next call, as opening one takes time.

        A session holds no connection while nothing runs on it.
        """
        idle = self._idle[mode]
        session = idle.pop() if idle else self._session(mode)
        one.on(session)
        try:
            result = await session.run(neo4j.Query(_literal(it), timeout=limit), unprinted(params))
            rows = [row async for row in result]
        except BaseException as error:
            await _leave(session, error)
            raise
        if len(idle) < MOST_IDLE and not self._closed:
            idle.append(session)
        else:
            await session.close()
        return rows

    async def _transact_once(
        self,
        one: AsyncTry,
        limit: float,
        work: Callable[Concatenate[AsyncTransaction, P], AsyncResult[R]],
        *args: P.args,
        **kwargs: P.kwargs,
    ) -> R:
        session = self._session(WRITE)
        one.on(session)
        try:
            # There is no `async with` for the transaction. When the server refuses a statement, the
            # driver gives the connection back at once, and a rollback could reach the transaction
            # of whoever has it next. Leaving the session rolls back what is still open.
            transaction = await session.begin_transaction(timeout=limit)
            found = await work(AsyncTransaction(transaction), *args, **kwargs)
            await transaction.commit()
        except BaseException as error:
            await _leave(session, error)
            raise
        await session.close()
        return found

    async def _query_once(
        self,
        one: AsyncTry,
        limit: float,
        cypher: str,
        most_rows: int | None,
        params: dict[str, Any],
    ) -> tuple[list[str], list[list[Any]]]:
        async with self._session(READ) as session:
            one.on(session)
            text = cast(LiteralString, cypher)
            explained = await session.run(neo4j.Query("EXPLAIN " + text, timeout=limit), params)
            summary: Any = await explained.consume()
            refuse_effects(summary.query_type, summary.plan)
            result = await session.run(neo4j.Query(text, timeout=limit), params)
            if most_rows is None:
                return list(result.keys()), [row.values() async for row in result]
            return list(result.keys()), [row.values() for row in await result.fetch(most_rows)]

    def _session(self, mode: Access) -> neo4j.AsyncSession:
        return self._driver.session(  # pyright: ignore[reportUnknownMemberType]
            database=self._database,
            default_access_mode=mode,
            bookmark_manager=self._bookmarks,
        )

    def check_usable(self) -> None:
        """Raise where it cannot be used: it is closed, or of another process or event loop."""
        if self._process != os.getpid():
            raise ForkedProcessError
        if self._closed:
            raise ClosedError
        home = async_loop()
        self._home = self._home or home
        if self._home is not home:
            raise OtherLoopError


def _seconds(seconds: float, brought: Iterable[object]) -> float:
    """How long a statement may take at the server, with what it brings."""
    more = sum(map(_rows, brought)) / ROWS_A_SECOND
    return max(seconds, min(seconds + more, TRANSACTION_SECONDS))


def _rows(it: object) -> int:
    if isinstance(it, dict):
        return sum(map(_rows, cast(dict[str, object], it).values()))
    return len(cast(Sized, it)) if isinstance(it, list | tuple) else 0


async def _leave(session: neo4j.AsyncSession, error: BaseException) -> None:
    """Leave a session that an error has ended.

    A signal's handler may raise anywhere and leave an answer unread, which must not be taken for
    that of the next statement. So where the driver does not know of the error, the session is left
    as after a cancellation, which ends its connection.
    """
    is_known = isinstance(error, DriverError | Neo4jError | OrchestrationError)
    kind = type(error) if is_known else asyncio.CancelledError
    await session.__aexit__(kind, error, error.__traceback__)  # pyright: ignore[reportUnknownMemberType]


def _literal(it: Statement) -> LiteralString:
    """The driver asks for literals, to keep user input out of Cypher; so do we, in cypher/."""
    return cast(LiteralString, UnprintedText(it.text))


def _is_lost(error: DriverError | Neo4jError | TimeoutError) -> bool:
    """Whether the connection is lost, or none was free in time, which old drivers say in words."""
    return isinstance(error, ServiceUnavailable | SessionExpired | TimeoutError) or (
        "failed to obtain a connection" in str(error)
    )


def _may_pass(error: DriverError | Neo4jError | TimeoutError, tries: int) -> bool:
    """Whether another try may succeed: a deadlock, a lost connection, a change of leader.

    The driver does not try again where the connection is lost during a commit; we may, see
    `_retried`. A statement that the server ended for its time may have waited for a lock.
    """
    if _is_too_large(error) and tries >= MEMORY_TRIES:
        return False
    if _is_lost(error) or isinstance(error, TimeoutError | IncompleteCommit):
        return True
    is_late = isinstance(error, Neo4jError) and "TransactionTimedOut" in (error.code or "")
    return is_late or (error.is_retryable() and not isinstance(error, ConstraintError))


def _is_too_large(error: Exception) -> bool:
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
        case TimeoutError():
            return StoreUnreachableError(
                f"{doing}: the Neo4j server did not answer in time, also on new connections; check "
                "that it is well, and that the network between lets its packets through"
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
