"""Pictures: what they say, that it can be read, and that hostile graphs cannot spoil them."""

from __future__ import annotations

import gc
import inspect
import itertools
import json
import os
import re
import subprocess
import sys
import xml.etree.ElementTree as ET
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta
from functools import cache
from pathlib import Path
from typing import Any

import matplotlib
import networkx as nx
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from matplotlib.collections import PathCollection, PolyCollection, QuadMesh
from matplotlib.figure import Figure
from matplotlib.text import Text
from matplotlib.transforms import IdentityTransform

from graph_orch.analysis import pictures
from graph_orch.analysis.pictures import arrangement, layers, load, marks
from graph_orch.analysis.pictures import gantt as gantt_picture
from graph_orch.analysis.pictures import tasks as tasks_picture
from graph_orch.analysis.pictures.nodes import limited
from graph_orch.analysis.pictures.sheet import Sheet
from graph_orch.analysis.pictures.texts import plain, short_id, shorten
from graph_orch.analysis.pictures.tries import read_bars
from graph_orch.domain.lifecycle import TaskStatus
from graph_orch.errors import ValidationError
from scripts.draw_examples import START, agents_graph, tasks_graph

Draw = Callable[..., Figure]
OF_TASKS = (pictures.draw_tasks, pictures.draw_gantt, pictures.draw_load)
DRAWN = (pictures.draw_agents, *OF_TASKS)
HOSTILE = (
    "$\\frac{1}{0}$ $x$ 100$",
    "line\nbreak\r\ttab",
    "x" * 200,
    "🤖🚀 emoji 👩‍👩‍👧",
    "שלום עולם",
    "\u202eright to left",
    "a\x00b\x1b[31mc\x7f",
    "漢字かな",
    "e" + "\u0301" * 80,
    "\ud800 half a pair",
    "<script>alert(1)</script>",
    "-- ]]> & \\textbf{x} %s {0} _ ^",
    "",
    " ",
)


def texts(figure: Figure) -> list[Text]:
    """The texts that are shown: not those of ticks beyond the ends of an axis."""
    figure.draw_without_rendering()
    beyond: set[Text] = set()
    for axis in (axis for axes in figure.axes for axis in (axes.xaxis, axes.yaxis)):
        low, high = sorted(axis.get_view_interval())
        ticks = axis.get_major_ticks()
        beyond |= {tick.label1 for tick in ticks if not low <= tick.get_loc() <= high}
    found = [text for text in figure.findobj(Text) if text.get_visible() and text.get_text()]
    return [text for text in found if text not in beyond]


def words(figure: Figure) -> str:
    return "\n".join(text.get_text() for text in texts(figure))


def assert_legible(figure: Figure) -> None:
    """No text over another, none cut off at the edge, the legend beside the axes."""
    shown = texts(figure)
    boxes = np.array([text.get_window_extent().extents for text in shown])
    page = figure.bbox.extents
    outside = (boxes[:, :2] < page[:2]).any(axis=1) | (boxes[:, 2:] > page[2:]).any(axis=1)
    assert not outside.any(), [shown[at] for at in np.flatnonzero(outside)]
    meet = (boxes[:, None, :2] < boxes[None, :, 2:]).all(axis=2)
    both = np.argwhere(np.triu(meet & meet.T, 1))
    assert not len(both), [(shown[one], shown[two]) for one, two in both]
    for axes in figure.axes:
        room = axes.get_window_extent()
        assert room.width > 10
        assert room.height > 10
        assert (legend := axes.get_legend()) is None or legend.get_window_extent().x0 >= room.x1


@cache
def graph_for(draw: Draw, size: int) -> nx.DiGraph[Any]:
    return agents_graph(size) if draw is pictures.draw_agents else tasks_graph(size)


@cache
def figure_for(draw: Draw, size: int) -> Figure:
    return draw(graph_for(draw, size))


@pytest.mark.parametrize("size", [1, 2, 10, 31, 100, 1_000])
@pytest.mark.parametrize("draw", DRAWN)
def test_every_text_can_be_read(draw: Draw, size: int) -> None:
    assert_legible(figure_for(draw, size))


@pytest.mark.parametrize("figsize", [(5, 3.5), (30, 6), (6, 30)])
@pytest.mark.parametrize("size", [10, 100])
@pytest.mark.parametrize("draw", DRAWN)
def test_in_any_size_of_figure(draw: Draw, size: int, figsize: tuple[float, float]) -> None:
    assert_legible(draw(graph_for(draw, size), figsize=figsize))


