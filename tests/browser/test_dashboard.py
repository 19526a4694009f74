"""The dashboard in a real browser: each screen, what its buttons do, and that it is live."""

from __future__ import annotations

import re
from typing import Any

import httpx
import pytest
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Browser, Page, expect

from graph_orch import Completion, NewTask, Orchestrator, Task
from tests.browser.conftest import Open, Watched, served
from tests.command_line import Cli
from tests.conftest import Server

HOSTILE = '"><img src=x onerror="window.hit=1"><script>window.hit=1</script>{{7*7}}\u202e'
NAME = '<img src=x onerror="window.hit=1">'
"""As much of it as a name may hold."""
WIDE, NARROW = {"width": 1440, "height": 900}, {"width": 360, "height": 780}
axe = Axe()


@pytest.fixture
def lived(orch: Orchestrator) -> dict[str, str]:
    """Something of each kind, under names that would run as script; the keys of the pages."""
    for agent_id in (NAME, "ada/lovelace.json"):
        orch.agents.register_agent(agent_id, [NAME, "python"], metadata={"x": HOSTILE})
    gate = orch.gates.create(HOSTILE, kind="input", schema={"type": "object"})
    asked = orch.gates.create("Go on?")
    orch.gates.decide(asked.gate_id, "approve", by=NAME, comment=HOSTILE)
    first = NewTask(
        content=HOSTILE,
        task_type=NAME,
        requirements=[NAME],
        name=NAME,
        metadata={HOSTILE: HOSTILE},
        concurrency_key=NAME,
        fairness_key=NAME,
    )
    after = NewTask(content="x", task_type="x", dependencies=[first.task_id], gates=[gate.gate_id])
    flow = orch.workflows.start(NAME, [first, after], budget={"cost": "9"}, metadata={"x": HOSTILE})
    (claim,) = orch.tasks.claim_tasks(NAME, 1, start=True)
    orch.tasks.fail(claim, HOSTILE, traceback=HOSTILE)
    (claim,) = orch.tasks.claim_tasks(NAME, 1, start=True)
    orch.tasks.complete(claim, {HOSTILE: HOSTILE}, metrics={"x": HOSTILE})
    orch.schedules.put(NAME, "0 7 * * *", {"content": HOSTILE, "task_type": NAME})
    orch.subscriptions.put(NAME, "completed:*", where="attempt > 0")
    orch.webhooks.put("hook", "https://example.com/hook", "completed")
    orch.triggers.put("t" + NAME, "failed", create={"content": HOSTILE, "task_type": NAME})
    orch.teams.put("team", members=[NAME], name=NAME)
    orch.pauses.put(f"agent:{NAME}", reason=HOSTILE)
    orch.tasks.set_fairness_weight(NAME, 2)
    orch.tasks.set_rate_limit(NAME, 60)
    orch.tasks.create_task("Nobody can", "law", requirements=["law"])
    return {
        "tasks": first.task_id,
        "workflows": flow.workflow_id,
        "agents": NAME,
        "gates": gate.gate_id,
        "webhooks": "hook",
        "triggers": "t" + NAME,
    }


LISTS = (
    "/",
    "/tasks",
    "/tasks?text=img&order=oldest",
    "/workflows",
    "/agents",
    "/workers",
    "/gates",
    "/gates?status=approved",
    "/events",
    "/subscriptions",
    "/schedules",
    "/limits",
    "/cypher",
    "/cypher?q=MATCH+(n)+RETURN+n",
    "/doctor",
    "/login",
    "/call/fail_task?task_id=x&action=cancel",
    "/call/create_task",
    "/call/update_task",
)
KEYED = ("tasks", "workflows", "agents", "gates", "webhooks", "triggers")


@pytest.mark.parametrize("theme", ["light", "dark"])
def test_each_screen_is_quiet_accessible_and_shows_names_as_text(
    visit: Open, lived: dict[str, str], theme: str
) -> None:
    page = visit("/", viewport=WIDE, color_scheme=theme)
    wrong: list[str] = []
    for path in [*LISTS, *(f"/{it}/{quoted(lived[it])}" for it in KEYED)]:
        page.goto(address(page, path))
        assert page.title() != "", path
        found = axe.run(page).response["violations"]
        wrong += [f"{path}: {it['id']}: {it['nodes'][0]['html'][:200]}" for it in found]
        assert page.evaluate("window.hit") is None, path
        assert page.locator("img[onerror], svg[onload], script:not([src])").count() == 0, path
        for size in (NARROW, WIDE):
            page.set_viewport_size(size)
            if page.evaluate("document.documentElement.scrollWidth") > size["width"]:
                wrong.append(f"{path} is wider than {size['width']}")
    assert not wrong, "\n".join(wrong)


