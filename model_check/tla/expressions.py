"""Expressions of a spec as TLA+: one method for each kind of IR node.

TLC evaluates conjunctions, disjunctions, implications and conditionals from the left until decided, and a `LET` only
where it is used; so an expression that is defined only under its guard stays under it, as in CPython.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Protocol as Interface

from model_check.tla import layout as tla
from model_check.tla.layout import Piece, atom
from model_check.tla.names import fresh
from model_check.tla.types import members_of
from spec.language import Protocol, SpecError, ir
from spec.language.types import EnumType, RecordType, SeqType, SortType, WindowType

_COMPARE = {"==": "=", "!=": "#", "<": "<", "<=": "<="}
_OPPOSITE = {"==": "#", "!=": "=", "<": ">=", "<=": ">"}
_PARTIAL = (ir.Unwrap, ir.At, ir.Slice, ir.Splice, ir.Extend, ir.Append, ir.Neighbour)
"""Expressions without a value for some operands."""
_SETS = {"|": "\\cup", "&": "\\cap", "-": "\\"}


class Variables(Interface):
    """How an expression sees the state: what a variable holds here, and whether that is its value before the step."""

    def read(self, variable: str, keys: tuple[Piece, ...], primed: bool) -> Piece:
        """A variable, or an entry of one."""
        ...

    def untouched(self, variable: str) -> bool:
        """Whether the variable still has the value that its name denotes."""
        ...


class Plain:
    """The state as it is: each variable by its name."""

    def read(self, variable: str, keys: tuple[Piece, ...], primed: bool) -> Piece:
        """A variable, or an entry of one."""
        name = atom(variable + ("'" if primed else ""))
        return tla.at(name, keys) if keys else name

    def untouched(self, variable: str) -> bool:
        """Always."""
        return True


class Next:
    """The state after the step: each variable primed."""

    def read(self, variable: str, keys: tuple[Piece, ...], primed: bool) -> Piece:
        """A variable, or an entry of one."""
        return Plain().read(variable, keys, True)

    def untouched(self, variable: str) -> bool:
        """Never: an operator's own body reads the state before the step."""
        return False


class Operators(Interface):
    """The module's definitions that expressions refer to, made on demand."""

    protocol: Protocol
    globals: set[str]

    def helper(self, helper: ir.Helper) -> str:
        """The operator that a helper became."""
        ...

    def in_scope(self, helper: ir.Helper) -> str:
        """The operator that tells whether evaluating the helper stays within the scope."""
        ...

    def library(self, name: str) -> str:
        """An operator of the fixed library; noted as used."""
        ...

    def quorum(self, sort: SortType) -> str:
        """The set of the quorums of a sort."""
        ...


