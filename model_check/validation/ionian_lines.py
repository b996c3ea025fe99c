"""Decoder of Ionian's own trace format: a header and one event a line, or an error that names line and field.

`docs/trace-your-implementation.md` describes the format.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Final, NamedTuple, TypeAlias

from model_check.validation.trace_file import BadLine, field, json_object, number, one_of

NAME, VERSION = "ionian", 1
MOST_NODES = 15
"""The spec's majorities are enumerated: their number doubles with each member."""
LONGEST_NAME = 40
LIMIT = 1 << 40
"""Terms and positions are below it."""
ROLES = ("follower", "candidate", "leader")
WITH_STATE = ("start", "receive", "step")
WITH_MESSAGE = ("receive", "send")
OF_WRITES = ("write", "written")
EVENTS = (*WITH_STATE, "send", *OF_WRITES)
STATE_FIELDS = ("term", "voted_for", "role", "last_log_index", "last_log_term", "commit_index", "snapshot_index")
NOTE = "note"
"""Whatever whoever writes the trace wants to have there."""

NodeName: TypeAlias = str | int
ShownEntry: TypeAlias = tuple[int, str]
"""Term and command; the command is empty where the trace shows none."""


@dataclass(frozen=True)
class Header:
    """The first line of a trace.

    Attributes:
        nodes: The servers, by the names that the trace has for them; lines name them by their places here.
        writes_logged: Whether lines say when a server's state is on its disk; otherwise it is there when its line is logged.
    """

    nodes: tuple[NodeName, ...]
    writes_logged: bool


class Message(NamedTuple):
    """A message as a line shows it; `said` has the fields of its kind, in the order of MESSAGES."""

    kind: str
    source: int
    target: int
    term: int
    said: tuple[Any, ...]


class Shown(NamedTuple):
    """A server's state as a line shows it; None for a snapshot's index where there is none in the line."""

    term: int
    voted_for: int | None
    role: str
    last_log_index: int
    last_log_term: int
    commit_index: int
    snapshot_index: int | None


class Line(NamedTuple):
    """An event.

    Attributes:
        number: The line's number in the file, from 1.
        position: The event's number in the trace, from 1.
        event: One of EVENTS.
        node: The server.
        state: Its state, of `start`, `receive` and `step`.
        message: Of `receive` and `send`.
        entries: What the server has appended to its log as leader.
    """

    number: int
    position: int
    event: str
    node: int
    state: Shown | None
    message: Message | None
    entries: tuple[ShownEntry, ...]


def read_header(line: int, source: str) -> Header:
    """The first line; BadLine where it is no header of this format."""
    found = json_object(line, source)
    if found.get("format") != NAME:
        raise BadLine(line, "", f'is no header; a trace in this format begins with {{"format": "{NAME}", "version": {VERSION}, "nodes": [...]}}')
    _known(line, found, ("format", "version", "nodes", "writes", NOTE))
    if number(line, found, "version") != VERSION:
        raise BadLine(line, "version", f"is to be {VERSION}; other versions are not known")
    nodes = field(line, found, "nodes", list)
    if not all(map(_is_name, nodes)) or len(set(nodes)) != len(nodes) or not 1 <= len(nodes) <= MOST_NODES:
        what = f"each a number below 2⁶⁴ or from 1 to {LONGEST_NAME} printable characters"
        raise BadLine(line, "nodes", f"is to be a list of from 1 to {MOST_NODES} different names, {what}")
    writes = "writes" in found and one_of(line, found, "writes", ("logged", "at once")) == "logged"
    return Header(tuple(nodes), writes)


def read_lines(header: Header, lines: Iterable[tuple[int, str]]) -> Iterator[Line]:
    """The events after the header; BadLine at the first line that is none."""
    decode = Decoder(header)
    for position, (line, source) in enumerate(lines, 1):
        yield decode.line(line, position, source)


