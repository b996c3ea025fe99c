"""From statements that run in order to one formula: what each variable holds at the end, over the state before.

A small symbolic execution. A guard under a branch becomes an implication; a branch that ends an action stays a branch
(`IF ... THEN ... ELSE ...`, each with its own effects), any other is merged variable by variable.
"""

from __future__ import annotations

from dataclasses import dataclass, field, replace

from model_check.tla import layout as tla
from model_check.tla.bounds import stays
from model_check.tla.comments import above
from model_check.tla.expressions import Operators, Translator, comprehension, function, refuse, set_of
from model_check.tla.layout import Bullet, Piece, atom
from spec.language import ir

_LONG = 40
"""A value longer than this gets a name where it is read again."""


@dataclass(frozen=True)
class Held:
    """What a variable holds: a base, entries stored over it (last wins), elements added to it."""

    base: Piece
    entries: tuple[tuple[tuple[Piece, ...], Piece], ...] = ()
    added: tuple[Piece, ...] = ()
    comments: tuple[str, ...] = ()

    @property
    def value(self) -> Piece:
        """The whole value as one expression."""
        if self.added:
            return tla.infix("\\cup", tla.SETS, self.base, tla.enclosed("{", self.added, "}"))
        if not self.entries:
            return self.base
        changes = [tla.equation(tla.hang("!", tla.enclosed("[", keys, "]")), value) for keys, value in self.entries]
        return tla.hang(f"[{self.base.text} EXCEPT ", tla.listed(changes), "]")

    def same(self, other: Held) -> bool:
        """Whether both hold the same, comments aside."""
        return (self.base, self.entries, self.added) == (other.base, other.entries, other.added)


@dataclass
class Definition:
    """A `LET` of the step."""

    name: str
    value: Piece
    comments: tuple[str, ...] = ()


@dataclass
class Path:
    """A run of guards and definitions, then either the final state or a branch into two paths."""

    items: list[Bullet | Definition] = field(default_factory=list)
    final: dict[str, Held] = field(default_factory=dict)
    branch: tuple[Piece, Path, Path, tuple[str, ...]] | None = None


