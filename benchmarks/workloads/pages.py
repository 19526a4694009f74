"""The dashboard: each of its screens, whole, beside a bare page of the same size."""

from __future__ import annotations

from urllib.parse import quote

from playwright.sync_api import sync_playwright

from benchmarks import seed
from benchmarks.measure import Operation, Ratio, Series, interleaved, ratios
from benchmarks.peers.dashboard import Site, bare_page, dashboard
from benchmarks.peers.debian import browser
from benchmarks.plan import Plan
from benchmarks.results import Results
from benchmarks.store import Store
from graph_orch import NewTask
from graph_orch.serve.web.looks import SCREENS

TYPES = 8
SKILLS, SKILLS_EACH = 40, 5
MOST_SECONDS, MOST_BARE_PAGES = 0.5, 250
"""What a screen may take at `JUDGED` tasks: seconds, and bare pages of the same size."""
JUDGED = 100_000
FLOWS = (100, 1_000)
MOST_AGENTS, MOST_FOLLOWERS = 10_000, 100_000
CALLS = 3
SEEN = ("/", "/tasks")
MOST_PAINT_SECONDS = 0.3
PAINTED = "performance.getEntriesByName('first-contentful-paint')"
BARE = "bare page beside "


def pages(store: Store, plan: Plan, results: Results) -> None:
    """Every screen, keyed pages and filters, at growing numbers of tasks, agents and events."""
    for number in plan.pages:
        store.wipe()
        paths = fill(store, number)
        store.settle()
        with dashboard(store) as site, bare_page() as bare:
            measured = interleaved(
                _operations(site, bare, paths),
                rounds=plan.rounds,
                calls=CALLS,
                warm_up=2,  # the first plans the statements
            )
            results.keep(f"{number:,} tasks", measured)
            _judge(number, measured, results)
            _see(site, number, plan, results)
    store.wipe()


def _operations(site: Site, bare: Site, paths: list[str]) -> dict[str, Operation]:
    found: dict[str, Operation] = {}
    for path in paths:
        size = site.get(path)
        found[path] = Operation(lambda _, path=path: site.get(path))
        found[BARE + path] = Operation(lambda _, size=size: bare.get(f"/{size}"))
    return found


def _judge(number: int, measured: dict[str, Series], results: Results) -> None:
    """The slowest screen of this store, in seconds and in bare pages."""
    screens = {path: it for path, it in measured.items() if not path.startswith(BARE)}
    is_judged = number == JUDGED
    slowest = max(screens, key=lambda path: screens[path].p50)
    seconds = Ratio.of([it / 1_000 for it in screens[slowest].medians()])
    what = f"the slowest screen, {number:,} tasks"
    results.at_most(f"{what} ({slowest})", seconds, "s", MOST_SECONDS if is_judged else None)
    beside = {path: Ratio.of(ratios(it, measured[BARE + path])) for path, it in screens.items()}
    slowest = max(beside, key=lambda path: beside[path].value)
    most = MOST_BARE_PAGES if is_judged else None
    results.at_most(f"{what} ({slowest}), beside it", beside[slowest], "× a bare page", most)


def _see(site: Site, number: int, plan: Plan, results: Results) -> None:
    """When a browser that has kept nothing paints something."""
    path = browser()
    if path is None:
        print("  no first paint is measured: there is no chromium", flush=True)
        return
    with sync_playwright() as playwright:
        running = playwright.chromium.launch(executable_path=path, args=["--no-sandbox"])
        seconds: dict[str, list[float]] = {seen: [] for seen in SEEN}
        for seen in [*SEEN, *SEEN * plan.rounds]:  # the first of each starts what draws
            page = running.new_context().new_page()
            page.goto(site.url + seen)
            page.wait_for_function(f"{PAINTED}.length")
            seconds[seen].append(page.evaluate(f"{PAINTED}[0].startTime") / 1_000)
            page.context.close()
        running.close()
    most = MOST_PAINT_SECONDS if number == JUDGED else None
    for seen, each in seconds.items():
        what = f"first paint of {seen}, {number:,} tasks"
        results.at_most(what, Ratio.of(each[1:]), "s", most)


