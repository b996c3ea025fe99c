"""`ionian refine impl NAME`: hold an implementation against its spec, event by event, in many seeded runs."""

from __future__ import annotations

from functools import partial
from pathlib import Path

import click
from rich.text import Text

from conformance.campaign import Campaign
from conformance.report import print_failure
from conformance.subjects import SUBJECTS
from model_check.cli.files import output_option, write_json
from model_check.report import console, counted, duration, live, number, put, verdict_line

_EXIT_STATUS = {"no departure found": 0, "departs": 1, "inconclusive": 3}


@click.command("impl")
@click.argument("name", type=click.Choice(list(SUBJECTS)), metavar="NAME")
@click.option("--seeds", type=click.IntRange(min=1), default=100, show_default=True, metavar="N", help="Run the seeds 0 to N-1.")
@click.option("--seed", type=click.IntRange(min=0), default=None, metavar="K", help="Run this seed only.")
@click.option("--nodes", type=click.IntRange(min=1), default=3, show_default=True, metavar="N", help="How many nodes the cluster has.")
@output_option("--json", "json_file", help_text="Write the whole result.")
def refine_impl(*, name: str, seeds: int, seed: int | None, nodes: int, json_file: Path | None) -> int:
    """Hold the implementation NAME (raft, paxos, multi_paxos) against its spec in random runs, and show the shortest one that departs from it.

    Each seed draws settings, a run in which anything may happen at any time, and a run in simulated time with faults and clients.
    Every event must be some steps of the spec, or none. Exit status: 0 no departure found, 1 departs, 2 usage error, 3 interrupted.
    """
    campaign = Campaign(SUBJECTS[name], nodes)
    with live(console(stderr=True), partial(_progress, seeds)) as campaign.progress:
        campaign.go(range(seeds) if seed is None else [seed])
    write_json(json_file, campaign.to_json())
    _print(campaign)
    return _EXIT_STATUS[campaign.verdict]


def _progress(seeds: int, now: Campaign) -> Text:
    rate = now.events / now.seconds if now.seconds else 0
    return Text(f"seed {now.seed} of {number(seeds)}  {number(now.events)} events, {number(now.steps)} steps of the spec  {number(round(rate))} events/s")


def _print(campaign: Campaign) -> None:
    out = console()
    put(out, f"impl/{campaign.subject.name} against {campaign.subject.spec}, {campaign.nodes} nodes", 0)
    if campaign.failure is not None:
        out.print()
        print_failure(out, campaign.failure, [f"ionian refine impl {campaign.subject.name} --nodes {campaign.nodes} --seed {campaign.seed}"])
    out.print()
    # The time of a run that fails is mostly that of making it shorter.
    rate = f" ({number(round(campaign.events / campaign.seconds))}/s)" if campaign.failure is None and campaign.seconds else ""
    counts = f"{counted(campaign.runs, 'seed')}, {counted(campaign.events, 'event')}{rate}, {counted(campaign.steps, 'step')} of the spec"
    put(out, f"{counts}, {duration(campaign.seconds)}", 0)
    where = {
        "no departure found": "every event is some steps of the spec, or none",
        "departs": f"seed {campaign.seed}",
        "inconclusive": f"stopped: {campaign.stopped}; no departure so far",
    }
    out.print(verdict_line(campaign.verdict, where[campaign.verdict]))
