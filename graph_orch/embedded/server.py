"""A Neo4j server of one's own: started, shared and stopped."""

from __future__ import annotations

import logging
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import Self

from graph_orch.embedded.access import USER, read_or_make_password, uri_of
from graph_orch.embedded.diagnosis import directory_errors
from graph_orch.embedded.installation import install_jars, install_server
from graph_orch.embedded.jars import Progress
from graph_orch.embedded.kernel_lock import KernelLock
from graph_orch.embedded.plugins import locks_of
from graph_orch.embedded.starting import STOP_SECONDS, join, launch
from graph_orch.embedded.state import DataDirectory
from graph_orch.embedded.supervisor import find_server
from graph_orch.errors import DataDirectoryError, EmbeddedServerError, LockHeldError
from graph_orch.settings import EmbeddedSettings

logger = logging.getLogger("graph_orch.embedded")


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
    """A Neo4j Community server on loopback, which all users of one data directory share.

    The first user starts the server, others join it, and it ends with its last user, however that
    one ends. `stop()` by the last user returns when the server has ended. Arguments that are None
    come from the environment, see `EmbeddedSettings`.

    Args:
        progress: A function that `install` calls with the bytes fetched and the bytes to fetch.
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
            EmbeddedServerError: The server is not started.
        """
        if self._port is None or self._user is None:
            raise EmbeddedServerError("the embedded server is not started; call start()")
        record = self._data.record()  # a server that crashed may have come back on another port
        return uri_of((record and record.port) or self._port)

    @property
    def auth(self) -> tuple[str, str]:
        """(user, password).

        Raises:
            EmbeddedServerError: The server is not started.
        """
        if self._password is None:
            raise EmbeddedServerError("the embedded server is not started; call start()")
        return USER, self._password

    @property
    def data_dir(self) -> Path:
        """The absolute path of the data directory."""
        return self._data.root

    def install(self) -> Path:
        """Fetch the server's jars, and return their directory; `start()` does this by itself.

        Raises:
            DownloadError, DiskFullError: The jars cannot be fetched or written.
            LockHeldError: Another process fetches them, and hangs.
            PluginError: A plugin is not known, or does not fit the server.
        """
        return install_jars(self.settings, self._progress)[0][0].parent

    def start(self) -> Self:
        """Start the server, or join it where it runs. A second call does nothing.

        A forked child does not share its parent's use of the server, so its call joins anew.

        Raises:
            EmbeddedServerError: The server cannot be started or joined; a subclass says why.
        """
        if self._user is not None and self._user.is_ours:
            return self
        data, settings = self._data, self.settings
        locks_of(settings.plugins, settings.neo4j_version)  # raises for a plugin that cannot be had
        with directory_errors(data):
            data.prepare()
            # A download takes long: it happens before we take the lock for which others wait.
            early = None if data.has_server else install_server(data, settings, self._progress)
            with data.starting.acquire(
                settings.start_timeout_seconds, f"start the server of {data.root}"
            ):
                user = data.new_user()
                try:
                    password = self._password = read_or_make_password(data)
                    self._port = join(data, settings, password) or launch(
                        data,
                        settings,
                        early or install_server(data, settings, self._progress),
                        password,
                    )
                except BaseException:
                    data.remove_user(user)
                    raise
                self._user = user
        return self

    def stop(self) -> None:
        """Leave the server. Where this was its last user, the server has ended on return.

        In a forked child this does nothing: its parent uses the server.
        """
        user, self._user = self._user, None
        if user is None or not user.is_ours:
            return
        self._data.remove_user(user)
        try:
            _end_unwanted(self._data, f"see whether others use the server of {self._data.root}")
        except (LockHeldError, OSError) as error:
            # The supervisor ends the server without us, so the caller's work need not fail.
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


def start_server(server: EmbeddedNeo4j | None = None) -> EmbeddedStatus:
    """Start the server and keep it running without users, until `stop_server`."""
    server = server or EmbeddedNeo4j()
    server.start()
    DataDirectory(server.settings.data_dir).keep_path.touch()
    server.stop()
    return server_status(server.settings.data_dir)


def stop_server(data_dir: Path | None = None) -> bool:
    """Stop the server and wait for its end; False where none ran.

    Raises:
        DataDirectoryError: Other processes still use the server.
        LockHeldError: Another process starts, stops or supervises the server, and hangs.
    """
    data = DataDirectory(data_dir or EmbeddedSettings().data_dir)
    with directory_errors(data):
        if not data.run.is_dir():
            return False
        data.refuse_others()
        had_server = data.has_server
        data.keep_path.unlink(missing_ok=True)
        if not _end_unwanted(data, f"stop the server of {data.root}") and had_server:
            raise DataDirectoryError(
                f"other processes use the server of {data.root}; it ends with the last of them"
            )
        return had_server


def server_status(data_dir: Path | None = None) -> EmbeddedStatus:
    """Whether the server runs, and where. It takes no lock, so that it delays nobody."""
    data = DataDirectory(data_dir or EmbeddedSettings().data_dir)
    with directory_errors(data):
        record = data.running()
    return EmbeddedStatus(
        running=record is not None and record.port > 0,
        uri=uri_of(record.port) if record and record.port else None,
        pid=record.pid if record else None,
        version=record.version if record else None,
        data_dir=data.root,
        log_path=data.console_path,
    )


def _end_unwanted(data: DataDirectory, purpose: str) -> bool:
    """Wait for the end of a server that nobody wants; False where somebody wants it.

    Args:
        purpose: What the caller does, as a verb phrase that follows "cannot" in an error.

    Raises:
        LockHeldError: Another process starts, stops or supervises the server, and hangs.
    """
    with data.starting.acquire(STOP_SECONDS, purpose):
        if data.is_wanted():
            return False
        if not data.is_supervised:
            # The supervisor and its deputy were killed, so that nobody else ends the server.
            if orphan := find_server(data):
                orphan.end()
            data.record_path.unlink(missing_ok=True)
    data.supervising.wait_released(STOP_SECONDS, purpose)
    return True
