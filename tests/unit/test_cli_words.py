"""Errors of the services, as the command line tells them."""

from __future__ import annotations

import ast
import re
from pathlib import Path

import pytest
from typer.main import get_command

from graph_orch import errors
from graph_orch.cli.app import app
from graph_orch.cli.words import COMMANDS, in_commands


@pytest.mark.parametrize(
    ("error", "says"),
    [
        (errors.TaskNotFoundError("x"), "find it with `graph-orch task list`"),
        (errors.GateNotFoundError(["x"]), "see the ids with `graph-orch gate list`"),
        (errors.TeamNotFoundError("x"), "`graph-orch team list`: each run"),
        (errors.WebhookNotFoundError("x"), "`graph-orch webhook put`, or find it with `graph-orch"),
        (errors.AgentPausedError("ada", None, None), "go on with `graph-orch resume agent:ada`"),
        (errors.BudgetExhaustedError(["team:t"], "x"), "raise it with `graph-orch budget set`, or"),
        (errors.MissingCapabilityError("a", "x", ["s"]), "teach it with `graph-orch agent learn`"),
    ],
)
def test_a_method_is_told_as_a_command(error, says):
    assert says in in_commands(str(error))


@pytest.mark.parametrize(
    "text",
    [
        "task 'query_tasks' does not exist",
        "register_agent: a new agent needs capabilities",
        "Next: orchestration_query_tasks finds task ids",
        'no agent has the skill "gates.list"',
        "orch.gates.list",
    ],
)
def test_what_is_no_advice_stays(text):
    assert in_commands(text) == text


def test_the_commands_are_there():
    for name in COMMANDS.values():
        command = get_command(app)
        for part in name.split():
            command = command.commands[part]


def test_every_method_that_an_error_names_has_its_command():
    source = Path(errors.__file__).read_text(encoding="utf-8")
    texts = [
        it.value
        for it in ast.walk(ast.parse(source))
        if isinstance(it, ast.Constant) and isinstance(it.value, str)
    ]
    services = {it.partition(".")[0] for it in COMMANDS if "." in it}
    named = {
        it
        for text in texts
        for it in re.findall(rf"(?<![.\w])(?:{'|'.join(services)})\.[a-z_]+\b", text)
    }
    assert named - COMMANDS.keys() == {"teams.write"}  # which only Python has
