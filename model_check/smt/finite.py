"""Values of the spec language at a scope as Boolean circuits, and the types' finite domains.

An element of a sort or enumeration is one literal for each element, exactly one of them true: what cannot be is the
constant false, so constants fold and a formula knows only values that are within reach. A set with few possible
members is one literal for each; of any other set there is a list of *slots*, each a member and whether it is there: a
step fills at most as many slots as it has insertions, so that from a given state the slots hold every set exactly.

`None` in place of a value says that there is never one there: beyond a sequence's end, within an `Option` that is None.
"""

from __future__ import annotations

import itertools
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any, TypeAlias

from model_check.smt.circuit import FALSE, TRUE, Answer, Circuit, Literal
from spec.language import Map, Protocol, Seq, State, Window
from spec.language.types import BoolType, EnumType, MapType, OptionType, RecordType, SeqType, SetType, SortType, Type, WindowType, number_of_elements
from spec.language.values import elements, sort_key

MASK_LIMIT = 128
"""Most possible members of a set that has a literal for each, unless told otherwise."""


@dataclass(frozen=True, slots=True)
class Truth:
    """A truth value."""

    literal: Literal


@dataclass(frozen=True, slots=True)
class Element:
    """An element of a sort or enumeration: a literal for each, in their order."""

    literals: tuple[Literal, ...]


@dataclass(frozen=True, slots=True)
class Optional:
    """A value or None."""

    there: Literal
    value: Value | None


@dataclass(frozen=True, slots=True)
class Record:
    """A record's fields in order."""

    fields: tuple[Value, ...]


@dataclass(frozen=True, slots=True)
class Mask:
    """A set with a literal for each possible member, by the member's number in its type's domain; absent ones are false."""

    of: Type
    bits: tuple[tuple[int, Literal], ...]


@dataclass(frozen=True, slots=True)
class Slots:
    """A set as a list: whether each slot is in use, and the member in it. Two slots may hold the same member."""

    members: tuple[tuple[Literal, Value], ...]


@dataclass(frozen=True, slots=True)
class Entries:
    """A sequence or window: the position before the first entry, the last one, and the entries at positions 1..N."""

    after: Element
    last: Element
    entries: tuple[Value | None, ...]


@dataclass(frozen=True, slots=True)
class Table:
    """A map: an entry for each key (a tuple of numbers), in the order of keys."""

    entries: tuple[tuple[tuple[int, ...], Value], ...]


Value: TypeAlias = Truth | Element | Optional | Record | Mask | Slots | Entries | Table
Variables: TypeAlias = dict[str, Value]
"""A state: each variable's value."""


