"""Joining a server that runs, or starting one: a supervisor process runs it."""

from __future__ import annotations

import os
import subprocess
import sys
import threading

from graph_orch.embedded.access import wait_for_login
from graph_orch.embedded.certificate import have_certificate
from graph_orch.embedded.diagnosis import (
    disk_full,
    refuse_full_disk,
    reports_full_disk,
    start_error,
)
from graph_orch.embedded.installation import Installation, config_text, java_command
from graph_orch.embedded.kernel_lock import KernelLock
from graph_orch.embedded.processes import is_stopped
from graph_orch.embedded.state import Command, DataDirectory
from graph_orch.embedded.supervisor import find_server, free_port, is_free
from graph_orch.errors import PluginError, PortInUseError, ServerStartError
from graph_orch.files import appending, write_private
from graph_orch.settings import SECRETS, EmbeddedSettings

STOP_SECONDS = 60


def join(data: DataDirectory, settings: EmbeddedSettings, password: str) -> int | None:
    """Wait until the directory's server accepts the password, and return its port.

    None: no server runs, or it ended meanwhile. Call it while holding `data.starting`.

    Raises:
        ServerStartError: The server runs and does not answer, or has no certificate.
        PluginError: The server lacks a plugin that the settings name.
        DataDirectoryError: The server refuses the password.
    """
    if not data.has_server and find_server(data) is None:
        return None
    if not data.certificate_path.exists():
        raise ServerStartError(
            f"the server of {data.root} was started by an earlier version of graph-orch, and has "
            "no certificate; stop it (graph-orch server stop, or end the processes that use it), "
            "and try again"
        )
    # A server without a supervisor gets one: its own was killed, and so was the deputy. The
    # supervisor also writes the port on which the server listens into the record.
    lock = data.supervising
    while data.running() and not lock.is_held():
        if lock.try_acquire():
            spawn_supervisor(data, lock)
            break
    port = wait_for_login(data, password, settings.start_timeout_seconds, lambda: data.has_server)
    record = data.running() if port is None else data.record()
    if record is None:
        return port
    if port is None:
        stopped = (
            f" (it is stopped: kill -CONT {record.pid} lets it go on)"
            if is_stopped(record.pid)
            else ""
        )
        raise ServerStartError(
            f"the server of {data.root}, process {record.pid}, runs but did not answer in "
            f"{settings.start_timeout_seconds:.0f} s{stopped}; look into {data.console_path}, or "
            f"end it (kill -KILL {record.pid}) and try again"
        )
    if missing := sorted(set(settings.plugins) - set(record.plugins)):
        raise PluginError(
            f"the server of {data.root} runs without the plugin {', '.join(missing)}; stop it "
            "(graph-orch server stop, or end the processes that use it) and start it with "
            f"GRAPH_ORCH_PLUGINS={','.join(settings.plugins)}, or choose another "
            "GRAPH_ORCH_DATA_DIR"
        )
    return port


def launch(
    data: DataDirectory, settings: EmbeddedSettings, installation: Installation, password: str
) -> int:
    """Start a server, wait until it accepts the password, and return its port.

    A supervisor that was killed may have left a deputy, which starts the server after `join` had
    looked: then that server is joined. Call it while holding `data.starting`.

    Raises:
        EmbeddedServerError: The server did not start; a subclass says why.
    """
    lock = data.supervising
    purpose = f"supervise the server of {data.root}"
    if not lock.acquire_unless(lambda: data.running() is not None, STOP_SECONDS, purpose):
        port = join(data, settings, password)
        return port or launch(data, settings, installation, password)
    with lock:
        return _launch(data, settings, installation, password, lock)


def _launch(
    data: DataDirectory,
    settings: EmbeddedSettings,
    installation: Installation,
    password: str,
    lock: KernelLock,
) -> int:
    refuse_full_disk(data)
    if settings.port and not is_free(settings.port):
        raise PortInUseError(
            f"port {settings.port} is taken; set GRAPH_ORCH_PORT to another, or to 0 for any"
        )
    before = data.command()
    command = Command(
        arguments=java_command(installation.java, installation.jars, data, settings),
        config=config_text(data, settings, installation.plugins),
        # The port of the last start, so that clients that know it find the server there again.
        port=settings.port or (before.port if before else free_port()),
        fixed=bool(settings.port),
        version=settings.neo4j_version,
        plugins=settings.plugins,
    )
    have_certificate(data)
    data.write_command(command)
    write_private(data.version_path, settings.neo4j_version)
    data.record_path.unlink(missing_ok=True)
    write_private(data.console_path, "")  # so that the log tells of this start only
    supervisor = spawn_supervisor(data, lock)

    def is_alive() -> bool:
        if reports_full_disk(data.console()):  # such a server may wait for room for ever
            raise disk_full(data)
        return supervisor.poll() is None

    port = wait_for_login(data, password, settings.start_timeout_seconds, is_alive)
    if port is None:
        raise start_error(data, ended=supervisor.poll() is not None)
    return port


def spawn_supervisor(data: DataDirectory, lock: KernelLock) -> subprocess.Popen[bytes]:
    """Start the supervisor process, which outlives this one.

    The supervisor inherits the lock that this process holds, so that the lock is never free in
    between.
    """
    with appending(data.console_path) as console:
        supervisor = subprocess.Popen(
            [
                sys.executable,
                "-P",  # Python imports nothing from the current directory
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
    # The thread reaps the supervisor, which would stay a zombie until this process ends.
    threading.Thread(target=supervisor.wait, name="graph-orch-supervisor", daemon=True).start()
    return supervisor
