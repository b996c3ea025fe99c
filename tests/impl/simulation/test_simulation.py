"""A run: one seed replays it exactly, time is exact, faults do what they say, clients tell the truth."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from collections import Counter
from itertools import pairwise
from pathlib import Path

import pytest

from impl.raft import MessageError, Role
from impl.simulation import events
from impl.simulation.cluster import Cluster
from impl.simulation.faults import Compact, Crash, Drift, OneWay, Partition, SlowDisk, Transfer, Unreliable
from impl.simulation.latency import MILLISECOND, SECOND, Constant
from impl.simulation.network import Link
from impl.simulation.raft_host import RaftHost
from impl.simulation.simulation import Simulation
from impl.simulation.workload import Workload
from tests.impl.simulation.recorded import Recorded, under_faults

PROTOCOLS = [("raft", "register"), ("raft", "kv"), ("multi-paxos", "kv"), ("paxos", "decree")]
IDLE = Workload(clients=0)
ROOT = Path(__file__).parents[3]


def digests(seed):
    return [under_faults(protocol, model, seed, time=SECOND).digest() for protocol, model in PROTOCOLS]


@pytest.mark.parametrize("hash_seed", ["1", "2"])
def test_a_seed_replays_a_run_exactly_in_every_process(hash_seed):
    code = "from tests.impl.simulation.test_simulation import digests; print(digests(7))"
    environment = os.environ | {"PYTHONHASHSEED": hash_seed, "PYTHONPATH": str(ROOT)}
    other = subprocess.run([sys.executable, "-c", code], cwd=ROOT, env=environment, capture_output=True, text=True, check=True)
    assert other.stdout.strip() == str(digests(7))


def test_another_seed_gives_another_run():
    assert not {*digests(7)} & {*digests(8)}


def leader(run: Simulation) -> int:
    """Who leads, of the newest term."""
    leaders = [host for host in run.hosts.values() if host.node is not None and host.node.role is Role.LEADER]
    return max(leaders, key=lambda host: host.node.current_term).id


EXACT = Cluster(link=Link(Constant(1_000)), disk=Constant(300))
"""No jitter: a message takes 1 ms, a write 0.3 ms."""


def test_without_jitter_a_commit_takes_exactly_a_round_trip_and_a_write():
    """The leader's own write is over before the first answer comes (dissertation, section 10.2.1)."""
    run = Recorded(EXACT, Workload(object="kv", clients=1, reads=0, link=Constant(0), think=Constant(20_000)))
    run.run(2 * SECOND)
    run.settle(SECOND)
    steady = [operation for operation in run.history if operation.invoked > SECOND]
    round_trip = 1_000 + 300 + 1_000
    elsewhere = 1_000 + round_trip + 1_000  # by way of the leader, and back with the news of the commit
    assert {operation.returned - operation.invoked for operation in steady} == {round_trip, elsewhere}


def test_ticks_come_at_their_interval():
    run = Recorded(EXACT, IDLE)
    run.run(SECOND)
    times = run.times(events.Tick, 1)
    assert {b - a for a, b in pairwise(times)} == {10 * MILLISECOND}
    assert len({run.times(events.Tick, n)[0] for n in (1, 2, 3)}) == 3, "the clocks do not tick in step"


def test_clocks_may_drift():
    run = Recorded(Cluster(clocks={2: 1.5}), IDLE, [Drift(SECOND, 2 * SECOND, 3, 0.25)])
    run.run(3 * SECOND)
    assert [len(run.times(events.Tick, n)) for n in (1, 2, 3)] == [300, 200, pytest.approx(200 + 400, abs=2)]


def test_a_partition_separates_its_side_from_the_others_and_ends():
    run = Recorded(EXACT, IDLE, [Partition(SECOND, 2 * SECOND, (1,))])
    run.run(3 * SECOND)
    senders = {(e.message.sender, e.host) for time, e in run.record if type(e) is events.Deliver and SECOND + 1_000 < time < 2 * SECOND}
    assert not {way for way in senders if 1 in way}
    assert {(2, 3), (3, 2)} <= senders
    after = {(e.message.sender, e.host) for time, e in run.record if type(e) is events.Deliver and time > 2 * SECOND + 1_000}
    assert {way for way in after if 1 in way}


