"""What is said of a trace: whether the spec explains it, and if not, where it departs from it and why."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Literal, TypeAlias

from model_check.validation.run import Run

Verdict: TypeAlias = Literal["explained", "refused", "inconclusive"]


class Refused(Exception):
    """A line that is no step of the spec; the attributes are those of a Departure."""

    def __init__(self, action: str, conjunct: str, why: str, place: str = "") -> None:
        self.action, self.conjunct, self.why, self.place = action, conjunct, why, place
        super().__init__(why)


def refused_step(run: Run, action: str, arguments: tuple[Any, ...], words: str) -> Refused:
    """Why a step is not possible in the present state of a run; `words` say which step it is in the trace's terms."""
    refusal = run.refusal(action, *arguments)
    values = ", ".join(f"{name} = {value}" for name, value in refusal.values)
    why = f"{words} is not possible: `{refusal.conjunct}` does not hold" + (f" ({values})" if values else "")
    return Refused(action, refusal.conjunct, why, refusal.place)


@dataclass(frozen=True)
class Departure:
    """The first line that no behaviour of the spec explains.

    Attributes:
        line: Its number in the file, from 1.
        action: The step of the spec that comes nearest.
        conjunct: What would have to hold: a part of that step's guard, or a field of the line with its value by the spec.
        place: Where the guard stands, `file:line`; empty where a field of the line is refused.
        why: The same in words.
        state: The server's state by the spec, in the trace's words.
        presumed: Whether other ways to explain earlier lines were left untried because they seem not to bear on this one.
    """

    line: int
    action: str
    conjunct: str
    place: str
    why: str
    state: tuple[tuple[str, str], ...]
    presumed: bool = False


@dataclass(frozen=True)
class Result:
    """The judgement of one file."""

    file: str
    verdict: Verdict
    events: int
    explained: int
    departure: Departure | None
    seconds: float

    def to_json(self) -> dict[str, Any]:
        """As the command line writes it."""
        at = self.departure
        return {
            "file": self.file,
            "verdict": self.verdict,
            "events": self.events,
            "explained": self.explained,
            "line": at.line if at else None,
            "action": at.action if at else None,
            "conjunct": at.conjunct if at else None,
            "seconds": round(self.seconds, 3),
        }
