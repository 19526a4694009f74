"""What the dashboard's server lets in, says and refuses, without a browser."""

from __future__ import annotations

import html
import json
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest

from graph_orch import NewTask, Orchestrator
from graph_orch.serve.web.looks import SCREENS
from scripts.vendor import VENDOR, differing
from tests.browser.conftest import served
from tests.command_line import Cli
from tests.conftest import Server

HTML = {"accept": "text/html"}
TOOL = "/call/fail_task?action=cancel"


@pytest.fixture
def client(dashboard: str, wiped: None) -> Iterator[httpx.Client]:
    with httpx.Client(base_url=dashboard, timeout=60) as made:
        yield made


def test_each_list_says_the_same_as_json(client: httpx.Client, orch: Orchestrator) -> None:
    orch.tasks.create_task("x", "x")
    for screen in SCREENS:
        if "{" in screen.path or screen.path == "/events":
            continue
        by_suffix = client.get(screen.json_path)
        assert by_suffix.status_code == 200, screen.path
        by_header = client.get(screen.path, headers={"accept": "application/json"})
        assert by_suffix.json().keys() == by_header.json().keys()
        page = client.get(screen.path, headers=HTML)
        assert page.headers["content-type"].startswith("text/html")
    assert client.get("/tasks.json").json()["tasks"][0]["content"] == "x"


@pytest.mark.parametrize("name", ["a/b", "a.json", "a%2Fb", "é ß", "?a=b&c#d", "..a", "%"])
def test_names_of_any_form_have_a_page(client: httpx.Client, orch: Orchestrator, name: str) -> None:
    orch.agents.register_agent(name, [])
    (href,) = set(re.findall(r'href="(/agents/[^"]+)"', client.get("/agents", headers=HTML).text))
    for path, headers in ((href, {"accept": "application/json"}), (f"{href}.json", {})):
        answer = client.get(path, headers=headers)
        assert answer.status_code == 200, answer.text
        assert answer.json()["agent"]["agent_id"] == name


def test_every_answer_has_the_headers_that_keep_a_page_safe(client: httpx.Client) -> None:
    for path in ("/", "/tasks.json", "/login", "/tasks/nothing", TOOL):
        headers = client.get(path, headers=HTML).headers
        policy = headers["content-security-policy"]
        assert "default-src 'none'" in policy
        assert "script-src 'self'" in policy
        assert "unsafe" not in policy
        assert headers["x-content-type-options"] == "nosniff"
        assert headers["cache-control"] == "no-store"


@pytest.mark.parametrize(
    ("headers", "status"),
    [
        ({}, 403),
        ({"origin": "https://evil.example"}, 403),
        ({"origin": "null"}, 403),
        ({"sec-fetch-site": "cross-site"}, 403),
        ({"sec-fetch-site": "same-site"}, 403),
        ({"sec-fetch-site": "same-origin"}, 200),
        ({"origin": "OWN"}, 200),
        ({"origin": "http://127.0.0.1:1"}, 403),  # another server of this machine
        ({"origin": "OWN", "sec-fetch-site": "same-site"}, 403),
    ],
)
def test_a_change_comes_from_a_page_of_the_server(
    client: httpx.Client, orch: Orchestrator, headers: dict[str, str], status: int
) -> None:
    task_id = orch.tasks.create_task("x", "x")
    sent = {name: str(client.base_url) if it == "OWN" else it for name, it in headers.items()}
    answer = client.post(TOOL, data={"task_id": task_id, "action": "cancel"}, headers=sent)
    assert answer.status_code == status
    assert orch.tasks.get_task(task_id).status == ("cancelled" if status == 200 else "pending")


def test_the_same_form_sent_twice_has_its_effect_once(
    client: httpx.Client, orch: Orchestrator
) -> None:
    task_id = orch.tasks.create_task("x", "x")
    asked = client.get(f"{TOOL}&task_id={task_id}", headers=HTML).text
    fields = dict(re.findall(r'type="hidden" name="([^"]+)" value="([^"]*)"', asked))
    for _ in range(2):
        answer = client.post(TOOL, data=fields, headers={"origin": str(client.base_url)})
        assert answer.status_code == 200
    assert [it.type for it in orch.tasks.get_history(task_id)] == ["created", "cancelled"]


