"""What a person reads: progress while a search runs, then the verdict, the counterexample and the figures behind it."""

from __future__ import annotations

import textwrap
from collections.abc import Callable, Iterator, Sequence
from contextlib import AbstractContextManager, contextmanager
from typing import IO, TypeVar

from rich.console import Console
from rich.live import Live
from rich.table import Table
from rich.text import Text

from model_check.check import Result
from model_check.explain import Explanation
from model_check.search import ActionCoverage, Progress, in_bytes
from model_check.simulate import Simulation
from model_check.trace import Origin, Trace
from spec.language import State, Step

_STYLES = {
    **dict.fromkeys(("holds", "proved", "no violation found", "no departure found"), "bold green"),
    **dict.fromkeys(("violated", "not proved", "departs"), "bold red"),
    "inconclusive": "bold yellow",
}
_SHORT = 24

T = TypeVar("T")


def console(file: IO[str] | None = None, *, stderr: bool = False) -> Console:
    """A console that prints the text it is given, at 80 columns where there is no terminal to ask."""
    return Console(file=file, stderr=stderr, highlight=False, markup=False, emoji=False, soft_wrap=False)


@contextmanager
def live(out: Console, shown: Callable[[T], Text]) -> Iterator[Callable[[T], None] | None]:
    """Show on a terminal, while the body runs, what it was given last; gives None where there is no terminal."""
    if not out.is_terminal:
        yield None
        return
    with Live(console=out, transient=True, refresh_per_second=4) as display:
        yield lambda now: display.update(shown(now))


def live_progress(out: Console) -> AbstractContextManager[Callable[[Progress], None] | None]:
    """Show the progress of a search on a terminal while the body runs; gives None where there is no terminal."""
    return live(out, progress_line)


def progress_line(now: Progress) -> Text:
    """One look at a running search."""
    rate = now.distinct_states / now.seconds if now.seconds else 0
    return Text(
        f"depth {now.depth}  {number(now.distinct_states)} distinct of {number(now.generated_states)} states  {number(round(rate))}/s\n"
        f"frontier {number(now.frontier)}  memory {in_bytes(now.memory)}  {now.seconds:.0f} s  busiest action {now.busiest_action}",
        style="dim",
    )


def put(out: Console, text: str, indent: int, *, first: int | None = None, style: str = "") -> None:
    """Print a text with an indent, wrapped at the console's width with what follows indented further."""
    start = " " * (indent if first is None else first)
    wrapped = textwrap.wrap(text, out.width, initial_indent=start, subsequent_indent=" " * (indent + 2), break_on_hyphens=False, drop_whitespace=True)
    for line in wrapped or [""]:
        out.print(Text(line, style=style), soft_wrap=True)


def number(count: int) -> str:
    """A count with its thousands set apart."""
    return f"{count:,}"


def counted(count: int, noun: str, plural: str = "") -> str:
    """So many of something: `1 seed`, `20 seeds`, `3 entries`."""
    return f"{number(count)} {noun if count == 1 else plural or f'{noun}s'}"


def duration(seconds: float) -> str:
    """Seconds, with as many digits as a reader can use."""
    return f"{seconds:.2f} s" if seconds < 10 else f"{seconds:.0f} s"


def print_result(out: Console, result: Result, replay: str = "") -> None:
    """The report of a check; `replay` is the command that shows its counterexample again."""
    print_origin(out, result.origin)
    put(out, _settings(result), 0, style="dim")
    for warning in result.warnings:
        put(out, f"warning: {warning}", 0, style="yellow")
    if result.trace is not None and result.explanation is not None:
        out.print()
        print_counterexample(out, result.trace, result.explanation, _length(result), replay)
    out.print()
    print_coverage(out, result.coverage)
    print_witnesses(out, result.witnesses)
    out.print()
    out.print(Text(_figures(result)))
    out.print(_verdict(result))


