"""Webhooks: to which URLs events are sent, and how that went."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Any, Self

from pydantic import Field

from graph_orch.domain.models.base import Model
from graph_orch.domain.models.subscriptions import Subscription


class Webhook(Subscription):
    """A subscription whose events are sent to a URL."""

    url: str
    failures: int = Field(0, description="Tries that failed since one succeeded")
    failing_since: datetime | None = Field(None, description="When the first of these was")
    disabled_at: datetime | None = Field(None, description="Since when nothing is sent")
    disabled_because: str | None = None
    old_secret_until: datetime | None = Field(
        None, description="Until when the secret before this one signs too"
    )
    waiting: int = Field(0, description="Deliveries that are still to be made, or made again")
    given_up: int = Field(0, description="Deliveries that failed for good")

    @classmethod
    def from_record(cls, record: Mapping[str, Any]) -> Self:
        """From a row with `webhook` and `last`, the end of the log."""
        return super().from_record({"subscription": record["webhook"], "last": record["last"]})


class NewWebhook(Webhook):
    """A webhook of which a secret was just made. It is shown this once."""

    secret: str | None = Field(None, repr=False, description="None: it keeps the one that it has")


class WebhookAttempt(Model):
    """One try to deliver an event."""

    webhook: str
    event_id: str = Field(description="The header webhook-id, by which receivers know repeats")
    type: str = Field(description="The type of the event")
    task_id: str | None = None
    number: int = Field(description="Which try of this delivery it was, from 1")
    at: datetime = Field(description="When it ended, UTC")
    duration_ms: float
    status: int | None = Field(None, description="Of the answer; None: there was none")
    delivered: bool
    error: str | None = Field(None, description="Why it was not delivered")
    answer: str | None = Field(None, description="The first characters of the answer's body")

    @classmethod
    def from_record(cls, record: Mapping[str, Any]) -> Self:
        """From a row with `attempt`."""
        return cls(**cls.decoded(record["attempt"]))
