"""The Cypher statements: one file each under `cypher/`, named for what it does.

A file begins with a header of comments, which the tests hold against its text and a real server:

    // Returns one task with the ids of what it depends on.
    // mode: read | write | schema
    // params: $task_id: STRING, $limit: INTEGER   (Cypher's types, to which null belongs)
    // returns: task, dependencies                 (absent: nothing)
    // seconds: 3600                               (absent: ANSWER_SECONDS)
    // plugin: gds                                 (absent: it runs on every server)

A line that is indented after `//` goes on with the field before it. `INCLUDE tasks/row`, anywhere
in the Cypher, stands for the text of `tasks/row.fragment`, which may include others, which include
none. The header of a fragment says what must be in scope before it, and what is after it:

    // needs: t, now, $command_id   (variables, and parameters of the statement)
    // makes: *, event              (all that was in scope, and `event`)

A fragment with `columns: task, dependencies` instead stands for these columns of a RETURN or WITH,
and one with neither for an expression.
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
    """A Cypher statement with what its header says; `params` gives the type of each parameter."""

    name: str
    about: str
    text: str
    mode: str
    params: dict[str, str]
    returns: tuple[str, ...]
    seconds: float
    plugin: str | None = None

    def check(self, given: dict[str, Any]) -> None:
        """Raise unless the parameters given are exactly those that the header names.

        Raises:
            StoreQueryError: a parameter is missing, or is not one of the statement's.
        """
        if given.keys() != self.params.keys():
            missing = ", ".join(sorted(self.params.keys() - given.keys())) or "none"
            extra = ", ".join(sorted(given.keys() - self.params.keys())) or "none"
            raise StoreQueryError(f"statement {self.name}: missing {missing}; unknown {extra}")


def directory() -> Path:
    """Where the statements are: in the installed package, or in a checkout beside it."""
    package = Path(str(resources.files("graph_orch")))
    shipped = package / "cypher"
    return shipped if shipped.is_dir() else package.parent / "cypher"


@cache
def names() -> tuple[str, ...]:
    """The name of every statement, such as `tasks/create`, in order."""
    root = directory()
    found = (path.relative_to(root).with_suffix("") for path in root.glob("*/*.cypher"))
    return tuple(sorted(path.as_posix() for path in found))


@cache
def statement(name: str) -> Statement:
    """The statement of this name.

    Raises:
        StoreQueryError: there is no such statement.
    """
    if name not in names():
        raise StoreQueryError(f"no statement is called {name!r}")
    return parse(name, (directory() / f"{name}.cypher").read_text(encoding="utf-8"))


def parse(name: str, source: str) -> Statement:
    """A statement from the text of its file."""
    fields, body = split(source)
    params = (param.split(": ") for param in words(fields.get("params", "")))
    return Statement(
        name=name,
        about=fields["about"],
        text=f"{_PREFIX[fields['mode']]}\n{compact(body.removeprefix('CYPHER 5'))}",
        mode=fields["mode"],
        params={param.removeprefix("$"): kind for param, kind in params},
        returns=tuple(words(fields.get("returns", ""))),
        seconds=float(fields.get("seconds", ANSWER_SECONDS)),
        plugin=fields.get("plugin"),
    )


def split(source: str) -> tuple[dict[str, str], str]:
    """The header of a file, its fields by name and the rest as `about`, and the Cypher after it."""
    head = _HEADER.match(source)
    text, cypher = (head[0], source[head.end() :]) if head else ("", source)
    whole = re.sub(r"\n//  +", " ", text)  # with the lines that go on with a field
    lines = re.sub(r"^// ?", "", whole, flags=re.MULTILINE).splitlines()
    fields = dict(line.split(": ", 1) for line in lines if _FIELD.match(line))
    about = " ".join(line for line in lines if not _FIELD.match(line))
    return fields | {"about": about}, cypher.strip()


def words(field: str) -> list[str]:
    """The parts of a field that commas divide."""
    return [word.strip() for word in field.split(",") if word.strip()]


def compact(cypher: str) -> str:
    """The same Cypher with its fragments, without comments, and with little white space.

    The server reads the text of a statement each time it runs: 9 kB more are 0.2 ms more. Lines
    stay lines, so that an error of the server, which names a line and a column, can be looked up.
    """
    dense = _SPARE.sub(lambda it: it["kept"] or it["mark"] or " ", cypher)
    lines = "\n".join(line.strip() for line in dense.splitlines() if line.strip())
    return _INCLUDE.sub(lambda it: compact(fragment(it["name"])), lines)


def fragment(name: str) -> str:
    """The Cypher of a fragment, without its header."""
    return split((directory() / f"{name}.fragment").read_text(encoding="utf-8"))[1]


_PREFIX = {"read": "CYPHER 5 replan=skip", "write": "CYPHER 5 replan=skip", "schema": "CYPHER 5"}
"""A plan is kept however the graph grows: hints pin what it must do, and planning anew takes the
longest statements a second, for which everybody would wait each time the queue fills or drains."""
_HEADER = re.compile(r"(?://[^\n]*\n)+")
_FIELD = re.compile(r"(?:mode|params|returns|seconds|plugin|needs|makes|columns): ")
# No white space is taken from around what could join to something else: <, >, - and /.
_SPARE = re.compile(
    r"(?P<kept>'(?:[^'\\]|\\.)*'|\"(?:[^\"\\]|\\.)*\"|`[^`]*`)"
    r"|//[^\n]*| *(?P<mark>[,:=+*(){}\[\]|]) *| +"
)
_INCLUDE = re.compile(r"\bINCLUDE (?P<name>\w+/\w+)")
