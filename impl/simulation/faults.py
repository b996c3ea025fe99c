"""What goes wrong in a run, and when: small values, written by hand for a scenario or drawn from a seed (`impl.simulation.nemesis`).

Times are in microseconds of virtual time. Faults may overlap; hosts, links, clocks and disks are as they were when all have ended.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol

from impl.simulation.network import Link, Way


class Stage(Protocol):
    """What a fault can do to a run; where there is nothing to do, as for a host that is down already, nothing happens."""

    def crash(self, host: int) -> None:
        """The host crashes."""

    def crash_while_writing(self, host: int, surviving: int) -> None:
        """The host crashes as soon as it writes; of that write the first so many pieces survive."""

    def restart(self, host: int) -> None:
        """The host comes up."""

    def transfer(self, target: int) -> None:
        """Whoever leads hands over to the target, where the protocol has that."""

    def compact(self, host: int) -> None:
        """The host replaces its log by a snapshot, where the protocol has that."""


@dataclass(frozen=True)
class Fault:
    """Something that goes wrong, or that an operator does."""

    at: int

    def begin(self, stage: Stage) -> None:
        """What happens then, besides the conditions that a lasting fault changes."""


@dataclass(frozen=True)
class LastingFault(Fault):
    """A fault that ends; it says how much worse the conditions are meanwhile."""

    until: int

    def end(self, stage: Stage) -> None:
        """What happens at its end."""

    def link(self, way: Way, link: Link) -> Link:
        """What becomes of a link."""
        return link

    def slower_clock(self, host: int) -> float:
        """How many times as long it is between two ticks of a host."""
        return 1.0

    def slower_disk(self, host: int) -> float:
        """How many times as long a write of a host takes."""
        return 1.0


@dataclass(frozen=True)
class Crash(LastingFault):
    """Hosts crash, and come up again with what is on their disks.

    Where `surviving` is given, the crash waits for a host's next write and tears it: of its pieces (a hard state, an entry, a vote, ...)
    the first so many are on the disk. Otherwise all that is not synced is lost.
    """

    hosts: tuple[int, ...]
    surviving: int | None = None

    def begin(self, stage: Stage) -> None:
        """Down, now or with the next write."""
        for host in self.hosts:
            if self.surviving is None:
                stage.crash(host)
            else:
                stage.crash_while_writing(host, self.surviving)

    def end(self, stage: Stage) -> None:
        """Up."""
        for host in self.hosts:
            stage.restart(host)


@dataclass(frozen=True)
class Partition(LastingFault):
    """The hosts of one side and all others do not reach each other."""

    side: tuple[int, ...]

    def link(self, way: Way, link: Link) -> Link:
        """Cut across the partition, both ways."""
        return CUT if (way[0] in self.side) != (way[1] in self.side) else link


@dataclass(frozen=True)
class OneWay(LastingFault):
    """What these hosts send to the others is lost; what the others send arrives."""

    side: tuple[int, ...]

    def link(self, way: Way, link: Link) -> Link:
        """Cut from the side outward."""
        return CUT if way[0] in self.side and way[1] not in self.side else link


@dataclass(frozen=True)
class Unreliable(LastingFault):
    """Links between hosts lose, duplicate and reorder messages, beyond what they do anyway."""

    loss: float = 0.0
    duplication: float = 0.0
    reordering: float = 0.0

    def link(self, way: Way, link: Link) -> Link:
        """Worse between any two hosts."""
        return link if way[0] == way[1] else link.worse(self.loss, self.duplication, self.reordering)


@dataclass(frozen=True)
class SlowDisk(LastingFault):
    """A host's writes take so many times as long."""

    host: int
    factor: float

    def slower_disk(self, host: int) -> float:
        """The one disk."""
        return self.factor if host == self.host else 1.0


@dataclass(frozen=True)
class Drift(LastingFault):
    """A host's clock is slow, or fast where the factor is below 1: so many times as long is between two of its ticks."""

    host: int
    factor: float

    def slower_clock(self, host: int) -> float:
        """The one clock."""
        return self.factor if host == self.host else 1.0


@dataclass(frozen=True)
class Transfer(Fault):
    """An operator has leadership handed over to a host."""

    target: int

    def begin(self, stage: Stage) -> None:
        """Ask whoever leads."""
        stage.transfer(self.target)


@dataclass(frozen=True)
class Compact(Fault):
    """An operator has a host replace its log by a snapshot."""

    host: int

    def begin(self, stage: Stage) -> None:
        """Ask the host."""
        stage.compact(self.host)


CUT = Link(cut=True)
