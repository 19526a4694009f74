"""Metrics: counters agree with the log, looks cost the same at any size, outputs say the same."""

from __future__ import annotations

import asyncio
import json
import os
import re
import shutil
import signal
import subprocess
import sys
from collections import Counter
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from urllib.parse import urlsplit

import httpx
import pytest
import yaml
from opentelemetry.sdk.metrics import MeterProvider
from opentelemetry.sdk.metrics.export import InMemoryMetricReader
from prometheus_client.openmetrics import parser as openmetrics
from prometheus_client.parser import text_string_to_metric_families
from starlette.applications import Starlette
from starlette.types import ASGIApp, Receive, Scope, Send

from graph_orch import AsyncOrchestrator, NewTask, TaskFailure, ValidationError, Worker
from graph_orch._async.graph import AsyncGraph
from graph_orch.domain.measures import MOST_TYPES, OTHER
from graph_orch.serve import metrics
from graph_orch.serve.principals import Principal
from graph_orch.telemetry import Meter, meter, otel
from graph_orch.telemetry.measures import BEHIND, EVENTS, MEASURES, STORE_UP, Kind
from graph_orch.testing.clock import advance
from tests.faults.proxy import Proxy
from tests.mcp_client import environment, http_server
from tests.waiting import eventually

MONITORING = Path(__file__).resolve().parents[2] / "docs" / "monitoring"
HANGING = """
import time
from graph_orch import Orchestrator, Worker
worker = Worker(None, "hanging", [], 5)

@worker.task("hang")
def hang(ctx):
    time.sleep(600)

worker.run()
"""


@pytest.fixture(autouse=True)
def at_once(monkeypatch):
    """Each look is a new one."""
    monkeypatch.setattr(meter, "KEPT_SECONDS", 0.0)


@pytest.fixture
def asked(monkeypatch) -> list[str]:
    """The names of the statements that are sent."""
    names: list[str] = []
    send = AsyncGraph._auto_commit

    async def noted(self, it, params, mode):
        names.append(it.name)
        return await send(self, it, params, mode)

    monkeypatch.setattr(AsyncGraph, "_auto_commit", noted)
    return names


@asynccontextmanager
async def scraping(
    it: Meter, principal: Principal | None = None
) -> AsyncIterator[httpx.AsyncClient]:
    """A client of the route, as whom the guard would have found."""
    inner = Starlette(routes=metrics.routes(it))

    async def app(scope: Scope, receive: Receive, send: Send) -> None:
        scope.setdefault("state", {})["principal"] = principal or Principal()
        await inner(scope, receive, send)

    given: ASGIApp = app
    async with httpx.AsyncClient(
        transport=httpx.ASGITransport(given), base_url="http://x"
    ) as client:
        yield client


async def scraped(it: Meter) -> dict[tuple[str, frozenset], float]:
    """The values of a scrape, by the name of the series and its labels."""
    async with scraping(it) as client:
        answer = await client.get("/metrics")
    assert answer.status_code == 200, answer.text
    return {
        (sample.name, frozenset(sample.labels.items())): sample.value
        for family in text_string_to_metric_families(answer.text)
        for sample in family.samples
    }


def valued(values: dict, name: str, **labels: str) -> float | None:
    return values.get((f"graph_orch_{name}", frozenset(labels.items())))


def logged(orch, after: int = 0) -> Counter[tuple[str, str]]:
    """How many events of each type and task type the log has."""
    types = {it.task_id: it.task_type for it in orch.tasks.query_tasks(limit=10_000)}
    return Counter(
        (it.type, types[it.task_id]) for it in orch.events.subscribe(after, idle_seconds=0)
    )


def counters(values: dict) -> dict[tuple[str, str], float]:
    found: dict[tuple[str, str], float] = {}
    for (name, labels), value in values.items():
        if name == "graph_orch_task_events_total":
            by = dict(labels)
            found[by["event"], by["task_type"]] = value
    return found


def kill_a_worker_at_its_tasks(orch, server) -> None:
    env = os.environ | environment(server)
    with subprocess.Popen([sys.executable, "-c", HANGING], env=env) as process:
        begun = eventually(lambda: orch.tasks.get_queue_statistics().running_count == 3)
        process.send_signal(signal.SIGKILL)
    assert begun


