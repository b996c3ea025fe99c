"""The finite encoding against the interpreter, on one state at a time: steps and properties, in two ways.

*Folded*: the state is constant, each action is run with constant arguments, and everything folds to constants.
*Solved*: the state is arbitrary but required to equal the given one, and the solver lists all steps and decides all properties.
"""

from __future__ import annotations

import random
import sys
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).parents[1] / "native"))
from differential import random_state
from random_protocols import Generator
from spec_files import load

from model_check.evaluation import guarded
from model_check.smt import finite_steps
from model_check.smt.arbitrary import Arbitrary
from model_check.smt.circuit import FALSE, TRUE, Answer, Solver
from model_check.smt.finite import MASK_LIMIT
from model_check.smt.finite_steps import Encoder
from spec.language import Protocol, Scope, SpecError, State, Step, ir

UNDEFINED = "undefined"
MOST_MEMBERS = 4
"""Slots of a large set in an arbitrary state; `random_state` puts at most three members into a set."""


def of_interpreter(protocol: Protocol, state: State, step: Step) -> State | str | None:
    """The state after a step, None where it is not enabled, or that it is undefined."""
    try:
        with guarded(protocol, "step", state):
            return protocol.attempt(state, step)
    except SpecError:
        return UNDEFINED


def steps(protocol: Protocol, state: State) -> dict[Step, State | str]:
    """All steps of a state under the interpreter, enabled or undefined."""
    tried = [step for a in protocol.ir.actions for step in protocol.choices(a, state)]
    found = {step: of_interpreter(protocol, state, step) for step in tried}
    return {step: after for step, after in found.items() if after is not None}


def value_of(protocol: Protocol, prop: ir.Property, state: State, after: State | None) -> bool | str:
    """A property's value under the interpreter."""
    try:
        with guarded(protocol, "property", state):
            return protocol.holds(prop, state, after)
    except SpecError:
        return UNDEFINED


def folded_step(encoder: Encoder, state: State, step: Step) -> State | str | None:
    """A step with constant state and arguments."""
    action = encoder.protocol.ir.action(step.action)
    executor = finite_steps.Executor(encoder.algebra, encoder.domains.state(state))
    arguments = [encoder.domains.constant(p.type, v) for p, (_, v) in zip(action.parameters, step.arguments, strict=True)]
    taken, after = encoder.run(executor, action, TRUE, arguments)
    assert {taken.enabled, taken.undefined} <= {TRUE, FALSE}, f"{step} does not fold to a constant"
    if taken.undefined == TRUE:
        return UNDEFINED
    return encoder.domains.decode_state(Answer("sat", encoder.circuit), after) if taken.enabled == TRUE else None


def agree_folded(protocol: Protocol, state: State, mask_limit: int = MASK_LIMIT) -> int:
    """Compare by folding; the number of steps compared. AssertionError where the two differ."""
    encoder = Encoder(protocol, mask_limit)
    count = 0
    afters = []
    for action in protocol.ir.actions:
        for step in protocol.choices(action, state):
            expected = of_interpreter(protocol, state, step)
            found = folded_step(encoder, state, step)
            assert found == expected, f"{step} in\n{state}\nencoding:\n{found}\ninterpreter:\n{expected}"
            count += 1
            if isinstance(expected, State):
                afters.append(expected)
    for prop in protocol.ir.properties:
        for after in afters[:3] if prop.on_step else [None]:
            holds, undefined = encoder.holds(prop, encoder.domains.state(state), None if after is None else encoder.domains.state(after))
            expected_value = value_of(protocol, prop, state, after)
            found_value = UNDEFINED if undefined == TRUE else holds == TRUE
            assert found_value == expected_value, f"{prop.name} in\n{state}\nencoding: {found_value}, interpreter: {expected_value}"
    return count


