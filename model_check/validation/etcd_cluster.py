"""What a trace of etcd/raft tells beforehand: its servers, their names in trace and spec, and what later lines of each will show."""

from __future__ import annotations

from bisect import bisect_right
from collections import Counter
from collections.abc import Iterable
from functools import cached_property
from typing import Any

from model_check.validation.etcd_lines import MOST_SERVERS, NOBODY, Event, WireMessage
from model_check.validation.run import Run
from spec.etcd_raft import EtcdRaft
from spec.etcd_records import Change, Config, ConfigAt, Kind, Message, Node, Write
from spec.language import Scope, Set

_UNBOUNDED = 1 << 64
"""More than a line can show."""
_TYPES = {
    Kind.APPEND: "MsgApp",
    Kind.APPEND_REPLY: "MsgAppResp",
    Kind.HEARTBEAT: "MsgHeartbeat",
    Kind.HEARTBEAT_REPLY: "MsgHeartbeatResp",
    Kind.VOTE: "MsgVote",
    Kind.VOTE_REPLY: "MsgVoteResp",
    Kind.SNAPSHOT: "MsgSnap",
}


class Cluster:
    """The servers of a trace, with what is to be known before its first line is read."""

    def __init__(self, events: list[Event]) -> None:
        self.events = events
        self._next = _following(events)
        self.peers = self._founding_peers()
        numbers = sorted(set(self.peers).union(*(event.servers for event in events)))
        self.nodes = {number: Node(i) for i, number in enumerate(numbers)}
        self.ids = {node: number for number, node in self.nodes.items()}
        self.protocol = EtcdRaft(Scope(node=max(len(numbers), 1), term=_UNBOUNDED, index=_UNBOUNDED, slot=_UNBOUNDED))
        self._lines_of = _lines_of(events)
        self._position = {event.line: position for position, event in enumerate(events)}
        self._shown: dict[frozenset[Node], tuple[int, ...]] = {}
        self._asked = self._first_pre_votes()

    # --- the trace's names for values of the spec

    def shown(self, members: frozenset[Node]) -> tuple[int, ...]:
        """A set of servers as a line shows it."""
        found = self._shown.get(members)
        if found is None:
            found = self._shown[members] = tuple(sorted(self.ids[n] for n in members))
        return found

    def members(self, numbers: Iterable[int]) -> frozenset[Node]:
        """The servers that a line names."""
        return Set(self.nodes[number] for number in numbers)

    def wire(self, m: Message) -> WireMessage:
        """A message as a line shows it."""
        snapshot = m.kind == Kind.SNAPSHOT
        count = int(m.entries.last) if snapshot else len(m.entries.entries)
        return WireMessage(
            _TYPES[m.kind],
            int(m.term),
            self.ids[m.source],
            self.ids[m.target],
            count,
            int(m.log_term),
            int(m.index),
            int(m.commit),
            0,
            m.reject,
            int(m.hint),
        )

    def words(self, action: str, arguments: tuple[Any, ...]) -> str:
        """A step, with the servers' numbers."""

        def shown(value: Any) -> str:
            if isinstance(value, Node):
                return f"server {self.ids[value]}"
            if isinstance(value, Message):
                return _TYPES[value.kind]
            if isinstance(value, frozenset):
                return "{" + ", ".join(map(str, self.shown(value))) + "}"
            return "a recorded configuration" if isinstance(value, ConfigAt) else str(value)

        return f"{action.replace('_', ' ')} ({', '.join(map(shown, arguments))})"

    def writes(self, run: Run, n: Node) -> list[Write]:
        """The writes in a server's queue, in order."""
        return sorted((w for w in run.peek("writes") if w.node == n), key=lambda w: w.slot)

    def describe(self, run: Run, n: Node) -> tuple[tuple[str, str], ...]:
        """The state of a server, in the words of the trace."""
        config: Config = run.peek("config", n)
        vote, lead, m = run.peek("vote", n), run.peek("lead", n), run.peek("handling", n)
        log = run.peek("log", n)
        state = [
            ("term", str(run.peek("term", n))),
            ("vote", "0" if vote is None else str(self.ids[vote])),
            ("commit", str(run.peek("commit", n))),
            ("role", run.peek("role", n).name.lower()),
            ("leader", "none" if lead is None else str(self.ids[lead])),
            ("log", f"{len(log)} entries" + (f", the last of term {log[-1].term}" if log else "")),
            ("compacted", str(run.peek("compacted", n))),
            ("conf", f"{list(self.shown(config.incoming))} {list(self.shown(config.outgoing))} learners {list(self.shown(config.learners))}"),
            ("on disk", f"all but the last {run.peek('unwritten', n)} writes"),
        ]
        if m is not None:
            state.append(("handling", str(self.wire(m))))
        if run.peek("role", n).name == "LEADER":
            state.append(("match", ", ".join(f"{self.ids[p]}: {run.peek('match_index', n, p)}" for p in self.ids if run.peek("next_index", n, p) > 0)))
            state.append(("next", ", ".join(f"{self.ids[p]}: {run.peek('next_index', n, p)}" for p in self.ids if run.peek("next_index", n, p) > 0)))
        if run.peek("role", n).name == "CANDIDATE":
            state.append(("votes", f"for it {list(self.shown(run.value('granted', n)))}, against {list(self.shown(run.value('denied', n)))}"))
        return tuple(state)

    # --- looking ahead

    def following(self, position: int) -> Event | None:
        """The next line of the same server."""
        found = self._next[position]
        return None if found is None else self.events[found]

    def next_line_of(self, n: Node, position: int) -> Event | None:
        """The next line of some server after a line."""
        lines = self._lines_of.get(self.ids[n], [])
        found = bisect_right(lines, position)
        return self.events[lines[found]] if found < len(lines) else None

    def after(self, event: Event) -> Event | None:
        """The next line of a line's server."""
        return self.following(self._position[event.line])

    def next_call(self, position: int, target: int) -> WireMessage | None:
        """The next MsgApp that the server of a line sends to another while it leads."""
        event = self.following(position)
        while event is not None and event.role == "StateLeader":
            m = event.message
            if m is not None and m.type == "MsgApp" and m.target == target and event.name == "SendAppendEntriesRequest":
                return m
            event = self.after(event)
        return None

    def outgoing_after(self, position: int) -> tuple[int, ...] | None:
        """The outgoing voters that a server shows after a line; None where it shows no more, or starts anew."""
        following = self.following(position)
        return None if following is None or following.name == "InitState" else following.conf[1]

    def has_asked_for_pre_votes(self, position: int) -> bool:
        """Whether the server of a line has ever handed out pre-votes: they have no line, but leave with the Ready after one that shows the role."""
        return self._asked.get(self.events[position].node, position) < position

    def _first_pre_votes(self) -> dict[int, int]:
        """For each server that has been a pre-candidate the place of its first Ready from then on, even if it follows somebody again by then."""
        found: dict[int, int] = {}
        standing: set[int] = set()
        for position, event in enumerate(self.events):
            if event.role == "StatePreCandidate":
                standing.add(event.node)
            if event.name == "Ready" and event.node in standing:
                found.setdefault(event.node, position)
        return found

    def is_applied(self, change: Change, before: Config, after: Config, position: int) -> bool:
        """Whether lines show that a change was applied, from one configuration to another: the server's next ones, or any if it was proposed once."""
        old, new, outgoing = (self.shown(before.incoming), self.shown(before.outgoing)), self.shown(after.incoming), self.shown(after.outgoing)
        following = self.following(position)
        while following is not None and following.name not in ("Ready", "InitState"):
            if following.name == "ApplyConfChange" and (following.conf, following.new_conf) == (old, new):
                return True
            following = self.after(following)
        if before == after or old == (new, outgoing) or self._proposed[change.voters, change.learners, change.removed] > 1:
            return False
        return not self._applied.isdisjoint({(old, new, outgoing), (old, new, None)})

    def applies_founding(self, position: int) -> bool:
        """Whether a server's later lines certainly apply a founding entry: they apply something while no other entry is committed."""
        following = self.following(position)
        while following is not None and following.name != "InitState" and following.commit <= len(self.peers):
            if following.name == "ApplyConfChange":
                return True
            following = self.after(following)
        return False

    def repeats_from(self, position: int) -> int:
        """How many of a server's lines, from one up to its next Ready, apply a change that leaves the voters as they are."""
        count, event = 0, self.events[position]
        following: Event | None = event
        while following is not None and following.name not in ("Ready", "InitState") and following.conf == event.conf:
            count += following.name == "ApplyConfChange" and following.new_conf == following.conf[0]
            following = self.after(following)
        return count

    @cached_property
    def _applied(self) -> frozenset[tuple[Any, ...]]:
        """The configurations before and after all changes that were applied, after the founding members'."""
        return frozenset(
            (event.conf, event.new_conf, self.outgoing_after(position))
            for position, event in enumerate(self.events)
            if event.name == "ApplyConfChange" and event.commit > len(self.peers)
        )

    @cached_property
    def _proposed(self) -> Counter[tuple[frozenset[Node], ...]]:
        """How often each change was proposed."""
        changes = (self.change(event.changes, False) for event in self.events if event.name == "ChangeConf")
        return Counter((c.voters, c.learners, c.removed) for c in changes)

    def change(self, changes: tuple[tuple[str, int], ...], joint: bool) -> Change:
        """The change that a proposal's line stands for."""
        voters: set[Node] = set()
        learners: set[Node] = set()
        removed: set[Node] = set()
        for action, number in changes:
            if number == NOBODY:
                # The application has made it a change of nothing.
                continue
            node = self.nodes[number]
            for part in (voters, learners, removed):
                part.discard(node)
            {"AddNewServer": voters, "AddLearner": learners, "RemoveServer": removed}[action].add(node)
        return Change(Set(voters), Set(learners), Set(removed), joint, False)

    def joint_or_not(self, changes: tuple[tuple[str, int], ...], n: Node, position: int) -> tuple[bool, ...]:
        """Whether a change goes by way of a joint configuration, likelier first: of one part, it shows only where it is applied."""
        if len(changes) > 1:
            return (True,)
        later = self._first_applied(n, position)
        shown = None if later is None else self.outgoing_after(later)
        return (True, False) if shown else (False, True)

    def _first_applied(self, n: Node, position: int) -> int | None:
        """Where the leader that proposes a change applies it; where it starts anew before, some server that applies one before another is proposed."""
        crashed, others = False, None
        for later in range(position + 1, len(self.events)):
            event = self.events[later]
            if crashed and event.name == "ChangeConf":
                break
            if event.name == "InitState":
                crashed = crashed or event.node == self.ids[n]
            elif event.name == "ApplyConfChange" and event.node == self.ids[n] and not crashed:
                return later
            elif event.name == "ApplyConfChange" and event.commit > self.events[position].log and (others is None or self.outgoing_after(later)):
                others = later
        return others

    def _founding_peers(self) -> list[int]:
        """The founding members in the order in which they were added, of the first server that was set up with them."""
        peers: list[int] = []
        for event in self.events:
            if event.name == "ApplyConfChange" and event.term == 1 and event.conf[0] == tuple(sorted(peers)) and len(event.new_conf) == len(peers) + 1:
                if not peers and event.conf[0]:
                    break
                new = set(event.new_conf) - set(peers)
                if len(new) != 1 or event.commit != event.log:
                    break
                peers += new
                if len(peers) == event.log:
                    return peers
        return self._beginning_of_founding(peers)

    def _beginning_of_founding(self, found: list[int]) -> list[int]:
        """The founding members of a trace that ends before all are named: stand-ins for the others; none where the lines are no beginning."""
        ends = [event for event, following in zip(self.events, self._next, strict=True) if following is None and event.term == 1]
        if not ends or any(event.name not in ("InitState", "BecomeFollower", "ApplyConfChange") for event in self.events):
            return []
        found = [*found, *sorted({event.node for event in ends}.difference(found))]
        named = set().union(*(event.servers for event in self.events))
        others = min(max(event.log for event in ends) - len(found), MOST_SERVERS - len(named))
        return [*found, *range(max(named) + 1, max(named) + 1 + others)]


def _lines_of(events: list[Event]) -> dict[int, list[int]]:
    """The places of each server's lines."""
    found: dict[int, list[int]] = {}
    for position, event in enumerate(events):
        found.setdefault(event.node, []).append(position)
    return found


def _following(events: list[Event]) -> list[int | None]:
    """For each line, the next one of the same server."""
    found: list[int | None] = [None] * len(events)
    latest: dict[int, int] = {}
    for position in range(len(events) - 1, -1, -1):
        found[position] = latest.get(events[position].node)
        latest[events[position].node] = position
    return found