async def test_counters_agree_with_the_log_after_a_burst_and_a_kill(orch, aorch, server):
    orch.tasks.create_task("before", "work")
    it = Meter(aorch)
    assert await it.look()
    begins = orch.events.end()
    orch.tasks.create_tasks(NewTask(content="x", task_type="hang") for _ in range(3))
    await asyncio.to_thread(kill_a_worker_at_its_tasks, orch, server)
    orch.tasks.create_tasks(
        NewTask(content=str(n), task_type=("work", "other work")[n % 2]) for n in range(300)
    )
    orch.tasks.cancel_task(orch.tasks.create_task("x", "work"))
    workers = [Worker(aorch, f"agent-{n}", [], 5) for n in range(3)]
    for worker in workers:

        @worker.task("*")
        async def work(ctx):
            if ctx.task.content == "7" or (ctx.attempt == 1 and ctx.task.content.endswith("1")):
                raise TaskFailure("as it was told")

    async def look() -> None:
        while True:
            await it.look()

    looking = asyncio.create_task(look())
    await asyncio.gather(*(worker.serve(until_idle=True) for worker in workers))
    await asyncio.to_thread(advance, orch, 61)  # the leases of the killed worker
    await asyncio.gather(*(worker.serve(until_idle=True) for worker in workers))
    looking.cancel()
    await asyncio.wait([looking])
    values = await scraped(it)
    assert counters(values) == logged(orch, begins)
    assert valued(values, "task_overdue_total", time="lease", task_type="hang") == 3
    assert valued(values, "task_events_total", event="failed", task_type="other work") == 1
    assert valued(values, "tasks", status="completed") == 303
    assert valued(values, "log_behind_events") == 0
    starts = sum(
        number for (type_, _), number in logged(orch, begins).items() if type_ == "started"
    )
    counts = [
        value for (name, _), value in values.items() if name.endswith("task_wait_seconds_count")
    ]
    runs = [value for (name, _), value in values.items() if name.endswith("task_run_seconds_count")]
    assert sum(counts) == sum(runs) == starts


async def test_a_look_asks_the_same_few_statements_at_any_size(orch, aorch, asked):
    it = Meter(aorch)
    await it.look()
    found: list[list[str]] = []
    for number in (10, 3_000):
        orch.tasks.create_tasks(NewTask(content="x", task_type="any") for _ in range(number))
        asked.clear()
        await it.look()
        while it.values[BEHIND][()]:
            await it.look()
        asked.clear()
        await it.look()
        found.append([*asked])
    assert found[0] == found[1]
    assert found[0] == ["upkeep/clock", "tasks/statistics", "monitor/gauges", "events/measured"]
    assert valued(await scraped(it), "task_events_total", event="created", task_type="any") == 3_010


async def test_one_look_counts_a_bounded_stretch_and_the_next_goes_on(
    orch, aorch, asked, monkeypatch
):
    monkeypatch.setattr(meter, "MOST_CALLS", 2)
    it = Meter(aorch)
    await it.look()
    orch.tasks.create_tasks(NewTask(content="x", task_type="any") for _ in range(4_500))
    asked.clear()
    await it.look()
    assert asked.count("events/measured") == 2
    for _ in range(5):
        await it.look()
    assert valued(await scraped(it), "task_events_total", event="created", task_type="any") == 4_500


async def test_task_types_stay_few(orch, aorch):
    it = Meter(aorch)
    await it.look()
    orch.tasks.create_tasks(NewTask(content="x", task_type=f"type {n:04}") for n in range(1_000))
    orch.tasks.create_task("x", 'odd "type\\')
    orch.tasks.create_tasks(NewTask(content="x", task_type="common") for _ in range(3))
    values = await scraped(it)
    labels = {dict(labels).get("task_type") for _, labels in values} - {None}
    assert len(labels) == MOST_TYPES + 1
    assert {"common", OTHER} <= labels
    assert sum(counters(values).values()) == 1_004


async def test_an_odd_name_of_a_type_is_escaped(orch, aorch):
    it = Meter(aorch)
    await it.look()
    orch.tasks.create_task("x", odd := 'odd "type\\ {}=')
    values = await scraped(it)
    assert valued(values, "task_events_total", event="created", task_type=odd) == 1


def bucket_of(values: dict, name: str, seconds: float) -> tuple[float, float]:
    """How many took no longer than a bound, and how many in all."""
    known = (
        valued(values, f"{name}_bucket", task_type="any", le=le) for le in (f"{seconds:g}", "+Inf")
    )
    return tuple(known)


