"""From a protocol and its layout to the source of a program: actions, properties, kernel."""

from __future__ import annotations

import inspect
from types import ModuleType

from model_check.eager import Eagerness
from model_check.native import kernel
from model_check.native.actions import BEFORE, NEXT, define, write_actions
from model_check.native.expressions import Translator
from model_check.native.forgetting import tables, write_forgetting
from model_check.native.layout import Layout
from model_check.native.mapping import write_refinement
from model_check.native.symmetry import print_function
from model_check.native.writer import Writer
from model_check.search import TYPE_INVARIANT
from spec.language import ScopeError, ir
from spec.language.types import SetType

_USED = (
    "draw",
    "fingerprint",
    "home",
    "holds_print",
    "insert_print",
    "lowest_bit",
    "mix",
    "place_of",
    "same_but",
    "shard_of",
    "tail_has",
    "tail_hash_of",
    "tail_clear",
    "tail_insert",
    "tail_remove",
    "tail_subset",
)


class Program:
    """The generated program of a protocol at a scope.

    `source` is the text; `states` the invariants and state witnesses, `steps` the action properties and step
    witnesses, in the order of their numbers in the program; `places` the places of undefined expressions. `loops` is
    the module whose loops are compiled with it: those of one kind of search. `eager` says which messages are sent at
    once, and what becomes of them (`model_check/eager.py`).
    """

    def __init__(
        self,
        layout: Layout,
        symmetry: bool,
        refinement: tuple[Layout, ir.Refinement] | None = None,
        bounded: bool = False,
        loops: ModuleType = kernel,
        eager: Eagerness | None = None,
    ) -> None:
        self.sent = eager.sent if eager else frozenset()
        self.receipts = eager.receipts if eager else {}
        self.loops = loops
        self.layout, self.protocol = layout, layout.protocol
        if len(self.protocol.ir.actions) > kernel.MOST_ACTIONS:
            raise ScopeError(f"{self.protocol.ir.name} has more than {kernel.MOST_ACTIONS} actions, the most for the native engine; use --engine interpreter")
        self.writer = Writer(layout)
        of_kind = self.protocol.ir.of_kind
        self.invariants, self.action_properties = of_kind("invariant"), of_kind("action_property")
        self.witnesses = of_kind("witness")
        # Constraints cost compiling time, and most searches name none.
        self.constraints = of_kind("constraint") if bounded else ()
        write_actions(self.writer, "")
        self.step_names = [p.name for p in self.action_properties]
        if refinement is not None:
            write_refinement(self.writer, *refinement)
            self.step_names.append(refinement[1].name)
        self.refined = refinement is not None
        self._check_state()
        self._check_step()
        self._only_sends()
        write_forgetting(self.writer, self.receipts)
        self._expandable()
        print_function(self.writer, symmetry)
        self.places = self.writer.sites.places
        self.source = self._text()

    @property
    def fates(self) -> list[int]:
        """What becomes of messages, for the rules in force: the words of `notes` behind the masks."""
        return tables(self.layout, self.receipts)

    @property
    def state_names(self) -> list[str]:
        """Names of the state properties by their number."""
        return [TYPE_INVARIANT, *(p.name for p in self.invariants)]

    def _text(self) -> str:
        steps = bool(self.step_names) or any(w.on_step for w in self.witnesses)
        tables = [f"{name} = np.array({values}, np.int64)" for name, values in self.writer.tables.items()]
        constants = ((kernel, kernel.PLACES), (self.loops, self.loops.CONSTANTS))
        parts = [
            f'"""{self.protocol.ir.name}({self.protocol.scope!r}), compiled; rules, properties and constraints are chosen as it runs."""',
            "import numpy as np\nfrom numba import njit",
            "from model_check.native.compiler import ENTRY, MAKER, PART",
            f"from model_check.native.runtime import {', '.join(_USED)}",
            f"FIXED_WORDS = {self.layout.fixed_words}\nSTEP_PROPERTIES = {int(steps)}\nEAGER = {int(bool(self.sent))}",
            "\n".join(f"{name} = {getattr(loops, name)}" for loops, names in constants for name in names),
            "\n".join(tables),
            "\n".join(self.writer.lines),
            *(inspect.getsource(getattr(f, "py_func", f)) for f in self.loops.LOOPS),
        ]
        return "\n\n".join(parts) + "\n"

    def _define(self, head: str) -> None:
        define(self.writer, head)

    # --- properties

    def _check_state(self) -> None:
        self._type_invariant()
        for p in self.invariants:
            self._predicate(f"inv_{p.name}(S, o, n, notes)", p)
        for p in self.witnesses:
            if not p.on_step:
                self._predicate(f"wit_{p.name}(S, o, n, notes)", p)
        self._define("check_state(S, o, n, notes, seen)")
        for i, w in enumerate(self.witnesses):
            if not w.on_step:
                self.writer.line(f"if seen[{i}] == 0 and wit_{w.name}(S, o, n, notes):")
                self.writer.line(f"    seen[{i}] = 1")
        self.writer.line(f"if notes[{kernel.WANTED_STATES}] & 1 != 0 and not inv_type_invariant_(S, o, n):")
        self.writer.line("    return 0")
        for i, p in enumerate(self.invariants, 1):
            self.writer.line(f"if notes[{kernel.WANTED_STATES}] & {1 << i} != 0 and not inv_{p.name}(S, o, n, notes):")
            self.writer.line(f"    return {i}")
        self.writer.line("return -1")

    def _check_step(self) -> None:
        steps = [w for w in self.witnesses if w.on_step]
        for p in [*self.action_properties, *steps]:
            prefix = "wit" if p.kind == "witness" else "prop"
            self._predicate(f"{prefix}_{p.name}(S, o, n, C, c, m, notes)", p)
        self._define("check_step(S, o, n, C, c, m, notes, seen)")
        for i, w in enumerate(self.witnesses):
            if w.on_step:
                self.writer.line(f"if seen[{i}] == 0 and wit_{w.name}(S, o, n, C, c, m, notes):")
                self.writer.line(f"    seen[{i}] = 1")
        for i, p in enumerate(self.action_properties):
            self.writer.line(f"if notes[{kernel.WANTED_STEPS}] & {1 << i} != 0 and not prop_{p.name}(S, o, n, C, c, m, notes):")
            self.writer.line(f"    return {i}")
        if self.refined:
            self.writer.line("if not allowed_by_mapping(S, o, n, C, c, m, notes):")
            self.writer.line(f"    return {len(self.action_properties)}")
        self.writer.line("return -1")

    def _only_sends(self) -> None:
        """Whether two states agree in all variables but those that hold messages."""
        self._define("only_sends(S, o, n, C, c, m)")
        for word, mask in sorted(self.layout.cover(self.layout.slots.keys() - self.sent).items()):
            self.writer.line(f"if (S[o + {word}] ^ C[c + {word}]) & {mask} != 0:")
            self.writer.line("    return False")
        fixed, tags = self.layout.fixed_words, sum(1 << slot.tag for slot in self.layout.tagged if slot.variable.name in self.sent)
        self.writer.line(f"return same_but(S, o + {fixed}, o + {fixed} + n, C, c + {fixed}, c + {fixed} + m, {tags})")

    def _expandable(self) -> None:
        for p in self.constraints:
            self._predicate(f"con_{p.name}(S, o, n, notes)", p)
        self._define("expandable(S, o, n, notes)")
        tests = " and ".join(f"(notes[{kernel.WANTED_CONSTRAINTS}] & {1 << i} == 0 or con_{p.name}(S, o, n, notes))" for i, p in enumerate(self.constraints))
        self.writer.line(f"return {tests or 'True'}")

    def _predicate(self, head: str, p: ir.Property) -> None:
        self._define(head)
        value = Translator(self.writer, BEFORE, NEXT if p.on_step else None).value(p.body)
        self.writer.line(f"return {value}")

    def _type_invariant(self) -> None:
        """Every code lies within its type's range: the masks of a layout may have room for more."""
        self._define("inv_type_invariant_(S, o, n)")
        for slot in self.layout.slots.values():
            if slot.form != "fields" or isinstance(slot.variable.value_type, SetType):
                continue
            greatest = self.layout.greatest(slot.variable.value_type)
            if greatest == (1 << slot.width) - 1:
                continue
            for i in range(slot.count):
                word, shift = self.layout.position(slot, i)
                self.writer.line(f"if (S[o + {word}] >> {shift}) & {(1 << slot.width) - 1} > {greatest}:")
                self.writer.line("    return False")
        self.writer.line("return True")
