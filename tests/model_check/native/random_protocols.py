"""Random small protocols, built type by type from the whole grammar of the spec language.

`Generator(chance).protocol()` gives the text of a spec. Everything random is drawn from `chance`, so that Hypothesis
can shrink a protocol on which two engines differ. What is avoided on purpose: expressions whose definedness depends
on the order in which CPython walks through a hash set, and None where the text needs a value but CPython does not mind.
"""

from __future__ import annotations

import random
from collections.abc import Callable
from contextlib import contextmanager
from dataclasses import dataclass, field

Kind = tuple[object, ...]
BOOL: Kind = ("bool",)
NODE: Kind = ("sort", "Node")
ITEM: Kind = ("sort", "Item")
TERM: Kind = ("sort", "Term")
INDEX: Kind = ("sort", "Index")
COLOUR: Kind = ("enum", "Colour")
SORTS = (NODE, ITEM, TERM)
UNORDERED = (NODE, ITEM)
MEMBERS = ("RED", "GREEN", "BLUE")
RULES = ("first rule", "second rule")


def opt(of: Kind) -> Kind:
    return ("opt", of)


def set_of(of: Kind) -> Kind:
    return ("set", of)


def seq(of: Kind) -> Kind:
    return ("seq", of)


def window(of: Kind) -> Kind:
    return ("win", of)


def written(kind: Kind) -> str:
    """A type as an annotation."""
    match kind:
        case ("bool",):
            return "bool"
        case ("sort" | "enum" | "rec", str(name)):
            return name
        case ("opt", tuple(of)):
            return f"Option[{written(of)}]"
        case ("set", tuple(of)):
            return f"Set[{written(of)}]"
        case ("seq", tuple(of)):
            return f"Seq[Index, {written(of)}]"
        case ("win", tuple(of)):
            return f"Window[Index, {written(of)}]"
        case ("map", keys, value):
            names = ", ".join(written(k) for k in keys)
            return f"Map[{names if len(keys) == 1 else f'tuple[{names}]'}, {written(value)}]"
    raise AssertionError(kind)


@dataclass
class Scene:
    """Where an expression stands: names in view, and what it may do."""

    locals: list[tuple[str, Kind]] = field(default_factory=list)
    reads: str = "self"
    """The state to read, empty where there is none (init)."""
    leaving: bool = False
    """Whether `+ 1` and `append` are allowed (in actions)."""
    loose: bool = False
    """Whether an expression may be undefined."""
    calls: bool = False
    avoid: str = ""
    """A variable that may not be read."""


