"""`ionian linearize FILE...`: are recorded histories of client operations linearizable?"""

from __future__ import annotations

from pathlib import Path

import click

from model_check.cli.files import output_option, write_json
from model_check.linearizability import FORMATS, MODELS, Result, check_history, read_history
from model_check.linearizability.report import print_result
from model_check.report import console

EXIT_STATUS = {"linearizable": 0, "not_linearizable": 1, "inconclusive": 3}
_WORST_FIRST = (1, 3, 0)


@click.command()
@click.argument("files", nargs=-1, required=True, type=click.Path(path_type=Path), metavar="FILE...")
@click.option("--model", "model_name", type=click.Choice(list(MODELS)), required=True, help="The object that the clients used.")
@click.option("--format", "format_name", type=click.Choice(list(FORMATS)), required=True, help="How the files are written.")
@click.option("--timeout", type=click.FloatRange(min=0, min_open=True), default=None, metavar="SECONDS", help="End each file's search as inconclusive.")
@output_option("--json", "json_file", help_text="Write the verdicts.")
def linearize(*, files: tuple[Path, ...], model_name: str, format_name: str, timeout: float | None, json_file: Path | None) -> int:
    """Judge the histories in each FILE, key by key, and show the operation that cannot be placed.

    All files are read before the first is judged. Exit status: 0 all linearizable, 1 some is not, 2 a file is no history,
    3 none was found not to be linearizable, but some is inconclusive.
    """
    model, out = MODELS[model_name], console()
    results: list[Result] = []
    for history in [read_history(path, format_name, model) for path in files]:
        interrupted = bool(results) and results[-1].stopped == "interrupted"
        result = Result(history, model, "inconclusive", 0.0, stopped="interrupted") if interrupted else check_history(history, model, timeout)
        print_result(out, result)
        results.append(result)
    write_json(json_file, [result.to_json() for result in results])
    found = {EXIT_STATUS[result.verdict] for result in results}
    return next(status for status in _WORST_FIRST if status in found)
