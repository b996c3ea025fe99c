"""The loop is closed: histories of correct clusters under faults are linearizable, those of clusters with a planted bug are not."""

from __future__ import annotations

from pathlib import Path

import pytest

from impl import multi_paxos, paxos, raft
from impl.multi_paxos import Accepted, ReadState
from impl.multi_paxos.leadership import Candidacy
from impl.multi_paxos.reads import QuorumReads
from impl.raft import reads, replication
from impl.raft.log import Log
from impl.raft.messages import AppendReply
from impl.simulation import paxos_host
from impl.simulation.cluster import Cluster
from impl.simulation.faults import Crash
from impl.simulation.history import to_text
from impl.simulation.latency import SECOND, Exponential
from impl.simulation.machines import Reply, Sessions, decode
from impl.simulation.multi_paxos_host import MultiPaxosHost
from impl.simulation.nemesis import draw_cluster, draw_faults
from impl.simulation.network import Link
from impl.simulation.simulation import Simulation
from impl.simulation.workload import Workload
from model_check.linearizability import MODELS, check_history, read_history


def verdict(run: Simulation, model: str, folder: Path) -> str:
    """The verdict on a run's history, by way of a file."""
    file = folder / f"{run.seed}.ndjson"
    file.write_text(to_text(run.history), encoding="utf-8")
    name = "register" if model == "decree" else model
    return check_history(read_history(file, "ionian", MODELS[name]), MODELS[name], timeout=20).verdict


def under_faults(protocol: str, model: str, seed: int, time: int = 8 * SECOND) -> Simulation:
    """A run with all kinds of faults."""
    cluster = draw_cluster(seed, protocol, 3 + 2 * (seed % 2))
    run = Simulation(cluster, Workload(object=model), draw_faults(seed, cluster.ids, time), seed)
    run.run(time)
    run.settle(SECOND)
    return run


PROTOCOLS = [("raft", "register"), ("raft", "kv"), ("multi-paxos", "register"), ("multi-paxos", "kv"), ("paxos", "decree")]


@pytest.mark.parametrize(("protocol", "model"), PROTOCOLS)
@pytest.mark.parametrize("seed", range(2))
def test_correct_clusters_are_linearizable(protocol, model, seed, tmp_path):
    run = under_faults(protocol, model, seed)
    assert run.refused == []
    assert verdict(run, model, tmp_path) == "linearizable"


@pytest.mark.long
@pytest.mark.parametrize(("protocol", "model"), PROTOCOLS)
@pytest.mark.parametrize("seeds", range(0, 100, 20))
def test_many_correct_clusters_are_linearizable(protocol, model, seeds, tmp_path):
    for seed in range(seeds, seeds + 20):
        run = under_faults(protocol, model, seed, 20 * SECOND)
        assert run.refused == []
        assert verdict(run, model, tmp_path) == "linearizable"


# --- Planted bugs: each replaces one function


def unconfirmed_read(node, requester, context):
    reads._answer(node, requester, context, max(node.commit_index, node.term_start))


def any_log_is_up_to_date(log, last_index, last_term):
    return True


def committed_by_one_too_few(node):
    held = sorted([*(p.match_index for p in node.followers), node.log.stable_index], reverse=True)
    index = held[node.quorum - 2]
    if index > node.commit_index and node.log.term(index) == node.current_term:
        node.commit_to(index)
        node.to_replicate = True


def no_sessions(machine, command):
    request = decode(command)
    value, result = machine._outcome(request)
    machine._values[request.key] = value
    return Reply(request.client, request.sequence, result)


def local_read(host, context):
    host.answered.append(context)


def ask_nobody(pending, context, last_slot, out):
    out.read_states.append(ReadState(context, last_slot))


def own_value(proposer, votes):
    return proposer._value


def nothing_is_open(candidacy):
    return []


def forgets_votes(storage, write):
    if not isinstance(write, paxos.AcceptorState):
        storage.proposer = write


