"""Graphs in files: what is loaded is what was saved, and nothing else is loaded."""

from __future__ import annotations

import gzip
import json
import math
import os
from datetime import UTC, date, datetime, time, timedelta, timezone
from pathlib import Path
from zoneinfo import ZoneInfo

import networkx as nx
import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from graph_orch import AnalysisError, TaskStatus, ValidationError, analysis
from graph_orch.analysis.io.files import SUFFIXES

every_suffix = pytest.mark.parametrize("suffix", SUFFIXES)
HOSTILE = [
    "",
    " \t\r\n x ",
    "\x00\x1b[31m\x7f\x85\u2028\ufffe\uffff",
    "\\u0041 \\ \\\\",
    "<&>\"']]><!--{%",
    "\ud800 half",
    "💥 \u202e",
    "$datetime",
    "@id",
]

texts = st.one_of(st.text(), st.sampled_from(HOSTILE))
zones = st.sampled_from([None, UTC, timezone(timedelta(hours=-7))])
moments = st.datetimes(timezones=zones).map(lambda moment: moment.replace(fold=0))
scalars = st.one_of(
    st.none(), st.booleans(), st.integers(), st.floats(allow_nan=False), texts, moments
)
values = st.recursive(
    scalars,
    lambda inner: st.one_of(
        st.lists(inner, max_size=3), st.dictionaries(texts, inner, max_size=3), st.tuples(inner)
    ),
    max_leaves=6,
)
names = st.one_of(
    texts, st.sampled_from(["id", "key", "source", "target", "@key", "label", "type"])
)
attributes = st.dictionaries(names, values, max_size=4)
nodes = st.one_of(texts, st.integers(), st.tuples(texts, st.integers()))
kinds = st.sampled_from([nx.Graph, nx.DiGraph, nx.MultiGraph, nx.MultiDiGraph])


@st.composite
def graphs(draw, names=nodes):
    graph = draw(kinds)()
    graph.graph.update(draw(attributes))
    there = draw(st.lists(names, max_size=5, unique_by=lambda it: (type(it), it)))
    graph.add_nodes_from((node, draw(attributes)) for node in there)
    for _ in range(draw(st.integers(0, 6)) if there else 0):
        ends = draw(st.sampled_from(there)), draw(st.sampled_from(there))
        key = (draw(nodes),) if graph.is_multigraph() else ()
        graph.add_edges_from([(*ends, *key, draw(attributes))])
    return graph


def everything(graph) -> object:
    more = {"keys": True} if graph.is_multigraph() else {}
    parts = graph.graph, list(graph.nodes(data=True)), list(graph.edges(data=True, **more))
    return type(graph), typed(parts)


def typed(value: object) -> object:
    """A value in which 1, 1.0 and True are different, and an offset is part of a time."""
    if isinstance(value, dict):
        return {key: typed(item) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return type(value), [typed(item) for item in value]
    return type(value), repr(value) if isinstance(value, float | datetime) else value


@pytest.fixture(scope="module")
def directory(tmp_path_factory) -> Path:
    return tmp_path_factory.mktemp("graphs")


@every_suffix
@given(graph=graphs())
@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.too_slow])
def test_round_trip(directory, suffix, graph):
    path = directory / f"any{suffix}"
    before = everything(graph)
    analysis.save(graph, path)
    assert everything(graph) == before
    assert everything(analysis.load(path)) == before


@given(graph=graphs(names=texts))
@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.too_slow])
def test_networkx_reads_the_graphml(directory, graph):
    path = directory / "any.graphml"
    analysis.save(graph, path)
    read = nx.read_graphml(path, force_multigraph=graph.is_multigraph())
    assert (len(read), read.number_of_edges()) == (len(graph), graph.number_of_edges())
    assert read.is_directed() == graph.is_directed()


