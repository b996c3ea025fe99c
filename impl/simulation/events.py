"""What happens at the hosts of a cluster, as records: a run is a sequence of them.

An observer is called with the record of each event right after it happened; a call that its host refused is no event.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, TypeAlias


@dataclass(slots=True)
class Tick:
    """A unit of the host's own time has passed."""

    host: int


@dataclass(slots=True)
class Deliver:
    """A message has arrived, for the first time or again."""

    host: int
    message: Any


@dataclass(slots=True)
class Propose:
    """The host has taken a client's command, or passed it on."""

    host: int
    command: bytes


@dataclass(slots=True)
class Read:
    """The host has taken a client's read."""

    host: int
    context: bytes


@dataclass(slots=True)
class Transfer:
    """The host begins to hand leadership over."""

    host: int
    target: int


@dataclass(slots=True)
class ReportSnapshot:
    """The host was told how the transfer of a snapshot ended."""

    host: int
    follower: int
    delivered: bool


@dataclass(slots=True)
class Compact:
    """The host has replaced its log up to an index by a snapshot."""

    host: int
    index: int


@dataclass(slots=True)
class BeginWrite:
    """The host has queued its writes; what need not wait for them has left."""

    host: int
    messages: list[Any]


@dataclass(slots=True)
class FinishWrite:
    """The host's writes are on its disk; what had to wait for them has left."""

    host: int
    messages: list[Any]


@dataclass(slots=True)
class Crash:
    """The host has lost everything but its disk, on which this many of the unsynced writes survive."""

    host: int
    surviving: int


@dataclass(slots=True)
class Restart:
    """The host is up again, from its disk."""

    host: int


Event: TypeAlias = Tick | Deliver | Propose | Read | Transfer | ReportSnapshot | Compact | BeginWrite | FinishWrite | Crash | Restart

Observer: TypeAlias = Callable[[Event], None]