@pytest.mark.parametrize("draw", DRAWN)
def test_graph_is_left_as_it_was(draw: Draw) -> None:
    graph = graph_for(draw, 40)
    before = repr((sorted(graph.nodes(data=True)), sorted(graph.edges(data=True)), graph.graph))
    draw(graph)
    assert (
        repr((sorted(graph.nodes(data=True)), sorted(graph.edges(data=True)), graph.graph))
        == before
    )


def drawings(home: Path) -> list[Callable[[], object]]:
    """What draws one picture of each kind, of nodes that come in the order of sets."""
    import networkx as nx

    from graph_orch.analysis import pictures
    from graph_orch.analysis.pictures.nodes import limited
    from scripts.draw_examples import agents_graph, tasks_graph

    def page() -> None:
        text = pictures.interactive(agents_graph(60), limit=30).html
        start = text.index('<script type="application/json" id="neo4j-viz-data">')
        (home / "page").write_text(text[start : text.index("</script>", start)])

    karate = nx.relabel_nodes(nx.karate_club_graph(), str)
    home.mkdir()
    return [
        lambda: pictures.draw_agents(agents_graph(70), home / "agents.png"),
        lambda: pictures.draw_agents(karate, home / "karate.png"),
        lambda: pictures.draw_tasks(limited(tasks_graph(50), 40), home / "tasks.png"),
        lambda: pictures.draw_gantt(tasks_graph(20), home / "gantt.png"),
        lambda: pictures.draw_load(tasks_graph(20), home / "load.png"),
        page,
    ]


ELSEWHERE = f"""
from __future__ import annotations
import gc, sys, weakref
from pathlib import Path
from collections.abc import Callable
import graph_orch, graph_orch.analysis
print("matplotlib" in sys.modules)
{inspect.getsource(drawings)}
for draw in drawings(Path(sys.argv[1])):
    draw()
print("matplotlib.pyplot" in sys.modules)
from graph_orch.analysis import pictures
gone = weakref.ref(pictures.draw_load([("t", "a", 0, 1)]))
gc.collect()
print(gone() is None)
"""


@pytest.fixture(scope="module")
def elsewhere(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, list[str]]:
    """What another process draws, whose sets have another order; and what it says of itself."""
    home = tmp_path_factory.mktemp("elsewhere") / "pictures"
    done = subprocess.run(
        [sys.executable, "-c", ELSEWHERE, str(home)],
        check=True,
        cwd=Path(__file__).parents[2],
        env=os.environ | {"PYTHONHASHSEED": "7"},
        stdout=subprocess.PIPE,
        text=True,
    )
    return home, done.stdout.split()


def test_same_graph_gives_the_same_bytes_in_threads_and_in_another_process(
    elsewhere: tuple[Path, list[str]], tmp_path: Path
) -> None:
    home = tmp_path / "here"
    with ThreadPoolExecutor(3) as pool:
        list(pool.map(lambda draw: draw(), drawings(home)))
    files = sorted(elsewhere[0].iterdir())
    assert len(files) == 6
    for file in files:
        assert (home / file.name).read_bytes() == file.read_bytes(), file.name


def test_no_figure_is_kept_and_pyplot_is_not_used(elsewhere: tuple[Path, list[str]]) -> None:
    has_matplotlib, has_pyplot, is_gone = elsewhere[1]
    assert (has_matplotlib, has_pyplot, is_gone) == ("False", "False", "True")


def test_notebooks_show_what_a_file_holds(tmp_path: Path) -> None:
    figure: Any = pictures.draw_agents(agents_graph(10), tmp_path / "it.png")
    assert figure._repr_png_() == (tmp_path / "it.png").read_bytes()
    assert figure._repr_png_().startswith(b"\x89PNG")


def drawn(figure: Figure, kind: type[Any]) -> list[Any]:
    return [it for it in figure.axes[0].collections if type(it) is kind]


@pytest.mark.parametrize("size", [31, 100, 1_000])
def test_every_node_and_every_link_has_its_mark(size: int) -> None:
    for draw in (pictures.draw_agents, pictures.draw_tasks):
        graph = graph_for(draw, size)
        found = drawn(figure_for(draw, size), PathCollection)
        dots = [it for it in found if not isinstance(it.get_offset_transform(), IdentityTransform)]
        number = sum(len(it.get_offsets()) for it in dots)
        idle = sum(
            degree == 0 and str(node).startswith("skill:") for node, degree in graph.degree()
        )
        assert number == graph.number_of_nodes() - idle
        assert sum(len(it.get_paths()) for it in found if it not in dots) == graph.number_of_edges()


