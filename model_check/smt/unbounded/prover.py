"""Discharges obligations: one solver query for each path, with few lemmas at first and more where these do not suffice.

Nothing but `unsat` counts: an obligation that no set of lemmas discharges within the limit is open, and the proof with it.
"""

from __future__ import annotations

import functools
import hashlib
import itertools
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import z3

from model_check.smt.unbounded.obligations import IMPLICATION, INITIATION, Encoding, Obligation, Query
from model_check.smt.unbounded.small_clusters import SmallClusters, SmallStep
from model_check.smt.unbounded.stratification import Strata, describe
from model_check.smt.unbounded.universe import subterms
from spec.language import Protocol

STEPS_PER_SECOND, PATIENCE = 4_000_000, 10
"""What Z3 counts as its own steps (`rlimit`) in a second of the benchmark machine, at rest. Time is given to the solver in such steps, so
that what it answers does not depend on the machine's load; the clock ends a call only after so many times its seconds."""

_USES = "uses "
"""The beginning of the names by which an unsat core tells of lemmas; no function of a query is called so."""

Support = tuple[str, ...]
"""The lemmas (and, by a variable's name, the claims that its value exists) that one path's query uses."""


@dataclass(frozen=True)
class Limits:
    """How long a path of an obligation may take (seconds, in steps of the solver), with which random seed, in how much memory (bytes, for each process)."""

    timeout: float = 20.0
    seed: int = 0
    memory: int | None = None


@dataclass(frozen=True)
class Hint:
    """What discharged an obligation before: a support for each path; with `digest`, exactly these queries, so that they need not be asked again."""

    support: tuple[Support, ...]
    seconds: float = 0.0
    digest: str = ""


@dataclass(frozen=True)
class Discharge:
    """What became of an obligation.

    `result` is `unsat` (discharged), `sat` (even with all lemmas there is a counterexample to induction), `unknown`, or
    `not tried`; `support` what each path used; `resumed` whether it was discharged by an earlier run; `counterexample` the
    counterexample to induction where a small cluster has one; `cycles` the cycles of sorts that put its queries outside the decidable fragment.
    """

    obligation: Obligation
    result: str
    seconds: float = 0.0
    support: tuple[Support, ...] = ()
    reason: str = ""
    digest: str = ""
    resumed: bool = False
    counterexample: SmallStep | None = None
    cycles: tuple[str, ...] = ()

    @property
    def discharged(self) -> bool:
        """Whether the obligation is proved."""
        return self.result == "unsat"


