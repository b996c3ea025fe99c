"""The figures as one page of Markdown."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence

from benchmarks.figures import Exploration, Figures, targets

VERDICTS = {True: "met", False: "**not met**", None: "not measured"}

_OPENING = """\
# What was measured

Written by `{command}` on {date}; to repeat it, run that on a quiet machine. The peers take part where
they are found: `spin` and `gcc` on the `PATH`, TLC through `TLA2TOOLS_JAR=/path/to/tla2tools.jar` with `java`.
Load of the machine before the first measurement: {load:.2f}."""

_EXPLORING = """\
All explorers of a space found the same number of distinct states and the same depth, or there would be no table.
Rates are distinct states a second by the median of the runs; no symmetry anywhere.

- **Ionian** times exploring, with compiled code at hand, all properties and witnesses checked, states told apart by
  64-bit fingerprints, and links for shortest counterexamples kept.
- **Spin** runs a model written to make it fast (`paxos.pml`: state packed into bytes, guards and updates in C,
  agreement and validity evaluated only where a step can break them) in its exact searches on one core. The times are
  its own, in hundredths of a second, after code generation and `gcc -O3`.
- **TLC** runs what `ionian export tla` writes, with two workers. The times run from start to exit, Java's start
  included, because TLC gives whole seconds."""


def render(found: Figures, command: str, date: str, load: float, machine: Mapping[str, str], versions: Mapping[str, str]) -> str:
    """The page."""
    parts = [
        _OPENING.format(command=command, date=date, load=load),
        table(["machine", ""], [*machine.items(), *versions.items()]),
        "## Targets",
        table(["target", "figure", ""], [(t.aim, t.figure, VERDICTS[t.met]) for t in targets(found)]),
    ]
    for title, section in (("Exploring", _exploring), ("Compiling", _compiling), ("Commands", _commands)):
        parts += [f"## {title}", *section(found)]
    parts += ["## Not measured", "\n".join(f"- {reason}" for reason in found.skipped)] if found.skipped else []
    return "\n\n".join(parts) + "\n"


def exploration_row(e: Exploration) -> tuple[str, ...]:
    """One line of the table of explorations."""
    memory = "" if e.memory is None else f"{e.memory / 1e6:,.0f} MB"
    counts = f"{e.distinct_states:,}", str(e.depth)
    times = f"{e.best:.3f}", f"{e.median:.3f}", str(len(e.seconds))
    return e.run.name, e.explorer, str(e.workers), *counts, *times, f"{e.rate:,.0f}", memory


def _exploring(found: Figures) -> Iterable[str]:
    header = ["space", "explorer", "workers", "distinct states", "depth", "best s", "median s", "runs", "states/s", "memory"]
    order = {name: i for i, name in enumerate(dict.fromkeys(e.run.name for e in found.explorations))}
    rows = sorted(found.explorations, key=lambda e: order[e.run.name])
    yield _EXPLORING
    yield table(header, map(exploration_row, rows))


def _compiling(found: Figures) -> Iterable[str]:
    yield "Seconds before exploring, each in a process of its own: with an empty cache, then with the program in it."
    yield table(["program", "first s", "from the cache s"], [(c.name, f"{c.first:.1f}", f"{c.cached:.2f}") for c in found.compilings])


def _commands(found: Figures) -> Iterable[str]:
    yield "From start to exit, each with an empty cache, so that compiling is in it."
    check, breaking = found.default_check, found.breaking
    if check is not None:
        missed = ", ".join(check.missed) or "none"
        yield (
            f"`ionian check raft`: {check.wall:.1f} s ({check.compiling:.1f} s compiling, {check.exploring:.1f} s exploring), {check.verdict},"
            f" {check.distinct_states:,} distinct states; witnesses not reached: {missed}."
        )
    if breaking is not None:
        yield f"`ionian break raft`: {breaking.wall:.1f} s for {len(breaking.rules)} rules."
        rows = [(b.rule, b.verdict, b.property, "" if b.length is None else str(b.length), f"{b.seconds:.1f}") for b in breaking.rules]
        yield table(["rule removed", "verdict", "property", "steps", "s"], rows)
    if check is None and breaking is None:
        yield "None was measured."


def table(header: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    """A table in Markdown."""
    lines = [header, ["---"] * len(header), *rows]
    return "\n".join(f"| {' | '.join(line)} |" for line in lines)