def test_every_try_has_its_bar_and_every_agent_its_cells() -> None:
    graph = graph_for(pictures.draw_gantt, 100)
    tries = [entry for _, data in graph.nodes(data=True) for entry in data["tries"]]
    bars = drawn(figure_for(pictures.draw_gantt, 100), PolyCollection)
    started = [entry for entry in tries if entry["started_at"] > entry["assigned_at"]]
    assert sum(len(it.get_paths()) for it in bars) == len(tries) + len(started)
    assert all(len(set(map(str, it.get_facecolor()))) == 1 for it in bars)
    (mesh,) = drawn(figure_for(pictures.draw_load, 100), QuadMesh)
    rows, columns = mesh.get_array().shape
    assert rows == len({entry["agent_id"] for entry in tries})
    assert 20 < columns <= 100
    assert 0 <= mesh.get_array().min() <= mesh.get_array().max() <= 100 + 1e-9


@pytest.mark.parametrize(
    ("draw", "says"),
    [
        (pictures.draw_agents, "no agents"),
        (pictures.draw_tasks, "no tasks"),
        (pictures.draw_gantt, "no tasks"),
        (pictures.draw_load, "no agents"),
    ],
)
def test_empty_graph_says_so(draw: Draw, says: str) -> None:
    figure = draw(nx.DiGraph())
    assert says in words(figure)
    assert_legible(figure)


@pytest.mark.parametrize("draw", DRAWN)
def test_bare_nodes_of_any_kind(draw: Draw) -> None:
    graph: nx.DiGraph[Any] = nx.DiGraph([(1, "1"), ("1", (2, 3)), (None, frozenset({1}))][:2])
    graph.add_node(frozenset({1}))
    graph.add_edge(1, 1)
    assert_legible(draw(graph))


@pytest.mark.parametrize("draw", DRAWN)
def test_foreign_graphs(draw: Draw) -> None:
    for graph in (nx.karate_club_graph(), nx.davis_southern_women_graph(), nx.path_graph(3)):
        assert_legible(draw(graph))


def hostile_agents() -> nx.DiGraph[Any]:
    graph: nx.DiGraph[Any] = nx.DiGraph()
    for number, text in enumerate(HOSTILE):
        graph.add_node(f"{text}{number}", label="Agent", agent_id=text, max_concurrent_tasks=text)
        graph.add_node(f"skill:{text}{number}", label="Skill", key=text, name=text)
        graph.add_edge(
            f"{text}{number}", f"skill:{text}{number}", type=text, confidence=float("nan")
        )
    return graph


def hostile_tasks() -> nx.DiGraph[Any]:
    graph: nx.DiGraph[Any] = nx.DiGraph(taken_at="not a time")
    for number, text in enumerate(HOSTILE):
        graph.add_node(
            f"{text}{number}",
            label="Task",
            task_id=f"{text}{number}",
            task_type=text,
            content=text,
            status=text or None,
            execution_duration_ms=float("inf"),
            tries=[
                {"agent_id": text, "assigned_at": START + timedelta(seconds=number)},
                {"agent_id": text, "assigned_at": "2026-03-02T09:00:01", "outcome": text},
                {"agent_id": text, "assigned_at": text, "ended_at": float("nan")},
                text,
            ],
        )
    ids = list(graph)
    graph.add_edges_from(itertools.pairwise(ids))
    graph.add_edges_from([(ids[-1], ids[0]), (ids[2], ids[2])])
    return graph


@pytest.mark.parametrize("draw", DRAWN)
def test_hostile_texts(draw: Draw, tmp_path: Path) -> None:
    graph = hostile_agents() if draw is pictures.draw_agents else hostile_tasks()
    figure = draw(graph, tmp_path / "x.png", title=" ".join(HOSTILE))
    assert_legible(figure)
    assert not any(text.get_parse_math() for text in texts(figure))
    pictures.save(figure, tmp_path / "x.svg")
    assert ET.parse(tmp_path / "x.svg").getroot().tag.endswith("svg")


@pytest.mark.parametrize("draw", DRAWN)
def test_users_settings_do_not_turn_texts_into_formulas(draw: Draw) -> None:
    with matplotlib.rc_context({"text.usetex": True, "axes.formatter.use_mathtext": True}):
        figure = draw(graph_for(draw, 10))
        assert_legible(figure)
    assert not any(text.get_usetex() for text in texts(figure))


@pytest.mark.parametrize("draw", DRAWN)
@pytest.mark.parametrize("path", ["x.gif", "x", "x.html", "x.png.exe"])
def test_other_suffixes_are_refused(draw: Draw, path: str, tmp_path: Path) -> None:
    with pytest.raises(ValidationError, match=r"\.png or \.svg"):
        draw(graph_for(draw, 10), tmp_path / path)
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize("figsize", [(1, 1), (1000, 5), ("a", "b"), 7, (float("nan"), 8)])
def test_other_sizes_are_refused(figsize: Any) -> None:
    for draw in DRAWN:
        with pytest.raises(ValidationError, match="inches"):
            draw(graph_for(draw, 10), figsize=figsize)


