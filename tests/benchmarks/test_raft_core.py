"""The benchmark of the Raft core works, and what it says of memory and of long logs is so."""

from __future__ import annotations

import pytest

from benchmarks import raft_core


@pytest.mark.parametrize(("batch", "alone"), [(1, False), (64, False), (1, True)])
def test_every_entry_is_applied_everywhere(batch, alone):
    assert raft_core.rate(256, batch, alone) > 0


def test_it_notices_entries_that_are_not_applied(monkeypatch):
    monkeypatch.setattr(raft_core.Cluster, "settle", lambda self: None)
    monkeypatch.setattr(raft_core.Cluster, "__init__", lambda self: setattr(self, "applied", {1: 0, 2: 0, 3: 0}))
    monkeypatch.setattr(raft_core.Cluster, "commit", lambda self, *a: None)
    with pytest.raises(SystemExit, match="not all entries were applied everywhere"):
        raft_core.rate(10, 1)


def test_memory_is_that_of_the_entries():
    assert 49 < raft_core.bytes_per_entry(6_400) < 100
    assert raft_core.bytes_per_follower() < 400


def test_a_step_does_the_same_work_however_long_the_log():
    """Counted, not timed: calls of Python functions for one entry."""
    import sys

    counts = []
    cluster = raft_core.Cluster()
    for length in (100, 10_000, 200_000):
        while cluster.leader.log.last_index < length:
            cluster.commit(1, min(4096, length - cluster.leader.log.last_index))
        cluster.commit(2, 1)
        calls = 0

        def count(frame, event, argument):
            nonlocal calls
            calls += 1

        sys.setprofile(count)
        cluster.commit(1, 1)
        sys.setprofile(None)
        counts.append(calls)
    assert len(set(counts)) == 1
