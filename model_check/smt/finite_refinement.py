"""A refinement mapping at a scope as circuits: whether a step, seen through the mapping, is a step of the abstract protocol.

A step is none of the abstract protocol's where each of its actions, with each of its arguments, leads elsewhere: so all are
written out, and there is nothing to choose.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from model_check.smt.circuit import FALSE, TRUE, Literal
from model_check.smt.finite import Value, Variables
from model_check.smt.finite_expressions import Evaluator
from model_check.smt.finite_steps import Encoder, Executor
from spec.language import Protocol, ir


class Abstraction:
    """The abstract protocol at the concrete one's scope, over the same circuit."""

    def __init__(self, encoder: Encoder, abstract: Protocol, mapping: ir.Refinement) -> None:
        self.concrete, self.mapping = encoder, mapping
        self.encoder = Encoder(abstract, encoder.domains.mask_limit, encoder.circuit)

    def unmatched(self, before: Variables, after: Variables) -> Literal:
        """That the images of two states have a value, and the second is neither the first nor one step of the abstract protocol from it."""
        (old, missing), (new, missing_after) = self._image(before), self._image(after)
        allowed = [self.encoder.same(old, new)]
        for action in self.encoder.protocol.ir.actions:
            for executor, arguments in self._choices(action.parameters, Executor(self.encoder.algebra, old)):
                taken, end = self.encoder.run(executor, action, TRUE, arguments)
                if taken.enabled != FALSE:
                    allowed.append(self.encoder.circuit.both(taken.enabled, self.encoder.same(end, new)))
        return self.encoder.circuit.all_of((*(-x for x in allowed), *(-x for x in (*missing, *missing_after))))

    def _image(self, state: Variables) -> tuple[Variables, list[Literal]]:
        """The abstract state that a state stands for, and the conditions under which it has no value."""
        evaluator = Evaluator(self.concrete.algebra, state)
        image = {name: evaluator.value(expr) for name, expr in self.mapping.assignments}
        return image, [*evaluator.notes.undefined, *evaluator.notes.leaves]

    def _choices(self, parameters: Sequence[ir.Binder], chosen: Executor) -> Iterator[tuple[Executor, list[Value]]]:
        """Each combination of arguments, with an executor whose path says that they belong to their domains."""
        if not parameters:
            yield chosen, list(chosen.names.values())
            return
        first, *rest = parameters
        for belongs, value in chosen.domain(first.domain):
            executor = Executor(chosen.algebra, chosen.now)
            executor.names, executor.path = {**chosen.names, first.name: value}, (*chosen.path, belongs)
            yield from self._choices(rest, executor)
