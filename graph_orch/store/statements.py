"""The Cypher statements: one file each under `cypher/`, named for what it does.

A file begins with a header of comments, read here and tested against a real server:

    // What it does, where it locks, any surprise in its plan.
    // mode: read | write | schema
    // params: task_id, command_id        (may be absent: none)
    // returns: task, dependencies        (may be absent: nothing)
    // seconds: 3600                      (may be absent: the time it has, ANSWER_SECONDS)
    // needs: gds                         (may be absent: a plugin that the server must have)

A line `// include tasks/query_rest` in the body stands for the text of `tasks/query_rest.fragment`,
which may include others.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from functools import cache
from importlib import resources
from pathlib import Path
from typing import Any

from graph_orch.errors import StoreQueryError

ANSWER_SECONDS = 15.0
"""After so long the server ends a transaction, and undoes it; half of the lease that a claim has
by default: one whose answer was lost is asked for again while its lease runs."""
TRANSACTION_SECONDS = 120.0
"""The same for transactions that may take longer, and the most that one that writes can take."""
ROWS_A_SECOND = 100
"""A statement that brings rows has a second more for each so many."""


@dataclass(frozen=True, slots=True)
class Statement:
    """A Cypher statement with what its header says."""

    name: str
    about: str
    text: str
    mode: str
    params: frozenset[str]
    returns: tuple[str, ...]
    seconds: float
    needs: str | None = None

    def check(self, given: dict[str, Any]) -> None:
        """Raise unless the parameters given are exactly those that the header names.

        Raises:
            StoreQueryError: a parameter is missing, or is not one of the statement's.
        """
        if given.keys() != self.params:
            missing = ", ".join(sorted(self.params - given.keys())) or "none"
            extra = ", ".join(sorted(given.keys() - self.params)) or "none"
            raise StoreQueryError(f"statement {self.name}: missing {missing}; unknown {extra}")


def directory() -> Path:
    """Where the statements are: in the installed package, or in a checkout beside it."""
    package = Path(str(resources.files("graph_orch")))
    shipped = package / "cypher"
    return shipped if shipped.is_dir() else package.parent / "cypher"


def names() -> list[str]:
    """The name of every statement, such as `tasks/create`."""
    root = directory()
    return sorted(
        path.relative_to(root).with_suffix("").as_posix() for path in root.glob("*/*.cypher")
    )


@cache
def statement(name: str) -> Statement:
    """The statement of this name.

    Raises:
        StoreQueryError: there is no such file.
    """
    path = directory() / f"{name}.cypher"
    try:
        return parse(name, path.read_text(encoding="utf-8"))
    except FileNotFoundError as error:
        raise StoreQueryError(f"no statement is called {name!r}: {path.name} is missing") from error


def parse(name: str, source: str) -> Statement:
    """A statement from the text of its file."""
    header, _, body = source.partition("\nCYPHER 5\n")
    body = _with_fragments(body)
    lines = [line.removeprefix("//").strip() for line in header.splitlines()]
    fields = dict(line.split(": ", 1) for line in lines if line.startswith(_FIELDS))
    about = " ".join(line for line in lines if not line.startswith(_FIELDS))
    return Statement(
        name=name,
        about=about,
        text=f"{_PREFIX[fields['mode']]}\n{compact(body)}",
        mode=fields["mode"],
        params=frozenset(_words(fields.get("params", ""))),
        returns=tuple(_words(fields.get("returns", ""))),
        seconds=float(fields.get("seconds", ANSWER_SECONDS)),
        needs=fields.get("needs"),
    )


def compact(cypher: str) -> str:
    """The same Cypher without comments, and with no more white space than it needs.

    The server reads the text of a statement each time it runs: 9 kB more are 0.2 ms more.
    """
    found = _SPARE.sub(lambda it: it["kept"] or " ", cypher)
    return _AROUND.sub(lambda it: it["kept"] or it["mark"], found).strip()


def _with_fragments(body: str) -> str:
    return _INCLUDE.sub(lambda found: _fragment(found["name"]), body)


def _fragment(name: str) -> str:
    text = (directory() / f"{name}.fragment").read_text(encoding="utf-8").rstrip()
    return _with_fragments(text)


_PREFIX = {"read": "CYPHER 5 replan=skip", "write": "CYPHER 5 replan=skip", "schema": "CYPHER 5"}
"""A plan is kept however the graph grows: hints pin what it must do, and planning anew takes the
longest statements a second, for which everybody would wait each time the queue fills or drains."""
# No white space is taken from around what could join to something else: <, >, - and /.
_QUOTED = r"(?P<kept>'(?:[^'\\]|\\.)*'|\"(?:[^\"\\]|\\.)*\"|`[^`]*`)"
_SPARE = re.compile(rf"{_QUOTED}|(?://[^\n]*|\s)+")
_AROUND = re.compile(rf"{_QUOTED}| ?(?P<mark>[,:=+*(){{}}\[\]|]) ?")
_INCLUDE = re.compile(r"^ *// include (?P<name>\S+)$", re.MULTILINE)
_FIELDS = ("mode: ", "params: ", "returns: ", "seconds: ", "needs: ")


def _words(text: str) -> list[str]:
    return [word.strip() for word in text.split(",") if word.strip()]
