"""Who asks, and what they may do: one model for whatever serves MCP, A2A and more by HTTP.

Whoever lets a request in says whose it is, in `request.state.principal`; handlers ask that what
it may do. Today that follows from how the server was started, and is the same for everybody.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from graph_orch.settings import Profile
from graph_orch.tools.table import TOOLS, Tool, chosen


@dataclass(frozen=True)
class Right:
    """What it takes to do something: a profile at least, and where it writes more than reading."""

    profile: Profile
    writes: bool


def _of(tool: Tool) -> Right:
    return Right(tool.profile, tool.reading() is None)


def _as(short_name: str) -> Right:
    return _of(TOOLS[f"orchestration_{short_name}"])


RIGHTS: Mapping[str, Right] = {
    **{name: _of(tool) for name, tool in TOOLS.items()},
    "task://": _as("get_task_status"),
    "agent://": _as("get_agent_health"),
    "SendMessage": _as("create_task"),
    "GetTask": _as("get_task_status"),
    "SubscribeToTask": _as("get_task_status"),
    "ListTasks": _as("query_tasks"),
    # It ends anybody's task for good. `fail_task` asks for this right where its action is cancel.
    "CancelTask": Right(Profile.ALL, writes=True),
}
"""What each tool, MCP resource and A2A operation takes."""


@dataclass(frozen=True)
class Principal:
    """A person or an agent that asks, and what it may do."""

    name: str = "administrator"
    profile: Profile = Profile.ALL
    read_only: bool = False

    @property
    def tools(self) -> Mapping[str, Tool]:
        """The tools that it has."""
        return chosen(self.profile, self.read_only)

    def may(self, operation: str) -> bool:
        """Whether an operation of the table of rights is served to it."""
        return self.why_not(operation) is None

    def why_not(self, operation: str) -> str | None:
        """Why an operation is not served to it, and what would serve it; None where it is."""
        right = RIGHTS[operation]
        if right.writes and self.read_only:
            return f"{operation} changes something, and this server was started with --read-only"
        profiles = list(Profile)
        if profiles.index(right.profile) > profiles.index(self.profile):
            return (
                f"{operation} is not in the profile {self.profile} that this server was started "
                f"with; --profile {right.profile} serves it"
            )
        return None
