"""Seeded random walks, by CPython, for scopes too large to explore: finds violations, never shows their absence."""

from __future__ import annotations

import random
import time
from collections.abc import Callable
from dataclasses import dataclass

from model_check import itf
from model_check.check import confirm, explanation_json, resolve_names, trace_json
from model_check.evaluation import attempts
from model_check.explain import Explanation
from model_check.interpreter import Checks
from model_check.search import ActionCoverage, Progress
from model_check.trace import Origin, Trace
from spec.language import IonianError, Protocol, State, Step

NOT_FOUND = "no violation found"


@dataclass(frozen=True)
class Simulation:
    """What random walks found; `verdict` is 'violated', 'no violation found', or 'inconclusive' where they were interrupted.

    `walks` and `steps` count what was walked; `witnesses` gives the least number of steps at which each was met.
    """

    origin: Origin
    seed: int
    verdict: str
    walks: int
    steps: int
    distinct_states: int
    seconds: float
    property: str
    trace: Trace | None
    explanation: Explanation | None
    coverage: dict[str, ActionCoverage]
    witnesses: dict[str, int | None]

    def to_json(self) -> dict[str, itf.Json]:
        """The whole result as JSON values (see `check.Result.to_json`)."""
        return {
            "spec": self.origin.spec,
            "scope": dict(self.origin.scope.sizes),
            "quorums": dict(self.origin.quorums),
            "without": list(self.origin.without),
            "seed": self.seed,
            "verdict": self.verdict,
            "walks": self.walks,
            "steps": self.steps,
            "distinct_states": self.distinct_states,
            "seconds": self.seconds,
            "property": self.property or None,
            "explanation": None if self.explanation is None else explanation_json(self.explanation),
            "trace": trace_json(self.trace),
            "coverage": {n: {"evaluated": c.evaluated, "enabled": c.enabled, "new": c.new} for n, c in self.coverage.items()},
            "witnesses": dict(self.witnesses),
        }


class _Walker:
    """The walks of one simulation and what they have met."""

    def __init__(self, protocol: Protocol, seed: int, properties: tuple[str, ...] | None) -> None:
        self.protocol = protocol
        self.choose = random.Random(seed)
        self.checks = Checks(protocol, properties, ())
        self.coverage = {a.name: ActionCoverage() for a in protocol.ir.actions}
        self.witnesses: dict[str, int | None] = {w.name: None for w in self.checks.witnesses}
        self.seen: set[State] = set()
        self.walks = self.steps = 0

    def walk(self, length: int) -> tuple[str, Trace | None]:
        """One walk; the property it violates, and its trace where it does."""
        self.walks += 1
        state = self.choose.choice(self.protocol.initial_states())
        initial, taken = state, list[tuple[Step, State]]()
        violated = self._meet(state, 0)
        while not violated and len(taken) < length:
            chosen = self._step(state)
            if chosen is None:
                break
            taken.append(chosen)
            self.steps += 1
            before, state = state, chosen[1]
            self._witness_step(before, state, len(taken))
            violated = self.checks.step(before, state) or self._meet(state, len(taken), chosen[0].action)
        return violated, Trace(Origin.of(self.protocol), initial, tuple(taken)) if violated else None

    def _step(self, state: State) -> tuple[Step, State] | None:
        """An enabled action, drawn evenly among those that change something, then one of its steps; None in a dead end."""
        enabled: dict[str, list[tuple[Step, State]]] = {}
        for action, step, after in attempts(self.protocol, state):
            self.coverage[action].evaluated += 1
            if step is not None and after is not None:
                self.coverage[action].enabled += 1
                if after != state:
                    enabled.setdefault(action, []).append((step, after))
        if not enabled:
            return None
        return self.choose.choice(enabled[self.choose.choice(list(enabled))])

    def _meet(self, state: State, depth: int, action: str = "") -> str:
        """Check a state and note the witnesses in it."""
        if state not in self.seen:
            self.seen.add(state)
            if action:
                self.coverage[action].new += 1
        for witness in self.checks.witnesses:
            if not witness.on_step and self._sooner(witness.name, depth) and self.checks.holds(witness, state):
                self.witnesses[witness.name] = depth
        return self.checks.state(state)

    def _witness_step(self, before: State, after: State, depth: int) -> None:
        for witness in self.checks.witnesses:
            if witness.on_step and self._sooner(witness.name, depth) and self.checks.holds(witness, before, after):
                self.witnesses[witness.name] = depth

    def _sooner(self, witness: str, depth: int) -> bool:
        known = self.witnesses[witness]
        return known is None or depth < known


def simulate(
    protocol: Protocol,
    *,
    seed: int = 0,
    walks: int = 100,
    steps: int = 100,
    properties: tuple[str, ...] | None = None,
    progress: Callable[[Progress], None] | None = None,
) -> Simulation:
    """Walk at random from the initial states, checking every property on every step; the same seed gives the same walks."""
    if walks < 1 or steps < 1:
        raise IonianError(f"walks ({walks}) and steps ({steps}) must be at least 1")
    walker = _Walker(protocol, seed, None if properties is None else resolve_names(protocol, "property", properties))
    began, violated, trace, verdict = time.perf_counter(), "", None, NOT_FOUND
    try:
        while not violated and walker.walks < walks:
            violated, trace = walker.walk(steps)
            if progress is not None:
                busiest = max(walker.coverage.items(), key=lambda item: item[1].new)[0]
                progress(Progress(walker.walks, len(walker.seen), walker.steps, time.perf_counter() - began, 0, 0, busiest))
    except KeyboardInterrupt:
        verdict = "inconclusive"
    explanation = None
    if trace is not None:
        verdict = "violated"
        trace, explanation = confirm(protocol, violated, trace)
    seconds = time.perf_counter() - began
    origin = Origin.of(protocol)
    return Simulation(
        origin, seed, verdict, walker.walks, walker.steps, len(walker.seen), seconds, violated, trace, explanation, walker.coverage, walker.witnesses
    )
