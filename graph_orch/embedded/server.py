"""Starting, sharing and stopping a Neo4j server of one's own."""

from __future__ import annotations

import errno
import json
import logging
import os
import re
import secrets
import signal
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import Any, LiteralString, Self

import neo4j
from filelock import FileLock
from neo4j.exceptions import AuthError, DriverError, Neo4jError

from graph_orch.embedded.jars import Progress, install, jars_of, locked
from graph_orch.embedded.java import find_java
from graph_orch.embedded.plugins import locks_of
from graph_orch.embedded.state import DataDirectory, ServerRecord, is_held, write_private
from graph_orch.errors import (
    DataDirectoryError,
    DiskFullError,
    EmbeddedServerError,
    PluginError,
    PortInUseError,
    ServerStartError,
)
from graph_orch.settings import EmbeddedSettings

USER = "neo4j"
LOOPBACK = "127.0.0.1"
STOP_SECONDS = 60
LOOK_EVERY_SECONDS = 0.05

CONFIG = """\
server.default_listen_address=127.0.0.1
server.bolt.listen_address=127.0.0.1:{port}
server.bolt.advertised_address=127.0.0.1:{port}
server.http.enabled=false
server.https.enabled=false
dbms.security.auth_enabled=true
dbms.usage_report.enabled=false
server.memory.heap.max_size={heap}
server.memory.pagecache.size={page_cache}
db.tx_log.preallocate=false
server.config.strict_validation.enabled=false
internal.dbms.bolt.netty_server_shutdown_quiet_period=0
internal.dbms.bolt.netty_server_shutdown_timeout=2s
"""
"""The internal two let the server stop in 0.3 s; without them it waits 10 s for nobody."""

PLUGIN_CONFIG = """\
server.directories.plugins={directory}
dbms.security.procedures.unrestricted={procedures}
"""

OPENED = ("nio=ALL-UNNAMED", "io=ALL-UNNAMED", "util.concurrent=ALL-UNNAMED")


@dataclass(frozen=True, slots=True)
class EmbeddedStatus:
    """Whether a data directory's server runs, and where."""

    running: bool
    uri: str | None
    pid: int | None
    version: str | None
    data_dir: Path
    log_path: Path


