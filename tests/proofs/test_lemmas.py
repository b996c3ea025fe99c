"""The lemmas of the proofs hold where the explorer looks: a wrong one costs seconds here, not a solver's time-out."""

from __future__ import annotations

import pytest

from model_check import check, simulate
from proofs.paxos import PaxosProof
from proofs.raft import RaftProof
from spec.language import Protocol, Scope, State
from spec.raft import Raft


def test_the_lemmas_of_paxos_hold_in_every_reachable_state() -> None:
    result = check(PaxosProof(Scope(acceptor=3, ballot=3, value=2)), symmetry=True)
    assert (result.verdict, result.distinct_states) == ("holds", 17_153)


@pytest.mark.parametrize(("engine", "walks", "steps"), [("interpreter", 80, 1_000), pytest.param("native", 100_000, 1_000_000, marks=pytest.mark.long)])
def test_the_lemmas_of_raft_hold_on_random_walks(engine: str, walks: int, steps: int) -> None:
    result = simulate(RaftProof(Scope(node=3, term=2, index=2, value=1)), seed=7, walks=walks, steps=60, engine=engine)
    assert result.verdict == "no violation found"
    assert result.steps > steps


@pytest.mark.long
@pytest.mark.parametrize(
    ("scope", "depth", "states"),
    [(Scope(node=2, term=2, index=2, value=1), None, 3_927_439), (Scope(node=3, term=2, index=1, value=1), 16, 590_815)],
    ids=["two nodes, the whole space", "three nodes, to a depth"],
)
def test_the_lemmas_of_raft_hold_in_reachable_states(scope: Scope, depth: int | None, states: int) -> None:
    result = check(RaftProof(scope), symmetry=True, max_depth=depth)
    assert (result.verdict, result.distinct_states) == ("holds", states)


@pytest.mark.parametrize("rule", ["keep the promise", "adopt the value of the highest vote", "report the highest vote"])
def test_a_removed_rule_breaks_a_lemma(rule: str) -> None:
    result = check(PaxosProof(Scope(acceptor=3, ballot=3, value=2), without=(rule,)), symmetry=True)
    assert result.verdict == "violated"


def test_the_history_of_raft_changes_nothing_that_can_happen() -> None:
    scope = Scope(node=2, term=2, index=1, value=1)
    names = [v.name for v in Raft.ir.variables]
    assert {tuple(getattr(s, n) for n in names) for s in within(RaftProof(scope), 7)} == {tuple(getattr(s, n) for n in names) for s in within(Raft(scope), 7)}


def within(protocol: Protocol, depth: int) -> set[State]:
    """The states at most so many steps from an initial one."""
    level = set(protocol.initial_states())
    found = set(level)
    for _ in range(depth):
        level = {after for state in level for _, after in protocol.successors(state)} - found
        found |= level
    return found
