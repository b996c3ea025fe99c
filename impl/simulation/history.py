"""What clients asked, when, and what they were told: the history of a run, in the format `ionian` of `ionian linearize`."""

from __future__ import annotations

import json
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any, Literal

from impl.simulation.machines import Value


@dataclass(slots=True)
class Operation:
    """One operation of a client."""

    client: int
    operation: str
    key: str
    arguments: tuple[Value, ...]
    invoked: int
    """Virtual time, in microseconds."""
    invoked_event: int
    """The number of the run's event in which it was invoked: no two events have the same, unlike times."""
    returned: int | None = None
    returned_event: int | None = None
    result: Value = None
    outcome: Literal["ok", "fail", "unknown"] = "unknown"
    """`ok`; `fail`: every host that was asked refused; `unknown`: it may take effect at any time, or never."""

    def to_json(self) -> dict[str, Any]:
        """The fields of the format; its times are the numbers of events."""
        line: dict[str, Any] = {"client": self.client, "operation": self.operation, "key": self.key, "arguments": list(self.arguments)}
        line["invoked"] = self.invoked_event
        if self.outcome == "ok":
            line |= {"returned": self.returned_event, "result": self.result}
        return line | {"outcome": self.outcome}


def to_text(operations: Iterable[Operation]) -> str:
    """A history as the text of a file: one line of JSON for each operation."""
    return "".join(json.dumps(operation.to_json()) + "\n" for operation in operations)
