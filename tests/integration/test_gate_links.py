"""Signed links to gates: one person decides one gate, in a browser, without a token."""

from __future__ import annotations

import re
import socket
from concurrent.futures import ThreadPoolExecutor

import httpx
import pytest

from graph_orch import (
    GateClosedError,
    GateNotFoundError,
    LinkExpiredError,
    LinkInvalidError,
    NotApproverError,
    ValidationError,
)
from tests.command_line import Cli
from tests.mcp_client import http_server

ODD = "Ünï कोड/../{}'\"$(id)`;--<script>&amp;"
JSON = {"accept": "application/json"}


@pytest.fixture(scope="module")
def web(server):
    with http_server(server) as running:
        yield running


@pytest.fixture
def link(orch, web):
    """Make a gate, and a link to it."""

    def make(question="publish?", approver="grace", seconds=60.0, **gate):
        made = orch.gates.create(question, **gate)
        return made, orch.gates.link(made.gate_id, approver, seconds, url=web.url)

    return make


def test_a_person_decides_in_a_browser_once(orch, web, link, new_task):
    orch.tokens.create("somebody")  # so that all else needs a token
    gate, address = link("publish <b>this</b>?", approvers=["grace", "eve"])
    task_id = new_task(gates=[gate.gate_id])
    page = httpx.get(address)
    assert page.status_code == 200
    assert "publish &lt;b&gt;this&lt;/b&gt;?" in page.text
    assert "<script" not in page.text
    assert page.headers["cache-control"] == "no-store"
    assert "form-action 'self'" in page.headers["content-security-policy"]
    assert orch.gates.get(gate.gate_id).status == "open"  # looking decides nothing
    assert httpx.head(address).status_code == 200
    origin = {"origin": web.url}
    form = {"decision": "approve", "comment": "well done", "by": "eve"}
    done = httpx.post(address, data=form, headers=origin)
    assert (done.status_code, "It is approved" in done.text) == (200, True)
    decided = orch.gates.get(gate.gate_id)
    assert (decided.decided_by, decided.comment) == ("grace", "well done")
    assert not orch.tasks.get_task_status(task_id).is_blocked
    for decision in ("approve", "reject"):
        again = httpx.post(address, data={"decision": decision}, headers=JSON)
        assert again.status_code == 409
        assert again.json() == {"error": "It was decided before, and is approved."}
    assert httpx.get(address).status_code == 409


def test_an_answer_by_a_form_and_by_json(orch, link):
    schema = {"type": "object", "required": ["budget"]}
    for number, asked in enumerate(("form", "json")):
        gate, address = link("how much?", kind="input", schema=schema)
        assert httpx.get(address, headers=JSON).json()["decisions"] == ["answer", "reject"]
        assert httpx.post(address, data={}).status_code == 422
        assert httpx.post(address, data={"decision": "answer", "payload": "{"}).status_code == 422
        assert httpx.post(address, json={"decision": "answer", "payload": {}}).status_code == 422
        assert httpx.post(address, json=["answer"]).status_code == 422
        assert httpx.post(address, json={"decision": ["x"]}).status_code == 422
        assert httpx.post(address, json={"decision": "approve"}).status_code == 422
        if asked == "form":
            said = {"data": {"decision": "answer", "payload": '{"budget": 0}'}}
        else:
            said = {"json": {"decision": "answer", "payload": {"budget": number}}}
        assert httpx.post(address, **said).status_code == 200
        assert orch.gates.get(gate.gate_id).payload == {"budget": number}


def test_forged_links_say_nothing(orch, web, link):
    gate, address = link()
    other, elsewhere = link("other?", approver="eve")
    said, signature = address.rpartition("/")[2].split(".")
    _, foreign = elsewhere.rpartition("/")[2].split(".")
    forged = [
        f"{said}.{foreign}",
        f"{said}.",
        said,
        f"{said[:-2]}AA.{signature}",
        f"{said}.{signature[:-1]}",
        f"{said}.{signature}x",
        f"{said}.{signature}.x",
        "é.é",
        "x" * 50_000,
        "%00",
    ]
    answers = set()
    for wrong in forged:
        for call in (httpx.get, httpx.post):
            answer = call(f"{web.url}/decide/{wrong}", headers=JSON)
            assert answer.status_code in (400, 404), wrong[:100]
            if answer.status_code == 404:
                answers.add(answer.text)
    assert answers == {'{"error":"This link is not valid; ask for another."}'}
    for wrong in ("", "x", "\ud800", f"{said}.{foreign}"):
        with pytest.raises(LinkInvalidError):
            orch.gates.open_link(wrong)
    assert {it.status for it in orch.gates.list()} == {"open"}
    assert other.gate_id != gate.gate_id


