"""How a state lies in memory: each value a packed code, each variable a bit field of a few 63-bit words.

A *code* is a non-negative integer of a fixed width for its type. Codes of one type compare as `sort_key` does.

- a sort's element, an enumeration member, a bool: its number;
- Option[T]: 0 for None, else 1 + code;
- a record: its fields' codes, the first field highest;
- a sequence: (last, entry 1, ..., entry N), a window: (after, last, entry 1, ..., entry N), empty slots 0;
- a set with at most 63 possible members: a bit mask by *rank* (the dense numbering of a type's values).

A state is a row of int64 words: the fixed part (bit fields, at most 63 bits of a word are used so that no sign
gets in the way), then the *tail*: the members of all sets with too many possible members for a mask, each a word
with the number of its variable on top, in ascending order.
"""

from __future__ import annotations

from collections.abc import Set as AbstractSet
from dataclasses import dataclass, field
from typing import Any, cast

from spec.language import Protocol, ScopeError, Seq, State, Window
from spec.language.ir import Variable
from spec.language.types import (
    BoolType,
    EnumType,
    MapType,
    OptionType,
    RecordType,
    SeqType,
    SetType,
    SortType,
    Type,
    WindowType,
    number_of_elements,
)
from spec.language.values import Map, sort_key

WORD_BITS = 63
TAG_SHIFT = 56
MASK_LIMIT = 63
BITSET_LIMIT = 504


