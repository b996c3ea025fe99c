"""What servers of a trace of etcd/raft begin with: an empty disk, or what was put on it before, as their first lines show."""

from __future__ import annotations

from typing import Any

from model_check.validation.etcd_cluster import Cluster
from model_check.validation.etcd_lines import Event
from spec.etcd_raft import EtcdRaft
from spec.etcd_records import Change, Config, ConfigAt, Disk, Entry, KnownCommit, Slot
from spec.language import Map, Seq, Set, State, Window
from spec.replicated_log import Index, Term

Preset = tuple[Disk, Index, Config]
"""A disk, with a commit index, and the configuration that it names."""

NO_ONE = Config(Set(), Set(), Set(), Set())
_EMPTY: Preset = (Disk(Term(0), None, Window(Index, 0, ()), Index(0)), Index(0), NO_ONE)


def initial_state(cluster: Cluster) -> State:
    """The servers as their first lines show them."""
    base = dict(cluster.protocol.initial_state(Set(cluster.nodes.values()), Set(), False).items())
    presets = {number: _preset(cluster, life) for number, life in _first_lines(cluster.events).items()}
    shared = _config_of_all(cluster, presets)
    per_node: dict[str, dict[Any, Any]] = {name: {} for name in ("term", "vote", "log", "compacted", "commit", "config", "applied", "handed_out", "disk")}
    configs, known_commits = {ConfigAt(Index(0), NO_ONE)}, set()
    for number, node in cluster.nodes.items():
        disk, commit, config = presets.get(number, _EMPTY)
        config = shared if config.incoming else NO_ONE
        configs.add(ConfigAt(disk.compacted, config))
        known_commits.add(KnownCommit(node, Slot(0), commit))
        log = Seq(Index, 0, disk.log.entries)
        values = (disk.term, disk.vote, log, disk.compacted, commit, config, disk.compacted, disk.compacted, disk)
        for name, value in zip(per_node, values, strict=True):
            per_node[name][node] = value
    base.update({name: Map(values) for name, values in per_node.items()})
    founding = tuple(Entry(Term(1), Change(Set({cluster.nodes[p]}), Set(), Set(), False, False)) for p in cluster.peers)
    base.update(founding=Seq(Index, 0, founding), founders=Config(cluster.members(cluster.peers), Set(), Set(), Set()) if cluster.peers else shared)
    base.update(configs=Set(configs), known_commits=Set(known_commits))
    return EtcdRaft.state_of(**base)  # type: ignore[return-value]  # a state of any protocol to the type checker


def _first_lines(events: list[Event]) -> dict[int, list[Event]]:
    """The first lines of each server that starts."""
    found: dict[int, list[Event]] = {}
    for event in events:
        life = found.setdefault(event.node, [])
        if len(life) < 3 and (life or event.name == "InitState"):
            life.append(event)
    return {number: life for number, life in found.items() if life}


def _preset(cluster: Cluster, life: list[Event]) -> Preset:
    """What was on a server's disk before it first started, with a commit index, and whose voters it names."""
    start = life[0]
    restored = life[1] if len(life) > 1 and life[1].name == "ApplyConfChange" else None
    begun = life[2] if restored and len(life) > 2 and life[2].name == "BecomeFollower" else None
    incoming, outgoing = restored.new_conf if restored else (), begun.conf[1] if begun else ()
    if not incoming and start.log == 0 and (begun is None or begun.term == 0):
        return _EMPTY
    config = Config(cluster.members(incoming), cluster.members(outgoing), Set(), Set())
    term = begun.term if begun else 0
    entry = Entry(Term(_term_of_presets(cluster.events, start.log, term)), None)
    vote = cluster.nodes.get(begun.vote) if begun else None
    commit = max(begun.commit if begun else 0, start.commit)
    log = Window(Index, 0, (entry,) * start.log)
    return Disk(Term(term), vote, log, Index(min(start.commit, start.log))), Index(min(commit, start.log)), config


def _term_of_presets(events: list[Event], last: int, term: int) -> int:
    """The term of the entries that were there from the beginning, as the first message that speaks of one of them says."""
    if last == 0:
        return 0
    for event in events:
        m = event.message
        if m is None or not event.name.startswith("Send"):
            continue
        if (m.index == last and m.type in ("MsgApp", "MsgVote")) or (m.reject and m.hint == last and m.type == "MsgAppResp"):
            return m.log_term
    return min(term, 1)


def _config_of_all(cluster: Cluster, presets: dict[int, Preset]) -> Config:
    """The configuration that disks hold in the beginning: its learners start with it, but are none of its voters."""
    for _, _, config in presets.values():
        if config.incoming:
            holders = [number for number, (_, _, other) in presets.items() if other.incoming == config.incoming and _called_unasked(cluster.events, number)]
            return Config(config.incoming, config.outgoing, cluster.members(holders) - config.incoming - config.outgoing, Set())
    return NO_ONE


def _called_unasked(events: list[Event], number: int) -> bool:
    """Whether a server is called before any line says that it was made a member."""
    for event in events:
        if number in (changed for _, changed in event.changes):
            return False
        if event.name == "SendAppendEntriesRequest" and event.message is not None and event.message.target == number:
            return True
    return False
