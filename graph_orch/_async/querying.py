"""Finding tasks by filters: the index of one filter finds candidates, the others are checked."""

from __future__ import annotations

import base64
import json
import re
import unicodedata
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime, timedelta
from enum import Enum
from typing import Any

from graph_orch._async.graph import AsyncGraph
from graph_orch.domain.forms import skill_key
from graph_orch.domain.models import Task, TaskFilters, TaskPage
from graph_orch.domain.models.base import some_moment
from graph_orch.domain.models.tasks import records_of
from graph_orch.errors import ValidationError

BEGINNING = datetime(1970, 1, 1, tzinfo=UTC)
INDEX_BATCH = 1_000
INDEX_CHARACTERS = 10_000_000
LONGEST_TEXT = 10_000
MOST_WORDS = 1_024
"""As many clauses as Lucene takes in one query."""
END = datetime(9999, 1, 1, tzinfo=UTC)
MANY = 5_000
"""So many tasks that require a skill are read and sorted at once, however many others there are."""
FEW = 10
"""A page of a long reading looks up so many agents or types one by one at most."""


NEWEST_BY = {
    "tasks/query_all": "all",
    "tasks/query_by_requirement": "requirement",
    "tasks/query_by_status": "status",
    "tasks/query_by_type": "type",
    "tasks/query_by_workflow": "workflow",
    "tasks/query_by_agent": "agent",
}
"""The index by which the newest tasks are found, where this statement finds the oldest."""


class AsyncQuerying:
    """Reads pages of tasks from a graph."""

    def __init__(self, graph: AsyncGraph) -> None:
        self._graph = graph

    async def page(
        self, filters: TaskFilters, limit: int, after: str | None, *, to_the_end: bool = False
    ) -> TaskPage:
        """At most `limit` tasks that pass the filters, oldest first, from after a cursor.

        Args:
            to_the_end: All pages will be read. Pages after the first then use an index in the
                order of the pages: any other would be read and sorted as a whole for each page.
        """
        row = await self._read(filters, limit + 1, after, to_the_end=to_the_end)
        tasks = [Task.from_record(it) for it in await all_records(self._graph, row)][:limit]
        last = cursor(tasks[-1]) if tasks else after or place(BEGINNING, "")
        return TaskPage(tasks, last if len(row["tasks"]) + len(row["left"]) > limit else None)

    async def newest(self, filters: TaskFilters, limit: int, after: str | None) -> TaskPage:
        """At most `limit` tasks that pass the filters, newest first, from after a cursor.

        Raises:
            ValidationError: there is a filter by words or by when tasks ended: no index has these
                in the order of creation.
        """
        leading = await self._leading(filters, limit)
        if leading not in NEWEST_BY:
            raise ValidationError(
                "query_tasks: newest_first: not together with text, finished_after or "
                "finished_before; leave newest_first out"
            )
        end = (END, "") if after is None else read_place("query_tasks", after)
        params = parameters(filters, limit + 1, None)
        params |= {"by": NEWEST_BY[leading], "cursor_at": end[0], "cursor_id": end[1]}
        if end[0] < END:  # one bound for the index; those of the same moment go by their ids
            until = end[0] + timedelta(microseconds=1)
            params["created_before"] = min(params["created_before"], until)
        (row,) = await self._graph.read("tasks/query_newest", **params)
        tasks = [Task.from_record(it) for it in await all_records(self._graph, row)][:limit]
        is_more = len(row["tasks"]) + len(row["left"]) > limit
        return TaskPage(tasks, cursor(tasks[-1]) if is_more else None)

    async def ids(
        self, filters: TaskFilters, limit: int, after: str | None
    ) -> tuple[list[str], str | None]:
        """The ids of such a page, all of which will be read, and the cursor of the next, if any.

        Where the tasks are large there are fewer than `limit`, and more follow.
        """
        row = await self._read(filters, limit, after, to_the_end=True)
        found = [node for node in row["tasks"] if node is not None]  # it was deleted meanwhile
        last = after or place(BEGINNING, "")
        if found:
            last = place(some_moment(found[-1]["created_at"]), found[-1]["task_id"])
        more = len(row["tasks"]) == limit or row["left"]
        return [node["task_id"] for node in found], last if more else None

    async def _read(
        self, filters: TaskFilters, limit: int, after: str | None, *, to_the_end: bool
    ) -> Mapping[str, Any]:
        in_order = to_the_end and after is not None
        name = leading_in_order(filters) if in_order else await self._leading(filters, limit)
        params = parameters(filters, limit, after) | _own_parameters(name, filters)
        if name == "tasks/query_by_text" and after is None:
            await self.index_content()
        (row,) = await self._graph.read(name, **params)
        return row

    async def _leading(self, filters: TaskFilters, limit: int) -> str:
        """`leading_statement`, but not by a skill that many tasks require, see `are_few`."""
        name = leading_statement(filters)
        if name != "tasks/query_by_requirement":
            return name
        keys = [skill_key(it) for it in filters.requirement]
        (row,) = await self._graph.read("tasks/requiring", requirements=keys)
        return name if are_few(limit, **row) else "tasks/query_all"

    async def index_content(self) -> int:
        """Bring the full-text index up to date; how many tasks were put into it."""
        total, more = 0, True
        while more:
            (row,) = await self._graph.write(
                "tasks/index_content", limit=INDEX_BATCH, characters=INDEX_CHARACTERS
            )
            total, more = total + row["number"], row["more"]
        return total


def are_few(limit: int, number: int, total: int) -> bool:
    """Whether to read and sort all tasks that require a skill, to find a page of them.

    Else all tasks are read in their order until a page is full: where those of the skill are spread
    evenly, `limit * total / number` of them.
    """
    return number <= max(MANY, limit * total / max(1, number))


