"""Where the unbounded encoding and CPython disagree on a finite state: in its steps, its first states, its properties."""

from __future__ import annotations

import random
from collections import Counter
from collections.abc import Mapping
from typing import Any

import z3
from finite_structures import ABSENT, Formula, Reader, Solutions, Structure

from model_check.smt.unbounded.frames import Frame, Ground
from model_check.smt.unbounded.obligations import Encoding
from model_check.smt.unbounded.steps import Path
from model_check.smt.unbounded.universe import is_interned
from spec.language import Protocol, State, ir
from spec.language.context import activate
from spec.language.errors import LeavesScope, NotEnabled
from spec.language.types import SetType
from spec.language.values import Undefined

Arguments = tuple[Any, ...]


def attempt(protocol: Protocol, state: State, action: ir.Action, arguments: Arguments) -> State | type[Exception]:
    """The state after an action by CPython, or why there is none."""
    activate(protocol.context)
    frame = protocol.frame(state, frozenset(v.name for v in protocol.ir.variables if v.keys))
    try:
        getattr(frame, action.name)(*arguments)
    except (LeavesScope, Undefined, NotEnabled) as reason:
        return type(reason)
    return type(protocol).state_of(**{name: getattr(frame, name) for name, _ in state.items()})


def steps(protocol: Protocol, state: State) -> dict[str, dict[Arguments, State | type[Exception]]]:
    """For each action and all its arguments: the state after it, or why there is none."""
    activate(protocol.context)
    found: dict[str, dict[Arguments, State | type[Exception]]] = {}
    for action in protocol.ir.actions:
        choices = [tuple(v for _, v in step.arguments) for step in protocol.choices(action, state)]
        found[action.name] = {arguments: attempt(protocol, state, action, arguments) for arguments in choices}
    return found


def interned(protocol: Protocol, states: list[State]) -> dict[str, list[Any]]:
    """For each sort of interned records, those that some state holds in a set."""
    found: dict[str, dict[Any, None]] = {}
    for variable in protocol.ir.variables:
        if isinstance(variable.type, SetType) and is_interned(variable.type.of):
            for state in states:
                found.setdefault(str(variable.type.of), {}).update(dict.fromkeys(getattr(state, variable.name)))
    return {name: list(records) for name, records in found.items()}


class PathReader:
    """All ways through one path in a finite state: its arguments, and the state after it."""

    def __init__(self, encoding: Encoding, path: Path) -> None:
        reader = Reader(encoding)
        self._arguments = [reader.value(value) for _, value in path.parameters]
        # A variable that the path leaves alone is the very one of the state before.
        self._changed = {n: reader.variable(path.frame.state, n) for n in encoding.state if path.frame.state[n] is not encoding.state[n]}
        self._solutions = Solutions(path.facts, reader.constants)

    def taken(self, structure: Structure, before: State) -> set[tuple[Arguments, State]]:
        """Arguments and successors."""
        found = set()
        for values in self._solutions.of(structure):
            arguments = tuple(read(structure, values) for read in self._arguments)
            after = {**dict(before.items()), **{n: read(structure, values) for n, read in self._changed.items()}}
            found.add((arguments, State(tuple(after), tuple(after.values()))))
        return found


