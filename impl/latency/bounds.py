"""Closed forms: how long an operation takes where every message takes half a round trip, processing takes no time, and nothing else is under way.

Times are in microseconds. `disk` is the time of a synchronous write. A node's own vote costs no round trip, so its *nearest quorum* is itself and
the nearest other members that make up a majority with it.
"""

from __future__ import annotations

from dataclasses import dataclass

from impl.latency.topology import Topology


@dataclass(frozen=True)
class Deployment:
    """Nodes at their places in a topology."""

    topology: Topology
    places: tuple[int, ...]
    """The region of each node, as a position among the regions."""

    @classmethod
    def of(cls, topology: Topology, nodes: int) -> Deployment:
        """So many nodes where the topology places them; its error where it does not."""
        return cls(topology, topology.place(nodes))

    @property
    def homes(self) -> tuple[int, ...]:
        """A node in each region that has any: those in one region are alike."""
        return tuple(self.places.index(region) for region in sorted(set(self.places)))

    def region(self, node: int) -> str:
        """The name of a node's region."""
        return self.topology.regions[self.places[node]]

    def round_trip(self, a: int, b: int) -> int:
        """From one node to another and back; a node is at no distance from itself."""
        return 0 if a == b else self.topology.round_trip[self.places[a]][self.places[b]]

    def jitter(self, a: int, b: int) -> int:
        """By how much the round trip takes longer on average."""
        return 0 if a == b else self.topology.jitter[self.places[a]][self.places[b]]

    def quorum_round_trip(self, node: int) -> int:
        """From a node to the farthest member of its nearest quorum and back."""
        nearest = sorted(self.round_trip(node, other) for other in range(len(self.places)) if other != node)
        return nearest[len(self.places) // 2 - 1]


def commit(deployment: Deployment, leader: int, client: int, disk: int) -> int:
    """A command under a stable leader, in Raft and Multi-Paxos alike, from its client's node until that node may answer.

    The leader writes while its messages travel; its nearest quorum's answers come later than its own. A client at another node
    adds the way to the leader and back.
    """
    return deployment.round_trip(client, leader) + deployment.quorum_round_trip(leader) + disk


def decree(deployment: Deployment, proposer: int, disk: int) -> int:
    """A command by Single-Decree Paxos, without a leader: both phases, after the proposer has noted its ballot.

    Each of these three begins with a write: of the ballot, of the promises, of the votes.
    """
    return 2 * deployment.quorum_round_trip(proposer) + 3 * disk


def read_index(deployment: Deployment, leader: int, client: int) -> int:
    """A read by ReadIndex: the leader has a quorum confirm it; a follower asks the leader first. Nothing is written."""
    return deployment.round_trip(client, leader) + deployment.quorum_round_trip(leader)


def quorum_read(deployment: Deployment, client: int) -> int:
    """A read by a quorum, at any node and without a leader. Nothing is written."""
    return deployment.quorum_round_trip(client)
