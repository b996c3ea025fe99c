"""Ways to break the unbounded encoding, one construct each: the agreement tests must catch every one."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any
from unittest import mock

import z3

from model_check.smt.unbounded.comparisons import Comparisons
from model_check.smt.unbounded.formulas import Formulas
from model_check.smt.unbounded.frames import Frame, Naming
from model_check.smt.unbounded.steps import Path, Steps
from model_check.smt.unbounded.universe import fold_and, fold_not, fold_or, le, lt, same
from model_check.smt.unbounded.values import Entries, Members, Optional, Record, Scalar, choose
from proofs.paxos import PaxosProof
from proofs.raft import RaftProof
from spec.language import Protocol, Scope, ir

RAFT = Scope(node=2, term=1, index=1, value=1)
PAXOS = Scope(acceptor=3, ballot=2, value=2)
LONG_LOGS = Scope(node=2, term=1, index=2, value=1)


@dataclasses.dataclass(frozen=True)
class Mutant:
    """A replacement of one method, whose mistake shows in the protocol's steps or properties, at a scope."""

    owner: Any
    method: str
    replacement: Callable[[Any], Any]
    protocol: type[Protocol] = RaftProof
    scope: Scope = RAFT
    shows: str = "steps"

    @contextmanager
    def broken(self) -> Iterator[None]:
        original = self.owner.__dict__[self.method]
        with mock.patch.object(self.owner, self.method, self.replacement(original)):
            yield


def _or_equal(original: Any) -> Any:
    return lambda self, operator, a, b, naming: original(self, "<=", a, b, naming)


def _less_is_not_equal(original: Any) -> Any:
    return lambda self, operator, a, b, naming: original(self, "<" if operator == "<=" else operator, a, b, naming)


def _sequence(change: Callable[[ir.Expr, Entries, Callable[[ir.Expr], Entries], Any], Entries | None]) -> Callable[[Any], Any]:
    def replacement(original: Any) -> Any:
        def sequence(self: Formulas, expr: ir.Expr, frame: Frame, naming: Naming) -> Entries:
            found = original(self, expr, frame, naming)
            changed = change(expr, found, lambda e: self._entries(e, frame, naming), lambda e: self.term(e, frame, naming))
            return changed or found

        return sequence

    return replacement


def _splice_keeps_one_more(expr: ir.Expr, found: Entries, entries: Any, term: Any) -> Entries | None:
    if not isinstance(expr, ir.Splice):
        return None
    old, new, cut = entries(expr.sequence), entries(expr.window), term(expr.at)
    return dataclasses.replace(found, at=lambda i: choose(le(i, cut), old.at(i), new.at(i)))


def _splice_keeps_the_end(expr: ir.Expr, found: Entries, entries: Any, term: Any) -> Entries | None:
    return dataclasses.replace(found, last=entries(expr.sequence).last) if isinstance(expr, ir.Splice) else None


def _extend_takes_its_last(expr: ir.Expr, found: Entries, entries: Any, term: Any) -> Entries | None:
    return dataclasses.replace(found, last=entries(expr.window).last) if isinstance(expr, ir.Extend) else None


def _extend_overwrites(expr: ir.Expr, found: Entries, entries: Any, term: Any) -> Entries | None:
    if not isinstance(expr, ir.Extend):
        return None
    new = entries(expr.window)
    return dataclasses.replace(found, at=lambda i: choose(le(i, new.after), found.at(i), new.at(i)))


def _append_forgets_the_entry(expr: ir.Expr, found: Entries, entries: Any, term: Any) -> Entries | None:
    return dataclasses.replace(found, at=entries(expr.sequence).at) if isinstance(expr, ir.Append) else None


def _slice_begins_at_the_start(expr: ir.Expr, found: Entries, entries: Any, term: Any) -> Entries | None:
    return dataclasses.replace(found, after=entries(expr.sequence).after) if isinstance(expr, ir.Slice) else None


def _first_is_any(original: Any) -> Any:
    def first(self: Steps, name: str, expr: ir.First, path: Path) -> list[Path]:
        none, some = original(self, name, expr, path)
        some.ground.facts.pop()
        return [none, some]

    return first


def _none_while_there_is_one(original: Any) -> Any:
    def first(self: Steps, name: str, expr: ir.First, path: Path) -> list[Path]:
        none, some = original(self, name, expr, path)
        none.ground.facts.pop()
        return [none, some]

    return first


