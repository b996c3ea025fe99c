"""What a person reads of a proof: a matrix of lemmas and actions as it fills, then what is assumed, discharged and open."""

from __future__ import annotations

import re
from collections import Counter
from types import TracebackType
from typing import Self

from rich.console import Console, Group
from rich.live import Live
from rich.text import Text

from model_check.explain import shown_place
from model_check.report import duration, number, put, verdict_line
from model_check.smt.report import print_counterexample_to_induction
from model_check.smt.unbounded.definedness import DEFINED
from model_check.smt.unbounded.ledger import solver_version
from model_check.smt.unbounded.obligations import IMPLICATION, INITIATION
from model_check.smt.unbounded.proof import Proof, Selection, assumptions, check_provable, scope_of
from model_check.smt.unbounded.prover import Discharge
from model_check.smt.unbounded.suggest import Suggestion
from model_check.trace import scope_option
from spec.language import Protocol, ir

_MARKS = {"unsat": ("·", "green"), "sat": ("x", "bold red"), "unknown": ("?", "bold yellow"), "not tried": ("-", "dim")}
_SLOWEST, _LOOPS = 3, 4


class Matrix:
    """The state of a run: a row for each lemma, a column for each action; live on a terminal, a line for each finished action elsewhere."""

    def __init__(self, out: Console, protocol: type[Protocol], selection: Selection) -> None:
        check_provable(protocol)
        self._out = out
        self._obligations = selection.of(protocol)
        self._found: dict[tuple[str, str], str] = {}
        self._left = Counter(o.action for o in self._obligations)
        self._open: Counter[str] = Counter()
        self._live = Live(console=out, transient=True, refresh_per_second=4) if out.is_terminal else None

    def __enter__(self) -> Self:
        if self._live is not None:
            self._live.start()
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        if self._live is not None:
            self._live.stop()

    def add(self, found: Discharge) -> None:
        """Show one more outcome."""
        action = found.obligation.action
        self._found[action, found.obligation.lemma] = found.result
        self._left[action] -= 1
        self._open[action] += not found.discharged
        if self._live is not None:
            self._live.update(Group(self._count(), *matrix_lines([(o.action, o.lemma) for o in self._obligations], self._found)))
        elif self._left[action] == 0:
            count = sum(o.action == action for o in self._obligations)
            self._out.print(Text(f"{action}: {count - self._open[action]} of {count} obligations discharged"))

    def _count(self) -> Text:
        bad = self._open.total()
        return Text(f"{len(self._found)} of {len(self._obligations)} obligations" + (f", {bad} open" if bad else ""), style="dim")


def matrix_lines(cells: list[tuple[str, str]], results: dict[tuple[str, str], str]) -> list[Text]:
    """The matrix: one line for each lemma, one character for each action."""
    actions, lemmas = list(dict.fromkeys(a for a, _ in cells)), list(dict.fromkeys(lemma for _, lemma in cells))
    known = set(cells)
    width = max(len(lemma) for lemma in lemmas)
    lines = [Text(f"{'':{width}}  " + " ".join(f"{n:>2}" for n in range(1, len(actions) + 1)), style="dim")]
    for lemma in lemmas:
        line = Text(f"{lemma:{width}}  ")
        for action in actions:
            mark, style = _MARKS[results[action, lemma]] if (action, lemma) in results else (" ", "")
            line.append(f" {mark} " if (action, lemma) in known else "   ", style=style)
        lines.append(line)
    return lines


def print_proof(out: Console, proof: Proof) -> None:
    """The report of a proof."""
    protocol = proof.protocol
    out.print(Text(protocol.ir.name, style="bold") + Text(f"  {scope_of(protocol)}", style="not bold"), soft_wrap=True)
    for rule in sorted(proof.without):
        put(out, f"without the rule {rule}", 0, style="yellow")
    put(out, f"assumed: {'; '.join(assumptions(protocol))}", 0, style="dim")
    out.print()
    results = {(f.obligation.action, f.obligation.lemma): f.result for f in proof.outcomes}
    for line in matrix_lines(list(results), results):
        out.print(line, soft_wrap=True)
    actions = dict.fromkeys(a for a, _ in results)
    put(out, "actions: " + ", ".join(f"{n} {a}" for n, a in enumerate(actions, start=1)), 0)
    put(out, "· discharged, x a counterexample to induction exists, ? the solver does not know, - not tried", 0, style="dim")
    out.print()
    for found in proof.open:
        if found.result != "not tried":
            _print_open(out, proof, found)
    _print_small_step(out, proof)
    _print_figures(out, proof)
    out.print(verdict_line(proof.verdict.replace("_", " "), _meaning(proof)), soft_wrap=True)


def _print_small_step(out: Console, proof: Proof) -> None:
    """The first counterexample to induction that small clusters gave, whole; how to see others, and whether its state can be reached."""
    found = [(f.obligation, f.counterexample) for f in proof.open if f.counterexample is not None]
    if not found:
        return
    (obligation, step), *others = found
    protocol = proof.protocol
    put(out, f"{obligation.action} / {obligation.lemma}, in a small cluster: {', '.join(f'{name}={size}' for name, size in step.sizes.items())}", 0)
    counterexample = step.counterexample(protocol, proof.without)
    start = "an initial state" if obligation.action == INITIATION else "a state that satisfies all lemmas"
    print_counterexample_to_induction(out, counterexample, start)
    out.print()
    if counterexample.steps:
        sizes = "".join(f" {scope_option(name)} {size}" for name, size in step.sizes.items())
        without = "".join(f" --without {rule}" for rule in sorted(proof.without))
        name = f"{_place(protocol.ir.place).rpartition(':')[0]}:{protocol.ir.name}"
        asked = "" if counterexample.explanation is None else f" --property {obligation.lemma}"
        put(out, f"Can a state like state 0 be reached: ionian induct {name}{sizes}{without}{asked}", 0)
    if others:
        listed = ", ".join(f"{o.action} / {o.lemma}" for o, _ in others)
        put(out, f"Small clusters show a step as well for {listed}: with --action and --lemma, or in --json FILE", 0)
    out.print()


