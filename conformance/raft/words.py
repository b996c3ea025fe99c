"""What the implementation says in the words of the spec: identities, entries and messages."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence

from impl.raft import Entries, messages
from spec.language import Window
from spec.raft import AppendEntries, AppendReply, Node, RequestVote, VoteReply
from spec.replicated_log import Entry, Index, Term, Value

SpecMessage = RequestVote | VoteReply | AppendEntries | AppendReply
Said = tuple[str, SpecMessage] | None
"""The variable of the spec that a message belongs to, and the message there; None for what the spec does not speak of."""

NO_SUCCESS = Index(0)


class UnknownPrefix(Exception):
    """A snapshot covers what was never committed: no log of the spec goes with it."""


class Words:
    """A translator for one run. The same thing has the same word throughout.

    Args:
        agreed: the entries committed so far, from the first on: what a snapshot stands for.
    """

    def __init__(self, agreed: Callable[[], Sequence[Entry]]) -> None:
        self._agreed = agreed
        self._values: dict[bytes, Value] = {}
        self.commands: list[bytes] = []
        """The command that each Value stands for; the empty one opens a term."""
        self._entries: dict[tuple[int, bytes], Entry] = {}
        self._said: dict[int, tuple[messages.Message, Said]] = {}

    def legend(self, nodes: int) -> dict[str, str]:
        """What nodes and values stand for."""
        values = {f"v{number}": repr(command) if command else "the empty command that opens a term" for number, command in enumerate(self.commands, 1)}
        return {f"n{n}": f"host {n}" for n in range(1, nodes + 1)} | values

    def value(self, command: bytes) -> Value:
        """A command: equal commands are one Value."""
        found = self._values.get(command)
        if found is None:
            found = self._values[command] = Value(len(self._values))
            self.commands.append(command)
        return found

    def entry(self, term: int, command: bytes) -> Entry:
        """An entry."""
        key = (term, command)
        found = self._entries.get(key)
        if found is None:
            found = self._entries[key] = Entry(Term(term), self.value(command))
        return found

    def entries(self, run: Entries) -> tuple[Entry, ...]:
        """A run of entries."""
        return tuple(map(self.entry, run.terms, run.commands))

    def said(self, message: messages.Message) -> Said:
        """A message, translated once for all its receptions."""
        found = self._said.get(id(message))
        if found is None:
            # The message is kept, so that no other one gets its identity.
            found = self._said[id(message)] = message, self._translated(message)
        return found[1]

    def all_said(self, sent: Iterable[messages.Message]) -> list[tuple[str, SpecMessage]]:
        """Those of some messages that the spec speaks of."""
        return [said for m in sent if (said := self.said(m)) is not None]

    def _translated(self, m: messages.Message) -> Said:
        match m:
            case messages.AppendEntries(term=term, sender=sender, entries=entries, prev_log_index=prev):
                window = Window(Index, prev, self.entries(entries))
                said = AppendEntries(Term(term), Node(sender - 1), Index(prev), Term(m.prev_log_term), window, Index(m.leader_commit))
                return "append_requests", said
            case messages.AppendReply(success=success):
                match_index = Index(m.match_index) if success else NO_SUCCESS
                return "append_replies", AppendReply(Term(m.term), Node(m.sender - 1), success, match_index)
            case messages.RequestVote(pre_vote=False):
                return "vote_requests", RequestVote(Term(m.term), Node(m.sender - 1), Index(m.last_log_index), Term(m.last_log_term))
            case messages.VoteReply(pre_vote=False, vote_granted=True):
                return "vote_replies", VoteReply(Term(m.term), Node(m.sender - 1), Node(m.receiver - 1), True)
            case messages.InstallSnapshot(snapshot=snapshot):
                window = Window(Index, 0, self.prefix(snapshot.last_index, snapshot.last_term))
                return "append_requests", AppendEntries(Term(m.term), Node(m.sender - 1), Index(0), Term(0), window, Index(snapshot.last_index))
            case _:
                return None

    def prefix(self, last_index: int, last_term: int) -> tuple[Entry, ...]:
        """The log that a snapshot stands for: what is committed, with the term that the snapshot gives its last entry."""
        agreed = self._agreed()
        if last_index > len(agreed):
            raise UnknownPrefix(f"a snapshot up to {last_index}, but only {len(agreed)} entries were ever committed")
        last = agreed[last_index - 1]
        return (*agreed[: last_index - 1], last if last.term == last_term else Entry(Term(last_term), last.value))
