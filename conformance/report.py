"""What a person reads of a departure: what happened, what the spec has for it, and how to see it again."""

from __future__ import annotations

import traceback
from collections.abc import Sequence

from rich.console import Console

from conformance.departure import Departure
from conformance.outcome import Failure
from model_check.report import number, put
from model_check.validation.refusal import Refusal

_SHOWN = 8


def print_failure(out: Console, failure: Failure, again: Sequence[str]) -> None:
    """A failing run.

    Args:
        out: where to print.
        failure: the run.
        again: command lines that lead there.
    """
    error = failure.error
    if isinstance(error, Departure):
        _print_departure(out, error)
    else:
        put(out, f"The implementation itself fails: {type(error).__name__}: {error}", 0, style="bold")
        for line in traceback.format_tb(error.__traceback__)[-1:]:
            put(out, line.strip().replace("\n", " "), 2)
    out.print()
    length = len(failure.play.moves)
    short = f", shrunk from {number(failure.length)}" if length < failure.length else ""
    put(out, f"To see it again ({number(length)} events{short}):", 0, style="bold")
    for line in again:
        put(out, line, 2)
    put(out, "or paste into Python:", 0)
    for line in failure.play.as_code().splitlines():
        out.print(f"  {line}", soft_wrap=True)


def _print_departure(out: Console, d: Departure) -> None:
    put(out, f"Event {d.number}: {d.event}", 0, style="bold")
    put(out, d.remark or "No step of the spec explains it.", 2)
    _section(out, "Since its last Ready, the host has seen", d.since)
    _section(out, "The state of the spec before, and what the implementation has after", d.changes)
    _section(out, "Steps of the spec that come nearest", d.steps)
    _section(out, "With them, this still differs" if d.steps else "This differs", [str(x) for x in d.differences])
    wanted = {str(r.step) for r in d.refusals}
    _section(out, "The spec refuses", [line for r in d.refusals for line in _refusal(r)])
    refused = [n.refusal for n in d.near if n.refusal is not None and str(n.refusal.step) not in wanted]
    _section(out, "Other steps that change what differs are refused too", [line for r in refused for line in _refusal(r)])
    enabled = [f"{n.step} changes {', '.join(n.changes)}" for n in d.near if n.refusal is None and n.step not in d.steps]
    _section(out, "Enabled, but leading elsewhere", enabled)


def _section(out: Console, head: str, lines: Sequence[str]) -> None:
    if not lines:
        return
    out.print()
    put(out, head, 0)
    for line in lines[:_SHOWN]:
        put(out, line, 3)
    if len(lines) > _SHOWN:
        put(out, f"... and {len(lines) - _SHOWN} more", 3)


def _refusal(r: Refusal) -> list[str]:
    rule = f"   (rule: {r.rule})" if r.rule else ""
    given = f" where {' and '.join(r.given)}" if r.given else ""
    values = f" with {', '.join(f'{name} = {value}' for name, value in r.values)}" if r.values else ""
    return [f"{r.step}: `{r.conjunct}`{given} is false{values}{rule}  [{r.place}]"]
