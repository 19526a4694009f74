"""Teams: agents that share skills, found in the database or outside, and stored with the agents."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

from graph_orch._async.graph import AsyncGraph, AsyncTransaction
from graph_orch.domain.fields import MAX_INT, NAME, NAMES, NEW_NAME, NEW_NAMES
from graph_orch.domain.ids import new_hex
from graph_orch.domain.models import Algorithm, Communities, Team, TeamsWritten
from graph_orch.domain.models.teams import ALGORITHM, HOLDERS, NEIGHBOURS, RESOLUTION, SEED, UNIT
from graph_orch.errors import (
    AgentNotFoundError,
    GdsMissingError,
    TeamNotFoundError,
    ValidationError,
)

ONE_TRANSACTION = 10_000
"""How many memberships one transaction replaces at most."""
ROWS = 2_000
"""How many memberships one statement writes at most."""
NO_RUN = ""
NO_TEAMS: dict[str, Any] = {
    "run_id": NO_RUN,
    "algorithm": None,
    "resolution": None,
    "modularity": None,
}
PROCEDURES = [
    "gds.graph.drop",
    "gds.graph.nodeProperty.stream",
    "gds.leiden.mutate",
    "gds.louvain.mutate",
]


class AsyncTeams:
    """The teams of a graph's agents. An agent is in one team at most."""

    def __init__(self, graph: AsyncGraph) -> None:
        self._graph = graph

    async def detect(
        self,
        *,
        algorithm: Algorithm | str = Algorithm.LEIDEN,
        resolution: float = 1.0,
        seed: int = 0,
    ) -> Communities:
        """Find communities of agents in the database, with Neo4j Graph Data Science.

        It sees the same graph as `analysis.teams.communities` of a snapshot: agents joined by the
        skills that they share, see `analysis.teams.shared_skills`. Nothing is written; `write`
        does that.

        Args:
            resolution: For Leiden. The library's Louvain has none.
            seed: For Leiden. Louvain does nothing by chance there.

        Raises:
            GdsMissingError: the server does not have the library.
            ValidationError: an argument is not acceptable.
        """
        how = ALGORITHM.of("algorithm", algorithm)
        gamma, chance = RESOLUTION.of("resolution", resolution), SEED.of("seed", seed)
        if how is Algorithm.LOUVAIN and gamma != 1:
            raise ValidationError(
                f"resolution: {gamma} is not for Louvain in the database, which has none; use "
                "algorithm='leiden', or analysis.teams.communities of a snapshot"
            )
        (row,) = await self._graph.read("teams/has_gds", procedures=PROCEDURES)
        if row["found"] < len(PROCEDURES):
            raise GdsMissingError
        graph = f"graph_orch_{new_hex()}"
        try:
            return await self._communities(graph, how, gamma, chance)
        finally:
            await self._graph.read("teams/unproject", graph=graph)

    async def _communities(
        self, graph: str, algorithm: Algorithm, resolution: float, seed: int
    ) -> Communities:
        rows = await self._graph.read(
            "teams/project", graph=graph, neighbours=NEIGHBOURS, holders=HOLDERS, unit=UNIT
        )
        if not rows or not rows[0]["relationships"]:  # nobody shares a skill
            (row,) = await self._graph.read("routing/all_agents")
            alone = [[agent_id] for agent_id in row["agent_ids"]]
            return Communities.of(alone, 0.0, algorithm, resolution, seed)
        if algorithm is Algorithm.LEIDEN:
            (found,) = await self._graph.read(
                "teams/leiden", graph=graph, resolution=resolution, seed=seed
            )
        else:
            (found,) = await self._graph.read("teams/louvain", graph=graph)
        groups = [row["agent_ids"] for row in await self._graph.read("teams/found", graph=graph)]
        return Communities.of(groups, found["modularity"], algorithm, resolution, seed)

    async def write(
        self, communities: Communities, names: Sequence[str] | None = None
    ) -> TeamsWritten:
        """Make teams of communities, in place of the teams that were made so before.

        Agents that are in a team that somebody put by hand stay there.

        Writing the same again changes nothing. Up to 10,000 memberships, before and after, are
        replaced in one transaction: a reader sees the old teams or the new ones. More take one
        for each 10,000 agents: meanwhile each agent is in its old team or in its new one, and in
        one only; what is broken off is mended by writing again, and where another write begins,
        or `clear`, this one ends: the later one counts.

        Args:
            communities: Of agents, by their ids.
            names: One for each community, in their order; "Team 1", … if not given.

        Raises:
            ValidationError: an argument is not acceptable.
        """
        teams = _teams(communities, names)
        rows = _memberships(communities, teams)
        before = sum(team.size for team in await self.list())
        joined: set[str] = set()
        if max(len(rows), before) <= ONE_TRANSACTION:
            joined |= await self._graph.transaction(_replace, communities, teams, rows)
        else:
            rows, joined = await self._replace_in_parts(communities, teams, rows)
        missing = sorted({row["agent_id"] for row in rows} - joined)
        return TeamsWritten(
            run_id=communities.run_id, teams=len(teams), members=len(joined), missing=missing
        )

    async def _replace_in_parts(
        self, communities: Communities, teams: list[dict[str, str]], rows: list[dict[str, str]]
    ) -> tuple[list[dict[str, str]], set[str]]:
        """The memberships tried, and the agents that joined: all, unless another write began."""
        run_id, tried, joined = communities.run_id, list[dict[str, str]](), set[str]()
        await self._graph.transaction(_put, communities, teams)
        for part in _parts(rows, ONE_TRANSACTION):
            found = await self._graph.transaction(_join_leading, run_id, part)
            if found is None:
                return tried, joined
            tried += part
            joined |= found
        await self._drop(run_id)
        return tried, joined

    async def put(
        self,
        team_id: str,
        members: Sequence[str],
        *,
        leader: str | None = None,
        name: str | None = None,
    ) -> Team:
        """Make a team by hand, or change it: its members and its leader are those given.

        Agents leave the team that they were in. `write` and `clear` leave such teams, and those who
        are in them, as they are. Tasks may be for a team: see `NewTask.team_id`.

        Args:
            members: The ids of agents.
            leader: One of them, who takes the tasks that are `for_leader`; None: nobody does.
            name: What people call it; by default its id.

        Raises:
            AgentNotFoundError: a member is not registered; then nothing is changed.
            ValidationError: an argument is not acceptable.
        """
        team = NEW_NAME.of("team_id", team_id)
        called = team if name is None else NEW_NAME.of("name", name)
        ids = sorted(set(NAMES.of("members", members)))
        leads = None if leader is None else NAME.of("leader", leader)
        if leads is not None and leads not in ids:
            raise ValidationError(f"leader: {leads!r} is not among the members; add it to them")
        rows = [
            {"agent_id": it, "team_id": team, "leads": True if it == leads else None} for it in ids
        ]
        await self._graph.transaction(_put_one, team, called, rows)
        self._graph.work.tell()
        found = next((it for it in await self.list() if it.team_id == team), None)
        if found is None:  # somebody has deleted it since
            raise TeamNotFoundError(team)
        return found

    async def remove(self, team_id: str) -> bool:
        """Delete a team, however it was made; whether there was one.

        Tasks for it wait until there is such a team again, or others may take them.
        """
        return await self._graph.transaction(_remove, NAME.of("team_id", team_id))

    async def list(self) -> list[Team]:
        """Every team, the largest first."""
        return [Team.from_record(row) for row in await self._graph.read("teams/list")]

    async def get_team(self, agent_id: str) -> Team | None:
        """The team of an agent; None where it has none, or is not registered."""
        rows = await self._graph.read("teams/of_agent", agent_id=NAME.of("agent_id", agent_id))
        return Team.from_record(rows[0]) if rows else None

    async def get_members(self, team_id: str) -> list[str]:
        """The ids of a team's agents, in order; [] where there is no such team."""
        rows = await self._graph.read("teams/members", team_id=NAME.of("team_id", team_id))
        return [row["agent_id"] for row in rows]

    async def clear(self) -> int:
        """Delete every team that was written, and none that was put by hand; how many."""
        await self._graph.write("teams/put", teams=[], command_id=new_hex(), **NO_TEAMS)
        return await self._drop(NO_RUN)

    async def _drop(self, run_id: str) -> int:
        """Delete the teams of other runs; how many there were. Where others were put, they do."""
        while (dropped := await self._graph.transaction(_drop_leading, run_id)) is None:
            pass
        return dropped


