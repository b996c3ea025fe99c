"""The parts of an exported module: constants, sorts, records, variables, operators, Init, actions, properties."""

from __future__ import annotations

from model_check.search import abstraction
from model_check.tla import layout as tla
from model_check.tla.bounds import stays
from model_check.tla.comments import block, prose
from model_check.tla.expressions import Translator
from model_check.tla.layout import Bullet, Piece, atom
from model_check.tla.library import LIBRARY
from model_check.tla.names import FAIRNESS, KEYWORDS, RESERVED, fresh
from model_check.tla.steps import Stepper, formula, written
from model_check.tla.types import closure, greatest, members_of, mentioned, record_set, type_set
from spec.language import Protocol, SpecError, ir
from spec.language.types import EnumType, OptionType, RecordType, SeqType, SetType, SortType, Type
from spec.quorums import majorities

_INDENT = "    "


class Module:
    """Translates a protocol part by part; helpers and library operators are collected as they are met.

    With a refinement mapping, the module also has an instance of the abstract protocol's, whose constants it then declares.
    """

    def __init__(self, protocol: Protocol, mapping: ir.Refinement | None = None) -> None:
        self.protocol, self.ir, self.mapping = protocol, protocol.ir, mapping
        self.abstract = None if mapping is None else Module(abstraction(protocol, mapping.name)[0])
        self.types: list[Type] = mentioned(protocol.ir)
        self.sorts = list(dict.fromkeys([*protocol.ir.sorts, *(t for t in self.types if isinstance(t, SortType))]))
        bodies = (*(b.domain for a in self.ir.actions for b in a.parameters), *(s for a in (self.ir.init, *self.ir.actions) for s in a.body))
        mapped = () if mapping is None else tuple(value for _, value in mapping.assignments)
        self.nodes = ir.walk_all((*bodies, *(p.body for p in self.ir.properties), *mapped))
        # The names of all definitions; those of helpers join as they are made.
        self.defined: set[str] = self._defined()
        self._refuse_names()
        # Nothing bound may have a helper's name, though it is bound before the helper is met.
        self.globals: set[str] = self.defined | {wanted for n in self.nodes if isinstance(n, ir.Call) for wanted in (n.helper.name, _in_scope(n.helper))}
        self.helpers: list[str] = []
        self._made: dict[tuple[int, str], str] = {}
        self._used: set[str] = set()
        self.quorum_sorts: dict[str, SortType] = {}

    def _defined(self) -> set[str]:
        named = {t.name for t in self.types if isinstance(t, (EnumType, RecordType))}
        named |= {s.name for s in self.sorts} | {f"Max{s.name}" for s in self.sorts if s.ordered}
        named |= {v.name for v in self.ir.variables} | {a.name for a in self.ir.actions} | {p.name for p in self.ir.properties}
        quorums = [s.name for s in self.sorts if not s.ordered]
        return named | {self.ir.name, "Quorum"} | {f"{name}Quorum" for name in quorums} | {f"no_{p.name}" for p in self.ir.of_kind("witness")}

    def _refuse_names(self) -> None:
        fields = {name for t in self.types if isinstance(t, RecordType) for name, _ in t.fields}
        taken = self.defined & RESERVED | fields & KEYWORDS | {name for name in self.defined | fields if name.startswith(FAIRNESS)}
        faults = dict.fromkeys(sorted(taken), "already means something in TLA+; give it another name")
        faults |= {name: "has letters that TLA+ has not; give it a name in ASCII" for name in sorted(self.defined | fields) if not name.isascii()}
        for name, fault in faults.items():
            where = self.ir.place
            raise SpecError(f"export to TLA+: `{name}` {fault}", where.file, where.line, where.column)

    # --- what expressions refer to

    def helper(self, helper: ir.Helper) -> str:
        """The operator that a helper became; defined at the first call."""
        return self._operator(helper, helper.name, lambda t: t(helper.body), prose(helper.doc))

    def in_scope(self, helper: ir.Helper) -> str:
        """The operator that tells whether evaluating a helper stays within the scope."""
        return self._operator(helper, _in_scope(helper), lambda t: stays(t, helper.body), (f"Whether `{helper.name}` stays within the scope.",))

    def _operator(self, helper: ir.Helper, wanted: str, body: object, comment: tuple[str, ...]) -> str:
        key = (id(helper), wanted)
        if key not in self._made:
            translate = Translator(self)
            names = [translate.bind(n) for n, _ in helper.parameters]
            piece: Piece = body(translate)  # type: ignore[operator]  # one of the two above
            name = fresh(wanted, self.defined)
            self.defined.add(name)
            self.globals.add(name)
            self._made[key] = name
            self.helpers.append(definition(name, names, piece, comment))
        return self._made[key]

    def library(self, name: str) -> str:
        """An operator of the library; noted as used."""
        self._used.add(name)
        return name

    def quorum(self, sort: SortType) -> str:
        """The set of the quorums of a sort."""
        self.quorum_sorts[sort.name] = sort
        return "Quorum" if len([s for s in self.sorts if not s.ordered]) == 1 or self._only_quorum(sort) else f"{sort.name}Quorum"

    def _only_quorum(self, sort: SortType) -> bool:
        return {n.sort for n in self.nodes if isinstance(n, (ir.QuorumDomain, ir.IsQuorum))} <= {sort}

    # --- sections

    def constants(self) -> list[str]:
        """Constants, ordered sorts and quorums."""
        names = {f"Max{s.name}" if s.ordered else s.name: () if s.ordered else _doc(s.cls) for s in self.sorts}
        names |= {self.quorum(s): (f"The minimal quorums of {s.name}.",) for s in self.quorum_sorts.values() if not self.by_majority(s)}
        names |= {"None": ("The absent value of an option.",)} if self.has_none else {}
        lines = ["CONSTANTS"] if names else []
        for i, (name, comment) in enumerate(names.items()):
            lines += [_INDENT + line for line in (*block(comment), name + ("," if i < len(names) - 1 else ""))]
        for sort in self.sorts:
            lines += self._sort(sort) if sort.ordered else []
        for sort in self.quorum_sorts.values():
            if self.by_majority(sort):
                majority = f"{{q \\in SUBSET {sort.name} : Cardinality(q) = (Cardinality({sort.name}) \\div 2) + 1}}"
                lines += ["", "\\* Any two majorities have a member in common.", f"{self.quorum(sort)} == {majority}"]
        return lines

    def values(self) -> list[str]:
        """Enumerations and records."""
        lines: list[str] = []
        for type_ in self.types:
            if isinstance(type_, EnumType):
                lines += ["", *block(_doc(type_.cls)), f"{type_.name} == {{{', '.join(chr(34) + m + chr(34) for m in members_of(type_).values())}}}"]
        for type_ in self.types:
            if isinstance(type_, RecordType):
                lines += ["", definition(type_.name, [], record_set(type_), _doc(type_.cls))]
        return lines

    @property
    def has_none(self) -> bool:
        """Whether the module speaks of None."""
        of_abstract = self.abstract is not None and self.abstract.has_none
        return of_abstract or "Least" in self._used or any(isinstance(t, OptionType) for t in self.types)

    def by_majority(self, sort: SortType) -> bool:
        """Whether the quorums of a sort are the majorities."""
        return self.protocol.context.quorums[sort.cls] is majorities

    def _sort(self, sort: SortType) -> list[str]:
        last = greatest(sort).text
        note = ("Positions in sequences: 0 before the first entry, then those of entries, one after the last.",) if sort.position else ()
        return ["", *block((*_doc(sort.cls), *note)), f"{sort.name} == 0..{f'({last})' if sort.position else last}"]

    def library_text(self) -> list[str]:
        """The library operators in use."""
        if any(isinstance(t, SeqType) for t in closure(self.types)):
            self._used.add("Sequences")
        return [line for name, text in LIBRARY.items() if name in self._used for line in ("", text)]

    def variables(self) -> list[str]:
        """Variables with their comments, `vars`, and the type invariant."""
        lines = ["VARIABLES"]
        for i, variable in enumerate(self.ir.variables):
            kind = "" if variable.kind == "persistent" else f" ({variable.kind})"
            lines += [f"{_INDENT}{line}" for line in block(prose(variable.doc + kind))]
            lines.append(f"{_INDENT}{variable.name}{',' if i < len(self.ir.variables) - 1 else ''}")
        names = tla.hang("vars == <<", tla.filled([v.name for v in self.ir.variables]), ">>")
        typed = tla.bulleted([Bullet(_typed(v)) for v in self.ir.variables])
        return [*lines, "", *names.lines, "", definition("TypeOK", [], typed, ("Each variable holds a value of its type, within the scope.",))]

    def init(self) -> str:
        """Init."""
        step = Stepper(self, initial=True)
        with step.translate.scope():
            bounds = [(step.translate.domain(b.domain), step.translate.bind(b.name)) for b in self.ir.init.parameters]
            piece = formula(step.run(self.ir.init.body), tuple(v.name for v in self.ir.variables), prime="")
        for domain, name in reversed(bounds):
            piece = tla.quantified("\\E", [tla.bound(name, domain)], piece)
        return definition("Init", [], piece, prose(self.ir.init.doc))

    def action(self, action: ir.Action) -> str:
        """One action as an operator of its parameters."""
        step = Stepper(self)
        names = [step.translate.bind(b.name) for b in action.parameters]
        path = step.run(action.body)
        changed = written(path)
        order = [v.name for v in self.ir.variables]
        kept = tuple(v for v in order if v not in changed)
        return definition(action.name, names, formula(path, tuple(v for v in order if v in changed), rest=kept), prose(action.doc))

    def next(self) -> str:
        """Next: some action with some arguments."""
        lines = ["Next =="]
        for action in self.ir.actions:
            translate = Translator(self)
            piece = translate.quantify("\\E", action.parameters, lambda a=action, t=translate: tla.application(a.name, [t.bound[b.name] for b in a.parameters]))  # type: ignore[misc]  # bound early
            lines += [_INDENT + line for line in tla.hang("\\/ ", piece).lines]
        return "\n".join(lines)

    def property(self, prop: ir.Property) -> str:
        """An invariant, action property, witness or constraint."""
        piece = Translator(self)(prop.body)
        if prop.kind == "action_property":
            return definition(prop.name, [], tla.hang("[][", piece, "]_vars"), prose(prop.doc))
        text = definition(prop.name, [], piece, prose(prop.doc))
        if prop.kind == "witness":
            text += f"\nno_{prop.name} == " + (f"[][~{prop.name}]_vars" if prop.on_step else f"~{prop.name}")
        return text

    def refinement(self) -> list[str]:
        """An instance of the abstract module, the property that every behaviour is one of its, and the property's name; nothing without a mapping."""
        if self.mapping is None or self.abstract is None:
            return []
        target, translate = self.abstract.ir.name, Translator(self)
        values = [(name, translate(value)) for name, value in self.mapping.assignments]
        # Quorums that are no constant of the abstract module it defines itself; the other constants have one name in both.
        values += [(self.abstract.quorum(s), atom(self.quorum(s))) for s in self.abstract.quorum_sorts.values() if not self.by_majority(s)]
        instance, name = (fresh(wanted, self.defined | self.globals) for wanted in ("Abstract", f"Refines{target}"))
        given = [tla.hang(f"{variable} <- ", value, "," if i < len(values) - 1 else "") for i, (variable, value) in enumerate(values)]
        lines = [f"{instance} == INSTANCE {target} WITH", *(_INDENT + line for piece in given for line in piece.lines)]
        return ["\n".join(lines), definition(name, [], atom(f"{instance}!Spec"), prose(self.mapping.doc)), name]


def definition(name: str, parameters: list[str], body: Piece, comment: tuple[str, ...] = ()) -> str:
    """`name(parameters) == body` under its comment."""
    head = f"{name}({', '.join(parameters)})" if parameters else name
    lines = block(comment)
    if (body.single and body.operator != "") or (body.single and len(head) + body.width + 4 <= tla.WIDTH and not body.text.startswith("/\\")):
        return "\n".join([*lines, f"{head} == {body.text}"])
    return "\n".join([*lines, f"{head} ==", *(_INDENT + line for line in body.lines)])


def _typed(variable: ir.Variable) -> Piece:
    if isinstance(variable.type, SetType):
        return tla.infix("\\subseteq", tla.RELATION, atom(variable.name), type_set(variable.type.of))
    return tla.bound(variable.name, type_set(variable.type))


def _in_scope(helper: ir.Helper) -> str:
    """The wanted name of the operator that tells whether a helper stays within the scope."""
    return f"{helper.name}_in_scope"


def _doc(cls: type) -> tuple[str, ...]:
    """The docstring of a sort, an enumeration or a record, none where it was generated."""
    doc = cls.__doc__ or ""
    return () if doc.startswith(f"{cls.__name__}(") else prose(doc)
