"""An ingest: a message of a broker becomes a task, or opens an event gate, once."""

from __future__ import annotations

import asyncio
import base64
import hashlib
import time
from collections.abc import AsyncGenerator, Mapping, Sequence
from contextlib import asynccontextmanager
from datetime import datetime
from typing import Any, Protocol, cast
from urllib.parse import quote

from cloudevents.core.base import BaseCloudEvent
from pydantic import JsonValue

from graph_orch._async.orchestrator import AsyncOrchestrator
from graph_orch.brokers.cloud_events import decoded
from graph_orch.brokers.protocols import Consumer, Incoming
from graph_orch.domain.fields import JSON_OBJECT, MAX_NAME, NAME, NEW_NAME
from graph_orch.domain.lifecycle import TaskPriority
from graph_orch.domain.models import ONCE_ONLY, DeadLetter, NewTask
from graph_orch.domain.models.gates import GateDecision, GateKind
from graph_orch.domain.templates import Template
from graph_orch.errors import (
    BrokerUnreachableError,
    GateNotFoundError,
    OrchestrationError,
    StoreError,
    ValidationError,
)
from graph_orch.logs import logger_of
from graph_orch.store.backoff import pauses

BATCH = 100
"""How many messages are received and dealt with together."""
LOOK_SECONDS = 1.0
FIRST_PAUSE_SECONDS = 0.05
LONGEST_PAUSE_SECONDS = 15.0
FILLED = ("content", "metadata", "priority")
"""The fields of a task that a message may fill."""
MOST_LETTERS, MOST_HEADERS = 1_000, 100_000
"""How much of the texts of a dead letter is kept, and of its headers."""
SOURCE, PLACE = "x-graph-orch-source", "x-graph-orch-place"
"""Headers of a dead letter: where the broker had the message."""
logger = logger_of("graph_orch.ingest")


class Recipe(Protocol):
    """What becomes of a message."""

    async def apply(
        self, orch: AsyncOrchestrator, events: Sequence[BaseCloudEvent]
    ) -> list[OrchestrationError | None]:
        """Deal with messages; for each why it cannot be used, None where it was dealt with.

        Doing it again with the same message changes nothing.

        Raises:
            StoreError: the store is away; all of them are tried again.
        """
        ...


class TaskRecipe:
    """Creates a task of each message."""

    def __init__(self, template: Mapping[str, JsonValue]) -> None:
        """A recipe for tasks.

        Args:
            template: The arguments of `create_task`, but for those that only one task can have. In
                the texts of content, metadata and priority `{data.title}` stands for a field
                of the message: of its `data`, or `{id}`, `{source}`, `{type}`,
                `{subject}`, `{time}` and other attributes. Without content it is the data.

        Raises:
            ValidationError: it makes no task, or a place stands in another field.
        """
        given = {"content": "{data}", **JSON_OBJECT.of("task", template)}
        for name, part in given.items():
            if name not in FILLED and _of_message("task", part).has_places:
                raise ValidationError(
                    f"task: {name}: a message fills {', '.join(FILLED)} only; give the value"
                )
        self._template = _of_message("task", given)
        self._content = _of_message("task", f"{given['content']} ")
        fields = cast(dict[str, Any], self._template.sampled())
        if _of_message("task", given.get("priority")).has_places:
            fields |= {"priority": TaskPriority.MEDIUM}
        NewTask.parsed("task", fields)
        if once_only := [name for name in ONCE_ONLY if given.get(name) not in (None, [])]:
            raise ValidationError(
                f"task: {', '.join(once_only)}: this can be true of one task only, and each "
                "message makes one; leave it out"
            )

    async def apply(
        self, orch: AsyncOrchestrator, events: Sequence[BaseCloudEvent]
    ) -> list[OrchestrationError | None]:
        """See `Recipe`."""
        found: list[OrchestrationError | None] = [None] * len(events)
        tasks: dict[int, NewTask] = {}
        for place, event in enumerate(events):
            try:
                tasks[place] = self._task(event)
            except ValidationError as error:
                found[place] = error
            except (ValueError, TypeError, RecursionError) as error:  # no such message stops it
                found[place] = ValidationError(f"the message makes no task: {error}")
        for place, error in zip(tasks, await _created(orch, [*tasks.values()]), strict=True):
            found[place] = error
        return found

    def _task(self, event: BaseCloudEvent) -> NewTask:
        values = values_of(event)
        fields = cast(dict[str, JsonValue], self._template.filled(values))
        if not isinstance(fields["content"], str):  # the template is one place, and that is no text
            fields["content"] = str(self._content.filled(values)).rstrip()
        metadata, traceparent = fields.get("metadata"), event.get_extension("traceparent")
        if isinstance(traceparent, str) and (metadata is None or isinstance(metadata, dict)):
            fields["metadata"] = {"traceparent": traceparent, **(metadata or {})}
        return NewTask.parsed("task", fields).with_own_key(key_of(event))