@pytest.mark.parametrize("draw", DRAWN)
@pytest.mark.parametrize("source", [None, 7, "graph", {"a": 1}])
def test_what_is_no_graph_is_refused(draw: Draw, source: Any) -> None:
    with pytest.raises(ValidationError, match="graph"):
        draw(source)


# --- agents


def test_small_graph_names_every_node_and_counts_them() -> None:
    graph = agents_graph(10)
    found = words(pictures.draw_agents(graph))
    for node, data in graph.nodes(data=True):
        assert data.get("name", node) in found
    assert "agent (6)" in found
    assert "skill (4)" in found
    assert f"{graph.number_of_edges()} links" in found


def test_given_communities_name_and_colour() -> None:
    graph = agents_graph(10)
    found = words(pictures.draw_agents(graph, communities={"ada": "$red$ team", "alan": "blue"}))
    assert re.search(r"\$red\$ team \(\d+\)", found)
    by_sets = words(pictures.draw_agents(graph, communities=[{"ada"}, {"alan", "nobody"}]))
    assert "community 1" in by_sets


@pytest.mark.parametrize("communities", [7, [1, 2], [{"ada"}, {"ada"}]])
def test_what_are_no_communities_is_refused(communities: Any) -> None:
    with pytest.raises(ValidationError, match="communit"):
        pictures.draw_agents(agents_graph(10), communities=communities)


def test_teams_of_the_graph_are_its_communities() -> None:
    graph = nx.MultiDiGraph(agents_graph(60))
    graph.add_node("team:red", label="Team", team_id="red")
    for agent in [node for node, label in graph.nodes(data="label") if label == "Agent"][:9]:
        graph.add_edge(agent, "team:red", key="MEMBER_OF", type="MEMBER_OF")
    assert "red (" in words(pictures.draw_agents(graph))


@pytest.mark.parametrize("size", ["active_tasks", lambda node: len(str(node)), {"ada": 4}])
def test_size_by_attribute_function_or_mapping(size: Any) -> None:
    assert "size:" in words(pictures.draw_agents(agents_graph(10), size=size))


def test_other_size_and_colour_are_refused() -> None:
    with pytest.raises(ValidationError, match="name of an attribute"):
        pictures.draw_agents(agents_graph(10), size=7)  # type: ignore[arg-type]
    with pytest.raises(ValidationError, match="utilization"):
        pictures.draw_agents(agents_graph(10), colour="pink")  # type: ignore[arg-type]


def test_colour_by_utilization_has_its_unit() -> None:
    figure = pictures.draw_agents(agents_graph(100), colour="utilization")
    assert "100 %" in words(figure)
    assert_legible(figure)


def test_more_nodes_than_can_be_drawn_are_left_out_and_it_is_said() -> None:
    graph: nx.DiGraph[Any] = nx.DiGraph()
    for number in range(2_500):
        graph.add_node(number, label="Agent")
    assert "500 nodes of 2,500" in words(pictures.draw_agents(graph))


@pytest.mark.parametrize(
    "graph",
    [
        nx.disjoint_union_all([nx.path_graph(2)] * 300),
        nx.star_graph(900),
        nx.complete_graph(60),
        nx.MultiGraph([(1, 1), (1, 2), (1, 2)]),
        nx.complete_bipartite_graph(30, 30),
    ],
    ids=["pairs", "star", "complete", "parallel", "bipartite"],
)
def test_shapes_of_agents_that_are_hard_to_draw(graph: nx.Graph[Any]) -> None:
    figure = pictures.draw_agents(graph)
    assert_legible(figure)
    assert re.search(r"[\d,]+ links?", words(figure))


# --- tasks


def test_statuses_are_counted_and_the_path_is_named() -> None:
    graph = tasks_graph(10)
    found = words(pictures.draw_tasks(graph))
    statuses = [data["status"] for _, data in graph.nodes(data=True)]
    for status in set(statuses):
        assert f"{status} ({statuses.count(status)})" in found
    assert re.search(r"critical path \(\d\)", found)
    assert all(node[-8:] in found for node in graph)


def test_critical_path_is_the_longest_in_time() -> None:
    graph = nx.DiGraph([("end", "long"), ("end", "short"), ("short", "first")])
    nx.set_node_attributes(graph, {"long": 9_000.0, "short": 1.0, "first": 1.0, "end": 1.0}, "ms")
    assert "critical path (2)" in words(pictures.draw_tasks(graph, duration="ms"))
    assert "critical path (3)" in words(pictures.draw_tasks(graph))
    given = pictures.draw_tasks(graph, critical_path=["end", "short", "first"])
    assert "critical path (3)" in words(given)
    assert "critical path" not in words(pictures.draw_tasks(graph, critical_path=()))


