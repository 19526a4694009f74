"""Kafka."""

from __future__ import annotations

import asyncio
import contextlib
import ssl
from collections.abc import Generator, Sequence
from contextlib import contextmanager
from typing import Any

from aiokafka import (  # pyright: ignore[reportMissingTypeStubs]
    AIOKafkaConsumer,
    AIOKafkaProducer,
    TopicPartition,
)
from aiokafka.errors import (  # pyright: ignore[reportMissingTypeStubs]
    KafkaError,
    MessageSizeTooLargeError,
    TopicAuthorizationFailedError,
    UnknownTopicOrPartitionError,
)
from cloudevents.core.base import BaseCloudEvent
from cloudevents.core.bindings import kafka

from graph_orch.brokers.cloud_events import FORMAT, Mode
from graph_orch.brokers.protocols import Incoming
from graph_orch.brokers.targets import Target
from graph_orch.errors import (
    BrokerError,
    BrokerUnreachableError,
    MessageTooLargeError,
    ValidationError,
)

ANSWER_SECONDS = 10.0
MOST_BYTES = 1_000_000
"""What a broker takes by default is a little more."""
REFUSALS = ("Authorization", "Authentication", "Unsupported", "Invalid", "RecordList")
"""What is in the names of errors that pass only where somebody does something about them."""


def _access(target: Target) -> dict[str, Any]:
    """How both clients connect. A user in the address logs in by SASL's PLAIN mechanism."""
    with_tls = target.scheme == "kafka+tls"
    found: dict[str, Any] = {
        "bootstrap_servers": [f"{host}:{port}" for host, port in target.hosts],
        "client_id": "graph-orch",
        "request_timeout_ms": int(ANSWER_SECONDS * 1_000),
    }
    if with_tls:
        found["ssl_context"] = ssl.create_default_context()
    if target.user is not None:
        found |= {
            "sasl_mechanism": "PLAIN",
            "sasl_plain_username": target.user,
            "sasl_plain_password": target.password or "",
        }
    transport = "SSL" if with_tls else "PLAINTEXT"
    if target.user is not None:
        transport = f"SASL_{transport}"
    return found | {"security_protocol": transport}


@contextmanager
def _translated(target: Target) -> Generator[None]:
    """Raise errors of the library as ours."""
    try:
        yield
    except UnknownTopicOrPartitionError:
        raise BrokerError(
            f"{target}: there is no such topic; create it with the tools of your broker"
        ) from None
    except KafkaError as error:
        text = " ".join(str(error).split())
        if isinstance(error, TopicAuthorizationFailedError) or any(
            word in type(error).__name__ for word in REFUSALS
        ):
            raise BrokerError(f"{target} refuses: {text}") from error
        raise BrokerUnreachableError(f"{target} does not answer: {text}") from error
    except (OSError, TimeoutError) as error:
        raise BrokerUnreachableError(f"{target} does not answer: {error}") from error


async def _stop(client: Any) -> None:
    """Disconnect, whatever is wrong with a client: it is not used again."""
    if client is None:
        return
    # In a task of its own: where the broker is gone, it ends as one that was cancelled.
    stopping = asyncio.ensure_future(client.stop())
    await asyncio.wait([stopping], timeout=ANSWER_SECONDS)
    if not stopping.done() or stopping.cancelled() or stopping.exception() is not None:
        stopping.cancel()
        with contextlib.suppress(Exception):
            async with asyncio.timeout(ANSWER_SECONDS):
                # What it closed in vain last is closed here; the library leaves no other way.
                await (client.client if hasattr(client, "client") else client._client).close()


