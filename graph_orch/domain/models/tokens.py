"""Tokens: by which a person or an agent proves to a server who it is, and what it may do."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from enum import StrEnum
from typing import Any, Self

from pydantic import Field

from graph_orch.domain.models.base import Model, moment, some_moment
from graph_orch.errors import ValidationError


class PrincipalKind(StrEnum):
    """What a principal is."""

    PERSON = "person"
    AGENT = "agent"  # it acts as one agent, and neither decides nor administers


class Right(StrEnum):
    """What a principal may do."""

    READ = "read"  # see tasks, agents, gates and figures
    WORK = "work"  # take tasks and end its tries, as the agent of its token
    CREATE = "create"  # create tasks and gates
    DECIDE = "decide"  # decide the gates that it is an approver of, or that name none
    ADMINISTER = "administer"  # all of these, as any agent; change agents; end others' work


KIND_RIGHTS = {
    PrincipalKind.PERSON: (Right.READ, Right.CREATE, Right.DECIDE),
    PrincipalKind.AGENT: (Right.READ, Right.WORK, Right.CREATE),
}
"""The rights of a token for which none are named."""


NAMELESS = frozenset({"administrator", "token"})
"""How the servers call whoever brings no token of his own."""


def of_people(what: str, names: list[str]) -> list[str]:
    """Names of people and agents, none of which stands for whoever has no token.

    Raises:
        ValidationError: one does.
    """
    for name in NAMELESS.intersection(names):
        raise ValidationError(
            f"{what}: {name!r} is how the servers call whoever brings no token; name somebody"
        )
    return names


class Token(Model):
    """A token as the graph holds it, which keeps no more than a hash of its secret."""

    token_id: str
    principal: str = Field(description="Who it is: the name of a person or an agent")
    kind: PrincipalKind
    rights: list[Right]
    agent_id: str | None = Field(None, description="The agent that it works as")
    created_at: datetime
    expires_at: datetime | None = None
    revoked_at: datetime | None = None
    last_used_at: datetime | None = Field(None, description="To the minute")

    @classmethod
    def from_record(cls, record: Mapping[str, Any]) -> Self:
        """From a row with `token`, see tokens/row.fragment."""
        node = record["token"]
        return cls(
            token_id=node["token_id"],
            principal=node["principal"],
            kind=PrincipalKind(node["kind"]),
            rights=[Right(right) for right in node["rights"]],
            agent_id=node.get("agent_id"),
            created_at=some_moment(node["created_at"]),
            expires_at=moment(node.get("expires_at")),
            revoked_at=moment(node.get("revoked_at")),
            last_used_at=moment(node.get("last_used_at")),
        )


class NewToken(Token):
    """A token that was just created. Its secret is shown this once."""

    secret: str = Field("", repr=False)
