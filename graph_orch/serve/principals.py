"""Who asks, and what they may do: one model for MCP, A2A and whatever else is served by HTTP.

The guard puts the principal of a request into `request.state.principal`, and handlers ask it what
it may do. Today the options of the server decide that, so it is the same for everybody.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from graph_orch.settings import Profile, Toolset
from graph_orch.tools.table import EVERY_TOOL, TOOLS, Tool, chosen, serves


@dataclass(frozen=True)
class Right:
    """What an operation requires: a profile or toolset, and leave to write where it writes."""

    profile: Profile | Toolset
    writes: bool

    @classmethod
    def of(cls, tool: Tool) -> Right:
        """What a tool requires."""
        return cls(tool.profile, tool.reading() is None)


RIGHTS: Mapping[str, Right] = {
    **{name: Right.of(tool) for name, tool in EVERY_TOOL.items()},
    "task://": Right.of(TOOLS["orchestration_get_task_status"]),
    "agent://": Right.of(TOOLS["orchestration_get_agent_health"]),
    "SendMessage": Right.of(TOOLS["orchestration_create_task"]),
    "GetTask": Right.of(TOOLS["orchestration_get_task_status"]),
    "SubscribeToTask": Right.of(TOOLS["orchestration_get_task_status"]),
    "ListTasks": Right.of(TOOLS["orchestration_query_tasks"]),
    # It ends anybody's task for good. `fail_task` asks for this right when its action is cancel.
    "CancelTask": Right(Profile.ALL, writes=True),
}
"""The right that each tool, MCP resource and A2A operation requires."""


@dataclass(frozen=True)
class Principal:
    """A person or an agent that asks, and what it may do."""

    name: str = "administrator"
    profile: Profile = Profile.ALL
    read_only: bool = False
    toolsets: frozenset[Toolset] = frozenset()

    @property
    def tools(self) -> Mapping[str, Tool]:
        """The tools that it may call."""
        return chosen(self.profile, self.read_only, self.toolsets)

    def may(self, operation: str) -> bool:
        """Whether it may use an operation of `RIGHTS`."""
        return self.why_not(operation) is None

    def why_not(self, operation: str) -> str | None:
        """Why it may not use an operation, and which option would allow it; None if it may."""
        right = RIGHTS[operation]
        if right.writes and self.read_only:
            return f"{operation} changes something, and this server was started with --read-only"
        if not serves(self.profile, self.toolsets, right.profile):
            option = "--with" if isinstance(right.profile, Toolset) else "--profile"
            return (
                f"{operation} is not in the profile {self.profile} that this server was started "
                f"with; {option} {right.profile} serves it"
            )
        return None
