"""What a person reads of a departure: what happened, what the spec has for it, and how to see it again."""

from __future__ import annotations

import io
import re
import traceback
from collections.abc import Sequence

from rich.console import Console

from conformance.cluster import Stuck, as_call
from conformance.departure import Departure
from conformance.outcome import Failure
from impl import paxos, raft
from model_check.explain import shown_place
from model_check.report import counted, number, put
from model_check.validation.refusal import Refusal

_SHOWN = 8
_FRAMES = 3


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
        _section(out, "In the spec's words", ["; ".join(_words(error))] if error.words else [])
    else:
        _print_error(out, failure, error)
    out.print()
    length = len(failure.play.moves)
    short = f", shrunk from {number(failure.length)}" if length < failure.length else ""
    put(out, f"To see it again ({counted(length, 'event')}{short}):", 0, style="bold")
    for line in again:
        put(out, line, 2)
    put(out, "or paste into Python:" if again else "paste into Python:", 0)
    for line in failure.play.as_code().splitlines():
        out.print(f"  {line}".rstrip(), soft_wrap=True)


def _print_error(out: Console, failure: Failure, error: Exception) -> None:
    """What the implementation raised, in which event, and by which way."""
    if isinstance(error, Stuck):
        put(out, f"Stuck: {error}.", 0, style="bold")
        put(out, "No step that the spec refuses was taken: whatever should happen does not.", 2)
        return
    refused = isinstance(error, (paxos.MessageError, raft.MessageError))
    head = "A node refuses another node's message as none that a correct node sends" if refused else "The implementation itself fails"
    put(out, f"{head}: {type(error).__name__}: {error}", 0, style="bold")
    moves = failure.play.moves
    if moves:
        put(out, f"in the last event of the run below, {as_call(moves[-1])}", 2)
    for frame in traceback.extract_tb(error.__traceback__)[-_FRAMES:] if not refused else ():
        put(out, f"{shown_place(frame.filename, frame.lineno or 0)}, in {frame.name}: {frame.line}", 2)


def _print_departure(out: Console, d: Departure) -> None:
    put(out, f"Event {d.number}: {d.event}", 0, style="bold")
    put(out, d.remark or "No step of the spec explains it.", 2)
    _section(out, "Since its last Ready, the host has seen", d.since)
    _section(out, "The state of the spec before, and what the implementation has after", d.changes)
    _section(out, "Steps of the spec that come nearest", d.steps)
    _section(out, "With them, this still differs" if d.steps else "This differs", list(dict.fromkeys(map(str, d.differences))))
    _section(out, "There the spec decides otherwise", [_conjunct(r) for r in d.denials])
    _section(out, "The spec refuses", [_refusal(r) for r in d.refusals])
    _section(out, "What else changes that, the spec refuses", [_refusal(n.refusal) for n in d.near if n.refusal is not None])
    enabled = [f"{n.step}, which changes {', '.join(n.changes)}" for n in d.near if n.refusal is None]
    _section(out, "The spec has this for it", enabled)


def _words(d: Departure) -> list[str]:
    """What the words that were printed stand for."""
    file = io.StringIO()
    _print_departure(Console(file=file, width=10_000), d)
    said = set(re.findall(r"\bballot=\d+|\b[a-z]\d+\b", file.getvalue())) | {f"ballot={b}" for b in re.findall(r"\bb=(\d+)", file.getvalue())}
    return [f"{word} is {meaning}" for word, meaning in d.words.items() if word in said]


def _section(out: Console, head: str, lines: Sequence[str]) -> None:
    if not lines:
        return
    out.print()
    put(out, head, 0)
    for line in lines[:_SHOWN]:
        put(out, line, 3)
    if len(lines) > _SHOWN:
        put(out, f"... and {len(lines) - _SHOWN} more", 3)


def _refusal(r: Refusal) -> str:
    return f"{r.step}: {_conjunct(r)}"


def _conjunct(r: Refusal) -> str:
    rule = f"   (rule: {r.rule})" if r.rule else ""
    given = f" where {' and '.join(r.given)}" if r.given else ""
    values = f" with {', '.join(f'{name} = {value}' for name, value in r.values)}" if r.values else ""
    return f"`{r.conjunct}`{given} is false{values}{rule}  [{r.place}]"
