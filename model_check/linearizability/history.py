"""A history: what clients asked of a replicated object, when, and what they were told."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal, TypeAlias

from spec.language import IonianError

Value: TypeAlias = "str | int | None"
Outcome: TypeAlias = Literal["ok", "fail", "unknown"]


class HistoryError(IonianError):
    """A file that is no history of its format: `file:line: what was found; what is expected`."""

    def __init__(self, message: str, file: str, line: int = 0) -> None:
        self.message, self.file, self.line = message, file, line
        super().__init__(f"{file}:{line}: {message}" if line else f"{file}: {message}")


@dataclass(frozen=True, slots=True)
class Operation:
    """One operation of one client.

    `invoked` and `returned` are readings of one clock, or any numbers that order the events alike; equal readings count
    as concurrent. `returned` is None where the client never learnt the outcome. The lines are those of the file, from 1.

    Outcomes: `ok` took effect between its two events and returned `result`; `fail` did not happen and never will;
    `unknown` may take effect at any time after its invocation, or never.
    """

    client: str
    function: str
    key: str | None
    arguments: tuple[Value, ...]
    outcome: Outcome
    result: Value
    invoked: float
    returned: float | None
    line: int
    returned_line: int | None = None

    def __str__(self) -> str:
        called = f"{self.function}({', '.join(shown(v) for v in self.arguments)})"
        if self.outcome == "ok" and self.arguments and self.result is None:
            return called
        return f"{called} -> {shown(self.result) if self.outcome == 'ok' else self.outcome}"

    @property
    def place(self) -> str:
        """Who, and where in the file."""
        lines = f"line {self.line}" if self.returned_line in (None, self.line) else f"lines {self.line} and {self.returned_line}"
        return f"client {self.client}, {lines}"


@dataclass(frozen=True)
class History:
    """The operations of one file, in the order of their invocations there; failed ones included."""

    file: str
    operations: Sequence[Operation]


def shown(value: Value, longest: int = 60) -> str:
    """A value as JSON in printable ASCII; the middle of a long one is left out."""
    text = json.dumps(value)
    half = longest // 2
    return text if len(text) <= longest else f"{text[:half]}...{text[-half:]}"
