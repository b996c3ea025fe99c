"""Writes a proof's ledger anew: `python -m proofs.ledger raft`.

For each path of each obligation a small support is kept: the lemmas that the solver needs to discharge it, and none
that it can do without. What the present ledger says is kept where it still serves, and quickly, with every seed;
elsewhere a support is sought and made smaller lemma by lemma.
"""

from __future__ import annotations

import time
from dataclasses import replace

import click
import z3

from model_check.cli.files import write_file
from model_check.cli.prove import find_proof
from model_check.smt.unbounded.ledger import ledger_of, ledger_text, read_ledger, redundant
from model_check.smt.unbounded.obligations import Obligation, Query, obligations_of
from model_check.smt.unbounded.proof import check_provable
from model_check.smt.unbounded.prover import Discharge, Hint, Limits, Prover, Support

QUICK, SMALL, PATIENCE = 0.5, 8, 2.0
"""A support in the ledger is kept where it takes at most so many seconds (of the processor); one of more lemmas than is small is made smaller
first. Each attempt to leave one out may take some seconds' steps of the solver, so the machine may be busy."""


class Search:
    """Looks for supports that discharge a query quickly with each of several seeds."""

    def __init__(self, prover: Prover, seeds: int) -> None:
        self.prover, self.seeds = prover, seeds

    def slowest(self, query: Query, support: Support, limit: float) -> float | None:
        """The most seconds (of the processor) that a support takes over all seeds; None where it does not serve with each of them."""
        limits, worst = self.prover.limits, 0.0
        for seed in range(self.seeds):
            self.prover.limits = replace(limits, seed=seed)
            began = time.process_time()
            discharged = self.prover.check(query, support, limit) == z3.unsat
            worst = max(worst, time.process_time() - began)
            if not discharged:
                break
        self.prover.limits = limits
        return worst if discharged else None

    def support(self, query: Query, obligation: Obligation, known: Support | None) -> tuple[Support, float] | None:
        """A quick support from which nothing can be left out, else the quickest; None where there is none."""
        usable = {*self.prover.usable(obligation), *self.prover.encoding.totality}
        if known is not None and set(known) <= usable:
            # What is small already was made minimal before.
            kept = known if len(known) <= SMALL else self.prover.minimal(query, known, PATIENCE)
            seconds = self.slowest(query, kept, PATIENCE)
            if seconds is not None and seconds <= QUICK:
                return kept, seconds
        best: tuple[Support, float] | None = None
        for support in (*self.prover.attempts(query, obligation, known), self.prover.everything(obligation)):
            if self.prover.check(query, support, self.prover.limits.timeout / 2) != z3.unsat:
                continue
            for candidate in dict.fromkeys((self.prover.minimal(query, support, PATIENCE), support)):
                seconds = self.slowest(query, candidate, self.prover.limits.timeout)
                if seconds is not None and (best is None or seconds < best[1]):
                    best = candidate, seconds
            if best is not None and best[1] <= QUICK:
                break
        return best

    def discharge(self, obligation: Obligation, hint: Hint | None) -> Discharge:
        """An obligation's entry in the ledger."""
        supports: list[Support] = []
        seconds = 0.0
        queries = self.prover.encoding.queries(obligation)
        known = hint.support if hint is not None and len(hint.support) == len(queries) else (None,) * len(queries)
        for query, support in zip(queries, known, strict=True):
            found = self.support(query, obligation, support)
            if found is None:
                return Discharge(obligation, "unknown", seconds, tuple(supports))
            supports.append(found[0])
            seconds += found[1]
        return Discharge(obligation, "unsat", seconds, tuple(supports))


@click.command()
@click.argument("spec")
@click.option("--seeds", type=click.IntRange(min=1), default=1, show_default=True, help="A support must serve with seeds 0, 1, ...")
def main(spec: str, seeds: int) -> None:
    """Search the supports of SPEC's obligations, and write its ledger."""
    protocol = find_proof(spec)
    check_provable(protocol)
    search, hints = Search(Prover(protocol, frozenset(), Limits()), seeds), read_ledger(protocol)
    outcomes = []
    for obligation in obligations_of(protocol):
        found = search.discharge(obligation, hints.get(obligation))
        outcomes.append(found)
        if not found.discharged or found.seconds > 1:
            click.echo(f"{obligation.action}/{obligation.lemma}: {found.result}, {found.seconds:.1f} s, {sum(map(len, found.support))} lemmas")
    unused = redundant(protocol, {f.obligation: Hint(f.support) for f in outcomes})
    if unused:
        click.echo(f"redundant (no obligation of another lemma uses them): {', '.join(unused)}")
    write_file(ledger_of(protocol), ledger_text(protocol, outcomes, search.prover.limits.seed))
    click.echo(f"{ledger_of(protocol)}: {sum(f.discharged for f in outcomes)} of {len(outcomes)} obligations discharged")


if __name__ == "__main__":
    main()
