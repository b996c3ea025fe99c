"""What makes the comparison after each event exact: a step of the spec touches one server and the messages, and no more."""

from __future__ import annotations

import pytest

from conformance.footprint import server, writes, written
from conformance.raft.comparison import MESSAGES
from spec.deployed_raft import DeployedRaft
from spec.multi_paxos import MultiPaxos

SPEC = DeployedRaft.ir


@pytest.mark.parametrize("action", SPEC.actions, ids=lambda a: a.name)
def test_a_step_writes_the_entries_of_its_first_parameter_and_sets_of_messages(action):
    assert server(action) == action.parameters[0].name
    for variable, key in writes(action.body):
        if SPEC.variable(variable).kind != "history":
            assert key == server(action) if SPEC.variable(variable).keys else variable in MESSAGES


def test_every_variable_is_compared_or_history():
    compared = {"current_term", "voted_for", "role", "commit_index", "snapshot_index", "votes_granted", "next_index", "match_index", "log", *MESSAGES}
    # What a leader has counted is noted for the guard of `lose_unwritten`: no implementation keeps it, and the spec's own steps alone decide it.
    assert compared | {"counted"} == {v.name for v in SPEC.variables if v.kind != "history"}


def test_whose_step_it_is_stands_in_the_spec_wherever_the_parameter_stands():
    assert {a.name: server(a) for a in MultiPaxos.ir.actions} == {"phase_1a": None, "phase_1b": "a", "phase_2a": None, "phase_2b": "a"}
    assert written(MultiPaxos.ir.action("phase_1b")) == {"max_bal", "promises"}
