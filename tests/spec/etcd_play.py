"""Behaviours of `EtcdRaft` written down step by step, each step taken by CPython: deep states, reached on purpose."""

from __future__ import annotations

import itertools
from typing import Any

from model_check.trace import Origin, Trace
from model_check.validation.run import Run
from spec.etcd_raft import EtcdRaft
from spec.etcd_records import ConfigAt, Kind, KnownCommit, Message, Node, Reached, Slot, Write
from spec.language import Scope, Set, State, Step
from spec.replicated_log import Index

DEEP = Scope(node=3, term=4, index=4, slot=2)


class Kept(Exception):
    """A rule that is in force has refused a step; the text is its guard."""


class Play:
    """A behaviour that begins with some voters; servers are numbered from 1. A step that is not enabled fails the test."""

    def __init__(self, *voters: int, learners: tuple[int, ...] = (), scope: Scope = DEEP, without: tuple[str, ...] = (), founded: bool = False) -> None:
        self.protocol = EtcdRaft(scope, without=without)
        self.nodes = [Node(i) for i in range(scope.sizes["node"])]
        self.initial = self.protocol.initial_state(self.members(*voters), self.members(*learners), founded)
        self.run = Run(self.protocol, self.initial)

    def node(self, number: int) -> Node:
        """A server by its number."""
        return self.nodes[number - 1]

    def members(self, *numbers: int) -> frozenset[Node]:
        """Servers by their numbers."""
        return Set({self.node(n) for n in numbers})

    def take(self, action: str, *arguments: Any) -> None:
        """One step; servers are given by number."""
        values = [self.node(a) if type(a) is int else a for a in arguments]
        assert self.run.take(action, *values), self.run.refusal(action, *values)

    def refused(self, action: str, *arguments: Any) -> str:
        """The guard that refuses a step."""
        values = [self.node(a) if type(a) is int else a for a in arguments]
        assert not self.run.take(action, *values)
        return self.run.refusal(action, *values).conjunct

    def breach(self, action: str, *arguments: Any) -> None:
        """The step that the removed rule would have refused; with all rules in force it is refused, and the behaviour ends."""
        if self.protocol.without:
            self.take(action, *arguments)
        else:
            raise Kept(self.refused(action, *arguments))

    def latest(self, kind: Kind, source: int, target: int) -> Message:
        """The latest message of a kind from one server to another, whether it has left or waits for a write."""
        made = [*self.run.peek("network"), *(h.message for h in self.run.peek("held"))]
        found = [m for m in made if (m.kind, m.source, m.target) == (kind, self.node(source), self.node(target))]
        assert found, f"no {kind} from {source} to {target}"
        return max(found, key=lambda m: (m.term, m.entries.last, m.index, m.commit, not m.reject))

    def receive(self, kind: Kind, source: int, target: int) -> None:
        """The target receives the latest message of a kind from the source."""
        self.take("receive", target, self.latest(kind, source, target))

    def hear(self, n: int, source: int) -> None:
        """Server n hears of the term of another one."""
        self.take("hear_of_term", n, Reached(self.run.peek("term", self.node(source)), self.node(source)))

    def crash(self, n: int, commit: int = 0, config: int = 0) -> None:
        """Server n comes back with what is on its disk, the commit index and the configuration of these positions."""
        self.take("restart", n, self.known_commit(n, commit), Index(0), self.config_at(n, config))

    def known_commit(self, n: int, commit: int) -> KnownCommit:
        """A commit index on server n's disk."""
        return KnownCommit(self.node(n), Slot(0), Index(commit))

    def config_at(self, n: int, index: int) -> ConfigAt:
        """The configuration at a position; of those at 0, the one that server n began with."""
        (found,) = (c for c in self.run.peek("configs") if c.index == index and (index > 0 or c.config == self.initial.config[self.node(n)]))
        return found

    def queue(self, n: int) -> list[Write]:
        """The next write of server n, if there is one."""
        return [w for w in self.run.peek("writes") if w.node == self.node(n) and w.slot == 1]

    def write(self, n: int) -> None:
        """Server n hands out what is to be written and sent, and all of it is written."""
        self.take("ready", n)
        while queue := self.queue(n):
            self.take("persist", n, queue[0])

    # --- elections

    def stand(self, n: int) -> None:
        """Server n stands for election, votes for itself, and asks others."""
        self.take("campaign", n)
        self.ask(n)

    def ask(self, n: int) -> None:
        """Candidate n votes for itself and asks all others."""
        for p in sorted(self.run.peek("asking", self.node(n)), key=self.nodes.index):
            self.take("ask", n, p)
        self.write(n)
        self.receive(Kind.VOTE_REPLY, n, n)

    def vote(self, p: int, n: int) -> None:
        """Server p grants server n its vote, and n hears of it."""
        self.be_asked(p, n)
        self.write(p)
        self.receive(Kind.VOTE_REPLY, p, n)

    def be_asked(self, p: int, n: int) -> None:
        """Server p is asked for its vote and answers."""
        self.receive(Kind.VOTE, n, p)
        self.catch_up(p)
        self.take("answer_vote", p)

    def catch_up(self, p: int) -> None:
        """Server p adopts the term of the message that it handles."""
        m: Message | None = self.run.peek("handling", self.node(p))
        assert m is not None
        if m.term > self.run.peek("term", self.node(p)):
            self.take("adopt_term", p)

    def lead(self, n: int, *voters: int) -> None:
        """Server n is elected by others, and opens its term."""
        self.stand(n)
        for p in voters:
            self.vote(p, n)
        self.take("become_leader", n)
        self.take("propose", n)

    def change(self, n: int, *, voters: tuple[int, ...] = (), learners: tuple[int, ...] = (), removed: tuple[int, ...] = (), joint: bool = False) -> None:
        """Leader n proposes a change of the members."""
        self.take("propose_change", n, *map(self.group, (voters, learners, removed)), joint)

    def group(self, numbers: tuple[int, ...]) -> frozenset[Node]:
        """As `members`."""
        return self.members(*numbers)

    # --- replication

    def keep(self, n: int) -> None:
        """Leader n has its log on disk, and knows it."""
        self.take("acknowledge", n)
        self.write(n)
        self.receive(Kind.APPEND_REPLY, n, n)
        self.recount(n)

    def recount(self, n: int) -> None:
        """Leader n commits what it can."""
        if self.run.peek("recount", self.node(n)) and not self.run.take("keep_commit", self.node(n)):
            last = len(self.run.peek("log", self.node(n)))
            assert any(self.run.take("advance_commit", self.node(n), Index(i)) for i in range(last, 0, -1))

    def send(self, n: int, p: int, last: int | None = None) -> None:
        """Leader n sends p all that it may lack, or that up to a position, and p answers."""
        mark = self.run.mark()
        self.take("send_append", n, p, Index(len(self.run.peek("log", self.node(n))) if last is None else last))
        (call,) = (member for variable, _, member in self.run.added(mark) if variable == "queued")
        self.take("ready", n)
        self.take("receive", p, call)
        self.catch_up(p)
        if self.run.peek("role", self.node(p)).name == "CANDIDATE":
            self.take("concede", p)
        self.take("answer_append", p)

    def copy(self, n: int, p: int, last: int | None = None) -> None:
        """As `send`; p writes, and n hears of it."""
        self.send(n, p, last)
        self.write(p)
        self.receive(Kind.APPEND_REPLY, p, n)
        self.recount(n)

    # --- what came of it

    @property
    def state(self) -> State:
        """The present state."""
        return self.run.state

    def violated(self) -> set[str]:
        """The invariants that do not hold in the present state, and the action properties that some step of the behaviour violated."""
        return {found.property for found in self.run.violated(0)}

    def reaches(self, witness: str) -> bool:
        """Whether some state, or some step, of the behaviour is what a witness asks for."""
        (prop,) = (p for p in self.protocol.ir.of_kind("witness") if p.name == witness)
        states = self.trace.states
        if prop.on_step:
            return any(self.protocol.holds(prop, before, after) for before, after in itertools.pairwise(states))
        return any(self.protocol.holds(prop, state) for state in states)

    @property
    def trace(self) -> Trace:
        """The behaviour, for a search to begin at its end; CPython takes each step again."""
        steps: list[tuple[Step, State]] = []
        for step in self.run.steps:
            steps.append((step, self.protocol.step(steps[-1][1] if steps else self.initial, step)))
        return Trace(Origin.of(self.protocol), self.initial, tuple(steps))


