"""Linearizability by the definition: every choice of unknown operations, every order, no cleverness."""

from __future__ import annotations

import itertools
from collections.abc import Iterator, Sequence
from dataclasses import replace

from model_check.linearizability import Model, Operation
from model_check.linearizability.models import REFUSED


def is_linearizable(operations: Sequence[Operation], model: Model) -> bool:
    keys = {o.key for o in operations}
    return all(any(_explains(order, model) for order in _orders([o for o in operations if o.key == key])) for key in keys)


def _orders(operations: Sequence[Operation]) -> Iterator[tuple[Operation, ...]]:
    """All sequences with every finished operation, any of the unknown ones, in the order of real time."""
    finished = [o for o in operations if o.outcome == "ok"]
    unknown = [o for o in operations if o.outcome == "unknown"]
    for count in range(len(unknown) + 1):
        for chosen in itertools.combinations(unknown, count):
            for order in itertools.permutations([*finished, *chosen]):
                if not any(_precedes(later, earlier) for earlier, later in itertools.combinations(order, 2)):
                    yield order


def _precedes(first: Operation, second: Operation) -> bool:
    return first.outcome == "ok" and first.returned is not None and first.returned < second.invoked


def _explains(order: Sequence[Operation], model: Model) -> bool:
    state = model.initial
    for operation in order:
        after = model.apply(state, operation)
        if after is REFUSED:
            return False
        state = after
    return True


def until(operations: Sequence[Operation], last: Operation, *, included: bool) -> list[Operation]:
    """What had been seen when an operation returned: what returned later is unknown; so is the operation itself unless it is included."""
    assert last.returned is not None
    seen = [o for o in operations if o.key == last.key and o.invoked <= last.returned]
    ends = {id(o): o.returned for o in seen if o.outcome == "ok" and o.returned is not None}
    open_ones = {i for i, end in ends.items() if end > last.returned or (i == id(last) and not included)}
    return [replace(o, outcome="unknown", returned=None, result=None) if id(o) in open_ones else o for o in seen]
