"""Configurations of common MCP clients, as texts to be pasted. Pure."""

from __future__ import annotations

import json
import shlex
from collections.abc import Mapping, Sequence
from enum import StrEnum

NAME = "graph-orch"
PASSWORD = "<the password>"
TOKEN = "<the token>"
"""Placeholders for secrets: such files are shared and committed, so they hold none."""
SECRETS = (PASSWORD, TOKEN)


class Client(StrEnum):
    """An MCP client."""

    CLAUDE_CODE = "claude-code"
    CLAUDE_DESKTOP = "claude-desktop"
    CODEX = "codex"
    CURSOR = "cursor"
    GEMINI = "gemini"
    VSCODE = "vscode"


def configuration(client: Client, command: Sequence[str], environment: Mapping[str, str]) -> str:
    """The configuration of one client, below a comment that names its file."""
    match client:
        case Client.CLAUDE_CODE:
            options = " ".join(f"-e {shlex.quote(f'{k}={v}')}" for k, v in environment.items())
            return f"# Claude Code\nclaude mcp add {NAME} {options} -- {shlex.join(command)}\n"
        case Client.CODEX:
            return f"# Codex: ~/.codex/config.toml\n{_toml(command, environment)}\n"
        case Client.VSCODE:
            ids = {
                name: name.lower().replace("_", "-")
                for name, value in environment.items()
                if value in SECRETS
            }
            asking = {**environment, **{name: f"${{input:{id_}}}" for name, id_ in ids.items()}}
            servers = {"servers": {NAME: {"type": "stdio", **_entry(command, asking)}}}
            inputs = [
                {"type": "promptString", "id": id_, "description": name, "password": True}
                for name, id_ in ids.items()
            ]
            found = ({"inputs": inputs} if inputs else {}) | servers
            return f"# VS Code: .vscode/mcp.json\n{_json(found)}\n"
        case _:
            file, reference = _FILES[client]
            entry = _entry(command, _referring(environment, reference))
            return f"# {file}\n{_json({'mcpServers': {NAME: entry}})}\n"


_FILES = {
    Client.CLAUDE_DESKTOP: ("Claude Desktop: claude_desktop_config.json", None),
    Client.CURSOR: ("Cursor: .cursor/mcp.json", "${{env:{}}}"),
    Client.GEMINI: ("Gemini CLI: ~/.gemini/settings.json", "${}"),
}
"""The file of each client, and how it refers to a variable of its own environment, if it can."""


def _referring(environment: Mapping[str, str], reference: str | None) -> dict[str, str]:
    """The environment with references to variables in the place of secrets."""
    return {
        name: reference.format(name) if reference and value in SECRETS else value
        for name, value in environment.items()
    }


def _entry(command: Sequence[str], environment: Mapping[str, str]) -> dict[str, object]:
    entry: dict[str, object] = {"command": command[0], "args": list(command[1:])}
    return entry | ({"env": dict(environment)} if environment else {})


def _toml(command: Sequence[str], environment: Mapping[str, str]) -> str:
    # JSON strings and lists of them are valid TOML.
    lines = [f"[mcp_servers.{NAME}]", f"command = {json.dumps(command[0])}"]
    lines.append(f"args = {json.dumps(list(command[1:]))}")
    given = {name: value for name, value in environment.items() if value not in SECRETS}
    if given:
        pairs = ", ".join(f"{name} = {json.dumps(value)}" for name, value in given.items())
        lines.append(f"env = {{ {pairs} }}")
    if inherited := [name for name in environment if name not in given]:
        lines.append(f"env_vars = {json.dumps(inherited)}")
    return "\n".join(lines)


def _json(value: object) -> str:
    return json.dumps(value, indent=2)
