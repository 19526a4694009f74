"""Messages of brokers that could not be used."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Any, Self

from pydantic import Field, JsonValue

from graph_orch.domain.models.base import Model


class DeadLetter(Model):
    """A message that an ingest could not use, and keeps."""

    letter_id: str
    ingest: str = Field(description="The name of the ingest that got it")
    source: str = Field(description="Where it came from; with the id, what it is known by")
    message_id: str
    reason: str = Field(description="Why it could not be used")
    size: int = Field(description="How many bytes its body has")
    kept_at: datetime
    tries: int = Field(description="How often it was tried")
    retry_at: datetime | None = Field(None, description="Since when it is to be tried again")
    headers: JsonValue = Field(None, description="Told by `get` alone, as is its body")
    body: str | None = Field(None, description="None: it is too large to be kept")
    base64: bool | None = Field(None, description="Whether the body is in base64: it is no text")

    @classmethod
    def from_record(cls, record: Mapping[str, Any]) -> Self:
        """From a row with `letter`."""
        return cls(**cls.decoded(record["letter"]))