def _quorum_holds_one(original: Any) -> Any:
    def quorum(self: Formulas, members: ir.Expr, sort: Any, frame: Frame, truth: bool, ground: Any) -> z3.BoolRef:
        q, x = self.universe.fresh(self.universe.quorum_sort(sort), "q"), self.universe.fresh(self.universe.sort(sort), "x")
        naming = Naming(self.universe, None)
        inside = naming.close(self.member(Scalar(sort, x), members, frame, truth, None, naming))
        belongs = self.universe.in_quorum(sort, q, x)
        if truth:
            return z3.ForAll([q], z3.Exists([x], fold_and([belongs, inside])))
        return z3.Exists([q], z3.ForAll([x], fold_or([fold_not(belongs), inside])))

    return quorum


def stored(wanted: type, change: Callable[[Steps, Any, Any, Any, Any], Any]) -> Callable[[Any], Any]:
    def replacement(original: Any) -> Any:
        def stored(self: Steps, statement: Any, frame: Frame, ground: Any) -> Any:
            found = original(self, statement, frame, ground)
            return change(self, statement, frame, ground, found) if isinstance(statement, wanted) else found

        return stored

    return replacement


def _insert_forgets(self: Steps, statement: ir.Insert, frame: Frame, ground: Any, found: Any) -> Any:
    naming = Naming(self.universe, ground)
    element = self._settled_parts(self.formulas.value(statement.element, frame, naming), naming)
    type_ = frame.state[statement.variable](()).type
    return {statement.variable: lambda keys: Members(type_, lambda shape, columns: self.formulas.matches(element, shape, columns))}


def _store_at_all_keys(self: Steps, statement: ir.Store, frame: Frame, ground: Any, found: Any) -> Any:
    if not statement.keys or isinstance(statement.value, ir.MapComprehension):
        return found
    naming = Naming(self.universe, ground)
    keys = tuple(self.formulas.term(k, frame, naming) for k in statement.keys)
    return {statement.variable: lambda asked: found[statement.variable](keys)}


def _loop_ignores_its_condition(original: Any) -> Any:
    def merged(self: Steps, body: tuple[ir.Statement, ...], frame: Frame, ground: Any) -> Any:
        flat = tuple(inner for s in body for inner in (s.then if isinstance(s, ir.If) else (s,)))
        return original(self, flat, frame, ground)

    return merged


def _loop_runs_once(original: Any) -> Any:
    def for_each(self: Steps, binder: ir.Binder, body: tuple[ir.Statement, ...], path: Path) -> Path:
        after = original(self, binder, body, path).frame.state
        own = next(iter(path.frame.names.values()))
        changed = {v: after[v] for v in after if after[v] is not path.frame.state[v]}

        def entry(variable: str) -> Any:
            old = path.frame.state[variable]
            # Only where the loop's key is of the sort of the action's first argument; other loops stay whole.
            return lambda keys: choose(same(keys[-1], own.term) if keys[-1].sort() == own.term.sort() else z3.BoolVal(True), changed[variable](keys), old(keys))

        return path.store({v: entry(v) for v in changed})

    return for_each


def _both_branches(original: Any) -> Any:
    def block(self: Steps, statement: ir.Statement, path: Path) -> list[Path]:
        if not isinstance(statement, ir.If):
            return original(self, statement, path)
        return [self._leave(path, p) for branch in (statement.then, statement.otherwise) for p in self._block(branch, path.fork())]

    return block


def _guard_is_skipped(original: Any) -> Any:
    return lambda self, statement, path: [path] if isinstance(statement, ir.Require) and statement.rule else original(self, statement, path)


def _next_is_any_later(original: Any) -> Any:
    return lambda self, x: self._name("next", x, x.sort(), lambda t: lt(x, t))


def _none_equals_anything(original: Any) -> Any:
    def equal(self: Comparisons, a: Any, b: Any, truth: bool, naming: Naming) -> z3.BoolRef:
        if isinstance(a, Optional) and isinstance(b, Optional) and truth:
            return fold_or([a.none, b.none, self._equal(a.value, b.value, truth, naming)])
        return original(self, a, b, truth, naming)

    return equal


def _records_differ_in_all_fields(original: Any) -> Any:
    def equal(self: Comparisons, a: Any, b: Any, truth: bool, naming: Naming) -> z3.BoolRef:
        if isinstance(a, Record) and isinstance(b, Record):
            return fold_and([self._equal(a.fields[n], b.fields[n], truth, naming) for n in a.fields])
        return original(self, a, b, truth, naming)

    return equal