def fill(store: Store, number: int) -> list[str]:
    """A store of so many tasks of all kinds, and the addresses of all that can be seen of it.

    Of the tasks three fifths are completed, a tenth has failed or was cancelled, a fifth is ready,
    and a tenth waits for one task. Beside these there are workflows of 100 and 1,000 tasks, an
    agent for each hundred tasks, and some of each thing that a screen lists.
    """
    orch = store.orch
    keys = seed.skills(store, SKILLS)
    others = min(max(10, number // 100), MOST_AGENTS)
    seed.agents(store, [f"agent-{n:05}" for n in range(others)], keys, SKILLS_EACH)
    shares = {"completed": 0.6, "failed": 0.05, "cancelled": 0.05, "pending": 0.2}
    for status, share in shares.items():
        for kind in range(TYPES):
            seed.backlog(store, _template(store, keys, kind, status), int(number * share / TYPES))
    held = [_held(store, keys, kind) for kind in range(TYPES)]
    followers = min(number // 10, MOST_FOLLOWERS)
    root = orch.tasks.create_task("The first of many", "root")
    for first in range(0, followers, 10_000):
        orch.tasks.create_tasks(
            NewTask(content="x", task_type="follower", dependencies=[root])
            for _ in range(first, min(first + 10_000, followers))
        )
    for size in FLOWS:
        orch.workflows.start(f"of {size}", _layers(size), workflow_id=f"of-{size}")
    gate = orch.gates.create("Go on?").gate_id
    orch.tasks.create_task("After the gate", "gated", gates=[gate])
    orch.schedules.put("daily", "0 7 * * *", {"content": "x", "task_type": "x"})
    orch.webhooks.put("hook", "https://example.com/hook", "failed:never")
    orch.triggers.put("trigger", "failed:never", create={"content": "x", "task_type": "x"})
    orch.tasks.query_tasks({"text": "word-1"}, limit=1)  # brings the index of words up to date
    orch.events.end()  # gives all events their places
    return [*_listed(), *_keyed(root, held[0], gate), *_filtered(store, keys)]


def _template(store: Store, keys: list[str], kind: int, status: str) -> str:
    """A task that reached a status by an agent's work, to be copied; its id."""
    tasks = store.orch.tasks
    store.orch.agents.register_agent(f"own-{kind}", [keys[kind]], max_concurrent_tasks=1_000)
    content = f"The {status} one of word-{kind}"
    priority = ("high", "medium", "low")[kind % 3]
    made = tasks.create_task(content, f"type-{kind}", requirements=[keys[kind]], priority=priority)
    if status in ("completed", "failed"):
        tasks.assign_task(made, f"own-{kind}")
        tasks.start_task(made)
    if status == "completed":
        tasks.complete_task(made, {"pages": 3})
    elif status == "failed":
        tasks.fail_task(made, "It could not be done", should_retry=False)
    elif status == "cancelled":
        tasks.cancel_task(made)
    return made


def _held(store: Store, keys: list[str], kind: int) -> str:
    made = store.orch.tasks.create_task("x", f"type-{kind}", requirements=[keys[kind]])
    store.orch.tasks.assign_task(made, f"own-{kind}", lease_seconds=36_000)
    store.orch.tasks.start_task(made)
    return made


def _layers(size: int, wide: int = 10) -> list[NewTask]:
    """Tasks in layers, each of which waits for two of the layer before."""
    found: list[NewTask] = []
    for place in range(size):
        before = [it.task_id for it in found[max(0, place - wide - 1) : max(0, place - wide + 1)]]
        found.append(NewTask(content="x", task_type=f"layer-{place % 3}", dependencies=before))
    return found


def _listed() -> list[str]:
    return [it.path for it in SCREENS if it.is_listed]


def _keyed(root: str, held: str, gate: str) -> list[str]:
    flows = (f"/workflows/of-{size}" for size in FLOWS)
    return [f"/tasks/{root}", f"/tasks/{held}", *flows, "/agents/own-0", "/agents/agent-00001",
            f"/gates/{gate}", "/webhooks/hook", "/triggers/trigger"]  # fmt: skip


def _filtered(store: Store, keys: list[str]) -> list[str]:
    """The tasks under each filter, in both orders, and a later page."""
    page = store.orch.tasks.query_tasks(limit=1_000, newest_first=True)
    later = quote(page.next_cursor or "")
    chosen = (
        "status=pending",
        "status=completed",
        "status=failed",
        "task_type=type-1",
        "agent_id=own-1",
        f"requirement={keys[1]}",
        "workflow_id=of-1000",
        "priority=low",
        "priority=high&status=cancelled",
    )
    orders = [f"/tasks?{it}&order={order}" for it in chosen for order in ("newest", "oldest")]
    return [*orders, "/tasks?order=oldest", f"/tasks?after={later}", "/tasks?text=failed",
            "/tasks?text=word-1&status=pending", "/tasks?agent_id=nobody", "/tasks?text=nowhere",
            "/events?pattern=failed"]  # fmt: skip
