"""A protocol at a scope as a TLA+ module and the configuration that TLC reads."""

from __future__ import annotations

from model_check.tla.comments import block, prose
from model_check.tla.module import Module
from spec.language import Protocol, ir
from spec.language.types import SortType
from spec.quorums import symmetric

_LINE = 100


def export(protocol: Protocol, symmetry: bool = False, mapping: ir.Refinement | None = None) -> tuple[str, str]:
    """The module's text and the configuration's, for `<name>.tla` and `<name>.cfg`.

    With `symmetry`, TLC counts states up to permutations of the elements of unordered sorts. With a refinement mapping of
    the protocol, TLC checks that every behaviour is one of the abstract protocol's; its module, which has to be exported as
    well, is that of `search.abstraction`. Raises SpecError where the protocol uses something that the export cannot say in TLA+.
    """
    module = Module(protocol, mapping)
    if module.abstract is not None:
        # What it needs of this module is known once it is written.
        _module(module.abstract, False, [])
    refinement = module.refinement()
    text = _module(module, symmetry, refinement[:-1])
    return text, _configuration(module, symmetry, refinement[-1:])


def _module(module: Module, symmetry: bool, refinement: list[str]) -> str:
    protocol = module.ir
    init = module.init()
    actions = [module.action(a) for a in protocol.actions]
    properties = {p.name: module.property(p) for p in protocol.properties}
    following = module.next()
    # What these refer to is known only now.
    opening = [module.constants(), module.library_text(), module.values(), module.variables()]
    parts = [_header(module), *("\n".join(section).strip() for section in opening if section)]
    if module.helpers:
        parts += [_rule("Helpers"), *module.helpers]
    parts += [_rule("Behaviours"), init, *actions, following, "Spec == Init /\\ [][Next]_vars"]
    for kind, title in _KINDS.items():
        found = [properties[p.name] for p in protocol.of_kind(kind)]
        parts += [_rule(title), *found] if found else []
    parts += [_rule("Refinement: every behaviour is one of the abstract protocol's"), *refinement] if refinement else []
    sorts = permuted(module) if symmetry else []
    if sorts:
        parts += [_rule("Symmetry"), "Symmetry == " + " \\cup ".join(f"Permutations({s.name})" for s in sorts)]
    return "\n\n".join(parts) + f"\n\n{'=' * _LINE}\n"


_KINDS = {
    "invariant": "Invariants: true in every reachable state",
    "action_property": "Action properties: true of every step",
    "witness": "Witnesses: must be reachable, so TLC must find `no_...` violated",
    "constraint": "Constraints that bound a search when named in the configuration",
}


def _header(module: Module) -> str:
    protocol, found = module.protocol, module.ir
    title = f" MODULE {found.name} "
    side = "-" * ((_LINE - len(title)) // 2)
    scope = ", ".join(f"{name}={size}" for name, size in protocol.scope.sizes.items())
    lines = [f"{side}{title}{side}", *block(prose(found.doc)), "\\*"]
    lines.append(f"\\* Written by `ionian export tla` from the executable specification; the configuration has the scope {scope}.")
    lines.append("\\* An action that would leave the scope is not enabled.")
    lines += [f'\\* The rule "{name}" is removed.' for rule, name in found.rules if rule in protocol.without]
    return "\n".join([*lines, "", "EXTENDS Integers, Sequences, FiniteSets, TLC"])


def _rule(title: str) -> str:
    return f"{'-' * _LINE}\n\\* {title}"


def elements_of(module: Module) -> dict[str, list[str]]:
    """The model values of each unordered sort: n1, n2, ...; the whole name of the sort where initials collide."""
    sorts = [s for s in module.sorts if not s.ordered]
    initials = [s.name[0].lower() for s in sorts]
    stems = {s.name: i if initials.count(i) == 1 else s.name.lower() for s, i in zip(sorts, initials, strict=True)}
    return {s.name: [f"{stems[s.name]}{n + 1}" for n in range(module.protocol.context.sizes[s.cls])] for s in sorts}


def permuted(module: Module) -> list[SortType]:
    """The unordered sorts whose elements may be permuted: more than one, and a quorum system that does not tell them apart."""
    context = module.protocol.context
    sorts = [s for s in module.sorts if not s.ordered and context.sizes[s.cls] > 1]
    return [s for s in sorts if symmetric(context.quorums[s.cls], context.sizes[s.cls])]


def _configuration(module: Module, symmetry: bool, refined: list[str]) -> str:
    context, elements = module.protocol.context, elements_of(module)
    lines: list[str] = []
    for sort in module.sorts:
        if sort.ordered:
            size = context.sizes[sort.cls]
            number = size if sort.position else size + sort.cls.beyond - 1
            lines.append(f"    Max{sort.name} = {number}")
        else:
            lines.append(f"    {sort.name} = {{{', '.join(elements[sort.name])}}}")
    for sort in (s for s in module.sorts if s.name in module.quorum_sorts and not module.by_majority(s)):
        members = elements[sort.name]
        quorums = ["{" + ", ".join(members[i] for i in sorted(q)) + "}" for q in context.quorums[sort.cls](len(members))]
        lines.append(f"    {module.quorum(sort)} = {{{', '.join(quorums)}}}")
    lines += ["    None = None"] if module.has_none else []
    lines = ["SPECIFICATION Spec", "CHECK_DEADLOCK FALSE", *(["", "CONSTANTS", *lines] if lines else [])]
    lines += ["", "INVARIANT TypeOK", *(f"INVARIANT {p.name}" for p in module.ir.of_kind("invariant"))]
    lines += [f"PROPERTY {name}" for name in (*(p.name for p in module.ir.of_kind("action_property")), *refined)]
    lines += ["", "SYMMETRY Symmetry"] if symmetry and permuted(module) else []
    return "\n".join([*lines, *_optional(module.ir)]) + "\n"


def _optional(protocol: ir.ProtocolIR) -> list[str]:
    """Lines to take in by hand: constraints, and witnesses as properties that TLC should find violated."""
    lines = [f"\\* CONSTRAINT {c.name}" for c in protocol.of_kind("constraint")]
    lines += [f"\\* {'PROPERTY' if w.on_step else 'INVARIANT'} no_{w.name}" for w in protocol.of_kind("witness")]
    return ["", *lines] if lines else []
