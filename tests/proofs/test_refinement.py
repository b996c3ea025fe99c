"""Paxos refines Voting refines Consensus, and Raft the replicated log: for any number of everything, and only as long as all is there."""

from __future__ import annotations

from collections.abc import Callable
from types import ModuleType

import pytest
import z3

from model_check.check import check
from model_check.cli.main import run
from model_check.interpreter import RefinementMapping
from model_check.smt.unbounded.obligations import INITIATION, Encoding, Obligation
from model_check.smt.unbounded.small_clusters import SmallClusters
from proofs.paxos import PaxosProof
from proofs.raft import RaftProof
from proofs.voting import VotingProof
from spec.consensus import Consensus, Value
from spec.language import Map, Protocol, Scope, Set, SpecError, refines
from spec.voting import Acceptor, Vote, Voting

SUPPORTS: dict[Obligation, tuple[str, ...]] = {
    Obligation("phase_2b", "voting"): ("proposals_rest_on_a_quorum", "validity", "one_proposal_per_ballot"),
    Obligation("phase_2a", "proposals_rest_on_a_quorum"): (
        "promises_bind",
        "promises_report_votes",
        "promises_report_the_highest",
        "proposals_rest_on_a_quorum",
    ),
    Obligation("vote_for", "consensus"): ("one_value_per_ballot", "votes_are_safe"),
    Obligation("advance_commit", "replicated_log"): ("log_terms_ordered",),
}
"""The lemmas that an obligation rests on; the others rest on none."""


def results(protocol: type[Protocol], name: str, without: frozenset[str] = frozenset(), leave_out: str = "", seconds: float = 8) -> dict[str, bool]:
    """For each action, whether its obligation for a mapping (or lemma) is discharged."""
    encoding = Encoding(protocol, without)
    found = {}
    for action in (INITIATION, *(a.name for a in encoding.ir.actions)):
        obligation = Obligation(action, name)
        known = [lemma for lemma in SUPPORTS.get(obligation, ()) if lemma != leave_out]
        found[action] = all(refuted(encoding, [*query.facts, query.goal], known, seconds) for query in encoding.queries(obligation))
    return found


def refuted(encoding: Encoding, formulas: list[z3.BoolRef], known: list[str], seconds: float) -> bool:
    solver = z3.Solver()
    solver.set("timeout", int(1000 * seconds))
    solver.add(*encoding.axioms, *formulas, *(encoding.hypothesis(lemma) for lemma in known))
    return solver.check() == z3.unsat


@pytest.mark.parametrize(
    ("protocol", "mapping"),
    [(PaxosProof, "voting"), (VotingProof, "consensus"), (RaftProof, "replicated_log")],
    ids=["paxos refines voting", "voting refines consensus", "raft refines the replicated log"],
)
def test_every_step_is_a_step_of_the_abstract_protocol_or_none(protocol: type[Protocol], mapping: str) -> None:
    found = results(protocol, mapping)
    assert set(found) == {INITIATION, *(a.name for a in protocol.ir.actions)}
    assert [action for action, proved in found.items() if not proved] == []


def test_refinements_stand_among_the_obligations() -> None:
    listed = Encoding(PaxosProof).obligations
    assert [o.action for o in listed if o.lemma == "voting"] == [INITIATION, "phase_1a", "phase_1b", "phase_2a", "phase_2b"]


# --- The lemmas that the refinements rest on


@pytest.mark.parametrize(
    "protocol", [PaxosProof(Scope(acceptor=3, ballot=2, value=2)), VotingProof(Scope(acceptor=3, ballot=2, value=2))], ids=["paxos", "voting"]
)
def test_the_lemmas_hold_in_all_reachable_states_of_a_small_scope(protocol: Protocol) -> None:
    assert check(protocol, engine="interpreter", symmetry=True).verdict == "holds"


def test_a_leader_that_adopts_no_vote_proposes_what_no_quorum_shows_to_be_safe() -> None:
    assert results(PaxosProof, "proposals_rest_on_a_quorum")["phase_2a"]
    assert not results(PaxosProof, "proposals_rest_on_a_quorum", frozenset({"adopt-the-value-of-the-highest-vote"}), seconds=2)["phase_2a"]


# --- What makes a refinement fail


@pytest.mark.parametrize(
    ("protocol", "mapping", "rule", "action"),
    [
        # Voting has a rule of the same name, which stays in force.
        (PaxosProof, "voting", "keep-the-promise", "phase_2b"),
        (VotingProof, "consensus", "vote-only-where-it-is-safe", "vote_for"),
    ],
)
def test_without_a_rule_its_action_is_no_step(protocol: type[Protocol], mapping: str, rule: str, action: str) -> None:
    found = results(protocol, mapping, frozenset({rule}), seconds=2)
    assert [a for a, proved in found.items() if not proved] == [action]


@pytest.mark.parametrize(
    ("protocol", "mapping", "lemma", "action"),
    [
        (PaxosProof, "voting", "proposals_rest_on_a_quorum", "phase_2b"),
        (VotingProof, "consensus", "votes_are_safe", "vote_for"),
        (RaftProof, "replicated_log", "log_terms_ordered", "advance_commit"),
    ],
)
def test_without_its_lemma_an_action_is_no_step(protocol: type[Protocol], mapping: str, lemma: str, action: str) -> None:
    found = results(protocol, mapping, leave_out=lemma, seconds=2)
    assert [a for a, proved in found.items() if not proved] == [action]


