"""What files declare, and how a graph differs from it."""

from __future__ import annotations

from enum import StrEnum

from pydantic import Field, JsonValue

from graph_orch.domain.models.base import Model


class DeclaredKind(StrEnum):
    """What can be declared."""

    SUBSCRIPTION = "subscription"
    TRIGGER = "trigger"
    SCHEDULE = "schedule"


class ChangeAction(StrEnum):
    """What is done so that a graph has what is declared."""

    CREATE = "create"
    CHANGE = "change"
    REMOVE = "remove"
    KEEP = "keep"


class Change(Model):
    """How a graph differs from what is declared of one name."""

    action: ChangeAction
    kind: DeclaredKind
    name: str
    before: dict[str, JsonValue] = Field({}, description="Fields that differ, as they are")
    after: dict[str, JsonValue] = Field({}, description="Those, as they are declared")