async def test_waits_begin_when_a_task_is_ready_and_runs_when_it_is_started(orch, aorch, new_task):
    orch.agents.register_agent("ada", [], max_concurrent_tasks=9)
    it = Meter(aorch)
    await it.look()
    first = new_task()
    second = new_task(dependencies=[first])
    later = new_task("x", "later", available_at=None)
    advance(orch, 300)
    orch.tasks.assign_task(first, "ada")
    orch.tasks.start_task(first)  # it waited for 300 s
    advance(orch, 20)
    orch.tasks.complete_task(first)  # it ran for 20 s
    orch.tasks.assign_task(second, "ada")
    orch.tasks.start_task(second)  # it was ready just now
    advance(orch, 3_000)
    orch.tasks.fail_task(second, "x", retry_after=100)
    advance(orch, 1_100)  # of these it is held back for 100 s
    orch.tasks.assign_task(second, "ada")
    orch.tasks.start_task(second)
    values = await scraped(it)
    assert bucket_of(values, "task_wait_seconds", 250) == (1, 3)
    assert bucket_of(values, "task_wait_seconds", 500) == (2, 3)
    assert 1_300 <= valued(values, "task_wait_seconds_sum", task_type="any") < 1_400
    assert bucket_of(values, "task_run_seconds", 10) == (0, 2)
    assert bucket_of(values, "task_run_seconds", 2_500) == (1, 2)
    assert 3_020 <= valued(values, "task_run_seconds_sum", task_type="any") < 3_120
    assert orch.tasks.get_task_status(later).status == "pending"
    assert valued(values, "oldest_ready_age_seconds") >= 4_420


async def test_gauges_say_how_things_stand(orch, aorch, running, new_task):
    orch.agents.register_agent("ada", ["x"], max_concurrent_tasks=3)
    orch.agents.register_agent("full", [], max_concurrent_tasks=1)
    running("full")
    orch.tasks.set_concurrency_limit("k", 2)
    orch.tasks.assign_task(new_task(requirements=["x"], concurrency_key="k"), "ada")
    orch.budgets.set("agent:ada", {"tokens": 1_000, "tries": 4})
    held = new_task(requirements=["x"], estimate={"tokens": 250})
    orch.tasks.assign_task(held, "ada")
    orch.tasks.start_task(held)
    orch.tasks.complete_task(held, metrics={"tokens": 500})
    new_task(requirements=["x"], gates=[orch.gates.create("?").gate_id])
    beat = {"worker_id": "w", "hostname": "x", "pid": 1, "concurrency": 1, "beat_seconds": 60.0}
    orch.graph.write("workers/beat", agent_id="ada", task_types=None, **beat)
    values = await scraped(Meter(aorch))
    told = {
        "store_up": 1,
        "agents": 2,
        "agents_saturated": 1,
        "agent_slots": 4,
        "agent_slots_held": 2,
        "workers": 1,
        "gates_open": 1,
        "gates_waiting_tasks": 1,
    }
    assert {name: valued(values, name) for name in told} == told
    by_status = {
        "ready": 0,
        "blocked": 1,
        "delayed": 0,
        "assigned": 1,
        "running": 1,
        "completed": 1,
    }
    for status, number in by_status.items():
        assert valued(values, "tasks", status=status) == number, status
    for amount, share in (("tokens", 0.5), ("tries", 0.25)):
        assert valued(values, "budget_spent_ratio", owner="agent:ada", amount=amount) == share
    assert valued(values, "limit_held", key="k") == 1
    assert valued(values, "limit_max", key="k") == 2
    assert 0 < valued(values, "store_latency_seconds") < 60


async def test_the_last_hour_is_there_after_a_restart_and_counters_begin_anew(orch, aorch, running):
    orch.tasks.complete_task(running().task_id)
    advance(orch, 5_000)  # more than an hour ago
    for end in (orch.tasks.complete_task, orch.tasks.cancel_task):
        end(running().task_id)
    it = Meter(aorch)
    with pytest.raises(ValidationError, match="no multiple of 10"):
        it.recent(15)
    assert it.recent().upto is None
    assert counters(await scraped(it)) == {}
    for found in (it.recent(), it.recent(600)):
        sums = [sum(getattr(slot, name) for slot in found.slots) for name in ("created", "ended")]
        assert sums == [2, 2]
        assert (found.waits.number, found.runs.number) == (2, 2)
    assert found.step_seconds == 600


async def test_callers_at_the_same_time_share_a_look_that_is_kept(aorch, asked, monkeypatch):
    monkeypatch.setattr(meter, "KEPT_SECONDS", 3_600.0)
    it = Meter(aorch)
    assert all(await asyncio.gather(*(it.look() for _ in range(50))))
    await it.look()
    assert asked.count("monitor/gauges") == 1


