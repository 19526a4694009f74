"""Chains, fans and joins of task types that come again and again in finished workflows.

None is found by listing its occurrences, of which there may be exponentially many: chains are
grown a type at a time, only from those that are frequent (Agrawal & Srikant 1994), and what they
occur with is counted by sparse products.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from itertools import pairwise
from typing import TypeAlias

import numpy as np
from scipy.sparse import csr_array, eye_array

from graph_orch.analysis.templates.instances import Flags, Floats, Instances, Ints

Block: TypeAlias = "csr_array[np.float64, tuple[int, int]]"
Types: TypeAlias = "tuple[int, ...]"

PAIRS = 100_000
"""Pairs of first and last tasks of a chain that are looked at, about, for how long it takes."""


@dataclass(frozen=True, slots=True, eq=False)
class Found:
    """A pattern: the tasks at each of its places, and what its occurrences were like.

    `spans` are seconds, nan where a time is missing, and stand for so many occurrences as
    `weights` say.
    """

    types: Types
    places: tuple[Ints, ...]
    workflows: int
    occurrences: int
    succeeded: int
    at_first: int
    spans: Floats
    weights: Floats
    sizes: tuple[tuple[int, int], ...] = ()
    is_sampled: bool = False


@dataclass(frozen=True, slots=True, eq=False)
class _Grown:
    """A chain that may be kept: `up_to` and one type more, and how often each task ends it."""

    types: Types
    counts: Floats
    workflows: int
    up_to: _Chain

    @property
    def rank(self) -> tuple[int, float, Types]:
        return -self.workflows, -float(self.counts.sum()), self.types


@dataclass(frozen=True, slots=True, eq=False)
class _Chain:
    """A chain that is kept, and how often each pair of a first and a last task has it.

    The rows of `pairs` are the tasks `starts`, its columns the tasks of the last type.
    """

    types: Types
    counts: Floats
    workflows: int
    succeeded: Floats
    at_first: Floats
    pairs: Block
    starts: Ints
    is_sampled: bool


class Links:
    """The tasks by their types, and the dependencies between types that are frequent."""

    def __init__(self, instances: Instances, min_support: int, max_pairs: int) -> None:
        self.instances = instances
        self.of_type = _by_type(instances)
        self._within = np.empty(len(instances.nodes), dtype=np.int64)
        for tasks in self.of_type:
            self._within[tasks] = np.arange(len(tasks))
        many = max(1, len(self.of_type))
        keys = instances.types[instances.before] * many + instances.types[instances.after]
        kept, self.is_cut = _frequent(keys, instances, min_support, max_pairs)
        self.blocks = {divmod(key, many): self._block(keys == key) for key in kept}
        self._after: dict[int, list[int]] = {}
        for first, second in self.blocks:
            self._after.setdefault(first, []).append(second)

    def after(self, kind: int) -> list[int]:
        """The types that follow on this one frequently."""
        return self._after.get(kind, [])

    def workflows(self, kind: int, counts: Floats) -> int:
        """In how many workflows the tasks of a type are that count."""
        return len(np.unique(self.instances.workflow[self.of_type[kind][counts > 0]]))

    def _block(self, edges: Flags) -> Block:
        before, after = self.instances.before[edges], self.instances.after[edges]
        kinds = self.instances.types
        rows, columns = self.of_type[kinds[before[0]]], self.of_type[kinds[after[0]]]
        ends = (self._within[before], self._within[after])
        return csr_array((np.ones(len(before)), ends), shape=(len(rows), len(columns)))


def chains(
    instances: Instances, min_support: int, max_length: int, max_patterns: int
) -> tuple[list[Found], bool]:
    """Chains of 2 to `max_length` types in `min_support` workflows at least.

    At most `max_patterns` of each length are kept, those in most workflows; and whether some were
    not kept.
    """
    links = Links(instances, min_support, max_patterns)
    level = [_one(links, kind) for kind in range(len(links.of_type)) if links.after(kind)]
    found: list[Found] = []
    cut = links.is_cut
    for _ in range(max_length - 1):
        known = {chain.types for chain in level}
        grown = [it for chain in level for it in _extensions(links, chain, known)]
        frequent = [it for it in grown if it.workflows >= min_support]
        cut |= len(frequent) > max_patterns
        ranked = sorted(frequent, key=lambda it: it.rank)[:max_patterns]
        level = [_kept(links, it) for it in ranked]
        found.extend(_chain_found(links, chain) for chain in level)
    return found, cut


def fans(instances: Instances, min_support: int, *, joins: bool = False) -> list[Found]:
    """Tasks on which several of one type depend, by the two types; joins are the reverse."""
    hubs, others = instances.before, instances.after
    if joins:
        hubs, others = others, hubs
    if not len(hubs):
        return []
    order = np.lexsort((others, instances.types[others], hubs))
    hubs, others = hubs[order], others[order]
    kinds = instances.types[others]
    new = np.flatnonzero((np.diff(hubs, prepend=-1) != 0) | (np.diff(kinds, prepend=-1) != 0))
    sizes = np.diff(new, append=len(hubs))
    groups = _Groups(instances, hubs[new], others, new, sizes, joins)
    pairs = np.stack((instances.types[hubs[new]], kinds[new]), axis=1)[sizes > 1]
    found = (groups.of(hub, other) for hub, other in np.unique(pairs, axis=0).tolist())
    return [it for it in found if it.workflows >= min_support]


@dataclass(frozen=True, slots=True, eq=False)
class _Groups:
    """Hubs, each with tasks of one type around it: so many (`sizes`) `others`, from `first` on."""

    instances: Instances
    hubs: Ints
    others: Ints
    first: Ints
    sizes: Ints
    joins: bool

    def of(self, hub: int, other: int) -> Found:
        """The fans (or joins) between two types."""
        it = self.instances
        kinds = it.types[self.hubs] == hub, it.types[self.others[self.first]] == other
        at = np.flatnonzero(kinds[0] & kinds[1] & (self.sizes > 1))
        around = self._around(at)
        sizes, count = np.unique(self.sizes[at], return_counts=True)
        types = (other, hub) if self.joins else (hub, other)
        hubs, others = np.unique(self.hubs[at]), np.unique(around)
        return Found(
            types=types,
            places=(others, hubs) if self.joins else (hubs, others),
            workflows=len(np.unique(it.workflow[hubs])),
            occurrences=len(at),
            succeeded=int(self._all(it.succeeded, at, around).sum()),
            at_first=int(self._all(it.at_first, at, around).sum()),
            spans=self._spans(at, around),
            weights=np.ones(len(at)),
            sizes=tuple(zip(sizes.tolist(), count.tolist(), strict=True)),
        )

    def _around(self, at: Ints) -> Ints:
        """The tasks around these hubs, one after the other."""
        sizes = self.sizes[at]
        steps = np.arange(int(sizes.sum())) - np.repeat(np.cumsum(sizes) - sizes, sizes)
        return self.others[np.repeat(self.first[at], sizes) + steps]

    def _bounds(self, at: Ints) -> Ints:
        sizes = self.sizes[at]
        return np.cumsum(sizes) - sizes

    def _all(self, good: Flags, at: Ints, around: Ints) -> Flags:
        return good[self.hubs[at]] & np.logical_and.reduceat(good[around], self._bounds(at))

    def _spans(self, at: Ints, around: Ints) -> Floats:
        it, hubs, bounds = self.instances, self.hubs[at], self._bounds(at)
        if self.joins:
            return it.end[hubs] - np.fmin.reduceat(it.start[around], bounds)
        return np.fmax.reduceat(it.end[around], bounds) - it.start[hubs]


def _by_type(instances: Instances) -> list[Ints]:
    order = np.argsort(instances.types, kind="stable")
    sizes = np.bincount(instances.types, minlength=len(instances.type_names))
    return np.split(order, np.cumsum(sizes)[:-1]) if len(sizes) else []


def _frequent(
    keys: Ints, instances: Instances, min_support: int, most: int
) -> tuple[list[int], bool]:
    """The keys of edges that are in enough workflows, most frequent first; whether some are left.

    What comes in more workflows goes first, then what comes more often.
    """
    found, edges = np.unique(keys, return_counts=True)
    workflows = instances.workflow[instances.before]
    spread = np.unique(np.stack((keys, workflows), axis=1), axis=0)[:, 0]
    support = np.unique(spread, return_counts=True)[1]
    order = np.lexsort((found, -edges, -support))
    order = order[support[order] >= min_support]
    return found[order][:most].tolist(), len(order) > most


def _one(links: Links, kind: int) -> _Chain:
    tasks = links.of_type[kind]
    it = links.instances
    return _Chain(
        types=(kind,),
        counts=np.ones(len(tasks)),
        workflows=len(np.unique(it.workflow[tasks])),
        succeeded=it.succeeded[tasks].astype(float),
        at_first=it.at_first[tasks].astype(float),
        pairs=csr_array(eye_array(len(tasks))),
        starts=tasks,
        is_sampled=False,
    )


def _extensions(links: Links, chain: _Chain, known: set[Types]) -> Iterator[_Grown]:
    """The chain with one type more, as far as all its parts are frequent."""
    for kind in links.after(chain.types[-1]):
        if len(chain.types) == 1 or (*chain.types[1:], kind) in known:
            counts = _through(links.blocks[chain.types[-1], kind], chain.counts)
            workflows = links.workflows(kind, counts)
            yield _Grown((*chain.types, kind), counts, workflows, chain)


def _through(block: Block, values: Floats) -> Floats:
    return np.asarray(block.T @ values, dtype=float)


def _kept(links: Links, grown: _Grown) -> _Chain:
    """Where there are too many pairs of first and last tasks, only those of some first ones."""
    before = grown.up_to
    block = links.blocks[grown.types[-2], grown.types[-1]]
    tasks = links.of_type[grown.types[-1]]
    pairs, starts = before.pairs, before.starts
    work = int(np.diff(block.indptr)[pairs.indices].sum())
    if work > PAIRS:
        rows = np.linspace(0, len(starts) - 1, max(1, len(starts) * PAIRS // work))
        rows = np.unique(rows.astype(np.int64))
        pairs, starts = csr_array(pairs[rows]), starts[rows]
    return _Chain(
        types=grown.types,
        counts=grown.counts,
        workflows=grown.workflows,
        succeeded=_through(block, before.succeeded) * links.instances.succeeded[tasks],
        at_first=_through(block, before.at_first) * links.instances.at_first[tasks],
        pairs=csr_array(pairs @ block),
        starts=starts,
        is_sampled=before.is_sampled or work > PAIRS,
    )


def _chain_found(links: Links, chain: _Chain) -> Found:
    it, last = links.instances, links.of_type[chain.types[-1]]
    firsts = np.repeat(chain.starts, np.diff(chain.pairs.indptr))
    return Found(
        types=chain.types,
        places=_places(links, chain.types),
        workflows=chain.workflows,
        occurrences=round(float(chain.counts.sum())),
        succeeded=round(float(chain.succeeded.sum())),
        at_first=round(float(chain.at_first.sum())),
        spans=it.end[last[chain.pairs.indices]] - it.start[firsts],
        weights=chain.pairs.data,
        is_sampled=chain.is_sampled,
    )


def _places(links: Links, types: Types) -> tuple[Ints, ...]:
    """The tasks that stand at each place of a chain, in some occurrence of it."""
    blocks = [links.blocks[pair] for pair in pairwise(types)]
    reached: list[Flags] = [np.ones(len(links.of_type[types[0]]), dtype=bool)]
    for block in blocks:
        reached.append(_through(block, reached[-1].astype(float)) > 0)
    for at in range(len(blocks) - 1, -1, -1):
        reached[at] &= (blocks[at] @ reached[at + 1].astype(float)) > 0
    return tuple(links.of_type[kind][on] for kind, on in zip(types, reached, strict=True))
