"""Bring the names and skill keys of a store to the forms in which they are compared now.

Before version 4 of the schema a skill in composed and in decomposed characters was two skills, and
so was every other name. Everything is renamed in short transactions, in an order that lets a run
that was killed begin again from the start: what a task or an agent needs exists before it is moved,
and the old skills and lanes, which tell what has to move, are deleted last.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Any, TypeVar

from graph_orch._async.graph import AsyncGraph
from graph_orch.domain.forms import skill_key
from graph_orch.domain.ids import new_hex
from graph_orch.domain.lanes import Lane

T = TypeVar("T")

PAGE = 500


async def rename_all(graph: AsyncGraph) -> None:
    """Rename what is stored; it does nothing where it was run before."""
    await graph.write("schema/compose_names")
    names = await _skills_that_change(graph)
    keys = {old: new for old, (new, _) in names.items()}
    if keys:
        skills = [{"key": key, "name": name} for key, name in sorted(names.values())]
        await graph.write("tasks/add_skills", skills=skills)
        moved = PAGE
        while moved == PAGE:
            (row,) = await graph.write(
                "schema/move_holders", keys=keys, limit=PAGE, command_id=new_hex()
            )
            moved = row["number"]
        await graph.write("schema/rename_retired_skills", keys=keys)
    lanes = await _lanes_that_change(graph, keys)
    for rows in _pages(sorted(lanes.values(), key=lambda row: row["key"])):
        await graph.write("tasks/add_lanes", lanes=rows, command_id=new_hex())
    moves = {old: row["key"] for old, row in lanes.items()}
    last: str | None = ""
    while last is not None:
        (row,) = await graph.write(
            "schema/rename_tasks", after=last, limit=PAGE, lanes=moves, keys=keys
        )
        last = row["last"]
    for some in _pages(moves):
        await graph.write("schema/drop_lanes", lanes=some)
    for some in _pages(keys):
        await graph.write("schema/drop_skills", keys=some)


def _pages(items: Iterable[T]) -> Iterator[list[T]]:
    found = list(items)
    return (found[start : start + PAGE] for start in range(0, len(found), PAGE))


async def _skills_that_change(graph: AsyncGraph) -> dict[str, tuple[str, str]]:
    """The old keys of the skills whose key is another now, to that key and the skill's name."""
    changed: dict[str, tuple[str, str]] = {}
    after = ""
    while rows := await graph.read("export/skills", after=after, limit=PAGE):
        for skill in (row["skill"] for row in rows):
            after = skill["key"]
            key = skill_key(after)
            if key not in ("", after):  # nothing could be seen of a skill without any key
                changed[after] = key, skill["name"] or key
    return changed


async def _lanes_that_change(graph: AsyncGraph, keys: dict[str, str]) -> dict[str, dict[str, Any]]:
    """The old keys of the lanes whose key is another now, to those lanes."""
    changed: dict[str, dict[str, Any]] = {}
    after = ""
    while rows := await graph.read("schema/lanes", after=after, limit=PAGE):
        for row in rows:
            after = row["key"]
            before: list[str] = row["skills"]
            skills = sorted({keys.get(key, key) for key in before})
            limited_by = row["composed_concurrency_key"]
            if skills != sorted(before) or limited_by != row["concurrency_key"]:
                changed[after] = Lane(tuple(skills), concurrency_key=limited_by).row()
    return changed
