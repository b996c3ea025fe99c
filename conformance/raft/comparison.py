"""Compares the mapped state of a cluster with the state of a run: what may have changed, after each event; all of it, on demand.

An event at a host changes that host and the set of messages; a step of the spec for a server changes the entries of that server and the sets
of messages (`tests/refinement/test_footprint.py` reads that off the spec). So it is enough to compare the server of the event's host,
in its log the positions that were written, and the messages that are new on either side.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from conformance.departure import NO_MESSAGE, NOT_SENT, Difference
from conformance.raft import mapping
from conformance.raft.mapping import ClusterState, Server, View
from conformance.raft.steps import Happening
from impl.raft import Entries, messages
from model_check.report import counted
from model_check.validation.run import Run
from spec.language.values import show
from spec.raft import Node, Role
from spec.replicated_log import Entry, Index

MESSAGES = ("vote_requests", "vote_replies", "append_requests", "append_replies")
UNCHANGED = 1 << 62


@dataclass(frozen=True)
class Found:
    """What is wrong: differences, or something that the spec does not speak of."""

    differences: list[Difference]
    remark: str = ""


class Comparison:
    """Of one run with one cluster."""

    def __init__(self, run: Run, state: ClusterState) -> None:
        self.run, self.state = run, state
        for variable in MESSAGES:
            state.sent[variable] = set()
        self._low = {s.node: UNCHANGED for s in state.servers.values()}
        """The first position of each log that was written since the logs were compared."""

    def note(self, s: Server, first: int | None) -> None:
        """The log may have changed from a position on."""
        if first is not None and first < self._low[s.node]:
            self._low[s.node] = first

    def note_happening(self, s: Server, h: Happening) -> None:
        """The log may have changed where an event writes."""
        m = h.message
        if type(m) is messages.AppendEntries:
            self.note(s, m.prev_log_index + 1)
        elif type(m) is messages.InstallSnapshot:
            self.note(s, 1)
        if h.appended is not None:
            self.note(s, h.appended.first_index)

    def soon(self, s: Server, view: View) -> list[Difference]:
        """The variables that tell first, against a view that does not count yet: to name the very event."""
        run, n = self.run, s.node
        held = run.peek("log", n)
        vote = run.peek("voted_for", n)
        if (
            run.peek("current_term", n) == view.current_term
            and (vote if vote is None else vote.number + 1) == view.voted_for
            and run.peek("role", n) is view.role
            and run.peek("commit_index", n) == view.commit_index
            and len(held) == view.last_index
        ):
            return []
        pairs = (
            ("voted_for", vote, None if view.voted_for is None else Node(view.voted_for - 1)),
            ("current_term", run.peek("current_term", n), view.current_term),
            ("role", run.peek("role", n), view.role),
            ("commit_index", run.peek("commit_index", n), view.commit_index),
            ("log", _entries(len(held)), _entries(view.last_index)),
        )
        return [Difference(name, repr(n), spec, implementation) for name, spec, implementation in pairs if spec != implementation]

    def of_server(self, s: Server) -> list[Difference]:
        """All variables of one server."""
        run, n, view = self.run, s.node, s.view
        found = [
            Difference(name, repr(n), held, mapped)
            for name, held, mapped in (
                ("current_term", run.peek("current_term", n), mapping.current_term(s)),
                ("voted_for", run.peek("voted_for", n), mapping.voted_for(s)),
                ("role", run.peek("role", n), view.role),
                ("commit_index", run.peek("commit_index", n), mapping.commit_index(s)),
                ("snapshot_index", run.peek("snapshot_index", n), mapping.snapshot_index(s)),
            )
            if held != mapped
        ]
        if view.role is Role.CANDIDATE and run.peek("votes_granted", n) != mapping.votes_granted(s):
            found.append(Difference("votes_granted", repr(n), frozenset(run.peek("votes_granted", n)), mapping.votes_granted(s)))
        for peer, following, match in view.progress:
            p = Node(peer - 1)
            for name, value in (("next_index", following), ("match_index", match)):
                held = run.peek(name, n, p)
                if held != value:
                    found.append(Difference(name, f"{n!r}, {p!r}", held, Index(value)))
        return found + self._of_log(s)

    def _of_log(self, s: Server) -> list[Difference]:
        held, low = self.run.peek("log", s.node), self._low[s.node]
        self._low[s.node] = UNCHANGED
        if s.unwritten is not None and s.unwritten.first_index < low:
            low = s.unwritten.first_index
        last = mapping.last_index(s)
        if len(held) == last < low:
            return []
        start = min(low, len(held) + 1, last + 1) - 1
        mapped = mapping.log(s, self.state.words, start + 1)
        return [] if tuple(held[start:]) == mapped else [_first_difference(s, start, held, mapped)]

    def of_messages(self, mark: int, sent: Sequence[messages.Message]) -> list[Difference]:
        """The messages that left, and those that steps since a mark have added."""
        found: list[Difference] = []
        if len(self.state.servers) == 1:
            return found  # nobody is there to be asked, so a host says nothing where the spec does
        for variable, m in self.state.words.all_said(sent):
            self.state.sent[variable].add(m)
            if m not in self.run.peek(variable):
                found.append(Difference(variable, "", NO_MESSAGE, m))
        for variable, _, m in self.run.added(mark):
            if variable in MESSAGES and m not in self.state.sent[variable]:
                found.append(Difference(variable, "", m, NOT_SENT))
        return found

    def applied(self, s: Server, committed: Entries) -> str:
        """What is wrong with the entries handed out to be applied; empty where they are the committed ones."""
        held, first = self.run.peek("log", s.node), committed.first_index
        if committed.last_index > s.view.commit_index:
            return f"entries up to {committed.last_index} are applied, but only those up to {s.view.commit_index} are committed"
        if tuple(held[first - 1 : committed.last_index]) != self.state.words.entries(committed):
            return f"the entries {first}..{committed.last_index} that are applied are not those of the log"
        return ""

    # --- All of it

    def everything(self) -> list[Difference]:
        """Every variable of every server, and all messages."""
        found: list[Difference] = []
        for s in self.state.servers.values():
            self.note(s, 1)
            found += self.of_server(s)
            found += self._defaults(s)
        for variable in MESSAGES if len(self.state.servers) > 1 else ():
            held, mapped = frozenset(self.run.peek(variable)), mapping.messages(self.state, variable)
            if held != mapped:
                found.append(Difference(variable, "", held - mapped, mapped - held))
        return found

    def _defaults(self, s: Server) -> list[Difference]:
        """What only candidates and leaders have is at its default at all others."""
        n, run = s.node, self.run
        found = []
        if s.view.role is not Role.CANDIDATE and run.peek("votes_granted", n):
            found.append(Difference("votes_granted", repr(n), frozenset(run.peek("votes_granted", n)), frozenset()))
        if s.view.role is not Role.LEADER:
            peers = [t.node for t in self.state.servers.values()]
            for name in ("next_index", "match_index"):
                found += [Difference(name, f"{n!r}, {p!r}", run.peek(name, n, p), Index(0)) for p in peers if run.peek(name, n, p) != 0]
        return found

    # --- For the report

    def changes(self, s: Server, mark: int, after: View | None, sent: Sequence[messages.Message]) -> list[str]:
        """The mapped state before an event, and after it: a line for each variable that changed. The run goes back to the mark."""
        run, n = self.run, s.node
        run.back(mark)
        view = s.view if after is None else after
        vote = mapping.voted_for(s) if after is None else None if view.voted_for is None else Node(view.voted_for - 1)
        term = mapping.current_term(s) if after is None else view.current_term
        lines = []
        for name, new in (("current_term", term), ("voted_for", vote), ("role", view.role), ("commit_index", view.commit_index)):
            old = run.peek(name, n)
            if old != new:
                lines.append(f"{name}[{n!r}]: {show(old)} -> {show(new)}")
        held = run.peek("log", n)
        if len(held) != view.last_index:
            lines.append(f"log[{n!r}]: {_entries(len(held))} -> {view.last_index}, the last of term {view.last_term}")
        for peer, following, match in view.progress:
            p = Node(peer - 1)
            for name, value in (("next_index", following), ("match_index", match)):
                if run.peek(name, n, p) != value:
                    lines.append(f"{name}[{n!r}, {p!r}]: {run.peek(name, n, p)} -> {value}")
        said = dict.fromkeys(self.state.words.all_said(sent))
        return lines + [f"{variable}: + {show(m)}" for variable, m in said if m not in run.peek(variable)]


def _entries(count: int) -> str:
    return counted(count, "entry", "entries")


def _first_difference(s: Server, start: int, held: Sequence[Entry], mapped: Sequence[Entry]) -> Difference:
    there = held[start:]
    at = next((i for i, (a, b) in enumerate(zip(there, mapped, strict=False)) if a != b), min(len(there), len(mapped)))
    return Difference("log", f"{s.node!r}, from {start + at + 1} on", tuple(there[at : at + 3]), tuple(mapped[at : at + 3]))
