"""Simple predicates over a spec's own vocabulary, as text of the spec language: candidates for lemmas that nobody had to think of.

What they range over is a *context*: an element of a sort, or a member of a set of records. Its *terms* are what can be
reached from there: fields, and entries of maps at fields. A predicate compares two terms, finds a record made of terms
in a set, or is a clause of up to three facts about one element (its status, its membership, a decision of all).
"""

from __future__ import annotations

import itertools
from collections.abc import Iterator
from dataclasses import dataclass

from spec.language import Protocol, ir
from spec.language.types import BoolType, EnumType, OptionType, RecordType, SetType, SortType, Type

_LITERALS = 3
_MOST_CLAUSES = 2_000


@dataclass(frozen=True)
class Template:
    """A predicate's text, and what says more: templates that imply it; a clause with fewer literals (`facts`)."""

    text: str
    implied_by: frozenset[str] = frozenset()
    facts: frozenset[str] = frozenset()


@dataclass(frozen=True)
class _Term:
    """What can be said in a context, and which Options must not be None for it to have a value."""

    text: str
    type: Type
    given: tuple[str, ...] = ()


@dataclass(frozen=True)
class _Context:
    """`for x in domain`, and the terms that x leads to."""

    domain: str
    terms: tuple[_Term, ...]


def templates(protocol: type[Protocol]) -> list[Template]:
    """All templates for a protocol, simplest first within each kind."""
    variables = [v for v in protocol.ir.variables if len(v.keys) <= 1]
    found = [*_clauses(protocol, variables)]
    for context in _contexts(protocol, variables):
        found += [*_comparisons(context), *_memberships(context, variables)]
    found += _functional(variables)
    return list({t.text: t for t in found}.values())


# --- Terms


def _contexts(protocol: type[Protocol], variables: list[ir.Variable]) -> Iterator[_Context]:
    for sort in protocol.ir.sorts:
        yield _Context(f"x in {sort.name}", tuple(_reach(_Term("x", sort), variables)))
    for variable in variables:
        if isinstance(variable.type, SetType):
            yield _Context(f"x in self.{variable.name}", tuple(_reach(_Term("x", variable.type.of), variables)))


def _reach(start: _Term, variables: list[ir.Variable]) -> Iterator[_Term]:
    """A term's parts, and the parts of the map entries at those of them that are keys."""
    own = list(_parts(start))
    yield from own
    for term in own:
        for variable in variables:
            if variable.keys == (term.type,):
                yield from _parts(_Term(f"self.{variable.name}[{term.text}]", variable.value_type, term.given))


def _parts(term: _Term) -> Iterator[_Term]:
    match term.type:
        case RecordType(fields=fields):
            for name, type_ in fields:
                yield from _parts(_Term(f"{term.text}.{name}", type_, term.given))
        case OptionType(of=of):
            yield from _parts(_Term(term.text, of, (*term.given, term.text)))
        case SortType():
            yield term


# --- Predicates


def _where(given: tuple[str, ...], claim: str, domain: str, implied_by: tuple[str, ...] = ()) -> Iterator[Template]:
    """The claim of all of a domain, where its Options hold something; and that they do."""
    weak = " or ".join([*(f"{g} is None" for g in given), "{}"])
    strong = " and ".join([*(f"{g} is not None" for g in given), "{}"])

    def text(form: str, what: str) -> str:
        return f"all({form.format(what)} for {domain})"

    if given:
        yield Template(text(strong, claim), frozenset(text(strong, c) for c in implied_by))
    yield Template(text(weak, claim), frozenset([text(weak, c) for c in implied_by] + ([text(strong, claim)] if given else [])))


def _given(*terms: _Term) -> tuple[str, ...]:
    return tuple(dict.fromkeys(g for t in terms for g in t.given))


def _comparisons(context: _Context) -> Iterator[Template]:
    """Two terms of one sort are equal or different, or one is at most, or below, the other."""
    for a, b in itertools.combinations(context.terms, 2):
        if a.type != b.type:
            continue
        assert isinstance(a.type, SortType)
        x, y, domain, given = a.text, b.text, context.domain, _given(a, b)
        yield from _where(given, f"{x} == {y}", domain)
        yield from _where(given, f"{x} != {y}", domain, (f"{x} < {y}", f"{y} < {x}"))
        if a.type.ordered:
            for low, high in ((x, y), (y, x)):
                yield from _where(given, f"{low} < {high}", domain)
                yield from _where(given, f"{low} <= {high}", domain, (f"{low} < {high}", f"{x} == {y}"))


