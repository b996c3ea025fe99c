"""The fingerprint of a state up to permutation of its interchangeable sorts.

States that are permutations of each other get the same fingerprint: the least one over permutations. To try few of
them, a signature that ignores names is computed for each element of the largest sort (from the map variables keyed by
it); only permutations that put the signatures in ascending order compete, which is the same choice in every state of
an orbit.
"""

from __future__ import annotations

import itertools
import math

from model_check.native.actions import define
from model_check.native.expressions import Translator
from model_check.native.layout import TAG_SHIFT, WORD_BITS, Layout, Slot
from model_check.native.writer import Row, Writer
from spec.language import ScopeError
from spec.language.types import MapType, OptionType, RecordType, SeqType, SetType, SortType, Type, WindowType, sorts_of
from spec.quorums import symmetric

MOST_PERMUTATIONS = 50_000


def symmetric_sorts(layout: Layout) -> list[SortType]:
    """The unordered sorts of more than one element, largest first; ScopeError where a quorum system tells elements apart."""
    found = [s for s in layout.protocol.ir.sorts if not s.ordered and layout.size(s) > 1]
    total = math.prod(math.factorial(layout.size(s)) for s in found)
    if total > MOST_PERMUTATIONS:
        raise ScopeError(f"{total} permutations of {', '.join(map(str, found))} are too many; use --no-symmetry")
    for sort in found:
        if not symmetric(layout.protocol.context.quorums[sort.cls], layout.size(sort)):
            raise ScopeError(f"symmetry is unsound here: the quorum system tells the elements of {sort} apart; use --no-symmetry")
    return sorted(found, key=lambda s: -layout.size(s))


def print_function(writer: Writer, symmetry: bool) -> None:
    """Write `print_of(C, c, m, th)`: the fingerprint of a row, of its orbit with symmetry."""
    sorts = symmetric_sorts(writer.layout) if symmetry else []
    if not sorts:
        define(writer, "print_of(C, c, m, th)")
        writer.line(f"return fingerprint(C, c, {writer.layout.fixed_words}, th)")
        return
    _Orbit(writer, sorts).write()