class PromisesForgotten(PaxosProof):
    """In Voting a vote is also a promise; this mapping shows none."""

    @refines(Voting)
    def voting(self) -> Voting:
        """Votes without promises."""
        return Voting.state_of(
            votes=Set({Vote(m.acceptor, m.ballot, m.value) for m in self.accepteds}),
            max_bal=Map({a: None for a in Acceptor}),
        )


class ProposedIsVoted(PaxosProof):
    """A proposal is taken for the votes of all acceptors."""

    @refines(Voting)
    def voting(self) -> Voting:
        """Votes as soon as there is something to vote for."""
        return Voting.state_of(votes=Set({Vote(a, m.ballot, m.value) for m in self.accepts for a in Acceptor}), max_bal=self.max_bal)


class VotedIsChosen(VotingProof):
    """A single vote is taken for a choice."""

    @refines(Consensus)
    def consensus(self) -> Consensus:
        """Values voted for."""
        return Consensus.state_of(chosen=Set({w.value for w in self.votes}))


class NotVotedIsChosen(VotingProof):
    """What nobody voted for is taken for chosen, so that something is from the start."""

    @refines(Consensus)
    def consensus(self) -> Consensus:
        """Values not voted for."""
        return Consensus.state_of(chosen=Set({v for v in Value if all(w.value != v for w in self.votes)}))


WRONG = [
    (PromisesForgotten, "voting", "phase_2b"),
    (ProposedIsVoted, "voting", "phase_2a"),
    (VotedIsChosen, "consensus", "vote_for"),
    (NotVotedIsChosen, "consensus", INITIATION),
]


@pytest.mark.parametrize(("protocol", "mapping", "action"), WRONG)
def test_a_wrong_mapping_is_no_refinement(protocol: type[Protocol], mapping: str, action: str) -> None:
    assert not results(protocol, mapping, seconds=2)[action]


@pytest.mark.parametrize(
    ("protocol", "mapping", "action", "without"),
    [
        *((*w, ()) for w in WRONG),
        (PaxosProof, "voting", "phase_2b", ("keep the promise",)),
        # With two acceptors or more, no vote alone makes another value chosen from a state that satisfies the lemmas.
        (VotingProof, "consensus", "vote_for", ("vote only where it is safe",)),
    ],
)
def test_a_small_cluster_shows_the_step_that_the_abstract_protocol_does_not_have(
    protocol: type[Protocol], mapping: str, action: str, without: tuple[str, ...]
) -> None:
    """All lemmas hold before it; CPython finds the abstract states, and no step between them."""
    removed = frozenset(protocol.rule_named(rule) for rule in without)
    found = SmallClusters(protocol, removed).find(Obligation(action, mapping), 60.0)
    assert found is not None
    cti, cluster = found.counterexample(protocol, removed), protocol(Scope(**found.sizes), without=without)
    judge = RefinementMapping(cluster, mapping)
    assert [s.action for s in cti.steps] == [a for a in [action] if a != INITIATION]
    assert cti.images == tuple(judge.image(s) for s in cti.states)
    if cti.steps:
        assert all(cluster.holds(p, cti.states[0]) for p in protocol.ir.of_kind("invariant"))
        assert cluster.step(cti.states[0], cti.steps[0]) == cti.states[1]
        assert cti.images[1] not in {cti.images[0], *(after for _, after in judge.abstract.successors(cti.images[0]))}
    else:
        assert cti.images[0] not in judge.abstract.initial_states()


def test_the_command_shows_what_becomes_of_the_abstract_state(tmp_path, capsys, monkeypatch) -> None:
    monkeypatch.setenv("IONIAN_CACHE_DIR", str(tmp_path / "cache"))
    assert run(["prove", "paxos", "--lemma", "voting", "--action", "phase_2b", "--without", "keep the promise", "--jobs", "1"]) == 3
    out = capsys.readouterr().out
    assert "phase_2b" in out
    assert "Not refined: voting, which makes of this\n  " in out
    assert "max_bal[a2]: 1 -> 0" in out


WITHOUT_VALUES = """
from spec.consensus import Consensus
from spec.language import Protocol, Scope, Set, Sort, action, refines

class Node(Sort):
    \"\"\"A process.\"\"\"

class Idle(Protocol):
    \"\"\"Nothing is ever chosen.\"\"\"
    default_scope = Scope(node=2)
    order = (Node,)
    seen: Set[Node]
    \"\"\"Who has been seen.\"\"\"

    def init(self) -> None:
        \"\"\"Nobody.\"\"\"
        self.seen = Set()

    @action
    def see(self, n: Node) -> None:
        \"\"\"See a process.\"\"\"
        self.seen |= {n}

    @refines(Consensus)
    def consensus(self) -> Consensus:
        \"\"\"Nothing is chosen.\"\"\"
        return Consensus.state_of(chosen=Set())
"""


def test_a_mapping_to_a_protocol_with_other_sorts_is_refused(load_spec: Callable[[str], ModuleType]) -> None:
    protocol = load_spec(WITHOUT_VALUES).Idle
    with pytest.raises(SpecError, match="Idle lacks the sorts Value of Consensus"):
        Encoding(protocol)
