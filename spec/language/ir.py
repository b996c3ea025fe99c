"""The typed intermediate representation that every engine reads.

Expressions are trees of frozen dataclasses; each node carries its type and its place in the source.
A name is a parameter, a `let` or a bound variable; names are unique within one definition.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

from spec.language.types import MapType, SortType, Type


@dataclass(frozen=True)
class Place:
    """A place in a source file, 1-based line and column."""

    file: str
    line: int
    column: int

    def __str__(self) -> str:
        return f"{self.file}:{self.line}:{self.column}"


NOWHERE = Place("", 0, 0)


@dataclass(frozen=True, kw_only=True)
class Expr:
    """Base of all expressions."""

    type: Type
    place: Place = field(default=NOWHERE, compare=False, repr=False)


@dataclass(frozen=True, kw_only=True)
class Const(Expr):
    """A literal: bool, number of an ordered element, position of an enumeration member, or None."""

    value: bool | int | None


@dataclass(frozen=True, kw_only=True)
class Name(Expr):
    """A parameter, local or bound variable."""

    name: str


@dataclass(frozen=True, kw_only=True)
class Read(Expr):
    """A state variable (`keys` empty) or one entry of a map variable; `primed` in the state after the step."""

    variable: str
    keys: tuple[Expr, ...] = ()
    primed: bool = False


@dataclass(frozen=True, kw_only=True)
class Field(Expr):
    """A field of a record."""

    record: Expr
    name: str


@dataclass(frozen=True, kw_only=True)
class RecordExpr(Expr):
    """A record from its fields, in the order of the definition."""

    fields: tuple[Expr, ...]


@dataclass(frozen=True, kw_only=True)
class Some(Expr):
    """A value seen as an `Option`."""

    value: Expr


@dataclass(frozen=True, kw_only=True)
class Unwrap(Expr):
    """The value within an `Option`; undefined for None."""

    option: Expr


@dataclass(frozen=True, kw_only=True)
class IsNone(Expr):
    """Whether an `Option` is None."""

    option: Expr


@dataclass(frozen=True, kw_only=True)
class Compare(Expr):
    """`==`, `!=`, `<` or `<=` of two values of one type (`<=` of sets: subset)."""

    operator: str
    left: Expr
    right: Expr


@dataclass(frozen=True, kw_only=True)
class Junction(Expr):
    """`and` or `or`, evaluated left to right until decided."""

    operator: str
    operands: tuple[Expr, ...]


@dataclass(frozen=True, kw_only=True)
class Not(Expr):
    """Negation."""

    operand: Expr


@dataclass(frozen=True, kw_only=True)
class Conditional(Expr):
    """`then if condition else otherwise`."""

    condition: Expr
    then: Expr
    otherwise: Expr


@dataclass(frozen=True, kw_only=True)
class Member(Expr):
    """Membership in a set."""

    element: Expr
    set: Expr


@dataclass(frozen=True, kw_only=True)
class SetExpr(Expr):
    """A set from its elements."""

    elements: tuple[Expr, ...]


@dataclass(frozen=True, kw_only=True)
class SetOperation(Expr):
    """`|`, `&` or `-` of two sets."""

    operator: str
    left: Expr
    right: Expr


@dataclass(frozen=True)
class Domain:
    """Base of what a bound variable or parameter ranges over."""


@dataclass(frozen=True)
class SortDomain(Domain):
    """All elements of a sort, an enumeration or the booleans in the scope, ascending."""

    type: Type


@dataclass(frozen=True)
class SetDomain(Domain):
    """The members of a set, in the order of `sort_key`."""

    set: Expr


@dataclass(frozen=True)
class IndexDomain(Domain):
    """The positions of a sequence or window, ascending."""

    sequence: Expr


@dataclass(frozen=True)
class QuorumDomain(Domain):
    """The minimal quorums of a sort."""

    sort: SortType


@dataclass(frozen=True)
class SubsetDomain(Domain):
    """All subsets of a sort, in the order of their bit masks."""

    sort: SortType


@dataclass(frozen=True)
class Binder:
    """A bound variable, what it ranges over, and the `if` parts that filter it."""

    name: str
    type: Type
    domain: Domain
    filters: tuple[Expr, ...] = ()


@dataclass(frozen=True, kw_only=True)
class Quantifier(Expr):
    """`all` or `any` of a body over its binders."""

    operator: str
    binders: tuple[Binder, ...]
    body: Expr


@dataclass(frozen=True, kw_only=True)
class SetComprehension(Expr):
    """`{element for ... if ...}`."""

    element: Expr
    binders: tuple[Binder, ...]


@dataclass(frozen=True, kw_only=True)
class MapComprehension(Expr):
    """`Map({k: value for k in Sort})`: all entries of a map at once."""

    binders: tuple[Binder, ...]
    value: Expr


@dataclass(frozen=True, kw_only=True)
class First(Expr):
    """The least element of an ordered domain that passes the binder's filters, or None."""

    binder: Binder