class EmbeddedNeo4j:
    """A Neo4j Community server on loopback, shared by all who name the same data directory.

    The first user starts it, others join it, and it ends with the last of them, however that one
    ends. `stop()` returns when the server has ended, where this was its last user.
    What is not given comes from the environment, see `EmbeddedSettings`.
    """

    def __init__(
        self,
        data_dir: Path | str | None = None,
        *,
        version: str | None = None,
        heap: str | None = None,
        page_cache: str | None = None,
        port: int | None = None,
        java_home: Path | str | None = None,
        cache_dir: Path | str | None = None,
        maven_url: str | None = None,
        plugins: Sequence[str] | None = None,
        progress: Progress | None = None,
        start_timeout_seconds: float | None = None,
    ) -> None:
        given = {
            "data_dir": data_dir,
            "neo4j_version": version,
            "heap": heap,
            "page_cache": page_cache,
            "port": port,
            "java_home": java_home,
            "cache_dir": cache_dir,
            "maven_url": maven_url,
            "plugins": plugins,
            "start_timeout_seconds": start_timeout_seconds,
        }
        chosen = {name: value for name, value in given.items() if value is not None}
        self.settings = EmbeddedSettings.model_validate(EmbeddedSettings().model_dump() | chosen)
        self._data = DataDirectory(self.settings.data_dir)
        self._progress = progress
        self._user: FileLock | None = None
        self._port: int | None = None
        self._password: str | None = None

    @property
    def uri(self) -> str:
        """Where the server answers, such as `bolt://127.0.0.1:40001`.

        Raises:
            EmbeddedServerError: it is not started.
        """
        if self._port is None:
            raise EmbeddedServerError("the embedded server is not started; call start()")
        return _uri(self._port)

    @property
    def auth(self) -> tuple[str, str]:
        """(user, password).

        Raises:
            EmbeddedServerError: it is not started.
        """
        if self._password is None:
            raise EmbeddedServerError("the embedded server is not started; call start()")
        return USER, self._password

    def install(self) -> Path:
        """Have the server's jars, and return their directory; `start()` does this by itself.

        Raises:
            DownloadError, DiskFullError: they cannot be had.
            PluginError: a plugin is not known, or does not fit the server.
        """
        settings = self.settings
        jars = settings.cache_dir / "neo4j" / settings.neo4j_version
        install(jars_of(settings.neo4j_version), jars, settings.maven_url, self._progress)
        self._install_plugins()
        return jars

    def _install_plugins(self) -> Path | None:
        """Have the jars of the plugins, and return their directory; None where none are wanted.

        They are kept beside the server's, so that a data directory has nothing of them.
        """
        settings = self.settings
        locks = locks_of(settings.plugins, settings.neo4j_version)
        if not locks:
            return None
        directory = settings.cache_dir / "plugins" / "+".join(locks)
        jars = [jar for lock in locks for jar in locked(lock)]
        install(jars, directory, settings.maven_url, self._progress)
        return directory

    def start(self) -> Self:
        """Start the server, or join it where it runs. Started twice is started.

        Raises:
            EmbeddedServerError: one of its kinds says what is in the way.
        """
        if self._user is not None:
            return self
        locks_of(self.settings.plugins, self.settings.neo4j_version)  # raises where one cannot be
        try:
            self._data.prepare()
            with self._data.starting:
                user = self._data.new_user()
                try:
                    self._password = self._own_password()
                    self._port = self._join() or self._launch()
                except BaseException:
                    _drop(user)
                    raise
                self._user = user
        except OSError as error:
            raise _data_error(error, self._data.root) from error
        return self

    def stop(self) -> None:
        """Leave the server; where this was its last user, it has ended on return."""
        if self._user is None:
            return
        with self._data.starting:
            _drop(self._user)
            last = not self._data.keep_path.exists() and not self._data.has_users()
        self._user = self._port = None
        if last:
            _wait(lambda: not is_held(self._data.supervising), STOP_SECONDS)

    def __enter__(self) -> Self:
        return self.start()

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        at: TracebackType | None,
    ) -> None:
        self.stop()

    def _own_password(self) -> str:
        path = self._data.password_path
        if not path.exists():
            write_private(path, secrets.token_urlsafe(24))
        return path.read_text(encoding="utf-8")

    def _join(self) -> int | None:
        """The port of the server that runs; None where none does (any more)."""
        data = self._data
        if is_held(data.supervising):
            _wait(lambda: data.record() is not None or not is_held(data.supervising), 10)
            record = data.record()
            # A server answers on for a while when its supervisor was killed: look again at the end.
            if (
                record is not None
                and self._answers(record.port, lambda: is_held(data.supervising))
                and is_held(data.supervising)
            ):
                self._refuse_without_plugins(record)
                return record.port
            _wait(lambda: not is_held(data.supervising), STOP_SECONDS)
        _end_orphan(data)
        return None

    def _refuse_without_plugins(self, record: ServerRecord) -> None:
        """Raise where the server that runs lacks a plugin that is wanted here."""
        if missing := sorted(set(self.settings.plugins) - set(record.plugins)):
            raise PluginError(
                f"the server of {self._data.root} runs without the plugin {', '.join(missing)}; "
                "let it end (graph-orch server stop, or the processes that use it), since the next "
                "to start it has it with GRAPH_ORCH_PLUGINS, or choose another GRAPH_ORCH_DATA_DIR"
            )

    def _launch(self) -> int:
        data, settings = self._data, self.settings
        self._check_version()
        java = find_java(_java_needed(settings.neo4j_version), settings.java_home)
        paths = [self.install(), self._install_plugins()]
        port = _free_port(settings.port)
        data.config_path.write_text(_config(port, settings, paths[1]), encoding="utf-8")
        command = {
            "arguments": _arguments(java, [path for path in paths if path], data, settings),
            "port": port,
            "version": settings.neo4j_version,
            "plugins": settings.plugins,
        }
        write_private(data.command_path, json.dumps(command))
        data.version_path.write_text(settings.neo4j_version, encoding="utf-8")
        supervisor = _spawn_supervisor(data)
        if not self._answers(port, lambda: supervisor.poll() is None):
            raise self._start_error(ended=supervisor.poll() is not None)
        return port

    def _answers(self, port: int, alive: Callable[[], bool]) -> bool:
        """Wait until the server takes our password; False where it ended or time is up."""
        deadline = time.monotonic() + self.settings.start_timeout_seconds
        while time.monotonic() < deadline and alive():
            if _listens(port) and self._logs_in(port):
                return True
            time.sleep(LOOK_EVERY_SECONDS)
        return False

    def _logs_in(self, port: int) -> bool:
        assert self._password is not None
        quiet = logging.getLogger("neo4j")
        level = quiet.level
        quiet.setLevel(logging.CRITICAL)  # a server that is not up yet is no error
        try:
            return _log_in(port, self._password) or _set_password(port, self._password)
        except (DriverError, Neo4jError, OSError):
            return False
        finally:
            quiet.setLevel(level)

    def _start_error(self, ended: bool) -> EmbeddedServerError:
        data = self._data
        log = data.console_path.read_text(encoding="utf-8", errors="replace")
        if "already in use" in log and "bolt" in log.lower():
            return PortInUseError("the server's port was taken meanwhile; try again")
        if "No space left" in log:
            return DiskFullError(f"there is no room left for the server's data in {data.root}")
        if "store_lock" in log or "lock file has been locked" in log:
            return DataDirectoryError(
                f"another server has the data in {data.root}; stop that first"
            )
        what = "ended at once" if ended else "did not answer in time"
        return ServerStartError(
            f"the embedded server {what}; its log {data.console_path} ends with: "
            + " | ".join(log.strip().splitlines()[-3:])
        )

    def _check_version(self) -> None:
        data, wanted = self._data, self.settings.neo4j_version
        found = (
            data.version_path.read_text(encoding="utf-8") if data.version_path.exists() else None
        )
        if found is not None and _parts(found) > _parts(wanted):
            raise DataDirectoryError(
                f"the data in {data.root} is of Neo4j {found}, which {wanted} cannot open; "
                f"set GRAPH_ORCH_NEO4J_VERSION={found}, or choose another GRAPH_ORCH_DATA_DIR"
            )


