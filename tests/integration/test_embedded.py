"""The embedded server: started, shared, killed, and what it says when it cannot start."""

from __future__ import annotations

import os
import signal
import socket
import stat
import subprocess
import sys
from pathlib import Path

import neo4j
import pytest

from graph_orch.embedded import EmbeddedNeo4j, server_status
from graph_orch.embedded.jars import absent, install, jars_of
from graph_orch.errors import (
    DataDirectoryError,
    DownloadError,
    EmbeddedServerError,
    JavaNotFoundError,
    PluginError,
    PortInUseError,
)
from tests.waiting import eventually

pytestmark = pytest.mark.own_server

HOLD = """
import sys
from graph_orch.embedded import EmbeddedNeo4j
server = EmbeddedNeo4j(sys.argv[1]).start()
print(server.uri, flush=True)
sys.stdin.read()
"""


def run(server: EmbeddedNeo4j, cypher: str) -> list:
    with neo4j.GraphDatabase.driver(server.uri, auth=server.auth) as driver:
        return [row.values() for row in driver.execute_query(cypher).records]


@pytest.fixture
def data_dir(tmp_path: Path) -> Path:
    return tmp_path / "data"


@pytest.fixture
def holder(data_dir: Path):
    """Start the server in another process, which holds it."""
    processes = []

    def hold() -> tuple[subprocess.Popen, str]:
        process = subprocess.Popen(
            [sys.executable, "-c", HOLD, str(data_dir)],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )
        processes.append(process)
        return process, process.stdout.readline().strip()

    yield hold
    for process in processes:
        process.kill()
        process.communicate()
    eventually(lambda: not server_status(data_dir).running, 30)


def test_processes_share_a_server_that_ends_with_the_last_however_they_end(
    data_dir, holder, monkeypatch
):
    for name in ("NEO4J_PASSWORD", "GRAPH_ORCH_MCP_TOKEN"):
        monkeypatch.setenv(name, "of-another-server")
    first, uri = holder()
    with EmbeddedNeo4j(data_dir) as server:
        assert server.uri == uri
        run(server, "CREATE (:Kept)")
        first.kill()
        first.wait()
        assert run(server, "MATCH (k:Kept) RETURN count(k)") == [[1]]
        pid = server_status(data_dir).pid
        listening_only_on_loopback(pid)
        secret_is_nowhere(server.auth[1], data_dir, pid)
        last, _ = holder()
    with pytest.raises(EmbeddedServerError, match="not started"):
        _ = server.uri
    assert server_status(data_dir).pid == pid
    last.kill()
    last.wait()
    assert eventually(lambda: not server_status(data_dir).running, 30), "the last user was killed"

    process, _ = holder()
    pid = server_status(data_dir).pid
    parent = int(Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[1])
    os.kill(parent, signal.SIGKILL)
    process.kill()
    process.wait()
    assert eventually(lambda: not server_status(data_dir).running, 60), "its supervisor was too"
    with EmbeddedNeo4j(data_dir) as server:
        assert server_status(data_dir).pid != pid
        assert run(server, "MATCH (k:Kept) RETURN count(k)") == [[1]]
    assert not server_status(data_dir).running


def listening_only_on_loopback(pid: int) -> None:
    sockets = {os.readlink(link) for link in Path(f"/proc/{pid}/fd").iterdir() if link.is_symlink()}
    found = []
    for table in ("tcp", "tcp6"):
        for line in Path(f"/proc/net/{table}").read_text().splitlines()[1:]:
            fields = line.split()
            if fields[3] == "0A" and f"socket:[{fields[9]}]" in sockets:
                found.append(fields[1].partition(":")[0])
    assert found
    assert set(found) <= {"0100007F", "0000000000000000FFFF00000100007F"}


def secret_is_nowhere(password: str, data_dir: Path, pid: int) -> None:
    assert stat.S_IMODE((data_dir / "password").stat().st_mode) == 0o600
    supervisor = int(Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[1])
    for one in (pid, supervisor):
        assert password not in Path(f"/proc/{one}/cmdline").read_text()
        environment = Path(f"/proc/{one}/environ").read_text()
        assert password not in environment
        assert "of-another-server" not in environment
    for log in (data_dir / "logs").iterdir():
        assert password not in log.read_text(errors="replace")


def test_taken_port(data_dir):
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = taken.getsockname()[1]
        with pytest.raises(PortInUseError, match=str(port)):
            EmbeddedNeo4j(data_dir, port=port).start()