def test_links_end(orch, link, cypher):
    gate, address = link(seconds=0.001)
    key = address.rpartition("/")[2]
    while httpx.get(address).status_code == 200:  # until the second is over
        pass
    assert httpx.post(address, data={"decision": "approve"}).status_code == 410
    with pytest.raises(LinkExpiredError):
        orch.gates.open_link(key)
    assert orch.gates.get(gate.gate_id).status == "open"
    gone, lost = link("gone?")
    cypher("MATCH (g:Gate {gate_id: $id}) DETACH DELETE g", id=gone.gate_id)
    assert httpx.get(lost).status_code == 410
    late, address = link("late?", expires_seconds=60)
    cypher("MATCH (g:Gate {gate_id: $id}) SET g.expires_at = datetime()", id=late.gate_id)
    assert httpx.post(address, data={"decision": "approve"}).status_code == 409
    assert orch.gates.get(late.gate_id).status == "expired"
    _, address = link("rotated?")
    orch.gates.rotate_links()
    assert httpx.get(address).status_code == 404
    _, address = link("anew?")
    assert httpx.get(address).status_code == 200


def test_whom_a_link_can_be_for(orch):
    gate = orch.gates.create("publish?", approvers=["grace"])
    with pytest.raises(NotApproverError):
        orch.gates.link(gate.gate_id, "eve")
    with pytest.raises(GateNotFoundError):
        orch.gates.link("none", "grace")
    for wrong in (0, -1, float("nan"), "soon"):
        with pytest.raises(ValidationError):
            orch.gates.link(gate.gate_id, "grace", wrong)
    orch.gates.decide(gate.gate_id, "reject", by="grace")
    with pytest.raises(GateClosedError):
        orch.gates.link(gate.gate_id, "grace")


def test_other_pages_cannot_send_the_form(orch, link):
    gate, address = link()
    for origin in ("https://evil.example", "null", "http://localhost.evil.example"):
        sent = httpx.post(address, data={"decision": "approve"}, headers={"origin": origin})
        assert sent.status_code == 403
    big = httpx.post(address, content=b"comment=" + b"x" * 70_000)
    assert big.status_code == 413
    assert orch.gates.get(gate.gate_id).status == "open"


def test_names_with_odd_characters(orch, link):
    gate, address = link(ODD, approver=ODD, approvers=[ODD])
    assert re.fullmatch(r"http://127\.0\.0\.1:\d+/decide/[\w-]+\.[\w-]+", address)
    page = httpx.get(address)
    assert "<script>" not in page.text
    assert httpx.post(address, data={"decision": "approve"}).status_code == 200
    assert orch.gates.get(gate.gate_id).decided_by == ODD


def test_two_who_decide_at_once_by_links(orch, link):
    gate, address = link(approvers=["grace", "eve"])
    other = orch.gates.link(gate.gate_id, "eve", url=address.partition("/decide/")[0])

    def decide(number):
        said = {"decision": ("approve", "reject")[number % 2]}
        return number % 2, httpx.post((address, other)[number % 2], data=said).status_code

    with ThreadPoolExecutor(8) as pool:
        answers = list(pool.map(decide, range(16)))
    found = orch.gates.get(gate.gate_id)
    side = 0 if found.status == "approved" else 1
    assert found.decided_by == ("grace", "eve")[side]
    assert {number for number, status in answers if status == 200} == {side}


def test_off_loopback_the_page_may_send_its_own_form(orch, server):
    gate = orch.gates.create("publish?")
    with http_server(server, "--host", "0.0.0.0", GRAPH_ORCH_MCP_TOKEN="a-token") as web:
        url = web.url.replace("0.0.0.0", "127.0.0.1")
        address = orch.gates.link(gate.gate_id, "grace", url=url)
        named = {"host": "orch.example", "origin": "https://orch.example"}
        foreign = named | {"origin": "https://evil.example"}
        said = {"decision": "approve"}
        assert httpx.post(address, data=said, headers=foreign).status_code == 403
        assert httpx.post(address, data=said, headers=named).status_code == 200


def test_reading_only_serves_no_links(orch, server):
    gate = orch.gates.create("publish?")
    with http_server(server, "--read-only") as web:
        address = orch.gates.link(gate.gate_id, "grace", url=web.url)
        assert httpx.post(address, data={"decision": "approve"}).status_code == 404


def test_links_by_the_command_line(orch, server, web):
    gate = orch.gates.create("publish?")
    cli = Cli(*server)
    address = cli("gate", "link", gate.gate_id, "grace", "--url", web.url).stdout.strip()
    assert httpx.get(address).status_code == 200
    cli("gate", "rotate-links")
    assert httpx.get(address).status_code == 404
    cli("gate", "link", "none", "grace", code=3)


def test_a_forged_link_is_refused_before_its_body_has_come(web, link):
    """Nobody reads what is sent by who has no link; of who has one it must be small."""
    _, address = link()
    host, port = web.url.removeprefix("http://").split(":")
    head = "POST {} HTTP/1.1\r\nHost: {}:{}\r\nContent-Length: 60000\r\n\r\ndecision="
    with socket.create_connection((host, int(port)), 60) as connection:
        connection.sendall(head.format("/decide/x.y", host, port).encode())
        assert connection.recv(100).startswith(b"HTTP/1.1 404")
    answer = httpx.post(address, content=b"x" * 70_000)
    assert (answer.status_code, "more than 65536 bytes" in answer.text) == (413, True)
    assert httpx.post(address, data={"decision": "approve"}).status_code == 200
