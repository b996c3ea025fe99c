"""Where an implementation and its spec part ways: the first event that no step of the spec explains."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType

from conformance.nearest import Near
from model_check.validation.refusal import Refusal
from spec.language.values import show

NO_MESSAGE = "no such message"
"""What the spec has of a message that no step has made."""
NOT_SENT = "did not send it"
"""What the implementation has of a message that only the spec has made."""


@dataclass(frozen=True)
class Difference:
    """A variable, or an entry of one, that is not what the spec has after the steps that come nearest."""

    variable: str
    key: str
    spec: object
    implementation: object

    def __str__(self) -> str:
        label = f"{self.variable}[{self.key}]" if self.key else self.variable
        return f"{label}: the spec has {_shown(self.spec)}, the implementation {_shown(self.implementation)}"


class Departure(Exception):
    """The first event that no sequence of spec steps explains.

    Attributes:
        number: Which event of the run, from 1 on.
        event: What happened, as a reader would say it.
        since: What had happened at the host since its last Ready, where that may be the cause; oldest first.
        changes: The mapped state before and after, a line for each variable that changed.
        steps: The spec steps that come nearest, as far as they could be taken.
        denials: Why steps that were taken had a lesser effect.
        refusals: Those that would have been needed, each with the guard that refused it.
        differences: What then still differs.
        near: Other steps that change what differs.
        remark: What is wrong beyond the spec's variables, empty if nothing.
        words: What the spec's words stand for in the implementation.
    """

    def __init__(
        self,
        number: int,
        event: str,
        *,
        since: list[str],
        changes: list[str],
        steps: list[str],
        denials: list[Refusal],
        refusals: list[Refusal],
        differences: list[Difference],
        near: list[Near],
        remark: str = "",
        words: Mapping[str, str] = MappingProxyType({}),
    ) -> None:
        self.number, self.event, self.since, self.changes = number, event, since, changes
        self.denials, self.words = denials, words
        self.steps, self.refusals, self.differences, self.near, self.remark = steps, refusals, differences, near, remark
        super().__init__(f"event {number}, {event}: {remark or 'no step of the spec explains it'}")

    def to_json(self) -> dict[str, object]:
        """All of it, as text."""
        return {
            "number": self.number,
            "event": self.event,
            "since": self.since,
            "remark": self.remark,
            "changes": self.changes,
            "steps": self.steps,
            "denials": list(map(_refusal, self.denials)),
            "refusals": list(map(_refusal, self.refusals)),
            "differences": [str(d) for d in self.differences],
        }


def _refusal(r: Refusal) -> dict[str, object]:
    return {"step": str(r.step), "conjunct": r.conjunct, "rule": r.rule, "place": r.place, "values": dict(r.values)}


def _shown(value: object) -> str:
    if isinstance(value, str):
        return value
    if isinstance(value, tuple):
        return "[" + ", ".join(map(show, value)) + "]" if value else "nothing"
    return show(value)
