"""The environment, read once, as typed settings.

`NEO4J_URI`, `NEO4J_USERNAME`, `NEO4J_PASSWORD`, `NEO4J_DATABASE` name a server to use.
Without `NEO4J_URI` the embedded server is used, which the `GRAPH_ORCH_*` variables shape.
`GRAPH_ORCH_MCP_TOKEN` is the bearer token of the MCP server over HTTP.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import StrEnum
from pathlib import Path
from typing import Annotated

import platformdirs
from pydantic import AfterValidator, BeforeValidator, Field, SecretStr
from pydantic_settings import BaseSettings, NoDecode, SettingsConfigDict

APP = "graph-orch"


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

    uri: str
    auth: tuple[str, str] | None = field(default=None, repr=False)
    database: str | None = None
    data_dir: Path | None = None


class ServerSettings(BaseSettings):
    """Which Neo4j server to use. `uri` None means the embedded one."""

    model_config = SettingsConfigDict(env_prefix="NEO4J_", frozen=True, env_ignore_empty=True)

    uri: str | None = None
    username: str = "neo4j"
    password: SecretStr | None = None
    database: str | None = None

    @property
    def auth(self) -> tuple[str, str] | None:
        """(user, password), or None where no password is set."""
        if self.password is None:
            return None
        return self.username, self.password.get_secret_value()


class McpSettings(BaseSettings):
    """What the MCP server asks of clients over HTTP."""

    model_config = SettingsConfigDict(
        env_prefix="GRAPH_ORCH_MCP_", frozen=True, env_ignore_empty=True
    )

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


class EmbeddedSettings(BaseSettings):
    """How the embedded server is installed and run. Sizes are Neo4j's: `512m`, `2g`.

    `plugins` are names, in the environment with commas between them: `GRAPH_ORCH_PLUGINS=gds`.
    """

    model_config = SettingsConfigDict(env_prefix="GRAPH_ORCH_", frozen=True, env_ignore_empty=True)

    data_dir: Path = Field(default_factory=lambda: platformdirs.user_data_path(APP))
    cache_dir: Path = Field(default_factory=lambda: platformdirs.user_cache_path(APP))
    neo4j_version: str = "5.26.30"
    heap: str = Field(default="512m", pattern=r"^\d+[kmgKMG]$")
    page_cache: str = Field(default="128m", pattern=r"^\d+[kmgKMG]$")
    port: int = Field(default=0, ge=0, le=65535)
    java_home: Path | None = None
    maven_url: str | None = None
    plugins: Plugins = ()
    start_timeout_seconds: float = Field(default=120, gt=0)
