"""Draw the pictures of docs/analysis from graphs that are the same each time.

Run: python -m scripts.draw_examples [DIRECTORY]
"""

from __future__ import annotations

import math
import random
import sys
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any
from uuid import UUID

import networkx as nx
from matplotlib import colormaps
from matplotlib.colors import to_rgb
from PIL import Image

from graph_orch import analysis
from graph_orch.analysis.pictures import marks

MOST_BYTES = 200_000
START = datetime(2026, 3, 2, 9, 0, tzinfo=UTC)
GUILDS: dict[str, tuple[str, ...]] = {
    "research": ("search", "reading", "citation", "survey"),
    "data": ("sql", "pandas", "cleaning", "statistics"),
    "code": ("python", "rust", "review", "testing"),
    "language": ("summary", "translation", "editing", "german"),
    "vision": ("images", "ocr", "charts", "layout"),
    "operations": ("deploy", "monitoring", "docker", "network"),
    "legal": ("contracts", "privacy", "licences", "compliance"),
    "finance": ("pricing", "forecast", "audit", "tax"),
}
NAMES = ("ada", "alan", "barbara", "claude", "donald", "edsger", "frances", "grace", "hedy")
STAGES = ("fetch", "clean", "analyse", "draft", "review", "publish")


def agents_graph(size: int, seed: int = 1) -> nx.DiGraph[Any]:
    """A graph of agents and skills, `size` nodes in all, as `snapshot(orch)` returns it."""
    rng = random.Random(seed)
    graph: nx.DiGraph[Any] = nx.DiGraph(kind="agents-skills", taken_at=START)
    guilds = list(GUILDS)[: max(2, min(8, size // 12))]
    skills = {guild: _skills(guild, size, len(guilds)) for guild in guilds}
    for keys in skills.values():
        for key in keys:
            graph.add_node(f"skill:{key}", label="Skill", key=key, name=key, bipartite=1)
    for number in range(size - graph.number_of_nodes()):
        guild = rng.choices(guilds, weights=[1 / (rank + 2) for rank in range(len(guilds))])[0]
        agent = NAMES[number] if size <= 10 else f"{guild}-{number:03}"
        _add_agent(graph, agent, rng)
        for key in sorted(_known(skills, guild, rng)):
            graph.add_edge(agent, f"skill:{key}", type="HAS_SKILL", confidence=rng.uniform(0.4, 1))
    return graph


def _skills(guild: str, size: int, guilds: int) -> list[str]:
    number = max(2, size // (guilds * 6))
    known = GUILDS[guild]
    return [known[at] if at < len(known) else f"{guild}-{at}" for at in range(number)]


def _add_agent(graph: nx.DiGraph[Any], agent: str, rng: random.Random) -> None:
    slots = rng.choice((2, 4, 8))
    graph.add_node(
        agent,
        label="Agent",
        agent_id=agent,
        bipartite=0,
        max_concurrent_tasks=slots,
        active_tasks=rng.randint(0, slots),
        success_rate=round(rng.uniform(0.7, 1), 3),
        registered_at=START,
    )


def _known(skills: dict[str, list[str]], guild: str, rng: random.Random) -> set[str]:
    own = skills[guild]
    known = set(rng.choices(own, weights=[1 / (at + 1) for at in range(len(own))], k=3))
    if rng.random() < 0.2:
        known.add(rng.choice(skills[rng.choice(sorted(skills))]))
    return known


def tasks_graph(size: int, seed: int = 1, agents: int = 0) -> nx.DiGraph[Any]:
    """A graph of tasks that went through agents, as `snapshot(orch, "tasks")` returns it."""
    rng = random.Random(seed)
    graph: nx.DiGraph[Any] = nx.DiGraph(kind="tasks", taken_at=START)
    stages: list[list[str]] = [[] for _ in STAGES]
    for number in range(size):
        at = min(number * len(STAGES) // size, len(STAGES) - 1)
        task_id = str(UUID(int=rng.getrandbits(128), version=4))
        graph.add_node(task_id, label="Task", task_id=task_id, task_type=STAGES[at], tries=[])
        stages[at].append(task_id)
        for other in _before(stages, at, rng):
            graph.add_edge(task_id, other, type="DEPENDS_ON")
    _run(graph, rng, agents or max(3, min(20, size // 40)))
    return graph


def _before(stages: list[list[str]], at: int, rng: random.Random) -> list[str]:
    if at == 0 or not stages[at - 1]:
        return []
    earlier = stages[at - 1]
    near = len(stages[at]) - 1
    found = {earlier[(near + step) % len(earlier)] for step in range(rng.choice((1, 1, 2, 3)))}
    if at > 1 and stages[at - 2] and rng.random() < 0.1:
        found.add(rng.choice(stages[at - 2]))
    return sorted(found)


def _run(graph: nx.DiGraph[Any], rng: random.Random, agents: int) -> None:
    """Let agents with one to three slots work off the tasks, which come in waves, almost all."""
    free = {
        (f"agent-{number:02}", slot): 0.0
        for number in range(agents)
        for slot in range(1 + number % 3)
    }
    gap = 36 / len(free)
    ends: dict[str, float] = {}
    total, comes = graph.number_of_nodes(), 0.0
    for done, task_id in enumerate(list(graph)):
        data = graph.nodes[task_id]
        data |= {"content": f"{data['task_type']} part {done}", "status": "pending"}
        data["created_at"] = START + timedelta(seconds=comes)
        comes += gap * (1 + 0.9 * math.sin(done / total * 25))
        if any(other not in ends for other in graph.successors(task_id)) or not free:
            data["status"] = "cancelled" if rng.random() < 0.05 else "pending"
            continue
        ready = max((ends[other] for other in graph.successors(task_id)), default=0.0)
        _try(graph, task_id, max(ready, comes), free, ends, rng, is_last=done > 0.78 * total)
    tries = (entry for _, data in graph.nodes(data=True) for entry in data["tries"])
    moments = [entry["ended_at"] for entry in tries if "ended_at" in entry]
    graph.graph["taken_at"] = max(moments, default=START) + timedelta(seconds=20)


def _try(
    graph: nx.DiGraph[Any],
    task_id: str,
    ready: float,
    free: dict[tuple[str, int], float],
    ends: dict[str, float],
    rng: random.Random,
    *,
    is_last: bool,
) -> None:
    data = graph.nodes[task_id]
    for attempt in range(1, 4):
        if not free:
            return
        slot = min(free, key=lambda it: (max(free[it], ready), it[1], it[0]))
        begun = max(free[slot], ready) + rng.uniform(0.5, 4)
        ended = begun + rng.lognormvariate(3.4, 0.5)
        found: dict[str, Any] = {
            "agent_id": slot[0],
            "attempt": attempt,
            "assigned_at": START + timedelta(seconds=begun - 0.4),
            "started_at": START + timedelta(seconds=begun),
        }
        data["tries"].append(found)
        data |= {"attempt": attempt, "assigned_to": slot[0]}
        if is_last and rng.random() < 0.6:
            del free[slot]
            data["status"] = rng.choice(("running", "running", "assigned"))
            return
        free[slot] = ready = ended
        outcome = rng.choices(("completed", "failed", "expired", "released"), (88, 7, 3, 2))[0]
        found |= {"ended_at": START + timedelta(seconds=ended), "outcome": outcome}
        if outcome == "completed":
            ends[task_id] = ended
            data |= {"status": "completed", "execution_duration_ms": 1e3 * (ended - begun)}
            return
    data["status"] = "failed"


def main(directory: Path) -> None:
    """Draw all of them: the small ones as SVG too."""
    directory.mkdir(parents=True, exist_ok=True)
    for size in (10, 1_000):
        agents, tasks = agents_graph(size), tasks_graph(size)
        for name, draw, graph in (
            ("agents", analysis.pictures.draw_agents, agents),
            ("tasks", analysis.pictures.draw_tasks, tasks),
            ("gantt", analysis.pictures.draw_gantt, tasks),
            ("load", analysis.pictures.draw_load, tasks),
        ):
            path = directory / f"{name}-{size}.png"
            draw(graph, path)
            _shrink(path)
            if size == 10:
                draw(graph, path.with_suffix(".svg"))


def _shrink(path: Path) -> None:
    """Fewer colours, and where that is not enough fewer pixels, until the file is small."""
    with Image.open(path) as image:
        full = image.convert("RGB")
    for scale in (1.0, 0.9, 0.8, 0.7, 0.6):
        size = round(full.width * scale), round(full.height * scale)
        smaller = full.resize(size, Image.Resampling.LANCZOS) if scale < 1 else full
        few = smaller.quantize(palette=_palette(), dither=Image.Dither.NONE)
        few.save(path, optimize=True)
        if path.stat().st_size < MOST_BYTES:
            return


def _palette() -> Image.Image:
    """The colours that the pictures are made of, with their tints: no two may become one."""
    tints = [at / 11 for at in range(1, 12)]
    base = [to_rgb(colour) for colour in (*marks.GROUPS, marks.GREY, marks.BLACK)]
    mixed = [tuple(1 - tint * (1 - part) for part in rgb) for rgb in base for tint in tints]
    heat = [colormaps["cividis"](at / 95)[:3] for at in range(96)]
    whole = [*mixed, (1.0, 1.0, 1.0), to_rgb("#bdbdbd"), *heat]
    found = Image.new("P", (1, 1))
    found.putpalette([round(255 * part) for rgb in whole for part in rgb])
    return found


if __name__ == "__main__":
    main(Path(sys.argv[1] if len(sys.argv) > 1 else "docs/analysis"))
