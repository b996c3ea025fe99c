"""When an expression stays within the scope: the guards that `x + 1` and `append` bring along.

`x + 1` beyond the last element, or a sequence grown beyond the longest, disables an action under CPython. The condition
follows the order of evaluation: what is not evaluated cannot leave the scope.
"""

from __future__ import annotations

from model_check.tla import layout as tla
from model_check.tla.expressions import Translator, refuse
from model_check.tla.layout import Piece, atom
from model_check.tla.types import greatest
from spec.language import ir
from spec.language.types import SeqType, SortType


def may_leave(node: object) -> bool:
    """Whether evaluation may leave the scope anywhere in a node, helpers included."""
    return any(isinstance(n, ir.Append) or (isinstance(n, ir.Neighbour) and n.by == 1) for n in ir.walk(node))


def stays(translate: Translator, node: ir.Expr) -> Piece:
    """The condition under which evaluating an expression stays within the scope; TRUE where it always does."""
    if not may_leave(node):
        return tla.TRUE
    match node:
        case ir.Neighbour(of=of, by=1):
            assert isinstance(of.type, SortType)
            return tla.conjunction(stays(translate, of), tla.infix("<", tla.RELATION, translate(of), greatest(of.type)))
        case ir.Append(sequence=sequence, entry=entry):
            assert isinstance(sequence.type, SeqType)
            room = tla.infix("<", tla.RELATION, tla.application("Len", [translate(sequence)]), atom(f"Max{sequence.type.index.name}"))
            return tla.conjunction(stays(translate, sequence), stays(translate, entry), room)
        case ir.Junction(operator=operator, operands=operands):
            return _junction(translate, operator, operands)
        case ir.Conditional(condition=condition, then=then, otherwise=otherwise):
            chosen = tla.conditional(translate(condition), stays(translate, then), stays(translate, otherwise))
            return tla.conjunction(stays(translate, condition), chosen)
        case ir.LetIn(name=name, value=value, body=body):
            first = stays(translate, value)
            with translate.scope():
                given = translate(value)
                bound = translate.bind(name)
                return tla.conjunction(first, tla.let([(bound, given)], stays(translate, body)))
        case ir.SetComprehension(element=element, binders=binders):
            return _for_all(translate, node, binders, element)
        case ir.MapComprehension(value=value, binders=binders):
            return _for_all(translate, node, binders, value)
        case ir.Call(helper=helper, arguments=arguments):
            return _call(translate, node, helper, arguments)
        case ir.Quantifier() | ir.First():
            raise refuse(node, "`+ 1` or `append` under a search that may end before it", "compute it before the quantifier and name it")
        case _:
            return tla.conjunction(*(stays(translate, c) for c in ir.children(node) if isinstance(c, ir.Expr)))


def _junction(translate: Translator, operator: str, operands: tuple[ir.Expr, ...]) -> Piece:
    rest = tla.TRUE
    for operand in reversed(operands):
        if rest != tla.TRUE:
            value = translate(operand)
            rest = tla.implies(value, rest) if operator == "and" else tla.junction("\\/", [value, rest])
        rest = tla.conjunction(stays(translate, operand), rest)
    return rest


def _for_all(translate: Translator, node: ir.Expr, binders: tuple[ir.Binder, ...], body: ir.Expr) -> Piece:
    if any(may_leave(f) for b in binders for f in b.filters) or any(may_leave(b.domain) for b in binders):
        raise refuse(node, "`+ 1` or `append` in a comprehension's domain or filter", "compute it before and name it")
    return translate.quantify("\\A", binders, lambda: stays(translate, body))


def _call(translate: Translator, node: ir.Call, helper: ir.Helper, arguments: tuple[ir.Expr, ...]) -> Piece:
    before = tla.conjunction(*(stays(translate, a) for a in arguments))
    if not may_leave(helper.body):
        return before
    reads = [r for r in ir.walk(helper.body) if isinstance(r, ir.Read)]
    if not all(translate.variables.untouched(r.variable) for r in reads):
        raise refuse(node, f"`{helper.name}` may leave the scope and reads a variable assigned before", "call it before the assignment")
    given = tuple(map(translate, arguments))
    return tla.conjunction(before, tla.application(translate.operators.in_scope(helper), given))
