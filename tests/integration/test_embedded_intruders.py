"""Other users of the machine, who may connect to its ports and make files where anybody may."""

from __future__ import annotations

import os
import socket
import ssl
import subprocess
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, replace
from pathlib import Path

import neo4j
import pytest
from neo4j.exceptions import AuthError, DriverError, Neo4jError

from graph_orch._sync.graph import Graph
from graph_orch.embedded import EmbeddedNeo4j, access, stop_server
from graph_orch.embedded.certificate import have_certificate
from graph_orch.embedded.installation import install_server
from graph_orch.embedded.kernel_lock import KernelLock
from graph_orch.embedded.processes import arguments_of
from graph_orch.embedded.state import DataDirectory
from graph_orch.errors import DataDirectoryError, ServerStartError, StoreUnreachableError
from graph_orch.files import appending, write_private
from graph_orch.settings import Address, EmbeddedSettings
from tests.waiting import eventually

pytestmark = pytest.mark.own_server

SUCCESS = bytes.fromhex("0003b170a0") + b"\0\0"
"""A SUCCESS without metadata, as a chunk of Bolt."""


@dataclass
class Attempts:
    """What came of an intruder's attempts while a server started, and what was imported."""

    outcomes: list[str]
    imported: Path


@pytest.fixture(scope="module")
def attempts(tmp_path_factory: pytest.TempPathFactory) -> Attempts:
    return Attempts([], tmp_path_factory.mktemp("here") / "imported")


