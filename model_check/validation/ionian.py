"""Holds a trace in Ionian's own format against `spec/deployed_raft.py`: the order of lines, what waits for a write, and what is sent.

A server's lines count when their state is on its disk: at once, or, where the trace logs writes, with the `written` that covers them. A leader's
count with the `write`, or a call before it, for its calls may leave while it writes (Ongaro's dissertation, section 10.2.1).
"""

from __future__ import annotations

import dataclasses
from collections import deque
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

from model_check.validation.ionian_lines import MESSAGES, Header, Line, Message
from model_check.validation.ionian_restart import LimitReached, Restart
from model_check.validation.ionian_steps import ANSWERS, CALLS, HANDLERS, Said, Steps
from model_check.validation.verdict import Departure, Refused, Verdict
from spec.language import Window
from spec.language.values import show
from spec.raft import AppendEntries, AppendReply, RequestVote, VoteReply
from spec.replicated_log import Index, Term

# The step of the spec that makes a message, the variable that holds it, and the message's field for its sender.
_MAKERS = {
    "request_vote": ("timeout", "vote_requests", "candidate"),
    "vote_reply": ("handle_request_vote", "vote_replies", "voter"),
    "append_entries": ("append_entries", "append_requests", "leader"),
    "append_reply": ("handle_append_entries", "append_replies", "follower"),
    "install_snapshot": ("send_snapshot", "append_requests", "leader"),
}


@dataclass
class _Server:
    """What of a server's lines does not count yet."""

    started: bool = False
    waiting: list[Line] = dataclasses.field(default_factory=list)
    """Since the last `write`."""
    writing: deque[list[Line]] = dataclasses.field(default_factory=deque)
    """For each `write` under way, the lines that it covers."""

    @property
    def leads(self) -> bool:
        """Whether it leads by the last of these lines."""
        last = next((batch[-1] for batch in (self.waiting, *reversed(self.writing)) if batch), None)
        return last is not None and last.state is not None and last.state.role == "leader"

    def begin_write(self) -> None:
        """What waits is handed to the disk."""
        self.writing.append(self.waiting)
        self.waiting = []

    def take_all(self) -> list[Line]:
        """All of these lines, which count from now on."""
        lines = [line for batch in self.writing for line in batch] + self.waiting
        self.writing = deque([] for _ in self.writing)
        self.waiting = []
        return lines