def _memberships(context: _Context, variables: list[ir.Variable]) -> Iterator[Template]:
    """A record made of the context's terms is in a set; a field takes the term of its own name, if there is one."""
    for variable in variables:
        if not isinstance(variable.type, SetType) or not isinstance(variable.type.of, RecordType) or context.domain == f"x in self.{variable.name}":
            continue
        choices = []
        for name, type_ in variable.type.of.fields:
            fitting = [t for t in context.terms if t.type == type_]
            choices.append([t for t in fitting if t.text.endswith(f".{name}")] or fitting)
        for terms in itertools.product(*choices):
            made = f"{variable.type.of.name}({', '.join(t.text for t in terms)}) in self.{variable.name}"
            yield from _where(_given(*terms), made, context.domain)


def _functional(variables: list[ir.Variable]) -> Iterator[Template]:
    """Members of a set of records that agree in one or two fields agree in another."""
    for variable in variables:
        if not isinstance(variable.type, SetType) or not isinstance(variable.type.of, RecordType):
            continue
        fields = [name for name, type_ in variable.type.of.fields if isinstance(type_, SortType)]
        for size, target in itertools.product((1, 2), fields):
            for keys in itertools.combinations([f for f in fields if f != target], size):
                yield Template(_determined(variable, target, keys), frozenset(_determined(variable, target, (k,)) for k in keys if size > 1))


def _determined(variable: ir.Variable, target: str, keys: tuple[str, ...]) -> str:
    same = " and ".join(f"x.{k} == y.{k}" for k in keys)
    return f"all(x.{target} == y.{target} for x in self.{variable.name} for y in self.{variable.name} if {same})"


def _clauses(protocol: type[Protocol], variables: list[ir.Variable]) -> Iterator[Template]:
    """Up to three facts about an element of which one, at least, is true."""
    for sort in protocol.ir.sorts:
        subjects = [facts for v in variables if (facts := _facts(v, sort))]
        about = {fact for v in variables if v.keys == (sort,) or v.type == SetType(sort) for fact in _facts(v, sort)}
        literals = [(subject, fact, positive) for subject, facts in enumerate(subjects) for fact in facts for positive in (True, False)]
        for size in range(1, _LITERALS + 1):
            chosen = [c for c in itertools.combinations(literals, size) if any(f in about for _, f, _ in c) and _says_something(c)]
            if len(chosen) > _MOST_CLAUSES:
                break
            for clause in chosen:
                facts = [fact if positive else _negated(fact) for _, fact, positive in clause]
                yield Template(f"all({' or '.join(facts)} for x in {sort.name})", facts=frozenset((sort.name, *facts)))


def _facts(variable: ir.Variable, sort: SortType) -> list[str]:
    """What a variable may say of element x, or of no element in particular."""
    if variable.keys not in ((), (sort,)):
        return []
    text = f"self.{variable.name}[x]" if variable.keys else f"self.{variable.name}"
    match variable.value_type:
        case SetType(of=of) if of == sort:
            return [f"x in {text}"]
        case BoolType():
            return [text]
        case EnumType(name=name, members=members):
            return [f"{text} == {name}.{m}" for m in members]
        case OptionType(of=EnumType(name=name, members=members)):
            return [f"{text} is None", *(f"{text} == {name}.{m}" for m in members)]
        case OptionType():
            return [f"{text} is None"]
        case _:
            return []


def _negated(fact: str) -> str:
    for operator, opposite in ((" == ", " != "), (" is ", " is not "), (" in ", " not in ")):
        if operator in fact:
            return fact.replace(operator, opposite)
    return f"not {fact}"


def _says_something(clause: tuple[tuple[int, str, bool], ...]) -> bool:
    """Whether no two literals make one of them, or the whole, superfluous: facts of one variable exclude each other."""
    return not any(a[0] == b[0] and not (a[2] and b[2]) for a, b in itertools.combinations(clause, 2))
