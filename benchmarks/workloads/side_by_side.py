"""Throughput: whole lives of tasks beside other queues, in turn, on the same cores."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import asdict

from benchmarks.measure import Ratio
from benchmarks.peers import Lifecycle, Peer, peers, unavailable
from benchmarks.plan import Plan
from benchmarks.results import Results
from benchmarks.store import Store
from benchmarks.workloads import lifecycle

WORKERS = 16
BATCH = 50
PREFETCH = 800
ENOUGH = 10_000
"""Tasks a second that are enough, whatever the bare driver comes to."""
WARM_UPS = 15
"""The JVM compiles what it runs often; the others come compiled, and are warmed up once."""
Run = Callable[[], Lifecycle]


def claims(store: Store, plan: Plan, results: Results, return_1_rate: float) -> None:
    """Claims of one task each, by many workers, all on one lane."""
    rates: list[float] = []
    for number in range(plan.rounds + 1):
        store.wipe()
        rate, twice = lifecycle.claims_on_one_lane(store, plan.single_tasks * 2, WORKERS)
        if twice:
            raise RuntimeError(f"{twice} tasks were given out twice")
        if number:  # the first is to warm up
            rates.append(rate)
    results.runs.append({"claims a second by 16 workers on one lane": rates})
    scaled = Ratio.of([rate * 1_600 / return_1_rate for rate in rates])
    results.at_least("claims, 16 workers on one lane", scaled, "/s at 1,600 RETURN 1/s", 800)


def lives(store: Store, plan: Plan, results: Results) -> None:
    """Create, hand out, start, complete: one by one, through a worker, in batches."""
    for workers in plan.workers:
        _lives(store, plan, results, workers)


def _lives(store: Store, plan: Plan, results: Results, workers: int) -> None:
    for name, why in unavailable().items():
        print(f"{name} is left out: {why}", flush=True)
    others = {peer.name: peer for peer in peers()}
    rates: dict[str, list[float]] = {}
    for peer in others.values():
        peer.start()
    try:
        for run in _theirs(plan, others, workers).values():
            run()
        for _ in range(WARM_UPS):
            for run in _ours(store, plan, workers).values():
                run()
        for number in range(plan.rounds):
            for name, run in (_ours(store, plan, workers) | _theirs(plan, others, workers)).items():
                life = run()
                rates.setdefault(name, []).append(life.tasks_per_second)
                results.runs.append(
                    {"round": number, "what": name, "workers": workers} | asdict(life)
                )
                print(f"  {name}: {life.tasks_per_second:.0f} tasks/s", flush=True)
    finally:
        for peer in others.values():
            peer.stop()
    _judge(rates, results, workers)


def _ours(store: Store, plan: Plan, workers: int) -> dict[str, Run]:
    def clean(run: Run) -> Run:
        def cleaned() -> Lifecycle:
            store.wipe()
            found = run()
            if not (report := store.orch.doctor()).is_sound:
                raise RuntimeError(f"the graph is not sound: {report.findings[:3]}")
            return found

        return cleaned

    single, batch = plan.single_tasks, plan.batch_tasks
    return {
        "ours, one by one": clean(lambda: lifecycle.one_by_one(store, single, workers)),
        "ours, batches": clean(lambda: lifecycle.in_batches(store, batch, workers, BATCH)),
        "ours, Worker": clean(lambda: lifecycle.through_worker(store, batch, workers, PREFETCH)),
    }


def _theirs(plan: Plan, others: dict[str, Peer], workers: int) -> dict[str, Run]:
    found: dict[str, Run] = {}
    for name, peer in others.items():
        found[f"{name}, one by one"] = lambda it=peer: it.lifecycle(plan.single_tasks, workers)
        if peer.batches:
            tasks = plan.single_tasks if name == "procrastinate" else plan.batch_tasks
            found[f"{name}, batches"] = lambda it=peer, n=tasks: it.lifecycle(n, workers, BATCH)
    return found


def _judge(rates: dict[str, list[float]], results: Results, workers: int) -> None:
    """The targets are for 16 workers."""

    def beside(ours: str, theirs: str, least: float | None) -> None:
        if theirs not in rates:
            return
        pairs = zip(rates[f"ours, {ours}"], rates[theirs], strict=True)
        ratio = Ratio.of([mine / other for mine, other in pairs])
        what = f"lifecycle {ours}, {workers} workers, beside {theirs}"
        results.at_least(what, ratio, "×", least if workers == WORKERS else None)

    beside("one by one", "procrastinate, one by one", 1.3)
    beside("one by one", "PgQueuer, one by one", None)
    beside("one by one", "Celery + Redis, one by one", None)
    beside("one by one", "psycopg SKIP LOCKED, one by one", None)
    beside("Worker", "procrastinate, one by one", 8)
    beside("Worker", "Celery + Redis, one by one", 4)
    beside("batches", "procrastinate, batches", 10)
    beside("batches", "PgQueuer, batches", None)
    beside("batches", "psycopg SKIP LOCKED, batches", 0.2)


def creation(store: Store, plan: Plan, results: Results) -> None:
    """Batches of 1,000, beside the bare driver sending the same statement with the same rows."""
    rates: list[float] = []
    shares: list[float] = []
    for _ in range(plan.rounds):
        store.wipe()
        ours, bare = lifecycle.creates(store, 10_000)
        rates.append(ours)
        shares.append(ours / bare)
    results.runs.append({"created a second, in batches of 1,000": rates})
    rate = Ratio.of(rates)
    quick = rate.value >= ENOUGH  # one of the two is asked for
    results.at_least("create in batches of 1,000", rate, "tasks/s", ENOUGH if quick else None)
    share, what = Ratio.of(shares), "create in batches of 1,000, same statement"
    results.at_least(what, share, "× the driver", None if quick else 0.5)
