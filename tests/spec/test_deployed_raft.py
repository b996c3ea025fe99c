"""DeployedRaft: the steps that implementations add to Raft keep all of its properties."""

from __future__ import annotations

import pytest

from model_check.check import check
from spec.deployed_raft import DeployedRaft
from spec.language import Scope
from spec.raft import Raft

THREE = Scope(node=3, term=2, index=1, value=1)


def test_nothing_of_raft_is_changed():
    own = {a.name: a for a in DeployedRaft.ir.actions}
    assert {a.name for a in Raft.ir.actions} < own.keys()
    assert all(own[a.name].body == a.body for a in Raft.ir.actions)
    assert {p.name for p in Raft.ir.properties} < {p.name for p in DeployedRaft.ir.properties}


def test_one_server_of_which_all_states_are_visited():
    found = check(DeployedRaft(Scope(node=1, term=2, index=2, value=1)), engine="interpreter")
    assert found.verdict == "holds"


@pytest.mark.long
def test_two_servers():
    found = check(DeployedRaft(Scope(node=2, term=2, index=1, value=1)))
    assert (found.verdict, found.distinct_states, found.depth) == ("holds", 7_292_773, 41)
    assert not [name for name, depth in found.witnesses.items() if depth is None and name != "an_entry_of_an_earlier_term_is_committed"]


@pytest.mark.long
def test_three_servers_down_to_a_depth():
    found = check(DeployedRaft(THREE), symmetry=True, max_depth=14)
    assert (found.verdict, found.distinct_states) == ("holds", 2_142_899)


@pytest.mark.long
def test_a_leader_that_counts_what_it_has_not_written_loses_what_is_committed():
    found = check(DeployedRaft(THREE, without=("leader counts what it has written",)), symmetry=True)
    assert found.verdict == "violated"
    assert found.trace is not None
    actions = [step.action for step, _ in found.trace.steps]
    assert len(actions) == 14
    assert actions[9:11] == ["advance_commit", "lose_unwritten"]
    assert actions[-1] == "become_leader", "of a later term, without the entry"