def test_an_empty_store_says_what_fills_each_screen(visit: Open, orch: Orchestrator) -> None:
    page = visit("/")
    for path in ("/", "/tasks", "/workflows", "/agents", "/workers", "/gates", "/schedules"):
        page.goto(address(page, path))
        command = page.locator(".empty code").first.inner_text()
        assert command.startswith("graph-orch "), path


def test_what_happens_is_seen_without_a_reload(
    visit: Open, orch: Orchestrator, running: Any
) -> None:
    task: Task = running(content="Write the report")
    page = visit(f"/tasks/{task.task_id}")
    expect(page.locator("h1 .status")).to_have_text("running")
    page.evaluate("window.mark = 1")
    orch.tasks.complete_task(task.task_id, {"pages": 3})
    expect(page.locator("h1 .status")).to_have_text("completed")
    expect(page.locator("#result ~ pre")).to_contain_text('"pages": 3')
    assert page.evaluate("window.mark") == 1


def test_a_thousand_changes_cost_few_looks_and_the_last_is_seen(
    visit: Open, orch: Orchestrator, watched: Watched
) -> None:
    orch.agents.register_agent("ada", [], max_concurrent_tasks=1_000)
    page = visit("/")
    looks: list[str] = []
    page.on("request", lambda it: looks.append(it.url))
    expect(page.locator("#live")).to_have_text("live")
    for _ in range(50):
        orch.tasks.create_tasks([NewTask(content="x", task_type="x") for _ in range(10)])
        claims = orch.tasks.claim_tasks("ada", 10, start=True)
        orch.tasks.complete_all([Completion(claim=it) for it in claims])
    figure = page.locator(".figure", has_text="Completed").locator("dd")
    expect(figure).to_contain_text("500")
    assert len(looks) < 200  # 1,500 events


def test_many_tabs_are_live_though_a_browser_opens_six_connections(
    browser: Browser, dashboard: str, orch: Orchestrator, watched: Watched
) -> None:
    context = browser.new_context()
    try:
        pages = [watched.watch(context.new_page()) for _ in range(8)]
        for page in pages:
            page.goto(f"{dashboard}/tasks")
        orch.tasks.create_task("The last one", "x")
        pages[-1].bring_to_front()
        expect(pages[-1].locator("tbody")).to_contain_text("The last one")
    finally:
        context.close()
    assert watched.said == []


def test_filters_are_in_the_address_and_back_undoes_them(visit: Open, orch: Orchestrator) -> None:
    orch.tasks.create_task("The red one", "paint")
    orch.tasks.create_task("The blue one", "print")
    page = visit("/tasks")
    rows = page.locator("tbody tr")
    expect(rows).to_have_count(2)
    page.get_by_label("Type").fill("paint")
    expect(rows).to_have_count(1)
    expect(page).to_have_url(re.compile("task_type=paint"))
    assert page.get_by_label("Type").input_value() == "paint"
    page.reload()
    expect(rows).to_have_count(1)
    page.go_back()
    expect(rows).to_have_count(2)


def test_the_log_is_followed_and_a_filter_that_is_half_typed_is_kept(
    visit: Open, orch: Orchestrator, watched: Watched
) -> None:
    page = visit("/events")
    expect(page.locator("#live")).to_have_text("live")
    orch.tasks.create_task("x", "paint")
    expect(page.locator("tbody tr")).to_have_count(1)
    pattern = page.get_by_label("Pattern")
    pattern.press_sequentially("complet")
    expect(page.get_by_role("alert")).to_be_visible()
    pattern.press_sequentially("ed:*")
    expect(page.locator(".empty")).to_be_visible()
    assert pattern.input_value() == "completed:*"
    # The browser complains of the status of refused filters.
    watched.said = [it for it in watched.said if "422" not in it]


