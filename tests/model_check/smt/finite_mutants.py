"""Ways to break the finite encoding, one construct each: the agreement tests must catch every one."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any
from unittest import mock

from model_check.smt.circuit import FALSE, TRUE, Literal
from model_check.smt.finite import Algebra, Entries, Optional, Slots, Truth, Value
from model_check.smt.finite_expressions import Evaluator
from model_check.smt.finite_steps import Encoder, Executor
from spec.language import ir


def _stays(self: Evaluator, e: ir.Neighbour) -> Value:
    return self.value(e.of)


def _nothing(self: Evaluator, condition: Literal) -> None:
    pass


def _forgets(self: Evaluator, e: ir.Append) -> Value:
    return self.value(e.sequence)


def _keeps_its_own(self: Evaluator, sequence: Entries, window: Entries, last: Any, kept: list[Literal]) -> Entries:
    return Entries(sequence.after, last, tuple(new if own is None else own for own, new in zip(sequence.entries, window.entries, strict=True)))


def _eager(self: Evaluator, e: ir.Junction) -> Value:
    found = [self.truth(x) for x in e.operands]
    return Truth(self.circuit.all_of(found) if e.operator == "and" else self.circuit.any_of(found))


def _any_set(self: Evaluator, e: ir.IsQuorum) -> Value:
    return Truth(self.circuit.any_of(literal for literal, _ in self.algebra.members(self.value(e.members))))


def _none_decides(original: Callable[..., Truth]) -> Callable[..., Value]:
    def decided(self: Evaluator, e: ir.IsMajority) -> Value:
        nobody = -self.circuit.any_of(there for there, _ in self.algebra.members(self.value(e.of)))
        return Truth(self.circuit.any_of((nobody, original(self, e).literal)))

    return decided


def _last(self: Evaluator, e: ir.First) -> Value:
    found: Value = Optional(FALSE, None)
    saved = self.path
    for there in self.over((e.binder,)):
        found = self.algebra.mux(there, Optional(TRUE, self.names[e.binder.name]), found)
    self.path = saved
    return found


def _reads_the_old_state(original: Callable[..., Value]) -> Callable[..., Value]:
    def read(self: Evaluator, e: ir.Read) -> Value:
        if isinstance(self, Executor) and not e.primed and hasattr(self, "began"):
            saved, self.now = self.now, self.began
            found = original(self, e)
            self.now = saved
            return found
        return original(self, e)

    return read


def _notes_where_it_began(original: Callable[..., Any]) -> Callable[..., Any]:
    def run(self: Encoder, executor: Any, *rest: Any) -> Any:
        executor.began = executor.now
        with mock.patch.object(Executor, "_Read", _reads_the_old_state(Evaluator._Read)):
            return original(self, executor, *rest)

    return run


def _one_slot(self: Algebra, cases: Any) -> Slots:
    return Slots(min((members for _, members in cases), key=len))


def _ignores_the_value(original: Callable[..., Literal]) -> Callable[..., Literal]:
    def equal(self: Algebra, a: Value, b: Value) -> Literal:
        if isinstance(a, Optional) and isinstance(b, Optional):
            return self.circuit.same(a.there, b.there)
        return original(self, a, b)

    return equal


def _one_too_many(self: Algebra, value: Entries, position: int) -> Literal:
    return self.circuit.both(self.circuit.any_of(value.after.literals[:position]), self.circuit.any_of(value.last.literals[position - 1 :]))


def _guards_are_lost(original: Callable[..., None]) -> Callable[..., None]:
    def branch(self: Executor, *parts: Any) -> None:
        path = self.path
        original(self, *parts)
        self.path = path

    return branch


def _strict(self: Algebra, a: Any, b: Any) -> Literal:
    return -self.equal(a, b)


_MUTANTS: dict[str, tuple[object, str, Any]] = {
    "x + 1 is x": (Evaluator, "_Neighbour", _stays),
    "nothing leaves the scope": (Evaluator, "leave_if", _nothing),
    "everything is defined": (Evaluator, "undefined_if", _nothing),
    "append forgets": (Evaluator, "_Append", _forgets),
    "windows are dropped": (Evaluator, "_joined", _keeps_its_own),
    "and, or are eager": (Evaluator, "_Junction", _eager),
    "of none there is a majority": (Evaluator, "_IsMajority", _none_decides(Evaluator._IsMajority)),
    "any set is a quorum": (Evaluator, "_IsQuorum", _any_set),
    "first is last": (Evaluator, "_First", _last),
    "actions do not see their own writes": (Encoder, "run", _notes_where_it_began(Encoder.run)),
    "guards within branches are lost": (Executor, "branch", _guards_are_lost(Executor.branch)),
    "slots of one case are lost": (Algebra, "_choose_slots", _one_slot),
    "options are equal if both are there": (Algebra, "equal", _ignores_the_value(Algebra.equal)),
    "a sequence has one entry more": (Algebra, "occupied", _one_too_many),
    "two elements may be chosen": (Encoder, "at_most_one", lambda self, literals: []),
    "difference is union": (Algebra, "difference", Algebra.union),
    "less is unequal": (Algebra, "less", _strict),
}

NAMES = tuple(_MUTANTS)
LOOSE = ("everything is defined", "and, or are eager")
"""Those that show only where an expression may be undefined."""
SOLVED = ("slots of one case are lost", "two elements may be chosen")
"""Those that constants do not show."""


@contextmanager
def applied(name: str) -> Iterator[None]:
    """The encoding with one mutation."""
    owner, attribute, value = _MUTANTS[name]
    with mock.patch.object(owner, attribute, value):
        yield
