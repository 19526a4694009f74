"""Lanes: tasks that the same agents may take, and that the same limits hold back, stand in one."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from functools import lru_cache
from typing import Any, Self

from graph_orch.domain.forms import dump_json

TEAM, LEADER, LABEL = "TEAM:", "LEADER:", "LABEL:"
"""How the terms begin that an agent meets by what it is: a member of a team, the leader of one, one
that has a label. Keys of skills are case-folded, so no skill begins like that."""


@dataclass(frozen=True, slots=True)
class Lane:
    """What the tasks of a lane have in common."""

    skills: tuple[str, ...] = ()
    """The keys of the skills that they require."""
    team_id: str | None = None
    """The team whose members may take them; None: anybody may."""
    for_leader: bool = False
    """Only the leader of that team may."""
    labels: tuple[str, ...] = ()
    """The labels that an agent needs."""
    preferred: tuple[tuple[str, float], ...] = ()
    """Labels, and for how many seconds of waiting each counts where an agent has it."""
    fairness_key: str | None = None
    """Whose share of the agents' time they take."""
    concurrency_key: str | None = None
    """The limit that they count towards."""
    charges: str | None = None
    """The budget of their workflow, which pays for them."""
    least: tuple[int, ...] | None = None
    """About how much they are estimated to use, see `least_of`."""

    @property
    def key(self) -> str:
        """Names the lane: a hash, since a set of skills has no size limit."""
        return _key(self)

    @property
    def needs(self) -> list[str]:
        """The skills, and the terms of the team and the labels, that an agent must meet."""
        whose = LEADER if self.for_leader else TEAM
        team = [] if self.team_id is None else [whose + self.team_id]
        return [*self.skills, *team, *(LABEL + it for it in self.labels)]

    def row(self) -> dict[str, Any]:
        """A row of `tasks/add_lanes`."""
        return {
            "key": self.key,
            "skills": list(self.skills),
            "needs": self.needs,
            "team_id": self.team_id,
            "prefers": [LABEL + label for label, _ in self.preferred] or None,
            "weights": [weight for _, weight in self.preferred] or None,
            "fairness_key": self.fairness_key,
            "concurrency_key": self.concurrency_key,
            "charges": self.charges,
            "least": self.least,
        }

    @classmethod
    def from_row(cls, row: Mapping[str, Any]) -> Self:
        """A lane from its properties in the graph, which are those of `row`."""
        needs, prefers = row["needs"], row.get("prefers") or ()
        return cls(
            skills=tuple(row["skills"]),
            team_id=row.get("team_id"),
            for_leader=any(it.startswith(LEADER) for it in needs),
            labels=tuple(it.removeprefix(LABEL) for it in needs if it.startswith(LABEL)),
            preferred=tuple(
                (label.removeprefix(LABEL), weight)
                for label, weight in zip(prefers, row.get("weights") or (), strict=True)
            ),
            fairness_key=row.get("fairness_key"),
            concurrency_key=row.get("concurrency_key"),
            charges=row.get("charges"),
            least=None if row.get("least") is None else tuple(row["least"]),
        )

    def charged_to(self, budget: str) -> Self:
        """The lane of the same tasks where a budget pays for them."""
        return replace(self, charges=budget)


@lru_cache(10_000)
def _key(lane: Lane) -> str:
    rest = ("concurrency_key", "charges", "least", "fairness_key", "preferred")
    of: list[object] = [*sorted(set(lane.needs))]  # the same for the same set
    of += [{name: value} for name in rest if (value := getattr(lane, name))]
    return hashlib.sha256(dump_json(of).encode()).hexdigest()[:32]


def lane_key(skills: Sequence[str]) -> str:
    """The key of the lane of tasks that require these skills, and nothing else."""
    return Lane(tuple(skills)).key


def least_of(estimate: Sequence[int] | None) -> tuple[int, ...] | None:
    """The least that tasks use which share a lane with one of this estimate: powers of two.

    So a task that is too dear for what a budget has left holds up no task in another lane, and in
    its own only such as are estimated to use more than half as much as it.
    """
    if estimate is None:
        return None
    return tuple(amount and 1 << amount.bit_length() - 1 for amount in estimate)


def told_of(need: str) -> str:
    """What a lane needs, in words: a skill by its key."""
    told = {TEAM: "membership of team ", LEADER: "lead of team ", LABEL: "label "}
    for term, words in told.items():
        if need.startswith(term):
            return words + need.removeprefix(term)
    return need