class Prover:
    """Discharges the obligations of one protocol, in one process."""

    def __init__(self, protocol: type[Protocol], without: frozenset[str], limits: Limits) -> None:
        self.encoding = Encoding(protocol, without)
        self.clusters = SmallClusters(protocol, without)
        self.strata = Strata()
        self._texts: dict[int, tuple[z3.BoolRef, bytes]] = {}
        self.limits = limits
        self._reason, self._spent = "", 0.0
        if limits.memory is not None:
            z3.set_param("memory_max_size", max(1, limits.memory // 1_000_000))

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
        if obligation.action == IMPLICATION and obligation.lemma in theorems:
            theorems = theorems[: theorems.index(obligation.lemma)]
        return [*self.encoding.lemmas, *theorems]

    def discharge(self, obligation: Obligation, hint: Hint | None = None) -> Discharge:
        """Try to discharge an obligation; the hint's supports are tried first, and its digest is believed where it fits.

        What is not discharged at once is looked for in small clusters before the solver is given the time that it may take.
        """
        began = time.perf_counter()
        queries = self.encoding.queries(obligation)
        supports = self.hinted(hint, len(queries))
        if hint is not None and hint.digest and supports and hint.digest == self.digest(obligation, queries, supports):
            return Discharge(obligation, "unsat", hint.seconds, supports, digest=hint.digest, resumed=True, cycles=self.cycles(queries, supports))
        used: list[Support] = []
        looked = False
        for number, query in enumerate(queries):
            known = supports[number] if supports else None
            support = self.at_once(query, obligation, known, max(1.0, 5 * hint.seconds) if hint is not None else 1.0)
            if support is None and not looked:
                looked, found = True, self.small_step(obligation)
                if found is not None:
                    return Discharge(obligation, "sat", time.perf_counter() - began, tuple(used), counterexample=found)
            if support is None:
                result, support = self.refute(query, obligation, known)
                if result != z3.unsat:
                    return Discharge(obligation, str(result), time.perf_counter() - began, tuple(used), self._reason)
            used.append(support)
        seconds = time.perf_counter() - began
        return Discharge(obligation, "unsat", seconds, tuple(used), digest=self.digest(obligation, queries, used), cycles=self.cycles(queries, used))

    @staticmethod
    def hinted(hint: Hint | None, count: int) -> tuple[Support, ...]:
        """What to try first for each of so many paths; where a change has made other paths than before, all that served for any of these."""
        if hint is None or len(hint.support) == count:
            return () if hint is None else hint.support
        return (tuple(dict.fromkeys(name for support in hint.support for name in support)),) * count

    def digest(self, obligation: Obligation, queries: Sequence[Query], supports: Sequence[Support]) -> str:
        """The content hash of all that was shown to be unsatisfiable; empty where a support names no lemma that may be assumed."""
        known = {*self.usable(obligation), *self.encoding.totality}
        if any(name not in known for support in supports for name in support):
            return ""
        found = hashlib.sha256(repr(obligation).encode())
        for query, support in zip(queries, supports, strict=True):
            for formula in self.formulas(query, support):
                found.update(self._text(formula))
        return found.hexdigest()

    def _text(self, formula: z3.BoolRef) -> bytes:
        """A formula's text, written once, since axioms and lemmas recur; the formula is kept, since Z3 would give its number to another one."""
        number = formula.get_id()
        if number not in self._texts:
            self._texts[number] = formula, formula.sexpr().encode()
        return self._texts[number][1]

    def cycles(self, queries: Sequence[Query], supports: Sequence[Support]) -> tuple[str, ...]:
        """The cycles of sorts in what was asked, for each of which no answer had to come; none where all was within the decidable fragment."""
        found = (self.strata.cycles(self.formulas(query, support)) for query, support in zip(queries, supports, strict=True))
        return tuple(sorted({describe(cycle) for cycles in found for cycle in cycles}))

    def formulas(self, query: Query, support: Support) -> list[z3.BoolRef]:
        """What has to be unsatisfiable together."""
        return [*self.encoding.axioms, *query.facts, query.goal, *(self.known(name) for name in support)]

    def small_step(self, obligation: Obligation) -> SmallStep | None:
        """A counterexample to induction in a small cluster."""
        return self.clusters.find(obligation, self.limits.timeout)

    def at_once(self, query: Query, obligation: Obligation, hint: Support | None, seconds: float) -> Support | None:
        """The support that refutes a query without a search: what served before, or the lemma alone; None where these do not in some seconds' steps each."""
        for support in itertools.islice(self.attempts(query, obligation, hint), 2):
            if self.check(query, support, min(seconds, self.limits.timeout / 2)) == z3.unsat:
                return support
        return None

    def refute(self, query: Query, obligation: Obligation, hint: Support | None) -> tuple[z3.CheckSatResult, Support]:
        """Show that a query is unsatisfiable, and with which lemmas; `sat` only where all lemmas leave it satisfiable."""
        left = self.limits.timeout
        for support in self.attempts(query, obligation, hint):
            if self.check(query, support, min(left, self.limits.timeout / (2 if support == hint else 8))) == z3.unsat:
                return z3.unsat, support
            left -= self._spent
            if left <= 0:
                return z3.unknown, ()
        everything = self.everything(obligation)
        return self.check(query, everything, left), everything

    def everything(self, obligation: Obligation) -> Support:
        """All that may be assumed."""
        usable = self.usable(obligation)
        return (*usable, *(self.encoding.totality if usable else ()))

    def attempts(self, query: Query, obligation: Obligation, hint: Support | None) -> Iterator[Support]:
        """Sets of lemmas to try before all of them: what served before, the lemma alone, the ones that share most with the query."""
        usable = self.usable(obligation)
        own = (obligation.lemma,) if obligation.lemma in usable else ()
        if hint is not None and set(hint) <= {*usable, *self.encoding.totality}:
            yield hint
        if usable:
            yield own
            # Lemmas that lead the solver on and on are left out at first.
            ranked = self.ranked(query, [name for name in usable if not self._traits(name)[1]])
            for size in (6, 12, 24):
                if size < len(ranked):
                    yield tuple(dict.fromkeys((*own, *ranked[:size])))
            yield tuple(dict.fromkeys((*own, *ranked)))
            yield tuple(usable)

    def ranked(self, query: Query, usable: Sequence[str]) -> list[str]:
        """Lemmas by how much of what they speak of occurs in the query."""
        spoken = symbols([*query.facts, query.goal])
        own = {name: self._traits(name)[0] for name in usable}
        return sorted(usable, key=lambda name: (-len(own[name] & spoken) / max(1, len(own[name])), name))

    @functools.cache  # noqa: B019  # a prover lives as long as the process that proves with it
    def _traits(self, name: str) -> tuple[frozenset[str], bool]:
        """What a lemma speaks of, and whether it feeds itself."""
        return symbols([self.known(name)]), feeds_itself(self.known(name))

    def check(self, query: Query, support: Support, seconds: float) -> z3.CheckSatResult:
        """One call of the solver, in a context of its own: the answer depends on nothing that was asked before."""
        solver = self._solver(seconds)
        context = solver.ctx
        try:
            solver.add(*(formula.translate(context) for formula in self.formulas(query, support)))
            result = solver.check()
            self._spent = solver.statistics().get_key_value("rlimit count") / STEPS_PER_SECOND
        except z3.Z3Exception as error:
            self._reason, self._spent = str(error), seconds
            return z3.unknown
        self._reason = solver.reason_unknown() if result == z3.unknown else ""
        return result

    def _solver(self, seconds: float) -> z3.Solver:
        solver = z3.Solver(ctx=z3.Context())
        solver.set("rlimit", max(1, int(seconds * STEPS_PER_SECOND)))
        solver.set("timeout", max(1, int(1000 * PATIENCE * seconds)))
        solver.set("random_seed", self.limits.seed)
        solver.set("ctrl_c", False)
        return solver

    def core(self, query: Query, support: Support, seconds: float) -> Support:
        """What of a support the solver's refutation used; all of it where following that costs the solver too much time."""
        solver = self._solver(seconds)
        context = solver.ctx
        solver.add(*(formula.translate(context) for formula in self.formulas(query, ())))
        for name in support:
            solver.assert_and_track(self.known(name).translate(context), f"{_USES}{name}")
        if solver.check() != z3.unsat:
            return support
        used = {str(mark).removeprefix(_USES) for mark in solver.unsat_core()}
        return tuple(name for name in support if name in used)

    def minimal(self, query: Query, support: Support, seconds: float) -> Support:
        """A support from which nothing can be left out (within a time limit for each try), beginning with the solver's own unsat core."""
        kept = list(self.core(query, support, seconds))
        for name in tuple(kept):
            fewer = tuple(n for n in kept if n != name)
            if self.check(query, fewer, seconds) == z3.unsat:
                kept.remove(name)
        return tuple(kept)


def symbols(formulas: Sequence[z3.ExprRef]) -> frozenset[str]:
    """The functions and relations that occur in formulas."""
    used = (item.decl() for item in subterms(formulas) if z3.is_app(item) and item.num_args() > 0)
    return frozenset(f.name() for f in used if f.kind() == z3.Z3_OP_UNINTERPRETED and not f.name().startswith("le_"))


def feeds_itself(formula: z3.ExprRef, outer: frozenset[str] = frozenset()) -> bool:
    """Whether an asserted formula claims, for any element of a sort, that there is some element of the same sort."""
    if not z3.is_quantifier(formula):
        return any(feeds_itself(part, outer) for part in formula.children())
    sorts = {formula.var_sort(i).name() for i in range(formula.num_vars())}
    if not formula.is_forall():
        return bool(sorts & outer) or feeds_itself(formula.body(), outer)
    return feeds_itself(formula.body(), outer | sorts)
