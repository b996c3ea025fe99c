"""`ionian simulate SPEC`: seeded random walks through a scope too large to explore."""

from __future__ import annotations

from pathlib import Path

import click

from model_check.cli.common import SpecCommand, engine_option, property_option, replay_command
from model_check.cli.files import result_options, write_counterexample, write_json
from model_check.report import console, live_progress, print_simulation
from model_check.simulate import Simulation
from model_check.simulate import simulate as run_simulation
from spec.language import Protocol


@click.command(cls=SpecCommand)
@engine_option
@click.option("--seed", type=int, default=0, show_default=True, help="The same seed gives the same walks.")
@click.option("--walks", type=click.IntRange(min=1), default=100, show_default=True, help="How many walks.")
@click.option("--steps", type=click.IntRange(min=1), default=100, show_default=True, help="How long each walk is at most.")
@property_option
@result_options
def simulate(
    *,
    protocol: Protocol,
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
    with live_progress(console(stderr=True)) as progress:
        result = run_simulation(protocol, engine=engine, seed=seed, walks=walks, steps=steps, properties=properties or None, progress=progress)
    write_counterexample(itf_file, result.trace)
    write_json(json_file, result.to_json())
    print_simulation(console(), result, replay_command(_walks(result, steps), itf_file))
    return {"violated": 1, "inconclusive": 3}.get(result.verdict, 0)


def _walks(result: Simulation, steps: int) -> list[str]:
    """The words that walk again."""
    again = ["simulate", *result.origin.arguments(), "--property", result.property, "--engine", result.engine]
    return [*again, "--seed", str(result.seed), "--walks", str(result.walks), "--steps", str(steps)]
