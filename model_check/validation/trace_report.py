"""What a person reads about a trace: the line that no behaviour of the spec explains, the state there, and why."""

from __future__ import annotations

from pathlib import Path

from rich.console import Console
from rich.text import Text

from model_check.report import duration, number, put
from model_check.validation.trace_file import numbered_lines
from model_check.validation.verdict import Departure, Result

_STYLES = {"explained": "bold green", "refused": "bold red", "inconclusive": "bold yellow"}
_LONGEST_SHOWN = 1_000


def print_trace_result(out: Console, result: Result) -> None:
    """The report on one trace; its last line is the verdict."""
    if result.departure is not None:
        _print_departure(out, result, result.departure)
    figures = f"{number(result.explained)} of {number(result.events)} events explained, {duration(result.seconds)}"
    verdict = Text(result.verdict.upper(), style=_STYLES[result.verdict])
    out.print(verdict + Text(f"  {result.file}, {figures}", style="not bold default"), soft_wrap=True)


def _print_departure(out: Console, result: Result, at: Departure) -> None:
    certain = result.verdict == "refused" and not at.presumed
    title = "No behaviour of the spec explains" if certain else "No explanation was found within the limit for"
    out.print(Text(f"{title} line {at.line} of {result.file}", style="bold red"), soft_wrap=True)
    put(out, _line(Path(result.file), at.line), 4)
    put(out, f"the {number(result.explained)} events before it are explained", 2)
    if at.presumed:
        put(out, "ways to explain them that seem not to bear on this line were not tried in all combinations", 2)
    put(out, f"why: {at.why}", 2, style="bold")
    if at.place:
        put(out, f"refused by `{at.conjunct}` of {at.action}, {at.place}", 2)
    put(out, "the server's state there, by the spec:", 2)
    for name, value in at.state:
        put(out, f"{name}: {value}", 4)
    out.print()


def _line(path: Path, wanted: int) -> str:
    text = next((text for line, text in numbered_lines(path) if line == wanted), "")
    return text if len(text) <= _LONGEST_SHOWN else text[:_LONGEST_SHOWN] + " ..."
