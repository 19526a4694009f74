"""The embedded server when things are not as they should be: crashes, forks, stopped processes."""

from __future__ import annotations

import json
import logging
import os
import shutil
import signal
import socket
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from contextlib import suppress
from pathlib import Path

import pytest
from neo4j.exceptions import AuthError

from graph_orch import Orchestrator
from graph_orch.embedded import EmbeddedNeo4j, server_status, stop_server
from graph_orch.embedded.jars import damaged, install, jars_of
from graph_orch.embedded.processes import all_pids, arguments_of
from graph_orch.embedded.state import Command, DataDirectory
from graph_orch.embedded.supervisor import Supervisor
from graph_orch.errors import (
    DataDirectoryError,
    DiskFullError,
    DownloadError,
    LockHeldError,
    ServerStartError,
)
from tests.integration.test_embedded import HOLD as HOLD_SERVER
from tests.integration.test_embedded import serving
from tests.integration.test_embedded_intruders import attempt
from tests.unit.test_kernel_lock import HOLD
from tests.waiting import eventually

pytestmark = pytest.mark.own_server

FORK = """
import atexit, gc, os, sys
from contextlib import suppress
from pathlib import Path
from graph_orch import Orchestrator
from graph_orch.embedded import EmbeddedNeo4j, server_status
from graph_orch.embedded.kernel_lock import KernelLock

server = EmbeddedNeo4j().start()
orch = Orchestrator.connect()
atexit.register(server.stop)
atexit.register(orch.close)

def leave(it):
    with it:
        pass

def drop():
    global server, orch
    del server, orch
    gc.collect()
    os._exit(0)

def fail():
    raise ValueError("a child that fails")

def join():
    with EmbeddedNeo4j():
        server.start()
        os._exit(0)

ends = [
    server.stop, orch.close, lambda: leave(server), lambda: leave(orch), drop, fail, join,
    sys.exit, lambda: os._exit(1),
]
users = Path(sys.argv[1], "run", "users")
for end in ends:
    child = os.fork()
    if not child:
        sys.stderr = open(os.devnull, "w")
        end()
        sys.exit()
    os.waitpid(child, 0)
    held = [KernelLock(path).is_held() for path in users.glob(f"{os.getpid()}-*.lock")]
    print(held == [True, True] and orch.tasks.get_task_status('none') is None, flush=True)
orch.close()
server.stop()
print(not list(users.glob(f"{os.getpid()}-*.lock")) and server_status().running, flush=True)
"""

WORK = """
from graph_orch import Orchestrator, Worker
with Orchestrator.connect() as orch:
    worker = Worker(orch, "crashed-on", ["any"], grace_seconds=0.5)

    @worker.task("slow")
    def slow(context):
        print("works", flush=True)
        context.wait_cancelled(600)

    print("ready", flush=True)
    worker.run()
"""


@pytest.fixture(scope="module")
def data(tmp_path_factory: pytest.TempPathFactory) -> DataDirectory:
    return DataDirectory(tmp_path_factory.mktemp("faults") / "data")


@pytest.fixture(scope="module")
def server(data: DataDirectory) -> Iterator[EmbeddedNeo4j]:
    """A server that starts while others ask for its status without a pause."""
    started = threading.Event()

    def look() -> None:
        while not started.is_set():
            server_status(data.root)

    looking = threading.Thread(target=look)
    looking.start()
    try:
        embedded = EmbeddedNeo4j(data.root).start()
    finally:
        started.set()
        looking.join()
    with embedded:
        yield embedded


@pytest.fixture
def here(data: DataDirectory, server: EmbeddedNeo4j, monkeypatch: pytest.MonkeyPatch) -> None:
    """The environment names the server."""
    monkeypatch.delenv("NEO4J_URI", raising=False)
    monkeypatch.setenv("GRAPH_ORCH_DATA_DIR", str(data.root))


@pytest.fixture
def run() -> Iterator[Callable[..., subprocess.Popen[str]]]:
    """Run a program in another process."""
    processes: list[subprocess.Popen[str]] = []

    def start(program: str, *arguments: object) -> subprocess.Popen[str]:
        process = subprocess.Popen(
            [sys.executable, "-c", program, *map(str, arguments)],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )
        processes.append(process)
        return process

    yield start
    for process in processes:
        process.kill()
        process.communicate()


