"""Seeded runs of Single-Decree Paxos."""

from __future__ import annotations

from random import Random
from typing import Any

from conformance.paxos.checker import Checker
from conformance.paxos.cluster import Cluster
from conformance.paxos.scenarios import SCENARIOS, SETTINGS
from conformance.runs import Runs
from impl.simulation.workload import Workload


def draw_settings(random: Random) -> dict[str, Any]:
    """Settings that make the rare frequent: impatient proposers."""
    return {"retry_ticks": random.choice([1, 2, 5]), "backoff_ticks": random.choice([1, 2, 5])}


RUNS = Runs(Cluster, Checker, draw_settings, "paxos", Workload("decree"), SCENARIOS, SETTINGS)
"""How `impl/paxos` is run."""
