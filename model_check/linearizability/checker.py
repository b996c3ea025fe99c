"""Is a history linearizable? Key by key, within a time limit; a linearization that was found is checked once more, without the search."""

from __future__ import annotations

import math
import time
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

from model_check.linearizability.explain import Departure, explain
from model_check.linearizability.history import History, Operation, Value
from model_check.linearizability.models import REFUSED, Model
from model_check.linearizability.search import Search, Stuck, Timeout
from spec.language import IonianError

Verdict = Literal["linearizable", "not_linearizable", "inconclusive"]


class CheckerError(IonianError):
    """The search has found what is no linearization: a defect of the checker."""


@dataclass(frozen=True)
class Result:
    """The verdict on a history; `seconds` are those of the search.

    `departure` is where a history that is not linearizable ceases to be, on the first such key; `stopped` says why the
    verdict is inconclusive, or the departure unknown.
    """

    history: History
    model: Model
    verdict: Verdict
    seconds: float
    departure: Departure | None = None
    stopped: str = ""

    def to_json(self) -> dict[str, str | int | float]:
        """What `--json` writes of it."""
        return {"file": self.history.file, "verdict": self.verdict, "operations": len(self.history.operations), "seconds": round(self.seconds, 6)}


def check_history(history: History, model: Model, timeout: float | None = None) -> Result:
    """Judge a history; inconclusive after `timeout` seconds and on KeyboardInterrupt.

    Keys with few operations come first, so that a violation in one of them is found before the time is spent on others.
    """
    started = time.monotonic()
    deadline = math.inf if timeout is None else started + timeout
    verdict: Verdict = "inconclusive"
    departure, stopped = None, ""
    try:
        for operations in sorted(_by_key(history.operations).values(), key=len):
            found = Search(operations, model).run(deadline)
            if isinstance(found, Stuck):
                verdict = "not_linearizable"
                departure = explain(operations, model, found, deadline)
                break
            confirm(found, operations, model)
        else:
            verdict = "linearizable"
    except Timeout:
        stopped = f"the time limit of {timeout:g} s has passed"
    except KeyboardInterrupt:
        stopped = "interrupted"
    return Result(history, model, verdict, time.monotonic() - started, departure, stopped)


def _by_key(operations: Sequence[Operation]) -> dict[str | None, list[Operation]]:
    parts: dict[str | None, list[Operation]] = {}
    for operation in operations:
        parts.setdefault(operation.key, []).append(operation)
    return parts


def final_state(order: Sequence[Operation], model: Model) -> Value:
    """The value after operations in an order; CheckerError where the model refuses one of them."""
    state = model.initial
    for operation in order:
        after = model.apply(state, operation)
        if after is REFUSED:
            raise CheckerError(f"the checker placed {operation} ({operation.place}) where {model.refusal(state, operation)}; please report this history")
        state = after
    return state


def confirm(order: Sequence[Operation], operations: Sequence[Operation], model: Model) -> None:
    """Check that an order is a linearization, by the definition; CheckerError where it is not."""
    final_state(order, model)
    placed = {id(operation) for operation in order}
    left_out = [o for o in operations if o.outcome == "ok" and id(o) not in placed]
    latest = -math.inf
    for operation in order:
        latest = max(latest, operation.invoked)
        if operation.outcome == "ok" and operation.returned is not None and operation.returned < latest:
            left_out.append(operation)
    if left_out or len(placed) < len(order) or any(o.outcome == "fail" for o in order):
        raise CheckerError("the checker found an order that leaves out, repeats or misplaces an operation; please report this history")
