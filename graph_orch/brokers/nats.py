"""NATS JetStream."""

from __future__ import annotations

import asyncio
import contextlib
import json
import re
from collections.abc import AsyncGenerator, Sequence
from contextlib import asynccontextmanager
from typing import Any, cast

import nats
import nats.errors
import nats.js.errors
from cloudevents.core.base import BaseCloudEvent
from nats.aio.client import Client
from nats.js import JetStreamContext
from nats.js.api import ConsumerConfig, DiscardPolicy, PubAck, StreamConfig, StreamInfo

from graph_orch.brokers.cloud_events import Mode, encoded
from graph_orch.brokers.protocols import Incoming
from graph_orch.brokers.targets import Target
from graph_orch.domain.cloud_events import TYPE
from graph_orch.errors import BrokerError, BrokerUnreachableError, MessageTooLargeError

CONNECT_SECONDS = 5
ANSWER_SECONDS = 10.0
PING_SECONDS = 10
"""Where two of these are not answered, the connection is lost."""
ACK_WAIT_SECONDS = 60.0
"""After so long a message that was not acknowledged comes again, to whoever asks."""
DUPLICATES_SECONDS = 600.0
"""How long a stream that we create knows the ids of its messages."""
HEADERS_BYTES = 1_000
"""What the lines of headers take besides their names and values, and more."""
THERE_ALREADY = 10_105, 10_148
"""The server's codes for a consumer that was to be created, and is there."""
TOO_LARGE = 10_054
"""The server's code for a message that is larger than its stream takes."""


class _Connection:
    """A connection that is never mended, but made anew: so what was lost with it is known."""

    def __init__(self, target: Target) -> None:
        self.target = target
        self._client: Client | None = None
        self._lost: asyncio.Event = asyncio.Event()
        self._complaint: str | None = None

    @property
    def client(self) -> Client:
        if self._client is None or not self._client.is_connected:
            raise BrokerUnreachableError(f"{self.target}: the connection is lost")
        return self._client

    @property
    def jetstream(self) -> JetStreamContext:
        return self.client.jetstream(timeout=ANSWER_SECONDS)  # pyright: ignore[reportUnknownMemberType]

    async def open(self) -> None:
        await self.close()
        self._lost, self._complaint = asyncio.Event(), None
        target = self.target
        scheme = "tls" if target.scheme == "tls" else "nats"
        has_user = target.password is not None
        self._client = client = Client()  # `close` closes what a failed attempt leaves open, too
        async with self.translated():
            await client.connect(  # pyright: ignore[reportUnknownMemberType]
                [f"{scheme}://{host}:{port}" for host, port in target.hosts],
                name="graph-orch",
                allow_reconnect=False,
                connect_timeout=CONNECT_SECONDS,
                max_reconnect_attempts=1,
                ping_interval=PING_SECONDS,
                error_cb=self._complained,
                closed_cb=self._closed,
                user_credentials=target.options.get("credentials"),
                user=target.user if has_user else None,
                password=target.password,
                token=None if has_user else target.user,
            )

    async def close(self) -> None:
        client, self._client = self._client, None
        if client is not None:
            with contextlib.suppress(Exception):  # whatever is wrong with it, it is not used again
                async with asyncio.timeout(CONNECT_SECONDS):
                    await client.close()

    async def wait(self, futures: Sequence[asyncio.Future[PubAck]]) -> list[PubAck | BaseException]:
        """Wait for the answers to all.

        Raises:
            BrokerUnreachableError, BrokerError: one does not come.
        """
        lost = asyncio.ensure_future(self._lost.wait())
        answers = asyncio.gather(*futures, return_exceptions=True)
        async with self.translated():
            try:
                await asyncio.wait(
                    (lost, answers),
                    timeout=ANSWER_SECONDS,
                    return_when=asyncio.FIRST_COMPLETED,
                )
                if not answers.done():
                    raise nats.errors.TimeoutError
                return answers.result()
            finally:
                lost.cancel()
                answers.cancel()
                with contextlib.suppress(BaseException):
                    await answers

    @asynccontextmanager
    async def translated(self) -> AsyncGenerator[None]:
        """Raise errors of the library as ours."""
        try:
            yield
        except nats.js.errors.NoStreamResponseError:
            raise BrokerError(
                f"{self.target}: no stream takes messages of this subject; create one that does, "
                "such as with --create, or name another subject after the host"
            ) from None
        except (
            nats.js.errors.ServiceUnavailableError,
            nats.errors.TimeoutError,
            nats.errors.NoRespondersError,
            TimeoutError,
            OSError,
        ) as error:
            # A permission that is missing is told beside the answer, which never comes.
            if self._complaint is not None:
                raise BrokerError(f"{self.target}: {self._complaint}") from error
            raise BrokerUnreachableError(f"{self.target} does not answer") from error
        except nats.js.errors.APIError as error:
            raise BrokerError(f"{self.target}: {error.description}") from error
        except nats.errors.Error as error:
            if "authorization" in str(error).lower():  # some of these errors are of no class
                raise BrokerError(
                    f"{self.target} refuses the user and the password, or the token, of the address"
                ) from None
            raise BrokerUnreachableError(f"{self.target}: {error}") from error

    async def _complained(self, error: Exception) -> None:
        if "permissions violation" in str(error).lower():
            self._complaint = " ".join(str(error).split())

    async def _closed(self) -> None:
        self._lost.set()


