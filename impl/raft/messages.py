"""What nodes say to each other, and which messages are well-formed.

Messages are values: whoever sends or receives one changes nothing in it. All begin with the sender's term, the sender and
the receiver. A heartbeat is an AppendEntries without entries, as in Figure 2.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, fields

from impl.raft.entries import Entries
from impl.raft.errors import MessageError
from impl.raft.storage import Snapshot

LIMIT = 1 << 63
"""Terms, indices and identities are below it."""


@dataclass(slots=True)
class RequestVote:
    """A candidate asks for a vote (Figure 2); with `pre_vote`, whether it would get one in `term`, which it has not begun."""

    term: int
    sender: int
    receiver: int
    last_log_index: int
    last_log_term: int
    pre_vote: bool
    transfer: bool
    """The old leader asked for this election: voters need not stick to it."""


@dataclass(slots=True)
class VoteReply:
    """A voter answers; the term is the voter's, or the one asked about where a pre-vote is granted."""

    term: int
    sender: int
    receiver: int
    vote_granted: bool
    pre_vote: bool


@dataclass(slots=True)
class AppendEntries:
    """A leader replicates entries, or none as a heartbeat (Figure 2); `read_round` is to be returned in the reply."""

    term: int
    sender: int
    receiver: int
    prev_log_index: int
    prev_log_term: int
    entries: Entries
    leader_commit: int
    read_round: int


@dataclass(slots=True)
class AppendReply:
    """A follower answers a leader's AppendEntries or InstallSnapshot.

    On success, its log agrees with the leader's up to `match_index`, on stable storage. On failure that is 0,
    `prev_log_index` tells which call failed, and no entry of its log after `hint_index` can agree with the leader's;
    `hint_term` is the term there (section 5.3, last but one paragraph). All are 0, and so is `read_round`, in an answer to a call of an
    earlier term than the follower's: it tells the term, and nothing to whoever leads it.
    """

    term: int
    sender: int
    receiver: int
    success: bool
    match_index: int
    read_round: int
    prev_log_index: int
    hint_index: int
    hint_term: int


@dataclass(slots=True)
class InstallSnapshot:
    """A leader sends a snapshot in place of entries that it has compacted away (Figure 13)."""

    term: int
    sender: int
    receiver: int
    snapshot: Snapshot
    read_round: int


@dataclass(slots=True)
class Proposal:
    """A follower passes on its clients' commands."""

    term: int
    sender: int
    receiver: int
    commands: list[bytes]


@dataclass(slots=True)
class ReadRequest:
    """A follower asks from which index on it may answer a read; `context` names the read."""

    term: int
    sender: int
    receiver: int
    context: bytes


@dataclass(slots=True)
class ReadReply:
    """The leader answers a ReadRequest."""

    term: int
    sender: int
    receiver: int
    context: bytes
    read_index: int


@dataclass(slots=True)
class TimeoutNow:
    """A leader asks its successor to stand for election at once (dissertation, section 3.10)."""

    term: int
    sender: int
    receiver: int


Message = RequestVote | VoteReply | AppendEntries | AppendReply | InstallSnapshot | Proposal | ReadRequest | ReadReply | TimeoutNow


def check_any(message: object) -> None:
    """Accept a well-formed message; MessageError names the field of any other."""
    kind = type(message)
    if kind not in _RULES:
        raise MessageError(kind.__name__, "type", "no such message is known")
    for name, rule in _RULES[kind]:
        if fault := rule(getattr(message, name)):
            raise MessageError(kind.__name__, name, fault)
    assert isinstance(message, Message)
    if message.term == 0:
        raise MessageError(kind.__name__, "term", "must be at least 1; nobody acts in term 0")
    if isinstance(message, AppendEntries):
        _check_run(message)
    if isinstance(message, RequestVote) and message.last_log_term >= message.term:
        raise MessageError("RequestVote", "last_log_term", "is not before the term of the election")
    if isinstance(message, InstallSnapshot) and message.snapshot.last_term > message.term:
        raise MessageError("InstallSnapshot", "snapshot", f"its last_term is later than the leader's term, {message.term}")


def check_append_entries(m: AppendEntries) -> None:
    """What check_any does, at a fraction of the cost: what is not plainly well-formed is looked at field by field."""
    if not (
        type(m.entries) is Entries
        and type(m.term) is type(m.sender) is type(m.receiver) is type(m.prev_log_index) is int
        and type(m.prev_log_term) is type(m.leader_commit) is type(m.read_round) is int
        and 0 < m.term < LIMIT > m.prev_log_index >= 0 <= m.prev_log_term <= m.term
        and 0 <= m.leader_commit < LIMIT > m.read_round >= 0 <= m.sender < LIMIT > m.receiver >= 0
        and (m.prev_log_index == 0) == (m.prev_log_term == 0)
        and _plainly_follow(m.entries, m)
    ):
        check_any(m)


