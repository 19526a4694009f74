"""Messages of brokers that could not be used: kept until somebody looks at them."""

from __future__ import annotations

import base64
import hashlib
from collections.abc import Mapping

from graph_orch._sync.graph import Graph
from graph_orch.domain.fields import (
    CONTENT,
    JSON_OBJECT,
    LIMIT,
    MAX_BYTES,
    NAME,
    NEW_NAME,
    instance,
)
from graph_orch.domain.forms import dump_json
from graph_orch.domain.models import DeadLetter
from graph_orch.errors import DeadLetterNotFoundError, DeadLettersFullError, ValidationError
from graph_orch.store.driving import native

MOST_KEPT = 1_000
"""How many dead letters one ingest keeps. It stops where there are more: nothing is thrown away."""
RETRIED_AT_ONCE = 10


class DeadLetters:
    """The dead letters in a graph. `graph_orch.brokers.ingest` keeps them, and tries them again."""

    def __init__(self, graph: Graph) -> None:
        self._graph = graph

    def keep(
        self,
        ingest: str,
        source: str,
        message_id: str,
        reason: str,
        *,
        body: bytes = b"",
        headers: Mapping[str, str] | None = None,
    ) -> DeadLetter:
        """Keep a message that cannot be used; once, however often it comes.

        Args:
            ingest: The name of the ingest that got it.
            source: Where it came from; with `message_id`, what it is known by.
            reason: Why it cannot be used.
            body: Where it is larger than 1 MB, only its size is kept.

        Raises:
            DeadLettersFullError: 1,000 of this ingest are kept already.
        """
        name = NEW_NAME.of("ingest", ingest)
        known = dump_json([name, CONTENT.of("source", source), CONTENT.of("id", message_id)])
        whole = instance("body", bytes, body)
        letter = {
            "source": source,
            "message_id": message_id,
            "size": len(whole),
            "headers": dump_json(JSON_OBJECT.of("headers", headers or {})),
            **_stored(whole),
        }
        rows = self._graph.write(
            "dead_letters/keep",
            letter_id=hashlib.sha256(known.encode()).hexdigest()[:32],
            letter=letter,
            ingest=name,
            reason=CONTENT.of("reason", reason),
            most=MOST_KEPT,
        )
        if rows[0]["letter"] is None:
            raise DeadLettersFullError(name, rows[0]["kept"])
        return DeadLetter.from_record(native(rows[0]))

    def list(self, ingest: str | None = None, limit: int = 100) -> list[DeadLetter]:
        """Dead letters without their bodies, those first that were kept first.

        Args:
            ingest: Only those of this one.
        """
        name = None if ingest is None else NAME.of("ingest", ingest)
        most = LIMIT.of("limit", limit)
        rows = self._graph.read("dead_letters/list", ingest=name, limit=most)
        return [DeadLetter.from_record(native(row)) for row in rows]

    def get(self, letter_id: str) -> DeadLetter:
        """The dead letter of this id, with its body.

        Raises:
            DeadLetterNotFoundError: there is none.
        """
        key = NAME.of("letter_id", letter_id)
        rows = self._graph.read("dead_letters/get", letter_id=key)
        if not rows:
            raise DeadLetterNotFoundError(key)
        return DeadLetter.from_record(native(rows[0]))

    def retry(self, letter_id: str) -> DeadLetter:
        """Ask for a dead letter to be tried again by its ingest, when that runs.

        Where it succeeds, the dead letter is gone. Otherwise it stays, with the new reason.

        Raises:
            DeadLetterNotFoundError: there is none of this id.
            ValidationError: it was too large to be kept.
        """
        found = self.get(letter_id)
        params = {"ingest": found.ingest, "letter_id": found.letter_id}
        (row,) = self._graph.write("dead_letters/retry", **params)
        if not row["number"]:
            raise ValidationError(
                f"dead letter {found.letter_id!r} has {found.size:,} bytes, and at most "
                f"{MAX_BYTES:,} are kept: send the message again, in parts"
            )
        return self.get(letter_id)

    def retry_all(self, ingest: str) -> int:
        """Ask for all dead letters of an ingest to be tried again; how many these are."""
        name = NAME.of("ingest", ingest)
        (row,) = self._graph.write("dead_letters/retry", ingest=name, letter_id=None)
        return row["number"]

    def to_retry(self, ingest: str) -> list[DeadLetter]:
        """The first dead letters of an ingest that are to be tried again, with their bodies."""
        params = {"ingest": NAME.of("ingest", ingest), "limit": RETRIED_AT_ONCE}
        rows = self._graph.read("dead_letters/to_retry", **params)
        return [DeadLetter.from_record(native(row)) for row in rows]

    def remove(self, letter_id: str) -> bool:
        """Remove a dead letter; False where there is none."""
        key = NAME.of("letter_id", letter_id)
        return bool(self._graph.write("dead_letters/remove", letter_id=key))


def _stored(body: bytes) -> dict[str, str | bool]:
    """A body as properties of a node; none where it is too large."""
    try:
        text, in_base64 = body.decode(), False
    except UnicodeDecodeError:
        text, in_base64 = base64.b64encode(body).decode(), True
    return {"body": text, "base64": in_base64} if len(body) <= MAX_BYTES else {}
