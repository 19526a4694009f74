"""How many agents can be lost before skills, or tasks, are left without anybody."""

from __future__ import annotations

from collections.abc import Hashable
from dataclasses import dataclass
from math import ceil
from typing import Literal, TypeAlias

import numpy as np
from numpy.typing import NDArray
from scipy.optimize import Bounds, LinearConstraint, milp
from scipy.sparse import csr_array, hstack

from graph_orch.analysis.checks import one_of
from graph_orch.analysis.model import AgentSkills, Given, Matrix
from graph_orch.analysis.nodes import by_name
from graph_orch.analysis.skills.similarity import degrees
from graph_orch.analysis.skills.supply import covering, requirement_sets, skill_holders
from graph_orch.domain.fields import RATIO
from graph_orch.errors import AnalysisError, ValidationError

Rows: TypeAlias = "NDArray[np.int64]"

SMALL = 200
"""Up to so many (skill, agent) pairs, the exact answer is looked for."""
NODES = 500
"""Branches that the solver may look at for it."""


@dataclass(frozen=True, slots=True)
class BusFactor:
    """The fewest agents whose loss leaves enough skills (or requirement sets) uncovered.

    `agents` are such agents, `lost` what nobody has without them, each a tuple of skills. With
    `is_exact` no fewer would do; else `at_least` so many are needed. `uncovered` is what nobody
    has even now; it does not count.
    """

    agents: tuple[Hashable, ...]
    lost: tuple[tuple[Hashable, ...], ...]
    uncovered: tuple[tuple[Hashable, ...], ...]
    at_least: int

    @property
    def number(self) -> int:
        """How many agents: the bus factor. 0: there is nothing to lose."""
        return len(self.agents)

    @property
    def is_exact(self) -> bool:
        """Whether no smaller set of agents would do."""
        return self.number == self.at_least


def bus_factor(
    graph: Given,
    *,
    share: float | None = None,
    of: Literal["skills", "tasks"] = "skills",
    tasks: Given | None = None,
) -> BusFactor:
    """The smallest number of agents whose loss leaves something that nobody can do.

    `of="skills"` counts skills; `of="tasks"` counts the different sets of skills that live tasks
    (in `tasks`, else in the graph) require, and one agent must have the whole set. Without `share`
    one of them lost is enough, and the answer is exact: the fewest agents that any of them has.
    With it, that share of them must be lost (0.5: half).

    To choose agents so that a share is lost is minimum k-union, a relative of set cover, and
    NP-hard. Small cases (up to 200 pairs of skill and agent) are solved exactly by integer
    programming as far as 500 branches go. Else the best of two greedy choices is given: losing
    whoever has the skill with the fewest agents left, again and again, and losing agents by how
    much they have, most first, as in Avelino et al. (2016), A novel approach for estimating truck
    factors. `at_least` then says how far off that can be.

    Raises:
        ValidationError: share is not above 0 and at most 1, or `of` is unknown.
        AnalysisError: `of="tasks"` and there are no live tasks; or see `AgentSkills`.
    """
    if RATIO.of("share", share) == 0:
        raise ValidationError(f"share: {share!r} is not above 0 and at most 1")
    one_of("of", of, ("skills", "tasks"))
    view = AgentSkills.of(graph)
    units = _units(view, of, tasks)
    held = {names: rows for names, rows in units.items() if len(rows)}
    uncovered = tuple(names for names in units if names not in held)
    if not held:
        return BusFactor((), (), uncovered, 0)
    matrix = _matrix(list(held.values()), len(view.agents))
    target = 1 if share is None else max(1, ceil(share * len(held) - 1e-9))
    chosen, at_least = _fewest(matrix, target)
    gone = np.isin(np.arange(len(view.agents)), chosen)
    lost = tuple(names for names, rows in held.items() if gone[rows].all())
    agents = tuple(sorted((view.agents[row] for row in chosen.tolist()), key=by_name))
    return BusFactor(agents, lost, uncovered, at_least)


