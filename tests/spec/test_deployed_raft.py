"""DeployedRaft: the steps that implementations add to Raft keep all of its properties."""

from __future__ import annotations

import pytest

from model_check.check import check
from spec.deployed_raft import DeployedRaft
from spec.language import Scope, ir
from spec.raft import Raft
from tests.figure_8 import TWO_LEADERS_AND_THE_FIRST_AGAIN, follow

THREE = Scope(node=3, term=2, index=1, value=1)


def test_nothing_of_raft_is_changed():
    own = {a.name: a for a in DeployedRaft.ir.actions}
    assert {a.name for a in Raft.ir.actions} < own.keys()
    for action in Raft.ir.actions:
        kept, added = own[action.name].body[: len(action.body)], own[action.name].body[len(action.body) :]
        assert kept == action.body
        assert all(isinstance(s, ir.Store) and s.variable == "counted" for s in added)
    assert {p.name for p in Raft.ir.properties} < {p.name for p in DeployedRaft.ir.properties}


def test_one_server_of_which_all_states_are_visited():
    found = check(DeployedRaft(Scope(node=1, term=2, index=2, value=1)), engine="interpreter")
    assert found.verdict == "holds"


@pytest.mark.long
def test_two_servers():
    found = check(DeployedRaft(Scope(node=2, term=2, index=1, value=1)))
    assert (found.verdict, found.distinct_states, found.depth) == ("holds", 8_436_757, 41)
    assert not [name for name, depth in found.witnesses.items() if depth is None and name != "an_entry_of_an_earlier_term_is_committed"]


@pytest.mark.long
def test_three_servers_down_to_a_depth():
    found = check(DeployedRaft(THREE), symmetry=True, max_depth=14)
    assert (found.verdict, found.distinct_states) == ("holds", 2_143_519)


@pytest.mark.long
def test_a_leader_that_counts_what_it_has_not_written_loses_what_is_committed():
    found = check(DeployedRaft(THREE, without=("leader counts what it has written",)), symmetry=True)
    assert found.verdict == "violated"
    assert found.trace is not None
    actions = [step.action for step, _ in found.trace.steps]
    assert len(actions) == 14
    assert actions[9:11] == ["advance_commit", "lose_unwritten"]
    assert actions[-1] == "become_leader", "of a later term, without the entry"


COMMITS_BELOW_WHAT_IT_COUNTED = """
    client_request(n=n1, v=v1)
    choose_next_index(n=n1, peer=n3, i=1)
    append_entries(n=n1, peer=n3, last=2)
    handle_append_entries(n=n3, m=AppendEntries(term=3, leader=n1, prev_log_index=0, prev_log_term=0,
    handle_append_reply(n=n1, m=AppendReply(term=3, follower=n3, success=True, match_index=2))
    advance_commit(n=n1, i=2)
"""
"""n1 commits entry 1, of an earlier term, by entry 2, of its own, which n1 and n3 hold; n1 has not written it yet."""

THEN_LOSES_IT = """
    lose_unwritten(n=n1, last=1)
    restart(n=n2)
    timeout(n=n2)
    timeout(n=n2)
    handle_request_vote(n=n1, m=RequestVote(term=4, candidate=n2, last_log_index=1, last_log_term=2))
    handle_vote_reply(n=n2, m=VoteReply(term=4, voter=n1, candidate=n2, vote_granted=True))
    become_leader(n=n2)
"""
"""Without entry 2, n1 votes for n2, whose last entry is of term 2 and which lacks what was committed."""


def test_a_leader_keeps_the_entry_by_which_it_committed_an_earlier_one():
    """Deeper than the searches below come: it takes two positions and four terms."""
    scope = Scope(node=3, term=4, index=2, value=1)
    (start,) = DeployedRaft(scope).initial_states()
    _, committed = follow(DeployedRaft(scope), start, TWO_LEADERS_AND_THE_FIRST_AGAIN, COMMITS_BELOW_WHAT_IT_COUNTED)[-1]
    assert "lose_unwritten(n=n1, last=1)" not in map(str, DeployedRaft(scope).enabled(committed))
    careless = DeployedRaft(scope, without=("leader counts what it has written",))
    _, end = follow(careless, committed, THEN_LOSES_IT)[-1]
    assert [p.name for p in careless.ir.of_kind("invariant") if not careless.holds(p, end)] == ["leader_completeness"]
