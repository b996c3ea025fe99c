"""What has to be shown: that the initial states satisfy each lemma, that each action preserves each, and refinement.

An obligation is one (action, lemma) pair; it is discharged when, on every path through the action, the axioms, the
lemmas before the step, the path and the negation of the lemma after it are unsatisfiable together.
"""

from __future__ import annotations

import functools
from collections.abc import Callable
from dataclasses import dataclass

import z3

from model_check.smt.unbounded.formulas import Formulas, Frame, Ground, State
from model_check.smt.unbounded.refinement import Abstraction
from model_check.smt.unbounded.steps import Path, Steps
from model_check.smt.unbounded.universe import Universe
from model_check.smt.unbounded.values import Signature, Value
from spec.language import Protocol, ir

INITIATION = "init"
"""The name under which the initial states stand among the actions."""
IMPLICATION = "implied"
"""The name under which a theorem stands that follows from the lemmas."""


@dataclass(frozen=True)
class Obligation:
    """That an action preserves a lemma (or that the initial states satisfy it, or that its steps satisfy an action property).

    With the name of a refinement mapping in the place of the lemma's: that its steps refine those of the abstract protocol.
    """

    action: str
    lemma: str


@dataclass(frozen=True)
class Query:
    """One path of an obligation, or one case of it: what is known without any lemma, and the negated goal."""

    facts: tuple[z3.BoolRef, ...]
    goal: z3.BoolRef


class Encoding:
    """A protocol, some of its rules removed, with its lemmas, as formulas for any number of everything."""

    def __init__(self, protocol: type[Protocol], without: frozenset[str] = frozenset()) -> None:
        self.ir = protocol.ir
        self.universe = Universe(self.ir, protocol.order)
        self.signature = Signature(self.universe)
        self.formulas = Formulas(self.universe, self.signature, without)
        self.steps = Steps(self.formulas)
        self.state: State = {v.name: self._variable(v) for v in self.ir.variables}
        self.lemmas = {p.name: p for p in self.ir.properties if p.kind == "invariant" and p.name not in protocol.theorems}
        named = {p.name: p for p in self.ir.properties}
        self.theorems = {name: named[name] for name in protocol.theorems}
        self.action_properties = {p.name: p for p in self.ir.properties if p.kind == "action_property"}
        self.abstractions = {r.name: Abstraction(self.formulas, r) for r in self.ir.refinements}
        self._paths: dict[str, list[Path]] = {}

    def _variable(self, variable: ir.Variable) -> Callable[[tuple[z3.ExprRef, ...]], Value]:
        heights = tuple(self.universe.height(k) for k in variable.keys)
        return lambda keys: self.signature.value(variable.name, variable.value_type, keys, heights)

    @property
    def axioms(self) -> list[z3.BoolRef]:
        """Orders, quorums, and what the types of variables say."""
        return [*self.universe.axioms, *self.signature.axioms]

    @property
    def totality(self) -> dict[str, z3.BoolRef]:
        """For each value that only a relation gives: that there is one. These lead upwards in the order of sorts."""
        return self.signature.totality

    @functools.cached_property
    def obligations(self) -> list[Obligation]:
        """All obligations, action by action."""
        found = [Obligation(INITIATION, name) for name in (*self.lemmas, *self.abstractions)]
        for action in self.ir.actions:
            found += [Obligation(action.name, name) for name in (*self.lemmas, *self.action_properties, *self.abstractions)]
        return found + [Obligation(IMPLICATION, name) for name in self.theorems]

    @functools.cache  # noqa: B019  # an encoding lives as long as the process that proves with it
    def hypothesis(self, lemma: str) -> z3.BoolRef:
        """A lemma as it is known of the state before the step."""
        return self.formulas.holds((self.lemmas.get(lemma) or self.theorems[lemma]).body, Frame({}, self.state), True, None)

    def paths(self, action: str) -> list[Path]:
        """The paths through an action that its own guards do not exclude."""
        if action not in self._paths:
            found = self.steps.paths(self.ir.action(action), self.state)
            self._paths[action] = [p for p in found if self._possible(p)]
        return self._paths[action]

    def _possible(self, path: Path) -> bool:
        solver = z3.Solver()
        solver.set("timeout", 200)
        solver.add(*self.axioms, *path.facts)
        return bool(solver.check() != z3.unsat)

    def queries(self, obligation: Obligation) -> list[Query]:
        """The queries of an obligation, one for each path; of a refinement, one for each case of a path."""
        if obligation.lemma in self.abstractions:
            return self._refinement(obligation.action, self.abstractions[obligation.lemma])
        if obligation.action == INITIATION:
            return [self._query(state, None, Ground(goal=True), obligation.lemma) for state in self.steps.initial(self.ir.init)]
        if obligation.action == IMPLICATION:
            return [self._query(self.state, None, Ground(goal=True), obligation.lemma)]
        return [self._query(path.frame.state, self.state, path.ground.copy(goal=True), obligation.lemma) for path in self.paths(obligation.action)]

    def _query(self, after: State, before: State | None, ground: Ground, name: str) -> Query:
        prop = self.lemmas.get(name) or self.theorems.get(name) or self.action_properties[name]
        frame = Frame({}, before, after) if prop.on_step and before is not None else Frame({}, after)
        goal = self.formulas.holds(prop.body, frame, False, ground)
        return Query(tuple(ground.facts), goal)

    def _refinement(self, action: str, abstraction: Abstraction) -> list[Query]:
        """That the initial states, or the steps of an action, are those of the abstract protocol."""
        found = []
        if action == INITIATION:
            for state in self.steps.initial(self.ir.init):
                ground = Ground(goal=True)
                goal = abstraction.unmatched_start(state, ground)
                found.append(Query(tuple(ground.facts), goal))
            return found
        for path in self.paths(action):
            ground = path.ground.copy(goal=True)
            goals = abstraction.unmatched_step(self.state, path.frame.state, ground)
            found += [Query(tuple(ground.facts), goal) for goal in goals]
        return found
