"""What a crash has left of a server: the one choice that a trace in Ionian's format leaves, and a bounded search for it.

On the disk are all lines that count, some of those that waited for a write, and then perhaps a part of one write: a vote, a term, the first entries of
a call. A `start` shows what was found there. It is explained by steps that the spec has for crashes; the last entry's position and term say
which log it is, so whatever is found leads to the same state.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence

from model_check.validation.ionian_lines import Line, Message, Shown
from model_check.validation.ionian_steps import Steps, shown_text
from model_check.validation.verdict import Refused
from spec.raft import AppendEntries, Node, Role
from spec.replicated_log import Index, Term

MOST_TRIES = 3_000
"""Ways tried to explain one start."""


class LimitReached(Exception):
    """There are more ways to try than are tried."""


class Restart:
    """Explains one `start` of a server that was up.

    Args:
        steps: Takes the steps.
        line: The `start`.
        lost: The server's lines that waited for a write, in order.
        untold: Messages that it may have handled without a line, in the order in which they were sent: none where writes are logged, for what is handed
            to the disk has a line.
    """

    def __init__(self, steps: Steps, line: Line, lost: Sequence[Line], untold: Sequence[Message]) -> None:
        assert line.state is not None, "a start shows a state"
        self.steps, self.line, self.shown = steps, line, line.state
        self.lost, self.untold = lost, untold
        self.node: Node = steps.nodes[line.node]
        self._tries = 0

    def explain(self) -> None:
        """Take the steps of the crash.

        Raises:
            Refused: No crash leaves what the line shows.
            LimitReached: None of those tried does.
        """
        mark = self.steps.run.mark()
        with self.steps.trying():
            if any(map(self._leads_there, self._ways())):
                return
        # To say why: nothing of what waited was written, and no write was torn.
        self.steps.run.back(mark)
        self._crash(None)

    def _ways(self) -> Iterator[AppendEntries | None]:
        """What may have been written in part: nothing, or a call. In between, the lines that waited are taken to be written, one by one."""
        lost = self.lost
        for survivors in range(len(lost) + 1):
            yield None
            yield from self._contain_the_last_entry([line.message for line in lost[survivors:] if line.message is not None] or reversed(self.untold))
            if survivors < len(lost):
                self.steps.explain(lost[survivors])

    def _leads_there(self, call: AppendEntries | None) -> bool:
        self._tries += 1
        if self._tries > MOST_TRIES:
            raise LimitReached(f"what the crash has left was not explained in {MOST_TRIES:,} tries")
        mark = self.steps.run.mark()
        try:
            self._crash(call)
        except Refused:
            self.steps.run.back(mark)
            return False
        return True

    def _contain_the_last_entry(self, handled: Iterable[Message]) -> Iterator[AppendEntries]:
        """The calls that may have left the log as it was found."""
        last, term = self.shown.last_log_index, self.shown.last_log_term
        for m in handled:
            call = self.steps.sent[m]
            if isinstance(call, AppendEntries) and call.prev_log_index < last <= call.entries.last and call.entries[Index(last)].term == term:
                yield call

    def _crash(self, call: AppendEntries | None) -> None:
        """The steps of a crash after which a part of a call's entries, or a whole snapshot, is on the disk."""
        run, n, shown = self.steps.run, self.node, self.shown
        covered = shown.snapshot_index or 0
        if call is not None and call.prev_log_index == 0 and covered == call.entries.last > run.peek("snapshot_index", n):
            self.steps.take("restore_in_silence", n, call)
        elif run.peek("snapshot_index", n) < covered:
            self.steps.take("compact", n, Index(covered))
        if call is not None and covered < call.entries.last:
            self.steps.take("store_in_silence", n, call, Index(shown.last_log_index))
        for entry in self.line.entries:
            self.steps.take("client_request", n, self.steps.entry(entry).value)
        if run.peek("role", n) is Role.LEADER and shown.last_log_index < len(run.peek("log", n)):
            self.steps.take("lose_unwritten", n, Index(shown.last_log_index))
        self._find_vote(shown)
        if run.peek("role", n) is not Role.FOLLOWER or run.peek("commit_index", n) > 0:
            self.steps.take("restart", n)
        if 0 < shown.commit_index <= run.peek("snapshot_index", n):
            self.steps.take("recall_snapshot", n)
        difference = self.steps.difference(n, shown)
        if difference is not None:
            name, wanted, seen = difference.field, shown_text(difference.by_spec), shown_text(difference.shown)
            raise Refused("restart", f"{name} == {wanted}", f"the server comes up with {name} {seen}; by the spec its disk holds {wanted}")

    def _find_vote(self, shown: Shown) -> None:
        """A term or a vote that nobody has heard of."""
        run, n = self.steps.run, self.node
        vote = None if shown.voted_for is None else self.steps.nodes[shown.voted_for]
        if (run.peek("current_term", n), run.peek("voted_for", n)) == (shown.term, vote):
            return
        term, voted = run.peek("current_term", n), run.peek("voted_for", n)
        if shown.term < term or (shown.term == term and voted is not None) or not self._may_be_found(shown.term, shown.voted_for):
            return  # as the comparison will find
        if vote is None:
            self.steps.take("adopt_term", n, Term(shown.term))
        else:
            self.steps.take("vote_in_silence", n, Term(shown.term), vote)

    def _may_be_found(self, term: int, voted_for: int | None) -> bool:
        """Whether something that the server was told, or has done, leaves this on its disk."""
        if self.steps.header.writes_logged:
            # A term may be written before the vote in it.
            return any(line.state is not None and line.state.term == term and voted_for in (None, line.state.voted_for) for line in self.lost)
        asked = (m for m in self.untold if m.kind == "request_vote" and (m.term, m.source) == (term, voted_for))
        return voted_for is None or voted_for == self.line.node or any(asked)