class Stepper:
    """Runs the statements of one action (or of init) over symbolic values."""

    def __init__(self, operators: Operators, initial: bool = False) -> None:
        self.operators = operators
        self.protocol = operators.protocol
        self.initial = initial
        self.state = {v.name: Held(atom(v.name)) for v in self.protocol.ir.variables}
        self.translate = Translator(operators, self)
        self.path = Path()
        self.conditions: list[Piece] = []
        self.loop: list[tuple[Piece, Piece]] = []
        self.elements: list[Piece] = []
        """Elements of the loops under way, and of inner ones that have ended within them."""
        self.closed: set[Piece] = set()
        self.current: ir.Statement | None = None

    # --- the state as expressions see it

    def untouched(self, variable: str) -> bool:
        """Whether the variable still holds what it held before the step."""
        return not self.initial and self.state[variable].same(Held(atom(variable)))

    def read(self, variable: str, keys: tuple[Piece, ...], primed: bool) -> Piece:
        """A variable, or an entry of one, as of this statement."""
        held = self.state[variable]
        if self.current is not None and any(k in self.closed for at, _ in held.entries for k in at):
            raise refuse(self.current, f"`{variable}` is read after an inner `for` that assigns to it", "read it in a loop of its own")
        if not keys:
            return self._named(variable, held)
        if held.entries and held.entries[-1][0] == keys:
            value = held.entries[-1][1]
            if (value.width <= _LONG and value.single) or self.loop:
                return value
            named = atom(self._define(f"new_{variable}", value))
            self.state[variable] = replace(held, entries=(*held.entries[:-1], (keys, named)))
            return named
        return tla.at(self._named(variable, held), keys)

    def _named(self, variable: str, held: Held) -> Piece:
        """The whole value, under a name of its own unless it is one."""
        if not held.entries and not held.added and held.base.level == tla.ATOM and held.base.single and held.base.width <= _LONG:
            return held.base
        if self.loop:
            return held.value
        name = atom(self._define(f"new_{variable}", held.value))
        self.state[variable] = Held(name, comments=held.comments)
        return name

    def _define(self, wanted: str, value: Piece, comments: tuple[str, ...] = ()) -> str:
        name = self.translate.new_name(wanted, lasting=True)
        self.path.items.append(Definition(name, value, comments))
        return name

    # --- statements

    def run(self, body: tuple[ir.Statement, ...], last: bool = True) -> Path:
        """Run statements; where they are the `last` of the action, a final branch stays a branch."""
        for i, statement in enumerate(body):
            self._statement(statement, last and i == len(body) - 1)
        if last:
            self.path.final = dict(self.state)
        return self.path

    def _statement(self, statement: ir.Statement, last: bool) -> None:
        self.current = statement
        match statement:
            case ir.Require():
                self._require(statement)
            case ir.Let(name=name, value=value):
                self._let(name, value, above(statement.place))
            case ir.Store(variable=variable, keys=keys, value=value):
                self._within(*keys, value)
                at, new = tuple(map(self.translate, keys)), self.translate(value)
                self._put(variable, at, new, above(statement.place))
            case ir.Insert(variable=variable, keys=keys, element=element):
                self._within(*keys, element)
                self._change(variable, keys, self.translate(element), "\\cup", above(statement.place))
            case ir.Remove(variable=variable, keys=keys, element=element):
                self._within(*keys, element)
                self._change(variable, keys, self.translate(element), "\\", above(statement.place))
            case ir.If():
                self._if(statement, last)
            case ir.ForEach():
                self._for(statement)
            case ir.Perform(procedure=procedure, arguments=arguments):
                self._perform(procedure, arguments, last)
            case _:
                raise AssertionError(statement)

    def _guard(self, piece: Piece | None, comments: tuple[str, ...]) -> None:
        """Add a guard under the conditions and loops in which it stands."""
        if piece == tla.TRUE:
            return
        if piece is not None:
            piece = tla.implies(tla.conjunction(*self.conditions), piece)
            for bound, condition in reversed(self.loop):
                piece = tla.quantified("\\A", [bound], tla.implies(condition, piece))
        self.path.items.append(Bullet(piece, comments))

    def _within(self, *expressions: ir.Expr) -> None:
        """Guard against leaving the scope while evaluating."""
        self._guard(tla.conjunction(*(stays(self.translate, e) for e in expressions)), ("Within the scope.",))

    def _require(self, statement: ir.Require) -> None:
        comments = above(statement.place)
        if statement.rule in self.protocol.without and statement.rule:
            self._guard(None, (f'Without the rule "{dict(self.protocol.ir.rules)[statement.rule]}": no guard here.',))
            return
        if statement.rule:
            comments = (*comments, f"Rule: {dict(self.protocol.ir.rules)[statement.rule]}.")
        self._within(statement.condition)
        piece = self.translate(statement.condition)
        parts = piece.parts if piece.operator == "/\\" and not self.conditions and not self.loop else (piece,)
        for i, part in enumerate(parts):
            self._guard(part, comments if i == 0 else ())

    def _let(self, name: str, value: ir.Expr, comments: tuple[str, ...]) -> None:
        self._within(value)
        self._bind(name, self.translate(value), comments)

    def _bind(self, name: str, value: Piece, comments: tuple[str, ...] = ()) -> None:
        """A name of the IR for a value: the value itself where it is short, else a definition."""
        simple = value.level == tla.ATOM and value.single and not any(c in value.text for c in "[{<(")
        if self.loop or simple:
            self.translate.bound[name] = value if simple else tla.hang("(", value, ")")
            return
        self.translate.bound[name] = atom(self._define(name, value, comments))

    def _put(self, variable: str, keys: tuple[Piece, ...], value: Piece, comments: tuple[str, ...]) -> None:
        """Store a value in a variable or in an entry."""
        held = self.state[variable]
        said = tuple(dict.fromkeys((*held.comments, *comments)))
        if not keys:
            self.state[variable] = Held(value, comments=said)
            return
        kept = held.entries[:-1] if held.entries and held.entries[-1][0] == keys else held.entries
        self.state[variable] = replace(held, entries=(*kept, (keys, value)), comments=said)

    def _change(self, variable: str, keys: tuple[ir.Expr, ...], element: Piece, operator: str, comments: tuple[str, ...]) -> None:
        """Add an element to a set, or take it out."""
        held, at = self.state[variable], tuple(map(self.translate, keys))
        if not at and operator == "\\cup":
            said = tuple(dict.fromkeys((*held.comments, *comments)))
            self.state[variable] = replace(held, added=(*held.added, element), comments=said)
            return
        changed = tla.infix(operator, tla.SETS, self.read(variable, at, False), tla.enclosed("{", [element], "}"))
        self._put(variable, at, changed, comments)

    def _perform(self, procedure: ir.Procedure, arguments: tuple[ir.Expr, ...], last: bool) -> None:
        """Run a procedure in place, its names bound to the arguments."""
        self._within(*arguments)
        given = [self.translate(a) for a in arguments]
        saved = dict(self.translate.bound)
        for (name, _), value in zip(procedure.parameters, given, strict=True):
            self._bind(name, value)
        for i, statement in enumerate(procedure.body):
            self._statement(statement, last and i == len(procedure.body) - 1)
        self.translate.bound = saved

    # --- branches

    def _if(self, statement: ir.If, last: bool) -> None:
        self._within(statement.condition)
        condition = self.translate(statement.condition)
        if condition in (tla.TRUE, tla.FALSE):
            taken = statement.then if condition == tla.TRUE else statement.otherwise
            for i, inner in enumerate(taken):
                self._statement(inner, last and i == len(taken) - 1)
        elif last and not self.conditions and not self.loop:
            self._fork(condition, statement)
        else:
            self._merge(condition, statement)

    def _fork(self, condition: Piece, statement: ir.If) -> None:
        """The action's last statement: two paths, each with its own effects."""
        before, names, path = dict(self.state), dict(self.translate.bound), self.path
        paths = []
        for body in (statement.then, statement.otherwise):
            self.state, self.translate.bound, self.path = dict(before), dict(names), Path()
            paths.append(self.run(body))
        path.branch = (condition, paths[0], paths[1], above(statement.place))
        self.path = path

    def _merge(self, condition: Piece, statement: ir.If) -> None:
        """A branch with statements after it: each variable's value depends on the condition."""
        if not self.loop and (not condition.single or condition.width > _LONG):
            condition = atom(self._define("taken", condition))
        names = dict(self.translate.bound)
        before = dict(self.state)
        outcomes = []
        for body, under in ((statement.then, condition), (statement.otherwise, tla.negation(condition))):
            self.state = dict(before)
            self.conditions.append(under)
            self.run(body, last=False)
            self.conditions.pop()
            self.translate.bound = dict(names)
            outcomes.append(self.state)
        self.state = {v: self._either(condition, outcomes[0][v], outcomes[1][v]) for v in before}

    def _either(self, condition: Piece, then: Held, otherwise: Held) -> Held:
        """What a variable holds after a branch."""
        comments = tuple(dict.fromkeys((*then.comments, *otherwise.comments)))
        if then.same(otherwise):
            return replace(then, comments=comments)
        keys = {k for k, _ in (*then.entries, *otherwise.entries)}
        if then.base == otherwise.base and len(keys) == 1:
            (key,) = keys
            values = [dict(h.entries).get(key, tla.at(h.base, key)) for h in (then, otherwise)]
            return Held(then.base, ((key, tla.conditional(condition, *values)),), comments=comments)
        return Held(tla.conditional(condition, then.value, otherwise.value), comments=comments)

    # --- loops

    def _for(self, statement: ir.ForEach) -> None:
        """The body for every element at once: its turns touch different entries."""
        for variable in sorted({s.variable for s in ir.walk(statement) if isinstance(s, (ir.Store, ir.Insert, ir.Remove))}):
            held = self.state[variable]
            if held.entries or held.added:
                self.state[variable] = Held(self._named(variable, held), comments=held.comments)
        before = dict(self.state)
        names = dict(self.translate.bound)
        domain = self.translate.domain(statement.binder.domain)
        name = self.translate.bind(statement.binder.name)
        condition = tla.conjunction(*map(self.translate, statement.binder.filters))
        self.loop.append((tla.bound(name, domain), condition))
        self.elements.append(atom(name))
        self.run(statement.body, last=False)
        self.loop.pop()
        self.translate.bound = names
        for variable, held in self.state.items():
            if not held.same(before[variable]):
                self.state[variable] = self._over(statement, variable, (before[variable], held), (name, domain))
        self.closed.add(atom(name))
        if not self.loop:
            self.closed.clear()
            self.elements.clear()

    def _over(self, statement: ir.ForEach, variable: str, turn: tuple[Held, Held], element: tuple[str, Piece]) -> Held:
        """What a variable holds after all turns of a loop, from what it holds before and after one turn."""
        (before, held), (name, domain) = turn, element
        if held.base == before.base and len(held.entries) == 1 and not held.added:
            (keys, value) = held.entries[0]
            if atom(name) in keys:
                # The turns of an outer loop each set their own entries: these wait for its end.
                return held if self.loop else Held(self._entries(variable, before.base, keys, value), comments=held.comments)
        if held.base == before.base and not held.entries and held.added:
            sets = [set_of(e, name, domain) for e in held.added]
            return Held(_union([held.base, *sets]), comments=held.comments)
        kinds = {type(s) for s in ir.walk(statement) if isinstance(s, (ir.Store, ir.Insert, ir.Remove)) and s.variable == variable}
        if kinds == {ir.Insert} and not held.entries:
            return Held(tla.hang("UNION ", set_of(held.value, name, domain), level=tla.SETS), comments=held.comments)
        if kinds == {ir.Remove} and not held.entries:
            member = self.translate.new_name("x")
            stays_in = tla.quantified("\\A", [tla.bound(name, domain)], tla.bound(member, held.value))
            return Held(comprehension(tla.bound(member, before.base), stays_in), comments=held.comments)
        raise refuse(statement, f"this `for` changes several entries of `{variable}` in a turn", "assign once to the entry of the loop's element")

    def _entries(self, variable: str, base: Piece, keys: tuple[Piece, ...], value: Piece) -> Piece:
        """A map in which the entries at all keys of a loop, or of nested ones, are replaced."""
        sorts = self.protocol.ir.variable(variable).keys
        bounds, tests, reads = [], [], []
        for key, sort in zip(keys, sorts, strict=True):
            if key in self.elements:
                chosen = key.text
            else:
                chosen = self.translate.new_name(sort.name[0].lower())
                tests.append(tla.infix("=", tla.RELATION, atom(chosen), key))
            bounds.append(tla.bound(chosen, atom(sort.name)))
            reads.append(atom(chosen))
        return function(bounds, tla.conditional(tla.conjunction(*tests), value, tla.at(base, reads)))


