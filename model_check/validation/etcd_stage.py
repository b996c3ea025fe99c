"""Where lines of etcd/raft are explained: the run of the spec, what servers are in the middle of, and comparing a line with both."""

from __future__ import annotations

from dataclasses import dataclass, replace
from functools import partial
from typing import Any

from model_check.validation.etcd_cluster import Cluster
from model_check.validation.etcd_lines import Event, WireMessage
from model_check.validation.etcd_presets import initial_state
from model_check.validation.run import Run
from model_check.validation.verdict import Refused, refused_step
from spec.etcd_records import Change, Config, Message, Node, Role, Slot
from spec.language import SpecError

_ROLES = {Role.FOLLOWER: "StateFollower", Role.PRE_CANDIDATE: "StatePreCandidate", Role.CANDIDATE: "StateCandidate", Role.LEADER: "StateLeader"}
_LABELS = {"source": "from", "target": "to", "log_term": "logTerm", "hint": "rejectHint"}

Way = partial[None]
"""One way to explain a line: it takes the steps, and raises Refused where the line does not show them. Its arguments tell it from others."""
Proposal = tuple[tuple[str, int], ...] | None
"""The parts of a change of members; None for a command."""


@dataclass(frozen=True)
class Phase:
    """What the lines of a server are in the middle of, where the spec has one step or none.

    Attributes:
        boot: Before a server has started completely: which line is to come.
        founding: How many founding members' lines have come.
        began: The position of the configuration that it has started with, among founding entries.
        batch: The proposals whose lines have come and which are not yet appended; a None is a command.
        late: The changes that its application was given, and had not applied, when it took over a snapshot that includes them.
        handed_out: Whether what its next line, a Ready, hands out has been handed out before that line.
    """

    boot: str = "off"
    founding: int = 0
    began: int = 0
    batch: tuple[Proposal, ...] = ()
    late: tuple[Change, ...] = ()
    handed_out: bool = False


class Stage:
    """The spec's state after the lines explained so far.

    Attributes:
        run: The behaviour of the spec.
        phases: For each server, what its lines are in the middle of.
        sent: The messages that lines have shown, by how they look.
        position: The present line's place among the events.
        quiet: Whether nobody will read why a line is refused; to word it is work.
    """

    def __init__(self, events: list[Event]) -> None:
        self.cluster = Cluster(events)
        self.run = Run(self.cluster.protocol, initial_state(self.cluster))
        self.phases = {n: Phase() for n in self.cluster.nodes.values()}
        self.sent: dict[WireMessage, list[Message]] = {}
        self.position = 0
        self.quiet = False

    # --- taking steps

    def take(self, action: str, *arguments: Any) -> None:
        """Take a step of the spec; Refused where it is not possible."""
        try:
            if self.run.take(action, *arguments):
                return
        except SpecError as undefined:
            raise Refused(action, "", f"{self.cluster.words(action, arguments)} reads what is not there: {undefined.message}") from None
        if self.quiet:
            raise Refused(action, "", "")
        raise refused_step(self.run, action, arguments, self.cluster.words(action, arguments))

    def persist(self, n: Node, count: int) -> None:
        """The next writes of a server are done."""
        for w in self.cluster.writes(self.run, n)[:count]:
            self.take("persist", n, replace(w, slot=Slot(1)))

    def runs(self, n: Node) -> bool:
        """Whether a server runs, and has read its disk."""
        return self.phases[n].boot not in ("off", "restore", "begin")

    def settle(self, n: Node) -> None:
        """Before server n does anything else: what it has received, but may ignore, is ignored, and proposals may have been dropped."""
        if self.run.peek("handling", n) is not None:
            self.take("drop", n)
        if self.phases[n].batch:
            self.drop_batch(n)

    def drop_batch(self, n: Node) -> None:
        """Changes that are not appended after all: they would have made the uncommitted part of the log too large."""
        batch = self.phases[n].batch
        if any(item is None for item in batch):
            raise Refused("acknowledge", "queued", "the leader has taken proposals in, and has to append and acknowledge them first")
        for _ in batch:
            self.take("refuse_change", n)
        self.now(n, batch=())

    def now(self, n: Node, **changes: Any) -> None:
        """Server n's lines are in the middle of something else."""
        self.phases[n] = replace(self.phases[n], **changes)

    def hands_out_before_its_line(self, p: Node) -> bool:
        """Take the Ready that is server p's next line before that line, if it is one: the library's `Node` hands it to the application first, then logs it."""
        following = self.cluster.next_line_of(p, self.position)
        if following is None or following.name != "Ready" or self.phases[p].handed_out or not self.runs(p):
            return False
        mark, phase = self.run.mark(), self.phases[p]
        try:
            self.settle(p)
            self.take("ready", p)
        except Refused:
            self.run.back(mark)
            self.phases[p] = phase
            return False
        self.now(p, handed_out=True)
        return True

    # --- what a line shows

    def shows(self, event: Event, n: Node, action: str, **instead: Any) -> None:
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
                raise Refused(action, f"{name} == {text(wanted)}", f"the line shows {name} {text(seen)}; by the spec it is {text(wanted)} here")

    def made(self, event: Event, mark: int, action: str) -> None:
        """Compare the message of a line with the one that the steps since a mark have made, and remember it for its receiver."""
        # Its like may be waiting to be sent already.
        message, seen = [member for name, _, member in self.run.put(mark) if name == "queued"][-1], event.message
        assert seen is not None
        expected = self.cluster.wire(message)
        if expected == seen:
            known = self.sent.setdefault(seen, [])
            if message not in known:
                known.append(message)
            return
        for name in WireMessage.__slots__:
            if getattr(expected, name) != getattr(seen, name):
                label, wanted, shown = _LABELS.get(name, name), text(getattr(expected, name)), text(getattr(seen, name))
                raise Refused(action, f"msg.{label} == {wanted}", f"the message has {label} {shown}; by the spec it is {wanted}")

    def never_sent(self, message: WireMessage) -> str:
        """Why a message cannot have been received, in words."""
        alike = [w for w in self.sent if (w.type, w.source, w.target) == (message.type, message.source, message.target)]
        if not alike:
            return f"server {message.source} has never sent server {message.target} a {message.type}"

        def differing(w: WireMessage) -> list[str]:
            return [f"{_LABELS.get(s, s)} {getattr(w, s)}" for s in WireMessage.__slots__ if getattr(w, s) != getattr(message, s)]

        nearest = min(reversed(alike), key=lambda w: len(differing(w)))
        return f"server {message.source} has never sent this message; the nearest that it has sent has {', '.join(differing(nearest))}"

    # --- looking ahead

    def following(self) -> Event | None:
        """The next line of the same server."""
        return self.cluster.following(self.position)


def text(value: Any) -> str:
    """A value of a line in words."""
    if isinstance(value, tuple):
        return "[" + " ".join(text(v) for v in value) + "]"
    return "none" if value is None else str(value)
