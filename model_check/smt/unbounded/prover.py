"""Discharges obligations: one solver query for each path, with few lemmas at first and more where these do not suffice.

Nothing but `unsat` counts: an obligation that no set of lemmas discharges within the limit is open, and the proof with it.
"""

from __future__ import annotations

import multiprocessing
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass

import z3

from model_check.smt.unbounded.obligations import IMPLICATION, INITIATION, Encoding, Obligation, Query
from spec.language import Protocol

Support = tuple[str, ...]
"""The lemmas (and, by a variable's name, the claims that its value exists) that one path's query uses."""


@dataclass(frozen=True)
class Limits:
    """How long a query may take (seconds), with which random seed, and in how much memory (megabytes)."""

    timeout: float = 10.0
    seed: int = 0
    memory: int = 4096


@dataclass(frozen=True)
class Discharge:
    """What became of an obligation: `unsat` (discharged), `sat` (a CTI exists) or `unknown`, and what each path used."""

    obligation: Obligation
    result: str
    seconds: float
    support: tuple[Support, ...]
    open_path: int | None = None

    @property
    def uses(self) -> frozenset[str]:
        """All that its paths use together."""
        return frozenset().union(*self.support)


class Prover:
    """Discharges the obligations of one protocol, in one process."""

    def __init__(self, protocol: type[Protocol], without: frozenset[str], hints: Mapping[Obligation, tuple[Support, ...]], limits: Limits) -> None:
        self.encoding = Encoding(protocol, without)
        self.hints, self.limits = hints, limits

    def known(self, name: str) -> z3.BoolRef:
        """A lemma or theorem of the state before, or the claim that a variable's value exists."""
        encoding = self.encoding
        if name in encoding.totality:
            return encoding.totality[name]
        return encoding.hypothesis(name)

    def usable(self, obligation: Obligation) -> list[str]:
        """The lemmas that may be assumed: none of an initial state, and only earlier theorems for a theorem."""
        if obligation.action == INITIATION:
            return []
        theorems = list(self.encoding.theorems)
        if obligation.action == IMPLICATION:
            theorems = theorems[: theorems.index(obligation.lemma)]
        return [*self.encoding.lemmas, *theorems]

    def discharge(self, obligation: Obligation) -> Discharge:
        """Try to discharge an obligation."""
        began = time.perf_counter()
        used: list[Support] = []
        hints = self.hints.get(obligation, ())
        for number, query in enumerate(self.encoding.queries(obligation)):
            hint = hints[number] if number < len(hints) else None
            result, support = self.refute(query, obligation, hint)
            if result != z3.unsat:
                return Discharge(obligation, str(result), time.perf_counter() - began, tuple(used), number)
            used.append(support)
        return Discharge(obligation, "unsat", time.perf_counter() - began, tuple(used))

    def refute(self, query: Query, obligation: Obligation, hint: Support | None) -> tuple[z3.CheckSatResult, Support]:
        """Show that a query is unsatisfiable, and with which lemmas."""
        ends, result = time.perf_counter() + self.limits.timeout, z3.unknown
        for support in self.attempts(query, obligation, hint):
            left = ends - time.perf_counter()
            if left <= 0:
                break
            share = left if hint is not None and support == hint else min(left, self.limits.timeout / 4)
            result = self.check(query, support, share)
            if result == z3.unsat:
                return result, support
        return result, ()

    def attempts(self, query: Query, obligation: Obligation, hint: Support | None) -> Iterator[Support]:
        """Sets of lemmas to try: what served before, the lemma alone, the ones that share most with the query, all."""
        usable = self.usable(obligation)
        own = (obligation.lemma,) if obligation.lemma in usable else ()
        if hint is not None and set(hint) <= {*usable, *self.encoding.totality}:
            yield hint
        yield own
        if not usable:
            return
        ranked = self.ranked(query, usable)
        for size in (6, 12, 24):
            if size < len(usable):
                yield tuple(dict.fromkeys((*own, *ranked[:size])))
        yield tuple(usable)
        yield (*usable, *self.encoding.totality)

    def ranked(self, query: Query, usable: Sequence[str]) -> list[str]:
        """Lemmas by how much of what they speak of occurs in the query."""
        spoken = symbols([*query.facts, query.goal])
        own = {name: symbols([self.known(name)]) for name in usable}
        return sorted(usable, key=lambda name: (-len(own[name] & spoken) / max(1, len(own[name])), name))

    def check(self, query: Query, support: Support, seconds: float) -> z3.CheckSatResult:
        """One call of the solver."""
        solver = z3.Solver()
        solver.set("timeout", max(1, int(seconds * 1000)))
        # Before the axioms are read: what a lemma is the first to speak of brings axioms of its own.
        known = [self.known(name) for name in support]
        solver.add(*self.encoding.axioms, *query.facts, query.goal, *known)
        try:
            return solver.check()
        except z3.Z3Exception:
            return z3.unknown

    def minimal(self, query: Query, support: Support, seconds: float) -> Support:
        """A support from which nothing can be left out (within a time limit for each try)."""
        kept = list(support)
        for name in support:
            fewer = tuple(n for n in kept if n != name)
            if self.check(query, fewer, seconds) == z3.unsat:
                kept.remove(name)
        return tuple(kept)


def symbols(formulas: Sequence[z3.ExprRef]) -> frozenset[str]:
    """The functions and relations that occur in formulas."""
    seen: set[int] = set()
    found: set[str] = set()
    stack: list[z3.ExprRef] = list(formulas)
    while stack:
        item = stack.pop()
        if item.get_id() in seen:
            continue
        seen.add(item.get_id())
        if z3.is_quantifier(item):
            stack.append(item.body())
        elif z3.is_app(item):
            if item.decl().kind() == z3.Z3_OP_UNINTERPRETED and item.num_args() > 0 and not item.decl().name().startswith("le_"):
                found.add(item.decl().name())
            stack.extend(item.children())
    return frozenset(found)


_prover: Prover | None = None


def _start(protocol: type[Protocol], without: frozenset[str], hints: Mapping[Obligation, tuple[Support, ...]], limits: Limits) -> None:
    global _prover  # noqa: PLW0603  # one for each worker process
    z3.set_param("smt.random_seed", limits.seed)
    z3.set_param("sat.random_seed", limits.seed)
    z3.set_param("memory_max_size", limits.memory)
    _prover = Prover(protocol, without, hints, limits)


def _discharge(obligation: Obligation) -> Discharge:
    assert _prover is not None
    return _prover.discharge(obligation)


def discharge_all(
    protocol: type[Protocol],
    obligations: Sequence[Obligation],
    *,
    without: frozenset[str],
    hints: Mapping[Obligation, tuple[Support, ...]],
    limits: Limits,
    jobs: int,
    progress: Callable[[Discharge], None],
) -> None:
    """Discharge obligations in several processes; each outcome is told as it comes."""
    context = multiprocessing.get_context("spawn")
    with context.Pool(jobs, _start, (protocol, without, hints, limits)) as pool:
        for found in pool.imap_unordered(_discharge, obligations):
            progress(found)
