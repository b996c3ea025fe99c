"""What came of holding an implementation against its spec."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Protocol

from conformance.departure import Departure


class Play(Protocol):
    """A failing run as a value."""

    moves: list[tuple[Any, ...]]

    def again(self) -> object:
        """Let it happen; what fails is raised."""

    def as_code(self) -> str:
        """Python that does the same, to be pasted."""


@dataclass(frozen=True)
class Failure:
    """A run that fails.

    Attributes:
        error: A Departure, or what the implementation itself raised.
        play: The run, up to the failure.
        length: Of the run in which the failure was found, in events.
    """

    error: Exception
    play: Play
    length: int

    @property
    def departs(self) -> bool:
        """Whether the spec refuses it (or else the implementation broke down)."""
        return isinstance(self.error, Departure)


@dataclass(frozen=True)
class Outcome:
    """One run: how many events of the implementation, how many steps of the spec, and the failure if there is one."""

    events: int
    steps: int
    failure: Failure | None = None
