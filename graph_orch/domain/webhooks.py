"""Webhooks: where events may be sent, by which secret, and when again. Pure."""

from __future__ import annotations

import base64
import random
import secrets
from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from ipaddress import IPv4Address, IPv4Network, IPv6Address, IPv6Network, ip_address
from typing import Any
from urllib.parse import urlsplit

from graph_orch.domain.fields import NAME
from graph_orch.errors import ValidationError

Networks = Iterable[IPv4Network | IPv6Network]

MINUTE, HOUR, DAY = 60.0, 3_600.0, 86_400.0
AGAIN_AFTER = (
    *(5.0, 5 * MINUTE, 30 * MINUTE),
    *(2 * HOUR, 5 * HOUR, 10 * HOUR, 14 * HOUR, 20 * HOUR, DAY),
)
"""The pauses before a delivery is tried again: ten tries in about three days, as the specification
of Standard Webhooks proposes, https://github.com/standard-webhooks/standard-webhooks."""
JITTER = 0.1
"""Each pause is longer or shorter by up to this share, so that receivers are not asked in waves."""
DISABLED_AFTER_SECONDS = 3 * DAY
"""A webhook of which nothing was delivered for so long, though it was tried, is disabled."""

PREFIX = "whsec_"
SECRET_BYTES = 32
SHORTEST_SECRET, LONGEST_SECRET = 24, 64
"""Bytes of a secret, as the specification has them."""
MOST_URL = 2_000

GONE = 410

_GLOBAL = IPv6Network("2000::/3")
_ODD = tuple(
    map(IPv6Network, ("2001::/23", "2001:db8::/32", "2002::/16", "3fff::/20", "2620:4f:8000::/48"))
)
"""Parts of it that lead elsewhere, such as those of Teredo and 6to4, which hold other addresses."""
_RELAYS = IPv4Network("192.88.99.0/24")


@dataclass(frozen=True)
class Post:
    """What is to be sent."""

    id: str
    url: str
    body: str
    secrets: tuple[str, ...] = field(repr=False)


@dataclass(frozen=True)
class Answer:
    """What came of it."""

    duration_ms: float
    status: int | None = None
    error: str | None = None
    text: str | None = None
    again_after: float | None = None
    """For how many seconds the receiver wants to be left alone."""

    @property
    def delivered(self) -> bool:
        """Whether the receiver took it."""
        return self.error is None

    def shown(self) -> dict[str, Any]:
        """What is kept of it."""
        return {
            "duration_ms": self.duration_ms,
            "status": self.status,
            "delivered": self.delivered,
            "error": self.error,
            "answer": self.text,
        }

    @property
    def gone(self) -> bool:
        """Whether the receiver says that nothing is to be sent to it any more."""
        return self.status == GONE


def is_public(address: str, allowed: Networks = ()) -> bool:
    """Whether an address is on the internet, and not of a private or a special network.

    Of IPv6 it must be one of the global unicast addresses. So those that hold an address of IPv4,
    such as ::ffff:127.0.0.1 and 64:ff9b::7f00:1 (NAT64), are none.

    Args:
        allowed: Networks whose addresses count as public.
    """
    found = ip_address(address.partition("%")[0])
    if is_within(address, allowed):
        return True
    if isinstance(found, IPv4Address):
        return found.is_global and not found.is_multicast and found not in _RELAYS
    return found in _GLOBAL and found.is_global and not any(found in odd for odd in _ODD)


def is_within(address: str, networks: Networks) -> bool:
    """Whether an address is of one of these networks."""
    found: IPv4Address | IPv6Address = ip_address(address.partition("%")[0])
    return any(found in network for network in networks)


def url_of(given: object) -> str:
    """The URL of a webhook, as it was given.

    Raises:
        ValidationError: it is no plain URL of http or https. The message holds nothing of it.
    """

    def refuse(why: str) -> ValidationError:
        return ValidationError(f"url: {why}; give such as 'https://example.com/hooks'")

    if not isinstance(given, str) or len(given) > MOST_URL:
        raise refuse(f"is not a text of at most {MOST_URL} characters")
    if not given.isascii() or not given.isprintable() or set(' \\"<>^`{|}').intersection(given):
        raise refuse(
            "holds characters that a URL cannot have: percent-encode those of the path, and give a "
            "name beyond ASCII in its xn-- form"
        )
    try:
        parts = urlsplit(given)
        host, port = parts.hostname, parts.port
    except ValueError:
        raise refuse("is not a URL") from None
    if parts.scheme not in ("http", "https"):
        raise refuse("does not begin with https:// or http://")
    if "@" in parts.netloc:
        raise refuse("holds a user or a password, which would be seen wherever the URL is")
    if not host or "%" in host or port == 0:
        raise refuse("names no host and port")
    if parts.fragment:
        raise refuse("has a fragment (after #), which is not sent")
    return given


def new_secret() -> str:
    """A secret to sign with."""
    return PREFIX + base64.b64encode(secrets.token_bytes(SECRET_BYTES)).decode()


def secret_of(given: object) -> str:
    """A secret as somebody gave it.

    Raises:
        ValidationError: it is no such secret. The message holds nothing of it.
    """
    text = NAME.of("secret", given)
    try:
        found = base64.b64decode(text.removeprefix(PREFIX), validate=True)
    except ValueError:
        found = b""
    if not text.startswith(PREFIX) or not SHORTEST_SECRET <= len(found) <= LONGEST_SECRET:
        raise ValidationError(
            f"secret: is not {PREFIX} and then {SHORTEST_SECRET} to {LONGEST_SECRET} bytes as "
            "base64; leave it out, and one is made"
        )
    return text


def again_after(tries: int, asked: float | None, now: float | None = None) -> float:
    """Seconds from a try that failed to the next.

    Args:
        tries: How many there were, this one among them.
        asked: For how many seconds the receiver asked (Retry-After): it is left alone so long, but
            no longer than a day.
        now: A number from 0 to 1 that decides where within the jitter it is; None: at random.
    """
    place = random.random() if now is None else now
    pause = AGAIN_AFTER[min(tries, len(AGAIN_AFTER)) - 1]
    pause *= 1 + JITTER * (2 * place - 1)
    return max(pause, min(asked or 0.0, DAY))


def is_last(tries: int) -> bool:
    """Whether a delivery that failed so often is given up."""
    return tries > len(AGAIN_AFTER)


def asked_for(retry_after: str | None, now: datetime) -> float | None:
    """The seconds of a header Retry-After, which holds them or a date; None where it is neither."""
    if retry_after is None:
        return None
    text = retry_after.strip()
    if text.isascii() and text.isdigit():
        return float(text[:9])
    try:
        at = parsedate_to_datetime(text)
    except (ValueError, TypeError, IndexError, OverflowError):
        return None
    at = at if at.tzinfo else at.replace(tzinfo=UTC)
    try:
        return max(0.0, (at - now).total_seconds())
    except OverflowError:
        return None
