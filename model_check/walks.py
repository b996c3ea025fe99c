"""Random walks: how they are drawn, the same in both engines, and the interpreter's way to walk them.

1. A walk begins at an initial state, drawn evenly among `Protocol.initial_states()`, which is checked.
2. Among the actions with a step that changes the state, in the order of their definition, one is drawn evenly; then
   one of these steps, in the order of `Protocol.successors()`. The step is checked, then the state after it.
3. A walk ends after so many steps, or where no step changes anything. The first violation ends it and all that follow.

All draws come from one sequence of numbers, so that a seed gives the same walks in every engine.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass, field

from model_check.evaluation import attempts, guarded
from model_check.interpreter import Checks
from model_check.search import ActionCoverage, Progress, Violation, ending_in_order
from spec.language import Protocol, State

_MASK = (1 << 64) - 1


class Draws:
    """The splitmix64 generator (Steele, Lea and Flood, *Fast splittable pseudorandom number generators*, OOPSLA 2014)."""

    def __init__(self, seed: int) -> None:
        self.state = seed & _MASK

    def next(self) -> int:
        """The next 64 bits."""
        self.state = z = (self.state + 0x9E3779B97F4A7C15) & _MASK
        z = (z ^ z >> 30) * 0xBF58476D1CE4E5B9 & _MASK
        z = (z ^ z >> 27) * 0x94D049BB133111EB & _MASK
        return z ^ z >> 31

    def below(self, count: int) -> int:
        """A number below `count`, from the upper 32 bits: each has the same chance, up to one part in 2³² / count."""
        return (self.next() >> 32) * count >> 32


@dataclass(frozen=True)
class Task:
    """What to walk: a seed, the number of walks, the most steps of each; `properties` as in `search.Options`."""

    seed: int = 0
    walks: int = 100
    steps: int = 100
    properties: tuple[str, ...] | None = None
    progress: Callable[[Progress], None] | None = field(default=None, compare=False)


@dataclass
class Walked:
    """What walks met.

    `witnesses` gives the least number of steps at which each was met; `coverage` counts, at each state that a walk left,
    all argument tuples and enabled steps, and the new states among those walked to; `stopped` says why not all was walked.
    """

    walks: int = 0
    steps: int = 0
    distinct_states: int = 0
    violation: Violation | None = None
    stopped: str = ""
    seconds: float = 0.0
    compile_seconds: float = 0.0
    coverage: dict[str, ActionCoverage] = field(default_factory=dict)
    witnesses: dict[str, int | None] = field(default_factory=dict)


class Walker:
    """Walks by CPython."""

    def __init__(self, protocol: Protocol, task: Task) -> None:
        self.protocol, self.task = protocol, task
        self.draws = Draws(task.seed)
        self.checks = Checks(protocol, task.properties, ())
        self.met = Walked(coverage={a.name: ActionCoverage() for a in protocol.ir.actions}, witnesses={w.name: None for w in self.checks.witnesses})
        self.seen: set[State] = set()
        with guarded(protocol, "init", None):
            self.initial = protocol.initial_states()

    def run(self) -> Walked:
        """All walks, up to the first violation or an interruption."""
        began, met = time.perf_counter(), self.met
        with ending_in_order(met):
            while met.violation is None and met.walks < self.task.walks:
                self.walk()
                if self.task.progress is not None:
                    busiest = max(met.coverage.items(), key=lambda item: item[1].new)[0]
                    self.task.progress(Progress(met.walks, len(self.seen), met.steps, time.perf_counter() - began, 0, 0, busiest))
        met.seconds, met.distinct_states = time.perf_counter() - began, len(self.seen)
        return met

    def walk(self) -> None:
        """One walk."""
        self.met.walks += 1
        path = [self.draws.below(len(self.initial))]
        state = self.initial[path[0]]
        violated = self._meet(state, 0)
        while not violated and len(path) <= self.task.steps:
            chosen = self._step(state)
            if chosen is None:
                return
            action, position, after = chosen
            path.append(position)
            self.met.steps += 1
            self._witness_step(state, after, len(path) - 1)
            violated = self.checks.step(state, after) or self._meet(after, len(path) - 1, action)
            state = after
        if violated:
            self.met.violation = Violation(violated, tuple(path))

    def _step(self, state: State) -> tuple[str, int, State] | None:
        """The step drawn: its action, its position among the successors, the state after it; None in a dead end."""
        moving: dict[str, list[tuple[str, int, State]]] = {}
        position = 0
        for action, step, after in attempts(self.protocol, state):
            self.met.coverage[action].evaluated += 1
            if step is not None and after is not None:
                self.met.coverage[action].enabled += 1
                if after != state:
                    moving.setdefault(action, []).append((action, position, after))
                position += 1
        if not moving:
            return None
        steps = list(moving.values())[self.draws.below(len(moving))]
        return steps[self.draws.below(len(steps))]

    def _meet(self, state: State, depth: int, action: str = "") -> str:
        """Check a state and note the witnesses in it."""
        if state not in self.seen:
            self.seen.add(state)
            if action:
                self.met.coverage[action].new += 1
        for witness in self.checks.witnesses:
            if not witness.on_step and self._sooner(witness.name, depth) and self.checks.holds(witness, state):
                self.met.witnesses[witness.name] = depth
        return self.checks.state(state)

    def _witness_step(self, before: State, after: State, depth: int) -> None:
        for witness in self.checks.witnesses:
            if witness.on_step and self._sooner(witness.name, depth) and self.checks.holds(witness, before, after):
                self.met.witnesses[witness.name] = depth

    def _sooner(self, witness: str, depth: int) -> bool:
        known = self.met.witnesses[witness]
        return known is None or depth < known


def walk(protocol: Protocol, task: Task) -> Walked:
    """Walk by CPython; SpecError where an expression is undefined."""
    return Walker(protocol, task).run()