BUGS = {
    "Raft: reads without confirmation": (reads, "_begin", unconfirmed_read, "raft", "register"),
    "Raft: votes for candidates whose log is behind": (Log, "is_up_to_date", any_log_is_up_to_date, "raft", "register"),
    "Raft: a minority commits": (replication, "advance_commit", committed_by_one_too_few, "raft", "kv"),
    "Raft: a command asked for twice is carried out twice": (Sessions, "apply", no_sessions, "raft", "kv"),
    "Multi-Paxos: a new leader ignores what may be chosen": (Candidacy, "open_commands", nothing_is_open, "multi-paxos", "register"),
    "Multi-Paxos: reads from the host's own state": (MultiPaxosHost, "read", local_read, "multi-paxos", "kv"),
    "Multi-Paxos: reads up to what one node has voted for": (QuorumReads, "begin", ask_nobody, "multi-paxos", "register"),
    "Paxos: a proposer ignores earlier votes": (paxos.Proposer, "_adopt", own_value, "paxos", "decree"),
    "Paxos: acceptors keep nothing on disk": (paxos_host, "_put", forgets_votes, "paxos", "decree"),
}
TRIES = 12


@pytest.mark.parametrize("bug", BUGS)
def test_a_planted_bug_is_seen_by_clients(bug, monkeypatch, tmp_path):
    place, name, replacement, protocol, model = BUGS[bug]
    monkeypatch.setattr(place, name, replacement)
    assert any(verdict(under_faults(protocol, model, seed), model, tmp_path) == "not_linearizable" for seed in range(TRIES))


# --- Planted bugs that take a scenario


def elections_after_outages(seed: int) -> Simulation:
    """All hosts come back at once and stand for election at about the same time, while one of them crashes again and again."""
    outages = range(200_000, 6 * SECOND, 200_000)
    faults = [Crash(at, at + 500, (1, 2, 3)) for at in outages]
    faults += [Crash(at + after, at + after + 500, (3,)) for at in outages for after in range(24_000, 100_000, 8_000)]
    cluster = Cluster(link=Link(Exponential(500, 5_000)), tick=5_000, settings={"pre_vote": False, "check_quorum": False, "election_ticks": 4})
    run = Simulation(cluster, Workload(think=Exponential(0, 5_000)), faults, seed)
    run.run(6 * SECOND)
    run.settle(SECOND)
    return run


def outages_with_slow_disks(protocol: str, seed: int) -> Simulation:
    """All hosts crash while they write."""
    faults = [Crash(at, at + 1_000, (1, 2, 3)) for at in range(SECOND, 8 * SECOND, 400_000)]
    run = Simulation(Cluster(protocol, disk=Exponential(5_000, 10_000)), Workload(think=Exponential(0, 2_000)), faults, seed)
    run.run(8 * SECOND)
    run.settle(SECOND)
    return run


def scenario_finds(scenario, folder) -> bool:
    return any(verdict(scenario(seed), "register", folder) == "not_linearizable" for seed in range(TRIES))


def test_correct_clusters_come_through_the_scenarios(tmp_path):
    for run in (elections_after_outages(4), outages_with_slow_disks("raft", 0), outages_with_slow_disks("multi-paxos", 0)):
        assert run.refused == []
        assert verdict(run, "register", tmp_path) == "linearizable"


def test_a_vote_that_is_not_persisted_lets_two_lead_a_term(monkeypatch, tmp_path):
    correct = raft.Raft.ready

    def forgetting(node):
        ready = correct(node)
        if ready.hard_state is not None:
            ready.hard_state = raft.HardState(ready.hard_state.current_term, None)
        return ready

    monkeypatch.setattr(raft.Raft, "ready", forgetting)
    assert scenario_finds(elections_after_outages, tmp_path)


@pytest.mark.parametrize(("protocol", "node", "acknowledgement"), [("raft", raft.Raft, AppendReply), ("multi-paxos", multi_paxos.Node, Accepted)])
def test_what_is_acknowledged_before_it_is_written_gets_lost(protocol, node, acknowledgement, monkeypatch, tmp_path):
    correct = node.ready

    def hasty(self):
        ready = correct(self)
        ready.messages += [m for m in ready.messages_after_write if isinstance(m, acknowledgement)]
        ready.messages_after_write = [m for m in ready.messages_after_write if not isinstance(m, acknowledgement)]
        return ready

    monkeypatch.setattr(node, "ready", hasty)
    assert scenario_finds(lambda seed: outages_with_slow_disks(protocol, seed), tmp_path)
