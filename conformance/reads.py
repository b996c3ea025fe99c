"""Reads: what the specs leave out, held against them all the same.

A read changes no variable of a spec, so it is a stutter. What makes it linearizable is checked here: the index from which it may be
answered covers everything that was committed when the read came in (Raft: dissertation, section 6.4; Multi-Paxos: `impl/multi_paxos/reads.py`).
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Protocol

from model_check.report import counted


class ReadState(Protocol):
    """A read that may be answered once its index is applied."""

    @property
    def context(self) -> bytes:
        """Which read."""

    @property
    def read_index(self) -> int:
        """The index, or the slot."""


class Reads:
    """The reads of a run."""

    def __init__(self) -> None:
        self._asked: dict[bytes, int] = {}

    def asked(self, context: bytes, committed: int) -> None:
        """A read came in when so many entries were committed; one that is asked for again began when it was first asked for."""
        self._asked.setdefault(context, committed)

    def wrong(self, answers: Iterable[ReadState]) -> str:
        """What is wrong with the first answer that comes too early; empty where all are right."""
        for answer in answers:
            committed = self._asked.get(answer.context)
            if committed is not None and answer.read_index < committed:
                return (
                    f"a stale read: {answer.context!r} may be answered from index {answer.read_index} on, "
                    f"but {counted(committed, 'entry', 'entries')} had been committed when it came in"
                )
        return ""
