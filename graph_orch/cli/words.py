"""Errors in the words of the command line: those of the services name their methods."""

from __future__ import annotations

import re

COMMANDS = {
    "query_tasks": "task list",
    "register_agent": "agent register",
    "learn_new_capability": "agent learn",
    "workflows.list": "workflow list",
    "workflows.retry": "workflow retry",
    "workflows.start": "workflow start",
    "gates.list": "gate list",
    "tokens.list": "token list",
    "subscriptions.list": "subscription list",
    "subscriptions.put": "subscription put",
    "webhooks.attempts": "webhook attempts",
    "webhooks.enable": "webhook enable",
    "webhooks.list": "webhook list",
    "webhooks.put": "webhook put",
    "triggers.list": "trigger list",
    "triggers.put": "trigger put",
    "triggers.retry": "trigger retry",
    "dead_letters.list": "dead-letters list",
    "schedules.list": "schedule list",
    "teams.list": "team list",
    "teams.put": "team put",
    "budgets.set": "budget set",
    "pauses.remove": "resume",
}
"""The command that does what a method does, by the name that messages give the method."""
# A name in quotes is somebody's text, and one before a colon says whose argument is wrong.
_NAMED = re.compile(
    rf"(?<![\w.'\"`])({'|'.join(map(re.escape, COMMANDS))})"
    r"(?:\((?:'[^']*'|\"[^\"]*\")?\)|(?![\w(:'\"`]))"
    r"(?: or (`graph-orch [^`]*`))?"
)


def in_commands(message: str) -> str:
    """A message with commands in the place of the methods that it tells to call."""
    return _NAMED.sub(lambda it: it[2] or f"`graph-orch {COMMANDS[it[1]]}`", message)