def test_cycles_are_drawn_and_counted() -> None:
    graph = nx.DiGraph([(1, 2), (2, 3), (3, 1), (3, 3)])
    assert "closes a cycle (2)" in words(pictures.draw_tasks(graph))


@pytest.mark.parametrize(
    "graph",
    [
        nx.path_graph(1_000, create_using=nx.DiGraph),
        nx.empty_graph(1_000, create_using=nx.DiGraph),
        nx.star_graph(1_000, create_using=nx.DiGraph),
        nx.gnp_random_graph(300, 0.05, seed=1, directed=True),
        nx.complete_graph(60, create_using=nx.DiGraph),
        tasks_graph(5_000),
    ],
    ids=["chain", "no edges", "star", "dense", "complete", "too many"],
)
def test_shapes_that_are_hard_to_draw(graph: nx.DiGraph[Any]) -> None:
    assert_legible(pictures.draw_tasks(graph))


def test_every_status_has_its_own_colour_marker_and_hatch() -> None:
    assert set(marks.STATUSES) == {*TaskStatus, marks.UNKNOWN}
    styles = list(marks.STATUSES.values())
    assert len({style.colour for style in styles}) == len(styles)
    assert len({style.marker for style in styles}) == len(styles)
    hatched = [style.hatch for style in styles if style.hatch]
    assert len(set(hatched)) == len(hatched)


digraphs = st.lists(st.tuples(st.integers(0, 12), st.integers(0, 12)), max_size=40)


@given(digraphs)
@settings(max_examples=150, deadline=None)
def test_layers_of_any_graph(edges: list[tuple[int, int]]) -> None:
    graph: nx.DiGraph[Any] = nx.DiGraph(edges)
    found = layers.flow(graph.reverse(), graph)
    assert set(found.levels) == set(graph)
    assert sorted(found.edges + found.against) == sorted(graph.edges)
    assert all(found.levels[u] < found.levels[v] for u, v in found.edges)
    if nx.is_directed_acyclic_graph(graph):
        assert not found.against
        longest = nx.dag_longest_path_length(graph) if graph else 0
        assert max(found.levels.values(), default=0) == longest
    arranged = layers.layout(found, 4)
    places = sorted(arranged.places.values())
    for (x, y), (other_x, other_y) in itertools.pairwise(places):
        assert x < other_x or other_y - y > 0.9


def test_crossings_that_need_not_be_are_gone() -> None:
    graph: nx.DiGraph[Any] = nx.DiGraph([(f"a{n}", f"b{9 - n}") for n in range(10)])
    places = layers.layout(layers.flow(graph.reverse(), graph), 20).places
    left = sorted((node for node in places if node[0] == "a"), key=lambda it: places[it][1])
    right = sorted((node for node in places if node[0] == "b"), key=lambda it: places[it][1])
    assert [int(node[1:]) for node in left] == [9 - int(node[1:]) for node in right]


def test_edges_pass_beside_boxes() -> None:
    waits = nx.DiGraph([("first", "middle"), ("middle", "last"), ("first", "last")])
    arranged = layers.layout(layers.flow(waits.reverse(), waits), 30)
    ((edge, [(x, y)]),) = [it for it in arranged.bends.items() if it[1]]
    half = 0.4
    curve = tasks_picture._way(edge, arranged, half)
    beside = [point for point in curve if x - half <= point[0] <= x + half]
    assert [point[0] for point in (beside[0], beside[-1])] == [x - half, x + half]
    assert {float(point[1]) for point in beside} == {y}


# --- what ran when


def bars(*rows: tuple[Any, ...]) -> Figure:
    return pictures.draw_gantt(list(rows))


def test_units_follow_the_span() -> None:
    for seconds, unit in ((0.01, "ms"), (50, "s"), (900, "min"), (40_000, "h"), (9e5, "d")):
        assert f"time ({unit})" in words(bars(("t", "a", 0.0, seconds)))


def test_a_span_of_a_few_seconds_is_counted_from_its_start() -> None:
    graph: nx.DiGraph[Any] = nx.DiGraph()
    entry = {"agent_id": "a", "assigned_at": START, "ended_at": START + timedelta(seconds=2.5)}
    graph.add_node("t", label="Task", tries=[entry])
    found = words(pictures.draw_gantt(graph))
    assert "time (ms) from 2026-03-02 09:00:00 UTC" in found
    assert "in 2,500 ms" in found


