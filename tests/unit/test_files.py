"""Files with what the store holds: who may read them, what they replace, how much is read."""

from __future__ import annotations

import asyncio
import gzip
import http.server
import json
import os
import socket
import stat
import threading
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path

import networkx as nx
import pytest

from graph_orch import AnalysisError, ValidationError, analysis
from graph_orch.analysis.wfformat import Step, Workflow, read_workflow, write_workflow
from graph_orch.cli.input import text_of
from graph_orch.cli.prune import _writing
from graph_orch.files import appending, read_limited, replacing, write_private
from graph_orch.serve import a2a
from graph_orch.serve.a2a import fetch_card

MOMENT = datetime(2026, 1, 1, tzinfo=UTC)
CARD = json.dumps({"name": "ada", "skills": [{"id": "python", "name": "python", "tags": []}]})


def a_workflow(path: Path) -> None:
    flow = Workflow("w", (Step("a", "a", 1.0, ()),))
    write_workflow(flow, path, makespan_seconds=1, executed_at=MOMENT)


def an_export(path: Path) -> None:
    with _writing(path) as write:
        write({"content": "a secret"})


def a_graph() -> nx.DiGraph:
    return nx.DiGraph([("a", "b")], kind="tasks")


WRITERS = {
    "x.jsonl": an_export,
    "x.json": lambda path: analysis.save(a_graph(), path),
    "x.json.gz": lambda path: analysis.save(a_graph(), path),
    "x.graphml": lambda path: analysis.save(a_graph(), path),
    "x.graphml.gz": lambda path: analysis.save(a_graph(), path),
    "x.png": lambda path: analysis.pictures.draw_tasks(a_graph(), path),
    "x.svg": lambda path: analysis.pictures.draw_tasks(a_graph(), path),
    "x.html": lambda path: analysis.pictures.interactive(a_graph(), path),
    "wf.json": a_workflow,
}
every_writer = pytest.mark.parametrize("name", WRITERS)


@every_writer
@pytest.mark.parametrize("before", [None, "other"])
def test_only_this_user_reads_what_is_written(tmp_path, name, before):
    path = tmp_path / name
    if before is not None:
        path.write_text(before)
        path.chmod(0o666)
    WRITERS[name](path)
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert path.stat().st_size > len("other")
    assert os.listdir(tmp_path) == [name]


@every_writer
@pytest.mark.parametrize("target", ["there", "not there"])
def test_a_link_is_not_followed(tmp_path, name, target):
    victim = tmp_path / "victim"
    if target == "there":
        victim.write_text("precious")
    (tmp_path / name).symlink_to(victim)
    with pytest.raises((OSError, AnalysisError), match="symbolic link"):
        WRITERS[name](tmp_path / name)
    assert (victim.read_text() if target == "there" else victim.exists()) in ("precious", False)
    assert (tmp_path / name).is_symlink()


def test_what_fails_half_way_leaves_what_was_there(tmp_path):
    path = tmp_path / "x"
    write_private(path, "before")
    with pytest.raises(TypeError), replacing(path) as file:
        file.writelines([b"half", None])
    assert path.read_text() == "before"
    assert os.listdir(tmp_path) == ["x"]


@pytest.mark.parametrize("write", [replacing, appending])
def test_pipes_are_written_into(tmp_path, write):
    path = tmp_path / "pipe"
    os.mkfifo(path, 0o644)
    reader = os.open(path, os.O_RDONLY | os.O_NONBLOCK)
    with write(path) as file:
        file.write("text" if write is appending else b"text")
    assert os.read(reader, 100) == b"text"
    os.close(reader)
    assert stat.S_ISFIFO(path.stat().st_mode)


@pytest.mark.parametrize("write", [replacing, appending])
def test_a_socket_is_refused(tmp_path, write):
    with socket.socket(socket.AF_UNIX) as server:
        server.bind(str(tmp_path / "x"))
        with pytest.raises(PermissionError, match="socket"), write(tmp_path / "x"):
            pass
    assert stat.S_ISSOCK((tmp_path / "x").lstat().st_mode)


@pytest.mark.parametrize("write", [replacing, appending])
@pytest.mark.parametrize("link", [False, True])
def test_what_takes_the_place_of_a_pipe_is_not_written(tmp_path, monkeypatch, write, link):
    """Another process swaps them between the look and the opening."""
    path, victim, really_open = tmp_path / "x", tmp_path / "victim", os.open
    os.mkfifo(path)
    victim.write_text("precious")

    def swap_and_open(name, *given):
        path.unlink()
        (path.symlink_to if link else path.hardlink_to)(victim)
        return really_open(name, *given)

    monkeypatch.setattr(os, "open", swap_and_open)
    with pytest.raises(OSError, match=r"symbolic link|put in the place"), write(path) as file:
        file.write("x" if write is appending else b"x")
    assert victim.read_text() == "precious"


@pytest.mark.parametrize("write", [replacing, appending])
def test_a_character_device_is_written_into(write):
    with write("/dev/null") as file:
        file.write("x" if write is appending else b"x")


def test_standard_output_is_a_link_that_is_followed(tmp_path):
    with (tmp_path / "x").open("wb") as file:
        before = path_of(file.fileno())
        with appending(before) as end:
            end.write("text")
    assert (tmp_path / "x").read_text() == "text"


