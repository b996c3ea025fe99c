"""`python -m benchmarks.implementation [--quick | --write]`: the implementation measured, and with `--write` IMPLEMENTATION.md replaced."""

from __future__ import annotations

import argparse
import datetime
import sys
import tempfile
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from benchmarks import compiled, cores, histories, pysyncobj_peer
from benchmarks.cores import MULTI_PAXOS, RAFT, Core, Rates
from benchmarks.figures import Target
from benchmarks.histories import Judged
from benchmarks.machine import QUIET_LOAD, load, machine, versions
from benchmarks.plan import BenchmarkError
from benchmarks.table import VERDICTS, table

RESULTS = Path(__file__).with_name("IMPLEMENTATION.md")
ONE, BATCHES, JEPSEN_SECONDS, KV_SECONDS, GROWTH = 50_000, 800_000, 1.0, 2.0, 1.5

_PAGE = """\
# The implementation, measured

Written by `python -m benchmarks.implementation --write` on {date}; to repeat it, run that on a quiet machine. PySyncObj takes part where it is
importable, recorded histories where `shared/data/histories` lies beside the repository, the compiled core where mypyc and a C compiler are.
Load of the machine before the first measurement: {load:.2f}.

{machine}

## Targets

{targets}

## Cores

Three nodes in one process, in memory; entries of 16 bytes a second of processor time, best of {repeats}. Every entry is persisted, sent, acknowledged,
committed and handed out on all three nodes. *One by one*: the next entry is proposed once the leader knows the one before to be committed.
*Batches*: the same with 64 entries to a proposal. *Alone*: the next one is proposed when nothing is left to do for the one before.
*Compiled*: by mypyc, from the same source (docs/compile-the-core.md).

{rates}

A round of one entry on all three nodes, in microseconds, by the length of the log before:

{lengths}

Memory in bytes: of an entry of 16 bytes on a node, in the log and in the storage, the command's own object included; and of a follower on its leader.

{memory}

## A peer

PySyncObj: three processes on this machine that talk over TCP, nothing on disk; commands a second of wall time, measured at its leader. The cores above have
neither network nor processes: the figures tell what is left for those, not which is better.

{peer}

## Linearizability

Seconds of processor time of the slowest history of each kind. The simulated ones have 2,000 operations by 50 clients of five Raft nodes; faults are
drawn from the seed. Keys are judged one by one, so all clients on one key is the hardest: up to 50 operations at the same time, most of
whose values nobody sees. A search is given up after a minute.

{histories}
{skipped}"""


@dataclass
class Found:
    """Everything measured."""

    rates: dict[str, Rates] = field(default_factory=dict)
    lengths: dict[str, list[float]] = field(default_factory=dict)
    memory: dict[str, tuple[float, float]] = field(default_factory=dict)
    peer: dict[int, float] = field(default_factory=dict)
    histories: list[Judged] = field(default_factory=list)
    skipped: list[str] = field(default_factory=list)
    failed: bool = False
    """Whether something was skipped that should have worked here."""

    def attempt(self, name: str, measure: Callable[[], None], missing: str = "") -> None:
        """Measure, or say why not."""
        if missing:
            self.skipped.append(missing)
        else:
            try:
                measure()
            except BenchmarkError as error:
                self.skipped.append(f"{name}: {error}")
                self.failed = True
        print(f"{name}: done" if not missing else f"skipped: {missing}", flush=True)


