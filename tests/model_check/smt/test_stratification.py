"""Which formulas, and which obligations of the proofs, lie within the decidable fragment."""

from __future__ import annotations

import pytest
import z3

from model_check.smt.unbounded.obligations import Obligation
from model_check.smt.unbounded.prover import Limits, Prover
from model_check.smt.unbounded.stratification import cycles, describe
from proofs.paxos import PaxosProof

A, B, C = (z3.DeclareSort(name) for name in "ABC")
a, b, c = z3.Const("a", A), z3.Const("b", B), z3.Const("c", C)
P = z3.Function("P", A, B, z3.BoolSort())
R = z3.Function("R", A, A, z3.BoolSort())
S = z3.Function("S", B, C, z3.BoolSort())
f, g = z3.Function("f", A, B), z3.Function("g", B, A)
COLOUR, (RED, GREEN) = z3.EnumSort("Colour", ["red", "green"])
paint, pick = z3.Function("paint", A, COLOUR), z3.Function("pick", COLOUR, A)


def found(*formulas: z3.BoolRef) -> list[str]:
    return [describe(cycle) for cycle in cycles(formulas)]


STRATIFIED = {
    "no function": [z3.ForAll([a], R(a, a))],
    "functions down": [z3.ForAll([a], P(a, f(a)))],
    "an alternation down": [z3.ForAll([a], z3.Exists([b], P(a, b)))],
    "the other alternation is an outermost constant": [z3.Exists([a], z3.ForAll([b], P(a, b))), z3.ForAll([a], z3.Exists([b], P(a, b)))],
    "a denial turns quantifiers round": [z3.Not(z3.Exists([b], z3.ForAll([a], P(a, b)))), z3.Not(z3.ForAll([b], z3.Exists([a], P(a, b))))],
    "a body that does not speak of the universal": [z3.ForAll([a], z3.Or(R(a, a), z3.Exists([b], z3.ForAll([c], S(b, c))))), z3.ForAll([b], P(g(b), b))],
    "an equation names what exists": [z3.ForAll([a], z3.Exists([b, z3.Const("a2", A)], z3.And(z3.Const("a2", A) == a, P(a, b))))],
    "through an enumeration": [z3.ForAll([a], R(a, pick(paint(a))))],
}


@pytest.mark.parametrize("name", STRATIFIED)
def test_stratified(name):
    assert found(*STRATIFIED[name]) == []


CYCLES = {
    "functions to and fro": ([R(g(f(a)), a)], ["A -> B (f), B -> A (g)"]),
    "an alternation against a function": (
        [z3.ForAll([a], P(a, f(a))), z3.ForAll([b], z3.Exists([a], P(a, b)))],
        ["A -> B (f), B -> A (for each B some A)"],
    ),
    "within one sort": ([z3.ForAll([a], z3.Exists([z3.Const("a2", A)], R(a, z3.Const("a2", A))))], ["A -> A (for each A some A)"]),
    "a denied alternation": ([z3.Not(z3.Exists([a], z3.ForAll([z3.Const("a2", A)], R(a, z3.Const("a2", A)))))], ["A -> A (for each A some A)"]),
    "below an equivalence": ([z3.ForAll([a], R(a, a) == z3.ForAll([z3.Const("a2", A)], R(a, z3.Const("a2", A))))], ["A -> A (for each A some A)"]),
    "through what an existential depends on": (
        [z3.ForAll([a], z3.Exists([b], z3.And(P(a, b), z3.Exists([c], S(b, c))))), z3.ForAll([c], R(z3.Function("h", C, A)(c), a))],
        ["A -> C (for each A some C), C -> A (h)"],
    ),
    "an equation with itself": ([z3.ForAll([a], z3.Exists([z3.Const("a2", A)], z3.And(z3.Const("a2", A) == g(f(z3.Const("a2", A))), R(a, a))))], ["A -> B (f), B -> A (g)"]),
}


@pytest.mark.parametrize("name", CYCLES)
def test_cycles(name):
    formulas, expected = CYCLES[name]
    assert found(*formulas) == expected


def test_paxos():
    """Four obligations of Paxos lie outside, by reading a vote's value or by a quorum's reports; all others are decidable."""
    prover = Prover(PaxosProof, frozenset(), {}, Limits())
    encoding, outside = prover.encoding, {}
    for obligation in encoding.obligations:
        for query in encoding.queries(obligation):
            result, support = prover.refute(query, obligation, None)
            assert result == z3.unsat
            for line in found(*encoding.axioms, *query.facts, query.goal, *map(prover.known, support)):
                outside.setdefault(obligation, []).append(line)
    assert outside == OUTSIDE


OUTSIDE: dict[Obligation, list[str]] = {}
