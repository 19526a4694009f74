"""What a server is made of: Java, Neo4j's jars, plugins, its configuration and command line."""

from __future__ import annotations

import os
import re
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from graph_orch.embedded.jars import Jar, Progress, install, jars_of, locked
from graph_orch.embedded.java import find_java
from graph_orch.embedded.plugins import locks_of
from graph_orch.embedded.state import Command, DataDirectory
from graph_orch.errors import DataDirectoryError
from graph_orch.settings import EmbeddedSettings

CONFIG = """\
server.default_listen_address=127.0.0.1
server.bolt.listen_address=127.0.0.1:{port}
server.bolt.advertised_address=127.0.0.1:{port}
server.bolt.tls_level=OPTIONAL
dbms.ssl.policy.bolt.enabled=true
dbms.ssl.policy.bolt.base_directory={certificate.parent}
dbms.ssl.policy.bolt.private_key={key.name}
dbms.ssl.policy.bolt.public_certificate={certificate.name}
dbms.ssl.policy.bolt.client_auth=NONE
server.http.enabled=false
server.https.enabled=false
dbms.security.auth_enabled=true
dbms.security.auth_max_failed_attempts=0
dbms.security.allow_csv_import_from_file_urls=false
internal.dbms.cypher_ip_blocklist=0.0.0.0/0,::/0
dbms.usage_report.enabled=false
server.memory.heap.max_size={heap}
server.memory.pagecache.size={page_cache}
db.tx_log.preallocate=false
server.config.strict_validation.enabled=false
internal.dbms.bolt.netty_server_shutdown_quiet_period=0
internal.dbms.bolt.netty_server_shutdown_timeout=2s
"""
"""TLS is optional, so that any driver can use `EmbeddedNeo4j().uri`; our own clients insist on it
(see `certificate`). Failed logins do not lock the account: any user of the machine could lock
everybody out, and nobody guesses a password of 24 random bytes. The blocklist closes LOAD CSV to
all addresses. With the last two lines the server stops in 0.3 s; without them its network threads
wait 10 s."""

PLUGIN_CONFIG = """\
server.directories.plugins={directory}
dbms.security.procedures.unrestricted={procedures}
"""

OPENED_PACKAGES = ("java.nio", "java.io", "java.util.concurrent", "sun.nio.ch")
"""Packages of java.base into which Neo4j reaches by reflection."""


@dataclass(frozen=True, slots=True)
class Installation:
    """A Java runtime, the jars of the class path, and the directory of the plugins, if any."""

    java: Path
    jars: list[Path]
    plugins: Path | None


def install_server(
    data: DataDirectory, settings: EmbeddedSettings, progress: Progress | None
) -> Installation:
    """Find Java, and fetch and verify all jars.

    Raises:
        DataDirectoryError: The data was written by a newer version of Neo4j.
        EmbeddedServerError: Java or a jar cannot be had; a subclass says which and why.
    """
    wanted, path = settings.neo4j_version, data.version_path
    found = path.read_text("utf-8", "replace") if path.exists() else None
    if found is not None and version_parts(found) > version_parts(wanted):
        raise DataDirectoryError(
            f"the data in {data.root} is of Neo4j {found}, which {wanted} cannot open; "
            f"set GRAPH_ORCH_NEO4J_VERSION={found}, or choose another GRAPH_ORCH_DATA_DIR"
        )
    java = find_java(java_needed(wanted), settings.java_home)
    jars, plugins = install_jars(settings, progress, verify=True)
    return Installation(java, jars, plugins)


def install_jars(
    settings: EmbeddedSettings, progress: Progress | None, *, verify: bool = False
) -> tuple[list[Path], Path | None]:
    """Fetch the jars that are missing.

    Returns all jars, the server's first, and the directory of the plugins' jars: None without
    plugins. Plugins stand beside the server's jars, so that a data directory holds nothing of them.

    Args:
        verify: See `jars.install`.
    """

    def fetched(jars: list[Jar], directory: Path) -> list[Path]:
        install(jars, directory, settings.maven_url, progress, verify=verify)
        return [directory / jar.name for jar in jars]

    version = settings.neo4j_version
    locks = locks_of(settings.plugins, version)
    found = fetched(jars_of(version), settings.cache_dir / "neo4j" / version)
    if not locks:
        return found, None
    plugins = settings.cache_dir / "plugins" / "+".join(locks)
    return found + fetched([jar for lock in locks for jar in locked(lock)], plugins), plugins


def config_text(data: DataDirectory, settings: EmbeddedSettings, plugins: Path | None) -> str:
    """The text of neo4j.conf, in which `Command.PORT` stands for the port.

    Args:
        plugins: The directory of the plugins' jars.
    """
    text = CONFIG.format(
        port=Command.PORT,
        heap=settings.heap,
        page_cache=settings.page_cache,
        key=data.key_path,
        certificate=data.certificate_path,
    )
    if plugins is None:
        return text
    procedures = ",".join(f"{plugin}.*" for plugin in settings.plugins)
    return text + PLUGIN_CONFIG.format(directory=plugins, procedures=procedures)


def java_command(
    java: Path, jars: Sequence[Path], data: DataDirectory, settings: EmbeddedSettings
) -> tuple[str, ...]:
    """The command line that runs the server.

    The class path lists the jars one by one, so that Java loads only those that were verified. It
    includes the plugins' jars: the server looks for procedures in the plugin directory, but loads
    the classes that these need from the class path.
    """
    new = version_parts(settings.neo4j_version) >= (2025,)
    return (
        str(java),
        "-cp",
        os.pathsep.join(map(str, jars)),
        *(f"--add-opens=java.base/{name}=ALL-UNNAMED" for name in OPENED_PACKAGES),
        "-XX:+UseParallelGC",  # 14 % more tasks/s than G1, whose threads compete on two cores
        "-Xms128m",
        f"-Xmx{settings.heap}",
        "-Dfile.encoding=UTF-8",
        f"org.neo4j.server.{'Neo4jCommunity' if new else 'CommunityEntryPoint'}",
        f"--home-dir={data.root}",
        f"--config-dir={data.config_path.parent}",
        "--console-mode",
    )


def java_needed(version: str) -> int:
    """The lowest Java version that runs a version of Neo4j."""
    return 21 if version_parts(version) >= (2025,) else 17


def version_parts(version: str) -> tuple[int, ...]:
    """The numbers of a version, by which versions compare."""
    return tuple(map(int, re.findall(r"\d+", version)))
