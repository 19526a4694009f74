"""What a relay and an ingest ask of a broker."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Protocol

if TYPE_CHECKING:
    from cloudevents.core.base import BaseCloudEvent


class Publisher(Protocol):
    """Publishes CloudEvents. A relay opens it, and closes and opens it again when it failed."""

    async def open(self) -> None:
        """Connect.

        Raises:
            BrokerUnreachableError: the broker does not answer; it is tried again.
            BrokerError: it refuses, and somebody must do something about it.
        """
        ...

    async def publish(self, events: Sequence[BaseCloudEvent]) -> None:
        """Publish events, each of another task (its `subject`); return once all are acknowledged.

        Where it fails, all of them are published again: whoever reads them knows a repeated one
        by its `id`.

        Raises:
            MessageTooLargeError: one of them is; all are published again, that one without what is
                long in it.
            BrokerUnreachableError, BrokerError: as for `open`.
        """
        ...

    async def close(self) -> None:
        """Disconnect; nothing is raised, and closing twice is fine."""
        ...


@dataclass(frozen=True, slots=True)
class Incoming:
    """A message as a broker gave it."""

    headers: Mapping[str, str]
    body: bytes
    source: str
    """Where it came from, for a message that does not say so itself."""
    place: str
    """Its id there, which no other message has."""
    receipt: Any = None
    """By what the consumer acknowledges it."""


class Consumer(Protocol):
    """Receives messages, those again that nobody acknowledged."""

    async def open(self) -> None:
        """Connect; errors as for `Publisher.open`."""
        ...

    async def receive(self, limit: int, seconds: float) -> Sequence[Incoming]:
        """The next messages; wait for the first of them so long at most.

        Raises:
            BrokerUnreachableError, BrokerError: as for `Publisher.open`.
        """
        ...

    async def acknowledge(self, messages: Sequence[Incoming]) -> None:
        """Say that messages are dealt with: they do not come again.

        Raises:
            BrokerUnreachableError: as for `open`; they may come again.
        """
        ...

    async def close(self) -> None:
        """Disconnect; nothing is raised, and closing twice is fine."""
        ...
