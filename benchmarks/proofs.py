"""`python -m benchmarks.proofs [--write]`: how long the proofs and bounded checks take, over several seeds, and mypyvy beside them.

`OLDER_Z3` may name a folder with an older z3-solver (`pip install --no-deps --target FOLDER z3-solver==4.13.4.0`): the proofs are
then repeated with it. mypyvy takes part where `MYPYVY` gives the path of its `mypyvy.py` (and this Python can run it).
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
from benchmarks.table import VERDICTS, table

RESULTS = Path(__file__).with_name("PROOFS.md")
ROOT = Path(__file__).parent.parent
SEEDS = range(5)
OLDER, PEER = "OLDER_Z3", "MYPYVY"

FIGURE_8 = ("--nodes", "3", "--terms", "4", "--index", "1", "--from", "docs/figure-8.itf.json", "--depth", "8")
FIGURE_8_RULE = ("--without", "commit only entries of the current term")
BOUNDED = {values: ("bmc", "raft", "--nodes", "3", "--terms", "3", "--index", "2", "--values", values, "--depth", "10") for values in ("1", "2")}
NEAR = {True: ("bmc", "raft", *FIGURE_8_RULE, *FIGURE_8), False: ("bmc", "raft", *FIGURE_8)}
INDUCTION = ("prove", "raft", *FIGURE_8_RULE, "--action", "advance_commit", "--lemma", "commit_points_are_justified")

COVERS = {
    "paxos": "Single-Decree Paxos, message by message, of `spec/paxos.py`: agreement, validity; it refines Voting",
    "raft": "Raft, message by message, of `spec/raft.py`: Figure 3; restarts, truncation, several entries a message, back-off, commit propagation",
    "paxos_epr": "Single-Decree Paxos over relations: agreement",
    "raft_epr": "an abstract Raft, one entry a message, no restart, no roles, no commit index: two committed values at an index agree",
}

_PAGE = """\
# How long the proofs take

Written by `python -m benchmarks.proofs --write` on {date}; to repeat it, run that on a quiet machine
({machine}; load before the first measurement: {load:.2f}). Seconds are from start to exit, two jobs each.

{aims}

## Proofs for clusters of any size

{proofs}

{older}

## Bounded checks

{bounded}

## A peer

