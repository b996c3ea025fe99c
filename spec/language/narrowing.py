"""Which Options are known to hold a value: what conditions show, and what statements take away.

CPython passes None on without a word where it is stored, given to a helper, or put into a record or set. So the parser
accepts an Option there only below a guard.
"""

from __future__ import annotations

from collections.abc import Iterable

from spec.language import ir

Known = frozenset[ir.Expr]
"""Expressions of an Option type that are not None here."""


def shown(condition: ir.Expr, outcome: bool) -> Known:
    """The Options that are not None wherever a condition has the given outcome."""
    match condition:
        case ir.IsNone(option=option) if not outcome:
            return frozenset({option})
        case ir.Not(operand=operand):
            return shown(operand, not outcome)
        case ir.Junction(operator=operator, operands=operands) if outcome == (operator == "and"):
            return frozenset[ir.Expr]().union(*(shown(operand, outcome) for operand in operands))
        case _:
            return frozenset()


def after(statements: Iterable[ir.Statement], known: Known) -> Known:
    """What is known after statements, given what was known before them."""
    for statement in statements:
        match statement:
            case ir.Require(condition=condition, rule=""):
                # A named rule may be removed, and then shows nothing.
                known |= shown(condition, True)
            case ir.Let(name=name, value=value) if value in known:
                known |= {ir.Name(type=value.type, name=name)}
            case _:
                known = unless_read(known, {x.variable for x in ir.walk(statement) if isinstance(x, (ir.Store, ir.Insert, ir.Remove))})
    return known


def unless_read(known: Known, variables: set[str]) -> Known:
    """What is known without reading any of the variables."""
    return frozenset(option for option in known if not any(isinstance(x, ir.Read) and x.variable in variables for x in ir.walk(option)))
