"""One protocol's actions as functions that write successors' rows."""

from __future__ import annotations

from collections.abc import Callable

from model_check.native.expressions import Translator
from model_check.native.kernel import FULL, POSITION, ROWS, WORDS
from model_check.native.layout import WORD_BITS, Slot
from model_check.native.writer import Row, Writer
from spec.language import ScopeError, ir
from spec.language.types import BOOL, MapType, SetType

BEFORE = Row("S", "o", "n")
NEXT = Row("C", "c", "m")
SLACK = 64
_STEP_SIGNATURE = "(S, o, n, h, p, C, CO, TH, CM, notes, EV)"


def define(writer: Writer, head: str, makes_arrays: bool = False) -> None:
    """Begin a function that only compiled code calls."""
    writer.depth = 0
    writer.lines += ["", "", f"@njit(**{'MAKER' if makes_arrays else 'PART'})", f"def {head}:"]
    writer.depth = 1


def write_actions(writer: Writer, prefix: str) -> None:
    """One function for each action, and `successors`, which calls them in order; names begin with the prefix."""
    actions = writer.layout.protocol.ir.actions
    for number, act in enumerate(actions):
        define(writer, f"{prefix}act_{number}_{act.name}{_STEP_SIGNATURE}")
        mark = len(writer.lines)
        writer.leaves = False
        _ActionTranslator(writer, number).write(act)
        if writer.leaves:
            writer.lines.insert(mark, "    leaves = False")
    define(writer, f"{prefix}successors{_STEP_SIGNATURE}")
    for number, act in enumerate(actions):
        writer.line(f"{prefix}act_{number}_{act.name}{_STEP_SIGNATURE}")


