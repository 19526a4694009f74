"""Addresses of brokers: `nats://user:password@host:4222/subject?stream=ORDERS`."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from importlib import import_module
from typing import TYPE_CHECKING, Any
from urllib.parse import parse_qsl, unquote, urlsplit

from graph_orch.errors import ValidationError

if TYPE_CHECKING:
    from graph_orch.brokers.cloud_events import Mode
    from graph_orch.brokers.protocols import Consumer, Publisher

DEFAULT_PLACE = "graph_orch"
"""The subject, stream or topic where an address names none."""
SCHEMES = {
    "nats": ("nats", "nats", 4222),
    "tls": ("nats", "nats", 4222),
    "redis": ("redis_streams", "redis", 6379),
    "rediss": ("redis_streams", "redis", 6379),
    "kafka": ("kafka", "aiokafka", 9092),
    "kafka+tls": ("kafka", "aiokafka", 9092),
}
"""By the scheme of an address: our module, the library that it needs, and the usual port."""
EXTRAS = {"nats": "nats", "redis_streams": "redis", "kafka": "kafka"}
OPTIONS = {
    "nats": ("stream", "credentials"),
    "redis_streams": ("db", "maxlen"),
    "kafka": (),
}


@dataclass(frozen=True)
class Target:
    """A broker, and the place there. `str` and `repr` show no password."""

    scheme: str
    hosts: tuple[tuple[str, int], ...]
    place: str
    user: str | None = field(default=None, repr=False)
    password: str | None = field(default=None, repr=False)
    options: Mapping[str, str] = field(default_factory=dict[str, str], repr=False)

    @classmethod
    def parse(cls, url: str) -> Target:
        """Parse an address; several hosts stand with commas between.

        Raises:
            ValidationError: it is none. The message shows the scheme only, as any other part of a
                text that cannot be parsed may be a password.
        """
        text = url.strip()
        scheme = text.partition("://")[0].lower()
        if scheme not in SCHEMES or "://" not in text:
            raise ValidationError(
                "a broker's address begins with one of "
                f"{', '.join(f'{name}://' for name in SCHEMES)}"
            )

        def refuse(why: str) -> ValidationError:
            return ValidationError(f"the broker's address {scheme}://…: {why}")

        module, _, port = SCHEMES[scheme]
        try:
            parts = urlsplit(text)
        except ValueError:
            raise refuse("is not of the form nats://host:4222/place") from None
        who, _, where = parts.netloc.rpartition("@")
        hosts = tuple(_host(it, port) for it in where.split(","))
        if None in hosts or parts.fragment or "/" in parts.path.strip("/"):
            raise refuse(
                "is not of the form nats://user:password@host:4222/place; percent-encode what is "
                "none of these in a password"
            )
        options = dict(parse_qsl(parts.query, keep_blank_values=True))
        if unknown := options.keys() - set(OPTIONS[module]):
            raise refuse(
                f"has an option that is not known ({len(unknown)}); known are "
                f"{', '.join(OPTIONS[module]) or 'none'}"
            )
        user, _, password = who.partition(":")
        return cls(
            scheme,
            tuple(it for it in hosts if it is not None),
            _place(unquote(parts.path.strip("/")) or DEFAULT_PLACE, refuse),
            unquote(user) or None,
            unquote(password) or None,
            options,
        )

    @property
    def netloc(self) -> str:
        """The hosts with their ports, with commas between."""
        return ",".join(f"{host}:{port}" for host, port in self.hosts)

    def __str__(self) -> str:
        return f"{self.scheme}://{self.netloc}/{self.place}"


def publisher_of(url: str, *, mode: Mode | str = "structured", create: bool = False) -> Publisher:
    """A publisher for the broker at an address. Nothing is connected yet.

    Args:
        mode: "structured": a CloudEvent is the body of a message; "binary": its data is, and its
            attributes are headers.
        create: Create a JetStream stream where there is none.

    Raises:
        ValidationError: it is no such address, or the library for it is not installed.
    """
    target = Target.parse(url)
    module = _module(target)
    from graph_orch.brokers.cloud_events import MODE

    return module.publisher(target, MODE.of("mode", mode), create)


def consumer_of(url: str, name: str) -> Consumer:
    """A consumer of messages of the broker at an address. Nothing is connected yet.

    Args:
        name: Consumers of one name share the messages: the durable consumer of NATS, the group of
            Redis and of Kafka. Letters, digits, `-` and `_`.

    Raises:
        ValidationError: as for `publisher_of`.
    """
    target = Target.parse(url)
    if not re.fullmatch(r"[A-Za-z0-9_-]{1,100}", name):
        raise ValidationError(
            f"name: {name!r} cannot be the name of consumers: give letters, digits, - and _"
        )
    return _module(target).consumer(target, name)


def _module(target: Target) -> Any:
    name, library, _ = SCHEMES[target.scheme]
    for needed in (library, "cloudevents"):
        try:
            import_module(needed)
        except ModuleNotFoundError as error:
            raise ValidationError(
                f"install graph-orch[{EXTRAS[name]}] to exchange events by {target.scheme}://"
            ) from error
    return import_module(f"graph_orch.brokers.{name}")


def _host(text: str, port: int) -> tuple[str, int] | None:
    found = re.fullmatch(r"(\[[0-9a-fA-F:.]+\]|[\w.-]+)(?::(\d{1,5}))?", text)
    if not found or int(found[2] or port) > 65535:
        return None
    return found[1], int(found[2] or port)


def _place(text: str, refuse: Callable[[str], ValidationError]) -> str:
    if not re.fullmatch(r"[\w.:>*-]{1,200}", text, re.ASCII):
        raise refuse("what follows the host, the subject, stream or topic, is not a name of one")
    return text
