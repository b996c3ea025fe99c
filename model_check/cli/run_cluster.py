"""`ionian run PROTOCOL`: simulated clusters of the implementation under faults; are the histories of their clients linearizable?"""

from __future__ import annotations

import traceback
from collections.abc import Sequence
from pathlib import Path

import click
from rich.console import Console

from impl.raft import TraceLines
from impl.simulation.cluster import PROTOCOLS
from impl.simulation.faults import Fault
from impl.simulation.history import to_text
from impl.simulation.latency import SECOND
from impl.simulation.nemesis import KINDS, draw_cluster, draw_faults
from impl.simulation.simulation import Simulation
from impl.simulation.workload import Workload
from model_check.cli.files import output_option, write_file, write_json
from model_check.cli.linearize import EXIT_STATUS
from model_check.itf import Json
from model_check.linearizability import MODELS, History, Operation, Result, check_history
from model_check.linearizability.report import print_result
from model_check.report import console, number, put


def _kinds(ctx: click.Context, param: click.Parameter, value: str) -> tuple[str, ...]:
    """Callback of `--faults`."""
    names = {"all": tuple(KINDS), "none": ()}.get(value, tuple(value.split(",")))
    for name in names:
        if name not in KINDS:
            raise click.BadParameter(f"`{name}` is none of all, none, {', '.join(KINDS)}", ctx, param)
    return names


@click.command("run")
@click.argument("protocol", type=click.Choice(list(PROTOCOLS)))
@click.option("--nodes", type=click.IntRange(min=1), default=3, show_default=True, help="The size of the cluster.")
@click.option("--seed", type=int, default=0, show_default=True, help="The same seed gives the same run.")
@click.option("--runs", type=click.IntRange(min=1), default=1, show_default=True, help="How many runs, of this seed and the following ones.")
@click.option("--seconds", type=click.IntRange(min=1), default=10, show_default=True, help="Virtual time of each run.")
@click.option("--faults", callback=_kinds, default="all", show_default=True, metavar="KIND,...", help=f"all, none, or some of {', '.join(KINDS)}.")
@click.option("--model", type=click.Choice(list(MODELS)), default="register", show_default=True, help="What is replicated.")
@click.option("--clients", type=click.IntRange(min=1), default=5, show_default=True, help="How many ask at the same time.")
@output_option("--history", "history_file", help_text="Write the history of the last run, in the format ionian.")
@output_option("--trace", "trace_file", help_text="Write what the nodes of the last run did, for `ionian trace validate`; Raft only.")
@output_option("--json", "json_file", help_text="Write the verdicts.")
def run_cluster(
    *,
    protocol: str,
    nodes: int,
    seed: int,
    runs: int,
    seconds: int,
    faults: tuple[str, ...],
    model: str,
    clients: int,
    history_file: Path | None,
    trace_file: Path | None,
    json_file: Path | None,
) -> int:
    """Run a cluster of PROTOCOL under faults, and judge what its clients saw.

    A run that finds something ends the command. Exit status: 0 all histories are linearizable, 1 one is not, or a host failed or sent
    what no correct one sends, 3 interrupted.
    """
    if protocol == "paxos" and model != "register":
        raise click.UsageError("paxos decides once: its model is the register, written once by compare-and-set", click.get_current_context())
    if trace_file is not None and protocol != "raft":
        raise click.UsageError(f"--trace: {protocol} writes no traces, only raft does", click.get_current_context())
    out, status = console(), 0
    verdicts: list[Json] = []
    traced: list[str] = []
    workload = Workload(object="decree" if protocol == "paxos" else model, clients=clients)
    for of_run in range(seed, seed + runs):
        cluster = draw_cluster(of_run, protocol, nodes)
        schedule = draw_faults(of_run, cluster.ids, seconds * SECOND, faults)
        traced.clear()
        simulation = Simulation(cluster, workload, schedule, of_run, tracer=TraceLines(traced.append) if trace_file is not None else None)
        try:
            simulation.run(seconds * SECOND)
            simulation.settle(workload.patience)
        except Exception as error:  # whatever the implementation under test raises is a finding
            _print_failure(out, error)
            verdicts.append({"seed": of_run, "verdict": "failed", "error": f"{type(error).__name__}: {error}"})
            status = 1
            break
        result = check_history(_history(simulation), MODELS[model])
        _print(out, simulation, schedule, result)
        verdicts.append({"seed": of_run, **result.to_json(), "events": simulation.events, "refused": len(simulation.refused)})
        status = 1 if simulation.refused else EXIT_STATUS[result.verdict]
        if status:
            break
    if history_file is not None:
        write_file(history_file, to_text(simulation.history))
    if trace_file is not None:
        write_file(trace_file, "".join(f"{line}\n" for line in traced))
    write_json(json_file, verdicts)
    return status


def _history(simulation: Simulation) -> History:
    """The history as `ionian linearize` reads it from a file."""
    operations = [
        Operation(str(o.client), o.operation, o.key, o.arguments, o.outcome, o.result, o.invoked_event, o.returned_event, line)
        for line, o in enumerate(simulation.history, 1)
    ]
    return History(f"{simulation.cluster.protocol}, {simulation.cluster.nodes} nodes, seed {simulation.seed}", operations)


def _print_failure(out: Console, error: Exception) -> None:
    """An exception from within a host: what, where, and in which event of which run."""
    frame = traceback.extract_tb(error.__traceback__)[-1]
    put(out, f"{type(error).__name__}: {error} ({Path(frame.filename).name}:{frame.lineno}, in {frame.name})", 2, first=0, style="bold red")
    for note in error.__notes__:
        put(out, note, 2)


def _print(out: Console, simulation: Simulation, schedule: Sequence[Fault], result: Result) -> None:
    """What a run has found; where that is nothing, one line."""
    if simulation.refused:
        put(out, f"No correct host sends this: {simulation.refused[0]}", 2, first=0, style="bold red")
        put(out, f"(the first of {number(len(simulation.refused))} messages that hosts refused)", 2)
    if result.departure is not None:
        operation = simulation.history[result.departure.operation.line - 1]
        assert operation.returned is not None, "only what has returned cannot be placed"
        put(out, f"Between {operation.invoked} and {operation.returned} µs of virtual time a client was told what cannot have been.", 0)
        put(out, str(simulation.cluster), 2, first=0)
        put(out, "Faults then and in the second before:", 0)
        for fault in schedule:
            if fault.at <= operation.returned and getattr(fault, "until", fault.at) >= operation.invoked - SECOND:
                put(out, str(fault), 2)
        out.print()
    print_result(out, result)