def _units(view: AgentSkills, of: str, tasks: Given | None) -> dict[tuple[Hashable, ...], Rows]:
    """What can be lost, and the rows of the agents that have it."""
    holders = skill_holders(view)
    if of == "skills":
        return {(skill,): rows for skill, rows in holders.items()}
    sets = requirement_sets(view, tasks)
    if not sets:
        raise AnalysisError(
            "bus_factor of tasks: the graph holds no live task; give a graph of them with tasks="
        )
    names = {it: tuple(sorted(it, key=by_name)) for it in sets}
    return {names[it]: covering(view, holders, it) for it in sets}


def _matrix(rows: list[Rows], agents: int) -> Matrix:
    row_of = np.repeat(np.arange(len(rows)), [len(it) for it in rows])
    columns = np.concatenate(rows)
    return csr_array((np.ones(len(columns)), (row_of, columns)), shape=(len(rows), agents))


def _fewest(held: Matrix, target: int) -> tuple[Rows, int]:
    """Agents after whose loss `target` rows have none, and how many are needed at the least."""
    sizes = np.sort(degrees(held, 1))
    at_least = int(sizes[target - 1])  # all agents of the target-th smallest must go
    if target == held.shape[0]:
        everybody = np.flatnonzero(degrees(held, 0))
        return everybody, len(everybody)
    found = min(_by_rarest(held, target), _by_most(held, target), key=len)
    if len(found) > at_least and held.nnz <= SMALL:
        found, at_least = _by_program(held, target, found, at_least)
    return found, at_least


def _by_rarest(held: Matrix, target: int) -> Rows:
    """Lose the agents of the row with the fewest left, until enough rows have none."""
    columns = held.tocsc()
    left = degrees(held, 1)
    gone = np.zeros(held.shape[1], dtype=bool)
    while (left == 0).sum() < target:
        row = int(np.argmin(np.where(left > 0, left, held.shape[1] + 1)))
        those = held.indices[held.indptr[row] : held.indptr[row + 1]]
        those = those[~gone[those]]
        gone[those] = True
        left = left - degrees(csr_array(columns[:, those]), 1)
    return np.flatnonzero(gone)


def _by_most(held: Matrix, target: int) -> Rows:
    """Lose agents by how many rows they are in, then take back those that were lost for nothing."""
    order = np.argsort(-degrees(held, 0), kind="stable")
    rank = np.empty(held.shape[1], dtype=np.int64)
    rank[order] = np.arange(held.shape[1])
    last = np.maximum.reduceat(rank[held.indices], held.indptr[:-1])
    rows = np.argsort(last, kind="stable")[:target]
    return np.flatnonzero(degrees(csr_array(held[rows]), 0))


def _by_program(held: Matrix, target: int, found: Rows, at_least: int) -> tuple[Rows, int]:
    """As an integer program: min sum y, x (row lost) <= y (agent lost), sum x >= target."""
    rows, agents = held.shape
    pairs = held.nnz
    at = np.arange(pairs)
    row_of = np.repeat(np.arange(rows), np.diff(held.indptr))
    lost = csr_array((np.ones(pairs), (at, row_of)), shape=(pairs, rows))
    by = csr_array((np.ones(pairs), (at, held.indices)), shape=(pairs, agents))
    total = np.concatenate((np.ones(rows), np.zeros(agents)))
    solved = milp(
        np.concatenate((np.zeros(rows), np.ones(agents))),
        integrality=np.ones(rows + agents, dtype=np.int64),
        bounds=Bounds(0, 1),
        constraints=[
            LinearConstraint(hstack([lost, -by]), ub=0),
            LinearConstraint(total[np.newaxis], lb=target),
        ],
        options={"node_limit": NODES},
    )
    bound = at_least if solved.mip_dual_bound is None else ceil(solved.mip_dual_bound - 1e-6)
    if solved.x is not None:
        better = np.flatnonzero(np.round(solved.x[rows:]))
        found = min(found, better, key=len)
    return found, min(len(found), max(at_least, bound))