def _length(result: Result) -> str:
    steps = len(result.trace.steps) if result.trace is not None else 0
    if result.bounds.start and not result.eager:
        return f"{steps} steps, the shortest way on from {result.bounds.start}"
    if result.eager:
        return f"{steps} steps; as messages are sent at once, a shorter one may exist"
    return f"{steps} steps, " + ("the shortest" if result.search == "breadth-first" else "found depth-first: a shorter one may exist")


def print_origin(out: Console, origin: Origin) -> None:
    """The protocol, its scope, and what was changed of it."""
    scope = ", ".join(f"{name}={size}" for name, size in origin.scope.sizes.items())
    out.print(Text(origin.spec, style="bold") + Text(f"  scope {scope}", style="not bold"))
    for rule in origin.without:
        put(out, f"without the rule {rule}", 0, style="yellow")
    for sort, system in origin.quorums:
        put(out, f"quorums of {sort}: {system}", 0, style="yellow")


def _settings(result: Result) -> str:
    found = [f"{result.engine} engine", result.search, *(reductions(result.symmetry, result.eager) or ["no reduction"])]
    bounds = result.bounds
    if bounds.max_depth is not None:
        found.append(f"at most {bounds.max_depth} steps deep")
    if bounds.constraints:
        found.append(f"only through states that satisfy {', '.join(bounds.constraints)}")
    if bounds.start:
        found.append(f"from {bounds.start}")
    return ", ".join(found)


def reductions(symmetry: bool, eager: bool) -> list[str]:
    """The reductions in force, in words."""
    return ["symmetry reduction"] * symmetry + ["messages sent at once, forgotten once dead"] * eager


def print_trace(out: Console, trace: Trace) -> None:
    """Each step with its arguments, and only what it changed."""
    print_steps(out, "initial state", [step for step, _ in trace.steps], trace.states)


def print_steps(out: Console, start: str, steps: Sequence[Step], states: Sequence[State]) -> None:
    """The first state, then each step with what it changed; a last one without a value leads to no state."""
    out.print(Text(f"   0  {start}", style="bold"))
    for line in repr(states[0]).splitlines():
        put(out, line, 8)
    for position, step in enumerate(steps, start=1):
        put(out, f"{position:>4}  {step}", 6, first=0, style="bold")
        if position < len(states):
            for line in states[position - 1].diff(states[position]) or ["(nothing changes)"]:
                put(out, line, 8)


def print_counterexample(out: Console, trace: Trace, explanation: Explanation, length: str, replay: str = "") -> None:
    """The behaviour, then the property it violates, the conjunct that fails, and the values in it; then the command that replays it."""
    out.print(Text(f"Counterexample ({length})"))
    print_trace(out, trace)
    out.print()
    print_explanation(out, explanation)
    if replay:
        out.print()
        out.print(Text(f"Replay: {replay}"), soft_wrap=True)


def print_explanation(out: Console, found: Explanation, word: str = "Violated") -> None:
    """A violated property: its meaning and place, the failing conjunct, the falsifying values."""
    out.print(Text(f"{word}: {found.property}", style="bold red") + Text(f"  ({found.place})", style="not bold"))
    if found.doc:
        put(out, found.doc.splitlines()[0], 2)
    put(out, f"false: {found.conjunct}  ({found.conjunct_place})", 2)
    if found.given:
        put(out, f"given: {' and '.join(found.given)}", 2)
    shown = [f"{text} = {value}" for text, value in found.values]
    short = [text for text in shown if len(text) <= _SHORT]
    if short:
        put(out, ", ".join(short), 2)
    for text in shown:
        if text not in short:
            put(out, text, 2)


def print_coverage(out: Console, coverage: dict[str, ActionCoverage]) -> None:
    """How often each action was evaluated and enabled, and what it led to; then those never taken."""
    table = Table(box=None, pad_edge=False)
    table.add_column("action", overflow="fold")
    for heading in ("evaluated", "enabled", "new states"):
        table.add_column(heading, justify="right")
    for name, count in coverage.items():
        table.add_row(Text(name), number(count.evaluated), number(count.enabled), number(count.new))
    out.print(table)
    never = [name for name, count in coverage.items() if count.enabled == 0]
    if never:
        put(out, f"actions never taken: {', '.join(never)}", 0, style="yellow")