def test_a_program_calls_with_a_bearer_token_and_json(
    client: httpx.Client, orch: Orchestrator
) -> None:
    token = orch.tokens.create("ada", rights=["read", "create"])
    headers = {"authorization": f"Bearer {token.secret}", "accept": "application/json"}
    fields = {"content": "x", "task_type": "x", "requirements": ["a", "b"], "max_retries": 1}
    answer = client.post("/call/create_task", json=fields, headers=headers)
    assert answer.status_code == 200, answer.text
    (task_id,) = answer.json()["task_ids"]
    task = orch.tasks.get_task(task_id)
    assert (task.requirements, task.max_retries) == (["a", "b"], 1)
    refused = client.post(TOOL, json={"task_id": task_id, "action": "cancel"}, headers=headers)
    assert refused.status_code == 403
    assert client.get("/tasks.json").status_code == 401
    assert client.get("/tasks", headers=HTML).headers["location"] == "/login?back=%2Ftasks"


def test_without_a_token_only_the_way_in_is_open(client: httpx.Client, orch: Orchestrator) -> None:
    orch.tokens.create("ada", rights=["read"])
    for path in ("/login", "/static/page.js", "/static/vendor/htmx.min.js"):
        assert client.get(path).status_code == 200, path
    for path in (
        "/static/../tasks",
        "/static/%2e%2e/app.py",
        "/static/..%2f..%2fpage.py",
        "/static/nothing.js",
        "/login/x",
        "/loginx",
        "//login",
        "/events",
        "/metrics",
        "/call/create_task",
    ):
        assert client.get(path).status_code in (401, 404), path
    assert client.post("/call/create_task", data={"content": "x"}).status_code == 401


@pytest.mark.parametrize(
    "back", ["https://evil.example", "//evil.example", "/\\evil", "/\u200b.evil.example", "x", ""]
)
def test_the_way_back_stays_on_this_server(client: httpx.Client, back: str) -> None:
    page = client.get(TOOL, params={"back": back}, headers=HTML).text
    (href,) = re.findall(r'href="([^"]*)" data-close', page)
    assert href == "/"


def test_what_is_not_there_or_not_acceptable_is_said(client: httpx.Client) -> None:
    for path, status in (
        ("/tasks/nothing", 404),
        ("/agents/nobody", 404),
        ("/workflows/none", 404),
        ("/gates/none", 404),
        ("/triggers/none", 404),
        ("/webhooks/none", 404),
        ("/tasks?status=asleep", 422),
        ("/tasks?after=nonsense", 422),
        ("/tasks?created_after=yesterday", 422),
        ("/workflows?state=odd", 422),
        ("/gates?status=odd", 422),
        ("/events?pattern=%3A%3A", 422),
        ("/call/no_such_tool", 404),
        ("/call/query_tasks", 403),
        ("/nothing", 404),
    ):
        page = client.get(path, headers=HTML)
        assert page.status_code == status, path
        found = client.get(path, headers={"accept": "application/json"})
        assert found.status_code == status, path
        assert "Traceback" not in page.text + found.text
    assert client.get("/cypher?q=CREATE+(n)", headers=HTML).text.count('role="alert"') == 1


def test_secrets_are_for_administrators(client: httpx.Client, orch: Orchestrator) -> None:
    token = orch.tokens.create("grace", rights=["read", "create", "decide"])
    headers = {**HTML, "authorization": f"Bearer {token.secret}"}
    for path in ("/cypher?q=MATCH+(s:Secret)+RETURN+s", "/cypher.json?q=RETURN+1", "/doctor"):
        assert client.get(path, headers=headers).status_code == 403, path
    assert "/cypher" not in client.get("/", headers=headers).text


def test_another_site_makes_nobody_run_a_question(client: httpx.Client) -> None:
    ask = "/cypher.json?q=RETURN+1+AS+one"
    assert client.get(ask).json()["rows"] == [[1]]
    from_elsewhere = client.get(ask, headers={"sec-fetch-site": "cross-site"})
    assert from_elsewhere.json()["rows"] == []
    many = client.get("/cypher.json?q=UNWIND+range(1,1000000)+AS+x+RETURN+x").json()
    assert (len(many["rows"]), many["has_more"]) == (500, True)


def test_a_form_says_nothing_that_nobody_filled_in(
    client: httpx.Client, orch: Orchestrator
) -> None:
    task_id = orch.tasks.create_task("x", "x", estimate={"tokens": 7}, priority="low")
    page = client.get(f"/call/update_task?task_id={task_id}", headers=HTML).text
    fields = dict(re.findall(r'name="([^"]+)"[^>]* value="([^"]*)"', page)) | {"priority": "high"}
    sent = {"origin": str(client.base_url)}
    assert client.post("/call/update_task", data=fields, headers=sent).status_code == 200
    task = orch.tasks.get_task(task_id)
    assert task.priority == "high"
    assert task.estimate is not None
    assert task.estimate.tokens == 7


