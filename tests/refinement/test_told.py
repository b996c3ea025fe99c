"""An event in a line, for people: every kind of it, with what it was about."""

from __future__ import annotations

import pytest

from conformance.told import remark, told
from impl.raft import Entries, Snapshot
from impl.raft.messages import AppendEntries, InstallSnapshot, TimeoutNow
from impl.simulation.events import BeginWrite, Compact, Crash, Deliver, FinishWrite, Propose, Read, ReportSnapshot, Restart, Tick, Transfer

CALL = AppendEntries(3, 1, 2, 4, 2, Entries(5, [2, 3], [b"a", b"b"]), 4, 0)


@pytest.mark.parametrize(
    ("event", "line"),
    [
        (Tick(1), "host 1 ticks"),
        (
            Deliver(2, CALL),
            "host 2 receives AppendEntries(term=3, prev_log_index=4, prev_log_term=2, entries=5..6 of terms [2, 3], leader_commit=4, read_round=0) from host 1",
        ),
        (
            Deliver(2, InstallSnapshot(3, 1, 2, Snapshot(9, 2, b"all of it"), 0)),
            "host 2 receives InstallSnapshot(term=3, snapshot=up to 9 of term 2, read_round=0) from host 1",
        ),
        (Propose(1, b"x"), "host 1 takes the command b'x'"),
        (Read(1, b"r"), "host 1 takes the read b'r'"),
        (Transfer(1, 3), "host 1 begins to hand over to host 3"),
        (ReportSnapshot(1, 3, True), "host 1 is told that its snapshot for host 3 was delivered"),
        (ReportSnapshot(1, 3, False), "host 1 is told that its snapshot for host 3 was lost"),
        (Compact(1, 7), "host 1 replaces its log up to 7 by a snapshot"),
        (BeginWrite(1, []), "host 1 hands out a Ready"),
        (BeginWrite(1, [CALL]), "host 1 hands out a Ready; leaving at once: AppendEntries to 2"),
        (
            FinishWrite(1, [TimeoutNow(3, 1, n) for n in range(2, 8)]),
            "host 1 has written its Ready; leaving now: TimeoutNow to 2, TimeoutNow to 3, TimeoutNow to 4, TimeoutNow to 5 and 2 more",
        ),
        (Crash(2, 3), "host 2 crashes; of its unsynced writes, 3 survive"),
        (Restart(2), "host 2 restarts from its disk"),
    ],
)
def test_an_event_in_a_line(event, line):
    assert told(event) == line


def test_beside_a_call_stands_only_what_it_does_not_say_itself():
    assert [remark(e) for e in (Tick(1), Crash(2, 3), Propose(1, b"x"))] == ["", "", "b'x'"]
    assert remark(BeginWrite(1, [CALL])) == "hands out a Ready; leaving at once: AppendEntries to 2"
    assert remark(FinishWrite(1, [])) == "its Ready is on the disk"
