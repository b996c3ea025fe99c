"""What a person reads of a departure: what happened, what the spec has for it, and how to see it again."""

from __future__ import annotations

import io
import traceback
from collections.abc import Sequence

from rich.console import Console

from conformance.departure import Departure
from conformance.outcome import Failure
from model_check.report import number, put
from model_check.validation.refusal import Refusal

_SHOWN = 8


def text(failure: Failure, again: Sequence[str]) -> str:
    """What print_failure prints."""
    file = io.StringIO()
    print_failure(Console(file=file, width=120, highlight=False, markup=False, emoji=False), failure, again)
    return file.getvalue()


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
    put(out, "or paste into Python:" if again else "paste into Python:", 0)
    for line in failure.play.as_code().splitlines():
        out.print(f"  {line}".rstrip(), soft_wrap=True)


def _print_departure(out: Console, d: Departure) -> None:
    put(out, f"Event {d.number}: {d.event}", 0, style="bold")
    put(out, d.remark or "No step of the spec explains it.", 2)
    _section(out, "Since its last Ready, the host has seen", d.since)
    _section(out, "The state of the spec before, and what the implementation has after", d.changes)
    _section(out, "Steps of the spec that come nearest", d.steps)
    _section(out, "With them, this still differs" if d.steps else "This differs", [str(x) for x in d.differences])
    _section(out, "There the spec decides otherwise", [line for r in d.denials for line in _refusal(r)])
    _section(out, "The spec refuses", [line for r in d.refusals for line in _refusal(r)])
    _section(out, "What else changes that, the spec refuses", [line for n in d.near if n.refusal is not None for line in _refusal(n.refusal)])
    enabled = [f"{n.step}, which changes {', '.join(n.changes)}" for n in d.near if n.refusal is None]
    _section(out, "The spec has this for it", enabled)


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