def test_lists_and_hidden_characters_come_back_as_they_were(client: httpx.Client) -> None:
    odd = "a\u200bb\tc"
    asked = {"status": ["pending", "running"], "reason": f"\n{odd}"}
    page = html.unescape(client.get("/call/cancel_tasks", params=asked, headers=HTML).text)
    assert 'name="status" value="pending\nrunning"' in page
    assert f'name="reason" value="\n{odd}"' in page


@pytest.mark.parametrize(
    "schema",
    [
        {"type": "object", "properties": {"a": True}},
        {"type": "array", "items": {"type": "object"}},
        {"type": ["string", "null"]},
        {"enum": [1, None, "a"]},
        {},
    ],
)
def test_a_gate_with_any_schema_has_a_form(
    client: httpx.Client, orch: Orchestrator, schema: dict[str, Any]
) -> None:
    gate = orch.gates.create("What?", kind="input", schema=schema)
    page = client.get(f"/gates/{gate.gate_id}", headers=HTML)
    assert page.status_code == 200
    assert 'name="answer' in page.text


def test_a_server_that_only_reads_offers_no_change(server: Server, orch: Orchestrator) -> None:
    task_id = orch.tasks.create_task("x", "x")
    with (
        served(Cli(*server), "web", "--no-open", "--read-only") as url,
        httpx.Client(base_url=url, timeout=60) as client,
    ):
        assert "data-dialog" not in client.get(f"/tasks/{task_id}", headers=HTML).text
        answer = client.post(TOOL, data={"task_id": task_id}, headers={"origin": url})
        assert answer.status_code in (403, 404)
    assert orch.tasks.get_task(task_id).status == "pending"


def test_blank_filters_are_none_and_refused_ones_offer_nothing(client: httpx.Client) -> None:
    page = client.get("/tasks?task_type=a&text=%20%20", headers=HTML).text
    (offered,) = re.findall(r'href="/call/cancel_tasks\?([^"]*)"', page)
    assert httpx.QueryParams(html.unescape(offered)).keys() == {"back", "task_type"}
    page = client.get("/tasks?task_type=a&created_after=soon", headers=HTML).text
    assert "/call/cancel_tasks" not in page


def test_a_refused_pattern_asks_for_no_stream(client: httpx.Client) -> None:
    assert "data-stream" in client.get("/events?pattern=failed", headers=HTML).text
    assert "data-stream" not in client.get("/events?pattern=fail", headers=HTML).text


def test_one_server_serves_people_and_agents(server: Server, orch: Orchestrator) -> None:
    with served(Cli(*server), "serve") as url, httpx.Client(base_url=url, timeout=60) as client:
        assert client.get("/", headers=HTML).status_code == 200
        assert client.get("/.well-known/agent-card.json").status_code == 200
        assert client.get("/metrics").text.startswith("# ")
        opened = client.post("/mcp", json={"jsonrpc": "2.0", "id": 1, "method": "ping"})
        assert opened.status_code != 404


def test_a_stream_tells_changes_together(client: httpx.Client, orch: Orchestrator) -> None:
    with client.stream("GET", "/events?every_ms=250") as stream:
        lines = stream.iter_lines()
        next(lines)
        orch.tasks.create_tasks([NewTask(content="x", task_type="x") for _ in range(100)])
        told: list[str] = []
        while sum(int(it) for it in told) < 100:
            line = next(lines)
            if line.startswith("data: "):
                told.append(line.removeprefix("data: "))
        assert len(told) < 20


def test_the_libraries_are_those_that_were_fetched_and_few() -> None:
    assert differing() == []
    static = VENDOR.parent
    assert sum(it.stat().st_size for it in static.rglob("*") if it.is_file()) < 200_000
    assert json.loads((VENDOR / "versions.json").read_text()).keys() == {"htmx.org", "idiomorph"}
    for template in (Path(static).parent / "templates").glob("*.html"):
        text = template.read_text()
        assert not re.search(r"<script(?![^>]* src=)|\son\w+=|\sstyle=|javascript:", text), template
        assert "| safe" not in text, template