class Generator:
    """Writes one protocol."""

    def __init__(self, chance: random.Random, loose: bool = False, width: int = 2) -> None:
        self.chance, self.loose, self.width = chance, loose, width
        self.records: dict[str, list[tuple[str, Kind]]] = {}
        self.variables: list[tuple[str, Kind]] = []
        self.helpers: list[tuple[str, list[tuple[str, Kind]], Kind]] = []
        self.procedures: list[tuple[str, list[tuple[str, Kind]]]] = []
        self.number, self.plain = 0, False
        self.scene = Scene()

    # --- choices

    def odds(self, percent: int) -> bool:
        return self.chance.randrange(100) < percent

    def pick(self, options):
        return options[self.chance.randrange(len(options))]

    def name(self, stem: str) -> str:
        self.number += 1
        return f"{stem}{self.number}"

    @contextmanager
    def within(self, **changes):
        saved = self.scene
        self.scene = Scene(**{**vars(saved), "locals": list(saved.locals), **changes})
        yield self.scene
        self.scene = saved

    # --- types

    def small(self) -> Kind:
        return self.pick([NODE, ITEM, TERM, COLOUR, BOOL, INDEX])

    def field_kind(self) -> Kind:
        return self.pick([self.small, self.small, lambda: opt(self.small()), lambda: set_of(self.pick([NODE, ITEM, COLOUR])), self._nested])()

    def _nested(self) -> Kind:
        if self.records and self.odds(60):
            return ("rec", self.pick(list(self.records)))
        return self.pick([seq(self.pick([TERM, NODE, BOOL])), window(self.pick([TERM, ITEM]))])

    def record_kind(self) -> Kind:
        return ("rec", self.pick(list(self.records)))

    def value_kind(self) -> Kind:
        """The type of a variable or of a map's entries."""
        return self.pick([
            self.small, self.small, lambda: opt(self.small()), self.record_kind, lambda: opt(self.record_kind()),
            lambda: set_of(self.pick([NODE, ITEM, TERM, COLOUR])),
            lambda: set_of(self.record_kind()), lambda: set_of(self.record_kind()), lambda: seq(self.pick([TERM, NODE, BOOL, COLOUR, opt(TERM)])),
        ])()  # fmt: skip

    def variable_kind(self) -> Kind:
        if self.odds(35):
            keys = self.pick([(NODE,), (ITEM,), (TERM,), (NODE, ITEM), (NODE, NODE)])
            return (
                "map",
                keys,
                self.pick(
                    [self.small, lambda: opt(self.small()), lambda: set_of(self.pick([NODE, ITEM])), lambda: seq(self.pick([TERM, NODE])), self.value_kind]
                )(),
            )
        return self.value_kind()

    # --- expressions

    def readable(self, kind: Kind) -> list[Callable[[int], str]]:
        """Ways to read a value of a type: locals, variables, fields."""
        found: list[Callable[[int], str]] = [lambda d, n=n: n for n, k in self.scene.locals if k == kind]
        for n, k in self.scene.locals:
            if k[0] == "rec":
                found += [lambda d, n=n, f=f: f"{n}.{f}" for f, t in self.records[k[1]] if t == kind]
            if k[0] in ("seq", "win") and kind == INDEX:
                found += [lambda d, n=n: f"{n}.last", lambda d, n=n: f"{n}.after"]
        if self.scene.reads:
            who = self.scene.reads
            for v, k in self.variables:
                if v == self.scene.avoid:
                    continue
                if k == kind:
                    found.append(lambda d, v=v: f"{who}.{v}")
                elif k[0] == "map" and k[2] == kind and not self.plain:
                    found.append(lambda d, v=v, k=k: f"{who}.{v}[{self.keys(k, d)}]")
                elif k[0] == "rec":
                    found += [lambda d, v=v, f=f: f"{who}.{v}.{f}" for f, t in self.records[k[1]] if t == kind]
                elif k[0] == "seq" and kind == INDEX:
                    found.append(lambda d, v=v: f"{who}.{v}.last")
        return found

    def keys(self, kind: Kind, depth: int) -> str:
        # No maps within a key of a map: the text would grow without end.
        self.plain, saved = True, self.plain
        found = ", ".join(self.expr(k, min(depth, 1) - 1) for k in kind[1])
        self.plain = saved
        return found

    def expr(self, kind: Kind, depth: int, named: bool = False) -> str:
        """An expression of a type; `named` where its type must show in the text itself."""
        ready = self.readable(kind)
        if ready and (depth <= 0 or self.odds(45)):
            return self.pick(ready)(depth)
        if depth > 0 and self.odds(12):
            helper = self.helper_call(kind, depth)
            if helper:
                return helper
        if depth > 0 and self.odds(15) and not named:
            return f"({self.expr(kind, depth - 1)} if {self.expr(BOOL, depth - 1)} else {self.expr(kind, depth - 1)})"
        return getattr(self, f"_{kind[0]}")(kind, depth, named)

    def helper_call(self, kind: Kind, depth: int) -> str:
        if not (self.scene.calls and self.scene.reads):
            return ""
        fitting = [h for h in self.helpers if h[2] == kind]
        if not fitting:
            return ""
        name, parameters, _ = self.pick(fitting)
        if self.scene.avoid:
            return ""
        return f"{self.scene.reads}.{name}({', '.join(self.expr(k, depth - 1) for _, k in parameters)})"

    def least(self, kind: Kind) -> str:
        """A value without going deeper."""
        match kind:
            case ("bool",):
                return self.pick(["True", "False"])
            case ("enum", _):
                return f"Colour.{self.pick(MEMBERS)}"
            case ("sort", "Term" | "Index" as name):
                return f"{name}(0)"
            case ("sort", _):
                options = self.readable(kind)
                assert options, (kind, self.scene)
                return self.pick(options)(0)
            case ("rec", name):
                return f"{name}({', '.join(self.least(t) for _, t in self.records[name])})"
            case ("opt", of):
                return "None"
            case ("set", _):
                return "Set()"
            case ("seq", _):
                return "Seq.empty(Index)"
            case ("win", of):
                fitting = self.readable(seq(of))
                return self.empty_window(self.pick(fitting)(0)) if fitting else self.pick(self.readable(kind))(0)
        raise AssertionError(kind)

    def empty_window(self, sequence: str) -> str:
        return f"{sequence}.window({sequence}.last, {sequence}.last)"

    def _sort(self, kind: Kind, depth: int, named: bool) -> str:
        ordered = kind in (TERM, INDEX)
        ways: list[Callable[[], str]] = [lambda: self.least(kind)]
        if depth > 0:
            options = self.readable(opt(kind))
            if options:

                def guarded() -> str:
                    held = self.pick(options)(0)
                    return f"({held} if {held} is not None else {self.expr(kind, depth - 1)})"

                if not named:
                    ways.append(guarded)
            if ordered:
                ways += [lambda: f"{self.pick(['min', 'max'])}({self.expr(kind, depth - 1)}, {self.expr(kind, depth - 1)})"]
                if self.scene.leaving:
                    ways += [lambda: f"{self.atom(kind, depth - 1)} + 1"] * 2

                def before() -> str:
                    x = self.atom(kind, 0)
                    return f"({x} - 1 if {x} != 0 else {x})"

                if not named:
                    ways.append(before)
                if self.scene.loose:
                    ways.append(lambda: f"{self.atom(kind, depth - 1)} - 1")
            ways += self.entries(kind, depth, named)
        return self.pick(ways)()

    def atom(self, kind: Kind, depth: int) -> str:
        text = self.expr(kind, depth, named=True)
        return text if text.replace("_", "").replace(".", "").isalnum() else f"({text})"

    def entries(self, kind: Kind, depth: int, named: bool) -> list[Callable[[], str]]:
        """Reads of a sequence's entry: guarded, or at any position."""
        found: list[Callable[[], str]] = []
        for way in self.readable(seq(kind)) + self.readable(window(kind)):
            held = way(0)
            if not named:
                found.append(lambda held=held: f"({held}[{held}.last] if {held}.after != {held}.last else {self.expr(kind, depth - 1)})")
            if self.scene.loose:
                found.append(lambda held=held: f"{held}[{self.expr(INDEX, depth - 1)}]")
        return found[:3]

    def _enum(self, kind: Kind, depth: int, named: bool) -> str:
        ways = [lambda: self.least(kind), *self.entries(kind, depth, named)] if depth > 0 else [lambda: self.least(kind)]
        return self.pick(ways)()

    def _rec(self, kind: Kind, depth: int, named: bool) -> str:
        if depth <= -2:
            return self.least(kind)
        return f"{kind[1]}({', '.join(self.expr(t, depth - 1) for _, t in self.records[kind[1]])})"

    def _opt(self, kind: Kind, depth: int, named: bool) -> str:
        of = kind[1]
        if depth > 0 and of in (TERM, INDEX) and self.odds(50):
            return self.first(of, depth)
        if named or self.odds(70):
            if not named:
                return self.expr(of, depth - 1)
            ready = self.readable(kind)
            return self.pick(ready)(depth) if ready else self.expr(of, depth - 1, named=True)
        return "None"

    def first(self, of: Kind, depth: int) -> str:
        x = self.name("f")
        sequences = self.readable(seq(TERM)) + self.readable(seq(NODE))
        over = of[1]
        if of == INDEX and sequences:
            over = f"{self.pick(sequences)(0)}.indices()"
        with self.within() as scene:
            scene.locals.append((x, of))
            return f"first({x} for {x} in {over} if {self.expr(BOOL, depth - 1)})"

    def _set(self, kind: Kind, depth: int, named: bool) -> str:
        of = kind[1]
        if depth <= 0:
            return "Set()" if not named else f"Set({{{self.expr(of, 0)}}})"
        ways = [
            lambda: f"Set({{{self.expr(of, depth - 1, named=True)}}})",
            lambda: f"({self.expr(kind, depth - 1, named=True)} {self.pick('|&-')} {self.expr(kind, depth - 1)})",
            lambda: self.comprehension(of, depth),
            lambda: self.comprehension(of, depth),
        ]
        if not named:
            ways.append(lambda: "Set()")
        return self.pick(ways)()

    def comprehension(self, of: Kind, depth: int) -> str:
        with self.within():
            binders = self.binders(depth, self.pick([1, 1, 2]))
            return f"Set({{{self.expr(of, depth - 1, named=True)} {binders}}})"

    def binders(self, depth: int, count: int) -> str:
        """`for ... in ... if ...`; the names join the scene."""
        parts = []
        for _ in range(count):
            domain, kind, over_set = self.domain()
            x = self.name("x")
            self.scene.locals.append((x, kind))
            if over_set:
                self.scene.loose = self.scene.leaving = False
            test = f" if {self.expr(BOOL, depth - 1)}" if self.odds(35) else ""
            parts.append(f"for {x} in {domain}{test}")
        return " ".join(parts)

    def domain(self) -> tuple[str, Kind, bool]:
        ways: list[tuple[str, Kind, bool]] = [(str(k[1]), k, False) for k in (NODE, ITEM, TERM, COLOUR)]
        ways += [("quorums(Node)", set_of(NODE), False)]
        for name, k in [
            *self.scene.locals,
            *(((f"{self.scene.reads}.{v}", k) for v, k in self.variables if v != self.scene.avoid) if self.scene.reads else ()),
        ]:
            if k[0] == "set":
                ways += [(name, k[1], True)] * 2
            if k[0] in ("seq", "win"):
                ways += [(f"{name}.indices()", INDEX, False)]
            if k[0] == "map" and k[2][0] == "set":
                ways += [(f"{name}[{self.keys(k, 1)}]", k[2][1], True)]
        return self.pick(ways)

    def _seq(self, kind: Kind, depth: int, named: bool) -> str:
        of = kind[1]
        ready = self.readable(kind)
        if not ready:
            return "Seq.empty(Index)"
        held = self.pick(ready)(0)
        if depth <= 0:
            return held
        ways: list[Callable[[], str]] = [lambda: held]
        if self.scene.leaving:
            ways += [lambda: f"{held}.append({self.expr(of, depth - 1)})"] * 3
        windows = self.readable(window(of))
        source = self.pick(ready)(0)
        other = self.pick(windows)(0) if windows and self.odds(50) else f"{source}.window({self.pick(['Index(0)', f'{source}.last'])}, {source}.last)"
        if not named:
            ways += [
                lambda: "Seq.empty(Index)",
                lambda: f"({held}.extend({other}) if {other}.after <= {held}.last else {held})",
                lambda: f"({held}.splice({other}.last, {other}) if {other}.after < {other}.last and {other}.last <= {held}.last else {held})",
            ]
        if self.scene.loose:
            ways += [lambda: f"{held}.extend({other})", lambda: f"{held}.splice({self.expr(INDEX, depth - 1)}, {other})"]
        return self.pick(ways)()

    def _win(self, kind: Kind, depth: int, named: bool) -> str:
        ready = self.readable(seq(kind[1]))
        if not ready:
            return self.pick(self.readable(kind))(0)
        held = self.pick(ready)(0)
        ways = [lambda: self.empty_window(held), lambda: f"{held}.window(Index(0), {held}.last)"]
        if depth > 0 and not named:
            at = self.atom(INDEX, 0)
            ways.append(lambda: f"({held}.window({at}, {held}.last) if {at} <= {held}.last else {self.empty_window(held)})")
        if depth > 0 and self.scene.loose:
            ways.append(lambda: f"{held}.window({self.expr(INDEX, depth - 1)}, {held}.last)")
        return self.pick(ways)()

    # --- conditions

    def _bool(self, kind: Kind, depth: int, named: bool) -> str:
        if depth <= 0:
            return self.compare(0)
        ways = [
            self.compare, self.compare, self.compare, self.order, self.member, self.member, self.junction, self.quantifier, self.quantifier, self.none,
            lambda d: f"(not {self.expr(BOOL, d - 1)})", lambda d: f"is_quorum({self.expr(set_of(NODE), d - 1, named=True)}, Node)",
            lambda d: f'in_force("{self.pick(RULES)}")', lambda d: self.least(BOOL),
            lambda d: f"({self.expr(set_of(NODE), d - 1, named=True)} <= {self.expr(set_of(NODE), d - 1, named=True)})",
        ]  # fmt: skip
        return self.pick(ways)(depth)

    def compare(self, depth: int) -> str:
        kinds = [
            k for k in [*SORTS, INDEX, COLOUR, BOOL, *(k for _, k in self.variables if k[0] != "map"), *(k for _, k in self.scene.locals)] if self.readable(k)
        ]
        if not kinds:
            return self.least(BOOL)
        kind = self.pick(kinds)
        left = self.pick(self.readable(kind))(0)
        if kind in (TERM, INDEX) and self.odds(30):
            return f"({left} {self.pick(['==', '!=', '<', '<=', '>', '>='])} {self.pick(['0', '1'])})"
        right = "None" if kind[0] == "opt" and self.odds(20) else self.expr(kind, depth - 1, named=kind[0] in ("seq", "win"))
        return f"({left} {self.pick(['==', '!='])} {right})"

    def order(self, depth: int) -> str:
        kind = self.pick([TERM, INDEX])
        parts = [self.expr(kind, depth - 1, named=True) for _ in range(self.pick([2, 2, 3]))]
        text = parts[0]
        for part in parts[1:]:
            text += f" {self.pick(['<', '<=', '>', '>='])} {part}"
        options = self.readable(opt(kind))
        if options and self.scene.loose and self.odds(30):
            return f"({self.pick(options)(0)} < {parts[0]})"
        if depth > 0 and self.odds(25):
            return f"({self.first(kind, depth)} {self.pick(['==', '!='])} {parts[0]})"
        if options and self.odds(40):
            held = self.pick(options)(0)
            return f"({held} is {self.pick(['None or', 'not None and'])} {held} <= {parts[0]})" if self.odds(80) else f"({text})"
        return f"({text})"

    def member(self, depth: int) -> str:
        sets = [k for _, k in [*self.variables, *self.scene.locals] if k[0] == "set" and self.readable(k)]
        sets += [k[2] for _, k in self.variables if k[0] == "map" and k[2][0] == "set" and self.readable(k[2])]
        kind = self.pick([*sets, set_of(NODE), set_of(TERM)])
        if self.odds(15):
            return f"({self.expr(COLOUR, 0, named=True)} in (Colour.RED, Colour.BLUE))"
        return f"({self.expr(kind[1], depth - 1, named=True)} {self.pick(['in', 'in', 'not in'])} {self.expr(kind, depth - 1, named=True)})"

    def junction(self, depth: int) -> str:
        parts = [self.expr(BOOL, depth - 1) for _ in range(self.pick([2, 2, 3]))]
        return "(" + f" {self.pick(['and', 'or'])} ".join(parts) + ")"

    def none(self, depth: int) -> str:
        kinds = [k for _, k in [*self.variables, *self.scene.locals] if k[0] == "opt" and self.readable(k)]
        kinds += [k[2] for _, k in self.variables if k[0] == "map" and k[2][0] == "opt" and self.readable(k[2])]
        if not kinds:
            return self.compare(depth)
        kind = self.pick(kinds)
        held = self.pick(self.readable(kind))(0)
        if kind[1][0] == "rec":
            field_name, field_kind = self.pick(self.records[kind[1][1]])
            guard = "" if self.scene.loose and self.odds(30) else f"{held} is not None and "
            return f"({guard}{held}.{field_name} == {self.expr(field_kind, depth - 1, named=True)})"
        return f"({held} is {self.pick(['', 'not '])}None)"

    def quantifier(self, depth: int) -> str:
        with self.within():
            binders = self.binders(depth, self.pick([1, 1, 1, 2]))
            return f"{self.pick(['all', 'any'])}({self.expr(BOOL, depth - 1)} {binders})"

    # --- statements

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
    is_quorum, quorums, record, require, witness,
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