class Translator:
    """Translates the expressions of one definition. Lower part of the class: one method for each node."""

    def __init__(self, operators: Operators, variables: Variables | None = None) -> None:
        self.operators = operators
        self.variables: Variables = variables or Plain()
        self.bound: dict[str, Piece] = {}
        self.taken: set[str] = set()
        self.lasting: set[str] = set()

    def new_name(self, wanted: str, lasting: bool = False) -> str:
        """A name that nothing in whose scope it stands has; a `lasting` one outlives the quantifiers it was made under."""
        name = fresh(wanted, self.taken | self.lasting | self.operators.globals)
        (self.lasting if lasting else self.taken).add(name)
        return name

    def bind(self, name: str) -> str:
        """Enter a name of the IR; returns the TLA+ name."""
        found = self.new_name(re.sub(r"_\d+$", "", name))
        self.bound[name] = atom(found)
        return found

    @contextmanager
    def scope(self) -> Iterator[None]:
        """Names bound within end with it."""
        saved = dict(self.bound), set(self.taken)
        yield
        self.bound, self.taken = saved

    def __call__(self, node: ir.Expr) -> Piece:
        """The TLA+ of an expression."""
        method: Callable[[ir.Expr], Piece] = getattr(self, f"_{type(node).__name__.lower()}")
        return method(node)

    def domain(self, domain: ir.Domain) -> Piece:
        """The set that a binder ranges over."""
        match domain:
            case ir.SortDomain(type=SortType() | EnumType() as type_):
                return atom(type_.name)
            case ir.SortDomain():
                return atom("BOOLEAN")
            case ir.SetDomain(set=members):
                return self(members)
            case ir.IndexDomain(sequence=sequence) if isinstance(sequence.type, WindowType):
                return tla.application(self.operators.library("PositionsOf"), [self(sequence)])
            case ir.IndexDomain(sequence=sequence):
                return tla.infix("..", tla.RANGE, atom("1"), tla.application("Len", [self(sequence)]))
            case ir.QuorumDomain(sort=sort):
                return atom(self.operators.quorum(sort))
            case ir.SubsetDomain(sort=sort):
                return atom(f"(SUBSET {sort.name})")
            case _:
                raise AssertionError(domain)

    def quantify(self, quantifier: str, binders: tuple[ir.Binder, ...], body: Callable[[], Piece]) -> Piece:
        """A quantifier over binders with their filters; neighbours that do not depend on each other share one."""
        if not binders:
            return body()
        with self.scope():
            group = 1
            while group < len(binders) and not binders[group - 1].filters and not _depends(binders[group], binders[:group]):
                group += 1
            domains = [self.domain(b.domain) for b in binders[:group]]
            bounds = [tla.bound(self.bind(b.name), d) for b, d in zip(binders[:group], domains, strict=True)]
            condition = tla.conjunction(*map(self, binders[group - 1].filters))
            inner = self.quantify(quantifier, binders[group:], body)
            combined = tla.implies(condition, inner) if quantifier == "\\A" else tla.conjunction(condition, inner)
            decided = tla.TRUE if quantifier == "\\A" else tla.FALSE
            return decided if combined == decided else tla.quantified(quantifier, bounds, combined)

    def filtered(self, binder: ir.Binder) -> tuple[str, Piece]:
        """A binder's name, entered, and the elements of its domain that pass its filters."""
        domain = self.domain(binder.domain)
        name = self.bind(binder.name)
        if not binder.filters:
            return name, domain
        condition = tla.conjunction(*map(self, binder.filters))
        return name, comprehension(tla.bound(name, domain), condition)

    def inline(self, helper: ir.Helper, arguments: tuple[Piece, ...], variables: Variables) -> Piece:
        """A helper's body at its arguments, with a state of its own."""
        inner = Translator(self.operators, variables)
        inner.taken = self.taken | self.lasting
        definitions: list[tuple[str, Piece]] = []
        for (name, _), argument in zip(helper.parameters, arguments, strict=True):
            if argument.level == tla.ATOM and argument.single and argument.width <= 20:
                inner.bound[name] = argument
            else:
                definitions.append((inner.bind(name), argument))
        body = inner(helper.body)
        return tla.let(definitions, body) if definitions else body

    # --- leaves, records, options

    def _const(self, node: ir.Const) -> Piece:
        if node.value is None:
            return atom("None")
        if isinstance(node.value, bool):
            return tla.TRUE if node.value else tla.FALSE
        if isinstance(node.type, EnumType):
            return atom(f'"{members_of(node.type)[node.type.members[node.value]]}"')
        return atom(str(node.value))

    def _name(self, node: ir.Name) -> Piece:
        return self.bound[node.name]

    def _read(self, node: ir.Read) -> Piece:
        return self.variables.read(node.variable, tuple(map(self, node.keys)), node.primed)

    def _field(self, node: ir.Field) -> Piece:
        record = tla.operand(self(node.record), tla.POSTFIX)
        return Piece((*record.lines[:-1], f"{record.lines[-1]}.{node.name}"))

    def _recordexpr(self, node: ir.RecordExpr) -> Piece:
        assert isinstance(node.type, RecordType)
        fields = [tla.hang(f"{name} |-> ", self(value)) for (name, _), value in zip(node.type.fields, node.fields, strict=True)]
        return tla.enclosed("[", fields, "]")

    def _some(self, node: ir.Some) -> Piece:
        return self(node.value)

    def _unwrap(self, node: ir.Unwrap) -> Piece:
        return self(node.option)

    def _isnone(self, node: ir.IsNone) -> Piece:
        return tla.infix("=", tla.RELATION, self(node.option), atom("None"))

    # --- logic

    def _compare(self, node: ir.Compare) -> Piece:
        operator = "\\subseteq" if node.operator == "<=" and not isinstance(node.left.type, SortType) else _COMPARE[node.operator]
        return tla.infix(operator, tla.RELATION, self(node.left), self(node.right))

    def _junction(self, node: ir.Junction) -> Piece:
        if node.operator == "or":
            return self._disjunction(node.operands)
        operands: list[Piece] = []
        for operand in node.operands:
            operands.append(self(operand))
            if operands[-1] == tla.FALSE:
                break
        return tla.junction("/\\", operands)

    def _disjunction(self, operands: tuple[ir.Expr, ...]) -> Piece:
        r"""`a \/ b`, but `~a => b` where b is defined only if a is false: TLC tries all sides of a disjunction in an action."""
        cut = next((i for i, o in enumerate(operands) if i > 0 and _partial(o)), len(operands))
        if cut < len(operands):
            return tla.implies(tla.conjunction(*(self._negated(o) for o in operands[:cut])), self._disjunction(operands[cut:]))
        return tla.junction("\\/", [self(o) for o in operands])

    def _not(self, node: ir.Not) -> Piece:
        return self._negated(node.operand)

    def _negated(self, node: ir.Expr) -> Piece:
        match node:
            case ir.Not(operand=operand):
                return self(operand)
            case ir.IsNone(option=option):
                return tla.infix("#", tla.RELATION, self(option), atom("None"))
            case ir.Member(element=element, set=members):
                return tla.infix("\\notin", tla.RELATION, self(element), self(members))
            case ir.Compare(operator=operator, left=left, right=right) if operator in ("==", "!=") or isinstance(left.type, SortType):
                return tla.infix(_OPPOSITE[operator], tla.RELATION, self(left), self(right))
            case _:
                return tla.negation(self(node))

    def _conditional(self, node: ir.Conditional) -> Piece:
        return tla.conditional(self(node.condition), self(node.then), self(node.otherwise))

    def _quantifier(self, node: ir.Quantifier) -> Piece:
        return self.quantify("\\A" if node.operator == "all" else "\\E", node.binders, lambda: self(node.body))

    def _inforce(self, node: ir.InForce) -> Piece:
        return tla.FALSE if node.rule in self.operators.protocol.without else tla.TRUE

    def _letin(self, node: ir.LetIn) -> Piece:
        with self.scope():
            value = self(node.value)
            name = self.bind(node.name)
            definitions, body = [(name, value)], node.body
            while isinstance(body, ir.LetIn):
                value = self(body.value)
                definitions.append((self.bind(body.name), value))
                body = body.body
            return tla.let(definitions, self(body))

    def _call(self, node: ir.Call) -> Piece:
        arguments = tuple(map(self, node.arguments))
        reads = [r for r in ir.walk(node.helper.body) if isinstance(r, ir.Read)]
        if node.primed and reads:
            rigid = not any(isinstance(n, ir.Read) or (isinstance(n, ir.Call) and _reads(n)) for a in node.arguments for n in ir.walk(a))
            if not rigid or isinstance(self.variables, Next):
                return self.inline(node.helper, arguments, Next())
            return tla.hang("", tla.application(self.operators.helper(node.helper), arguments), "'")
        if all(self.variables.untouched(r.variable) for r in reads):
            return tla.application(self.operators.helper(node.helper), arguments)
        return self.inline(node.helper, arguments, self.variables)

    # --- sets and maps

    def _member(self, node: ir.Member) -> Piece:
        return tla.infix("\\in", tla.RELATION, self(node.element), self(node.set))

    def _setexpr(self, node: ir.SetExpr) -> Piece:
        return tla.enclosed("{", [self(e) for e in node.elements], "}")

    def _setoperation(self, node: ir.SetOperation) -> Piece:
        return tla.infix(_SETS[node.operator], tla.SETS, self(node.left), self(node.right))

    def _setcomprehension(self, node: ir.SetComprehension) -> Piece:
        return self._comprehend(node.element, node.binders)

    def _comprehend(self, element: ir.Expr, binders: tuple[ir.Binder, ...]) -> Piece:
        with self.scope():
            name, domain = self.filtered(binders[0])
            if len(binders) > 1:
                return tla.hang("UNION ", set_of(self._comprehend(element, binders[1:]), name, domain), level=tla.SETS)
            if isinstance(element, ir.Name) and element.name == binders[0].name:
                return domain
            return set_of(self(element), name, domain)

    def _mapcomprehension(self, node: ir.MapComprehension) -> Piece:
        with self.scope():
            domains = [self.domain(b.domain) for b in node.binders]
            bounds = [tla.bound(self.bind(b.name), d) for b, d in zip(node.binders, domains, strict=True)]
            return function(bounds, self(node.value))

    def _first(self, node: ir.First) -> Piece:
        with self.scope():
            return tla.application(self.operators.library("Least"), [self.filtered(node.binder)[1]])

    def _isquorum(self, node: ir.IsQuorum) -> Piece:
        name = fresh("q", self.taken | self.lasting | self.operators.globals)
        inside = tla.infix("\\subseteq", tla.RELATION, atom(name), self(node.members))
        return tla.quantified("\\E", [tla.bound(name, atom(self.operators.quorum(node.sort)))], inside)

    def _ismajority(self, node: ir.IsMajority) -> Piece:
        of = self(node.of)
        both = tla.infix("\\cap", tla.SETS, self(node.members), of)
        doubled = tla.infix("*", tla.PLUS, atom("2"), tla.application("Cardinality", [both]))
        return tla.infix(">", tla.RELATION, doubled, tla.application("Cardinality", [of]))

    # --- ordered sorts and sequences

    def _neighbour(self, node: ir.Neighbour) -> Piece:
        return tla.infix("+" if node.by == 1 else "-", tla.PLUS, self(node.of), atom("1"))

    def _extremum(self, node: ir.Extremum) -> Piece:
        name = self.operators.library("Smaller" if node.operator == "min" else "Larger")
        return tla.application(name, [self(node.left), self(node.right)])

    def _emptyseq(self, node: ir.EmptySeq) -> Piece:
        return atom("<< >>")

    def _bound(self, node: ir.Bound) -> Piece:
        sequence = self(node.sequence)
        if isinstance(node.sequence.type, SeqType):
            return tla.application("Len", [sequence]) if node.which == "last" else atom("0")
        if node.which == "last":
            return tla.application(self.operators.library("LastOf"), [sequence])
        base = tla.operand(sequence, tla.POSTFIX)
        return Piece((*base.lines[:-1], base.lines[-1] + ".after"))

    def _at(self, node: ir.At) -> Piece:
        sequence, position = self(node.sequence), self(node.position)
        if isinstance(node.sequence.type, WindowType):
            return tla.application(self.operators.library("EntryOf"), [sequence, position])
        return tla.at(sequence, (position,))

    def _append(self, node: ir.Append) -> Piece:
        return tla.application("Append", [self(node.sequence), self(node.entry)])

    def _slice(self, node: ir.Slice) -> Piece:
        return tla.application(self.operators.library("Slice"), [self(node.sequence), self(node.after), self(node.last)])

    def _splice(self, node: ir.Splice) -> Piece:
        return tla.application(self.operators.library("Splice"), [self(node.sequence), self(node.at), self(node.window)])

    def _extend(self, node: ir.Extend) -> Piece:
        return tla.application(self.operators.library("Extend"), [self(node.sequence), self(node.window)])


