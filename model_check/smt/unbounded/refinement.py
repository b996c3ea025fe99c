"""Refinement for any number of everything: each step of a protocol is a step of the abstract one, or none.

The abstract states before and after a concrete step are what the mapping's expressions are worth in the concrete states.
The step is refuted if they differ and every action of the abstract protocol, whatever its parameters, refuses to lead
from one to the other. The parameters are all those terms that the concrete step mentions; where it mentions none of
a sort (a quorum, say), the refusal is for all elements of the sort. Leaving terms out can make a proof fail,
but never succeed: each refusal is an assumption of the query that must come out unsatisfiable.
"""

from __future__ import annotations

import functools
import itertools
from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace

import z3

from model_check.smt.unbounded.formulas import Formulas
from model_check.smt.unbounded.frames import Frame, Ground, Later, Naming, State
from model_check.smt.unbounded.steps import Steps
from model_check.smt.unbounded.universe import exists, fold_and, fold_not, fold_or, forall
from model_check.smt.unbounded.values import Entries, Record, Related, Scalar, Value, mentions
from model_check.smt.unbounded.values import replace as replace_term
from spec.language import SpecError, ir
from spec.language.types import MapType, SeqType

MOST_CASES = 8
"""Into how many cases, at the most, a step's refutation is split."""