def _sequences_equal_by_length(original: Any) -> Any:
    def equal(self: Comparisons, a: Entries, b: Entries, truth: bool, naming: Naming) -> z3.BoolRef:
        ends = fold_and([same(a.after, b.after), same(a.last, b.last)])
        return ends if truth else fold_not(ends)

    return equal


def _maximum_is_the_left(original: Any) -> Any:
    def element(self: Formulas, expr: ir.Expr, frame: Frame, naming: Naming) -> Any:
        return self.value(expr.left, frame, naming) if isinstance(expr, ir.Extremum) else original(self, expr, frame, naming)

    return element


def _filters_are_ignored(original: Any) -> Any:
    def quantified(self: Formulas, binders: Any, *rest: Any) -> z3.BoolRef:
        return original(self, tuple(dataclasses.replace(b, filters=()) for b in binders), *rest)

    return quantified


def _all_is_any(original: Any) -> Any:
    return lambda self, binders, frame, universal, ground, leaf: original(self, binders, frame, not universal, None, leaf)


def _named_of_another_key(original: Any) -> Any:
    def name(self: Naming, kind: str, key: z3.ExprRef, sort: z3.SortRef, facts: Any) -> z3.ExprRef:
        for (k, _), (_, term) in self._known.named.items():
            if k == kind and term.sort() == sort:
                return term
        return original(self, kind, key, sort, facts)

    return name


def _fresh_related_value(original: Any) -> Any:
    """A related value gets a name, and nothing is known of it."""

    def name(self: Naming, kind: str, key: z3.ExprRef, sort: z3.SortRef, facts: Any) -> z3.ExprRef:
        return original(self, kind, key, sort, (lambda t: z3.BoolVal(True)) if kind == "the" else facts)

    return name


MUTANTS = {
    "`<` holds of equals": Mutant(Formulas, "_ordered", _or_equal),
    "`<=` does not hold of equals": Mutant(Formulas, "_ordered", _less_is_not_equal),
    "splice keeps one entry too many": Mutant(Formulas, "_sequence", _sequence(_splice_keeps_one_more), scope=LONG_LOGS),
    "splice keeps the old end": Mutant(Formulas, "_sequence", _sequence(_splice_keeps_the_end), scope=LONG_LOGS),
    "extend ends with the window": Mutant(Formulas, "_sequence", _sequence(_extend_takes_its_last)),
    "extend overwrites": Mutant(Formulas, "_sequence", _sequence(_extend_overwrites)),
    "append forgets the entry": Mutant(Formulas, "_sequence", _sequence(_append_forgets_the_entry)),
    "a slice begins at the start": Mutant(Formulas, "_sequence", _sequence(_slice_begins_at_the_start)),
    "first is any that passes": Mutant(Steps, "_first", _first_is_any, scope=LONG_LOGS),
    "first finds none though there is one": Mutant(Steps, "_first", _none_while_there_is_one),
    "a quorum within a set: every quorum meets it": Mutant(Formulas, "_quorum", _quorum_holds_one),
    "insert forgets the members": Mutant(Steps, "stored", stored(ir.Insert, _insert_forgets), PaxosProof, PAXOS),
    "a store reaches every key": Mutant(Steps, "stored", stored(ir.Store, _store_at_all_keys), PaxosProof, PAXOS),
    "a loop ignores its condition": Mutant(Steps, "_merged", _loop_ignores_its_condition),
    "a loop runs for one element": Mutant(Steps, "_for_each", _loop_runs_once),
    "both branches of an `if` may be taken": Mutant(Steps, "_statement", _both_branches),
    "guards that name a rule are skipped": Mutant(Steps, "_statement", _guard_is_skipped, PaxosProof, PAXOS),
    "the next element is any later one": Mutant(Naming, "after", _next_is_any_later),
    "None equals anything": Mutant(Comparisons, "_equal", _none_equals_anything, shows="properties"),
    "records differ in all fields": Mutant(Comparisons, "_equal", _records_differ_in_all_fields, shows="properties"),
    "sequences of one length are equal": Mutant(Comparisons, "_equal_entries", _sequences_equal_by_length, shows="properties"),
    "max and min are the left": Mutant(Formulas, "_element", _maximum_is_the_left),
    "filters of quantifiers are ignored": Mutant(Formulas, "_quantified", _filters_are_ignored, PaxosProof, PAXOS, "properties"),
    "`all` is `any`": Mutant(Formulas, "_quantified", _all_is_any, PaxosProof, PAXOS, "properties"),
    "one name for two related values": Mutant(Naming, "_name", _named_of_another_key),
    "nothing is known of a named value": Mutant(Naming, "_name", _fresh_related_value),
}
