"""A protocol class, read once into its IR."""

from __future__ import annotations

import ast
import inspect
from collections.abc import Callable
from typing import Any, NoReturn

from spec.language import ir
from spec.language.annotations import kind_and_type, read_type
from spec.language.checks import check_protocol
from spec.language.environment import Environment
from spec.language.errors import SpecError
from spec.language.source import Source, count, docstring
from spec.language.statements import BodyParser
from spec.language.types import BOOL, EnumType, MapType, SetType, SortType, Type, sorts_of
from spec.language.values import rule_id

_INSTANCE_NAMES = frozenset({"context", "quorum_systems", "scope", "without"})
_PROPERTY_KINDS = ("invariant", "action_property", "witness", "constraint", "lemma")


class Definitions:
    """What the class and its bases define: variables, methods, rules; helpers are parsed on demand."""

    def __init__(self) -> None:
        self.variables: dict[str, ir.Variable] = {}
        self.owners: dict[str, Source] = {}
        """The class that declares each variable."""
        self.functions: dict[str, tuple[Source, ast.FunctionDef]] = {}
        self.extended: dict[ast.FunctionDef, tuple[Source, ast.FunctionDef]] = {}
        self.rules: dict[str, str] = {}
        self._parsed: dict[str, ir.Helper | ir.Procedure] = {}
        self._open: list[str] = []

    def rule(self, source: Source, node: ast.expr) -> str:
        """Note a rule's name; returns its form on the command line."""
        if not (isinstance(node, ast.Constant) and isinstance(node.value, str) and node.value.strip()):
            source.error(node, "a rule's name must be a literal text", 'write rule="vote once per term"')
        self.rules.setdefault(rule_id(node.value), node.value)
        return rule_id(node.value)

    def method(self, source: Source, node: ast.AST, name: str) -> ir.Helper | ir.Procedure:
        """The helper or procedure of that name."""
        if name not in self.functions:
            source.error(node, f"unknown helper `{name}`", "define it as a method of the protocol")
        where, tree = self.functions[name]
        if decoration(tree):
            kind = "the initial state" if name == "init" else f"marked @{decoration(tree)}"
            source.error(node, f"`{name}` is {kind}, not a helper", "call an undecorated method")
        return self._helper(name, where, tree, method=True)

    def function(self, function: Callable[..., Any]) -> ir.Helper | ir.Procedure:
        """The helper that a module-level function defines."""
        where = Source.of(function)
        return self._helper(f"{function.__module__}.{function.__name__}", where, where.function_tree(function), method=False)

    def _helper(self, key: str, source: Source, tree: ast.FunctionDef, method: bool) -> ir.Helper | ir.Procedure:
        if key in self._open:
            source.error(tree, f"`{tree.name}` calls itself", "a helper is not recursive: use a quantifier")
        if key not in self._parsed:
            self._open.append(key)
            self._parsed[key] = self._parse_helper(source, tree, method)
            self._open.pop()
        return self._parsed[key]

    def _parse_helper(self, source: Source, tree: ast.FunctionDef, method: bool) -> ir.Helper | ir.Procedure:
        check_signature(source, tree, method)
        arguments = tree.args.args
        env = Environment({arguments[0].arg: False} if method else {}, in_action=True)
        parameters = []
        for argument in arguments[1 if method else 0 :]:
            type_ = read_type(source, _annotation(source, argument))
            if isinstance(type_, MapType):
                source.error(argument, f"parameter `{argument.arg}` is a whole map", "give an entry, or read the variable in the helper")
            parameters.append((env.bind(argument.arg, type_), type_))
        returns = tree.returns
        doc, place = docstring(tree), source.place(tree)
        if returns is None:
            source.error(tree, f"`{tree.name}` does not say what it returns", "annotate it: `-> bool`, `-> Term`, or `-> None` for a procedure")
        if isinstance(returns, ast.Constant) and returns.value is None:
            body = BodyParser(source, self, env, writable=True).block(tree.body)
            return ir.Procedure(tree.name, tuple(parameters), body, doc, place)
        expression = BodyParser(source, self, env, writable=False).value_body(tree.body, read_type(source, returns), tree)
        return ir.Helper(tree.name, tuple(parameters), expression, doc, place)


