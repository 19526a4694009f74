"""What Cypher that a person wrote may do: only read the graph.

A session without the right to write still lets a query read files and addresses, end the
transactions of others, and call procedures that manage the server. The server's own plan of a query
tells what is in it, however it is written, but not what stands in an expression, such as a subquery
in a list comprehension: its words are looked at too.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from typing import Any

from graph_orch.errors import StoreQueryError

READS = "r"
SPACE = r"[\s\u180e]"
"""What stands between words; Cypher has one more than Python."""
UNREAD = re.compile(
    r"""'(?:\\.|[^'\\])*'|"(?:\\.|[^"\\])*"|`[^`]*`|/\*.*?\*/|//[^\r\n]*""", re.DOTALL
)
"""Texts, quoted names and comments."""
REFUSED_WORDS = re.compile(rf"\b(LOAD{SPACE}+CSV|TERMINATE{SPACE}+TRANSACTIONS?)\b", re.IGNORECASE)
PART = r"(?:`[^`]*`|\w+)"
CALLED = re.compile(rf"\bCALL{SPACE}*({PART}(?:{SPACE}*\.{SPACE}*{PART})+)", re.IGNORECASE)
PROCEDURES = re.compile(
    r"db\.(labels|propertyKeys|relationshipTypes|info|ping|schema\.\w+)"
    r"|db\.index\.(fulltext|vector)\.(query\w+|listAvailableAnalyzers)"
    r"|gds\.(version|list|graph\.(list|exists)|.+\.(stream|stats|estimate))",
    re.IGNORECASE,
)
"""They read the graph. Many others count as reading though they reach files and addresses
(apoc.load, apoc.export, gds.graph.export), or change what the server has in memory."""
ELSEWHERE = "cypher-shell, with the rights of its user, runs such a query"


def refuse_words(query: str) -> None:
    """Raise where a query says what a query by hand may not: the plan does not show all of it.

    Raises:
        StoreQueryError: it does; the message says what.
    """
    # Some versions of Cypher read \u0041 as A wherever it stands, others in texts alone.
    decoded = re.sub(r"\\u+([0-9a-fA-F]{4})", lambda it: chr(int(it[1], 16)), query)
    for text in (query, decoded):
        shown = UNREAD.sub(lambda it: it[0] if it[0][0] == "`" else " ", text)
        if found := REFUSED_WORDS.search(shown):
            raise _refusal(f"{' '.join(found[0].upper().split())} does more")
        for called in CALLED.finditer(shown):
            _refuse_procedure(re.sub(rf"{SPACE}|`", "", called[1]))


def refuse_effects(query_type: str | None, plan: Mapping[str, Any] | None) -> None:
    """Raise where a query, explained by the server, does more than read the graph.

    Args:
        query_type: What the driver's summary says: `r` for one that only reads.
        plan: The tree of its operators.

    Raises:
        StoreQueryError: it does; the message says what.
    """
    for operator, details in _operators(plan or {}):
        if operator in ("LoadCSV", "TerminateTransactions"):
            raise _refusal(f"this one has the operator {operator}")
        if operator == "ProcedureCall":
            _refuse_procedure(details.partition("(")[0])
    if query_type != READS:
        raise _refusal("this one does more")


def _refuse_procedure(name: str) -> None:
    if not PROCEDURES.fullmatch(name):
        raise _refusal(f"{name} is not one of the procedures that are known to do that alone")


def _refusal(why: str) -> StoreQueryError:
    return StoreQueryError(f"a query by hand may only read the graph: {why}; {ELSEWHERE}")


def _operators(plan: Mapping[str, Any]) -> Iterator[tuple[str, str]]:
    """Each operator's name, without that of its database, and its details."""
    arguments: Mapping[str, Any] = plan.get("args") or {}
    yield str(plan.get("operatorType")).partition("@")[0], str(arguments.get("Details", ""))
    for child in plan.get("children") or ():
        yield from _operators(child)