def test_attributes_may_be_called_as_keys_are(tmp_path):
    graph = nx.MultiGraph()
    graph.add_edge("a", "b", key="K")
    graph.edges["a", "b", "K"].update({"key": 1, "@key": 2})
    graph.add_edge("a", "b", key="L")
    graph.edges["a", "b", "L"].update({"key": 1})
    analysis.save(graph, tmp_path / "x.graphml")
    assert everything(analysis.load(tmp_path / "x.graphml")) == everything(graph)
    read = nx.read_graphml(tmp_path / "x.graphml", force_multigraph=True)
    assert read.number_of_edges() == 2


def test_networkx_reads_names_types_and_keys(tmp_path):
    graph = nx.MultiDiGraph()
    graph.add_node("a b", label="Agent", n=2, x=0.5, yes=True, at=datetime(2026, 1, 1, tzinfo=UTC))
    graph.add_node("c", nested={"a": [1, None]})
    graph.add_edge("a b", "c", key="KNOWS", weight=1.5)
    graph.add_edge("a b", "c", key="LIKES")
    analysis.save(graph, tmp_path / "x.graphml")
    read = nx.read_graphml(tmp_path / "x.graphml")
    expected = {"label": "Agent", "n": 2, "x": 0.5, "yes": True, "at": "2026-01-01T00:00:00+00:00"}
    assert read.nodes["a b"] == expected
    assert json.loads(read.nodes["c"]["nested"]) == {"a": [1, None]}
    assert sorted(read.edges(keys=True)) == [("a b", "c", "KNOWS"), ("a b", "c", "LIKES")]
    assert read.edges["a b", "c", "KNOWS"]["weight"] == 1.5


def test_networkx_reads_the_json(tmp_path):
    graph = nx.MultiDiGraph([("a", "b", "k", {"weight": 2})], name="x")
    analysis.save(graph, tmp_path / "x.json")
    read = nx.node_link_graph(json.loads((tmp_path / "x.json").read_text()), edges="edges")
    assert everything(read) == everything(graph)


@every_suffix
def test_values_of_all_kinds(tmp_path, suffix):
    graph = nx.DiGraph()
    values = {
        "set": {1, "a"},
        "frozen": frozenset({2}),
        "bytes": b"\x00\xff",
        "day": date(2026, 1, 1),
        "time": time(1, 2),
        "span": timedelta(days=-1, microseconds=3),
        "huge": 2**80,
        "infinite": [math.inf, -math.inf],
        "pairs": {1: "a", (2, 3): {"b": None}},
        "escaped": {"$datetime": "x", "$": 1},
        "lone": {"$datetime": "x"},
        "tags": {"$dict": []},
    }
    graph.add_node(0, **values)
    analysis.save(graph, tmp_path / f"x{suffix}")
    assert analysis.load(tmp_path / f"x{suffix}").nodes[0] == values


@every_suffix
def test_values_that_become_plain(tmp_path, suffix):
    graph = nx.DiGraph()
    berlin = datetime(2026, 7, 1, tzinfo=ZoneInfo("Europe/Berlin"))
    graph.add_node(
        np.int64(1),
        status=TaskStatus.FAILED,
        score=np.float64(0.5),
        count=np.int32(2),
        yes=np.bool_(True),
        at=berlin,
        nan=math.nan,
        numbers=[np.float32(0.5)],
    )
    analysis.save(graph, tmp_path / f"x{suffix}")
    ((node, read),) = analysis.load(tmp_path / f"x{suffix}").nodes(data=True)
    assert math.isnan(read.pop("nan"))
    assert (node, read.pop("at")) == (1, berlin)
    expected = {"status": "failed", "score": 0.5, "count": 2, "yes": True, "numbers": [0.5]}
    assert typed(read) == typed(expected)


@every_suffix
@pytest.mark.parametrize("value", [object(), len, 1j, np.array([1, 2])])
def test_what_no_file_can_hold_is_named_and_nothing_is_left(tmp_path, suffix, value):
    path = tmp_path / f"x{suffix}"
    analysis.save(nx.DiGraph([(1, 2)]), path)
    before = path.read_bytes()
    graph = nx.DiGraph()
    graph.add_node(1, bad=value)
    with pytest.raises(AnalysisError, match=f"a {type(value).__name__} cannot be written"):
        analysis.save(graph, path)
    assert path.read_bytes() == before
    assert os.listdir(tmp_path) == [path.name]


