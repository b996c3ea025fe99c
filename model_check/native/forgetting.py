"""The functions of a program that take dead messages out of a row (`model_check/dead.py`).

The tables, which depend on the rules removed, lie behind the masks in `notes`: first, for each receipt in order, its answers (the number of
the variable and the message's code), then its table. So one program serves all rules.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from model_check.dead import ANSWERED, DEAD, LIVE, Receipt
from model_check.native.actions import define
from model_check.native.expressions import Translator
from model_check.native.kernel import NOTES
from model_check.native.layout import TAG_SHIFT, WORD_BITS, Layout, Slot
from model_check.native.writer import Row, Writer
from model_check.possibilities import Free, values
from spec.language.types import RecordType, SetType, Type

Receipts = Mapping[str, tuple[Receipt, ...]]


def tables(layout: Layout, receipts: Receipts) -> list[int]:
    """The words behind the masks in `notes`."""
    names = list(layout.slots)
    found: list[int] = []
    for receipt in (r for group in receipts.values() for r in group):
        for variable, message in receipt.answers:
            found += [names.index(variable), _code(layout, _member(layout.slots[variable]), message)]
        found += receipt.table
    return found


def _code(layout: Layout, type_: Type, value: Any) -> int:
    """The code of a message as its fields' values; of a value of a small type, its number among all."""
    if not isinstance(type_, RecordType):
        return values(layout.protocol, type_).index(value)
    return sum(_code(layout, t, v) << layout.field_shift(type_, name)[0] for (name, t), v in zip(type_.fields, value, strict=True))


def write_forgetting(writer: Writer, receipts: Receipts) -> None:
    """`forget(C, c, m, th, notes)`: take dead messages out of a row; its tail's new length and hash."""
    offset = NOTES
    parts: list[tuple[str, list[tuple[Receipt, int]]]] = []
    for variable, group in receipts.items():
        placed = []
        for receipt in group:
            placed.append((receipt, offset))
            offset += 2 * len(receipt.answers) + len(receipt.table)
        parts.append((variable, placed))
    for variable, placed in reversed(parts):
        _Gone(writer, variable, receipts).write(placed)
    define(writer, "forget(C, c, m, th, notes)")
    for variable in receipts:
        _take_out(writer, writer.layout.slots[variable])
    writer.line("return m, th")


class _Gone:
    """Writes `gone_VARIABLE(x, S, o, n, notes)`: whether the message with code x is dead."""

    def __init__(self, writer: Writer, variable: str, receipts: Receipts) -> None:
        self.writer, self.layout, self.variable, self.receipts = writer, writer.layout, variable, receipts
        self.translator = Translator(writer, Row("S", "o", "n"))

    def write(self, placed: list[tuple[Receipt, int]]) -> None:
        """The function: dead for all receivers."""
        define(self.writer, f"gone_{self.variable}(x, S, o, n, notes)")
        for receipt, offset in placed:
            self._level(receipt, offset, 0)
        self.writer.line("return True")

    def _level(self, receipt: Receipt, offset: int, level: int) -> None:
        if level < len(receipt.parameters):
            size = len(values(self.layout.protocol, receipt.parameters[level].type))
            with self.writer.block(f"for q{level} in range({size}):"):
                self._level(receipt, offset, level + 1)
            return
        index = "0"
        for part, size in zip(self._parts(receipt), receipt.axes, strict=True):
            index = f"({index}) * {size} + {part}" if index != "0" else part
        self.writer.line(f"fate = notes[{offset + 2 * len(receipt.answers)} + {index}]")
        with self.writer.block(f"if fate == {LIVE}:"):
            self.writer.line("return False")
        if receipt.answers:
            with self.writer.block(f"if fate != {DEAD}:"):
                self._answered(receipt, offset)

    def _answered(self, receipt: Receipt, offset: int) -> None:
        """Live unless the answer has been sent, or would be dead itself."""
        self.writer.line(f"a = {offset} + 2 * (fate - {ANSWERED})")
        names = list(self.layout.slots)
        for variable in dict.fromkeys(v for v, _ in receipt.answers):
            slot = self.layout.slots[variable]
            with self.writer.block(f"if notes[a] == {names.index(variable)}:"):
                self.writer.line("y = notes[a + 1]")
                missing = f"not {self._holds(slot)}"
                if variable in self.receipts:
                    missing += f" and not gone_{variable}(y, S, o, n, notes)"
                with self.writer.block(f"if {missing}:"):
                    self.writer.line("return False")

    def _holds(self, slot: Slot) -> str:
        of = _member(slot)
        if slot.form == "tail":
            return f"tail_has(S, o + {self.layout.fixed_words}, n, {self.translator.tagged(slot, 'y')})"
        self.writer.line(f"r = {self.translator.rank(of, 'y')}")
        if slot.form == "bits":
            return f"(S[o + {slot.word} + r // {WORD_BITS}] >> (r % {WORD_BITS})) & 1 != 0"
        return f"(S[o + {slot.word}] >> ({slot.shift} + r)) & 1 != 0"

    def _parts(self, receipt: Receipt) -> list[str]:
        """The digits of the place in the table."""
        found = [self._named(p, receipt) for p in (*receipt.parameters, *receipt.fields)]
        for variable, keys in receipt.cells:
            slot = self.layout.slots[variable]
            word, shift = self.translator.place_of([self._named(k, receipt) for k in keys], slot)
            found.append(f"((S[o + {word}] >> {shift}) & {(1 << slot.width) - 1})")
        return found

    def _named(self, free: Free, receipt: Receipt) -> str:
        if free in receipt.parameters:
            return f"q{receipt.parameters.index(free)}"
        record = _member(self.layout.slots[self.variable])
        assert isinstance(record, RecordType)
        shift, type_ = self.layout.field_shift(record, free.key[1])
        return f"((x >> {shift}) & {(1 << self.layout.width(type_)) - 1})"


def _take_out(writer: Writer, slot: Slot) -> None:
    """Take a variable's dead messages out of the row."""
    gone, fixed = f"gone_{slot.variable.name}", writer.layout.fixed_words
    if slot.form == "tail":
        writer.line("k = 0")
        with writer.block("for j in range(m):"):
            writer.line(f"w = C[c + {fixed} + j]")
            with writer.block(f"if w >> {TAG_SHIFT} == {slot.tag} and {gone}(w & {(1 << TAG_SHIFT) - 1}, C, c, m, notes):"):
                writer.line("th -= mix(w)")
            with writer.block("else:"):
                writer.line(f"C[c + {fixed} + k] = w")
                writer.line("k += 1")
        writer.line("m = k")
        return
    translator = Translator(writer, Row("C", "c", "m"))
    mask = (1 << (slot.count if slot.form == "bits" else slot.width)) - 1
    for word in range(slot.words if slot.form == "bits" else 1):
        held = f"C[c + {slot.word + word}]" if slot.form == "bits" else f"(C[c + {slot.word}] >> {slot.shift}) & {mask}"
        shift = 0 if slot.form == "bits" else slot.shift
        writer.line(f"w = {held}")
        with writer.block("while w != 0:"):
            writer.line("r = lowest_bit(w)")
            writer.line("w &= w - 1")
            rank = f"(r + {word * WORD_BITS})" if word else "r"
            with writer.block(f"if {gone}({translator.unrank(_member(slot), rank)}, C, c, m, notes):"):
                writer.line(f"C[c + {slot.word + word}] &= ~(1 << (r + {shift}))")


def _member(slot: Slot) -> Type:
    assert isinstance(slot.variable.type, SetType)
    return slot.variable.type.of
