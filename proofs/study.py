"""Keeps `proofs/README.md` up to date: `python -m proofs.study` writes under each lemma's heading what code and ledger say.

From the code: what the lemma says, why it is needed, its formula. From the ledger: what it needs and what needs it.
"""

from __future__ import annotations

import ast
import inspect
import re
import textwrap
from pathlib import Path

from model_check.smt.unbounded.definedness import DEFINED
from model_check.smt.unbounded.graph import Graph, Supports, proof_graph
from model_check.smt.unbounded.ledger import ledger_of, read_ledger
from proofs import SHIPPED, shipped_proof
from spec.language import IonianError, Protocol

HERE = Path(__file__).parent
README = HERE / "README.md"
PROOFS: dict[str, type[Protocol]] = {name: shipped_proof(name) for name in SHIPPED}
BEGIN, END = "<!-- from the code and the ledger -->", "<!-- end -->"

_HEADING = re.compile(rf"^### `(\w+)`\n\n(?:{BEGIN}\n.*?{END}\n\n)?", flags=re.MULTILINE | re.DOTALL)


def supports(protocol: type[Protocol]) -> Supports:
    """What each obligation of a proof uses, by its ledger; IonianError where there is none."""
    found = read_ledger(protocol)
    if not found:
        raise IonianError(f"{ledger_of(protocol)}: there is no ledger; write it with `python -m proofs.ledger`")
    return {obligation: hint.support for obligation, hint in found.items()}


def refreshed(text: str) -> str:
    """The README with all that is taken from code and ledgers renewed; IonianError for a heading that names no lemma."""
    graphs = [(protocol, proof_graph(protocol, supports(protocol))) for protocol in PROOFS.values()]

    def section(found: re.Match[str]) -> str:
        lemma = found[1]
        for protocol, graph in graphs:
            if lemma in graph:
                return f"### `{lemma}`\n\n{BEGIN}\n{block(protocol, graph, lemma)}{END}\n\n"
        raise IonianError(f"{README}: the heading `{lemma}` is the name of no lemma")

    return _HEADING.sub(section, text)


def block(protocol: type[Protocol], graph: Graph, lemma: str) -> str:
    """What a lemma says, why, its formula, and its place in the graph, as Markdown."""
    doc = next(p.doc for p in protocol.ir.properties if p.name == lemma)
    says, _, why = doc.partition("\n\n")
    mappings = {r.name for r in protocol.ir.refinements}

    def link(name: str) -> str:
        if name == DEFINED:
            return "[definedness](#how-to-read)"
        return f"the refinement `{name}`" if name in mappings else f"[`{name}`](#{name})"

    needs = [f"{link(other)} ({', '.join(graph.edges[lemma, other]['actions'])})" for other in graph[lemma]]
    needed_by = [link(other) for other in graph.predecessors(lemma)]
    parts = [f"**Says.** {says}", *([why] if why else []), f"```python\n{formula(protocol, lemma)}\n```"]
    parts += [f"**Needs** {', '.join(needs) or 'nothing else'}.", f"**Needed by** {', '.join(needed_by) or 'no other lemma'}."]
    return "\n\n".join(parts) + "\n"


def formula(protocol: type[Protocol], lemma: str) -> str:
    """The body of a lemma's method as it stands in the code, without its docstring."""
    text = textwrap.dedent(inspect.getsource(getattr(protocol, lemma)))
    method = ast.parse(text).body[0]
    assert isinstance(method, ast.FunctionDef)
    return textwrap.dedent("\n".join(text.splitlines()[method.body[1].lineno - 1 :]))


if __name__ == "__main__":
    README.write_text(refreshed(README.read_text(encoding="utf-8")), encoding="utf-8")