class Abstraction:
    """An abstract protocol, seen from a concrete one through a refinement mapping."""

    def __init__(self, formulas: Formulas, mapping: ir.Refinement) -> None:
        self.mapping = mapping
        self.ir: ir.ProtocolIR = mapping.target.ir  # type: ignore[attr-defined]  # the parser accepts protocols only
        self.universe = formulas.universe
        missing = [s.name for s in self.ir.sorts if s not in self.universe.protocol.sorts]
        if missing:
            place = mapping.place
            raise SpecError(
                f"`{mapping.name}`: {self.universe.protocol.name} lacks the sorts {', '.join(missing)} of {self.ir.name}", place.file, place.line, place.column
            )
        self.concrete = formulas
        # A rule removed from the concrete protocol stays in force in the abstract one, which may have one of that name.
        self.formulas = Formulas(formulas.universe, formulas.signature, frozenset())
        self.steps = Steps(self.formulas)

    def unmatched_start(self, state: State, ground: Ground) -> z3.BoolRef:
        """That the image of a concrete initial state is no initial state of the abstract protocol."""
        starts = self.steps.initial(self.ir.init)
        if len(starts) != 1:
            # What must be true for one of several ways through `init` is not kept beside the state that it leads to.
            self.formulas.refuse(self.ir.init.body[0], "an abstract protocol with several initial states")
        return self._differ(self._image(state), starts[0], ground)

    def unmatched_step(self, before: State, after: State, ground: Ground) -> list[z3.BoolRef]:
        """That a concrete step is neither a step of the abstract protocol nor leaves the abstract state as it is, by cases."""
        old, new = self._image(before), self._image(after)
        for name, expr in self.mapping.assignments:
            if all(before[r.variable] is after[r.variable] for r in ir.walk(expr) if isinstance(r, ir.Read)):
                new[name] = old[name]
        mentioned = ground_terms([*self._ends(old, new, ground), *ground.facts])
        changed = self._differ(old, new, ground)
        if z3.is_false(changed):
            return [changed]
        refusals = [self._refusal(action, old, new, ground, mentioned) for action in self.ir.actions]
        return split([changed, *refusals])

    # --- Abstract states

    def _image(self, state: State) -> dict[str, Callable[[tuple[z3.ExprRef, ...]], Value]]:
        """The abstract state that the mapping makes of a concrete one."""
        return {name: self._mapped(expr, Frame({}, state)) for name, expr in self.mapping.assignments}

    def _mapped(self, expr: ir.Expr, frame: Frame) -> Callable[[tuple[z3.ExprRef, ...]], Value]:
        match expr:
            case ir.Read(variable=variable, keys=()):
                return frame.state[variable]
            case ir.MapComprehension(binders=binders, value=value):
                return lambda keys: self._unnamed(value, replace(frame, names={b.name: Scalar(b.type, k) for b, k in zip(binders, keys, strict=True)}))
            case _ if not isinstance(expr.type, MapType):
                return lambda _: self._unnamed(expr, frame)
        self.concrete.refuse(expr, "this value of a map in a refinement mapping")

    def _unnamed(self, expr: ir.Expr, frame: Frame) -> Value:
        """A value that needs no name: its keys may be bound."""
        ground = Ground()
        value = self.concrete.value(expr, frame, Naming(self.universe, ground))
        if ground.facts:
            self.concrete.refuse(expr, "a value that must be named in a refinement mapping")
        return value

    def _differ(self, a: State, b: State, ground: Ground | None) -> z3.BoolRef:
        """That two abstract states differ in some variable."""
        parts = []
        for variable in self.ir.variables:
            if a[variable.name] is b[variable.name]:
                continue
            keys = tuple(self.universe.fresh(self.universe.sort(k), k.name.lower()) for k in variable.keys)
            unequal = self.formulas.differ(a[variable.name](keys), b[variable.name](keys), ground)
            parts.append(unequal if ground is not None else exists(keys, unequal))
        return fold_or(parts)

    def _ends(self, old: State, new: State, ground: Ground) -> list[z3.ExprRef]:
        """The terms of the entries that changed sequences end with: what a step appends need not be a parameter of it."""
        naming = Naming(self.universe, ground)
        changed = [v for v in self.ir.variables if isinstance(v.type, SeqType) and old[v.name] is not new[v.name]]
        found = []
        for variable in changed:
            sequence = new[variable.name](())
            assert isinstance(sequence, Entries)
            entry = sequence.at(sequence.last)
            parts = entry.fields.values() if isinstance(entry, Record) else [entry]
            found += [naming.term(part) for part in parts if isinstance(part, (Scalar, Related))]
        return found

    # --- Abstract steps

    def _refusal(self, action: ir.Action, before: State, after: State, ground: Ground, mentioned: Sequence[z3.ExprRef]) -> z3.BoolRef:
        """That an abstract action does not lead from one abstract state to another, with any of its parameters."""
        parts = []
        for frame, bound, outside in self._choices(action.parameters, Frame({}, before), mentioned):
            known = ground if not bound else None
            refused = self._refused(action.body, frame, known, functools.partial(self._misses, after, bound, ground))
            parts.append(forall(bound, fold_or([*outside, refused])))
        return fold_and(parts)

    def _misses(self, after: State, bound: Sequence[z3.ExprRef], ground: Ground, end: Frame) -> z3.BoolRef:
        """That an abstract step ends elsewhere; with constants, if no bound variable (a quorum that only a guard asks for) has a part in it."""
        trial = ground.copy(goal=ground.goal)
        formula = self._differ(end.state, after, trial)
        if any(mentions(fact, x) for fact in (formula, *trial.facts) for x in bound):
            return self._differ(end.state, after, None)
        ground.facts, ground.named = trial.facts, trial.named
        return formula

    def _choices(
        self, binders: Sequence[ir.Binder], frame: Frame, mentioned: Sequence[z3.ExprRef]
    ) -> Iterator[tuple[Frame, tuple[z3.ExprRef, ...], tuple[z3.BoolRef, ...]]]:
        """The parameters of an action: names, variables that stand for any element, conditions outside the domains."""
        if not binders:
            yield frame, (), ()
            return
        binder, *rest = binders
        for variables, within, value in self.formulas.range(binder.domain, binder.type, frame):
            candidates = [[t for t in mentioned if t.sort() == x.sort()] or [x] for x in variables]
            for terms in itertools.product(*candidates):
                chosen = value
                for x, term in zip(variables, terms, strict=True):
                    chosen = replace_term(chosen, x, term)
                outside = z3.substitute(within(False, None), *zip(variables, terms, strict=True))
                free = tuple(x for x, term in zip(variables, terms, strict=True) if x.eq(term))
                for inner, bound, limits in self._choices(rest, frame.bind(binder.name, chosen), mentioned):
                    yield inner, (*free, *bound), (outside, *limits)

    def _refused(self, statements: Sequence[ir.Statement], frame: Frame, ground: Ground | None, then: Callable[[Frame], z3.BoolRef]) -> z3.BoolRef:
        """That a guard among the statements fails, or that what comes `then` is refused."""
        if not statements:
            return then(frame)
        statement, *rest = statements

        def go_on(end: Frame) -> z3.BoolRef:
            return self._refused(rest, replace(frame, state=end.state), ground, then)

        match statement:
            case ir.Require(condition=condition):
                return fold_or([self.formulas.holds(condition, frame, False, ground), go_on(frame)])
            case ir.If(condition=condition, then=block, otherwise=otherwise):
                fails, applies = (self.formulas.holds(condition, frame, truth, ground) for truth in (False, True))
                return fold_and(
                    [
                        fold_or([fails, self._refused(block, frame, ground, go_on)]),
                        fold_or([applies, self._refused(otherwise, frame, ground, go_on)]),
                    ]
                )
            case ir.Let(name=name, value=value) if not isinstance(value, ir.First):
                return self._refused(rest, frame.bind(name, Later(value, frame)), ground, then)
            case ir.Perform(procedure=procedure, arguments=arguments):
                names = {p: Later(a, frame) for (p, _), a in zip(procedure.parameters, arguments, strict=True)}
                return self._refused(procedure.body, replace(frame, names=names), ground, go_on)
            case ir.Store() | ir.Insert() | ir.Remove():
                known = ground if ground is not None else Ground()
                update = self.steps.stored(statement, frame, known)
                if ground is None and known.facts:
                    self.formulas.refuse(statement, "a value that must be named for any parameters of an abstract action")
                return go_on(replace(frame, state={**frame.state, **update}))
        self.formulas.refuse(statement, f"`{type(statement).__name__}` in an action of an abstract protocol")


