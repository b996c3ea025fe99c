"""`ionian prove SPEC`: prove a protocol for any number of everything."""

from __future__ import annotations

import functools
import os
from pathlib import Path

import click

from model_check.cli.common import byte_size
from model_check.cli.files import output_option, write_json
from model_check.cli.specs import find_protocol
from model_check.report import console
from model_check.smt.unbounded.graph import write_proof_graph
from model_check.smt.unbounded.proof import EXIT_STATUS, Selection
from model_check.smt.unbounded.proof import prove as run_proof
from model_check.smt.unbounded.prover import Limits, Prover
from model_check.smt.unbounded.report import Matrix, print_proof, print_suggestion
from model_check.smt.unbounded.smtlib import write_all
from model_check.smt.unbounded.suggest import suggest
from proofs import SHIPPED, shipped_proof
from spec.language import Protocol, SpecError


@click.command()
@click.argument("spec")
@click.option("--lemma", "lemmas", multiple=True, metavar="NAME", help="Only obligations of this lemma or theorem (may be repeated).")
@click.option("--action", "actions", multiple=True, metavar="NAME", help="Only obligations of this action, of `init`, or `implied` (may be repeated).")
@click.option("--without", multiple=True, metavar="RULE", help="Remove a named rule of the protocol (may be repeated): the proof should fail.")
@click.option("--seed", type=click.IntRange(0, 2**31 - 1), default=0, show_default=True, help="Random seed of the solver.")
@click.option(
    "--timeout", type=click.FloatRange(min=0, min_open=True), default=Limits.timeout, show_default=True, help="Seconds for a path, in steps of the solver."
)
@click.option("--jobs", type=click.IntRange(min=1), default=None, help="Solver processes (default: one for each core).")
@click.option("--max-memory", callback=byte_size, metavar="SIZE", help="Memory of all solvers together, e.g. 4GB; beyond it, a query is `unknown`.")
@click.option("--resume", is_flag=True, help="Take over what an earlier run has discharged with the same queries and solver.")
@output_option("--graph", "graph_file", help_text="Write which lemma needs which others: .svg, .dot or .json.")
@click.option("--suggest", "suggesting", is_flag=True, help="Look for lemmas that complete the proof, instead of proving it.")
@click.option("--candidates", metavar="FILE", help="With --suggest: path/to/file.py:ClassName, a class that extends SPEC's by lemmas to try.")
@click.option("--smt", "smt_folder", type=click.Path(file_okay=False, path_type=Path), metavar="DIR", help="Write all obligations as SMT-LIB.")
@output_option("--json", "json_file", help_text="Write the whole result.")
def prove(
    *,
    spec: str,
    lemmas: tuple[str, ...],
    actions: tuple[str, ...],
    without: tuple[str, ...],
    seed: int,
    timeout: float,
    jobs: int | None,
    max_memory: int | None,
    resume: bool,
    graph_file: Path | None,
    suggesting: bool,
    candidates: str | None,
    smt_folder: Path | None,
    json_file: Path | None,
) -> int:
    """Prove the invariants of SPEC for any number of nodes, terms, entries and messages, lemma by lemma.

    SPEC is `paxos`, `raft`, `voting`, or path/to/file.py:ClassName, a protocol with lemmas and an order of its sorts. Every obligation is
    discharged by the solver in this run; the ledger beside SPEC says only which lemmas to try first. An obligation that
    stays open makes the proof inconclusive (exit status 3): that a lemma is not preserved from some state does not say
    that the state can be reached.
    """
    if candidates is not None and not suggesting:
        raise click.UsageError("--candidates needs --suggest")
    if suggesting:
        found = suggest(find_proof(spec), None if candidates is None else find_protocol(candidates), limits=Limits(timeout, seed))
        print_suggestion(console(), found)
        return 0 if found.complete else EXIT_STATUS["not_proved"]
    load = functools.partial(find_proof, spec)
    selection = Selection(lemmas, actions)
    workers = jobs or os.cpu_count() or 1
    limits = Limits(timeout, seed, None if max_memory is None else max_memory // workers)
    with Matrix(console(stderr=True), load(), selection) as matrix:
        proof = run_proof(load, selection=selection, without=without, limits=limits, jobs=workers, resume=resume, progress=matrix.add)
    write_json(json_file, proof.to_json())
    if graph_file is not None:
        write_proof_graph(proof.protocol, {f.obligation: f.support for f in proof.outcomes if f.discharged}, graph_file)
    print_proof(console(), proof)
    if smt_folder is not None:
        prover = Prover(proof.protocol, proof.without, limits)
        write_all(prover, {f.obligation: f.support for f in proof.outcomes if f.discharged}, smt_folder)
    return EXIT_STATUS[proof.verdict]


def find_proof(reference: str) -> type[Protocol]:
    """The protocol with its lemmas that SPEC names."""
    if reference in SHIPPED:
        return shipped_proof(reference)
    if reference.rpartition(":")[0].endswith(".py") or reference.endswith(".py"):
        return find_protocol(reference)
    raise SpecError(f"unknown proof `{reference}`: give {', '.join(SHIPPED)}, or path/to/file.py:ClassName")
