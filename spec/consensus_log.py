"""A log of independent agreements: what Multi-Paxos is for, without acceptors, ballots or messages.

Lamport, "Paxos Made Simple" (2001), section 3: the i-th command of the state machine is what the i-th instance of consensus
chooses. `spec/multi_paxos.py` refines it.
"""

from __future__ import annotations

from spec.consensus import Value
from spec.language import Map, Protocol, Scope, Set, Sort, action, action_property, invariant, require, witness


class Slot(Sort):
    """A place in the log. Instances do not depend on each other's order, so slots are interchangeable."""


class ConsensusLog(Protocol):
    """In each slot one value is chosen, once and for all."""

    default_scope = Scope(slot=2, value=2)

    chosen: Map[Slot, Set[Value]]
    """The values chosen so far, in each slot."""

    def init(self) -> None:
        """Nothing is chosen."""
        self.chosen = Map({s: Set() for s in Slot})

    @action
    def choose(self, s: Slot, v: Value) -> None:
        """Choose a value in a slot."""
        require(self.chosen[s] == Set(), rule="choose only once in a slot")
        self.chosen[s] = Set({v})

    @invariant
    def agreement(self) -> bool:
        """At most one value is chosen in a slot."""
        return all(v == w for s in Slot for v in self.chosen[s] for w in self.chosen[s])

    @action_property
    def stability(self, after: ConsensusLog) -> bool:
        """What is chosen stays chosen."""
        return all(v in after.chosen[s] for s in Slot for v in self.chosen[s])

    @witness
    def every_slot_is_chosen(self) -> bool:
        """A value is chosen in every slot."""
        return all(self.chosen[s] != Set() for s in Slot)
