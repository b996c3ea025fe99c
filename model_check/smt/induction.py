"""Induction over a finite scope: does every step from a state that satisfies all invariants lead to another such state?

The state to begin with is any well-typed one, reachable or not. A *counterexample to induction* is a step (with k > 1, k
steps between different states) from states that satisfy all invariants to a state that does not. It is no violation: it
says that the invariants together are too weak, unless its first state is reachable, which the explorer is asked.
"""

from __future__ import annotations

import itertools
import os
import time
from collections.abc import Iterator
from dataclasses import dataclass

from model_check import itf
from model_check.check import EngineError, Verdict, explanation_json, resolve_names
from model_check.evaluation import guarded
from model_check.explain import Explanation, explain
from model_check.search import TYPE_INVARIANT, Options
from model_check.smt.arbitrary import Arbitrary
from model_check.smt.bmc import BmcResult, bmc, reason
from model_check.smt.circuit import FALSE, Answer, Literal, Solver
from model_check.smt.finite import Mask, Optional, Slots, Table, Value
from model_check.smt.finite_steps import Encoder, Move
from model_check.trace import Origin
from spec.language import IonianError, NotEnabled, Protocol, ScopeError, SpecError, State, Step, ir
from spec.quorums import symmetric

DEFINED = "every expression has a value"
"""The goal that no action or property meets an expression without a value."""

MASK_LIMIT = 1024
"""Most possible members of a set of which every value is tried."""


