"""What a person reads of a bounded check or of an induction."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import AbstractContextManager

from rich.console import Console
from rich.table import Table
from rich.text import Text

from model_check.report import duration, live, number, print_counterexample, print_explanation, print_origin, print_steps, put, verdict_line
from model_check.smt.bmc import BmcResult
from model_check.smt.induction import InductionResult
from model_check.smt.unrolling import Counterexample


def live_line(out: Console) -> AbstractContextManager[Callable[[str], None] | None]:
    """Show on a terminal, while the body runs, the line it was given last; gives None where there is no terminal."""
    return live(out, lambda text: Text(text, style="dim"))


def print_bmc(out: Console, result: BmcResult, replay: str = "") -> None:
    """The report of bounded model checking; `replay` is the command that shows its counterexample again."""
    print_origin(out, result.origin)
    found = [f"Z3, all behaviours of at most {result.max_depth} steps"]
    if result.ordered_sorts:
        found.append(f"elements of {', '.join(result.ordered_sorts)} used in their order")
    if result.bounds.constraints:
        found.append(f"only through states that satisfy {', '.join(result.bounds.constraints)}")
    if result.bounds.start:
        found.append(f"from {result.bounds.start}")
    put(out, ", ".join(found), 0, style="dim")
    out.print()
    if result.trace is not None and result.explanation is not None:
        on = f" way on from {result.bounds.start}" if result.bounds.start else ""
        print_counterexample(out, result.trace, result.explanation, f"{result.depth} steps, the shortest{on}")
        if replay:
            out.print()
            out.print(Text(f"Replay: {replay}"), soft_wrap=True)
        out.print()
    slowest = max(range(len(result.depth_seconds)), key=lambda d: result.depth_seconds[d], default=0)
    share = f", {duration(result.depth_seconds[slowest])} of them for depth {slowest}" if result.depth_seconds else ""
    out.print(Text(f"{number(result.clauses)} clauses, {duration(result.seconds)}{share}"))
    out.print(_verdict(result))


def _verdict(result: BmcResult) -> Text:
    if result.verdict == "holds":
        return verdict_line("holds", f"within this scope for {result.depth} steps: longer behaviours were not checked")
    if result.verdict == "violated":
        return verdict_line("violated", f"{result.property}, after {result.depth} steps")
    covered = f"no violation within {result.depth} steps" if result.depth >= 0 else "nothing is known yet"
    return verdict_line("inconclusive", f"stopped: {result.stopped}; {covered}")


def print_induction(out: Console, result: InductionResult) -> None:
    """The report of an attempt at induction."""
    print_origin(out, result.origin)
    put(out, f"Z3, {_how(result)}", 0, style="dim")
    out.print()
    if result.goals:
        table = Table("property", "", box=None, pad_edge=False)
        table.add_column("seconds", justify="right")
        for name, (word, seconds) in result.goals.items():
            table.add_row(name, Text(word, style="" if word == "inductive" else "bold yellow"), f"{seconds:.2f}")
        out.print(table)
        out.print()
    if result.counterexample is not None:
        print_counterexample_to_induction(out, result.counterexample)
    if result.violation is not None and result.violation.trace is not None and result.violation.explanation is not None:
        print_counterexample(out, result.violation.trace, result.violation.explanation, f"{result.violation.depth} steps, the shortest")
        out.print()
    out.print(Text(duration(result.seconds)))
    out.print(_induction_verdict(result))


def _how(result: InductionResult) -> str:
    start = "any well-typed state"
    if result.bounded:
        start += f" with at most {result.slots} members in {' and in '.join(result.bounded)}"
    if result.k == 1:
        return f"one step from {start} that satisfies all invariants"
    return f"{result.k} steps from {start}, through different states that satisfy all invariants"


def print_counterexample_to_induction(out: Console, found: Counterexample, start: str = "a state that satisfies all invariants") -> None:
    """The states and steps, what fails at the end, and whether the first state can be reached, where that was asked."""
    out.print(Text("Counterexample to induction"))
    print_steps(out, start, found.steps, found.states)
    out.print()
    if found.explanation is not None:
        print_explanation(out, found.explanation, "Not inductive")
    elif found.images:
        out.print(Text(f"Not refined: {found.goal}, which makes of this", style="bold yellow"))
        first, *rest = found.images
        for line in (after_line for after in rest for after_line in first.diff(after)) if rest else repr(first).splitlines():
            put(out, line, 2)
    else:
        out.print(Text(f"Not inductive: {found.goal}", style="bold yellow"))
        if found.without_value:
            put(out, found.without_value, 2)
    if not found.reachable:
        return
    words = {"reachable": "state 0 is reachable", "not reachable": "state 0 is not reachable at this scope"}
    put(out, f"{words.get(found.reachable, 'whether state 0 is reachable is not known')} (explorer: {found.searched})", 0)
    out.print()


def _induction_verdict(result: InductionResult) -> Text:
    if result.verdict == "holds":
        bounds = " and the bounds above" if result.bounded else ""
        return verdict_line("holds", f"within this scope{bounds}: all {len(result.goals)} are inductive together")
    if result.verdict == "violated":
        name = result.violation.property if result.violation is not None else ""
        return verdict_line("violated", f"{name}, after {result.violation.depth if result.violation is not None else 0} steps")
    if result.stopped:
        return verdict_line("inconclusive", f"stopped: {result.stopped}")
    failing = [name for name, (word, _) in result.goals.items() if word != "inductive"]
    return verdict_line("inconclusive", f"not inductive: {', '.join(failing)} (no violation)")
