"""Budgets of workflows, agents and teams: reserved when a try begins, settled when it ends."""

from __future__ import annotations

from collections.abc import Mapping

from graph_orch._async.creation import lay_lanes
from graph_orch._async.graph import AsyncGraph, AsyncTransaction
from graph_orch.domain.fields import NAME
from graph_orch.domain.lanes import Lane
from graph_orch.domain.models.budgets import UNLIMITED, Budget, BudgetState
from graph_orch.errors import (
    AgentNotFoundError,
    TeamNotFoundError,
    ValidationError,
    WorkflowNotFoundError,
)

MISSING = {
    "workflow": WorkflowNotFoundError,
    "agent": AgentNotFoundError,
    "team": TeamNotFoundError,
}
"""The kinds of owners, and the error where there is none of an id."""
AT_ONCE = 500
"""How many tasks of a workflow that is given a budget are charged to it in a transaction."""


class AsyncBudgets:
    """Budgets in a graph. A task is given out where every budget that pays for it has enough."""

    def __init__(self, graph: AsyncGraph) -> None:
        self._graph = graph

    async def set(self, owner: str, budget: Budget | Mapping[str, object]) -> BudgetState:
        """Set how much an owner may use in all; what it has used before stays.

        Raising it lets waiting tasks go on. Tries that run are not ended by a lower one. It pays
        for the tries that begin after it was set.

        Args:
            owner: `workflow:ID`, `agent:ID` or `team:ID`.
            budget: Each amount that is None is not limited.

        Raises:
            ValidationError: an argument is not acceptable, or other budgets count money in another
                currency.
            WorkflowNotFoundError, AgentNotFoundError, TeamNotFoundError: there is no such owner.
        """
        kind, id_ = _parts(owner)
        wanted = Budget.parsed("budget", budget)
        rows = await self._graph.write("budgets/put", kind=kind, id=id_, **put(owner, wanted))
        if not rows:
            raise MISSING[kind](id_)
        refuse_currency(wanted, rows[0])
        if kind == "workflow":
            await self._charge(id_)
        self._graph.work.tell()
        return await self.get(owner)

    async def get(self, owner: str) -> BudgetState:
        """The budget of an owner, and how far it is used. One that was never set is unlimited.

        Raises:
            ValidationError: the owner is not named as it must be.
            WorkflowNotFoundError, AgentNotFoundError, TeamNotFoundError: there is no such owner.
        """
        kind, id_ = _parts(owner)
        (row,) = await self._graph.read("budgets/get", key=owner)
        if row["budget"] is None and not await self._graph.read(
            "budgets/owner_of", kind=kind, id=id_
        ):
            raise MISSING[kind](id_)
        unset = {"spent": [0] * 4, "held": [0] * 4, "most": [UNLIMITED] * 4, "closed": False}
        return BudgetState.from_record({"budget": {"key": owner, **unset}, **_known(row)})

    async def list(self) -> list[BudgetState]:
        """All budgets that were set, by their owners."""
        return [BudgetState.from_record(row) for row in await self._graph.read("budgets/list")]

    async def _charge(self, workflow_id: str) -> None:
        """Put the tasks that a workflow has into lanes that its budget closes and opens."""
        key = f"workflow:{workflow_id}"
        while await self._graph.transaction(_charge_some, workflow_id, key):
            pass


def put(owner: str, budget: Budget) -> dict[str, object]:
    """The budget's parameters of `budgets/put`."""
    return {"key": owner, "most": budget.amounts([UNLIMITED] * 4), "currency": budget.currency}


def refuse_currency(budget: Budget, row: Mapping[str, object]) -> None:
    """Raise where a budget counts money in another currency than others.

    Args:
        row: What `budgets/put` answered.

    Raises:
        ValidationError: it does, and so was not set.
    """
    if not row["is_set"]:
        raise ValidationError(
            f"budget.currency: it is {budget.currency}, and this store counts money in "
            f"{row['currency']}: give the amount in that"
        )


def _known(row: Mapping[str, object]) -> dict[str, object]:
    return {name: value for name, value in row.items() if value is not None}


async def _charge_some(tx: AsyncTransaction, workflow_id: str, key: str) -> bool:
    """Charge some tasks of a workflow to its budget; whether there may be more."""
    found = await tx.run("budgets/find_uncharged", workflow_id=workflow_id, limit=AT_ONCE)
    lanes: list[Lane] = []
    rows: list[dict[str, object]] = []
    for row in found:
        both = [
            None if it is None else Lane.from_row(it).charged_to(key)
            for it in (row["lane"], row["fallback"])
        ]
        lanes += filter(None, both)
        lane, fallback = (it and it.key for it in both)
        fields = {"was": row["lane"]["key"], "lane": lane, "fallback_lane": fallback}
        rows.extend({"task_id": task_id, **fields} for task_id in row["task_ids"])
    if not rows:
        return False
    await lay_lanes(tx, lanes)
    await tx.run("budgets/charge", key=key, rows=rows)
    return True


def _parts(owner: str) -> tuple[str, str]:
    kind, _, id_ = NAME.of("owner", owner).partition(":")
    if kind not in MISSING or not id_:
        raise ValidationError(
            f"owner: {owner!r} names no owner of a budget; give workflow:ID, agent:ID or team:ID"
        )
    return kind, id_
