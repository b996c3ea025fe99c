"""`ionian bmc SPEC`: look for a violation within a number of steps, with Z3."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import click

from model_check.check import EXIT_STATUS, words_of_start
from model_check.cli.common import SpecCommand, property_option, replay_command, start_of, start_options
from model_check.cli.files import result_options, write_counterexample, write_json
from model_check.report import console
from model_check.smt.bmc import bmc as run_bmc
from model_check.smt.report import live_line, print_bmc
from spec.language import Protocol


@click.command(cls=SpecCommand)
@click.option("--depth", type=click.IntRange(min=0), required=True, help="Check behaviours of at most this many steps.")
@click.option("--constraint", "constraints", multiple=True, metavar="NAME", help="Go on only from states that satisfy a constraint of the spec.")
@property_option
@start_options
@click.option("--timeout", type=click.FloatRange(min=0, min_open=True), default=None, metavar="SECONDS", help="End as inconclusive after this time.")
@result_options
def bmc(
    *,
    protocol: Protocol,
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
    start = start_of(protocol, from_file, at)
    with live_line(console(stderr=True)) as show:

        def progress(depth: int, seconds: float) -> None:
            if show is not None:
                show(f"no violation within {depth} steps, {seconds:.0f} s")

        result = run_bmc(protocol, depth, constraints=constraints, properties=properties or None, start=start, timeout=timeout, progress=progress)
    if from_file is not None:
        result = replace(result, bounds=replace(result.bounds, start=words_of_start(start, from_file)))
    write_counterexample(itf_file, result.trace)
    write_json(json_file, result.to_json())
    search = ["bmc", *result.origin.arguments(), "--depth", str(result.max_depth), "--property", result.property]
    print_bmc(console(), result, replay_command(search, itf_file, result.bounds, from_file, at))
    return EXIT_STATUS[result.verdict]
