"""Rewriting of formulas before translation: negation pushed inwards, tests on fields picked out, helpers opened."""

from __future__ import annotations

from dataclasses import dataclass, fields, replace
from typing import Any

from spec.language import ir
from spec.language.types import BOOL, RecordType


@dataclass(frozen=True)
class ByField:
    """`any(test for member in set)`, taken apart: fields that must equal given values, then the remaining tests."""

    binder: ir.Binder
    given: tuple[tuple[str, ir.Expr], ...]
    rest: tuple[ir.Expr, ...]


def negation(e: ir.Expr) -> ir.Expr:
    """The negation, pushed inwards as far as evaluation in the same order allows."""
    match e:
        case ir.Not(operand=operand):
            return operand
        case ir.Const(value=value):
            return replace(e, value=not value)
        case ir.Compare(operator="!="):
            return replace(e, operator="==")
        case ir.Compare(operator="=="):
            return replace(e, operator="!=")
        case ir.Junction(operator=operator, operands=operands):
            return replace(e, operator="or" if operator == "and" else "and", operands=tuple(negation(x) for x in operands))
        case _:
            return ir.Not(type=BOOL, operand=e, place=e.place)


def by_field(binder: ir.Binder, body: ir.Expr) -> ByField | None:
    """The leading tests `member.field == value` of an `any`, whose values do not depend on the member; None if there are none.

    Only leading tests, and only values that are always defined: what CPython would not evaluate must not matter.
    """
    if not isinstance(binder.type, RecordType):
        return None
    tests = [c for part in (*binder.filters, body) for c in _conjuncts(part)]
    given: list[tuple[str, ir.Expr]] = []
    while tests:
        found = _given(tests[0], binder.name)
        if found is None:
            break
        given.append(found)
        tests.pop(0)
    return ByField(replace(binder, filters=()), tuple(given), tuple(tests)) if given else None


def _conjuncts(e: ir.Expr) -> list[ir.Expr]:
    opened = _opened(e)
    if isinstance(opened, ir.Junction) and opened.operator == "and":
        return [c for x in opened.operands for c in _conjuncts(x)]
    return [e]


def _opened(e: ir.Expr) -> ir.Expr:
    """A helper's body in place of its call, where all arguments are plain names or constants."""
    if not isinstance(e, ir.Call) or e.primed or not all(isinstance(a, (ir.Name, ir.Const)) for a in e.arguments):
        return e
    if any(isinstance(x, (ir.LetIn, ir.Binder)) for x in ir.walk(e.helper.body, into_helpers=False)):
        return e
    opened: ir.Expr = _substituted(e.helper.body, {p: a for (p, _), a in zip(e.helper.parameters, e.arguments, strict=True)})
    return opened


def _substituted(node: Any, names: dict[str, ir.Expr]) -> Any:
    if isinstance(node, ir.Name):
        return names.get(node.name, node)
    if isinstance(node, tuple):
        return tuple(_substituted(x, names) for x in node)
    if isinstance(node, (ir.Expr, ir.Domain)):
        parts = {f.name: getattr(node, f.name) for f in fields(node)}
        return replace(node, **{name: _substituted(part, names) for name, part in parts.items() if isinstance(part, (tuple, ir.Expr, ir.Domain))})
    return node


def _given(test: ir.Expr, member: str) -> tuple[str, ir.Expr] | None:
    """The field and its value where a test is `member.field == value`."""
    if not (isinstance(test, ir.Compare) and test.operator == "=="):
        return None
    for one, other in ((test.left, test.right), (test.right, test.left)):
        if isinstance(one, ir.Field) and isinstance(one.record, ir.Name) and one.record.name == member and _total(other, member):
            return one.name, other
    return None


def _total(e: ir.Expr, member: str) -> bool:
    """Whether an expression always has a value and does not depend on the member."""
    parts = ir.walk(e)
    partial = (ir.Unwrap, ir.At, ir.Neighbour, ir.Append, ir.Slice, ir.Splice, ir.Extend, ir.Call)
    return not any(isinstance(x, partial) or (isinstance(x, ir.Name) and x.name == member) for x in parts)
