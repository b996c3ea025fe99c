"""`ionian refine SPEC ABSTRACT`: check a refinement mapping on every transition; `ionian refine impl NAME`: that of an implementation, in runs."""

from __future__ import annotations

from pathlib import Path
from typing import Any, Unpack

import click
from rich.text import Text

from model_check.check import EXIT_STATUS
from model_check.cli.common import Asked, SpecCommand, find_protocol, output_option, protocol_options, search_options, settings_of, write_json
from model_check.cli.refine_impl import refine_impl
from model_check.refine import RefinementResult
from model_check.refine import refine as run_refine
from model_check.report import console, duration, live_progress, number, print_origin, print_trace, put, reductions, verdict_line
from spec.language import Protocol


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
def refine(
    *,
    protocol: Protocol,
    abstract: str,
    json_file: Path | None,
    **asked: Unpack[Asked],
) -> int:
    """Check that every step of SPEC, seen through its refinement mapping, is a step of ABSTRACT or none.

    `ionian refine paxos voting`, `ionian refine voting consensus`, `ionian refine raft replicated-log`.

    `ionian refine impl raft` holds the implementation against its spec; see `ionian refine impl --help`.
    """
    with live_progress(console(stderr=True)) as progress:
        result = run_refine(protocol, find_protocol(abstract), progress=progress, **settings_of(protocol, asked))
    write_json(json_file, result.to_json())
    _print(result)
    return EXIT_STATUS[result.verdict]


def _print(result: RefinementResult) -> None:
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
        put(out, f"{result.abstract} has no such step. Its states:" if result.trace.steps else f"{result.abstract} does not start there. Its state:", 0)
        for label, image in zip(("before", "after"), result.images, strict=False):
            put(out, label if result.trace.steps else "mapped", 2)
            for line in repr(image).splitlines():
                put(out, line, 4)
    out.print()
    counts = f"{number(result.distinct_states)} distinct states, {number(result.transitions)} transitions checked"
    out.print(Text(f"{counts}, depth {result.depth}, {duration(result.seconds)}"))
    where = {
        "holds": f"every step is a step of {result.abstract} or changes nothing in it{depth}",
        "violated": f"{result.mapping}, after {len(result.trace.steps) if result.trace else 0} steps",
        "inconclusive": f"stopped: {result.stopped}",
    }
    out.print(verdict_line(result.verdict, where[result.verdict]))
