"""What a leader knows of a follower, and how much it sends to it."""

from __future__ import annotations

from bisect import bisect_right
from enum import Enum


class Flow(Enum):
    """How a leader sends to a follower."""

    PROBE = "probe"
    """It does not know where their logs agree: one message at a time."""
    REPLICATE = "replicate"
    """It knows, and sends on without waiting, as far as the window allows."""
    SNAPSHOT = "snapshot"
    """The follower needs what was compacted away: a snapshot is under way, and no entries."""


class Progress:
    """A follower, as its leader sees it."""

    __slots__ = ("active", "awaiting", "calling", "flow", "id", "inflight", "match_index", "next_index", "read_round", "snapshot_term", "told_commit")

    def __init__(self, follower: int, next_index: int) -> None:
        self.id = follower
        self.match_index = 0
        """The highest index known to agree, on the follower's stable storage."""
        self.next_index = next_index
        """The next index to send; in REPLICATE it runs ahead of the replies."""
        self.flow = Flow.PROBE
        self.awaiting = False
        """PROBE: a message is out, and no reply or heartbeat interval has gone by since."""
        self.inflight: list[int] = []
        """REPLICATE: the last index of each message with entries that is unanswered."""
        self.snapshot_term = 0
        """SNAPSHOT: the term of the snapshot's last entry, whose index is next_index - 1."""
        self.calling = True
        """A call is due, even without entries: a heartbeat or a round of reads."""
        self.active = True
        """It was heard from since the leader last counted (CheckQuorum)."""
        self.told_commit = 0
        """How much it knows to be committed, if all arrives."""
        self.read_round = 0
        """The latest round of reads that it has confirmed."""

    def probe(self, next_index: int) -> None:
        """Find out where the logs agree, beginning before `next_index`."""
        self.flow = Flow.PROBE
        self.next_index = next_index
        self.awaiting = False
        self.inflight.clear()
        self.told_commit = 0

    def replicate(self) -> None:
        """The logs agree up to match_index: stream."""
        self.flow = Flow.REPLICATE
        self.next_index = self.match_index + 1
        self.inflight.clear()

    def send_snapshot(self, last_index: int, last_term: int) -> None:
        """A snapshot up to `last_index` is on its way."""
        self.flow = Flow.SNAPSHOT
        self.next_index = last_index + 1
        self.snapshot_term = last_term
        self.inflight.clear()

    def acknowledge(self, index: int) -> bool:
        """Note that the logs agree up to an index; whether that is news. What was acknowledged earlier stays so."""
        news = index > self.match_index
        if news:
            self.match_index = index
        if self.flow is REPLICATE:
            inflight = self.inflight
            if inflight and inflight[0] <= index:
                del inflight[: bisect_right(inflight, index)]
            if self.next_index <= index:
                self.next_index = index + 1
        elif index >= self.match_index and (self.flow is PROBE or index + 1 >= self.next_index):
            self.replicate()
        return news


PROBE = Flow.PROBE
REPLICATE = Flow.REPLICATE