def decoration(tree: ast.FunctionDef) -> str:
    """The language's decorator on a method, empty for a helper."""
    for decorator in tree.decorator_list:
        head = decorator.func if isinstance(decorator, ast.Call) else decorator
        name = head.attr if isinstance(head, ast.Attribute) else head.id if isinstance(head, ast.Name) else ""
        if name in ("action", "refines", *_PROPERTY_KINDS):
            return name
    return "init" if tree.name == "init" else ""


def check_decorators(source: Source, tree: ast.FunctionDef) -> None:
    """Refuse decorators that are not the language's, and more than one."""
    if tree.decorator_list and (not decoration(tree) or len(tree.decorator_list) > 1):
        node = tree.decorator_list[-1]
        source.error(
            node, f"`@{ast.unparse(node)}` on `{tree.name}`", f"a method has at most one decorator: {', '.join(('action', 'refines', *_PROPERTY_KINDS))}"
        )


def check_signature(source: Source, tree: ast.FunctionDef, method: bool = True) -> None:
    """Refuse parameters that are not plain and positional."""
    given = tree.args
    special = [*given.posonlyargs, *given.kwonlyargs, *(a for a in (given.vararg, given.kwarg) if a)]
    if special:
        source.error(special[0], f"parameter `{special[0].arg}` of `{tree.name}` is not a plain one", "write name: type, without *, ** and /")
    if given.defaults:
        source.error(given.defaults[0], f"a parameter of `{tree.name}` has a default", "give every argument where it is called")
    if method and not given.args:
        source.error(tree, f"`{tree.name}` has no state", "make `self` its first parameter")


def _annotation(source: Source, argument: ast.arg) -> ast.expr:
    if argument.annotation is None:
        source.error(argument, f"parameter `{argument.arg}` has no type", "annotate it with a sort, a record or Quorum[...]")
    return argument.annotation


def parse_protocol(cls: type, base: type) -> ir.ProtocolIR:
    """The IR of a protocol class; SpecError at the first thing that the language refuses."""
    definitions = Definitions()
    for owner in reversed(cls.__mro__):
        if issubclass(owner, base) and owner is not base:
            _collect(Source.of(owner), owner.__name__, definitions, frozenset(dir(base)) | _INSTANCE_NAMES)
    source = Source.of(cls)
    tree = source.class_tree(cls.__name__)
    if "init" not in definitions.functions:
        source.error(tree, f"{cls.__name__} has no initial state", "define `def init(self) -> None` that assigns every variable")
    init = _action(definitions, *definitions.functions["init"])
    actions, properties, refinements = [], [], []
    for where, function in definitions.functions.values():
        match decoration(function):
            case "action":
                actions.append(_action(definitions, where, function))
            case "refines":
                refinements.append(_refinement(definitions, where, function))
            case kind if kind in _PROPERTY_KINDS:
                properties.append(_property(definitions, where, function, kind))
            case "":
                definitions.method(where, function, function.name)
    if not definitions.variables:
        source.error(tree, f"{cls.__name__} has no variables", "declare them in the class body, e.g. `leader: Option[Node]`")
    if not actions:
        source.error(tree, f"{cls.__name__} has no actions", "mark its methods with @action")
    variables = tuple(definitions.variables.values())
    found = ir.ProtocolIR(
        name=cls.__name__,
        doc=docstring(tree),
        sorts=_sorts(variables, (init, *actions), properties),
        variables=variables,
        init=init,
        actions=tuple(actions),
        properties=tuple(properties),
        refinements=tuple(refinements),
        rules=tuple(definitions.rules.items()),
        place=source.place(tree),
    )
    check_protocol(found)
    return found