def _plainly_follow(entries: Entries, m: AppendEntries) -> bool:
    terms, commands = entries.terms, entries.commands
    if type(terms) is not list or type(commands) is not list or len(terms) != len(commands):
        return False
    if not terms:
        return True
    if len(terms) == 1:
        well_typed = type(terms[0]) is int and type(commands[0]) is bytes
    else:
        well_typed = {*map(type, terms)} == {int} and {*map(type, commands)} == {bytes} and terms == sorted(terms)
    return well_typed and 0 < terms[0] >= m.prev_log_term and terms[-1] <= m.term and entries.first_index == m.prev_log_index + 1


def check_append_reply(m: AppendReply) -> None:
    """What check_any does, at a fraction of the cost for a success."""
    if not (
        m.success is True
        and type(m.term) is type(m.sender) is type(m.receiver) is type(m.match_index) is type(m.read_round) is int
        and type(m.prev_log_index) is type(m.hint_index) is type(m.hint_term) is int
        and m.prev_log_index == m.hint_index == m.hint_term == 0
        and 0 < m.term < LIMIT > m.match_index >= 0 <= m.read_round < LIMIT
        and 0 <= m.sender < LIMIT > m.receiver >= 0
    ):
        check_any(m)


def _natural(value: object) -> str:
    return "" if type(value) is int and 0 <= value < LIMIT else f"{_shown(value)} is not an integer in 0..2^63-1"


def _flag(value: object) -> str:
    return "" if type(value) is bool else f"{_shown(value)} is neither True nor False"


def _bytes(value: object) -> str:
    return "" if type(value) is bytes else f"{_shown(value)} is not bytes"


def _commands(value: object) -> str:
    if type(value) is not list or not value:
        return f"{_shown(value)} is not a list with at least one command"
    if set(map(type, value)) != {bytes} or not all(value):
        return "a command is not bytes, or is empty"
    return ""


def _entries(value: object) -> str:
    if type(value) is not Entries or type(value.terms) is not list or type(value.commands) is not list:
        return f"{_shown(value)} is not Entries of two lists"
    if len(value.terms) != len(value.commands):
        return f"{len(value.terms)} terms for {len(value.commands)} commands"
    if set(map(type, value.terms)) - {int} or set(map(type, value.commands)) - {bytes}:
        return "a term is not an integer, or a command not bytes"
    return ""


def _snapshot(value: object) -> str:
    if type(value) is not Snapshot:
        return f"{_shown(value)} is not a Snapshot"
    if type(value.data) is not bytes:
        return "its data are not bytes"
    if _natural(value.last_index) or _natural(value.last_term) or value.last_index == 0 or value.last_term == 0:
        return f"last_index {_shown(value.last_index)} and last_term {_shown(value.last_term)} must be positive integers"
    return ""


def _shown(value: object) -> str:
    """A few words about a value of any kind and size."""
    if type(value) is int and not -LIMIT < value < LIMIT:
        return f"an integer of {value.bit_length()} bits"
    if isinstance(value, str | bytes) and len(value) > 40:
        return f"{value[:40]!r}..."
    return repr(value) if value is None or type(value) in (int, bool, float, str, bytes) else f"a value of type {type(value).__name__}"


_BY_TYPE: dict[str, Callable[[object], str]] = {
    "int": _natural,
    "bool": _flag,
    "bytes": _bytes,
    "list": _commands,
    "Entries": _entries,
    "Snapshot": _snapshot,
}
_KINDS: tuple[type[Message], ...] = (RequestVote, VoteReply, AppendEntries, AppendReply, InstallSnapshot, Proposal, ReadRequest, ReadReply, TimeoutNow)


def _type_name(annotation: object) -> str:
    """A type by its name without arguments: an annotation is its text, or, where the module is compiled, the type itself."""
    name = annotation if isinstance(annotation, str) else getattr(annotation, "__name__", "")
    return str(name).partition("[")[0]


_RULES = {kind: [(field.name, _BY_TYPE[_type_name(field.type)]) for field in fields(kind)] for kind in _KINDS}


def _check_run(m: AppendEntries) -> None:
    """Entries follow on prev_log_index, and their terms never fall, from prev_log_term to the leader's."""
    terms = m.entries.terms
    if m.prev_log_term > m.term:
        raise MessageError("AppendEntries", "prev_log_term", f"{m.prev_log_term} is later than the leader's term, {m.term}")
    if (m.prev_log_index == 0) != (m.prev_log_term == 0):
        raise MessageError("AppendEntries", "prev_log_term", f"{m.prev_log_term} does not go with prev_log_index {m.prev_log_index}")
    if not terms:
        return
    if m.entries.first_index != m.prev_log_index + 1:
        raise MessageError("AppendEntries", "entries", f"they begin at {_shown(m.entries.first_index)}, not after prev_log_index {m.prev_log_index}")
    if not max(m.prev_log_term, 1) <= terms[0] or terms[-1] > m.term or terms != sorted(terms):
        raise MessageError("AppendEntries", "entries", f"their terms do not rise from prev_log_term {m.prev_log_term} to term {m.term}")