class Decoder:
    """Reads the lines of one trace."""

    def __init__(self, header: Header) -> None:
        self.header = header
        self.place = {name: place for place, name in enumerate(header.nodes)}

    def line(self, line: int, position: int, source: str) -> Line:
        """One event; BadLine names the field that is wrong."""
        found = json_object(line, source)
        event = one_of(line, found, "event", EVENTS)
        if event in OF_WRITES and not self.header.writes_logged:
            raise BadLine(line, "event", f'is `{event}`, but the header does not say "writes": "logged"')
        node = self._node(line, found, "node")
        _known(line, found, _FIELDS[event])
        state = self._state(line, found) if event in WITH_STATE else None
        message = None
        if event in WITH_MESSAGE:
            message = self._message(line, field(line, found, "message", dict))
            end, which = (message.target, "to") if event == "receive" else (message.source, "from")
            if end != node:
                raise BadLine(line, f"message.{which}", f"is to be the line's own node, {self.header.nodes[node]!r}")
        entries = _entries(line, found, "entries", "") if "entries" in found else ()
        if entries and event == "start" and self.header.writes_logged:
            raise BadLine(line, "entries", "are shown before they are written, not when the server starts: the header says that writes are logged")
        return Line(line, position, event, node, state, message, entries)

    def _node(self, line: int, found: Mapping[str, Any], name: str, where: str = "") -> int:
        value = found.get(name)
        place = self.place.get(value) if isinstance(value, str | int) and value is not True and value is not False else None
        if place is None:
            raise BadLine(line, where + name, f"is to be one of the header's nodes, not {value!r:.40}" if name in found else "is missing; it is to name a node")
        return place

    def _state(self, line: int, found: Mapping[str, Any]) -> Shown:
        if "voted_for" not in found:
            raise BadLine(line, "voted_for", "is missing; it is to name a node, or be null where the server has not voted in its term")
        return Shown(
            _count(line, found, "term"),
            None if found["voted_for"] is None else self._node(line, found, "voted_for"),
            one_of(line, found, "role", ROLES),
            _count(line, found, "last_log_index"),
            _count(line, found, "last_log_term"),
            _count(line, found, "commit_index"),
            _count(line, found, "snapshot_index") if "snapshot_index" in found else None,
        )

    def _message(self, line: int, found: Mapping[str, Any]) -> Message:
        where = "message."
        kind = one_of(line, found, "kind", tuple(MESSAGES), where)
        _known(line, found, _MESSAGE_FIELDS[kind], where)
        source, target = self._node(line, found, "from", where), self._node(line, found, "to", where)
        if source == target:
            raise BadLine(line, "message.to", "is the sender itself; what a server tells itself is no message")
        said = tuple([read(line, found, name, where) for name, read in MESSAGES[kind].items()])
        return Message(kind, source, target, _count(line, found, "term", where), said)


def _is_name(found: object) -> bool:
    if isinstance(found, str):
        return 0 < len(found) <= LONGEST_NAME and found.isprintable()
    return type(found) is int and 0 <= found < 1 << 64


def _known(line: int, found: Mapping[str, Any], fields: Collection[str], where: str = "") -> None:
    if found.keys() - fields:
        name = next(name for name in found if name not in fields)
        raise BadLine(line, f"{where}{name if name.isprintable() else ascii(name):.40}", f"is not known here; what is yours goes into `{NOTE}`")


def _count(line: int, found: Mapping[str, Any], name: str, where: str = "") -> int:
    """A term or a position."""
    value = number(line, found, name, where)
    if value >= LIMIT:
        raise BadLine(line, where + name, "is to be below 2⁴⁰")
    return value


def _flag(line: int, found: Mapping[str, Any], name: str, where: str) -> bool:
    return field(line, found, name, bool, where)


def _entries(line: int, found: Mapping[str, Any], name: str, where: str) -> tuple[ShownEntry, ...]:
    """Each a term, or a term and a command."""
    entries = []
    for shown in field(line, found, name, list, where):
        term, command = shown if type(shown) is list and len(shown) == 2 else (shown, "")
        if type(term) is not int or not 0 < term < LIMIT or type(command) is not str:
            raise BadLine(line, where + name, f"is to be a list of terms, or of pairs of a term and a command's text; {shown!r:.40} is neither")
        entries.append((term, command))
    return tuple(entries)


_Read: TypeAlias = Callable[[int, Mapping[str, Any], str, str], Any]
MESSAGES: Final[dict[str, dict[str, _Read]]] = {
    "request_vote": {"last_log_index": _count, "last_log_term": _count},
    "vote_reply": {"vote_granted": _flag},
    "append_entries": {"prev_log_index": _count, "prev_log_term": _count, "entries": _entries, "leader_commit": _count},
    "append_reply": {"success": _flag, "match_index": _count},
    "install_snapshot": {"last_included_index": _count, "last_included_term": _count},
}
"""The kinds of messages, and the fields of each besides `from`, `to` and `term`, with what reads them."""

_MESSAGE_FIELDS: Final = {kind: frozenset(("kind", "from", "to", "term", *fields)) for kind, fields in MESSAGES.items()}
_FIELDS: Final = {
    event: frozenset(
        (
            "event",
            "node",
            NOTE,
            *(STATE_FIELDS if event in WITH_STATE else ()),
            *(("entries",) if event in WITH_STATE else ()),
            *(("message",) if event in WITH_MESSAGE else ()),
        )
    )
    for event in EVENTS
}