def print_witnesses(out: Console, witnesses: dict[str, int | None]) -> None:
    """The witnesses reached, with their depth, and those not reached."""
    reached = [f"{name} (depth {depth})" for name, depth in witnesses.items() if depth is not None]
    missed = [name for name, depth in witnesses.items() if depth is None]
    if reached:
        put(out, f"witnesses reached: {', '.join(reached)}", 0)
    if missed:
        put(out, f"witnesses not reached: {', '.join(missed)}", 0, style="yellow")


def _figures(result: Result) -> str:
    rate = f" ({number(round(result.distinct_states / result.seconds))} distinct states/s)" if result.seconds >= 0.01 else ""
    compiled = f"compiling {duration(result.compile_seconds)}, " if result.engine == "native" else ""
    chance = result.collision_chance
    missed = "states compared in full, not by fingerprint" if chance == 0 else f"chance that a state was missed (fingerprints): {chance:.1e}"
    return (
        f"{number(result.distinct_states)} distinct states, {number(result.generated_states)} generated, depth {result.depth}\n"
        f"{compiled}exploring {duration(result.seconds)}{rate}, memory {in_bytes(result.memory)}\n{missed}"
    )


def _verdict(result: Result) -> Text:
    if result.verdict == "holds":
        where = "within this scope and the bounds above" if result.bounds else "within this scope: every reachable state was checked"
    elif result.verdict == "violated":
        where = f"{result.property}, after {len(result.trace.steps) if result.trace else 0} steps"
    else:
        where = f"stopped: {result.stopped}; no violation in what was covered so far"
    return verdict_line(result.verdict, where)


def print_images(out: Console, abstract: str, trace: Trace, images: tuple[State, ...]) -> None:
    """What the last step of a trace (or its initial state) stands for in the abstract protocol, which does not allow it."""
    put(out, f"{abstract} has no such step. Its states:" if trace.steps else f"{abstract} does not start there. Its state:", 0)
    for label, image in zip(("before", "after"), images, strict=False):
        put(out, label if trace.steps else "mapped", 2)
        for line in repr(image).splitlines():
            put(out, line, 4)


def print_simulation(out: Console, result: Simulation, replay: str = "") -> None:
    """The report of random walks; `replay` is the command that shows a counterexample again."""
    print_origin(out, result.origin)
    put(out, f"{result.engine} engine, random walks, seed {result.seed}", 0, style="dim")
    if result.trace is not None and result.explanation is not None:
        out.print()
        length = f"{counted(len(result.trace.steps), 'step')}, found at random: a shorter one may exist"
        print_counterexample(out, result.trace, result.explanation, length, replay)
    out.print()
    print_coverage(out, result.coverage)
    print_witnesses(out, result.witnesses)
    out.print()
    rate = f" ({number(round(result.steps / result.seconds))} steps/s)" if result.seconds >= 0.01 else ""
    compiled = f"compiling {duration(result.compile_seconds)}, " if result.engine == "native" else ""
    out.print(Text(f"{counted(result.walks, 'walk')}, {counted(result.steps, 'step')}, {counted(result.distinct_states, 'distinct state')}"))
    out.print(Text(f"{compiled}walking {duration(result.seconds)}{rate}"))
    where = {"violated": f"{result.property}, in walk {result.walks}", "inconclusive": f"stopped: {result.stopped}"}
    out.print(verdict_line(result.verdict, where.get(result.verdict, "in these walks: other behaviours were not checked")))


def verdict_line(verdict: str, where: str) -> Text:
    """The last line of a report."""
    return Text(verdict.upper(), style=_STYLES[verdict]) + Text(f"  {where}", style="not bold default")