def start_server(server: EmbeddedNeo4j | None = None) -> EmbeddedStatus:
    """Start the server and let it run on without users, until `stop_server`."""
    server = server or EmbeddedNeo4j()
    server.start()
    DataDirectory(server.settings.data_dir).keep_path.touch()
    server.stop()
    return server_status(server.settings.data_dir)


def stop_server(data_dir: Path | None = None) -> bool:
    """Let the server end, and wait for it; False where none ran.

    Raises:
        DataDirectoryError: other processes still use it.
    """
    data = DataDirectory(data_dir or EmbeddedSettings().data_dir)
    if not data.run.is_dir():
        return False
    with data.starting:
        data.keep_path.unlink(missing_ok=True)
        running, used = is_held(data.supervising), data.has_users()
    if running and used:
        raise DataDirectoryError(
            f"other processes use the server of {data.root}; it ends with the last of them"
        )
    _wait(lambda: not is_held(data.supervising), STOP_SECONDS)
    return running


def server_status(data_dir: Path | None = None) -> EmbeddedStatus:
    """Whether the server runs, and where."""
    data = DataDirectory(data_dir or EmbeddedSettings().data_dir)
    running = data.run.is_dir() and is_held(data.supervising)
    record = data.record() if running else None
    return EmbeddedStatus(
        running=record is not None,
        uri=_uri(record.port) if record else None,
        pid=record.pid if record else None,
        version=record.version if record else None,
        data_dir=data.root,
        log_path=data.console_path,
    )


def _config(port: int, settings: EmbeddedSettings, plugins: Path | None) -> str:
    text = CONFIG.format(port=port, heap=settings.heap, page_cache=settings.page_cache)
    if plugins is None:
        return text
    procedures = ",".join(f"{plugin}.*" for plugin in settings.plugins)
    return text + PLUGIN_CONFIG.format(directory=plugins, procedures=procedures)


