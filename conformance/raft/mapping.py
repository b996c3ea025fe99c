"""The refinement mapping: the state of `spec/deployed_raft.py` as a function of a cluster's, one function for each variable.

A host acts by its Readys alone: nobody learns of what it has done since. So a server of the spec is the host *as it was when it
handed out the last Ready that is on its disk*, and a crash, which loses what is younger, loses nothing that the spec has. Only a
leader is ahead of its disk, for it sends entries while it writes them: it is the host as it was when it handed out its last Ready.
`docs/check-a-refactor.md` argues why this is enough.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import NamedTuple

from conformance.raft.words import SpecMessage, Words
from impl.raft import Entries, Raft, Role
from impl.simulation.raft_host import RaftHost
from spec import raft as spec
from spec.replicated_log import Entry, Index, Term

LEADER, CANDIDATE, FOLLOWER = Role.LEADER, Role.CANDIDATE, Role.FOLLOWER
# A pre-candidate has not begun an election: to the spec it waits.
ROLES = {LEADER: spec.Role.LEADER, CANDIDATE: spec.Role.CANDIDATE, FOLLOWER: spec.Role.FOLLOWER, Role.PRE_CANDIDATE: spec.Role.FOLLOWER}


class View(NamedTuple):
    """A node's variables at one moment, as far as the spec has them too."""

    current_term: int
    voted_for: int | None
    role: spec.Role
    commit_index: int
    last_index: int
    last_term: int
    votes: tuple[int, ...]
    """On candidates: who has granted a vote."""
    progress: tuple[tuple[int, int, int], ...]
    """On leaders: follower, next_index, match_index."""


def look(node: Raft) -> View:
    """A node as it is."""
    log, role = node.log, node.role
    votes: tuple[int, ...] = ()
    progress: tuple[tuple[int, int, int], ...] = ()
    if role is LEADER:
        progress = tuple([(p.id, p.next_index, p.match_index) for p in node.followers])
    elif role is CANDIDATE:
        votes = tuple([n for n, granted in node.votes.items() if granted])
    return View(node.current_term, node.voted_for, ROLES[role], node.commit_index, log.last_index, log.last_term, votes, progress)


@dataclass(slots=True)
class Server:
    """A host, and what of it the spec sees."""

    host: RaftHost
    node: spec.Node
    view: View
    """The volatile part: as of the last Ready that counts."""
    unwritten: Entries | None = None
    """A leader's entries that it has sent and is still writing."""


@dataclass(slots=True)
class ClusterState:
    """What the mapping is a function of: the hosts, and every message that ever left one."""

    words: Words
    servers: dict[int, Server]
    sent: dict[str, set[SpecMessage]] = field(default_factory=dict)
    """All messages that have left a host, by the variable that holds them."""


# --- One function for each variable


def current_term(s: Server) -> Term:
    """On the disk."""
    return Term(s.host.disk.storage.hard_state().current_term)


def voted_for(s: Server) -> spec.Node | None:
    """On the disk."""
    found = s.host.disk.storage.hard_state().voted_for
    return None if found is None else spec.Node(found - 1)


def role(s: Server) -> spec.Role:
    """A pre-candidate is a follower."""
    return s.view.role


def log(s: Server, words: Words, first: int = 1) -> tuple[Entry, ...]:
    """On the disk, with a leader's entries that it is still writing; a snapshot is the committed entries that it stands for. From a position on."""
    storage, unwritten = s.host.disk.storage, s.unwritten
    held_from = storage.first_index()
    last = storage.last_index() if unwritten is None else unwritten.first_index - 1
    start = max(first, held_from)
    found = words.entries(storage.entries(start, last)) if start <= last else ()
    if unwritten is not None:
        found += words.entries(unwritten)[max(0, first - unwritten.first_index) :]
    if first < held_from:
        found = words.prefix(held_from - 1, storage.term(held_from - 1))[first - 1 :] + found
    return found


def last_index(s: Server) -> int:
    """The length of the log."""
    return s.host.disk.storage.last_index() if s.unwritten is None else s.unwritten.last_index


def commit_index(s: Server) -> Index:
    """What the node takes for committed."""
    return Index(s.view.commit_index)


def votes_granted(s: Server) -> frozenset[spec.Node]:
    """A candidate's own vote is cast with the election, though the implementation counts it once it is written."""
    if s.view.role is not spec.Role.CANDIDATE:
        return frozenset()
    return frozenset((s.node, *(spec.Node(n - 1) for n in s.view.votes)))


def next_index(s: Server) -> dict[tuple[spec.Node, spec.Node], Index]:
    """As the leader has it, ahead of the replies."""
    return {(s.node, spec.Node(peer - 1)): Index(following) for peer, following, _ in s.view.progress}


def match_index(s: Server) -> dict[tuple[spec.Node, spec.Node], Index]:
    """As the leader has it."""
    return {(s.node, spec.Node(peer - 1)): Index(match) for peer, _, match in s.view.progress}


def snapshot_index(s: Server) -> Index:
    """On the disk."""
    found = s.host.disk.storage.snapshot()
    return Index(found.last_index if found is not None else 0)


def messages(state: ClusterState, variable: str) -> frozenset[SpecMessage]:
    """Those of its kind that ever left a host."""
    return frozenset(state.sent.get(variable, ()))
