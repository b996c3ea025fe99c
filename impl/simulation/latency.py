"""How long things take: distributions of times, in whole microseconds of virtual time."""

from __future__ import annotations

from dataclasses import dataclass
from math import log1p
from random import Random
from typing import Protocol

MILLISECOND = 1_000
SECOND = 1_000_000
"""Virtual time is counted in whole microseconds, so that sums of it are exact."""


class Latency(Protocol):
    """A distribution of times."""

    def draw(self, random: Random) -> int:
        """A time in microseconds, 0 or more."""


@dataclass(frozen=True)
class Constant:
    """Always the same time."""

    time: int

    def draw(self, random: Random) -> int:
        """The time; nothing is drawn."""
        return self.time


@dataclass(frozen=True)
class Uniform:
    """All times from `low` to `high` alike."""

    low: int
    high: int

    def draw(self, random: Random) -> int:
        """A time of the range, both ends included."""
        return self.low + int(random.random() * (self.high - self.low + 1))


@dataclass(frozen=True)
class Exponential:
    """At least `low`, and an exponentially distributed time more, `mean` on average: most are short, a few are long."""

    low: int
    mean: int

    def draw(self, random: Random) -> int:
        """The sum, rounded down."""
        return self.low + int(-self.mean * log1p(-random.random()))
