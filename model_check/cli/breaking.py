"""`ionian break SPEC`: remove each safety rule in turn and show what goes wrong."""

from __future__ import annotations

from pathlib import Path

import click
from rich.table import Table
from rich.text import Text

from model_check.breaking import Broken, Experiment, experiments_for, run_experiment
from model_check.check import EXIT_STATUS
from model_check.cli.common import workers_option
from model_check.cli.files import output_option, write_json
from model_check.cli.specs import find_protocol
from model_check.report import console, counted, duration, live_progress, put
from spec.language import Protocol, SpecError
from spec.language.errors import did_you_mean
from spec.language.values import rule_id


@click.command("break")
@click.argument("spec")
@click.option("--rule", "rules", multiple=True, metavar="RULE", help="Only this rule (may be repeated); its counterexample is the same as check's.")
@workers_option
@output_option("--json", "json_file", help_text="Write all results, counterexamples included.")
def break_rules(*, spec: str, rules: tuple[str, ...], workers: int, json_file: Path | None) -> int:
    """Remove each named rule of SPEC, and print the property that then fails and the length of the shortest way there.

    Every rule has a scope just large enough. Exit status 0 if every removal is caught, 1 if one is not, 3 if a search was stopped.
    """
    protocol = find_protocol(spec)
    experiments = experiments_for(protocol)
    wanted, known = {rule_id(r) for r in rules}, [rule_id(e.rule) for e in experiments]
    for rule in rules:
        if rule_id(rule) not in known:
            raise SpecError(f"{protocol.ir.name} has no rule `{rule}` to remove; its rules are {', '.join(known)}{did_you_mean(rule, known)}")
    chosen = [e for e in experiments if not wanted or rule_id(e.rule) in wanted]
    found = _run(protocol, chosen, workers)
    write_json(json_file, {"spec": spec, "rules": [b.to_json() for b in found]})
    if found:
        _print(found)
    if not_run := len(chosen) - len(found):
        console().print(Text(f"interrupted: {counted(not_run, 'rule')} not tried", style="bold red"))
    verdicts = {b.result.verdict for b in found}
    if "holds" in verdicts:
        return EXIT_STATUS["violated"]
    return EXIT_STATUS["holds" if verdicts == {"violated"} and not not_run else "inconclusive"]


def _run(protocol: type[Protocol], experiments: list[Experiment], workers: int) -> list[Broken]:
    """What the experiments find, or at Ctrl-C what those found that were done."""
    found: list[Broken] = []
    try:
        for experiment in experiments:
            with live_progress(console(stderr=True)) as progress:
                found.append(run_experiment(protocol, experiment, workers, progress))
            if found[-1].result.stopped == "interrupted":
                break
    except KeyboardInterrupt:
        pass  # while compiling: nothing of this experiment is known
    return found


def _print(found: list[Broken]) -> None:
    """One line a rule, what bounded the deeper searches, and how many were caught."""
    out = console()
    table = Table("rule removed", "property violated", box=None, pad_edge=False)
    table.add_column("steps", justify="right")
    table.add_column("seconds", justify="right")
    for broken in found:
        caught = broken.result.verdict == "violated"
        name = Text(broken.result.property or f"none ({broken.result.verdict})", style="" if caught else "bold red")
        table.add_row(broken.rule, name, str(broken.length) if caught else "-", f"{broken.seconds:.1f}")
    out.print(table)
    out.print()
    for broken in found:
        scope = ", ".join(f"{n}={s}" for n, s in broken.experiment.scope.sizes.items())
        bounds = f"; only through states that satisfy {', '.join(broken.experiment.constraints)}" if broken.experiment.constraints else ""
        put(out, f"{broken.rule}: {scope}, {broken.result.distinct_states:,} states{bounds}", 0, style="dim")
    out.print()
    total = sum(b.seconds for b in found)
    caught_count = sum(b.result.verdict == "violated" for b in found)
    out.print(Text(f"{caught_count} of {len(found)} removals caught, {duration(total)} with compiling"))
