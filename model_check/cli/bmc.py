"""`ionian bmc SPEC`: look for a violation within a number of steps, with Z3."""

from __future__ import annotations

import json
import shlex
from dataclasses import replace
from pathlib import Path

import click

from model_check import itf
from model_check.check import EXIT_STATUS
from model_check.cli.common import SpecCommand, build, output_option, protocol_options, start_of, write_file
from model_check.report import console
from model_check.smt.bmc import BmcResult
from model_check.smt.bmc import bmc as run_bmc
from model_check.smt.report import live_line, print_bmc


@click.command(cls=SpecCommand)
@click.argument("spec")
@protocol_options
@click.option("--depth", type=click.IntRange(min=0), required=True, help="Check behaviours of at most this many steps.")
@click.option("--constraint", "constraints", multiple=True, metavar="NAME", help="Go on only from states that satisfy a constraint of the spec.")
@click.option("--property", "properties", multiple=True, metavar="NAME", help="Check only this property (may be repeated).")
@click.option("--from", "from_file", type=click.Path(), default=None, metavar="FILE", help="Start at a state of the trace in FILE.")
@click.option("--at", type=int, default=None, metavar="STEP", help="The step of that trace after which to start (default: the last).")
@click.option("--timeout", type=click.FloatRange(min=0, min_open=True), default=None, metavar="SECONDS", help="End as inconclusive after this time.")
@output_option("--json", "json_file", help_text="Write the whole result.")
@output_option("--itf", "itf_file", help_text="Write the counterexample as a trace.")
def bmc(
    *,
    spec: str,
    sizes: dict[str, int | None],
    without: tuple[str, ...],
    quorum_texts: tuple[str, ...],
    depth: int,
    constraints: tuple[str, ...],
    properties: tuple[str, ...],
    from_file: str | None,
    at: int | None,
    timeout: float | None,
    json_file: Path | None,
    itf_file: Path | None,
) -> int:
    """Check all properties of SPEC in every behaviour of at most DEPTH steps.

    The solver Z3 searches for a violation, the shortest first. It reaches scopes whose states are too many to explore,
    to a small depth.
    """
    protocol = build(spec, sizes, without, quorum_texts)
    start = start_of(protocol, from_file, at)
    with live_line(console(stderr=True)) as show:

        def progress(depth: int, seconds: float) -> None:
            if show is not None:
                show(f"no violation within {depth} steps, {seconds:.0f} s")

        result = run_bmc(protocol, depth, constraints=constraints, properties=properties or None, start=start, timeout=timeout, progress=progress)
    if start is not None:
        result = replace(result, bounds=replace(result.bounds, start=f"the state after step {len(start.steps)} of {from_file}"))
    if itf_file is not None and result.trace is not None:
        write_file(itf_file, itf.write(result.trace))
    if json_file is not None:
        write_file(json_file, json.dumps(result.to_json(), indent=1) + "\n")
    print_bmc(console(), result, _replay_command(result, itf_file, from_file, at))
    return EXIT_STATUS[result.verdict]


def _replay_command(result: BmcResult, itf_file: Path | None, from_file: str | None, at: int | None) -> str:
    """The command that shows the counterexample again."""
    if result.trace is None:
        return ""
    if itf_file is not None:
        return f"ionian replay {shlex.quote(str(itf_file))}"
    again = ["ionian", "bmc", *result.origin.arguments(), "--depth", str(result.max_depth), "--property", result.property]
    for name in result.bounds.constraints:
        again += ["--constraint", name]
    if from_file is not None:
        again += ["--from", from_file, *([] if at is None else ["--at", str(at)])]
    return f"{shlex.join([*again, '--itf', 'trace.itf.json'])} ; ionian replay trace.itf.json"
