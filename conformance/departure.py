"""Where an implementation and its spec part ways: the first event that no step of the spec explains."""

from __future__ import annotations

from dataclasses import dataclass, field

from model_check.validation.refusal import Refusal
from spec.language.values import show


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
        host: At which host.
        changes: The mapped state before and after, a line for each variable that changed.
        steps: The spec steps that come nearest, as far as they could be taken.
        refusals: Those that would have been needed, each with the guard that refused it.
        differences: What then still differs.
    """

    def __init__(
        self,
        number: int,
        event: str,
        host: int,
        *,
        changes: list[str],
        steps: list[str],
        refusals: list[Refusal],
        differences: list[Difference],
        remark: str = "",
    ) -> None:
        self.number, self.event, self.host = number, event, host
        self.changes, self.steps, self.refusals, self.differences, self.remark = changes, steps, refusals, differences, remark
        super().__init__(f"event {number}, {event}: no step of the spec explains it")


@dataclass
class Attempt:
    """What was tried to explain an event."""

    steps: list[str] = field(default_factory=list)
    refusals: list[Refusal] = field(default_factory=list)


def _shown(value: object) -> str:
    if isinstance(value, tuple):
        return "[" + ", ".join(map(show, value)) + "]" if value else "nothing"
    return show(value)
