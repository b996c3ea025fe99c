"""Which formulas, and which obligations of the proofs, lie within the decidable fragment."""

from __future__ import annotations

import pytest
import z3

from model_check.smt.unbounded.prover import Limits, Prover
from model_check.smt.unbounded.stratification import Strata, describe
from proofs.paxos import PaxosProof
from proofs.raft import RaftProof
from proofs.second_solver import supports
from spec.language import Protocol

A, B, C = (z3.DeclareSort(name) for name in "ABC")
a, a2, b, c = z3.Const("a", A), z3.Const("a2", A), z3.Const("b", B), z3.Const("c", C)
P = z3.Function("P", A, B, z3.BoolSort())
R = z3.Function("R", A, A, z3.BoolSort())
S = z3.Function("S", B, C, z3.BoolSort())
f, g = z3.Function("f", A, B), z3.Function("g", B, A)
COLOUR, (RED, GREEN) = z3.EnumSort("Colour", ["red", "green"])
paint, pick = z3.Function("paint", A, COLOUR), z3.Function("pick", COLOUR, A)


def found(*formulas: z3.BoolRef) -> list[str]:
    return [describe(cycle) for cycle in Strata().cycles(formulas)]


STRATIFIED = {
    "no function": [z3.ForAll([a], R(a, a))],
    "functions down": [z3.ForAll([a], P(a, f(a)))],
    "an alternation down": [z3.ForAll([a], z3.Exists([b], P(a, b)))],
    "the other alternation is an outermost constant": [z3.Exists([a], z3.ForAll([b], P(a, b))), z3.ForAll([a], z3.Exists([b], P(a, b)))],
    "a denial turns quantifiers round": [z3.Not(z3.Exists([b], z3.ForAll([a], P(a, b)))), z3.Not(z3.ForAll([b], z3.Exists([a], P(a, b))))],
    "a denial counts one way": [z3.Not(z3.ForAll([a], z3.Exists([a2], R(a, a2))))],
    "a premise counts as denied": [z3.Implies(z3.ForAll([a], z3.Exists([a2], R(a, a2))), P(a, b))],
    "parts count as the whole": [z3.And(z3.Or(z3.Exists([a], z3.ForAll([a2], R(a, a2))), P(a, b)), P(a, b))],
    "a body that does not speak of the universal": [z3.ForAll([a], z3.Or(R(a, a), z3.Exists([b], z3.ForAll([c], S(b, c))))), z3.ForAll([b], P(g(b), b))],
    "an equation names what exists": [z3.ForAll([a], z3.Exists([b, a2], z3.And(a2 == a, P(a, b))))],
    "through an enumeration": [z3.ForAll([a], R(a, pick(paint(a))))],
}


@pytest.mark.parametrize("name", STRATIFIED)
def test_stratified(name):
    assert found(*STRATIFIED[name]) == []


CYCLES = {
    "functions to and fro": ([R(g(f(a)), a)], ["A -> B (f), B -> A (g)"]),
    "by a later argument": ([R(z3.Function("q", C, B, A)(c, f(a)), a)], ["A -> B (f), B -> A (q)"]),
    "an alternation against a function": (
        [z3.ForAll([a], P(a, f(a))), z3.ForAll([b], z3.Exists([a], P(a, b)))],
        ["A -> B (f), B -> A (for each B some A)"],
    ),
    "within one sort": ([z3.ForAll([a], z3.Exists([a2], R(a, a2)))], ["A -> A (for each A some A)"]),
    "a denied alternation": ([z3.Not(z3.Exists([a], z3.ForAll([a2], R(a, a2))))], ["A -> A (for each A some A)"]),
    "below an equivalence": ([z3.ForAll([a], R(a, a) == z3.ForAll([a2], R(a, a2)))], ["A -> A (for each A some A)"]),
    "through what an existential depends on": (
        [z3.ForAll([a], z3.Exists([b], z3.And(P(a, b), z3.Exists([c], S(b, c))))), z3.ForAll([c], R(z3.Function("h", C, A)(c), a))],
        ["A -> C (for each A some C), C -> A (h)"],
    ),
    "an equation with itself": (
        [z3.ForAll([a], z3.Exists([a2], z3.And(a2 == g(f(a2)), P(a2, b))))],
        ["A -> B (f), B -> A (g)"],
    ),
}


@pytest.mark.parametrize("name", CYCLES)
def test_cycles(name):
    formulas, expected = CYCLES[name]
    assert found(*formulas) == expected


def test_each_set_of_formulas_is_looked_at_by_itself():
    """Though what a formula contributes is remembered."""
    down, up = z3.ForAll([a], P(a, f(a))), z3.ForAll([b], z3.Exists([a], P(a, b)))
    strata = Strata()
    assert [len(strata.cycles(formulas)) for formulas in ([down], [down, up], [up], [up, down])] == [0, 1, 0, 1]


def outside(protocol: type[Protocol]) -> dict[str, set[str]]:
    """By cycle: the obligations of which some path's query, with its support in the ledger, goes round it."""
    prover, known = Prover(protocol, frozenset(), Limits()), supports(protocol)
    result: dict[str, set[str]] = {}
    for obligation in prover.encoding.obligations:
        for cycle in prover.cycles(prover.encoding.queries(obligation), known[obligation]):
            result.setdefault(cycle, set()).add(f"{obligation.action}/{obligation.lemma}")
    return result


def test_paxos():
    """Three obligations of agreement and validity lie outside, and most of those of the refinement, which claims that a quorum exists."""
    for_refinement = ("proposals_rest_on_a_quorum", "voting")
    found = {obligation for obligations in outside(PaxosProof).values() for obligation in obligations}
    assert {o for o in found if not o.endswith(for_refinement)} == {
        "phase_1b/promises_report_votes",
        "phase_1b/promises_report_the_highest",
        "phase_2a/proposals_are_safe",
    }
    assert {o for o in found if o.endswith(for_refinement)} == {
        "phase_1a/proposals_rest_on_a_quorum",
        "phase_1b/proposals_rest_on_a_quorum",
        "phase_1b/voting",
        "phase_2a/proposals_rest_on_a_quorum",
        "phase_2b/proposals_rest_on_a_quorum",
        "phase_2b/voting",
    }


@pytest.mark.long
def test_raft():
    """Outside: where a server has a position and each position some server, where a quorum is made of servers, and one position on terms."""
    assert set(outside(RaftProof)) == RAFT


RAFT = {
    "Index -> Node (for each Index some Node), Node -> Index (acked)",
    "Index -> Node (for each Index some Node), Node -> Index (commit_index)",
    "Index -> Node (for each Index some Node), Node -> Index (log.last)",
    "Index -> Node (for each Index some Node), Node -> Index (match_index)",
    "Index -> Term (for each Index some Term), Term -> Index (commit_point.index)",
    "Node -> Node (for each Node some Node)",
    "Node -> Quorum_Node (for each Node some Quorum_Node), Quorum_Node -> Node (for each Quorum_Node some Node)",
}
