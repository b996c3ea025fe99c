"""The replicated log: what Raft is for, without servers, terms of office or messages.

Ongaro and Ousterhout, "In Search of an Understandable Consensus Algorithm (Extended Version)" (2014), section 2:
consensus keeps one log of commands on which all servers agree. Here that log is a single sequence to which agreed
entries are added, one at a time, and from which nothing is ever taken. `spec/raft.py` refines it.
"""

from __future__ import annotations

from spec.language import Ordered, Position, Protocol, Scope, Seq, Sort, action, action_property, invariant, record, require, witness


class Value(Sort):
    """A command of a client."""


class Term(Ordered, zero=True):
    """A term of office, numbered from 1; 0 is the time before the first election."""


class Index(Position):
    """A position in a log: 0 before the first entry, 1 to the greatest length, and one beyond it."""


@record
class Entry:
    """A command with the term in which a leader received it (Figure 2, `log[]`)."""

    term: Term
    value: Value


class ReplicatedLog(Protocol):
    """An agreed sequence of entries that only grows."""

    default_scope = Scope(term=2, index=2, value=2)

    log: Seq[Index, Entry]
    """The entries agreed on so far."""

    def init(self) -> None:
        """Nothing is agreed."""
        self.log = Seq.empty(Index)

    @action
    def append(self, t: Term, v: Value) -> None:
        """Agree on the next entry."""
        # No leader serves in term 0, so no entry stems from it.
        require(t > 0)
        self.log = self.log.append(Entry(t, v))

    @invariant
    def entries_have_a_leader(self) -> bool:
        """Every entry stems from a term in which a leader can have served."""
        return all(self.log[i].term > 0 for i in self.log.indices())

    @action_property
    def append_only(self, after: ReplicatedLog) -> bool:
        """What is agreed stays agreed, at its position."""
        return all(i <= after.log.last and after.log[i] == self.log[i] for i in self.log.indices())

    @witness
    def an_entry_is_agreed(self) -> bool:
        """Some entry is agreed on."""
        return self.log.last > 0