class Agreement:
    """Compares one protocol's encoding with CPython, state by state.

    `taken` counts the steps that went by each path, `values` the values of each property: what was compared at all.
    """

    def __init__(self, protocol: type[Protocol], without: frozenset[str] = frozenset()) -> None:
        self.encoding = Encoding(protocol, without)
        self.readers = {a.name: [PathReader(self.encoding, p) for p in self.encoding.steps.paths(a, self.encoding.state)] for a in protocol.ir.actions}
        self._axioms = [(claim, Formula(claim)) for claim in (*self.encoding.axioms, *self.encoding.totality.values())]
        self.taken = Counter[tuple[str, int]]()
        self.values = Counter[tuple[str, bool]]()
        self._properties: dict[tuple[str, bool], Formula] = {}
        self._goals: dict[str, Solutions] = {}

    def possible(self) -> set[tuple[str, int]]:
        """The paths whose facts the encoding does not find contradictory."""
        encoding = self.encoding
        paths = ((a.name, n, path) for a in encoding.ir.actions for n, path in enumerate(encoding.steps.paths(a, encoding.state)))
        return {(action, number) for action, number, path in paths if not self._contradictory(path)}

    def _contradictory(self, path: Path) -> bool:
        """Whether the solver, given time, refutes a path's facts; the prover itself gives up sooner."""
        solver = z3.Solver()
        solver.set("timeout", 20_000)
        solver.add(*self.encoding.axioms, *path.facts)
        return bool(solver.check() == z3.unsat)

    def structure(self, protocol: Protocol, state: State, after: list[State], chance: random.Random) -> Structure:
        """A state as a structure, with the records of the states after it."""
        return Structure(protocol, state, interned(protocol, [state, *after]), chance)

    def axioms(self, structure: Structure) -> list[str]:
        """The axioms that a finite state does not satisfy."""
        return [f"axiom {claim}" for claim, formula in self._axioms if not formula(structure, {})]

    def steps(self, protocol: Protocol, state: State, chance: random.Random) -> list[str]:
        """How the successors differ: each step of one side that the other lacks."""
        expected = steps(protocol, state)
        after = [s for outcomes in expected.values() for s in outcomes.values() if isinstance(s, State)]
        structure = self.structure(protocol, state, after, chance)
        differences = self.axioms(structure)
        for name, outcomes in expected.items():
            found: dict[Arguments, set[State]] = {}
            for number, reader in enumerate(self.readers[name]):
                for arguments, successor in reader.taken(structure, state):
                    self.taken[name, number] += arguments in outcomes and outcomes[arguments] == successor
                    found.setdefault(arguments, set()).add(successor)
            for arguments in {*found, *outcomes}:
                outcome, successors = outcomes.get(arguments, ABSENT), found.get(arguments, set())
                # Nothing is claimed where the scope ends, or of an expression without a value.
                agreed = outcome in (LeavesScope, Undefined) or successors == ({outcome} if isinstance(outcome, State) else set())
                if not agreed:
                    differences.append(f"{name}{arguments}\nbefore {state}\nCPython {outcome}\nformulas {successors}")
        return differences

    def first_states(self, protocol: Protocol, chance: random.Random) -> list[str]:
        """How the initial states differ."""
        expected = protocol.initial_states()
        readers = []
        for symbolic in self.encoding.steps.initial(protocol.ir.init):
            reader = Reader(self.encoding)
            readers.append({name: reader.variable(symbolic, name) for name in self.encoding.state})
        structure = self.structure(protocol, expected[0], [], chance)
        found = [State(tuple(r), tuple(read(structure, {}) for read in r.values())) for r in readers]
        return [] if set(found) == set(expected) else [f"init\nCPython {expected}\nformulas {found}"]

    def properties(self, protocol: Protocol, state: State, chance: random.Random) -> list[str]:
        """The invariants and lemmas whose value differs, as an assumption, as a denial, or as a goal to refute."""
        structure = self.structure(protocol, state, [], chance)
        differences = []
        for prop in protocol.ir.of_kind("invariant"):
            try:
                expected = protocol.holds(prop, state)
            except Undefined:
                continue
            self.values[prop.name, expected] += 1
            found = {
                "true": bool(self._formula(prop, True)(structure, {})),
                "not false": not self._formula(prop, False)(structure, {}),
                "irrefutable": next(self._goal(prop).of(structure), None) is None,
            }
            differences += [f"{prop.name} is {expected} in CPython; {how}: {value}\n{state}" for how, value in found.items() if value != expected]
        return differences

    def _formula(self, prop: ir.Property, truth: bool) -> Formula:
        if (prop.name, truth) not in self._properties:
            self._properties[prop.name, truth] = Formula(self.encoding.formulas.holds(prop.body, Frame({}, self.encoding.state), truth, None))
        return self._properties[prop.name, truth]

    def _goal(self, prop: ir.Property) -> Solutions:
        if prop.name not in self._goals:
            ground = Ground(goal=True)
            goal = self.encoding.formulas.holds(prop.body, Frame({}, self.encoding.state), False, ground)
            self._goals[prop.name] = Solutions([*ground.facts, goal])
        return self._goals[prop.name]


def walk(protocol: Protocol, length: int, chance: random.Random) -> list[State]:
    """States of behaviours drawn at random, those actions preferred that were taken least; at an end it starts again."""
    found = [chance.choice(protocol.initial_states())]
    taken = Counter[str]()
    while len(found) < length:
        moves = {name: [s for s in o.values() if isinstance(s, State) and s != found[-1]] for name, o in steps(protocol, found[-1]).items()}
        enabled = [name for name, after in moves.items() if after]
        if not enabled:
            found.append(chance.choice(protocol.initial_states()))
            continue
        action = min(enabled, key=lambda name: taken[name] + 2 * chance.random())
        taken[action] += 1
        found.append(chance.choice(moves[action]))
    return found


def disturbed(state: State, other: State, chance: random.Random) -> State:
    """A state with one variable's value taken from another."""
    values: Mapping[str, Any] = dict(state.items())
    name = chance.choice(list(values))
    return State(tuple(values), tuple(getattr(other, n) if n == name else v for n, v in values.items()))