class Domains:
    """The finite domains of a protocol's types at its scope."""

    def __init__(self, protocol: Protocol, mask_limit: int = MASK_LIMIT) -> None:
        self.protocol, self.mask_limit = protocol, mask_limit
        self._sizes = protocol.context.sizes
        self._members: dict[Type, list[Any]] = {}
        self._constants: dict[tuple[Type, int], Value] = {}

    def size(self, type_: Type) -> int:
        """Number of elements of a sort, an enumeration or bool."""
        return number_of_elements(type_, self._sizes)

    def capacity(self, type_: SeqType | WindowType) -> int:
        """Length of the longest sequence."""
        return int(self._sizes[type_.index.cls])

    def count(self, type_: Type) -> int:
        """Number of values of a type."""
        match type_:
            case SortType() | EnumType() | BoolType():
                return self.size(type_)
            case OptionType(of=of):
                return 1 + self.count(of)
            case RecordType(fields=fields):
                total = 1
                for _, t in fields:
                    total *= self.count(t)
                return total
            case SetType(of=of):
                return 1 << min(64, self.count(of))
            case SeqType(of=of):
                return sum(self.count(of) ** length for length in range(self.capacity(type_) + 1))
            case WindowType(of=of):
                capacity = self.capacity(type_)
                return sum((capacity + 1 - length) * self.count(of) ** length for length in range(capacity + 1))
            case _:
                raise AssertionError(type_)

    def values(self, type_: Type) -> list[Any]:
        """All values of a type, as CPython has them, in their order; of a type with few values only."""
        found = self._members.get(type_)
        if found is None:
            found = self._members[type_] = list(self._enumerate(type_))
        return found

    def _enumerate(self, type_: Type) -> Iterator[Any]:
        match type_:
            case SortType(cls=cls):
                yield from elements(cls, self._sizes[cls])
            case EnumType(cls=cls):
                yield from cls
            case BoolType():
                yield from (False, True)
            case OptionType(of=of):
                yield from (None, *self.values(of))
            case RecordType(cls=cls, fields=fields):
                yield from (cls(*parts) for parts in itertools.product(*(self.values(t) for _, t in fields)))
            case SetType(of=of):
                members = self.values(of)
                yield from (frozenset(m for i, m in enumerate(members) if mask >> i & 1) for mask in range(1 << len(members)))
            case SeqType(index=index, of=of) | WindowType(index=index, of=of):
                capacity = self.capacity(type_)
                befores = range(capacity + 1) if isinstance(type_, WindowType) else (0,)
                kind: Any = Window if isinstance(type_, WindowType) else Seq
                for before in befores:
                    for length in range(capacity + 1 - before):
                        yield from (kind(index.cls, before, entries) for entries in itertools.product(self.values(of), repeat=length))
            case _:
                raise AssertionError(type_)

    def small(self, of: Type) -> bool:
        """Whether a set of this member type has a literal for each possible member."""
        return self.count(of) <= self.mask_limit

    def keys(self, type_: MapType) -> list[tuple[int, ...]]:
        """The keys of a map type as numbers, in order."""
        return list(itertools.product(*(range(self.size(k)) for k in type_.keys)))

    def member(self, of: Type, number: int) -> Value:
        """The constant value with a number in its type's domain."""
        found = self._constants.get((of, number))
        if found is None:
            found = self._constants[of, number] = self.constant(of, self.values(of)[number])
        return found

    def constant(self, type_: Type, value: Any) -> Value:
        """The circuit of a CPython value."""
        match type_:
            case BoolType():
                return Truth(TRUE if value else FALSE)
            case SortType() | EnumType():
                return self.element(type_, int(sort_key(value)))
            case OptionType(of=of):
                return Optional(FALSE, None) if value is None else Optional(TRUE, self.constant(of, value))
            case RecordType(fields=fields):
                return Record(tuple(self.constant(t, getattr(value, name)) for name, t in fields))
            case SetType(of=of) if self.small(of):
                return Mask(of, tuple((i, TRUE) for i, m in enumerate(self.values(of)) if m in value))
            case SetType(of=of):
                return Slots(tuple((TRUE, self.constant(of, m)) for m in sorted(value, key=repr)))
            case SeqType(index=index, of=of) | WindowType(index=index, of=of):
                held = {int(i): self.constant(of, value[i]) for i in value.indices()}
                entries = tuple(held.get(i) for i in range(1, self.capacity(type_) + 1))
                return Entries(self.element(index, int(value.after)), self.element(index, int(value.last)), entries)
            case MapType(value=of):
                return Table(tuple((k, self.constant(of, v)) for k, (_, v) in zip(self.keys(type_), value.items(), strict=True)))
            case _:
                raise AssertionError(type_)

    def element(self, type_: Type, number: int) -> Element:
        """A constant element of a sort or enumeration."""
        return Element(tuple(TRUE if i == number else FALSE for i in range(self.size(type_))))

    def state(self, state: State) -> Variables:
        """The circuit of a whole state."""
        return {name: self.constant(self.protocol.ir.variable(name).type, value) for name, value in state.items()}

    # --- from a model back to CPython

    def decode(self, answer: Answer, type_: Type, value: Value) -> Any:
        """The CPython value that a circuit has in a model."""
        match type_, value:
            case BoolType(), Truth(literal):
                return answer.value(literal)
            case ((SortType() | EnumType()), Element()):
                return self.values(type_)[self._number(answer, value)]
            case OptionType(of=of), Optional(there, inner):
                return self.decode(answer, of, inner) if inner is not None and answer.value(there) else None
            case RecordType(cls=cls, fields=fields), Record(parts):
                return cls(*(self.decode(answer, t, part) for (_, t), part in zip(fields, parts, strict=True)))
            case SetType(of=of), Mask(bits=bits):
                return frozenset(self.values(of)[i] for i, literal in bits if answer.value(literal))
            case SetType(of=of), Slots(members):
                return frozenset(self.decode(answer, of, member) for there, member in members if answer.value(there))
            case ((SeqType(index=index, of=of) | WindowType(index=index, of=of)), Entries(after, last, entries)):
                before, end = self._number(answer, after), self._number(answer, last)
                held = tuple(self.decode(answer, of, e) for e in entries[before:end] if e is not None)
                kind: Any = Window if isinstance(type_, WindowType) else Seq
                return kind(index.cls, before, held)
            case MapType(keys=keys, value=of), Table(entries):
                found = {tuple(self.values(s)[n] for s, n in zip(keys, k, strict=True)): self.decode(answer, of, v) for k, v in entries}
                return Map({(k if len(k) > 1 else k[0]): v for k, v in found.items()})
            case _:
                raise AssertionError((type_, value))

    @staticmethod
    def _number(answer: Answer, value: Element) -> int:
        return next(i for i, literal in enumerate(value.literals) if answer.value(literal))

    def decode_state(self, answer: Answer, state: Variables) -> State:
        """The state that a circuit has in a model."""
        found: State = type(self.protocol).state_of(**{v.name: self.decode(answer, v.type, state[v.name]) for v in self.protocol.ir.variables})  # type: ignore[assignment]  # the class builds its states
        return found


