"""Bounded model checking: is there a behaviour of at most so many steps that violates a property? Depth by depth, shortest first.

Steps are unrolled from the initial states. The formula for a depth asks for a violation after exactly that many
steps, none of which but the last leaves the state as it is: a shortest counterexample has no other form. For the
same reason interchangeable elements may be used in their order (see `precedence`). What the solver finds is taken
again step by step by CPython, which has the last word.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass, field

from model_check import itf
from model_check.check import Bounds, EngineError, Verdict, confirm, explanation_json, resolve_names, trace_json, words_of_start
from model_check.evaluation import guarded, leads, successors
from model_check.explain import Explanation
from model_check.smt.circuit import Answer, Literal, Solver
from model_check.smt.finite import Variables
from model_check.smt.finite_steps import Encoder, Move
from model_check.smt.precedence import Precedence
from model_check.trace import Origin, Trace
from spec.language import IonianError, Protocol, ir


@dataclass(frozen=True)
class BmcResult:
    """What bounded model checking found.

    `depth` is the number of steps up to which no property is violated, -1 where nothing could be said; for a violation, the
    length of the shortest counterexample (from the start, where `bounds` names one). `depth_seconds` has the time for each depth from 0 on.
    """

    origin: Origin
    verdict: Verdict
    max_depth: int
    depth: int
    property: str
    trace: Trace | None
    explanation: Explanation | None
    seconds: float
    depth_seconds: tuple[float, ...]
    clauses: int
    ordered_sorts: tuple[str, ...]
    """The unordered sorts whose elements are used in their order (symmetry breaking)."""
    stopped: str
    bounds: Bounds = field(default_factory=Bounds)

    def to_json(self) -> dict[str, itf.Json]:
        """The whole result as JSON values."""
        return {
            **self.origin.to_json(),
            "engine": "bmc",
            "verdict": self.verdict,
            "stopped": self.stopped,
            "max_depth": self.max_depth,
            "depth": self.depth,
            "bounds": {"constraints": list(self.bounds.constraints), "start": self.bounds.start},
            "symmetry": list(self.ordered_sorts),
            "property": self.property or None,
            "explanation": None if self.explanation is None else explanation_json(self.explanation),
            "trace": trace_json(self.trace),
            "seconds": self.seconds,
            "depth_seconds": list(self.depth_seconds),
            "clauses": self.clauses,
        }


class Unrolling:
    """States and steps one after the other, over one solver."""

    def __init__(self, encoder: Encoder, solver: Solver, start: Variables, properties: tuple[ir.Property, ...], constraints: tuple[ir.Property, ...]) -> None:
        self.encoder, self.circuit, self.solver = encoder, encoder.circuit, solver
        self.states, self.moves = [start], list[Move]()
        self.properties, self.constraints = properties, constraints

    def violations(self) -> tuple[list[tuple[str, Literal]], Literal]:
        """The properties with whether the last state (or step) violates them, and whether something has no value there."""
        state, undefined, found = self.states[-1], list[Literal](), list[tuple[str, Literal]]()
        if self.moves:
            undefined.append(self.moves[-1].undefined)
        for prop in sorted(self.properties, key=lambda p: not p.on_step):
            if prop.on_step and not self.moves:
                continue
            holds, without_value = self.encoder.holds(prop, self.states[-2], state) if prop.on_step else self.encoder.holds(prop, state)
            found.append((prop.name, self.circuit.both(-holds, -without_value)))
            undefined.append(without_value)
        undefined += [self.encoder.holds(p, state)[1] for p in self.constraints]
        return found, self.circuit.any_of(undefined)

    def step(self) -> Move:
        """Take one more step, from a state that satisfies the constraints; the step before it has changed something."""
        if self.moves:
            self.solver.require(-self.encoder.same(*self.states[-2:]))
            self.solver.require(-self.moves[-1].undefined)
        for constraint in self.constraints:
            self.solver.require(self.encoder.holds(constraint, self.states[-1])[0])
        move = self.encoder.step(self.states[-1])
        for condition in move.valid:
            self.solver.require(condition)
        self.moves.append(move)
        self.states.append(move.after)
        return move


def bmc(
    protocol: Protocol,
    depth: int,
    *,
    constraints: tuple[str, ...] = (),
    properties: tuple[str, ...] | None = None,
    start: Trace | None = None,
    timeout: float | None = None,
    progress: Callable[[int, float], None] | None = None,
) -> BmcResult:
    """Look for a violation within `depth` steps: `bmc(Paxos(Scope(acceptor=3, ballot=2, value=2)), 12)`.

    `timeout` is in seconds; `start` begins at the last state of a trace instead of the initial states; `progress` is told each depth covered
    and the seconds so far. Raises IonianError for options that do not fit the protocol, SpecError where an expression of the spec is undefined.
    """
    if depth < 0 or (timeout is not None and timeout <= 0):
        raise IonianError(f"depth ({depth}) must be at least 0, timeout ({timeout}) more than 0 seconds")
    return _Search(protocol, depth, resolve_names(protocol, "constraint", constraints), _chosen(protocol, properties), start, timeout).run(progress)


def _chosen(protocol: Protocol, properties: tuple[str, ...] | None) -> tuple[ir.Property, ...]:
    """The properties to check. The type invariant is none of them: a finite encoding has no other values."""
    wanted = None if properties is None else resolve_names(protocol, "property", properties)
    return tuple(p for p in protocol.ir.properties if p.kind in ("invariant", "action_property") and (wanted is None or p.name in wanted))


class _Search:
    """One run."""

    def __init__(
        self, protocol: Protocol, depth: int, constraints: tuple[str, ...], properties: tuple[ir.Property, ...], start: Trace | None, timeout: float | None
    ) -> None:
        self.protocol, self.max_depth, self.start = protocol, depth, start
        self.began = time.monotonic()
        self.encoder = Encoder(protocol)
        self.solver = Solver(self.encoder.circuit, None if timeout is None else self.began + timeout)
        self.precedence = Precedence(self.encoder)
        named = tuple(p for p in protocol.ir.of_kind("constraint") if p.name in constraints)
        self.bounds = Bounds(constraints, None, words_of_start(start))
        self.unrolling = Unrolling(self.encoder, self.solver, self._begin(), properties, named)
        self.depth_seconds: list[float] = []
        self.covered = -1

    def _begin(self) -> Variables:
        if self.start is not None:
            # A given state tells elements apart.
            self.precedence.used.clear()
            return self.encoder.domains.state(self.start.states[-1])
        with guarded(self.protocol, "init", None):
            self.protocol.initial_states()
        initial = self.encoder.initial()
        for condition in (*initial.valid, *self.precedence.begin(initial.arguments)):
            self.solver.require(condition)
        return initial.state

    def run(self, progress: Callable[[int, float], None] | None) -> BmcResult:
        """Depth by depth."""
        try:
            for depth in range(self.max_depth + 1):
                began = time.monotonic()
                answer, found = self._query()
                self.depth_seconds.append(time.monotonic() - began)
                if answer.verdict == "unknown":
                    return self._result("inconclusive", stopped=reason(answer))
                if answer.verdict == "sat":
                    return self._violated(answer, found)
                self.covered = depth
                if progress is not None:
                    progress(depth, time.monotonic() - self.began)
                if depth < self.max_depth:
                    for condition in self.precedence.step(self.unrolling.step()):
                        self.solver.require(condition)
        except KeyboardInterrupt:
            return self._result("inconclusive", stopped="interrupted")
        except MemoryError:
            return self._result("inconclusive", stopped="out of memory")
        return self._result("holds")

    def _query(self) -> tuple[Answer, list[tuple[str, Literal]]]:
        """Ask for a violation in the last state or step; where there is none, that is known from now on."""
        found, undefined = self.unrolling.violations()
        bad = self.encoder.circuit.any_of((undefined, *(literal for _, literal in found)))
        answer = self.solver.check(bad)
        if answer.verdict == "unsat":
            self.solver.require(-bad)
        return answer, found

    def _violated(self, answer: Answer, found: list[tuple[str, Literal]]) -> BmcResult:
        """A model as a trace, confirmed by CPython."""
        violated = next((name for name, literal in found if answer.value(literal)), None)
        if violated is None:
            raise self._undefined(answer)
        trace, explanation = confirm(self.protocol, violated, self._trace(answer, len(self.unrolling.moves)))
        return self._result("violated", property_=violated, trace=trace, explanation=explanation)

    def _undefined(self, answer: Answer) -> IonianError:
        """The error that CPython raises where the model has an expression without a value."""
        moves = self.unrolling.moves
        taken = len(moves) - 1 if moves and answer.value(moves[-1].undefined) else len(moves)
        states = self._trace(answer, taken).states
        for _ in successors(self.protocol, states[-1]):
            pass
        for prop in (*self.unrolling.properties, *self.unrolling.constraints):
            with guarded(self.protocol, f"property `{prop.name}`", states[-1]):
                if not prop.on_step:
                    self.protocol.holds(prop, states[-1])
                elif len(states) > 1:
                    self.protocol.holds(prop, states[-2], states[-1])
        return EngineError(f"internal error: the solver finds an expression undefined after {taken} steps, CPython does not; please report it")

    def _trace(self, answer: Answer, steps: int) -> Trace:
        """The first steps of a model, each taken again by CPython; EngineError where the two differ."""
        domains = self.encoder.domains
        states = [domains.decode_state(answer, s) for s in self.unrolling.states[: steps + 1]]
        if self.start is None and states[0] not in self.protocol.initial_states():
            raise EngineError("internal error: the solver's initial state is none for CPython; please report it")
        taken = []
        for number, move in enumerate(self.unrolling.moves[:steps], start=1):
            step, after = move.decode(domains, answer), states[number]
            if not leads(self.protocol, states[number - 1], step, after):
                raise EngineError(f"internal error: CPython takes step {number} of the solver's behaviour, {step}, otherwise; please report it")
            taken.append((step, after))
        if self.start is not None:
            return Trace(Origin.of(self.protocol), self.start.initial, (*self.start.steps, *taken))
        return Trace(Origin.of(self.protocol), states[0], tuple(taken))

    def _result(
        self, verdict: Verdict, *, stopped: str = "", property_: str = "", trace: Trace | None = None, explanation: Explanation | None = None
    ) -> BmcResult:
        return BmcResult(
            origin=Origin.of(self.protocol),
            verdict=verdict,
            max_depth=self.max_depth,
            depth=self.covered if trace is None else len(self.unrolling.moves),
            property=property_,
            trace=trace,
            explanation=explanation,
            seconds=time.monotonic() - self.began,
            depth_seconds=tuple(self.depth_seconds),
            clauses=self.solver.clauses,
            ordered_sorts=tuple(str(t) for t in self.precedence.used),
            stopped=stopped,
            bounds=self.bounds,
        )


def reason(answer: Answer) -> str:
    """Why the solver gave up, in words."""
    if "memory" in answer.reason or "memout" in answer.reason:
        return "out of memory"
    return "timeout" if "timeout" in answer.reason else f"the solver gave up ({answer.reason})"
