"""Members of a set looked up by their fields, where a quantifier asks for these before anything else.

`any(m.ballot == b and ... for m in self.promises)` is false of every member of another ballot, so only those of ballot b need be
visited: a step costs what it asks for, not what was ever sent.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from operator import attrgetter
from typing import Any

from spec.language import ir
from spec.language.types import EnumType, RecordType, SetType, SortType

Fields = tuple[str, ...]


class Indexed(set[Any]):
    """A set of records that finds its members by the values of some fields. Members come and go by `add` and `remove` alone."""

    __slots__ = ("_indices",)

    def __init__(self, members: Iterable[Any] = ()) -> None:
        super().__init__(members)
        self._indices: dict[Fields, tuple[Callable[[Any], Any], dict[Any, list[Any]]]] = {}

    def where(self, fields: Fields, values: Any) -> Sequence[Any]:
        """The members whose fields have these values: a tuple of them, or of one field the value itself."""
        found = self._indices.get(fields)
        if found is None:
            found = self._indices[fields] = attrgetter(*fields), {}
            for member in self:
                self._enter(found, member)
        return found[1].get(values, ())

    def add(self, member: Any) -> None:
        """Take in a member that is not there yet."""
        super().add(member)
        for index in self._indices.values():
            self._enter(index, member)

    def remove(self, member: Any) -> None:
        """Give up a member that is there."""
        super().remove(member)
        for values, places in self._indices.values():
            held = places[values(member)]
            if held[-1] == member:  # mostly what came last goes first
                held.pop()
            else:
                held.remove(member)

    @staticmethod
    def _enter(index: tuple[Callable[[Any], Any], dict[Any, list[Any]]], member: Any) -> None:
        values, places = index
        places.setdefault(values(member), []).append(member)


def is_indexed(domain: ir.Domain) -> bool:
    """Whether a bound name ranges over a variable that is a set of records."""
    match domain:
        case ir.SetDomain(set=ir.Read(type=SetType(of=RecordType()), primed=False)):
            return True
        case _:
            return False


def fields_asked(binder: ir.Binder, quantifier: ir.Quantifier) -> dict[str, ir.Expr]:
    """Fields of a bound record whose values every member that matters has, as the first conditions on it say; each with that value.

    A member that fails one of them decides nothing, and nothing that could be without a value is evaluated before.
    """
    whole = True
    found: dict[str, ir.Expr] = {}
    for condition, wanted in _conditions(binder, quantifier):
        whole = whole and _collect(condition, wanted, binder.name, None, found)
    return found


def _conditions(binder: ir.Binder, quantifier: ir.Quantifier) -> Iterator[tuple[ir.Expr, bool]]:
    """What is asked of a bound name, and the answer with which a member matters."""
    for test in binder.filters:
        yield test, True
    if binder is quantifier.binders[-1]:
        yield quantifier.body, quantifier.operator == "any"


def _collect(e: ir.Expr, wanted: bool, member: str, given: Mapping[str, ir.Expr] | None, found: dict[str, ir.Expr]) -> bool:
    """Add the fields that a condition fixes where it is as wanted, up to the first part that may have no value; whether there was none."""
    match e:
        case ir.Not(operand=operand):
            return _collect(operand, not wanted, member, given, found)
        case ir.Junction(operator=operator, operands=operands) if (operator == "and") is wanted:
            return all(_collect(operand, wanted, member, given, found) for operand in operands)
        case ir.Call(helper=helper, arguments=arguments, primed=False):
            meant = {name: _meant(a, given) for (name, _), a in zip(helper.parameters, arguments, strict=True)}
            known = {name: a for name, a in meant.items() if a is not None}
            return len(known) == len(meant) and _collect(helper.body, wanted, member, known, found)
        case ir.Compare(operator=operator, left=left, right=right):
            sides = _meant(left, given), _meant(right, given)
            if sides[0] is None or sides[1] is None:
                return False
            if operator == ("==" if wanted else "!="):
                _pick(sides[0], sides[1], member, found)
                _pick(sides[1], sides[0], member, found)
            return True
        case _:
            return False


def _pick(side: ir.Expr, other: ir.Expr, member: str, found: dict[str, ir.Expr]) -> None:
    """Note that a side is a field of the member, and the other its value, which does not depend on the member."""
    match side:
        case ir.Field(type=SortType() | EnumType(), record=ir.Name(name=name), name=field) if name == member and side.type == other.type:
            if not any(isinstance(x, ir.Name) and x.name == member for x in ir.walk(other)):
                found.setdefault(field, other)


def _meant(e: ir.Expr, given: Mapping[str, ir.Expr] | None) -> ir.Expr | None:
    """What surely has a value (a literal, a name, a field of it, a variable), in the words of whoever calls the helper that it stands in; None for all else."""
    match e:
        case ir.Const():
            return e
        case ir.Name(name=name):
            return e if given is None else given.get(name)
        case ir.Read(variable=variable, keys=keys, primed=False):
            meant = [_meant(key, given) for key in keys]
            known = tuple(key for key in meant if key is not None)
            return ir.Read(type=e.type, variable=variable, keys=known, place=e.place) if len(known) == len(keys) else None
        case ir.Field(record=record) if isinstance(record.type, RecordType):
            owner = _meant(record, given)
            return None if owner is None else ir.Field(type=e.type, record=owner, name=e.name, place=e.place)
        case _:
            return None