class NatsPublisher:
    """Publishes to `SUBJECT.TYPE`, such as `graph_orch.completed`; `Nats-Msg-Id` is the id."""

    def __init__(self, target: Target, mode: Mode, create: bool) -> None:
        self._connection = _Connection(target)
        self._target = target
        self._mode = mode
        self._create = create
        self._most = 0

    async def open(self) -> None:
        """See `Publisher`."""
        await self._connection.open()
        self._most = self._connection.client.max_payload
        if self._create:
            await self._create_stream()

    async def publish(self, events: Sequence[BaseCloudEvent]) -> None:
        """See `Publisher`."""
        made = [(event, *encoded(event, self._mode)) for event in events]
        for event, headers, body in made:
            size = len(body) + sum(len(it) + len(headers[it]) for it in headers) + HEADERS_BYTES
            if size > self._most:
                raise MessageTooLargeError(event.get_id(), size, self._most)
        jetstream: Any = self._connection.jetstream  # some of its types are not told
        stream = self._target.options.get("stream")
        # Not `publish_async`: what a stream refuses is lost there, and looks like no answer.
        sent: list[asyncio.Future[PubAck]] = []
        for event, headers, body in made:
            subject = f"{self._target.place}.{event.get_type().removeprefix(TYPE)}"
            headers["Nats-Msg-Id"] = event.get_id()
            publishing = jetstream.publish(
                subject, body, timeout=ANSWER_SECONDS, stream=stream, headers=headers
            )
            sent.append(asyncio.ensure_future(publishing))
        answers = await self._connection.wait(sent)
        for (event, _, body), answer in zip(made, answers, strict=True):
            if isinstance(answer, nats.js.errors.APIError) and answer.err_code == TOO_LARGE:
                raise MessageTooLargeError(event.get_id(), len(body))
            if isinstance(answer, BaseException):
                async with self._connection.translated():
                    raise answer

    async def close(self) -> None:
        """See `Publisher`."""
        await self._connection.close()

    async def _create_stream(self) -> None:
        place = self._target.place
        name = self._target.options.get("stream") or re.sub(r"\W", "_", place)
        config = StreamConfig(
            name=name,
            subjects=[f"{place}.>"],
            duplicate_window=DUPLICATES_SECONDS,
            discard=DiscardPolicy.OLD,
        )
        jetstream: Any = self._connection.jetstream
        async with self._connection.translated():
            try:
                await jetstream.stream_info(name)
            except nats.js.errors.NotFoundError:
                await jetstream.add_stream(config)


