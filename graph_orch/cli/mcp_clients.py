"""How common MCP clients are told of a server: texts to be pasted. Pure."""

from __future__ import annotations

import json
import shlex
from collections.abc import Mapping, Sequence
from enum import StrEnum

NAME = "graph-orch"


class Client(StrEnum):
    """A client that reads such a configuration."""

    CLAUDE_CODE = "claude-code"
    CLAUDE_DESKTOP = "claude-desktop"
    CODEX = "codex"
    CURSOR = "cursor"
    GEMINI = "gemini"
    VSCODE = "vscode"


def configuration(client: Client, command: Sequence[str], environment: Mapping[str, str]) -> str:
    """What to write where, for one client."""
    match client:
        case Client.CLAUDE_CODE:
            options = " ".join(f"-e {shlex.quote(f'{k}={v}')}" for k, v in environment.items())
            return f"# Claude Code\nclaude mcp add {NAME} {options} -- {shlex.join(command)}\n"
        case Client.CODEX:
            return f"# Codex: ~/.codex/config.toml\n{_toml(command, environment)}\n"
        case Client.VSCODE:
            entry = {"type": "stdio", **_entry(command, environment)}
            return f"# VS Code: .vscode/mcp.json\n{_json({'servers': {NAME: entry}})}\n"
        case _:
            file = _FILES[client]
            servers = {"mcpServers": {NAME: _entry(command, environment)}}
            return f"# {file}\n{_json(servers)}\n"


_FILES = {
    Client.CLAUDE_DESKTOP: "Claude Desktop: claude_desktop_config.json",
    Client.CURSOR: "Cursor: .cursor/mcp.json",
    Client.GEMINI: "Gemini CLI: ~/.gemini/settings.json",
}


def _entry(command: Sequence[str], environment: Mapping[str, str]) -> dict[str, object]:
    entry: dict[str, object] = {"command": command[0], "args": list(command[1:])}
    return entry | ({"env": dict(environment)} if environment else {})


def _toml(command: Sequence[str], environment: Mapping[str, str]) -> str:
    # A JSON string, and a list of them, is one in TOML too.
    lines = [f"[mcp_servers.{NAME}]", f"command = {json.dumps(command[0])}"]
    lines.append(f"args = {json.dumps(list(command[1:]))}")
    if environment:
        pairs = ", ".join(f"{name} = {json.dumps(value)}" for name, value in environment.items())
        lines.append(f"env = {{ {pairs} }}")
    return "\n".join(lines)


def _json(value: object) -> str:
    return json.dumps(value, indent=2)
