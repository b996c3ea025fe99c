"""Suggests lemmas for a proof that is not complete: from predicates that a user offers, and from simple templates.

A candidate is kept while it is true in every explored state of a small scope, then while every action preserves it for
any number of everything, the other candidates assumed (Houdini: Flanagan and Leino, 2001, "Houdini, an Annotation
Assistant for ESC/Java"). What remains is the largest inductive subset; what the proof then uses of it is suggested.
"""

from __future__ import annotations

import importlib.util
import itertools
import random
import sys
import tempfile
from collections import deque
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import z3

from model_check.evaluation import guarded, successors
from model_check.smt.unbounded.obligations import IMPLICATION, INITIATION, Obligation, Query, obligations_of
from model_check.smt.unbounded.prover import Discharge, Limits, Prover, Support
from model_check.smt.unbounded.small_clusters import SmallStep
from model_check.smt.unbounded.templates import Template, templates
from spec.language import Protocol, Scope, SpecError, State, ir
from spec.language.types import EnumType, OptionType, RecordType, SeqType, SetType, SortType, Type, WindowType

_modules = itertools.count()
_STATES = 2_000
"""As many reachable states are looked at before anything is asked of the solver."""
_WALK = 60
_HASTE = 6
"""A template gets so many times less of the solver's time than what people have said: most that fail would use it up."""


@dataclass(frozen=True)
class Suggestion:
    """What a search for lemmas found; `suggested` are methods of the language, by name, with their text."""

    open_before: tuple[Obligation, ...]
    offered: int
    scope: Scope
    states: int
    all_states: bool
    true_there: int
    inductive: int
    suggested: Mapping[str, str]
    open_after: tuple[str, ...]

    @property
    def scope_text(self) -> str:
        """The scope as on the command line's first line."""
        return " ".join(f"{name}={size}" for name, size in self.scope.sizes.items())

    @property
    def complete(self) -> bool:
        """Whether the proof is complete with the suggested lemmas."""
        return not self.open_after


def suggest(protocol: type[Protocol], candidates: type[Protocol] | None = None, *, limits: Limits | None = None) -> Suggestion:
    """Look for lemmas that complete a protocol's proof.

    `candidates` extends the protocol by a class whose further invariants and lemmas are offered. Candidates are first
    tried on the first reachable states of the default scope.
    SpecError where `candidates` is no extension, or where one of them is undefined in a state.
    """
    limits = limits or Limits(timeout=30.0)
    wanted = {p.name for p in protocol.ir.properties if p.kind in ("invariant", "action_property")}
    extended, generated = with_templates(_extension(protocol, candidates))
    before = Prover(protocol, frozenset(), replace(limits, timeout=limits.timeout / _HASTE))
    still_open = [o for o in obligations_of(protocol) if o.lemma in wanted and not before.discharge(o).discharged]
    offered = [p for p in extended.ir.properties if p.kind == "invariant" and p.name not in wanted]
    small = extended()
    states, all_states = explore(small, _STATES)
    true_there = _true_on(small, offered, states, generated)
    search = _Houdini(extended, wanted | {p.name for p in true_there}, frozenset(generated), limits)
    search.run()
    used = search.used(wanted)
    texts = {p.name: generated[p.name].text if p.name in generated else p.doc.partition("\n")[0] for p in offered}
    return Suggestion(
        open_before=tuple(still_open),
        offered=len(offered),
        scope=small.scope,
        states=len(states),
        all_states=all_states,
        true_there=len(true_there),
        inductive=sum(p.name in search.alive for p in true_there),
        suggested={p.name: texts[p.name] for p in offered if p.name in used},
        open_after=tuple(sorted(wanted - search.alive)),
    )


def _extension(protocol: type[Protocol], candidates: type[Protocol] | None) -> type[Protocol]:
    """The class of the candidates, which has all that the protocol has."""
    if candidates is None:
        return protocol
    own, theirs = protocol.ir, candidates.ir
    for kind, names, others in (
        ("variable", own.variables, theirs.variables),
        ("action", own.actions, theirs.actions),
        ("property", own.properties, theirs.properties),
    ):
        known = {n.name for n in others}
        lacking = [n.name for n in names if n.name not in known]
        if lacking:
            place = theirs.place
            message = f"{theirs.name} has no {kind} `{lacking[0]}`; write the candidates as lemmas of a class derived from {own.name}"
            raise SpecError(message, place.file, place.line, place.column)
    return candidates


def with_templates(protocol: type[Protocol]) -> tuple[type[Protocol], dict[str, Template]]:
    """The protocol with a lemma for each template, and the templates by the lemmas' names."""
    named = {f"candidate_{i}": template for i, template in enumerate(templates(protocol), 1)}
    # The methods speak of the sorts, enumerations and records of the protocol, wherever those are defined.
    classes: dict[str, type] = {protocol.__name__: protocol, **{s.name: s.cls for s in protocol.ir.sorts}}
    classes |= {c.__name__: c for v in protocol.ir.variables for c in _named_types(v.value_type)}
    imports = "".join(f"from {cls.__module__} import {name}\n" for name, cls in classes.items())
    methods = "".join(
        f'\n    @lemma("candidates")\n    def {name}(self) -> bool:\n        """A template."""\n        return {t.text}\n' for name, t in named.items()
    )
    text = f"from __future__ import annotations\n{imports}from spec.language import lemma\n\n\nclass WithTemplates({protocol.__name__}):\n"
    return _defined(f'{text}    """Candidates."""\n{methods}'), named


