"""Bodies of actions, procedures, helpers and properties, turned into IR."""

from __future__ import annotations

import ast
from typing import TYPE_CHECKING, NoReturn

from spec.language import ir, values
from spec.language.checks import where_turns_meet
from spec.language.environment import Environment
from spec.language.expressions import ExpressionParser
from spec.language.narrowing import Known, after, shown, unless_read
from spec.language.source import Source
from spec.language.types import BOOL, MapType, NoneType, SetType, Type

if TYPE_CHECKING:
    from spec.language.parser import Definitions

_CALLED_BY_NAME = ("all", "any", "max", "min")


class BodyParser(ExpressionParser):
    """Turns the statements of one definition into IR."""

    def __init__(self, source: Source, definitions: Definitions, env: Environment, writable: bool) -> None:
        super().__init__(source, definitions, env)
        self.writable = writable

    def block(self, nodes: list[ast.stmt], known: Known = frozenset()) -> tuple[ir.Statement, ...]:
        """A sequence of statements, where `known` is known to begin with; locals defined in it end with it."""
        with self.env.inner(known):
            return tuple(self.statements(nodes))

    def statements(self, nodes: list[ast.stmt]) -> list[ir.Statement]:
        """A sequence of statements; what it defines and shows stays known."""
        found: list[ir.Statement] = []
        for node in nodes:
            statements = self._statement(node)
            self.env.known = after(statements, self.env.known)
            found.extend(statements)
        return found

    def _statement(self, node: ast.stmt) -> list[ir.Statement]:
        place = self.source.place(node)
        match node:
            case ast.Expr(value=ast.Constant(value=str())) | ast.Pass():
                return []
            case ast.Expr(value=ast.Call() as call):
                return [self._call_statement(call)]
            case ast.Assign(targets=[ast.Name(id=name)], value=value):
                return [self._let(node, name, self.kept(value))]
            case ast.Assign(targets=[target], value=value):
                return [self._store(target, value)]
            case ast.AugAssign():
                return self._augmented(node)
            case ast.If(test=test, body=body, orelse=orelse):
                condition = self.parse(test, BOOL)
                then, otherwise = self.block(body, shown(condition, True)), self.block(orelse, shown(condition, False))
                return [ir.If(condition=condition, then=then, otherwise=otherwise, place=place)]
            case ast.For():
                return [self._for(node)]
            case _:
                self._refuse_statement(node)

    def _refuse_statement(self, node: ast.stmt) -> NoReturn:
        mends = {
            "While": "a step is atomic and finite: use all(...), any(...), first(...) or several actions",
            "Assert": "write a guard: require(condition)",
            "Try": "guards decide: require(condition)",
            "Raise": "guards decide: require(condition)",
            "Return": "an action has no value: end it with its last effect",
            "Global": "state lives in variables of the protocol",
            "With": "actions are atomic: remove the `with`",
            "AnnAssign": "declare variables in the class body; locals need no annotation",
            "Assign": "assign to one name or one variable at a time",
            "Break": "a `for` visits every element: filter with `if`",
            "Continue": "a `for` visits every element: filter with `if`",
            "Delete": "remove from a set with `self.v -= {x}`",
            "Import": "import at the top of the module",
            "FunctionDef": "write a method of the protocol",
        }
        kind = type(node).__name__
        text = ast.unparse(node).splitlines()[0]
        self.source.error(node, f"`{text}` ({kind}) is outside the language", mends.get(kind, "see docs/write-a-spec.md for what the language has"))

    def _call_statement(self, call: ast.Call) -> ir.Statement:
        if self._global(call.func) is values.require:
            return self._require(call)
        owned = isinstance(call.func, ast.Attribute) and isinstance(call.func.value, ast.Name) and call.func.value.id in self.env.states
        if owned and isinstance(call.func, ast.Attribute):
            procedure = self.definitions.method(self.source, call, call.func.attr)
            if isinstance(procedure, ir.Helper):
                self.source.error(call, f"the value of `{procedure.name}` is dropped", "use it in a guard or an assignment")
            return ir.Perform(procedure=procedure, arguments=self.arguments(call, procedure.name, procedure.parameters), place=self.source.place(call))
        mend = (
            "write `self.v |= {x}` to add to a set" if isinstance(call.func, ast.Attribute) else "write require(condition) or call a procedure of the protocol"
        )
        self.source.error(call, f"`{ast.unparse(call)}` as a statement has no meaning in a spec", mend)

    def _require(self, call: ast.Call) -> ir.Statement:
        rule = next((k.value for k in call.keywords if k.arg == "rule"), None)
        if len(call.args) != 1 or len(call.keywords) > (rule is not None):
            self.source.error(call, "`require` takes one condition", 'write require(condition) or require(condition, rule="name of the rule")')
        name = self.definitions.rule(self.source, rule) if rule is not None else ""
        return ir.Require(condition=self.parse(call.args[0], BOOL), rule=name, place=self.source.place(call))

    def _let(self, node: ast.stmt, name: str, value: ir.Expr) -> ir.Statement:
        if name in self.env.locals:
            self.source.error(node, f"`{name}` is assigned twice", "a local names one value: choose another name")
        if name in self.env.states or name in self.source.names or name in _CALLED_BY_NAME:
            self.source.error(node, f"the local `{name}` hides a name of the module or of the language", "choose another name")
        if isinstance(value.type, MapType):
            self.source.error(node, f"the whole map `{name}` is used as a value", "read its entries: self.x[key]")
        if isinstance(value.type, NoneType) or (isinstance(value.type, SetType) and isinstance(value.type.of, NoneType)):
            self.source.error(node, f"the local `{name}` has no type", "use None and Set() where a type is expected: in a store, a record or an argument")
        return ir.Let(name=self.env.bind(name, value.type), value=value, place=self.source.place(node))

    def _target(self, target: ast.expr) -> tuple[str, tuple[ir.Expr, ...], Type]:
        """A variable or an entry of one, as the target of a store."""
        base, key = (target.value, target.slice) if isinstance(target, ast.Subscript) else (target, None)
        owned = isinstance(base, ast.Attribute) and isinstance(base.value, ast.Name) and self.env.states.get(base.value.id) is False
        if not owned or not isinstance(base, ast.Attribute):
            self.source.error(
                target, f"`{ast.unparse(target)}` cannot be assigned to", "assign to a variable (self.x), to an entry of a map (self.x[k]) or to a new local"
            )
        if not self.writable:
            self.source.error(target, "a property or helper has no effects", "assign in an action or a procedure")
        read = self._variable(base, False)
        if key is None:
            return base.attr, (), read.type
        if not isinstance(read.type, MapType):
            self.source.error(target, f"`{ast.unparse(base)}` of type {read.type} has no entries to assign to", "assign to the whole variable")
        return base.attr, self.keys(key, read.type, target), read.type.value

    def _store(self, target: ast.expr, value: ast.expr) -> ir.Statement:
        variable, keys, type_ = self._target(target)
        found = self.kept(value, type_)
        if isinstance(type_, MapType) and not isinstance(found, ir.MapComprehension):
            # Under CPython two variables would share one map.
            self.source.error(value, f"the whole map `{ast.unparse(value)}` is used as a value", "write Map({key: self.x[key] for key in Sort})")
        return ir.Store(variable=variable, keys=keys, value=found, place=self.source.place(target))

    def _augmented(self, node: ast.AugAssign) -> list[ir.Statement]:
        place = self.source.place(node)
        variable, keys, type_ = self._target(node.target)
        operators: dict[type[ast.operator], str] = {ast.BitOr: "|", ast.Sub: "-", ast.BitAnd: "&"}
        operator = operators.get(type(node.op))
        if operator is None or not isinstance(type_, SetType):
            self.source.error(node, f"`{ast.unparse(node)}` on {type_}", "only sets change in place: self.v |= {x}, self.v -= {x}; otherwise self.v = ...")
        if isinstance(node.value, ast.Set) and operator != "&":
            elements = [self.kept(e, type_.of) for e in node.value.elts]
            # One by one, unless a later element would see what an earlier one has changed.
            if len(elements) == 1 or not any(isinstance(item, ir.Read) and item.variable == variable for item in ir.walk_all(tuple(elements))):
                step = ir.Insert if operator == "|" else ir.Remove
                return [step(variable=variable, keys=keys, element=e, place=place) for e in elements]
        current = ir.Read(type=type_, variable=variable, keys=keys, place=place)
        value = ir.SetOperation(type=type_, operator=operator, left=current, right=self.parse(node.value, type_), place=place)
        return [ir.Store(variable=variable, keys=keys, value=value, place=place)]

    def _for(self, node: ast.For) -> ir.Statement:
        if not isinstance(node.target, ast.Name) or node.orelse:
            self.source.error(node, "a `for` has one name and no else", "bind one name")
        if node.target.id in self.env.locals:
            # Under CPython the name would keep its last value after the loop.
            self.source.error(node.target, f"the `for` hides the name `{node.target.id}`", "choose another name")
        generator = ast.comprehension(target=node.target, iter=node.iter, ifs=[], is_async=0)
        with self.env.inner():
            (binder,) = self.binders([generator])
            if not isinstance(binder.domain, ir.SortDomain):
                self.source.error(node.iter, "a `for` statement ranges over a whole sort", "range over a sort and test inside with `if`")
            # An earlier turn may have written to any variable.
            self.env.known = unless_read(self.env.known, set(self.definitions.variables))
            body = self.block(node.body)
        for item in (x for s in body for x in ir.walk(s)):
            if isinstance(item, ir.Store) and not any(isinstance(k, ir.Name) and k.name == binder.name for k in item.keys):
                self.source.error(node, f"every turn of this `for` assigns to the same `{item.variable}`", f"assign to entries keyed by `{node.target.id}`")
        if met := where_turns_meet(binder.name, body):
            mend = f"use its entries at `{node.target.id}` alone, or say the new value as a whole: self.{met} = ..."
            self.source.error(node, f"a turn of this `for` may see what another has changed in `{met}`", mend)
        return ir.ForEach(binder=binder, body=body, place=self.source.place(node))

    def value_body(self, nodes: list[ast.stmt], expected: Type | None, whole: ast.AST) -> ir.Expr:
        """The body of a helper or property: local definitions, `if ...: return`, and a final `return`."""
        nodes = [n for n in nodes if not (isinstance(n, ast.Expr) and isinstance(n.value, ast.Constant))]
        if not nodes:
            self.source.error(whole, "a body without `return`", "end it with `return expression`")
        node, rest = nodes[0], nodes[1:]
        match node:
            case ast.Return(value=ast.expr() as value):
                if rest:
                    self.source.error(rest[0], "a statement after `return` is never reached", "remove it")
                return self.kept(value, expected)
            case ast.Assign(targets=[ast.Name(id=name)], value=value):
                let = self._let(node, name, self.kept(value))
                assert isinstance(let, ir.Let)
                self.env.known = after([let], self.env.known)
                body = self.value_body(rest, expected, whole)
                return ir.LetIn(type=body.type, name=let.name, value=let.value, body=body, place=let.place)
            case ast.If(test=test, body=body_nodes, orelse=orelse):
                condition = self.parse(test, BOOL)
                with self.env.inner(shown(condition, True)):
                    then = self.value_body(body_nodes, expected, node)
                with self.env.inner(shown(condition, False)):
                    otherwise = self.value_body(orelse or rest, expected or then.type, whole)
                return ir.Conditional(type=then.type, condition=condition, then=then, otherwise=otherwise, place=self.source.place(node))
            case _:
                self.source.error(
                    node, f"`{ast.unparse(node).splitlines()[0]}` in a body that has a value", "use local definitions, `if ...: return` and `return`"
                )
