"""Redis Streams. There is no binding of CloudEvents for them: fields are named as HTTP's headers.

The body is in the field `data`; an entry without one is a JSON object of its fields.
"""

from __future__ import annotations

import contextlib
import json
import time
from collections.abc import Generator, Mapping, Sequence
from contextlib import contextmanager
from typing import Any, TypeAlias, cast

import redis.asyncio
from cloudevents.core.base import BaseCloudEvent
from redis import exceptions

from graph_orch.brokers.cloud_events import Mode, encoded
from graph_orch.brokers.protocols import Incoming
from graph_orch.brokers.targets import Target
from graph_orch.domain.ids import new_hex
from graph_orch.errors import BrokerError, BrokerUnreachableError, ValidationError
from graph_orch.logs import logger_of

DATA = b"data"
ANSWER_SECONDS = 10.0
CLAIMED_SECONDS = 60.0
"""After so long a message that a reader did not acknowledge goes to another."""
CLAIM_EVERY_SECONDS = 10.0
_Entry: TypeAlias = tuple[bytes | None, Mapping[bytes, bytes] | None]
"""The id of an entry and its fields; None or none at all: it is no more in the stream."""
logger = logger_of("graph_orch.ingest")


class _Connection:
    def __init__(self, target: Target) -> None:
        self.target = target
        self._client: Any = None
        self._database = _number(target, "db") or 0

    @property
    def client(self) -> Any:
        if self._client is None:
            raise BrokerUnreachableError(f"{self.target}: the connection is lost")
        return self._client

    async def open(self) -> None:
        await self.close()
        host, port = self.target.hosts[0]
        # A user without a password is the password, as Redis has been used before it had users.
        password = self.target.password or self.target.user
        self._client = redis.asyncio.Redis(
            host=host.strip("[]"),
            port=port,
            db=self._database,
            username=self.target.user if self.target.password else None,
            password=password,
            ssl=self.target.scheme == "rediss",
            ssl_check_hostname=True,  # clients before redis-py 6 do not, unless they are told to
            socket_timeout=ANSWER_SECONDS,
            socket_connect_timeout=ANSWER_SECONDS,
        )
        with self.translated():
            await self._client.ping()

    async def close(self) -> None:
        client, self._client = self._client, None
        if client is not None:
            with contextlib.suppress(Exception):  # whatever is wrong with it, it is not used again
                await client.aclose()

    @contextmanager
    def translated(self) -> Generator[None]:
        """Raise errors of the library as ours."""
        try:
            yield
        except (exceptions.AuthenticationError, exceptions.NoPermissionError) as error:
            raise BrokerError(f"{self.target} refuses who asks: {error}") from None
        except (exceptions.ConnectionError, exceptions.TimeoutError, OSError) as error:
            raise BrokerUnreachableError(f"{self.target} does not answer: {error}") from error
        except exceptions.RedisError as error:
            raise BrokerError(f"{self.target}: {error}") from error


class RedisPublisher:
    """Adds to a stream; all events of a call, or none."""

    def __init__(self, target: Target, mode: Mode) -> None:
        self._connection = _Connection(target)
        self._target = target
        self._mode = mode
        self._most = _number(target, "maxlen")

    async def open(self) -> None:
        """See `Publisher`."""
        await self._connection.open()

    async def publish(self, events: Sequence[BaseCloudEvent]) -> None:
        """See `Publisher`."""
        with self._connection.translated():
            pipeline = self._connection.client.pipeline(transaction=True)
            for event in events:
                headers, body = encoded(event, self._mode)
                pipeline.xadd(self._target.place, {**headers, DATA: body}, maxlen=self._most)
            await pipeline.execute()

    async def close(self) -> None:
        """See `Publisher`."""
        await self._connection.close()


