"""IR expressions without binders as Python source over codes: values, records, sequences, state variables, sets.

`value` returns the source of an expression and first emits the statements that it needs (checks of definedness), under the
branches that lazy evaluation asks for.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

from model_check.native.kernel import REMOVED_RULES, UNDEFINED
from model_check.native.layout import TAG_SHIFT, WORD_BITS, Slot
from model_check.native.writer import Row, Writer, identifier
from spec.language import ScopeError, ir
from spec.language.types import BOOL, OptionType, RecordType, SeqType, SetType, SortType, Type, WindowType


class Values:
    """Translates expressions without binders in one context: rows of the states in view, names of locals."""

    def __init__(self, writer: Writer, now: Row, after: Row | None = None) -> None:
        self.writer, self.layout = writer, writer.layout
        self.now, self.after = now, after
        self.names: dict[str, str] = {}

    # --- values

    def value(self, e: ir.Expr) -> str:
        """Source of an expression's value; bools as Python bools, all else as codes."""
        method: Callable[[ir.Expr], str] = getattr(self, f"_{type(e).__name__}")
        return method(e)

    def atom(self, e: ir.Expr) -> str:
        """The value under a name of its own (or a constant), so that it is evaluated once."""
        source = self.value(e)
        if source.isidentifier() or source.isdigit():
            return source
        name = self.writer.fresh()
        self.writer.line(f"{name} = {source}")
        return name

    def code(self, e: ir.Expr) -> str:
        """The value as an integer code."""
        source = self.value(e)
        return f"int({source})" if e.type == BOOL else source

    def _pure(self, e: ir.Expr) -> tuple[str, list[str]]:
        """Source and the statements it needs, not yet emitted, indented one level deeper."""
        mark = len(self.writer.lines)
        self.writer.depth += 1
        source = self.value(e)
        self.writer.depth -= 1
        lines = self.writer.lines[mark:]
        del self.writer.lines[mark:]
        return source, lines

    def _Const(self, e: ir.Expr) -> str:
        assert isinstance(e, ir.Const)
        if e.value is None:
            return "0"
        if isinstance(e.type, SortType) and int(e.value) >= self.layout.size(e.type):
            raise ScopeError(f"{e.place}: {e.type} {e.value} lies outside {self.layout.protocol.scope}")
        return str(e.value) if e.type == BOOL else str(int(e.value))

    def _Name(self, e: ir.Expr) -> str:
        assert isinstance(e, ir.Name)
        return self.names[e.name]

    def _InForce(self, e: ir.Expr) -> str:
        assert isinstance(e, ir.InForce)
        return self.in_force(e.rule)

    def in_force(self, rule: str) -> str:
        """Source of whether a rule has not been removed (a bit of the mask in the notes)."""
        number = [name for name, _ in self.layout.protocol.ir.rules].index(rule)
        return f"(notes[{REMOVED_RULES}] & {1 << number} == 0)"

    def _Some(self, e: ir.Expr) -> str:
        assert isinstance(e, ir.Some)
        return f"(1 + {self.code(e.value)})"

    def _Unwrap(self, e: ir.Expr) -> str:
        assert isinstance(e, ir.Unwrap)
        if isinstance(e.option, ir.Some):
            return self.value(e.option.value)
        name = self.writer.fresh()
        self.writer.line(f"{name} = {self.value(e.option)}")
        self._undefined_if(f"{name} == 0", e.place, f"{name} = 1")
        return f"({name} != 1)" if e.type == BOOL else f"({name} - 1)"

    def _undefined_if(self, condition: str, place: ir.Place, instead: str) -> None:
        """Note an expression without a value, and go on with some value that keeps the code in bounds."""
        with self.writer.block(f"if {condition}:"):
            noted = f"notes[{UNDEFINED}]"
            self.writer.line(f"{noted} = {noted} if {noted} else {self.writer.sites.number(place)}")
            self.writer.line(instead)

    def _IsNone(self, e: ir.Expr) -> str:
        assert isinstance(e, ir.IsNone)
        return f"({self.value(e.option)} == 0)"

    def _Not(self, e: ir.Expr) -> str:
        assert isinstance(e, ir.Not)
        return f"(not {self.value(e.operand)})"

    def _Compare(self, e: ir.Expr) -> str:
        assert isinstance(e, ir.Compare)
        big = self._big_slot(e.left), self._big_slot(e.right)
        if all(big):
            return self._compare_big(e)
        left, right = self._both(e.left, e.right)
        if e.operator == "<=" and isinstance(e.left.type, SetType):
            return f"(({left}) & ~({right}) == 0)"
        return f"({left} {e.operator} {right})"

    def _both(self, left: ir.Expr, right: ir.Expr) -> tuple[str, str]:
        """The values of both sides, in the order of the text: `a > b` is `b < a` in the IR, but CPython evaluates a first."""
        if (right.place.line, right.place.column) < (left.place.line, left.place.column):
            second, first = self.value(right), self.value(left)
            return first, second
        return self.value(left), self.value(right)

    def _compare_big(self, e: ir.Compare) -> str:
        one = f"{self._subset(e.left, e.right)}"
        if e.operator == "<=":
            return one
        both = f"({one} and {self._subset(e.right, e.left)})"
        return both if e.operator == "==" else f"(not {both})"

    def _subset(self, left: ir.Expr, right: ir.Expr) -> str:
        (slot, a), (_, b) = self._require_big(left), self._require_big(right)
        if slot.form == "tail":
            fixed = self.layout.fixed_words
            return f"tail_subset({a.array}, {a.offset} + {fixed}, {a.tail}, {b.array}, {b.offset} + {fixed}, {b.tail}, {slot.tag})"
        tests = [f"({a.array}[{a.offset} + {slot.word + i}] & ~{b.array}[{b.offset} + {slot.word + i}]) == 0" for i in range(slot.words)]
        return "(" + " and ".join(tests) + ")"

    def _Junction(self, e: ir.Expr) -> str:
        assert isinstance(e, ir.Junction)
        found = self.value(e.operands[0])
        for operand in e.operands[1:]:
            source, lines = self._pure(operand)
            if not lines:
                found = f"({found} {e.operator} {source})"
                continue
            name = self.writer.fresh("b")
            self.writer.line(f"{name} = {found}")
            self.writer.line(f"if {name}:" if e.operator == "and" else f"if not {name}:")
            self.writer.lines += lines
            self.writer.line(f"    {name} = {source}")
            found = name
        return found

    def _Conditional(self, e: ir.Expr) -> str:
        assert isinstance(e, ir.Conditional)
        condition = self.value(e.condition)
        then, then_lines = self._pure(e.then)
        otherwise, otherwise_lines = self._pure(e.otherwise)
        if not then_lines and not otherwise_lines:
            return f"({then} if {condition} else {otherwise})"
        name = self.writer.fresh()
        self.writer.line(f"if {condition}:")
        self.writer.lines += [*then_lines, "    " * (self.writer.depth + 1) + f"{name} = {then}"]
        self.writer.line("else:")
        self.writer.lines += [*otherwise_lines, "    " * (self.writer.depth + 1) + f"{name} = {otherwise}"]
        return name

    def _LetIn(self, e: ir.Expr) -> str:
        assert isinstance(e, ir.LetIn)
        self.let(e.name, e.value)
        return self.value(e.body)

    def let(self, name: str, value: ir.Expr) -> None:
        """Evaluate a value into a local."""
        local = self.writer.fresh(f"{name}_")
        self.writer.line(f"{local} = {self.value(value)}")
        self.names[name] = local

    # --- records and sequences

    def _RecordExpr(self, e: ir.Expr) -> str:
        assert isinstance(e, ir.RecordExpr) and isinstance(e.type, RecordType)
        parts = []
        for (name, _), part in zip(e.type.fields, e.fields, strict=True):
            shift, _ = self.layout.field_shift(e.type, name)
            parts.append(f"({self.code(part)} << {shift})" if shift else self.code(part))
        return "(" + " | ".join(parts) + ")"

    def _Field(self, e: ir.Expr) -> str:
        assert isinstance(e, ir.Field) and isinstance(e.record.type, RecordType)
        shift, type_ = self.layout.field_shift(e.record.type, e.name)
        source = self._bits(self.value(e.record), shift, self.layout.width(type_))
        return f"({source} != 0)" if type_ == BOOL else source

    @staticmethod
    def _bits(source: str, shift: int | str, width: int) -> str:
        shifted = source if shift == 0 else f"({source} >> {shift})"
        return f"({shifted} & {(1 << width) - 1})"

    def _sequence(self, type_: Type) -> tuple[int, int, int]:
        """Longest length, bits of an entry, bits of a position."""
        assert isinstance(type_, (SeqType, WindowType))
        return self.layout.capacity(type_), self.layout.width(type_.of), self.layout.width(type_.index)

    def _EmptySeq(self, e: ir.Expr) -> str:
        return "0"

    def last(self, source: str, type_: Type) -> str:
        """The last position of a sequence's or window's code."""
        capacity, width, index = self._sequence(type_)
        return self._bits(source, capacity * width, index)

    def first_before(self, source: str, type_: Type) -> str:
        """The position before the first entry."""
        capacity, width, index = self._sequence(type_)
        return "0" if isinstance(type_, SeqType) else self._bits(source, capacity * width + index, index)

    def _Bound(self, e: ir.Expr) -> str:
        assert isinstance(e, ir.Bound)
        source = self.value(e.sequence)
        return self.last(source, e.sequence.type) if e.which == "last" else self.first_before(source, e.sequence.type)

    def _At(self, e: ir.Expr) -> str:
        assert isinstance(e, ir.At)
        capacity, width, _ = self._sequence(e.sequence.type)
        sequence, position = self.atom(e.sequence), self.writer.fresh()
        self.writer.line(f"{position} = {self.value(e.position)}")
        outside = f"{position} <= {self.first_before(sequence, e.sequence.type)} or {position} > {self.last(sequence, e.sequence.type)}"
        self._undefined_if(outside, e.place, f"{position} = 1")
        source = self._bits(sequence, f"(({capacity} - {position}) * {width})", width)
        return f"({source} != 0)" if e.type == BOOL else source

    def _Append(self, e: ir.Expr) -> str:
        assert isinstance(e, ir.Append)
        capacity, width, _ = self._sequence(e.type)
        sequence, entry = self.atom(e.sequence), self.code(e.entry)
        last = self.writer.fresh()
        self.writer.line(f"{last} = {self.last(sequence, e.type)}")
        self.leave_if(f"{last} >= {capacity}")
        return f"({sequence} + {1 << capacity * width} + ({entry} << (({capacity} - 1 - {last}) * {width})))"

    def leave_if(self, condition: str) -> None:
        """The action leaves the scope: not enabled."""
        with self.writer.block(f"if {condition}:"):
            self.writer.leave()

    def _entries(self, above: str, through: str, capacity: int, width: int) -> str:
        """Mask of the entries at positions above+1..through."""
        return f"((1 << ({capacity} - {above}) * {width}) - (1 << ({capacity} - {through}) * {width}))"

    def _Slice(self, e: ir.Expr) -> str:
        assert isinstance(e, ir.Slice)
        capacity, width, index = self._sequence(e.type)
        sequence, after, last = self.atom(e.sequence), self.writer.fresh(), self.writer.fresh()
        self.writer.line(f"{after} = {self.value(e.after)}")
        self.writer.line(f"{last} = {self.value(e.last)}")
        self._undefined_if(f"{after} > {last} or {last} > {self.last(sequence, e.sequence.type)}", e.place, f"{after} = {last} = 0")
        head = f"(({after} << {index} | {last}) << {capacity * width})"
        return f"({head} | ({sequence} & {self._entries(after, last, capacity, width)}))"

    def _Splice(self, e: ir.Expr) -> str:
        assert isinstance(e, ir.Splice)
        capacity, width, _ = self._sequence(e.type)
        sequence, at, last = self.atom(e.sequence), self.writer.fresh(), self.writer.fresh()
        self.writer.line(f"{at} = {self.value(e.at)}")
        window = self.atom(e.window)
        self.writer.line(f"{last} = {self.last(window, e.window.type)}")
        outside = f"{at} <= {self.first_before(window, e.window.type)} or {at} > {last} or {at} > {self.last(sequence, e.type)} + 1"
        self._undefined_if(outside, e.place, f"{at} = {last} = 1")
        return self._joined(sequence, f"({at} - 1)", window, last, capacity, width)

    def _joined(self, sequence: str, keep: str, window: str, last: str, capacity: int, width: int) -> str:
        """Entries 1..keep of a sequence, then the window's entries up to last."""
        kept = f"({sequence} & {self._entries('0', keep, capacity, width)})"
        return f"(({last} << {capacity * width}) | {kept} | ({window} & {self._entries(keep, last, capacity, width)}))"

    def _Extend(self, e: ir.Expr) -> str:
        assert isinstance(e, ir.Extend)
        capacity, width, _ = self._sequence(e.type)
        sequence, window = self.atom(e.sequence), self.atom(e.window)
        keep, last = self.writer.fresh(), self.writer.fresh()
        self.writer.line(f"{keep} = {self.last(sequence, e.type)}")
        self.writer.line(f"{last} = max({keep}, {self.last(window, e.window.type)})")
        self._undefined_if(f"{self.first_before(window, e.window.type)} > {keep}", e.place, f"{last} = {keep}")
        return self._joined(sequence, keep, window, last, capacity, width)

    def _Neighbour(self, e: ir.Expr) -> str:
        assert isinstance(e, ir.Neighbour)
        name = self.writer.fresh()
        self.writer.line(f"{name} = {self.value(e.of)}")
        if e.by == 1:
            self.leave_if(f"{name} >= {self.layout.size(e.type) - 1}")
            return f"({name} + 1)"
        self._undefined_if(f"{name} == 0", e.place, f"{name} = 1")
        return f"({name} - 1)"

    def _Extremum(self, e: ir.Expr) -> str:
        assert isinstance(e, ir.Extremum)
        return f"{e.operator}({self.value(e.left)}, {self.value(e.right)})"

    # --- state variables

    def _Read(self, e: ir.Expr) -> str:
        assert isinstance(e, ir.Read)
        slot, row = self.layout.slots[e.variable], self.row(e)
        if slot.form != "fields":
            raise ScopeError(
                f"{e.place}: the set `{e.variable}` has too many possible members to be used as a value; natively it works only in `in`, `for` and `<=`; "
                "use --engine interpreter"
            )
        word, shift = self.place(slot, list(e.keys))
        source = self._bits(f"{row.array}[{row.offset} + {word}]", shift, slot.width)
        return f"({source} != 0)" if e.type == BOOL else source

    def row(self, e: ir.Read) -> Row:
        """The row that a read refers to."""
        if e.primed:
            assert self.after is not None
            return self.after
        return self.now

    def place(self, slot: Slot, keys: list[ir.Expr]) -> tuple[str, str | int]:
        """Source of the word and the lowest bit of an entry of a map variable (or of a plain one)."""
        return self.place_of([self.value(k) for k in keys], slot)

    def place_of(self, keys: list[str], slot: Slot) -> tuple[str, str | int]:
        """`place` for keys given as source."""
        index = "0"
        for key, sort in zip(keys, slot.variable.keys, strict=True):
            index = key if index == "0" else f"({index} * {self.layout.size(sort)} + {key})"
        if not slot.per_word:
            return str(slot.word), slot.shift if index == "0" else f"({slot.shift} + {index} * {slot.width})"
        name = self.writer.fresh()
        self.writer.line(f"{name} = {index}")
        return f"{slot.word} + {name} // {slot.per_word}", f"({name} % {slot.per_word} * {slot.width})"

    # --- sets

    def _big_slot(self, e: ir.Expr) -> tuple[Slot, Row] | None:
        """Slot and row of a set variable that does not fit in one word."""
        if isinstance(e, ir.Read) and not e.keys and self.layout.slots[e.variable].form in ("bits", "tail"):
            return self.layout.slots[e.variable], self.row(e)
        return None

    def _require_big(self, e: ir.Expr) -> tuple[Slot, Row]:
        found = self._big_slot(e)
        assert found is not None
        return found

    def rank(self, type_: Type, code: str) -> str:
        """Source of the dense number of a code."""
        match type_:
            case OptionType(of=of):
                if self.layout.values(of) == self.layout.greatest(of) + 1:
                    return code
                return f"(0 if {code} == 0 else 1 + {self.rank(of, f'({code} - 1)')})"
            case RecordType(fields=fields):
                found = ""
                for name, t in fields:
                    shift, _ = self.layout.field_shift(type_, name)
                    part = self.rank(t, self._bits(code, shift, self.layout.width(t)))
                    found = part if not found else f"({found} * {self.layout.values(t)} + {part})"
                return found or "0"
            case _:
                return code

    def unrank(self, type_: Type, rank: str) -> str:
        """Source of the code with a dense number."""
        if not isinstance(type_, (OptionType, RecordType)) or self.layout.greatest(type_) + 1 == self.layout.values(type_):
            return rank
        count = self.layout.values(type_)
        assert count is not None
        table = self.writer.table(f"CODES_{identifier(type_)}", [self.layout.unrank(type_, r) for r in range(count)])
        return f"{table}[{rank}]"

    def _Member(self, e: ir.Expr) -> str:
        assert isinstance(e, ir.Member) and isinstance(e.set.type, SetType)
        of = e.set.type.of
        big = self._big_slot(e.set)
        element = self.atom(e.element) if e.element.type != BOOL else self.code(e.element)
        if big is None:
            if isinstance(e.set, ir.SetOperation) and self._over_big(e.set):
                return self._member_of_operation(e, element)
            return f"(({self.value(e.set)} >> {self.rank(of, element)}) & 1 != 0)"
        slot, row = big
        if slot.form == "tail":
            return f"tail_has({row.array}, {row.offset} + {self.layout.fixed_words}, {row.tail}, {self.tagged(slot, element)})"
        rank = self.writer.fresh()
        self.writer.line(f"{rank} = {self.rank(of, element)}")
        return f"(({row.array}[{row.offset} + {slot.word} + {rank} // {WORD_BITS}] >> ({rank} % {WORD_BITS})) & 1 != 0)"

    def _over_big(self, e: ir.SetOperation) -> bool:
        return any(self._big_slot(x) is not None or (isinstance(x, ir.SetOperation) and self._over_big(x)) for x in (e.left, e.right))

    def _member_of_operation(self, e: ir.Member, element: str) -> str:
        assert isinstance(e.set, ir.SetOperation)
        name = self.writer.fresh("element")
        self.writer.line(f"{name} = {element}")
        held = ir.Name(type=e.element.type, name=name)
        self.names[name] = name
        left, right = (self.value(replace(e, element=held, set=s)) for s in (e.set.left, e.set.right))
        return {"|": f"({left} or {right})", "&": f"({left} and {right})", "-": f"({left} and not {right})"}[e.set.operator]

    @staticmethod
    def tagged(slot: Slot, code: str) -> str:
        """A tail word from a member's code."""
        return f"({slot.tag << TAG_SHIFT} | {code})"

    def _SetExpr(self, e: ir.Expr) -> str:
        assert isinstance(e, ir.SetExpr) and isinstance(e.type, SetType)
        if not e.elements:
            return "0"
        self.layout.width(e.type)
        bits = [f"(1 << {self.rank(e.type.of, self.atom(x) if x.type != BOOL else self.code(x))})" for x in e.elements]
        return "(" + " | ".join(bits) + ")"

    def _SetOperation(self, e: ir.Expr) -> str:
        assert isinstance(e, ir.SetOperation)
        left, right = self.value(e.left), self.value(e.right)
        return f"({left} & ~{right})" if e.operator == "-" else f"({left} {e.operator} {right})"

    def _IsQuorum(self, e: ir.Expr) -> str:
        assert isinstance(e, ir.IsQuorum)
        masks = self.quorum_masks(e.sort)
        wins = [int(any(q & ~m == 0 for q in masks)) for m in range(1 << self.layout.size(e.sort))]
        return f"({self.writer.table(f'WINS_{e.sort.name}', wins)}[{self.value(e.members)}] != 0)"

    def _IsMajority(self, e: ir.Expr) -> str:
        assert isinstance(e, ir.IsMajority) and isinstance(e.of.type, SetType) and isinstance(e.of.type.of, SortType)
        of = self.atom(e.of)
        counts = self.writer.table(f"COUNT_{e.of.type.of.name}", [m.bit_count() for m in range(1 << self.layout.size(e.of.type.of))])
        return f"(2 * {counts}[{self.atom(e.members)} & {of}] > {counts}[{of}])"

    def quorum_masks(self, sort: SortType) -> list[int]:
        """The minimal quorums of a sort as masks."""
        size = self.layout.size(sort)
        return [sum(1 << i for i in q) for q in self.layout.protocol.context.quorums[sort.cls](size)]