class _Orbit:
    """Writes the orbit's fingerprint for one layout."""

    def __init__(self, writer: Writer, sorts: list[SortType]) -> None:
        self.writer, self.layout, self.sorts = writer, writer.layout, sorts
        self.permuters: dict[Type, str] = {}
        self.ranks: dict[Type, str] = {}

    def write(self) -> None:
        """`image_print` (the fingerprint under one permutation of each sort), the signatures, and `print_of`."""
        for slot in self.layout.slots.values():
            self._permuter(slot.variable.value_type if slot.form == "fields" else _member(slot))
            if slot.form == "bits" and self._moves(_member(slot)):
                self._renamed_rank(_member(slot), "r")
        self._image_print()
        self._print_of()

    def _line(self, depth: int, text: str) -> None:
        self.writer.lines.append("    " * depth + text)

    def _define(self, head: str, makes_arrays: bool = False) -> None:
        define(self.writer, head, makes_arrays)

    def _moves(self, type_: Type) -> bool:
        return any(s in self.sorts for s in sorts_of(type_))

    @property
    def _arguments(self) -> str:
        return ", ".join(f"p{i}" for i in range(len(self.sorts)))

    def _permuted(self, type_: Type, code: str) -> str:
        return f"{self._permuter(type_)}({code}, {self._arguments})" if self._moves(type_) else code

    def _permuter(self, type_: Type) -> str:
        """The function that renames the elements within a code; written once for each type."""
        if type_ in self.permuters or not self._moves(type_):
            return self.permuters.get(type_, "")
        body = self._rename(type_)
        self.permuters[type_] = name = f"rename_{len(self.permuters)}"
        self._define(f"{name}(x, {self._arguments})")
        for line in body:
            self._line(1, line)
        return name

    def _rename(self, type_: Type) -> list[str]:
        match type_:
            case SortType():
                return [f"return p{self.sorts.index(type_)}[x]"]
            case OptionType(of=of):
                return [f"return 0 if x == 0 else 1 + {self._permuted(of, '(x - 1)')}"]
            case RecordType(fields=fields):
                parts = []
                for field, t in fields:
                    shift, _ = self.layout.field_shift(type_, field)
                    parts.append(f"({self._permuted(t, f'((x >> {shift}) & {(1 << self.layout.width(t)) - 1})')} << {shift})")
                return [f"return {' | '.join(parts)}"]
            case SetType(of=of):
                return ["y = 0", "while x != 0:", "    r = lowest_bit(x)", "    x &= x - 1", f"    y |= 1 << {self._renamed_rank(of, 'r')}", "return y"]
            case SeqType(of=of) | WindowType(of=of):
                capacity, width, index = self.layout.capacity(type_), self.layout.width(of), self.layout.width(type_.index)
                mask = (1 << width) - 1
                after = f"((x >> {capacity * width + index}) & {(1 << index) - 1})" if isinstance(type_, WindowType) else "0"
                last = f"((x >> {capacity * width}) & {(1 << index) - 1})"
                return [
                    f"y = (x >> {capacity * width}) << {capacity * width}",
                    f"for i in range({after} + 1, {last} + 1):",
                    f"    s = ({capacity} - i) * {width}",
                    f"    y |= {self._permuted(of, f'((x >> s) & {mask})')} << s",
                    "return y",
                ]
            case _:
                raise AssertionError(type_)

    def _renamed_rank(self, of: Type, rank: str) -> str:
        """Source of the rank of the renamed member with a given rank."""
        ranks = Translator(self.writer, Row("C", "c", "m"))
        if not isinstance(of, RecordType):
            return ranks.rank(of, self._permuted(of, ranks.unrank(of, rank)))
        key = SetType(of)
        if key not in self.ranks:
            code = ranks.unrank(of, "r")
            renamed = self._permuted(of, code)
            # The number only now: renaming the parts may have written such functions of their own.
            self.ranks[key] = name = f"renamed_rank_{len(self.ranks)}"
            self._define(f"{name}(r, {self._arguments})")
            self._line(1, f"y = {renamed}")
            self._line(1, f"return {ranks.rank(of, 'y')}")
        return f"{self.ranks[key]}({rank}, {self._arguments})"

    def _image_print(self) -> None:
        fixed = self.layout.fixed_words
        self._define(f"image_print(C, c, m, th, {self._arguments}, R)")
        self._line(1, f"for j in range({fixed}):")
        self._line(2, "R[j] = 0")
        for slot in self.layout.slots.values():
            if slot.form == "fields":
                self._image_of_fields(slot)
            elif slot.form == "bits":
                self._image_of_bits(slot)
        if any(self._moves(_member(s)) for s in self.layout.tagged):
            self._image_of_tail(fixed)
        self._line(1, f"return fingerprint(R, 0, {fixed}, th)")

    def _image_of_fields(self, slot: Slot) -> None:
        """R[renamed keys] = renamed value, for every entry."""
        depth, keys, images = 1, [], []
        for i, sort in enumerate(slot.variable.keys):
            self._line(depth, f"for k{i} in range({self.layout.size(sort)}):")
            depth += 1
            keys.append(f"k{i}")
            images.append(f"p{self.sorts.index(sort)}[k{i}]" if sort in self.sorts else f"k{i}")
        source, target = self._index(slot, keys), self._index(slot, images)
        mask = (1 << slot.width) - 1
        self._line(depth, f"x = {source}")
        self._line(depth, f"y = {target}")
        read = f"(C[c + {self._word(slot, 'x')}] >> {self._shift(slot, 'x')}) & {mask}"
        self._line(depth, f"v = {read}")
        self._line(depth, f"R[{self._word(slot, 'y')}] |= {self._permuted(slot.variable.value_type, 'v')} << {self._shift(slot, 'y')}")

    def _index(self, slot: Slot, keys: list[str]) -> str:
        index = "0"
        for key, sort in zip(keys, slot.variable.keys, strict=True):
            index = key if index == "0" else f"({index}) * {self.layout.size(sort)} + {key}"
        return index

    @staticmethod
    def _word(slot: Slot, index: str) -> str:
        return f"{slot.word} + {index} // {slot.per_word}" if slot.per_word else str(slot.word)

    @staticmethod
    def _shift(slot: Slot, index: str) -> str:
        return f"({index} % {slot.per_word} * {slot.width})" if slot.per_word else f"({slot.shift} + {index} * {slot.width})"

    def _image_of_bits(self, slot: Slot) -> None:
        of = _member(slot)
        for word in range(slot.words):
            self._line(1, f"x = C[c + {slot.word + word}]")
            if not self._moves(of):
                self._line(1, f"R[{slot.word + word}] = x")
                continue
            self._line(1, "while x != 0:")
            self._line(2, f"r = lowest_bit(x) + {word * WORD_BITS}")
            self._line(2, "x &= x - 1")
            self._line(2, f"r = {self._renamed_rank(of, 'r')}")
            self._line(2, f"R[{slot.word} + r // {WORD_BITS}] |= 1 << (r % {WORD_BITS})")

    def _image_of_tail(self, fixed: int) -> None:
        self._line(1, "th = np.uint64(0)")
        self._line(1, f"for j in range({fixed}, {fixed} + m):")
        self._line(2, "w = C[c + j]")
        mask = (1 << TAG_SHIFT) - 1
        for slot in self.layout.tagged:
            if self._moves(_member(slot)):
                self._line(2, f"{'el' if slot != self._moving_tags[0] else ''}if w >> {TAG_SHIFT} == {slot.tag}:")
                self._line(3, f"w = {slot.tag << TAG_SHIFT} | {self._permuted(_member(slot), f'(w & {mask})')}")
        self._line(2, "th += mix(w)")

    @property
    def _moving_tags(self) -> list[Slot]:
        return [s for s in self.layout.tagged if self._moves(_member(s))]

    # --- choosing permutations

    def _signature_slots(self) -> list[Slot]:
        """Map variables with the main sort as first key whose values name no permuted element."""
        main = self.sorts[0]
        found = []
        for slot in self.layout.slots.values():
            keyed = isinstance(slot.variable.type, MapType) and slot.form == "fields" and slot.variable.keys[0] == main
            if keyed and not self._moves(slot.variable.value_type):
                found.append(slot)
        return found

    def _print_of(self) -> None:
        size = self.layout.size(self.sorts[0])
        for i, sort in enumerate(self.sorts):
            self.writer.tables[f"PERMS_{i}"] = [list(p) for p in itertools.permutations(range(self.layout.size(sort)))]  # type: ignore[misc]  # a table of rows
        self._define("print_of(C, c, m, th)", makes_arrays=True)
        self._line(1, f"R = np.empty({self.layout.fixed_words}, np.int64)")
        self._line(1, f"G = np.empty({size}, np.uint64)")
        self._line(1, f"for e in range({size}):")
        self._line(2, "g = np.uint64(0)")
        for slot in self._signature_slots():
            self._signature(slot)
        self._line(2, "G[e] = g")
        self._line(1, "least = np.uint64(0xFFFFFFFFFFFFFFFF)")
        self._line(1, f"for i0 in range({math.factorial(size)}):")
        self._line(2, "p0 = PERMS_0[i0]")
        self._line(2, "sorted_ = True")
        self._line(2, f"for e in range({size}):")
        self._line(3, f"for f in range({size}):")
        self._line(4, "if p0[e] < p0[f] and G[e] > G[f]:")
        self._line(5, "sorted_ = False")
        self._line(2, "if not sorted_:")
        self._line(3, "continue")
        depth = 2
        for i in range(1, len(self.sorts)):
            self._line(depth, f"for i{i} in range({math.factorial(self.layout.size(self.sorts[i]))}):")
            depth += 1
            self._line(depth, f"p{i} = PERMS_{i}[i{i}]")
        self._line(depth, f"mark = image_print(C, c, m, th, {self._arguments}, R)")
        self._line(depth, "if mark < least:")
        self._line(depth + 1, "least = mark")
        # The least of several is biased towards 0, and the table's places are monotone: scramble once more.
        self._line(1, "least = mix(least)")
        self._line(1, "return least if least != np.uint64(0) else np.uint64(1)")

    def _signature(self, slot: Slot) -> None:
        """Fold an element's entries of a map into its signature; entries of further keys as a multiset."""
        mask = (1 << slot.width) - 1
        inner = 1
        for sort in slot.variable.keys[1:]:
            inner *= self.layout.size(sort)
        read = f"(C[c + {self._word(slot, 'x')}] >> {self._shift(slot, 'x')}) & {mask}"
        if inner == 1:
            self._line(2, "x = e")
            self._line(2, f"g = mix(g ^ np.uint64({read}))")
            return
        self._line(2, "q = np.uint64(0)")
        self._line(2, f"for i in range({inner}):")
        self._line(3, f"x = e * {inner} + i")
        self._line(3, f"q += mix(np.uint64({read}))")
        self._line(2, "g = mix(g ^ q)")


def _member(slot: Slot) -> Type:
    return slot.variable.type.of if isinstance(slot.variable.type, SetType) else slot.variable.value_type
