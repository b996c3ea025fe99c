"""`ionian replay FILE`: show a trace again, each step re-checked by CPython."""

from __future__ import annotations

import click
from rich.console import Console
from rich.text import Text

from model_check.check import EngineError, confirm
from model_check.cli.common import read_trace
from model_check.refine import refused_images
from model_check.report import console, print_explanation, print_images, print_origin, print_trace
from model_check.trace import Trace, first_wrong_step
from spec.language import Protocol


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
    if trace.violates and not _shown(out, protocol, trace):
        out.print(Text(f"{file}: a behaviour of the protocol, but `{trace.violates}` is not violated at its end", style="bold red"), soft_wrap=True)
        return 1
    out.print(Text(f"{len(trace.steps)} steps, each re-checked: a behaviour of {trace.origin.spec}", style="green"))
    return 0


def _shown(out: Console, protocol: Protocol, trace: Trace) -> bool:
    """Print why the end of a trace violates its property or refinement mapping; False, and nothing, where it does not."""
    mapping = next((r for r in protocol.ir.refinements if r.name == trace.violates), None)
    if mapping is not None:
        images = refused_images(protocol, mapping.name, trace)
        if images:
            print_images(out, mapping.target.__name__, trace, images)
            out.print()
        return bool(images)
    try:
        _, explanation = confirm(protocol, trace.violates, trace)
    except EngineError:
        return False
    print_explanation(out, explanation)
    out.print()
    return True
