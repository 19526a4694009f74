"""`graph-orch token …`"""

from __future__ import annotations

from collections.abc import Callable
from typing import Annotated

import typer

from graph_orch import PrincipalKind, Right, Token
from graph_orch.cli.output import Json, show, show_json, show_list
from graph_orch.cli.store import connect

app = typer.Typer(no_args_is_help=True, help="Say who may ask the servers for what.")

DAY_SECONDS = 86_400
COLUMNS: dict[str, str | Callable[[Token], object]] = {
    "token": "token_id",
    "principal": "principal",
    "kind": "kind",
    "rights": lambda token: ", ".join(token.rights),
    "works as": "agent_id",
    "expires": "expires_at",
    "revoked": "revoked_at",
    "last used": "last_used_at",
}


@app.command("create", epilog="Example: graph-orch token create ada --kind agent")
def create(
    principal: Annotated[str, typer.Argument(help="Whose it is: a person or an agent.")],
    kind: Annotated[PrincipalKind, typer.Option(help="What it is.")] = PrincipalKind.PERSON,
    right: Annotated[
        list[Right] | None,
        typer.Option(
            "--right",
            help="What it may do; may be repeated. By default read, create and decide; of an agent "
            "read, work and create.",
        ),
    ] = None,
    agent: Annotated[
        str | None, typer.Option(help="The agent that it works as; an agent's own by default.")
    ] = None,
    expires_days: Annotated[
        float | None, typer.Option(help="After so many days it counts no more.")
    ] = None,
    as_json: Json = False,
) -> None:
    """Create a token, and print its secret, which is shown this once."""
    seconds = None if expires_days is None else expires_days * DAY_SECONDS
    with connect() as orch:
        token = orch.tokens.create(
            principal, kind=kind, rights=right, agent_id=agent, expires_seconds=seconds
        )
    if as_json:
        show_json(token)
    else:
        print(token.secret)


@app.command("list", epilog="Example: graph-orch token list")
def list_(
    limit: Annotated[int, typer.Option(help="At most so many.")] = 1_000, as_json: Json = False
) -> None:
    """List the tokens, newest first, without their secrets, which nobody can look up."""
    with connect() as orch:
        tokens = orch.tokens.list(limit)
    show_list(tokens, COLUMNS, as_json)


@app.command("revoke", epilog="Example: graph-orch token revoke TOKEN_ID")
def revoke(
    token_id: Annotated[str, typer.Argument(help="Its id, which is not its secret.")],
    as_json: Json = False,
) -> None:
    """Let a token count no more, from the next request on."""
    with connect() as orch:
        token = orch.tokens.revoke(token_id)
    show(token, as_json)
