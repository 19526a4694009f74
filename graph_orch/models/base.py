"""What all models share."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

from pydantic import BaseModel, ConfigDict


class Model(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


def some_moment(value: Any) -> datetime:
    moment = value.to_native()
    return moment.astimezone(UTC)


def moment(value: Any) -> datetime | None:
    return None if value is None else some_moment(value)