class Solved:
    """All steps of one state, by the solver."""

    def __init__(self, protocol: Protocol, state: State, mask_limit: int = MASK_LIMIT) -> None:
        self.encoder = Encoder(protocol, mask_limit)
        self.solver = Solver(self.encoder.circuit)
        arbitrary = Arbitrary(self.encoder, MOST_MEMBERS)
        self.state = arbitrary.state()
        for condition in (*arbitrary.valid, self.encoder.same(self.state, self.encoder.domains.state(state))):
            self.solver.require(condition)

    def steps(self) -> dict[Step, State | str]:
        """All models, each blocked once found."""
        move = self.encoder.step(self.state)
        for condition in move.valid:
            self.solver.require(condition)
        found: dict[Step, State | str] = {}
        while (answer := self.solver.check()).verdict == "sat":
            step = move.decode(self.encoder.domains, answer)
            assert step not in found, f"{step} found twice"
            undefined = answer.value(move.undefined)
            found[step] = UNDEFINED if undefined else self.encoder.domains.decode_state(answer, move.after)
            taken = next(t for t in move.actions if t.action.name == step.action)
            equal = [
                self.encoder.algebra.equal(v, self.encoder.domains.constant(p.type, given))
                for v, p, (_, given) in zip(taken.arguments, taken.action.parameters, step.arguments, strict=True)
            ]
            self.solver.require(-self.encoder.circuit.all_of((taken.literal, *equal)))
        assert answer.verdict == "unsat"
        return found

    def value(self, prop: ir.Property, after: State | None) -> bool | str:
        """A property's value: the solver says which of its values is possible, and exactly one must be."""
        holds, undefined = self.encoder.holds(prop, self.state, None if after is None else self.encoder.domains.state(after))
        circuit = self.encoder.circuit
        cases: dict[Any, int] = {UNDEFINED: undefined, True: circuit.both(holds, -undefined), False: circuit.both(-holds, -undefined)}
        possible = [value for value, literal in cases.items() if self.solver.check(literal).verdict == "sat"]
        assert len(possible) == 1, f"{prop.name} may be {possible}"
        return possible[0]


def agree_solved(protocol: Protocol, state: State, chance: random.Random, mask_limit: int = MASK_LIMIT) -> int:
    """Compare by solving; the number of steps compared. AssertionError where the two differ."""
    solved = Solved(protocol, state, mask_limit)
    expected = steps(protocol, state)
    afters = [s for s in expected.values() if isinstance(s, State)]
    for prop in protocol.ir.properties:
        for after in [chance.choice(afters)] if prop.on_step and afters else [None] * (not prop.on_step):
            found, wanted = solved.value(prop, after), value_of(protocol, prop, state, after)
            assert found == wanted, f"{prop.name} in\n{state}\nencoding: {found}, interpreter: {wanted}"
    found_steps = solved.steps()
    assert found_steps == expected, f"in\n{state}\nencoding: {found_steps}\ninterpreter: {expected}"
    return len(expected)


def random_case(chance: random.Random, loose: bool, folder: Path) -> tuple[Protocol, list[State]] | None:
    """A random protocol at a random small scope with random rules removed, an initial state and arbitrary ones; None where the language refuses it."""
    try:
        cls = load(Generator(chance, loose).protocol(), folder).P
    except SpecError:
        return None
    sizes = {"node": chance.choice([1, 2, 3]), "item": chance.choice([1, 2]), "term": chance.choice([2, 3]), "index": chance.choice([1, 2])}
    without = tuple(r for r, _ in cls.ir.rules if chance.choice([0, 0, 1]))
    protocol = cls(Scope(**{n: sizes[n] for n in cls.sort_names()}), without=without)
    return protocol, [*protocol.initial_states()[:1], *(random_state(protocol, chance) for _ in range(2))]


def agree_at_random(seed_of: random.Random, loose: bool, solved: bool, folder: Path) -> int:
    """Compare one random protocol in some of its states; the number of steps compared."""
    case = random_case(seed_of, loose, folder)
    if case is None:
        return 0
    protocol, states = case
    # A low limit puts sets of records into slots.
    limit = seed_of.choice([4, MASK_LIMIT])
    if solved:
        return sum(agree_solved(protocol, s, seed_of, limit) for s in states)
    return sum(agree_folded(protocol, s, limit) for s in states)