def measure(scale: int, repeats: int, seconds: float) -> Found:
    """Measure everything; `scale` divides the number of entries."""
    found = Found()

    def core(of: Core) -> None:
        found.rates[of.name] = cores.rates(of, scale, repeats)
        found.lengths[of.name] = cores.cost_by_length(of, 4_000 // scale)
        found.memory[of.name] = cores.bytes_per_entry(of, 64_000 // scale), cores.bytes_per_follower(of)

    def compiled_core() -> None:
        with tempfile.TemporaryDirectory() as folder:
            compiled.build(Path(folder))
            found.rates["Raft, compiled"] = compiled.rates(Path(folder), scale, repeats)

    def peer() -> None:
        found.peer = {window: pysyncobj_peer.rate(window, seconds) for window in pysyncobj_peer.WINDOWS}

    def simulated() -> None:
        for keys, faults in ((10, False), (10, True), (1, False), (1, True)):
            found.histories.append(histories.simulated(keys, faults, seeds=max(1, 10 // scale)))

    found.attempt("the Raft core", lambda: core(RAFT))
    found.attempt("the Multi-Paxos core", lambda: core(MULTI_PAXOS))
    found.attempt("the compiled core", compiled_core, compiled.missing())
    found.attempt("PySyncObj", peer, pysyncobj_peer.missing())
    found.attempt("recorded histories", lambda: found.histories.extend(histories.recorded()), histories.missing())
    found.attempt("simulated histories", simulated)
    return found


def targets(found: Found) -> list[Target]:
    """What was aimed at, beside the figures."""
    aims = []
    for name, share in (("Raft", 1), ("Multi-Paxos", 2)):
        for what, rate in (("one by one", ONE // share), ("in batches of 64", BATCHES // share)):
            best = max(found.rates[name].one_by_one if what == "one by one" else found.rates[name].batches) if name in found.rates else None
            aims.append(_target(f"{name} core: at least {rate:,} entries/s {what}", best, "{:,.0f}", best is not None and best >= rate))
        growth = max(found.lengths[name]) / found.lengths[name][0] if name in found.lengths else None
        met = growth is not None and growth <= GROWTH
        aims.append(_target(f"{name} core: a step costs no more with 1,000,000 entries than with 1,000", growth, "{:.2f} times at most", met))
    for kind, seconds in (("jepsen-etcd", JEPSEN_SECONDS), ("kv", KV_SECONDS), ("simulated kv", KV_SECONDS)):
        of_kind = [j for j in found.histories if j.kind.startswith(kind)]
        slowest = max((j.slowest for j in of_kind), default=None)
        met = slowest is not None and slowest < seconds and not any(j.wrong or j.undecided for j in of_kind)
        aims.append(_target(f"Histories, {kind}: each decided as it should be in under {seconds:.0f} s", slowest, "{:.3f} s at most", met))
    return aims


def _target(aim: str, figure: float | None, shown: str, met: bool) -> Target:
    return Target(aim, "not measured", None) if figure is None else Target(aim, shown.format(figure), met)


def render(found: Found, date: str, before: float, repeats: int) -> str:
    """The page."""
    best = {name: (max(r.one_by_one), max(r.batches), max(r.alone)) for name, r in found.rates.items()}
    about = [*machine().items(), *((n, v) for n, v in versions().items() if n == "Python"), ("PySyncObj", pysyncobj_peer.version())]
    return _PAGE.format(
        date=date,
        load=before,
        repeats=repeats,
        machine=table(["machine", ""], about),
        targets=table(["target", "figure", ""], [(t.aim, t.figure, VERDICTS[t.met]) for t in targets(found)]),
        rates=table(["core", "one by one", "batches of 64", "alone"], [(name, *(f"{rate:,.0f}" for rate in b)) for name, b in best.items()]),
        lengths=table(["core", *(f"{n:,} entries" for n in cores.LENGTHS)], [(name, *(f"{us:.1f}" for us in costs)) for name, costs in found.lengths.items()]),
        memory=table(["core", "an entry", "a follower"], [(name, f"{entry:.0f}", f"{follower:.0f}") for name, (entry, follower) in found.memory.items()]),
        peer=table(["outstanding", "commands/s"], [(f"{window:,}", f"{rate:,.0f}") for window, rate in found.peer.items()]),
        histories=table(
            ["histories", "how many", "operations, at most", "verdicts", "slowest s"],
            [(j.kind, str(j.histories), f"{j.operations:,}", j.verdicts, f"{j.slowest:.3f}") for j in found.histories],
        ),
        skipped="".join(["\n## Not measured\n\n", *(f"- {reason}\n" for reason in found.skipped)]) if found.skipped else "",
    )


def main(arguments: Sequence[str] | None = None) -> int:
    """Measure; returns the exit status: 0, or 1 where something failed."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.implementation", description="Measure the implementation and a peer.")
    choice = parser.add_mutually_exclusive_group()
    choice.add_argument("--quick", action="store_true", help="whether it works, not how fast anything is")
    choice.add_argument("--write", action="store_true", help=f"replace {RESULTS.name}")
    asked = parser.parse_args(arguments)
    before = load()
    if before > QUIET_LOAD:
        print(f"the machine is busy (load {before:.2f}): figures will be too low", flush=True)
    scale, repeats, seconds = (100, 1, 0.5) if asked.quick else (1, 5, 10.0)
    found = measure(scale, repeats, seconds)
    page = render(found, datetime.datetime.now(tz=datetime.UTC).date().isoformat(), before, repeats)
    if asked.write:
        RESULTS.write_text(page, encoding="utf-8")
    print(page)
    return int(found.failed)


if __name__ == "__main__":
    sys.exit(main())
