"""`python -m benchmarks.traces`: lines of traces in Ionian's own format validated a second, on one core, and what writing them costs.

Validating is everything: reading the file, decoding, the steps of the spec, comparing. The traces are those of simulated clusters under all kinds of
faults. Writing is measured as the processor time that the same simulated runs take with the tracer and without. Figures are of one thread.
"""

from __future__ import annotations

import argparse
import tempfile
import time
from pathlib import Path

from impl.raft import TraceLines
from impl.simulation.latency import SECOND
from impl.simulation.nemesis import draw_cluster, draw_faults
from impl.simulation.simulation import Simulation
from model_check.validation.trace_check import check_trace


def run(seed: int, nodes: int, seconds: int, traced: bool) -> tuple[list[str], float]:
    """The lines of a simulated run, if they are wanted, and the seconds of processor time that it took."""
    lines: list[str] = []
    cluster = draw_cluster(seed, "raft", nodes)
    faults = draw_faults(seed, cluster.ids, seconds * SECOND)
    simulation = Simulation(cluster, faults=faults, seed=seed, tracer=TraceLines(lines.append) if traced else None)
    began = time.process_time()
    simulation.run(seconds * SECOND)
    return lines, time.process_time() - began


def validated(lines: list[str], folder: Path) -> float:
    """The seconds of processor time that validating takes."""
    path = folder / "trace.ndjson"
    path.write_text("".join(f"{line}\n" for line in lines), encoding="utf-8")
    began = time.process_time()
    result = check_trace(path)
    spent = time.process_time() - began
    assert result.verdict == "explained", result
    return spent


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.traces", description="Measure the validation of traces.")
    parser.add_argument("--quick", action="store_true", help="whether it works, not how fast it is")
    seeds, seconds = (1, 1) if parser.parse_args().quick else (10, 5)
    print("lines validated per second of processor time; seconds of the simulation without a tracer, and with one")
    with tempfile.TemporaryDirectory() as folder:
        for nodes in (3, 5):
            plain = sum(run(seed, nodes, seconds, traced=False)[1] for seed in range(seeds))
            runs = [run(seed, nodes, seconds, traced=True) for seed in range(seeds)]
            count, spent = sum(len(lines) for lines, _ in runs), sum(validated(lines, Path(folder)) for lines, _ in runs)
            print(f"  {nodes} nodes, faults  {count / spent:>8,.0f} of {count:,} lines;  {plain:.2f} s, {sum(s for _, s in runs):.2f} s")


if __name__ == "__main__":
    main()
