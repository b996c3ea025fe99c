"""Whether formulas are stratified: no sort leads back to itself by functions and by alternations of quantifiers.

Of stratified formulas only finitely many ground terms can be built, so that a solver that instantiates quantifiers with
them all decides satisfiability (the many-sorted extension of effectively propositional logic; Ge and de Moura,
"Complete Instantiation for Quantified Formulas in Satisfiability Modulo Theories", 2009). Outside, an answer may still
come, and `unsat` still means what it says; only that one must come is not known.

An edge leads from each argument sort of a function to its result, and from the sort of a universal variable to that of
an existential one below it whose body speaks of the former (the arguments of its Skolem function), unless that body
says outright which element it is (`x == t and ...`), so that it needs no Skolem function. Truth values and
enumerations are finite in themselves and take no part.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import networkx as nx
import z3


@dataclass(frozen=True)
class Edge:
    """That terms of one sort make terms of another, and why."""

    source: str
    target: str
    reason: str

    def __str__(self) -> str:
        return f"{self.source} -> {self.target} ({self.reason})"


Cycle = tuple[Edge, ...]
"""Edges that lead from a sort back to it."""


class Strata:
    """Finds the cycles of many sets of formulas; what a formula contributes is looked for once, since axioms and lemmas recur."""

    def __init__(self) -> None:
        self._edges: dict[int, tuple[z3.BoolRef, frozenset[Edge]]] = {}

    def cycles(self, formulas: Iterable[z3.BoolRef]) -> list[Cycle]:
        """All elementary cycles of sorts of formulas asserted together, shortest first; none means stratified.

        Each edge of a cycle bears one of its reasons, the first by name.
        """
        reasons: dict[tuple[str, str], str] = {}
        for edge in frozenset[Edge]().union(*map(self._of, formulas)):
            ends = edge.source, edge.target
            reasons[ends] = min(edge.reason, reasons.get(ends, edge.reason))
        graph = nx.DiGraph(list(reasons))
        if nx.is_directed_acyclic_graph(graph):
            return []
        found = [
            tuple(Edge(a, b, reasons[a, b]) for a, b in zip(cycle, [*cycle[1:], cycle[0]], strict=True))
            for cycle in (_from_least(c) for c in nx.simple_cycles(graph))
        ]
        return sorted(found, key=lambda cycle: (len(cycle), str(cycle)))

    def _of(self, formula: z3.BoolRef) -> frozenset[Edge]:
        """The edges that a formula contributes, asserted with others."""
        number = formula.get_id()
        if number not in self._edges:
            search = _Search()
            search.visit(formula, True, ())
            search.visit_terms(formula)
            # The formula is kept, since Z3 would give its number to another one.
            self._edges[number] = formula, frozenset(search.found)
        return self._edges[number][1]


def _from_least(cycle: Sequence[str]) -> list[str]:
    """The same cycle, begun at its first sort by name."""
    start = cycle.index(min(cycle))
    return [*cycle[start:], *cycle[:start]]


def describe(cycle: Cycle) -> str:
    """A cycle in one line."""
    return ", ".join(map(str, cycle))


def _counts(sort: z3.SortRef) -> bool:
    return bool(sort.kind() == z3.Z3_UNINTERPRETED_SORT)


Bound = tuple[frozenset[str], ...]
"""For each variable in scope, outermost first, the sorts of the universal variables that its value depends on (its own, if it is one)."""


class _Search:
    """Walks formulas, with the polarity of each place and the variables that are bound there."""

    def __init__(self) -> None:
        self.found: set[Edge] = set()
        self._visited: set[tuple[int, bool, Bound]] = set()
        self._kept: list[z3.ExprRef] = []
        self._terms: set[int] = set()

    def visit(self, formula: z3.ExprRef, positive: bool, bound: Bound) -> None:
        """A formula, asserted or denied, below some variables."""
        key = (formula.get_id(), positive, bound)
        if key in self._visited:
            return
        self._visited.add(key)
        # Kept, since Z3 would give its number to another term.
        self._kept.append(formula)
        if z3.is_quantifier(formula):
            self.visit(formula.body(), positive, (*bound, *self._own(formula, formula.is_forall() == positive, bound)))
            return
        if z3.is_var(formula):
            return
        match formula.decl().kind():
            case z3.Z3_OP_NOT:
                self.visit(formula.arg(0), not positive, bound)
            case z3.Z3_OP_IMPLIES:
                self.visit(formula.arg(0), not positive, bound)
                self.visit(formula.arg(1), positive, bound)
            case kind:
                for child in formula.children():
                    # Below an equivalence, a condition or an application, a truth value counts both ways.
                    for polarity in {positive} if kind in (z3.Z3_OP_AND, z3.Z3_OP_OR) else {positive, not positive}:
                        self.visit(child, polarity, bound)

    def _own(self, formula: z3.QuantifierRef, universal: bool, bound: Bound) -> list[frozenset[str]]:
        """What a quantifier's own variables depend on; existential ones are Skolem functions of it."""
        sorts = [formula.var_sort(i) for i in range(formula.num_vars())]
        if universal:
            return [frozenset({s.name()} if _counts(s) else ()) for s in sorts]
        number = len(sorts)
        known = {number - 1 - z3.get_var_index(x): t for x, t in _equations(formula.body(), formula.is_exists(), number)}
        sources = frozenset[str]().union(*(bound[-1 - i] for i in _free(formula.body(), number)))
        self.found.update(Edge(a, s.name(), f"for each {a} some {s.name()}") for i, s in enumerate(sorts) if _counts(s) and i not in known for a in sources)
        return [frozenset[str]().union(*(bound[-1 - f] for f in _free(known[i], number))) if i in known else sources for i in range(number)]

    def visit_terms(self, term: z3.ExprRef) -> None:
        """The functions that occur."""
        stack = [term]
        while stack:
            item = stack.pop()
            if item.get_id() in self._terms:
                continue
            self._terms.add(item.get_id())
            self._kept.append(item)
            if z3.is_quantifier(item):
                stack.append(item.body())
                continue
            if z3.is_var(item):
                continue
            children, function = item.children(), item.decl()
            stack.extend(children)
            if children and function.kind() == z3.Z3_OP_UNINTERPRETED and _counts(function.range()):
                target = function.range().name()
                sources = {s.name() for s in map(function.domain, range(function.arity())) if _counts(s)}
                self.found.update(Edge(source, target, function.name()) for source in sources)


