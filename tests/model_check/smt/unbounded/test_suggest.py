"""Lemmas suggested: Paxos's own, deleted and offered among others, are found again."""

from __future__ import annotations

import ast
import itertools
from collections.abc import Callable
from pathlib import Path
from types import ModuleType

import pytest

from model_check import check
from model_check.smt.unbounded.obligations import obligations_of
from model_check.smt.unbounded.prover import Limits, Prover
from model_check.smt.unbounded.suggest import Suggestion, explore, suggest
from model_check.smt.unbounded.templates import templates
from proofs.paxos import PaxosProof
from spec.language import Protocol, Scope, SpecError
from spec.paxos import Paxos

Load = Callable[[str], ModuleType]
# Limits are in seconds of the clock, and the machine may be busy.
PATIENT = Limits(timeout=60.0)

TEXT = Path("proofs/paxos.py").read_text(encoding="utf-8")
METHODS = {
    method.name: "\n".join(TEXT.splitlines()[method.decorator_list[0].lineno - 1 : method.end_lineno]) + "\n"
    for method in ast.walk(ast.parse(TEXT))
    if isinstance(method, ast.FunctionDef) and method.decorator_list
}
LEMMAS = [p.name for p in PaxosProof.ir.properties if p.topic]
PAIRS = [*itertools.combinations(LEMMAS, 2)]

# Plausible, and wrong or of no use.
OTHERS = '''
    @lemma("guesses")
    def one_vote_per_acceptor(self) -> bool:
        """False: an acceptor may vote in several ballots."""
        return all(m.ballot == n.ballot for m in self.accepteds for n in self.accepteds if m.acceptor == n.acceptor)

    @lemma("guesses")
    def votes_agree_with_last_votes(self) -> bool:
        """False in the same way."""
        return all(self.was_cast(a, self.max_vote[a]) and not self.reaches(self.max_vote[a], m.ballot) for a in Acceptor for m in self.accepteds)

    @lemma("guesses")
    def promises_without_votes(self) -> bool:
        """True only before the first vote."""
        return all(m.highest_vote is None for m in self.promises)

    @lemma("guesses")
    def proposals_follow_prepares(self) -> bool:
        """True, and of no use."""
        return all(any(p.ballot == m.ballot for p in self.prepares) for m in self.accepts)
'''


def without(load_spec: Load, deleted: tuple[str, ...]) -> type[Protocol]:
    """The proof of Paxos with some lemmas deleted."""
    text = TEXT
    for name in deleted:
        assert METHODS[name] in text
        text = text.replace(METHODS[name], "")
    proof: type[Protocol] = load_spec(text).PaxosProof
    return proof


def offering(load_spec: Load, proof: type[Protocol], methods: str) -> type[Protocol]:
    """A class of candidates for a proof."""
    header = f"from spec.paxos import *\nfrom {proof.__module__} import *\nfrom {proof.__module__} import PaxosProof\nfrom spec.language import lemma\n"
    offered: type[Protocol] = load_spec(f'{header}\n\nclass Candidates(PaxosProof):\n    """Candidates."""\n\n{methods}').Candidates
    return offered


def completed(load_spec: Load, deleted: tuple[str, ...]) -> Suggestion:
    proof = without(load_spec, deleted)
    return suggest(proof, offering(load_spec, proof, "\n".join(METHODS[name] for name in deleted) + OTHERS), limits=PATIENT)


def test_the_proof_has_the_lemmas_that_are_deleted_here() -> None:
    assert list(METHODS) == LEMMAS


@pytest.mark.long
def test_two_deleted_lemmas_are_found_among_many_candidates(load_spec: Load) -> None:
    found = completed(load_spec, ("promises_report_the_highest", "proposals_are_safe"))
    assert found.open_before
    assert found.offered >= 100
    assert found.true_there < found.offered
    assert found.complete
    assert "proposals_are_safe" in found.suggested
    assert not {"one_vote_per_acceptor", "votes_agree_with_last_votes", "promises_without_votes", "proposals_follow_prepares"} & set(found.suggested)


@pytest.mark.long
@pytest.mark.parametrize("deleted", [*((name,) for name in LEMMAS), *PAIRS], ids="-".join)
def test_every_two_deleted_lemmas_are_found(load_spec: Load, deleted: tuple[str, ...]) -> None:
    found = completed(load_spec, deleted)
    assert found.offered >= 100
    assert found.complete


@pytest.mark.long
def test_what_is_suggested_is_a_proof_by_itself(load_spec: Load) -> None:
    # The suggestion is put into a class of its own and proved from scratch, by the prover alone.
    proof = without(load_spec, ("promises_bind", "one_proposal_per_ballot"))
    found = suggest(proof, limits=PATIENT)
    assert found.complete, "the templates alone suffice"
    methods = "\n".join(
        f'    @lemma("found")\n    def {name}(self) -> bool:\n        """Found."""\n        return {text}\n' for name, text in found.suggested.items()
    )
    whole = offering(load_spec, proof, methods)
    prover = Prover(whole, frozenset(), Limits())
    assert {prover.discharge(o).result for o in obligations_of(whole)} == {"unsat"}


@pytest.mark.long
def test_without_the_heart_of_the_proof_nothing_completes_it(load_spec: Load) -> None:
    found = suggest(without(load_spec, ("proposals_are_safe",)), limits=Limits(timeout=2.0))
    assert not found.complete
    assert "agreement" in found.open_after


def test_what_another_template_implies_is_not_tried(load_spec: Load) -> None:
    found = {t.text: t for t in templates(PaxosProof)}
    below = "all(x.highest_vote is None or x.highest_vote.ballot < x.ballot for x in self.promises)"
    at_most = "all(x.highest_vote is None or x.highest_vote.ballot <= x.ballot for x in self.promises)"
    assert below in found[at_most].implied_by


def test_a_small_scope_is_explored_as_a_whole() -> None:
    states, all_states = explore(Paxos(Scope(acceptor=2, ballot=1, value=1)), 2_000)
    assert all_states
    assert len(states) == check(Paxos(Scope(acceptor=2, ballot=1, value=1)), engine="interpreter", symmetry=False).distinct_states


def test_a_large_scope_is_explored_in_part_and_in_depth() -> None:
    states, all_states = explore(Paxos(), 500)
    assert not all_states
    assert len(states) == 500
    assert max(len(s.accepteds) for s in states) >= 4
    assert states == explore(Paxos(), 500)[0]


def test_candidates_of_another_protocol_are_refused() -> None:
    with pytest.raises(SpecError, match="Paxos has no property `promises_bind`; write the candidates as lemmas of a class derived from PaxosProof"):
        suggest(PaxosProof, Paxos)