@dataclass(frozen=True)
class Counterexample:
    """A counterexample to induction: `states[0]` and what leads on from it; the last state, or step, violates `goal`.

    `reachable` is what the explorer says of `states[0]`: `reachable`, `not reachable`, or `not known` (with `searched`, how far it looked).
    """

    goal: str
    states: tuple[State, ...]
    steps: tuple[Step, ...]
    explanation: Explanation | None
    reachable: str
    searched: str

    def to_json(self) -> dict[str, itf.Json]:
        """The counterexample as JSON values."""
        taken: list[itf.Json] = [{"action": s.action, "arguments": {n: itf.encode(v, bigint=False) for n, v in s.arguments}} for s in self.steps]
        return {
            "goal": self.goal,
            "states": [dict(itf.encode_state(s, bigint=False)) for s in self.states],
            "steps": taken,
            "explanation": None if self.explanation is None else explanation_json(self.explanation),
            "reachable": self.reachable,
            "searched": self.searched,
        }


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
            "spec": self.origin.spec,
            "scope": dict(self.origin.scope.sizes),
            "quorums": dict(self.origin.quorums),
            "without": list(self.origin.without),
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
) -> InductionResult:
    """Try to show the invariants of a protocol by k-induction at its scope: `induct(Paxos(Scope(acceptor=3, ballot=2, value=2)))`.

    All invariants, and the lemmas (more invariants), are assumed of the states before. Each of them and each action property is to be shown, and
    that no expression lacks a value; or each of `properties` alone. `slots` limits the members of sets that are too large to try all of them;
    `timeout` is in seconds; `max_memory`, in bytes, limits the explorer's search for the state of a counterexample to induction.
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
        return attempt.run()
    except KeyboardInterrupt:
        attempt.stopped = "interrupted"
        return attempt.result("inconclusive")


class _Attempt:
    """One run."""

    def __init__(
        self, protocol: Protocol, k: int, assumed: list[ir.Property], wanted: tuple[str, ...] | None, slots: int, deadline: float | None, max_memory: int
    ) -> None:
        self.protocol, self.k, self.assumed, self.wanted = protocol, k, assumed, wanted
        self.goals = [p for p in assumed if wanted is None or p.name in wanted]
        self.deadline, self.max_memory, self.began = deadline, max_memory, time.monotonic()
        self.encoder = Encoder(protocol, MASK_LIMIT)
        self.solver = Solver(self.encoder.circuit, deadline)
        self.arbitrary = Arbitrary(self.encoder, slots)
        self.outcomes: dict[str, tuple[str, float]] = {}
        self.stopped = ""

    @property
    def left(self) -> float | None:
        """Seconds left; a little where none are, so that what asks for them ends as timed out."""
        return None if self.deadline is None else max(0.001, self.deadline - time.monotonic())

    def run(self) -> InductionResult:
        """Base case, then the step for each goal."""
        names = tuple(p.name for p in self.goals if p in self.protocol.ir.properties)
        base = bmc(self.protocol, self.k - 1, properties=names, timeout=self.left)
        if base.verdict != "holds":
            self.stopped = base.stopped
            return self.result(base.verdict, violation=base if base.verdict == "violated" else None)
        self._unroll()
        first: tuple[str, Answer] | None = None
        for name, failing in self._failing():
            began = time.monotonic()
            answer = self.solver.check(failing)
            word = {"unsat": "inductive", "sat": "not inductive"}.get(answer.verdict, "unknown")
            self.outcomes[name] = (word, time.monotonic() - began)
            if answer.verdict == "unknown":
                self.stopped = reason(answer)
                break
            if answer.verdict == "sat" and first is None:
                first = name, self._smaller(failing, answer)
        if first is None:
            return self.result("inconclusive" if self.stopped else "holds")
        found = self._counterexample(*first)
        violation = self._real(found) if found.reachable == "reachable" else None
        if violation is not None and violation.verdict == "violated":
            return self.result("violated", counterexample=found, violation=violation)
        return self.result("inconclusive", counterexample=found)

    def _unroll(self) -> None:
        """K steps from an arbitrary state, through different states that satisfy all invariants."""
        self.states = [self.arbitrary.state()]
        self.moves: list[Move] = []
        for condition in self.arbitrary.valid:
            self.solver.require(condition)
        for _ in range(self.k):
            self._assume(len(self.states) - 1)
            move = self.encoder.step(self.states[-1])
            for condition in move.valid:
                self.solver.require(condition)
            self.moves.append(move)
            self.states.append(move.after)
        for move in self.moves[:-1]:
            self.solver.require(-move.undefined)
        for a, b in itertools.combinations(self.states[:-1], 2):
            self.solver.require(-self.encoder.same(a, b))

    def _assume(self, number: int) -> None:
        """The invariants in a state, and the action properties of the step to it, have a value, and that is true."""
        for prop in self.assumed:
            if not prop.on_step or number > 0:
                for condition in self._value(prop, number):
                    self.solver.require(condition)

    def _value(self, prop: ir.Property, number: int) -> tuple[Literal, Literal]:
        """That a property is true in a state (or of the step to it), and that it has a value."""
        state = self.states[number]
        holds, undefined = self.encoder.holds(prop, self.states[number - 1], state) if prop.on_step else self.encoder.holds(prop, state)
        return holds, -undefined

    def _failing(self) -> Iterator[tuple[str, Literal]]:
        """Each goal with the condition that the last state, or step, fails it."""
        circuit, last = self.encoder.circuit, self.moves[-1].undefined
        without_value = [last]
        for prop in self.goals:
            holds, defined = self._value(prop, self.k)
            without_value.append(circuit.both(-last, -defined))
            yield prop.name, circuit.all_of((-last, defined, -holds))
        if self.wanted is None and any(x != FALSE for x in without_value):
            yield DEFINED, circuit.any_of(without_value)

    # --- what the solver found

    def _smaller(self, failing: Literal, answer: Answer) -> Answer:
        """A model whose first state has no member, and no value in an `Option`, that can be left out of it alone."""
        there = [x for value in self.states[0].values() for x in _presence(value)]
        for literal in there:
            if answer.value(literal):
                absent = self.encoder.circuit.all_of((failing, -literal, *(-x for x in there if not answer.value(x))))
                smaller = self.solver.check(absent)
                answer = smaller if smaller.verdict == "sat" else answer
        return answer

    def _counterexample(self, goal: str, answer: Answer) -> Counterexample:
        """The model in protocol terms, each step taken again by CPython."""
        domains = self.encoder.domains
        states = [domains.decode_state(answer, s) for s in self.states]
        steps = [move.decode(domains, answer) for move in self.moves]
        if answer.value(self.moves[-1].undefined):
            del states[-1]
        for before, step, after in zip(states, steps, states[1:], strict=False):
            try:
                agreed = self.protocol.step(before, step) == after
            except NotEnabled:
                agreed = False
            if not agreed:
                raise EngineError(f"internal error: CPython takes {step} of a counterexample to induction otherwise; please report it")
        explanation = self._explanation(goal, states)
        reachable, searched = self._reachable(states[0])
        return Counterexample(goal, tuple(states), tuple(steps), explanation, reachable, searched)

    def _explanation(self, goal: str, states: list[State]) -> Explanation | None:
        """Why the goal is false at the end, and that CPython finds it so; None for lemmas, which are no part of the spec."""
        prop = next((p for p in self.protocol.ir.properties if p.name == goal), None)
        if prop is None:
            return None
        arguments = (states[-2], states[-1]) if prop.on_step else (states[-1],)
        with guarded(self.protocol, f"property `{goal}`", states[-1]):
            if self.protocol.holds(prop, *arguments):
                raise EngineError(f"internal error: CPython finds `{goal}` true at the end of a counterexample to induction; please report it")
        return explain(self.protocol, goal, *arguments)

    def _reachable(self, state: State) -> tuple[str, str]:
        """Whether the explorer comes to a state, and how far it looked."""
        # Only runs that need the explorer compile.
        from model_check.native import explore_for  # noqa: PLC0415

        if self.deadline is not None and time.monotonic() > self.deadline:
            return "not known", "no time left"
        systems = self.protocol.quorum_systems
        symmetry = all(symmetric(system, self.protocol.scope.sizes[name]) for name, system in systems.items())
        options = Options(symmetry=symmetry, workers=os.cpu_count() or 1, max_memory=self.max_memory, properties=())
        try:
            outcome, visited = explore_for(self.protocol, options, state)
        except (ScopeError, SpecError) as error:
            return "not known", str(error).splitlines()[0]
        how = f"{outcome.distinct_states:,} states{' up to symmetry' if symmetry else ''}, depth {outcome.depth}"
        if visited:
            return "reachable", how
        return ("not known", f"{how}, stopped: {outcome.stopped}") if outcome.stopped else ("not reachable", how)

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
            bounded=tuple(self.arbitrary.bounded),
            slots=self.arbitrary.slots,
            seconds=time.monotonic() - self.began,
            stopped=self.stopped,
        )


def _presence(value: Value) -> Iterator[Literal]:
    """The literals that say what is there: members of sets, values of options."""
    match value:
        case Mask(bits=bits):
            yield from (literal for _, literal in bits)
        case Slots(members):
            yield from (literal for literal, _ in members)
        case Optional(there, _):
            yield there
        case Table(entries):
            for _, entry in entries:
                yield from _presence(entry)