def test_a_one_way_partition_lets_the_others_be_heard():
    run = Recorded(EXACT, IDLE, [OneWay(SECOND, 2 * SECOND, (1,))])
    run.run(2 * SECOND)
    during = {(e.message.sender, e.host) for time, e in run.record if type(e) is events.Deliver and time > SECOND + 1_000}
    assert {way for way in during if way[1] == 1}
    assert not {way for way in during if way[0] == 1}


def test_an_unreliable_network_loses_and_duplicates():
    run = Recorded(EXACT, IDLE, [Unreliable(0, SECOND, loss=0.2, duplication=0.3, reordering=0.1)])
    run.run(SECOND)
    sent = Counter(id(m) for _, e in run.record if type(e) in (events.BeginWrite, events.FinishWrite) for m in e.messages)
    received = Counter(id(e.message) for _, e in run.record if type(e) is events.Deliver)
    assert len(received) < len(sent)
    assert max(received.values()) == 2


def test_a_slow_disk_takes_its_time():
    run = Recorded(EXACT, Workload(clients=3), [SlowDisk(SECOND, 2 * SECOND, 1, 10.0)])
    run.run(2 * SECOND)
    writes, begun = [], 0
    for time, event in run.record:
        if getattr(event, "host", None) == 1 and type(event) is events.BeginWrite:
            begun = time
        elif getattr(event, "host", None) == 1 and type(event) is events.FinishWrite:
            writes.append((begun, time - begun))
    assert {length for time, length in writes if time < SECOND} == {0, 300}
    assert {length for time, length in writes if time > SECOND} == {0, 3_000}


def test_a_host_that_crashed_comes_back_with_its_disk():
    run = Recorded(EXACT, Workload(clients=3), [Crash(SECOND, 2 * SECOND, (1,))])
    run.run(2 * SECOND - 1)
    assert run.hosts[1].node is None
    storage = run.hosts[1].disk.storage
    term, entries = storage.hard_state().current_term, storage.last_index()
    assert entries > 0
    run.run(3 * SECOND)
    assert run.hosts[1].node.current_term >= term
    assert run.hosts[1].node.log.last_index > entries
    assert [type(e) for _, e in run.record if type(e) in (events.Crash, events.Restart)] == [events.Crash, events.Restart]


def test_a_torn_write_leaves_its_beginning():
    run = Recorded(EXACT, Workload(clients=10, think=Constant(1_000)), [Crash(SECOND, 2 * SECOND, (1, 2, 3), surviving=1)])
    run.run(2 * SECOND)
    assert [e.surviving for _, e in run.record if type(e) is events.Crash] == [1, 1, 1]
    for host in (1, 2, 3):
        times = [time for time, e in run.record if type(e) is events.BeginWrite and e.host == host]
        assert run.times(events.Crash, host)[0] in times


def test_operators_may_compact_and_transfer():
    run = Recorded(EXACT, Workload(clients=3))
    run.run(SECOND)
    target = next(n for n in (1, 2, 3) if n != leader(run))
    run = Recorded(EXACT, Workload(clients=3), [Compact(SECOND, 3), Transfer(SECOND, target)])
    run.run(2 * SECOND)
    assert leader(run) == target
    assert run.hosts[3].disk.storage.snapshot() is not None


def test_a_follower_that_missed_what_was_compacted_gets_a_snapshot():
    faults = [Crash(SECOND, 2 * SECOND, (1,)), *(Compact(int(1.9 * SECOND), n) for n in (2, 3))]
    run = Recorded(EXACT, Workload(clients=3), faults)
    run.run(3 * SECOND)
    run.settle(SECOND)
    assert run.hosts[1].disk.storage.snapshot() is not None
    assert any(type(e) is events.ReportSnapshot and e.follower == 1 and e.delivered for _, e in run.record)
    assert len({host.machine.snapshot() for host in run.hosts.values()}) == 1


@pytest.mark.parametrize(("protocol", "model"), PROTOCOLS)
@pytest.mark.parametrize("seed", range(3))
def test_when_all_faults_have_ended_all_hosts_get_to_one_state(protocol, model, seed):
    run = under_faults(protocol, model, seed, nodes=4 + seed % 2, time=2 * SECOND)
    assert run.refused == []
    outcomes = Counter(operation.outcome for operation in run.history)
    assert outcomes["ok"] > 50
    if model != "decree":  # where a host that came back need not hear what was chosen
        assert len({host.machine.snapshot() for host in run.hosts.values()}) == 1


