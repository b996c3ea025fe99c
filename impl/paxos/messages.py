"""What proposers, acceptors and learners say to each other. Messages are values: nobody changes one that was sent."""

from __future__ import annotations

from dataclasses import dataclass

from impl.paxos import checks
from impl.paxos.ballot import Ballot, Proposal
from impl.paxos.errors import MessageError


@dataclass(frozen=True, slots=True)
class Prepare:
    """Phase 1a: a proposer asks for promises in its ballot."""

    ballot: Ballot
    sender: int
    receiver: int


@dataclass(frozen=True, slots=True)
class Promise:
    """Phase 1b: an acceptor promises to ignore lower ballots and reports its highest vote."""

    ballot: Ballot
    sender: int
    receiver: int
    highest_vote: Proposal | None


@dataclass(frozen=True, slots=True)
class Accept:
    """Phase 2a: a proposer proposes the one value of its ballot."""

    ballot: Ballot
    sender: int
    receiver: int
    value: bytes


@dataclass(frozen=True, slots=True)
class Accepted:
    """Phase 2b: an acceptor has voted for the proposal of a ballot."""

    ballot: Ballot
    sender: int
    receiver: int
    value: bytes


@dataclass(frozen=True, slots=True)
class Nack:
    """An acceptor refuses `ballot`, because it has promised a higher one; without it, the proposer would only wait."""

    ballot: Ballot
    sender: int
    receiver: int
    promised: Ballot


Message = Prepare | Promise | Accept | Accepted | Nack

_BY_TYPE = {**checks.BY_TYPE, "int": checks.natural}
_RULES = checks.rules((Prepare, Promise, Accept, Accepted, Nack), _BY_TYPE)


def check(message: Message, takes: tuple[type, ...], receiver: int) -> None:
    """Accept a well-formed message of a kind that `receiver` takes; MessageError names the field of any other."""
    checks.check(message, {kind: _RULES[kind] for kind in takes})
    name = type(message).__name__
    if message.receiver != receiver:
        raise MessageError(name, "receiver", f"is {message.receiver}, but this is node {receiver}")
    proposer = message.sender if isinstance(message, (Prepare, Accept)) else message.ballot.proposer
    if message.ballot.proposer != proposer:
        raise MessageError(name, "ballot", f"belongs to node {message.ballot.proposer}, not to the sender, node {proposer}")
    if isinstance(message, Promise) and message.highest_vote is not None and message.highest_vote.ballot >= message.ballot:
        raise MessageError(name, "highest_vote", f"its {message.highest_vote.ballot} is not below the {message.ballot} that is promised")
    if isinstance(message, Nack) and message.promised <= message.ballot:
        raise MessageError(name, "promised", f"{message.promised} is not above the {message.ballot} that is refused")
