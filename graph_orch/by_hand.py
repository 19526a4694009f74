"""What Cypher that a person wrote may do: read the graph, and nothing else.

A session without the right to write still lets a query read files and addresses, end the
transactions of others, and call procedures that manage the server. The server's own plan of a query
tells what is in it, however it is written.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from typing import Any

from graph_orch.errors import StoreQueryError

READS = "r"
REFUSED_OPERATORS = {
    "LoadCSV": "LOAD CSV reads files and addresses",
    "TerminateTransactions": "TERMINATE TRANSACTIONS ends what others do",
}
PROCEDURES = re.compile(r"(db|gds)\.", re.IGNORECASE)
"""What comes with the server, and the library that analyses graphs. Others, such as apoc.load and
apoc.export, count as reading though they reach files and addresses."""
ELSEWHERE = "cypher-shell, with the rights of its user, runs such a query"


def refuse_effects(query_type: str | None, plan: Mapping[str, Any] | None) -> None:
    """Raise where a query, explained by the server, does more than read the graph.

    Args:
        query_type: What the driver's summary says: `r` for one that only reads.
        plan: The tree of its operators.

    Raises:
        StoreQueryError: it does; the message says what.
    """
    for operator, details in _operators(plan or {}):
        if why := REFUSED_OPERATORS.get(operator):
            raise StoreQueryError(f"a query by hand may only read the graph: {why}; {ELSEWHERE}")
        if operator == "ProcedureCall" and not PROCEDURES.match(details):
            raise StoreQueryError(
                "a query by hand may only read the graph, and call procedures of db and gds, not "
                f"{details.partition('(')[0]}; {ELSEWHERE}"
            )
    if query_type != READS:
        raise StoreQueryError(
            f"a query by hand may only read the graph, and does more; {ELSEWHERE}"
        )


def _operators(plan: Mapping[str, Any]) -> Iterator[tuple[str, str]]:
    """Each operator's name, without that of its database, and its details."""
    arguments: Mapping[str, Any] = plan.get("args") or {}
    yield str(plan.get("operatorType")).partition("@")[0], str(arguments.get("Details", ""))
    for child in plan.get("children") or ():
        yield from _operators(child)
