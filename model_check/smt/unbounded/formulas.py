"""Expressions of the IR as formulas of the unbounded encoding.

`Formulas.holds` gives a formula to be *asserted*: that an expression is true, or that it is false. Knowing which, it
writes every mention of a related value as a universal formula (whatever the value is, ...), and gives names to what a
ground existential claims, so that no needless alternation of quantifiers arises.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from typing import NoReturn, TypeAlias

import z3

from model_check.smt.unbounded.universe import Universe, exists, fold_and, fold_if, fold_not, fold_or, forall, is_interned, le, lt, same
from model_check.smt.unbounded.values import (
    FALSE,
    TRUE,
    Entries,
    Members,
    Optional,
    Record,
    Related,
    Scalar,
    Shape,
    Signature,
    Value,
    anything,
    choose,
    rebuild,
    related,
    shapes,
)
from spec.language import SpecError, ir
from spec.language.types import BOOL, BoolType, EnumType, OptionType, RecordType, SeqType, SetType, SortType, Type, WindowType

State: TypeAlias = Mapping[str, Callable[[tuple[z3.ExprRef, ...]], Value]]
"""Each variable's value at given keys."""


@dataclass(frozen=True)
class Later:
    """An expression to be read where its name is used, in the frame that it was written in."""

    expr: ir.Expr
    frame: Frame


@dataclass(frozen=True)
class Frame:
    """What the names of an expression mean: locals, the state, and the state after the step."""

    names: Mapping[str, Value | Later]
    state: State
    after: State | None = None

    def bind(self, name: str, value: Value | Later) -> Frame:
        """The frame with one more name."""
        return replace(self, names={**self.names, name: value})


@dataclass
class Ground:
    """The constants that a path or a goal has introduced, with what is known of each."""

    facts: list[z3.BoolRef] = field(default_factory=list)
    named: dict[tuple[str, int], tuple[z3.ExprRef, z3.ExprRef]] = field(default_factory=dict)
    goal: bool = False

    def copy(self, goal: bool = False) -> Ground:
        """A copy to go on from, in a path or to a goal."""
        return Ground(list(self.facts), dict(self.named), goal)


class Naming:
    """Gives terms to related values and neighbours: constants where all is ground, else bound variables around an atom."""

    def __init__(self, universe: Universe, ground: Ground | None) -> None:
        self.universe, self.ground = universe, ground
        self._variables: list[z3.ExprRef] = []
        self._known = ground if ground is not None else Ground()

    def _name(self, kind: str, key: z3.ExprRef, sort: z3.SortRef, facts: Callable[[z3.ExprRef], z3.BoolRef]) -> z3.ExprRef:
        held = self._known.named.get((kind, key.get_id()))
        if held is not None:
            return held[1]
        term = self.universe.fresh(sort, kind)
        # The key is kept: its number would otherwise be given to another term.
        self._known.named[kind, key.get_id()] = (key, term)
        self._known.facts.append(facts(term))
        if self.ground is None:
            self._variables.append(term)
        return term

    def term(self, value: Value) -> z3.ExprRef:
        """The term of a scalar; a related value gets a name."""
        if isinstance(value, Scalar):
            return value.term
        assert isinstance(value, Related), value
        probe = value.holds(z3.Const(f"probe_{value.sort.name()}", value.sort))
        return self._name("the", probe, value.sort, lambda t: fold_or([fold_not(value.exists), value.holds(t)]))

    def after(self, x: z3.ExprRef) -> z3.ExprRef:
        """The next element of an ordered sort; without a scope there always is one."""
        y = z3.Const("y", x.sort())
        return self._name("next", x, x.sort(), lambda t: z3.And(lt(x, t), z3.ForAll([y], z3.Or(le(y, x), le(t, y)))))

    def before(self, x: z3.ExprRef, zero: z3.ExprRef) -> z3.ExprRef:
        """The element before, where x is not the least."""
        y = z3.Const("y", x.sort())
        return self._name(
            "before",
            x,
            x.sort(),
            lambda t: z3.Or(x == zero, z3.And(lt(t, x), z3.ForAll([y], z3.Or(le(y, t), le(x, y))))),
        )

    @property
    def open(self) -> bool:
        """Whether a formula with the given terms has to be closed."""
        return bool(self._variables)

    def close(self, formula: z3.BoolRef) -> z3.BoolRef:
        """The asserted atom with its bound variables: whatever they are, if they are what they name."""
        if not self._variables:
            return formula
        return forall(self._variables, fold_or([*(fold_not(f) for f in self._known.facts), formula]))