async def _replace(
    tx: AsyncTransaction,
    communities: Communities,
    teams: list[dict[str, str]],
    rows: list[dict[str, str]],
) -> set[str]:
    await _put(tx, communities, teams)
    joined = await _join(tx, rows)
    await _leave(tx, communities.run_id)
    await tx.run("teams/drop", run_id=communities.run_id, team_id=None)
    return joined


async def _put_one(
    tx: AsyncTransaction, team_id: str, name: str, rows: list[dict[str, Any]]
) -> None:
    await tx.run("teams/put_one", team_id=team_id, called=name, command_id=new_hex())
    joined = await _join(tx, rows, by_hand=True)
    if missing := [row["agent_id"] for row in rows if row["agent_id"] not in joined]:
        raise AgentNotFoundError(missing[0])
    await _leave_one(tx, team_id, stay=sorted(joined))
    await _count(tx)


async def _remove(tx: AsyncTransaction, team_id: str) -> bool:
    await _leads(tx, NO_RUN)  # whoever writes teams comes one after the other
    await _leave_one(tx, team_id, stay=[])
    (row,) = await tx.run("teams/drop", run_id=None, team_id=team_id)
    return row["dropped"] > 0


async def _leave_one(tx: AsyncTransaction, team_id: str, stay: list[str]) -> None:
    await tx.run(
        "teams/leave",
        run_id=None,
        team_id=team_id,
        stay=stay,
        limit=MAX_INT,
        command_id=new_hex(),
    )


