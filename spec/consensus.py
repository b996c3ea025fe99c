"""Consensus itself: at most one value is ever chosen.

The top of Lamport's ladder (`Consensus.tla` in the TLA+ examples): no processes, no messages, only the set of
chosen values. Everything below it is correct because it refines this.
"""

from __future__ import annotations

from spec.language import Protocol, Scope, Set, Sort, action, action_property, invariant, require, witness


class Value(Sort):
    """What may be proposed and chosen."""


class Consensus(Protocol):
    """A value is chosen, once."""

    default_scope = Scope(value=3)

    chosen: Set[Value]
    """The values chosen so far: none, then one."""

    def init(self) -> None:
        """Nothing is chosen."""
        self.chosen = Set()

    @action
    def choose(self, v: Value) -> None:
        """Choose a value."""
        # Only the first choice counts.
        require(all(w not in self.chosen for w in Value), rule="choose only once")
        self.chosen |= {v}

    @invariant
    def agreement(self) -> bool:
        """At most one value is chosen."""
        return all(v == w for v in self.chosen for w in self.chosen)

    @action_property
    def stability(self, after: Consensus) -> bool:
        """What is chosen stays chosen."""
        return self.chosen <= after.chosen

    @witness
    def a_value_is_chosen(self) -> bool:
        """Some value is chosen."""
        return any(v in self.chosen for v in Value)