async def test_a_caller_that_leaves_takes_nobody_elses_look_away(aorch):
    it = Meter(aorch)
    impatient, patient = (asyncio.create_task(it.look()) for _ in range(2))
    await asyncio.sleep(0)
    impatient.cancel()
    assert await patient
    assert impatient.cancelled()


async def test_without_the_store_a_scrape_tells_the_last_counters(
    orch, server, new_task, monkeypatch
):
    uri, auth, database = server
    at = urlsplit(uri)
    with Proxy(at.hostname, at.port) as proxy:
        through = f"bolt://127.0.0.1:{proxy.port}"
        async with AsyncOrchestrator.connect(through, auth, database) as away:
            it = Meter(away)
            monkeypatch.setattr(meter, "LOOK_SECONDS", 60.0)
            assert await it.look()
            new_task()
            assert await it.look()
            proxy.swallowing = True
            proxy.swallow_open()
            new_task()
            monkeypatch.setattr(meter, "LOOK_SECONDS", 0.5)
            values = await scraped(it)
            assert valued(values, "store_up") == 0
            assert counters(values) == {("created", "any"): 1}
            assert valued(values, "tasks", status="ready") is None  # nobody knows
            assert len(it.recent().slots) == 360
            proxy.swallowing = False
            monkeypatch.setattr(meter, "LOOK_SECONDS", 60.0)
            assert counters(await scraped(it)) == {("created", "any"): 2}


def test_who_may_not_read_gets_no_metrics_and_others_the_format_that_they_accept(orch, server):
    with http_server(server) as web:
        secrets = {
            right: orch.tokens.create(right, rights=[right]).secret for right in ("create", "read")
        }

        def get(right: str, **headers: str) -> httpx.Response:
            headers["authorization"] = f"Bearer {secrets.get(right)}"
            return httpx.get(f"{web.url}/metrics", headers=headers, timeout=60)

        assert get("nobody").status_code == 401
        refused = get("create")
        assert (refused.status_code, "needs the right read" in refused.text) == (403, True)
        plain, modern = (
            get("read"),
            get("read", accept="application/openmetrics-text;version=1.0.0"),
        )
        assert plain.headers["content-type"].startswith("text/plain; version=0.0.4")
        assert modern.headers["content-type"].startswith("application/openmetrics-text")
        assert plain.headers["cache-control"] == "no-store"
        told = {it.name for it in text_string_to_metric_families(plain.text)}
        assert told == {it.name for it in openmetrics.text_string_to_metric_families(modern.text)}
        assert len(told) == len(MEASURES)


async def test_opentelemetry_is_told_the_same_numbers(orch, aorch, running, new_task):
    orch.tasks.set_concurrency_limit("k", 2)
    new_task(concurrency_key="k")
    it, reader = Meter(aorch), InMemoryMetricReader()
    provider = MeterProvider([reader])
    otel.instrument(it, provider)
    await it.look()
    orch.tasks.complete_task(running().task_id)
    values = await scraped(it)
    found: dict[tuple[str, frozenset], float] = {}
    for scope in reader.get_metrics_data().resource_metrics[0].scope_metrics:
        for metric in scope.metrics:
            for point in metric.data.data_points:
                found[metric.name, frozenset(point.attributes.items())] = point.value
    provider.shutdown()
    names: dict[str, str] = {}
    for measure in MEASURES:
        of = f"graph_orch.{measure.name}"
        told = f"graph_orch_{measure.name}" + (f"_{measure.unit}" if measure.unit else "")
        match measure.kind:
            case Kind.GAUGE:
                names[told] = of
            case Kind.COUNTER:
                names[f"{told}_total"] = of
            case Kind.HISTOGRAM:
                names |= {f"{told}_{part}": f"{of}.{part}" for part in ("bucket", "count", "sum")}
    assert {(names[name], labels): value for (name, labels), value in values.items()} == found
    assert found["graph_orch.task_run.count", frozenset({("task_type", "any")})] == 1


SELECTOR = re.compile(r"(?<![\w.])(graph_orch_\w+)(?:\{(.*?)\})?")
LABEL = re.compile(r"(\w+)=~?\"")
FROM_THE_SERVER = {"instance"}
"""Labels that Prometheus gives to what it scrapes."""