class Judge:
    """Explains the lines of one trace, in order."""

    def __init__(self, header: Header) -> None:
        self.header = header
        self.steps = Steps(header)
        self.servers = [_Server() for _ in header.nodes]
        self._heard: set[tuple[str, int, int, int]] = set()
        """Kinds of messages that a server has received from another, in which term, and, as term 0, in some term."""
        self._untold: list[list[Message]] = [[] for _ in header.nodes]
        """What was sent to each server, where a server may have handled it and crashed before its line."""
        self._at: Line | None = None
        """The line that is being explained: one that waited, perhaps."""

    def judge(self, lines: Iterable[Line]) -> tuple[int, tuple[Verdict, int, Departure | None]]:
        """How many events there are; the verdict, how many are explained, and where the trace departs from the spec."""
        events = 0
        rest = iter(lines)
        verdict: Verdict = "explained"
        departure = None
        try:
            for line in rest:
                events += 1
                self._take(line)
            for server in self.servers:
                # What is still being written may as well get written.
                self._count(server.take_all())
        except Refused as refused:
            verdict, departure = "refused", self._departure(refused)
        except LimitReached as limit:
            verdict, departure = "inconclusive", self._departure(Refused("restart", "", str(limit)))
        explained = events if self._at is None or departure is None else self._at.position - 1
        return events + sum(1 for _ in rest), (verdict, explained, departure)

    def _departure(self, refused: Refused) -> Departure:
        assert self._at is not None, "a line was being explained"
        return Departure(self._at.number, refused.action, refused.conjunct, refused.place, refused.why, self.steps.describe(self._at.node))

    def _take(self, line: Line) -> None:
        self._at, server = line, self.servers[line.node]
        if line.event == "start":
            self._start(line, server)
        elif not server.started:
            raise Refused("init", "event == start", f"{self.steps.name(line.node)} has not started: its first line is to be a `start`")
        elif line.event == "write":
            self._count_of_leader(server)
            server.begin_write()
        elif line.event == "written":
            if not server.writing:
                raise Refused("written", "a write is under way", f"{self.steps.name(line.node)} has no write under way")
            self._count(server.writing.popleft())
        elif line.event == "send":
            assert line.message is not None, "a send shows a message"
            self._send(line, line.message)
        else:
            if line.message is not None:
                self._arrives(line.message)
            if self.header.writes_logged:
                server.waiting.append(line)
            else:
                self.steps.explain(line)

    def _count(self, lines: list[Line]) -> None:
        """These lines are on the disk."""
        for line in lines:
            self._at = line
            self.steps.explain(line)

    def _count_of_leader(self, server: _Server) -> None:
        """What a leader has not written yet: its term and its vote were on the disk before it asked for votes, and so was the log with which it won."""
        if server.leads:
            self._count(server.take_all())

    # --- Starting

    def _start(self, line: Line, server: _Server) -> None:
        shown, n = line.state, self.steps.nodes[line.node]
        assert shown is not None, "a start shows a state"
        if not server.started:
            server.started = True
            difference = self.steps.difference(n, shown)
            if difference is not None:
                field, wanted, seen = difference
                why = f"{self.steps.name(line.node)} starts for the first time with {field} {seen}: a trace begins with new servers"
                raise Refused("init", f"{field} == {wanted}", why)
            return
        lost = server.take_all()
        server.writing.clear()
        mark = self.steps.run.mark()
        # What is lost must have been possible.
        self._count(lost)
        self.steps.run.back(mark)
        self._at = line
        Restart(self.steps, line, lost, self._untold[line.node]).explain()

    # --- Messages

    def _arrives(self, m: Message) -> None:
        if m not in self.steps.sent:
            raise self._never_sent(m)
        self._heard |= {(m.kind, m.target, m.source, 0), (m.kind, m.target, m.source, m.term)}

    def _never_sent(self, m: Message) -> Refused:
        alike = [other for other in self.steps.sent if (other.kind, other.source, other.target) == (m.kind, m.source, m.target)]
        ends = f"{self.steps.name(m.source)} has sent {self.steps.name(m.target)} no such {m.kind}"
        if not alike:
            return Refused(HANDLERS[m.kind], "message in sent", f"{ends} before this line, and none of this kind at all")
        names = ("term", *MESSAGES[m.kind])
        nearest = _nearest(_fields(m), map(_fields, alike))
        name, wanted, seen = next(x for x in zip(names, nearest, _fields(m), strict=True) if x[1] != x[2])
        why = f"{ends} before this line; the nearest that it has sent has {name} {_short(wanted)}, not {_short(seen)}"
        return Refused(HANDLERS[m.kind], f"message.{name} == {_short(wanted)}", why)

    def _send(self, line: Line, m: Message) -> None:
        """A message leaves: the spec's server must have made it, or makes it now."""
        n, peer, steps = self.steps.nodes[m.source], self.steps.nodes[m.target], self.steps
        if m.kind in CALLS:
            self._count_of_leader(self.servers[line.node])
            self._at = line
        elif m.kind in ANSWERS:
            self._answers(m)
        said: Said
        match m.kind, m.said:
            case "request_vote", (last_index, last_term):
                said = RequestVote(Term(m.term), n, Index(last_index), Term(last_term))
            case "vote_reply", (True,):
                said = VoteReply(Term(m.term), n, peer, True)
            case "vote_reply", _:
                said = None
                self._denies(line, m)
            case "append_reply", (success, match_index):
                said = AppendReply(Term(m.term), n, success, Index(match_index))
            case "append_entries", (prev, prev_term, entries, commit):
                window = Window(Index, prev, tuple(map(steps.entry, entries)))
                said = AppendEntries(Term(m.term), n, Index(prev), Term(prev_term), window, Index(commit))
                if said not in steps.run.peek("append_requests"):
                    self._call(m, said)
            case _:
                said = self._send_snapshot(m)
        if said is not None:
            self._is_made(line, m, said)
        steps.sent[m] = said
        if not self.header.writes_logged:
            self._untold[m.target].append(m)

    def _call(self, m: Message, said: AppendEntries) -> None:
        """The leader's step that makes a call."""
        n, peer, steps = self.steps.nodes[m.source], self.steps.nodes[m.target], self.steps
        mark = steps.run.mark()
        following, last = Index(said.prev_log_index + 1), said.entries.last
        if steps.run.peek("next_index", n, peer) != following:
            steps.take("choose_next_index", n, peer, following)
        steps.take("append_entries", n, peer, last)
        for _, _, made in steps.run.put(mark):
            self._differs(m, made, said)

    def _differs(self, m: Message, made: Any, said: Any) -> None:
        """Refused where the spec makes another message than the one sent."""
        for name in (f.name for f in dataclasses.fields(made)):
            wanted, seen = getattr(made, name), getattr(said, name)
            if wanted != seen:
                why = self.steps.words(f"the message has {name} {_short(show(seen))}; by the spec it is {_short(show(wanted))}")
                raise Refused(_MAKERS[m.kind][0], f"message.{name} == {self.steps.words(_short(show(wanted)))}", why)

    def _send_snapshot(self, m: Message) -> AppendEntries:
        """A snapshot is a call with all entries up to a committed position."""
        n, steps = self.steps.nodes[m.source], self.steps
        last_index, last_term = m.said
        log = steps.run.peek("log", n)
        if 0 < last_index <= len(log) and log[last_index - 1].term != last_term:
            wanted = log[last_index - 1].term
            why = f"the snapshot ends with an entry of term {last_term}; by the spec entry {last_index} is of term {wanted}"
            raise Refused("send_snapshot", f"message.last_included_term == {wanted}", why)
        if m.term != steps.run.peek("current_term", n):
            term = steps.run.peek("current_term", n)
            raise Refused("send_snapshot", f"message.term == {term}", f"the message has term {m.term}; by the spec the server's term is {term}")
        steps.take("send_snapshot", n, Index(last_index))
        return AppendEntries(Term(m.term), n, Index(0), Term(0), Window(Index, 0, tuple(log[:last_index])), Index(last_index))

    def _denies(self, line: Line, m: Message) -> None:
        """A vote denied tells a term that the server has reached, and nothing else."""
        term = self.steps.run.peek("current_term", self.steps.nodes[m.source])
        if m.term > term:
            why = f"the message has term {m.term}; the server has reached term {term}{self._not_written(line)}"
            raise Refused("handle_request_vote", f"message.term <= {term}", why)

    def _answers(self, m: Message) -> None:
        """Refused where a server answers whom it has not heard: most answers of the spec carry no addressee."""
        # A success is for the leader of its term, a failure for whoever has called.
        term = m.term if m.said[0] else 0
        kinds = CALLS if m.kind == "append_reply" else ("request_vote",)
        if not any((kind, m.source, m.target, term) in self._heard for kind in kinds):
            of_term = f" of term {term}" if term else ""
            why = f"{self.steps.name(m.source)} answers {self.steps.name(m.target)}, from which it has received no {' or '.join(kinds)}{of_term}"
            raise Refused(_MAKERS[m.kind][0], "message.to has asked", why)

    def _is_made(self, line: Line, m: Message, said: Any) -> None:
        action, variable, maker = _MAKERS[m.kind]
        made = self.steps.run.peek(variable)
        if said not in made:
            own = [_values(other) for other in made if getattr(other, maker) == self.steps.nodes[m.source]]
            why = f"by the spec the server has not made {show(said)}"
            if own:
                why += f"; the nearest that it has made is {show(type(said)(*_nearest(_values(said), own)))}"
            raise Refused(action, f"message in self.{variable}", self.steps.words(why) + self._not_written(line))

    def _not_written(self, line: Line) -> str:
        waiting = [w for batch in (*self.servers[line.node].writing, self.servers[line.node].waiting) for w in batch]
        return f"; the server's lines from {waiting[0].number} on are not written yet" if waiting else ""


def _fields(m: Message) -> tuple[Any, ...]:
    return (m.term, *m.said)


def _values(record: Any) -> tuple[Any, ...]:
    return tuple(getattr(record, f.name) for f in dataclasses.fields(record))


def _nearest(wanted: tuple[Any, ...], found: Iterable[tuple[Any, ...]]) -> tuple[Any, ...]:
    """The message that differs in the fewest fields, and by the least."""

    def distance(other: tuple[Any, ...]) -> tuple[int, int]:
        pairs = [(a, b) for a, b in zip(wanted, other, strict=True) if a != b]
        return len(pairs), sum(abs(int(a) - int(b)) for a, b in pairs if isinstance(a, int) and isinstance(b, int))

    return min(found, key=distance)


def _short(value: object) -> str:
    text = str(value)
    return text if len(text) <= 80 else text[:77] + "..."
