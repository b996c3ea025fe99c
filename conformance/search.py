"""A bounded search for steps of the spec, where hints do not lead to what an implementation did."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from itertools import islice, product
from typing import Any, TypeAlias

from conformance import footprint
from model_check.validation.run import Run
from spec.language import ir

DEPTH = 3
BUDGET = 4_000
"""Steps tried in one search."""
_TRIED = 64
"""Choices of arguments tried for one action."""

Candidates: TypeAlias = Mapping[type, Sequence[Any]]
"""Arguments to try, by their class."""


def choices(act: ir.Action, candidates: Candidates, server: Any) -> Iterator[tuple[Any, ...]]:
    """Arguments of an action that a given server takes."""
    own = footprint.server(act)
    domains = [(server,) if binder.name == own else candidates.get(_class(binder), ()) for binder in act.parameters]
    yield from islice(product(*domains), _TRIED)


def _class(binder: ir.Binder) -> type:
    """By which class its candidates are found; quorums are sets."""
    found: type = getattr(binder.type, "cls", frozenset)
    return found


def search(run: Run, there: Callable[[], bool], candidates: Candidates, server: Any, without: Collection[str] = ()) -> bool:
    """Take as few steps of one server as lead to a goal; False, and none taken, where none of the sequences tried does.

    Args:
        run: where to start.
        there: whether the run's state is the one wanted.
        candidates: the arguments to try.
        server: the server.
        without: actions not to try.
    """
    actions = [act for act in run.protocol.ir.actions if act.name not in without]
    steps = [(act.name, arguments) for act in actions for arguments in choices(act, candidates, server)]
    left = BUDGET

    def deepen(depth: int) -> bool:
        nonlocal left
        if there():
            return True
        if depth == 0:
            return False
        for action, arguments in steps:
            left -= 1
            if left < 0:
                return False
            mark = run.mark()
            if run.take(action, *arguments):
                if deepen(depth - 1):
                    return True
                run.back(mark)
        return False

    return any(deepen(depth) for depth in range(DEPTH + 1))
