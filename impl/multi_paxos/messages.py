"""What nodes say to each other. Messages are values: nobody changes one that was sent, nor its lists.

A ballot holds for all slots at once. Prepare and Promise are exchanged once for a leader, Accept and Accepted once for each run
of slots.
"""

from __future__ import annotations

from dataclasses import dataclass

from impl.multi_paxos.log import Vote
from impl.paxos import checks
from impl.paxos.ballot import Ballot
from impl.paxos.checks import LIMIT
from impl.paxos.errors import MessageError


@dataclass(slots=True)
class Prepare:
    """Phase 1a for all slots from `first_slot` on."""

    ballot: Ballot
    sender: int
    receiver: int
    first_slot: int


@dataclass(slots=True)
class Promise:
    """Phase 1b: the acceptor's highest vote in each slot from `first_slot` on in which it has voted."""

    ballot: Ballot
    sender: int
    receiver: int
    first_slot: int
    votes: list[Vote]


@dataclass(slots=True)
class Accept:
    """Phase 2a for consecutive slots, one command each; all up to `commit_index` is chosen."""

    ballot: Ballot
    sender: int
    receiver: int
    first_slot: int
    commands: list[bytes]
    commit_index: int


@dataclass(slots=True)
class Accepted:
    """Phase 2b for these slots; the acceptor knows that all up to `commit_index` is chosen."""

    ballot: Ballot
    sender: int
    receiver: int
    first_slot: int
    last_slot: int
    commit_index: int


@dataclass(slots=True)
class Nack:
    """An acceptor refuses `ballot`, because it has promised a higher one."""

    ballot: Ballot
    sender: int
    receiver: int
    promised: Ballot


@dataclass(slots=True)
class Commit:
    """A leader tells up to where all is chosen; without news, its sign of life."""

    ballot: Ballot
    sender: int
    receiver: int
    commit_index: int


@dataclass(slots=True)
class Behind:
    """A follower lacks votes in the leader's ballot after `commit_index`, its own, that the leader says are chosen."""

    ballot: Ballot
    sender: int
    receiver: int
    commit_index: int


@dataclass(slots=True)
class Propose:
    """A follower passes its clients' commands on to the leader of a ballot."""

    ballot: Ballot
    sender: int
    receiver: int
    commands: list[bytes]


@dataclass(slots=True)
class WhatWasVoted:
    """A node's client reads: up to which slot has the receiver voted? `context` names the read."""

    sender: int
    receiver: int
    context: bytes


@dataclass(slots=True)
class VotedUpTo:
    """The last slot that the sender has voted in, of any ballot; 0 where there is none."""

    sender: int
    receiver: int
    context: bytes
    last_slot: int


Message = Prepare | Promise | Accept | Accepted | Nack | Commit | Behind | Propose | WhatWasVoted | VotedUpTo


def check(message: Message) -> None:
    """Accept a well-formed message; MessageError names the field of any other."""
    if _is_plain(message):
        return
    checks.check(message, _RULES)
    fault = _consistency(message)
    if fault is not None:
        raise MessageError(type(message).__name__, *fault)


def _is_plain(m: Message) -> bool:
    """Whether one of the commonest messages is well-formed: what the rules say, at a fraction of their cost."""
    if not isinstance(m, (Accept, Accepted, Commit)):
        return False
    ballot, commit = m.ballot, m.commit_index
    if type(ballot) is not Ballot:
        return False
    round_, proposer = ballot
    if not type(m.sender) is type(m.receiver) is type(round_) is type(proposer) is type(commit) is int:
        return False
    if not (0 < round_ < LIMIT and 0 <= proposer < LIMIT and 0 <= m.sender < LIMIT and 0 <= m.receiver < LIMIT and 0 <= commit < LIMIT):
        return False
    if isinstance(m, Accepted):
        first, last = m.first_slot, m.last_slot
        return proposer == m.receiver and type(first) is type(last) is int and 0 < first <= last < LIMIT
    if proposer != m.sender:
        return False
    return isinstance(m, Commit) or (type(m.first_slot) is int and 0 < m.first_slot < LIMIT and not _commands_or_noops(m.commands))


def _consistency(m: Message) -> tuple[str, str] | None:
    """The field that contradicts another, and how."""
    if isinstance(m, (WhatWasVoted, VotedUpTo)):
        return None
    if isinstance(m, (Prepare, Accept, Commit)):
        if m.ballot.proposer != m.sender:
            return "ballot", f"belongs to node {m.ballot.proposer}, not to the sender, node {m.sender}"
    elif m.ballot.proposer != m.receiver:
        return "ballot", f"belongs to node {m.ballot.proposer}, not to the receiver, node {m.receiver}"
    if isinstance(m, Accepted) and m.last_slot < m.first_slot:
        return "last_slot", f"{m.last_slot} is before first_slot, {m.first_slot}"
    if isinstance(m, Nack) and m.promised <= m.ballot:
        return "promised", f"{m.promised} is not above the {m.ballot} that is refused"
    if isinstance(m, Promise):
        slot = m.first_slot - 1
        for vote in m.votes:
            if vote.slot <= slot or vote.ballot >= m.ballot:
                return "votes", f"slots must rise from {m.first_slot} on, and ballots stay below {m.ballot}; found {vote.slot} after {slot}, {vote.ballot}"
            slot = vote.slot
    return None


def commands_fault(value: object) -> str:
    """What is wrong with a list of clients' commands."""
    if type(value) is not list or not value:
        return f"{checks.shown(value)} is not a list with at least one command"
    return "" if {*map(type, value)} == {bytes} and all(value) else "a command is not bytes, or is empty"


def _commands_or_noops(value: object) -> str:
    if type(value) is not list or not value:
        return f"{checks.shown(value)} is not a list with at least one command"
    return "" if {*map(type, value)} == {bytes} else "a command is not bytes"


def _votes(value: object) -> str:
    if type(value) is not list:
        return f"{checks.shown(value)} is not a list of votes"
    for vote in value:
        if type(vote) is not Vote:
            return f"{checks.shown(vote)} is not a Vote"
        if fault := checks.positive(vote.slot) or checks.ballot(vote.ballot) or checks.value_of_proposal(vote.command):
            return fault
    return ""


_KINDS = (Prepare, Promise, Accept, Accepted, Nack, Commit, Behind, Propose, WhatWasVoted, VotedUpTo)
_BY_TYPE = {"Ballot": checks.ballot, "int": checks.natural, "bytes": checks.value_of_proposal, "list[Vote]": _votes, "list[bytes]": _commands_or_noops}
_RULES = checks.rules(_KINDS, _BY_TYPE)
_RULES[Propose] = [(name, commands_fault if name == "commands" else rule) for name, rule in _RULES[Propose]]
for _rules in _RULES.values():
    _rules[:] = [(name, checks.positive if name.endswith("_slot") else rule) for name, rule in _rules]
_RULES[VotedUpTo] = checks.rules((VotedUpTo,), _BY_TYPE)[VotedUpTo]  # a log may be empty
