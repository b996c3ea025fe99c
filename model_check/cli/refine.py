"""`ionian refine SPEC ABSTRACT`: check a refinement mapping on every transition; `ionian refine impl NAME`: that of an implementation, in runs."""

from __future__ import annotations

import shlex
from pathlib import Path
from typing import Any

import click
from rich.text import Text

from model_check.check import EXIT_STATUS
from model_check.cli.common import (
    SpecCommand,
    build,
    find_protocol,
    output_option,
    protocol_options,
    reductions_again,
    reductions_of,
    search_options,
    write_counterexample,
    write_json,
)
from model_check.cli.refine_impl import refine_impl
from model_check.refine import RefinementResult
from model_check.refine import refine as run_refine
from model_check.report import console, duration, live_progress, number, print_images, print_origin, print_trace, put, reductions, verdict_line


class RefineCommand(SpecCommand):
    """Between two specs; with `impl` in place of the first one, of an implementation."""

    def make_context(self, info_name: str | None, args: list[str], parent: click.Context | None = None, **extra: Any) -> click.Context:
        """Hand over to the other command where it is meant."""
        if args[:1] == ["impl"]:
            return refine_impl.make_context(f"{info_name} impl", args[1:], parent, **extra)
        return super().make_context(info_name, args, parent, **extra)


@click.command(cls=RefineCommand)
@click.argument("spec")
@click.argument("abstract")
@protocol_options
@search_options
@output_option("--json", "json_file", help_text="Write the whole result.")
@output_option("--itf", "itf_file", help_text="Write the counterexample as a trace.")
def refine(
    *,
    spec: str,
    abstract: str,
    sizes: dict[str, int | None],
    without: tuple[str, ...],
    quorum_texts: tuple[str, ...],
    engine: str,
    symmetry: bool | None,
    eager: bool | None,
    workers: int,
    max_memory: int | None,
    max_depth: int | None,
    json_file: Path | None,
    itf_file: Path | None,
) -> int:
    """Check that every step of SPEC, seen through its refinement mapping, is a step of ABSTRACT or none.

    `ionian refine paxos voting`, `ionian refine voting consensus`, `ionian refine raft replicated-log`.

    `ionian refine impl raft` holds the implementation against its spec; see `ionian refine impl --help`.
    """
    protocol = build(spec, sizes, without, quorum_texts)
    symmetric, at_once = reductions_of(protocol, symmetry, eager, max_depth)
    with live_progress(console(stderr=True)) as progress:
        result = run_refine(
            protocol,
            find_protocol(abstract),
            engine=engine,
            symmetry=symmetric,
            eager=at_once,
            workers=workers,
            max_depth=max_depth,
            max_memory=max_memory,
            progress=progress,
        )
    write_counterexample(itf_file, result.trace)
    write_json(json_file, result.to_json())
    _print(result, _replay_command(result, abstract, itf_file))
    return EXIT_STATUS[result.verdict]


def _replay_command(result: RefinementResult, abstract: str, itf_file: Path | None) -> str:
    """The command that shows the counterexample again."""
    if itf_file is not None:
        return f"ionian replay {shlex.quote(str(itf_file))}"
    spec, *rest = result.origin.arguments()
    again = ["ionian", "refine", spec, abstract, *rest, "--engine", result.engine, *reductions_again(result.symmetry, result.eager)]
    again += [] if result.max_depth is None else ["--max-depth", str(result.max_depth)]
    return f"{shlex.join([*again, '--itf', 'trace.itf.json'])} ; ionian replay trace.itf.json"


def _print(result: RefinementResult, replay: str) -> None:
    """The report: figures, and for a violation the trace with the abstract states around its last step."""
    out = console()
    print_origin(out, result.origin)
    depth = "" if result.max_depth is None else f", at most {result.max_depth} steps deep"
    reduction = "".join(f", {name}" for name in reductions(result.symmetry, result.eager))
    put(out, f"refinement mapping `{result.mapping}` to {result.abstract}, {result.engine} engine{reduction}{depth}", 0, style="dim")
    if result.trace is not None:
        out.print()
        print_trace(out, result.trace)
        out.print()
        print_images(out, result.abstract, result.trace, result.images)
        out.print()
        out.print(Text(f"Replay: {replay}"), soft_wrap=True)
    out.print()
    counts = f"{number(result.distinct_states)} distinct states, {number(result.transitions)} transitions checked"
    out.print(Text(f"{counts}, depth {result.depth}, {duration(result.seconds)}"))
    where = {
        "holds": f"every step is a step of {result.abstract} or changes nothing in it{depth}",
        "violated": f"{result.mapping}, after {len(result.trace.steps) if result.trace else 0} steps",
        "inconclusive": f"stopped: {result.stopped}",
    }
    out.print(verdict_line(result.verdict, where[result.verdict]))
