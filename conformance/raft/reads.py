"""ReadIndex: what the spec leaves out, held against it all the same.

A read changes no variable of the spec, so it is a stutter. What makes it linearizable is checked here: the index from which it may be
answered covers everything that any leader had committed when the read came in (dissertation, section 6.4).
"""

from __future__ import annotations

from collections.abc import Iterable

from impl.raft import ReadState


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
                    f"but {committed} entries were committed when it was asked for (dissertation, section 6.4)"
                )
        return ""
