"""The environment, read once, as typed settings.

`NEO4J_URI`, `NEO4J_USERNAME`, `NEO4J_PASSWORD` and `NEO4J_DATABASE` name the server to use. The URI
may hold a user and a password too, which are used where `NEO4J_PASSWORD` is not set.
Without `NEO4J_URI` the embedded server is used, which the `GRAPH_ORCH_*` variables configure.
`GRAPH_ORCH_MCP_TOKEN` is the bearer token of the MCP server over HTTP.
`GRAPH_ORCH_LOG` says how programs write their logs.
`GRAPH_ORCH_WEBHOOK_NETWORKS` names private networks that this process may send webhooks to.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass, field
from enum import StrEnum
from ipaddress import IPv4Network, IPv6Network
from pathlib import Path
from typing import Annotated, Any, Self, cast
from urllib.parse import unquote, urlsplit

import platformdirs
import pydantic
from pydantic import AfterValidator, BeforeValidator, Field, SecretStr, model_validator
from pydantic_settings import BaseSettings, NoDecode, SettingsConfigDict

from graph_orch.errors import StoreUnreachableError, ValidationError

APP = "graph-orch"
SECRETS = frozenset(
    {
        "NEO4J_PASSWORD",
        "NEO4J_URI",
        "GRAPH_ORCH_MCP_TOKEN",
        "GRAPH_ORCH_TOKEN",
        "GRAPH_ORCH_MAVEN_URL",
        "GRAPH_ORCH_RELAY_TO",
        "GRAPH_ORCH_INGEST_FROM",
    }
)
"""Variables that may hold a secret; processes that outlive this one do not inherit them."""
SCHEMES = ("bolt", "bolt+s", "bolt+ssc", "neo4j", "neo4j+s", "neo4j+ssc")


class Profile(StrEnum):
    """How many of the tools an MCP client gets. Each profile includes the one before it."""

    WORKER = "worker"  # take tasks, work on them, create others
    CORE = "core"  # also assign, route and search
    ALL = "all"


class Toolset(StrEnum):
    """Tools beside those of a profile, which an MCP client gets where the server is told so."""

    WORKFLOWS = "workflows"
    GATES = "gates"
    INBOX = "inbox"
    OPERATIONS = "operations"  # change, cancel and retry anybody's tasks; pause and resume
    ADMINISTRATION = "administration"  # limits, budgets, schedules, webhooks, triggers, the doctor


@dataclass(frozen=True)
class Address:
    """A server and a database on it. `str` and `repr` show no password.

    `data_dir` is that of an embedded server, which may restart on another port than the URI's.
    """

    uri: str = field(repr=False)
    auth: tuple[str, str] | None = field(default=None, repr=False)
    database: str | None = None
    data_dir: Path | None = None

    @classmethod
    def parse(
        cls,
        uri: str,
        auth: tuple[str, str] | None = None,
        database: str | None = None,
        data_dir: Path | None = None,
    ) -> Self:
        """Parse an address such as `bolt://user:password@host:7687`.

        The user and the password in it are used where `auth` is None; the URI that is kept has
        neither. They must be percent-encoded where they contain one of `/ ? # @ :`.

        Raises:
            StoreUnreachableError: It is not such an address. The message shows the scheme only, as
                any other part of a text that cannot be parsed may be a password.
            ValidationError: `auth` is not two strings, or `database` is not a string.
        """
        if auth is not None and not _are_strings(auth, 2):
            raise ValidationError("auth: give the user and the password, two strings, or None")
        if database is not None and not _are_strings([database], 1):
            raise ValidationError("database: give its name, a string, or None")
        scheme = re.match(r"\s*[\w+.-]+://", str(uri))
        shown = f"{scheme[0].strip()}…" if scheme else "that is given"

        def refuse(why: str) -> StoreUnreachableError:
            return StoreUnreachableError(f"cannot use the address {shown}: {why}")

        try:
            parts = urlsplit(str(uri).strip())
            host, port = parts.hostname, parts.port
        except ValueError:  # its message, and so `from`, would quote the address
            raise refuse(
                "it is not of the form bolt://host:7687; percent-encode / ? # in a password"
            ) from None
        if scheme is None or parts.scheme not in SCHEMES:
            raise refuse(f"it does not begin with one of {', '.join(SCHEMES)}, and then ://")
        if not host or re.search(r"[\s\x00-\x1f\x7f%]", host):
            raise refuse("it names no host")
        if parts.path.strip("/") or parts.fragment:
            raise refuse(
                "something follows the host; give the database as NEO4J_DATABASE, and percent-"
                "encode / ? # in a password"
            )
        if parts.query and not parts.scheme.startswith("neo4j"):
            raise refuse("a query (after ?) needs one of the schemes of neo4j")
        if auth is None and parts.username is not None:
            auth = unquote(parts.username), unquote(parts.password or "")
        at = f"[{host}]" if ":" in host else host
        at += "" if port is None else f":{port}"
        query = f"?{parts.query}" if parts.query else ""
        return cls(f"{parts.scheme}://{at}{query}", auth, database, data_dir)

    def __str__(self) -> str:
        return self.uri.partition("?")[0]

    def __repr__(self) -> str:
        return f"Address({str(self)!r}, database={self.database!r})"


def _are_strings(values: object, count: int) -> bool:
    """Whether a value is a tuple or list of `count` strings, as callers may give anything."""
    found = cast(Sequence[object], values) if isinstance(values, tuple | list) else ()
    return len(found) == count and all(isinstance(value, str) for value in found)


class _Settings(BaseSettings):
    """Settings whose errors are ValidationErrors that name the variable and not its value."""

    model_config = SettingsConfigDict(
        frozen=True, env_ignore_empty=True, hide_input_in_errors=True, extra="ignore"
    )

    def __init__(self, **given: Any) -> None:
        try:
            super().__init__(**given)
        except pydantic.ValidationError as error:
            first = error.errors(include_url=False, include_input=False, include_context=False)[0]
            name = "_".join(map(str, first["loc"])) if first["loc"] else ""
            variable = f"{self.model_config.get('env_prefix')}{name}".upper()
            raise ValidationError(f"the setting {variable}: {first['msg']}") from None

    def environment(self) -> dict[str, str]:
        """The variables that give another process the same settings, without default values.

        Paths are absolute, so that they are right in any directory. Secrets are left out.
        """
        variables: dict[str, str] = {}
        for name in type(self).model_fields:
            value = getattr(self, name)
            if name not in self.model_fields_set or value is None or isinstance(value, SecretStr):
                continue
            if isinstance(value, Path):
                value = value.expanduser().absolute()
            if isinstance(value, tuple):
                value = ",".join(cast(tuple[str, ...], value))
            # A URL loses its user and password; greedy, since a password may contain / and @.
            text = re.sub(r"(?<=://).*@", "", str(value), flags=re.DOTALL)
            variables[f"{self.model_config.get('env_prefix')}{name}".upper()] = text
        return variables


class ServerSettings(_Settings):
    """The Neo4j server to use. Where `uri` is None, that is the embedded server."""

    model_config = SettingsConfigDict(env_prefix="NEO4J_")

    uri: str | None = None
    username: str = "neo4j"
    password: SecretStr | None = None
    database: str | None = None

    @model_validator(mode="before")
    @classmethod
    def _take_credentials(cls, given: dict[str, Any]) -> dict[str, Any]:
        """Move the user and the password from the URI into fields, unless these are set."""
        if given.get("uri") is None:
            return given
        address = Address.parse(given["uri"])
        user, password = address.auth or (None, None)
        pairs = (("username", user), ("password", password))
        from_uri = {name: value for name, value in pairs if value}
        if "password" not in given:
            given = given | from_uri
        return from_uri | given | {"uri": address.uri}

    @property
    def auth(self) -> tuple[str, str] | None:
        """(user, password), or None where no password is set."""
        if self.password is None:
            return None
        return self.username, self.password.get_secret_value()


class McpSettings(_Settings):
    """What the MCP server requires of clients over HTTP: a bearer token, or nothing where None."""

    model_config = SettingsConfigDict(env_prefix="GRAPH_ORCH_MCP_")

    token: SecretStr | None = None


class TokenSettings(_Settings):
    """Whose process this is: the token of a person or an agent; None is whoever has the store."""

    model_config = SettingsConfigDict(env_prefix="GRAPH_ORCH_")

    token: SecretStr | None = None


class LogFormat(StrEnum):
    """How a program writes its log to standard error."""

    TEXT = "text"  # for people
    JSON = "json"  # an object a line, for programs


class LogSettings(_Settings):
    """How the programs of the command line write their logs."""

    model_config = SettingsConfigDict(env_prefix="GRAPH_ORCH_")

    log: LogFormat = LogFormat.TEXT


def _split_at_commas(value: object) -> object:
    if isinstance(value, str):
        return [name.strip() for name in value.split(",") if name.strip()]
    return value


Networks = Annotated[
    tuple[IPv4Network | IPv6Network, ...], NoDecode, BeforeValidator(_split_at_commas)
]


class WebhookSettings(_Settings):
    """Where this process may send webhooks to, beside public addresses with TLS.

    A variable separates networks by commas: `GRAPH_ORCH_WEBHOOK_NETWORKS=10.0.0.0/8,127.0.0.1`.
    """

    model_config = SettingsConfigDict(env_prefix="GRAPH_ORCH_WEBHOOK_")

    networks: Networks = ()


Plugins = Annotated[
    tuple[str, ...],
    NoDecode,  # pydantic-settings would read the variable as JSON
    BeforeValidator(_split_at_commas),
    AfterValidator(lambda names: tuple(sorted({name.lower() for name in names}))),
]


class EmbeddedSettings(_Settings):
    """How the embedded server is installed and run.

    `heap` and `page_cache` are sizes as Neo4j writes them: `512m`, `2g`. A `port` of 0 means any.
    `plugins` are names, which a variable separates by commas: `GRAPH_ORCH_PLUGINS=gds`.
    """

    model_config = SettingsConfigDict(env_prefix="GRAPH_ORCH_")

    data_dir: Path = Field(default_factory=lambda: platformdirs.user_data_path(APP))
    cache_dir: Path = Field(default_factory=lambda: platformdirs.user_cache_path(APP))
    neo4j_version: str = "5.26.30"
    heap: str = Field(default="512m", pattern=r"^\d+[kmgKMG]$")
    page_cache: str = Field(default="128m", pattern=r"^\d+[kmgKMG]$")
    port: int = Field(default=0, ge=0, le=65535)
    java_home: Path | None = None
    maven_url: str | None = Field(default=None, repr=False)
    plugins: Plugins = ()
    start_timeout_seconds: float = Field(default=120, gt=0)
