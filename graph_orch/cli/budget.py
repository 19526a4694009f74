"""`graph-orch budget …`"""

from __future__ import annotations

from collections.abc import Callable
from typing import Annotated, Any

import typer

from graph_orch import Budget, BudgetState
from graph_orch.cli.output import Json, say, show, show_list
from graph_orch.cli.store import connect

app = typer.Typer(no_args_is_help=True, help="Say how much may be used, and see how much was.")

Owner = Annotated[str, typer.Argument(help="workflow:ID, agent:ID or team:ID.")]
Tokens = Annotated[int | None, typer.Option(help="Tokens of models; by default unlimited.")]
Cost = Annotated[str | None, typer.Option(help="Money, such as 12.50; by default unlimited.")]
Currency = Annotated[str, typer.Option(help="Of the money, as ISO 4217 has it.")]
Seconds = Annotated[float | None, typer.Option(help="Seconds of work; by default unlimited.")]
Tries = Annotated[int | None, typer.Option(help="Tries that begin; by default unlimited.")]


def _amounts(budget: Budget) -> str:
    """A budget in a cell: the amounts that it has."""
    found = budget.model_dump(exclude_none=True)
    money = found.pop("currency")
    if "cost" in found:
        found["cost"] = f"{found['cost']:f} {money}"
    return ", ".join(f"{name} {value}" for name, value in found.items()) or "unlimited"


COLUMNS: dict[str, str | Callable[[BudgetState], object]] = {
    "owner": "owner",
    "budget": lambda state: _amounts(state.budget),
    "spent": lambda state: _amounts(state.spent),
    "reserved": lambda state: _amounts(state.reserved),
    "closed": lambda state: "closed" if state.is_closed else None,
}


@app.command("set", epilog="Example: graph-orch budget set workflow:paper-7 --tokens 1000000")
def set_(
    owner: Owner,
    tokens: Tokens = None,
    cost: Cost = None,
    currency: Currency = "USD",
    seconds: Seconds = None,
    tries: Tries = None,
    as_json: Json = False,
) -> None:
    """Set how much an owner may use in all; raising it lets waiting tasks go on.

    What is left out is not limited any more.
    """
    given: dict[str, Any] = {"tokens": tokens, "cost": cost, "currency": currency}
    with connect() as orch:
        before = orch.budgets.get(owner)
        state = orch.budgets.set(owner, given | {"seconds": seconds, "tries": tries})
    if not as_json:
        say(f"{state.owner} had {_amounts(before.budget)}, and has {_amounts(state.budget)}")
    show(state, as_json)


@app.command("get", epilog="Example: graph-orch budget get workflow:paper-7")
def get(owner: Owner, as_json: Json = False) -> None:
    """Show the budget of an owner, and how far it is used."""
    with connect() as orch:
        state = orch.budgets.get(owner)
    show(state, as_json)


@app.command("list", epilog="Example: graph-orch budget list")
def list_(as_json: Json = False) -> None:
    """List all budgets."""
    with connect() as orch:
        found = orch.budgets.list()
    show_list(found, COLUMNS, as_json)
