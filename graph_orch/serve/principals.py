"""Who asks, and what they may do: one model for MCP, A2A and whatever else is served by HTTP.

The guard puts the principal of a request into `request.state.principal`, and handlers ask it what
it may do. The options of the server bound that for everybody, and a token for whom it belongs to.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass

from graph_orch import AsyncOrchestrator
from graph_orch.domain.models import Right, Token
from graph_orch.errors import NotAllowedError
from graph_orch.settings import Profile, Toolset
from graph_orch.tools.call import Caller
from graph_orch.tools.table import EVERY_TOOL, TOOLS, Tool, chosen, find, serves


@dataclass(frozen=True)
class Needs:
    """What an operation requires: a profile or toolset, leave to write if it does, a right."""

    profile: Profile | Toolset
    writes: bool
    right: Right

    @classmethod
    def of(cls, tool: Tool) -> Needs:
        """What a tool requires, or its reading part where it has one."""
        reading = tool.reading()
        return cls(tool.profile, reading is None, (reading or tool).right)


RIGHTS: Mapping[str, Needs] = {
    **{name: Needs.of(tool) for name, tool in EVERY_TOOL.items()},
    "task://": Needs.of(TOOLS["orchestration_get_task_status"]),
    "agent://": Needs.of(TOOLS["orchestration_get_agent_health"]),
    "SendMessage": Needs.of(TOOLS["orchestration_create_task"]),
    "GetTask": Needs.of(TOOLS["orchestration_get_task_status"]),
    "SubscribeToTask": Needs.of(TOOLS["orchestration_get_task_status"]),
    "ListTasks": Needs.of(TOOLS["orchestration_query_tasks"]),
    "ReadEvents": Needs.of(TOOLS["orchestration_query_tasks"]),
    "DecideGate": Needs(Profile.ALL, writes=True, right=Right.DECIDE),
    # It ends anybody's task for good. `fail_task` asks for this right when its action is cancel.
    "CancelTask": Needs(Profile.ALL, writes=True, right=Right.ADMINISTER),
}
"""What each tool, MCP resource, stream and A2A operation requires."""


@dataclass(frozen=True)
class Principal(Caller):
    """A person or an agent that asks, and what it may do on this server."""

    profile: Profile = Profile.ALL
    read_only: bool = False
    toolsets: frozenset[Toolset] = frozenset()

    def with_token(self, token: Token) -> Principal:
        """The principal of a token, on the server that this one stands for."""
        is_administrator = Right.ADMINISTER in token.rights
        return Principal(
            token.principal,
            self.profile,
            self.read_only,
            self.toolsets,
            rights=frozenset(Right if is_administrator else token.rights),
            agent_id=token.agent_id,
            is_known=True,
        )

    @property
    def tools(self) -> Mapping[str, Tool]:
        """The tools that it may call."""
        return chosen(self.profile, self.read_only, self.toolsets, self.rights)

    def tool(self, name: str) -> Tool:
        """A tool that it may call.

        Raises:
            NotAllowedError: it has not the right.
            ValidationError: this server has no such tool.
        """
        if name not in self.tools and name in chosen(self.profile, self.read_only, self.toolsets):
            self.require(RIGHTS[name].right, name)
        return find(self.tools, name)

    def may(self, operation: str) -> bool:
        """Whether it may use an operation of `RIGHTS`."""
        return self.why_not(operation) is None

    def why_not(self, operation: str) -> str | None:
        """Why it may not use an operation, and what would allow it; None if it may."""
        needs = RIGHTS[operation]
        if needs.writes and self.read_only:
            return f"{operation} changes something, and this server was started with --read-only"
        if not serves(self.profile, self.toolsets, needs.profile):
            option = "--with" if isinstance(needs.profile, Toolset) else "--profile"
            return (
                f"{operation} is not in the profile {self.profile} that this server was started "
                f"with; {option} {needs.profile} serves it"
            )
        try:
            self.require(needs.right, operation)
        except NotAllowedError as error:
            return str(error)
        return None


Identify = Callable[[str | None], Awaitable[Principal | None]]
"""Finds whose secret a request brings. None stands for no secret, and for nobody."""


def by_tokens(orch: AsyncOrchestrator, everybody: Principal, always: bool = False) -> Identify:
    """Finds principals by the tokens in the graph, each time anew, so that revoking counts at once.

    Args:
        everybody: Who asks without a secret, as long as no token was ever created.
        always: Nobody asks without a secret.
    """

    async def identify(secret: str | None) -> Principal | None:
        if secret is None:
            return None if always or await orch.tokens.are_in_use() else everybody
        token = await orch.tokens.authenticate(secret)
        return None if token is None else everybody.with_token(token)

    return identify
