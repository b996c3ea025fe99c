"""`ionian list`: the shipped specs, with their sorts, properties, witnesses, constraints and rules."""

from __future__ import annotations

import click

from model_check.cli.specs import SHIPPED, find_protocol
from model_check.report import console, put
from model_check.search import TYPE_INVARIANT
from model_check.trace import scope_option
from proofs import SHIPPED as PROVED
from spec.language import Protocol, Scope


@click.command("list")
@click.argument("spec", required=False)
def list_specs(spec: str | None) -> None:
    """List the shipped specs, or show one SPEC in full: scope, actions, properties, rules."""
    out = console()
    for name in SHIPPED if spec is None else [spec]:
        protocol = find_protocol(name)
        put(out, f"{name}: {_first_line(protocol.ir.doc)}", 0, style="bold" if out.is_terminal else "")
        if spec is None:
            put(out, f"scope: {_scope(protocol)}", 4)
            if name in PROVED:
                put(out, f"proof for clusters of every size: ionian prove {name}", 4)
        else:
            for heading, entries in _sections(protocol).items():
                put(out, f"{heading}: {', '.join(entries) or 'none'}", 4)
    if spec is None:
        put(out, "`ionian list SPEC` shows a spec's actions, properties and rules.", 0)


def _first_line(text: str) -> str:
    return text.splitlines()[0] if text else ""


def _scope(protocol: type[Protocol]) -> str:
    sizes = (protocol.default_scope or Scope()).sizes
    return ", ".join(f"{scope_option(name)} {sizes.get(name, 'N')}" for name in protocol.sort_names())


def _sections(protocol: type[Protocol]) -> dict[str, list[str]]:
    found = protocol.ir
    return {
        "scope": [_scope(protocol)],
        "actions": [a.name for a in found.actions],
        "invariants": [TYPE_INVARIANT, *(p.name for p in found.of_kind("invariant"))],
        "action properties": [p.name for p in found.of_kind("action_property")],
        "witnesses": [p.name for p in found.of_kind("witness")],
        "constraints": [p.name for p in found.of_kind("constraint")],
        "rules": [rule for rule, _ in found.rules],
        "refines": [r.target.__name__ for r in found.refinements],
    }
