"""Arbitrary well-typed states, reachable or not: fresh variables, and what must hold for them to stand for values."""

from __future__ import annotations

from dataclasses import dataclass, field

from model_check.smt.circuit import FALSE, Literal
from model_check.smt.finite import Element, Entries, Mask, Optional, Record, Slots, Table, Truth, Value, Variables
from model_check.smt.finite_steps import Encoder
from spec.language.types import BoolType, EnumType, MapType, OptionType, RecordType, SeqType, SetType, SortType, Type, WindowType


@dataclass
class Arbitrary:
    """Makes values with fresh variables; `valid` collects the conditions.

    A set with too many possible members for a literal each has at most `slots` members; `bounded` names the variables for which that is so.
    """

    encoder: Encoder
    slots: int
    valid: list[Literal] = field(default_factory=list)
    bounded: list[str] = field(default_factory=list)

    def state(self) -> Variables:
        """A state."""
        found: Variables = {}
        for variable in self.encoder.protocol.ir.variables:
            before = self._limited
            found[variable.name] = self.value(variable.type)
            if self._limited > before:
                self.bounded.append(variable.name)
        return found

    _limited: int = 0

    def value(self, type_: Type) -> Value:
        """A value of a type."""
        circuit, domains = self.encoder.circuit, self.encoder.domains
        match type_:
            case BoolType():
                return Truth(circuit.variable())
            case SortType() | EnumType():
                return self._element(domains.size(type_))
            case OptionType(of=of):
                return Optional(circuit.variable(), self.value(of))
            case RecordType(fields=fields):
                return Record(tuple(self.value(t) for _, t in fields))
            case SetType(of=of) if domains.small(of):
                return Mask(of, tuple((i, circuit.variable()) for i in range(domains.count(of))))
            case SetType(of=of):
                self._limited += 1
                return Slots(tuple((circuit.variable(), self.value(of)) for _ in range(self.slots)))
            case SeqType() | WindowType():
                return self._entries(type_)
            case MapType(value=of):
                return Table(tuple((key, self.value(of)) for key in domains.keys(type_)))
            case _:
                raise AssertionError(type_)

    def _element(self, size: int, beyond: int = 0) -> Element:
        """One of `size` elements; `beyond` more are never it."""
        literals, conditions = self.encoder.one_of(size)
        self.valid += [*conditions, self.encoder.circuit.any_of(literals)]
        return Element((*literals, *[FALSE] * beyond))

    def _entries(self, type_: SeqType | WindowType) -> Entries:
        domains, capacity = self.encoder.domains, self.encoder.domains.capacity(type_)
        beyond = domains.size(type_.index) - capacity - 1
        last = self._element(capacity + 1, beyond)
        after = self._element(capacity + 1, beyond) if isinstance(type_, WindowType) else domains.element(type_.index, 0)
        self.valid.append(-self.encoder.algebra.less(last, after))
        return Entries(after, last, tuple(self.value(type_.of) for _ in range(capacity)))
