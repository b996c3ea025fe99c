"""Symmetry breaking over behaviours: interchangeable elements are first used in their order.

Take the elements of an unordered sort in the order in which they first appear as arguments along a behaviour.
Renaming the first of them e1, the second e2 and so on gives another behaviour of the same length, which violates a
property if and only if the first one does. So it is enough to look for behaviours in which an element appears as an argument only when
all before it have.
"""

from __future__ import annotations

from model_check.smt.circuit import FALSE, TRUE, Literal
from model_check.smt.finite import Element, Value
from model_check.smt.finite_steps import Encoder, Move
from spec.language import Sort
from spec.language.types import Type
from spec.quorums import symmetric


class Precedence:
    """Which elements have been used so far, for each unordered sort whose quorum system does not tell them apart."""

    def __init__(self, encoder: Encoder) -> None:
        self.encoder, self.circuit = encoder, encoder.circuit
        protocol = encoder.protocol
        self.used: dict[Type, list[Literal]] = {}
        for name, sort in protocol.sort_names().items():
            size = protocol.scope.sizes[name]
            system = protocol.quorum_systems.get(name)
            if issubclass(sort.cls, Sort) and (system is None or symmetric(system, size)):
                self.used[sort] = [FALSE] * size

    def begin(self, arguments: list[tuple[Type, Value]]) -> list[Literal]:
        """The conditions on init's arguments."""
        return self._use(self.used, TRUE, arguments)

    def step(self, move: Move) -> list[Literal]:
        """The conditions on a step's arguments; notes what it uses."""
        conditions: list[Literal] = []
        after = {sort: list(used) for sort, used in self.used.items()}
        for taken in move.actions:
            used = {sort: list(literals) for sort, literals in self.used.items()}
            arguments = [(p.type, v) for p, v in zip(taken.action.parameters, taken.arguments, strict=True)]
            conditions += self._use(used, taken.literal, arguments)
            for sort, literals in used.items():
                fresh = (self.circuit.both(taken.literal, x) for x in literals)
                after[sort] = [self.circuit.any_of((x, y)) for x, y in zip(after[sort], fresh, strict=True)]
        self.used = after
        return conditions

    def _use(self, used: dict[Type, list[Literal]], taken: Literal, arguments: list[tuple[Type, Value]]) -> list[Literal]:
        conditions: list[Literal] = []
        for type_, element in arguments:
            if not isinstance(element, Element) or type_ not in used:
                continue
            before = used[type_]
            for i, chosen in enumerate(element.literals[1:]):
                conditions.append(self.circuit.any_of((-taken, -chosen, before[i])))
            used[type_] = [self.circuit.any_of((x, y)) for x, y in zip(before, element.literals, strict=True)]
        return conditions
