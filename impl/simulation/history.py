"""What clients asked, when, and what they were told: the history of a run, in the format `ionian` of `ionian linearize`."""

from __future__ import annotations

import json
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

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
    outcome: str = "unknown"
    """`ok`; `fail`: every host that was asked refused; `unknown`: it may take effect at any time, or never."""

    def to_json(self) -> dict[str, Any]:
        """The fields of the format; its times are the numbers of events."""
        line: dict[str, Any] = {"client": self.client, "operation": self.operation, "key": self.key, "arguments": list(self.arguments)}
        line["invoked"] = self.invoked_event
        if self.outcome == "ok":
            line |= {"returned": self.returned_event, "result": self.result}
        return line | {"outcome": self.outcome}


def write(operations: Iterable[Operation], path: Path) -> None:
    """Write a history, one line of JSON for each operation."""
    path.write_text("".join(json.dumps(operation.to_json()) + "\n" for operation in operations), encoding="utf-8")
