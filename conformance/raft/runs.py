"""Seeded runs of Raft."""

from __future__ import annotations

from random import Random
from typing import Any

from conformance.raft.checker import Checker
from conformance.raft.cluster import Cluster
from conformance.runs import Runs


def draw_settings(random: Random) -> dict[str, Any]:
    """Settings that make the rare frequent: impatient nodes, small batches, narrow windows."""
    return {
        "election_ticks": random.choice([2, 3, 5]),
        "pre_vote": random.random() < 0.5,
        "check_quorum": random.random() < 0.5,
        "max_inflight": random.choice([1, 2, 256]),
        "max_batch_bytes": random.choice([1, 24, 1000]),
    }


RUNS = Runs(Cluster, Checker, draw_settings, "raft")
"""How `impl/raft` is run."""
