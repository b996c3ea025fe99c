"""Where does a history cease to be linearizable? The shortest prefix that is not, and states in which its last operation cannot be placed."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace

from model_check.linearizability.history import Operation
from model_check.linearizability.models import Model
from model_check.linearizability.search import OutOfSteps, Search, Stuck

_STEPS = 20_000
"""Of the search for further states."""


@dataclass(frozen=True)
class Departure:
    """Before `operation` returned, all is linearizable; with its return, nothing is.

    Each of `orders` places all operations that had returned before, and perhaps some others, which were pending then and stand
    there as unknown. There may be more of them.
    """

    operation: Operation
    orders: Sequence[Sequence[Operation]]


def explain(operations: Sequence[Operation], model: Model, stuck: Stuck, deadline: float = math.inf) -> Departure:
    """Where operations on one object, which are not linearizable, cease to be; `stuck` is what the search for a linearization found.

    Raises Timeout after the deadline.
    """
    returns = sorted(sorted((o for o in operations if o.outcome == "ok"), key=lambda o: o.invoked), key=_returned)
    # A prefix of a linearizable history is linearizable. The search looks ahead, so it may give up early, but never late.
    good, bad = stuck.returns, len(returns)
    while bad - good > 1:
        middle = (good + bad) // 2
        if isinstance(Search(_prefix(operations, returns[:middle]), model).run(deadline), Stuck):
            bad = middle
        else:
            good = middle
    try:
        last = Search(_prefix(operations, returns[:bad]), model, ahead=False).run(deadline, _STEPS)
        orders = last.orders if isinstance(last, Stuck) and last.returns == good else ()
    except OutOfSteps:
        orders = ()
    if not orders:
        before = Search(_prefix(operations, returns[:good]), model).run(deadline)
        orders = () if isinstance(before, Stuck) else (before,)
    return Departure(returns[good], orders)


def _returned(operation: Operation) -> float:
    return operation.returned if operation.returned is not None else math.inf


def _prefix(operations: Sequence[Operation], returns: Sequence[Operation]) -> list[Operation]:
    """What had been seen when the last of some operations returned: others that had been invoked are unknown."""
    if not returns:
        return []
    finished = {id(operation) for operation in returns}
    seen = (o for o in operations if o.invoked <= _returned(returns[-1]))
    return [o if id(o) in finished or o.outcome != "ok" else replace(o, outcome="unknown", returned=None, result=None) for o in seen]
