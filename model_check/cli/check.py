"""`ionian check SPEC`: explore a protocol exhaustively at a scope."""

from __future__ import annotations

import shlex
from dataclasses import replace
from pathlib import Path

import click
from click.core import ParameterSource

from model_check.check import EXIT_STATUS, SEARCHES, Result
from model_check.check import check as run_check
from model_check.cli.common import (
    SpecCommand,
    build,
    output_option,
    property_option,
    protocol_options,
    reductions_again,
    reductions_of,
    search_options,
    start_of,
    write_counterexample,
    write_json,
)
from model_check.report import console, live_progress, print_result


@click.command(cls=SpecCommand)
@click.argument("spec")
@protocol_options
@search_options
@click.option("--search", type=click.Choice(SEARCHES), default="breadth-first", show_default=True, help="Depth-first finds no shortest trace, by one worker.")
@click.option("--constraint", "constraints", multiple=True, metavar="NAME", help="Expand only states that satisfy a constraint of the spec.")
@property_option
@click.option("--from", "from_file", type=click.Path(), default=None, metavar="FILE", help="Start at a state of the trace in FILE.")
@click.option("--at", type=int, default=None, metavar="STEP", help="The step of that trace after which to start (default: the last).")
@output_option("--json", "json_file", help_text="Write the whole result.")
@output_option("--itf", "itf_file", help_text="Write the counterexample as a trace.")
@click.option("--print-code", is_flag=True, help="Print the generated code of the native engine, and stop.")
def check(
    *,
    spec: str,
    sizes: dict[str, int | None],
    without: tuple[str, ...],
    quorum_texts: tuple[str, ...],
    engine: str,
    search: str,
    symmetry: bool | None,
    eager: bool | None,
    workers: int,
    max_memory: int | None,
    max_depth: int | None,
    constraints: tuple[str, ...],
    properties: tuple[str, ...],
    from_file: str | None,
    at: int | None,
    json_file: Path | None,
    itf_file: Path | None,
    print_code: bool,
) -> int:
    """Check all properties of SPEC in every reachable state of a scope.

    SPEC is a shipped spec (see `ionian list`) or path/to/file.py:ClassName. The scope's options are named after the
    protocol's sorts: `ionian check paxos --acceptors 3 --ballots 2 --values 2`; `ionian check SPEC --help` lists them.
    """
    protocol = build(spec, sizes, without, quorum_texts)
    symmetric, at_once = reductions_of(protocol, symmetry, eager, max_depth)
    if print_code:
        from model_check.native import source  # noqa: PLC0415  # only native runs need the compiler

        click.echo(source(protocol, symmetric, search, at_once))
        return 0
    if search == "depth-first" and click.get_current_context().get_parameter_source("workers") is ParameterSource.DEFAULT:
        workers = 1
    start = start_of(protocol, from_file, at)
    with live_progress(console(stderr=True)) as progress:
        result = run_check(
            protocol,
            engine=engine,
            search=search,
            symmetry=symmetric,
            eager=at_once,
            workers=workers,
            max_depth=max_depth,
            max_memory=max_memory,
            constraints=constraints,
            properties=properties or None,
            start=start,
            progress=progress,
        )
    if start is not None:
        result = replace(result, bounds=replace(result.bounds, start=f"the state after step {len(start.steps)} of {from_file}"))
    write_counterexample(itf_file, result.trace)
    write_json(json_file, result.to_json())
    print_result(console(), result, _replay_command(result, itf_file, from_file, at))
    return EXIT_STATUS[result.verdict]


def _replay_command(result: Result, itf_file: Path | None, from_file: str | None, at: int | None) -> str:
    """The command that shows the counterexample again."""
    if result.trace is None:
        return ""
    if itf_file is not None:
        return f"ionian replay {shlex.quote(str(itf_file))}"
    again = ["ionian", "check", *result.origin.arguments(), "--property", result.property]
    if result.search != "breadth-first" or result.engine != "native":
        again += ["--engine", result.engine, "--search", result.search]
    again += reductions_again(result.symmetry, result.eager)
    again += [] if result.bounds.max_depth is None else ["--max-depth", str(result.bounds.max_depth)]
    for name in result.bounds.constraints:
        again += ["--constraint", name]
    if from_file is not None:
        again += ["--from", from_file, *([] if at is None else ["--at", str(at)])]
    return f"{shlex.join([*again, '--itf', 'trace.itf.json'])} ; ionian replay trace.itf.json"