STAGED = Scope(node=2, term=2, index=2, slot=1)
BOUNDS = ("no_pre_votes", "no_heartbeats", "no_refused_changes", "no_compaction", "only_full_calls", "servers_take_turns", "disks_are_quick")
"""Constraints of a search among several servers."""


def short_plays() -> list[Play]:
    """Behaviours in a scope that fits the native engine: a voter hands over by a joint configuration; a learner gets a snapshot."""
    return [handed_over(joint=True), snapshot(STAGED)]


def hand_over(play: Play, joint: bool) -> None:
    """Leader 1 commits that server 2 takes its place."""
    play.lead(1)
    play.keep(1)
    play.take("ready", 1)
    play.change(1, voters=(2,), removed=(1,), joint=joint)
    play.keep(1)
    play.take("ready", 1)


def follow(play: Play) -> None:
    """Server 2 learns of the change and applies it."""
    play.recount(1)
    play.copy(1, 2)
    play.take("apply_change", 2)


def handed_over(joint: bool, *without: str) -> Play:
    """Voter 1 has handed over to learner 2, and both have applied it."""
    play = Play(1, learners=(2,), scope=STAGED, without=without)
    hand_over(play, joint)
    play.take("apply_change", 1)
    follow(play)
    return play


def snapshot(scope: Scope = DEEP) -> Play:
    """Leader 1 has dropped the entry that learner 2 lacks, and sends a snapshot."""
    play = snapshot_under_way(scope)
    restore(play)
    return play


def snapshot_under_way(scope: Scope = DEEP) -> Play:
    """Leader 1 has dropped the entry that learner 2 lacks, and has sent a snapshot."""
    play = Play(1, learners=(2,), scope=scope)
    play.lead(1)
    play.keep(1)
    play.take("ready", 1)
    play.take("compact", 1, Index(1))
    play.take("send_snapshot", 1, 2, Index(1))
    play.take("ready", 1)
    return play


def restore(play: Play) -> None:
    """Learner 2 takes the latest snapshot over, and leader 1 hears of it."""
    play.receive(Kind.SNAPSHOT, 1, 2)
    play.catch_up(2)
    play.take("restore", 2, play.config_at(2, 0))
    play.take("answer_snapshot", 2)
    play.write(2)
    play.receive(Kind.APPEND_REPLY, 2, 1)
    play.recount(1)
