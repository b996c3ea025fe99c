"""Holds a trace of etcd/raft against `spec/etcd_raft.py`: which steps of the spec each line is, and whether it shows their state.

A line names a step, or a moment within one; what it shows is compared with the spec's state, field by field. Steps that the
library does not trace (disk writes, lost messages, pre-votes, compaction) are taken where the next line needs one. Where
that leaves a choice, the alternatives are tried in order, with backtracking.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from itertools import permutations
from typing import Any

from model_check.validation.etcd_lines import Event, WireMessage
from model_check.validation.etcd_start import Cluster
from model_check.validation.run import Run
from model_check.validation.verdict import Departure, Verdict
from spec.etcd_raft import Config, Kind, Message, Node, Progress, Reached, Role, Slot
from spec.language import Set, SpecError

_ROLES = {Role.FOLLOWER: "StateFollower", Role.PRE_CANDIDATE: "StatePreCandidate", Role.CANDIDATE: "StateCandidate", Role.LEADER: "StateLeader"}
_TYPES = {
    Kind.APPEND: "MsgApp",
    Kind.APPEND_REPLY: "MsgAppResp",
    Kind.HEARTBEAT: "MsgHeartbeat",
    Kind.HEARTBEAT_REPLY: "MsgHeartbeatResp",
    Kind.VOTE: "MsgVote",
    Kind.VOTE_REPLY: "MsgVoteResp",
    Kind.SNAPSHOT: "MsgSnap",
}
MOST_RETRIES = 3_000
"""Alternatives tried before a trace is given up as inconclusive."""

Alternative = Callable[[], None]
Proposal = tuple[tuple[str, int], ...] | None
"""The parts of a change of members; None for a command."""
Batch = tuple[Proposal, ...]


@dataclass(frozen=True)
class Phase:
    """What the lines of a server are in the middle of, where the spec has one step or none.

    Attributes:
        boot: Before a server has started completely: which line is to come.
        founding: How many founding members' lines have come.
        batch: The proposals whose lines have come and which are not yet appended; a None is a command.
    """

    boot: str = "off"
    founding: int = 0
    batch: Batch = ()


class Refused(Exception):
    """A line that is no step of the spec."""

    def __init__(self, action: str, conjunct: str, why: str, place: str = "") -> None:
        self.action, self.conjunct, self.why, self.place = action, conjunct, why, place
        super().__init__(why)


@dataclass
class _Choice:
    """A line with alternatives that are still to be tried."""

    position: int
    mark: int
    phases: dict[Node, Phase]
    rest: Iterator[Alternative]


class Judge:
    """Explains the lines of one trace, in order."""

    def __init__(self, events: list[Event]) -> None:
        self.events = events
        self.cluster = Cluster(events)
        self.run = Run(self.cluster.protocol, self.cluster.initial_state())
        self.phases = {n: Phase() for n in self.cluster.nodes.values()}
        self.sent: dict[WireMessage, list[Message]] = {}
        self.position = 0
        self.retries = 0
        self.farthest = -1

    def judge(self) -> tuple[Verdict, int, Departure | None]:
        """The verdict, how many events are explained, and where the trace departs from the spec."""
        choices: list[_Choice] = []
        farthest: Departure | None = None
        while self.position < len(self.events):
            event = self.events[self.position]
            rest = iter(self._alternatives(event))
            refused = self._first_that_fits(event, rest, choices)
            while refused is not None:
                if self.position > self.farthest:
                    self.farthest, farthest = self.position, self._departure(event, refused)
                if not choices:
                    return "refused", self.farthest, farthest
                self.retries += 1
                if self.retries > MOST_RETRIES:
                    return "inconclusive", self.farthest, farthest
                choice = self._culprit(choices, event)
                self.run.back(choice.mark)
                self.position, self.phases = choice.position, dict(choice.phases)
                event = self.events[self.position]
                refused = self._first_that_fits(event, choice.rest, choices)
            self.position += 1
        return "explained", len(self.events), None

    def _culprit(self, choices: list[_Choice], event: Event) -> _Choice:
        """The choice to try otherwise: the latest at a server that the refused line is about, else the latest; those after it are forgotten."""
        concerned = {event.node} | ({event.message.source} if event.message is not None else set())
        concerned |= {self.events[c.position].node for c in choices if event.name == "ApplyConfChange" and self.events[c.position].name != "InitState"}
        at = next((i for i in range(len(choices) - 1, -1, -1) if self.events[choices[i].position].node in concerned), len(choices) - 1)
        choice = choices[at]
        del choices[at:]
        return choice

    def _first_that_fits(self, event: Event, rest: Iterator[Alternative], choices: list[_Choice]) -> Refused | None:
        mark, phases = self.run.mark(), dict(self.phases)
        first_refusal: Refused | None = None
        for alternative in rest:
            try:
                alternative()
            except Refused as refused:
                first_refusal = first_refusal or refused
                self.run.back(mark)
                self.phases = dict(phases)
                continue
            following = next(rest, None)
            if following is not None:
                choices.append(_Choice(self.position, mark, phases, _chained(following, rest)))
            return None
        return first_refusal or Refused("", "", "no other way to explain it is left")

    def _departure(self, event: Event, refused: Refused) -> Departure:
        return Departure(event.line, refused.action, refused.conjunct, refused.place, refused.why, self.describe(self.cluster.nodes[event.node]))

    def _alternatives(self, event: Event) -> list[Alternative]:
        n = self.cluster.nodes[event.node]
        phase = self.phases[n]
        if event.name == "InitState":
            return self._starts(event, n)
        if phase.boot in ("off", "restore", "begin"):
            return [lambda: self._boot(event, n)]
        if phase.boot in ("founded", "found") and event.name in ("BecomeFollower", "ApplyConfChange") and self._founds(event, n):
            return [lambda: self._found(event, n)]
        if phase.batch and event.message is not None and event.name == "SendAppendEntriesResponse" and event.message.target == event.node:
            joint = [self.cluster.joint_or_not(item, n, self.position) for item in phase.batch if item]
            appended = [(order, j) for j in (joint[0] if joint else (False,)) for order in _orders(phase.batch)]
            return [lambda order=order, j=j: self._append_batch(event, n, order, j) for order, j in appended]  # type: ignore[misc]
        if self._may_have_been_unreachable(event, n):
            return [lambda: self._receive(event, n), lambda: self._receive(event, n, reported=True)]
        if event.name == "ApplyConfChange" and event.commit > len(self.run.peek("founding")) and self.run.peek("handling", n) is None:
            ways: list[Alternative] = [lambda: self._apply_conf_change(event, n)]
            if self._skips_founding(n):
                ways.insert(0, lambda: self._apply_after_founding(event, n))
            return [*ways, lambda: self._turn_down(event, n)] if self._may_be_turned_down(event, n) else ways
        if self._may_be_turned_down(event, n):
            return [lambda: self._apply_conf_change(event, n), lambda: self._turn_down(event, n)]
        handler: Callable[[Event, Node], None] = getattr(self, f"_{_snake(event.name)}")

        def explain() -> None:
            if event.role == "StatePreCandidate" and self.run.peek("role", n) != Role.PRE_CANDIDATE:
                self._settle(n)
                self._skip_founding(n)
                self._take("stand", n)
            handler(event, n)

        return [explain]

    # --- what a line shows

    def _take(self, action: str, *arguments: Any) -> None:
        try:
            taken = self.run.take(action, *arguments)
        except SpecError as undefined:
            raise Refused(action, "", f"{self.cluster.words(action, arguments)} reads what is not there: {undefined.message}") from None
        if not taken:
            if self.position <= self.farthest:
                # Only the refusal that comes farthest is shown, and to explain one is work.
                raise Refused(action, "", "")
            refusal = self.run.refusal(action, *arguments)
            values = ", ".join(f"{name} = {value}" for name, value in refusal.values)
            why = f"{self.cluster.words(action, arguments)} is not possible: `{refusal.conjunct}` does not hold" + (f" ({values})" if values else "")
            raise Refused(action, refusal.conjunct, why, refusal.place)

    def _shows(self, event: Event, n: Node, action: str, **instead: Any) -> None:
        """Compare a line with the present state; some fields may be expected otherwise."""
        run, ids = self.run, self.cluster.ids
        config: Config = run.peek("config", n)
        vote = run.peek("vote", n)
        expected = {
            "state.term": int(run.peek("term", n)),
            "state.vote": 0 if vote is None else ids[vote],
            "state.commit": int(run.peek("commit", n)),
            "role": _ROLES[run.peek("role", n)],
            "log": len(run.peek("log", n)),
            "conf": (self.cluster.shown(config.incoming), self.cluster.shown(config.outgoing)),
        }
        expected.update(instead)
        found = (event.term, event.vote, event.commit, event.role, event.log, event.conf)
        for (name, wanted), seen in zip(expected.items(), found, strict=True):
            if wanted != seen:
                raise Refused(action, f"{name} == {_text(wanted)}", f"the line shows {name} {_text(seen)}; by the spec it is {_text(wanted)} here")

    def _message_shows(self, event: Event, message: Message, action: str) -> None:
        """Compare the message of a line with the one that the spec has made, and remember it for its receiver."""
        expected, found = self.cluster.wire(message), event.message
        assert found is not None
        if expected == found:
            known = self.sent.setdefault(found, [])
            if message not in known:
                known.append(message)
            return
        for name in WireMessage.__slots__:
            wanted, seen = getattr(expected, name), getattr(found, name)
            if wanted != seen:
                label = _LABELS.get(name, name)
                raise Refused(action, f"msg.{label} == {_text(wanted)}", f"the message has {label} {_text(seen)}; by the spec it is {_text(wanted)}")

    def _made(self, event: Event, mark: int, action: str) -> None:
        """Compare the message of a line with the one that the steps since a mark have made."""
        made = [member for name, _, member in self.run.added(mark) if name == "queued"]
        if not made:
            # Its like is waiting to be sent already.
            assert event.message is not None
            queued = [m for m in self.run.peek("queued") if m.source == self.cluster.nodes[event.node]]
            made = [m for m in queued if self.cluster.wire(m) == event.message] or queued
        self._message_shows(event, made[-1], action)

    def _settle(self, n: Node) -> None:
        """Before server n does anything else: what it has received, but may ignore, is ignored."""
        if self.run.peek("handling", n) is not None:
            self._take("drop", n)
        if self.phases[n].batch:
            self._drop_batch(n)

    def _skip_founding(self, n: Node) -> None:
        """What a server does next shows that it has dealt with all changes; founding ones may be skipped without a line."""
        while self.run.take("skip_founding_change", n):
            pass

    def _drop_batch(self, n: Node) -> None:
        """Proposals that are not appended after all: a change that would have made the uncommitted part of the log too large."""
        batch = self.phases[n].batch
        if any(item is None for item in batch):
            raise Refused("acknowledge", "queued", "the leader has taken proposals in, and has to append and acknowledge them first")
        for _ in batch:
            self._take("refuse_change", n)
        self.phases[n] = replace(self.phases[n], batch=())

    # --- starting

    def _starts(self, event: Event, n: Node) -> list[Alternative]:
        if self.phases[n].boot == "off":
            return [lambda: self._first_start(event, n)]
        return [lambda step=step: self._restart(event, n, *step) for step in self.cluster.restarts(self.run, self.position, n)]  # type: ignore[misc]

    def _first_start(self, event: Event, n: Node) -> None:
        self._start_shows(event, n, "start")
        self.phases[n] = Phase(boot="restore")

    def _restart(self, event: Event, n: Node, done: int, action: str, *arguments: Any) -> None:
        self._persist(n, done)
        self._take(action, n, *arguments)
        self._start_shows(event, n, action)
        self.phases[n] = Phase(boot="restore")

    def _persist(self, n: Node, count: int) -> None:
        """The next writes of a server are done."""
        for w in self.cluster.writes(self.run, n)[:count]:
            self._take("persist", n, replace(w, slot=Slot(1)))

    def _start_shows(self, event: Event, n: Node, action: str) -> None:
        """A server that starts shows its log and where its snapshot ends, and has not yet read anything else from its disk."""
        compacted = int(self.run.peek("compacted", n))
        self._shows(event, n, action, **{"state.term": 0, "state.vote": 0, "state.commit": compacted, "role": "StateFollower", "conf": ((), ())})

    def _boot(self, event: Event, n: Node) -> None:
        boot = self.phases[n].boot
        if boot == "restore" and event.name == "ApplyConfChange":
            self._start_shows(event, n, "restart")
            incoming = self.cluster.shown(self.run.peek("config", n).incoming)
            if event.new_conf != incoming:
                raise Refused("restart", f"newconf == {_text(incoming)}", f"the server restores {_text(event.new_conf)}, its disk has {_text(incoming)}")
            self.phases[n] = Phase(boot="begin")
        elif boot == "begin" and event.name == "BecomeFollower":
            self._shows(event, n, "restart")
            self.phases[n] = Phase(boot="found" if self._can_found(n) else "")
        else:
            wanted = {"off": "InitState", "restore": "ApplyConfChange", "begin": "BecomeFollower"}[boot]
            raise Refused("restart", f"name == {wanted}", f"the server is {'not running' if boot == 'off' else 'starting'}: a line {wanted} has to come first")

    def _can_found(self, n: Node) -> bool:
        return self.run.peek("term", n) == 0 and len(self.run.peek("founding")) > 0 and not self.run.peek("log", n)

    def _founds(self, event: Event, n: Node) -> bool:
        """Whether a line is part of setting up a founding server."""
        phase = self.phases[n]
        return (phase.boot == "found" and event.name == "BecomeFollower" and event.term == 1 and self._can_found(n)) or phase.boot == "founded"

    def _found(self, event: Event, n: Node) -> None:
        phase, peers = self.phases[n], self.cluster.peers
        if phase.boot == "found":
            self._take("found", n)
            self._shows(event, n, "found", **{"state.commit": 0, "log": 0, "conf": ((), ())})
            self.phases[n] = Phase(boot="founded")
            return
        known = tuple(sorted(peers[: phase.founding]))
        wanted = tuple(sorted(peers[: phase.founding + 1]))
        self._shows(event, n, "found", conf=(known, ()))
        if event.name != "ApplyConfChange" or event.new_conf != wanted:
            raise Refused("found", f"newconf == {_text(wanted)}", f"the founding members are applied one by one: {_text(wanted)} comes next")
        count = phase.founding + 1
        self.phases[n] = Phase(boot="founded" if count < len(peers) else "", founding=count)

    # --- roles

    def _become_follower(self, event: Event, n: Node) -> None:
        run = self.run
        m, term = run.peek("handling", n), run.peek("term", n)
        if m is not None and m.term > term and (m.term == event.term or m.kind != Kind.VOTE):
            action: tuple[Any, ...] = ("adopt_term", n)
        elif m is not None and m.term == term and m.kind == Kind.VOTE_REPLY:
            action = ("lose", n)
        elif m is not None and m.term == term and m.kind != Kind.VOTE:
            action = ("concede", n)
        else:
            self._settle(n)
            action = self._unannounced(event, n)
        self._take(*action)
        self._shows(event, n, action[0])

    def _unannounced(self, event: Event, n: Node) -> tuple[Any, ...]:
        """The step by which a server becomes a follower without a line that says why."""
        role = self.run.peek("role", n)
        if event.term > self.run.peek("term", n):
            terms = [x for x in self.run.peek("reached") if x.term == event.term and x.node != n]
            source = terms[0] if terms else Reached(self.cluster.term(event.term), next(p for p in self.cluster.nodes.values() if p != n))
            return ("hear_of_term", n, source)
        if role == Role.LEADER:
            return ("abdicate", n)
        if role != Role.PRE_CANDIDATE:
            self._skip_founding(n)
            self._take("stand", n)
        return ("lose_pre_vote", n)

    def _become_candidate(self, event: Event, n: Node) -> None:
        self._settle(n)
        self._skip_founding(n)
        self._take("campaign", n)
        self._shows(event, n, "campaign")

    def _become_leader(self, event: Event, n: Node) -> None:
        self._take("become_leader", n)
        self._shows(event, n, "become_leader")

    # --- sending

    def _send_request_vote_request(self, event: Event, n: Node) -> None:
        assert event.message is not None
        self._ask(event, n, self._target(event, "ask"))

    def _ask(self, event: Event, n: Node, p: Node) -> None:
        mark = self.run.mark()
        self._take("ask", n, p)
        self._shows(event, n, "ask")
        self._made(event, mark, "ask")

    def _send_request_vote_response(self, event: Event, n: Node) -> None:
        assert event.message is not None
        if event.message.target == event.node:
            self._ask(event, n, n)
            return
        # The vote is recorded after the line.
        self._shows(event, n, "answer_vote")
        mark = self.run.mark()
        self._take("answer_vote", n)
        self._made(event, mark, "answer_vote")

    def _send_append_entries_request(self, event: Event, n: Node) -> None:
        self._settle(n)
        message = event.message
        assert message is not None
        p = self._target(event, "send_append")
        self._shows(event, n, "send_append")
        mark = self.run.mark()
        if message.type == "MsgHeartbeat":
            self._take(action := "send_heartbeat", n, p)
        elif message.type == "MsgSnap":
            self._reach_for_snapshot(n, p)
            self._take(action := "send_snapshot", n, p, self.cluster.index(message.entries))
        else:
            own = self.run.peek("match_index", n, n), self.run.peek("next_index", n, n)
            wanted = own if self._is_member(n, n) else None
            if event.own_progress != wanted:
                raise Refused("send_append", f"prop == {_text(wanted)}", f"its own match and next are {_text(wanted)}, not {_text(event.own_progress)}")
            self._reach_next(n, p, message.index + 1)
            self._take(action := "send_append", n, p, self.cluster.index(message.index + message.entries))
        self._made(event, mark, action)

    def _reach_next(self, n: Node, p: Node, wanted: int) -> None:
        """Reports that are not traced, where only they explain from where a leader sends."""
        progress, following = self.run.peek("progress", n, p), self.run.peek("next_index", n, p)
        if progress == Progress.SNAPSHOT:
            arrived = max(self.run.peek("pending_snapshot", n, p), self.run.peek("match_index", n, p)) + 1 == wanted
            self._take("report_snapshot", n, p, arrived)
        elif progress == Progress.REPLICATE and following != wanted and self.run.peek("match_index", n, p) + 1 == wanted:
            self._take("report_unreachable", n, p)

    def _reach_for_snapshot(self, n: Node, p: Node) -> None:
        """Compaction and reports that are not traced, where only they explain that a leader sends a snapshot."""
        progress = self.run.peek("progress", n, p)
        if progress == Progress.SNAPSHOT:
            # It was lost, or what follows it has been compacted meanwhile.
            self._take("report_snapshot", n, p, False)
        needed = self.run.peek("next_index", n, p)
        if progress == Progress.REPLICATE and needed > self.run.peek("handed_out", n):
            self._take("report_unreachable", n, p)
            needed = self.run.peek("next_index", n, p)
        if self.run.peek("compacted", n) < needed:
            self._take("compact", n, needed)

    def _send_append_entries_response(self, event: Event, n: Node) -> None:
        message = event.message
        assert message is not None
        if message.target == event.node:
            self._append_batch(event, n, (), False)
            return
        mark = self.run.mark()
        m = self.run.peek("handling", n)
        if m is not None and m.term < self.run.peek("term", n):
            action = "answer_stale"
        elif message.type == "MsgHeartbeatResp":
            action = "answer_heartbeat"
        else:
            action = "answer_snapshot" if m is not None and m.kind == Kind.SNAPSHOT else "answer_append"
        self._take(action, n)
        self._shows(event, n, action)
        self._made(event, mark, action)

    def _append_batch(self, event: Event, n: Node, batch: Batch, joint: bool) -> None:
        """The leader appends what it has taken in, and acknowledges it to itself."""
        self.phases[n] = replace(self.phases[n], batch=())
        if self.run.peek("handling", n) is not None:
            self._settle(n)
        mark = self.run.mark()
        for item in batch:
            self._propose(n, item, joint)
        # Entries without a line: the end of a joint configuration, and changes that change no member.
        for _ in range(min(event.log - len(self.run.peek("log", n)), 64)):
            if self.run.peek("config", n).outgoing:
                self._take("propose_leave", n)
            else:
                self._take("propose_change", n, Set(), Set(), Set(), False)
        self._take("acknowledge", n)
        self._shows(event, n, "acknowledge")
        self._made(event, mark, "acknowledge")

    def _propose(self, n: Node, item: Proposal, joint: bool) -> None:
        if item is None:
            self._take("propose", n)
            return
        change = self.cluster.change(item, joint)
        self._skip_founding(n)
        self._take("propose_change", n, change.voters, change.learners, change.removed, change.joint)

    def _replicate(self, event: Event, n: Node) -> None:
        self._take_in(event, n, None)

    def _change_conf(self, event: Event, n: Node) -> None:
        self._take_in(event, n, event.changes)

    def _take_in(self, event: Event, n: Node, item: Proposal) -> None:
        """A proposal's line comes before its batch is appended: see whether it may be, and wait for the rest."""
        if not self.phases[n].batch and not self.run.peek("opening", n):
            self._settle(n)
        self._shows(event, n, "propose")
        mark = self.run.mark()
        self._propose(n, item, False)
        self.run.back(mark)
        self.phases[n] = replace(self.phases[n], batch=(*self.phases[n].batch, item))

    # --- receiving

    def _may_have_been_unreachable(self, event: Event, n: Node) -> bool:
        """Whether a leader goes on from an acknowledgement though it had sent more: it had been told, before it or after it, that this was lost."""
        m = event.message
        if m is None or event.name != "ReceiveAppendEntriesResponse" or m.type != "MsgAppResp" or m.reject or m.source == event.node:
            return False
        p = self.cluster.nodes[m.source]
        if self.run.peek("progress", n, p) != Progress.REPLICATE or self.run.peek("next_index", n, p) <= m.index + 1:
            return False
        sent = self.cluster.next_call(self.position, m.source)
        return sent is not None and sent.index == m.index

    def _receive(self, event: Event, n: Node, *, reported: bool = False) -> None:
        self._settle(n)
        if reported:
            assert event.message is not None
            self._take("report_unreachable", n, self.cluster.nodes[event.message.source])
        self._shows(event, n, "receive")
        message = event.message
        assert message is not None
        if message.target != event.node:
            raise Refused("receive", "m.target == n", f"server {event.node} receives a message to server {message.target}")
        self._forget_before_vote(event, n)
        self._report_before_recount(event, n)
        known = self.sent.get(message, [])
        for m in known:
            if self._arrives(n, m):
                return
        if known:
            self._take("receive", n, known[0])
        raise Refused("receive", "m in self.network", self._never_sent(message))

    _receive_append_entries_request = _receive
    _receive_append_entries_response = _receive
    _receive_request_vote_request = _receive
    _receive_request_vote_response = _receive

    def _arrives(self, n: Node, m: Message) -> bool:
        """Receive a message, after its sender's disk was written where it had to wait for that."""
        if self.run.take("receive", n, m):
            return True
        slots = [int(h.slot) for h in self.run.peek("held") if h.message == m]
        if not slots:
            return False
        mark = self.run.mark()
        self._persist(m.source, min(slots))
        if self.run.take("receive", n, m):
            return True
        self.run.back(mark)
        return False

    def _report_before_recount(self, event: Event, n: Node) -> None:
        """A leader recounts though an acknowledgement tells it nothing new: it had been told what became of its calls to this member."""
        message = event.message
        assert message is not None
        p = self.cluster.nodes.get(message.source)
        if message.type != "MsgAppResp" or message.reject or p is None or not self._next_is(n, "Commit"):
            return
        if self.run.peek("match_index", n, p) != message.index or p == n:
            return
        if self.run.peek("progress", n, p) == Progress.REPLICATE:
            self._take("report_unreachable", n, p)
        elif self.run.peek("progress", n, p) == Progress.SNAPSHOT:
            self._take("report_snapshot", n, p, True)

    def _forget_before_vote(self, event: Event, n: Node) -> None:
        """A follower grants a vote though it knew of a leader in this term: it was told to forget it."""
        message = event.message
        assert message is not None
        if message.type != "MsgVote" or message.term != event.term or self.run.peek("lead", n) is None or self.run.peek("vote", n) is not None:
            return
        following = self.cluster.following(self.position)
        if following is not None and following.name == "SendRequestVoteResponse" and following.message is not None and not following.message.reject:
            self._take("forget_leader", n)

    def _next_is(self, n: Node, name: str) -> bool:
        following = self.cluster.following(self.position)
        return following is not None and following.name == name

    def _never_sent(self, message: WireMessage) -> str:
        alike = [w for w in self.sent if (w.type, w.source, w.target) == (message.type, message.source, message.target)]
        if not alike:
            return f"server {message.source} has never sent server {message.target} a {message.type}"

        def differing(w: WireMessage) -> list[str]:
            return [f"{_LABELS.get(s, s)} {getattr(w, s)}" for s in WireMessage.__slots__ if getattr(w, s) != getattr(message, s)]

        nearest = min(reversed(alike), key=lambda w: len(differing(w)))
        return f"server {message.source} has never sent this message; the nearest that it has sent has {', '.join(differing(nearest))}"

    # --- the rest

    def _commit(self, event: Event, n: Node) -> None:
        if event.commit > self.run.peek("commit", n):
            self._take("advance_commit", n, self.cluster.index(event.commit))
        else:
            self._take("keep_commit", n)
        self._shows(event, n, "advance_commit")

    def _ready(self, event: Event, n: Node) -> None:
        self._settle(n)
        self._shows(event, n, "ready")
        self._take("ready", n)

    def _apply_conf_change(self, event: Event, n: Node) -> None:
        m = self.run.peek("handling", n)
        if m is not None and m.kind == Kind.SNAPSHOT:
            self._restore(event, n, m)
            return
        self._settle(n)
        self._shows(event, n, "apply_change")
        refused = self._applies(event, n, "apply_change")
        if refused is not None and self._applies(event, n, "reject_change") is not None and self._applies(event, n, "apply_change", skip=True) is not None:
            raise refused

    def _skips_founding(self, n: Node) -> bool:
        """Whether a server may pass over founding entries: later ones are committed, and it still has the founders' configuration."""
        mark = self.run.mark()
        skips = self.run.take("skip_founding_change", n)
        self.run.back(mark)
        return skips

    def _apply_after_founding(self, event: Event, n: Node) -> None:
        self._settle(n)
        self._shows(event, n, "apply_change")
        refused = self._applies(event, n, "apply_change", skip=True)
        if refused is not None:
            raise refused

    def _applies(self, event: Event, n: Node, action: str, *, skip: bool = False) -> Refused | None:
        """Apply a change, or turn it down, perhaps after skipping founding entries; without effect where the line shows something else."""
        mark = self.run.mark()
        try:
            if skip:
                self._skip_founding(n)
            self._take(action, n)
        except Refused as refused:
            self.run.back(mark)
            return refused
        differs = self._new_config(event, n)
        if differs is not None:
            self.run.back(mark)
        return differs

    def _may_be_turned_down(self, event: Event, n: Node) -> bool:
        """Whether a change that adds or removes learners only may as well have been turned down: the voters stay the same."""
        config = self.run.peek("config", n)
        applied = int(self.run.peek("applied", n))
        change = next((e.change for e in self.run.peek("log", n)[applied:] if e.change is not None), None)
        if change is None or not (change.learners or change.removed):
            return False
        same = event.new_conf == self.cluster.shown(config.incoming) and event.name == "ApplyConfChange"
        return same and self.run.peek("handling", n) is None and self.cluster.outgoing_after(self.position) == self.cluster.shown(config.outgoing)

    def _turn_down(self, event: Event, n: Node) -> None:
        self._shows(event, n, "reject_change")
        self._take("reject_change", n)

    def _new_config(self, event: Event, n: Node) -> Refused | None:
        """Whether the configuration in force is the one that a line, and the server's next one, show."""
        config = self.run.peek("config", n)
        incoming, outgoing = self.cluster.shown(config.incoming), self.cluster.shown(config.outgoing)
        if event.new_conf != incoming:
            why = f"the server takes {_text(event.new_conf)} for the voters; by the change that it applies they are {_text(incoming)}"
            return Refused("apply_change", f"newconf == {_text(incoming)}", why)
        shown = self.cluster.outgoing_after(self.position)
        if shown is not None and shown != outgoing:
            why = f"the server's next line shows the outgoing voters {_text(shown)}; by the change that it applies they are {_text(outgoing)}"
            return Refused("apply_change", f"conf[1] == {_text(outgoing)}", why)
        return None

    def _restore(self, event: Event, n: Node, m: Message) -> None:
        found = [c for c in self.run.peek("configs") if c.index <= m.entries.last]
        fitting = [c for c in sorted(found, key=lambda c: -c.index) if self.cluster.shown(c.config.incoming) == event.new_conf]
        for c in fitting or found:
            mark = self.run.mark()
            if self.run.take("restore", n, c) and self._new_config(event, n) is None:
                self._shows(event, n, "restore", conf=((), ()))
                return
            self.run.back(mark)
        self._take("restore", n, (fitting or found)[0])
        raise self._new_config(event, n) or Refused("restore", "c in self.configs", "the snapshot has another configuration")

    def _is_member(self, n: Node, p: Node) -> bool:
        config: Config = self.run.peek("config", n)
        return p in config.incoming or p in config.outgoing or p in config.learners or p in config.learners_next

    def _target(self, event: Event, action: str) -> Node:
        assert event.message is not None
        p = self.cluster.nodes.get(event.message.target)
        if p is None:
            raise Refused(action, "p in Node", f"there is no server {event.message.target}")
        return p

    def describe(self, n: Node) -> tuple[tuple[str, str], ...]:
        """The spec's state of a server, in the words of the trace."""
        return self.cluster.describe(self.run, n)


_LABELS = {"source": "from", "target": "to", "log_term": "logTerm", "hint": "rejectHint"}


def _text(value: Any) -> str:
    if isinstance(value, tuple):
        return "[" + " ".join(_text(v) for v in value) + "]"
    return "none" if value is None else str(value)


def _snake(name: str) -> str:
    return "".join(f"_{c.lower()}" if c.isupper() else c for c in name).lstrip("_")


def _chained(head: Alternative, rest: Iterator[Alternative]) -> Iterator[Alternative]:
    yield head
    yield from rest


def _orders(batch: tuple[Any, ...]) -> list[tuple[Any, ...]]:
    """The orders in which the proposals of a batch may stand: lines of changes come first, wherever they stand."""
    changes = [item for item in batch if item is not None]
    if not changes or len(changes) == len(batch):
        return [batch]
    found: dict[tuple[Any, ...], None] = {}
    for positions in permutations(range(len(batch)), len(changes)):
        order: list[Any] = [None] * len(batch)
        for position, change in zip(positions, changes, strict=True):
            order[position] = change
        found[tuple(order)] = None
    return list(found)