def _print_figures(out: Console, proof: Proof) -> None:
    queries = sum(len(f.support) for f in proof.outcomes if f.discharged)
    done = len(proof.outcomes) - len(proof.open)
    resumed = f", {number(proof.resumed)} of them by an earlier run" if proof.resumed else ""
    put(out, f"{number(done)} of {number(len(proof.outcomes))} obligations discharged ({number(queries)} queries){resumed}", 0)
    _print_cycles(out, proof)
    slowest = sorted((f for f in proof.outcomes if not f.resumed and f.result != "not tried"), key=lambda f: -f.seconds)[:_SLOWEST]
    if slowest:
        put(out, "slowest: " + ", ".join(f"{f.obligation.action}/{f.obligation.lemma} {duration(f.seconds)}" for f in slowest), 0)
    put(out, f"{solver_version()}, seed {proof.limits.seed}, {proof.limits.timeout:g} s for each path, {duration(proof.seconds)} in all", 0)


def _print_cycles(out: Console, proof: Proof) -> None:
    """How much of the proof lies outside the decidable fragment, and for which cycles of sorts, the most frequent first."""
    outside = sum(bool(f.cycles) for f in proof.outcomes)
    if outside:
        loops = Counter(re.sub(r" \([^)]*\), \w+| \([^)]*\)$", "", cycle) for f in proof.outcomes for cycle in f.cycles)
        shown = ", ".join(f"{loop} ({number(count)})" for loop, count in loops.most_common(_LOOPS))
        rest = f", and {number(len(loops) - _LOOPS)} more" if len(loops) > _LOOPS else ""
        put(out, f"{number(outside)} of them outside the decidable fragment, by cycles of sorts (in full with --json FILE): {shown}{rest}", 0)


def _meaning(proof: Proof) -> str:
    count = len(proof.open)
    if proof.verdict == "proved":
        return "the selected obligations only: this alone proves nothing" if proof.selection else f"every invariant, for {scope_of(proof.protocol)}"
    if proof.stopped:
        return f"{proof.stopped} with {number(count)} obligations open; `--resume` goes on from here"
    where = ", ".join(dict.fromkeys(f.obligation.action for f in proof.open))
    return f"{number(count)} obligation{'s' if count != 1 else ''} open, of {where}"


def _print_open(out: Console, proof: Proof, found: Discharge) -> None:
    """An open obligation: the step, the lemma after it, and what the solver said."""
    obligation = found.obligation
    put(out, f"open: {obligation.action} / {obligation.lemma}", 0, style="bold")
    if obligation.lemma == DEFINED:
        what = "the properties" if obligation.action == IMPLICATION else obligation.action
        put(out, f"it is not shown that each expression of {what} has a value where it is evaluated; guard what may have none", 4)
    else:
        stated: tuple[ir.Property | ir.Refinement, ...] = (*proof.protocol.ir.properties, *proof.protocol.ir.refinements)
        lemma = next(p for p in stated if p.name == obligation.lemma)
        put(out, _step(proof.protocol, obligation.action, found.result), 4)
        put(out, f"{lemma.name} ({_place(lemma.place)}): {' '.join(lemma.doc.split())}", 4)
    if found.result == "unknown":
        late = found.reason in {"", "timeout", "canceled", "max. resource limit exceeded"}
        why = f"not decided within {proof.limits.timeout:g} s: give more time, or" if late else f"not decided ({found.reason}):"
        put(out, f"{why} add a lemma that this step needs", 4)
    out.print()


def _step(protocol: type[Protocol], name: str, result: str) -> str:
    """What is missing, as a sentence."""
    certain = result == "sat"
    if name == INITIATION:
        return f"an initial state {'breaks' if certain else 'may break'} the lemma"
    if name == IMPLICATION:
        return f"the theorem {'does' if certain else 'may'} not follow from the lemmas and the theorems before it"
    action = protocol.ir.action(name)
    doc = f": {' '.join(action.doc.split())}" if action.doc else ""
    verb = "breaks the lemma from some state that satisfies all lemmas (perhaps not a reachable one)" if certain else "is not shown to preserve the lemma"
    return f"{name} ({_place(action.place)}) {verb}{doc}"


def _place(place: ir.Place) -> str:
    return shown_place(place.file, place.line)


def print_suggestion(out: Console, found: Suggestion) -> None:
    """The lemmas found for a proof, or what stays open without more."""
    extent = f"all {number(found.states)} states" if found.all_states else f"{number(found.states)} states"
    lines = [f"{number(found.offered)} candidates, {found.true_there} of them true in {extent} of {found.scope_text}, {found.inductive} inductive"]
    if not found.open_before:
        lines.append("the proof is complete as it is")
    elif found.complete:
        lines += ["the proof is complete with these:", *(f"    {text}" for text in found.suggested.values())]
    else:
        lines += [f"not enough: {', '.join(found.open_after)} not proved; offer more with --candidates", *(f"    {text}" for text in found.suggested.values())]
    for line in lines:
        out.print(Text(line), soft_wrap=True)
