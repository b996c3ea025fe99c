"""Hosts of Multi-Paxos and of Single-Decree Paxos, driven by hand."""

from __future__ import annotations

import random
from functools import partial

import pytest

from impl import multi_paxos, paxos
from impl.multi_paxos import Ballot, NotLeader, Role, Run
from impl.paxos import AcceptorState, Proposal, ProposerState
from impl.simulation.host import HostDown
from impl.simulation.machines import REGISTER, Reply, Request, Sessions
from impl.simulation.multi_paxos_host import MultiPaxosHost
from impl.simulation.paxos_host import PaxosHost

IDS = (1, 2, 3)


def settle(cluster, without=()):
    """Work and deliver until nothing is left to do."""
    while any(host.has_work() for host in cluster.values()):
        for host in cluster.values():
            if host.has_work():
                for message in host.begin_write() + host.finish_write():
                    if message.receiver not in without:
                        cluster[message.receiver].receive(message)


def elected():
    cluster = {n: MultiPaxosHost(multi_paxos.Config(n, IDS), random.Random(n).randrange) for n in IDS}
    while cluster[1].node.role is not Role.LEADER:
        cluster[1].tick()
        settle(cluster)
    return cluster


def test_multi_paxos_applies_a_command_everywhere():
    cluster = elected()
    cluster[2].propose(b"x")
    settle(cluster)
    assert [host.machine.commands for host in cluster.values()] == [[b"x"]] * 3
    assert cluster[2].completed == [(b"x", 1)]


def test_multi_paxos_reads_by_a_quorum():
    cluster = elected()
    cluster[1].propose(b"x")
    settle(cluster)
    cluster[2].read(b"r")
    assert cluster[2].answered == []
    settle(cluster)
    assert cluster[2].answered == [b"r"]
    assert cluster[1].answered == [], "another host's client asked"
    assert cluster[2].node.commit_index == 1, "a read takes no slot"


def test_multi_paxos_answers_a_read_once_it_has_applied_what_a_quorum_has_voted_for():
    cluster = elected()
    cluster[1].propose(b"x")
    settle(cluster, without=(3,))
    cluster[3].read(b"r")
    settle(cluster)
    assert cluster[3].answered == [], "it has not heard of x yet"
    while cluster[3].machine.commands != [b"x"]:
        cluster[1].tick()
        settle(cluster)
    assert cluster[3].answered == [b"r"]


def test_multi_paxos_refuses_where_nobody_leads():
    host = MultiPaxosHost(multi_paxos.Config(1, IDS), random.Random(1).randrange)
    with pytest.raises(NotLeader):
        host.propose(b"x")


def test_multi_paxos_tears_a_write_between_votes():
    cluster = elected()
    cluster[1].propose(b"a")
    cluster[1].propose(b"b")
    cluster[1].begin_write()
    ballot = Ballot(1, 1)
    assert cluster[1].disk.pieces() == [Run(ballot, 1, [b"a"]), Run(ballot, 2, [b"b"])]
    assert cluster[1].must_sync()
    cluster[1].crash(1)
    with pytest.raises(HostDown):
        cluster[1].tick()
    cluster[1].restart()
    assert cluster[1].disk.storage.log.last_slot == 1


def test_multi_paxos_need_not_sync_a_commit_index():
    cluster = elected()
    cluster[1].propose(b"a")
    commits = []
    while not commits:
        for host in cluster.values():
            if host.has_work():
                sent = host.begin_write()
                commits += [host] if host.disk.unsynced and not host.must_sync() else []
                for message in sent + host.finish_write():
                    cluster[message.receiver].receive(message)
    assert commits


def test_multi_paxos_applies_its_log_again_after_a_crash():
    cluster = elected()
    cluster[1].propose(b"a")
    settle(cluster)
    cluster[1].crash()
    cluster[1].restart()
    settle(cluster)
    assert cluster[1].machine.commands == [b"a"]


def decree():
    return {n: PaxosHost(paxos.Config(n, IDS, IDS, IDS), random.Random(n).randrange, partial(Sessions, REGISTER)) for n in IDS}


def cas(client, value, sequence=1):
    return Request(client, sequence, "cas", "k", (None, value)).encode()


def test_paxos_answers_every_client_by_what_is_chosen():
    cluster = decree()
    cluster[1].propose(cas(1, 10))
    cluster[1].propose(cas(2, 20))
    settle(cluster)
    assert [reply for _, reply in cluster[1].completed] == [Reply(1, 1, True), Reply(1, 1, True), Reply(2, 1, False)]
    cluster[3].propose(cas(3, 30))
    assert cluster[3].completed[-1][1] == Reply(3, 1, False)


def test_paxos_answers_a_read_when_something_is_chosen():
    cluster = decree()
    cluster[2].read(b"r")
    settle(cluster)
    assert cluster[2].answered == []
    cluster[1].propose(cas(1, 10))
    settle(cluster)
    assert cluster[2].answered == [b"r"]
    assert cluster[2].machine.query(Request(5, 1, "read", "k", ())) == 10


def test_paxos_remembers_what_is_on_the_disk():
    cluster = decree()
    cluster[1].propose(cas(1, 10))
    settle(cluster)
    vote = Proposal(Ballot(1, 1), cas(1, 10))
    assert cluster[2].disk.storage.acceptor == AcceptorState(Ballot(1, 1), vote)
    cluster[1].crash()
    cluster[1].restart()
    assert cluster[1].disk.storage.proposer == ProposerState(1)
    cluster[1].propose(cas(4, 40))
    settle(cluster, without={2})
    assert cluster[1].completed[-1][1] == Reply(4, 1, False)


def test_paxos_forgets_a_promise_that_was_not_synced():
    cluster = decree()
    cluster[1].propose(cas(1, 10))
    for message in cluster[1].begin_write() + cluster[1].finish_write():
        cluster[message.receiver].receive(message)
    cluster[2].begin_write()
    assert cluster[2].disk.pieces() == [AcceptorState(Ballot(1, 1))]
    cluster[2].crash()
    cluster[2].restart()
    assert cluster[2].node.acceptor.state == AcceptorState()
