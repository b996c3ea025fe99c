"""How long the linearizability checker takes: on recorded histories, where they are beside the repository, and on simulated ones."""

from __future__ import annotations

import tempfile
import time
from dataclasses import dataclass
from pathlib import Path

from impl.simulation.cluster import Cluster
from impl.simulation.history import to_text
from impl.simulation.latency import MILLISECOND, SECOND
from impl.simulation.nemesis import draw_faults
from impl.simulation.simulation import Simulation
from impl.simulation.workload import Workload
from model_check.linearizability import MODELS, check_history, read_history

FOLDERS = [parent / "shared" / "data" / "histories" for parent in Path(__file__).resolve().parents]
LINEARIZABLE = {"jepsen-etcd": {"etcd_002", "etcd_005", "etcd_007", "etcd_018", "etcd_025", "etcd_031"}, "kv": {"c01-ok", "c10-ok"}}
"""Of the recorded histories, by folder, those known to be linearizable."""
MODEL_AND_FORMAT = {"jepsen-etcd": ("register", "jepsen"), "kv": ("kv", "kv")}
OPERATIONS, CLIENTS, NODES = 2_000, 50, 5
LONGEST = 60.0


@dataclass(frozen=True)
class Judged:
    """Histories of one kind."""

    kind: str
    histories: int
    operations: int
    """Of the longest one."""
    wrong: int
    """Verdicts that are not the known one."""
    undecided: int
    """Histories that were given up after LONGEST seconds."""
    slowest: float
    """Seconds of processor time."""

    @property
    def verdicts(self) -> str:
        """For the table."""
        wrong = [f"**{self.wrong} wrong**"] if self.wrong else []
        return ", ".join([*wrong, *([f"{self.undecided} undecided"] if self.undecided else [])]) or "as known"


def missing() -> str:
    """Why no recorded histories are judged, or nothing."""
    return "" if any(f.is_dir() for f in FOLDERS) else "recorded histories: no folder shared/data/histories beside the repository"


def recorded() -> list[Judged]:
    """All recorded histories, by folder."""
    data = next(f for f in FOLDERS if f.is_dir())
    return [_judge(folder, [(path, path.stem in known) for path in sorted((data / folder).iterdir())], folder) for folder, known in LINEARIZABLE.items()]


def simulated(keys: int, faults: bool, seeds: int) -> Judged:
    """Key-value histories of 2,000 operations by 50 clients of five Raft nodes."""
    name = f"simulated kv, {keys} key{'s' * (keys != 1)}, {'faults' if faults else 'no faults'}"
    with tempfile.TemporaryDirectory() as folder:
        paths = [Path(folder, f"{seed}.ndjson") for seed in range(seeds)]
        for seed, path in enumerate(paths):
            _simulate(keys, faults, seed, path)
        return _judge(name, [(path, True) for path in paths], "")


def _simulate(keys: int, faults: bool, seed: int, path: Path) -> None:
    cluster = Cluster("raft", NODES)
    schedule = draw_faults(seed, cluster.ids, 2 * SECOND) if faults else ()
    run = Simulation(cluster, Workload(object="kv", clients=CLIENTS, keys=keys), schedule, seed)
    while len(run.history) < OPERATIONS:
        run.run(run.now + MILLISECOND)
    run.settle(2 * SECOND)
    path.write_text(to_text(run.history), encoding="utf-8")


def _judge(kind: str, histories: list[tuple[Path, bool]], folder: str) -> Judged:
    model, format_name = MODEL_AND_FORMAT.get(folder, ("kv", "ionian"))
    wrong, undecided, slowest, longest = 0, 0, 0.0, 0
    for path, linearizable in histories:
        history = read_history(path, format_name, MODELS[model])
        began = time.process_time()
        verdict = check_history(history, MODELS[model], timeout=LONGEST).verdict
        slowest, longest = max(slowest, time.process_time() - began), max(longest, len(history.operations))
        undecided += verdict == "inconclusive"
        wrong += verdict not in ("inconclusive", "linearizable" if linearizable else "not_linearizable")
    return Judged(kind, len(histories), longest, wrong, undecided, slowest)
