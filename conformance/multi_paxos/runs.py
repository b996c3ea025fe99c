"""Seeded runs of Multi-Paxos."""

from __future__ import annotations

from random import Random
from typing import Any

from conformance.multi_paxos.checker import Checker
from conformance.multi_paxos.cluster import Cluster
from conformance.multi_paxos.scenarios import SCENARIOS, SETTINGS
from conformance.runs import Runs


def draw_settings(random: Random) -> dict[str, Any]:
    """Settings that make the rare frequent: impatient nodes, small batches, few open slots."""
    return {
        "election_ticks": random.choice([3, 5, 10]),
        "heartbeat_ticks": random.choice([1, 2]),
        "max_batch_bytes": random.choice([1, 24, 1000]),
        "max_open_slots": random.choice([2, 8, 1000]),
    }


RUNS = Runs(Cluster, Checker, draw_settings, "multi-paxos", scenarios=SCENARIOS, scenario_settings=SETTINGS)
"""How `impl/multi_paxos` is run."""
