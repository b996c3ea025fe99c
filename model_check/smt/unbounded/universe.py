"""The sorts of a protocol as uninterpreted Z3 sorts, their orders, their quorums, and which sort stands above which.

The order of sorts decides how a map is encoded: as a function where its values lie strictly below all of its keys, as
a relation otherwise. Functions then only lead downwards, and so do the Skolem functions of most queries.
"""

from __future__ import annotations

import contextlib
import functools
import itertools
from collections.abc import Iterable, Iterator, Sequence
from typing import cast

import z3

from spec.language import SpecError, ir
from spec.language.types import BoolType, EnumType, OptionType, RecordType, SeqType, SetType, SortType, Type, WindowType

TRUE, FALSE = z3.BoolVal(True), z3.BoolVal(False)


def fold_and(parts: Sequence[z3.BoolRef]) -> z3.BoolRef:
    """The conjunction, with constants folded."""
    kept = [p for p in parts if not z3.is_true(p)]
    if any(z3.is_false(p) for p in kept):
        return z3.BoolVal(False)
    return z3.BoolVal(True) if not kept else kept[0] if len(kept) == 1 else z3.And(kept)


def fold_or(parts: Sequence[z3.BoolRef]) -> z3.BoolRef:
    """The disjunction, with constants folded."""
    kept = [p for p in parts if not z3.is_false(p)]
    if any(z3.is_true(p) for p in kept):
        return z3.BoolVal(True)
    return z3.BoolVal(False) if not kept else kept[0] if len(kept) == 1 else z3.Or(kept)


def fold_not(part: z3.BoolRef) -> z3.BoolRef:
    """The negation, with constants and double negations folded."""
    if z3.is_true(part) or z3.is_false(part):
        return z3.BoolVal(z3.is_false(part))
    return part.arg(0) if z3.is_not(part) else z3.Not(part)


def fold_if(condition: z3.BoolRef, then: z3.ExprRef, otherwise: z3.ExprRef) -> z3.ExprRef:
    """`then` or `otherwise`, with constant conditions and equal branches folded."""
    if z3.is_true(condition) or then.eq(otherwise):
        return then
    return otherwise if z3.is_false(condition) else z3.If(condition, then, otherwise)


def same(a: z3.ExprRef, b: z3.ExprRef) -> z3.BoolRef:
    """Equality, folded where both sides are one term or two different constants of an enumeration."""
    if a.eq(b):
        return z3.BoolVal(True)
    if z3.is_app(a) and z3.is_app(b) and a.num_args() == 0 == b.num_args() and a.decl().kind() == b.decl().kind() == z3.Z3_OP_DT_CONSTRUCTOR:
        return z3.BoolVal(False)
    return a == b


def le(a: z3.ExprRef, b: z3.ExprRef) -> z3.BoolRef:
    """`a <= b` in an ordered sort."""
    return TRUE if a.eq(b) else z3.Function(f"le_{a.sort().name()}", a.sort(), a.sort(), z3.BoolSort())(a, b)


def lt(a: z3.ExprRef, b: z3.ExprRef) -> z3.BoolRef:
    """`a < b` in an ordered sort."""
    return fold_not(le(b, a))


def forall(variables: Sequence[z3.ExprRef], body: z3.BoolRef) -> z3.BoolRef:
    """A universal closure; just the body where nothing is bound or it is constant."""
    return body if not variables or z3.is_true(body) or z3.is_false(body) else z3.ForAll(list(variables), body)


def exists(variables: Sequence[z3.ExprRef], body: z3.BoolRef) -> z3.BoolRef:
    """An existential closure; just the body where nothing is bound or it is constant."""
    return body if not variables or z3.is_true(body) or z3.is_false(body) else z3.Exists(list(variables), body)


@functools.cache
def _enumeration(name: str, members: tuple[str, ...]) -> tuple[z3.SortRef, list[z3.ExprRef]]:
    """An enumeration and its members. Z3 declares a name once in a process, so protocols that agree on one share it."""
    try:
        return cast(tuple[z3.SortRef, list[z3.ExprRef]], z3.EnumSort(name, list(members)))
    except z3.Z3Exception:
        # Another protocol has given the name, or a member's, to something else.
        return cast(tuple[z3.SortRef, list[z3.ExprRef]], z3.EnumSort(f"{name}:{'|'.join(members)}", [f"{name}.{m}" for m in members]))


def is_interned(type_: Type) -> bool:
    """Whether values of a record type are elements of a sort of their own: records that hold sequences or windows."""
    return isinstance(type_, RecordType) and any(isinstance(t, (SeqType, WindowType, SetType)) or is_interned(t) for _, t in type_.fields)