def test_what_has_no_outcome_is_planned() -> None:
    only, both = bars(("t", "a", 0.0, 1.0)), bars(("t", "a", 0, 1), ("u", "a", 1, 2, "timed_out"))
    assert "schedule" in words(only)
    assert "planned (1)" in words(only)
    assert "completed" not in words(only)
    for part in ("try ended as", "planned (1)", "timed out (1)"):
        assert part in words(both)


def test_times_of_the_store_are_times_of_day() -> None:
    graph: nx.DiGraph[Any] = nx.DiGraph()
    entry = {"agent_id": "a", "assigned_at": START, "ended_at": START + timedelta(hours=9)}
    graph.add_node("t", label="Task", tries=[entry | {"started_at": START, "outcome": "completed"}])
    found = words(pictures.draw_gantt(graph))
    assert "time (UTC) from 2026-03-02 09:00:00" in found
    assert "12:00" in found
    entry["ended_at"] = START + timedelta(hours=30)
    graph.nodes["t"]["tries"] = [entry]
    assert "Mar-03" in words(pictures.draw_gantt(graph))


def test_times_that_no_calendar_has_are_left_out() -> None:
    graph: nx.DiGraph[Any] = nx.DiGraph(taken_at=START)
    odd = (1e300, -1e300, float("nan"), "soon", datetime.max, datetime.min)
    tries = [{"agent_id": "a", "assigned_at": time, "ended_at": time} for time in odd]
    ends = [datetime(year, 1, 1, tzinfo=UTC) for year in (100, 9_900)]
    tries.append({"agent_id": "a", "assigned_at": ends[0], "ended_at": ends[1]})
    graph.add_node("t", label="Task", tries=tries)
    for draw in (pictures.draw_gantt, pictures.draw_load):
        figure = draw(graph)
        assert_legible(figure)
        assert "6 tries without times left out" in words(figure)


def test_slots_of_an_agent_are_rows_of_their_own() -> None:
    found = gantt_picture._rows(read_bars([("a", "x", 0, 9), ("b", "x", 1, 3), ("c", "x", 3, 5)]))
    assert found.number == 2
    assert [row for _, row in found.placed] == [0, 1, 1]


def test_live_tries_go_on_until_now() -> None:
    graph: nx.DiGraph[Any] = nx.DiGraph(taken_at=START + timedelta(seconds=60))
    graph.add_node("t", label="Task", tries=[{"agent_id": "a", "assigned_at": START}])
    (bar,) = read_bars(graph).bars
    assert bar.end - bar.held == 60
    assert bar.outcome == "still held"
    (bar,) = read_bars(graph, START + timedelta(seconds=90)).bars
    assert bar.end - bar.held == 90
    assert "still held (1)" in words(pictures.draw_gantt(graph))


def test_tries_are_read_from_edges_and_from_the_task_itself() -> None:
    graph: nx.MultiDiGraph[Any] = nx.MultiDiGraph()
    graph.add_node("a", label="Agent", agent_id="a", max_concurrent_tasks=2)
    graph.add_node("t", label="Task")
    times_of_it = {"assigned_at": START, "ended_at": START + timedelta(seconds=5)}
    graph.add_edge("t", "a", key="ASSIGNED_TO:1", type="ASSIGNED_TO", attempt=1, **times_of_it)
    found = read_bars(graph)
    assert [(bar.agent, bar.end - bar.held) for bar in found.bars] == [("a", 5)]
    assert found.slots == {"a": 2}
    alone: nx.DiGraph[Any] = nx.DiGraph()
    alone.add_node("t", label="Task", assigned_to="b", assigned_at=START, status="completed")
    alone.nodes["t"]["completed_at"] = START + timedelta(seconds=7)
    assert [(bar.agent, bar.end - bar.held) for bar in read_bars(alone).bars] == [("b", 7)]


@pytest.mark.parametrize(
    "row",
    [("t", "a", 0), ("t", "a", 5, 1), ("t", "a", "x", 1), ("t", "a", 0, float("nan")), 7, "tttt"],
)
def test_rows_that_are_no_schedule_are_refused(row: Any) -> None:
    for draw in (pictures.draw_gantt, pictures.draw_load):
        with pytest.raises(ValidationError, match="row 1 of the schedule"):
            draw([("t", "a", 0, 1), row])


def test_schedules_of_mappings_and_of_objects() -> None:
    class Try:
        task_id, agent_id, started_at, ended_at, outcome = "t", "a", 1.0, 2.5, "failed"

    class Result:
        tries = (Try(),)

    for source in ([Try()], Result(), [{"task": "t", "agent": "a", "start": 1, "end": 2.5}]):
        (bar,) = read_bars(source).bars
        assert (bar.task, bar.agent, bar.held, bar.end) == ("t", "a", 1.0, 2.5)