def split(conjuncts: Sequence[z3.BoolRef]) -> list[z3.BoolRef]:
    """The cases of a conjunction, by the disjunctions in its first conjuncts, as long as there are few.

    The solver finds a refutation of each case much sooner than of all at once, where other cases' quantifiers lead it astray.
    """
    found: list[list[z3.BoolRef]] = [[]]
    for part in conjuncts:
        options = alternatives(part)
        if len(found) * len(options) > MOST_CASES:
            options = [part]
        found = [[*case, option] for case in found for option in options]
    return [fold_and(case) for case in found]


def alternatives(formula: z3.BoolRef) -> list[z3.BoolRef]:
    """Formulas of which one is true where the given one is: its disjuncts, or those of its negation's conjunction."""
    if z3.is_or(formula):
        return [option for part in formula.children() for option in alternatives(part)]
    if z3.is_not(formula) and z3.is_and(formula.arg(0)):
        return [option for part in formula.arg(0).children() for option in alternatives(fold_not(part))]
    return [formula]


def ground_terms(formulas: Sequence[z3.ExprRef]) -> list[z3.ExprRef]:
    """The terms of uninterpreted sorts in formulas that hold no bound variable, each once."""
    open_terms: dict[int, bool] = {}
    found: list[z3.ExprRef] = []

    def visit(item: z3.ExprRef) -> bool:
        """Whether a bound variable occurs in the item."""
        if item.get_id() not in open_terms:
            parts = [item.body()] if z3.is_quantifier(item) else item.children()
            # All parts are visited, whatever is found in the first.
            found_open = [visit(part) for part in parts]
            is_open = z3.is_var(item) or any(found_open)
            open_terms[item.get_id()] = is_open
            if not is_open and z3.is_app(item) and item.sort().kind() == z3.Z3_UNINTERPRETED_SORT:
                found.append(item)
        return open_terms[item.get_id()]

    for formula in formulas:
        visit(formula)
    return found
