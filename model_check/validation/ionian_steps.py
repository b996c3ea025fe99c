"""Which steps of `spec/deployed_raft.py` a line of Ionian's format is: the message received, then whatever leads to the state shown."""

from __future__ import annotations

import functools
import re
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from typing import Any, NamedTuple

from model_check.validation.ionian_lines import LIMIT, Header, Line, Message, Shown, ShownEntry
from model_check.validation.office import towards_office
from model_check.validation.refusal import denials
from model_check.validation.run import Run
from model_check.validation.verdict import Refused, refused_step
from spec.deployed_raft import DeployedRaft
from spec.language import Scope
from spec.language.values import show
from spec.raft import AppendEntries, AppendReply, Node, RequestVote, Role, VoteReply
from spec.replicated_log import Entry, Index, Term, Value

HUGE = 2 * LIMIT
"""A bound that no run reaches: nothing is enumerated over terms, positions or values."""
ROLES = {Role.FOLLOWER: "follower", Role.CANDIDATE: "candidate", Role.LEADER: "leader"}
_ROLE_OF = {word: role for role, word in ROLES.items()}
HANDLERS = {
    "request_vote": "handle_request_vote",
    "vote_reply": "handle_vote_reply",
    "append_entries": "handle_append_entries",
    "append_reply": "handle_append_reply",
    "install_snapshot": "handle_append_entries",
}
CALLS = ("append_entries", "install_snapshot")
ANSWERS = ("vote_reply", "append_reply")

Said = RequestVote | VoteReply | AppendEntries | AppendReply | None
"""A message of the spec; None for a vote denied, of which the spec does not speak."""


class Difference(NamedTuple):
    """A field of a line that is not as the spec has it."""

    field: str
    by_spec: Any
    shown: Any


@functools.lru_cache
def _protocol(nodes: int) -> DeployedRaft:
    return DeployedRaft(Scope(node=nodes, term=HUGE, index=HUGE, value=HUGE))