def _free(body: z3.ExprRef, depth: int) -> set[int]:
    """The variables of a body that are bound further out than `depth` binders, counted from there."""
    found: set[int] = set()
    stack, seen = [(body, depth)], set[tuple[int, int]]()
    while stack:
        item, level = stack.pop()
        if (item.get_id(), level) in seen:
            continue
        seen.add((item.get_id(), level))
        if z3.is_var(item):
            if z3.get_var_index(item) >= level:
                found.add(z3.get_var_index(item) - level)
        elif z3.is_quantifier(item):
            stack.append((item.body(), level + item.num_vars()))
        else:
            stack.extend((c, level) for c in item.children())
    return found


def _equations(body: z3.ExprRef, positive: bool, number: int) -> list[tuple[z3.ExprRef, z3.ExprRef]]:
    """Those of a quantifier's own variables that its body (asserted, or denied) makes equal to a term of outer ones: they need no Skolem function."""
    if z3.is_not(body):
        return _equations(body.arg(0), not positive, number)
    if (z3.is_and(body) and positive) or (z3.is_or(body) and not positive):
        return [found for child in body.children() for found in _equations(child, positive, number)]
    if not (z3.is_eq(body) and positive):
        return []
    sides = (body.arg(0), body.arg(1))
    return [(x, t) for x, t in (sides, sides[::-1]) if z3.is_var(x) and z3.get_var_index(x) < number and not _speaks_of(t, number)]


def _speaks_of(term: z3.ExprRef, number: int) -> bool:
    """Whether one of the innermost variables occurs in a term without quantifiers."""
    return z3.get_var_index(term) < number if z3.is_var(term) else z3.is_quantifier(term) or any(_speaks_of(c, number) for c in term.children())