def test_agents_that_find_no_room_are_named_as_left_out() -> None:
    rows = [("t", f"agent-{number}", 0, 1 + number) for number in range(100)]
    found = words(pictures.draw_gantt(rows))
    assert "28 agents of 100" in found
    assert "agent-99" in found
    assert "agent-0\n" not in found


# --- load


def test_utilization_is_held_by_slots() -> None:
    schedule = [("t", "a", 0.0, 10.0), ("u", "a", 0.0, 5.0), ("v", "b", 5.0, 10.0)]
    found = load._load(read_bars(schedule), 2)
    middle = len(found.edges) // 2
    assert found.cells[0][:middle] == pytest.approx(1.0)
    assert found.cells[0][middle:] == pytest.approx(0.5)
    assert found.cells[1][:middle] == pytest.approx(0.0)
    assert found.cells[1][middle:] == pytest.approx(0.5)


@given(st.lists(st.tuples(st.floats(0, 1e6), st.floats(0, 1e6)), min_size=1, max_size=30))
@settings(max_examples=100, deadline=None)
def test_cells_add_up_to_the_time_held(spans: list[tuple[float, float]]) -> None:
    rows = [("t", "a", min(span), max(span)) for span in spans]
    found = read_bars(rows)
    result = load._load(found, 1)
    edges = [min(edge, found.span[1]) for edge in result.edges]
    held = sum(
        cell * (end - start)
        for cell, (start, end) in zip(result.cells[0], itertools.pairwise(edges), strict=True)
    )
    assert held == pytest.approx(sum(end - start for _, _, start, end in rows), rel=1e-6, abs=1e-6)


def test_idle_agents_are_rows_and_unknown_slots_are_said() -> None:
    graph: nx.MultiDiGraph[Any] = nx.MultiDiGraph(tasks_graph(10))
    graph.add_node("idle", label="Agent", agent_id="idle", max_concurrent_tasks=3)
    found = words(pictures.draw_load(graph))
    assert "idle" in found
    assert "are not known" in found
    assert "slots in use" in found
    assert "100 %" in found


def test_the_others_are_one_row() -> None:
    rows = [("t", f"agent-{number}", 0, 1 + number) for number in range(100)]
    found = words(pictures.draw_load(rows))
    assert "mean of 61 others" in found
    assert "61 agents left out" in found


@pytest.mark.parametrize("slots", [0, -1, "x", {"a": 0}, float("nan")])
def test_other_slots_are_refused(slots: Any) -> None:
    with pytest.raises(ValidationError, match="slots"):
        pictures.draw_load([("t", "a", 0, 1)], slots=slots)


# --- interactive


def data_of(html: str) -> dict[str, Any]:
    found = re.search(r'<script type="application/json" id="neo4j-viz-data">(.*?)</script>', html)
    assert found
    return json.loads(found.group(1), parse_constant=lambda name: pytest.fail(name))


def test_page_has_every_node_with_its_attributes_as_text(tmp_path: Path) -> None:
    graph = agents_graph(10)
    page = pictures.interactive(graph, tmp_path / "x.html")
    data = data_of((tmp_path / "x.html").read_text(encoding="utf-8"))
    assert page.html == (tmp_path / "x.html").read_text(encoding="utf-8")
    assert {node["properties"]["node"] for node in data["nodes"]} == set(graph)
    assert len(data["relationships"]) == graph.number_of_edges()
    labels = [entry["label"] for entry in data["legend"]["nodes"]["entries"]]
    assert labels == ["Agent (6)", "Skill (4)"]
    assert len({node["color"] for node in data["nodes"]}) == 2


def test_hostile_attributes_stay_text() -> None:
    attack = "</script><script>alert(1)</script><img src=x onerror=alert(1)>"
    graph = hostile_tasks()
    graph.add_node(
        attack, label="Task", task_id=attack, content=attack, x=float("nan"), y={1: attack}
    )
    graph.nodes[attack][attack] = attack
    plain_page = pictures.interactive(nx.DiGraph([(1, 2)])).html
    page = pictures.interactive(graph, title=attack)
    assert page.html.lower().count("<script") == plain_page.lower().count("<script")
    assert "<img src=x" not in page.html
    node = next(it for it in data_of(page.html)["nodes"] if it["properties"]["node"] == attack)
    assert node["properties"]["content"] == attack
    frame = page._repr_html_()
    assert frame.count("<") == 2
    assert 'sandbox="allow-scripts"' in frame


