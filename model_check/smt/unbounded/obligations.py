"""What has to be shown: that the initial states satisfy each lemma, that each action preserves each, and refinement.

An obligation is one (action, lemma) pair; it is discharged when, on every path through the action, the axioms, the
lemmas before the step, the path and the negation of the lemma after it are unsatisfiable together.
"""

from __future__ import annotations

import functools
from collections.abc import Callable
from dataclasses import dataclass

import z3

from model_check.smt.unbounded.definedness import DEFINED, Definedness, WatchedSteps, partial
from model_check.smt.unbounded.formulas import Formulas
from model_check.smt.unbounded.frames import Frame, Ground, State
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
    With `defined`: that each expression of the action has a value (with `implied`, each of the properties and mappings).
    """

    action: str
    lemma: str


@dataclass(frozen=True)
class Query:
    """One path of an obligation, or one case of it: what is known without any lemma, and the negated goal."""

    facts: tuple[z3.BoolRef, ...]
    goal: z3.BoolRef


def obligations_of(protocol: type[Protocol]) -> list[Obligation]:
    """All obligations of a proof, action by action: the initial states, the actions, the theorems."""
    lemmas = [p.name for p in protocol.ir.of_kind("invariant") if p.name not in protocol.theorems]
    mappings = [r.name for r in protocol.ir.refinements]
    on_steps = protocol.ir.of_kind("action_property")
    found = [Obligation(INITIATION, name) for name in (*lemmas, *mappings, *_defined(*protocol.ir.init.body))]
    for action in protocol.ir.actions:
        own = _defined(*action.parameters, *action.body, *(p.body for p in on_steps))
        found += [Obligation(action.name, name) for name in (*lemmas, *(p.name for p in on_steps), *mappings, *own)]
    stated = (*(p.body for p in protocol.ir.of_kind("invariant")), *(value for r in protocol.ir.refinements for _, value in r.assignments))
    return found + [Obligation(IMPLICATION, name) for name in (*protocol.theorems, *_defined(*stated))]


def _defined(*nodes: object) -> tuple[str, ...]:
    """The name of the obligation that IR nodes have a value, if any of them might have none."""
    return (DEFINED,) if partial(*nodes) else ()


class Encoding:
    """A protocol, some of its rules removed, with its lemmas, as formulas for any number of everything."""

    def __init__(self, protocol: type[Protocol], without: frozenset[str] = frozenset()) -> None:
        self.ir = protocol.ir
        self.obligations = obligations_of(protocol)
        self.universe = Universe(self.ir, protocol.order)
        self.signature = Signature(self.universe)
        self.formulas = Formulas(self.universe, self.signature, without)
        self.steps = Steps(self.formulas)
        self.state: State = {v.name: self._variable(v) for v in self.ir.variables}
        invariants = {p.name: p for p in self.ir.of_kind("invariant")}
        self.lemmas = {name: p for name, p in invariants.items() if name not in protocol.theorems}
        self.theorems = {name: invariants[name] for name in protocol.theorems}
        self.action_properties = {p.name: p for p in self.ir.of_kind("action_property")}
        self.abstractions = {r.name: Abstraction(self.formulas, r) for r in self.ir.refinements}
        self._paths: dict[str, tuple[list[Path], int]] = {}
        # All declarations, hence all axioms, are there before the first query, whichever that is.
        for name in (*self.lemmas, *self.theorems):
            self.hypothesis(name)

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

    @functools.cache  # noqa: B019  # an encoding lives as long as the process that proves with it
    def hypothesis(self, lemma: str) -> z3.BoolRef:
        """A lemma as it is known of the state before the step."""
        with self.universe.names_from(0):
            return self.formulas.holds((self.lemmas.get(lemma) or self.theorems[lemma]).body, Frame({}, self.state), True, None)

    def paths(self, action: str) -> list[Path]:
        """The paths through an action that its own guards do not exclude."""
        return self._paths_and_names(action)[0]

    def _paths_and_names(self, action: str) -> tuple[list[Path], int]:
        """The paths, and the number of the first name that they leave free."""
        if action not in self._paths:
            with self.universe.names_from(0) as names:
                found = [p for p in self.steps.paths(self.ir.action(action), self.state) if self._possible(p)]
                self._paths[action] = found, next(names)
        return self._paths[action]

    def _possible(self, path: Path) -> bool:
        solver = z3.Solver(ctx=z3.Context())
        # Counted in the solver's own steps, not in seconds: which paths there are must not depend on the machine's load.
        solver.set("rlimit", 2_000_000)
        solver.set("ctrl_c", False)
        solver.add(*(f.translate(solver.ctx) for f in (*self.axioms, *path.facts)))
        return bool(solver.check() != z3.unsat)

    def queries(self, obligation: Obligation) -> list[Query]:
        """The queries of an obligation, one for each path (of a refinement, for each case of a path); the same ones whenever they are asked for."""
        name = obligation.lemma
        if name in self.abstractions:
            return self._refinement(obligation.action, self.abstractions[name])
        if name == DEFINED:
            return self._definedness(obligation.action)
        if obligation.action == INITIATION:
            with self.universe.names_from(0):
                return [self._query(state, None, Ground(goal=True), name) for state in self.steps.initial(self.ir.init)]
        if obligation.action == IMPLICATION:
            with self.universe.names_from(0):
                return [self._query(self.state, None, Ground(goal=True), name)]
        paths, free = self._paths_and_names(obligation.action)
        with self.universe.names_from(free):
            return [self._query(path.frame.state, self.state, path.ground.copy(goal=True), name) for path in paths]

    def _query(self, after: State, before: State | None, ground: Ground, name: str) -> Query:
        prop = self.lemmas.get(name) or self.theorems.get(name) or self.action_properties[name]
        frame = Frame({}, before, after) if prop.on_step and before is not None else Frame({}, after)
        goal = self.formulas.holds(prop.body, frame, False, ground)
        return Query(tuple(ground.facts), goal)

    def _definedness(self, action: str) -> list[Query]:
        """That the statements of an action and the action properties of its steps, or the other properties, have a value wherever they are come to."""
        claims: list[tuple[Ground, z3.BoolRef]] = []
        if action == IMPLICATION:
            with self.universe.names_from(0):
                values = [p.body for p in self.ir.of_kind("invariant")] + [v for r in self.ir.refinements for _, v in r.assignments]
                claims += [self._undefined(value, Frame({}, self.state), Ground(goal=True)) for value in values]
        elif action == INITIATION:
            with self.universe.names_from(0):
                claims += WatchedSteps(self.formulas).claims(self.ir.init, {})
        else:
            paths, free = self._paths_and_names(action)
            with self.universe.names_from(free):
                claims += WatchedSteps(self.formulas).claims(self.ir.action(action), self.state)
                for prop in self.ir.of_kind("action_property"):
                    claims += [self._undefined(prop.body, Frame({}, self.state, path.frame.state), path.ground.copy(goal=True)) for path in paths]
        return [Query(tuple(ground.facts), claim) for ground, claim in claims if not z3.is_false(claim)]

    def _undefined(self, expr: ir.Expr, frame: Frame, ground: Ground) -> tuple[Ground, z3.BoolRef]:
        claim = Definedness(self.formulas).undefined(expr, frame, ground)
        return ground, claim

    def _refinement(self, action: str, abstraction: Abstraction) -> list[Query]:
        """That the initial states, or the steps of an action, are those of the abstract protocol."""
        found = []
        if action == INITIATION:
            with self.universe.names_from(0):
                for state in self.steps.initial(self.ir.init):
                    ground = Ground(goal=True)
                    goal = abstraction.unmatched_start(state, ground)
                    found.append(Query(tuple(ground.facts), goal))
            return found
        paths, free = self._paths_and_names(action)
        with self.universe.names_from(free):
            for path in paths:
                ground = path.ground.copy(goal=True)
                goals = abstraction.unmatched_step(self.state, path.frame.state, ground)
                found += [Query(tuple(ground.facts), goal) for goal in goals]
        return found
