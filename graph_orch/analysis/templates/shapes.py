"""Whether two workflows have the same shape: the same types of tasks, joined in the same way."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence
from hashlib import blake2b
from typing import TypeAlias

ROUNDS = 2
FREE = 1_000
EACH = 50
"""Candidates that a match may look at: so many for each task, beside FREE."""
CHEAP = 32
"""Steps over tasks that are used already, or of another colour, that count as one candidate."""


class Shapes:
    """Tasks 0, 1, …, of which each waits for earlier ones, with their labels.

    Each task has a colour that depends on nothing but the shape around it: the shapes of all that
    it waits for, and of all that waits for it, and then two rounds of Weisfeiler & Lehman (1968).
    So tasks that an isomorphism maps onto each other have one colour.
    """

    def __init__(self, labels: Sequence[str], waits: Sequence[Sequence[int]]) -> None:
        self.waits = waits
        self.followers: list[list[int]] = [[] for _ in waits]
        for task, others in enumerate(waits):
            for other in others:
                self.followers[other].append(task)
        self.colours = self._coloured(labels)

    def digest(self, tasks: Iterable[int]) -> bytes:
        """A hash of a workflow, equal for all of one shape."""
        return _digest(b"", sorted(self.colours[task] for task in tasks))

    def match(self, one: Sequence[int], other: Sequence[int]) -> dict[int, int] | None:
        """An isomorphism from one workflow to another: which task corresponds to which.

        None: there is none, or none was found within so many candidates. So what is matched is
        the same, and in rare cases what is the same is not matched.
        """
        if len(one) != len(other) or self.digest(one) != self.digest(other):
            return None
        return _Match(self, one, other).find()

    def _coloured(self, labels: Sequence[str]) -> list[bytes]:
        marks = [_digest(label.encode("utf-8", "surrogatepass"), ()) for label in labels]
        up, down = list(marks), list(marks)
        for task in range(len(marks)):
            up[task] = _digest(marks[task], sorted(up[other] for other in self.waits[task]))
        for task in reversed(range(len(marks))):
            down[task] = _digest(marks[task], sorted(down[it] for it in self.followers[task]))
        colours = [_digest(b"", pair) for pair in zip(up, down, strict=True)]
        for _ in range(ROUNDS):
            colours = [self._mixed(task, colours) for task in range(len(colours))]
        return colours

    def _mixed(self, task: int, colours: list[bytes]) -> bytes:
        before = _digest(b"<", sorted(colours[other] for other in self.waits[task]))
        after = _digest(b">", sorted(colours[other] for other in self.followers[task]))
        return _digest(colours[task], (before, after))


Pool: TypeAlias = tuple[int, int, bytes]


class _Match:
    """A search for an isomorphism, task by task, each next to one that is mapped already."""

    def __init__(self, shapes: Shapes, one: Sequence[int], other: Sequence[int]) -> None:
        self._colours = shapes.colours
        self._sides = (shapes.waits, shapes.followers)
        self._known = {task: set(shapes.waits[task]) for task in other}
        self._other = other
        self._pools: dict[Pool, list[int]] = {}
        self._lowest: dict[Pool, int] = {}
        self._image: dict[int, int] = {}
        self._used: set[int] = set()
        self._order = self._ordered(one)
        self._left = FREE + EACH * len(self._order)

    def find(self) -> dict[int, int] | None:
        """The isomorphism, by the first candidate that fits, and back where none does."""
        places = [-1]
        while len(self._image) < len(self._order):
            if self._left <= 0:
                return None
            task, anchor, side = self._order[len(self._image)]
            pool = self._pool(task, anchor, side)
            place = self._next(pool, places[-1])
            if place is not None:
                places[-1] = place
                if self._fits(task, self._pools[pool][place]):
                    self._take(task, self._pools[pool][place])
                    places.append(-1)
            elif self._image:
                places.pop()
                self._give_back()
            else:
                return None
        return self._image

    def _ordered(self, tasks: Sequence[int]) -> list[tuple[int, int | None, int]]:
        """The tasks, each with a neighbour that comes before it, and on which side of that it is.

        Of its neighbours, the one with the fewest on that side: it leaves the fewest candidates.
        """
        common = Counter(self._colours[task] for task in tasks)
        seen, placed = set[int](), set[int]()
        order: list[tuple[int, int | None, int]] = []
        for start in sorted(tasks, key=lambda task: (common[self._colours[task]], task)):
            line = [] if start in seen else [start]
            seen.add(start)
            for task in line:
                order.append((task, *self._anchor(task, placed)))
                placed.add(task)
                near = [it for side in self._sides for it in side[task] if it not in seen]
                seen.update(near)
                line.extend(dict.fromkeys(near))
        return order

    def _anchor(self, task: int, placed: set[int]) -> tuple[int | None, int]:
        """A placed neighbour, and the side of it that the task is on."""
        best: tuple[int, int, int] | None = None
        for side, opposite in ((1, 0), (0, 1)):
            for near in self._sides[opposite][task]:
                if near in placed:
                    crowd = len(self._sides[side][near])
                    best = min(best or (crowd, near, side), (crowd, near, side))
        return (None, 0) if best is None else (best[1], best[2])

    def _pool(self, task: int, anchor: int | None, side: int) -> Pool:
        """The tasks of the other workflow that this one may correspond to, by a key."""
        colour = self._colours[task]
        pool = (-1 if anchor is None else self._image[anchor], side, colour)
        if pool not in self._pools:
            all_ = self._other if anchor is None else self._sides[side][pool[0]]
            self._pools[pool] = [it for it in all_ if self._colours[it] == colour]
            self._left -= len(all_) // CHEAP
        return pool

    def _next(self, pool: Pool, place: int) -> int | None:
        """The next place in a pool, after this one, that is not used."""
        found = start = max(place + 1, self._lowest.get(pool, 0))
        tasks = self._pools[pool]
        while found < len(tasks) and tasks[found] in self._used:
            found += 1
        self._left -= 1 + (found - start) // CHEAP
        if start == self._lowest.get(pool, 0):
            self._lowest[pool] = found
        return found if found < len(tasks) else None

    def _fits(self, task: int, candidate: int) -> bool:
        """Whether each edge to a mapped task is there too; with as many edges, that is enough."""
        known = self._known
        image = self._image
        return all(
            image[it] in known[candidate] for it in self._sides[0][task] if it in image
        ) and all(candidate in known[image[it]] for it in self._sides[1][task] if it in image)

    def _take(self, task: int, candidate: int) -> None:
        self._image[task] = candidate
        self._used.add(candidate)

    def _give_back(self) -> None:
        """Undo the last step; pools in which all before a place were used may have a free one."""
        _, candidate = self._image.popitem()
        self._used.remove(candidate)
        colour = self._colours[candidate]
        self._lowest.pop((-1, 0, colour), None)
        for side, opposite in ((1, 0), (0, 1)):
            for near in self._sides[opposite][candidate]:
                self._lowest.pop((near, side, colour), None)


def _digest(start: bytes, parts: Iterable[bytes]) -> bytes:
    """A hash of parts that have one length each, or are one."""
    found = blake2b(start, digest_size=16)
    found.update(b"".join(parts))
    return found.digest()