class RedisConsumer:
    """Reads a stream as one of a group, which is created where there is none."""

    def __init__(self, target: Target, name: str) -> None:
        self._connection = _Connection(target)
        self._target = target
        self._group = name
        self._reader = new_hex()
        self._has_read = False
        self._claimed = 0.0

    async def open(self) -> None:
        """See `Consumer`."""
        await self._connection.open()
        self._has_read = True
        with self._connection.translated():
            try:
                await self._connection.client.xgroup_create(
                    self._target.place, self._group, "0", mkstream=True
                )
            except exceptions.ResponseError as error:
                if "BUSYGROUP" not in str(error):
                    raise

    async def receive(self, limit: int, seconds: float) -> list[Incoming]:
        """See `Consumer`."""
        with self._connection.translated():
            while self._has_read:  # what this reader was given on a connection that was lost
                entries = await self._read("0", limit, None)
                if messages := await self._messages(entries):
                    return messages
                self._has_read = bool(entries)
            if time.monotonic() - self._claimed > CLAIM_EVERY_SECONDS:
                if messages := await self._messages(await self._claim(limit)):
                    return messages
                self._claimed = time.monotonic()
            entries = await self._read(">", limit, max(1, int(seconds * 1_000)))
            return await self._messages(entries)

    async def _messages(self, entries: Sequence[_Entry]) -> list[Incoming]:
        """The messages of entries. One that was cut off its stream meanwhile is gone."""
        gone = gone_of(entries)
        if gone:
            logger.error(
                "%s: %d messages were trimmed, or deleted, before they were acknowledged, from %s "
                "to %s: those that were no tasks by then are lost",
                *(self._target, len(gone), gone[0].decode(), gone[-1].decode()),
            )
            await self._connection.client.xack(self._target.place, self._group, *gone)
        return [
            self._incoming(entry_id, fields) for entry_id, fields in entries if entry_id and fields
        ]

    async def _read(self, after: str, limit: int, block: int | None) -> list[_Entry]:
        place = self._target.place
        found: Any = await self._connection.client.xreadgroup(
            self._group, self._reader, {place: after}, count=limit, block=block
        )
        streams = cast(Any, found.items() if hasattr(found, "items") else found or ())
        return [entry for _, entries in streams for entry in _flat(entries)]

    async def _claim(self, limit: int) -> list[_Entry]:
        """What readers that died were given, and what of that is gone."""
        found: Any = await self._connection.client.xautoclaim(
            self._target.place,
            self._group,
            self._reader,
            min_idle_time=int(CLAIMED_SECONDS * 1_000),
            count=limit,
        )
        # From Redis 7 on those that are gone stand by themselves, and nobody is given them again.
        return [*found[1], *((entry_id, None) for entry_id in found[2:] and found[2])]

    def _incoming(self, entry_id: bytes, fields: Mapping[bytes, bytes]) -> Incoming:
        texts = {
            name.decode(errors="replace"): value.decode(errors="replace")
            for name, value in fields.items()
            if name != DATA
        }
        body = fields.get(DATA)
        headers = {} if body is None else texts
        whole = json.dumps(texts).encode() if body is None else body
        return Incoming(headers, whole, f"redis:{self._target.place}", entry_id.decode(), entry_id)

    async def acknowledge(self, messages: Sequence[Incoming]) -> None:
        """See `Consumer`."""
        with self._connection.translated():
            ids = [message.receipt for message in messages]
            await self._connection.client.xack(self._target.place, self._group, *ids)

    async def close(self) -> None:
        """See `Consumer`."""
        with contextlib.suppress(Exception):  # a reader that has nothing leaves no name behind
            client, place = self._connection.client, self._target.place
            if not await client.xpending_range(place, self._group, "-", "+", 1, self._reader):
                await client.xgroup_delconsumer(place, self._group, self._reader)
        await self._connection.close()


def gone_of(entries: Sequence[_Entry]) -> list[bytes]:
    """The ids of entries that are no more in the stream; Redis 6.2 claims such without an id."""
    return [entry_id for entry_id, fields in entries if entry_id is not None and not fields]


def _flat(entries: Any) -> list[_Entry]:
    """Entries of a stream: with the third version of the protocol they are in one list more."""
    return entries[0] if entries and isinstance(entries[0], list) else entries


def _number(target: Target, option: str) -> int | None:
    text = target.options.get(option)
    if text is not None and not (text.isdecimal() and len(text) < 10):
        raise ValidationError(f"the broker's address: {option} is no number")
    return None if text is None else int(text)


def publisher(target: Target, mode: Mode, create: bool) -> RedisPublisher:
    """See `publisher_of`. A stream of Redis is created by its first entry."""
    return RedisPublisher(target, mode)


def consumer(target: Target, name: str) -> RedisConsumer:
    """See `consumer_of`."""
    return RedisConsumer(target, name)