def test_an_operation_that_nobody_answers_is_unknown():
    run = Recorded(EXACT, Workload(clients=2), [Crash(SECOND, 4 * SECOND, (1, 2, 3))])
    run.run(4 * SECOND)
    assert "unknown" in {operation.outcome for operation in run.history if SECOND < operation.invoked < 2 * SECOND}
    assert "fail" not in {operation.outcome for operation in run.history if SECOND < operation.invoked < 2 * SECOND}


def test_an_operation_that_all_refuse_has_failed():
    """Hosts that find no leader refuse; what they refused never happens."""
    run = Recorded(EXACT, Workload(clients=2), [Partition(0, 3 * SECOND, (1,)), Partition(0, 3 * SECOND, (2,))])
    run.run(3 * SECOND)
    assert {operation.outcome for operation in run.history if operation.invoked < SECOND} == {"fail"}


def test_a_crash_that_waits_for_a_write_ends_with_its_fault():
    """A host that is cut off writes nothing, and later it must not crash for good."""
    run = Recorded(EXACT, Workload(clients=2), [Partition(SECOND, 2 * SECOND, (3,)), Crash(int(1.1 * SECOND), int(1.9 * SECOND), (3,), surviving=0)])
    run.run(4 * SECOND)
    assert run.hosts[3].node is not None
    assert run.hosts[3].applied_index > run.hosts[1].applied_index - 20


def test_that_an_earlier_operation_was_taken_does_not_matter_then():
    run = Recorded(EXACT, Workload(clients=2), [Partition(SECOND, 5 * SECOND, (1,)), Partition(SECOND, 5 * SECOND, (2,))])
    run.run(5 * SECOND)
    assert {operation.outcome for operation in run.history if operation.invoked < SECOND // 2} >= {"ok"}
    assert {operation.outcome for operation in run.history if 3 * SECOND < operation.invoked < 3.5 * SECOND} == {"fail"}


def test_a_client_asks_again_with_the_same_number():
    run = Recorded(EXACT, Workload(object="kv", clients=2, reads=0), [OneWay(SECOND, int(1.5 * SECOND), (1,)), OneWay(2 * SECOND, int(2.5 * SECOND), (2,))])
    run.run(3 * SECOND)
    asked = Counter(e.command for _, e in run.record if type(e) is events.Propose)
    assert max(asked.values()) > 1
    done = {operation.outcome for operation in run.history if operation.returned is not None}
    assert done == {"ok"}


def test_another_workload_meets_the_same_network():
    """Each part draws from a source of its own."""
    idle, busy = Recorded(Cluster(), IDLE), Recorded(Cluster(), Workload(think=Constant(SECOND)))
    idle.run(SECOND - 1)
    busy.run(SECOND - 1)
    assert idle.record == busy.record


def test_a_tracer_sees_the_nodes():
    seen = Counter()
    run = Simulation(Cluster(), tracer=lambda event, node, detail: seen.update([event.name]))
    run.run(SECOND)
    assert set(seen) == {"START", "RECEIVE", "DONE", "READY", "PERSISTED"}
    with pytest.raises(ValueError, match="multi-paxos has no trace events"):
        Simulation(Cluster("multi-paxos"), tracer=lambda *_: None)


def test_an_unknown_protocol_is_refused():
    with pytest.raises(ValueError, match="'zab' is none of raft, multi-paxos, paxos"):
        Simulation(Cluster("zab"))


def test_a_message_that_no_correct_host_sends_is_noted(monkeypatch):
    run = Recorded(EXACT, IDLE)
    run.run(SECOND)

    def refuse(host, message):
        raise MessageError("AppendEntries", "term", "is odd")

    monkeypatch.setattr(RaftHost, "receive", refuse)
    run.run(int(1.1 * SECOND))
    assert re.fullmatch(r"\d+ µs, event \d+, host \d: AppendEntries.term: is odd", run.refused[0])


def test_an_error_names_the_event(monkeypatch):
    run = Recorded(EXACT, IDLE, seed=3)

    def fail(host):
        raise ZeroDivisionError

    monkeypatch.setattr(RaftHost, "tick", fail)
    with pytest.raises(ZeroDivisionError) as caught:
        run.run(SECOND)
    assert re.search(r"at \d+ µs, event 1 of the run with seed 3: None at host \d", caught.value.__notes__[0])
