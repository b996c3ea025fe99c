"""Induction over a finite scope: does every step from a state that satisfies all invariants lead to another such state?

The state to begin with is any well-typed one, reachable or not. A *counterexample to induction* is a step (with k > 1, k
steps between different states) from states that satisfy all invariants to a state that does not. It is no violation: it
says that the invariants together are too weak, unless its first state is reachable, which the explorer is asked.
"""

from __future__ import annotations

import os
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace

from model_check import interpreter, itf
from model_check.check import Verdict, resolve_names
from model_check.search import TYPE_INVARIANT, Options, Outcome
from model_check.smt.bmc import BmcResult, bmc, reason
from model_check.smt.circuit import FALSE, Answer, Literal, Solver
from model_check.smt.unrolling import DEFINED, Counterexample, Unrolling
from model_check.trace import Origin
from spec.language import IonianError, Protocol, ScopeError, SpecError, State, ir
from spec.quorums import symmetric

_SMALL = 2 << 20
"""Bytes of states that are explored under CPython in less time than a program is compiled."""


@dataclass(frozen=True)
class InductionResult:
    """What an attempt at induction found.

    `goals` has, for each property, `inductive`, `not inductive` or `unknown`, and the seconds it took. `violation` is a behaviour that
    violates a property (the base case, or a counterexample to induction from a reachable state). `bounded` has the variables
    whose sets were tried with at most `slots` members.
    """

    origin: Origin
    verdict: Verdict
    k: int
    goals: dict[str, tuple[str, float]]
    counterexample: Counterexample | None
    violation: BmcResult | None
    bounded: tuple[str, ...]
    slots: int
    seconds: float
    stopped: str

    def to_json(self) -> dict[str, itf.Json]:
        """The whole result as JSON values."""
        return {
            **self.origin.to_json(),
            "engine": "induction",
            "k": self.k,
            "verdict": self.verdict,
            "stopped": self.stopped,
            "goals": {name: {"verdict": verdict, "seconds": seconds} for name, (verdict, seconds) in self.goals.items()},
            "counterexample_to_induction": None if self.counterexample is None else self.counterexample.to_json(),
            "violation": None if self.violation is None else self.violation.to_json(),
            "bounded": dict.fromkeys(self.bounded, self.slots),
            "seconds": self.seconds,
        }


def induct(
    protocol: Protocol,
    *,
    k: int = 1,
    properties: tuple[str, ...] | None = None,
    lemmas: tuple[ir.Property, ...] = (),
    slots: int = 4,
    timeout: float | None = None,
    max_memory: int = 10**9,
    progress: Callable[[str, str], None] = lambda *_: None,
) -> InductionResult:
    """Try to show the invariants of a protocol by k-induction at its scope: `induct(Paxos(Scope(acceptor=3, ballot=2, value=2)))`.

    All invariants, and the lemmas (more invariants), are assumed of the states before. Each of them and each action property is to be shown, and
    that no expression lacks a value; or each of `properties` alone. `slots` limits the members of sets that are too large to try all of them;
    `timeout` is in seconds; `max_memory`, in bytes, limits the explorer's search for the state of a counterexample to induction;
    `progress` is told each goal and what became of it.
    Raises IonianError for options that do not fit the protocol.
    """
    if k < 1 or slots < 1 or max_memory < 1 or (timeout is not None and timeout <= 0):
        raise IonianError(f"k ({k}), slots ({slots}) and max_memory ({max_memory}) must be at least 1, timeout ({timeout}) more than 0 seconds")
    wanted = None if properties is None else resolve_names(protocol, "property", properties)
    if wanted is not None and set(wanted) <= {TYPE_INVARIANT}:
        raise IonianError(f"`{TYPE_INVARIANT}` needs no induction: a finite encoding has no values outside their types; name another property")
    own = [p for p in protocol.ir.properties if p.kind in ("invariant", "action_property")]
    deadline = None if timeout is None else time.monotonic() + timeout
    attempt = _Attempt(protocol, k, [*own, *lemmas], wanted, slots, deadline, max_memory)
    try:
        return attempt.run(progress)
    except (KeyboardInterrupt, MemoryError) as stop:
        attempt.stopped = "interrupted" if isinstance(stop, KeyboardInterrupt) else "out of memory"
        return attempt.result("inconclusive")