{peer}
"""


@dataclass(frozen=True)
class Measured:
    """A run of `ionian`: what it says, and for a proof its obligations and the slowest one."""

    arguments: tuple[str, ...]
    verdict: str
    seconds: float
    solver: str = ""
    obligations: int = 0
    slowest: float = 0.0

    @property
    def spec(self) -> str:
        """The protocol."""
        return self.arguments[1]

    @property
    def command(self) -> str:
        """As one would type it."""
        return " ".join(("ionian", *(f'"{word}"' if " " in word else word for word in self.arguments)))


def measure(*arguments: str, older: str = "") -> Measured:
    """Run `ionian` once, with the z3-solver in the folder `older` if one is given."""
    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder, "result.json")
        environment = {**os.environ, "PYTHONPATH": os.pathsep.join(filter(None, (older, str(ROOT))))}
        began = time.perf_counter()
        done = subprocess.run(
            [sys.executable, "-m", "ionian", *arguments, "--json", str(file)],
            cwd=ROOT,
            env=environment,
            capture_output=True,
            text=True,
            check=False,
        )
        seconds = time.perf_counter() - began
        if not file.exists():
            sys.exit(f"ionian {' '.join(arguments)} ended with status {done.returncode}: {done.stderr.strip()}")
        found = json.loads(file.read_text(encoding="utf-8"))
    obligations = found.get("obligations", [])
    slowest = max((o["seconds"] for o in obligations), default=0.0)
    print(f"{' '.join(arguments)}: {found['verdict']}, {seconds:.1f} s", flush=True)
    return Measured(arguments, found["verdict"], seconds, found.get("solver", ""), len(obligations), slowest)


def prove(spec: str, seed: int, older: str = "") -> Measured:
    """A whole proof."""
    return measure("prove", spec, "--jobs", "2", "--seed", str(seed), older=older)


def aims(proofs: Sequence[Measured], bounded: Sequence[Measured]) -> str:
    """What was to be reached, and what was, at worst."""
    rows = []
    for spec, limit in (("paxos", 5), ("raft", 60)):
        own = [m for m in proofs if m.spec == spec]
        worst = max(m.seconds for m in own)
        rows.append((f"{spec}, whole, {len(own)} seeds: under {limit} s", f"{worst:.1f} s", all(m.verdict == "proved" for m in own) and worst < limit))
    slowest = max(m.slowest for m in proofs)
    rows.append(("no obligation over 10 s", f"{slowest:.1f} s", slowest <= 10))
    for m in bounded:
        if m.arguments in BOUNDED.values():
            rows.append((f"`{m.command}`: holds, under 5 minutes", f"{m.seconds:.0f} s", m.verdict == "holds" and m.seconds < 300))
    return table(["aim", "figure", ""], [(aim, figure, VERDICTS[met]) for aim, figure, met in rows])


def proof_rows(proofs: Sequence[Measured]) -> str:
    """A row for each whole proof."""
    return table(
        ["command", "solver", "verdict", "obligations", "s", "slowest obligation s"],
        [(f"`{m.command}`", m.solver, m.verdict, str(m.obligations), f"{m.seconds:.1f}", f"{m.slowest:.2f}") for m in proofs],
    )


def peer(own: Sequence[Measured]) -> str:
    """What models of mypyvy take, beside ours, and what each proof covers."""
    rows = [(f"Ionian, `{m.spec}`", COVERS[m.spec], str(m.obligations), m.verdict, f"{m.seconds:.1f}") for m in own]
    program = os.environ.get(PEER)
    if not program or not Path(program).is_file():
        return f"mypyvy: not measured, as {PEER} does not give the path of its mypyvy.py."
    for model in ("paxos_epr", "raft_epr"):
        file = Path(program).resolve().parent.parent / "examples" / f"{model}.pyv"
        began = time.perf_counter()
        done = subprocess.run([sys.executable, program, "verify", str(file)], capture_output=True, text=True, check=False)
        seconds = time.perf_counter() - began
        verdict = "proved" if done.returncode == 0 and done.stdout.rstrip().endswith("all ok!") else f"status {done.returncode}"
        rows.append((f"mypyvy, `{model}`", COVERS[model], str(len(re.findall(r"ok\. \(", done.stdout))), verdict, f"{seconds:.1f}"))
    return table(["", "what is proved", "checks", "verdict", "s"], rows)


def main() -> None:
    """Measure, print, and with `--write` replace the page."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.proofs", description="Time the proofs and bounded checks.")
    parser.add_argument("--write", action="store_true", help=f"replace {RESULTS.name}")
    asked = parser.parse_args()
    before = load()
    if before > QUIET_LOAD:
        print(f"the machine is busy (load {before:.2f}): figures will be too low", flush=True)
    proofs = [prove(spec, seed) for spec in ("paxos", "raft") for seed in SEEDS]
    older = os.environ.get(OLDER, "")
    repeated = [prove(spec, seed, older) for spec in ("paxos", "raft") for seed in SEEDS] if older else []
    bounded = [measure(*arguments) for arguments in (*BOUNDED.values(), *NEAR.values(), INDUCTION)]
    page = _PAGE.format(
        date=datetime.datetime.now(tz=datetime.UTC).date().isoformat(),
        machine=", ".join(f"{name} {value}" for name, value in machine().items()),
        load=before,
        aims=aims(proofs, bounded),
        proofs=proof_rows(proofs),
        older=proof_rows(repeated) if repeated else f"An older solver: not measured, as {OLDER} does not give a folder with one.",
        bounded=table(["command", "verdict", "s"], [(f"`{m.command}`", m.verdict, f"{m.seconds:.1f}") for m in bounded]),
        peer=peer([next(m for m in proofs if m.spec == spec) for spec in ("paxos", "raft")]),
    )
    if asked.write:
        RESULTS.write_text(page, encoding="utf-8")
    print(page)


if __name__ == "__main__":
    main()
