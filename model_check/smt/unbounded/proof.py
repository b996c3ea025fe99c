"""A proof for clusters of any size: choose the obligations, discharge them, say what that amounts to."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from model_check.smt.unbounded.definedness import DEFINED
from model_check.smt.unbounded.ledger import Notes, entry_of, read_ledger, solver_version
from model_check.smt.unbounded.obligations import Obligation, obligations_of
from model_check.smt.unbounded.prover import Discharge, Hint, Limits
from model_check.smt.unbounded.workers import Task, discharge_all
from spec.language import Protocol, SpecError, ir

EXIT_STATUS = {"proved": 0, "not_proved": 3, "inconclusive": 3}


@dataclass(frozen=True)
class Selection:
    """The obligations asked for: those of some lemmas and some actions, all where nothing is named."""

    lemmas: tuple[str, ...] = ()
    actions: tuple[str, ...] = ()

    def __bool__(self) -> bool:
        return bool(self.lemmas or self.actions)

    def of(self, protocol: type[Protocol]) -> list[Obligation]:
        """The selected obligations; SpecError for names that the proof does not have."""
        found = obligations_of(protocol)
        for kind, names, known in (
            ("lemma", self.lemmas, dict.fromkeys(o.lemma for o in found)),
            ("action", self.actions, dict.fromkeys(o.action for o in found)),
        ):
            for name in names:
                if name not in known:
                    raise SpecError(f"{protocol.ir.name} has no {kind} `{name}` to prove; there are {', '.join(known)}")
        chosen = [o for o in found if (not self.lemmas or o.lemma in self.lemmas) and (not self.actions or o.action in self.actions)]
        if not chosen:
            raise SpecError(f"{protocol.ir.name} has no obligation for {', '.join((*self.lemmas, *self.actions))} together")
        return chosen


@dataclass(frozen=True)
class Proof:
    """What a run of the prover has shown."""

    protocol: type[Protocol]
    outcomes: tuple[Discharge, ...]
    selection: Selection
    without: frozenset[str]
    limits: Limits
    seconds: float
    stopped: str = ""

    @property
    def open(self) -> list[Discharge]:
        """The obligations that are not discharged."""
        return [f for f in self.outcomes if not f.discharged]

    @property
    def verdict(self) -> str:
        """`proved`: every selected obligation is discharged; `not_proved`: some has a counterexample to induction."""
        if not self.open:
            return "proved"
        return "not_proved" if any(f.result == "sat" for f in self.open) else "inconclusive"

    @property
    def resumed(self) -> int:
        """How many obligations an earlier run had discharged."""
        return sum(f.resumed for f in self.outcomes)

    def to_json(self) -> dict[str, Any]:
        """The whole result as data."""
        return {
            "spec": self.protocol.ir.name,
            "verdict": self.verdict,
            "scope": scope_of(self.protocol),
            "assumed": assumptions(self.protocol),
            "without": sorted(self.without),
            "selected": {"lemmas": list(self.selection.lemmas), "actions": list(self.selection.actions)},
            "solver": solver_version(),
            "seed": self.limits.seed,
            "timeout": self.limits.timeout,
            "obligations": [_entry(f) for f in self.outcomes],
            "resumed": self.resumed,
            "stopped": self.stopped,
            "seconds": round(self.seconds, 2),
        }


def _entry(found: Discharge) -> dict[str, Any]:
    """An outcome as data; what is open, with its reason or its counterexample; what is not stratified, with its cycles of sorts."""
    entry = entry_of(found)
    if found.cycles:
        entry["cycles"] = list(found.cycles)
    if found.reason:
        entry["reason"] = found.reason
    if found.counterexample is not None:
        entry["counterexample_to_induction"] = found.counterexample.to_json()
    return entry


def scope_of(protocol: type[Protocol]) -> str:
    """For which sizes a proof speaks."""
    return f"any number of {', '.join(s.name for s in protocol.ir.sorts)} and of messages"


def assumptions(protocol: type[Protocol]) -> list[str]:
    """The axioms of a proof."""
    ordered = [f"{s.name} is totally ordered, with a least element" for s in protocol.ir.sorts if s.ordered]
    return [*ordered, *(f"any two quorums of {name} have a member in common" for name in sorted(ir.sorts_with_quorums(protocol.ir)))]


def _at(place: ir.Place) -> tuple[str, int, int]:
    return place.file, place.line, place.column


def check_provable(protocol: type[Protocol]) -> None:
    """SpecError where a protocol does not say what a proof needs: the order of its sorts, theorems that it has."""
    name, at = protocol.ir.name, _at(protocol.ir.place)
    example = ", ".join(s.name for s in protocol.ir.sorts)
    if not protocol.order:
        raise SpecError(f"{name} has no order of sorts; a proof needs one, from the highest to the lowest: `order = ({example})`", *at)
    missing = [s.name for s in protocol.ir.sorts if s.cls not in protocol.order]
    if missing:
        raise SpecError(f"`order` of {name} lacks {', '.join(missing)}; name every sort, from the highest to the lowest", *at)
    reserved = next((p for p in protocol.ir.properties if p.name == DEFINED), None)
    if reserved is not None:
        raise SpecError(f"`{DEFINED}` is what a proof calls that every expression has a value; give this {reserved.kind} another name", *_at(reserved.place))
    known = [p.name for p in protocol.ir.of_kind("invariant")]
    for theorem in protocol.theorems:
        if theorem not in known:
            raise SpecError(f"`theorems` of {name} names `{theorem}`, which is no invariant or lemma of it; there are {', '.join(known)}", *at)


def prove(
    load: Callable[[], type[Protocol]],
    *,
    selection: Selection = Selection(),
    without: Sequence[str] = (),
    limits: Limits = Limits(),
    jobs: int = 2,
    resume: bool = False,
    progress: Callable[[Discharge], None] = lambda _: None,
) -> Proof:
    """Discharge the obligations of the protocol that `load` gives (in this process and in the workers, so it must be picklable).

    Ctrl-C ends the run in good order: what was discharged so far is in the result, and noted for `resume`.
    """
    began = time.perf_counter()
    protocol = load()
    check_provable(protocol)
    removed = frozenset(protocol.rule_named(name) for name in without)
    wanted = selection.of(protocol)
    found: dict[Obligation, Discharge] = {}
    stopped = ""
    notes = Notes(protocol, removed, resume)
    hints = {**read_ledger(protocol), **notes.read()}
    with notes:

        def note(outcome: Discharge) -> None:
            found[outcome.obligation] = outcome
            notes.add(outcome)
            progress(outcome)

        try:
            discharge_all(Task(load, removed, hints, limits), _longest_first(wanted, hints), jobs, note)
        except KeyboardInterrupt:
            stopped = "interrupted"
    outcomes = tuple(found.get(o) or Discharge(o, "not tried") for o in wanted)
    return Proof(protocol, outcomes, selection, removed, limits, time.perf_counter() - began, stopped)


def _longest_first(obligations: Sequence[Obligation], hints: Mapping[Obligation, Hint]) -> list[Obligation]:
    """What took long before goes first, so that no process is left alone with it at the end; unknown ones even before."""
    return sorted(obligations, key=lambda o: -hints[o].seconds if o in hints else float("-inf"))