def _sorts(variables: tuple[ir.Variable, ...], actions: tuple[ir.Action, ...], properties: list[ir.Property]) -> tuple[SortType, ...]:
    """All sorts that variables, actions and properties mention, by name."""
    mentioned: set[SortType] = set()
    for variable in variables:
        mentioned |= sorts_of(variable.type)
    for act in actions:
        for binder in act.parameters:
            mentioned |= sorts_of(binder.type)
    bodies = [s for act in actions for s in act.body] + [p.body for p in properties]
    for item in ir.walk_all(tuple(bodies)):
        if isinstance(item, (ir.Expr, ir.Binder)):
            mentioned |= sorts_of(item.type)
    return tuple(sorted(mentioned, key=lambda s: s.name))


def _collect(source: Source, name: str, definitions: Definitions, reserved: frozenset[str]) -> None:
    """Enter the variables and methods of one class; `reserved` are the names that every protocol has."""
    body = source.class_tree(name).body
    seen: set[str] = set()
    for i, item in enumerate(body):
        match item:
            case ast.AnnAssign(target=ast.Name(id=defined), annotation=annotation):
                if isinstance(annotation, ast.Subscript) and ast.unparse(annotation.value).endswith("ClassVar"):
                    continue
                definitions.variables[defined] = _declaration(source, item, defined, body[i + 1 : i + 2])
                definitions.owners[defined] = source
            case ast.FunctionDef(name=defined):
                check_decorators(source, item)
                if defined in definitions.functions:
                    definitions.extended[item] = definitions.functions[defined]
                definitions.functions[defined] = (source, item)
            case ast.AsyncFunctionDef():
                source.error(item, f"`async def {item.name}`", "actions are atomic: write `def`")
            case ast.Assign() | ast.Pass() | ast.Expr(value=ast.Constant()):
                continue
            case _:
                text = ast.unparse(item).splitlines()[0]
                source.error(item, f"`{text}` in the body of a protocol", "it holds variables (name: type), actions, properties and helpers")
        if defined in seen or (defined in definitions.variables and defined in definitions.functions):
            source.error(item, f"`{defined}` is defined twice", "choose another name")
        if defined in reserved:
            source.error(item, f"`{defined}` is a name that every protocol has", "choose another name")
        seen.add(defined)


def _declaration(source: Source, item: ast.AnnAssign, name: str, following: list[ast.stmt]) -> ir.Variable:
    """A state variable; the literal below it, if any, documents it."""
    if item.value is not None:
        source.error(item.value, f"variable `{name}` has a value in the class body", f"assign it in init: self.{name} = {ast.unparse(item.value)}")
    kind, type_ = kind_and_type(source, item.annotation)
    doc = [s.value.value for s in following if isinstance(s, ast.Expr) and isinstance(s.value, ast.Constant)]
    return ir.Variable(name, type_, kind, inspect.cleandoc(str(doc[0])) if doc else "", source.place(item))


def _action(definitions: Definitions, source: Source, tree: ast.FunctionDef) -> ir.Action:
    check_signature(source, tree)
    arguments = tree.args.args
    if tree.returns is not None and ast.unparse(tree.returns) != "None":
        source.error(tree.returns, f"`{tree.name}` returns {ast.unparse(tree.returns)}", "an action has effects and no value: annotate it `-> None`")
    env = Environment({arguments[0].arg: False}, in_action=True)
    annotated = [(a.arg, _annotation(source, a)) for a in arguments[1:]]
    types = [_parameter_type(source, node) for _, node in annotated]
    names = [env.bind(name, type_) for (name, _), (type_, _) in zip(annotated, types, strict=True)]
    body = _body(definitions, source, tree, env)
    parameters: list[ir.Binder] = []
    for (_, node), name, (type_, domain) in zip(annotated, names, types, strict=True):
        chosen = domain or _membership_domain(body, name, [p.name for p in parameters])
        if chosen is None:
            source.error(
                node,
                f"parameter `{name}: {type_}` ranges over all values of {type_}",
                f"begin the action with require({name} in self.some_set) to draw it from a state set",
            )
        parameters.append(ir.Binder(name, type_, chosen))
    return ir.Action(tree.name, tuple(parameters), tuple(body), docstring(tree), source.place(tree))