def path_of(descriptor: int) -> Path:
    return Path(f"/dev/fd/{descriptor}")


def test_a_line_that_was_cut_off_stays_alone(tmp_path):
    path = tmp_path / "x.jsonl"
    path.write_text('{"a": 1}\n{"b":')
    an_export(path)
    assert path.read_text().splitlines() == ['{"a": 1}', '{"b":', '{"content": "a secret"}']


def test_an_error_names_the_file_that_was_asked_for(tmp_path):
    with pytest.raises(FileNotFoundError, match=r"none/x'$"), replacing(tmp_path / "none" / "x"):
        pass
    with pytest.raises(IsADirectoryError, match=f"{tmp_path.name}'$"), replacing(tmp_path):
        pass


def test_what_is_too_large_is_not_read(tmp_path):
    path = tmp_path / "x.json"
    with path.open("wb") as file:
        file.truncate(10**12)  # takes no room on the disk, and would take all memory
    for read in (read_limited, text_of, read_workflow):
        with pytest.raises(ValidationError, match="holds more than"):
            read(path)
    with pytest.raises(ValidationError, match="holds more than 1,000 bytes"):
        read_limited("/dev/zero", 1_000)
    path.write_bytes(b"x" * 1_000)
    assert read_limited(path, 1_000) == b"x" * 1_000


@contextmanager
def serving(answer):
    """A server of one answer: status, headers and body; it says how it was asked."""
    asked: list[str] = []

    class Handler(http.server.BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            asked.append(self.path)
            status, headers, body = answer
            self.send_response(status)
            for name, value in headers.items():
                self.send_header(name, value)
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *_) -> None:
            pass

    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        thread = threading.Thread(target=server.serve_forever, daemon=True)
        thread.start()
        try:
            yield f"http://127.0.0.1:{server.server_port}", asked
        finally:
            server.shutdown()
            thread.join()


def zipped(text: bytes, times: int = 1) -> bytes:
    return text if times == 0 else zipped(gzip.compress(text, mtime=0), times - 1)


@pytest.mark.parametrize(
    ("headers", "body"),
    [
        ({}, CARD.encode()),
        ({"Content-Encoding": "gzip"}, zipped(CARD.encode())),
        ({"Content-Encoding": "identity"}, b"\xef\xbb\xbf" + CARD.encode()),
    ],
)
def test_a_card_from_a_server(headers, body):
    with serving((200, headers, body)) as (url, asked):
        assert asyncio.run(fetch_card(url)).name == "ada"
        assert asyncio.run(fetch_card(f"{url}/its/card.json")).name == "ada"
    assert asked == ["/.well-known/agent-card.json", "/its/card.json"]


@pytest.mark.parametrize(
    ("answer", "message"),
    [
        ((200, {}, b" " * 5_000_000), "more than 4,000,000 bytes"),
        ((200, {"Content-Encoding": "gzip"}, zipped(b" " * 50_000_000)), "more than 4,000,000"),
        ((200, {"Content-Encoding": "gzip, gzip"}, zipped(CARD.encode(), 2)), "not asked for"),
        ((200, {"Content-Encoding": "br"}, b"\x00"), "not asked for"),
        ((200, {"Content-Encoding": "gzip"}, b"no gzip"), "header"),
        ((200, {}, b"[" * 200_000), "nested too deeply"),
        ((200, {}, b'{"name": "x", "skills": [' + b'{"a":' * 5_000), "no A2A agent card"),
        ((200, {}, b"\xff"), "utf-8"),
        ((302, {"Location": "http://169.254.169.254/latest"}, b""), "not followed"),
        ((404, {}, b""), "404"),
    ],
)
def test_what_a_server_may_send_instead(answer, message):
    with serving(answer) as (url, asked), pytest.raises(ValidationError, match=message):
        asyncio.run(fetch_card(url))
    assert len(asked) == 1


def test_a_server_that_sends_for_ever_is_left():
    with socket.create_server(("127.0.0.1", 0)) as server:
        port = server.getsockname()[1]

        def drip() -> None:
            connection, _ = server.accept()
            with connection:
                connection.recv(10_000)
                connection.sendall(b"HTTP/1.1 200 OK\r\n\r\n")
                try:
                    while not done.wait(0.02):
                        connection.sendall(b" ")
                except OSError:
                    pass

        done = threading.Event()
        thread = threading.Thread(target=drip)
        thread.start()
        with pytest.raises(ValidationError, match=r"did not come whole within 0\.5 s"):
            asyncio.run(fetch_card(f"http://ada:a-secret@127.0.0.1:{port}", seconds=0.5))
        done.set()
        thread.join()


def test_no_password_of_an_address_is_told():
    with pytest.raises(ValidationError) as raised:
        asyncio.run(fetch_card("http://ada:a-secret@127.0.0.1:9"))
    assert "secret" not in str(raised.value)


def test_metadata_that_holds_no_card_is_refused():
    from graph_orch import Agent

    agent = Agent(
        agent_id="ada",
        capabilities=[],
        registered_at=MOMENT,
        last_seen_at=MOMENT,
        metadata={"a2a_card": {"name": {"no": "text"}}},
    )
    with pytest.raises(ValidationError, match="no A2A agent card"):
        a2a.card_of(agent, "")