def _union(sets: list[Piece]) -> Piece:
    found = sets[0]
    for other in sets[1:]:
        found = tla.infix("\\cup", tla.SETS, found, other)
    return found


def formula(path: Path, changed: tuple[str, ...], prime: str = "'", rest: tuple[str, ...] = ()) -> Piece:
    """A path as a conjunction; `changed` must each get a value, `rest` are left alone by every path."""
    bullets: list[Bullet] = []
    for i, item in enumerate(path.items):
        if isinstance(item, Bullet):
            bullets.append(item)
            continue
        count = next((n for n, other in enumerate(path.items[i:]) if isinstance(other, Bullet)), len(path.items) - i)
        definitions = [d for d in path.items[i : i + count] if isinstance(d, Definition)]
        inner = formula(Path(path.items[i + count :], path.final, path.branch), changed, prime)
        bullets.append(Bullet(tla.let([(d.name, d.value) for d in definitions], inner), tuple(c for d in definitions for c in d.comments)))
        break
    else:
        bullets.extend(_ending(path, changed, prime))
    if rest:
        bullets.append(Bullet(unchanged(rest)))
    return tla.bulleted(bullets)


def _ending(path: Path, changed: tuple[str, ...], prime: str) -> list[Bullet]:
    """The effects of a path; what both sides of a branch agree on stands before it."""
    shared = {v: held for v in changed if (held := _agreed(path, v)) is not None}
    moved = [v for v, held in shared.items() if not prime or not held.same(Held(atom(v)))]
    bullets = [Bullet(tla.equation(atom(v + prime), shared[v].value), shared[v].comments) for v in moved]
    still = tuple(v for v in shared if v not in moved)
    if path.branch is not None:
        condition, then, otherwise, comments = path.branch
        apart = tuple(v for v in changed if v not in shared)
        bullets.append(Bullet(tla.conditional(condition, formula(then, apart, prime), formula(otherwise, apart, prime)), comments))
    return bullets + ([Bullet(unchanged(still))] if still else [])


def _agreed(path: Path, variable: str) -> Held | None:
    """What a variable holds at the end of every path, None where that depends on the branch."""
    if path.branch is None:
        return path.final[variable]
    then, otherwise = (_agreed(p, variable) for p in path.branch[1:3])
    if then is None or otherwise is None or not then.same(otherwise):
        return None
    return replace(then, comments=tuple(dict.fromkeys((*then.comments, *otherwise.comments))))


def unchanged(variables: tuple[str, ...]) -> Piece:
    """`UNCHANGED` of one or several variables."""
    if len(variables) == 1:
        return atom(f"UNCHANGED {variables[0]}")
    return tla.hang("UNCHANGED <<", tla.filled(variables), ">>")


def written(path: Path) -> set[str]:
    """The variables that some path changes."""
    if path.branch is not None:
        return written(path.branch[1]) | written(path.branch[2])
    return {v for v, held in path.final.items() if not held.same(Held(atom(v)))}
