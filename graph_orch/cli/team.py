"""`graph-orch team …`"""

from __future__ import annotations

from typing import Annotated

import typer

from graph_orch.cli.output import Json, say, show, show_list
from graph_orch.cli.store import connect

app = typer.Typer(no_args_is_help=True, help="Teams of agents, for which tasks may be.")

TeamId = Annotated[str, typer.Argument(help="The id of the team.")]
COLUMNS = {
    "team": "team_id",
    "name": "name",
    "size": "size",
    "leader": "leader",
    "helped": "helped",
    "run": "run_id",
}


@app.command("put", epilog="Example: graph-orch team put writers ada bob --leader ada")
def put(
    team_id: TeamId,
    members: Annotated[list[str], typer.Argument(help="The ids of its agents, all of them.")],
    leader: Annotated[
        str | None, typer.Option(help="The member who takes the tasks for its leader.")
    ] = None,
    name: Annotated[str | None, typer.Option(help="What people call it.")] = None,
    as_json: Json = False,
) -> None:
    """Make a team, or change it: its members and its leader are those given."""
    with connect() as orch:
        team = orch.teams.put(team_id, members, leader=leader, name=name)
    show(team, as_json)


@app.command("list", epilog="Example: graph-orch team list")
def list_(as_json: Json = False) -> None:
    """List the teams, and how often others helped each."""
    with connect() as orch:
        teams = orch.teams.list()
    show_list(teams, COLUMNS, as_json)


@app.command("remove", epilog="Example: graph-orch team remove writers")
def remove(team_id: TeamId) -> None:
    """Delete a team. Tasks for it wait, unless others may take them after a time."""
    with connect() as orch:
        was_there = orch.teams.remove(team_id)
    say(f"{team_id} {'is removed' if was_there else 'does not exist'}")
