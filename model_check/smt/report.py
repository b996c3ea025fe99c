"""What a person reads of a bounded check or of an induction."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager

from rich.console import Console
from rich.live import Live
from rich.text import Text

from model_check.report import duration, number, print_counterexample, print_origin, put, verdict_line
from model_check.smt.bmc import BmcResult


@contextmanager
def live_depth(out: Console) -> Iterator[Callable[[int, float], None] | None]:
    """Show on a terminal, while the body runs, the depth covered so far; gives None where there is no terminal."""
    if not out.is_terminal:
        yield None
        return
    with Live(console=out, transient=True) as live:
        yield lambda depth, seconds: live.update(Text(f"no violation within {depth} steps, {seconds:.0f} s", style="dim"))


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
