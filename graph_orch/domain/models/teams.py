"""Communities of a graph, and the teams of agents that are made from them."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Mapping, Sequence, Sized
from datetime import datetime
from enum import StrEnum
from typing import Annotated, Any, Self

from pydantic import Field

from graph_orch.domain.fields import Check, Count, Listed, Modularity, Name, Resolution
from graph_orch.domain.forms import dump_json
from graph_orch.domain.models.base import Model

NEIGHBOURS = 50
"""Edges that each agent contributes: to the agents with which it shares most."""
HOLDERS = 200
"""A skill that more agents have joins each of them only to the first of them, by id."""
LONGEST_RUN_ID = 100
"""Characters of a run's id, with which the ids of its teams begin."""
UNIT = 10**12
"""Weights of shared skills are whole numbers, `UNIT // (holders - 1)`: their sum is the same in any
order, so that the database and NetworkX build the very same graph."""
LEAST_GAIN = 0.1
"""How much the modularity of communities must exceed that of the undivided graph, to be more than
chance. Agents and skills joined at random, with half of all possible edges, reach about this much;
where all agents have all skills, the gain is 0."""


def are_apparent(groups: Sequence[Sized], modularity: float, resolution: float = 1.0) -> bool:
    """Whether groups, the largest first, are communities and not the work of chance.

    The undivided graph has the modularity 1 - resolution.
    """
    several = len(groups) > 1 and len(groups[0]) > 1
    return several and modularity - (1 - resolution) >= LEAST_GAIN


class Algorithm(StrEnum):
    """An algorithm that finds communities."""

    LOUVAIN = "louvain"
    LEIDEN = "leiden"


ALGORITHM: Check[Algorithm] = Check(Algorithm)
RESOLUTION: Check[float] = Check(Resolution)
SEED: Check[int] = Check(Count)
MODULARITY: Check[float] = Check(Modularity)
GROUP: Check[list[Any]] = Check(Listed[Any])


class Communities(Model):
    """A graph's nodes in communities."""

    members: list[list[Any]] = Field(description="The largest first, each sorted by str(node)")
    modularity: Modularity
    algorithm: Algorithm
    resolution: Resolution
    seed: Count
    run_id: Annotated[Name, Field(max_length=LONGEST_RUN_ID)] = Field(
        description="A hash of the members, the algorithm, the resolution and the seed"
    )

    @property
    def are_apparent(self) -> bool:
        """Whether the graph has communities: their modularity exceeds the undivided graph's by 0.1.

        It has none with one agent, where all agents have all skills, or where nobody shares any.
        """
        return are_apparent(self.members, self.modularity, self.resolution)

    @property
    def summary(self) -> str:
        """The number of communities and their modularity, or that there are none."""
        modularity = f"modularity {self.modularity:.2f}"
        if self.are_apparent:
            return f"{len(self.members)} communities, {modularity}"
        return f"no communities: {modularity} is about that of the graph as one"

    @classmethod
    def of(
        cls,
        groups: Iterable[Iterable[Any]],
        modularity: float,
        algorithm: Algorithm,
        resolution: float,
        seed: int,
    ) -> Self:
        """From groups in any order, of which empty ones are left out.

        Raises:
            ValidationError: An argument is not acceptable.
        """
        given = (sorted(GROUP.of("groups", group), key=str) for group in GROUP.of("groups", groups))
        members = sorted(filter(None, given), key=lambda group: (-len(group), str(group[0])))
        algorithm = ALGORITHM.of("algorithm", algorithm)
        resolution, seed = RESOLUTION.of("resolution", resolution), SEED.of("seed", seed)
        how = [algorithm.value, resolution, seed, [[*map(str, group)] for group in members]]
        text = dump_json(how).encode(errors="surrogatepass")
        return cls(
            members=members,
            modularity=MODULARITY.of("modularity", modularity),
            algorithm=algorithm,
            resolution=resolution,
            seed=seed,
            run_id=hashlib.sha256(text).hexdigest()[:32],
        )


class Agreement(Model):
    """How far two partitions of the same nodes agree; both numbers are 1.0 for the same one."""

    adjusted_rand: float = Field(description="0.0 on average by chance, and may be negative")
    normalized_mutual_information: float = Field(description="From 0.0 to 1.0")


class Team(Model):
    """A team of agents in the store."""

    team_id: str
    name: str
    run_id: str | None = Field(
        None, description="The run that found the team, see Communities; None: put by hand"
    )
    algorithm: Algorithm | None = Field(None, description="That of the run")
    resolution: float | None = Field(None, description="That of the run")
    modularity: float | None = Field(None, description="Of all teams of the run")
    size: int = Field(description="The number of its members now")
    leader: str | None = Field(None, description="The member who takes tasks for its leader")
    helped: int = Field(0, description="How often others were given a task that was for it")
    created_at: datetime

    @classmethod
    def from_record(cls, record: Mapping[str, Any]) -> Self:
        """From a row with `team`, the node's properties."""
        return cls(**cls.decoded(record["team"]))


class TeamsWritten(Model):
    """The result of writing teams."""

    run_id: str
    teams: int = Field(description="How many teams were written")
    members: int = Field(description="How many agents are in them")
    missing: list[str] = Field(
        description="Members that are not registered agents, or are in a team put by hand"
    )