class Steps:
    """The run of the spec that a trace is held against, and the words of the trace."""

    def __init__(self, header: Header) -> None:
        self.header = header
        self.run = Run(_protocol(len(header.nodes)))
        self.nodes = tuple(Node(i) for i in range(len(header.nodes)))
        self.sent: dict[Message, Said] = {}
        """Every message that a line has sent, with the spec's message."""
        self.telling = True
        """Whether a refusal says why, which is work; not while other ways are still to be tried."""
        self._values: dict[str, Value] = {}
        self._commands: list[str] = []
        self._entries: dict[ShownEntry, Entry] = {}

    # --- Words

    def entry(self, shown: ShownEntry) -> Entry:
        """An entry: equal commands are one Value."""
        found = self._entries.get(shown)
        if found is None:
            term, command = shown
            if command not in self._values:
                self._values[command] = Value(len(self._values))
                self._commands.append(command)
            found = self._entries[shown] = Entry(Term(term), self._values[command])
        return found

    def name(self, node: int) -> str:
        """A server as reports name it."""
        name = self.header.nodes[node]
        return name if isinstance(name, str) else f"n{name}"

    def words(self, text: str) -> str:
        """A text of the spec with the trace's names for servers and commands."""

        def word(found: re.Match[str]) -> str:
            number = int(found[2]) - 1
            known = len(self.nodes) if found[1] == "n" else len(self._commands)
            if number >= known:
                return found[0]
            return self.name(number) if found[1] == "n" else repr(self._commands[number])[:40]

        return re.sub(r"\b([nv])([1-9]\d{0,9})\b", word, text)

    def describe(self, node: int) -> tuple[tuple[str, str], ...]:
        """A server's state by the spec."""
        run, n = self.run, self.nodes[node]
        log, role = run.peek("log", n), run.peek("role", n)
        found: list[tuple[str, Any]] = [
            ("node", n),
            ("term", int(run.peek("current_term", n))),
            ("voted_for", "null" if (vote := run.peek("voted_for", n)) is None else vote),
            ("role", ROLES[role]),
            ("log", f"{len(log)} entries" + (f", the last of term {log[-1].term}" if log else "")),
            ("commit_index", int(run.peek("commit_index", n))),
            ("snapshot_index", int(run.peek("snapshot_index", n))),
        ]
        if role is Role.CANDIDATE:
            found.append(("votes granted by", frozenset(run.peek("votes_granted", n))))
        if role is Role.LEADER:
            found.append(("match_index", ", ".join(f"{p!r}: {run.peek('match_index', n, p)}" for p in self.nodes if p != n)))
        return tuple((name, self.words(value if isinstance(value, str) else show(value))) for name, value in found)

    # --- Steps

    def take(self, action: str, *arguments: Any) -> None:
        """One step; Refused where the spec does not allow it."""
        if not self.run.take(action, *arguments):
            raise self.refused(action, *arguments)

    def refused(self, action: str, *arguments: Any) -> Refused:
        """Why a step is not possible."""
        if not self.telling:
            return Refused(action, "", "")
        words = f"{action}({', '.join(map(show, arguments))})"
        refused = refused_step(self.run, action, arguments, words)
        return Refused(refused.action, refused.conjunct, self.words(refused.why), refused.place)

    @contextmanager
    def trying(self) -> Iterator[None]:
        """Inside, a refusal does not say why."""
        before, self.telling = self.telling, False
        try:
            yield
        finally:
            self.telling = before

    def explain(self, line: Line) -> None:
        """The steps of a `receive` or `step` line; Refused where there are none that lead to what it shows."""
        handled = line.message is not None and self._is_handled(line, line.message)
        if handled:
            mark = self.run.mark()
            # A server may ignore a message, but for its term: it might as well have been lost.
            for way in (True, False):
                with self.trying(), suppress(Refused):
                    self._lead_to(line, way)
                    return
                self.run.back(mark)
        self._lead_to(line, handled)

    def _lead_to(self, line: Line, handled: bool) -> None:
        """The step that handles the message, or not, and whatever else leads to the state that a line shows."""
        said: Said = None
        action = "step" if line.message is None else HANDLERS[line.message.kind]
        if handled:
            assert line.message is not None, "a message is handled"
            said = self.sent[line.message]
            self.take(action, self.nodes[line.node], said)
            if line.message.kind == "install_snapshot":
                self._acknowledge_more(line, line.message)
        self._approach(line, action, said)

    def _is_handled(self, line: Line, m: Message) -> bool:
        """Whether the spec's server does more about a message than to learn of its term."""
        n, shown = self.nodes[line.node], line.state
        assert shown is not None, "a line of this kind shows a state"
        term = self.run.peek("current_term", n)
        match m.kind:
            case "request_vote":
                return shown.voted_for == m.source
            case "vote_reply":
                return m.term == term and m.said[0] and self.run.peek("role", n) is Role.CANDIDATE
            case "append_reply":
                # A failure in the leader's own term says where to try next, and that is the leader's choice.
                return m.term == term and m.said[0] and self.run.peek("role", n) is Role.LEADER
            case _:
                return True

    def _acknowledge_more(self, line: Line, m: Message) -> None:
        """A server that is beyond a snapshot may tell the leader so."""
        n = self.nodes[line.node]
        if m.said[0] < self.run.peek("commit_index", n):
            self.run.take("acknowledge_committed", n)

    def _approach(self, line: Line, action: str, said: Said = None) -> None:
        """Whatever else leads to the state that a line shows."""
        run, n, shown = self.run, self.nodes[line.node], line.state
        assert shown is not None, "a line of this kind shows a state"
        mark = run.mark()
        for step in towards_office(run, n, shown.term, _ROLE_OF[shown.role], shown.voted_for == line.node):
            self.take(*step)
        for entry in line.entries:
            if entry[0] != (own := run.peek("current_term", n)):
                raise Refused("client_request", f"entries[].term == {own}", f"a leader appends entries of its own term, {own}, not of {entry[0]}")
            self.take("client_request", n, self.entry(entry).value)
        goal = shown.commit_index
        if run.peek("commit_index", n) < goal and run.peek("role", n) is Role.LEADER:
            while run.peek("commit_index", n) < goal:
                self.take("advance_commit", n, Index(goal))
        if shown.snapshot_index is not None and run.peek("snapshot_index", n) < shown.snapshot_index:
            self.take("compact", n, Index(shown.snapshot_index))
        difference = self.difference(n, shown)
        if difference is not None:
            taken = run.steps_since(mark) if line.message is None else []
            raise self._shown_otherwise(difference, taken[-1].action if taken else action, said, line)

    # --- What a line shows

    def difference(self, n: Node, shown: Shown) -> Difference | None:
        """The first field that is not as the spec has it."""
        run = self.run
        log, vote = run.peek("log", n), run.peek("voted_for", n)
        by_spec = Shown(
            run.peek("current_term", n),
            None if vote is None else vote.number,
            ROLES[run.peek("role", n)],
            len(log),
            log[-1].term if log else 0,
            run.peek("commit_index", n),
            None if shown.snapshot_index is None else run.peek("snapshot_index", n),
        )
        if by_spec == shown:
            return None
        name = next(name for name in Shown._fields if getattr(by_spec, name) != getattr(shown, name))
        if name == "voted_for":
            return Difference(name, *(None if x is None else self.name(x) for x in (by_spec.voted_for, shown.voted_for)))
        return Difference(name, getattr(by_spec, name), getattr(shown, name))

    def _shown_otherwise(self, found: Difference, action: str, said: Said, line: Line) -> Refused:
        """The refusal of a field; where a helper of the handler's step decided against it, its conjunct."""
        if not self.telling:
            return Refused(action, "", "")
        why = f"the line shows {found.field} {shown_text(found.shown)}; by the spec it is {shown_text(found.by_spec)} here"
        if found.field.startswith("last_log") and found.shown is not None and line.state is not None and line.state.role == "leader" and not line.entries:
            why += " (a leader shows in `entries` what it appends)"
        if said is not None and self.run.steps[-1].action == action:
            for denial in denials(self.run.protocol, self.run.state, self.run.steps[-1])[:1]:
                values = ", ".join(f"{name} = {value}" for name, value in denial.values)
                why += self.words(f", for {action} finds that `{denial.conjunct}` does not hold ({values})")
                return Refused(action, denial.conjunct, why, denial.place)
        return Refused(action, f"{found.field} == {shown_text(found.by_spec)}", why)


def shown_text(value: Any) -> str:
    """A value of a field, as JSON has it."""
    return "null" if value is None else str(value)
