"""Definedness: no expression lacks a value where it is evaluated, whatever the state that satisfies the lemmas.

In the unbounded encoding every term stands for something: the entry beyond the end of a log is some entry. So that a
proof does not rest on such entries, it is shown of each read past an end, each value of an `Option` that may be None,
each `x - 1` and each piece of a sequence, under the conditions on which CPython would come to it, that it has a value.
Of `all`, `any` and `first`, which end at the element that decides, every element is looked at: more than needed is shown.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace

import z3

from model_check.smt.unbounded.formulas import Formulas
from model_check.smt.unbounded.frames import Frame, Ground, Later, Naming, State
from model_check.smt.unbounded.steps import Path, Steps
from model_check.smt.unbounded.universe import fold_and, fold_not, fold_or, le, lt, same
from model_check.smt.unbounded.values import FALSE, Entries, Optional, Scalar, Value
from spec.language import ir
from spec.language.types import SortType

DEFINED = "defined"
"""The name under which definedness stands among the lemmas."""


def partial(*nodes: object) -> bool:
    """Whether something in IR nodes may lack a value."""
    return any(isinstance(n, (ir.At, ir.Unwrap, ir.Slice, ir.Splice, ir.Extend)) or (isinstance(n, ir.Neighbour) and n.by < 0) for n in ir.walk_all(nodes))


class Definedness:
    """The claims that expressions of one protocol lack a value, as formulas to assert."""

    def __init__(self, formulas: Formulas) -> None:
        self.formulas, self.universe = formulas, formulas.universe

    def undefined(self, expr: ir.Expr, frame: Frame, ground: Ground) -> z3.BoolRef:
        """That an expression comes to a part without a value; what it claims to exist gets a name."""
        if not partial(expr):
            return FALSE
        match expr:
            case ir.Junction(operator=operator, operands=operands):
                return self._in_turn(operands, frame, ground, operator == "and")
            case ir.Conditional(condition=condition, then=then, otherwise=otherwise):
                holds = self.formulas.holds
                return fold_or(
                    [
                        self.undefined(condition, frame, ground),
                        fold_and([holds(condition, frame, True, ground), self.undefined(then, frame, ground)]),
                        fold_and([holds(condition, frame, False, ground), self.undefined(otherwise, frame, ground)]),
                    ]
                )
            case ir.Quantifier(binders=binders, body=body):
                return self._over(binders, frame, ground, lambda inner: self.undefined(body, inner, ground))
            case ir.SetComprehension(binders=binders, element=element):
                return self._over(binders, frame, ground, lambda inner: self.undefined(element, inner, ground))
            case ir.MapComprehension(binders=binders, value=value):
                return self._over(binders, frame, ground, lambda inner: self.undefined(value, inner, ground))
            case ir.First(binder=binder):
                return self._over((binder,), frame, ground, lambda _: FALSE)
            case ir.Call(helper=helper, arguments=arguments, primed=primed):
                inner = self.formulas.called(helper, arguments, primed, frame)
                return fold_or([*(self.undefined(a, frame, ground) for a in arguments), self.undefined(helper.body, inner, ground)])
            case ir.LetIn(name=name, value=value, body=body):
                return fold_or([self.undefined(value, frame, ground), self.undefined(body, frame.bind(name, Later(value, frame)), ground)])
            case _:
                parts = [self.undefined(part, frame, ground) for part in ir.children(expr) if isinstance(part, ir.Expr)]
                return fold_or([*parts, self._itself(expr, frame, ground)])

    def _in_turn(self, operands: Sequence[ir.Expr], frame: Frame, ground: Ground, going_on: bool) -> z3.BoolRef:
        """Operands of which each is evaluated where all before it were true (or all were false)."""
        parts, before = [], list[z3.BoolRef]()
        for operand in operands:
            parts.append(fold_and([*before, self.undefined(operand, frame, ground)]))
            before.append(self.formulas.holds(operand, frame, going_on, ground))
        return fold_or(parts)

    def _over(self, binders: Sequence[ir.Binder], frame: Frame, ground: Ground, leaf: Callable[[Frame], z3.BoolRef]) -> z3.BoolRef:
        """Some elements that the binders come to."""
        if not binders:
            return leaf(frame)
        binder, *rest = binders
        parts = [self.undefined(part, frame, ground) for part in ir.children(binder.domain) if isinstance(part, ir.Expr)]
        for _, within, value in self.formulas.range(binder.domain, binder.type, frame):
            inner, limits = frame.bind(binder.name, value), [within(True, ground)]
            for condition in binder.filters:
                parts.append(fold_and([*limits, self.undefined(condition, inner, ground)]))
                limits.append(self.formulas.holds(condition, inner, True, ground))
            parts.append(fold_and([*limits, self._over(rest, inner, ground, leaf)]))
        return fold_or(parts)

    def _itself(self, expr: ir.Expr, frame: Frame, ground: Ground) -> z3.BoolRef:
        """That an expression lacks a value although its parts have one."""
        formulas, naming = self.formulas, Naming(self.universe, ground)

        def term(part: ir.Expr) -> z3.ExprRef:
            return formulas.term(part, frame, naming)

        def entries(part: ir.Expr) -> Entries:
            found = formulas.value(part, frame, naming)
            assert isinstance(found, Entries)
            return found

        match expr:
            case ir.At(sequence=sequence, position=position):
                held, i = entries(sequence), term(position)
                return fold_not(fold_and([lt(held.after, i), le(i, held.last)]))
            case ir.Unwrap(option=option):
                found = formulas.value(option, frame, naming)
                assert isinstance(found, Optional)
                return found.none
            case ir.Neighbour(of=of, by=by, type=SortType() as sort) if by < 0:
                return same(term(of), self.universe.zero(sort))
            case ir.Slice(sequence=sequence, after=after, last=last):
                held, low, high = entries(sequence), term(after), term(last)
                return fold_not(fold_and([le(held.after, low), le(low, high), le(high, held.last)]))
            case ir.Splice(sequence=sequence, at=at, window=window):
                held, new, cut = entries(sequence), entries(window), term(at)
                # A gap: some position lies between the sequence's end and the cut.
                between = self.universe.fresh(cut.sort(), "between")
                gap = fold_and([lt(held.last, between), lt(between, cut)])
                return fold_or([le(cut, new.after), lt(new.last, cut), gap])
            case ir.Extend(sequence=sequence, window=window):
                return lt(entries(sequence).last, entries(window).after)
            case _:
                return FALSE


class WatchedSteps(Steps):
    """The paths through an action, and on each of them the claims that a statement, come to on it, meets something without a value."""

    def __init__(self, formulas: Formulas) -> None:
        super().__init__(formulas)
        self._definedness = Definedness(formulas)
        self._claims: list[tuple[Ground, z3.BoolRef]] = []

    def claims(self, action: ir.Action, state: State) -> list[tuple[Ground, z3.BoolRef]]:
        """What is known where a statement is come to, and the claim; one of each for every way to every statement."""
        self._claims = []
        self.paths(action, state)
        return self._claims

    def _statement(self, statement: ir.Statement, path: Path) -> list[Path]:
        if partial(statement):
            ground = path.ground.copy(goal=True)
            claim = self._claim(statement, path.frame, ground)
            if not z3.is_false(claim):
                self._claims.append((ground, claim))
        return super()._statement(statement, path)

    def _claim(self, statement: ir.Statement, frame: Frame, ground: Ground) -> z3.BoolRef:
        """That a statement's own expressions lack a value; of a loop, those of its body as well."""
        undefined = self._definedness.undefined
        if isinstance(statement, ir.ForEach):
            binder = statement.binder
            turn: Value = Scalar(binder.type, self.universe.fresh(self.universe.sort(binder.type), binder.name))
            return self._within(statement.body, frame.bind(binder.name, turn), ground)
        return fold_or([undefined(part, frame, ground) for part in ir.children(statement) if isinstance(part, ir.Expr)])

    def _within(self, body: Sequence[ir.Statement], frame: Frame, ground: Ground) -> z3.BoolRef:
        """The same of statements in one turn of a loop, in order."""
        parts = []
        for statement in body:
            parts.append(self._claim(statement, frame, ground))
            match statement:
                case ir.If(condition=condition, then=then, otherwise=otherwise):
                    for truth, block in ((True, then), (False, otherwise)):
                        parts.append(fold_and([self.formulas.holds(condition, frame, truth, ground), self._within(block, frame, ground)]))
                case ir.Perform(procedure=procedure, arguments=arguments):
                    names: dict[str, Value | Later] = {p: Later(a, frame) for (p, _), a in zip(procedure.parameters, arguments, strict=True)}
                    parts.append(self._within(procedure.body, replace(frame, names=names), ground))
            frame = replace(frame, state=self._merged((statement,), frame, ground))
        return fold_or(parts)
