"""Counting members towards a quorum."""

from __future__ import annotations

from impl.multi_paxos.config import Config


class Tally:
    """Sets of members as bit masks, and which of them are quorums: each set is put to the quorum system once."""

    __slots__ = ("_is_quorum", "_known", "bit")

    def __init__(self, config: Config) -> None:
        self.bit = {member: 1 << position for position, member in enumerate(config.members)}
        self._is_quorum = config.is_quorum
        self._known: dict[int, bool] = {}

    def is_quorum(self, mask: int) -> bool:
        """Whether the members are a quorum, or more."""
        known = self._known.get(mask)
        if known is None:
            known = self._known[mask] = self._is_quorum(frozenset(member for member, bit in self.bit.items() if mask & bit))
        return known
