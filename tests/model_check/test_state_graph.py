"""State graphs: all states, all steps, every format readable by others."""

import json
import xml.etree.ElementTree as ElementTree

import networkx as nx
import pytest

from model_check import check, state_graph
from model_check.state_graph import to_dot, to_graphml, to_json, to_svg
from spec.consensus import Consensus
from spec.language import IonianError, Scope
from spec.paxos import Paxos


@pytest.fixture(scope="module")
def graph():
    return state_graph(Paxos(Scope(acceptor=2, ballot=2, value=1)))


def test_it_has_the_states_and_steps_of_a_check(graph):
    result = check(Paxos(Scope(acceptor=2, ballot=2, value=1)), engine="interpreter")
    assert graph.number_of_nodes() == result.distinct_states
    assert graph.number_of_edges() == result.generated_states
    assert max(nx.get_node_attributes(graph, "depth").values()) == result.depth
    # Depths are distances from the initial states.
    (initial,) = (n for n, d in graph.nodes(data=True) if d["initial"])
    assert nx.single_source_shortest_path_length(graph, initial) == nx.get_node_attributes(graph, "depth")


def test_each_edge_is_a_step_between_its_states(graph):
    protocol = Paxos(Scope(acceptor=2, ballot=2, value=1))
    for source, target, data in graph.edges(data=True):
        assert protocol.step(graph.nodes[source]["state"], data["step"]) == graph.nodes[target]["state"]
        assert data["label"].startswith(data["action"])


def test_too_many_states_are_refused():
    with pytest.raises(IonianError, match="more than 80 states, too many for this graph: choose a smaller scope"):
        state_graph(Paxos(Scope(acceptor=2, ballot=2, value=1)), limit=80)
    assert len(state_graph(Paxos(Scope(acceptor=2, ballot=2, value=1)), limit=81)) == 81


def test_json_and_graphml_are_read_back(graph):
    data = json.loads(to_json(graph))
    assert len(data["nodes"]) == len(graph)
    assert len(data["edges"]) == graph.number_of_edges()
    assert data["nodes"][0]["state"]["prepares"] == {"#set": []}
    assert {e["action"] for e in data["edges"]} == {"phase_1a", "phase_1b", "phase_2a", "phase_2b"}
    read = nx.parse_graphml(to_graphml(graph), force_multigraph=True)
    assert (read.number_of_nodes(), read.number_of_edges()) == (graph.number_of_nodes(), graph.number_of_edges())


def test_dot_shows_each_state_and_move():
    text = to_dot(state_graph(Consensus(Scope(value=2))))
    assert text == (
        'digraph "Consensus(Scope(value=2))" {\n'
        "  node [shape=box, fontname=monospace, fontsize=9];\n"
        "  edge [fontsize=9];\n"
        '  0 [label="chosen = {}\\l", style=bold];\n'
        '  1 [label="chosen = {v1}\\l"];\n'
        '  2 [label="chosen = {v2}\\l"];\n'
        '  0 -> 1 [label="choose(v=v1)"];\n'
        '  0 -> 2 [label="choose(v=v2)"];\n'
        "}\n"
    )


def test_svg_is_a_drawing_that_does_not_change(graph):
    pytest.importorskip("matplotlib", reason="matplotlib, an optional extra, is not installed")
    text = to_svg(graph)
    assert ElementTree.fromstring(text).tag.endswith("svg")
    assert text == to_svg(state_graph(Paxos(Scope(acceptor=2, ballot=2, value=1))))


def test_svg_without_matplotlib_says_what_to_install(graph, monkeypatch):
    monkeypatch.setitem(__import__("sys").modules, "matplotlib", None)
    with pytest.raises(IonianError, match=r"pip install 'ionian\[graph\]'"):
        to_svg(graph)
