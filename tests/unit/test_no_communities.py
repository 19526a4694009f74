"""Graphs without communities: results say so, and pictures name and colour none."""

from __future__ import annotations

from collections.abc import Iterable

import networkx as nx
import pytest
from matplotlib.collections import PathCollection
from matplotlib.colors import to_hex
from matplotlib.figure import Figure
from matplotlib.text import Text

from graph_orch import Communities, analysis
from graph_orch.analysis.pictures.marks import GREY, GROUPS


def crew(holders: Iterable[Iterable[int]], kind: str = "agents-skills") -> nx.DiGraph:
    """Agents "a0", "a1", … with skills by number."""
    graph = nx.DiGraph(kind=kind)
    for at, skills in enumerate(holders):
        graph.add_node(f"a{at}", label="Agent", agent_id=f"a{at}", bipartite=0)
        for skill in skills:
            graph.add_node(f"skill:{skill}", label="Skill", key=f"s{skill}", bipartite=1)
            graph.add_edge(f"a{at}", f"skill:{skill}", type="HAS_SKILL")
    return graph


NONE = {
    "all have all": [range(10)] * 12,
    "all have all, many": [range(30)] * 140,
    "nearly all have all": [set(range(10)) - {at} for at in range(10)],
    "one agent": [range(5)],
    "two agents alike": [range(5)] * 2,
    "nobody has any": [[]] * 5,
}
TWO = [range(6)] * 6 + [range(6, 12)] * 6


def words(figure: Figure) -> str:
    return "\n".join(text.get_text() for text in figure.findobj(Text))


def colours(figure: Figure) -> set[str]:
    dots = figure.findobj(PathCollection)
    return {to_hex(colour) for one in dots for colour in one.get_facecolor()}


@pytest.mark.parametrize("holders", [*NONE.values(), [[at] for at in range(9)]])
@pytest.mark.parametrize("algorithm", ["louvain", "leiden"])
@pytest.mark.parametrize("resolution", [0.5, 1.0, 2.0])
def test_result_says_that_there_are_none(holders, algorithm, resolution):
    found = analysis.teams.communities(crew(holders), algorithm=algorithm, resolution=resolution)
    assert not found.are_apparent
    assert found.summary.startswith("no communities: modularity ")


@pytest.mark.parametrize("algorithm", ["louvain", "leiden"])
@pytest.mark.parametrize("resolution", [0.5, 1.0, 2.0])
def test_result_says_that_there_are_some(algorithm, resolution):
    found = analysis.teams.communities(crew(TWO), algorithm=algorithm, resolution=resolution)
    assert [len(group) for group in found.members] == [6, 6]
    assert found.are_apparent
    assert found.summary.startswith("2 communities, modularity ")


@pytest.mark.parametrize("holders", NONE.values(), ids=NONE)
@pytest.mark.parametrize("given", [False, True])
def test_picture_names_and_colours_none(holders, given):
    graph = crew(holders)
    found = analysis.teams.communities(graph) if given else None
    figure = analysis.pictures.draw_agents(graph, communities=found)
    assert "No communities: modularity is" in words(figure)
    assert "community 1" not in words(figure)
    assert not colours(figure) & set(GROUPS)
    assert GREY in colours(figure)


def test_picture_names_and_colours_what_stands_out_or_is_given():
    graph = crew(TWO)
    figure = analysis.pictures.draw_agents(graph)
    assert "community 2" in words(figure)
    assert "No communities" not in words(figure)
    assert len(colours(figure) & set(GROUPS)) == 2
    graph = crew(NONE["all have all"])
    by_hand = [[f"a{at}" for at in range(6)], [f"a{at}" for at in range(6, 12)]]
    assert "community 2" in words(analysis.pictures.draw_agents(graph, communities=by_hand))
    well = Communities.of(by_hand, 0.4, "louvain", 1.0, 0)
    assert "community 2" in words(analysis.pictures.draw_agents(graph, communities=well))


# Skills that nobody has


def test_skills_that_nobody_has_or_needs_do_not_fill_the_picture():
    graph = crew(TWO)
    before = words(analysis.pictures.draw_agents(graph))
    for at in range(300):
        graph.add_node(f"skill:idle{at}", label="Skill", key=f"idle{at}", bipartite=1)
    found = words(analysis.pictures.draw_agents(graph))
    assert "300 skills that nobody here has or needs left out." in found
    assert "idle" not in found
    assert set(before.split("\n")) <= set(found.split("\n"))
    assert "300 skills that nobody here has or needs" in analysis.pictures.interactive(graph).html
    assert graph.number_of_nodes() == 324  # it is not changed


@pytest.mark.parametrize(
    ("status", "shown"),
    [(None, True), ("pending", True), ("running", True), ("completed", False), ("failed", False)],
)
def test_skill_that_a_live_task_needs_is_shown(status, shown):
    graph = crew(TWO, kind="all")
    graph.add_node("skill:rare", label="Skill", key="rare", bipartite=1)
    graph.add_node("t", label="Task", **({} if status is None else {"status": status}))
    graph.add_edge("t", "skill:rare", type="REQUIRES")
    assert ("rare" in words(analysis.pictures.draw_agents(graph))) is shown


def test_only_such_skills_are_nothing_to_draw():
    graph = nx.DiGraph(kind="agents-skills")
    graph.add_node("skill:idle", label="Skill", key="idle", bipartite=1)
    assert "no agents" in words(analysis.pictures.draw_agents(graph))
    unlabelled = nx.Graph()
    unlabelled.add_nodes_from(["x", "y"], bipartite=1)
    drawn = analysis.pictures.draw_agents(unlabelled)  # what they are is not known
    assert "2 skills" in words(drawn)
