"""`ionian export tla SPEC -o DIR`: a protocol at a scope in another tool's language."""

from __future__ import annotations

from pathlib import Path

import click

from model_check import tla
from model_check.cli.common import SpecCommand
from model_check.cli.files import want_writable, write_file
from model_check.cli.specs import find_protocol
from model_check.refine import mapping_to
from model_check.search import abstraction
from spec.language import IonianError, Protocol


@click.group()
def export() -> None:
    """Write a protocol for another tool."""


@export.command("tla", cls=SpecCommand)
@click.option("--symmetry/--no-symmetry", default=False, help="Let TLC count states up to permutations of interchangeable elements.")
@click.option("--refines", metavar="ABSTRACT", help="Let TLC check the refinement mapping to this spec, too, which is exported beside it.")
@click.option("-o", "--output", type=click.Path(path_type=Path, file_okay=False), required=True, metavar="DIR", help="Folder for both files.")
def export_tla(*, protocol: Protocol, symmetry: bool, refines: str | None, output: Path) -> None:
    """Write SPEC as a TLA+ module with a configuration for TLC: `ionian export tla paxos -o out`."""
    mapping = None if refines is None else mapping_to(type(protocol), find_protocol(refines))
    name = protocol.ir.name
    module, configuration = tla.export(protocol, symmetry, mapping)
    texts = {f"{name}.tla": module, f"{name}.cfg": configuration}
    if mapping is not None:
        abstract, _ = abstraction(protocol, mapping.name)
        if abstract.ir.name == name:
            raise IonianError(f"two modules cannot both be called {name}: give one of the protocols another name")
        texts[f"{abstract.ir.name}.tla"] = tla.export(abstract)[0]
    try:
        output.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise IonianError(f"{output} cannot be made a folder: {error.strerror}") from None
    for file in texts:
        want_writable(output / file)
    for file, text in texts.items():
        write_file(output / file, text)
    others = ", ".join(list(texts)[1:])
    click.echo(f"{output / name}.tla and {others}; check them with: java -cp tla2tools.jar tlc2.TLC -config {name}.cfg {name}")