def supervisor_of(data: DataDirectory) -> int:
    """Which process supervises; until it says so, the lock names who started it."""

    def pid() -> int:
        return json.loads((data.run / "supervisor.lock").read_text() or '{"pid": 0}')["pid"]

    assert eventually(lambda: "graph_orch.embedded.supervisor" in arguments_of(pid()), 30)
    return pid()


def parent_of(pid: int) -> int:
    try:
        return int(Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[1])
    except OSError:
        return 0


def kill_with_deputy(data: DataDirectory) -> None:
    """Kill the supervisor and whoever would take over, but not the server."""
    supervisor, java = supervisor_of(data), server_status(data.root).pid
    children = [pid for pid in all_pids() if parent_of(pid) == supervisor and pid != java]
    assert len(children) == 1
    for pid in (*children, supervisor):
        os.kill(pid, signal.SIGKILL)
    assert eventually(lambda: not data.is_supervised, 30)


def crash(data: DataDirectory, meanwhile: Callable[[], object] = lambda: None) -> None:
    """Kill the server, and do something before its supervisor can start it again."""
    supervisor, java = supervisor_of(data), server_status(data.root).pid
    assert java is not None
    os.kill(supervisor, signal.SIGSTOP)
    try:
        os.kill(java, signal.SIGKILL)
        assert eventually(lambda: not server_status(data.root).running, 30)
        meanwhile()
    finally:
        os.kill(supervisor, signal.SIGCONT)
    assert eventually(lambda: server_status(data.root).running, 120)


def bound(taken: socket.socket, port: int) -> bool:
    try:
        taken.bind(("127.0.0.1", port))
    except OSError:
        return False
    return True


def test_no_forked_child_ends_its_parents_server(here, data, run):
    process = run(FORK, data.root)
    output, _ = process.communicate()
    assert output.split() == ["True"] * 10


def test_a_stopped_process_is_named_to_all_who_wait_for_it(
    here, data, server, run, monkeypatch, caplog
):
    monkeypatch.setattr("graph_orch.embedded.kernel_lock.STOPPED_SECONDS", 0.1)
    joined = EmbeddedNeo4j(data.root).start()
    holder = run(HOLD, data.run / "start.lock")
    assert holder.stdout.readline() == "held\n"
    holder.send_signal(signal.SIGSTOP)
    named = rf"process {holder.pid} .* is stopped"
    with pytest.raises(LockHeldError, match=f"cannot start the server of .*: {named}"):
        EmbeddedNeo4j(data.root).start()
    with pytest.raises(LockHeldError, match=f"cannot stop the server of .*: {named}"):
        stop_server(data.root)
    with caplog.at_level(logging.WARNING, "graph_orch.embedded"):
        joined.stop()  # what its program did is done: no reason to fail it
    assert f"process {holder.pid}" in caplog.text
    assert server_status(data.root).uri == server.uri
    holder.kill()
    holder.wait()
    with EmbeddedNeo4j(data.root) as again:
        assert again.uri == server.uri


@pytest.mark.parametrize(
    ("content", "said"),
    [
        (b"another", "refuses the password in .*password. Write back"),
        (b"", "is lost: .*password is empty"),
        (b"\xff\xfe", "holds no password"),
        (None, "is lost: .*password is gone"),
    ],
)
def test_a_password_that_is_wrong_or_lost_is_said_at_once(here, data, server, content, said):
    path = data.password_path
    right = path.read_bytes()
    try:
        path.unlink()
        if content is not None:
            path.write_bytes(content)
        with pytest.raises(DataDirectoryError, match=said):
            EmbeddedNeo4j(data.root).start()
        assert path.exists() == (content is not None), "no other is made for this data"
        path.write_bytes(right + b"\n")
        with EmbeddedNeo4j(data.root) as joined:
            assert joined.uri == server.uri
    finally:
        path.write_bytes(right)