def test_what_is_being_typed_survives_a_busy_queue(visit: Open, orch: Orchestrator) -> None:
    orch.tasks.create_task("x", "paint")
    page = visit("/tasks")
    expect(page.locator("#live")).to_have_text("live")
    field, wanted = page.get_by_label("Type"), "paint and a long word"
    for letter in wanted:
        field.press_sequentially(letter)
        orch.tasks.create_task("x", "noise")
    expect(page).to_have_url(re.compile("task_type=paint(%20|\\+)and.*word"))
    assert field.input_value() == wanted


def test_a_page_leads_to_the_next_until_the_last(visit: Open, orch: Orchestrator) -> None:
    orch.tasks.create_tasks([NewTask(content=f"n{n}", task_type="x") for n in range(120)])
    page = visit("/tasks")
    seen = set[str]()
    while True:
        seen |= set(page.locator("tbody td.wide").all_inner_texts())
        following = page.get_by_role("link", name="Next page")
        if not following.count():
            break
        following.click()
        page.wait_for_load_state()
    assert seen == {f"n{n}" for n in range(120)}


def test_a_task_is_cancelled_and_retried_after_a_question(visit: Open, orch: Orchestrator) -> None:
    task_id = orch.tasks.create_task("x", "x")
    page = visit(f"/tasks/{task_id}")
    press(page, "Cancel")
    expect(page.locator("dialog pre.code")).to_contain_text(f'task_id="{task_id}"')
    page.locator("dialog").get_by_role("link", name="Cancel").click()
    assert orch.tasks.get_task(task_id).status == "pending"
    press(page, "Cancel")
    confirm(page)
    expect(page.locator("h1 .status")).to_have_text("cancelled")
    assert orch.tasks.get_task(task_id).status == "cancelled"
    press(page, "Retry")
    confirm(page)
    expect(page.locator("h1 .status")).to_have_text("pending")


def test_what_a_tool_refuses_is_said_in_the_form(
    visit: Open, orch: Orchestrator, watched: Watched
) -> None:
    page = visit("/call/create_task")
    page.get_by_label("content").fill("x")
    page.get_by_label("dependencies").fill("no-such-task")
    page.get_by_role("button", name="Confirm").click()
    expect(page.get_by_role("alert")).to_contain_text("no-such-task")
    assert page.get_by_label("content").input_value() == "x"
    watched.said.clear()  # the browser complains of the answer's status


def test_a_recommendation_is_carried_out(visit: Open, orch: Orchestrator) -> None:
    orch.agents.register_agent("ada", [])
    first = orch.tasks.create_task("x", "x")
    orch.tasks.create_task("y", "y", dependencies=[first])
    (claim,) = orch.tasks.claim_tasks("ada", 1, start=True)
    orch.tasks.fail(claim, "no", should_retry=False)
    page = visit("/")
    row = page.locator(".advice li", has_text="blocked by failed")
    row.get_by_role("link", name="retry").click()
    confirm(page)
    expect(row).to_have_count(0)
    assert orch.tasks.get_task(first).status == "pending"


def test_a_gate_takes_an_answer_that_fits_its_schema_and_no_other(
    visit: Open, orch: Orchestrator, watched: Watched
) -> None:
    schema = {
        "type": "object",
        "properties": {
            "amount": {"type": "integer", "minimum": 1},
            "urgent": {"type": "boolean"},
            "for": {"type": "array", "items": {"type": "string"}},
            "note": {"type": "string", "maxLength": 3},
        },
        "required": ["amount"],
        "additionalProperties": False,
    }
    gate = orch.gates.create("How much?", kind="input", schema=schema)
    page = visit(f"/gates/{gate.gate_id}")
    page.get_by_label("amount").fill("3")
    page.get_by_label("note").fill("much too long")
    page.get_by_role("button", name="Answer").click()
    expect(page.get_by_role("alert")).to_contain_text("note")
    orch.tasks.create_task("x", "x")  # the page hears of it, and leaves the form as it is
    expect(page.locator("#live")).to_have_text("waits for your form")
    assert page.get_by_label("amount").input_value() == "3"
    watched.said.clear()  # the browser complains of the answer's status
    page.get_by_label("note").fill("yes")
    page.get_by_label("urgent").select_option("true")
    page.get_by_label("for", exact=True).fill("ada\nbob")
    page.get_by_role("button", name="Answer").click()
    expect(page.locator("h1 .status")).to_have_text("answered")
    decided = orch.gates.get(gate.gate_id)
    assert decided is not None
    assert decided.payload == {"amount": 3, "note": "yes", "urgent": True, "for": ["ada", "bob"]}