@every_suffix
def test_a_value_that_holds_itself(tmp_path, suffix):
    graph, endless = nx.DiGraph(), []
    endless.append(endless)
    graph.add_node(1, endless=endless)
    with pytest.raises(AnalysisError, match="nested too deeply"):
        analysis.save(graph, tmp_path / f"x{suffix}")


def test_graphml_needs_texts_as_names(tmp_path):
    graph = nx.DiGraph()
    graph.add_node(1, x=1)
    graph.nodes[1][5] = "five"
    with pytest.raises(AnalysisError, match=r"save it as \.json"):
        analysis.save(graph, tmp_path / "x.graphml")
    analysis.save(graph, tmp_path / "x.json")
    assert analysis.load(tmp_path / "x.json").nodes[1] == {"x": 1, 5: "five"}


@every_suffix
def test_the_same_graph_gives_the_same_file(tmp_path, suffix):
    graph = nx.karate_club_graph()
    one, other = tmp_path / f"a{suffix}", tmp_path / f"b{suffix}"
    analysis.save(graph, one)
    analysis.save(graph, other)
    assert one.read_bytes() == other.read_bytes()


@every_suffix
def test_more_than_is_allowed_is_not_read(tmp_path, suffix):
    path = tmp_path / f"x{suffix}"
    graph = nx.DiGraph()
    graph.add_node("a", text="0" * 1_000_000)
    analysis.save(graph, path)
    with pytest.raises(AnalysisError, match="more than 900,000 bytes"):
        analysis.load(path, max_bytes=900_000)
    assert nx.utils.graphs_equal(analysis.load(path, max_bytes=1_100_000), graph)


@pytest.mark.parametrize("name", ["x", "x.gexf", "x.gz", "json", "x.json.bak"])
def test_other_suffixes(tmp_path, name):
    with pytest.raises(ValidationError, match="ends in none of"):
        analysis.save(nx.DiGraph(), tmp_path / name)
    with pytest.raises(ValidationError, match="ends in none of"):
        analysis.load(tmp_path / name)


def test_paths_that_cannot_be_used(tmp_path):
    with pytest.raises(AnalysisError, match="No such file"):
        analysis.load(tmp_path / "none.json")
    with pytest.raises(AnalysisError, match="No such file"):
        analysis.save(nx.DiGraph(), tmp_path / "none" / "x.json")
    (tmp_path / "x.json").mkdir()
    with pytest.raises(AnalysisError, match="irectory"):
        analysis.load(tmp_path / "x.json")
    with pytest.raises(AnalysisError, match="irectory"):
        analysis.save(nx.DiGraph(), tmp_path / "x.json")
    assert os.listdir(tmp_path) == ["x.json"]


@pytest.mark.parametrize("given", [None, {}, "graph", [(1, 2)]])
def test_only_graphs_are_saved(tmp_path, given):
    with pytest.raises(ValidationError, match="no NetworkX graph"):
        analysis.save(given, tmp_path / "x.json")


HEAD = '"format":"graph-orch snapshot","version":1,"directed":true,"multigraph":false,"graph":{}'
FOREIGN = "<graphml><graph edgedefault='directed'><node id='a'/></graph></graphml>"
EDGE_TO_NOWHERE = (
    "<graphml><key id='g-json' for='graph' attr.name='m'/><graph edgedefault='directed'>"
    "<data key='g-json'>"
    '{"format":"graph-orch snapshot","version":1,"multigraph":false,"ids":"text"}'
    "</data><edge source='a' target='b'/></graph></graphml>"
)


