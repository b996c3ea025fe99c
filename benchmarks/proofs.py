"""`python -m benchmarks.proofs [--write]`: how long the proofs and bounded checks take, over several seeds, and mypyvy beside them.

mypyvy takes part where `MYPYVY` gives the path of its `mypyvy.py` (and this Python can run it).
"""

from __future__ import annotations

import argparse
import datetime
import json
import os
import re
import subprocess
import sys
import tempfile
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from benchmarks.machine import QUIET_LOAD, load, machine
from benchmarks.table import table
from model_check.smt.unbounded.ledger import solver_version

RESULTS = Path(__file__).with_name("PROOFS.md")
ROOT = Path(__file__).parent.parent
SEEDS = range(5)
PEER = "MYPYVY"
PEER_MODELS = {
    "paxos_epr": "Single-Decree Paxos over relations: agreement",
    "raft_epr": "an abstract Raft, one entry a message, no restart, no roles: two committed values at an index agree",
}
BOUNDED = ("--nodes", "3", "--terms", "3", "--index", "2", "--values", "1", "--depth", "10")

_PAGE = """\
# How long the proofs take

Written by `python -m benchmarks.proofs --write` on {date} with {solver}; to repeat it, run that on a quiet machine
({machine}; load before the first measurement: {load:.2f}). Seconds are from start to exit, two jobs each.

## Proofs for clusters of any size

{proofs}

Aims: Paxos whole under 5 s; Raft whole under 60 s, no obligation over 10 s.

## Bounded model checking

{bounded}

Aim: no property of Raft violated with 3 nodes, 3 terms and 2 entries up to depth 10, in under 5 minutes.

## A peer

{peer}
"""


@dataclass(frozen=True)
class Measured:
    """A run of `ionian prove`."""

    spec: str
    seed: int
    verdict: str
    obligations: int
    seconds: float
    slowest: float


def _ionian(arguments: Sequence[str]) -> tuple[float, dict[str, object]]:
    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder, "result.json")
        began = time.perf_counter()
        done = subprocess.run(
            [sys.executable, "-m", "model_check.cli.main", *arguments, "--json", str(file)], cwd=ROOT, capture_output=True, text=True, check=False
        )
        seconds = time.perf_counter() - began
        if not file.exists():
            sys.exit(f"ionian {' '.join(arguments)} ended with status {done.returncode}: {done.stderr.strip()}")
        found: dict[str, object] = json.loads(file.read_text(encoding="utf-8"))
        return seconds, found


def _prove(spec: str, seed: int) -> Measured:
    seconds, found = _ionian(["prove", spec, "--jobs", "2", "--seed", str(seed)])
    obligations = found["obligations"]
    assert isinstance(obligations, list)
    return Measured(spec, seed, str(found["verdict"]), len(obligations), seconds, max(o["seconds"] for o in obligations))


def _peer() -> str:
    program = os.environ.get(PEER)
    if not program or not Path(program).is_file():
        return f"mypyvy: not measured, as {PEER} does not give the path of its mypyvy.py."
    rows = []
    for model, covers in PEER_MODELS.items():
        file = Path(program).resolve().parent.parent / "examples" / f"{model}.pyv"
        began = time.perf_counter()
        done = subprocess.run([sys.executable, program, "verify", str(file)], capture_output=True, text=True, check=False)
        seconds = time.perf_counter() - began
        verified = "proved" if done.returncode == 0 and done.stdout.rstrip().endswith("all ok!") else f"status {done.returncode}"
        rows.append((model, covers, str(len(re.findall(r"ok\. \(", done.stdout))), verified, f"{seconds:.1f}"))
    return table(["model of mypyvy", "what it proves", "checks", "verdict", "s"], rows)


def main() -> None:
    """Measure, print, and with `--write` replace the page."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.proofs", description="Time the proofs and bounded checks.")
    parser.add_argument("--write", action="store_true", help=f"replace {RESULTS.name}")
    asked = parser.parse_args()
    before = load()
    if before > QUIET_LOAD:
        print(f"the machine is busy (load {before:.2f}): figures will be too low", flush=True)
    runs = [_prove(spec, seed) for spec in ("paxos", "raft") for seed in SEEDS]
    proofs = table(
        ["proof", "seed", "verdict", "obligations", "s", "slowest obligation s"],
        [(r.spec, str(r.seed), r.verdict, str(r.obligations), f"{r.seconds:.1f}", f"{r.slowest:.2f}") for r in runs],
    )
    seconds, found = _ionian(["bmc", "raft", *BOUNDED])
    bounded = table(["command", "verdict", "s"], [(f"`ionian bmc raft {' '.join(BOUNDED)}`", str(found["verdict"]), f"{seconds:.1f}")])
    date = datetime.datetime.now(tz=datetime.UTC).date().isoformat()
    about = ", ".join(f"{name} {value}" for name, value in machine().items())
    page = _PAGE.format(date=date, solver=solver_version(), machine=about, load=before, proofs=proofs, bounded=bounded, peer=_peer())
    if asked.write:
        RESULTS.write_text(page, encoding="utf-8")
    print(page)


if __name__ == "__main__":
    main()
