"""`python -m benchmarks [SECTION ...] [--quick | --write]`: measure, print, and with `--write` replace RESULTS.md."""

from __future__ import annotations

import argparse
import datetime
import sys
from collections.abc import Callable, Sequence
from functools import partial
from pathlib import Path

from benchmarks import ours, peers
from benchmarks.figures import Exploration, Figures
from benchmarks.machine import QUIET_LOAD, load, machine, versions
from benchmarks.plan import FULL, QUICK, BenchmarkError, Plan, Run
from benchmarks.table import exploration_row, render

RESULTS = Path(__file__).with_name("RESULTS.md")


def _tell(line: str) -> None:
    print(line, flush=True)


def _skip(found: Figures, reason: str) -> None:
    found.skipped.append(reason)
    _tell(f"skipped: {reason}")


def _attempt(found: Figures, name: str, measure: Callable[[], None]) -> None:
    """Measure; where that fails, say so here and in the table."""
    try:
        measure()
    except BenchmarkError as error:
        found.failed = True
        _skip(found, f"{name}: {error}")


def _attempt_exploring(found: Figures, name: str, explore: Callable[[], Sequence[Exploration]]) -> None:
    def measure() -> None:
        more = explore()
        for e in more:
            _tell(" | ".join(exploration_row(e)))
        found.explorations += more

    _attempt(found, name, measure)


def _explore(plan: Plan, found: Figures) -> None:
    for run in (*plan.paxos, plan.raft):
        _attempt_exploring(found, f"Ionian, {run.name}", partial(ours.explore, run))


def _compile(plan: Plan, found: Figures) -> None:
    for run in (plan.paxos[0], plan.raft):

        def measure(run: Run = run) -> None:
            timed = ours.compiling(run)
            _tell(f"compiling: {timed.name}: first {timed.first:.1f} s, from the cache {timed.cached:.2f} s")
            found.compilings.append(timed)

        _attempt(found, f"compiling, {run.name}", measure)


def _spin(plan: Plan, found: Figures) -> None:
    if why := peers.spin_missing():
        _skip(found, why)
        return
    for run in plan.paxos:
        _attempt_exploring(found, f"Spin, {run.name}", partial(peers.spin, run))


def _tlc(plan: Plan, found: Figures) -> None:
    if why := peers.tlc_missing():
        _skip(found, why)
        return
    for properties in (True, False):
        _attempt_exploring(found, f"TLC, {plan.paxos[0].name}", partial(peers.tlc, plan.paxos[0], properties))


def _check(plan: Plan, found: Figures) -> None:
    def measure() -> None:
        found.default_check = ours.default_check()
        _tell(f"ionian check raft: {found.default_check.wall:.1f} s")

    if plan.commands:
        _attempt(found, "ionian check raft", measure)


def _break(plan: Plan, found: Figures) -> None:
    def measure() -> None:
        found.breaking = ours.breaking()
        _tell(f"ionian break raft: {found.breaking.wall:.1f} s")

    if plan.commands:
        _attempt(found, "ionian break raft", measure)


SECTIONS: dict[str, Callable[[Plan, Figures], None]] = {
    "explore": _explore,
    "compile": _compile,
    "spin": _spin,
    "tlc": _tlc,
    "check": _check,
    "break": _break,
}


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m benchmarks", description="Measure Ionian and the peers found on this machine.")
    parser.add_argument("sections", nargs="*", metavar="SECTION", help=f"what to measure: {', '.join(SECTIONS)} (default: all)")
    parser.add_argument("--quick", action="store_true", help="small scopes: whether the benchmark works, not how fast anything is")
    parser.add_argument("--write", action="store_true", help=f"replace {RESULTS.name}, for which everything is measured in full")
    return parser


def main(arguments: Sequence[str] | None = None) -> int:
    """Measure; returns the exit status: 0, 1 where something failed, 2 where the explorers disagree (then nothing is written)."""
    parser = _parser()
    asked = parser.parse_args(arguments)
    unknown = [name for name in asked.sections if name not in SECTIONS]
    if unknown:
        parser.error(f"no section is named {unknown[0]}; there are {', '.join(SECTIONS)}")
    if asked.write and (asked.quick or asked.sections):
        parser.error("--write takes neither --quick nor sections: the table is of one whole run")
    before, found, plan = load(), Figures(), QUICK if asked.quick else FULL
    if before > QUIET_LOAD:
        _tell(f"the machine is busy (load {before:.2f}): figures will be too low")
    for name in asked.sections or SECTIONS:
        SECTIONS[name](plan, found)
    try:
        peers.agree(found.explorations)
    except BenchmarkError as error:
        print(f"error: {error}", file=sys.stderr)
        return 2
    date = datetime.datetime.now(tz=datetime.UTC).date().isoformat()
    page = render(found, "python -m benchmarks --write", date, before, machine(), versions())
    if asked.write:
        RESULTS.write_text(page, encoding="utf-8")
        _tell(f"written: {RESULTS}")
    else:
        _tell(f"\n{page}")
    return int(found.failed)


if __name__ == "__main__":
    try:
        sys.exit(main())
    except KeyboardInterrupt:
        sys.exit("interrupted: nothing written")