class _ActionTranslator(Translator):
    """Writes one action: loops over its parameters, guards as early as their parameters allow, then effects."""

    def __init__(self, writer: Writer, number: int) -> None:
        super().__init__(writer, BEFORE)
        self.number, self.copied = number, False

    def write(self, act: ir.Action) -> None:
        """The body of the action's function."""
        self._count(act)
        guards, effects = _split(act)
        with self.writer.block("for once in range(1):"):
            self._level(act, guards, effects, 0)

    def _count(self, act: ir.Action) -> None:
        """Argument tuples tried: the product of the domains' sizes."""
        factor, sets = 1, []
        for binder in act.parameters:
            match binder.domain:
                case ir.SortDomain(type=type_):
                    factor *= self.layout.size(type_)
                case ir.QuorumDomain(sort=sort):
                    factor *= len(self.quorum_masks(sort))
                case ir.SubsetDomain(sort=sort):
                    factor *= 1 << self.layout.size(sort)
                case ir.SetDomain():
                    sets.append(binder)
        if any(isinstance(x, ir.Name) for binder in sets for x in ir.walk(binder.domain)):
            # A set that depends on an earlier parameter: count tuple by tuple.
            self.over(act.parameters, lambda: self.writer.line(f"EV[{self.number}] += 1"))
            return
        names = []
        for binder in sets:
            name = self.writer.fresh("size")
            self.writer.line(f"{name} = 0")
            head, prepare = self.loop_head(binder)
            with self.writer.loop(head):
                prepare()
                self.writer.line(f"{name} += 1")
            names.append(name)
        self.writer.line(f"EV[{self.number}] += {' * '.join([str(factor), *names])}")

    def _level(self, act: ir.Action, guards: list[list[ir.Statement]], effects: list[ir.Statement], level: int) -> None:
        for statement in guards[level]:
            self._statement(statement)
        if level == len(act.parameters):
            for statement in effects:
                self._statement(statement)
            self._emit()
            return
        head, prepare = self.loop_head(act.parameters[level])
        with self.writer.block(head):
            prepare()
            self._level(act, guards, effects, level + 1)

    def _copy(self) -> None:
        """Begin the successor's row as a copy of the present one."""
        if self.copied:
            return
        self.copied = True
        fixed = self.layout.fixed_words
        self.writer.line(f"k = notes[{ROWS}]")
        self.writer.line(f"c = notes[{WORDS}]")
        with self.writer.block(f"if k + 2 >= CO.size or c + {fixed + SLACK} + n >= C.size:"):
            self.writer.line(f"notes[{FULL}] = 1")
            self.writer.line("return")
        with self.writer.block(f"for j in range({fixed} + n):"):
            self.writer.line("C[c + j] = S[o + j]")
        self.writer.line("m = n")
        self.writer.line("th = h")
        self.now = NEXT

    def _emit(self) -> None:
        """Hand the successor over."""
        self._copy()
        self.writer.line(f"CO[k + 1] = c + {self.layout.fixed_words} + m")
        self.writer.line("TH[k] = th")
        self.writer.line(f"CM[k] = (p << 32) | (notes[{POSITION}] << 8) | {self.number}")
        self.writer.line(f"notes[{ROWS}] = k + 1")
        self.writer.line(f"notes[{WORDS}] = c + {self.layout.fixed_words} + m")
        self.writer.line(f"notes[{POSITION}] += 1")

    # --- statements

    def _statement(self, s: ir.Statement) -> None:
        match s:
            case ir.Require():
                self._require(s)
            case ir.Let():
                self.let(s.name, s.value)
            case ir.Store():
                self._store(s)
            case ir.Insert():
                self._insert(s)
            case ir.Remove():
                self._remove(s)
            case ir.If():
                self._if(s)
            case ir.ForEach():
                self._for(s)
            case ir.Perform():
                self._perform(s)

    def _require(self, s: ir.Require) -> None:
        # CPython evaluates the condition of a removed rule too; only its value is ignored.
        condition = f"not {self.value(s.condition)}"
        if s.rule:
            condition = f"{condition} and {self.in_force(s.rule)}"
        with self.writer.block(f"if {condition}:"):
            self.writer.leave()

    def _if(self, s: ir.If) -> None:
        condition = self.value(s.condition)
        if not self.copied and _writes(s):
            name = self.writer.fresh("b")
            self.writer.line(f"{name} = {condition}")
            condition = name
            self._copy()
        with self.writer.block(f"if {condition}:"):
            for statement in s.then:
                self._statement(statement)
        if s.otherwise:
            with self.writer.block("else:"):
                for statement in s.otherwise:
                    self._statement(statement)

    def _for(self, s: ir.ForEach) -> None:
        if _writes(s):
            self._copy()
        head, prepare = self.loop_head(s.binder)
        with self.writer.loop(head):
            prepare()
            for statement in s.body:
                self._statement(statement)

    def _perform(self, s: ir.Perform) -> None:
        arguments = [self.atom(a) for a in s.arguments]
        saved = self.names
        self.names = {p: a for (p, _), a in zip(s.procedure.parameters, arguments, strict=True)}
        for statement in s.procedure.body:
            self._statement(statement)
        self.names = saved

    def _store(self, s: ir.Store) -> None:
        slot = self.layout.slots[s.variable]
        if slot.form != "fields":
            self._store_large(slot, s)
        elif isinstance(slot.variable.type, MapType) and not s.keys:
            self._store_map(slot, s)
        else:
            value, keys = self._value_and_keys(s.value, s.keys)
            self._copy()
            self._put(slot, keys, value)

    def _value_and_keys(self, value: ir.Expr, keys: tuple[ir.Expr, ...]) -> tuple[str, list[str]]:
        """Evaluated before the row is written to."""
        name = self.writer.fresh()
        self.writer.line(f"{name} = {self.code(value)}")
        return name, [self.atom(k) for k in keys]

    def _put(self, slot: Slot, keys: list[str], value: str) -> None:
        word, shift = self.place_of(keys, slot)
        mask = (1 << slot.width) - 1
        self.writer.line(f"C[c + {word}] = (C[c + {word}] & ~({mask} << {shift})) | ({value} << {shift})")

    def _store_map(self, slot: Slot, s: ir.Store) -> None:
        assert isinstance(s.value, ir.MapComprehension)
        if any(isinstance(x, ir.Read) and x.variable == s.variable for x in ir.walk(s.value)):
            raise ScopeError(
                f"{s.place}: the native engine cannot rebuild `{s.variable}` from its own entries; assign by entry in a `for`, or use --engine interpreter"
            )
        self._copy()
        comprehension = s.value

        def body() -> None:
            name = self.writer.fresh()
            self.writer.line(f"{name} = {self.code(comprehension.value)}")
            self._put(slot, [self.names[b.name] for b in comprehension.binders], name)

        self.over(comprehension.binders, body)

    # --- sets that do not fit in a word, as a whole

    def _store_large(self, slot: Slot, s: ir.Store) -> None:
        """Make a large set another: first note the members that come or go, for the set's new value may depend on the old one."""
        self._copy()
        operator, members = "", s.value
        if isinstance(members, ir.SetOperation) and members.operator != "&" and isinstance(members.left, ir.Read) and members.left.variable == s.variable:
            operator, members = members.operator, members.right
        count = self.writer.fresh("count")
        self.writer.line(f"{count} = 0")
        self._collect(members, lambda member: self._note(slot, count, member))
        if not operator:
            self._clear(slot)
        with self.writer.block(f"for j in range({count}):"):
            self._change(slot, "C[C.size - 1 - j]", adds=operator != "-")

    def _note(self, slot: Slot, count: str, member: str) -> None:
        """Keep a member at the far end of the array for successors, if there is room for it there and in the row."""
        with self.writer.block(f"if c + {self.layout.fixed_words + SLACK + 2} + m + 2 * {count} >= C.size:"):
            self.writer.line(f"notes[{FULL}] = 1")
            self.writer.line("return")
        self.writer.line(f"C[C.size - 1 - {count}] = {self._place_in(slot, member)}")
        self.writer.line(f"{count} += 1")

    def _collect(self, members: ir.Expr, each: Callable[[str], None]) -> None:
        """Code that comes by all members of a set, some perhaps twice."""
        match members:
            case ir.SetExpr(elements=elements):
                for element in elements:
                    each(self.atom(element))
            case ir.SetComprehension(binders=binders, element=element):
                self.over(binders, lambda: each(self.atom(element)))
            case ir.SetOperation(operator="|", left=left, right=right):
                self._collect(left, each)
                self._collect(right, each)
            case ir.SetOperation(operator=operator, left=left, right=right):
                self._collect(left, lambda member: self._where(member, right, operator == "&", each))
            case ir.Conditional(condition=condition, then=then, otherwise=otherwise):
                with self.writer.block(f"if {self.value(condition)}:"):
                    self._collect(then, each)
                with self.writer.block("else:"):
                    self._collect(otherwise, each)
            case ir.Read(type=SetType(of=of)):
                binder = ir.Binder(name=self.writer.fresh("member"), type=of, domain=ir.SetDomain(set=members))
                self.over((binder,), lambda: each(self.names[binder.name]))
            case _:
                raise ScopeError(
                    f"{members.place}: a set with too many possible members for a word is made in a way that the native engine does not have; "
                    "natively it is a set variable, a comprehension, or these joined by |, & and -; use --engine interpreter"
                )

    def _where(self, member: str, others: ir.Expr, among: bool, each: Callable[[str], None]) -> None:
        """Come by a member where it is among others, or where it is not."""
        assert isinstance(others.type, SetType)
        name = self.writer.fresh("member")
        self.writer.line(f"{name} = {member}")
        self.names[name] = name
        test = ir.Member(type=BOOL, element=ir.Name(type=others.type.of, name=name), set=others)
        with self.writer.block(f"if {'' if among else 'not '}{self.value(test)}:"):
            each(name)

    def _clear(self, slot: Slot) -> None:
        if slot.form == "tail":
            self.writer.line(f"m, th = tail_clear(C, c + {self.layout.fixed_words}, m, {slot.tag}, th)")
        else:
            for word in range(slot.words):
                self.writer.line(f"C[c + {slot.word + word}] = 0")

    def _place_in(self, slot: Slot, member: str) -> str:
        """What stands for a member of a large set: a word of the tail, or the number of a bit."""
        assert isinstance(slot.variable.type, SetType)
        return self.tagged(slot, member) if slot.form == "tail" else self.rank(slot.variable.type.of, member)

    def _change(self, slot: Slot, place: str, adds: bool) -> None:
        """Put a member into a large set, or take it out."""
        if slot.form == "tail":
            self.writer.line(f"m, th = tail_{'insert' if adds else 'remove'}(C, c + {self.layout.fixed_words}, m, {place}, th)")
        else:
            bit = self.writer.fresh("bit")
            self.writer.line(f"{bit} = {place}")
            self.writer.line(f"C[c + {slot.word} + {bit} // {WORD_BITS}] {'|= ' if adds else '&= ~'}(1 << ({bit} % {WORD_BITS}))")

    # --- one member more or less

    def _insert(self, s: ir.Insert) -> None:
        self._change_member(s, adds=True)

    def _remove(self, s: ir.Remove) -> None:
        self._change_member(s, adds=False)

    def _change_member(self, s: ir.Insert | ir.Remove, adds: bool) -> None:
        slot = self.layout.slots[s.variable]
        element, keys = self._value_and_keys(s.element, s.keys)
        self._copy()
        if slot.form != "fields":
            self._change(slot, self._place_in(slot, element), adds)
            return
        rank = self.writer.fresh()
        self.writer.line(f"{rank} = {self.rank(s.element.type, element)}")
        word, shift = self.place_of(keys, slot)
        self.writer.line(f"C[c + {word}] {'|= ' if adds else '&= ~'}(1 << ({shift} + {rank}))")