def _named_types(type_: Type) -> Iterator[type]:
    """The classes of the sorts, enumerations and records that a type mentions."""
    match type_:
        case SortType(cls=cls) | EnumType(cls=cls):
            yield cls
        case RecordType(cls=cls, fields=fields):
            yield cls
            for _, field in fields:
                yield from _named_types(field)
        case OptionType(of=of) | SetType(of=of) | SeqType(of=of) | WindowType(of=of):
            yield from _named_types(of)


def _defined(text: str) -> type[Protocol]:
    """The class `WithTemplates` of a module's text."""
    name = f"ionian_templates_{next(_modules)}"
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / f"{name}.py"
        path.write_text(text, encoding="utf-8")
        found = importlib.util.spec_from_file_location(name, path)
        assert found is not None and found.loader is not None
        module = importlib.util.module_from_spec(found)
        sys.modules[name] = module
        found.loader.exec_module(module)
    extended: type[Protocol] = module.WithTemplates
    return extended


# --- On a small scope


def explore(protocol: Protocol, limit: int) -> tuple[list[State], bool]:
    """Reachable states, and whether these are all: up to half of the limit breadth-first, then on random walks, which lead deep."""
    starts = protocol.initial_states()
    found, waiting = dict.fromkeys(starts), deque(starts)
    while waiting and len(found) < limit // 2:
        for _, after in successors(protocol, waiting.popleft()):
            if after not in found:
                found[after] = None
                waiting.append(after)
    if not waiting:
        return list(found), True
    dice = random.Random(0)
    for _ in range(limit):
        state = dice.choice(starts)
        for _ in range(_WALK):
            steps = [after for _, after in successors(protocol, state) if after != state]
            if not steps or len(found) >= limit:
                break
            state = dice.choice(steps)
            found[state] = None
    return list(found), False


def _true_on(protocol: Protocol, offered: Sequence[ir.Property], states: Sequence[State], generated: Mapping[str, Template]) -> list[ir.Property]:
    """The candidates that are true in all states, without the templates that others of these imply."""
    left = list(offered)
    for state in states:
        kept = []
        for candidate in left:
            with guarded(protocol, f"the candidate `{candidate.name}`", state):
                if protocol.holds(candidate, state):
                    kept.append(candidate)
        left = kept
    true = [generated[p.name] for p in left if p.name in generated]
    texts, clauses = {t.text for t in true}, {t.facts for t in true if t.facts}
    implied = {t.text for t in true if t.implied_by & texts or any(c < t.facts for c in clauses)}
    return [p for p in left if p.name not in generated or generated[p.name].text not in implied]


# --- For any number of everything


class _Houdini(Prover):
    """Drops whatever is not preserved until all that is left is."""

    def __init__(self, protocol: type[Protocol], names: set[str], generated: frozenset[str], limits: Limits) -> None:
        super().__init__(protocol, frozenset(), limits)
        self.obligations = obligations_of(protocol)
        self.alive, self.generated = set(names), generated
        self._limits = limits, replace(limits, timeout=limits.timeout / _HASTE)
        self.discharged: dict[Obligation, Discharge] = {}

    def usable(self, obligation: Obligation) -> list[str]:
        """The lemmas that are left. Theorems follow from lemmas, so they are no help before the set is settled."""
        theorems = self.encoding.theorems
        return [n for n in super().usable(obligation) if n in self.alive and (obligation.action == IMPLICATION or n not in theorems)]

    def attempts(self, query: Query, obligation: Obligation, hint: Support | None) -> Iterator[Support]:
        """What people have said comes first; what was guessed only helps where that does not suffice."""
        said = tuple(n for n in self.usable(obligation) if n not in self.generated)
        yield said
        yield from super().attempts(query, obligation, hint)

    def at_once(self, query: Query, obligation: Obligation, hint: Support | None, seconds: float) -> Support | None:
        """None: with no small cluster to look at, there is nothing to be quick for."""
        return None

    def small_step(self, obligation: Obligation) -> SmallStep | None:
        """None: a small cluster would assume all candidates, those that were dropped as well."""
        return None

    def run(self) -> None:
        """Find the largest inductive subset; what is undecided counts as not preserved."""
        waiting = deque(o for o in self.obligations if o.lemma in self.alive)
        while waiting:
            obligation = waiting.popleft()
            if obligation.lemma not in self.alive:
                continue
            self.limits = self._limits[obligation.lemma in self.generated]
            found = self.discharge(obligation)
            if found.discharged:
                self.discharged[obligation] = found
                continue
            self.alive.discard(obligation.lemma)
            # Whoever leant on it has to be shown once more.
            leant = [o for o, d in self.discharged.items() if any(obligation.lemma in support for support in d.support)]
            for other in leant:
                del self.discharged[other]
            waiting.extend(leant)

    def used(self, wanted: set[str]) -> set[str]:
        """What the properties wanted rest on: as little as leaving out one after the other gives, templates first."""
        needed = {n for n in wanted if n in self.alive}
        waiting = deque(sorted(needed))
        while waiting:
            name = waiting.popleft()
            for obligation in [o for o in self.discharged if o.lemma == name and o.action != INITIATION]:
                for number, query in enumerate(self.encoding.queries(obligation)):
                    if self.check(query, tuple(n for n in self.usable(obligation) if n in needed), 1.0) == z3.unsat:
                        continue
                    support = self.discharged[obligation].support[number]
                    ordered: Support = tuple(sorted(support, key=lambda n: (n in needed, n not in self.generated, n)))
                    for other in self.minimal(query, ordered, 1.0):
                        if other not in needed and other in self.alive:
                            needed.add(other)
                            waiting.append(other)
        return needed
