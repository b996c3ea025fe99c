"""`ionian replay FILE`: show a trace again, each step re-checked by CPython."""

from __future__ import annotations

import click
from rich.text import Text

from model_check.check import EngineError, confirm
from model_check.cli.common import read_trace
from model_check.report import console, print_explanation, print_origin, print_trace
from model_check.trace import first_wrong_step


@click.command()
@click.argument("file", type=click.Path())
def replay(file: str) -> int:
    """Re-check each step of the trace in FILE (ITF, as `--itf` writes it), and print it.

    Exit status: 0 where it is a behaviour of the protocol (and violates what it says), 1 where it is not.
    """
    protocol, trace = read_trace(file)
    wrong = first_wrong_step(protocol, trace)
    out = console()
    if wrong:
        out.print(Text(f"{file}: {wrong}", style="bold red"), soft_wrap=True)
        return 1
    print_origin(out, trace.origin)
    print_trace(out, trace)
    out.print()
    if trace.violates:
        try:
            _, explanation = confirm(protocol, trace.violates, trace)
        except (EngineError, StopIteration):
            out.print(Text(f"{file}: a behaviour of the protocol, but `{trace.violates}` is not violated at its end", style="bold red"), soft_wrap=True)
            return 1
        print_explanation(out, explanation)
        out.print()
    out.print(Text(f"{len(trace.steps)} steps, each re-checked: a behaviour of {trace.origin.spec}", style="green"))
    return 0
