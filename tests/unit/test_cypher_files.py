"""The files in `cypher/`: what their headers say, what they include, and what is sent of them."""

from __future__ import annotations

import json
import re
import sys

import pytest

from graph_orch.cli import app as cli
from graph_orch.errors import StoreQueryError
from graph_orch.store.statements import (
    ANSWER_SECONDS,
    compact,
    directory,
    names,
    parse,
    split,
    statement,
    words,
)

FILES = {
    path.relative_to(directory()).as_posix(): split(path.read_text(encoding="utf-8"))
    for path in directory().glob("*/*")
}
MOST_DEEP = 2
"""A reader follows a statement into its fragments, and those into theirs, and no further."""


def code(file: str) -> str:
    return re.sub(r"//.*", "", FILES[file][1])


def included(file: str) -> list[str]:
    return [f"{name}.fragment" for name in re.findall(r"\bINCLUDE (\S+/\w+)", code(file))]


def parameters(file: str) -> set[str]:
    """Those of a file, and of what it includes."""
    found = {f"${name}" for name in re.findall(r"\$(\w+)", code(file))}
    return found.union(*map(parameters, included(file)))


def depth(file: str) -> int:
    return max((1 + depth(fragment) for fragment in included(file)), default=0)


def test_statement_checks_its_parameters():
    it = statement("tasks/get")
    it.check({"task_id": "x"})
    with pytest.raises(StoreQueryError, match="missing task_id; unknown id"):
        it.check({"id": "x"})
    with pytest.raises(StoreQueryError, match="no statement"):
        statement("tasks/nothing")
    with pytest.raises(StoreQueryError, match="no statement"):
        statement("../cypher/tasks/get")


@pytest.mark.parametrize("file", sorted(FILES))
def test_a_header_says_what_the_file_does_and_which_parameters_it_uses(file):
    fields, _ = FILES[file]
    assert fields["about"]
    given = fields.get("params" if file.endswith(".cypher") else "needs", "")
    said = [word.partition(":")[0] for word in words(given) if word.startswith("$")]
    assert sorted(said) == sorted(parameters(file))


def test_fragments_are_used_and_nest_two_deep_at_most():
    assert {file: deep for file in FILES if (deep := depth(file)) > MOST_DEEP} == {}
    used = {fragment for file in FILES for fragment in included(file)}
    assert used == {file for file in FILES if file.endswith(".fragment")}


def test_no_statement_makes_json_of_texts():
    assert [file for file in FILES if "'{\"" in code(file)] == []


def test_header():
    it = parse(
        "a/b",
        "// Does it,\n// and that.\n// mode: read\n// params: $x: STRING,\n//   $y: LIST<STRING>\n"
        "// returns: z\nCYPHER 5\n// Why.\nRETURN 1",
    )
    assert it.seconds == ANSWER_SECONDS
    assert parse("a/b", "// mode: write\n// seconds: 9\nCYPHER 5\nRETURN 1").seconds == 9
    assert (it.about, it.mode, it.returns) == ("Does it, and that.", "read", ("z",))
    assert it.params == {"x": "STRING", "y": "LIST<STRING>"}
    assert it.text == "CYPHER 5 replan=skip\nRETURN 1"


def test_what_is_sent_has_no_comments_and_keeps_its_lines_and_texts():
    cypher = """// Why.
    MATCH (t:Task {name: 'a  // b', `odd  name`: "it's  1"})  // and so on

      WHERE t.x <= 1 AND t.y < -1 AND t.z = -1 + 2 * 3 AND t.u IN [ 1, 2 ]
    SET t += {w: 'don\\'t  |  do'}
    RETURN t {.*, a: 1 } AS one, count( * ) AS n, INCLUDE tasks/letters AS letters
    """
    assert compact(cypher) == (
        "MATCH(t:Task{name:'a  // b',`odd  name`:\"it's  1\"})\n"
        "WHERE t.x <=1 AND t.y < -1 AND t.z=-1+2*3 AND t.u IN[1,2]\n"
        "SET t+={w:'don\\'t  |  do'}\n"
        "RETURN t{.*,a:1}AS one,count(*)AS n,"
        "size(t.content)+size(coalesce(t.metadata,''))+size(coalesce(t.result,''))\n"
        "+size(coalesce(t.metrics,'')) AS letters"
    )


def test_a_statement_is_printed_as_it_is_sent(monkeypatch, capsys):
    def run(*args: str) -> str:
        monkeypatch.setattr(sys, "argv", ["graph-orch", "statement", *args])
        with pytest.raises(SystemExit) as ended:
            cli.main()
        assert ended.value.code == 0
        return capsys.readouterr().out

    assert run("tasks/claim") == statement("tasks/claim").text + "\n"
    assert json.loads(run("tasks/claim", "--json"))["params"]["requests"] == "LIST<MAP>"
    assert run().splitlines() == json.loads(run("--json")) == list(names())
