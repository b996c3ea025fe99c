"""`ionian refine SPEC ABSTRACT`: check a refinement mapping on every transition; `ionian refine impl NAME`: that of an implementation, in runs."""

from __future__ import annotations

from pathlib import Path
from typing import Any, Unpack

import click
from rich.text import Text

from model_check.check import EXIT_STATUS
from model_check.cli.common import Asked, SpecCommand, reductions_again, replay_command, search_options, settings_of
from model_check.cli.files import result_options, write_counterexample, write_json
from model_check.cli.refine_impl import refine_impl
from model_check.cli.specs import find_protocol
from model_check.refine import RefinementResult
from model_check.refine import refine as run_refine
from model_check.report import console, duration, live_progress, number, print_images, print_origin, print_trace, put, reductions, verdict_line
from spec.language import Protocol


class RefineCommand(SpecCommand):
    """Between two specs; with `impl` in place of the first one, of an implementation."""

    def make_context(self, info_name: str | None, args: list[str], parent: click.Context | None = None, **extra: Any) -> click.Context:
        """Hand over to the other command where it is meant."""
        if args[:1] == ["impl"]:
            return refine_impl.make_context(f"{info_name} impl", args[1:], parent, **extra)
        return super().make_context(info_name, args, parent, **extra)


@click.command(cls=RefineCommand)
@click.argument("abstract")
@search_options
@result_options
def refine(
    *,
    protocol: Protocol,
    abstract: str,
    json_file: Path | None,
    itf_file: Path | None,
    **asked: Unpack[Asked],
) -> int:
    """Check that every step of SPEC, seen through its refinement mapping, is a step of ABSTRACT or none.

    `ionian refine paxos voting`, `ionian refine voting consensus`, `ionian refine raft replicated-log`.

    `ionian refine impl raft` holds the implementation against its spec; see `ionian refine impl --help`.
    """
    with live_progress(console(stderr=True)) as progress:
        result = run_refine(protocol, find_protocol(abstract), progress=progress, **settings_of(protocol, asked))
    write_counterexample(itf_file, result.trace)
    write_json(json_file, result.to_json())
    _print(result, replay_command(_search(result, abstract), itf_file))
    return EXIT_STATUS[result.verdict]


def _search(result: RefinementResult, abstract: str) -> list[str]:
    """The words that search again."""
    spec, *rest = result.origin.arguments()
    again = ["refine", spec, abstract, *rest, "--engine", result.engine, *reductions_again(result.symmetry, result.eager)]
    return again + ([] if result.max_depth is None else ["--max-depth", str(result.max_depth)])


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
