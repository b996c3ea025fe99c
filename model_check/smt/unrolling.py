"""Steps from an arbitrary state of a finite scope, and what a model of them says in the protocol's terms.

What `induction` asks of one scope, and `unbounded/small_clusters` of several: is there a step from a state that
satisfies some properties to one that does not satisfy another?
"""

from __future__ import annotations

import itertools
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from model_check import itf
from model_check.check import EngineError, explanation_json
from model_check.evaluation import guarded, leads
from model_check.explain import Explanation, explain
from model_check.smt.arbitrary import Arbitrary
from model_check.smt.circuit import Answer, Literal, Solver
from model_check.smt.finite import Mask, Optional, Slots, Table, Value, Variables
from model_check.smt.finite_steps import Encoder, Move
from spec.language import Protocol, SpecError, State, Step, ir

DEFINED = "every expression has a value"
"""The goal that no action or property meets an expression without a value."""

MASK_LIMIT = 1024
"""Most possible members of a set of which every value is tried."""


@dataclass(frozen=True)
class Counterexample:
    """A counterexample to induction: `states[0]` and what leads on from it; the last state, or step, violates `goal`.

    `reachable` is what the explorer says of `states[0]`: `reachable`, `not reachable`, or `not known` (with `searched`, how far it
    looked); empty where it was not asked. `without_value` has CPython's words for what lacks a value, where that is the goal. `images` are the abstract
    states that `states` stand for, where the goal is a refinement mapping.
    """

    goal: str
    states: tuple[State, ...]
    steps: tuple[Step, ...]
    explanation: Explanation | None
    reachable: str = ""
    searched: str = ""
    without_value: str = ""
    images: tuple[State, ...] = ()

    def to_json(self) -> dict[str, itf.Json]:
        """The counterexample as JSON values."""
        taken: list[itf.Json] = [{"action": s.action, "arguments": {n: itf.encode(v, bigint=False) for n, v in s.arguments}} for s in self.steps]
        asked: dict[str, itf.Json] = {"reachable": self.reachable, "searched": self.searched} if self.reachable else {}
        return {
            "goal": self.goal,
            "states": [dict(itf.encode_state(s, bigint=False)) for s in self.states],
            "steps": taken,
            "explanation": None if self.explanation is None else explanation_json(self.explanation),
            **({"without_value": self.without_value} if self.without_value else {}),
            **({"images": [dict(itf.encode_state(s, bigint=False)) for s in self.images]} if self.images else {}),
            **asked,
        }


