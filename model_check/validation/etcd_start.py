"""What a trace of etcd/raft tells beforehand: its servers, what they start with, and the names of both in trace and spec."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace
from typing import Any

from model_check.validation.etcd_lines import Event, WireMessage
from model_check.validation.run import Run
from spec.etcd_raft import Change, Config, ConfigAt, Disk, Entry, EtcdRaft, Kind, KnownCommit, Message, Node, Slot, Write
from spec.language import Map, Scope, Seq, Set, State, Window
from spec.replicated_log import Index, Term

_UNBOUNDED = 1 << 40
_TYPES = {
    Kind.APPEND: "MsgApp",
    Kind.APPEND_REPLY: "MsgAppResp",
    Kind.HEARTBEAT: "MsgHeartbeat",
    Kind.HEARTBEAT_REPLY: "MsgHeartbeatResp",
    Kind.VOTE: "MsgVote",
    Kind.VOTE_REPLY: "MsgVoteResp",
    Kind.SNAPSHOT: "MsgSnap",
}
NO_ONE = Config(Set(), Set(), Set(), Set())
_NEW = Disk(Term(0), None, Window(Index, 0, ()), Index(0)), Index(0), NO_ONE
Restart = tuple[Any, ...]


class Cluster:
    """The servers of a trace, with what is to be known before its first line is read."""

    def __init__(self, events: list[Event]) -> None:
        self.events = events
        numbers = sorted(_servers(events))
        self.nodes = {number: Node(i) for i, number in enumerate(numbers)}
        self.ids = {node: number for number, node in self.nodes.items()}
        self.protocol = EtcdRaft(Scope(node=max(len(numbers), 1), term=_UNBOUNDED, index=_UNBOUNDED, slot=_UNBOUNDED))
        self._next = _following(events)
        self._position = {event.line: position for position, event in enumerate(events)}
        self._shown: dict[frozenset[Node], tuple[int, ...]] = {}
        self.lives = self._first_lines()
        self.peers = self._founding_peers()

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

    def index(self, number: int) -> Index:
        """A position of the log."""
        return Index(number)

    def term(self, number: int) -> Term:
        """A term."""
        return Term(number)

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
            state.append(
                ("votes", f"for it {list(self.shown(run.value('granted', n)))}, against {list(self.shown(run.value('denied', n)))}")
            )
        return tuple(state)

    # --- looking ahead

    def following(self, position: int) -> Event | None:
        """The next line of the same server."""
        found = self._next[position]
        return None if found is None else self.events[found]

    def next_call(self, position: int, target: int) -> WireMessage | None:
        """The next MsgApp that the server of a line sends to another while it leads."""
        event = self.following(position)
        while event is not None and event.role == "StateLeader":
            m = event.message
            if m is not None and m.type == "MsgApp" and m.target == target and event.name == "SendAppendEntriesRequest":
                return m
            event = self._after(event)
        return None

    def outgoing_after(self, position: int) -> tuple[int, ...] | None:
        """The outgoing voters that a server shows after a line; None where it shows no more, or starts anew."""
        following = self.following(position)
        return None if following is None or following.name == "InitState" else following.conf[1]

    def change(self, changes: tuple[tuple[str, int], ...], joint: bool) -> Change:
        """The change that a proposal's line stands for."""
        voters: set[Node] = set()
        learners: set[Node] = set()
        removed: set[Node] = set()
        for action, number in changes:
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
        """Where the leader that proposes a change applies it; where it does not, some server that applies one."""
        others = None
        for later in range(position + 1, len(self.events)):
            event = self.events[later]
            if event.node == self.ids[n] and event.name in ("ApplyConfChange", "InitState"):
                return later if event.name == "ApplyConfChange" else others
            if others is None and event.name == "ApplyConfChange" and event.commit > self.events[position].log:
                others = later
        return others

    # --- starting

    def _first_lines(self) -> dict[int, list[Event]]:
        """The first lines of each server that starts."""
        found: dict[int, list[Event]] = {}
        for event in self.events:
            life = found.setdefault(event.node, [])
            if len(life) < 3 and (life or event.name == "InitState"):
                life.append(event)
        return {number: life for number, life in found.items() if life}

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
        return []

    def initial_state(self) -> State:
        """The servers as their first lines show them: with an empty disk, or with what was put on it before."""
        everyone = Set(self.nodes.values())
        base = dict(self.protocol.initial_state(everyone, Set(), False).items())
        entries = {number: self._preset(life) for number, life in self.lives.items()}
        preset = self._preset_config(entries)
        per_node: dict[str, dict[Node, Any]] = {
            name: {} for name in ("term", "vote", "log", "compacted", "commit", "config", "applied", "handed_out", "disk")
        }
        configs, known_commits = {ConfigAt(Index(0), NO_ONE)}, set()
        for node in everyone:
            disk, commit, config = entries.get(self.ids[node], _NEW)
            config = preset if config.incoming else NO_ONE
            configs.add(ConfigAt(disk.compacted, config))
            known_commits.add(KnownCommit(node, Slot(0), commit))
            log = Seq(Index, 0, disk.log.entries)
            values = (disk.term, disk.vote, log, disk.compacted, commit, config, disk.compacted, disk.compacted, disk)
            for name, value in zip(per_node, values, strict=True):
                per_node[name][node] = value
        base.update({name: Map({n: values[n] for n in self.nodes.values()}) for name, values in per_node.items()})
        founding = tuple(Entry(Term(1), Change(Set({self.nodes[p]}), Set(), Set(), False, False)) for p in self.peers)
        base.update(founding=Seq(Index, 0, founding), founders=Config(self.members(self.peers), Set(), Set(), Set()) if self.peers else preset)
        base.update(configs=Set(configs), known_commits=Set(known_commits))
        return EtcdRaft.state_of(**base)  # type: ignore[return-value]

    def _preset(self, life: list[Event]) -> tuple[Disk, Index, Config]:
        """What was on a server's disk before it first started, with a commit index, and whose voters it names."""
        start = life[0]
        restored = life[1] if len(life) > 1 and life[1].name == "ApplyConfChange" else None
        begun = life[2] if restored and len(life) > 2 and life[2].name == "BecomeFollower" else None
        if restored is None or (not restored.new_conf and start.log == 0 and (begun is None or begun.term == 0)):
            return _NEW
        outgoing = begun.conf[1] if begun else ()
        config = Config(self.members(restored.new_conf), self.members(outgoing), Set(), Set())
        term = begun.term if begun else 0
        entry = Entry(Term(self._term_of_presets(start.log, term)), None)
        vote = self.nodes.get(begun.vote) if begun else None
        commit = max(begun.commit if begun else 0, start.commit)
        log = Window(Index, 0, (entry,) * start.log)
        return Disk(Term(term), vote, log, Index(min(start.commit, start.log))), Index(min(commit, start.log)), config

    def _term_of_presets(self, last: int, term: int) -> int:
        """The term of the entries that were there from the beginning, as the first message that speaks of one of them says."""
        if last == 0:
            return 0
        for event in self.events:
            m = event.message
            if m is not None and m.index == last and m.type in ("MsgApp", "MsgVote") and event.name.startswith("Send"):
                return m.log_term
        return min(term, 1)

    def _preset_config(self, entries: dict[int, tuple[Disk, Index, Config]]) -> Config:
        """The configuration that disks hold in the beginning: its learners start with it, but are none of its voters."""
        for _, _, config in entries.values():
            if config.incoming:
                holders = [number for number, (_, _, other) in entries.items() if other.incoming == config.incoming and self._called_unasked(number)]
                return Config(config.incoming, config.outgoing, self.members(holders) - config.incoming - config.outgoing, Set())
        return NO_ONE

    def _called_unasked(self, number: int) -> bool:
        """Whether a server is called before any line says that it was made a member."""
        for event in self.events:
            if number in (changed for _, changed in event.changes):
                return False
            if event.name == "SendAppendEntriesRequest" and event.message is not None and event.message.target == number:
                return True
        return False

    def restarts(self, run: Run, position: int, n: Node) -> list[Restart]:
        """The ways in which a server may have come back, those first that fit its first lines best: the writes done before, and the step."""
        life = self._life(position)
        start, writes = life[0], self.writes(run, n)
        disks = [run.peek("disk", n), *(w.disk for w in writes)]
        found: list[tuple[tuple[int, ...], Restart]] = []
        for c in run.peek("configs"):
            for known in run.peek("known_commits"):
                if known.node != n:
                    continue
                done = int(known.slot)
                disk, ended = disks[done], KnownCommit(n, Slot(0), known.commit)
                rank = self._disk_fit(disk, known.commit, life) + self._config_fit(c, disk, known.commit, life)
                if disk.log.last == start.log:
                    found.append(((rank, 1, done, known.commit), (done, "restart", ended, Index(start.commit), c)))
                if done < len(writes) and start.log <= disks[done + 1].log.last:
                    torn = replace(writes[done], slot=Slot(1))
                    found.append(((rank, 0, done, known.commit), (done, "restart_torn", torn, Index(start.log), ended, c)))
        if not found:
            found = [((0,), (0, "restart", KnownCommit(n, Slot(0), Index(start.commit)), Index(start.commit), c)) for c in run.peek("configs")]
        found.sort(key=lambda pair: (pair[0], -abs(int(pair[1][-1].index) - start.commit)), reverse=True)
        return [restart for _, restart in found[:40]]

    def _life(self, position: int) -> list[Event]:
        """The lines of a server from a start on that tell what its disk held: up to its next change of configuration or start."""
        life = [self.events[position]]
        following = self.following(position)
        while following is not None and following.name != "InitState":
            life.append(following)
            if len(life) > 3 and following.name in ("ApplyConfChange", "BecomeCandidate"):
                break
            following = self._after(following)
        return life

    def _after(self, event: Event) -> Event | None:
        return self.following(self._position[event.line])

    def _config_fit(self, c: ConfigAt, disk: Disk, commit: Index, life: list[Event]) -> int:
        """How well the lines of a start fit a configuration that the application may have kept."""
        fit, incoming, outgoing = 0, self.shown(c.config.incoming), self.shown(c.config.outgoing)
        if len(life) > 1 and life[1].name == "ApplyConfChange":
            fit += 8 if life[1].new_conf == incoming else -16
        if len(life) > 2 and life[2].name == "BecomeFollower":
            fit += 8 if life[2].conf == (incoming, outgoing) else -16
        if len(life) < 4:
            return fit
        changes = [(i, e.change) for i, e in enumerate(disk.log.entries, 1) if e.change is not None and i > c.index]
        if life[-1].name == "ApplyConfChange" and changes:
            change = changes[0][1]
            following = (c.config.incoming | change.voters) - change.removed - change.learners
            fit += 3 * (life[-1].new_conf == self.shown(following))
        if life[-1].name == "BecomeCandidate":
            # It has applied all changes that it knows to be committed.
            fit += 3 * all(i > commit for i, _ in changes)
        return fit

    def _disk_fit(self, disk: Disk, commit: Index, life: list[Event]) -> int:
        if len(life) < 3 or life[2].name != "BecomeFollower":
            return 0
        vote = 0 if disk.vote is None else self.ids[disk.vote]
        return 4 * (int(disk.term) == life[2].term) + 2 * (vote == life[2].vote) + 2 * (int(commit) == life[2].commit)


def _servers(events: list[Event]) -> set[int]:
    """All servers that a trace names."""
    found: set[int] = set()
    for event in events:
        found.add(event.node)
        found.update(event.conf[0], event.conf[1], event.new_conf, (number for _, number in event.changes))
        if event.message is not None:
            found.update((event.message.source, event.message.target))
        found.add(event.vote)
    return found - {0}


def _following(events: list[Event]) -> list[int | None]:
    """For each line, the next one of the same server."""
    found: list[int | None] = [None] * len(events)
    latest: dict[int, int] = {}
    for position in range(len(events) - 1, -1, -1):
        found[position] = latest.get(events[position].node)
        latest[events[position].node] = position
    return found
