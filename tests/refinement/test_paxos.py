"""`impl/paxos` and `impl/multi_paxos` held against their specs: correct runs are explained, planted mistakes are not."""

from __future__ import annotations

import sys
from collections import Counter
from pathlib import Path
from random import Random

import pytest

sys.path.insert(0, str(Path(__file__).parent))
from cluster_machines import MultiPaxosMachine, PaxosMachine
from mutants import catch, everyone

from conformance import multi_paxos, paxos
from conformance.chaos import Chaos
from conformance.departure import Departure
from conformance.multi_paxos.runs import RUNS as MULTI_PAXOS_RUNS
from conformance.paxos.runs import RUNS as PAXOS_RUNS
from conformance.runs import shrunk
from impl.paxos.acceptor import Acceptor, AcceptorState

MUTANTS = [m for m in everyone() if m.package != "raft"]
QUICK = ("a promise is not written", "one vote is a choice", "a promise is told before it is written")


@pytest.mark.parametrize("nodes", [1, 3, 4, 5])
@pytest.mark.parametrize("runs", [PAXOS_RUNS, MULTI_PAXOS_RUNS], ids=["paxos", "multi_paxos"])
def test_seeded_runs_are_explained(runs, nodes):
    """Chaotic and simulated ones, with crashes in the middle of writes."""
    for seed in range(4):
        outcome = runs.run(seed, nodes)
        assert outcome.failure is None, outcome.failure and outcome.failure.error
        assert outcome.events > 500
        assert outcome.steps > 0


@pytest.mark.long
@pytest.mark.parametrize("nodes", [2, 3, 5, 7])
@pytest.mark.parametrize("runs", [PAXOS_RUNS, MULTI_PAXOS_RUNS], ids=["paxos", "multi_paxos"])
def test_many_seeded_runs(runs, nodes):
    for seed in range(100, 400):
        outcome = runs.run(seed, nodes)
        assert outcome.failure is None, outcome.failure and outcome.failure.error


ONE_COMMAND = ["phase_1a", "phase_1b", "phase_1b", "phase_1b", "phase_2a", "phase_2b", "phase_2b", "phase_2b"]
"""The steps that the paper would name, without trouble."""


def test_a_calm_run_of_paxos_is_explained_step_by_step():
    c = paxos.Cluster(nodes=3)
    c.propose(1, b"x")
    c.calm(4)
    assert [s.action for s in c.checker.run.steps] == ONE_COMMAND
    assert {h.node.chosen for h in c.hosts.values()} == {b"x"}


def led() -> multi_paxos.Cluster:
    """A cluster of Multi-Paxos that host 1 leads."""
    c = multi_paxos.Cluster(nodes=3, election_ticks=3)
    while c.hosts[1].node.role.value == "follower":
        c.tick(1)
    c.calm(4)
    return c


def test_a_calm_run_of_multi_paxos_is_explained_step_by_step():
    c = led()
    c.propose(1, b"x")
    c.calm(4)
    assert [s.action for s in c.checker.run.steps] == ONE_COMMAND


def test_the_log_is_as_long_as_a_run_needs():
    """300 commands, far beyond the slots that the spec's log has at first."""
    c = led()
    for _ in range(300):
        c.propose(1)
        c.calm(2)
    assert c.hosts[1].node.commit_index == 300
    assert Counter(s.action for s in c.checker.run.steps) == {"phase_1a": 1, "phase_1b": 3, "phase_2a": 300, "phase_2b": 900}


@pytest.mark.parametrize("machine", [PaxosMachine, MultiPaxosMachine])
def test_what_changes_is_all_that_changes(machine):
    """The mapping in full, now and then: nothing that the comparison of what changed could have missed."""
    cluster = machine.make(3, 1)
    chaos = Chaos(cluster, Random("full"))
    for number in range(1500):
        chaos.event()
        if number % 25 == 0:
            machine.compare_everything(cluster)
    assert cluster.checker.run.length > 20


def test_a_mistake_is_told_and_shown_again(monkeypatch):
    """An acceptor forgets that it promised: what the spec refuses, and calls that show it again."""
    handle = Acceptor._phase_1b

    def forgets(self, m):
        before = self.state
        handle(self, m)
        self.state = AcceptorState(before.max_bal, before.max_vote)

    monkeypatch.setattr(Acceptor, "_phase_1b", forgets)
    failure = next(o.failure for seed in range(20) if (o := PAXOS_RUNS.run(seed, 3)).failure is not None)
    failure = shrunk(failure, seconds=5)
    assert isinstance(failure.error, Departure)
    assert failure.error.differences[0].variable == "max_bal"
    assert len(failure.play.moves) < 10
    with pytest.raises(Departure):
        failure.play.again()
    code = failure.play.as_code()
    assert code.startswith("from conformance.paxos import Cluster\n")
    with pytest.raises(Departure):
        exec(code, {})


@pytest.mark.parametrize("mutant", [m for m in MUTANTS if m.name in QUICK], ids=lambda m: f"{m.package}: {m.name}")
def test_some_mistakes_are_found(mutant):
    assert catch(mutant) is not None


@pytest.mark.long
@pytest.mark.parametrize("mutant", MUTANTS, ids=lambda m: f"{m.package}: {m.name}")
def test_mistakes_are_found(mutant):
    """Each within a minute, shrinking included."""
    assert catch(mutant) is not None
