"""Whatever a command is given, it answers in a line, with one of the documented exit codes."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest
import typer.main

from graph_orch.cli.app import app
from tests import command_line

CODES = {0, 1, 2, 3, 4, 5}
HOSTILE = {
    "empty": "",
    "dash": "-",
    "not UTF-8": "caf\udce9",
    "controls": "a\x1b[31m\x00\r\nb\x9b2J",
    "bidi": "a\u202eb\u2066c\u200bd\u2028e",
    "long": "x" * 100_000,
    "deep": "[" * 100_000,
    "number": "1e999",
    "negative": "-1",
    "path": "../x:y",
    "directory": "/",
    "nowhere": "/no/such/directory/file.json",
    "address": "http://[::1",
    "markup": "[red]{}%s$(x)",
}
FOR_OPTIONS = ("not UTF-8", "controls", "bidi")
SERVICES = {"server start"}  # it has no store to refuse: it would start one


def commands() -> dict[str, list[list[str]]]:
    """Each command of the tree, and its parameters: the flag of an option, none of an argument."""
    found: dict[str, list[list[str]]] = {}

    def walk(command, path: tuple[str, ...]) -> None:
        for name, one in getattr(command, "commands", {}).items():
            walk(one, (*path, name))
        if path and not getattr(command, "commands", None):
            found[" ".join(path)] = [
                it.opts[:1] if it.param_type_name == "option" else []
                for it in command.params
                if it.name != "help"
            ]

    walk(typer.main.get_command(app), ())
    return found


COMMANDS = commands()


@pytest.fixture
def run(monkeypatch, tmp_path):
    """Run a command where no store is to be had: its exit code, and what it says."""
    monkeypatch.setenv("NEO4J_URI", "bolt://127.0.0.1:9")
    monkeypatch.setenv("GRAPH_ORCH_DATA_DIR", str(tmp_path / "data"))
    monkeypatch.chdir(tmp_path)

    def run(*args: str) -> tuple[int, str]:
        done = command_line.run(*args)
        return done.returncode, done.stdout + done.stderr

    return run


@pytest.mark.parametrize("command", sorted(COMMANDS.keys() - SERVICES))
def test_hostile_arguments(run, command):
    arguments, options = (
        [flags for flags in COMMANDS[command] if bool(flags) is wanted] for wanted in (False, True)
    )
    tries = [["--", *[value] * len(arguments)] for value in HOSTILE.values() if arguments]
    tries += [[*flags, HOSTILE[it], "--", "x"] for flags in options for it in FOR_OPTIONS]
    for args in tries:
        code, said = run(*command.split(), *args)
        assert code in CODES, said[-2_000:]
        assert "Traceback" not in said
        assert "a fault of graph-orch" not in said
        assert not set("\x1b\x9b\u202e\u2066\u200b\u2028").intersection(said), args


FILES = {
    "deep": b"[" * 200_000,
    "not UTF-8": b"\xff\xfe{}",
    "empty": b"",
    "text": b"hello",
    "a list": b"[]",
    "cut off": b'{"name": "x"',
    "a long number": b'{"x": ' + b"9" * 5_000 + b"}",
    "a lone surrogate": b'{"name": "\\ud800", "skills": []}',
    "byte order mark": b"\xef\xbb\xbf[]",
}


@pytest.mark.parametrize("kind", [*FILES, "a directory", "not there"])
@pytest.mark.parametrize("command", ["agent import", "run", "simulate"])
def test_hostile_files(run, tmp_path, command, kind):
    path: Path = tmp_path / "given.json"
    if kind == "a directory":
        path.mkdir()
    elif kind in FILES:
        path.write_bytes(FILES[kind])
    code, said = run(*command.split(), str(path))
    assert code in {2, 4, 5}, said
    assert "Traceback" not in said
    assert "a fault of graph-orch" not in said


@pytest.mark.parametrize(
    "module",
    [
        "raise RuntimeError('two\\nlines')",
        "import sys; sys.exit(7)",
        "def (:",
        "import nothing_of_this_name",
        "raise KeyboardInterrupt",
        "worker = 5",
    ],
)
def test_modules_that_hold_no_worker(run, tmp_path, monkeypatch, module):
    monkeypatch.delitem(sys.modules, "hostile_module", raising=False)
    (tmp_path / "hostile_module.py").write_text(module)
    code, said = run("worker", "hostile_module:worker")
    assert code == (130 if "KeyboardInterrupt" in module else 4), said
    assert len(said.splitlines()) <= 1
    assert "Traceback" not in said


@pytest.mark.parametrize(
    ("variable", "value", "code"),
    [
        ("NEO4J_URI", "http://x", 5),
        ("NEO4J_URI", "nonsense", 5),
        ("NEO4J_URI", "bolt://u:a-secret-word@127.0.0.1:9", 5),
        ("NEO4J_URI", "bolt://u:a-secret/word@127.0.0.1:9", 5),
        ("NEO4J_URI", "bolt://127.0.0.1:9?password=a-secret-word", 5),
        ("NEO4J_URI", "neo4j:a-secret-word@127.0.0.1", 5),
        ("GRAPH_ORCH_PORT", "a-secret-word", 4),
        ("GRAPH_ORCH_HEAP", "much", 4),
    ],
)
def test_settings_that_cannot_be_used(run, monkeypatch, variable, value, code):
    if variable != "NEO4J_URI":
        monkeypatch.delenv("NEO4J_URI")
    monkeypatch.setenv(variable, value)
    found, said = run("stats")
    assert found == code
    assert len(said.splitlines()) == 1
    assert "secret" not in said


SECRETS = {
    "NEO4J_URI": "bolt://ada:secret-of-the-address@127.0.0.1:9",
    "NEO4J_PASSWORD": "secret-of-neo4j",
    "GRAPH_ORCH_MCP_TOKEN": "secret-of-clients",
    "GRAPH_ORCH_MAVEN_URL": "https://ada:secret-of-the-mirror@127.0.0.1:9/maven2",
    "GRAPH_ORCH_DEBUG": "1",
}


@pytest.mark.parametrize("command", sorted(COMMANDS.keys() - SERVICES))
def test_no_command_tells_a_secret(run, monkeypatch, command):
    for name, value in SECRETS.items():
        monkeypatch.setenv(name, value)
    arguments = [flags for flags in COMMANDS[command] if not flags]
    for args in (["--json"], ["--", *["x"] * len(arguments)]):
        _, said = run(*command.split(), *args)
        assert "secret-of" not in said


def test_a_fault_shows_no_values_of_variables(run, monkeypatch):
    for name, value in SECRETS.items():
        monkeypatch.setenv(name, value)

    def broken() -> None:
        local = SECRETS["NEO4J_PASSWORD"]
        raise RuntimeError(f"two\nlines\x1b[2J {len(local)}")

    monkeypatch.setattr("graph_orch.cli.graph.connect", broken)
    code, said = run("stats")
    assert code == 1
    assert "Traceback" in said
    assert "secret-of" not in said
    assert said.replace("\n", "").isprintable()