def _body(definitions: Definitions, source: Source, tree: ast.FunctionDef, env: Environment) -> list[ir.Statement]:
    """An action's statements; one that calls `super().itself(...)` adds to the action of the class above what concerns its own class."""
    statements = [s for s in tree.body if not (isinstance(s, ast.Expr) and isinstance(s.value, ast.Constant))]
    parameters = [a.arg for a in tree.args.args[1:]]
    call = f"super().{tree.name}({', '.join(parameters)})"
    above = definitions.extended.get(tree)
    at = next((i for i, s in enumerate(statements) if ast.unparse(s) == call), None)
    parser = BodyParser(source, definitions, env, writable=True)
    if at is None:
        if above is not None and decoration(above[1]) in ("action", "init"):
            source.error(tree, f"`{tree.name}` replaces the {decoration(above[1])} of the class above", f"begin it with `{call}`, and add history only")
        return list(parser.block(tree.body))
    if above is None:
        source.error(statements[at], f"no class above has `{tree.name}`", "call `super()` only where an action of the class above is extended")
    if [a.arg for a in above[1].args.args[1:]] != parameters:
        source.error(tree, f"`{tree.name}` has other parameters than in the class above", "give it the same ones")
    inherited = _body(definitions, *above, env)
    # The guards come first, so that a local may rely on them as it does under CPython, where the step is undone.
    guards = next((i for i, s in enumerate(inherited) if not isinstance(s, ir.Require)), len(inherited))
    with env.inner(frozenset()):
        before = parser.statements(statements[:at])
        added = parser.statements(statements[at + 1 :])
    _check_extension(definitions, source, tree.name, before, added)
    return [*inherited[:guards], *before, *inherited[guards:], *added]


def _check_extension(definitions: Definitions, source: Source, name: str, before: list[ir.Statement], added: list[ir.Statement]) -> None:
    """Refuse whatever could change what the extended action does: only locals before it, only history and the class's own variables after it."""
    for statement in before:
        if not isinstance(statement, ir.Let):
            _refuse_extension(statement, f"`{name}` does more than name values before the action of the class above", "move it behind the call of super()")
    for item in ir.walk_all(tuple(added)):
        if isinstance(item, ir.Require):
            mend = "an extension may only assign to history variables and to its own"
            _refuse_extension(item, f"`{name}` adds a guard to the action of the class above", mend)
        if isinstance(item, (ir.Store, ir.Insert, ir.Remove)) and definitions.variables[item.variable].kind != "history":
            if definitions.owners[item.variable] is source:
                continue
            mend = "an extension may only assign to history variables and to its own"
            _refuse_extension(item, f"`{name}` adds an effect on `{item.variable}` to the action of the class above", mend)


def _refuse_extension(statement: ir.Statement, found: str, instead: str) -> NoReturn:
    raise SpecError(f"{found}; {instead}", statement.place.file, statement.place.line, statement.place.column)


def _parameter_type(source: Source, node: ast.expr) -> tuple[Type, ir.Domain | None]:
    """A parameter's type, and its domain where the type alone gives it."""
    if isinstance(node, ast.Subscript) and ast.unparse(node.value).split(".")[-1] == "Quorum":
        sort = read_type(source, node.slice)
        if not isinstance(sort, SortType) or sort.ordered:
            source.error(node, f"`{ast.unparse(node)}` is not a quorum of an unordered sort", "write Quorum[Node]")
        return SetType(sort), ir.QuorumDomain(sort)
    type_ = read_type(source, node)
    if isinstance(type_, (SortType, EnumType)) or type_ == BOOL:
        return type_, ir.SortDomain(type_)
    if isinstance(type_, SetType) and isinstance(type_.of, SortType):
        return type_, ir.SubsetDomain(type_.of)
    return type_, None


