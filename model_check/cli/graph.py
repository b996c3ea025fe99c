"""`ionian graph SPEC -o FILE`: all reachable states and steps of a small scope, as a picture or as data."""

from __future__ import annotations

from pathlib import Path

import click

from model_check.cli.common import SpecCommand
from model_check.cli.files import output_option, write_file
from model_check.report import console, number
from model_check.state_graph import DATA_LIMIT, PICTURE_LIMIT, state_graph, to_dot, to_graphml, to_json, to_svg
from spec.language import Protocol

_WRITERS = {".svg": (to_svg, PICTURE_LIMIT), ".dot": (to_dot, PICTURE_LIMIT), ".graphml": (to_graphml, DATA_LIMIT), ".json": (to_json, DATA_LIMIT)}


@click.command(cls=SpecCommand)
@output_option("-o", "--output", help_text="File to write: .svg, .dot, .graphml or .json.", required=True)
def graph(protocol: Protocol, output: Path) -> None:
    """Write the state graph of SPEC at a scope: `ionian graph paxos --acceptors 2 --ballots 1 -o g.svg`."""
    if output.suffix not in _WRITERS:
        raise click.UsageError(f"{output}: the name ends in none of {', '.join(_WRITERS)}")
    write, limit = _WRITERS[output.suffix]
    with console(stderr=True).status("") as status:
        found = state_graph(protocol, limit, lambda states: status.update(f"{number(states)} states so far; at most {number(limit)} make a {output.suffix}"))
    write_file(output, write(found))
    click.echo(f"{output}: {found.number_of_nodes():,} states, {found.number_of_edges():,} steps")
