"""Obligations as SMT-LIB 2.6 files: self-contained, to be read by people and by other solvers.

One file for each path of an obligation, in the logic UF (free sorts, functions, quantifiers): the axioms, what the path
assumes, the lemmas that it needs, and the negated goal. An enumeration is a sort of its members, all different.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from pathlib import Path

import z3

from model_check.smt.unbounded.obligations import Obligation, Query
from model_check.smt.unbounded.prover import Prover, Support
from model_check.smt.unbounded.universe import subterms
from spec.language import IonianError

_PLAIN = re.compile(r"[A-Za-z~!@$%^&*_+=<>.?/-][0-9A-Za-z~!@$%^&*_+=<>.?/-]*")


def script(prover: Prover, obligation: Obligation, query: Query, support: Support) -> str:
    """One path's query, expected to be unsatisfiable, with a comment on each part."""
    encoding = prover.encoding
    # Before the axioms are read: what a lemma is the first to speak of brings axioms of its own.
    lemmas = [(name, prover.known(name)) for name in support]
    parts: list[tuple[str, Sequence[z3.BoolRef]]] = [
        ("Orders, quorums, types", encoding.axioms),
        ("The path is taken", query.facts),
        *((f"Known before: {name}", [formula]) for name, formula in lemmas),
        (f"To be refuted: {obligation.lemma} fails", [query.goal]),
    ]
    lines = [
        "(set-info :smt-lib-version 2.6)",
        f"; {encoding.ir.name}: action {obligation.action}, lemma {obligation.lemma}",
        f"; from: {', '.join(support) or 'the axioms alone'}",
        "(set-logic UF)",
        '(set-info :category "industrial")',
        "(set-info :status unsat)",
        *_declarations([f for _, formulas in parts for f in formulas]),
    ]
    for title, formulas in parts:
        if formulas:
            lines += ["", f"; {title}", *(f"(assert {_text(f)})" for f in formulas)]
    return "\n".join([*lines, "", "(check-sat)", ""])


def write_all(prover: Prover, supports: Mapping[Obligation, tuple[Support, ...]], folder: Path) -> list[Path]:
    """Write every obligation's queries into a folder, `action.lemma.path.smt2`.

    Raises IonianError where an obligation has no support for some path (prove it first), or a file cannot be written.
    """
    written = []
    try:
        folder.mkdir(parents=True, exist_ok=True)
        for obligation in prover.encoding.obligations:
            queries, known = prover.encoding.queries(obligation), supports.get(obligation, ())
            if len(queries) != len(known):
                raise IonianError(f"{obligation.action}, {obligation.lemma}: no support is known for each of its {len(queries)} paths; prove it first")
            for number, (query, support) in enumerate(zip(queries, known, strict=True)):
                path = folder / f"{obligation.action}.{obligation.lemma}.{number}.smt2"
                path.write_text(script(prover, obligation, query, support), encoding="utf-8")
                written.append(path)
    except OSError as error:
        raise IonianError(f"{folder} cannot be written: {error.strerror}") from None
    return written


def _symbol(name: str) -> str:
    return name if _PLAIN.fullmatch(name) else f"|{name}|"


def _declarations(formulas: Sequence[z3.ExprRef]) -> list[str]:
    """Sorts, enumerations and functions that formulas use, each kind in the order of names."""
    sorts: dict[str, z3.SortRef] = {}
    functions: dict[str, z3.FuncDeclRef] = {}
    for item in subterms(formulas):
        if z3.is_quantifier(item):
            sorts.update((item.var_sort(i).name(), item.var_sort(i)) for i in range(item.num_vars()))
            continue
        sorts[item.sort().name()] = item.sort()
        if z3.is_app(item) and item.decl().kind() == z3.Z3_OP_UNINTERPRETED:
            declared = functions.setdefault(item.decl().name(), item.decl())
            assert declared.eq(item.decl()), f"two functions are called {item.decl().name()}"
    lines = []
    for name, sort in sorted(sorts.items()):
        if sort.kind() != z3.Z3_BOOL_SORT:
            lines.append(f"(declare-sort {_symbol(name)} 0)")
        if sort.kind() == z3.Z3_DATATYPE_SORT:
            lines += _enumeration(name, [sort.constructor(i).name() for i in range(sort.num_constructors())])
    for name, function in sorted(functions.items()):
        domain = " ".join(_symbol(function.domain(i).name()) for i in range(function.arity()))
        lines.append(f"(declare-fun {_symbol(name)} ({domain}) {_symbol(function.range().name())})")
    return lines


def _enumeration(sort: str, members: Sequence[str]) -> list[str]:
    names = [_symbol(m) for m in members]
    either = " ".join(f"(= x {name})" for name in names)
    different = [f"(assert (distinct {' '.join(names)}))"] if len(names) > 1 else []
    return [
        *(f"(declare-const {name} {_symbol(sort)})" for name in names),
        *different,
        f"(assert (forall ((x {_symbol(sort)})) {f'(or {either})' if len(names) > 1 else either}))",
    ]


def _text(formula: z3.ExprRef) -> str:
    """A formula as an S-expression; Z3 quotes what has to be quoted, and names what occurs often."""
    z3.set_param("pp.max_width", 120)
    return str(formula.sexpr())