class Universe:
    """Z3 sorts for a protocol's sorts, enumerations, quorums and messages.

    `order` names the protocol's sorts from the highest to the lowest. Records that hold windows are above them all, the
    quorums of a sort just above that sort.
    """

    def __init__(self, protocol: ir.ProtocolIR, order: tuple[type, ...]) -> None:
        missing = [s.name for s in protocol.sorts if s.cls not in order]
        if missing:
            raise SpecError(f"{protocol.name}: the order of sorts lacks {', '.join(missing)}")
        self.protocol = protocol
        self.order = order
        self._sorts: dict[str, z3.SortRef] = {}
        self._members: dict[str, list[z3.ExprRef]] = {}
        self._counter = itertools.count()
        self.axioms: list[z3.BoolRef] = []
        for sort in protocol.sorts:
            self._declare(sort)

    def _declare(self, sort: SortType) -> None:
        declared = z3.DeclareSort(sort.name)
        self._sorts[sort.name] = declared
        if sort.ordered:
            x, y, w = (z3.Const(f"{sort.name.lower()}{i}", declared) for i in range(3))
            self.axioms += [
                z3.ForAll([x], z3.Function(f"le_{sort.name}", declared, declared, z3.BoolSort())(x, x)),
                z3.ForAll([x, y], z3.Or(le(x, y), le(y, x))),
                z3.ForAll([x, y], z3.Implies(z3.And(le(x, y), le(y, x)), x == y)),
                z3.ForAll([x, y, w], z3.Implies(z3.And(le(x, y), le(y, w)), le(x, w))),
                z3.ForAll([x], le(self.zero(sort), x)),
            ]

    def quorum_sort(self, sort: SortType) -> z3.SortRef:
        """The sort of the quorums of an unordered sort; any two of them intersect, and nothing else is assumed."""
        name = f"Quorum_{sort.name}"
        if name not in self._sorts:
            self._sorts[name] = z3.DeclareSort(name)
            q, r = (z3.Const(n, self._sorts[name]) for n in "qr")
            x = z3.Const("x", self.sort(sort))
            self.axioms.append(z3.ForAll([q, r], z3.Exists([x], z3.And(self.in_quorum(sort, q, x), self.in_quorum(sort, r, x)))))
        return self._sorts[name]

    def in_quorum(self, sort: SortType, quorum: z3.ExprRef, element: z3.ExprRef) -> z3.BoolRef:
        """Whether an element belongs to a quorum."""
        return z3.Function(f"in_quorum_{sort.name}", self.quorum_sort(sort), self.sort(sort), z3.BoolSort())(quorum, element)

    def sort(self, type_: Type) -> z3.SortRef:
        """The Z3 sort of the scalars of a type (of a record's name, where records are interned)."""
        match type_:
            case BoolType():
                return z3.BoolSort()
            case SortType(name=name):
                return self._sorts[name]
            case EnumType(name=name, members=members):
                if name not in self._sorts:
                    self._sorts[name], self._members[name] = _enumeration(name, members)
                return self._sorts[name]
            case RecordType(name=name) if is_interned(type_):
                if name not in self._sorts:
                    self._sorts[name] = z3.DeclareSort(name)
                return self._sorts[name]
            case _:
                raise AssertionError(type_)

    def member(self, type_: EnumType, position: int) -> z3.ExprRef:
        """A member of an enumeration."""
        self.sort(type_)
        return self._members[type_.name][position]

    def zero(self, sort: SortType) -> z3.ExprRef:
        """The least element of an ordered sort."""
        return z3.Const(f"{sort.name}_0", self._sorts[sort.name])

    def height(self, type_: Type) -> int:
        """The place of a type's scalars in the order of sorts; enumerations and truth values are below all."""
        match type_:
            case SortType(cls=cls):
                return len(self.order) - self.order.index(cls)
            case RecordType() if is_interned(type_):
                return len(self.order) + 1
            case OptionType(of=of):
                return self.height(of)
            case _:
                return 0

    @contextlib.contextmanager
    def names_from(self, first: int) -> Iterator[Iterator[int]]:
        """New constants are numbered from `first` on within the body, and as before after it.

        Only for formulas that share no names with what is built outside it, or whose names all lie below `first`.
        """
        outer, self._counter = self._counter, itertools.count(first)
        try:
            yield self._counter
        finally:
            self._counter = outer

    def fresh(self, sort: z3.SortRef, hint: str) -> z3.ExprRef:
        """A new constant."""
        return z3.Const(f"{hint}!{next(self._counter)}", sort)


def subterms(formulas: Iterable[z3.ExprRef]) -> Iterator[z3.ExprRef]:
    """Formulas and all that they are made of, each once."""
    seen: set[int] = set()
    stack = list(formulas)
    while stack:
        item = stack.pop()
        if item.get_id() not in seen:
            seen.add(item.get_id())
            yield item
            stack.extend([item.body()] if z3.is_quantifier(item) else item.children())