def test_page_fetches_nothing() -> None:
    page = pictures.interactive(agents_graph(10)).html
    assert not re.findall(
        r"<(?:script|img|iframe)[^>]*\ssrc=|<link[^>]*\shref=|@import", page[:20_000]
    )
    assert "default-src 'none'" in page
    assert page.index("default-src 'none'") < page.index("<script")


def test_page_is_bounded_and_says_so() -> None:
    page = pictures.interactive(agents_graph(200), limit=50).html
    assert len(data_of(page)["nodes"]) == 50
    assert "150 of 200 nodes, those with the fewest links, are left out" in page
    for limit in (0, 2_001, "x", True):
        with pytest.raises(ValidationError, match="limit"):
            pictures.interactive(agents_graph(10), limit=limit)  # type: ignore[arg-type]


@pytest.mark.parametrize(
    "graph", [nx.DiGraph(), nx.karate_club_graph(), nx.MultiDiGraph([(1, 1), (1, 1)])]
)
def test_page_of_any_graph(graph: nx.Graph[Any]) -> None:
    assert len(data_of(pictures.interactive(graph).html)["nodes"]) == len(graph)


def test_page_needs_its_suffix(tmp_path: Path) -> None:
    with pytest.raises(ValidationError, match=r"\.html"):
        pictures.interactive(nx.DiGraph(), tmp_path / "x.png")


# --- parts


@given(st.text(max_size=300))
@settings(max_examples=300, deadline=None)
def test_plain_text_is_one_printable_line(text: str) -> None:
    found = plain(text)
    assert found
    assert found == found.strip()
    assert all(char.isprintable() for char in found)
    assert len(shorten(text, 20)) <= 20


def test_ids_are_told_apart_by_their_ends() -> None:
    assert short_id("2f1c9a4e-0d35-4b58-9f0e-7a1b2c3d4e5f") == "2c3d4e5f"
    long = "agent-of-the-very-large-department-0012"
    assert short_id(long, 20).endswith("0012")
    assert shorten("short") == "short"


@given(st.lists(st.floats(0.2, 5), min_size=1, max_size=60))
@settings(max_examples=60, deadline=None)
def test_sunflower_discs_do_not_overlap(radii: list[float]) -> None:
    places = arrangement.sunflower(np.array(sorted(radii, reverse=True)))
    for (one, r), (two, s) in itertools.combinations(
        zip(places, sorted(radii, reverse=True), strict=True), 2
    ):
        assert float(np.hypot(*(one - two))) >= 0.8 * (r + s)


def test_communities_do_not_overlap() -> None:
    links = [(a, b) for a in range(60) for b in range(a) if (a * b) % 7 == 1]
    found = arrangement.by_community(links, [at % 6 for at in range(60)], np.ones(60), 1.5)
    for one, two in itertools.combinations(found.discs, 2):
        distance = float(np.hypot(*(np.array(one.centre) - two.centre)))
        assert distance >= 0.98 * (one.radius + two.radius)


@given(st.floats(-6e10, 2e11), st.floats(1e-3, 5e10), st.booleans(), st.floats(5, 30))
@settings(max_examples=25, deadline=None)
def test_ticks_are_few_and_there_are_some(
    start: float, span: float, is_clock: bool, width: float
) -> None:
    start = start if is_clock else abs(start) / 1e6
    sheet = Sheet("", (width, 5))
    at = sheet.scale_time(start, start + span, is_clock=is_clock)
    low, high = sorted(sheet.axes.get_xlim())
    assert low == pytest.approx(at(start))
    shown = [tick for tick in sheet.axes.get_xticks() if low <= tick <= high]
    assert 1 <= len(shown) <= 16
    assert len(shown) * 0.45 <= width - 3 or len(shown) <= 5
    labels = sheet.axes.xaxis.get_major_formatter().format_ticks(shown)
    assert all(labels)
    assert not is_clock or span < 10 or max(map(len, labels)) <= 6  # 09:00, Mar-03


def test_limited_graph_keeps_the_newest_tasks_and_says_it() -> None:
    graph = tasks_graph(20)
    for number, node in enumerate(graph):
        graph.nodes[node]["created_at"] = datetime(2026, 1, 1, tzinfo=UTC) + timedelta(days=number)
    newest = list(graph)[-5:]
    found = limited(graph, 5)
    assert set(found) == set(newest)
    assert "15 nodes left out" in words(pictures.draw_tasks(found))
    assert len(limited(agents_graph(20), 5)) == 5
    assert len(graph) == 20


def test_many_pictures_do_not_pile_up() -> None:
    def figures() -> int:
        gc.collect()
        return sum(isinstance(it, Figure) for it in gc.get_objects())

    before = figures()
    pictures.draw_agents(agents_graph(10))
    assert figures() == before