def _arguments(
    java: Path, jars: Sequence[Path], data: DataDirectory, settings: EmbeddedSettings
) -> list[str]:
    """How to run the server. Procedures are looked for in the directory of plugins, and what they
    need on the class path: jars of plugins are in both."""
    new = _parts(settings.neo4j_version) >= (2025,)
    main = "Neo4jCommunity" if new else "CommunityEntryPoint"
    return [
        str(java),
        "-cp",
        os.pathsep.join(f"{path}/*" for path in jars),
        *(f"--add-opens=java.base/java.{name}" for name in OPENED),
        "--add-opens=java.base/sun.nio.ch=ALL-UNNAMED",
        "-XX:+UseParallelGC",
        "-Xms128m",
        f"-Xmx{settings.heap}",
        "-Dfile.encoding=UTF-8",
        f"org.neo4j.server.{main}",
        f"--home-dir={data.root}",
        f"--config-dir={data.config_path.parent}",
        "--console-mode",
    ]


def _spawn_supervisor(data: DataDirectory) -> subprocess.Popen[bytes]:
    """Start the supervisor, which outlives this process; a thread waits for its end meanwhile."""
    supervisor = subprocess.Popen(
        [sys.executable, "-m", "graph_orch.embedded.supervisor", str(data.root)],
        stdin=subprocess.DEVNULL,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        start_new_session=True,
    )
    threading.Thread(target=supervisor.wait, name="graph-orch-supervisor", daemon=True).start()
    return supervisor


def _end_orphan(data: DataDirectory) -> None:
    """End a server whose supervisor was killed."""
    record = data.record()
    if record is not None and data.owns_process(record.pid):
        os.kill(record.pid, signal.SIGTERM)
        if not _wait(lambda: not data.owns_process(record.pid), STOP_SECONDS / 2):
            os.kill(record.pid, signal.SIGKILL)
            _wait(lambda: not data.owns_process(record.pid), STOP_SECONDS / 2)
    data.record_path.unlink(missing_ok=True)


def _log_in(port: int, password: str) -> bool:
    try:
        _run(port, password, "RETURN 1")
    except AuthError:
        return False
    return True


def _set_password(port: int, password: str) -> bool:
    """Replace the password that a new server comes with."""
    change = "ALTER CURRENT USER SET PASSWORD FROM $old TO $new"
    _run(port, USER, change, "system", old=USER, new=password)
    return _log_in(port, password)


def _run(
    port: int, password: str, cypher: LiteralString, database: str | None = None, **params: str
) -> None:
    driver: Any = neo4j.GraphDatabase.driver(  # pyright: ignore[reportUnknownMemberType]
        _uri(port), auth=(USER, password)
    )
    with driver, driver.session(database=database) as session:
        session.run(cypher, params).consume()


def _uri(port: int) -> str:
    return f"bolt://{LOOPBACK}:{port}"


def _listens(port: int) -> bool:
    with socket.socket() as probe:
        probe.settimeout(1)
        return probe.connect_ex((LOOPBACK, port)) == 0


def _free_port(wanted: int) -> int:
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((LOOPBACK, wanted))
        except OSError as error:
            raise PortInUseError(
                f"port {wanted} is taken; set GRAPH_ORCH_PORT to another, or to 0 for any"
            ) from error
        return probe.getsockname()[1]


def _java_needed(version: str) -> int:
    return 21 if _parts(version) >= (2025,) else 17


def _parts(version: str) -> tuple[int, ...]:
    return tuple(int(part) for part in re.findall(r"\d+", version))


def _drop(user: FileLock) -> None:
    user.release()
    Path(user.lock_file).unlink(missing_ok=True)


def _wait(condition: Callable[[], bool], seconds: float) -> bool:
    deadline = time.monotonic() + seconds
    while not condition():
        if time.monotonic() > deadline:
            return False
        time.sleep(LOOK_EVERY_SECONDS)
    return True


def _data_error(error: OSError, where: Path) -> EmbeddedServerError:
    if error.errno in (errno.ENOSPC, errno.EDQUOT):
        return DiskFullError(f"there is no room left for the server's data in {where}")
    return DataDirectoryError(f"the data directory {where} cannot be used: {error}")