@pytest.mark.parametrize(
    ("name", "content", "words"),
    [
        ("x.json", "", "no JSON"),
        ("x.json", "{", "no JSON"),
        ("x.json", "\udc80", "no JSON"),
        ("x.json", "[" * 100_000, "nested too deeply"),
        ("x.json", "[]", "no snapshot"),
        ("x.json", '{"nodes": [], "edges": []}', "no snapshot"),
        ("x.json", '{"format": "graph-orch snapshot"}', "version is None"),
        ("x.json", '{"format": "graph-orch snapshot", "version": "1"}', "version is '1'"),
        ("x.json", '{"format": "graph-orch snapshot", "version": 2}', "upgrade graph_orch"),
        ("x.json", f"{{{HEAD}}}", "damaged"),
        ("x.json", f'{{{HEAD},"nodes":[{{}}],"edges":[]}}', "damaged"),
        ("x.json", f'{{{HEAD},"nodes":[1],"edges":[]}}', "damaged"),
        ("x.json", f'{{{HEAD},"nodes":[{{"id":[]}}],"edges":[]}}', "cannot be a node"),
        ("x.json", f'{{{HEAD},"nodes":[],"edges":[{{"source":1,"target":2}}]}}', "damaged"),
        ("x.json", f'{{{HEAD},"nodes":[{{"id":{{"$datetime":"x"}}}}],"edges":[]}}', "no value"),
        ("x.json", f'{{{HEAD},"nodes":[{{"id":{{"$odd":"x"}}}}],"edges":[]}}', "no value"),
        ("x.json.gz", "plain", "no whole gzip"),
        ("x.graphml.gz", "plain", "no whole gzip"),
        ("x.graphml", "", "no XML"),
        ("x.graphml", "<a>", "no GraphML: its root is 'a'"),
        ("x.graphml", "<graphml>", "no XML"),
        ("x.graphml", FOREIGN, "networkx.read_graphml"),
        ("x.graphml", "<graphml/>", "no snapshot"),
        ("x.graphml", "<!DOCTYPE x [<!ENTITY a 'b'>]><graphml>&a;</graphml>", "DOCTYPE"),
        ("x.graphml", EDGE_TO_NOWHERE, "damaged"),
        ("x.graphml", EDGE_TO_NOWHERE.replace('"version":1', '"version":2'), "upgrade graph_orch"),
        ("x.graphml", EDGE_TO_NOWHERE.replace('"format"', '"other"'), "no snapshot"),
    ],
)
def test_what_is_no_snapshot_is_refused(tmp_path, name, content, words):
    path = tmp_path / name
    path.write_bytes(content.encode(errors="surrogateescape"))
    with pytest.raises(AnalysisError, match=words) as error:
        analysis.load(path)
    assert str(error.value).startswith(f"load: {path}: ")


@every_suffix
def test_a_file_that_was_cut_off(tmp_path, suffix):
    path = tmp_path / f"x{suffix}"
    analysis.save(nx.karate_club_graph(), path)
    path.write_bytes(path.read_bytes()[:-40])
    with pytest.raises(AnalysisError, match="is no"):
        analysis.load(path)


def test_gzip_is_smaller(tmp_path):
    graph = nx.complete_graph(40)
    analysis.save(graph, tmp_path / "x.json")
    analysis.save(graph, tmp_path / "x.json.gz")
    plain, zipped = (tmp_path / "x.json").read_bytes(), (tmp_path / "x.json.gz").read_bytes()
    assert gzip.decompress(zipped) == plain
    assert len(zipped) < len(plain) / 4


@pytest.mark.parametrize(
    "wrong",
    [
        {"version": "9" * 9_000},
        {"graph": {"a": {f"${'9' * 9_000}": 1}}},
        {"edges": [{"source": "9" * 9_000, "target": "a", "key": "b"}]},
    ],
)
def test_what_a_message_quotes_of_a_file_has_an_end(tmp_path, wrong):
    path = tmp_path / "x.json"
    analysis.save(nx.MultiDiGraph([("a", "b", "c")]), path)
    path.write_text(json.dumps(json.loads(path.read_text()) | wrong))
    with pytest.raises(AnalysisError) as raised:
        analysis.load(path)
    assert len(str(raised.value)) < 1_000