class KafkaPublisher:
    """Produces to a topic with the id of the task as key: so a task has one partition."""

    def __init__(self, target: Target, mode: Mode) -> None:
        self._target = target
        self._encode = kafka.to_binary if mode is Mode.BINARY else kafka.to_structured
        self._producer: Any = None

    async def open(self) -> None:
        """See `Publisher`."""
        await self.close()
        with _translated(self._target):
            self._producer = AIOKafkaProducer(
                **_access(self._target), enable_idempotence=True, acks="all"
            )
            await self._producer.start()

    async def publish(self, events: Sequence[BaseCloudEvent]) -> None:
        """See `Publisher`."""
        if self._producer is None:
            raise BrokerUnreachableError(f"{self._target}: the connection is lost")
        made = [(event, self._encode(event, FORMAT)) for event in events]
        for event, message in made:
            if (size := len(message.value) + 2_000) > MOST_BYTES:
                raise MessageTooLargeError(event.get_id(), size, MOST_BYTES)
        with _translated(self._target):
            async with asyncio.timeout(2 * ANSWER_SECONDS):
                sent = [await self._send(message) for _, message in made]
                for (event, message), future in zip(made, sent, strict=True):
                    try:
                        await future
                    except MessageSizeTooLargeError:
                        raise MessageTooLargeError(event.get_id(), len(message.value)) from None

    async def _send(self, message: kafka.KafkaMessage) -> asyncio.Future[Any]:
        key = message.key.encode() if isinstance(message.key, str) else message.key
        return await self._producer.send(
            self._target.place, message.value, key=key, headers=[*message.headers.items()]
        )

    async def close(self) -> None:
        """See `Publisher`."""
        producer, self._producer = self._producer, None
        await _stop(producer)


class KafkaConsumer:
    """Reads a topic as one of a group, from its beginning where the group is new."""

    def __init__(self, target: Target, name: str) -> None:
        self._target = target
        self._group = name
        self._consumer: Any = None

    async def open(self) -> None:
        """See `Consumer`."""
        await self.close()
        with _translated(self._target):
            self._consumer = AIOKafkaConsumer(
                **_access(self._target),
                group_id=self._group,
                enable_auto_commit=False,
                auto_offset_reset="earliest",
                isolation_level="read_committed",
            )
            await self._consumer.start()
            if self._target.place not in await self._consumer.topics():
                raise UnknownTopicOrPartitionError
            self._consumer.subscribe([self._target.place])

    async def receive(self, limit: int, seconds: float) -> list[Incoming]:
        """See `Consumer`."""
        if self._consumer is None:
            raise BrokerUnreachableError(f"{self._target}: the connection is lost")
        with _translated(self._target):
            found: dict[Any, list[Any]] = await self._consumer.getmany(
                timeout_ms=int(seconds * 1_000), max_records=limit
            )
        return [self._incoming(it) for records in found.values() for it in records]

    def _incoming(self, record: Any) -> Incoming:
        headers = {name: (value or b"").decode(errors="replace") for name, value in record.headers}
        # A topic that is made anew under its name counts from 0 again; the time tells them apart.
        place = f"{record.partition}-{record.offset}-{record.timestamp}"
        return Incoming(headers, record.value or b"", f"kafka:{record.topic}", place, record)

    async def acknowledge(self, messages: Sequence[Incoming]) -> None:
        """See `Consumer`."""
        ends: dict[TopicPartition, int] = {}
        for it in (message.receipt for message in messages):
            where = TopicPartition(it.topic, it.partition)
            ends[where] = max(ends.get(where, 0), it.offset + 1)
        try:
            with _translated(self._target):
                await self._consumer.commit(ends)
        except BrokerError as error:  # the group has given the partition to another: it comes again
            raise BrokerUnreachableError(str(error)) from error

    async def close(self) -> None:
        """See `Consumer`."""
        consumer, self._consumer = self._consumer, None
        await _stop(consumer)


def publisher(target: Target, mode: Mode, create: bool) -> KafkaPublisher:
    """See `publisher_of`."""
    if create:
        raise ValidationError(
            "create: how many partitions and replicas a topic of Kafka has is for you to say; "
            "create it with the tools of your broker"
        )
    return KafkaPublisher(target, mode)


def consumer(target: Target, name: str) -> KafkaConsumer:
    """See `consumer_of`."""
    return KafkaConsumer(target, name)