def test_without_a_script_links_and_forms_do_the_same(visit: Open, orch: Orchestrator) -> None:
    task_id = orch.tasks.create_task("x", "x")
    gate = orch.gates.create("Go on?")
    page = visit(f"/tasks/{task_id}", java_script_enabled=False)
    press(page, "Cancel")
    page.get_by_role("button", name="Confirm").click()
    page.get_by_role("link", name="Back").click()
    expect(page.locator("h1 .status")).to_have_text("cancelled")
    page.goto(address(page, f"/gates/{gate.gate_id}"))
    page.get_by_role("button", name="Reject").click()
    expect(page.locator("h1 .status")).to_have_text("rejected")


def test_a_large_workflow_is_grouped_and_a_click_unfolds(visit: Open, orch: Orchestrator) -> None:
    first = [NewTask(content="x", task_type="fetch") for _ in range(300)]
    last = NewTask(content="x", task_type="join", dependencies=[it.task_id for it in first])
    flow = orch.workflows.start("wide", [*first, last])
    page = visit(f"/workflows/{flow.workflow_id}")
    boxes = page.locator("svg .box")
    expect(boxes).to_have_count(2)
    page.locator("svg a", has_text="300 tasks").click()
    expect(boxes).to_have_count(301)


def test_a_page_finds_its_server_again(
    browser: Browser, server: Server, orch: Orchestrator
) -> None:
    page = browser.new_context().new_page()
    cli = Cli(*server)
    with served(cli, "web", "--no-open") as url:
        page.goto(f"{url}/tasks")
        expect(page.locator("#live")).to_have_text("live")
    state = page.locator("#live")
    expect(state).to_have_text("reconnecting", timeout=30_000)
    orch.tasks.create_task("Meanwhile", "x")
    port = url.rpartition(":")[2]
    with served(cli, "web", "--no-open", port=port):
        expect(state).to_have_text("live", timeout=60_000)
        expect(page.locator("tbody")).to_contain_text("Meanwhile")
    page.context.close()


def test_people_log_in_with_a_token_and_see_what_they_may_do(
    visit: Open, orch: Orchestrator, dashboard: str, watched: Watched
) -> None:
    task_id = orch.tasks.create_task("x", "x")
    reader = orch.tokens.create("grace", rights=["read"])
    page = visit(f"/tasks/{task_id}?x=1")
    expect(page).to_have_url(re.compile("/login"))
    page.get_by_label("Token").fill("wrong")
    page.get_by_role("button", name="Log in").click()
    expect(page.get_by_role("alert")).to_be_visible()
    watched.said.clear()  # the browser complains of the answer's status
    page.get_by_label("Token").fill(reader.secret)
    page.get_by_role("button", name="Log in").click()
    expect(page).to_have_url(f"{dashboard}/tasks/{task_id}?x=1")
    (cookie,) = page.context.cookies()
    assert cookie["httpOnly"]
    assert cookie["sameSite"] == "Strict"
    expect(page.get_by_role("link", name="Cancel")).to_have_count(0)
    expect(page.locator("#live")).to_have_text("live")
    orch.tokens.revoke(reader.token_id)
    page.reload()
    expect(page).to_have_url(re.compile("/login"))


def address(page: Page, path: str) -> str:
    return re.sub(r"^(https?://[^/]+).*", r"\1", page.url) + path


def quoted(key: str) -> str:
    return httpx.QueryParams({"k": key}).__str__()[2:].replace("+", "%20").replace(".", "%2E")


def press(page: Page, name: str) -> None:
    page.locator(".actions").get_by_role("link", name=name, exact=True).click()


def confirm(page: Page) -> None:
    """Say yes in the dialog, and close it."""
    page.get_by_role("button", name="Confirm").click()
    page.get_by_role("link", name="Back").click()
