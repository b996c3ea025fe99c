"""Hypothesis looks for the shortest run of each implementation that departs from its spec: there is none, and where one is planted it is found."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).parent))
from cluster_machines import MACHINES, search

from conformance.report import text
from impl.multi_paxos import Log
from impl.paxos.acceptor import Acceptor, AcceptorState
from impl.raft.state import State


@pytest.mark.refinement
@pytest.mark.parametrize("name", MACHINES)
def test_every_event_of_a_cluster_is_steps_of_the_spec_or_none(name, budget):
    failure = search(MACHINES[name], budget)
    if failure is not None:
        pytest.fail(text(failure, []), pytrace=False)


def _promises_nothing(self, m):
    """The mistake: a promise is told, and not kept."""
    state = self.state
    phase_1b(self, m)
    self.state = AcceptorState(state.max_bal, state.max_vote)


phase_1b = Acceptor._phase_1b


@pytest.mark.long
@pytest.mark.parametrize(
    ("name", "owner", "attribute", "mistake", "longest"),
    [
        ("raft", State, "send_after_write", State.send, 8),
        ("paxos", Acceptor, "_phase_1b", _promises_nothing, 8),
        ("multi_paxos", Log, "votes_from", lambda self, slot: [], 30),
    ],
)
def test_a_planted_mistake_is_found_and_its_run_is_short(name, owner, attribute, mistake, longest, monkeypatch):
    monkeypatch.setattr(owner, attribute, mistake)
    failure = search(MACHINES[name], 300)
    assert failure is not None
    assert failure.departs
    assert len(failure.play.moves) <= longest
