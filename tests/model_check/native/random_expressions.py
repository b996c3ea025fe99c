"""Random expressions of a given type."""

from __future__ import annotations

import random
from collections.abc import Callable
from contextlib import contextmanager
from dataclasses import dataclass, field

from random_types import BOOL, COLOUR, INDEX, ITEM, MEMBERS, NODE, RULES, SORTS, TERM, Kind, Types, opt, seq, set_of, window


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


class Expressions(Types):
    """Writes expressions over the variables and helpers known so far."""

    def __init__(self, chance: random.Random) -> None:
        super().__init__(chance)
        self.variables: list[tuple[str, Kind]] = []
        self.helpers: list[tuple[str, list[tuple[str, Kind]], Kind]] = []
        self.plain = False
        self.scene = Scene()

    @contextmanager
    def within(self, **changes):
        saved = self.scene
        self.scene = Scene(**{**vars(saved), "locals": list(saved.locals), **changes})
        yield self.scene
        self.scene = saved

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
            lambda d: f"(not {self.expr(BOOL, d - 1)})", self.decided,
            lambda d: f'in_force("{self.pick(RULES)}")', lambda d: self.least(BOOL),
            lambda d: f"({self.expr(set_of(NODE), d - 1, named=True)} <= {self.expr(set_of(NODE), d - 1, named=True)})",
        ]  # fmt: skip
        return self.pick(ways)(depth)

    def decided(self, depth: int) -> str:
        """Whether members are a quorum of a sort, or a majority of a set."""
        members = self.expr(set_of(NODE), depth - 1, named=True)
        return f"is_quorum({members}, Node)" if self.odds(50) else f"is_majority({members}, {self.expr(set_of(NODE), depth - 1, named=True)})"

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
