"""Which fields of a message are well-formed; a rule answers with the fault, or with nothing."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import fields
from typing import Any

from impl.paxos.ballot import Ballot, Proposal
from impl.paxos.errors import MessageError

LIMIT = 1 << 63
"""Rounds, slots and identities are below it."""

Rule = Callable[[Any], str]


def natural(value: object) -> str:
    """An integer that fits into 63 bits."""
    return "" if type(value) is int and 0 <= value < LIMIT else f"{shown(value)} is not an integer in 0..2^63-1"


def positive(value: object) -> str:
    """A natural number other than 0."""
    return "" if type(value) is int and 0 < value < LIMIT else f"{shown(value)} is not an integer in 1..2^63-1"


def ballot(value: object) -> str:
    """A ballot of a round from 1 on."""
    if type(value) is not Ballot:
        return f"{shown(value)} is not a Ballot"
    return positive(value.round) or natural(value.proposer)


def value_of_proposal(value: object) -> str:
    """A value that can be proposed."""
    return "" if type(value) is bytes else f"{shown(value)} is not bytes"


def optional_proposal(value: object) -> str:
    """A proposal or None."""
    if value is None:
        return ""
    if type(value) is not Proposal:
        return f"{shown(value)} is neither a Proposal nor None"
    return ballot(value.ballot) or value_of_proposal(value.value)


def shown(value: object) -> str:
    """A value as a message may quote it, however large it is."""
    if type(value) is int and abs(value) >= LIMIT:
        return f"an integer of {value.bit_length()} bits"
    if isinstance(value, (bytes, str, list, tuple)) and len(value) > 20:
        return f"{type(value).__name__} of length {len(value)}"
    text = repr(value)
    return text if len(text) <= 60 else f"{text[:57]}..."


BY_TYPE: Mapping[str, Rule] = {"Ballot": ballot, "bytes": value_of_proposal, "Proposal | None": optional_proposal}


def rules(kinds: tuple[type, ...], by_type: Mapping[str, Rule]) -> dict[type, list[tuple[str, Rule]]]:
    """For each kind of message, the fields and the rule that each is checked by, after its annotation."""
    return {kind: [(field.name, by_type[str(field.type)]) for field in fields(kind)] for kind in kinds}


def check(message: object, known: Mapping[type, list[tuple[str, Rule]]]) -> None:
    """Accept a message of a known kind whose fields are well-formed; MessageError names the field of any other."""
    kind = type(message)
    if kind not in known:
        raise MessageError(kind.__name__, "type", f"the receiver takes {', '.join(k.__name__ for k in known)}")
    for name, rule in known[kind]:
        if fault := rule(getattr(message, name)):
            raise MessageError(kind.__name__, name, fault)
