"""`ionian export tla SPEC -o DIR`: a protocol at a scope in another tool's language."""

from __future__ import annotations

from pathlib import Path

import click

from model_check import tla
from model_check.cli.common import SpecCommand
from model_check.cli.files import want_writable, write_file
from spec.language import IonianError, Protocol


@click.group()
def export() -> None:
    """Write a protocol for another tool."""


@export.command("tla", cls=SpecCommand)
@click.option("--symmetry/--no-symmetry", default=False, help="Let TLC count states up to permutations of interchangeable elements.")
@click.option("-o", "--output", type=click.Path(path_type=Path, file_okay=False), required=True, metavar="DIR", help="Folder for both files.")
def export_tla(*, protocol: Protocol, symmetry: bool, output: Path) -> None:
    """Write SPEC as a TLA+ module with a configuration for TLC: `ionian export tla paxos -o out`."""
    module, configuration = tla.export(protocol, symmetry)
    try:
        output.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise IonianError(f"{output} cannot be made a folder: {error.strerror}") from None
    name = protocol.ir.name
    texts = {output / f"{name}.tla": module, output / f"{name}.cfg": configuration}
    for path in texts:
        want_writable(path)
    for path, text in texts.items():
        write_file(path, text)
    click.echo(f"{output / name}.tla and {name}.cfg; check them with: java -cp tla2tools.jar tlc2.TLC -config {name}.cfg {name}")