class _Attempt:
    """One run."""

    def __init__(
        self, protocol: Protocol, k: int, assumed: list[ir.Property], wanted: tuple[str, ...] | None, slots: int, deadline: float | None, max_memory: int
    ) -> None:
        self.protocol, self.k, self.wanted = protocol, k, wanted
        self.goals = [p for p in assumed if wanted is None or p.name in wanted]
        self.deadline, self.max_memory, self.began = deadline, max_memory, time.monotonic()
        self.slots, self.unrolling = slots, Unrolling(protocol, k, assumed, slots)
        self.solver = Solver(self.unrolling.encoder.circuit, deadline)
        self.outcomes: dict[str, tuple[str, float]] = {}
        self.stopped = ""

    @property
    def left(self) -> float | None:
        """Seconds left; a little where none are, so that what asks for them ends as timed out."""
        return None if self.deadline is None else max(0.001, self.deadline - time.monotonic())

    def run(self, progress: Callable[[str, str], None]) -> InductionResult:
        """Base case, then the step for each goal."""
        names = tuple(p.name for p in self.goals if p in self.protocol.ir.properties)
        base = bmc(self.protocol, self.k - 1, properties=names, timeout=self.left)
        if base.verdict != "holds":
            self.stopped = base.stopped
            return self.result(base.verdict, violation=base if base.verdict == "violated" else None)
        for condition in self.unrolling.conditions:
            self.solver.require(condition)
        first: tuple[str, Answer] | None = None
        for name, failing in self._failing():
            began = time.monotonic()
            answer = self.solver.check(failing)
            word = {"unsat": "inductive", "sat": "not inductive"}.get(answer.verdict, "unknown")
            self.outcomes[name] = (word, time.monotonic() - began)
            progress(name, word)
            if answer.verdict == "unknown":
                self.stopped = reason(answer)
                break
            if answer.verdict == "sat" and first is None:
                first = name, self.unrolling.smaller(self.solver, failing, answer)
        if first is None:
            return self.result("inconclusive" if self.stopped else "holds")
        found = self.unrolling.counterexample(*first)
        reachable, searched = self._reachable(found.states[0])
        found = replace(found, reachable=reachable, searched=searched)
        violation = self._real(found) if found.reachable == "reachable" else None
        if violation is not None and violation.verdict == "violated":
            return self.result("violated", counterexample=found, violation=violation)
        return self.result("inconclusive", counterexample=found)

    def _failing(self) -> Iterator[tuple[str, Literal]]:
        """Each goal with the condition that the last state, or step, fails it."""
        for prop in self.goals:
            yield prop.name, self.unrolling.failing(prop)
        if self.wanted is None and (meets_no_value := self.unrolling.meets_no_value(self.goals)) != FALSE:
            yield DEFINED, meets_no_value

    def _reachable(self, state: State) -> tuple[str, str]:
        """Whether the explorer comes to a state, and how far it looked."""
        if self.deadline is not None and time.monotonic() > self.deadline:
            return "not known", "no time left"
        systems = self.protocol.quorum_systems
        symmetry = all(symmetric(system, self.protocol.scope.sizes[name]) for name, system in systems.items())
        options = Options(symmetry=symmetry, workers=os.cpu_count() or 1, max_memory=self.max_memory, properties=())
        try:
            outcome, visited = self._searched(options, state)
        except (ScopeError, SpecError) as error:
            return "not known", str(error).splitlines()[0]
        how = f"{outcome.distinct_states:,} states{' up to symmetry' if symmetry else ''}, depth {outcome.depth}"
        if visited:
            return "reachable", how
        return ("not known", f"{how}, stopped: {outcome.stopped}") if outcome.stopped else ("not reachable", how)

    def _searched(self, options: Options, state: State) -> tuple[Outcome, bool]:
        """A search for a state: by CPython in a small space, which is explored before a compiler is done; else by compiled code."""
        limit = _SMALL if self.max_memory is None else min(self.max_memory, _SMALL)
        outcome, visited = interpreter.explore_for(self.protocol, replace(options, max_memory=limit), state)
        if visited or outcome.memory <= _SMALL:
            return outcome, visited
        from model_check import native  # noqa: PLC0415  # only this search needs the compiler

        return native.explore_for(self.protocol, options, state)

    def _real(self, found: Counterexample) -> BmcResult | None:
        """The behaviour that violates the goal, where the first state of its counterexample to induction is reachable."""
        if found.explanation is None:
            return None
        return bmc(self.protocol, 1 << 10, properties=(found.goal,), timeout=self.left)

    def result(self, verdict: Verdict, *, counterexample: Counterexample | None = None, violation: BmcResult | None = None) -> InductionResult:
        """The result so far."""
        return InductionResult(
            origin=Origin.of(self.protocol),
            verdict=verdict,
            k=self.k,
            goals=self.outcomes,
            counterexample=counterexample,
            violation=violation,
            bounded=tuple(self.unrolling.arbitrary.bounded),
            slots=self.slots,
            seconds=time.monotonic() - self.began,
            stopped=self.stopped,
        )
