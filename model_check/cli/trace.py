"""`ionian trace validate FILE...`: is what an implementation did a behaviour of the spec?"""

from __future__ import annotations

from pathlib import Path

import click

from model_check.cli.files import output_option, write_json
from model_check.report import console
from model_check.validation.trace_check import FORMATS, check_trace
from model_check.validation.trace_file import TraceError
from model_check.validation.trace_report import print_trace_result

_EXIT_STATUS = {"explained": 0, "refused": 1, "inconclusive": 3}
_NO_TRACE = 2
_WORST_FIRST = (_NO_TRACE, 1, 3, 0)


@click.group()
def trace() -> None:
    """Hold traces of implementations against a spec."""


@trace.command()
@click.argument("files", nargs=-1, required=True, type=click.Path(path_type=Path), metavar="FILE...")
@click.option("--format", "format_name", type=click.Choice(list(FORMATS)), help="How the files are written; otherwise as the first line of each tells.")
@output_option("--json", "json_file", help_text="Write the verdicts.")
def validate(*, files: tuple[Path, ...], format_name: str | None, json_file: Path | None) -> int:
    """Say of each FILE whether the spec explains it; if not, show the first line that it does not explain, and why.

    A file may be compressed (.gz). Exit status: 0 all explained, 1 some is refused, 2 a file is no trace, 3 none is
    refused, but for some no explanation was found within the limit of the search. What is no trace has no verdict, and
    is no hindrance to judging the other files.
    """
    out = console()
    results = []
    statuses = set()
    for path in files:
        try:
            result = check_trace(path, format_name)
        except TraceError as fault:
            click.echo(f"error: {fault}", err=True)
            statuses.add(_NO_TRACE)
            continue
        print_trace_result(out, result)
        results.append(result)
        statuses.add(_EXIT_STATUS[result.verdict])
    write_json(json_file, [result.to_json() for result in results])
    return next(status for status in _WORST_FIRST if status in statuses)
