"""What makes the comparison after each event exact: a step of the spec touches one server and the messages, and no more."""

from __future__ import annotations

import pytest

from conformance.raft.comparison import MESSAGES
from spec.deployed_raft import DeployedRaft
from spec.language import ir

WRITES = (ir.Store, ir.Insert, ir.Remove)
SPEC = DeployedRaft.ir


def writes(statements):
    """All writes, with the procedures in place: `(variable, name of its first key)`."""
    for item in ir.walk_all(statements):
        if isinstance(item, WRITES):
            yield item.variable, item.keys[0].name if item.keys else None
        elif isinstance(item, ir.Perform):
            (own, _), *_ = item.procedure.parameters
            given = item.arguments[0].name
            for variable, key in writes(item.procedure.body):
                yield variable, given if key == own else key


@pytest.mark.parametrize("action", SPEC.actions, ids=lambda a: a.name)
def test_a_step_writes_the_entries_of_its_first_parameter_and_sets_of_messages(action):
    server = action.parameters[0].name
    for variable, key in writes(action.body):
        if SPEC.variable(variable).kind != "history":
            assert key == server if SPEC.variable(variable).keys else variable in MESSAGES


def test_every_variable_is_compared_or_history():
    compared = {"current_term", "voted_for", "role", "commit_index", "snapshot_index", "votes_granted", "next_index", "match_index", "log", *MESSAGES}
    assert compared == {v.name for v in SPEC.variables if v.kind != "history"}