async def _created(
    orch: AsyncOrchestrator, tasks: Sequence[NewTask]
) -> list[OrchestrationError | None]:
    """Create tasks together; where they cannot be, halves of them, down to those that are wrong."""
    if not tasks:
        return []
    try:
        await orch.tasks.create_tasks(tasks)
    except StoreError:
        raise
    except OrchestrationError as error:
        if len(tasks) == 1:
            return [error]
        half = len(tasks) // 2
        return [*await _created(orch, tasks[:half]), *await _created(orch, tasks[half:])]
    return [None] * len(tasks)


def _of_message(what: str, value: JsonValue) -> Template:
    """A template whose places are attributes of a message, such as extensions, or in its data."""
    return Template(what, value, roots=None)


class GateRecipe:
    """Decides the event gate that a message names; its data is the answer."""

    def __init__(self, gate: str, *, decision: str = "answer", by: str | None = None) -> None:
        """A recipe for gates.

        Args:
            gate: The id of the gate, or where the message has it: `{subject}`.
            decision: "answer", "approve" or "reject", or where the message has it.
            by: Who decides; None: the source of the message.

        Raises:
            ValidationError: it names no gate, or no decision.
        """
        self._gate = _of_message("gate", NAME.of("gate", gate))
        self._decision = _of_message("decision", NAME.of("decision", decision))
        if decision not in set(GateDecision) and not self._decision.has_places:
            raise ValidationError(
                f"decision: {decision!r} is none; give answer, approve or reject, or such as "
                "'{data.decision}'"
            )
        self._by = None if by is None else NEW_NAME.of("by", by)

    async def apply(
        self, orch: AsyncOrchestrator, events: Sequence[BaseCloudEvent]
    ) -> list[OrchestrationError | None]:
        """See `Recipe`."""
        found: list[OrchestrationError | None] = []
        for event in events:
            try:
                await self._decide(orch, event)
                found.append(None)
            except StoreError:
                raise
            except OrchestrationError as error:
                found.append(error)
        return found

    async def _decide(self, orch: AsyncOrchestrator, event: BaseCloudEvent) -> None:
        values = values_of(event)
        gate_id = str(self._gate.filled(values))
        gate = await orch.gates.get(gate_id)
        if gate is None:
            raise GateNotFoundError([gate_id])
        decision = str(self._decision.filled(values))
        if gate.kind is not GateKind.EVENT or decision == GateDecision.SEND_BACK:
            raise ValidationError(
                f"gate {gate_id!r} is of the kind {gate.kind}: messages decide gates of the kind "
                "event only, and send none back"
            )
        by = self._by or event.get_source()[:MAX_NAME]
        await orch.gates.decide(gate_id, decision, by=by, payload=values["data"])


async def ingest(
    orch: AsyncOrchestrator,
    consumer: Consumer,
    name: str,
    recipe: Recipe,
    *,
    idle_seconds: float | None = None,
) -> int:
    """Receive messages as they come, and let a recipe deal with each; how many were dealt with.

    A message is acknowledged at the broker once what became of it is committed; it becomes one task
    by its source and id, however often it comes. One that cannot be used becomes a dead letter,
    see `DeadLetters`, and is acknowledged too. While the broker or the store is away, they are
    tried again, and each failure is logged. Any number of ingests may run.

    Args:
        name: Under which dead letters are kept, and tried again.
        idle_seconds: End when nothing came for so long; None: never end.

    Raises:
        ValidationError: an argument is not acceptable.
        BrokerError: the broker refuses, and somebody must do something about it.
        DeadLettersFullError: 1,000 dead letters of this name are kept; what comes waits at the
            broker until somebody looks at them.
    """
    it = _Ingest(orch, consumer, NEW_NAME.of("name", name), recipe)
    return await it.run(idle_seconds)


