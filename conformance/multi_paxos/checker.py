"""Follows a Multi-Paxos cluster, and ends at the first event that no step of `spec/multi_paxos.py` explains.

The mapping, one function for each variable of the spec, of the hosts' disks and of the messages that left them:

- `max_bal`, `max_vote`: the acceptor's ballot, and its vote in each slot, on its disk.
- `prepares`, `accepts`: the messages of their kinds that ever left a host, an Accept as one record for each of its slots; and what a
  candidate and a leader tell themselves, the former when its ballot is written.
- `promises`, `accepteds`: the messages that left, a Promise as one record for each slot from `first_slot` on and an Accepted as
  one for each of its slots; what a candidate promises and a leader votes for itself, once it is written; and what a host whose
  writes reached the disk in the middle of a crash would have said. Of slots before `first_slot` a Promise says nothing: the
  records that the spec has for them tell what the disk held. A leader needs them only where it proposes to a follower again what
  is chosen there, and then the spec's guard sees to it that it does.

A write's end is then one step for each promise, for each vote and for each ballot begun, in the order of the messages; a Ready that
is handed out is one step for each slot proposed in it for the first time. All other events change nothing. Commit, Behind, Nack and
Propose are no messages of the spec, nor are those of reads, but what a Commit or an Accept says to be chosen, and what is applied,
must have been chosen, and a read may not be answered from before what was chosen when it came in.

The spec's log has as many slots as its scope, and a promise is a record for each. So a run begins with few, and where it needs more,
its steps are taken again in twice as many: slots are independent, so what was enabled still is.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any, TypeAlias

from conformance.following import HUGE, Cells, Following
from conformance.paxos.words import Words
from conformance.reads import Reads
from impl.multi_paxos import Ready, Vote, messages
from impl.multi_paxos import Run as RunOfSlots
from impl.simulation import events
from impl.simulation.multi_paxos_host import MultiPaxosHost
from model_check.validation.run import Run
from spec.consensus import Value
from spec.consensus_log import Slot
from spec.language import Scope
from spec.language.values import sort_key
from spec.multi_paxos import Accept, Accepted, MultiPaxos, Promise
from spec.paxos import Prepare, Proposal
from spec.voting import Acceptor, Ballot

SLOTS = 8
"""So many slots has the spec's log at first."""
MOST_SLOTS = 1 << 17
"""No run is followed beyond."""

SpecMessage: TypeAlias = Prepare | Promise | Accept | Accepted


# --- The mapping


def slot(number: int) -> Slot:
    """A slot, from 1 on."""
    return Slot(number - 1)


def max_bal(host: MultiPaxosHost, words: Words) -> Ballot | None:
    """On the disk."""
    found = host.disk.storage.max_bal
    return None if found is None else words.ballot(found)


def max_votes(host: MultiPaxosHost, words: Words, runs: Sequence[RunOfSlots]) -> dict[Slot, Proposal | None]:
    """On the disk, in the slots of some runs."""
    first, last = min(r.first_slot for r in runs), max(r.last_slot for r in runs)
    votes = {v.slot: v for v in host.disk.storage.log.votes_from(first) if v.slot <= last}
    return {slot(s): vote(votes.get(s), words) for r in runs for s in range(r.first_slot, r.last_slot + 1)}


def vote(v: Vote | None, words: Words) -> Proposal | None:
    """A vote, or none."""
    return None if v is None else words.proposal(v.ballot, v.command)


def said(m: messages.Message, words: Words, voted: Mapping[tuple[Ballot, int], Value], slots: int) -> Iterator[tuple[str, SpecMessage]]:
    """The records that a message stands for in a log of so many slots, each with the variable that holds it; `voted` tells what an Accepted is for."""
    if isinstance(m, messages.WhatWasVoted | messages.VotedUpTo):
        return  # reads by a quorum ask and tell; they promise nothing
    ballot = words.ballot(m.ballot)
    match m:
        case messages.Prepare():
            yield "prepares", Prepare(ballot)
        case messages.Promise(sender=sender, first_slot=first, votes=votes):
            found = {v.slot: v for v in votes}
            for s in range(first, slots + 1):
                yield "promises", Promise(words.acceptor(sender), ballot, slot(s), vote(found.get(s), words))
        case messages.Accept(first_slot=first, commands=commands):
            for s, command in enumerate(commands, first):
                yield "accepts", Accept(ballot, slot(s), words.value(command))
        case messages.Accepted(sender=sender, first_slot=first, last_slot=last):
            for s in range(first, last + 1):
                yield "accepteds", Accepted(words.acceptor(sender), ballot, slot(s), voted.get((ballot, s)))  # type: ignore[arg-type]  # None: it never voted so
        case _:
            return


# --- The checker