@dataclass(frozen=True, kw_only=True)
class Neighbour(Expr):
    """The next (`by` 1; may leave the scope) or previous (`by` -1; undefined at 0) element of an ordered sort."""

    of: Expr
    by: int


@dataclass(frozen=True, kw_only=True)
class Extremum(Expr):
    """`min` or `max` of two elements of an ordered sort."""

    operator: str
    left: Expr
    right: Expr


@dataclass(frozen=True, kw_only=True)
class EmptySeq(Expr):
    """The empty sequence."""


@dataclass(frozen=True, kw_only=True)
class Bound(Expr):
    """`last` or `after` of a sequence or window."""

    sequence: Expr
    which: str


@dataclass(frozen=True, kw_only=True)
class At(Expr):
    """The entry at a position; undefined where there is none."""

    sequence: Expr
    position: Expr


@dataclass(frozen=True, kw_only=True)
class Append(Expr):
    """A sequence with one more entry; may leave the scope."""

    sequence: Expr
    entry: Expr


@dataclass(frozen=True, kw_only=True)
class Slice(Expr):
    """`sequence.window(after, last)`."""

    sequence: Expr
    after: Expr
    last: Expr


@dataclass(frozen=True, kw_only=True)
class Splice(Expr):
    """`sequence.splice(at, window)`: the window replaces everything from `at` on."""

    sequence: Expr
    at: Expr
    window: Expr


@dataclass(frozen=True, kw_only=True)
class Extend(Expr):
    """`sequence.extend(window)`: append what lies beyond the last position."""

    sequence: Expr
    window: Expr


@dataclass(frozen=True, kw_only=True)
class IsQuorum(Expr):
    """Whether a set contains a quorum of its sort."""

    members: Expr
    sort: SortType


@dataclass(frozen=True, kw_only=True)
class IsMajority(Expr):
    """Whether more than half of a set are members of another."""

    members: Expr
    of: Expr


@dataclass(frozen=True, kw_only=True)
class InForce(Expr):
    """Whether a named rule has not been removed."""

    rule: str


@dataclass(frozen=True, kw_only=True)
class Call(Expr):
    """A helper applied to arguments; on the state after the step when `primed`."""

    helper: Helper
    arguments: tuple[Expr, ...]
    primed: bool = False


@dataclass(frozen=True, kw_only=True)
class LetIn(Expr):
    """A local definition within a helper's or property's body."""

    name: str
    value: Expr
    body: Expr


@dataclass(frozen=True)
class Helper:
    """A function of the spec without effects: named, typed parameters and one expression."""

    name: str
    parameters: tuple[tuple[str, Type], ...]
    body: Expr
    doc: str
    place: Place = field(compare=False)


@dataclass(frozen=True, kw_only=True)
class Statement:
    """Base of all statements."""

    place: Place = field(default=NOWHERE, compare=False, repr=False)


@dataclass(frozen=True, kw_only=True)
class Require(Statement):
    """A guard; `rule` names the safety rule it stands for, if any."""

    condition: Expr
    rule: str = ""


@dataclass(frozen=True, kw_only=True)
class Let(Statement):
    """A local name for a value."""

    name: str
    value: Expr


@dataclass(frozen=True, kw_only=True)
class Store(Statement):
    """Assignment to a variable (`keys` empty) or to one entry of a map variable."""

    variable: str
    keys: tuple[Expr, ...]
    value: Expr


@dataclass(frozen=True, kw_only=True)
class Insert(Statement):
    """`self.v |= {element}`: add one element to a set variable (or set entry of a map variable)."""

    variable: str
    keys: tuple[Expr, ...]
    element: Expr


@dataclass(frozen=True, kw_only=True)
class Remove(Statement):
    """`self.v -= {element}`: take one element out."""

    variable: str
    keys: tuple[Expr, ...]
    element: Expr


@dataclass(frozen=True, kw_only=True)
class ForEach(Statement):
    """The body for every element of the binder; iterations touch different entries."""

    binder: Binder
    body: tuple[Statement, ...]


@dataclass(frozen=True, kw_only=True)
class If(Statement):
    """Two branches."""

    condition: Expr
    then: tuple[Statement, ...]
    otherwise: tuple[Statement, ...]


@dataclass(frozen=True, kw_only=True)
class Perform(Statement):
    """A procedure (a helper with effects) applied to arguments."""

    procedure: Procedure
    arguments: tuple[Expr, ...]


