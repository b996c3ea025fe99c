"""The proof graph: edges from supports, and the three forms in which it is written."""

from __future__ import annotations

import json
from pathlib import Path
from xml.etree import ElementTree

import pytest

from model_check.smt.unbounded.definedness import DEFINED
from model_check.smt.unbounded.graph import OWN, proof_graph, write_proof_graph
from model_check.smt.unbounded.ledger import read_ledger
from model_check.smt.unbounded.obligations import Obligation
from proofs.paxos import PaxosProof
from spec.language import IonianError

SUPPORTS = {
    Obligation("init", "agreement"): [[]],
    Obligation("implied", "agreement"): [["proposals_are_safe", "one_proposal_per_ballot"]],
    Obligation("phase_2a", "proposals_are_safe"): [["proposals_are_safe", "promises_bind"], ["promises_report_the_highest", "max_vote.value.ballot"]],
    Obligation("phase_2b", "proposals_are_safe"): [["promises_bind", "one_proposal_per_ballot"]],
    Obligation("phase_2b", "one_proposal_per_ballot"): [["proposals_are_safe"]],
}


def test_an_edge_leads_to_each_lemma_that_some_path_of_some_obligation_needs() -> None:
    graph = proof_graph(PaxosProof, SUPPORTS)
    assert set(graph["agreement"]) == {"proposals_are_safe", "one_proposal_per_ballot"}
    assert set(graph["proposals_are_safe"]) == {"promises_bind", "promises_report_the_highest", "one_proposal_per_ballot"}
    assert graph.edges["proposals_are_safe", "promises_bind"]["actions"] == ["phase_2a", "phase_2b"]


def test_every_property_is_a_node_with_its_topic_and_prose() -> None:
    graph = proof_graph(PaxosProof, {})
    assert graph.nodes["promises_bind"] == {"topic": "acceptors", "doc": "An acceptor that promised a ballot stays at or above it."}
    assert graph.nodes["agreement"]["topic"] == graph.nodes["stability"]["topic"] == OWN


def test_mappings_and_definedness_are_nodes_too(tmp_path: Path) -> None:
    """Whatever a proof's obligations are of, its graph can be drawn."""
    supports = {obligation: hint.support for obligation, hint in read_ledger(PaxosProof).items()}
    graph = proof_graph(PaxosProof, supports)
    assert {graph.nodes[o.lemma]["topic"] for o in supports if o.lemma in ("voting", DEFINED)} == {OWN}
    for ending in ("svg", "dot", "json"):
        write_proof_graph(PaxosProof, supports, tmp_path / f"g.{ending}")
        assert "voting" in (tmp_path / f"g.{ending}").read_text()


def test_json_has_every_edge(tmp_path: Path) -> None:
    write_proof_graph(PaxosProof, SUPPORTS, tmp_path / "g.json")
    found = json.loads((tmp_path / "g.json").read_text())
    assert {(e["lemma"], e["needs"]) for e in found["edges"]} == set(proof_graph(PaxosProof, SUPPORTS).edges)


def test_dot_has_a_cluster_for_each_topic(tmp_path: Path) -> None:
    write_proof_graph(PaxosProof, SUPPORTS, tmp_path / "g.dot")
    text = (tmp_path / "g.dot").read_text()
    assert text.count("subgraph") == 4
    assert 'proposals_are_safe -> promises_bind [tooltip="phase_2a, phase_2b"];' in text


def test_the_picture_shows_every_lemma_and_dashes_what_leads_up(tmp_path: Path) -> None:
    write_proof_graph(PaxosProof, SUPPORTS, tmp_path / "g.svg")
    root = ElementTree.parse(tmp_path / "g.svg").getroot()
    shown = {text.text for text in root.iter("{http://www.w3.org/2000/svg}text")}
    assert set(proof_graph(PaxosProof, SUPPORTS)) <= shown
    dashed = [p for p in root.iter("{http://www.w3.org/2000/svg}path") if p.get("stroke-dasharray")]
    assert len(dashed) == 1, "one_proposal_per_ballot and proposals_are_safe need each other"
    # Agreement needs one_proposal_per_ballot by way of proposals_are_safe already.
    assert len(list(root.iter("{http://www.w3.org/2000/svg}path"))) == len(proof_graph(PaxosProof, SUPPORTS).edges) - 1


def test_equal_proofs_give_equal_pictures(tmp_path: Path) -> None:
    for name in ("a.svg", "b.svg"):
        write_proof_graph(PaxosProof, SUPPORTS, tmp_path / name)
    assert (tmp_path / "a.svg").read_text() == (tmp_path / "b.svg").read_text()


@pytest.mark.parametrize(("name", "message"), [("g.png", "ends in none of .svg, .dot, .json"), ("no/such/folder/g.svg", "No such file")])
def test_what_cannot_be_written_is_said(tmp_path: Path, name: str, message: str) -> None:
    with pytest.raises(IonianError, match=message):
        write_proof_graph(PaxosProof, SUPPORTS, tmp_path / name)
