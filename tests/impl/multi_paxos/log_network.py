"""Multi-Paxos on a hostile network with failing disks: one seed, one run.

Messages are lost, duplicated and reordered; a node is cut off for a while; nodes crash between any two of their duties, and of the writes under way a
beginning survives. What is chosen is counted here from the votes on the disks, not by the nodes under test.
"""

from __future__ import annotations

import contextlib
import random

from impl.multi_paxos import NOOP, Ballot, Config, MemoryStorage, Message, Node, ProposalRefused, Ready, Role


class Unsafe(AssertionError):
    """A property of the replicated log fails."""


def pieces(ready: Ready) -> list[Ready]:
    """A Ready's writes one by one, in the order of duty 1."""
    nothing = {"messages": [], "messages_after_write": [], "committed": None}
    found = [Ready(max_bal=ready.max_bal, votes=[], commit_index=None, **nothing)]
    found += [Ready(max_bal=None, votes=[run], commit_index=None, **nothing) for run in ready.votes]
    return [*found, Ready(max_bal=None, votes=[], commit_index=ready.commit_index, **nothing)]


class Host:
    """A node, its disk and its state machine, which survives crashes as far as the commit index on the disk."""

    def __init__(self, config: Config, chance: random.Random) -> None:
        self.config, self.chance = config, chance
        self.disk = MemoryStorage()
        self.applied: list[bytes] = []
        self.restart()

    def restart(self) -> None:
        """Begin again from the disk."""
        del self.applied[self.disk.log.commit_index :]
        self.node = Node(self.config, self.chance.randrange, self.disk, len(self.applied))


