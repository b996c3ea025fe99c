"""The log: an acceptor's votes, slot by slot, and how far they are known to be chosen."""

from __future__ import annotations

from typing import NamedTuple

from impl.paxos.ballot import Ballot

NOOP = b""
"""The command that changes nothing; a new leader fills gaps with it."""


class Vote(NamedTuple):
    """A vote for a command in a slot."""

    slot: int
    ballot: Ballot
    command: bytes


class Run(NamedTuple):
    """Votes in one ballot for consecutive slots."""

    ballot: Ballot
    first_slot: int
    commands: list[bytes]

    @property
    def last_slot(self) -> int:
        """The last slot."""
        return self.first_slot + len(self.commands) - 1


class Commands(NamedTuple):
    """Chosen commands of consecutive slots."""

    first_slot: int
    commands: list[bytes]


class Log:
    """The highest vote in each slot from 1 on; those up to `commit_index` are for what is chosen.

    Two columns: a vote costs the command and two references. No operation visits more slots than it is about.
    """

    __slots__ = ("_ballots", "_commands", "commit_index")

    def __init__(self) -> None:
        self._ballots: list[Ballot | None] = []
        self._commands: list[bytes] = []
        self.commit_index = 0
        """Every slot up to this one is chosen, with the command that is voted for here."""

    @property
    def last_slot(self) -> int:
        """The last slot with a vote; earlier ones may be without."""
        return len(self._ballots)

    def vote(self, run: Run) -> None:
        """Vote; what was voted for in these slots before is forgotten."""
        start = run.first_slot - 1
        if (gap := start - len(self._ballots)) > 0:
            self._ballots += [None] * gap
            self._commands += [NOOP] * gap
        end = start + len(run.commands)
        self._ballots[start:end] = [run.ballot] * len(run.commands)
        self._commands[start:end] = run.commands

    def votes_from(self, slot: int) -> list[Vote]:
        """All votes in a slot and those after it."""
        ballots = self._ballots[slot - 1 :]
        return [Vote(s, b, self._commands[s - 1]) for s, b in enumerate(ballots, slot) if b is not None]

    def commands(self, first: int, last: int) -> list[bytes]:
        """The commands voted for in some slots."""
        return self._commands[first - 1 : last]

    def commit_voted_in(self, ballot: Ballot, limit: int) -> None:
        """Learn that all up to `limit` is chosen, as far as the votes here are in the ballot whose leader says so.

        A vote in another ballot may be for another command than the one chosen.
        """
        first, ballots = self.commit_index, self._ballots
        if first >= limit or first >= len(ballots) or ballots[first] != ballot:
            return
        following = ballots[first:limit]
        same = len(following) if following.count(ballot) == len(following) else next(i for i, b in enumerate(following) if b != ballot)
        self.commit_index = first + same

    def highest_ballot(self) -> Ballot | None:
        """The highest ballot in which there is a vote; looks at all."""
        return max((b for b in self._ballots if b is not None), default=None)

    def is_whole(self, last: int) -> bool:
        """Whether there is a vote in every slot up to one; looks at all."""
        return last <= len(self._ballots) and None not in self._ballots[:last]

    def copy(self) -> Log:
        """A log of its own with the same votes."""
        other = Log()
        other._ballots, other._commands, other.commit_index = self._ballots.copy(), self._commands.copy(), self.commit_index
        return other