def expressions() -> list[str]:
    """What the alerts and the dashboard ask Prometheus."""
    alerts = yaml.safe_load((MONITORING / "alerts.yaml").read_text(encoding="utf-8"))
    board = json.loads((MONITORING / "dashboard.json").read_text(encoding="utf-8"))
    targets = (target for panel in board["panels"] for target in panel["targets"])
    asked = (it.get("query", "") for it in board["templating"]["list"])
    rules = (rule for group in alerts["groups"] for rule in group["rules"])
    return [*(it["expr"] for it in (*rules, *targets)), *asked]


async def test_alerts_and_the_dashboard_ask_for_what_a_scrape_tells(orch, aorch, running, new_task):
    orch.agents.register_agent("ada", [])
    orch.budgets.set("agent:ada", {"tokens": 1})
    it = Meter(aorch)
    await it.look()
    orch.tasks.complete_task(running().task_id)
    orch.tasks.set_concurrency_limit("k", 1)
    orch.tasks.assign_task(new_task(), "ada", lease_seconds=60)
    advance(orch, 61)
    labels: dict[str, set[str]] = {}
    for name, found in await scraped(it):
        labels.setdefault(name, set(FROM_THE_SERVER)).update(dict(found))
    asked = [match for expression in expressions() for match in SELECTOR.findall(expression)]
    assert len(asked) > 40
    for name, selector in asked:
        assert name in labels
        assert set(LABEL.findall(selector)) <= labels[name], selector
    told = {re.sub("_(bucket|count|sum)$", "", name) for name in labels}
    seen = {re.sub("_(bucket|count|sum)$", "", name) for name, _ in asked}
    assert told - seen == {"graph_orch_agents", "graph_orch_gates_waiting_tasks"}


def test_alerts_are_rules_of_prometheus():
    alerts = yaml.safe_load((MONITORING / "alerts.yaml").read_text(encoding="utf-8"))
    for group in alerts["groups"]:
        for rule in group["rules"]:
            assert {"alert", "expr", "labels", "annotations"} <= rule.keys()
            assert rule.keys() <= {"alert", "expr", "for", "labels", "annotations"}
            assert rule["labels"]["severity"] in ("warning", "critical")
            assert rule["annotations"]["summary"]
            assert rule["expr"].count("(") == rule["expr"].count(")")


@pytest.mark.skipif(not shutil.which("promtool"), reason="promtool is not installed")
async def test_prometheus_accepts_names_alerts_and_what_the_dashboard_asks(aorch, tmp_path):
    def promtool(*args: str, given: str = "") -> None:
        command = ["promtool", "check", *args]
        done = subprocess.run(command, input=given, capture_output=True, text=True, check=False)
        assert (done.returncode, done.stderr) == (0, ""), done.stdout

    async with scraping(Meter(aorch)) as client:
        promtool("metrics", given=(await client.get("/metrics")).text)
    promtool("rules", str(MONITORING / "alerts.yaml"))
    queries = [
        it.replace("$__rate_interval", "5m") for it in expressions() if "label_values" not in it
    ]
    rules = [{"record": f"query_{at}", "expr": it} for at, it in enumerate(queries) if "(" in it]
    written = yaml.safe_dump({"groups": [{"name": "dashboard", "rules": rules}]})
    (tmp_path / "rules.yaml").write_text(written, encoding="utf-8")
    promtool("rules", str(tmp_path / "rules.yaml"))


async def test_a_meter_that_follows_looks_by_itself(orch, aorch, new_task):
    it = Meter(aorch)
    async with it.following(0.01):
        assert await asyncio.to_thread(eventually, lambda: it.values[STORE_UP][()])
        new_task()
        told = await asyncio.to_thread(eventually, lambda: it.values.get(EVENTS))
    assert told


async def test_counting_goes_on_where_the_log_is_shorter_than_it_was(aorch, wipe):
    """As after a restore of an older copy."""
    it = Meter(aorch)
    await it.look()
    await aorch.tasks.create_tasks([NewTask(content="x", task_type="x") for _ in range(5)])
    await eventually_counted(it, 5)
    await asyncio.to_thread(wipe)
    await it.look()
    await aorch.tasks.create_tasks([NewTask(content="x", task_type="x") for _ in range(3)])
    await eventually_counted(it, 8)


async def eventually_counted(it: Meter, number: int) -> None:
    """Look until so many created tasks are counted; events get their places by being read."""
    for _ in range(5):
        await it.look()
        if it.values.get(EVENTS, {}).get(("created", "x")) == number:
            return
    assert it.values[EVENTS] == number