def comprehension(bound: Piece, condition: Piece) -> Piece:
    r"""`{x \in S : condition}`."""
    if bound.single and condition.single and bound.width + condition.width < tla.WIDTH:
        return atom(f"{{{bound.text} : {condition.text}}}")
    head = tla.hang("{", bound, " :")
    return Piece((*head.lines, *tla.hang("    ", condition, "}").lines))


def set_of(element: Piece, name: str, domain: Piece) -> Piece:
    r"""`{element : name \in domain}`."""
    bound = tla.bound(name, domain)
    if bound.single and element.single and bound.width + element.width < tla.WIDTH:
        return atom(f"{{{element.text} : {bound.text}}}")
    head = tla.hang("{", element, " :")
    return Piece((*head.lines, *tla.hang("    ", bound, "}").lines))


def function(bounds: list[Piece], value: Piece) -> Piece:
    r"""`[x \in S |-> value]`."""
    head = f"[{', '.join(b.text for b in bounds)} |-> "
    if len(head) + value.width < tla.WIDTH:
        return tla.hang(head, value, "]")
    return Piece((head.rstrip(), *tla.hang("    ", value, "]").lines))


def refuse(node: ir.Expr | ir.Statement, found: str, instead: str) -> SpecError:
    """What the export cannot say in TLA+, as an error with its place."""
    return SpecError(f"export to TLA+: {found}; {instead}", node.place.file, node.place.line, node.place.column)


def _depends(binder: ir.Binder, earlier: tuple[ir.Binder, ...]) -> bool:
    """Whether a binder's domain names one bound before it."""
    names = {b.name for b in earlier}
    return any(isinstance(n, ir.Name) and n.name in names for n in ir.walk(binder.domain))


def _partial(node: ir.Expr) -> bool:
    """Whether an expression may have no value."""
    return any(isinstance(n, _PARTIAL) for n in ir.walk(node))


def _reads(call: ir.Call) -> bool:
    return any(isinstance(r, ir.Read) for r in ir.walk(call.helper.body))