class Checker(Following):
    """Takes steps of the spec for what happens in a cluster, and compares both sides.

    Args:
        hosts: the cluster, before the first event.

    Raises:
        Departure: (from a call) the first event that no step of the spec explains.
    """

    def __init__(self, hosts: Mapping[int, MultiPaxosHost]) -> None:
        self.slots = SLOTS
        super().__init__(self._empty_run(len(hosts)))
        self.hosts, self.words = hosts, Words(list(hosts))
        self.reads = Reads()
        self._writing: dict[int, Ready] = {}
        self._voters: dict[tuple[Slot, Ballot, Value], set[Acceptor]] = {}
        self._chosen: list[Value] = []
        """What is chosen in the slots from the first on, as far as there is no gap."""
        self._in_slots: dict[Slot, Value] = {}

    def __call__(self, event: events.Event) -> None:
        """An event has happened."""
        self.events += 1
        host = self.hosts[event.host]
        match event:
            case events.Read(context=context):
                self.reads.asked(context, len(self._chosen))
            case events.BeginWrite(messages=sent):
                self._make_room(event, host, sent)
                self._begin(self.run.mark(), event, host, sent)
            case events.FinishWrite(messages=sent):
                self._make_room(event, host, sent)
                self._finish(self.run.mark(), event, host, sent)
            case events.Crash():
                self._make_room(event, host, [])
                self._crash(self.run.mark(), event, host)
            case _:
                pass

    def legend(self) -> Mapping[str, str]:
        """What acceptors, ballots and values stand for."""
        return self.words.legend()

    def candidates(self) -> dict[type, list[Any]]:
        """Quorums, and the requests of the latest ballots."""
        requests = [m for variable in ("prepares", "accepts") for m in sorted(self.run.peek(variable), key=sort_key)[-16:]]
        return {frozenset: self.words.quorums, **{cls: [m for m in requests if type(m) is cls] for cls in (Prepare, Accept)}}

    def _empty_run(self, hosts: int) -> Run:
        return Run(MultiPaxos(Scope(acceptor=hosts, ballot=HUGE, slot=self.slots, value=HUGE)))

    def _make_room(self, event: events.Event, host: MultiPaxosHost, sent: Sequence[messages.Message]) -> None:
        """See to it that the spec's log has the slots that an event is about."""
        writing = [] if host.writing is None else [r.last_slot for r in host.writing.votes]
        needed = max([host.disk.storage.log.last_slot, *writing, *map(_last_slot, sent)])
        if needed <= self.slots:
            return
        if needed > MOST_SLOTS:
            raise self.departure(self.run.mark(), event, {}, [], f"host {host.id} speaks of slot {needed:,}; no run is followed beyond {MOST_SLOTS:,}")
        while self.slots < needed:
            self.slots *= 2
        wider = self._empty_run(len(self.hosts))
        for step in self.run.steps:
            taken = wider.take(step.action, *(value for _, value in step.arguments))
            assert taken, "slots are independent"
        self.run = self.guide.run = wider

    def _begin(self, mark: int, event: events.Event, host: MultiPaxosHost, sent: Sequence[messages.Message]) -> None:
        """What leaves at once: a leader's proposals."""
        ready = host.writing
        assert ready is not None, "a Ready was handed out"
        self._writing[host.id] = ready
        spoken = [word for m in sent for word in said(m, self.words, self._votes(ready), self.slots)]
        # A leader tells itself, too.
        for r in ready.votes:
            if r.ballot.proposer == host.id:
                spoken += [("accepts", Accept(self.words.ballot(r.ballot), slot(s), self.words.value(c))) for s, c in enumerate(r.commands, r.first_slot)]
        for _, m in spoken:
            if isinstance(m, Accept) and m not in self.run.peek("accepts"):
                self.guide.take_any("phase_2a", [(m.ballot, m.slot, m.value, q) for q in self.words.quorums])
        too_early = any(isinstance(m, messages.Prepare | messages.Promise | messages.Accepted) for m in sent)
        self.compare(mark, event, {}, spoken, remark="a message leaves before what it says is written" if too_early else "")
        claimed = max((m.commit_index for m in sent if isinstance(m, (messages.Commit, messages.Accept))), default=0)
        if claimed > len(self._chosen):
            raise self.departure(mark, event, {}, [], f"host {host.id} says that all is chosen up to {claimed}, which is so up to {len(self._chosen)}")
        if wrong := self.reads.wrong(ready.read_states):
            raise self.departure(mark, event, {}, [], wrong)
        if ready.committed is not None:
            for s, command in enumerate(ready.committed.commands, ready.committed.first_slot):
                if s > len(self._chosen) or self._chosen[s - 1] != self.words.value(command):
                    raise self.departure(mark, event, {}, [], f"host {host.id} takes {command!r} for chosen in slot {s}, and it is not")

    def _finish(self, mark: int, event: events.Event, host: MultiPaxosHost, sent: Sequence[messages.Message]) -> None:
        """What is now on the disk, step by step as it came about, and what has waited for it."""
        a, words, ready = self.words.acceptor(host.id), self.words, self._writing.pop(host.id)
        voted = self._votes(ready)
        spoken: list[tuple[str, SpecMessage]] = []
        for m in sent:
            records = list(said(m, words, voted, self.slots))
            spoken += records
            missing = [word for word in records if word[1] not in self.run.peek(word[0])]
            if missing and isinstance(m, messages.Promise):
                self.guide.take("phase_1b", a, Prepare(words.ballot(m.ballot)))
            for _, record in missing:
                if isinstance(record, Prepare):
                    spoken += self._stand(a, record)
                elif isinstance(record, Accepted) and record.value is not None:
                    self.guide.take("phase_2b", a, Accept(record.ballot, record.slot, record.value))
        if ready.max_bal is not None and ready.max_bal.proposer == host.id:
            spoken += self._stand(a, Prepare(words.ballot(ready.max_bal)))
        for (ballot, s), value in voted.items():
            record = Accepted(a, ballot, slot(s), value)
            spoken.append(("accepteds", record))
            if record not in self.run.peek("accepteds"):
                self.guide.take("phase_2b", a, Accept(ballot, slot(s), value))
        spoken += self._low_promises(mark, sent)
        self.compare(mark, event, self._mapped(host, ready.votes), spoken)
        self._note_votes(mark)

    def _votes(self, ready: Ready) -> dict[tuple[Ballot, int], Value]:
        """What is voted for in a Ready."""
        return {(self.words.ballot(r.ballot), s): self.words.value(c) for r in ready.votes for s, c in enumerate(r.commands, r.first_slot)}

    def _stand(self, a: Acceptor, prepare: Prepare) -> list[tuple[str, SpecMessage]]:
        """A candidate begins a ballot and promises for it; what it says to itself."""
        mark = self.run.mark()
        if prepare not in self.run.peek("prepares") and self.guide.take("phase_1a", prepare.ballot):
            self.guide.take("phase_1b", a, prepare)
        return [(variable, m) for variable, _, m in self.run.added(mark)]

    def _low_promises(self, mark: int, sent: Sequence[messages.Message]) -> Iterator[tuple[str, SpecMessage]]:
        """The records of the spec for slots of which a Promise says nothing."""
        first = {self.words.ballot(m.ballot): m.first_slot for m in sent if isinstance(m, messages.Promise)}
        for variable, _, m in self.run.added(mark):
            if isinstance(m, Promise) and m.slot.number + 1 < first.get(m.ballot, 0):
                yield variable, m

    def _crash(self, mark: int, event: events.Event, host: MultiPaxosHost) -> None:
        """Of the write under way, a beginning may be on the disk, although nothing of it was said."""
        a, ready = self.words.acceptor(host.id), self._writing.pop(host.id, None)
        mapped = self._mapped(host, [] if ready is None else ready.votes)
        new = [(v, keys[1]) for (name, keys), v in mapped.items() if name == "max_vote" and v != self.run.peek(name, *keys)]
        for v, s in sorted(((v, s) for v, s in new if isinstance(v, Proposal)), key=lambda pair: pair[0].ballot):
            self.guide.take("phase_2b", a, Accept(v.ballot, s, v.value))
        ballot = max_bal(host, self.words)
        if ballot is not None and ballot != self.run.peek("max_bal", a):
            if Prepare(ballot) in self.run.peek("prepares"):
                self.guide.take("phase_1b", a, Prepare(ballot))
            else:
                self._stand(a, Prepare(ballot))
        self.compare(mark, event, mapped, [], unsaid=lambda m: m == Prepare(ballot) if isinstance(m, Prepare) and ballot is not None else m.acceptor == a)
        self._note_votes(mark)

    def _mapped(self, host: MultiPaxosHost, votes: Sequence[RunOfSlots]) -> Cells:
        a = self.words.acceptor(host.id)
        found: dict[tuple[str, tuple[Any, ...]], object] = {("max_bal", (a,)): max_bal(host, self.words)}
        if votes:
            found |= {("max_vote", (a, s)): v for s, v in max_votes(host, self.words, votes).items()}
        return found

    def _note_votes(self, mark: int) -> None:
        """Whether something is chosen now."""
        for _, _, m in self.run.added(mark):
            if isinstance(m, Accepted):
                voters = self._voters.setdefault((m.slot, m.ballot, m.value), set())
                voters.add(m.acceptor)
                if self.words.is_quorum(frozenset(voters)):
                    self._in_slots.setdefault(m.slot, m.value)
        while (following := self._in_slots.get(slot(len(self._chosen) + 1))) is not None:
            self._chosen.append(following)


def _last_slot(m: messages.Message) -> int:
    """The last slot that a message is about; 0 where it names none."""
    match m:
        case messages.Promise(first_slot=first, votes=votes):
            return max([first, *(v.slot for v in votes)])
        case messages.Accept(first_slot=first, commands=commands):
            return first + len(commands) - 1
        case messages.Accepted(last_slot=last):
            return last
        case _:
            return 0
