"""Budgets: how much of tokens, money, time and tries may be used."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from decimal import Decimal, InvalidOperation
from typing import TYPE_CHECKING, Annotated, Any, Self, cast

from pydantic import BeforeValidator, Field, WithJsonSchema

from graph_orch.domain.fields import MAX_INT, Count, Seconds
from graph_orch.domain.models.base import Model

UNLIMITED = 2**62
"""What the store has for an amount that is not limited: sums with it do not overflow."""
BILLIONTHS = 10**9
MOST_TOKENS = 10**15
MOST_COST = 10**9
MOST_AMOUNTS = (MOST_TOKENS, MOST_COST * BILLIONTHS, 31_536_000 * 1_000, MAX_INT)
"""The most of each amount that a budget may have, as the store has it."""


def _to_billionths(value: object) -> object:
    """A computed amount, rounded: the product of a price and a number seldom ends there."""
    if isinstance(value, float | Decimal):
        number = Decimal(str(value))
        if number.is_finite() and abs(number) <= MOST_COST:
            return round(number, 9)
    return value


Tokens = Annotated[int, Field(strict=True, ge=0, le=MOST_TOKENS)]
Cost = Annotated[
    Decimal,
    Field(ge=0, le=MOST_COST, decimal_places=9, allow_inf_nan=False),
    BeforeValidator(_to_billionths),
    WithJsonSchema({"type": "number", "minimum": 0, "maximum": MOST_COST}),
]
"""An amount of money, exact to a billionth of the currency. A float or a Decimal is rounded to
that; a text with more digits is refused."""
Currency = Annotated[str, Field(pattern="^[A-Z]{3}$", max_length=3)]


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

    What is there under these names and is no number above 0, is a measurement of another kind.
    """
    if not isinstance(metrics, Mapping):
        return None
    given = cast("Mapping[str, object]", metrics)
    found = [
        _used(given.get("tokens"), 1, MOST_TOKENS),
        _used(given.get("cost"), BILLIONTHS, MOST_COST),
    ]
    return found if any(found) else None


def _used(value: object, units: int, most: int) -> int:
    """What was measured, in whole units. It was used already, so it is rounded and not refused,
    and where it is more than a budget counts, the most that one counts."""
    if isinstance(value, bool) or not isinstance(value, int | float | str | Decimal):
        return 0
    try:
        number = Decimal(value if isinstance(value, int) else str(value))
    except InvalidOperation:
        return 0
    if not number.is_finite() or number <= 0:
        return 0
    return round(min(number, Decimal(most)) * units)


class BudgetState(Model):
    """A budget, and how far it is used."""

    owner: str = Field(description="workflow:ID, agent:ID or team:ID")
    budget: Budget = Field(description="What may be used")
    spent: Budget = Field(description="What was used by tries that have ended")
    reserved: Budget = Field(description="What running tries are estimated to use")
    left: Budget = Field(description="What neither is spent nor reserved; never below 0")
    is_exhausted: bool = Field(description="Whether an amount of it is spent")
    is_closed: bool = Field(
        description="Whether tasks are not given out that it would pay for: it is exhausted, or "
        "what is left was not enough for one of them since a try ended"
    )

    @classmethod
    def from_record(cls, record: Mapping[str, Any]) -> Self:
        """From a row with `budget`, see budgets/row.fragment, and the `currency` of the store."""
        node, currency = record["budget"], record.get("currency") or "USD"
        most, spent, held = node["most"], node["spent"], node["held"]
        of = [Budget.of_amounts(it, currency) for it in (most, spent, held)]
        left = [
            limit if limit >= UNLIMITED else max(0, limit - used - reserved)
            for limit, used, reserved in zip(most, spent, held, strict=True)
        ]
        is_exhausted = any(it >= limit for it, limit in zip(spent, most, strict=True))
        return cls.stored(
            {
                "owner": node["key"],
                "budget": of[0],
                "spent": of[1],
                "reserved": of[2],
                "left": Budget.of_amounts(left, currency),
                "is_exhausted": is_exhausted,
                "is_closed": is_exhausted or node["closed"],
            }
        )