async def _count(tx: AsyncTransaction) -> None:
    """Count the members of all teams, once all agents are locked: they come before teams."""
    await tx.run("teams/count", command_id=new_hex())


async def _put(tx: AsyncTransaction, communities: Communities, teams: list[dict[str, str]]) -> None:
    await tx.run(
        "teams/put",
        teams=teams,
        run_id=communities.run_id,
        algorithm=communities.algorithm.value,
        resolution=communities.resolution,
        modularity=communities.modularity,
        command_id=new_hex(),
    )


async def _join(
    tx: AsyncTransaction, rows: list[dict[str, Any]], *, by_hand: bool = False
) -> set[str]:
    joined: set[str] = set()
    for part in _parts(rows, ROWS):
        found = await tx.run("teams/join", rows=part, by_hand=by_hand, command_id=new_hex())
        joined |= {row["agent_id"] for row in found}
    return joined


async def _leads(tx: AsyncTransaction, run_id: str) -> bool:
    return bool(await tx.run("teams/lead", run_id=run_id, command_id=new_hex()))


async def _join_leading(
    tx: AsyncTransaction, run_id: str, rows: list[dict[str, str]]
) -> set[str] | None:
    if not await _leads(tx, run_id):
        return None
    joined = await _join(tx, rows)
    await _count(tx)
    return joined


async def _drop_leading(tx: AsyncTransaction, run_id: str) -> int | None:
    """How many teams were deleted; None where some members are still to leave.

    The last of them leave in the transaction that deletes: between two, others could write teams
    and then put this run again, whose teams would be deleted under their members.
    """
    if not await _leads(tx, run_id):
        return 0
    if await _leave(tx, run_id) == ONE_TRANSACTION:
        return None
    (row,) = await tx.run("teams/drop", run_id=run_id, team_id=None)
    return row["dropped"]


async def _leave(tx: AsyncTransaction, run_id: str) -> int:
    (row,) = await tx.run(
        "teams/leave",
        run_id=run_id,
        team_id=None,
        stay=[],
        limit=ONE_TRANSACTION,
        command_id=new_hex(),
    )
    await _count(tx)
    return row["left"]


def _teams(communities: object, names: Sequence[str] | None) -> list[dict[str, str]]:
    if not isinstance(communities, Communities):
        raise ValidationError(
            f"communities: is a {type(communities).__name__} where Communities are needed, as "
            "teams.detect() and analysis.teams.communities(snapshot) find them"
        )
    count = len(communities.members)
    called = [f"Team {n}" for n in range(1, count + 1)]
    if names is not None:
        called = NEW_NAMES.of("names", names)
    if len(called) != count:
        raise ValidationError(
            f"names: there are {len(called)} for {count} communities; give one for each, in order"
        )
    return [
        {"team_id": f"{communities.run_id}-{n}", "name": name} for n, name in enumerate(called, 1)
    ]


def _memberships(communities: Communities, teams: list[dict[str, str]]) -> list[dict[str, str]]:
    """Which agent belongs to which team, by the agents' ids: the order in which they are locked."""
    team_of: dict[str, str] = {}
    for group, team in zip(communities.members, teams, strict=True):
        for agent_id in NAMES.of("members", group):
            if agent_id in team_of:
                raise ValidationError(f"members: {agent_id!r} is in more than one community")
            team_of[agent_id] = team["team_id"]
    return [{"agent_id": agent_id, "team_id": team_of[agent_id]} for agent_id in sorted(team_of)]


def _parts(rows: list[dict[str, Any]], size: int) -> Iterator[list[dict[str, Any]]]:
    for start in range(0, len(rows), size):
        yield rows[start : start + size]
