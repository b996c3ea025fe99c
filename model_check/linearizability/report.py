"""What a person reads about a history: the operation that cannot be placed, what leads up to it, and the verdict."""

from __future__ import annotations

from collections.abc import Sequence

from rich.console import Console
from rich.text import Text

from model_check.linearizability.checker import Result, final_state
from model_check.linearizability.explain import Departure
from model_check.linearizability.history import Operation, shown
from model_check.linearizability.models import REFUSED, Model
from model_check.report import counted, duration, put

_STYLES = {"linearizable": "bold green", "not_linearizable": "bold red", "inconclusive": "bold yellow"}
_LAST = 5
_MOST_STATES = 3
_MOST_PENDING = 12


def print_result(out: Console, result: Result) -> None:
    """The report on one history; its last line is the verdict."""
    if result.departure is not None:
        _print_departure(out, result, result.departure)
    count = len(result.history.operations)
    figures = f"{counted(count, 'operation')}, {duration(result.seconds)}"
    verdict = result.verdict.replace("_", " ").upper()
    early = " before it was known where" if result.verdict == "not_linearizable" else ""
    reason = f": {result.stopped}{early}" if result.stopped else ""
    out.print(Text(verdict, style=_STYLES[result.verdict]) + Text(f"  {result.history.file}, {figures}{reason}", style="not bold default"), soft_wrap=True)


def _print_departure(out: Console, result: Result, departure: Departure) -> None:
    operation = departure.operation
    key = "" if operation.key is None else f", key {shown(operation.key)}"
    out.print(Text(f"Cannot be placed: {operation}", style="bold red") + Text(f"  ({operation.place}{key})", style="not bold default"), soft_wrap=True)
    put(out, "Everything up to its return has a linearization; with its return, nothing has.", 2)
    for order in departure.orders[:_MOST_STATES]:
        out.print()
        _print_dead_end(out, result, departure, order)
    if len(departure.orders) > _MOST_STATES:
        put(out, f"... and {len(departure.orders) - _MOST_STATES} or more other states in which it cannot be placed either", 2)
    out.print()


def _print_dead_end(out: Console, result: Result, departure: Departure, order: Sequence[Operation]) -> None:
    """One way to place what came before, and why nothing can follow it."""
    model, state = result.model, final_state(order, result.model)
    title = f"After {counted(len(order), 'operation')} the value is {shown(state)}; the last of them:"
    put(out, title if order else f"At first the value is {shown(state)}", 2)
    for operation in order[-_LAST:]:
        put(out, f"{operation}  ({operation.place})", 4)
    put(out, f"{departure.operation}: {model.refusal(state, departure.operation)}", 2, style="bold")
    pending = _pending(result, departure, order)
    for operation in pending[:_MOST_PENDING]:
        reason = model.refusal(state, operation) if model.apply(state, operation) is REFUSED else "it would not help"
        put(out, f"pending: {operation}  ({operation.place}): {reason}", 4, style="dim")
    if len(pending) > _MOST_PENDING:
        put(out, f"... and {len(pending) - _MOST_PENDING} more pending", 4, style="dim")


def _pending(result: Result, departure: Departure, order: Sequence[Operation]) -> list[Operation]:
    """The other operations that might have come next: invoked by then, not placed."""
    # What is pending stands in an order as unknown: it is another object, of the same client and line.
    placed, model, last = {(o.client, o.line) for o in order}, result.model, departure.operation
    return [o for o in result.history.operations if (o.client, o.line) not in placed and o is not last and o.key == last.key and _is_pending(o, last, model)]


def _is_pending(operation: Operation, last: Operation, model: Model) -> bool:
    happens = operation.outcome == "ok" or (operation.outcome == "unknown" and operation.function != model.read)
    return happens and last.returned is not None and operation.invoked <= last.returned