def _membership_domain(body: list[ir.Statement], name: str, earlier: list[str]) -> ir.Domain | None:
    """The state set that a leading `require(name in self.set)` draws a parameter from; the guard becomes the domain."""
    for i, statement in enumerate(body):
        if not isinstance(statement, ir.Require):
            return None
        test = statement.condition
        if (
            isinstance(test, ir.Member)
            and isinstance(test.element, ir.Name)
            and test.element.name == name
            and isinstance(test.set, ir.Read)
            and not statement.rule
        ) and all(isinstance(key, ir.Name) and key.name in earlier for key in test.set.keys):
            del body[i]
            return ir.SetDomain(test.set)
    return None


def _property(definitions: Definitions, source: Source, tree: ast.FunctionDef, kind: str) -> ir.Property:
    check_signature(source, tree)
    names = [a.arg for a in tree.args.args]
    on_step = len(names) == 2
    if len(names) not in (1, 2) or (kind == "action_property") != on_step and kind != "witness":
        wanted = "self and the state after the step" if kind == "action_property" else "self"
        source.error(tree, f"{kind} `{tree.name}` takes {count(len(names), 'parameter')}", f"give it {wanted}")
    if tree.returns is not None and ast.unparse(tree.returns) != "bool":
        source.error(tree.returns, f"{kind} `{tree.name}` returns {ast.unparse(tree.returns)}", "a property is true or false: annotate it `-> bool`")
    env = Environment({name: i == 1 for i, name in enumerate(names)}, in_action=False)
    body = BodyParser(source, definitions, env, writable=False).value_body(tree.body, BOOL, tree)
    topic = _topic(source, tree) if kind == "lemma" else ""
    return ir.Property(tree.name, "invariant" if kind == "lemma" else kind, on_step, body, docstring(tree), source.place(tree), topic)


def _topic(source: Source, tree: ast.FunctionDef) -> str:
    match tree.decorator_list[0]:
        case ast.Call(args=[ast.Constant(value=str() as topic)], keywords=[]) if topic.strip():
            return topic
        case decorator:
            source.error(decorator, f"the lemma `{tree.name}` names no topic", 'write @lemma("votes")')


def _refinement(definitions: Definitions, source: Source, tree: ast.FunctionDef) -> ir.Refinement:
    decorator = tree.decorator_list[0]
    if not (isinstance(decorator, ast.Call) and len(decorator.args) == 1 and isinstance(decorator.args[0], ast.Name)):
        source.error(tree, "`@refines` does not name the abstract protocol", "write @refines(Voting)")
    target = source.names.get(decorator.args[0].id)
    target_ir: ir.ProtocolIR | None = getattr(target, "ir", None)
    if not isinstance(target, type) or target_ir is None:
        source.error(decorator, f"`{decorator.args[0].id}` is not a protocol", "import the abstract protocol above")
    check_signature(source, tree)
    if len(tree.args.args) != 1:
        source.error(tree, f"`{tree.name}` takes {count(len(tree.args.args), 'parameter')}", "a refinement mapping takes only self")
    env = Environment({tree.args.args[0].arg: False}, in_action=False)
    parser = BodyParser(source, definitions, env, writable=False)
    statement, *more = [n for n in tree.body if not (isinstance(n, ast.Expr) and isinstance(n.value, ast.Constant))] or tree.body
    call = statement.value if isinstance(statement, ast.Return) and not more else None
    if not (isinstance(call, ast.Call) and ast.unparse(call.func) == f"{decorator.args[0].id}.state_of" and not call.args):
        source.error(
            statement,
            "a refinement mapping returns a state of the abstract protocol",
            f"write `return {decorator.args[0].id}.state_of(variable=...)` and nothing else",
        )
    given = {k.arg: k.value for k in call.keywords if k.arg}
    wanted = {v.name: v.type for v in target_ir.variables}
    if set(given) != set(wanted):
        source.error(call, f"the mapping gives {', '.join(given) or 'nothing'}", f"give exactly {', '.join(wanted)}")
    assignments = tuple((name, parser.kept(given[name], type_)) for name, type_ in wanted.items())
    return ir.Refinement(tree.name, target, assignments, docstring(tree), source.place(tree))
