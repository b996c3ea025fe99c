"""Follows a cluster of Single-Decree Paxos, and ends at the first event that no step of `spec/paxos.py` explains.

The mapping, one function for each variable of the spec, of the hosts' disks and of the messages that left them:

- `max_bal`, `max_vote`: the acceptor's state on its disk. What it holds in memory counts for nobody before it is written,
  because its answers wait for the write.
- `prepares`, `promises`, `accepts`, `accepteds`: the messages of their kinds that ever left a host (sender and receiver apart:
  whoever is named may hear of it), and what an acceptor whose state reached the disk in the middle of a crash would have said.

So ticks, deliveries, proposals of clients and a Ready that is handed out change nothing: they are stuttering steps. The end of a
write is one step for each message that is new, in the order of the messages; a repeated one is none. A crash is one or two steps of
the acceptor where its state was still written, else none, and a restart is none. A Nack is none: it tells a proposer to hurry, and
no safety rests on it.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, TypeAlias

from conformance.following import HUGE, Cells, Following
from conformance.paxos.words import Words
from impl.paxos import messages
from impl.simulation import events
from impl.simulation.paxos_host import PaxosHost
from model_check.validation.run import Run
from spec.language import Scope
from spec.language.values import show, sort_key
from spec.paxos import Accept, Accepted, Paxos, Prepare, Promise, Proposal
from spec.voting import Acceptor, Ballot

SpecMessage: TypeAlias = Prepare | Promise | Accept | Accepted


# --- The mapping


def max_bal(host: PaxosHost, words: Words) -> Ballot | None:
    """On the disk."""
    found = host.disk.storage.acceptor.max_bal
    return None if found is None else words.ballot(found)


def max_vote(host: PaxosHost, words: Words) -> Proposal | None:
    """On the disk."""
    return words.vote(host.disk.storage.acceptor.max_vote)


def said(m: messages.Message, words: Words) -> tuple[str, SpecMessage] | None:
    """A message, and the variable that holds it; None for a Nack."""
    ballot = words.ballot(m.ballot)
    match m:
        case messages.Prepare():
            return "prepares", Prepare(ballot)
        case messages.Promise(sender=sender, highest_vote=vote):
            return "promises", Promise(words.acceptor(sender), ballot, words.vote(vote))
        case messages.Accept(value=value):
            return "accepts", Accept(ballot, words.value(value))
        case messages.Accepted(sender=sender, value=value):
            return "accepteds", Accepted(words.acceptor(sender), ballot, words.value(value))
        case _:
            return None


# --- The checker


class Checker(Following):
    """Takes steps of the spec for what happens in a cluster, and compares both sides.

    Args:
        hosts: the cluster, before the first event.

    Raises:
        Departure: (from a call) the first event that no step of the spec explains.
    """

    def __init__(self, hosts: Mapping[int, PaxosHost]) -> None:
        super().__init__(Run(Paxos(Scope(acceptor=len(hosts), ballot=HUGE, value=HUGE))))
        self.hosts, self.words = hosts, Words(list(hosts))
        self._learned: dict[int, object] = {}
        """What each host takes for chosen."""

    def __call__(self, event: events.Event) -> None:
        """An event has happened."""
        self.events += 1
        host, mark = self.hosts[event.host], self.run.mark()
        match event:
            case events.BeginWrite(messages=sent) | events.FinishWrite(messages=sent):
                spoken = [word for m in sent if (word := said(m, self.words)) is not None]
                for variable, m in spoken:
                    if m not in self.run.peek(variable):
                        self._say(self.words.acceptor(host.id), m)
                self.compare(mark, event, self._mapped(host), spoken)
            case events.Crash():
                a = self.words.acceptor(host.id)
                self._explain_crash(host, a)
                self.compare(mark, event, self._mapped(host), [], unsaid=lambda m: getattr(m, "acceptor", None) == a)
            case events.Deliver():
                self._check_chosen(mark, event, host)
            case _:
                pass

    def legend(self) -> Mapping[str, str]:
        """What acceptors, ballots and values stand for."""
        return self.words.legend()

    def candidates(self) -> dict[type, list[Any]]:
        """Quorums, and all requests."""
        return {frozenset: self.words.quorums, Prepare: sorted(self.run.peek("prepares"), key=sort_key), Accept: sorted(self.run.peek("accepts"), key=sort_key)}

    def _mapped(self, host: PaxosHost) -> Cells:
        a = self.words.acceptor(host.id)
        return {("max_bal", (a,)): max_bal(host, self.words), ("max_vote", (a,)): max_vote(host, self.words)}

    def _say(self, a: Acceptor, m: SpecMessage) -> None:
        """The step that makes a message."""
        match m:
            case Prepare(ballot=ballot):
                self.guide.take("phase_1a", ballot)
            case Promise(ballot=ballot):
                self.guide.take("phase_1b", a, Prepare(ballot))
            case Accept(ballot=ballot, value=value):
                self.guide.take_any("phase_2a", [(ballot, value, q) for q in self.words.quorums])
            case Accepted(ballot=ballot, value=value):
                self.guide.take("phase_2b", a, Accept(ballot, value))

    def _explain_crash(self, host: PaxosHost, a: Acceptor) -> None:
        """The acceptor's state may have been written, although its answers never left."""
        vote, ballot = max_vote(host, self.words), max_bal(host, self.words)
        if vote is not None and vote != self.run.peek("max_vote", a):
            self.guide.take("phase_2b", a, Accept(vote.ballot, vote.value))
        if ballot is not None and ballot != self.run.peek("max_bal", a):
            self.guide.take("phase_1b", a, Prepare(ballot))

    def _check_chosen(self, mark: int, event: events.Event, host: PaxosHost) -> None:
        """What a host takes for chosen, a quorum has voted for in one ballot."""
        node = host.node
        assert node is not None, "a message has arrived at it"
        found = node.learner.chosen, node.proposer.chosen
        if found == self._learned.get(host.id):
            return
        for proposal in filter(None, found):
            vote = self.words.vote(proposal)
            voters = frozenset(m.acceptor for m in self.run.peek("accepteds") if Proposal(m.ballot, m.value) == vote)
            if not self.words.is_quorum(voters):
                remark = f"host {host.id} takes {proposal.value!r} for chosen, but in {proposal.ballot} only {show(voters)} voted for it"
                raise self.departure(mark, event, self._mapped(host), [], remark)
        self._learned[host.id] = found
