"""What the dashboard's screens ask for is bounded, whatever there is."""

from __future__ import annotations

from typing import Any
from urllib.parse import urlencode

import pytest
from starlette.requests import Request

from graph_orch import AsyncOrchestrator, NewTask
from graph_orch.serve.web.asked import Asked
from graph_orch.serve.web.looks import crew, log, queue, store
from graph_orch.telemetry import Meter


def asking(orch: AsyncOrchestrator, key: str = "", **parameters: str) -> Asked:
    scope: dict[str, Any] = {
        "type": "http",
        "query_string": urlencode(parameters).encode(),
        "path_params": {"key": key},
        "headers": [],
    }
    return Asked(orch, Meter(orch), Request(scope))


async def many(orch: AsyncOrchestrator, number: int, task_type: str = "x") -> list[str]:
    made = [NewTask(content="x", task_type=task_type) for _ in range(number)]
    return await orch.tasks.create_tasks(made)


async def test_a_large_store_is_examined_when_somebody_asks(
    async_orch: AsyncOrchestrator, monkeypatch: pytest.MonkeyPatch
) -> None:
    await many(async_orch, 3)
    assert (await store.doctor(asking(async_orch)))["report"] is not None
    monkeypatch.setattr(store, "MOST_EXAMINED", 2)
    seen = await store.doctor(asking(async_orch))
    assert (seen["report"], seen["task_count"]) == (None, 3)
    assert (await store.doctor(asking(async_orch, run="yes")))["report"] is not None


async def test_what_an_agent_alone_can_do_is_counted_among_few_tasks(
    async_orch: AsyncOrchestrator, monkeypatch: pytest.MonkeyPatch
) -> None:
    await async_orch.agents.register_agent("ada", [])
    await many(async_orch, 3)
    assert (await crew.agent(asking(async_orch, "ada")))["only_it_count"] == 3
    monkeypatch.setattr(crew, "MOST_PENDING", 2)
    assert (await crew.agent(asking(async_orch, "ada")))["only_it_count"] is None


async def test_those_that_wait_for_a_task_are_counted_up_to_a_limit(
    async_orch: AsyncOrchestrator, monkeypatch: pytest.MonkeyPatch
) -> None:
    root = await async_orch.tasks.create_task("x", "x")
    after = [NewTask(content="x", task_type="x", dependencies=[root]) for _ in range(9)]
    await async_orch.tasks.create_tasks(after)
    seen = await queue.task(asking(async_orch, root))
    assert (seen["affected_count"], seen["are_all_counted"]) == (9, True)
    monkeypatch.setattr(queue, "MOST_AFTER", 5)
    seen = await queue.task(asking(async_orch, root))
    assert (seen["affected_count"], seen["are_all_counted"]) == (5, False)


@pytest.fixture
def asked_back(async_orch: AsyncOrchestrator, monkeypatch: pytest.MonkeyPatch) -> list[int]:
    """How far back from the end of the log each read of it begins."""
    found: list[int] = []
    read = async_orch.events.read

    async def reading(after: int, **more: Any) -> Any:
        found.append(await async_orch.events.end() - after)
        return await read(after, **more)

    monkeypatch.setattr(async_orch.events, "read", reading)
    return found


async def test_the_latest_events_are_read_from_the_end_of_the_log(
    async_orch: AsyncOrchestrator, asked_back: list[int]
) -> None:
    await many(async_orch, 30, "rare")
    await many(async_orch, 500)
    seen = await log.events(asking(async_orch))
    assert (len(seen["events"]), asked_back) == (log.ROWS, [100])
    places = [it.position for it in seen["events"]]
    assert places == sorted(places, reverse=True)
    asked_back.clear()
    seen = await log.events(asking(async_orch, pattern="created:rare"))
    assert (len(seen["events"]), asked_back) == (30, [100, 400, 530])


async def test_the_agents_page_tells_the_first_and_the_overview_the_busiest(
    async_orch: AsyncOrchestrator, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("ada", "bob", "eve"):
        await async_orch.agents.register_agent(name, ["x", name], max_concurrent_tasks=2)
    (task_id,) = await many(async_orch, 1)
    await async_orch.tasks.assign_task(task_id, "eve")
    monkeypatch.setattr(crew, "MOST_AGENTS", 2)
    seen = await crew.agents(asking(async_orch))
    assert [it.agent_id for it in seen["agents"]] == ["ada", "bob"]
    assert (seen["is_more"], seen["agent_count"], seen["skill_count"]) == (True, 3, 4)
    assert seen["skills"][0] == {"name": "x", "holders": 3}
    seen = await crew.agents(asking(async_orch, q="EVE"))
    assert ([it.agent_id for it in seen["agents"]], seen["is_more"]) == (["eve"], False)
    seen = await queue.overview(asking(async_orch))
    assert (seen["agents"][0].agent_id, seen["agent_count"]) == ("eve", 3)
    assert (seen["held"], seen["slots"]) == (1, 6)
