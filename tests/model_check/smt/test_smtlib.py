"""Obligations as SMT-LIB files: complete, commented, read back by Z3, and confirmed by a second solver."""

from __future__ import annotations

import pytest
import z3

from model_check.smt.unbounded.obligations import Obligation
from model_check.smt.unbounded.prover import Limits, Prover
from model_check.smt.unbounded.smtlib import script, write_all
from proofs.paxos import PaxosProof
from proofs.raft import RaftProof
from proofs.second_solver import STRATEGIES, ask, opinions, supports
from proofs.voting import VotingProof
from spec.language import IonianError


def read_back(text: str) -> z3.CheckSatResult:
    solver = z3.Solver()
    solver.set("timeout", 10_000)
    solver.from_string(text)
    return solver.check()


def test_paxos_read_back(tmp_path):
    """Every file of Paxos is a complete script that Z3 finds unsatisfiable, and says what it is about."""
    prover = Prover(PaxosProof, frozenset(), Limits())
    written = write_all(prover, supports(PaxosProof), tmp_path)
    assert len(written) == sum(len(prover.encoding.queries(o)) for o in prover.encoding.obligations)
    for path in written:
        text = path.read_text(encoding="utf-8")
        action, name, _, _ = path.name.split(".")
        assert f"; PaxosProof: action {action}, lemma {name}\n" in text
        assert "(set-logic UF)" in text
        assert "(set-info :status unsat)" in text
        assert read_back(text) == z3.unsat


def test_raft_read_back():
    """Enumerations and sequences too: one action of Raft."""
    prover, known = Prover(RaftProof, frozenset(), Limits()), supports(RaftProof)
    obligations = [o for o in prover.encoding.obligations if o.action == "client_request"]
    for obligation in obligations:
        for query, support in zip(prover.encoding.queries(obligation), known[obligation], strict=True):
            text = script(prover, obligation, query, support)
            assert "declare-datatypes" not in text
            assert read_back(text) == z3.unsat


def test_a_support_that_does_not_suffice_is_not_refuted():
    """Without its lemmas an obligation has a model: the file says what it says, not just `unsat`."""
    prover = Prover(PaxosProof, frozenset(), Limits())
    obligation = Obligation("phase_2b", "votes_bind")
    (query,) = prover.encoding.queries(obligation)
    assert read_back(script(prover, obligation, query, ())) == z3.sat
    assert read_back(script(prover, obligation, query, supports(PaxosProof)[obligation][0])) == z3.unsat


def test_no_support(tmp_path):
    with pytest.raises(IonianError, match=r"init, validity: no support is known for each of its 1 paths; prove it first"):
        write_all(Prover(PaxosProof, frozenset(), Limits()), {}, tmp_path)


@pytest.mark.parametrize("protocol", [VotingProof, PaxosProof, pytest.param(RaftProof, marks=pytest.mark.long)])
def test_the_second_solver_confirms(protocol):
    """cvc5 refutes every query, too."""
    pytest.importorskip("cvc5", reason="cvc5, an optional extra, is not installed: pip install 'ionian[second-solver]'")
    assert {(o.obligation, o.path): o.answer for o in opinions(protocol) if o.answer != "unsat"} == {}


def test_the_second_solver_finds_a_model_where_lemmas_are_missing():
    pytest.importorskip("cvc5", reason="cvc5, an optional extra, is not installed: pip install 'ionian[second-solver]'")
    prover = Prover(PaxosProof, frozenset(), Limits())
    obligation = Obligation("phase_2b", "votes_bind")
    (query,) = prover.encoding.queries(obligation)
    assert ask(script(prover, obligation, query, ()), STRATEGIES[0], 10.0) == "sat"
