"""`ionian simulate SPEC`: seeded random walks through a scope too large to explore."""

from __future__ import annotations

import shlex
from pathlib import Path

import click

from model_check.cli.common import SpecCommand, build, engine_option, output_option, property_option, protocol_options, write_counterexample, write_json
from model_check.report import console, live_progress, print_simulation
from model_check.simulate import Simulation
from model_check.simulate import simulate as run_simulation


@click.command(cls=SpecCommand)
@click.argument("spec")
@protocol_options
@engine_option
@click.option("--seed", type=int, default=0, show_default=True, help="The same seed gives the same walks.")
@click.option("--walks", type=click.IntRange(min=1), default=100, show_default=True, help="How many walks.")
@click.option("--steps", type=click.IntRange(min=1), default=100, show_default=True, help="How long each walk is at most.")
@property_option
@output_option("--json", "json_file", help_text="Write the whole result.")
@output_option("--itf", "itf_file", help_text="Write the counterexample as a trace.")
def simulate(
    *,
    spec: str,
    sizes: dict[str, int | None],
    without: tuple[str, ...],
    quorum_texts: tuple[str, ...],
    engine: str,
    seed: int,
    walks: int,
    steps: int,
    properties: tuple[str, ...],
    json_file: Path | None,
    itf_file: Path | None,
) -> int:
    """Walk at random through SPEC, checking every property on every step.

    Finds violations; that it finds none shows nothing about the behaviours it did not walk.
    """
    protocol = build(spec, sizes, without, quorum_texts)
    with live_progress(console(stderr=True)) as progress:
        result = run_simulation(protocol, engine=engine, seed=seed, walks=walks, steps=steps, properties=properties or None, progress=progress)
    write_counterexample(itf_file, result.trace)
    write_json(json_file, result.to_json())
    print_simulation(console(), result, _replay_command(result, steps, itf_file))
    return {"violated": 1, "inconclusive": 3}.get(result.verdict, 0)


def _replay_command(result: Simulation, steps: int, itf_file: Path | None) -> str:
    """The command that shows the counterexample again."""
    if itf_file is not None:
        return f"ionian replay {shlex.quote(str(itf_file))}"
    again = ["ionian", "simulate", *result.origin.arguments(), "--property", result.property, "--engine", result.engine]
    again += ["--seed", str(result.seed), "--walks", str(result.walks), "--steps", str(steps), "--itf", "trace.itf.json"]
    return f"{shlex.join(again)} ; ionian replay trace.itf.json"
