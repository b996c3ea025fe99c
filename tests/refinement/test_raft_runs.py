"""Seeded runs of `impl/raft`, each event of which is some steps of the spec, or none."""

from __future__ import annotations

from collections import Counter
from random import Random

import pytest

from conformance.chaos import Chaos
from conformance.cluster import Stuck
from conformance.raft import steps
from conformance.raft.checker import Checker
from conformance.raft.cluster import Cluster
from conformance.raft.runs import RUNS, draw_settings
from conformance.raft.scenarios import (
    SCENARIOS,
    SETTINGS,
    old_snapshot,
    read_in_a_minority,
    replaced_while_written,
    snapshot_under_way,
    snapshot_within_the_log,
)
from conformance.recording import Recorder
from conformance.report import text
from conformance.runs import Refused, outcome_of, shrunk
from impl.raft import MessageError
from impl.raft.messages import VoteReply
from impl.simulation.cluster import Cluster as SimulatedCluster
from impl.simulation.network import Link
from impl.simulation.raft_host import RaftHost
from impl.simulation.simulation import Simulation
from spec.deployed_raft import DeployedRaft


@pytest.mark.refinement
@pytest.mark.parametrize("nodes", [1, 2, 3, 5])
def test_runs_in_which_anything_may_happen_at_any_time(nodes, budget):
    for seed in range(budget // 6):
        assert RUNS.chaos(seed, nodes).failure is None


@pytest.mark.refinement
@pytest.mark.parametrize("nodes", [3, 5])
def test_runs_in_simulated_time(nodes, budget):
    for seed in range(budget // 15):
        outcome = RUNS.simulation(seed, nodes)
        assert outcome.failure is None
        assert outcome.events > 1_000


def test_a_message_that_a_node_refuses_is_a_failure(monkeypatch):
    def refuse(host, message):
        raise MessageError("AppendEntries", "term", "planted")

    monkeypatch.setattr(RaftHost, "receive", refuse)
    failure = RUNS.simulation(0, 3).failure
    assert isinstance(failure.error, Refused)
    assert "AppendEntries.term: planted" in str(failure.error)
    assert shrunk(failure) is failure


def test_the_comparison_of_what_changed_misses_nothing():
    for seed in range(6):
        random = Random(f"chaos {seed}")
        cluster = Cluster(3, seed, **draw_settings(random))
        chaos = Chaos(cluster, random)
        for number in range(1_000):
            chaos.event()
            if number % 10 == 0:
                assert cluster.checker.comparison.everything() == []


def test_one_seed_is_one_run():
    first, second = (RUNS.chaos(5, 3) for _ in range(2))
    assert (first.events, first.steps) == (second.events, second.steps)


def test_a_run_is_a_value_that_happens_again():
    random = Random(3)
    cluster = Cluster(3, 3, election_ticks=3)
    chaos = Chaos(cluster, random)
    for _ in range(500):
        chaos.event()
    error, moves = outcome_of(cluster.play())
    assert error is None
    assert moves == cluster.moves


def test_a_simulated_run_is_a_run_of_calls_too():
    """Messages that are lost, that overtake each other, and that come twice."""

    def observe(event):
        recorder(event)

    simulation = Simulation(SimulatedCluster(link=Link(loss=0.1, duplication=0.3, reordering=0.3)), observer=observe, seed=1)
    recorder = Recorder(Checker(simulation.hosts))
    simulation.run(300_000)
    moves = recorder.moves()
    assert any(move[0] == "deliver" and move[-1] is True for move in moves)
    again = Cluster(3, 1)
    for name, *arguments in moves:
        getattr(again, name)(*arguments)
    assert again.checker.events == recorder.checker.events
    assert again.checker.run.steps == recorder.checker.run.steps


def a_cluster_with_a_leader() -> Cluster:
    c = Cluster(3, election_ticks=3, pre_vote=False)
    c.elect(1)
    assert c.hosts[1].node.role.name == "LEADER"
    return c


def taken(c: Cluster) -> Counter[str]:
    return Counter(step.action for step in c.checker.run.steps)


def test_a_leader_that_crashes_loses_what_it_was_still_writing():
    c = a_cluster_with_a_leader()
    c.propose(1)
    c.propose(1)
    c.begin(1)
    c.crash(1, surviving=1)
    assert taken(c)["lose_unwritten"] == 1
    c.restart(1)
    assert c.hosts[1].node.log.last_index == 2
    assert len(c.checker.run.peek("log", c.checker.state.servers[1].node)) == 2


def test_a_vote_that_survives_its_crash_was_cast_in_silence():
    c = Cluster(3, election_ticks=3, pre_vote=False)
    for _ in range(6):
        c.tick(1)
    c.begin(1)
    c.crash(1, surviving=1)
    assert taken(c) == {"vote_in_silence": 1}


def test_of_a_call_a_beginning_survives():
    c = a_cluster_with_a_leader()
    for _ in range(3):
        c.propose(1)
    c.begin(1)
    c.deliver(1, 2)
    c.begin(2)
    c.crash(2, surviving=2)
    assert taken(c)["store_in_silence"] == 1
    assert c.hosts[2].disk.storage.last_index() == 3


def played(scenario, nodes=3) -> Cluster:
    c = Cluster(nodes, 0, **SETTINGS)
    scenario(c)
    return c


@pytest.mark.parametrize(("scenario", "nodes"), [(s, nodes) for nodes, scenarios in SCENARIOS.items() for s in scenarios])
def test_what_is_written_by_hand_is_explained(scenario, nodes):
    assert played(scenario, nodes).checker.comparison.everything() == []


def test_a_read_in_a_minority_is_not_answered():
    c = played(read_in_a_minority, 5)
    assert c.hosts[3].node.commit_index > c.hosts[1].node.commit_index
    assert len(c.hosts[1].node.reads) == 1


def test_a_snapshot_within_the_log_takes_nothing_away():
    c = played(snapshot_within_the_log)
    assert (c.hosts[3].node.commit_index, c.hosts[3].node.log.last_index) == (3, 4)


def test_an_entry_replaced_while_it_is_written_is_written_again():
    c = played(replaced_while_written)
    assert c.hosts[1].disk.storage.term(2) == 2


# --- The end of the trouble


def test_when_the_trouble_is_over_clients_are_served():
    c = a_cluster_with_a_leader()
    c.crash(1)
    c.recover()
    assert all(host.completed for host in c.hosts.values())
    assert ("recover",) not in c.moves


def test_a_cluster_that_serves_nobody_is_stuck(monkeypatch):
    monkeypatch.setattr("conformance.cluster.PATIENCE", 20)
    monkeypatch.setattr("impl.raft.core.Raft.step", lambda node, message: None)
    failure = RUNS.chaos(1, 3, count=50).failure
    assert isinstance(failure.error, Stuck)
    assert shrunk(failure, 2.0).play.moves == [("recover",)]
    assert text(failure, []).startswith("Stuck: all hosts were up and all messages arrived for 20 ticks, but host 1 has carried out no command")


def test_a_snapshot_is_a_call_that_begins_at_the_first_entry():
    c = played(snapshot_under_way)
    c.deliver(1, 3)
    c.calm(2)
    assert taken(c)["send_snapshot"] == 1
    assert c.hosts[3].disk.storage.first_index() > 1
    assert c.checker.comparison.everything() == []


def test_a_snapshot_that_survives_a_crash_was_restored_in_silence():
    c = played(snapshot_under_way)
    c.deliver(1, 3)
    c.begin(3)
    c.crash(3, surviving=3)
    assert taken(c)["restore_in_silence"] == 1
    c.restart(3)
    assert c.hosts[3].node.commit_index > 0


def test_an_old_snapshot_is_answered_with_what_is_committed():
    c = played(old_snapshot)
    assert taken(c)["acknowledge_committed"] == 1
    assert c.hosts[3].disk.storage.first_index() > c.hosts[1].disk.storage.first_index()


@pytest.mark.long
@pytest.mark.refinement
def test_together_the_runs_take_every_step_that_the_spec_has():
    found: Counter[str] = Counter()
    for seed in range(300):
        random = Random(f"chaos {seed}")
        cluster = Cluster(3, seed, **draw_settings(random))
        chaos = Chaos(cluster, random)
        for _ in range(2_000):
            chaos.event()
        found += taken(cluster)
    assert {a.name for a in DeployedRaft.ir.actions} - found.keys() <= {"restore_in_silence", "acknowledge_committed"}


def test_where_a_hint_is_missing_the_steps_are_found_by_search(monkeypatch):
    monkeypatch.delitem(steps._HANDLERS, VoteReply)
    c = a_cluster_with_a_leader()
    assert taken(c)["handle_vote_reply"] == 1
    c.propose(1)
    c.calm(3)
    assert c.checker.comparison.everything() == []