def test_a_server_that_falls_is_started_again_and_its_users_find_it(here, data, server, run):
    uri = server.uri
    with Orchestrator.connect() as orch:
        worker = run(WORK)
        task_id = orch.tasks.create_task("sweep", "slow", requirements=["any"])
        assert [worker.stdout.readline() for _ in range(2)] == ["ready\n", "works\n"]

        def stop_worker() -> None:
            worker.terminate()
            worker.wait(20)  # its grace is half a second

        crash(data, stop_worker)
        assert orch.tasks.get_task_status(task_id) is not None
        assert server.uri == uri, "it is on the port that it had"

        supervisor, java = supervisor_of(data), server_status(data.root).pid
        os.kill(supervisor, signal.SIGKILL)
        assert eventually(lambda: supervisor_of(data) != supervisor, 30)
        assert data.is_supervised
        assert server_status(data.root).pid == java, "whoever took over left it alone"

        with socket.socket() as squatter:
            port = int(uri.rpartition(":")[2])

            def squat() -> None:
                squatter.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
                assert eventually(lambda: bound(squatter, port), 30)
                squatter.listen()

            crash(data, squat)
            assert orch.tasks.get_task_status(task_id) is not None, (
                "a live connection finds it elsewhere"
            )
            assert server.uri != uri
        with EmbeddedNeo4j(data.root) as joined:
            assert joined.uri == server.uri


def test_a_server_is_known_by_every_name_of_its_directory(here, data, server, tmp_path):
    link = tmp_path / "link"
    link.symlink_to(data.root)
    assert server_status(link).uri == server.uri


def test_who_joins_a_server_without_supervisor_gives_it_one(here, data, server):
    java = server_status(data.root).pid
    kill_with_deputy(data)
    with EmbeddedNeo4j(data.root) as joined:
        assert data.is_supervised
        assert joined.uri == server.uri
    kill_with_deputy(data)
    data.record_path.unlink()
    with EmbeddedNeo4j(data.root) as joined:
        assert server_status(data.root).pid == java, "it is found without a record too"


def test_a_server_that_a_deputy_starts_after_the_look_is_joined(here, data, server, monkeypatch):
    monkeypatch.setattr("graph_orch.embedded.server.join", lambda *_: None)  # it saw no server
    with EmbeddedNeo4j(data.root) as joined:
        assert joined.uri == server.uri


def test_the_last_user_of_a_server_without_supervisor_ends_it(here, data, server):
    kill_with_deputy(data)
    server.stop()
    assert not server_status(data.root).running
    assert data.unrecorded() is None


# The shared server has ended: a process of tests has one at a time.


@pytest.mark.parametrize("seen", ["first_account_path", "accounts_path", "record_path"])
def test_a_first_start_that_is_killed_leaves_no_default_password(tmp_path, seen):
    data_dir = tmp_path / "data"
    data = DataDirectory(data_dir)
    starter = subprocess.Popen(
        [sys.executable, "-c", HOLD_SERVER, str(data_dir)], stdin=subprocess.PIPE
    )
    assert eventually(lambda: getattr(data, seen).exists(), 120)
    for pid in all_pids():
        if any(str(data_dir) in argument for argument in arguments_of(pid)):
            with suppress(ProcessLookupError):
                os.kill(pid, signal.SIGKILL)
    starter.communicate()
    with EmbeddedNeo4j(data_dir) as server, pytest.raises(AuthError):
        attempt(server.uri, "neo4j")


# What follows has no server of Neo4j's: a program in the place of Java, or none.


@pytest.fixture
def fake(tmp_path: Path) -> Callable[[str], EmbeddedNeo4j]:
    """A server whose Java is a shell script."""

    def make(script: str) -> EmbeddedNeo4j:
        java = tmp_path / "java" / "bin" / "java"
        java.parent.mkdir(parents=True, exist_ok=True)
        java.write_text(f"#!/bin/sh\n{script}\n")
        java.chmod(0o755)
        (tmp_path / "java" / "release").write_text('JAVA_VERSION="21.0.8"\n')
        return EmbeddedNeo4j(
            tmp_path / "data", java_home=tmp_path / "java", start_timeout_seconds=60
        )

    return make