class NatsConsumer:
    """Pulls from a durable consumer, which is created where there is none."""

    def __init__(self, target: Target, name: str) -> None:
        self._connection = _Connection(target)
        self._target = target
        self._name = name
        self._source = ""
        self._stream = ""
        self._subscription: Any = None

    async def open(self) -> None:
        """See `Consumer`."""
        await self._connection.open()
        subject = self._target.place
        jetstream: Any = self._connection.jetstream
        async with self._connection.translated():
            try:
                info = await self._stream_of(jetstream, subject)
                await self._have_consumer(jetstream, info.config.name or "", subject)
                self._subscription = await jetstream.pull_subscribe_bind(
                    durable=self._name, stream=info.config.name or ""
                )
            except nats.js.errors.NotFoundError:
                raise BrokerError(
                    f"{self._target}: no stream has messages of the subject {subject!r}; create "
                    "one, or name its subject after the host"
                ) from None
        # A stream that is made anew under its name counts from 1 again: that is another source.
        self._stream = info.config.name or ""
        self._source = f"nats:{self._stream}@{info.created.isoformat() if info.created else ''}"

    async def _have_consumer(self, jetstream: Any, stream: str, subject: str) -> None:
        """Create the durable consumer, unless it is there.

        Creating one of a name that is there may change its subject: an ingest of another subject
        would take the messages of this one, and this one those of the other. So what is there is
        looked at before, and after, as another ingest may begin at the same time.
        """
        try:
            await jetstream.consumer_info(stream, self._name)
        except nats.js.errors.NotFoundError:
            await self._create(jetstream, stream, subject)
        found = (await jetstream.consumer_info(stream, self._name)).config.filter_subject
        if found != subject:
            raise BrokerError(
                f"{self._target}: consumers of the name {self._name!r} take "
                f"{'all messages' if found is None else f'messages of {found!r}'} of the stream "
                f"{stream!r}; give another name, such as with --name"
            )

    async def _create(self, jetstream: Any, stream: str, subject: str) -> None:
        config = ConsumerConfig(
            durable_name=self._name, filter_subject=subject, ack_wait=ACK_WAIT_SECONDS
        )
        # The library cannot say that an existing one is to stay as it is, which servers from 2.10
        # on heed; for others it is as if that were not said.
        asked = {"stream_name": stream, "config": config.as_dict(), "action": "create"}
        place = f"$JS.API.CONSUMER.DURABLE.CREATE.{stream}.{self._name}"
        answer = await self._connection.client.request(
            place, json.dumps(asked).encode(), timeout=ANSWER_SECONDS
        )
        error = json.loads(answer.data).get("error")
        if error and error.get("err_code") not in THERE_ALREADY:
            raise nats.js.errors.APIError.from_error(error)

    async def _stream_of(self, jetstream: JetStreamContext, subject: str) -> StreamInfo:
        name = self._target.options.get("stream")
        return await jetstream.stream_info(
            name or await jetstream.find_stream_name_by_subject(subject)
        )

    async def receive(self, limit: int, seconds: float) -> list[Incoming]:
        """See `Consumer`."""
        found: list[Any] = []
        async with self._connection.translated():
            with contextlib.suppress(TimeoutError):  # so the library says that nothing has come
                found = await self._subscription.fetch(limit, timeout=seconds)
        if not found:
            _ = self._connection.client  # raises where nothing can come
        return [self._incoming(it) for it in found]

    def _incoming(self, message: Any) -> Incoming:
        headers = dict(cast(dict[str, str], message.headers or {}))
        given = headers.get("Nats-Msg-Id")
        sequence = str(message.metadata.sequence.stream)
        if given:  # by this its sender knows it, also where it was sent again much later
            return Incoming(headers, message.data, f"nats:{self._stream}", given, message)
        return Incoming(headers, message.data, self._source, sequence, message)

    async def acknowledge(self, messages: Sequence[Incoming]) -> None:
        """See `Consumer`."""
        async with self._connection.translated():
            for message in messages:
                await message.receipt.ack()
            await self._connection.client.flush(int(ANSWER_SECONDS))

    async def close(self) -> None:
        """See `Consumer`."""
        self._subscription = None
        await self._connection.close()


def publisher(target: Target, mode: Mode, create: bool) -> NatsPublisher:
    """See `publisher_of`."""
    return NatsPublisher(target, mode, create)


def consumer(target: Target, name: str) -> NatsConsumer:
    """See `consumer_of`."""
    return NatsConsumer(target, name)
