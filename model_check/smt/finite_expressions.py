"""Expressions of a spec as circuits over a finite state: what CPython would compute, for all states at once.

Evaluation is as lazy as CPython's: what a part of an expression cannot do (have no value, leave the scope) is noted
only on the *path* on which CPython would evaluate it.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field

from model_check.smt.circuit import FALSE, TRUE, Literal
from model_check.smt.finite import Algebra, Element, Entries, Mask, Optional, Record, Table, Truth, Value, Variables
from spec.language import ScopeError, ir
from spec.language.types import BoolType, EnumType, MapType, NoneType, OptionType, RecordType, SeqType, SetType, SortType, Type, WindowType


@dataclass
class Notes:
    """What happened on the way: under which conditions an expression had no value, or the action left the scope."""

    undefined: list[Literal] = field(default_factory=list)
    leaves: list[Literal] = field(default_factory=list)


class Evaluator:
    """Evaluates expressions in one context: the state (and the one after it), local names, and the path to here."""

    def __init__(self, algebra: Algebra, now: Variables, after: Variables | None = None, notes: Notes | None = None) -> None:
        self.algebra, self.circuit, self.domains = algebra, algebra.circuit, algebra.domains
        self.now, self.after = now, after
        self.notes = Notes() if notes is None else notes
        self.names: dict[str, Value] = {}
        self.path: tuple[Literal, ...] = ()

    def inner(self, now: Variables, names: dict[str, Value]) -> Evaluator:
        """An evaluator for a helper's body: other names, the same path."""
        found = type(self)(self.algebra, now, self.after, self.notes)
        found.names, found.path = names, self.path
        return found

    # --- the path

    def under(self, condition: Literal, body: Callable[[], Value]) -> Value:
        """Evaluate where a condition holds."""
        saved, self.path = self.path, (*self.path, condition)
        found = body()
        self.path = saved
        return found

    def undefined_if(self, condition: Literal) -> None:
        """Note an expression without a value, where the action has not left the scope before it."""
        self._note(self.notes.undefined, self.circuit.all_of((condition, *(-x for x in self.notes.leaves))))

    def leave_if(self, condition: Literal) -> None:
        """Note that the action leaves the scope."""
        self._note(self.notes.leaves, condition)

    def _note(self, notes: list[Literal], condition: Literal) -> None:
        if condition == FALSE:
            return
        found = self.circuit.all_of((*self.path, condition))
        if found != FALSE:
            notes.append(found)
            # What follows is evaluated only where this did not happen.
            self.path = (*self.path, -condition)

    # --- values

    def value(self, e: ir.Expr) -> Value:
        """The value of an expression."""
        method: Callable[[ir.Expr], Value] = getattr(self, f"_{type(e).__name__}")
        return method(e)

    def truth(self, e: ir.Expr) -> Literal:
        """The value of a condition."""
        found = self.value(e)
        assert isinstance(found, Truth)
        return found.literal

    def _element(self, e: ir.Expr) -> Element:
        found = self.value(e)
        assert isinstance(found, Element)
        return found

    def _Const(self, e: ir.Expr) -> Value:
        assert isinstance(e, ir.Const)
        match e.type:
            case BoolType():
                return Truth(TRUE if e.value else FALSE)
            case OptionType() | NoneType():
                return Optional(FALSE, None)
            case SortType() | EnumType():
                number = int(e.value or 0)
                if number >= self.domains.size(e.type):
                    raise ScopeError(f"{e.place}: {e.type} {number} lies outside {self.domains.protocol.scope}")
                return self.domains.element(e.type, number)
            case _:
                raise AssertionError(e)

    def _Name(self, e: ir.Expr) -> Value:
        assert isinstance(e, ir.Name)
        return self.names[e.name]

    def _InForce(self, e: ir.Expr) -> Value:
        assert isinstance(e, ir.InForce)
        return Truth(TRUE if self.in_force(e.rule) else FALSE)

    def in_force(self, rule: str) -> bool:
        """Whether a rule has not been removed."""
        return rule not in self.domains.protocol.without

    def _Some(self, e: ir.Expr) -> Value:
        assert isinstance(e, ir.Some)
        return Optional(TRUE, self.value(e.value))

    def _Unwrap(self, e: ir.Expr) -> Value:
        assert isinstance(e, ir.Unwrap)
        option = self.value(e.option)
        assert isinstance(option, Optional)
        self.undefined_if(-option.there)
        return self.some_value(e.type) if option.value is None else option.value

    def some_value(self, type_: Type) -> Value:
        """Any value of a type, to go on with where there is none."""
        match type_:
            case BoolType():
                return Truth(FALSE)
            case SortType() | EnumType():
                return self.domains.element(type_, 0)
            case OptionType():
                return Optional(FALSE, None)
            case RecordType(fields=fields):
                return Record(tuple(self.some_value(t) for _, t in fields))
            case SetType(of=of):
                return self.algebra.collect(of, ())
            case SeqType(index=index) | WindowType(index=index):
                start = self.domains.element(index, 0)
                return Entries(start, start, (None,) * self.domains.capacity(type_))
            case MapType(value=of):
                return Table(tuple((key, self.some_value(of)) for key in self.domains.keys(type_)))
            case _:
                raise AssertionError(type_)

    def _IsNone(self, e: ir.Expr) -> Value:
        assert isinstance(e, ir.IsNone)
        option = self.value(e.option)
        assert isinstance(option, Optional)
        return Truth(-option.there)

    def _Not(self, e: ir.Expr) -> Value:
        assert isinstance(e, ir.Not)
        return Truth(-self.truth(e.operand))

    def _Compare(self, e: ir.Expr) -> Value:
        assert isinstance(e, ir.Compare)
        left, right = self.value(e.left), self.value(e.right)
        if e.operator in ("==", "!="):
            same = self.algebra.equal(left, right)
            return Truth(same if e.operator == "==" else -same)
        if isinstance(e.left.type, SetType):
            assert e.operator == "<="
            return Truth(self.algebra.subset(left, right))
        assert isinstance(left, Element) and isinstance(right, Element)
        return Truth(self.algebra.less(left, right) if e.operator == "<" else -self.algebra.less(right, left))

    def _Junction(self, e: ir.Expr) -> Value:
        assert isinstance(e, ir.Junction)
        going_on = 1 if e.operator == "and" else -1
        saved, found = self.path, []
        for operand in e.operands:
            found.append(going_on * self.truth(operand))
            if found[-1] == FALSE:
                break
            self.path = (*self.path, found[-1])
        self.path = saved
        return Truth(going_on * self.circuit.all_of(found))

    def _Conditional(self, e: ir.Expr) -> Value:
        assert isinstance(e, ir.Conditional)
        condition = self.truth(e.condition)
        if condition in (TRUE, FALSE):
            return self.value(e.then if condition == TRUE else e.otherwise)
        then = self.under(condition, lambda: self.value(e.then))
        otherwise = self.under(-condition, lambda: self.value(e.otherwise))
        return self.algebra.mux(condition, then, otherwise)

    def _LetIn(self, e: ir.Expr) -> Value:
        assert isinstance(e, ir.LetIn)
        self.names[e.name] = self.value(e.value)
        return self.value(e.body)

    def _Call(self, e: ir.Expr) -> Value:
        assert isinstance(e, ir.Call)
        arguments = {p: self.value(a) for (p, _), a in zip(e.helper.parameters, e.arguments, strict=True)}
        now = self.after if e.primed and self.after is not None else self.now
        return self.inner(now, arguments).value(e.helper.body)

    # --- records and sequences

    def _RecordExpr(self, e: ir.Expr) -> Value:
        assert isinstance(e, ir.RecordExpr)
        return Record(tuple(self.value(f) for f in e.fields))

    def _Field(self, e: ir.Expr) -> Value:
        assert isinstance(e, ir.Field) and isinstance(e.record.type, RecordType)
        record = self.value(e.record)
        assert isinstance(record, Record)
        return record.fields[[name for name, _ in e.record.type.fields].index(e.name)]

    def _entries(self, e: ir.Expr) -> Entries:
        found = self.value(e)
        assert isinstance(found, Entries)
        return found

    def _EmptySeq(self, e: ir.Expr) -> Value:
        return self.some_value(e.type)

    def _Bound(self, e: ir.Expr) -> Value:
        assert isinstance(e, ir.Bound)
        sequence = self._entries(e.sequence)
        return sequence.last if e.which == "last" else sequence.after

    def _At(self, e: ir.Expr) -> Value:
        assert isinstance(e, ir.At)
        sequence, position = self._entries(e.sequence), self._element(e.position)
        occupied = (self.circuit.both(x, self.algebra.occupied(sequence, i)) for i, x in enumerate(position.literals) if 0 < i <= len(sequence.entries))
        self.undefined_if(-self.circuit.any_of(occupied))
        cases = [(x, v) for x, v in zip(position.literals[1:], sequence.entries, strict=False) if v is not None and x != FALSE]
        return self.algebra.choose(cases) if cases else self.some_value(e.type)

    def _Append(self, e: ir.Expr) -> Value:
        assert isinstance(e, ir.Append)
        sequence, entry = self._entries(e.sequence), self.value(e.entry)
        capacity, last = len(sequence.entries), sequence.last.literals
        self.leave_if(last[capacity])
        entries = tuple(entry if held is None else self.algebra.mux(last[i], entry, held) for i, held in enumerate(sequence.entries))
        return Entries(sequence.after, Element((FALSE, *last[:capacity], *last[capacity + 1 :])), entries)

    def _Slice(self, e: ir.Expr) -> Value:
        assert isinstance(e, ir.Slice)
        sequence, after, last = self._entries(e.sequence), self._element(e.after), self._element(e.last)
        self.undefined_if(self.circuit.any_of((self.algebra.less(last, after), self.algebra.less(sequence.last, last))))
        return Entries(after, last, sequence.entries)

    def _Splice(self, e: ir.Expr) -> Value:
        assert isinstance(e, ir.Splice)
        sequence, at, window = self._entries(e.sequence), self._element(e.at), self._entries(e.window)
        beyond = self.circuit.any_of(self.circuit.both(x, self.circuit.any_of(at.literals[i + 2 :])) for i, x in enumerate(sequence.last.literals))
        within = self.circuit.all_of((self.algebra.less(window.after, at), -self.algebra.less(window.last, at), -beyond))
        self.undefined_if(-within)
        return self._joined(sequence, window, window.last, [self.circuit.any_of(at.literals[i + 1 :]) for i in range(1, len(sequence.entries) + 1)])

    def _Extend(self, e: ir.Expr) -> Value:
        assert isinstance(e, ir.Extend)
        sequence, window = self._entries(e.sequence), self._entries(e.window)
        self.undefined_if(self.algebra.less(sequence.last, window.after))
        last = self.algebra.mux(self.algebra.less(sequence.last, window.last), window.last, sequence.last)
        assert isinstance(last, Element)
        return self._joined(sequence, window, last, [self.algebra.occupied(sequence, i) for i in range(1, len(sequence.entries) + 1)])

    def _joined(self, sequence: Entries, window: Entries, last: Element, kept: list[Literal]) -> Entries:
        """A sequence up to `last`: its own entry where that is kept, else the window's."""
        entries = []
        for keep, own, new in zip(kept, sequence.entries, window.entries, strict=True):
            entries.append(own if new is None else new if own is None else self.algebra.mux(keep, own, new))
        return Entries(sequence.after, last, tuple(entries))

    def _Neighbour(self, e: ir.Expr) -> Value:
        assert isinstance(e, ir.Neighbour)
        literals = self._element(e.of).literals
        if e.by == 1:
            self.leave_if(literals[-1])
            return Element((FALSE, *literals[:-1]))
        self.undefined_if(literals[0])
        return Element((*literals[1:], FALSE))

    def _Extremum(self, e: ir.Expr) -> Value:
        assert isinstance(e, ir.Extremum)
        left, right = self._element(e.left), self._element(e.right)
        left_first = self.algebra.less(left, right)
        return self.algebra.mux(left_first if e.operator == "min" else -left_first, left, right)

    # --- state variables

    def _Read(self, e: ir.Expr) -> Value:
        assert isinstance(e, ir.Read)
        state = self.after if e.primed else self.now
        assert state is not None
        found = state[e.variable]
        if not e.keys:
            return found
        assert isinstance(found, Table)
        keys = [self._element(k) for k in e.keys]
        return self.algebra.choose([(self.at_key(keys, key), value) for key, value in found.entries])

    def at_key(self, keys: list[Element], key: tuple[int, ...]) -> Literal:
        """Whether elements are those of a key."""
        return self.circuit.all_of(k.literals[number] for k, number in zip(keys, key, strict=True))

    # --- sets

    def _Member(self, e: ir.Expr) -> Value:
        assert isinstance(e, ir.Member)
        element = self.value(e.element)
        return Truth(self.algebra.contains(self.value(e.set), element))

    def _SetExpr(self, e: ir.Expr) -> Value:
        assert isinstance(e, ir.SetExpr) and isinstance(e.type, SetType)
        return self.algebra.collect(e.type.of, [(TRUE, self.value(x)) for x in e.elements])

    def _SetOperation(self, e: ir.Expr) -> Value:
        assert isinstance(e, ir.SetOperation)
        operation = {"|": self.algebra.union, "&": self.algebra.intersection, "-": self.algebra.difference}[e.operator]
        return operation(self.value(e.left), self.value(e.right))

    def _SetComprehension(self, e: ir.Expr) -> Value:
        assert isinstance(e, ir.SetComprehension) and isinstance(e.type, SetType)
        saved = self.path
        found = [(there, self.value(e.element)) for there in self.over(e.binders)]
        self.path = saved
        return self.algebra.collect(e.type.of, found)

    def _MapComprehension(self, e: ir.Expr) -> Value:
        assert isinstance(e, ir.MapComprehension) and isinstance(e.type, MapType)
        # The binders are the key's sorts in order, without filters.
        return Table(tuple((key, self.value(e.value)) for key, _ in zip(self.domains.keys(e.type), self.over(e.binders), strict=True)))

    def _IsQuorum(self, e: ir.Expr) -> Value:
        assert isinstance(e, ir.IsQuorum)
        members = self.value(e.members)
        assert isinstance(members, Mask)
        bits = dict(members.bits)
        return Truth(self.circuit.any_of(self.circuit.all_of(bits.get(i, FALSE) for i in quorum) for quorum in self.quorums(e.sort)))

    def _IsMajority(self, e: ir.Expr) -> Value:
        assert isinstance(e, ir.IsMajority)
        members, of = self.value(e.members), self.value(e.of)
        assert isinstance(members, Mask) and isinstance(of, Mask)
        inside = dict(members.bits)
        # By how many the members among those seen so far outnumber the others.
        lead: dict[int, int] = {0: TRUE}
        for i, bit in of.bits:
            votes = (
                (bit_of, step)
                for bit_of, step in (
                    (self.circuit.both(bit, inside.get(i, FALSE)), 1),
                    (self.circuit.both(bit, -inside.get(i, FALSE)), -1),
                    (-bit, 0),
                )
            )
            ways: dict[int, list[int]] = {}
            for taken, step in votes:
                for ahead, so_far in lead.items():
                    ways.setdefault(ahead + step, []).append(self.circuit.both(so_far, taken))
            lead = {ahead: self.circuit.any_of(found) for ahead, found in ways.items()}
        return Truth(self.circuit.any_of(literal for ahead, literal in lead.items() if ahead > 0))

    def quorums(self, sort: SortType) -> list[list[int]]:
        """The minimal quorums of a sort, as members' numbers."""
        system = self.domains.protocol.context.quorums[sort.cls]
        return [sorted(q) for q in system(self.domains.size(sort))]

    # --- binders

    def domain(self, domain: ir.Domain) -> Iterator[tuple[Literal, Value]]:
        """The elements of a domain in order, each with whether it belongs to it."""
        match domain:
            case ir.SortDomain(type=BoolType()):
                yield from ((TRUE, Truth(x)) for x in (FALSE, TRUE))
            case ir.SortDomain(type=type_):
                yield from ((TRUE, self.domains.element(type_, i)) for i in range(self.domains.size(type_)))
            case ir.SetDomain(set=members):
                yield from self.algebra.members(self.value(members))
            case ir.IndexDomain(sequence=sequence):
                entries = self._entries(sequence)
                assert isinstance(sequence.type, (SeqType, WindowType))
                for i in range(1, len(entries.entries) + 1):
                    yield self.algebra.occupied(entries, i), self.domains.element(sequence.type.index, i)
            case ir.QuorumDomain(sort=sort):
                yield from ((TRUE, Mask(sort, tuple((i, TRUE) for i in quorum))) for quorum in self.quorums(sort))
            case ir.SubsetDomain(sort=sort):
                size = self.domains.size(sort)
                yield from ((TRUE, Mask(sort, tuple((i, TRUE) for i in range(size) if mask >> i & 1))) for mask in range(1 << size))
            case _:
                raise AssertionError(domain)

    def over(self, binders: tuple[ir.Binder, ...], decided: list[Literal] | None = None) -> Iterator[Literal]:
        """Bind names to each combination of elements in turn; yields whether it belongs and passes the filters, on the path where it does.

        CPython goes no further once one of `decided`, which the caller may extend on the way, is true.
        """
        binder, *rest = binders
        outer = self.path
        for belongs, element in self.domain(binder.domain):
            self.names[binder.name] = element
            self.path = (*outer, belongs, *(-x for x in decided or ()))
            there = [belongs]
            for test in binder.filters:
                if there[-1] == FALSE:
                    break
                there.append(self.truth(test))
                self.path = (*self.path, there[-1])
            condition = self.circuit.all_of(there)
            if condition != FALSE:
                if rest:
                    for inner in self.over(tuple(rest), decided):
                        yield self.circuit.both(condition, inner)
                else:
                    yield condition
        self.path = outer

    def _Quantifier(self, e: ir.Expr) -> Value:
        assert isinstance(e, ir.Quantifier)
        sign = 1 if e.operator == "any" else -1
        saved = self.path
        decided: list[Literal] = []
        for there in self.over(e.binders, decided):
            decides = self.circuit.both(there, sign * self.truth(e.body))
            decided[:] = [self.circuit.any_of((*decided, decides))]
            if decides == TRUE:
                break
        self.path = saved
        return Truth(sign * self.circuit.any_of(decided))

    def _First(self, e: ir.Expr) -> Value:
        assert isinstance(e, ir.First)
        saved, decided, found = self.path, [FALSE], []
        for there in self.over((e.binder,), decided):
            found.append((self.circuit.both(there, -decided[0]), self.names[e.binder.name]))
            decided[:] = [self.circuit.any_of((*decided, there))]
        self.path = saved
        found = [(condition, v) for condition, v in found if condition != FALSE]
        return Optional(decided[0], self.algebra.choose(found) if found else None)
