"""Budgets: how much of tokens, money, time and tries may be used."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from decimal import Decimal
from typing import TYPE_CHECKING, Annotated, Any, Self, cast

from pydantic import Field, WithJsonSchema

from graph_orch.domain.fields import Check, Count, Seconds
from graph_orch.domain.models.base import Model
from graph_orch.errors import ValidationError

UNLIMITED = 2**62
"""What the store has for an amount that is not limited: sums with it do not overflow."""
BILLIONTHS = 10**9
Tokens = Annotated[int, Field(strict=True, ge=0, le=10**15)]
Cost = Annotated[
    Decimal,
    Field(ge=0, le=10**9, decimal_places=9, allow_inf_nan=False),
    WithJsonSchema({"type": "number", "minimum": 0, "maximum": 10**9}),
]
"""An amount of money, exact to a billionth of the currency."""
TOKENS: Check[int] = Check(Tokens)
COST: Check[Decimal] = Check(Cost)
Currency = Annotated[str, Field(pattern="^[A-Z]{3}$")]


class Budget(Model):
    """Amounts that may be used, are estimated, or were used. None is unlimited, or unknown."""

    tokens: Tokens | None = Field(None, description="Tokens of models")
    cost: Cost | None = Field(None, description="Money, exact to a billionth")
    currency: Currency = Field("USD", description="Of the cost, as ISO 4217 has it")
    seconds: Seconds | None = Field(None, description="Seconds of work")
    tries: Count | None = Field(None, description="Tries that begin")

    if TYPE_CHECKING:  # callers may give more types than the fields have

        def __init__(
            self,
            *,
            tokens: int | None = None,
            cost: Decimal | float | str | None = None,
            currency: str = "USD",
            seconds: float | None = None,
            tries: int | None = None,
        ) -> None: ...

    def amounts(self, unknown: Sequence[int]) -> list[int]:
        """As the store has it: tokens, billionths of the currency, milliseconds, tries.

        Args:
            unknown: What stands for those that are None.
        """
        found = (
            self.tokens,
            None if self.cost is None else int(self.cost * BILLIONTHS),
            None if self.seconds is None else round(self.seconds * 1_000),
            self.tries,
        )
        return [other if it is None else it for it, other in zip(found, unknown, strict=True)]

    @classmethod
    def of_amounts(cls, amounts: Sequence[int], currency: str) -> Self:
        """From what the store has."""
        tokens, cost, milliseconds, tries = (None if it >= UNLIMITED // 2 else it for it in amounts)
        return cls.stored(
            {
                "tokens": tokens,
                "cost": None if cost is None else (Decimal(cost) / BILLIONTHS).normalize() + 0,
                "currency": currency,
                "seconds": None if milliseconds is None else milliseconds / 1_000,
                "tries": tries,
            }
        )


def used_of(metrics: object) -> list[int] | None:
    """What a try used, from the `tokens` and the `cost` of what it measured, as the store has it.

    What is there under these names and is no such number, is a measurement of another kind.
    """
    if not isinstance(metrics, Mapping):
        return None
    given = cast("Mapping[str, object]", metrics)
    found: list[int] = []
    for name, check in (("tokens", TOKENS), ("cost", COST)):
        value = given.get(name)
        try:
            number = check.of(name, str(value) if isinstance(value, float) else value or 0)
        except ValidationError:
            number = 0
        found.append(int(number if name == "tokens" else number * BILLIONTHS))
    return found if any(found) else None


class BudgetState(Model):
    """A budget, and how far it is used."""

    owner: str = Field(description="workflow:ID, agent:ID or team:ID")
    budget: Budget = Field(description="What may be used")
    spent: Budget = Field(description="What was used by tries that have ended")
    reserved: Budget = Field(description="What running tries are estimated to use")
    left: Budget = Field(description="What neither is spent nor reserved; never below 0")
    is_exhausted: bool = Field(description="Whether an amount of it is spent")
    is_closed: bool = Field(
        description="Whether no task is given out that it would pay for: it is exhausted, or what "
        "is left was not enough for the task that came first"
    )

    @classmethod
    def from_record(cls, record: Mapping[str, Any]) -> Self:
        """From a row with `budget`, see budgets/row.fragment."""
        node = record["budget"]
        most, spent, held = node["most"], node["spent"], node["held"]
        of = [Budget.of_amounts(it, node["currency"]) for it in (most, spent, held)]
        left = [
            limit if limit >= UNLIMITED else max(0, limit - used - reserved)
            for limit, used, reserved in zip(most, spent, held, strict=True)
        ]
        return cls.stored(
            {
                "owner": node["key"],
                "budget": of[0],
                "spent": of[1],
                "reserved": of[2],
                "left": Budget.of_amounts(left, node["currency"]),
                "is_exhausted": any(it >= limit for it, limit in zip(spent, most, strict=True)),
                "is_closed": node["closed"],
            }
        )
