"""Follows a cluster event by event, and ends at the first event that no step of the spec explains."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from conformance.departure import Departure
from conformance.nearest import Near, nearest
from conformance.raft.comparison import Comparison, Found
from conformance.raft.crashes import explain_crash
from conformance.raft.mapping import ClusterState, Server, View, look
from conformance.raft.steps import Guide, Happening
from conformance.raft.words import UnknownPrefix, Words
from conformance.reads import Reads
from conformance.search import Candidates, search
from conformance.told import told
from impl.raft import Entries, Raft, Ready, messages
from impl.simulation import events
from impl.simulation.raft_host import RaftHost
from model_check.validation.refusal import denials
from model_check.validation.run import Run
from spec.deployed_raft import DeployedRaft
from spec.language import Scope
from spec.raft import Node, Role
from spec.replicated_log import Index, Term, Value

ENDLESS = 100
"""So many Readys in a row that hold nothing are a loop."""
OF_OTHER_EVENTS = ("restart", "compact", "recall_snapshot", "vote_in_silence", "store_in_silence", "restore_in_silence", "lose_unwritten")
"""What explains a crash, a restart or a compaction, and nothing else."""
HUGE = 1 << 40
"""A bound that no run reaches: nothing is enumerated over terms, positions or values."""


@dataclass(slots=True)
class Followed:
    """A host, and what has happened there that the spec does not know yet."""

    server: Server
    view: View
    """The node after the last event."""
    pending: list[Happening] = field(default_factory=list)
    """Since the last Ready."""
    made: int = 0
    """How many messages wait for the next write."""
    writing: list[Happening] = field(default_factory=list)
    """What had happened before the Ready that is being written and counts with the end of the write."""
    writing_view: View | None = None
    """The node when it handed out that Ready."""
    ready: Ready | None = None


class Checker:
    """Takes steps of the spec for what happens in a cluster, and compares both sides after each Ready, crash and restart.

    It is an observer (`impl.simulation.events`): call it with each event, right after it happened.

    Args:
        hosts: the cluster, before the first event.

    Raises:
        Departure: (from a call) the first event that no step of the spec explains.
    """

    def __init__(self, hosts: Mapping[int, RaftHost]) -> None:
        self.run = Run(DeployedRaft(Scope(node=len(hosts), term=HUGE, index=HUGE, value=HUGE)))
        self.words = Words(lambda: self.run.peek("committed"))
        servers = {n: Server(host, Node(n - 1), look(_node(host))) for n, host in hosts.items()}
        self.state = ClusterState(self.words, servers)
        self.guide = Guide(self.run, self.words)
        self.comparison = Comparison(self.run, self.state)
        self.reads = Reads()
        self.events = 0
        self._empty = 0
        self._followed = {n: Followed(s, s.view) for n, s in servers.items()}
        self._handlers: dict[type, Callable[[Followed, Any], None]] = {
            events.BeginWrite: self._begin_write,
            events.FinishWrite: self._finish_write,
            events.Crash: self._crash,
            events.Restart: self._restart,
            events.Compact: self._compact,
            events.Read: self._read,
        }

    def __call__(self, event: events.Event) -> None:
        """An event has happened."""
        self.events += 1
        followed = self._followed[event.host]
        if not isinstance(event, (events.BeginWrite, events.FinishWrite)):
            self._empty = 0
        try:
            self._handlers.get(type(event), self._happened)(followed, event)
        except UnknownPrefix as error:
            raise self._departure(followed, self.run.mark(), event, Found([], str(error))) from None

    # --- Events

    def _happened(self, f: Followed, event: events.Event) -> None:
        """Only the host itself knows of it, until its Ready counts."""
        node = _node(f.server.host)
        view, waiting = look(node), node.outbox_after_write
        changed = view != f.view
        if not changed and len(waiting) == f.made:
            return
        appended = None
        if view.role is Role.LEADER and view.last_index > f.view.last_index:
            appended = _entries(node, f.view.last_index + 1, view.last_index)
        f.pending.append(Happening(self.events, event, view, changed, waiting[f.made :], appended))
        f.made, f.view = len(waiting), view

    def _read(self, f: Followed, event: events.Read) -> None:
        self.reads.asked(event.context, len(self.run.peek("committed")))
        self._happened(f, event)

    def _begin_write(self, f: Followed, event: events.BeginWrite) -> None:
        """A leader's Ready counts at once, for its calls leave; any other counts once it is on the disk."""
        s, node, ready = f.server, _node(f.server.host), f.server.host.writing
        assert ready is not None, "begin_write has queued a Ready"
        f.view, f.made, f.ready = look(node), 0, ready
        f.writing, f.pending, f.writing_view = f.pending, [], f.view
        mark = self._begin()
        if f.view.role is Role.LEADER:
            # What only makes an answer waits for the end of the write, for so does the answer.
            batch = [h for h in f.writing if h.changed]
            self._explain(f, batch)
            f.writing = [h for h in f.writing if not h.changed]
            self.guide.send(s, event.messages)
            self.guide.approach_progress(s, f.view)
            s.view, s.unwritten = f.view, ready.entries
            self._compare(f, mark, event, event.messages, batch)
        else:
            differences = self.comparison.of_messages(mark, event.messages)
            if differences:
                remark = "a message leaves before what it says is written" if any(map(_waits, event.messages)) else ""
                raise self._departure(f, mark, event, Found(differences, remark), happenings=f.writing, sent=event.messages)
        self._empty = 0 if _holds_work(ready) else self._empty + 1
        wrong = self.reads.wrong(ready.read_states) if self._empty < ENDLESS else "Readys that hold nothing are handed out without end"
        if wrong:
            raise self._departure(f, mark, event, Found([], wrong))

    def _finish_write(self, f: Followed, event: events.FinishWrite) -> None:
        """What the last Ready holds is on the disk, and its answers leave."""
        s, ready = f.server, f.ready
        assert ready is not None, "a write has begun"
        assert f.writing_view is not None, "a write has begun"
        batch, view = f.writing, f.writing_view
        f.writing, f.writing_view, f.ready = [], None, None
        mark = self._begin()
        self._explain(f, batch)
        s.view, s.unwritten = view, None
        self.guide.approach_snapshot(s)
        self.comparison.note(s, ready.entries.first_index if ready.entries is not None else None)
        self._compare(f, mark, event, event.messages, batch)
        if ready.committed is not None:
            wrong = self.comparison.applied(s, ready.committed)
            if wrong:
                raise self._departure(f, mark, event, Found([], wrong))
        self._happened(f, event)

    def _crash(self, f: Followed, event: events.Crash) -> None:
        """All that is not on the disk is lost."""
        s = f.server
        batch, f.pending, f.writing, f.writing_view, f.ready, f.made = f.writing, [], [], None, None, 0
        mark = self._begin()
        s.unwritten = None
        torn = [h for h in batch if h.changed or h.made]
        explain_crash(self.guide, s, torn)
        snapshot = s.host.disk.storage.snapshot()
        storage = s.host.disk.storage
        hard_state, last = storage.hard_state(), storage.last_index()
        covered = snapshot.last_index if snapshot is not None else 0
        s.view = View(hard_state.current_term, hard_state.voted_for, Role.FOLLOWER, covered, last, storage.term(last), (), ())
        self.comparison.note(s, 1)
        self._compare(f, mark, event, [], torn)

    def _restart(self, f: Followed, event: events.Restart) -> None:
        """The host is what its disk makes it."""
        f.view = f.server.view = look(_node(f.server.host))
        self._compare(f, self._begin(), event, [])

    def _compact(self, f: Followed, event: events.Compact) -> None:
        mark = self._begin()
        self.guide.approach_snapshot(f.server)
        self._compare(f, mark, event, [])

    # --- Explaining and comparing

    def _begin(self) -> int:
        self.guide.refusals.clear()
        return self.run.mark()

    def _explain(self, f: Followed, batch: Iterable[Happening]) -> None:
        for h in batch:
            mark = self.run.mark()
            self.guide.explain(f.server, h)
            self.comparison.note_happening(f.server, h)
            found = self.comparison.soon(f.server, h.view) if h.changed else []
            if found and not self._search(f, h, mark):
                raise self._departure(f, mark, h.event, Found(found), number=h.number, happenings=[h], after=h.view)

    def _search(self, f: Followed, h: Happening, mark: int) -> bool:
        """Other steps than the hinted ones; the hinted ones again where there are none."""
        self.run.back(mark)
        if search(self.run, lambda: not self.comparison.soon(f.server, h.view), self._candidates(f, [h], h.view), f.server.node, OF_OTHER_EVENTS):
            return True
        self.guide.refusals.clear()
        self.guide.explain(f.server, h)
        return False

    def _compare(self, f: Followed, mark: int, event: events.Event, sent: Sequence[messages.Message], batch: Sequence[Happening] = ()) -> None:
        differences = self.comparison.of_server(f.server) + self.comparison.of_messages(mark, sent)
        if differences:
            raise self._departure(f, mark, event, Found(differences), happenings=batch, sent=sent)

    def _departure(
        self,
        f: Followed,
        mark: int,
        event: events.Event,
        found: Found,
        *,
        number: int = 0,
        happenings: Sequence[Happening] = (),
        after: View | None = None,
        sent: Sequence[messages.Message] = (),
    ) -> Departure:
        taken, reached = self.run.steps, self.run.state
        changes = self.comparison.changes(f.server, mark, after, sent)
        steps = taken[self.run.length :]
        own = [h for h in happenings if h.event is not event]
        return Departure(
            number or self.events,
            told(event),
            since=[f"event {h.number}, {told(h.event)}" for h in own],
            changes=changes,
            steps=[str(step) for step in steps],
            denials=[d for step in steps[-1:] for d in denials(self.run.protocol, reached, step)],
            refusals=list(self.guide.refusals),
            differences=found.differences,
            near=[] if steps or self.guide.refusals else self._near(f, found, happenings, after or f.server.view),
            remark=found.remark,
            words=self.words.legend(len(self.state.servers)),
        )

    def _near(self, f: Followed, found: Found, happenings: Sequence[Happening], view: View) -> list[Near]:
        """What else the spec has for what differs; the run is back at the state before."""
        return nearest(self.run, [d.variable for d in found.differences], self._candidates(f, happenings, view), f.server.node)

    def _candidates(self, f: Followed, happenings: Sequence[Happening], view: View) -> Candidates:
        """Arguments that steps of a server may have in an explanation."""
        said = [s[1] for h in happenings if h.message is not None and (s := self.words.said(h.message)) is not None]
        candidates: dict[type, list[object]] = {
            Node: [s.node for s in self.state.servers.values() if s is not f.server],
            Term: [Term(view.current_term)],
            Index: [Index(i) for i in sorted({view.commit_index, view.last_index})],
            Value: [self.words.value(command) for h in happenings if h.appended is not None for command in h.appended.commands[:1]],
        }
        for m in said:
            candidates.setdefault(type(m), []).append(m)
        return candidates


def _node(host: RaftHost) -> Raft:
    assert host.node is not None, "the host is up"
    return host.node


def _holds_work(ready: Ready) -> bool:
    return any(getattr(ready, name) for name in Ready.__slots__)


def _waits(m: messages.Message) -> bool:
    """Whether a message says that something is written."""
    return type(m) in (messages.AppendReply, messages.VoteReply, messages.RequestVote)


def _entries(node: Raft, first: int, last: int) -> Entries:
    """Entries of a node's log, however many."""
    found = node.log.entries(first, last, 1 << 60)
    while found.last_index < last:
        more = node.log.entries(found.last_index + 1, last, 1 << 60)
        found = Entries(first, found.terms + more.terms, found.commands + more.commands)
    return found
