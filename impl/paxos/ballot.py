"""Ballots, and what is proposed in them."""

from __future__ import annotations

from typing import NamedTuple


class Ballot(NamedTuple):
    """A round of voting; ballots are ordered by round, then by proposer, so that no two proposers ever share one."""

    round: int
    """From 1 on."""
    proposer: int
    """The one node that may propose in this ballot."""


class Proposal(NamedTuple):
    """A ballot and the value proposed in it."""

    ballot: Ballot
    value: bytes


def next_ballot(proposer: int, *seen: Ballot | None) -> Ballot:
    """The proposer's lowest ballot whose round is above those of all ballots seen."""
    return Ballot(max((b.round for b in seen if b is not None), default=0) + 1, proposer)