class Formulas:
    """Expressions of one protocol, some of its rules removed, as formulas."""

    def __init__(self, universe: Universe, signature: Signature, without: frozenset[str]) -> None:
        self.universe, self.signature, self.without = universe, signature, without

    def refuse(self, expr: ir.Expr | ir.Statement, what: str) -> NoReturn:
        """What the unbounded encoding does not have."""
        place = expr.place
        raise SpecError(f"{what} has no unbounded form; see docs/prove-a-spec.md for what has one", place.file, place.line, place.column)

    # --- Truth

    def holds(self, expr: ir.Expr, frame: Frame, truth: bool, ground: Ground | None) -> z3.BoolRef:
        """A formula to assert: that the expression is true (or false)."""
        match expr:
            case ir.Not(operand=operand):
                return self.holds(operand, frame, not truth, ground)
            case ir.Junction(operator=operator, operands=operands):
                parts = [self.holds(o, frame, truth, ground) for o in operands]
                return fold_and(parts) if (operator == "and") == truth else fold_or(parts)
            case ir.Conditional(condition=condition, then=then, otherwise=otherwise):
                fails = self.holds(condition, frame, False, ground)
                if z3.is_true(fails):
                    return self.holds(otherwise, frame, truth, ground)
                if z3.is_false(fails):
                    return self.holds(then, frame, truth, ground)
                applies = self.holds(condition, frame, True, ground)
                return fold_and([fold_or([fails, self.holds(then, frame, truth, ground)]), fold_or([applies, self.holds(otherwise, frame, truth, ground)])])
            case ir.Quantifier(operator=operator, binders=binders, body=body):
                universal = (operator == "all") == truth
                return self._quantified(binders, frame, universal, ground, lambda inner, g: self.holds(body, inner, truth, g))
            case ir.IsQuorum(members=members, sort=sort):
                return self._quorum(members, sort, frame, truth, ground)
            case ir.Call(helper=helper, arguments=arguments, primed=primed):
                return self.holds(helper.body, self.called(helper, arguments, primed, frame), truth, ground)
            case ir.LetIn(name=name, value=value, body=body):
                return self.holds(body, frame.bind(name, Later(value, frame)), truth, ground)
            case ir.Name(name=name) if isinstance(later := frame.names[name], Later):
                return self.holds(later.expr, later.frame, truth, ground)
            case ir.Compare(operator="==" | "!=" as operator, left=left, right=right) if left.type != BOOL:
                naming = Naming(self.universe, ground)
                a, b = self.value(left, frame, naming), self.value(right, frame, naming)
                return naming.close(self._equal(a, b, truth == (operator == "=="), naming))
            case ir.Member(element=element, set=members):
                naming = Naming(self.universe, ground)
                return naming.close(self.member(self.value(element, frame, naming), members, frame, truth, ground, naming))
            case _:
                naming = Naming(self.universe, ground)
                formula = self.exact(expr, frame, naming)
                return naming.close(formula if truth else fold_not(formula))

    def exact(self, expr: ir.Expr, frame: Frame, naming: Naming) -> z3.BoolRef:
        """A formula that is true exactly where the expression is, for use inside terms."""
        match expr:
            case ir.Const(value=value):
                return z3.BoolVal(bool(value))
            case ir.InForce(rule=rule):
                return z3.BoolVal(rule not in self.without)
            case ir.Not(operand=operand):
                return fold_not(self.exact(operand, frame, naming))
            case ir.Junction(operator=operator, operands=operands):
                parts = [self.exact(o, frame, naming) for o in operands]
                return fold_and(parts) if operator == "and" else fold_or(parts)
            case ir.IsNone(option=option):
                found = self.value(option, frame, naming)
                assert isinstance(found, Optional)
                return found.none
            case ir.Compare(operator="==" | "!=" as operator, left=left, right=right):
                if left.type == BOOL:
                    equal = same(self.exact(left, frame, naming), self.exact(right, frame, naming))
                else:
                    equal = self._same(self.value(left, frame, naming), self.value(right, frame, naming), naming)
                return equal if operator == "==" else fold_not(equal)
            case ir.Compare(operator=operator, left=left, right=right) if isinstance(left.type, SortType):
                return self._ordered(operator, self.value(left, frame, naming), self.value(right, frame, naming), naming)
            case ir.Conditional(condition=condition, then=then, otherwise=otherwise):
                test = self.exact(condition, frame, naming)
                return fold_if(test, self.exact(then, frame, naming), self.exact(otherwise, frame, naming))
            case ir.Call(helper=helper, arguments=arguments, primed=primed):
                return self.exact(helper.body, self.called(helper, arguments, primed, frame), naming)
            case ir.LetIn(name=name, value=value, body=body):
                return self.exact(body, frame.bind(name, Later(value, frame)), naming)
            case ir.Name(name=name) if isinstance(later := frame.names[name], Later):
                return self.exact(later.expr, later.frame, naming)
            case ir.Name() | ir.Read() | ir.Field() | ir.At() | ir.Unwrap():
                found = self.value(expr, frame, naming)
                assert isinstance(found, Scalar)
                return found.term
            case ir.Compare(operator="<=", left=left, right=right) if isinstance(left.type, SetType):
                return self._subset(self._set(left, frame, naming), self._set(right, frame, naming))
            case ir.Member(element=element, set=members):
                return self._has(self._set(members, frame, naming), self.value(element, frame, naming), naming)
            case ir.Quantifier() | ir.IsQuorum():
                return self.holds(expr, frame, True, None)
            case ir.IsMajority():
                # It would have to count: of quorums a proof knows that they intersect, of majorities of two sets nothing.
                self.refuse(expr, "`is_majority`, of a set that the state holds,")
            case _:
                self.refuse(expr, f"`{type(expr).__name__}`")

    def _ordered(self, operator: str, a: Value, b: Value, naming: Naming) -> z3.BoolRef:
        """`<` or `<=`; where all is ground, what is compared gets a name, for others to speak of."""
        if naming.ground is None and isinstance(a, Related) and isinstance(b, Scalar):
            return fold_not(a.above(b.term)) if operator == "<=" else fold_and([fold_not(a.above(b.term)), fold_not(a.holds(b.term))])
        if naming.ground is None and isinstance(b, Related):
            x = naming.term(a)
            return fold_or([b.above(x), b.holds(x)]) if operator == "<=" else b.above(x)
        x, y = naming.term(a), naming.term(b)
        return le(x, y) if operator == "<=" else lt(x, y)

    def called(self, helper: ir.Helper, arguments: tuple[ir.Expr, ...], primed: bool, frame: Frame) -> Frame:
        """The frame of a helper's body."""
        names: dict[str, Value | Later] = {p: Later(a, frame) for (p, _), a in zip(helper.parameters, arguments, strict=True)}
        if primed:
            assert frame.after is not None
            return Frame(names, frame.after)
        return Frame(names, frame.state, frame.after)

    # --- Quantifiers

    def _quantified(
        self,
        binders: tuple[ir.Binder, ...],
        frame: Frame,
        universal: bool,
        ground: Ground | None,
        leaf: Callable[[Frame, Ground | None], z3.BoolRef],
    ) -> z3.BoolRef:
        """All (or some) values of the binders satisfy the leaf; existential names are constants where all is ground."""
        if not binders:
            return leaf(frame, ground)
        binder, *rest = binders
        parts = []
        for variables, within, value in self.range(binder.domain, binder.type, frame):
            inner, known = frame.bind(binder.name, value), ground if not (variables and universal) else None
            limits = [within(not universal, known), *(self.holds(f, inner, not universal, known) for f in binder.filters)]
            body = self._quantified(tuple(rest), inner, universal, known, leaf)
            if universal:
                parts.append(forall(variables, fold_or([*limits, body])))
            else:
                claim = fold_and([*limits, body])
                parts.append(claim if known is not None else exists(variables, claim))
        return fold_and(parts) if universal else fold_or(parts)

    def range(self, domain: ir.Domain, type_: Type, frame: Frame) -> list[tuple[tuple[z3.ExprRef, ...], Callable[[bool, Ground | None], z3.BoolRef], Value]]:
        """What a name ranges over, by cases: the variables of each, the condition that they lie in the domain, the value."""
        universe = self.universe
        match domain:
            case ir.SortDomain(type=SortType() as sort):
                x = universe.fresh(universe.sort(sort), sort.name.lower())
                return [((x,), _always, Scalar(sort, x))]
            case ir.SortDomain():
                return [((), _always, rebuild(universe, type_, shape, ())) for shape, _ in shapes(type_)]
            case ir.QuorumDomain(sort=sort):
                q = universe.fresh(universe.quorum_sort(sort), "quorum")
                return [((q,), _always, self.quorum(sort, q))]
            case ir.IndexDomain(sequence=sequence):
                assert isinstance(type_, SortType)
                i = universe.fresh(universe.sort(type_), "i")

                def positioned(truth: bool, ground: Ground | None) -> z3.BoolRef:
                    naming = Naming(universe, ground)
                    found = self._entries(sequence, frame, naming)
                    formula = fold_and([lt(found.after, i), le(i, found.last)])
                    return naming.close(formula if truth else fold_not(formula))

                return [((i,), positioned, Scalar(type_, i))]
            case ir.SetDomain(set=members):
                return [self._drawn(members, type_, shape, columns, frame) for shape, columns in self.shapes(type_)]
            case _:
                raise SpecError(f"a name that ranges over {type_} has no unbounded form")

    def _drawn(
        self, members: ir.Expr, type_: Type, shape: Shape, sorts: tuple[Type, ...], frame: Frame
    ) -> tuple[tuple[z3.ExprRef, ...], Callable[[bool, Ground | None], z3.BoolRef], Value]:
        columns = tuple(self.universe.fresh(self.universe.sort(s), str(s).lower()) for s in sorts)
        value = Scalar(type_, columns[0]) if is_interned(type_) else rebuild(self.universe, type_, shape, columns)

        def within(truth: bool, ground: Ground | None) -> z3.BoolRef:
            naming = Naming(self.universe, ground)
            return naming.close(self.member(value, members, frame, truth, ground, naming))

        return columns, within, value

    def shapes(self, type_: Type) -> list[tuple[Shape, tuple[Type, ...]]]:
        """The shapes of a set's elements, each with the types of its columns; an interned record is a column itself."""
        return [((), (type_,))] if is_interned(type_) else list(shapes(type_))

    def quorum(self, sort: SortType, q: z3.ExprRef) -> Members:
        """A quorum as the set of its members."""
        return Members(SetType(sort), lambda _, columns: self.universe.in_quorum(sort, q, columns[0]))

    def _quorum(self, members: ir.Expr, sort: SortType, frame: Frame, truth: bool, ground: Ground | None) -> z3.BoolRef:
        """Some quorum lies within a set (or every quorum has a member outside it)."""
        universe = self.universe
        q = universe.fresh(universe.quorum_sort(sort), "quorum")
        x = universe.fresh(universe.sort(sort), sort.name.lower())
        naming = Naming(universe, None)
        inside = naming.close(self.member(Scalar(sort, x), members, frame, truth, None, naming))
        if truth:
            claim = forall([x], fold_or([fold_not(universe.in_quorum(sort, q, x)), inside]))
            return claim if ground is not None else exists([q], claim)
        return forall([q], exists([x], fold_and([universe.in_quorum(sort, q, x), inside])))

    # --- Sets and equality

    def member(self, element: Value, members: ir.Expr, frame: Frame, truth: bool, ground: Ground | None, naming: Naming) -> z3.BoolRef:
        """Membership, asserted to be true or false; the element's own names are the caller's to close."""
        match members:
            case ir.Name(name=name) if isinstance(later := frame.names[name], Later):
                return self.member(element, later.expr, later.frame, truth, ground, naming)
            case ir.Call(helper=helper, arguments=arguments, primed=primed):
                return self.member(element, helper.body, self.called(helper, arguments, primed, frame), truth, ground, naming)
            case ir.SetExpr(elements=elements):
                tests = [self._equal(element, self.value(e, frame, naming), truth, naming) for e in elements]
                return fold_or(tests) if truth else fold_and(tests)
            case ir.SetOperation(operator=operator, left=left, right=right):
                a = self.member(element, left, frame, truth, ground, naming)
                b = self.member(element, right, frame, truth if operator != "-" else not truth, ground, naming)
                return fold_or([a, b]) if (operator == "|") == truth else fold_and([a, b])
            case ir.SetComprehension(element=made, binders=(binder,)) if isinstance(made, ir.Name) and made.name == binder.name:
                inner = frame.bind(binder.name, element)
                within = [self.holds(f, inner, truth, ground) for f in binder.filters]
                if isinstance(binder.domain, ir.SetDomain):
                    within.append(self.member(element, binder.domain.set, frame, truth, ground, naming))
                elif isinstance(binder.domain, ir.IndexDomain):
                    found = self._entries(binder.domain.sequence, frame, naming)
                    i = naming.term(element)
                    formula = fold_and([lt(found.after, i), le(i, found.last)])
                    within.append(formula if truth else fold_not(formula))
                return fold_and(within) if truth else fold_or(within)
            case ir.SetComprehension(element=made, binders=binders):

                def made_equal(inner: Frame, known: Ground | None) -> z3.BoolRef:
                    own = Naming(self.universe, known)
                    return own.close(self._equal(element, self.value(made, inner, own), truth, own))

                return self._quantified(binders, frame, not truth, ground, made_equal)
            case _:
                formula = self._has(self._set(members, frame, naming), element, naming)
                return formula if truth else fold_not(formula)

    def _has(self, members: Members, element: Value, naming: Naming) -> z3.BoolRef:
        parts = []
        for shape, _ in self.shapes(members.type.of):
            fits, columns = self._flatten(element, list(shape), naming)
            if not z3.is_false(fits):
                parts.append(fold_and([fits, members.has(shape, tuple(columns))]))
        return fold_or(parts)

    def _flatten(self, value: Value, shape: list[bool | int], naming: Naming) -> tuple[z3.BoolRef, list[z3.ExprRef]]:
        """Where a value has a shape (consumed from the front), and its columns there."""
        match value:
            case Scalar(type=BoolType(), term=term):
                return (term if shape.pop(0) else fold_not(term)), []
            case Scalar(type=EnumType() as type_, term=term):
                return same(term, self.universe.member(type_, int(shape.pop(0)))), []
            case Scalar() | Related():
                return TRUE, [naming.term(value)]
            case Optional(none=none, value=inner):
                if shape.pop(0):
                    return none, []
                fits, columns = self._flatten(inner, shape, naming)
                return fold_and([fold_not(none), fits]), columns
            case Record(fields=fields):
                conditions, found = [], list[z3.ExprRef]()
                for part in fields.values():
                    fits, columns = self._flatten(part, shape, naming)
                    conditions.append(fits)
                    found += columns
                return fold_and(conditions), found
        raise AssertionError(value)

    def matches(self, value: Value, shape: Shape, columns: tuple[z3.ExprRef, ...]) -> z3.BoolRef:
        """Whether a value is the one of a shape and columns; names nothing."""
        other: Value = (
            Scalar(value.type, columns[0]) if isinstance(value, Scalar) and is_interned(value.type) else rebuild(self.universe, value.type, shape, columns)
        )
        return self._same(value, other, None)

    def _same(self, a: Value, b: Value, naming: Naming | None) -> z3.BoolRef:
        """Equality as an exact formula."""
        match a, b:
            case Scalar(), Scalar():
                return same(a.term, b.term)
            case ((Scalar() | Related()), (Scalar() | Related())):
                known, other = (b, a) if isinstance(b, Scalar) else (a, b)
                if isinstance(known, Related):
                    assert naming is not None
                    return related(other).holds(naming.term(known))
                return related(other).holds(known.term)
            case Optional(), Optional():
                inner = self._same(a.value, b.value, naming) if not z3.is_true(a.none) and not z3.is_true(b.none) else FALSE
                return fold_or([fold_and([a.none, b.none]), fold_and([fold_not(a.none), fold_not(b.none), inner])])
            case Record(), Record():
                return fold_and([self._same(a.fields[n], b.fields[n], naming) for n in a.fields])
            case Members(), Members():
                return fold_and([self._subset(a, b), self._subset(b, a)])
        raise AssertionError((a, b))

    def _subset(self, a: Members, b: Members) -> z3.BoolRef:
        parts = []
        for shape, sorts in self.shapes(a.type.of):
            columns = tuple(self.universe.fresh(self.universe.sort(s), "x") for s in sorts)
            parts.append(forall(columns, fold_or([fold_not(a.has(shape, columns)), b.has(shape, columns)])))
        return fold_and(parts)

    def differ(self, a: Value, b: Value, ground: Ground | None) -> z3.BoolRef:
        """A formula to assert: that two values of one type differ."""
        naming = Naming(self.universe, ground)
        return naming.close(self._equal(a, b, False, naming))

    def _equal(self, a: Value, b: Value, truth: bool, naming: Naming) -> z3.BoolRef:
        """Equality, asserted to be true or false."""
        match a, b:
            case Related(), Related():
                if naming.ground is not None:
                    x, y = naming.term(a), naming.term(b)
                    return fold_and([b.holds(x), a.holds(y)]) if truth else fold_and([fold_not(b.holds(x)), fold_not(a.holds(y))])
                x = self.universe.fresh(a.sort, "x")
                if truth:
                    return forall([x], fold_and([fold_or([fold_not(a.holds(x)), b.holds(x)]), fold_or([fold_not(b.holds(x)), a.holds(x)])]))
                return forall([x], fold_or([fold_not(a.holds(x)), fold_not(b.holds(x))]))
            case Scalar(), Related():
                return self._equal(b, a, truth, naming)
            case Related(), Scalar():
                if naming.ground is not None:
                    naming.term(a)
                return a.holds(b.term) if truth else fold_not(a.holds(b.term))
            case Optional(), Optional():
                both = fold_and([fold_not(a.none), fold_not(b.none)])
                inner = FALSE if z3.is_false(both) else self._equal(a.value, b.value, truth, naming)
                if truth:
                    return fold_or([fold_and([a.none, b.none]), fold_and([both, inner])])
                return fold_or([fold_and([a.none, fold_not(b.none)]), fold_and([b.none, fold_not(a.none)]), fold_and([both, inner])])
            case Record(), Record():
                parts = [self._equal(a.fields[n], b.fields[n], truth, naming) for n in a.fields]
                return fold_and(parts) if truth else fold_or(parts)
            case Entries(), Entries():
                return self._equal_entries(a, b, truth, naming)
            case _:
                formula = self._same(a, b, naming)
                return formula if truth else fold_not(formula)

    def _equal_entries(self, a: Entries, b: Entries, truth: bool, naming: Naming) -> z3.BoolRef:
        """Sequences are equal if they have the same positions and equal entries at each."""
        ends = fold_and([same(a.after, b.after), same(a.last, b.last)])
        i = self.universe.fresh(a.last.sort(), "i")
        within = fold_and([lt(a.after, i), le(i, a.last)])
        if truth:
            own = Naming(self.universe, None)
            return fold_and([ends, forall([i], own.close(fold_or([fold_not(within), self._equal(a.at(i), b.at(i), True, own)])))])
        if naming.ground is not None:
            return fold_or([fold_not(ends), fold_and([within, self._equal(a.at(i), b.at(i), False, naming)])])
        own = Naming(self.universe, None)
        return fold_or([fold_not(ends), exists([i], fold_and([within, own.close(self._equal(a.at(i), b.at(i), False, own))]))])

    # --- Values

    def _set(self, expr: ir.Expr, frame: Frame, naming: Naming) -> Members:
        found = self.value(expr, frame, naming)
        assert isinstance(found, Members)
        return found

    def _entries(self, expr: ir.Expr, frame: Frame, naming: Naming) -> Entries:
        found = self.value(expr, frame, naming)
        assert isinstance(found, Entries)
        return found

    def term(self, expr: ir.Expr, frame: Frame, naming: Naming) -> z3.ExprRef:
        """The term of an expression whose value is an element."""
        return naming.term(self.value(expr, frame, naming))

    def value(self, expr: ir.Expr, frame: Frame, naming: Naming) -> Value:
        """The value of an expression."""
        match expr:
            case ir.Name(name=name):
                found = frame.names[name]
                return self.value(found.expr, found.frame, naming) if isinstance(found, Later) else found
            case ir.Read(variable=variable, keys=keys, primed=primed):
                state = frame.after if primed else frame.state
                assert state is not None
                held = state[variable](tuple(self.term(k, frame, naming) for k in keys))
                if naming.ground is not None and naming.ground.goal and isinstance(held, Record):
                    # A goal that speaks of one field of an entry may need to know of the others.
                    for part in held.fields.values():
                        if isinstance(part, Related):
                            naming.term(part)
                return held
            case ir.Field(record=record, name=name):
                owner = self.value(record, frame, naming)
                if isinstance(owner, Scalar):
                    assert isinstance(owner.type, RecordType)
                    owner = self.signature.record(owner.type, owner.term)
                assert isinstance(owner, Record)
                return owner.fields[name]
            case ir.Call(helper=helper, arguments=arguments, primed=primed) if expr.type != BOOL:
                return self.value(helper.body, self.called(helper, arguments, primed, frame), naming)
            case ir.LetIn(name=name, value=value, body=body) if expr.type != BOOL:
                return self.value(body, frame.bind(name, Later(value, frame)), naming)
            case ir.Conditional(condition=condition, then=then, otherwise=otherwise) if expr.type != BOOL:
                test = self.exact(condition, frame, naming)
                if z3.is_true(test) or z3.is_false(test):
                    return self.value(then if z3.is_true(test) else otherwise, frame, naming)
                return choose(test, self.value(then, frame, naming), self.value(otherwise, frame, naming))
            case ir.Some(value=value):
                assert isinstance(expr.type, OptionType)
                return Optional(expr.type, FALSE, self.value(value, frame, naming))
            case ir.Unwrap(option=option):
                found = self.value(option, frame, naming)
                assert isinstance(found, Optional)
                return found.value
            case ir.RecordExpr():
                return self._record(expr, frame, naming)
            case ir.EmptySeq() | ir.Append() | ir.Slice() | ir.Splice() | ir.Extend():
                return self._sequence(expr, frame, naming)
            case ir.SetExpr() | ir.SetOperation() | ir.SetComprehension():
                assert isinstance(expr.type, SetType)
                return self._made_set(expr, expr.type, frame, naming)
            case _ if expr.type == BOOL:
                return Scalar(BOOL, self.exact(expr, frame, naming)) if not isinstance(expr, ir.At) else self._element(expr, frame, naming)
            case _:
                return self._element(expr, frame, naming)

    def _element(self, expr: ir.Expr, frame: Frame, naming: Naming) -> Value:
        universe = self.universe
        match expr:
            case ir.Const(type=OptionType() as type_, value=None):
                return Optional(type_, TRUE, anything(universe, type_.of))
            case ir.Const(type=EnumType() as type_, value=int() as value):
                return Scalar(type_, universe.member(type_, value))
            case ir.Const(type=SortType() as type_, value=0):
                return Scalar(type_, universe.zero(type_))
            case ir.At(sequence=sequence, position=position):
                return self._entries(sequence, frame, naming).at(self.term(position, frame, naming))
            case ir.Bound(sequence=sequence, which=which, type=type_):
                found = self._entries(sequence, frame, naming)
                return Scalar(type_, found.last if which == "last" else found.after)
            case ir.Extremum(operator=operator, left=left, right=right, type=type_):
                a, b = self.term(left, frame, naming), self.term(right, frame, naming)
                least, greatest = (a, b) if operator == "min" else (b, a)
                return Scalar(type_, fold_if(le(a, b), least, greatest))
            case ir.Neighbour(of=of, by=by, type=SortType() as type_):
                x = self.term(of, frame, naming)
                return Scalar(type_, naming.after(x) if by == 1 else naming.before(x, universe.zero(type_)))
            case _:
                self.refuse(expr, f"`{type(expr).__name__}` here")

    def _made_set(self, expr: ir.Expr, type_: SetType, frame: Frame, naming: Naming) -> Members:
        if isinstance(expr, ir.SetExpr):
            made = [self.value(e, frame, naming) for e in expr.elements]
            return Members(type_, lambda shape, columns: fold_or([self.matches(v, shape, columns) for v in made]))

        def has(shape: Shape, columns: tuple[z3.ExprRef, ...]) -> z3.BoolRef:
            element = Scalar(type_.of, columns[0]) if is_interned(type_.of) else rebuild(self.universe, type_.of, shape, columns)
            own = Naming(self.universe, None)
            return own.close(self.member(element, expr, frame, True, None, own))

        return Members(type_, has)

    def _record(self, expr: ir.RecordExpr, frame: Frame, naming: Naming) -> Value:
        type_ = expr.type
        assert isinstance(type_, RecordType)
        fields = {n: self.value(e, frame, naming) for (n, _), e in zip(type_.fields, expr.fields, strict=True)}
        if not is_interned(type_):
            return Record(type_, fields)
        if naming.ground is None:
            self.refuse(expr, f"a {type_} made outside an action")
        made = self.universe.fresh(self.universe.sort(type_), type_.name.lower())
        for name, held in self.signature.record(type_, made).fields.items():
            naming.ground.facts.append(self._defined_as(held, fields[name], naming))
        return Scalar(type_, made)

    def _defined_as(self, held: Value, given: Value, naming: Naming) -> z3.BoolRef:
        """That a field of a new interned record holds a value."""
        if isinstance(held, Entries) and isinstance(given, Entries):
            i = self.universe.fresh(held.last.sort(), "i")
            within = fold_and([lt(held.after, i), le(i, held.last)])
            own = Naming(self.universe, None)
            entries = own.close(fold_or([fold_not(within), self._equal(held.at(i), given.at(i), True, own)]))
            return fold_and([same(held.after, given.after), same(held.last, given.last), forall([i], entries)])
        return self._equal(held, given, True, naming)

    def _sequence(self, expr: ir.Expr, frame: Frame, naming: Naming) -> Entries:
        universe = self.universe
        type_ = expr.type
        assert isinstance(type_, (SeqType, WindowType))
        match expr:
            case ir.EmptySeq():
                zero = universe.zero(type_.index)
                return Entries(type_, zero, zero, lambda _: anything(universe, type_.of))
            case ir.Append(sequence=sequence, entry=entry):
                old, added = self._entries(sequence, frame, naming), self.value(entry, frame, naming)
                last = naming.after(old.last)
                return Entries(type_, old.after, last, lambda i: choose(same(i, last), added, old.at(i)))
            case ir.Slice(sequence=sequence, after=after, last=last_expr):
                old = self._entries(sequence, frame, naming)
                return Entries(type_, self.term(after, frame, naming), self.term(last_expr, frame, naming), old.at)
            case ir.Splice(sequence=sequence, at=at, window=window):
                old, new = self._entries(sequence, frame, naming), self._entries(window, frame, naming)
                cut = self.term(at, frame, naming)
                return Entries(type_, old.after, new.last, lambda i: choose(lt(i, cut), old.at(i), new.at(i)))
            case ir.Extend(sequence=sequence, window=window):
                old, new = self._entries(sequence, frame, naming), self._entries(window, frame, naming)
                last = fold_if(le(old.last, new.last), new.last, old.last)
                return Entries(type_, old.after, last, lambda i: choose(le(i, old.last), old.at(i), new.at(i)))
        raise AssertionError(expr)


def _always(truth: bool, ground: Ground | None) -> z3.BoolRef:
    """The condition of a domain that is the whole sort."""
    return z3.BoolVal(truth)
