"""Ways to break the native engine, one construct each: the differential tests must catch every one."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any
from unittest import mock

from model_check.native import actions, runtime
from model_check.native.codegen import Program
from model_check.native.expressions import Translator
from model_check.native.layout import Layout, Slot
from model_check.native.symmetry import _Orbit
from model_check.native.writer import Writer
from spec.language import ir
from spec.language.types import SortType


def _neighbour_stays(self: Translator, e: ir.Neighbour) -> str:
    return self.value(e.of)


def _neighbour_past_the_end(self: Translator, e: ir.Neighbour) -> str:
    return f"({self.value(e.of)} + {e.by})"


def _append_forgets(self: Translator, e: ir.Append) -> str:
    return self.value(e.sequence)


def _splice_keeps_one_more(original: Callable[..., str]) -> Callable[..., str]:
    def joined(self: Translator, sequence: str, keep: str, window: str, last: str, capacity: int, width: int) -> str:
        return original(self, sequence, keep, window, keep, capacity, width)

    return joined


def _eager(self: Translator, e: ir.Junction) -> str:
    return "(" + f" {e.operator} ".join([self.value(x) for x in e.operands]) + ")"


def _elements_stay(original: Callable[..., list[str]]) -> Callable[..., list[str]]:
    def rename(self: _Orbit, type_: Any) -> list[str]:
        return ["return x"] if isinstance(type_, SortType) else original(self, type_)

    return rename


def _inserts_twice(rows: Any, start: int, length: int, word: int, total: Any) -> Any:
    rows[start + length] = word
    return length + 1, total + runtime.mix(word)


def _no_quorum(self: Translator, e: ir.IsQuorum) -> str:
    return f"({self.value(e.members)} != 0)"


def _half_is_a_majority(original: Callable[..., str]) -> Callable[..., str]:
    def decided(self: Translator, e: ir.IsMajority) -> str:
        return original(self, e).replace(" > ", " >= ")

    return decided


def _forgets_nothing(rows: Any, start: int, length: int, tag: int, total: Any) -> Any:
    return length, total


def _changes_while_it_looks(self: actions._ActionTranslator, slot: Slot, s: ir.Store) -> None:
    self._copy()
    self._clear(slot)
    self._collect(s.value, lambda member: self._change(slot, self._place_in(slot, member), adds=True))


def _last_not_first(original: Callable[..., str]) -> Callable[..., str]:
    def first(self: Translator, e: ir.First) -> str:
        name = self.writer.fresh("first")
        self.writer.line(f"{name} = 0")
        self.over((e.binder,), lambda: self.writer.line(f"{name} = 1 + {self.names[e.binder.name]}"))
        return name

    return first


def _never_leaves(original: Callable[..., None]) -> Callable[..., None]:
    def leave_if(self: Translator, condition: str) -> None:
        number, _, end = condition.partition(" >= ")
        self.writer.line(f"if {condition}:")
        self.writer.line(f"    {number} = {end} - 1")

    return leave_if


def _goes_on_after_failing(self: Writer) -> None:
    if self.loops:
        self.leaves = True
    self.line("leaves = True" if self.loops else "continue")


def _hoists_over_empty(s: ir.Statement) -> bool:
    return False


def _reads_the_old_state(original: Callable[..., Any]) -> Callable[..., Any]:
    def copy(self: Any) -> None:
        now = self.now
        original(self)
        self.now = now

    return copy


def _text_with(old: str, new: str) -> Callable[[Program], str]:
    """The program's text with one change in its loops."""
    original = Program._text

    def text(self: Program) -> str:
        return original(self).replace(old, new)

    return text


def _difference_is_union(self: Translator, e: ir.SetOperation) -> str:
    return f"({self.value(e.left)} {'|' if e.operator == '-' else e.operator} {self.value(e.right)})"


_MUTANTS: dict[str, tuple[object, str, Any]] = {
    "x + 1 is x": (Translator, "_Neighbour", _neighbour_stays),
    "x + 1 leaves no scope": (Translator, "_Neighbour", _neighbour_past_the_end),
    "append forgets": (Translator, "_Append", _append_forgets),
    "windows are dropped": (Translator, "_joined", _splice_keeps_one_more(Translator._joined)),
    "and, or are eager": (Translator, "_Junction", _eager),
    "elements keep their names": (_Orbit, "_rename", _elements_stay(_Orbit._rename)),
    "a tail may hold twins": (runtime, "tail_insert", _inserts_twice),
    "any set is a quorum": (Translator, "_IsQuorum", _no_quorum),
    "half is a majority": (Translator, "_IsMajority", _half_is_a_majority(Translator._IsMajority)),
    "a large set made anew keeps what it held": (runtime, "tail_clear", _forgets_nothing),
    "a large set is made anew in place": (actions._ActionTranslator, "_store_large", _changes_while_it_looks),
    "first is last": (Translator, "_First", _last_not_first(Translator._First)),
    "nothing leaves the scope": (Translator, "leave_if", _never_leaves(Translator.leave_if)),
    "a failing loop goes on": (Writer, "leave", _goes_on_after_failing),
    "guards stand above empty sets": (actions, "_partial", _hoists_over_empty),
    "actions do not see their own writes": (actions._ActionTranslator, "_copy", _reads_the_old_state(actions._ActionTranslator._copy)),
    "difference is union": (Translator, "_SetOperation", _difference_is_union),
    "a shorter way changes nothing": (Program, "_text", _text_with("elif bounded and depth < depths[place]:", "elif False:")),
    "the stack is upside down": (Program, "_text", _text_with("for k in range(notes[ROWS] - 1, -1, -1):", "for k in range(notes[ROWS]):")),
    "walks take steps that change nothing": (Program, "_text", _text_with("if same_rows(row, 0,", "if False and same_rows(row, 0,")),
    "the first depth of a witness stays": (Program, "_text", _text_with("reached[i] <= depth", "reached[i] < 1 << 62")),
    "a walk's bad step goes on": (Program, "_text", _text_with("notes[STEP_PROPERTY] = bad\n            return\n", "notes[STEP_PROPERTY] = bad\n")),
    "messages are sent whenever": (Program, "_text", _text_with("            if EAGER:\n", "            if False:\n")),
    "any step sends": (Layout, "cover", lambda *_: {}),
    "one fingerprint hides another": (Program, "_text", _text_with("recent[spot] == mark or", "recent[spot] != np.uint64(0) or")),
}

NAMES = tuple(_MUTANTS)
LOOSE = ("a failing loop goes on", "guards stand above empty sets")
"""Those that show only where an expression may be undefined."""


@contextmanager
def applied(name: str) -> Iterator[None]:
    """The engine with one mutation."""
    owner, attribute, value = _MUTANTS[name]
    with mock.patch.object(owner, attribute, value):
        yield