def test_missing_java(data_dir, tmp_path):
    with pytest.raises(JavaNotFoundError, match=r"needs Java 17 .* pip install"):
        EmbeddedNeo4j(data_dir, version="5.26.30", java_home=tmp_path).start()


def test_offline(data_dir, tmp_path):
    server = EmbeddedNeo4j(data_dir, cache_dir=tmp_path, maven_url="http://127.0.0.1:9/")
    with pytest.raises(DownloadError, match=r"cannot fetch .*\.jar: .* connect to a network"):
        server.start()


def test_unknown_version(data_dir):
    with pytest.raises(DownloadError, match=r"known are 2026\.08\.1, 5\.26\.30"):
        EmbeddedNeo4j(data_dir, version="4.4.0").start()


def test_plugins_that_cannot_be_had(data_dir, monkeypatch):
    with pytest.raises(PluginError, match="no plugin 'apoc'; it knows gds"):
        EmbeddedNeo4j(data_dir, plugins=["apoc"]).start()
    monkeypatch.setenv("GRAPH_ORCH_PLUGINS", " GDS, ")
    with pytest.raises(PluginError, match=r"gds does not fit Neo4j 2026\.08\.1: .* 5\.26\.x"):
        EmbeddedNeo4j(data_dir, version="2026.08.1").start()
    assert EmbeddedNeo4j(data_dir).settings.plugins == ("gds",)
    assert not data_dir.exists()


def test_a_data_directory_with_and_without_a_plugin(data_dir):
    version = "5.26.30"
    with EmbeddedNeo4j(data_dir, version=version) as plain:
        run(plain, "CREATE (:Kept)")
        with pytest.raises(PluginError, match=r"plugin gds; stop it .* GRAPH_ORCH_PLUGINS=gds"):
            EmbeddedNeo4j(data_dir, version=version, plugins=["gds"]).start()
    with EmbeddedNeo4j(data_dir, version=version, plugins=["gds"]) as server:
        assert run(server, "RETURN gds.version()") == [["2.13.9"]]
        with EmbeddedNeo4j(data_dir, version=version) as joined:  # it has more than is wanted
            assert joined.uri == server.uri
    with EmbeddedNeo4j(data_dir, version=version) as plain:
        assert run(plain, "MATCH (k:Kept) RETURN count(k)") == [[1]]
        assert run(plain, "SHOW PROCEDURES YIELD name WHERE name STARTS WITH 'gds.'") == []


def test_data_of_a_newer_version(data_dir):
    data_dir.mkdir()
    (data_dir / "neo4j-version").write_text("2099.01.0")
    with pytest.raises(DataDirectoryError, match=r"is of Neo4j 2099\.01\.0"):
        EmbeddedNeo4j(data_dir).start()


def test_data_directory_that_is_a_file(data_dir):
    data_dir.write_text("")
    with pytest.raises(DataDirectoryError, match="cannot be used"):
        EmbeddedNeo4j(data_dir).start()


def test_wrong_jar_is_refused_and_a_damaged_one_replaced(tmp_path):
    jar = min(jars_of("5.26.30"), key=lambda each: each.size)
    source = tmp_path / "repository" / jar.path
    source.parent.mkdir(parents=True)
    source.write_bytes(b"x" * jar.size)
    cache = tmp_path / "cache"
    refused = pytest.raises(DownloadError, match=f"expected {jar.sha256}")
    with serving(tmp_path / "repository") as url, refused:
        install([jar], cache, url)
    assert absent([jar], cache) == [jar]
    cache.joinpath(jar.name).write_bytes(b"half")
    steps: list[tuple[int, int]] = []
    install([jar], cache, progress=lambda done, total: steps.append((done, total)))
    assert absent([jar], cache) == []
    assert steps == [(jar.size, jar.size)]


def serving(directory: Path):
    """A web server on loopback."""
    import contextlib
    import functools
    import http.server
    import threading

    class Quiet(http.server.SimpleHTTPRequestHandler):
        def log_message(self, *_args: object) -> None:
            """Say nothing."""

    @contextlib.contextmanager
    def serve():
        handler = functools.partial(Quiet, directory=str(directory))
        with http.server.ThreadingHTTPServer(("127.0.0.1", 0), handler) as web:
            thread = threading.Thread(target=web.serve_forever)
            thread.start()
            try:
                yield f"http://127.0.0.1:{web.server_port}"
            finally:
                web.shutdown()
                thread.join()

    return serve()