class Network:
    """Hosts, messages in flight, and what has been chosen so far."""

    def __init__(self, seed: int, size: int = 3, **settings: int) -> None:
        self.chance = random.Random(seed)
        self.trouble = True
        self.cut_off: int | None = None
        members = tuple(range(1, size + 1))
        settings = {"election_ticks": 6, "heartbeat_ticks": 2, "max_batch_bytes": 30} | settings
        self.hosts = {m: Host(Config(m, members, **settings), random.Random(seed * 100 + m)) for m in members}
        self.flying: list[Message] = []
        self.votes: dict[tuple[int, Ballot, bytes], set[int]] = {}
        self.chosen: dict[int, bytes] = {}
        self.proposed: set[bytes] = {NOOP}
        self.reads: dict[bytes, int] = {}
        """For each read, the last slot that was chosen when it began."""
        self.answered = 0

    def run(self, events: int) -> None:
        """So many events, each safe."""
        for _ in range(events):
            self.event()

    def event(self) -> None:
        """A message arrives or is lost, a node ticks, gets a proposal, does its work, is cut off from the others, or crashes."""
        draw, host = self.chance.random(), self.chance.choice(list(self.hosts.values()))
        if draw < 0.5 and self.flying:
            self.deliver()
        elif draw < 0.6:
            host.node.tick()
        elif draw < 0.7:
            self.propose(host)
        elif draw < 0.73:
            self.read_at(host.config.id)
        elif draw < 0.98 or not self.trouble:
            self.work(host)
        elif draw < 0.99:
            self.cut_off = self.chance.choice([None, *self.hosts])
        else:
            host.restart()

    def propose(self, host: Host) -> None:
        """One to three commands, no two alike."""
        commands = [b"command %d" % (len(self.proposed) + i) for i in range(self.chance.randrange(1, 4))]
        with contextlib.suppress(ProposalRefused):
            self.propose_at(host.config.id, commands)

    def propose_at(self, member: int, commands: list[bytes]) -> None:
        """A client's commands come to a node."""
        self.proposed |= set(commands)
        self.hosts[member].node.propose_batch(commands)

    def read_at(self, member: int) -> None:
        """A client reads at a node."""
        context = b"read %d" % len(self.reads)
        self.reads[context] = max(self.chosen, default=0)
        self.hosts[member].node.read(context)

    def deliver(self) -> None:
        """Any message; it may be lost, or stay in flight to arrive again."""
        place = self.chance.randrange(len(self.flying))
        fate = self.chance.random() if self.trouble else 1
        message = self.flying[place] if 0.1 < fate < 0.2 else self.flying.pop(place)
        if fate > 0.1 and (not self.trouble or self.cut_off not in (message.sender, message.receiver)):
            self.hosts[message.receiver].node.step(message)

    def work(self, host: Host) -> None:
        """The duties, in which a crash may strike."""
        if not host.node.has_ready():
            return
        ready = host.node.ready()
        self.flying += ready.messages
        writes = pieces(ready)
        torn = self.trouble and self.chance.random() < 0.03
        for piece in writes[: self.chance.randrange(len(writes)) if torn else None]:
            host.disk.write(piece)
            self.count(host, piece)
        if torn:
            host.restart()
            return
        self.flying += ready.messages_after_write
        if ready.committed is not None:
            if ready.committed.first_slot != len(host.applied) + 1:
                raise Unsafe(f"node {host.config.id} applies slot {ready.committed.first_slot} after {len(host.applied)}")
            host.applied += ready.committed.commands
            self.compare(host, ready.committed.first_slot)
        for read in ready.read_states:
            self.answered += 1
            if read.read_index < self.reads[read.context]:
                raise Unsafe(f"{read.context!r} may be answered from slot {read.read_index}; {self.reads[read.context]} was chosen before")
        host.node.advance()

    def count(self, host: Host, written: Ready) -> None:
        """Votes choose once a quorum has written them; a slot has one choice, and it was proposed."""
        for run in written.votes:
            for slot, command in enumerate(run.commands, run.first_slot):
                voters = self.votes.setdefault((slot, run.ballot, command), set())
                voters.add(host.config.id)
                if 2 * len(voters) > len(self.hosts) and self.chosen.setdefault(slot, command) != command:
                    raise Unsafe(f"agreement: {self.chosen[slot]!r} and {command!r} are chosen in slot {slot}")
                if command not in self.proposed:
                    raise Unsafe(f"validity: nobody proposed {command!r}")

    def compare(self, host: Host, first_slot: int) -> None:
        """What is applied is what is chosen."""
        for slot in range(first_slot, len(host.applied) + 1):
            if self.chosen.get(slot) != host.applied[slot - 1]:
                raise Unsafe(f"node {host.config.id} applies {host.applied[slot - 1]!r} in slot {slot}, where {self.chosen.get(slot)!r} is chosen")

    def heal(self) -> None:
        """No more trouble and no new clients: everybody applies the same log, and one more command."""
        self.trouble = False
        last = b"last command"
        for _ in range(60):
            for _ in range(200):
                self.quiet_event()
            leaders = [h for h in self.hosts.values() if h.node.role is Role.LEADER]
            if len(leaders) == 1 and last not in leaders[0].applied:
                with contextlib.suppress(ProposalRefused):
                    self.propose_at(leaders[0].config.id, [last])
            if all(last in h.applied for h in self.hosts.values()) and len({len(h.applied) for h in self.hosts.values()}) == 1:
                return
        raise Unsafe("no progress although the network is well")

    def quiet_event(self) -> None:
        """Messages are faster than time."""
        host = self.chance.choice(list(self.hosts.values()))
        if self.flying and self.chance.random() < 0.7:
            self.deliver()
        elif self.chance.random() < 0.85:
            self.work(host)
        elif not self.flying:
            host.node.tick()


def well(size: int = 3, **settings: int) -> Network:
    """A cluster without trouble that node 1 leads."""
    network = Network(0, size, **settings)
    network.trouble = False
    while network.hosts[1].node.role is not Role.LEADER:
        network.hosts[1].node.tick()
        settle(network)
    return network


def settle(network: Network, without: tuple[int, ...] = ()) -> list[Message]:
    """Do all work and deliver all messages, in order; messages from and to some nodes are lost. Answers with what was delivered."""
    delivered: list[Message] = []
    while True:
        for host in network.hosts.values():
            while host.node.has_ready():
                network.work(host)
        if not network.flying:
            return delivered
        message = network.flying.pop(0)
        if message.sender not in without and message.receiver not in without:
            delivered.append(message)
            network.hosts[message.receiver].node.step(message)