async def all_records(graph: AsyncGraph, row: Mapping[str, Any]) -> list[Mapping[str, Any]]:
    """The tasks that a statement answered in one row, and those that did not fit into it."""
    records, left = records_of(row), row["left"]
    while left:
        (row,) = await graph.read("tasks/get_many", task_ids=left)
        records, left = [*records, *records_of(row)], row["left"]
    return records


def leading_statement(filters: TaskFilters) -> str:
    """The statement whose index probably leaves the fewest tasks to look at."""
    match filters:
        case TaskFilters(text=str()):
            return "tasks/query_by_text"
        case TaskFilters(agent_id=[_, *_]):
            return "tasks/query_by_agent"
        case TaskFilters(workflow_id=[_, *_]):
            return "tasks/query_by_workflow"
        case TaskFilters(finished_after=datetime()) | TaskFilters(finished_before=datetime()):
            return "tasks/query_by_finish"
        case TaskFilters(status=[_, *_]):
            return "tasks/query_by_status"
        case TaskFilters(task_type=[_, *_]):
            return "tasks/query_by_type"
        case TaskFilters(requirement=[_, *_]):
            return "tasks/query_by_requirement"
        case _:
            return "tasks/query_all"


def leading_in_order(filters: TaskFilters) -> str:
    """The statement with the most selective index of those that have the order of the pages."""
    match filters:
        case TaskFilters(text=str()):  # no other index knows words
            return "tasks/query_by_text"
        case TaskFilters(agent_id=[_, *rest]) if len(rest) < FEW:
            return "tasks/query_by_agent"
        case TaskFilters(workflow_id=[_, *rest]) if len(rest) < FEW:
            return "tasks/query_by_workflow"
        case TaskFilters(status=[_, *_]):
            return "tasks/query_by_status"
        case TaskFilters(task_type=[_, *rest]) if len(rest) < FEW:
            return "tasks/query_by_type"
        case _:
            return "tasks/query_all"


def parameters(filters: TaskFilters, limit: int, after: str | None) -> dict[str, Any]:
    """The parameters that every query statement has."""
    cursor_at, cursor_id = (BEGINNING, "") if after is None else read_place("query_tasks", after)
    return {
        "limit": limit,
        "cursor_at": cursor_at,
        "cursor_id": cursor_id,
        "created_from": max(filters.created_after or BEGINNING, cursor_at),
        "created_before": filters.created_before or END,
        "statuses": _values(filters.status),
        "agent_ids": _values(filters.agent_id),
        "task_types": _values(filters.task_type),
        "priorities": _values(filters.priority),
        "requirements": _values([skill_key(name) for name in filters.requirement]),
        "workflow_ids": _values(filters.workflow_id),
        "finished_after": filters.finished_after,
        "finished_before": filters.finished_before,
    }


def _own_parameters(name: str, filters: TaskFilters) -> dict[str, Any]:
    match name:
        case "tasks/query_by_text":
            return {"words": lucene_words(filters.text or "")}
        case "tasks/query_by_finish":
            return {
                "finished_from": filters.finished_after or BEGINNING,
                "finished_to": filters.finished_before or END,
            }
        case _:
            return {}


def lucene_words(text: str) -> str:
    """A Lucene query for every word of a text; nothing in it is taken as an operator.

    What stands between white space is given as a phrase, for the index to cut into words as it cut
    the content: "10.0.0.12" is one word, "kebab-case" two, and each character of Chinese is one.

    Raises:
        ValidationError: the text holds no word, or too many.
    """
    phrases = dict.fromkeys(filter(None, _WHITE.split(text)))
    if not any(unicodedata.category(character) in _OF_WORDS for character in text):
        raise ValidationError(f"query_tasks: text: {text[:50]!r} holds no word to look for")
    if len(phrases) > MOST_WORDS or len(text) > LONGEST_TEXT:
        raise ValidationError(
            f"query_tasks: text: {len(phrases):,} different words in {len(text):,} characters; at "
            f"most {MOST_WORDS:,} and {LONGEST_TEXT:,} are looked for: leave some out"
        )
    escaped = (phrase.replace("\\", r"\\").replace('"', r"\"") for phrase in phrases)
    return " ".join(f'+"{phrase}"' for phrase in escaped)


_WHITE = re.compile(r"[^\S\u202f]+")
"""White space, but for the narrow no-break space, which joins words: "10\u202f000" is one."""
_OF_WORDS = {"Lu", "Ll", "Lt", "Lm", "Lo", "Nd", "Nl", "So"}
"""Categories of what the index keeps: letters, digits, and of other symbols emojis."""


def cursor(task: Task) -> str:
    """An opaque text for a task's place in the order of creation."""
    return place(task.created_at, task.task_id)


def place(created_at: datetime, key: str) -> str:
    """An opaque text for a place in an order by creation, then by id."""
    found = json.dumps([created_at.isoformat(), key])
    return base64.urlsafe_b64encode(found.encode()).decode()


def read_place(what: str, text: str) -> tuple[datetime, str]:
    """The place that a text of `place` is for.

    Raises:
        ValidationError: it is none; the message begins with `what`.
    """
    try:
        moment, key = json.loads(base64.urlsafe_b64decode(text))
        found = datetime.fromisoformat(moment).astimezone(UTC), str(key)
        found[1].encode()  # refuses what cannot be sent
    except (ValueError, TypeError, OverflowError, RecursionError) as error:
        raise ValidationError(
            f"{what}: after: is no cursor; give the next_cursor of a page"
        ) from error
    return found


def _values(chosen: Sequence[object]) -> list[object] | None:
    return [item.value if isinstance(item, Enum) else item for item in chosen] or None