@pytest.fixture(scope="module")
def started(
    attempts: Attempts, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[EmbeddedNeo4j]:
    """A server; an intruder is there when it first listens, before its starter has logged in."""
    original = access.logs_in

    def after_the_intruder(data: DataDirectory, password: str, port: int) -> bool:
        try:
            attempt(f"bolt://127.0.0.1:{port}", "neo4j", "SHOW CURRENT USER")
            attempts.outcomes.append("in")
        except AuthError:
            attempts.outcomes.append("refused")
        except (DriverError, Neo4jError) as error:  # such as: a new password must be chosen
            attempts.outcomes.append(str(error))
        return original(data, password, port)

    here = attempts.imported.parent
    (here / "socket.py").write_text(f"open({str(attempts.imported)!r}, 'w')")
    embedded = EmbeddedNeo4j(tmp_path_factory.mktemp("intruders") / "data")
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(here)
        patch.setattr(access, "logs_in", after_the_intruder)
        embedded.start()
    with embedded:
        yield embedded


@pytest.fixture
def data(started: EmbeddedNeo4j) -> DataDirectory:
    return DataDirectory(started.data_dir)


@pytest.fixture
def data_dir(tmp_path: Path) -> Path:
    return tmp_path / "data"


def attempt(uri: str, password: str, query: str = "RETURN 1") -> None:
    with neo4j.GraphDatabase.driver(uri, auth=("neo4j", password)) as driver:
        driver.execute_query(query, database_="system" if "USER" in query else None)


def test_a_new_server_never_opens_to_the_default_password(started, data, attempts):
    for _ in range(20):
        with suppress(AuthError):
            attempt(started.uri, "a guess")
    attempt(started.uri, started.auth[1])  # guessing keeps nobody out
    account = data.first_account_path
    assert account.stat().st_mode & 0o077 == 0
    assert started.auth[1] not in account.read_text()
    assert set(attempts.outcomes) == {"refused"}
    assert not attempts.imported.exists(), "nothing is imported from the current directory"


Answer = Callable[[socket.socket], socket.socket]


@contextmanager
def squatter(answer: Answer) -> Iterator[tuple[int, list[bytes]]]:
    """Somebody who listens in our server's place: the port, and what each client tells him."""
    told: list[bytes] = []

    def serve() -> None:
        with suppress(OSError):
            while True:
                connection, _ = listener.accept()
                connection.settimeout(5)
                told.append(b"")
                with connection, suppress(OSError), answer(connection) as opened:
                    while data := opened.recv(65_536):
                        told.append(data)

    with socket.create_server(("127.0.0.1", 0)) as listener:
        threading.Thread(target=serve, daemon=True).start()
        yield listener.getsockname()[1], told
        listener.shutdown(socket.SHUT_RDWR)


def says_nothing(connection: socket.socket) -> socket.socket:
    return connection


def speaks_bolt(connection: socket.socket) -> socket.socket:
    connection.sendall(bytes.fromhex("00000405") + SUCCESS * 2)
    return connection


def with_a_certificate_of_his_own(directory: Path) -> Answer:
    his = DataDirectory(directory)
    his.prepare()
    have_certificate(his)
    context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    context.load_cert_chain(his.certificate_path, his.key_path)
    return lambda connection: speaks_bolt(context.wrap_socket(connection, server_side=True))


def test_who_takes_the_port_is_told_nothing(started, data, tmp_path):
    record = data.record()
    assert record is not None
    for answer in (says_nothing, speaks_bolt, with_a_certificate_of_his_own(tmp_path / "his")):
        with squatter(answer) as (port, told):
            # Between a look at the record and the connection the server can fall.
            data.write_record(replace(record, port=port))
            address = Address.parse(started.uri, started.auth, None, data.root)
            with pytest.raises(StoreUnreachableError):
                Graph.at(address, patience_seconds=1)
            data.write_record(record)
            assert told, "the client came"
            assert started.auth[1].encode() not in b"".join(told)
            assert b"neo4j" not in b"".join(told)


def test_a_server_without_a_certificate_is_not_joined(started, data):
    certificate = data.certificate_path.read_text()
    data.certificate_path.unlink()
    with pytest.raises(ServerStartError, match="an earlier version"):
        EmbeddedNeo4j(data.root).start()
    attempt(started.uri, started.auth[1])
    write_private(data.certificate_path, certificate)


def test_load_csv_reaches_neither_files_nor_addresses(started):
    with squatter(says_nothing) as (port, told):
        for url in (
            "file:///etc/hostname",
            f"http://127.0.0.1:{port}/",
            f"ftp://localhost:{port}/",
        ):
            with pytest.raises(Neo4jError, match=r"LoadExternal|URL"):
                attempt(started.uri, started.auth[1], f"LOAD CSV FROM '{url}' AS row RETURN row")
        assert not told


def mode(path: Path) -> int:
    return path.stat().st_mode & 0o777


def test_a_directory_of_ours_is_closed_to_others(tmp_path):
    made, empty = tmp_path / "made", tmp_path / "open"
    made.mkdir(mode=0o755)
    (made / "kept").touch()
    empty.mkdir()
    empty.chmod(0o777)
    for path in (made, empty):
        DataDirectory(path).prepare()
        assert mode(path) == 0o700


def test_a_directory_that_others_could_fill_is_refused(tmp_path):
    target = tmp_path / "target"
    target.write_text("of somebody else")
    planted = tmp_path / "planted"
    planted.mkdir()
    (planted / "password").symlink_to(target)
    planted.chmod(0o777)
    for _ in range(2):
        with pytest.raises(DataDirectoryError, match="other users may write"):
            EmbeddedNeo4j(planted).start()
        assert mode(planted) == 0o777
    assert target.read_text() == "of somebody else"


root_only = pytest.mark.skipif(
    os.geteuid() != 0, reason="only root can give something to another user"
)
ANOTHER = 12_345


@root_only
@pytest.mark.parametrize("name", ["..", ".", "password", "run"])
def test_what_belongs_to_another_is_refused(tmp_path, name):
    data = tmp_path / "above" / "data"
    for path in (data / "run", data / name):
        path.mkdir(parents=True, exist_ok=True)
    os.chown(data / name, ANOTHER, ANOTHER)
    kept = tmp_path / "kept"
    kept.write_text("kept")
    (data / "run" / "start.lock").symlink_to(kept)
    for use in (EmbeddedNeo4j(data).start, lambda: stop_server(data)):
        with pytest.raises(DataDirectoryError, match=f"belongs to the user with id {ANOTHER}"):
            use()
    assert kept.read_text() == "kept"


def test_a_directory_in_which_others_could_put_another_is_refused(tmp_path):
    above = tmp_path / "above"
    (above / "data").mkdir(parents=True)
    above.chmod(0o777)
    with pytest.raises(DataDirectoryError, match="could put another"):
        EmbeddedNeo4j(above / "data").start()
    above.chmod(0o1777)
    DataDirectory(above / "data").prepare()  # sticky, as /tmp is


def test_jars_are_taken_from_where_nobody_else_puts_some(tmp_path):
    cache = tmp_path / "cache"
    jars = EmbeddedSettings().cache_dir / "neo4j" / EmbeddedSettings().neo4j_version
    EmbeddedNeo4j(tmp_path / "data").install()
    cache.mkdir()
    cache.chmod(0o777)
    with pytest.raises(DataDirectoryError, match="GRAPH_ORCH_CACHE_DIR"):
        EmbeddedNeo4j(tmp_path / "data", cache_dir=cache).install()
    found = install_server(DataDirectory(tmp_path / "data"), EmbeddedSettings(), None)
    assert found.java.name == "java"
    assert {path.parent for path in found.jars} == {jars}
    assert {path.suffix for path in found.jars} == {".jar"}, "each by its name, and no other"


def test_no_lock_is_taken_through_a_link(tmp_path):
    kept = tmp_path / "kept"
    kept.write_text("kept")
    lock = KernelLock(tmp_path / "a.lock")
    lock.path.symlink_to(kept)
    for use in (lock.try_acquire, lock.is_held):
        with pytest.raises(OSError, match="symbolic link"):
            use()
    assert kept.read_text() == "kept"


@root_only
def test_a_process_of_another_user_is_not_our_server(data_dir):
    data = DataDirectory(data_dir)
    for user, is_ours in ((ANOTHER, False), (os.geteuid(), True)):
        command = ["sh", "-c", "sleep 60; true", "x", f"--home-dir={data.root}", "y"]
        with subprocess.Popen(command, user=user) as process:
            try:
                assert eventually(lambda pid=process.pid: len(arguments_of(pid)) == 6, 10)
                assert data.owns_process(process.pid) is is_ours
            finally:
                process.kill()


def test_no_link_is_written_through(data_dir, tmp_path):
    data = DataDirectory(data_dir)
    data.prepare()
    target = tmp_path / "target"
    target.write_text("kept")
    for path in (data.console_path, data.config_path, data.version_path, data.password_path):
        path.symlink_to(target)
    with pytest.raises(OSError, match="symbolic link"), appending(data.console_path):
        pass
    data.console_path.unlink()
    for path in (data.config_path, data.version_path):
        write_private(path, "new")
    assert target.read_text() == "kept"
