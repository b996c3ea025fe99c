"""A second opinion: the obligations of a proof, as SMT-LIB, put to cvc5.

`python -m proofs.second_solver` writes the table `proofs/second-solver.md`. cvc5 is an optional extra:
`pip install 'ionian[second-solver]'`. Supports come from the proof's ledger.
"""

from __future__ import annotations

import inspect
import json
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from model_check.smt.unbounded.obligations import Obligation
from model_check.smt.unbounded.prover import Limits, Prover, Support
from model_check.smt.unbounded.smtlib import script
from proofs.paxos import PaxosProof
from proofs.raft import RaftProof
from proofs.voting import VotingProof
from spec.language import IonianError, Protocol

SECONDS = 10.0
"""How long each strategy may think about one query."""

STRATEGIES: tuple[tuple[str, ...], ...] = (("finite-model-find",), (), ("full-saturate-quant",))
"""cvc5's options, tried in turn until one decides. Instances for the elements of a small model are soon all that a refutation takes."""


@dataclass(frozen=True)
class Opinion:
    """What cvc5 says of one path's query: `unsat` (confirmed), `sat` (contradicted) or `unknown`, and after how many seconds."""

    obligation: Obligation
    path: int
    answer: str
    seconds: float
    strategy: str


def supports(protocol: type[Protocol]) -> dict[Obligation, tuple[Support, ...]]:
    """The supports that a proof's ledger holds."""
    path = Path(inspect.getfile(protocol)).with_suffix(".ledger.json")
    entries = json.loads(path.read_text(encoding="utf-8"))["obligations"]
    return {Obligation(e["action"], e["lemma"]): tuple(tuple(s) for s in e["support"]) for e in entries}


def ask(text: str, options: tuple[str, ...], seconds: float) -> str:
    """cvc5's answer to a script; `unknown` where it does not decide in time. IonianError where cvc5 is not installed."""
    try:
        import cvc5  # noqa: PLC0415  # an optional extra
    except ImportError:
        raise IonianError("cvc5 is not installed; write: pip install 'ionian[second-solver]'") from None
    terms = cvc5.TermManager()
    solver = cvc5.Solver(terms)
    solver.setOption("tlimit-per", str(int(seconds * 1000)))
    for option in options:
        solver.setOption(option, "true")
    parser = cvc5.InputParser(solver)
    # Told what to expect, cvc5 answers with an error where it finds otherwise.
    parser.setStringInput(cvc5.InputLanguage.SMT_LIB_2_6, text.replace("(set-info :status unsat)\n", ""), "query")
    symbols, answer = parser.getSymbolManager(), ""
    while not (command := parser.nextCommand()).isNull():
        answer = str(command.invoke(solver, symbols)).strip() or answer
    return answer if answer in ("sat", "unsat") else "unknown"


def opinions(protocol: type[Protocol], seconds: float = SECONDS) -> Iterator[Opinion]:
    """cvc5's opinion on each path of each obligation."""
    prover, known = Prover(protocol, frozenset(), Limits()), supports(protocol)
    for obligation in prover.encoding.obligations:
        for path, query in enumerate(prover.encoding.queries(obligation)):
            text, began = script(prover, obligation, query, known[obligation][path]), time.perf_counter()
            for options in STRATEGIES:
                answer = ask(text, options, seconds)
                if answer != "unknown":
                    break
            yield Opinion(obligation, path, answer, time.perf_counter() - began, " ".join(options) or "as it comes")


def table(found: dict[str, list[Opinion]]) -> str:
    """The opinions as a page."""
    import cvc5  # noqa: PLC0415  # an optional extra

    lines = [
        "# What a second solver says",
        "",
        "Every path of every obligation, with the support in the ledger, as SMT-LIB 2.6, put to "
        f"cvc5 {cvc5.__version__}; {SECONDS:g} s for each of {len(STRATEGIES)} sets of options in turn.",
        "Written by `python -m proofs.second_solver`. *Not decided* is no verdict: the proof rests on Z3 alone there.",
        "",
        "| proof | queries | confirmed | contradicted | not decided | longest confirmed | all |",
        "|---|---|---|---|---|---|---|",
    ]
    for name, all_ in found.items():
        count = {a: sum(o.answer == a for o in all_) for a in ("unsat", "sat", "unknown")}
        longest = max((o.seconds for o in all_ if o.answer == "unsat"), default=0.0)
        total = sum(o.seconds for o in all_)
        lines.append(f"| {name} | {len(all_)} | {count['unsat']} | {count['sat']} | {count['unknown']} | {longest:.1f} s | {total:.0f} s |")
    lines += ["", "| strategy that decided | queries |", "|---|---|"]
    decided = [o.strategy for all_ in found.values() for o in all_ if o.answer != "unknown"]
    lines += [f"| {s} | {decided.count(s)} |" for s in dict.fromkeys(decided)]
    open_ = [(name, o) for name, all_ in found.items() for o in all_ if o.answer != "unsat"]
    if open_:
        lines += ["", "| proof | action | lemma | path | answer |", "|---|---|---|---|---|"]
        lines += [f"| {n} | {o.obligation.action} | {o.obligation.lemma} | {o.path} | {o.answer} |" for n, o in open_]
    return "\n".join([*lines, ""])


def main() -> None:
    """Ask about all shipped proofs, and write the table."""
    found = {protocol.ir.name: list(opinions(protocol)) for protocol in (VotingProof, PaxosProof, RaftProof)}
    Path(__file__).with_name("second-solver.md").write_text(table(found), encoding="utf-8")


if __name__ == "__main__":
    main()
