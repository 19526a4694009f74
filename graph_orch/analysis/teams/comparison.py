"""How far two partitions agree."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Hashable, Iterable, Mapping
from typing import cast

import networkx as nx

from graph_orch.analysis.checks import nodes, several, shown
from graph_orch.domain.models.teams import Agreement, Communities
from graph_orch.errors import ValidationError

Partition = Communities | Iterable[Iterable[Hashable]]


def agreement(a: Partition, b: Partition) -> Agreement:
    """Compare two partitions of the same nodes, whatever their communities are called.

    The adjusted Rand index: Hubert and Arabie, Journal of Classification 2, 193 (1985), eq. 5.
    The normalized mutual information: 2 I(a; b) / (H(a) + H(b)), Danon et al., J. Stat. Mech.
    P09008 (2005), eq. 2. Both are 1.0 for partitions that are the same, trivial ones included.

    Raises:
        ValidationError: they are not partitions of the same nodes.
    """
    first, second = _labels("a", a), _labels("b", b)
    if first.keys() != second.keys():
        apart = first.keys() ^ second.keys()
        raise ValidationError(
            f"a and b are not of the same nodes: {len(apart)} are in one of them only, such as "
            f"{min(apart, key=str)!r}; compare communities of the same graph"
        )
    both = Counter((first[node], second[node]) for node in first)
    one, other = Counter(first.values()), Counter(second.values())
    return Agreement(
        adjusted_rand=_adjusted_rand(both, one, other),
        normalized_mutual_information=_mutual_information(both, one, other),
    )


def _labels(name: str, partition: Partition) -> dict[Hashable, int]:
    groups = partition.members if isinstance(partition, Communities) else partition
    if isinstance(groups, Mapping | nx.Graph):
        raise ValidationError(
            f"{name}: {shown(cast(object, groups))} is no partition; give a list of groups"
        )
    labels: dict[Hashable, int] = {}
    for label, group in enumerate(several(name, groups)):
        if isinstance(group, str):
            raise ValidationError(f"{name}: {group!r:.100} is one string where a group is needed")
        for node in nodes(f"{name}: a group", group):
            if labels.setdefault(node, label) != label:
                raise ValidationError(f"{name}: {node!r:.100} is in more than one community")
    return labels


Table = Counter[tuple[int, int]]


def _adjusted_rand(both: Table, one: Counter[int], other: Counter[int]) -> float:
    together, in_one, in_other = (_pairs(counts.values()) for counts in (both, one, other))
    all_pairs = _pairs([one.total()])
    if in_one == in_other == together:  # the same, or both trivial in the same way
        return 1.0
    expected = in_one * in_other / all_pairs
    return (together - expected) / ((in_one + in_other) / 2 - expected)


def _pairs(sizes: Iterable[int]) -> int:
    return sum(math.comb(size, 2) for size in sizes)


def _mutual_information(both: Table, one: Counter[int], other: Counter[int]) -> float:
    total = one.total()
    if len(both) == len(one) == len(other):  # the same
        return 1.0
    shared = math.fsum(
        count / total * math.log(count * total / (one[i] * other[j]))
        for (i, j), count in both.items()
    )
    return min(1.0, max(0.0, 2 * shared / (_entropy(one) + _entropy(other))))


def _entropy(sizes: Counter[int]) -> float:
    total = sizes.total()
    return -math.fsum(size / total * math.log(size / total) for size in sizes.values())