class Unrolling:
    """`k` steps from an arbitrary state, through different states that satisfy the assumed properties; `conditions` say so."""

    def __init__(self, protocol: Protocol, k: int, assumed: Sequence[ir.Property], slots: int) -> None:
        self.protocol, self.assumed = protocol, assumed
        self.encoder = Encoder(protocol, MASK_LIMIT)
        self.arbitrary = Arbitrary(self.encoder, slots)
        self.states: list[Variables] = [self.arbitrary.state()]
        self.moves: list[Move] = []
        self.conditions = list(self.arbitrary.valid)
        self._assume()
        for _ in range(k):
            move = self.encoder.step(self.states[-1])
            self.conditions += move.valid
            self.moves.append(move)
            self.states.append(move.after)
            if len(self.moves) < k:
                self.conditions.append(-move.undefined)
                self._assume()
        for a, b in itertools.combinations(self.states[:-1], 2):
            self.conditions.append(-self.encoder.same(a, b))

    def _assume(self) -> None:
        """The invariants in the last state, and the action properties of the step to it, have a value, and that is true."""
        for prop in self.assumed:
            if not prop.on_step or self.moves:
                self.conditions += self.value(prop)

    def value(self, prop: ir.Property) -> tuple[Literal, Literal]:
        """That a property is true in the last state (or of the step to it), and that it has a value."""
        holds, undefined = self.encoder.holds(prop, *(self.states[-2:] if prop.on_step else self.states[-1:]))
        return holds, -undefined

    def failing(self, prop: ir.Property) -> Literal:
        """That the last state, or step, fails a property, and all has a value."""
        holds, defined = self.value(prop)
        undefined = [move.undefined for move in self.moves[-1:]]
        return self.encoder.circuit.all_of((*(-x for x in undefined), defined, -holds))

    # --- what the solver found

    def smaller(self, solver: Solver, failing: Literal, answer: Answer) -> Answer:
        """A model whose first state has no member, and no value in an `Option`, that can be left out of it alone."""
        there = [x for value in self.states[0].values() for x in _presence(value)]
        for literal in there:
            if answer.value(literal):
                absent = self.encoder.circuit.all_of((failing, -literal, *(-x for x in there if not answer.value(x))))
                found = solver.check(absent)
                answer = found if found.verdict == "sat" else answer
        return answer

    def counterexample(self, goal: str, answer: Answer) -> Counterexample:
        """The model in protocol terms, each step taken again by CPython, each property looked at again."""
        domains = self.encoder.domains
        # A step without a value has no state after it.
        cut_short = bool(self.moves) and answer.value(self.moves[-1].undefined)
        states = [domains.decode_state(answer, s) for s in (self.states[:-1] if cut_short else self.states)]
        steps = [move.decode(domains, answer) for move in self.moves]
        for before, step, after in zip(states, steps, states[1:], strict=False):
            if not leads(self.protocol, before, step, after):
                raise EngineError(f"internal error: CPython takes {step} of a counterexample to induction otherwise; please report it")
        for prop in self.assumed:
            if not prop.on_step and prop in self.protocol.ir.properties and not self.protocol.holds(prop, states[0]):
                raise EngineError(f"internal error: CPython finds `{prop.name}` false at the start of a counterexample to induction; please report it")
        if goal == DEFINED:
            return Counterexample(goal, tuple(states), tuple(steps), None, without_value=self._without_value(states, steps))
        return Counterexample(goal, tuple(states), tuple(steps), explain_failure(self.protocol, goal, states))

    def _without_value(self, states: Sequence[State], steps: Sequence[Step]) -> str:
        """What CPython says of the expression without a value in the last step, or in a property after it."""
        protocol = self.protocol
        try:
            if len(states) == len(steps):
                with guarded(protocol, steps[-1], None):
                    protocol.step(states[-1], steps[-1])
            for prop in protocol.ir.properties:
                if prop.kind == "invariant" or (prop.kind == "action_property" and len(states) > 1):
                    with guarded(protocol, f"property `{prop.name}`", None):
                        protocol.holds(prop, *(states[-2:] if prop.on_step else states[-1:]))
        except SpecError as error:
            return str(error)
        if any(p not in protocol.ir.properties for p in self.assumed):
            return "in a lemma"
        raise EngineError("internal error: CPython finds a value everywhere in a counterexample to induction; please report it")

    def meets_no_value(self, properties: Sequence[ir.Property]) -> Literal:
        """That the last step, or one of some properties after it, comes to an expression without a value."""
        circuit, step = self.encoder.circuit, [move.undefined for move in self.moves[-1:]]
        late = [circuit.all_of((*(-x for x in step), -self.value(prop)[1])) for prop in properties]
        return circuit.any_of((*step, *late))


def explain_failure(protocol: Protocol, goal: str, states: Sequence[State]) -> Explanation | None:
    """Why a property is false at the end, and that CPython finds it so; None for what is no part of the protocol."""
    prop = next((p for p in protocol.ir.properties if p.name == goal), None)
    if prop is None:
        return None
    arguments = tuple(states[-2:] if prop.on_step else states[-1:])
    with guarded(protocol, f"property `{goal}`", states[-1]):
        if protocol.holds(prop, *arguments):
            raise EngineError(f"internal error: CPython finds `{goal}` true at the end of a counterexample to induction; please report it")
    return explain(protocol, goal, *arguments)


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
