"""Random small protocols, built type by type from the whole grammar of the spec language.

`Generator(chance).protocol()` gives the text of a spec. Everything random is drawn from `chance`, so that Hypothesis
can shrink a protocol on which two engines differ. What is avoided on purpose: expressions whose definedness depends
on the order in which CPython walks through a hash set.
"""

from __future__ import annotations

import random
from collections.abc import Callable

from random_expressions import Expressions
from random_types import BOOL, COLOUR, ITEM, NODE, RULES, TERM, Kind, opt, seq, set_of, written


class Generator(Expressions):
    """Writes one protocol: statements, and what they stand in."""

    def __init__(self, chance: random.Random, loose: bool = False, width: int = 2) -> None:
        super().__init__(chance)
        self.loose, self.width = loose, width
        self.procedures: list[tuple[str, list[tuple[str, Kind]]]] = []

    def statements(self, depth: int, count: int, loop: str = "") -> list[str]:
        """Lines of a block; locals end with it."""
        saved = list(self.scene.locals)
        lines: list[str] = []
        for _ in range(count):
            lines += self.statement(depth, loop)
        self.scene.locals = saved
        return lines or ["pass"]

    def statement(self, depth: int, loop: str) -> list[str]:
        ways: list[Callable[[], list[str]]] = [lambda: self.assign(loop)] * 6 + [lambda: self.insert(loop)] * 4
        if not loop and any(k[0] == "seq" for _, k in self.variables):
            ways += [self.sequence] * 4
        if not loop:
            ways += [self.guard, self.guard, self.let]
            if self.procedures and self.scene.calls:
                ways.append(self.perform)
        if depth > 0:
            ways += [lambda: self.branch(depth, loop)] * 2
            if not loop:
                ways.append(lambda: self.loop(depth))
        return self.pick(ways)()

    def guard(self) -> list[str]:
        rule = f', rule="{self.pick(RULES)}"' if self.odds(30) else ""
        return [f"require({self.expr(BOOL, self.width)}{rule})"]

    def let(self) -> list[str]:
        kind = self.pick([self.small, self.record_kind, lambda: set_of(self.pick([NODE, ITEM])), lambda: seq(TERM), lambda: opt(TERM)])()
        ready = self.readable(kind)
        if kind[0] in ("seq", "win", "opt"):
            if not ready:
                return []
            text = self.pick(ready)(0)
        else:
            text = self.expr(kind, self.width, named=True)
        x = self.name("v")
        self.scene.locals.append((x, kind))
        return [f"{x} = {text}"]

    def target(self, loop: str, wanted: Callable[[Kind], bool] = lambda k: True) -> tuple[str, Kind] | None:
        options: list[tuple[str, Kind]] = []
        for v, k in self.variables:
            if k[0] == "map":
                if not wanted(k[2]):
                    continue
                if loop and NODE in k[1]:
                    at = self.chance.randrange(len(k[1])) if all(x == NODE for x in k[1]) else k[1].index(NODE)
                    options.append((f"self.{v}[{', '.join(loop if i == at else self.expr(x, 1) for i, x in enumerate(k[1]))}]", k[2]))
                elif not loop:
                    options.append((f"self.{v}[{self.keys(k, 2)}]", k[2]))
            elif wanted(k) and not loop:
                options.append((f"self.{v}", k))
        return self.pick(options) if options else None

    def assign(self, loop: str) -> list[str]:
        maps = [(v, k) for v, k in self.variables if k[0] == "map"]
        if maps and not loop and self.odds(10):
            return [self.whole_map(*self.pick(maps))]
        found = self.target(loop)
        if found is None:
            return []
        text, kind = found
        if kind[0] == "set" and self.odds(30):
            return [f"{text} {self.pick(['|=', '-=', '&='])} {self.expr(kind, self.width)}"]
        return [f"{text} = {self.expr(kind, self.width)}"]

    def sequence(self) -> list[str]:
        """A sequence grows, or is spliced and extended with a window of another."""
        variable, kind = self.pick([(v, k) for v, k in self.variables if k[0] == "seq"])
        text = f"self.{variable}"
        if self.odds(50):
            return [f"{text} = {text}.append({self.expr(kind[1], 1)})"]
        return [f"{text} = {self._seq(kind, self.width, True)}" if self.odds(30) else f"{text} = {self._seq(kind, self.width, False)}"]

    def whole_map(self, variable: str, kind: Kind) -> str:
        with self.within(avoid=variable) as scene:
            names = [self.name("k") for _ in kind[1]]
            scene.locals += list(zip(names, kind[1], strict=True))
            binders = " ".join(f"for {n} in {written(k)}" for n, k in zip(names, kind[1], strict=True))
            key = names[0] if len(names) == 1 else f"({', '.join(names)})"
            return f"self.{variable} = Map({{{key}: {self.expr(kind[2], self.width)} {binders}}})"

    def insert(self, loop: str) -> list[str]:
        """Sets change by one or two elements; in a loop any set may grow."""
        sets = [(f"self.{v}", k) for v, k in self.variables if k[0] == "set"]
        found = self.pick(sets) if sets and self.odds(70) else self.target(loop, lambda k: k[0] == "set")
        if found is None:
            return []
        text, kind = found
        sign = self.pick(["|=", "|=", "|=", "-="])
        elements = ", ".join(self.expr(kind[1], self.width, named=True) for _ in range(self.pick([1, 1, 1, 2])))
        return [f"{text} {sign} {{{elements}}}"]

    def branch(self, depth: int, loop: str) -> list[str]:
        lines = [f"if {self.expr(BOOL, self.width)}:"]
        lines += ["    " + line for line in self.statements(depth - 1, self.pick([1, 2]), loop)]
        if self.odds(50):
            lines += ["else:", *("    " + line for line in self.statements(depth - 1, self.pick([1, 2]), loop))]
        return lines

    def loop(self, depth: int) -> list[str]:
        x = self.name("n")
        with self.within() as scene:
            scene.locals.append((x, NODE))
            body = self.statements(depth - 1, self.pick([1, 2]), x)
        return [f"for {x} in Node:", *("    " + line for line in body)]

    def perform(self) -> list[str]:
        name, parameters = self.pick(self.procedures)
        return [f"self.{name}({', '.join(self.expr(k, 1) for _, k in parameters)})"]

    # --- the protocol

    def protocol(self) -> str:
        for i in range(self.pick([1, 2])):
            # Windows and sequences need a sequence in view to be made from: see `least`.
            self.records[f"R{i}"] = [(f"f{j}", self.field_kind()) for j in range(self.pick([1, 2, 3]))]
        needed = {k[1] for fields in self.records.values() for _, k in fields if k[0] == "win"}
        self.variables = [("node", NODE), ("item", ITEM), ("term", TERM), *((f"s{i}", seq(k)) for i, k in enumerate(sorted(needed)))]
        if self.odds(40):
            self.variables += [("log", seq(TERM)), ("tape", seq(self.pick([TERM, TERM, NODE])))]
        self.variables += [(f"u{i}", self.variable_kind()) for i in range(self.pick([1, 2, 2, 3]))]
        # No value of a window's type can be written in init.
        self.variables = [(n, k) for n, k in self.variables if not self.windowed(k) or k[0] == "set" or k[0] == "opt"]
        parts = [HEAD, *self.classes(), "class P(Protocol):", '    """Random."""', ""]
        parts += [f"    {n}: {written(k)}" for n, k in self.variables]
        parts += self.method("init", [("a", NODE), ("b", ITEM), *([("c", COLOUR)] if self.odds(30) else [])], self.init_body(), "")
        body = []
        for i in range(self.pick([0, 1, 2])):
            body += self.helper(i)
        for i in range(self.pick([0, 0, 1])):
            body += self.procedure(i)
        for i in range(self.pick([1, 2, 2, 3])):
            body += self.action(i)
        for i in range(self.pick([0, 1, 2])):
            body += self.property(i)
        return "\n".join([*parts, *body]) + "\n"

    def windowed(self, kind: Kind) -> bool:
        match kind:
            case ("win", _):
                return True
            case ("rec", name):
                return any(self.windowed(k) for _, k in self.records[name])
            case ("opt" | "seq" | "set", of):
                return self.windowed(of)
            case ("map", _, value):
                return self.windowed(value)
        return False

    def classes(self) -> list[str]:
        lines: list[str] = []
        for name, fields in self.records.items():
            lines += ["@record", f"class {name}:", '    """Random."""', "", *(f"    {f}: {written(k)}" for f, k in fields), "", ""]
        return lines

    def method(
        self, name: str, parameters: list[tuple[str, Kind]], body: list[str], decorator: str, returns: str = "None", annotations: dict[str, str] | None = None
    ) -> list[str]:
        given = ", ".join(["self", *(f"{n}: {(annotations or {}).get(n) or written(k)}" for n, k in parameters)])
        mark = [f"    @{decorator}"] if decorator else []
        return ["", *mark, f"    def {name}({given}) -> {returns}:", '        """Random."""', *(f"        {line}" for line in body)]

    def init_body(self) -> list[str]:
        lines = []
        with self.within(reads="", locals=[("a", NODE), ("b", ITEM)]):
            for n, k in self.variables:
                if k[0] == "map":
                    names = [self.name("k") for _ in k[1]]
                    binders = " ".join(f"for {x} in {written(t)}" for x, t in zip(names, k[1], strict=True))
                    key = names[0] if len(names) == 1 else f"({', '.join(names)})"
                    lines.append(f"self.{n} = Map({{{key}: {self.least(k[2])} {binders}}})")
                else:
                    lines.append(f"self.{n} = {self.least(k)}")
        return lines

    def helper(self, i: int) -> list[str]:
        kind = self.pick([BOOL, BOOL, TERM, NODE, set_of(NODE), opt(TERM)])
        parameters = [(self.name("p"), self.pick([NODE, TERM, BOOL, self.record_kind()])) for _ in range(self.pick([0, 1, 2]))]
        with self.within(locals=list(parameters)):
            lines = []
            if self.odds(30):
                lines += self.let()
            if self.odds(30):
                lines += [f"if {self.expr(BOOL, 1)}:", f"    return {self.expr(kind, 1)}"]
            lines.append(f"return {self.expr(kind, self.width)}")
        name = f"helper_{i}"
        self.helpers.append((name, parameters, kind))
        return self.method(name, parameters, lines, "", written(kind))

    def procedure(self, i: int) -> list[str]:
        parameters = [(self.name("p"), self.pick([NODE, ITEM, TERM])) for _ in range(self.pick([0, 1]))]
        with self.within(locals=list(parameters), leaving=True, loose=self.loose):
            lines = self.statements(1, self.pick([1, 2]))
        name = f"procedure_{i}"
        self.procedures.append((name, parameters))
        return self.method(name, parameters, lines, "")

    def action(self, i: int) -> list[str]:
        parameters: list[tuple[str, Kind]] = []
        annotations: dict[str, str] = {}
        lines: list[str] = []
        sets = [(v, k, "") for v, k in self.variables if k[0] == "set" and k[1][0] == "rec"]
        keyed = [(v, k[2], "key") for v, k in self.variables if k[0] == "map" and k[1] == (NODE,) and k[2][0] == "set"]
        for _ in range(self.pick([0, 1, 1, 2, 2])):
            name = self.name("a")
            if self.odds(12):
                parameters.append((name, set_of(NODE)))
                annotations[name] = self.pick(["Quorum[Node]", "Set[Node]"])
            elif (sets or keyed) and self.odds(45):
                variable, kind, key = self.pick([*sets, *keyed])
                nodes = [n for n, k in parameters if k == NODE]
                if key and not nodes:
                    nodes = [self.name("a")]
                    parameters.append((nodes[0], NODE))
                parameters.append((name, kind[1]))
                lines.append(f"require({name} in self.{variable}{f'[{self.pick(nodes)}]' if key else ''})")
            else:
                parameters.append((name, self.pick([NODE, ITEM, TERM, BOOL, COLOUR])))
        with self.within(locals=list(parameters), leaving=True, loose=self.loose, calls=True):
            if self.loose and lines and self.odds(40):
                lines.append(f"require(self.term - 1 != {self.expr(TERM, 1)})")
            if i == 0 and ("log", seq(TERM)) in self.variables:
                lines.append(f"self.log = self.log.append({self.expr(TERM, 1)})")
            elif i == 1 and ("log", seq(TERM)) in self.variables:
                lines += self.sequence()
            elif self.odds(60):
                lines += self.guard()
            lines += self.statements(2, self.pick([1, 2, 3, 4]))
        return self.method(f"act_{i}", parameters, lines, "action", annotations=annotations)

    def property(self, i: int) -> list[str]:
        kind = self.pick(["invariant", "action_property", "witness", "witness", "constraint"])
        on_step = kind == "action_property" or (kind == "witness" and self.odds(50))
        with self.within(loose=self.loose and kind != "witness", calls=True):
            if not on_step:
                test = self.expr(BOOL, self.width + 1)
            else:
                with self.within(reads="after"):
                    later = self.expr(BOOL, self.width)
                test = f"({self.expr(BOOL, self.width)} {self.pick(['or', 'and', '==', '!='])} {later})"
        # Most random predicates fail at once: make the violations rarer, and deeper.
        lines = [f"return {test}" if kind == "witness" or self.odds(30) else f"return ({test} or {self.looser(on_step)})"]
        return self.method(f"{kind}_{i}", [("after", ("rec", "P"))] if on_step else [], lines, kind, "bool")

    def looser(self, on_step: bool) -> str:
        return self.compare(0) if not on_step else "self.term == after.term"


HEAD = '''"""A random protocol."""

from __future__ import annotations

from enum import Enum

from spec.language import (
    Map, Option, Ordered, Position, Protocol, Quorum, Scope, Seq, Set, Sort, Window, action, action_property, constraint, first, in_force, invariant,
    is_majority, is_quorum, quorums, record, require, witness,
)


class Node(Sort):
    """A process."""


class Item(Sort):
    """A thing."""


class Term(Ordered):
    """A time."""


class Index(Position):
    """A place."""


class Colour(Enum):
    """A paint."""

    RED = 0
    GREEN = 1
    BLUE = 2


'''
