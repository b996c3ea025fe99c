"""What a crash has left of a server: the one choice that a trace in Ionian's format leaves, and a bounded search for it.

On the disk are all lines that count, some of those that waited for a write, and then perhaps a part of one write: a vote, a term, the first entries of
a call. A `start` shows what was found there. It is explained by steps that the spec has for crashes; the last entry's position and term say
which log it is, so whatever is found leads to the same state.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from model_check.validation.ionian_lines import Line, Shown
from model_check.validation.ionian_steps import CALLS, Steps
from model_check.validation.verdict import Refused
from spec.raft import AppendEntries, Node, Role
from spec.replicated_log import Index, Term

MOST_TRIES = 3_000
"""Ways tried to explain one start."""


class LimitReached(Exception):
    """There are more ways to try than are tried."""


class Restart:
    """Explains one `start` of a server that was up."""

    def __init__(self, steps: Steps, line: Line) -> None:
        assert line.state is not None, "a start shows a state"
        self.steps, self.line, self.shown = steps, line, line.state
        self.node: Node = steps.nodes[line.node]
        self._tries = 0

    def explain(self, lost: Sequence[Line], calls: Sequence[AppendEntries]) -> None:
        """Take the steps of the crash.

        Args:
            lost: The server's lines that waited for a write, in order.
            calls: Calls that it may have handled without a line, in the order in which they were sent.

        Raises:
            Refused: No crash leaves what the line shows.
            LimitReached: None of those tried does.
        """
        run = self.steps.run
        refused: Refused | None = None
        for survivors in range(len(lost) + 1):
            mark = run.mark()
            said = [self.steps.sent[line.message] for line in lost[survivors:] if line.message is not None and line.message.kind in CALLS]
            partial = [m for m in said if isinstance(m, AppendEntries)] or calls[::-1]
            for call in (None, *self._contain_the_last_entry(partial)):
                self._tries += 1
                if self._tries > MOST_TRIES:
                    raise LimitReached(f"what the crash has left was not explained in {MOST_TRIES:,} tries")
                try:
                    self._crash(call)
                    return
                except Refused as why:
                    refused = refused or why
                    run.back(mark)
            if survivors < len(lost):
                self.steps.explain(lost[survivors])
        assert refused is not None, "at least one way was tried"
        raise refused

    def _contain_the_last_entry(self, calls: Iterable[AppendEntries]) -> Iterable[AppendEntries]:
        """The calls that may have left the log as it was found."""
        last, term = self.shown.last_log_index, self.shown.last_log_term
        return (m for m in calls if m.prev_log_index < last <= m.entries.last and m.entries[Index(last)].term == term)

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
            wanted = "null" if difference.by_spec is None else difference.by_spec
            why = f"the server comes up with {difference.field} {difference.shown}; by the spec its disk holds {wanted}"
            raise Refused("restart", f"{difference.field} == {wanted}", why)

    def _find_vote(self, shown: Shown) -> None:
        """A term or a vote that nobody has heard of."""
        run, n = self.steps.run, self.node
        vote = None if shown.voted_for is None else self.steps.nodes[shown.voted_for]
        if (run.peek("current_term", n), run.peek("voted_for", n)) == (shown.term, vote):
            return
        if run.peek("current_term", n) > shown.term or (run.peek("current_term", n) == shown.term and run.peek("voted_for", n) is not None):
            return  # the disk holds more than the line shows, as the comparison will find
        if vote is None:
            self.steps.take("adopt_term", n, Term(shown.term))
        else:
            self.steps.take("vote_in_silence", n, Term(shown.term), vote)
