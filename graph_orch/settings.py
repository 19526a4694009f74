"""The environment, read once, as typed settings.

`NEO4J_URI`, `NEO4J_USERNAME`, `NEO4J_PASSWORD`, `NEO4J_DATABASE` name a server to use. A user and
a password may stand in the URI too; what is set by itself goes before.
Without `NEO4J_URI` the embedded server is used, which the `GRAPH_ORCH_*` variables shape.
`GRAPH_ORCH_MCP_TOKEN` is the bearer token of the MCP server over HTTP.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass, field
from enum import StrEnum
from pathlib import Path
from typing import Annotated, Any, Self, cast
from urllib.parse import unquote, urlsplit

import platformdirs
import pydantic
from pydantic import AfterValidator, BeforeValidator, Field, SecretStr, model_validator
from pydantic_settings import BaseSettings, NoDecode, SettingsConfigDict

from graph_orch.errors import StoreUnreachableError, ValidationError

APP = "graph-orch"
SECRETS = frozenset({"NEO4J_PASSWORD", "NEO4J_URI", "GRAPH_ORCH_MCP_TOKEN", "GRAPH_ORCH_MAVEN_URL"})
"""The variables that are or may hold a secret: processes that outlive this one do not get them."""
SCHEMES = ("bolt", "bolt+s", "bolt+ssc", "neo4j", "neo4j+s", "neo4j+ssc")


class Profile(StrEnum):
    """How much of the table a client gets: each has what the one before has."""

    WORKER = "worker"  # take work, do it, hand out more
    CORE = "core"  # and assign, route, search
    ALL = "all"


@dataclass(frozen=True)
class Address:
    """A server and a database on it. The password is never shown.

    `data_dir` is an embedded server's, which may come back on another port than the URI's.
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
        """An address as people write it, such as `bolt://user:password@host:7687`.

        A user and a password in it are taken where `auth` is not given; what is kept of the URI
        has none. They are percent-encoded where they hold one of `/ ? # @ :`.

        Raises:
            StoreUnreachableError: it is no such address. Nothing of it is shown but the scheme, as
                any other part of what is not understood may be a password.
            ValidationError: `auth` is not two texts, or `database` is no text.
        """
        if auth is not None and not _is_pair(auth):
            raise ValidationError("auth: give the user and the password, two texts, or None")
        if database is not None and not _is_text(database):
            raise ValidationError("database: give its name, a text, or None")
        refused = re.match(r"\s*[\w+.-]+://", str(uri))
        shown = f"{refused[0].strip()}…" if refused else "that is given"

        def refuse(why: str) -> StoreUnreachableError:
            return StoreUnreachableError(f"cannot use the address {shown}: {why}")

        try:
            parts = urlsplit(str(uri).strip())
            host, port = parts.hostname, parts.port
        except ValueError:  # its message quotes the address
            raise refuse(
                "it is not of the form bolt://host:7687; percent-encode / ? # in a password"
            ) from None
        if refused is None or parts.scheme not in SCHEMES:
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


def _is_text(it: object) -> bool:
    return isinstance(it, str)


def _is_pair(it: object) -> bool:
    texts = cast(Sequence[object], it) if isinstance(it, tuple | list) else ()
    return len(texts) == 2 and all(map(_is_text, texts))


class _Settings(BaseSettings):
    """Settings whose errors are ours, name the variable, and do not show what it holds."""

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
        """The variables that make the same settings, of those that are not left to be as they are.

        Paths are absolute, so that they mean the same in another directory; secrets are left out.
        """
        found: dict[str, str] = {}
        for name in type(self).model_fields:
            value = getattr(self, name)
            if name not in self.model_fields_set or value is None or isinstance(value, SecretStr):
                continue
            if isinstance(value, Path):
                value = value.expanduser().absolute()
            said = (
                ",".join(cast(tuple[str, ...], value)) if isinstance(value, tuple) else str(value)
            )
            said = re.sub(r"(?<=://).*@", "", said, flags=re.DOTALL)  # a password may hold a slash
            found[f"{self.model_config.get('env_prefix')}{name}".upper()] = said
        return found


class ServerSettings(_Settings):
    """Which Neo4j server to use. `uri` None means the embedded one."""

    model_config = SettingsConfigDict(env_prefix="NEO4J_")

    uri: str | None = None
    username: str = "neo4j"
    password: SecretStr | None = None
    database: str | None = None

    @model_validator(mode="before")
    @classmethod
    def _take_credentials(cls, given: dict[str, Any]) -> dict[str, Any]:
        """Take the user and the password out of the URI, where they stand in it."""
        if given.get("uri") is None:
            return given
        address = Address.parse(given["uri"])
        user, password = address.auth or (None, None)
        found = {name: it for name, it in (("username", user), ("password", password)) if it}
        if "password" not in given:
            given = given | found
        return found | given | {"uri": address.uri}

    @property
    def auth(self) -> tuple[str, str] | None:
        """(user, password), or None where no password is set."""
        if self.password is None:
            return None
        return self.username, self.password.get_secret_value()


class McpSettings(_Settings):
    """What the MCP server asks of clients over HTTP."""

    model_config = SettingsConfigDict(env_prefix="GRAPH_ORCH_MCP_")

    token: SecretStr | None = None


def _by_commas(value: object) -> object:
    if isinstance(value, str):
        return [name.strip() for name in value.split(",") if name.strip()]
    return value


def _lower_once(names: tuple[str, ...]) -> tuple[str, ...]:
    return tuple(sorted({name.lower() for name in names}))


Plugins = Annotated[
    tuple[str, ...], NoDecode, BeforeValidator(_by_commas), AfterValidator(_lower_once)
]


class EmbeddedSettings(_Settings):
    """How the embedded server is installed and run. Sizes are Neo4j's: `512m`, `2g`.

    `plugins` are names, in the environment with commas between them: `GRAPH_ORCH_PLUGINS=gds`.
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
