"""`ionian induct SPEC`: are the invariants of a spec inductive, with Z3."""

from __future__ import annotations

from pathlib import Path

import click

from model_check.check import EXIT_STATUS
from model_check.cli.common import SpecCommand, byte_size
from model_check.cli.files import output_option, write_json
from model_check.report import console
from model_check.smt.induction import induct as run_induct
from model_check.smt.report import live_line, print_induction
from spec.language import Protocol


@click.command(cls=SpecCommand)
@click.option("--k", type=click.IntRange(min=1), default=1, show_default=True, help="Assume the invariants of this many states in a row.")
@click.option("--property", "properties", multiple=True, metavar="NAME", help="Show only this property (may be repeated); all are assumed.")
@click.option("--slots", type=click.IntRange(min=1), default=4, show_default=True, help="Most members of a set that is too large to try all of them.")
@click.option("--timeout", type=click.FloatRange(min=0, min_open=True), default=None, metavar="SECONDS", help="End the solver as inconclusive after this time.")
@click.option("--max-memory", callback=byte_size, default="1GB", show_default=True, metavar="SIZE", help="Limit of the search for a state, e.g. 4GB.")
@output_option("--json", "json_file", help_text="Write the whole result.")
def induct(
    *,
    protocol: Protocol,
    k: int,
    properties: tuple[str, ...],
    slots: int,
    timeout: float | None,
    max_memory: int,
    json_file: Path | None,
) -> int:
    """Are the invariants of SPEC together inductive: does every step from a state that satisfies them all lead to another one?

    A counterexample to induction is no violation (exit status 3), unless the explorer finds that its first state is reachable.
    """
    with live_line(console(stderr=True)) as show:

        def progress(goal: str, word: str) -> None:
            if show is not None:
                show(f"{goal}: {word}")

        result = run_induct(protocol, k=k, properties=properties or None, slots=slots, timeout=timeout, max_memory=max_memory, progress=progress)
    write_json(json_file, result.to_json())
    print_induction(console(), result)
    return EXIT_STATUS[result.verdict]
