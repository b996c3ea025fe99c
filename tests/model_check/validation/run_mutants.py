"""Ways to break the engine that takes given steps, one mistake each: the agreement tests must catch every one."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any
from unittest import mock

from model_check.validation import compile as compiling
from model_check.validation import journal, operations
from model_check.validation import run as running
from model_check.validation.compile import Definition
from model_check.validation.expressions import Expressions
from model_check.validation.operations import Tables
from spec.language import ir


def _lines_with(old: str, new: str) -> Callable[..., list[str]]:
    """The lines of an action with one change."""
    original = Definition.action

    def action(self: Definition, act: ir.Action) -> list[str]:
        return [line.replace(old, new) for line in original(self, act)]

    return action


def _kept_as_it_is(self: Expressions, e: ir.Expr, written: frozenset[str]) -> str:
    return self.entries(e) if isinstance(e.type, ir.MapType) or type(e.type).__name__ == "SeqType" else self.loose(e)


def _map_entry_by_entry(self: Definition, variable: str, value: ir.MapComprehension) -> None:
    with self.write.over(value.binders) as loops:
        names = ", ".join(f"l_{b.name}" for b in value.binders)
        pairs = f"((({names}), {self._held(value.value)}) {loops})"
    with self._block(f"for t_key, t_entry in {pairs}:"), self._block(f"if v_{variable}[t_key] != t_entry:"):
        self._line(f"note((v_{variable}, t_key, 0, v_{variable}[t_key]))")
        self._line(f"v_{variable}[t_key] = t_entry")


def _rules_still_refuse(self: Definition, s: ir.Require) -> None:
    with self._block(f"if not {self.write.loose(s.condition)}:"):
        self._line(self.refuse)


def _unlimited(self: Tables, cls: type) -> dict[Any, Any]:
    return operations._Table(lambda element: cls(int(element) + 1))


def _any_set(self: Tables, cls: type) -> dict[Any, Any]:
    return operations._Table(lambda members: len(members) > 0)


def _from_the_front(entries: Any, position: int) -> Any:
    return entries[~-position]


def _one_less(entries: Any, at: int, window: Any) -> Any:
    return operations_tail_of_splice(entries, at, window)[1:]


operations_tail_of_splice = operations.tail_of_splice


def _undoes_without(kind: int) -> Callable[[journal.Change], None]:
    original = journal.undo

    def undo(change: journal.Change) -> None:
        if change[2] != kind:
            original(change)

    return undo


def _bare(self: Expressions, e: ir.Expr) -> str:
    return self.loose(e)


def _last(self: Expressions, e: ir.First) -> str:
    with self.over((e.binder,)) as loops:
        return f"max(({self.value(ir.Name(type=e.binder.type, name=e.binder.name))} {loops}), default=None)"


def _eager(self: Expressions, e: ir.Junction) -> str:
    return f"{'all' if e.operator == 'and' else 'any'}([{', '.join(self.loose(x) for x in e.operands)}])"


def _keeps_half(self: running.Run, mark: int) -> None:
    """Where a guard refuses halfway, what is done so far stays."""
    if self._journal and self._journal[-1] is not running._STEP_ENDS and len(self._journal) > mark:
        del self._journal[mark:]
        return
    original_back(self, mark)


original_back = running.Run.back

_MUTANTS: dict[str, tuple[object, str, Any]] = {
    "x + 1 leaves no scope": (Tables, "next", _unlimited),
    "x - 1 is x + 1": (Tables, "previous", Tables.next),
    "any set is a quorum": (Tables, "is_quorum", _any_set),
    "position 0 holds the last entry": (operations, "at", _from_the_front),
    "sequences grow without end": (Definition, "action", _lines_with(" >= c_size_", " > c_size_")),
    "splice drops an entry": (operations, "tail_of_splice", _one_less),
    "locals change with the state": (Expressions, "kept", _kept_as_it_is),
    "a map is stored entry by entry": (Definition, "_store_map", _map_entry_by_entry),
    "removed rules still refuse": (Definition, "_Require", _rules_still_refuse),
    "guards refuse nothing": (Definition, "action", _lines_with("return False", "pass")),
    "a refused step is taken halfway": (running.Run, "back", _keeps_half),
    "stores are not undone": (running, "undo", _undoes_without(journal.STORED)),
    "members that came stay": (running, "undo", _undoes_without(journal.ADDED)),
    "members that went stay away": (running, "undo", _undoes_without(journal.REMOVED)),
    "entries stay": (running, "undo", _undoes_without(journal.APPENDED)),
    "a tail is gone for good": (running, "undo", _undoes_without(journal.REPLACED)),
    "an insertion is not noted": (Definition, "action", _lines_with(f", {journal.ADDED}, ", f", {journal.STEP}, ")),
    "positions are bare numbers": (Expressions, "value", _bare),
    "half is a majority": (Expressions, "_IsMajority", lambda self, e: f"2 * len({self.value(e.members)} & {self.value(e.of)}) >= len({self.value(e.of)})"),
    "first is last": (Expressions, "_First", _last),
    "and, or are eager": (Expressions, "_Junction", _eager),
    "none is less than all": (Expressions, "_IsNone", lambda self, e: "False"),
    "difference is union": (Expressions, "_SetOperation", lambda self, e: f"({self.loose(e.left)} | {self.loose(e.right)})"),
}

NAMES = tuple(_MUTANTS)


@contextmanager
def applied(name: str) -> Iterator[None]:
    """The engine with one mistake."""
    owner, attribute, value = _MUTANTS[name]
    compiling.compiled.cache_clear()
    with mock.patch.object(owner, attribute, value):
        yield
    compiling.compiled.cache_clear()
