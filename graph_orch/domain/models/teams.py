"""Communities of a graph, and the teams of agents that are made of them."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Mapping, Sequence, Sized
from datetime import datetime
from enum import StrEnum
from typing import Annotated, Any, Self

from pydantic import Field

from graph_orch.domain.checks import Check
from graph_orch.domain.models.base import Model, some_moment
from graph_orch.domain.values import Count, Listed, Modularity, Name, Resolution, dump_json

NEIGHBOURS = 50
"""An agent is joined to so many others at most by its own choice: those it shares most with."""
HOLDERS = 200
"""A skill of more agents joins them to the first so many of them (by id) only."""
LONGEST_RUN_ID = 100
"""The ids of its teams begin with it."""
UNIT = 10**12
"""What shared skills weigh is summed in whole numbers, `UNIT // (holders - 1)`: the same in any
order, so that the database and NetworkX come to the very same graph."""


LEAST_GAIN = 0.1
"""How much more modularity than the undivided graph communities must have to be told from chance.
Agents and skills that are joined at random, half of what could be, have about so much; where all
agents have all skills it is 0."""


def are_apparent(groups: Sequence[Sized], modularity: float, resolution: float = 1.0) -> bool:
    """Whether groups, the largest first, are communities at all, or as good as any other groups.

    The undivided graph has the modularity 1 - resolution.
    """
    several = len(groups) > 1 and len(groups[0]) > 1
    return several and modularity - (1 - resolution) >= LEAST_GAIN


class Algorithm(StrEnum):
    """How communities are found."""

    LOUVAIN = "louvain"
    LEIDEN = "leiden"


ALGORITHM: Check[Algorithm] = Check(Algorithm)
RESOLUTION: Check[float] = Check(Resolution)
SEED: Check[int] = Check(Count)
MODULARITY: Check[float] = Check(Modularity)
GROUP: Check[list[Any]] = Check(Listed[Any])


class Communities(Model):
    """A graph's nodes in communities, the largest first.

    Each community is sorted by `str(node)`. `run_id` is made of what was found and how: the same
    result has the same one.
    """

    members: list[list[Any]]
    modularity: Modularity
    algorithm: Algorithm
    resolution: Resolution
    seed: Count
    run_id: Annotated[Name, Field(max_length=LONGEST_RUN_ID)]

    @property
    def are_apparent(self) -> bool:
        """Whether the graph has communities, rather than groups that are as good as any others.

        Where all agents have all skills, where nobody shares any, or with one agent, there are
        none: modularity is near that of the undivided graph, by less than 0.1.
        """
        return are_apparent(self.members, self.modularity, self.resolution)

    @property
    def summary(self) -> str:
        """What was found, in a sentence that also says where there are no communities."""
        said = f"modularity {self.modularity:.2f}"
        if self.are_apparent:
            return f"{len(self.members)} communities, {said}"
        return f"no communities: {said} is about that of the graph as one"

    @classmethod
    def of(
        cls,
        groups: Iterable[Iterable[Any]],
        modularity: float,
        algorithm: Algorithm,
        resolution: float,
        seed: int,
    ) -> Self:
        """From groups in any order; those that are empty are none.

        Raises:
            ValidationError: an argument is not acceptable.
        """
        members = _in_order(groups)
        found_by = ALGORITHM.of("algorithm", algorithm)
        gamma, chance = RESOLUTION.of("resolution", resolution), SEED.of("seed", seed)
        how = [found_by.value, gamma, chance, [[*map(str, each)] for each in members]]
        text = dump_json(how).encode(errors="surrogatepass")
        return cls(
            members=members,
            modularity=MODULARITY.of("modularity", modularity),
            algorithm=found_by,
            resolution=gamma,
            seed=chance,
            run_id=hashlib.sha256(text).hexdigest()[:32],
        )


def _in_order(groups: Iterable[Iterable[Any]]) -> list[list[Any]]:
    given = (sorted(GROUP.of("groups", group), key=str) for group in GROUP.of("groups", groups))
    return sorted(
        (group for group in given if group), key=lambda group: (-len(group), str(group[0]))
    )


class Agreement(Model):
    """How far two partitions of the same nodes agree: both are 1.0 where they are the same.

    `adjusted_rand` is 0.0 on average for partitions made by chance, and may be below.
    """

    adjusted_rand: float
    normalized_mutual_information: float


class Team(Model):
    """A team of agents in the store. `size` is the number of its members now."""

    team_id: str
    name: str
    run_id: str
    algorithm: Algorithm
    resolution: float
    modularity: float
    size: int
    created_at: datetime

    @classmethod
    def from_record(cls, record: Mapping[str, Any]) -> Self:
        """From a row with `team`, the node's properties."""
        node = record["team"]
        names = cls.model_fields.keys() - {"created_at"}
        return cls(
            **{name: node[name] for name in names}, created_at=some_moment(node["created_at"])
        )


class TeamsWritten(Model):
    """What writing teams came to. `missing` are the members that are no registered agents."""

    run_id: str
    teams: int
    members: int
    missing: list[str]