def _writes(s: ir.Statement) -> bool:
    """Whether a statement, or one within it, changes the state."""
    return any(isinstance(x, (ir.Store, ir.Insert, ir.Remove)) for x in ir.walk(s))


def _partial(s: ir.Statement) -> bool:
    """Whether an expression of a statement may be undefined."""
    return any(isinstance(x, (ir.Unwrap, ir.At, ir.Slice, ir.Splice, ir.Extend)) or (isinstance(x, ir.Neighbour) and x.by < 0) for x in ir.walk(s))


def _split(act: ir.Action) -> tuple[list[list[ir.Statement]], list[ir.Statement]]:
    """The leading guards and lets, each at the first level where its parameters are bound and that keeps their order; the rest."""
    names = [b.name for b in act.parameters]
    # Below a set that may be empty, CPython does not evaluate: neither may an expression that may be undefined stand above it.
    sure = max((i + 1 for i, b in enumerate(act.parameters) if isinstance(b.domain, ir.SetDomain)), default=0)
    levels: list[list[ir.Statement]] = [[] for _ in range(len(names) + 1)]
    level = 0
    at_level: dict[str, int] = {}
    body = list(act.body)
    while body and isinstance(body[0], (ir.Require, ir.Let)):
        statement = body.pop(0)
        used = {x.name for x in ir.walk(statement, into_helpers=False) if isinstance(x, ir.Name)}
        needed = [names.index(u) + 1 for u in used if u in names] + [at_level[u] for u in used if u in at_level]
        level = max([level, *needed, sure if _partial(statement) else 0])
        if isinstance(statement, ir.Let):
            at_level[statement.name] = level
        levels[level].append(statement)
    return levels, body
