"""What was measured: typed figures, and the targets that they are held against."""

from __future__ import annotations

import statistics
from collections.abc import Iterable
from dataclasses import dataclass, field

from benchmarks.plan import Run

PAXOS_SECONDS = 0.15
PAXOS_RATE = 2_000_000
RAFT_RATE = 500_000
RAFT_STATES = 20_000_000
SPEEDUP = 1.6
SPEEDUP_STATES = 5_000_000
COMPILE_SECONDS = 15.0
CACHED_SECONDS = 1.0
CHECK_SECONDS = 60.0
BREAK_SECONDS = 300.0


@dataclass(frozen=True)
class Exploration:
    """One explorer on one space; `seconds` has one figure a repetition, `memory` is in bytes, as the explorer gives it."""

    explorer: str
    run: Run
    workers: int
    distinct_states: int
    depth: int
    seconds: tuple[float, ...]
    memory: int | None = None

    @property
    def best(self) -> float:
        """Seconds of the fastest repetition."""
        return min(self.seconds)

    @property
    def median(self) -> float:
        """Median of the seconds: what targets are held against."""
        return statistics.median(self.seconds)

    @property
    def rate(self) -> float:
        """Distinct states a second, by the median; a millisecond where the explorer's clock says nothing."""
        return self.distinct_states / max(self.median, 0.001)


@dataclass(frozen=True)
class Compiling:
    """Seconds that a program took before exploring: compiled, and taken from the cache."""

    name: str
    first: float
    cached: float


@dataclass(frozen=True)
class DefaultCheck:
    """`ionian check raft` with an empty cache: seconds from start to exit, parts of it, and what it found."""

    wall: float
    exploring: float
    compiling: float
    distinct_states: int
    verdict: str
    missed: tuple[str, ...]


@dataclass(frozen=True)
class Broken:
    """A rule removed, and what the checker found."""

    rule: str
    verdict: str
    property: str
    length: int | None
    seconds: float


@dataclass(frozen=True)
class Breaking:
    """`ionian break raft` with an empty cache: seconds from start to exit, and each rule."""

    wall: float
    rules: tuple[Broken, ...]


@dataclass
class Figures:
    """Everything measured; `skipped` says what was not, and why."""

    explorations: list[Exploration] = field(default_factory=list)
    compilings: list[Compiling] = field(default_factory=list)
    default_check: DefaultCheck | None = None
    breaking: Breaking | None = None
    skipped: list[str] = field(default_factory=list)
    failed: bool = False
    """Whether something was skipped that should have worked here."""

    def of(self, explorer: str, workers: int | None = None) -> list[Exploration]:
        """The explorations by an explorer whose name begins so."""
        return [e for e in self.explorations if e.explorer.startswith(explorer) and workers in (None, e.workers)]


@dataclass(frozen=True)
class Target:
    """What was aimed at, the figure, and whether it was met (None: not measured)."""

    aim: str
    figure: str
    met: bool | None


def _missing(aim: str) -> Target:
    return Target(aim, "not measured", None)


def targets(found: Figures) -> list[Target]:
    """Each target beside its figure."""
    return [*_paxos(found), *_speedups(found), *_spin(found), _raft(found), *_compiling(found), _default_check(found), _breaking(found)]


def _paxos(found: Figures) -> list[Target]:
    runs = [e for e in found.of("Ionian") if e.run.spec == "paxos"]
    small = [e for e in runs if e.run.sizes["ballot"] == 3]
    large = [e for e in runs if e.run.sizes["ballot"] == 4 and e.workers == 2]
    aims = f"Paxos, 3 ballots: explored in under {PAXOS_SECONDS} s", f"Paxos, 4 ballots: at least {PAXOS_RATE:,} distinct states a second with 2 workers"
    fastest = min(small, key=lambda e: e.median, default=None)
    first = _missing(aims[0])
    if fastest is not None:
        first = Target(aims[0], f"{fastest.median:.3f} s with {fastest.workers} worker{'s' * (fastest.workers != 1)}", fastest.median < PAXOS_SECONDS)
    second = Target(aims[1], f"{large[0].rate:,.0f}", large[0].rate >= PAXOS_RATE) if large else _missing(aims[1])
    return [first, second]


def _speedups(found: Figures) -> Iterable[Target]:
    aim = f"2 workers: at least {SPEEDUP} times 1 worker, on more than {SPEEDUP_STATES:,} states"
    by_run = {(e.run.name, e.workers): e for e in found.of("Ionian") if e.distinct_states > SPEEDUP_STATES}
    ratios = [(name, e.median / by_run[name, 2].median) for (name, workers), e in by_run.items() if workers == 1 and (name, 2) in by_run]
    return [Target(aim, f"{ratio:.2f} times ({name})", ratio >= SPEEDUP) for name, ratio in ratios] or [_missing(aim)]


def _spin(found: Figures) -> Iterable[Target]:
    """One core each; Spin's depth-first search keeps no frontier and gives no shortest traces, and is a target all the same."""
    ours = {e.run.name: e for e in found.of("Ionian", workers=1)}
    aim = "Ahead of Spin on one core"
    for peer in found.of("Spin"):
        own = ours.get(peer.run.name)
        if own is not None:
            yield Target(f"{aim}: {peer.explorer}, {peer.run.name}", f"{own.rate:,.0f} against {peer.rate:,.0f} a second", own.rate > peer.rate)
    if not found.of("Spin"):
        yield _missing(aim)


def _raft(found: Figures) -> Target:
    aim = f"Raft, 3 nodes: at least {RAFT_RATE:,} distinct states a second with 2 workers, over at least {RAFT_STATES:,}"
    for e in found.of("Ionian", workers=2):
        if e.run.spec == "raft":
            return Target(aim, f"{e.rate:,.0f} over {e.distinct_states:,}", e.rate >= RAFT_RATE and e.distinct_states >= RAFT_STATES)
    return _missing(aim)


def _compiling(found: Figures) -> Iterable[Target]:
    first, cached = f"Compiling: at most {COMPILE_SECONDS:.0f} s the first time", f"Compiling: under {CACHED_SECONDS:.0f} s from the cache"
    for c in found.compilings:
        yield Target(f"{first}: {c.name}", f"{c.first:.1f} s", c.first <= COMPILE_SECONDS)
        yield Target(f"{cached}: {c.name}", f"{c.cached:.2f} s", c.cached < CACHED_SECONDS)
    if not found.compilings:
        yield from map(_missing, (first, cached))


def _default_check(found: Figures) -> Target:
    aim = f"`ionian check raft` ends within {CHECK_SECONDS:.0f} s with compilation"
    done = found.default_check
    return _missing(aim) if done is None else Target(aim, f"{done.wall:.1f} s, {done.verdict}", done.wall <= CHECK_SECONDS and done.verdict == "holds")


def _breaking(found: Figures) -> Target:
    aim = f"`ionian break raft` in under {BREAK_SECONDS / 60:.0f} minutes"
    return _missing(aim) if found.breaking is None else Target(aim, f"{found.breaking.wall:.0f} s", found.breaking.wall < BREAK_SECONDS)
