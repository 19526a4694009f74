"""Raw psycopg: the relational limit, with no library between the tasks and SKIP LOCKED."""

import asyncio
import time
from collections.abc import AsyncGenerator, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from typing import Any, LiteralString

from psycopg import AsyncConnection

from benchmarks.peers.lifecycle import Plan, Run, Tally
from benchmarks.peers.postgres import PostgresPeer

SCHEMA: LiteralString = """
CREATE TABLE tasks (
  id bigserial PRIMARY KEY,
  number integer NOT NULL,
  status text NOT NULL DEFAULT 'pending',
  priority integer NOT NULL DEFAULT 0,
  created_at timestamptz NOT NULL DEFAULT now(),
  claimed_at timestamptz,
  started_at timestamptz,
  completed_at timestamptz
);
CREATE INDEX ready ON tasks (priority, id) WHERE status = 'pending';
"""
CREATE: LiteralString = "INSERT INTO tasks (number) VALUES (%s)"
CREATE_MANY: LiteralString = "INSERT INTO tasks (number) SELECT unnest(%s::integer[])"
CLAIM: LiteralString = """
UPDATE tasks SET status = 'claimed', claimed_at = now() WHERE id IN (
  SELECT id FROM tasks WHERE status = 'pending'
  ORDER BY priority, id LIMIT %s FOR UPDATE SKIP LOCKED
) RETURNING id, number
"""
START: LiteralString = """
UPDATE tasks SET status = 'started', started_at = now()
WHERE id = ANY(%s) AND status = 'claimed'
"""
COMPLETE: LiteralString = """
UPDATE tasks SET status = 'completed', completed_at = now()
WHERE id = ANY(%s) AND status = 'started'
"""

Connection = AsyncConnection[tuple[Any, ...]]


class PsycopgPeer(PostgresPeer):
    name = "psycopg SKIP LOCKED"
    distribution = "psycopg"

    async def install(self) -> None:
        async with await AsyncConnection.connect(self.url, autocommit=True) as connection:
            await connection.execute(SCHEMA)

    @asynccontextmanager
    async def open(self, plan: Plan, tally: Tally) -> AsyncGenerator[Run]:
        async with AsyncExitStack() as stack:
            connections = [
                await stack.enter_async_context(
                    await AsyncConnection.connect(self.url, autocommit=True)
                )
                for _ in range(plan.workers)
            ]
            await connections[0].execute("TRUNCATE tasks RESTART IDENTITY")
            yield _PsycopgRun(connections, plan, tally)


class _PsycopgRun:
    """One connection a worker; every statement is a transaction of its own."""

    def __init__(self, connections: Sequence[Connection], plan: Plan, tally: Tally) -> None:
        self._connections = connections
        self._idle = list(connections)  # as many as producers, so one is always there
        self._plan = plan
        self._tally = tally

    async def create(self, tasks: range) -> None:
        connection = self._idle.pop()
        try:
            if self._plan.batch is None:
                await connection.execute(CREATE, (tasks[0],))
            else:
                await connection.execute(CREATE_MANY, (list(tasks),))
        finally:
            self._idle.append(connection)

    async def drain(self) -> float:
        started = time.perf_counter()
        async with asyncio.TaskGroup() as workers:
            for connection in self._connections:
                workers.create_task(self._work(connection))
        return time.perf_counter() - started

    async def completed(self) -> int:
        cursor = await self._connections[0].execute(
            "SELECT count(*) FROM tasks WHERE status = 'completed'"
        )
        row = await cursor.fetchone()
        return int(row[0]) if row else 0

    async def _work(self, connection: Connection) -> None:
        limit = (self._plan.batch or 1,)
        while rows := await (await connection.execute(CLAIM, limit)).fetchall():
            ids = [row[0] for row in rows]
            await connection.execute(START, (ids,))
            for row in rows:
                self._tally.count(row[1])
            await connection.execute(COMPLETE, (ids,))
