"""`ionian latency --topology FILE`: how long commands and reads take, for every place of the leader, beside the closed form."""

from __future__ import annotations

from decimal import Decimal, InvalidOperation
from pathlib import Path

import click

from impl.latency import LatencyError, Settings, find_topology, microseconds, plot, print_heading, print_study, shipped, study, to_json
from model_check.cli.files import output_option, write_json
from model_check.report import console
from spec.language import IonianError


def _microseconds(ctx: click.Context, param: click.Parameter, value: str) -> int:
    """Callback of an option in milliseconds."""
    try:
        return microseconds(Decimal(value))
    except (InvalidOperation, ValueError) as error:
        reason = f"`{value}` is not a number of milliseconds" if isinstance(error, InvalidOperation) else str(error)
        raise click.BadParameter(reason, ctx, param) from None


@click.command()
@click.option("--topology", "reference", required=True, metavar="FILE", help=f"A file (docs/latency.md describes it), or {', '.join(shipped())}.")
@click.option("--nodes", "sizes", type=int, multiple=True, default=(3, 5, 7), show_default=True, help="Size of the cluster (may be repeated).")
@click.option("--jitter/--no-jitter", default=True, help="Draw times as the topology says, or let every message take its least time.")
@click.option("--disk", callback=_microseconds, default="0", show_default=True, metavar="MS", help="Milliseconds of a synchronous write.")
@click.option("--operations", type=click.IntRange(1, 1_000_000), default=300, show_default=True, metavar="N", help="Measured for each figure.")
@click.option("--seed", type=click.IntRange(min=0), default=1, show_default=True, help="Of all that is drawn: the same seed gives the same figures.")
@output_option("--json", "json_file", help_text="Write all figures.")
@output_option("--plot", "picture", help_text="Draw them: .svg or .png.")
def latency(
    *, reference: str, sizes: tuple[int, ...], jitter: bool, disk: int, operations: int, seed: int, json_file: Path | None, picture: Path | None
) -> None:
    """Time commands and reads on simulated clusters, with the leader and the client in each region in turn.

    `ionian latency --topology three-zones` takes some seconds.
    """
    try:
        if picture is not None:
            plot.check(picture)
        topology = find_topology(reference)
        topology = topology if jitter else topology.without_jitter()
        settings, out, studies = Settings(disk, operations, seed), console(), []
        for size in sizes:
            topology.place(size)
        print_heading(out, topology, settings)
        for size in sizes:
            studies.append(study(topology, size, settings))
            print_study(out, studies[-1])
        if picture is not None:
            plot.draw(studies, topology.name, picture)
    except LatencyError as error:
        raise IonianError(str(error)) from None
    write_json(json_file, to_json(topology, settings, studies))