class _Ingest:
    def __init__(
        self, orch: AsyncOrchestrator, consumer: Consumer, name: str, recipe: Recipe
    ) -> None:
        self._orch = orch
        self._consumer = consumer
        self._name = name
        self._recipe = recipe

    async def run(self, idle_seconds: float | None) -> int:
        number, heard = 0, time.monotonic()
        pause = pauses(FIRST_PAUSE_SECONDS, LONGEST_PAUSE_SECONDS)
        is_open, found = False, list[Incoming]()
        async with self._closed_at_the_end():
            while True:
                try:
                    if not is_open:
                        await self._consumer.open()
                        is_open = True
                    await self._retry_letters()
                    found = found or list(await self._consumer.receive(BATCH, LOOK_SECONDS))
                    if found:
                        await self._deal_with(found)
                        await self._consumer.acknowledge(found)
                        number, heard = number + len(found), time.monotonic()
                        found = []
                    elif idle_seconds is not None and time.monotonic() - heard >= idle_seconds:
                        return number
                    pause = pauses(FIRST_PAUSE_SECONDS, LONGEST_PAUSE_SECONDS)
                except StoreError as error:
                    logger.warning("%s waits: %s", self._name, error)
                    await asyncio.sleep(next(pause))
                except BrokerUnreachableError as error:
                    logger.warning("%s: %s; trying again", self._name, error)
                    # What was not acknowledged comes again on a new connection.
                    is_open, found = False, []
                    await self._consumer.close()
                    await asyncio.sleep(next(pause))

    async def _deal_with(self, messages: Sequence[Incoming]) -> list[bool]:
        """Commit what becomes of messages; which of them could be used."""
        events: dict[int, BaseCloudEvent] = {}
        used = [False] * len(messages)
        for place, message in enumerate(messages):
            try:
                events[place] = decoded(message)
            except ValidationError as error:
                await self._keep(message, None, error)
        found = await self._recipe.apply(self._orch, [*events.values()])
        for (place, event), error in zip(events.items(), found, strict=True):
            used[place] = error is None
            if error is not None:
                await self._keep(messages[place], event, error)
        return used

    async def _retry_letters(self) -> None:
        letters = await self._orch.dead_letters.to_retry(self._name)
        used = await self._deal_with([_of_letter(it) for it in letters])
        for letter, was_used in zip(letters, used, strict=True):
            if was_used:
                await self._orch.dead_letters.remove(letter.letter_id)

    async def _keep(
        self, message: Incoming, event: BaseCloudEvent | None, error: OrchestrationError
    ) -> None:
        source = message.source if event is None else event.get_source()
        message_id = message.place if event is None else event.get_id()
        headers = {_text(name): _text(value) for name, value in message.headers.items()}
        if sum(map(len, (*headers, *headers.values()))) > MOST_HEADERS:
            headers = {}
        letter = await self._orch.dead_letters.keep(
            self._name,
            _text(source)[:MOST_LETTERS],
            _text(message_id)[:MOST_LETTERS],
            _text(str(error))[:MOST_LETTERS],
            body=message.body,
            headers={**headers, SOURCE: _text(message.source), PLACE: _text(message.place)},
        )
        logger.warning("%s: dead letter %s: %s", self._name, letter.letter_id, error)

    @asynccontextmanager
    async def _closed_at_the_end(self) -> AsyncGenerator[None]:
        try:
            yield
        finally:
            await self._consumer.close()


def _text(given: str) -> str:
    """A text as UTF-8 can hold it, whatever somebody has sent."""
    return given.encode(errors="replace").decode()


def _of_letter(letter: DeadLetter) -> Incoming:
    headers = cast(dict[str, str], dict(cast(Mapping[str, JsonValue], letter.headers or {})))
    source, place = headers.pop(SOURCE, letter.source), headers.pop(PLACE, letter.message_id)
    text = letter.body or ""
    body = base64.b64decode(text) if letter.base64 else text.encode()
    return Incoming(headers, body, source, place)


def values_of(event: BaseCloudEvent) -> dict[str, JsonValue]:
    """What a template may name: the attributes of a message, and its data.

    Raises:
        ValidationError: its data is neither text nor JSON.
    """
    data: Any = event.get_data()
    if isinstance(data, bytes):
        raise ValidationError("its data is neither text nor JSON")
    attributes = {
        name: value.isoformat() if isinstance(value, datetime) else value
        for name, value in event.get_attributes().items()
    }
    return {**attributes, "data": data}


def key_of(event: BaseCloudEvent) -> str:
    """The idempotency key of the task of a message: its source and its id, or a hash of them."""
    known = f"{quote(event.get_source(), safe='/:@')}#{quote(event.get_id(), safe='/:@')}"
    if len(known) > MAX_NAME - 20:
        known = hashlib.sha256(known.encode()).hexdigest()
    return f"message:{known}"