@dataclass(frozen=True)
class Slot:
    """Where a variable lies.

    `form` is "fields" (one bit field an entry: `per_word` entries of `width` bits a word from `word` on,
    or all in one word from bit `shift`), "bits" (one bit for each possible member, `per_word` a word) or
    "tail" (members among the tail's words with tag `tag`).
    """

    variable: Variable
    form: str
    word: int = 0
    shift: int = 0
    width: int = 0
    per_word: int = 0
    count: int = 1
    tag: int = 0

    @property
    def words(self) -> int:
        """Number of words that the slot spans."""
        return -(-self.count // self.per_word) if self.per_word else 1


@dataclass
class Layout:
    """The layout of a protocol at a scope. Raises ScopeError where a value needs more than 63 bits."""

    protocol: Protocol
    slots: dict[str, Slot] = field(default_factory=dict)
    fixed_words: int = 0

    def __post_init__(self) -> None:
        self._place()

    def _too_large(self, found: str) -> ScopeError:
        return ScopeError(f"{self.protocol.ir.name} at {self.protocol.scope} is too large for the native engine: {found}; use --engine interpreter")

    # --- sizes of types

    def size(self, type_: Type) -> int:
        """Number of elements of a sort, an enumeration or bool."""
        return number_of_elements(type_, self.protocol.context.sizes)

    def capacity(self, type_: SeqType | WindowType) -> int:
        """Length of the longest sequence."""
        return self.protocol.context.sizes[type_.index.cls]

    def greatest(self, type_: Type) -> int:
        """The greatest code of a type."""
        match type_:
            case SortType() | EnumType() | BoolType():
                return self.size(type_) - 1
            case OptionType(of=of):
                return 1 + self.greatest(of)
            case RecordType(fields=fields):
                code = 0
                for _, t in fields:
                    code = code << self.width(t) | self.greatest(t)
                return code
            case SetType(of=of):
                count = self.values(of)
                if count is None or count > MASK_LIMIT:
                    raise self._too_large(f"a value of type {type_} has too many possible members for a word")
                return (1 << count) - 1
            case SeqType() | WindowType():
                return (1 << self.width(type_)) - 1
            case _:
                raise AssertionError(type_)

    def width(self, type_: Type) -> int:
        """Bits of a code; ScopeError beyond 63 (a value must fit in a word)."""
        match type_:
            case RecordType(fields=fields):
                bits = sum(self.width(t) for _, t in fields)
            case SeqType(index=index, of=of):
                bits = self.width(index) + self.capacity(type_) * self.width(of)
            case WindowType(index=index, of=of):
                bits = 2 * self.width(index) + self.capacity(type_) * self.width(of)
            case _:
                bits = self.greatest(type_).bit_length()
        if bits > WORD_BITS:
            raise self._too_large(f"a value of type {type_} needs {bits} bits, a word has {WORD_BITS}")
        return bits

    def values(self, type_: Type) -> int | None:
        """Number of values of a type where they can be ranked (no sequences inside), else None."""
        match type_:
            case SortType() | EnumType() | BoolType():
                return self.size(type_)
            case OptionType(of=of):
                inner = self.values(of)
                return None if inner is None else inner + 1
            case RecordType(fields=fields):
                total = 1
                for _, t in fields:
                    inner = self.values(t)
                    if inner is None:
                        return None
                    total *= inner
                return total
            case SetType(of=of):
                inner = self.values(of)
                return None if inner is None or inner > 16 else 1 << inner
            case _:
                return None

    def rank(self, type_: Type, code: int) -> int:
        """The dense number of a code; ascending with the code."""
        match type_:
            case OptionType(of=of):
                return 0 if code == 0 else 1 + self.rank(of, code - 1)
            case RecordType(fields=fields):
                parts = self.unpack(type_, code)
                total = 0
                for (_, t), part in zip(fields, parts, strict=True):
                    count = self.values(t)
                    assert count is not None
                    total = total * count + self.rank(t, part)
                return total
            case _:
                return code

    def unrank(self, type_: Type, rank: int) -> int:
        """The code with a dense number."""
        match type_:
            case OptionType(of=of):
                return 0 if rank == 0 else 1 + self.unrank(of, rank - 1)
            case RecordType(fields=fields):
                code, shift = 0, 0
                for _, t in reversed(fields):
                    count = self.values(t)
                    assert count is not None
                    rank, part = divmod(rank, count)
                    code |= self.unrank(t, part) << shift
                    shift += self.width(t)
                return code
            case _:
                return rank

    def field_shift(self, type_: RecordType, name: str) -> tuple[int, Type]:
        """Lowest bit of a field within its record's code, and its type."""
        shift = 0
        for field_name, t in reversed(type_.fields):
            if field_name == name:
                return shift, t
            shift += self.width(t)
        raise AssertionError(name)

    def unpack(self, type_: RecordType, code: int) -> list[int]:
        """The codes of a record's fields."""
        found = []
        for name, t in type_.fields:
            shift, _ = self.field_shift(type_, name)
            found.append(code >> shift & (1 << self.width(t)) - 1)
        return found

    # --- placing variables

    def _place(self) -> None:
        shared: list[tuple[Variable, int, int]] = []
        # Tags begin at 1: the hash of a tail is a sum, and the word 0 would add nothing to it.
        word, tag = 0, 1
        for variable in self.protocol.ir.variables:
            entries = 1
            for key in variable.keys:
                entries *= self.size(key)
            form = self._form(variable)
            if form == "tail":
                self.slots[variable.name] = Slot(variable, "tail", width=self.width(_member(variable)), tag=tag)
                self._check_tail(variable)
                tag += 1
            elif form == "bits":
                count = self.values(_member(variable))
                assert count is not None
                slot = Slot(variable, "bits", word=word, per_word=WORD_BITS, width=1, count=count)
                self.slots[variable.name] = slot
                word += slot.words
            else:
                width = max(1, self.width(variable.value_type))
                if width * entries > WORD_BITS:
                    slot = Slot(variable, "fields", word=word, width=width, per_word=WORD_BITS // width, count=entries)
                    self.slots[variable.name] = slot
                    word += slot.words
                else:
                    shared.append((variable, width, entries))
        self._share(shared, word)

    def _share(self, shared: list[tuple[Variable, int, int]], first_free: int) -> None:
        """Pack the variables that fit in one word each, widest first, into as few words as possible."""
        used: list[int] = []
        for variable, width, entries in sorted(shared, key=lambda s: -s[1] * s[2]):
            bits = width * entries
            index = next((i for i, u in enumerate(used) if u + bits <= WORD_BITS), len(used))
            if index == len(used):
                used.append(0)
            self.slots[variable.name] = Slot(variable, "fields", word=first_free + index, shift=used[index], width=width, count=entries)
            used[index] += bits
        self.fixed_words = first_free + len(used)

    def _form(self, variable: Variable) -> str:
        if not isinstance(variable.type, SetType):
            return "fields"
        count = self.values(variable.type.of)
        if count is None or count > BITSET_LIMIT:
            return "tail"
        return "fields" if count <= MASK_LIMIT else "bits"

    def _check_tail(self, variable: Variable) -> None:
        if self.width(_member(variable)) > TAG_SHIFT:
            raise self._too_large(f"a member of `{variable.name}` needs more than {TAG_SHIFT} bits")

    @property
    def tagged(self) -> list[Slot]:
        """The slots whose members lie in the tail, by tag."""
        return sorted((s for s in self.slots.values() if s.form == "tail"), key=lambda s: s.tag)

    # --- values to codes and back

    def encode(self, type_: Type, value: Any) -> int:
        """The code of a CPython value."""
        match type_:
            case OptionType(of=of):
                return 0 if value is None else 1 + self.encode(of, value)
            case RecordType(fields=fields):
                code = 0
                for name, t in fields:
                    code = code << self.width(t) | self.encode(t, getattr(value, name))
                return code
            case SetType(of=of):
                return sum(1 << self.rank(of, self.encode(of, member)) for member in value)
            case SeqType(index=index, of=of) | WindowType(index=index, of=of):
                width, capacity = self.width(of), self.capacity(type_)
                code = int(value.last)
                if isinstance(type_, WindowType):
                    code |= int(value.after) << self.width(index)
                code <<= capacity * width
                for position in value.indices():
                    code |= self.encode(of, value[position]) << (capacity - int(position)) * width
                return code
            case _:
                return int(sort_key(value))

    def decode(self, type_: Type, code: int) -> Any:
        """The CPython value of a code."""
        match type_:
            case SortType(cls=cls):
                return cls(code)
            case EnumType(cls=cls):
                return list(cls)[code]
            case BoolType():
                return bool(code)
            case OptionType(of=of):
                return None if code == 0 else self.decode(of, code - 1)
            case RecordType(fields=fields, cls=cls):
                return cls(*(self.decode(t, part) for (_, t), part in zip(fields, self.unpack(type_, code), strict=True)))
            case SetType(of=of):
                return frozenset(self.decode(of, self.unrank(of, r)) for r in range(code.bit_length()) if code >> r & 1)
            case SeqType() | WindowType():
                return self._decode_sequence(type_, code)
            case _:
                raise AssertionError(type_)

    def _decode_sequence(self, type_: SeqType | WindowType, code: int) -> Any:
        width, capacity, index_width = self.width(type_.of), self.capacity(type_), self.width(type_.index)
        head = code >> capacity * width
        last = head & (1 << index_width) - 1
        after = head >> index_width
        mask = (1 << width) - 1
        entries = tuple(self.decode(type_.of, code >> (capacity - i) * width & mask) for i in range(after + 1, last + 1))
        return Window(type_.index.cls, after, entries) if isinstance(type_, WindowType) else Seq(type_.index.cls, 0, entries)

    def pack(self, state: State) -> list[int]:
        """The row of a state."""
        row = [0] * self.fixed_words
        tail: list[int] = []
        for name, value in state.items():
            slot = self.slots[name]
            if slot.form == "tail":
                tail += [slot.tag << TAG_SHIFT | self.encode(_member(slot.variable), m) for m in value]
            elif slot.form == "bits":
                for m in value:
                    rank = self.rank(_member(slot.variable), self.encode(_member(slot.variable), m))
                    row[slot.word + rank // WORD_BITS] |= 1 << rank % WORD_BITS
            else:
                entries = [v for _, v in value.items()] if isinstance(value, Map) else [value]
                for i, entry in enumerate(entries):
                    word, shift = self.position(slot, i)
                    row[word] |= self.encode(slot.variable.value_type, entry) << shift
        return row + sorted(tail)

    @staticmethod
    def position(slot: Slot, entry: int) -> tuple[int, int]:
        """Word and lowest bit of an entry of a "fields" slot."""
        if slot.per_word:
            return slot.word + entry // slot.per_word, entry % slot.per_word * slot.width
        return slot.word, slot.shift + entry * slot.width

    def cover(self, names: AbstractSet[str]) -> dict[int, int]:
        """The bits of the fixed words that hold some variables, as a mask for each word."""
        masks: dict[int, int] = {}
        for slot in (self.slots[name] for name in names):
            if slot.per_word:
                masks |= dict.fromkeys(range(slot.word, slot.word + slot.words), (1 << WORD_BITS) - 1)
            elif slot.form == "fields":
                masks[slot.word] = masks.get(slot.word, 0) | (1 << slot.width * slot.count) - 1 << slot.shift
        return masks

    def unpack_state(self, row: list[int]) -> State:
        """The state of a row."""
        found: dict[str, Any] = {}
        for name, slot in self.slots.items():
            if slot.form == "tail":
                codes = (w & (1 << TAG_SHIFT) - 1 for w in row[self.fixed_words :] if w >> TAG_SHIFT == slot.tag)
                found[name] = frozenset(self.decode(_member(slot.variable), code) for code in codes)
            elif slot.form == "bits":
                of = _member(slot.variable)
                ranks = (r for r in range(slot.count) if row[slot.word + r // WORD_BITS] >> r % WORD_BITS & 1)
                found[name] = frozenset(self.decode(of, self.unrank(of, r)) for r in ranks)
            else:
                found[name] = self._unpack_fields(slot, row)
        # The class builds its states, although for type checkers a mapping returns the abstract protocol.
        return cast(State, type(self.protocol).state_of(**found))

    def _unpack_fields(self, slot: Slot, row: list[int]) -> Any:
        type_, mask = slot.variable.value_type, (1 << slot.width) - 1
        codes = []
        for i in range(slot.count):
            word, shift = self.position(slot, i)
            codes.append(row[word] >> shift & mask)
        if not isinstance(slot.variable.type, MapType):
            return self.decode(type_, codes[0])
        keys: list[tuple[Any, ...]] = [()]
        for sort in slot.variable.keys:
            keys = [(*k, sort.cls(n)) for k in keys for n in range(self.size(sort))]
        return Map({(k if len(k) > 1 else k[0]): self.decode(type_, c) for k, c in zip(keys, codes, strict=True)})


def _member(variable: Variable) -> Type:
    assert isinstance(variable.type, SetType)
    return variable.type.of
