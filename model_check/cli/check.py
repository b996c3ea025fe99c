"""`ionian check SPEC`: explore a protocol exhaustively at a scope."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Unpack

import click
from click.core import ParameterSource

from model_check.check import EXIT_STATUS, SEARCHES, Result, words_of_start
from model_check.check import check as run_check
from model_check.cli.common import (
    Asked,
    SpecCommand,
    property_option,
    reductions_again,
    replay_command,
    search_options,
    settings_of,
    start_of,
    start_options,
)
from model_check.cli.files import result_options, write_counterexample, write_json
from model_check.report import console, live_progress, print_result
from spec.language import Protocol


@click.command(cls=SpecCommand)
@search_options
@click.option("--search", type=click.Choice(SEARCHES), default="breadth-first", show_default=True, help="Depth-first finds no shortest trace, by one worker.")
@click.option("--constraint", "constraints", multiple=True, metavar="NAME", help="Expand only states that satisfy a constraint of the spec.")
@property_option
@start_options
@result_options
@click.option("--print-code", is_flag=True, help="Print the generated code of the native engine, and stop.")
def check(
    *,
    protocol: Protocol,
    search: str,
    constraints: tuple[str, ...],
    properties: tuple[str, ...],
    from_file: str | None,
    at: int | None,
    json_file: Path | None,
    itf_file: Path | None,
    print_code: bool,
    **asked: Unpack[Asked],
) -> int:
    """Check all properties of SPEC in every reachable state of a scope.

    SPEC is a shipped spec (see `ionian list`) or path/to/file.py:ClassName. The scope's options are named after the
    protocol's sorts: `ionian check paxos --acceptors 3 --ballots 2 --values 2`; `ionian check SPEC --help` lists them.
    """
    settings = settings_of(protocol, asked)
    if print_code:
        from model_check.native import source  # noqa: PLC0415  # only native runs need the compiler

        click.echo(source(protocol, settings["symmetry"], search, settings["eager"]))
        return 0
    if search == "depth-first" and click.get_current_context().get_parameter_source("workers") is ParameterSource.DEFAULT:
        settings["workers"] = 1
    start = start_of(protocol, from_file, at)
    with live_progress(console(stderr=True)) as progress:
        result = run_check(protocol, search=search, constraints=constraints, properties=properties or None, start=start, progress=progress, **settings)
    if from_file is not None:
        result = replace(result, bounds=replace(result.bounds, start=words_of_start(start, from_file)))
    write_counterexample(itf_file, result.trace)
    write_json(json_file, result.to_json())
    print_result(console(), result, replay_command(_search(result), itf_file, result.bounds, from_file, at))
    return EXIT_STATUS[result.verdict]


def _search(result: Result) -> list[str]:
    """The words that search again."""
    again = ["check", *result.origin.arguments(), "--property", result.property]
    if result.search != "breadth-first" or result.engine != "native":
        again += ["--engine", result.engine, "--search", result.search]
    again += reductions_again(result.symmetry, result.eager)
    return again + ([] if result.bounds.max_depth is None else ["--max-depth", str(result.bounds.max_depth)])
