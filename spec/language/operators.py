"""Names, operators and binders of a spec's expressions, type-checked and turned into IR.

One method for each syntax form; what has none is refused with what to write instead.
"""

from __future__ import annotations

import ast
import enum
from collections.abc import Callable
from typing import TYPE_CHECKING, Any, NoReturn

from spec.language import ir, values
from spec.language.annotations import read_type, type_of_class
from spec.language.environment import Environment
from spec.language.narrowing import Known, shown
from spec.language.source import Source, count
from spec.language.types import BOOL, EnumType, MapType, NoneType, OptionType, RecordType, SeqType, SetType, SortType, Type, WindowType

if TYPE_CHECKING:
    from spec.language.parser import Definitions

_COMPARE = {ast.Eq: "==", ast.NotEq: "!=", ast.Lt: "<", ast.LtE: "<=", ast.Gt: ">", ast.GtE: ">="}
_SET_OPERATORS = {ast.BitOr: "|", ast.BitAnd: "&", ast.Sub: "-"}


class Operators:
    """Turns the expressions of one definition into IR, calls aside."""

    def __init__(self, source: Source, definitions: Definitions, env: Environment) -> None:
        self.source, self.definitions, self.env = source, definitions, env

    def parse(self, node: ast.expr, expected: Type | None = None) -> ir.Expr:
        """The IR of an expression, coerced to the expected type where one is given."""
        empty = self.parse_empty(node, expected)
        if empty is not None:
            return empty
        method: Callable[[Any, Type | None], ir.Expr] | None = getattr(self, f"_{type(node).__name__}", None)
        if method is None:
            self._refuse(node)
        found = method(node, expected)
        return found if expected is None else self.coerce(node, found, expected)

    def _refuse(self, node: ast.expr) -> NoReturn:
        mends = {
            "Lambda": "name it: write a method of the protocol and call it",
            "ListComp": "use a set comprehension, all(...) or any(...)",
            "List": "use Seq.empty(Index) and .append(entry)",
            "Dict": "use Map({key: value for key in Sort})",
            "DictComp": "wrap it: Map({key: value for key in Sort})",
            "GeneratorExp": "use it inside all(...), any(...) or first(...)",
            "JoinedStr": "a spec has no strings: use an enumeration",
            "Await": "actions are atomic: write it as two actions",
            "NamedExpr": "assign the local on a line of its own",
            "Tuple": "declare a @record",
        }
        kind = type(node).__name__
        self.source.error(
            node, f"`{ast.unparse(node)}` ({kind}) is outside the language", mends.get(kind, "see docs/write-a-spec.md for what the language has")
        )

    def coerce(self, node: ast.expr, found: ir.Expr, expected: Type) -> ir.Expr:
        """The expression as one of the expected type; SpecError where it cannot be."""
        if found.type == expected:
            return found
        if isinstance(found, ir.SetExpr) and not found.elements and isinstance(expected, SetType):
            return ir.SetExpr(type=expected, elements=(), place=found.place)
        if isinstance(expected, OptionType):
            if isinstance(found.type, NoneType):
                return ir.Const(type=expected, value=None, place=found.place)
            if found.type == expected.of:
                return ir.Some(type=expected, value=found, place=found.place)
        text = ast.unparse(node)
        if isinstance(found.type, OptionType) and found.type.of == expected:
            if found not in self.env.known:
                self.source.error(node, f"`{text}` may be None where a value of type {expected} is needed", f"guard it: `{text} is not None`")
            return ir.Unwrap(type=expected, option=found, place=found.place)
        self.source.error(node, f"`{text}` has type {found.type}", f"a value of type {expected} is needed here")

    def kept(self, node: ast.expr, expected: Type | None = None) -> ir.Expr:
        """An expression whose value is kept under a name or in another value: under CPython, that must not be a set that changes."""
        found = self.parse(node, expected)
        if _changeable(node):
            self.source.error(node, f"`{ast.unparse(node)}` is a set that Python can change, kept as a value", f"write Set({ast.unparse(node)})")
        return found

    def value(self, node: ast.expr) -> ir.Expr:
        """An expression used as a plain value: an Option is unwrapped (undefined for None)."""
        return self._unwrapped(self.parse(node))

    @staticmethod
    def _unwrapped(found: ir.Expr) -> ir.Expr:
        if isinstance(found, ir.Some):
            return found.value
        if isinstance(found.type, OptionType):
            return ir.Unwrap(type=found.type.of, option=found, place=found.place)
        return found

    # --- names, literals, reads

    def _Constant(self, node: ast.Constant, expected: Type | None) -> ir.Expr:
        place = self.source.place(node)
        if isinstance(node.value, bool):
            return ir.Const(type=BOOL, value=node.value, place=place)
        if node.value is None:
            return ir.Const(type=NoneType(), value=None, place=place)
        if isinstance(node.value, int):
            self.source.error(node, f"the number {node.value} has no sort here", "write Term(0) or compare it with an element of an ordered sort")
        self.source.error(node, f"the literal {node.value!r} is outside the language", "use an enumeration or an element of a sort")

    def _Name(self, node: ast.Name, expected: Type | None) -> ir.Expr:
        if node.id in self.env.locals:
            unique, type_ = self.env.locals[node.id]
            return ir.Name(type=type_, name=unique, place=self.source.place(node))
        if node.id in self.env.states:
            self.source.error(node, f"the whole state `{node.id}` is used as a value", "name one of its variables")
        known = node.id in self.source.names
        self.source.error(
            node,
            f"`{node.id}` is not a value of the spec" if known else f"unknown name `{node.id}`",
            "use a parameter, a local, or a variable through `self.`",
        )

    def _Attribute(self, node: ast.Attribute, expected: Type | None) -> ir.Expr:
        place = self.source.place(node)
        if isinstance(node.value, ast.Name) and node.value.id not in self.env.locals:
            if node.value.id in self.env.states:
                return self._variable(node, self.env.states[node.value.id])
            owner = self.source.names.get(node.value.id)
            if isinstance(owner, type) and issubclass(owner, enum.Enum):
                type_ = type_of_class(self.source, node, owner)
                assert isinstance(type_, EnumType)
                if node.attr not in type_.members:
                    self.source.error(node, f"{type_} has no member `{node.attr}`", f"it has {', '.join(type_.members)}")
                return ir.Const(type=type_, value=type_.members.index(node.attr), place=place)
        owner_expr = self.value(node.value)
        if isinstance(owner_expr.type, RecordType):
            field_type = owner_expr.type.field_type(node.attr)
            if field_type is None:
                fields = ", ".join(name for name, _ in owner_expr.type.fields)
                self.source.error(node, f"{owner_expr.type} has no field `{node.attr}`", f"it has {fields}")
            return ir.Field(type=field_type, record=owner_expr, name=node.attr, place=place)
        if isinstance(owner_expr.type, (SeqType, WindowType)) and node.attr in ("last", "after"):
            return ir.Bound(type=owner_expr.type.index, sequence=owner_expr, which=node.attr, place=place)
        self.source.error(node, f"a value of type {owner_expr.type} has no `.{node.attr}`", "records have fields, sequences have .last, .after and .indices()")

    def _variable(self, node: ast.Attribute, primed: bool) -> ir.Expr:
        variable = self.definitions.variables.get(node.attr)
        if variable is None:
            known = ", ".join(self.definitions.variables) or "none"
            self.source.error(node, f"unknown variable `{node.attr}`", f"declare it in the class body (declared: {known})")
        return ir.Read(type=variable.type, variable=node.attr, primed=primed, place=self.source.place(node))

    def _Subscript(self, node: ast.Subscript, expected: Type | None) -> ir.Expr:
        place = self.source.place(node)
        base = self.value(node.value)
        if isinstance(base, ir.Read) and isinstance(base.type, MapType):
            keys = self.keys(node.slice, base.type, node)
            return ir.Read(type=base.type.value, variable=base.variable, keys=keys, primed=base.primed, place=place)
        if isinstance(base.type, (SeqType, WindowType)):
            position = self.parse(node.slice, base.type.index)
            return ir.At(type=base.type.of, sequence=base, position=position, place=place)
        self.source.error(node, f"a value of type {base.type} cannot be indexed", "index a map variable or a sequence")

    def keys(self, node: ast.expr, type_: MapType, whole: ast.AST) -> tuple[ir.Expr, ...]:
        """The keys between the brackets of a map read or store."""
        parts = node.elts if isinstance(node, ast.Tuple) else [node]
        if len(parts) != len(type_.keys):
            self.source.error(whole, f"{count(len(parts), 'key')} for {type_}", f"give {len(type_.keys)}, separated by commas")
        return tuple(self.parse(part, key) for part, key in zip(parts, type_.keys, strict=True))

    # --- logic and comparison

    def _BoolOp(self, node: ast.BoolOp, expected: Type | None) -> ir.Expr:
        operator = "and" if isinstance(node.op, ast.And) else "or"
        operands: list[ir.Expr] = []
        with self.env.inner():
            for value in node.values:
                operands.append(self.parse(value, BOOL))
                self.env.known |= shown(operands[-1], operator == "and")
        return ir.Junction(type=BOOL, operator=operator, operands=tuple(operands), place=self.source.place(node))

    def _UnaryOp(self, node: ast.UnaryOp, expected: Type | None) -> ir.Expr:
        if not isinstance(node.op, ast.Not):
            self.source.error(node, f"`{ast.unparse(node)}` is arithmetic", "ordered sorts have only neighbours: x + 1 and x - 1")
        return ir.Not(type=BOOL, operand=self.parse(node.operand, BOOL), place=self.source.place(node))

    def _IfExp(self, node: ast.IfExp, expected: Type | None) -> ir.Expr:
        condition = self.parse(node.test, BOOL)
        then, otherwise = self._alike(node.body, node.orelse, expected, shown(condition, True), shown(condition, False))
        return ir.Conditional(type=then.type, condition=condition, then=then, otherwise=otherwise, place=self.source.place(node))

    def _alike(
        self, left: ast.expr, right: ast.expr, expected: Type | None, on_left: Known = frozenset(), on_right: Known = frozenset()
    ) -> tuple[ir.Expr, ir.Expr]:
        """Two expressions brought to one type: Option wins over its content, a typed value over a literal."""
        if expected is not None:
            return self._side(left, expected, on_left), self._side(right, expected, on_right)
        if self._untyped(left):
            if self._untyped(right):
                self.source.error(
                    left,
                    f"neither `{ast.unparse(left)}` nor `{ast.unparse(right)}` says its type",
                    "give one of the two a type: a variable, a parameter, Term(0)",
                )
            b, a = self._alike(right, left, None, on_right, on_left)
            return a, b
        a = self._side(left, None, on_left)
        if self._untyped(right):
            bare_none = isinstance(right, ast.Constant) and right.value is None
            wanted = OptionType(a.type) if bare_none and not isinstance(a.type, OptionType) else a.type
            return self.coerce(left, a, wanted), self.parse(right, wanted)
        b = self._side(right, None, on_right)
        if isinstance(b.type, OptionType) and b.type.of == a.type:
            return self.coerce(left, a, b.type), b
        return a, self.coerce(right, b, a.type)

    def _side(self, node: ast.expr, expected: Type | None, shown_here: Known) -> ir.Expr:
        """One of two expressions, where its own condition shows more; what it shows to hold a value stands for that value."""
        with self.env.inner(shown_here):
            found = self.parse(node, expected)
        return self._unwrapped(found) if expected is None and found in shown_here else found

    def _untyped(self, node: ast.expr) -> bool:
        """Whether an expression takes its type from what stands beside it: None, `Set()`."""
        if isinstance(node, ast.Call):
            return self._global(node.func) is frozenset and not node.args
        return isinstance(node, ast.Constant) and node.value is None

    def _compared(self, left: ast.expr, right: ast.expr) -> tuple[ir.Expr, ir.Expr]:
        """Both sides of a comparison; here, and only here, a number may stand for an element of an ordered sort."""
        if self._number(left) is not None and self._number(right) is None:
            b, a = self._compared(right, left)
            return a, b
        number = self._number(right)
        if number is None:
            return self._alike(left, right, None)
        a = self.parse(left)
        type_ = a.type.of if isinstance(a.type, OptionType) else a.type
        if not (isinstance(type_, SortType) and type_.ordered):
            self.source.error(right, f"the number {number} is compared with a value of type {a.type}", "only elements of an ordered sort compare with numbers")
        return a, self.coerce(right, ir.Const(type=type_, value=number, place=self.source.place(right)), a.type)

    @staticmethod
    def _number(node: ast.expr) -> int | None:
        if isinstance(node, ast.Constant) and isinstance(node.value, int) and not isinstance(node.value, bool):
            return node.value
        return None

    def _Compare(self, node: ast.Compare, expected: Type | None) -> ir.Expr:
        parts: list[ir.Expr] = []
        left = node.left
        for op, right in zip(node.ops, node.comparators, strict=True):
            parts.append(self._comparison(node, left, op, right))
            left = right
        if len(parts) == 1:
            return parts[0]
        return ir.Junction(type=BOOL, operator="and", operands=tuple(parts), place=self.source.place(node))

    def _comparison(self, node: ast.Compare, left: ast.expr, op: ast.cmpop, right: ast.expr) -> ir.Expr:
        place = self.source.place(node)
        if isinstance(op, (ast.Is, ast.IsNot)):
            if not (isinstance(right, ast.Constant) and right.value is None):
                self.source.error(node, "`is` compares only with None", "use == for values")
            option = self.parse(left)
            if not isinstance(option.type, OptionType):
                self.source.error(node, f"`{ast.unparse(left)}` of type {option.type} is never None", "compare only Option values with None")
            test: ir.Expr = ir.IsNone(type=BOOL, option=option, place=place)
            return test if isinstance(op, ast.Is) else ir.Not(type=BOOL, operand=test, place=place)
        if isinstance(op, (ast.In, ast.NotIn)):
            test = self._membership(left, right, place)
            return test if isinstance(op, ast.In) else ir.Not(type=BOOL, operand=test, place=place)
        operator = _COMPARE[type(op)]
        a, b = self._compared(left, right)
        if operator in (">", ">="):
            a, b, operator = b, a, {">": "<", ">=": "<="}[operator]
        if operator in ("<", "<="):
            a, b = self._unwrapped(a), self._unwrapped(b)
            ordered = isinstance(a.type, SortType) and a.type.ordered
            if not ordered and not (operator == "<=" and isinstance(a.type, SetType)):
                self.source.error(node, f"{a.type} has no order", "only elements of an Ordered sort compare with < and <=, sets with <=")
        if isinstance(a.type, MapType):
            self.source.error(node, f"whole maps of type {a.type} are compared", "compare the entries: all(self.x[k] == ... for k in Sort)")
        return ir.Compare(type=BOOL, operator=operator, left=a, right=b, place=place)

    def _membership(self, left: ast.expr, right: ast.expr, place: ir.Place) -> ir.Expr:
        if isinstance(right, ast.Tuple):
            if not right.elts:
                self.source.error(right, "nothing is `in ()`", "write False, or name the values")
            tests = []
            for choice in right.elts:
                a, b = self._compared(left, choice)
                tests.append(ir.Compare(type=BOOL, operator="==", left=a, right=b, place=place))
            return ir.Junction(type=BOOL, operator="or", operands=tuple(tests), place=place)
        members = self.parse(right)
        if not isinstance(members.type, SetType):
            self.source.error(right, f"`in` needs a set, found {members.type}", "use a set, or a tuple of values")
        return ir.Member(type=BOOL, element=self.parse(left, members.type.of), set=members, place=place)

    # --- sets and arithmetic-like operators

    def _BinOp(self, node: ast.BinOp, expected: Type | None) -> ir.Expr:
        place = self.source.place(node)
        one = isinstance(node.right, ast.Constant) and node.right.value == 1
        if isinstance(node.op, (ast.Add, ast.Sub)) and (one or isinstance(node.op, ast.Add)):
            of = self.value(node.left)
            if isinstance(of.type, SortType) and of.type.ordered and one:
                by = 1 if isinstance(node.op, ast.Add) else -1
                if by == 1 and not self.env.in_action:
                    self.source.error(node, "`+ 1` may leave the scope, and a property has none to leave", "compare with the position before, or use < and <=")
                return ir.Neighbour(type=of.type, of=of, by=by, place=place)
            self.source.error(node, f"`{ast.unparse(node)}` is arithmetic on {of.type}", "ordered sorts have only neighbours: x + 1 and x - 1")
        operator = _SET_OPERATORS.get(type(node.op))
        if operator is None:
            self.source.error(node, f"`{ast.unparse(node)}` is arithmetic", "ordered sorts have only neighbours: x + 1 and x - 1")
        left = self.parse(node.left, expected)
        if not isinstance(left.type, SetType):
            self.source.error(node, f"`{operator}` of {left.type}", "it combines sets only")
        return ir.SetOperation(type=left.type, operator=operator, left=left, right=self.parse(node.right, left.type), place=place)

    def _Set(self, node: ast.Set, expected: Type | None) -> ir.Expr:
        wanted = expected.of if isinstance(expected, SetType) else None
        elements = [self.kept(node.elts[0], wanted)]
        elements += [self.kept(e, elements[0].type) for e in node.elts[1:]]
        return ir.SetExpr(type=SetType(elements[0].type), elements=tuple(elements), place=self.source.place(node))

    def _SetComp(self, node: ast.SetComp, expected: Type | None) -> ir.Expr:
        wanted = expected.of if isinstance(expected, SetType) else None
        with self.env.inner():
            binders = self.binders(node.generators)
            element = self.kept(node.elt, wanted)
        return ir.SetComprehension(type=SetType(element.type), element=element, binders=binders, place=self.source.place(node))

    # --- binders

    def binders(self, generators: list[ast.comprehension]) -> tuple[ir.Binder, ...]:
        """Bind the variables of `for ... in ... if ...` in the innermost part of the environment."""
        found = []
        for generator in generators:
            if not isinstance(generator.target, ast.Name):
                self.source.error(generator.target, "a bound variable is a single name", "bind the record, then read its fields")
            domain, type_ = self.domain(generator.iter)
            name = self.env.bind(generator.target.id, type_)
            filters = []
            for test in generator.ifs:
                filters.append(self.parse(test, BOOL))
                self.env.known |= shown(filters[-1], True)
            found.append(ir.Binder(name, type_, domain, tuple(filters)))
        return tuple(found)

    def domain(self, node: ast.expr) -> tuple[ir.Domain, Type]:
        """What a bound variable ranges over, and its type."""
        if isinstance(node, ast.Name) and node.id not in self.env.locals and node.id in self.source.names:
            type_ = type_of_class(self.source, node, self.source.names[node.id])
            if isinstance(type_, RecordType):
                self.source.error(node, f"`for ... in {type_}` ranges over all records", "range over a set variable that holds them")
            return ir.SortDomain(type_), type_
        if isinstance(node, ast.Call):
            if self._global(node.func) is values.quorums:
                if len(node.args) != 1 or node.keywords:
                    self.source.error(node, f"`{ast.unparse(node)}` names no sort", "write quorums(Node)")
                sort = self.quorum_sort(node.args[0])
                return ir.QuorumDomain(sort), SetType(sort)
            if isinstance(node.func, ast.Attribute) and node.func.attr == "indices":
                sequence = self.value(node.func.value)
                if isinstance(sequence.type, (SeqType, WindowType)):
                    return ir.IndexDomain(sequence), sequence.type.index
            if isinstance(node.func, ast.Name) and node.func.id == "range":
                self.source.error(node, "`range(...)` is outside the language", "range over an ordered sort with a filter: `for i in Index if i <= last`")
        members = self.parse(node)
        if isinstance(members.type, SetType):
            return ir.SetDomain(members), members.type.of
        self.source.error(
            node, f"cannot range over `{ast.unparse(node)}` of type {members.type}", "range over a sort, a set, quorums(Sort) or sequence.indices()"
        )

    # --- what calls share

    def _global(self, node: ast.expr) -> Any:
        if isinstance(node, ast.Name) and node.id not in self.env.locals:
            if node.id in self.source.names:
                return self.source.names[node.id]
            return {"all": all, "any": any, "min": min, "max": max, "frozenset": frozenset}.get(node.id)
        return None

    def quorum_sort(self, node: ast.expr) -> SortType:
        """The sort whose quorums are meant."""
        sort = read_type(self.source, node)
        if not isinstance(sort, SortType) or sort.ordered:
            self.source.error(node, f"`{ast.unparse(node)}` has no quorums", "name an unordered sort, e.g. Node")
        return sort

    def parse_empty(self, node: ast.expr, expected: Type | None) -> ir.Expr | None:
        """`Seq.empty(Index)` where the context knows the type of the entries, else None."""
        if not (isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute) and node.func.attr == "empty" and isinstance(expected, SeqType)):
            return None
        if self._global(node.func.value) is not values.Seq:
            return None
        if len(node.args) != 1 or node.keywords or read_type(self.source, node.args[0]) != expected.index:
            self.source.error(node, f"`{ast.unparse(node)}` is not a {expected}", f"write Seq.empty({expected.index})")
        return ir.EmptySeq(type=expected, place=self.source.place(node))


def _changeable(node: ast.expr) -> bool:
    """Whether an expression gives one of Python's own mutable sets."""
    match node:
        case ast.Set() | ast.SetComp():
            return True
        case ast.BinOp(left=left):
            return _changeable(left)
        case ast.IfExp(body=then, orelse=otherwise):
            return _changeable(then) or _changeable(otherwise)
        case _:
            return False
