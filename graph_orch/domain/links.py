"""Links by which one person decides one gate, signed, so that nobody else can make one. Pure."""

from __future__ import annotations

import base64
import hmac
import json
from dataclasses import dataclass
from hashlib import sha256

from graph_orch.errors import LinkInvalidError

LONGEST = 4_000
"""Characters of a link that are looked at; a name has 200 at most."""


@dataclass(frozen=True)
class Link:
    """Who may decide which gate by a link, and until when, in seconds since 1970."""

    gate_id: str
    approver: str
    expires: int

    def signed(self, key: str) -> str:
        """The link as text: what it says, and its HMAC-SHA256, both as base64url."""
        said = _text(json.dumps([self.gate_id, self.approver, self.expires]).encode())
        return f"{said}.{_signature(said, key)}"

    @classmethod
    def read(cls, text: str, key: str) -> Link:
        """The link of a text that was signed with this key.

        Raises:
            LinkInvalidError: it was not; nothing of it is looked at.
        """
        said, _, signature = text[:LONGEST].partition(".")
        given = signature.encode(errors="replace")
        if not hmac.compare_digest(given, _signature(said, key).encode()):
            raise LinkInvalidError
        return cls(*json.loads(base64.urlsafe_b64decode(said + "=" * (-len(said) % 4))))


def _signature(said: str, key: str) -> str:
    return _text(hmac.digest(key.encode(), said.encode(errors="replace"), sha256))


def _text(data: bytes) -> str:
    return base64.urlsafe_b64encode(data).rstrip(b"=").decode()
