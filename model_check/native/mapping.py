"""A refinement mapping, compiled: is each step of the concrete protocol a step of the abstract one, or none?

Beside the concrete protocol's functions stand those of the abstract one (with the prefix `abs_`) and
`image(S, o, n, A)`, which writes the abstract row of a concrete one. A step is allowed if both images are equal
(stuttering) or the second is among the abstract successors of the first. Nothing is assumed and nothing cached.
"""

from __future__ import annotations

from model_check.native.actions import BEFORE, define, write_actions
from model_check.native.expressions import Translator
from model_check.native.kernel import FULL, NOTES, UNDEFINED
from model_check.native.layout import WORD_BITS, Layout, Slot
from model_check.native.writer import Writer
from spec.language import ScopeError, ir
from spec.language.types import SetType

MOST_WORDS = 512
MOST_SUCCESSORS = 4096

_ALLOWED = """    A = np.empty({row}, np.int64)
    B = np.empty({row}, np.int64)
    x = image(S, o, n, A, notes)
    y = image(C, c, m, B, notes)
    if same_row(A, 0, {fixed} + x, B, {fixed} + y):
        return True
    D = np.empty({room}, np.int64)
    DO = np.zeros({most} + 2, np.int64)
    DT = np.empty({most} + 2, np.uint64)
    DM = np.empty({most} + 2, np.int64)
    counts = np.zeros({notes}, np.int64)
    tried = np.zeros({actions}, np.int64)
    abs_successors(A, 0, x, np.uint64(0), 0, D, DO, DT, DM, counts, tried)
    if counts[{full}] != 0:
        notes[{undefined}] = {place}
    for k in range(counts[0]):
        if same_row(D, DO[k], DO[k + 1] - DO[k], B, {fixed} + y):
            return True
    return False"""

_SAME_ROW = """    if length != other:
        return False
    for j in range(length):
        if rows[start + j] != row[j]:
            return False
    return True"""


def write_refinement(writer: Writer, abstract: Layout, refinement: ir.Refinement) -> None:
    """Write the abstract protocol's actions, `image` and `allowed_by_mapping`."""
    inner = Writer(abstract)
    inner.sites = writer.sites
    write_actions(inner, "abs_")
    writer.lines += inner.lines
    writer.tables.update(inner.tables)
    define(writer, "image(S, o, n, A, notes)")
    writer.line(f"for j in range({abstract.fixed_words}):")
    writer.line("    A[j] = 0")
    writer.line("x = 0")
    writer.line("total = np.uint64(0)")
    image = _Image(writer, abstract)
    for name, value in refinement.assignments:
        image.assign(abstract.slots[name], value)
    writer.line("return x")
    define(writer, "same_row(rows, start, length, row, other)")
    writer.lines += _SAME_ROW.splitlines()
    define(writer, "allowed_by_mapping(S, o, n, C, c, m, notes)", makes_arrays=True)
    numbers = {
        "row": abstract.fixed_words + MOST_WORDS,
        "fixed": abstract.fixed_words,
        "room": 1 << 16,
        "most": MOST_SUCCESSORS,
        "notes": NOTES,
        "actions": len(abstract.protocol.ir.actions),
        "full": FULL,
        "undefined": UNDEFINED,
        "place": writer.sites.number(refinement.place),
    }
    writer.lines += _ALLOWED.format(**numbers).splitlines()


class _Image(Translator):
    """Writes the abstract variables into the row A."""

    def __init__(self, writer: Writer, abstract: Layout) -> None:
        super().__init__(writer, BEFORE)
        self.abstract = abstract

    def assign(self, slot: Slot, value: ir.Expr) -> None:
        """One abstract variable from its expression over the concrete state."""
        if slot.form in ("bits", "tail"):
            self._assign_set(slot, value)
        elif isinstance(value, ir.MapComprehension):
            self.over(value.binders, lambda: self._put(slot, [self.names[b.name] for b in value.binders], self.code(value.value)))
        elif slot.variable.keys and isinstance(value, ir.Read):
            binders = tuple(ir.Binder(f"key{i}", sort, ir.SortDomain(sort)) for i, sort in enumerate(slot.variable.keys))
            keys = tuple(ir.Name(type=b.type, name=b.name) for b in binders)
            entry = ir.Read(type=slot.variable.value_type, variable=value.variable, keys=keys, place=value.place)
            self.over(binders, lambda: self._put(slot, [self.names[b.name] for b in binders], self.code(entry)))
        else:
            self._put(slot, [], self.code(value))

    def _put(self, slot: Slot, keys: list[str], value: str) -> None:
        word, shift = self.place_of(keys, slot)
        self.writer.line(f"A[{word}] |= {value} << {shift}")

    def _assign_set(self, slot: Slot, value: ir.Expr) -> None:
        if not isinstance(value, ir.SetComprehension) or not isinstance(value.type, SetType):
            raise ScopeError(
                f"{value.place}: `{slot.variable.name}` is a large set; the native engine maps to it only by a set comprehension; use --engine interpreter"
            )
        of = value.type.of

        def add() -> None:
            element = self.writer.fresh()
            self.writer.line(f"{element} = {self.code(value.element)}")
            if slot.form == "tail":
                self.writer.line(f"x, total = tail_insert(A, {self.abstract.fixed_words}, x, {self.tagged(slot, element)}, total)")
            else:
                self.writer.line(f"{element} = {self.rank(of, element)}")
                self.writer.line(f"A[{slot.word} + {element} // {WORD_BITS}] |= 1 << ({element} % {WORD_BITS})")

        self.over(value.binders, add)
