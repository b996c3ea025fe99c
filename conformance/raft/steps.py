"""Which steps of the spec an event comes to: hints, each of which the spec may refuse.

What a host did is read off its variables, not off its code: the message it handled, then whatever brings the spec's server to where
the host is. A hint is only ever a step of the spec, taken by its own rules; a wrong one can refuse a correct run, never excuse a wrong one.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

from conformance import guide
from conformance.raft.mapping import Server, View, snapshot_index
from conformance.raft.words import Words
from impl.raft import Entries, messages
from impl.simulation.events import Deliver, Event
from model_check.validation.office import towards_office
from model_check.validation.run import Run
from spec.raft import Node, Role
from spec.replicated_log import Index

LEADER = Role.LEADER


@dataclass(slots=True)
class Happening:
    """An event at a host that changed what the spec sees, or made a message; explained once its Ready counts."""

    number: int
    event: Event
    view: View
    """The node after it."""
    changed: bool
    """Whether that differs from before."""
    made: Sequence[messages.Message]
    """The messages that it made, to leave after the write."""
    appended: Entries | None
    """Entries that a leader took in."""

    @property
    def message(self) -> messages.Message | None:
        """What was delivered."""
        return self.event.message if type(self.event) is Deliver else None


class Guide(guide.Guide):
    """Takes steps of a run for what happened at a host."""

    def __init__(self, run: Run, words: Words) -> None:
        super().__init__(run)
        self.words = words

    def explain(self, s: Server, h: Happening) -> None:
        """Bring the spec's server to where an event has brought the host."""
        m = h.message
        if m is not None:
            handler = _HANDLERS.get(type(m))
            if handler is not None:
                handler(self, s, h, m)
        if h.changed:
            self.approach(s, h)

    # --- What a message comes to

    def _request_vote(self, s: Server, h: Happening, m: messages.RequestVote) -> None:
        # A vote denied says nothing but a term.
        said = self.words.said(m)
        if said is not None and any(type(r) is messages.VoteReply and r.vote_granted and not r.pre_vote for r in h.made):
            self.take("handle_request_vote", s.node, said[1])

    def _vote_reply(self, s: Server, h: Happening, m: messages.VoteReply) -> None:
        said = self.words.said(m)
        counted = h.view.role is LEADER or m.sender in h.view.votes
        if said is not None and counted and Node(m.sender - 1) not in self.run.peek("votes_granted", s.node):
            self.take("handle_vote_reply", s.node, said[1])

    def _append_entries(self, s: Server, h: Happening, m: messages.AppendEntries) -> None:
        if not h.made or (not h.changed and self._already_said(h.made)):
            return
        said = self.words.said(m)
        assert said is not None, "the spec has AppendEntries too"
        self.take("handle_append_entries", s.node, said[1])

    def _append_reply(self, s: Server, h: Happening, m: messages.AppendReply) -> None:
        # A failure in the leader's own term says where to try next, and that is the leader's choice.
        if h.changed and (m.success or m.term > self.run.peek("current_term", s.node)):
            said = self.words.said(m)
            assert said is not None, "the spec has AppendReply too"
            self.take("handle_append_reply", s.node, said[1])

    def _install_snapshot(self, s: Server, h: Happening, m: messages.InstallSnapshot) -> None:
        said = self.words.said(m)
        assert said is not None, "a snapshot is a call that begins at the first entry"
        for reply in h.made:
            if type(reply) is not messages.AppendReply:
                continue
            if not reply.success or reply.match_index == m.snapshot.last_index:
                self.take("handle_append_entries", s.node, said[1])
            else:
                self._approach_office(s, h.view)
                self.take("acknowledge_committed", s.node)

    def _already_said(self, made: Sequence[messages.Message]) -> bool:
        return all(m in self.run.peek(variable) for variable, m in self.words.all_said(made))

    # --- Towards a view

    def approach(self, s: Server, h: Happening) -> None:
        """Whatever else brings the spec's server to a view of the host."""
        view, run, n = h.view, self.run, s.node
        self._approach_office(s, view)
        if view.role is not LEADER or run.peek("role", n) is not LEADER:
            return
        if h.appended is not None:
            for command in h.appended.commands:
                self.take("client_request", n, self.words.value(command))
        self.approach_progress(s, view)
        if view.commit_index > run.peek("commit_index", n):
            goal = Index(view.commit_index)
            while run.peek("commit_index", n) < goal and self.take("advance_commit", n, goal):
                pass

    def _approach_office(self, s: Server, view: View) -> None:
        """Term and role."""
        for step in towards_office(self.run, s.node, view.current_term, view.role, view.voted_for == s.host.id):
            self.take(*step)

    def approach_progress(self, s: Server, view: View) -> None:
        """The leader's next indices."""
        run, n = self.run, s.node
        for peer, following, _ in view.progress:
            p = Node(peer - 1)
            if run.peek("next_index", n, p) != following:
                self.take("choose_next_index", n, p, Index(following))

    def approach_snapshot(self, s: Server) -> None:
        """A snapshot on the disk."""
        found = snapshot_index(s)
        if found > self.run.peek("snapshot_index", s.node):
            self.take("compact", s.node, found)

    # --- What a leader sends

    def send(self, s: Server, sent: Sequence[messages.Message]) -> None:
        """The calls that leave with a leader's Ready."""
        run, n = self.run, s.node
        for m in sent:
            said = self.words.said(m)
            if said is None or said[0] != "append_requests" or said[1] in run.peek("append_requests"):
                continue
            if type(m) is messages.InstallSnapshot:
                self.take("send_snapshot", n, Index(m.snapshot.last_index))
            elif type(m) is messages.AppendEntries:
                peer, following = Node(m.receiver - 1), m.prev_log_index + 1
                if run.peek("next_index", n, peer) != following:
                    self.take("choose_next_index", n, peer, Index(following))
                self.take("append_entries", n, peer, Index(m.prev_log_index + len(m.entries.terms)))


_HANDLERS: dict[type, Callable[[Guide, Server, Happening, Any], None]] = {
    messages.RequestVote: Guide._request_vote,
    messages.VoteReply: Guide._vote_reply,
    messages.AppendEntries: Guide._append_entries,
    messages.AppendReply: Guide._append_reply,
    messages.InstallSnapshot: Guide._install_snapshot,
}