@dataclass(frozen=True)
class Procedure:
    """A helper with effects: named, typed parameters and statements."""

    name: str
    parameters: tuple[tuple[str, Type], ...]
    body: tuple[Statement, ...]
    doc: str
    place: Place = field(compare=False)


@dataclass(frozen=True)
class Variable:
    """A state variable; `kind` is persistent, volatile or history."""

    name: str
    type: Type
    kind: str
    doc: str
    place: Place = field(compare=False)

    @property
    def keys(self) -> tuple[SortType, ...]:
        """Key sorts of a map variable, none otherwise."""
        return self.type.keys if isinstance(self.type, MapType) else ()

    @property
    def value_type(self) -> Type:
        """Type of an entry of a map variable, of the variable otherwise."""
        return self.type.value if isinstance(self.type, MapType) else self.type


@dataclass(frozen=True)
class Action:
    """An action: its parameters with their domains (in order), and its statements."""

    name: str
    parameters: tuple[Binder, ...]
    body: tuple[Statement, ...]
    doc: str
    place: Place = field(compare=False)


@dataclass(frozen=True)
class Property:
    """A property; `kind` is invariant, action_property, witness or constraint.

    `on_step` tells whether it relates a state and its successor (reads are then primed or not). `topic` is not empty
    for a lemma: an invariant that a proof rests on.
    """

    name: str
    kind: str
    on_step: bool
    body: Expr
    doc: str
    place: Place = field(compare=False)
    topic: str = ""


@dataclass(frozen=True)
class Refinement:
    """A refinement mapping: the abstract protocol and each of its variables over the concrete state."""

    name: str
    target: type
    assignments: tuple[tuple[str, Expr], ...]
    doc: str
    place: Place = field(compare=False)


@dataclass(frozen=True)
class ProtocolIR:
    """Everything that the engines know of a protocol."""

    name: str
    doc: str
    sorts: tuple[SortType, ...]
    variables: tuple[Variable, ...]
    init: Action
    actions: tuple[Action, ...]
    properties: tuple[Property, ...]
    refinements: tuple[Refinement, ...]
    rules: tuple[tuple[str, str], ...]
    """Each named rule (in the command line's form) with the name as written."""
    place: Place = field(compare=False)

    def variable(self, name: str) -> Variable:
        """The variable of that name."""
        return next(v for v in self.variables if v.name == name)

    def action(self, name: str) -> Action:
        """The action of that name."""
        return next(a for a in self.actions if a.name == name)

    def of_kind(self, kind: str) -> tuple[Property, ...]:
        """The properties of one kind, in the order of their definition."""
        return tuple(p for p in self.properties if p.kind == kind)


def children(node: object) -> tuple[object, ...]:
    """Direct sub-expressions, binders, domains and statements of an IR node (helpers are not entered)."""
    if not hasattr(node, "__dataclass_fields__") or isinstance(node, (Type, Place, Helper, Procedure)):
        return ()
    found: list[object] = []
    for name in node.__dataclass_fields__:
        value = getattr(node, name)
        for item in value if isinstance(value, tuple) else (value,):
            if isinstance(item, (Expr, Statement, Domain, Binder)):
                found.append(item)
    return tuple(found)


def walk(node: object, into_helpers: bool = True) -> list[object]:
    """A node and everything below it; bodies of helpers and procedures included unless told otherwise."""
    found: list[object] = []
    stack = [node]
    while stack:
        item = stack.pop()
        found.append(item)
        stack.extend(children(item))
        if into_helpers and isinstance(item, Call):
            stack.append(item.helper.body)
        if into_helpers and isinstance(item, Perform):
            stack.extend(item.procedure.body)
    return found


def walk_all(nodes: tuple[object, ...]) -> list[object]:
    """`walk` over several nodes."""
    return [item for node in nodes for item in walk(node)]


def sorts_with_quorums(protocol: ProtocolIR) -> frozenset[str]:
    """The names of the sorts of which the protocol asks for quorums."""
    return _sorts_of(protocol, QuorumDomain, IsQuorum)


def sorts_with_subsets(protocol: ProtocolIR) -> frozenset[str]:
    """The names of the sorts over all of whose subsets the protocol ranges."""
    return _sorts_of(protocol, SubsetDomain)


def _sorts_of(protocol: ProtocolIR, *kinds: type[Any]) -> frozenset[str]:
    nodes: list[Any] = walk_all((protocol.init, *protocol.actions, *(p.body for p in protocol.properties)))
    return frozenset(n.sort.name for n in nodes if isinstance(n, kinds))
