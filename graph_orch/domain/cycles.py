"""Cycles among dependencies: finding and breaking them. Pure, and without recursion."""

from __future__ import annotations

from collections.abc import Collection, Hashable, Mapping, Sequence
from typing import TypeVar

from graph_orch.domain.precedence import way_between

N = TypeVar("N", bound=Hashable)


def break_cycles(
    dependencies: Mapping[str, Sequence[str]],
) -> tuple[dict[str, tuple[str, ...]], list[tuple[str, str]]]:
    """The dependencies without cycles, and the (task, dependency) edges left out for that."""
    kept: dict[str, list[str]] = {key: [] for key in dependencies}
    broken: list[tuple[str, str]] = []
    finished: set[str] = set()
    for root in sorted(dependencies):
        if root not in finished:
            _walk(root, dependencies, kept, broken, finished)
    return {key: tuple(others) for key, others in kept.items()}, broken


def _walk(
    root: str,
    dependencies: Mapping[str, Sequence[str]],
    kept: dict[str, list[str]],
    broken: list[tuple[str, str]],
    finished: set[str],
) -> None:
    """Go depth first from `root`; an edge back to where we came from closes a cycle."""
    stack = [(root, iter(dependencies[root]))]
    open_ = {root}
    while stack:
        key, rest = stack[-1]
        other = next(rest, None)
        if other is None:
            stack.pop()
            open_.discard(key)
            finished.add(key)
        elif other in open_:
            broken.append((key, other))
        else:
            kept[key].append(other)
            if other not in finished:
                open_.add(other)
                stack.append((other, iter(dependencies[other])))


def cycles_of(dependencies: Mapping[N, Collection[N]]) -> list[list[N]]:
    """A cycle for each knot of tasks that depend on each other: the shortest through its first.

    A knot is a strongly connected component; it may hold more cycles than anybody could list. A
    cycle is [a, b, …, a], where a depends on b.
    """
    found: list[list[N]] = []
    place = {key: at for at, key in enumerate(dependencies)}
    for knot in _knots(dependencies):
        first = min(knot, key=lambda key: place[key])
        inside = set(knot)
        ways = [way_between(dependencies, other, first, inside) for other in dependencies[first]]
        found.append([first, *min((way for way in ways if way), key=len)])
    return sorted(found, key=lambda cycle: place[cycle[0]])


def _knots(dependencies: Mapping[N, Collection[N]]) -> list[list[N]]:
    """The strongly connected components that hold a cycle: depth first, then against the edges.

    Sharir, M. (1981), A strong-connectivity algorithm (also known as Kosaraju's).
    """
    against: dict[N, list[N]] = {}
    for key, others in dependencies.items():
        for other in others:
            against.setdefault(other, []).append(key)
    knots: list[list[N]] = []
    taken: set[N] = set()
    for root in reversed(_left(dependencies)):
        if root not in taken:
            knot = _reached(root, against, taken)
            if len(knot) > 1 or root in dependencies.get(root, ()):
                knots.append(knot)
    return knots


def _left(dependencies: Mapping[N, Collection[N]]) -> list[N]:
    """The tasks in the order in which a walk depth first is done with them."""
    left: list[N] = []
    seen: set[N] = set()
    for root in dependencies:
        if root in seen:
            continue
        seen.add(root)
        stack = [(root, iter(dependencies[root]))]
        while stack:
            for other in stack[-1][1]:
                if other not in seen:
                    seen.add(other)
                    stack.append((other, iter(dependencies.get(other, ()))))
                    break
            else:
                left.append(stack.pop()[0])
    return left


def _reached(root: N, edges: Mapping[N, Collection[N]], taken: set[N]) -> list[N]:
    taken.add(root)
    reached: list[N] = [root]
    for key in reached:  # it grows as it is read
        for other in edges.get(key, ()):
            if other not in taken:
                taken.add(other)
                reached.append(other)
    return reached
