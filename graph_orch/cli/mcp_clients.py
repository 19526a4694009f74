"""Configurations of common MCP clients, as texts to be pasted. Pure."""

from __future__ import annotations

import json
import shlex
from collections.abc import Mapping, Sequence
from enum import StrEnum

NAME = "graph-orch"
PASSWORD = "<the password>"
"""The placeholder for the password: such files are shared and committed, so they hold none."""


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
            asking = _with_password(environment, "${input:neo4j-password}")
            servers = {"servers": {NAME: {"type": "stdio", **_entry(command, asking)}}}
            inputs = {"inputs": [_INPUT]} if asking != environment else {}
            return f"# VS Code: .vscode/mcp.json\n{_json(inputs | servers)}\n"
        case _:
            file, password = _FILES[client]
            entry = _entry(command, _with_password(environment, password))
            return f"# {file}\n{_json({'mcpServers': {NAME: entry}})}\n"


_FILES = {
    Client.CLAUDE_DESKTOP: ("Claude Desktop: claude_desktop_config.json", PASSWORD),
    Client.CURSOR: ("Cursor: .cursor/mcp.json", "${env:NEO4J_PASSWORD}"),
    Client.GEMINI: ("Gemini CLI: ~/.gemini/settings.json", "$NEO4J_PASSWORD"),
}
"""The file of each client, and how it refers to a variable of its own environment."""
_INPUT = {
    "type": "promptString",
    "id": "neo4j-password",
    "description": "The password of Neo4j",
    "password": True,
}


def _with_password(environment: Mapping[str, str], reference: str) -> dict[str, str]:
    return {k: reference if v == PASSWORD else v for k, v in environment.items()}


def _entry(command: Sequence[str], environment: Mapping[str, str]) -> dict[str, object]:
    entry: dict[str, object] = {"command": command[0], "args": list(command[1:])}
    return entry | ({"env": dict(environment)} if environment else {})


def _toml(command: Sequence[str], environment: Mapping[str, str]) -> str:
    # JSON strings and lists of them are valid TOML.
    lines = [f"[mcp_servers.{NAME}]", f"command = {json.dumps(command[0])}"]
    lines.append(f"args = {json.dumps(list(command[1:]))}")
    given = {name: value for name, value in environment.items() if value != PASSWORD}
    if given:
        pairs = ", ".join(f"{name} = {json.dumps(value)}" for name, value in given.items())
        lines.append(f"env = {{ {pairs} }}")
    if inherited := [name for name in environment if name not in given]:
        lines.append(f"env_vars = {json.dumps(inherited)}")
    return "\n".join(lines)


def _json(value: object) -> str:
    return json.dumps(value, indent=2)
