"""Expressions of a spec, type-checked and turned into IR: `operators.py`, and here the calls."""

from __future__ import annotations

import ast
import inspect

from spec.language import ir, values
from spec.language.annotations import record_type, type_of_class
from spec.language.operators import Operators
from spec.language.source import count
from spec.language.types import BOOL, MapType, NoneType, OptionType, RecordType, SeqType, SetType, SortType, Type, WindowType


class ExpressionParser(Operators):
    """Turns the expressions of one definition into IR."""

    def _Call(self, node: ast.Call, expected: Type | None) -> ir.Expr:
        if isinstance(node.func, ast.Attribute):
            return self._method(node, node.func)
        function = self._global(node.func)
        place = self.source.place(node)
        if function in (all, any):
            return self._quantifier(node, "all" if function is all else "any")
        if function in (min, max):
            return self._extremum(node, "min" if function is min else "max")
        if function is values.first:
            return self._first(node)
        if function is values.is_quorum:
            return self._is_quorum(node)
        if function is values.is_majority:
            return self._is_majority(node)
        if function is values.in_force:
            if len(node.args) != 1 or node.keywords:
                self.source.error(node, "`in_force` takes the name of one rule", 'write in_force("vote once per term")')
            return ir.InForce(type=BOOL, rule=self.definitions.rule(self.source, node.args[0]), place=place)
        if function is frozenset:
            return self._set_call(node, expected)
        if function is values.Map:
            return self._map_call(node, expected)
        if isinstance(function, type):
            return self._construct(node, function)
        if inspect.isfunction(function) and not function.__module__.startswith("spec.language"):
            return self._helper(node, self.definitions.function(function), primed=False)
        mends = {
            "set": "write Set() or Set({a, b})",
            "dict": "write Map({key: value for key in Sort})",
            "list": "write Seq.empty(Index) and .append(entry)",
            "len": "count with is_quorum, all(...) or any(...); a sequence has .last",
            "sum": "count with is_quorum, all(...) or any(...)",
            "sorted": "sets have no order: use first(...), all(...) or any(...)",
        }
        called = ast.unparse(node.func)
        known = "call a helper of the protocol (self.name(...)), all, any, min, max, first, is_quorum, is_majority or in_force"
        self.source.error(node, f"call of `{called}` is outside the language", mends.get(called, known))

    def _is_quorum(self, node: ast.Call) -> ir.Expr:
        if len(node.args) != 2 or node.keywords:
            self.source.error(node, f"`{ast.unparse(node)}` is not a question about quorums", "write is_quorum(members, Node)")
        sort = self.quorum_sort(node.args[1])
        return ir.IsQuorum(type=BOOL, members=self.parse(node.args[0], SetType(sort)), sort=sort, place=self.source.place(node))

    def _is_majority(self, node: ast.Call) -> ir.Expr:
        if len(node.args) != 2 or node.keywords:
            self.source.error(node, f"`{ast.unparse(node)}` is not a question about majorities", "write is_majority(members, of)")
        of = self.parse(node.args[1])
        if not isinstance(of.type, SetType) or not isinstance(of.type.of, SortType) or of.type.of.ordered:
            self.source.error(node.args[1], f"`{ast.unparse(node.args[1])}` has no majorities", "name a set of elements of an unordered sort")
        return ir.IsMajority(type=BOOL, members=self.parse(node.args[0], of.type), of=of, place=self.source.place(node))

    def _generator(self, node: ast.Call) -> ast.GeneratorExp:
        if len(node.args) != 1 or node.keywords or not isinstance(node.args[0], ast.GeneratorExp):
            self.source.error(node, f"`{ast.unparse(node)}` needs one generator", f"write {ast.unparse(node.func)}(condition for x in domain)")
        return node.args[0]

    def _quantifier(self, node: ast.Call, operator: str) -> ir.Expr:
        generator = self._generator(node)
        with self.env.inner():
            binders = self.binders(generator.generators)
            body = self.parse(generator.elt, BOOL)
        return ir.Quantifier(type=BOOL, operator=operator, binders=binders, body=body, place=self.source.place(node))

    def _first(self, node: ast.Call) -> ir.Expr:
        generator = self._generator(node)
        with self.env.inner():
            (binder, *more) = self.binders(generator.generators)
            same = isinstance(generator.elt, ast.Name) and self.env.locals.get(generator.elt.id, ("",))[0] == binder.name
        ordered = isinstance(binder.type, SortType) and binder.type.ordered
        if more or not same or not ordered:
            self.source.error(node, "`first` picks the least element of one ordered domain", "write first(i for i in sequence.indices() if condition)")
        return ir.First(type=OptionType(binder.type), binder=binder, place=self.source.place(node))

    def _extremum(self, node: ast.Call, operator: str) -> ir.Expr:
        if len(node.args) != 2:
            self.source.error(node, f"`{operator}` takes two elements of an ordered sort", f"write {operator}(a, b)")
        left, right = self._alike(node.args[0], node.args[1], None)
        if not (isinstance(left.type, SortType) and left.type.ordered):
            self.source.error(node, f"{left.type} has no order", f"`{operator}` takes elements of an Ordered sort")
        return ir.Extremum(type=left.type, operator=operator, left=left, right=right, place=self.source.place(node))

    def _set_call(self, node: ast.Call, expected: Type | None) -> ir.Expr:
        if len(node.args) > 1 or node.keywords:
            self.source.error(node, f"`{ast.unparse(node)}` makes a set of several things", "write Set() or Set({a, b})")
        if not node.args:
            type_ = expected if isinstance(expected, SetType) else SetType(NoneType())
            return ir.SetExpr(type=type_, elements=(), place=self.source.place(node))
        found = self.parse(node.args[0], expected if isinstance(expected, SetType) else None)
        if not isinstance(found.type, SetType):
            self.source.error(node, f"`{ast.unparse(node)}` makes a set of a value of type {found.type}", "write Set({a, b})")
        return found

    def _map_call(self, node: ast.Call, expected: Type | None) -> ir.Expr:
        if len(node.args) != 1 or not isinstance(node.args[0], ast.DictComp):
            self.source.error(node, "`Map` takes one dictionary comprehension", "write Map({key: value for key in Sort})")
        comprehension = node.args[0]
        wanted = expected.value if isinstance(expected, MapType) else None
        with self.env.inner():
            binders = self.binders(comprehension.generators)
            value = self.kept(comprehension.value, wanted)
            keys = comprehension.key.elts if isinstance(comprehension.key, ast.Tuple) else [comprehension.key]
            names = [self.env.locals.get(k.id, ("", None))[0] if isinstance(k, ast.Name) else "" for k in keys]
        total = all(isinstance(b.domain, ir.SortDomain) and not b.filters for b in binders)
        if names != [b.name for b in binders] or not total:
            self.source.error(node, "a map is total: its keys are all elements of its sorts", "write Map({(a, b): value for a in SortA for b in SortB})")
        type_ = MapType(tuple(b.type for b in binders), value.type)  # type: ignore[misc]  # sort domains checked above
        return ir.MapComprehension(type=type_, binders=binders, value=value, place=self.source.place(node))

    def _construct(self, node: ast.Call, cls: type) -> ir.Expr:
        type_ = type_of_class(self.source, node, cls)
        place = self.source.place(node)
        if isinstance(type_, SortType) and len(node.args) == 1:
            argument = node.args[0]
            if type_.ordered and isinstance(argument, ast.Constant) and argument.value == 0:
                return ir.Const(type=type_, value=0, place=place)
            self.source.error(node, f"`{ast.unparse(node)}` names an element of {type_}", "only the least element of an ordered sort has a name, e.g. Term(0)")
        if isinstance(type_, RecordType):
            return self._record(node, record_type(cls), place)
        self.source.error(node, f"`{ast.unparse(node)}` is outside the language", "make records by their class, enumeration members by name")

    def _record(self, node: ast.Call, type_: RecordType, place: ir.Place) -> ir.Expr:
        names = [name for name, _ in type_.fields]
        given = dict(zip(names, node.args, strict=False))
        given.update({k.arg: k.value for k in node.keywords if k.arg})
        if set(given) != set(names) or len(node.args) + len(node.keywords) != len(names):
            self.source.error(node, f"{type_} is made with {count(len(node.args) + len(node.keywords), 'field')}", f"give exactly {', '.join(names)}")
        return ir.RecordExpr(type=type_, fields=tuple(self.kept(given[n], t) for n, t in type_.fields), place=place)

    def _method(self, node: ast.Call, func: ast.Attribute) -> ir.Expr:
        owner = func.value
        if isinstance(owner, ast.Name) and owner.id not in self.env.locals:
            if owner.id in self.env.states:
                helper = self.definitions.method(self.source, node, func.attr)
                return self._helper(node, helper, primed=self.env.states[owner.id])
            if self.source.names.get(owner.id) is values.Seq and func.attr == "empty":
                return self._empty(node)
        sequence = self.value(owner)
        if isinstance(sequence.type, SeqType):
            return self._sequence_operation(node, func.attr, sequence, sequence.type)
        self.source.error(
            node, f"`.{func.attr}(...)` of a value of type {sequence.type} is outside the language", "sequences have append, window, splice, extend and indices"
        )

    def _empty(self, node: ast.Call) -> ir.Expr:
        self.source.error(
            node, "the entries of this empty sequence have no type here", "use Seq.empty(Index) where a sequence is expected: in a store or a record"
        )

    def _sequence_operation(self, node: ast.Call, name: str, sequence: ir.Expr, type_: SeqType) -> ir.Expr:
        place = self.source.place(node)
        window = WindowType(type_.index, type_.of)
        match name, node.args:
            case "append", [entry]:
                if not self.env.in_action:
                    self.source.error(node, "`append` may leave the scope, and a property has none to leave", "append in an action")
                return ir.Append(type=type_, sequence=sequence, entry=self.kept(entry, type_.of), place=place)
            case "window", [after, last]:
                return ir.Slice(type=window, sequence=sequence, after=self.parse(after, type_.index), last=self.parse(last, type_.index), place=place)
            case "splice", [at, other]:
                return ir.Splice(type=type_, sequence=sequence, at=self.parse(at, type_.index), window=self.parse(other, window), place=place)
            case "extend", [other]:
                return ir.Extend(type=type_, sequence=sequence, window=self.parse(other, window), place=place)
            case _:
                self.source.error(
                    node,
                    f"`.{name}(...)` with {count(len(node.args), 'argument')} is not an operation of sequences",
                    "they have append(entry), window(after, last), splice(at, window), extend(window), indices()",
                )

    def _helper(self, node: ast.Call, helper: ir.Helper | ir.Procedure, primed: bool) -> ir.Expr:
        if isinstance(helper, ir.Procedure):
            self.source.error(node, f"`{helper.name}` has effects and no value", "call it on a line of its own, in an action")
        return ir.Call(
            type=helper.body.type, helper=helper, arguments=self.arguments(node, helper.name, helper.parameters), primed=primed, place=self.source.place(node)
        )

    def arguments(self, node: ast.Call, name: str, parameters: tuple[tuple[str, Type], ...]) -> tuple[ir.Expr, ...]:
        """The arguments of a helper's call, in the order of its parameters."""
        if len(node.args) != len(parameters) or node.keywords:
            self.source.error(node, f"`{name}` takes {count(len(parameters), 'argument')} by position", f"give {', '.join(n for n, _ in parameters) or 'none'}")
        return tuple(self.kept(a, t) for a, (_, t) in zip(node.args, parameters, strict=True))