class Algebra:
    """Operations on values, as gates of a circuit."""

    def __init__(self, circuit: Circuit, domains: Domains) -> None:
        self.circuit, self.domains = circuit, domains

    # --- choosing between values

    def choose(self, cases: Sequence[tuple[Literal, Value]]) -> Value:
        """The value whose literal is true; exactly one is, or the result is of no account."""
        cases = [(c, v) for c, v in cases if c != FALSE]
        grouped: dict[Value, list[Literal]] = {}
        for condition, value in cases:
            grouped.setdefault(value, []).append(condition)
        if len(grouped) == 1:
            return cases[0][1]
        cases = [(self.circuit.any_of(conditions), value) for value, conditions in grouped.items()]
        match cases[0][1]:
            case Truth():
                return Truth(self._bit([(c, v.literal) for c, v in cases if isinstance(v, Truth)]))
            case Element(literals):
                return Element(tuple(self._bit([(c, v.literals[i]) for c, v in cases if isinstance(v, Element)]) for i in range(len(literals))))
            case Optional():
                return self._choose_optional([(c, v) for c, v in cases if isinstance(v, Optional)])
            case Record(fields):
                return Record(tuple(self.choose([(c, v.fields[i]) for c, v in cases if isinstance(v, Record)]) for i in range(len(fields))))
            case Mask(of=of):
                maps = [(c, dict(v.bits)) for c, v in cases if isinstance(v, Mask)]
                numbers = sorted({i for _, bits in maps for i in bits})
                return self.mask(of, {i: self._bit([(c, bits.get(i, FALSE)) for c, bits in maps]) for i in numbers})
            case Slots():
                return self._choose_slots([(c, v.members) for c, v in cases if isinstance(v, Slots)])
            case Entries():
                return self._choose_entries([(c, v) for c, v in cases if isinstance(v, Entries)])
            case Table():
                tables = [(c, v.entries) for c, v in cases if isinstance(v, Table)]
                return Table(tuple((key, self.choose([(c, entries[i][1]) for c, entries in tables])) for i, (key, _) in enumerate(tables[0][1])))

    def _bit(self, cases: Sequence[tuple[Literal, Literal]]) -> Literal:
        if len({x for _, x in cases}) == 1:
            return cases[0][1]
        if len(cases) == 2:
            (condition, then), (_, otherwise) = cases
            return self.circuit.choice(condition, then, otherwise)
        return self.circuit.any_of(self.circuit.both(c, x) for c, x in cases)

    def _perhaps(self, cases: Sequence[tuple[Literal, Value | None]]) -> Value | None:
        there = [(c, v) for c, v in cases if v is not None]
        return self.choose(there) if there else None

    def _choose_optional(self, cases: Sequence[tuple[Literal, Optional]]) -> Optional:
        return Optional(self._bit([(c, v.there) for c, v in cases]), self._perhaps([(c, v.value) for c, v in cases]))

    def _choose_entries(self, cases: Sequence[tuple[Literal, Entries]]) -> Entries:
        after, last = self.choose([(c, v.after) for c, v in cases]), self.choose([(c, v.last) for c, v in cases])
        assert isinstance(after, Element) and isinstance(last, Element)
        length = len(cases[0][1].entries)
        return Entries(after, last, tuple(self._perhaps([(c, v.entries[i]) for c, v in cases]) for i in range(length)))

    def _choose_slots(self, cases: Sequence[tuple[Literal, tuple[tuple[Literal, Value], ...]]]) -> Slots:
        """Slots that all cases begin with stay as they are; the others are chosen slot by slot, so that their number is the greatest of all cases."""
        common = 0
        for level in zip(*(members for _, members in cases), strict=False):
            if any(slot != level[0] for slot in level):
                break
            common += 1
        found = list(cases[0][1][:common])
        for i in range(common, max(len(members) for _, members in cases)):
            filled = [(c, members[i]) for c, members in cases if i < len(members)]
            there = self.circuit.any_of(self.circuit.both(c, slot[0]) for c, slot in filled)
            if there != FALSE:
                found.append((there, self.choose([(self.circuit.both(c, slot[0]), slot[1]) for c, slot in filled])))
        return Slots(tuple(found))

    def mux(self, condition: Literal, then: Value, otherwise: Value) -> Value:
        """`then if condition else otherwise`."""
        if condition == TRUE or then is otherwise:
            return then
        if condition == FALSE:
            return otherwise
        return self.choose([(condition, then), (-condition, otherwise)])

    # --- comparing

    def equal(self, a: Value, b: Value) -> Literal:
        """Whether two values of one type are equal."""
        if a is b:
            return TRUE
        match a, b:
            case Truth(x), Truth(y):
                return self.circuit.same(x, y)
            case Element(x), Element(y):
                return self.circuit.any_of(self.circuit.both(i, j) for i, j in zip(x, y, strict=True))
            case Optional(x, v), Optional(y, w):
                inner = self.equal(v, w) if v is not None and w is not None else TRUE
                return self.circuit.both(self.circuit.same(x, y), self.circuit.any_of((-x, inner)))
            case Record(x), Record(y):
                return self.circuit.all_of(self.equal(v, w) for v, w in zip(x, y, strict=True))
            case Table(x), Table(y):
                return self.circuit.all_of(self.equal(v, w) for (_, v), (_, w) in zip(x, y, strict=True))
            case Entries(), Entries():
                return self._equal_entries(a, b)
            case Mask(bits=x), Mask(bits=y):
                one, other = dict(x), dict(y)
                return self.circuit.all_of(self.circuit.same(one.get(i, FALSE), other.get(i, FALSE)) for i in one.keys() | other.keys())
            case _:
                return self.circuit.both(self.subset(a, b), self.subset(b, a))

    def _equal_entries(self, a: Entries, b: Entries) -> Literal:
        tests = [self.equal(a.after, b.after), self.equal(a.last, b.last)]
        for i, (v, w) in enumerate(zip(a.entries, b.entries, strict=True), start=1):
            if v is not None and w is not None:
                tests.append(self.circuit.any_of((-self.occupied(a, i), self.equal(v, w))))
        return self.circuit.all_of(tests)

    def less(self, a: Element, b: Element) -> Literal:
        """Whether an element comes before another."""
        below, tests = FALSE, []
        for x, y in zip(a.literals, b.literals, strict=True):
            tests.append(self.circuit.both(below, y))
            below = self.circuit.any_of((below, x))
        return self.circuit.any_of(tests)

    # --- sets

    def mask(self, of: Type, bits: dict[int, Literal]) -> Mask:
        """A mask without the members that cannot be there."""
        return Mask(of, tuple((i, x) for i, x in sorted(bits.items()) if x != FALSE))

    def members(self, value: Value) -> list[tuple[Literal, Value]]:
        """The possible members of a set, each with whether it is there."""
        if isinstance(value, Mask):
            return [(literal, self.domains.member(value.of, i)) for i, literal in value.bits]
        assert isinstance(value, Slots)
        return list(value.members)

    def collect(self, of: Type, members: Iterable[tuple[Literal, Value]]) -> Value:
        """The set of the given members, each with whether it is there."""
        given = [(there, v) for there, v in members if there != FALSE]
        if not self.domains.small(of):
            return Slots(tuple(given))
        bits: dict[int, list[Literal]] = {}
        for there, value in given:
            for number, match in self._numbers(of, value):
                bits.setdefault(number, []).append(self.circuit.both(there, match))
        return self.mask(of, {i: self.circuit.any_of(x) for i, x in bits.items()})

    def _numbers(self, of: Type, value: Value) -> Iterator[tuple[int, Literal]]:
        """Each number in the domain that a value may have, with whether it has it."""
        for number in range(self.domains.count(of)):
            match = self.equal(value, self.domains.member(of, number))
            if match != FALSE:
                yield number, match

    def contains(self, value: Value, element: Value) -> Literal:
        """Whether an element is in a set."""
        return self.circuit.any_of(self.circuit.both(there, self.equal(member, element)) for there, member in self.members(value))

    def insert(self, of: Type, value: Value, element: Value) -> Value:
        """A set with one more element."""
        if isinstance(value, Slots):
            return Slots((*value.members, (TRUE, element)))
        return self.union(value, self.collect(of, [(TRUE, element)]))

    def union(self, a: Value, b: Value) -> Value:
        """Union."""
        if isinstance(a, Slots) and isinstance(b, Slots):
            return Slots(a.members + tuple(slot for slot in b.members if slot not in a.members))
        return self._bitwise(a, b, lambda x, y: self.circuit.any_of((x, y)))

    def intersection(self, a: Value, b: Value) -> Value:
        """Intersection."""
        if isinstance(a, Slots):
            return Slots(tuple((self.circuit.both(there, self.contains(b, member)), member) for there, member in a.members))
        return self._bitwise(a, b, self.circuit.both)

    def difference(self, a: Value, b: Value) -> Value:
        """Difference."""
        if isinstance(a, Slots):
            return Slots(tuple((self.circuit.both(there, -self.contains(b, member)), member) for there, member in a.members))
        return self._bitwise(a, b, lambda x, y: self.circuit.both(x, -y))

    def _bitwise(self, a: Value, b: Value, gate: Callable[[Literal, Literal], Literal]) -> Mask:
        assert isinstance(a, Mask) and isinstance(b, Mask)
        one, other = dict(a.bits), dict(b.bits)
        return self.mask(a.of, {i: gate(one.get(i, FALSE), other.get(i, FALSE)) for i in one.keys() | other.keys()})

    def subset(self, a: Value, b: Value) -> Literal:
        """Whether a set is a subset of another."""
        if isinstance(a, Mask) and isinstance(b, Mask):
            other = dict(b.bits)
            return self.circuit.all_of(self.circuit.any_of((-x, other.get(i, FALSE))) for i, x in a.bits)
        kept = set(self.members(b))
        return self.circuit.all_of(self.circuit.any_of((-slot[0], self.contains(b, slot[1]))) for slot in self.members(a) if slot not in kept)

    # --- sequences

    def occupied(self, value: Entries, position: int) -> Literal:
        """Whether a sequence or window holds an entry at a position."""
        return self.circuit.both(self.circuit.any_of(value.after.literals[:position]), self.circuit.any_of(value.last.literals[position:]))
