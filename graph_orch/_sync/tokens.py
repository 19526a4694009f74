"""Tokens: who asks a server, and what that person or agent may do."""

from __future__ import annotations

import hashlib
import secrets
from collections.abc import Sequence

from graph_orch._sync.graph import AlreadyAppliedError, Graph
from graph_orch.domain.fields import LEASE, LIMIT, NAME, NEW_NAME, Check, Listed, instance
from graph_orch.domain.ids import new_uuid
from graph_orch.domain.models.tokens import (
    KIND_RIGHTS,
    NewToken,
    PrincipalKind,
    Right,
    Token,
    of_people,
)
from graph_orch.errors import TokenNotFoundError, ValidationError

PREFIX = "gorch_"
"""How every secret begins, so that it is known where it should not be."""
LONGEST = 200
"""Characters of a secret that are hashed: a client may send a header of any length."""
KIND: Check[PrincipalKind] = Check(PrincipalKind)
RIGHTS: Check[list[Right]] = Check(Listed[Right])
BEYOND_AGENTS = {Right.DECIDE, Right.ADMINISTER}


class Tokens:
    """Tokens in a graph. Whoever has the database is its administrator, and needs none."""

    def __init__(self, graph: Graph) -> None:
        self._graph = graph

    def create(
        self,
        principal: str,
        *,
        kind: PrincipalKind | str = PrincipalKind.PERSON,
        rights: Sequence[Right | str] | None = None,
        agent_id: str | None = None,
        expires_seconds: float | None = None,
    ) -> NewToken:
        """Create a token for a person or an agent. Its `secret` is in this answer and nowhere else.

        Args:
            principal: The name of whom it belongs to, such as an approver of gates.
            kind: "person" or "agent". An agent's token neither decides nor administers.
            rights: Of "read", "work", "create", "decide" and "administer". By default a person
                reads, creates and decides; an agent reads, works and creates.
            agent_id: The agent that it works as; an agent's own by default.
            expires_seconds: So long it counts; None: until it is revoked.

        Raises:
            ValidationError: an argument is not acceptable, or they do not go together.
        """
        (name,) = of_people("principal", [NEW_NAME.of("principal", principal)])
        of_kind = KIND.of("kind", kind)
        given = list(KIND_RIGHTS[of_kind]) if rights is None else RIGHTS.of("rights", rights)
        own = name if of_kind is PrincipalKind.AGENT and agent_id is None else agent_id
        own = None if own is None else NEW_NAME.of("agent_id", own)
        if not given:
            raise ValidationError("rights: a token without rights opens nothing; name one")
        if of_kind is PrincipalKind.AGENT and (beyond := BEYOND_AGENTS.intersection(given)):
            raise ValidationError(
                f"rights: a token of the kind agent cannot {' or '.join(sorted(beyond))}; that is "
                "for people"
            )
        if own is not None and Right.ADMINISTER in given:
            raise ValidationError("agent_id: an administrator acts as any agent; leave it out")
        if Right.WORK in given and own is None and Right.ADMINISTER not in given:
            raise ValidationError("rights: the right work needs agent_id: whom the token works as")
        secret = PREFIX + secrets.token_urlsafe(32)
        token = {
            "token_id": new_uuid(),
            "principal": name,
            "kind": of_kind.value,
            "rights": [right.value for right in Right if right in given],
            "agent_id": own,
            "hash": _hash(secret),
        }
        seconds = LEASE.of("expires_seconds", expires_seconds)
        try:
            rows = self._graph.write("tokens/create", token=token, expires_seconds=seconds)
        except AlreadyAppliedError:  # it was created, and the answer was lost
            rows = self._graph.read("tokens/get", token_id=token["token_id"])
        return NewToken(**dict(Token.from_record(rows[0])), secret=secret)

    def list(self, limit: int = 1_000) -> Sequence[Token]:
        """The tokens, newest first, those included that are revoked or have expired."""
        rows = self._graph.read("tokens/list", limit=LIMIT.of("limit", limit))
        return [Token.from_record(row) for row in rows]

    def revoke(self, token_id: str) -> Token:
        """Let a token count no more, from the next request on.

        Raises:
            TokenNotFoundError: there is no such token.
        """
        key = NAME.of("token_id", token_id)
        rows = self._graph.write("tokens/revoke", token_id=key)
        if not rows:
            raise TokenNotFoundError(key)
        return Token.from_record(rows[0])

    def authenticate(self, secret: str) -> Token | None:
        """The token with this secret, while it counts; None for any other secret.

        What is compared is its hash, in an index: how long that takes says nothing of the secret,
        which has 256 random bits.
        """
        given = instance("secret", str, secret)
        rows = self._graph.read("tokens/find", hash=_hash(given[:LONGEST]))
        if not rows:
            return None
        token = Token.from_record(rows[0])
        if rows[0]["unused"]:  # at most once a minute, so that its node is no bottleneck
            self._graph.write("tokens/use", token_id=token.token_id)
        return token

    def are_in_use(self) -> bool:
        """Whether any token was ever created, so that a server asks for one."""
        return (self._graph.read("tokens/count"))[0]["number"] > 0


def _hash(secret: str) -> str:
    """SHA-256: a random secret of 256 bits needs no slow hash, as nobody can guess it."""
    return hashlib.sha256(secret.encode(errors="surrogatepass")).hexdigest()
