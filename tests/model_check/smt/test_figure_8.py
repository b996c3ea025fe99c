"""Figure 8 of the Raft paper, with Z3: a majority holds an entry of an earlier term, and a later leader does not have it.

Four elections lie between the initial state and the violation, too many to unroll. So the search begins where the figure
does, at (c); and induction needs no way to it at all.
"""

from __future__ import annotations

from pathlib import Path

import pytest

from model_check import itf
from model_check.smt.bmc import bmc
from model_check.smt.unbounded.obligations import Obligation
from model_check.smt.unbounded.small_clusters import SmallClusters
from model_check.trace import Origin, Trace
from proofs.raft import RaftProof
from spec.language import Scope
from spec.raft import Raft, Role
from tests.figure_8 import TWO_LEADERS_AND_THE_FIRST_AGAIN, follow

PAGE = Path(__file__).parents[3] / "docs" / "figure-8.itf.json"
RULE = "commit only entries of the current term"
SCOPE = Scope(node=3, term=4, index=1, value=1)
UNTIL_A_MAJORITY_HOLDS_IT = """
    append_entries(n=n1, peer=n3, last=1)
    handle_append_entries(n=n3, m=AppendEntries(term=3, leader=n1, prev_log_index=1, prev_log_term=1, entries=[after 1], leader_commit=0))
    handle_append_reply(n=n1, m=AppendReply(term=3, follower=n3, success=False, match_index=0))
    append_entries(n=n1, peer=n3, last=1)
    handle_append_entries(n=n3, m=AppendEntries(term=3, leader=n1, prev_log_index=0, prev_log_term=0, entries=[1: Entry(term=1, value=v1)], leader_commit=0))
    handle_append_reply(n=n1, m=AppendReply(term=3, follower=n3, success=True, match_index=1))
"""
"""n1 brings its entry of term 1 to n3: the figure's state (c)."""


def behaviour(protocol: Raft) -> Trace:
    """The steps of the figure, which the rule does not touch."""
    (initial,) = protocol.initial_states()
    return Trace(Origin.of(protocol), initial, tuple(follow(protocol, initial, TWO_LEADERS_AND_THE_FIRST_AGAIN, UNTIL_A_MAJORITY_HOLDS_IT)))


def test_the_page_begins_at_these_steps() -> None:
    assert PAGE.read_text(encoding="utf-8") == itf.write(behaviour(Raft(SCOPE)))


def test_with_the_rule_nothing_is_violated_from_there() -> None:
    """Without it, leader completeness is, after 6 steps: `docs/bounded-checks.md` shows them, and its test runs the command."""
    protocol = Raft(SCOPE)
    assert bmc(protocol, 6, start=behaviour(protocol)).verdict == "holds"


@pytest.mark.long
def test_induction_finds_the_step_at_once() -> None:
    """A state that satisfies every lemma of the proof, and in it a leader that commits an entry of an earlier term because a majority holds it."""
    removed = frozenset({RaftProof.rule_named(RULE)})
    found = SmallClusters(RaftProof, removed).find(Obligation("advance_commit", "commit_points_are_justified"), 60.0)
    assert found is not None
    cti = found.counterexample(RaftProof, removed)
    (before, after), arguments = cti.states, dict(cti.steps[0].arguments)
    leader, i = arguments["n"], arguments["i"]
    assert before.role[leader] == Role.LEADER
    assert before.log[leader][i].term < before.current_term[leader]
    assert before.committed.last < after.committed.last
