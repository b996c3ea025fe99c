"""IR expressions as Python source over codes: `values.py`, and here what has binders, which become loops."""

from __future__ import annotations

from collections.abc import Callable

from model_check.native.formulas import ByField, by_field, negation
from model_check.native.layout import TAG_SHIFT, WORD_BITS, Slot
from model_check.native.values import Values
from model_check.native.writer import Row, identifier
from spec.language import ir
from spec.language.types import BOOL, BoolType, RecordType, SetType, Type


class Translator(Values):
    """Translates all expressions."""

    def _Call(self, e: ir.Expr) -> str:
        assert isinstance(e, ir.Call)
        arguments = [self.atom(a) for a in e.arguments]
        inner = Translator(self.writer, self.after if e.primed and self.after else self.now, self.after)
        inner.names = {p: a for (p, _), a in zip(e.helper.parameters, arguments, strict=True)}
        return inner.value(e.helper.body)

    def _SetComprehension(self, e: ir.Expr) -> str:
        assert isinstance(e, ir.SetComprehension) and isinstance(e.type, SetType)
        self.layout.width(e.type)
        name = self.writer.fresh("set")
        self.writer.line(f"{name} = 0")
        of = e.type.of

        def body() -> None:
            element = self.code(e.element) if e.element.type == BOOL else self.atom(e.element)
            self.writer.line(f"{name} |= 1 << {self.rank(of, element)}")

        self.over(e.binders, body)
        return name

    # --- quantifiers

    def _Quantifier(self, e: ir.Expr) -> str:
        assert isinstance(e, ir.Quantifier)
        if e.operator == "all":
            # As "not any not": one form to translate, and one to speed up.
            negated = ir.Quantifier(type=BOOL, operator="any", binders=e.binders, body=negation(e.body), place=e.place)
            return f"(not {self._Quantifier(negated)})"
        binders, tests = e.binders[:-1], None
        if isinstance(e.binders[-1].domain, ir.SetDomain):
            tests = by_field(e.binders[-1], e.body)
        if tests is not None and not binders and self._in_masks(tests.binder):
            return self._any_by_field(tests)
        name = self.writer.fresh("b")
        self.writer.line(f"{name} = False")

        def body() -> None:
            with self.writer.block(f"if {self.value(e.body)}:"):
                self.writer.line(f"{name} = True")
                self.writer.line("break")

        self.over(e.binders, body, name)
        return name

    def _in_masks(self, binder: ir.Binder) -> bool:
        """Whether a binder ranges over a set variable that is kept as bit masks."""
        assert isinstance(binder.domain, ir.SetDomain)
        members = binder.domain.set
        return isinstance(members, ir.Read) and self.layout.slots[members.variable].form in ("fields", "bits")

    def _any_by_field(self, tests: ByField) -> str:
        """`any` over a set of records some of whose fields are given: masks pick the members with these fields at once."""
        binder = tests.binder
        assert isinstance(binder.domain, ir.SetDomain) and isinstance(binder.domain.set, ir.Read) and isinstance(binder.type, RecordType)
        slot, row = self.layout.slots[binder.domain.set.variable], self.row(binder.domain.set)
        words = slot.words if slot.form == "bits" else 1
        picks = []
        for name, wanted in tests.given:
            field_type = binder.type.field_type(name)
            assert field_type is not None
            rank = self.writer.fresh()
            self.writer.line(f"{rank} = {self.rank(field_type, self.atom(wanted) if wanted.type != BOOL else self.code(wanted))}")
            picks.append((self._field_masks(binder.type, name, words), rank))
        masks = []
        for word in range(words):
            source = f"{row.array}[{row.offset} + {slot.word + word}]" if slot.form == "bits" else self.value(binder.domain.set)
            masks.append(" & ".join([source, *(f"{table}[{rank} * {words} + {word}]" for table, rank in picks)]))
        if not tests.rest:
            return "(" + " or ".join(f"({mask}) != 0" for mask in masks) + ")"
        return self._any_of_masks(binder, masks, tests.rest)

    def _any_of_masks(self, binder: ir.Binder, masks: list[str], rest: tuple[ir.Expr, ...]) -> str:
        """Whether a member in the masks passes the remaining tests."""
        found = self.writer.fresh("b")
        self.writer.line(f"{found} = False")
        local = self.writer.fresh(f"{binder.name}_")
        self.names[binder.name] = local
        for word, source in enumerate(masks):
            mask = self.writer.fresh("mask")
            self.writer.line(f"{mask} = 0 if {found} else {source}" if word else f"{mask} = {source}")
            with self.writer.loop(f"while {mask} != 0:"):
                self._next_member(binder.type, local, mask, word * WORD_BITS)
                test = ir.Junction(type=BOOL, operator="and", operands=rest) if len(rest) > 1 else rest[0]
                with self.writer.block(f"if {self.value(test)}:"):
                    self.writer.line(f"{found} = True")
                    self.writer.line("break")
        return found

    def _next_member(self, of: Type, local: str, mask: str, offset: int) -> None:
        """Take the lowest member out of a mask."""
        self.writer.line(f"{local} = lowest_bit({mask}){f' + {offset}' if offset else ''}")
        self.writer.line(f"{mask} &= {mask} - 1")
        if self.unrank(of, local) != local:
            self.writer.line(f"{local} = {self.unrank(of, local)}")

    def _field_masks(self, type_: RecordType, field: str, words: int) -> str:
        """The table whose row r holds the masks of all records with rank r in a field."""
        shift, field_type = self.layout.field_shift(type_, field)
        count, members = self.layout.values(field_type), self.layout.values(type_)
        assert count is not None and members is not None
        name = f"WITH_{identifier(type_)}_{field}"
        if name not in self.writer.tables:
            rows = [0] * (count * words)
            for member in range(members):
                code = self.layout.unrank(type_, member) >> shift & (1 << self.layout.width(field_type)) - 1
                rows[self.layout.rank(field_type, code) * words + member // WORD_BITS] |= 1 << member % WORD_BITS
            self.writer.table(name, rows)
        return name

    def _First(self, e: ir.Expr) -> str:
        assert isinstance(e, ir.First)
        name = self.writer.fresh("first")
        self.writer.line(f"{name} = 0")

        def body() -> None:
            self.writer.line(f"{name} = 1 + {self.names[e.binder.name]}")
            self.writer.line("break")

        self.over((e.binder,), body, name + " != 0")
        return name

    def over(self, binders: tuple[ir.Binder, ...], body: Callable[[], None], stop: str = "") -> None:
        """Loops over binders around a body; outer loops end once `stop` holds."""
        (binder, *rest) = binders
        head, prepare = self.loop_head(binder)
        with self.writer.loop(head):
            prepare()
            for test in binder.filters:
                with self.writer.block(f"if not {self.value(test)}:"):
                    self.writer.line("continue")
            if rest:
                self.over(tuple(rest), body, stop)
                if stop:
                    with self.writer.block(f"if {stop}:"):
                        self.writer.line("break")
            else:
                body()

    def loop_head(self, binder: ir.Binder) -> tuple[str, Callable[[], None]]:
        """The head of a loop over a domain, and what sets the bound name at the start of each turn."""
        local = self.writer.fresh(f"{binder.name}_")
        self.names[binder.name] = f"({local} != 0)" if isinstance(binder.type, BoolType) else local
        match binder.domain:
            case ir.SortDomain(type=type_):
                return f"for {local} in range({self.layout.size(type_)}):", lambda: None
            case ir.IndexDomain(sequence=sequence):
                source = self.atom(sequence)
                low, high = self.first_before(source, sequence.type), self.last(source, sequence.type)
                return f"for {local} in range({low} + 1, {high} + 1):", lambda: None
            case ir.QuorumDomain(sort=sort):
                masks = self.quorum_masks(sort)
                table = self.writer.table(f"QUORUMS_{sort.name}", masks)
                return self._indexed(local, f"range({len(masks)})", lambda i: f"{table}[{i}]")
            case ir.SubsetDomain(sort=sort):
                return f"for {local} in range({1 << self.layout.size(sort)}):", lambda: None
            case ir.SetDomain(set=members):
                return self._set_loop(local, members)
            case _:
                raise AssertionError(binder.domain)

    def _indexed(self, local: str, over: str, value: Callable[[str], str]) -> tuple[str, Callable[[], None]]:
        index = self.writer.fresh("i")
        return f"for {index} in {over}:", lambda: self.writer.line(f"{local} = {value(index)}")

    def _set_loop(self, local: str, members: ir.Expr) -> tuple[str, Callable[[], None]]:
        assert isinstance(members.type, SetType)
        of, big = members.type.of, self._big_slot(members)
        if big is not None and big[0].form == "tail":
            return self._tail_loop(local, *big)
        if big is not None:
            return self._bits_loop(local, of, *big)
        mask = self.writer.fresh("mask")
        self.writer.line(f"{mask} = {self.value(members)}")

        return f"while {mask} != 0:", lambda: self._next_member(of, local, mask, 0)

    def _tail_loop(self, local: str, slot: Slot, row: Row) -> tuple[str, Callable[[], None]]:
        index, fixed = self.writer.fresh("i"), self.layout.fixed_words

        def prepare() -> None:
            word = f"{row.array}[{row.offset} + {index}]"
            if len(self.layout.tagged) > 1:
                with self.writer.block(f"if {word} >> {TAG_SHIFT} != {slot.tag}:"):
                    self.writer.line("continue")
            self.writer.line(f"{local} = {word} & {(1 << TAG_SHIFT) - 1}")

        return f"for {index} in range({fixed}, {fixed} + {row.tail}):", prepare

    def _bits_loop(self, local: str, of: Type, slot: Slot, row: Row) -> tuple[str, Callable[[], None]]:
        word, mask = self.writer.fresh("w"), self.writer.fresh("mask")
        self.writer.line(f"{word} = 0")
        self.writer.line(f"{mask} = {row.array}[{row.offset} + {slot.word}]")

        def prepare() -> None:
            with self.writer.block(f"while {mask} == 0 and {word} < {slot.words - 1}:"):
                self.writer.line(f"{word} += 1")
                self.writer.line(f"{mask} = {row.array}[{row.offset} + {slot.word} + {word}]")
            with self.writer.block(f"if {mask} == 0:"):
                self.writer.line("break")
            self.writer.line(f"{local} = lowest_bit({mask}) + {word} * {WORD_BITS}")
            self.writer.line(f"{mask} &= {mask} - 1")
            if self.unrank(of, local) != local:
                self.writer.line(f"{local} = {self.unrank(of, local)}")

        return "while True:", prepare
