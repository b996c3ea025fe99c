"""`python -m benchmarks.refinement`: events of an implementation held against its spec a second, on one core.

An event is one at a host: a message that arrives, a tick, a command, a Ready handed out or written, a crash, a restart. What is
measured is everything: the implementation's own work, the network or the simulator, the mapping, the steps of the spec, and the
comparison after each Ready. Figures are of processor time, of one thread.
"""

from __future__ import annotations

import argparse
import time
from collections.abc import Callable

from conformance.multi_paxos.runs import RUNS as MULTI_PAXOS
from conformance.outcome import Outcome
from conformance.paxos.runs import RUNS as PAXOS
from conformance.raft.cluster import Cluster
from conformance.raft.runs import RUNS as RAFT

SUBJECTS = {"raft": RAFT, "multi-paxos": MULTI_PAXOS, "paxos": PAXOS}


def steady(seed: int, nodes: int) -> Outcome:
    """A leader, and one command after another, without any trouble."""
    cluster = Cluster(nodes, seed)
    cluster.elect(1)
    for number in range(1_000):
        cluster.propose(1)
        cluster.calm(2)
        if number % 100 == 0:
            cluster.tick(1)
    return Outcome(cluster.checker.events, cluster.checker.run.length)


def rate(run: Callable[[int, int], Outcome], seeds: int, nodes: int) -> tuple[int, int, float]:
    """Events, steps of the spec, and events a second of processor time."""
    events = steps = 0
    began = time.process_time()
    for seed in range(seeds):
        outcome = run(seed, nodes)
        assert outcome.failure is None, outcome.failure
        events, steps = events + outcome.events, steps + outcome.steps
    return events, steps, events / (time.process_time() - began)


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.refinement", description="Measure the refinement check.")
    parser.add_argument("--quick", action="store_true", help="whether it works, not how fast it is")
    seeds, repeats = (1, 1) if parser.parse_args().quick else (20, 3)
    print("implementation events held against the spec, per second of processor time: best (all)")
    for name, runs in SUBJECTS.items():
        for nodes in (3, 5):
            kinds = {"anything at any time": runs.chaos, "simulated, with faults": runs.simulation} | (
                {"one command after another": steady} if name == "raft" else {}
            )
            for kind, run in kinds.items():
                found = [rate(run, seeds if kind != "one command after another" else max(1, seeds // 10), nodes) for _ in range(repeats)]
                events, steps, _ = found[0]
                rates = [r for _, _, r in found]
                print(
                    f"  {name}, {nodes} nodes, {kind:<26} {max(rates):>8,.0f}   ({', '.join(f'{r:,.0f}' for r in rates)}) of {events:,} events, {steps:,} steps"
                )


if __name__ == "__main__":
    main()
