"""Starting, sharing and stopping a Neo4j server of one's own."""

from __future__ import annotations

import contextlib
import errno
import logging
import os
import re
import secrets
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Generator, Sequence
from dataclasses import dataclass
from hashlib import sha256
from pathlib import Path
from types import TracebackType
from typing import Any, Self

import neo4j
from neo4j.exceptions import AuthError, DriverError, Neo4jError

from graph_orch.embedded.certificate import have_certificate, trusting
from graph_orch.embedded.jars import Jar, Progress, install, jars_of, locked
from graph_orch.embedded.java import find_java
from graph_orch.embedded.kernel_lock import KernelLock
from graph_orch.embedded.plugins import locks_of
from graph_orch.embedded.processes import is_stopped
from graph_orch.embedded.state import (
    LOOPBACK,
    Command,
    DataDirectory,
    ServerRecord,
)
from graph_orch.embedded.supervisor import find_server, free_port, is_free
from graph_orch.errors import (
    DataDirectoryError,
    DiskFullError,
    EmbeddedServerError,
    LockHeldError,
    PluginError,
    PortInUseError,
    ServerStartError,
)
from graph_orch.files import appending, write_private
from graph_orch.settings import SECRETS, EmbeddedSettings

USER = "neo4j"
STOP_SECONDS = 60
LOOK_EVERY_SECONDS = 0.05
ROOM_BYTES = 10_000_000
"""What must be free to start: a new store takes 2 MB, and its logs grow."""
PASSWORD_MEND = (
    "Write back the password that this data was made with; where that is lost, choose another "
    "GRAPH_ORCH_DATA_DIR, or see docs/operations.md"
)
logger = logging.getLogger("graph_orch.embedded")

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
"""`uri` may be used without TLS too; our own clients insist on it, see `certificate`. After failed
attempts the server would refuse everybody for a while: anyone on the machine could keep us out, and
nobody guesses a password of 24 random bytes. The blocklist closes LOAD CSV to all addresses. The
last two let the server stop in 0.3 s; without them it waits 10 s for nobody."""

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
        self._user: KernelLock | None = None
        self._port: int | None = None
        self._password: str | None = None

    @property
    def uri(self) -> str:
        """Where the server answers, such as `bolt://127.0.0.1:40001`.

        Raises:
            EmbeddedServerError: it is not started.
        """
        if self._port is None or self._user is None:
            raise EmbeddedServerError("the embedded server is not started; call start()")
        record = self._data.record()  # it may have fallen, and have come back elsewhere
        return _uri((record and record.port) or self._port)

    @property
    def auth(self) -> tuple[str, str]:
        """(user, password).

        Raises:
            EmbeddedServerError: it is not started.
        """
        if self._password is None:
            raise EmbeddedServerError("the embedded server is not started; call start()")
        return USER, self._password

    @property
    def data_dir(self) -> Path:
        """Where its data is, whatever the current directory becomes."""
        return self._data.root

    def install(self) -> Path:
        """Have the server's jars, and return their directory; `start()` does this by itself.

        Raises:
            DownloadError, DiskFullError: they cannot be had.
            LockHeldError: another process fetches them, and does not get on.
            PluginError: a plugin is not known, or does not fit the server.
        """
        return self._install()[0][0].parent

    def _install(self, whole: bool = False) -> tuple[list[Path], Path | None]:
        """Have all jars, and the directory of the plugins where some are wanted, which are kept
        beside the server's, so that a data directory has nothing of them.

        Args:
            whole: See `install` in `jars`.
        """
        settings = self.settings
        locks = locks_of(settings.plugins, settings.neo4j_version)
        url, progress = settings.maven_url, self._progress

        def have(jars: list[Jar], directory: Path) -> list[Path]:
            install(jars, directory, url, progress, whole=whole)
            return [directory / jar.name for jar in jars]

        version = settings.neo4j_version
        found = have(jars_of(version), settings.cache_dir / "neo4j" / version)
        if not locks:
            return found, None
        plugins = settings.cache_dir / "plugins" / "+".join(locks)
        return found + have([jar for lock in locks for jar in locked(lock)], plugins), plugins

    def start(self) -> Self:
        """Start the server, or join it where it runs. Started twice is started.

        A child that was forked joins anew: it does not have its parent's part in the server.

        Raises:
            EmbeddedServerError: one of its kinds says what is in the way.
        """
        if self._user is not None and self._user.is_ours:
            return self
        data = self._data
        locks_of(self.settings.plugins, self.settings.neo4j_version)  # raises where one cannot be
        with _told(data):
            data.prepare()
            # What takes long is done before others have to wait.
            parts = None if data.is_supervised or data.running() else self._parts()
            with data.starting.acquire(
                self.settings.start_timeout_seconds, f"start the server of {data.root}"
            ):
                user = data.new_user()
                try:
                    self._password = self._own_password()
                    if not self._join():
                        self._launch(*(parts or self._parts()))
                except BaseException:
                    _drop(user)
                    raise
                self._user = user
        return self

    def stop(self) -> None:
        """Leave the server; where this was its last user, it has ended on return.

        In a child that was forked this does nothing: the server is its parent's.
        """
        user, self._user = self._user, None
        if user is None or not user.is_ours:
            return
        _drop(user)
        try:
            _end_unwanted(self._data, f"see whether others use the server of {self._data.root}")
        except (LockHeldError, OSError) as error:
            # We have left, and its supervisor ends it: no reason to fail what the caller did.
            logger.warning("the embedded server may run on for a while: %s", error)

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
        try:
            password = path.read_text(encoding="utf-8").strip() if path.exists() else ""
        except UnicodeDecodeError as error:
            raise DataDirectoryError(
                f"{path} holds no password: {error}. {PASSWORD_MEND}"
            ) from error
        if not password and self._data.accounts_path.exists():
            raise DataDirectoryError(
                f"the password of the data in {self._data.root} is lost: {path} is "
                f"{'empty' if path.exists() else 'gone'}. {PASSWORD_MEND}"
            )
        if not password:
            password = secrets.token_urlsafe(24)
            write_private(path, password)
        if not self._data.accounts_path.exists():
            write_private(self._data.first_account_path, _first_account(password))
        return password

    def _join(self) -> bool:
        """Join the server that runs; False where none does (any more)."""
        data = self._data

        def alive() -> bool:
            return data.is_supervised or data.running() is not None

        if not alive() and find_server(data) is None:
            return False
        if not data.certificate_path.exists():
            raise ServerStartError(
                f"the server of {data.root} was started by an earlier version of graph-orch, and "
                "has no certificate; let it end (graph-orch server stop, or the processes that use "
                "it), and try again"
            )
        self._have_supervised()  # who supervises it sees where it listens
        if self._answers(alive):
            if record := data.record():
                self._refuse_without_plugins(record)
            return True
        if record := data.running():
            raise ServerStartError(
                f"the server of {data.root}, process {record.pid}, runs but did not answer in "
                f"{self.settings.start_timeout_seconds:.0f} s{_stopped(record.pid)}; look into "
                f"{data.console_path}, or end it (kill -KILL {record.pid}) and try again"
            )
        return False

    def _have_supervised(self) -> None:
        """Give the server that runs a supervisor, where its own was killed and its deputy too."""
        lock = self._data.supervising
        while self._data.running() and not lock.is_held():
            if lock.try_acquire():
                _spawn_supervisor(self._data, lock)
                return

    def _refuse_without_plugins(self, record: ServerRecord) -> None:
        """Raise where the server that runs lacks a plugin that is wanted here."""
        if missing := sorted(set(self.settings.plugins) - set(record.plugins)):
            raise PluginError(
                f"the server of {self._data.root} runs without the plugin {', '.join(missing)}; "
                "let it end (graph-orch server stop, or the processes that use it), since the next "
                "to start it has it with GRAPH_ORCH_PLUGINS, or choose another GRAPH_ORCH_DATA_DIR"
            )

    def _parts(self) -> tuple[Path, list[Path], str]:
        """What a server is made of: Java, the jars, the configuration."""
        settings = self.settings
        self._check_version()
        java = find_java(_java_needed(settings.neo4j_version), settings.java_home)
        jars, plugins = self._install(whole=True)
        config = _config(self._data, settings, plugins)
        return java, jars, config

    def _launch(self, java: Path, jars: Sequence[Path], config: str) -> None:
        data, settings = self._data, self.settings
        self._refuse_full_disk()
        if settings.port and not is_free(settings.port):
            raise PortInUseError(
                f"port {settings.port} is taken; set GRAPH_ORCH_PORT to another, or to 0 for any"
            )
        before = data.command()
        command = Command(
            arguments=_arguments(java, jars, data, settings),
            config=config,
            # Who knew where the server was finds it there again.
            port=settings.port or (before.port if before else free_port()),
            fixed=bool(settings.port),
            version=settings.neo4j_version,
            plugins=settings.plugins,
        )
        have_certificate(data)
        data.write_command(command)
        write_private(data.version_path, settings.neo4j_version)
        data.record_path.unlink(missing_ok=True)
        write_private(data.console_path, "")  # what it says from now on is of this start
        lock = data.supervising.acquire(STOP_SECONDS, f"supervise the server of {data.root}")
        supervisor = _spawn_supervisor(data, lock)

        def alive() -> bool:
            if "No space left" in self._log():  # it may wait for room for ever
                raise _disk_full(self._data)
            return supervisor.poll() is None

        if not self._answers(alive):
            raise self._start_error(ended=supervisor.poll() is not None)

    def _answers(self, alive: Callable[[], bool]) -> bool:
        """Wait until the server takes our password; False where it ended or time is up.

        Raises:
            DataDirectoryError: it refuses it.
        """
        deadline = time.monotonic() + self.settings.start_timeout_seconds
        while time.monotonic() < deadline and alive():
            record = self._data.record()
            if record is not None and record.port and self._logs_in(record.port):
                self._port = record.port
                return True
            time.sleep(LOOK_EVERY_SECONDS)
        return False

    def _logs_in(self, port: int) -> bool:
        """Whether the server takes our password; False where it is not ready."""
        assert self._password is not None
        quiet = logging.getLogger("neo4j")
        level = quiet.level
        quiet.setLevel(logging.CRITICAL)  # a server that is not up yet is no error
        try:
            driver: Any = neo4j.GraphDatabase.driver(  # pyright: ignore[reportUnknownMemberType]
                _uri(port), auth=(USER, self._password), **driver_options(self._data.root)
            )
            with driver, driver.session() as session:
                session.run("RETURN 1").consume()
            return True
        except AuthError as error:
            raise DataDirectoryError(
                f"the server of {self._data.root} refuses the password in "
                f"{self._data.password_path}. {PASSWORD_MEND}"
            ) from error
        except (DriverError, Neo4jError, OSError):
            return False
        finally:
            quiet.setLevel(level)

    def _log(self) -> str:
        return self._data.console_path.read_text(encoding="utf-8", errors="replace")

    def _refuse_full_disk(self) -> None:
        """Raise where there is too little room to start: the server would wait for more."""
        room = os.statvfs(self._data.root)
        blocks = room.f_bfree if os.geteuid() == 0 else room.f_bavail
        if blocks * room.f_frsize < ROOM_BYTES:
            raise _disk_full(self._data)

    def _start_error(self, ended: bool) -> EmbeddedServerError:
        data, log = self._data, self._log()
        if "already in use" in log and "bolt" in log.lower():
            return PortInUseError("the server's port was taken meanwhile; try again")
        if "No space left" in log or "quota exceeded" in log:
            return _disk_full(self._data)
        if "store_lock" in log or "lock file has been locked" in log:
            return DataDirectoryError(
                f"another server has the data in {data.root}; stop that first"
            )
        what = "ended at once" if ended else "did not answer in time"
        return ServerStartError(
            f"the embedded server {what}; its log {data.console_path} ends with: "
            + (" | ".join(log.strip().splitlines()[-3:]) or "nothing")
        )

    def _check_version(self) -> None:
        data, wanted = self._data, self.settings.neo4j_version
        found = (
            data.version_path.read_text("utf-8", "replace") if data.version_path.exists() else None
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
        LockHeldError: somebody else starts or stops it, or supervises it, and does not get on.
    """
    data = DataDirectory(data_dir or EmbeddedSettings().data_dir)
    with _told(data):
        if not data.run.is_dir():
            return False
        data.refuse_others()
        running = data.is_supervised or data.running() is not None
        data.keep_path.unlink(missing_ok=True)
        if not _end_unwanted(data, f"stop the server of {data.root}") and running:
            raise DataDirectoryError(
                f"other processes use the server of {data.root}; it ends with the last of them"
            )
        return running


def server_status(data_dir: Path | None = None) -> EmbeddedStatus:
    """Whether the server runs, and where. It only looks, and disturbs nobody."""
    data = DataDirectory(data_dir or EmbeddedSettings().data_dir)
    with _told(data):
        record = data.running()
    return EmbeddedStatus(
        running=record is not None and record.port > 0,
        uri=_uri(record.port) if record and record.port else None,
        pid=record.pid if record else None,
        version=record.version if record else None,
        data_dir=data.root,
        log_path=data.console_path,
    )


def driver_options(data_dir: Path | None) -> dict[str, Any]:
    """What lets the driver find a directory's server, each time that it connects, and know it."""
    if data_dir is None:
        return {}
    data = DataDirectory(data_dir)
    data.refuse_others()
    return {"resolver": data.address, "encrypted": True, "ssl_context": trusting(data)}


def _end_unwanted(data: DataDirectory, purpose: str) -> bool:
    """Where nobody wants the server (any more), wait for its end; whether it is so.

    Raises:
        LockHeldError: somebody else starts or stops it, or supervises it, and does not get on.
    """
    with data.starting.acquire(STOP_SECONDS, purpose):
        if data.is_wanted():
            return False
        if not data.is_supervised:
            _end_orphan(data)
    data.supervising.wait_released(STOP_SECONDS, purpose)
    return True


def _end_orphan(data: DataDirectory) -> None:
    """End a server whose supervisor was killed, and its deputy too."""
    if orphan := find_server(data):
        orphan.end()
    data.record_path.unlink(missing_ok=True)


def _config(data: DataDirectory, settings: EmbeddedSettings, plugins: Path | None) -> str:
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


def _arguments(
    java: Path, jars: Sequence[Path], data: DataDirectory, settings: EmbeddedSettings
) -> tuple[str, ...]:
    """How to run the server, from jars that were checked and no others. Procedures are looked for
    in the directory of plugins, and what they need on the class path: jars of plugins are in both.
    """
    new = _parts(settings.neo4j_version) >= (2025,)
    main = "Neo4jCommunity" if new else "CommunityEntryPoint"
    return (
        str(java),
        "-cp",
        os.pathsep.join(map(str, jars)),
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
    )


def _spawn_supervisor(data: DataDirectory, lock: KernelLock) -> subprocess.Popen[bytes]:
    """Start the supervisor, which outlives this process; a thread waits for its end meanwhile.

    It gets its lock from us: so there is no moment in which nobody holds it.
    """
    with appending(data.console_path) as console:
        supervisor = subprocess.Popen(
            [
                sys.executable,
                "-P",  # nothing is imported from where we happen to be
                "-m",
                "graph_orch.embedded.supervisor",
                str(data.root),
                str(lock.descriptor),
            ],
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            stderr=console,
            pass_fds=[lock.descriptor],
            env={name: value for name, value in os.environ.items() if name not in SECRETS},
            start_new_session=True,
        )
    lock.abandon()
    threading.Thread(target=supervisor.wait, name="graph-orch-supervisor", daemon=True).start()
    return supervisor


def _stopped(pid: int) -> str:
    return f" (it is stopped: kill -CONT {pid} lets it go on)" if is_stopped(pid) else ""


def _first_account(password: str) -> str:
    """The account that a new server begins with, as `neo4j-admin dbms set-initial-password` writes
    it: so there is no moment in which its default password opens it."""
    salt = secrets.token_bytes(32)
    digest = sha256(salt + password.encode()).hexdigest()
    return f"{USER}:SHA-256,{digest},{salt.hex()}:\n"


def _uri(port: int) -> str:
    return f"bolt://{LOOPBACK}:{port}"


def _java_needed(version: str) -> int:
    return 21 if _parts(version) >= (2025,) else 17


def _parts(version: str) -> tuple[int, ...]:
    return tuple(int(part) for part in re.findall(r"\d+", version))


def _drop(user: KernelLock) -> None:
    user.release()
    user.path.unlink(missing_ok=True)


@contextlib.contextmanager
def _told(data: DataDirectory) -> Generator[None]:
    """Say of what the system refuses that it is the data directory."""
    try:
        yield
    except OSError as error:
        if error.errno in (errno.ENOSPC, errno.EDQUOT):
            raise _disk_full(data) from error
        raise DataDirectoryError(
            f"the data directory {data.root} cannot be used: {error}"
        ) from error


def _disk_full(data: DataDirectory) -> DiskFullError:
    return DiskFullError(
        f"there is no room left for the server's data in {data.root}: make room, "
        "or choose another GRAPH_ORCH_DATA_DIR"
    )
