"""`python -m benchmarks.simulation`: simulated events a second, on one core.

An event is what the simulation takes from its queue: a message that arrives, a tick, a write that is done, something that a client says, hears
or waits for in vain. What follows from it at once is part of it: the work of the node, what it sends, its state machine. Five
clients use a register, under all kinds of faults and under none. Figures are of processor time, of one thread.
"""

from __future__ import annotations

import argparse
import time

from impl.simulation.cluster import PROTOCOLS, Cluster
from impl.simulation.faults import Fault
from impl.simulation.latency import SECOND
from impl.simulation.nemesis import draw_faults
from impl.simulation.simulation import Simulation
from impl.simulation.workload import Workload


def rate(protocol: str, nodes: int, seconds: int, faulty: bool) -> tuple[int, float]:
    """Events, and how many a second of processor time, of runs of so many seconds in all."""
    cluster, workload = Cluster(protocol, nodes), Workload(object="decree" if protocol == "paxos" else "register")
    events, spent = 0, 0.0
    for seed in range(5):
        duration = seconds * SECOND // 5
        faults: tuple[Fault, ...] = draw_faults(seed, cluster.ids, duration) if faulty else ()
        run = Simulation(cluster, workload, faults, seed)
        began = time.process_time()
        run.run(duration)
        spent += time.process_time() - began
        events += run.events
    return events, events / spent


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.simulation", description="Measure the simulator.")
    parser.add_argument("--quick", action="store_true", help="whether it works, not how fast it is")
    seconds, repeats = (5, 1) if parser.parse_args().quick else (30, 3)
    print("simulated events per second of processor time: best (all)")
    for protocol in PROTOCOLS:
        for nodes in (3, 5):
            for faulty in (False, True):
                found = [rate(protocol, nodes, seconds, faulty) for _ in range(repeats)]
                rates = [each for _, each in found]
                name = f"{protocol}, {nodes} nodes, {'faults' if faulty else 'no faults'}"
                print(f"  {name:32} {max(rates):>9,.0f}   ({', '.join(f'{r:,.0f}' for r in rates)}) of {found[0][0]:,} events")


if __name__ == "__main__":
    main()