def test_the_reason_of_a_failed_start_is_its_own(fake, tmp_path):
    with pytest.raises(ServerStartError, match=r"ended at once; its log .*: it is broken"):
        fake("echo it is broken; exit 1").start()
    with pytest.raises(ServerStartError, match="ends with: nothing"):
        fake("exit 1").start()
    assert eventually(lambda: not DataDirectory(tmp_path / "data").is_supervised, 30)


def test_a_full_disk_is_said_before_the_time_is_up(fake, tmp_path, monkeypatch):
    data = DataDirectory(tmp_path / "data")
    waits = 'echo "java.io.IOException: No space left on device"; exec sleep 600 # "$@"'
    with pytest.raises(DiskFullError, match="make room"):
        fake(waits).start()
    assert eventually(lambda: not data.is_supervised, 60)
    monkeypatch.setattr("graph_orch.embedded.diagnosis.ROOM_BYTES", 2**62)
    with pytest.raises(DiskFullError, match="make room"):
        fake("exec sleep 600").start()


def test_a_server_that_falls_again_and_again_is_given_up(tmp_path, monkeypatch, capsys):
    monkeypatch.setattr("graph_orch.embedded.supervisor.PAUSES", (0.0, 0.01, 0.01))
    data = DataDirectory(tmp_path / "data")
    data.prepare()
    data.keep_path.touch()
    falls = tmp_path / "falls"
    command = Command(
        arguments=("/bin/sh", "-c", f"echo fell >> {falls}"),
        config=f"port={Command.PORT}\n",
        port=0,
        fixed=False,
        version="5.26.30",
        plugins=(),
    )
    Supervisor(data, command).supervise(again=True)
    assert falls.read_text().split() == ["fell"] * 3
    assert "the server fell 3 times, and is not started again" in capsys.readouterr().err
    assert data.record() is None
    data.keep_path.unlink()
    Supervisor(data, command).supervise(again=True)
    assert falls.read_text().split() == ["fell"] * 3, "who is wanted by nobody is not started"


def test_a_damaged_jar_of_the_right_size_is_fetched_again(tmp_path):
    jars = EmbeddedNeo4j().install()
    jar = min(jars_of("5.26.30"), key=lambda each: each.size)
    source = tmp_path / "repository" / jar.path
    source.parent.mkdir(parents=True)
    shutil.copy(jars.parent / "5.26.30" / jar.name, source)
    cache = tmp_path / "cache"
    cache.mkdir()
    content = bytearray(source.read_bytes())
    content[len(content) // 2] ^= 1
    (cache / jar.name).write_bytes(content)
    assert damaged([jar], cache) == [jar]
    with serving(tmp_path / "repository") as url:
        install([jar], cache, url)
        assert damaged([jar], cache) == [jar], "looking at sizes takes no time, and sees nothing"
        install([jar], cache, url, verify=True)
    assert damaged([jar], cache) == []


def test_a_start_with_a_damaged_jar_says_so(tmp_path):
    version = EmbeddedNeo4j().settings.neo4j_version
    jars = tmp_path / "cache" / "neo4j" / version
    installed = EmbeddedNeo4j().install()
    no_lock = shutil.ignore_patterns(".*")
    shutil.copytree(installed, jars, copy_function=os.symlink, ignore=no_lock)
    jar = jars / jars_of(version)[0].name
    size = jar.stat().st_size
    jar.unlink()
    jar.write_bytes(bytes(size))
    server = EmbeddedNeo4j(
        tmp_path / "data", cache_dir=tmp_path / "cache", maven_url="http://127.0.0.1:9/"
    )
    with pytest.raises(DownloadError, match=rf"cannot fetch .*{jar.name} \(that in .* is damaged"):
        server.start()


def test_a_stopped_download_is_named(tmp_path, run, monkeypatch):
    monkeypatch.setattr("graph_orch.embedded.kernel_lock.STOPPED_SECONDS", 0.1)
    holder = run(HOLD, tmp_path / ".lock")
    assert holder.stdout.readline() == "held\n"
    holder.send_signal(signal.SIGSTOP)
    with pytest.raises(LockHeldError, match=f"cannot fetch .* process {holder.pid} .* is stopped"):
        install(jars_of("5.26.30"), tmp_path, "http://127.0.0.1:9/")
