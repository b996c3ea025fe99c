"""The ways in which a server of etcd/raft may have come back after a crash, those first that fit its next lines best."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import Any

from model_check.validation.etcd_cluster import Cluster
from model_check.validation.etcd_lines import Event
from model_check.validation.run import Run
from spec.etcd_records import ConfigAt, Disk, KnownCommit, Node, Slot
from spec.replicated_log import Index


@dataclass(frozen=True)
class Restart:
    """A way to come back.

    Attributes:
        done: How many writes of the server's queue were done.
        vouched: A commit index that no write has, but what the application had applied; else None.
        action: The step, `restart` or `restart_torn`.
        arguments: The step's arguments after the server.
        shown: How many of the server's first lines show what it leads to.
    """

    done: int
    vouched: Index | None
    action: str
    arguments: tuple[Any, ...]
    shown: int


def restarts(cluster: Cluster, run: Run, position: int, n: Node) -> list[Restart]:
    """All ways to come back with a log as long as the first line shows; where there is none, one with another log, for the refusal."""
    life = _life(cluster, position)
    found: list[tuple[tuple[int, ...], Restart]] = []
    for done, vouched, known, disk in _disks(cluster, run, life, n):
        for c in _configs(cluster, run, life[0].commit):
            shown = _shown(cluster, life, disk, known.commit, c)
            later = _fits_later(cluster, life, disk, known.commit, c)
            for action, arguments in _steps(cluster, run, life[0], n, done, disk, known):
                rank = (shown, later, action == "restart", done, int(known.commit), -abs(int(c.index) - life[0].commit))
                found.append((rank, Restart(done, vouched, action, (*arguments, c), shown)))
    if not found:
        any_config = next(iter(run.peek("configs")))
        return [Restart(0, None, "restart", (KnownCommit(n, Slot(0), Index(0)), Index(life[0].commit), any_config), 0)]
    found.sort(key=lambda pair: pair[0], reverse=True)
    return [restart for _, restart in found]


def _disks(cluster: Cluster, run: Run, life: list[Event], n: Node) -> Iterator[tuple[int, Index | None, KnownCommit, Disk]]:
    """What may be on the disk: writes done, what vouches for the commit index besides, that index, and all else."""
    disks = [run.peek("disk", n), *(w.disk for w in cluster.writes(run, n))]
    known = [k for k in run.peek("known_commits") if k.node == n]
    for k in known:
        yield int(k.slot), None, KnownCommit(n, Slot(0), k.commit), disks[int(k.slot)]
    if len(life) > 2 and life[2].commit <= run.peek("handed_out", n):
        vouched = Index(life[2].commit)
        for done, disk in enumerate(disks):
            if KnownCommit(n, Slot(done), vouched) not in known:
                yield done, vouched, KnownCommit(n, Slot(0), vouched), disk


def _configs(cluster: Cluster, run: Run, compacted: int) -> list[ConfigAt]:
    """The configurations that an application may have kept.

    Founding entries change nothing, and the application may, but need not, apply those behind its snapshot: of the positions
    among them the first that a snapshot allows stands for all.
    """
    founding = len(cluster.peers)
    found: list[ConfigAt] = sorted(run.peek("configs"), key=lambda c: c.index)
    among = [c for c in found if 0 < c.index <= founding and c.config == run.peek("founders")]
    first = next((c for c in among if c.index >= min(compacted, founding)), None)
    return [c for c in found if c == first or c not in among]


def _steps(cluster: Cluster, run: Run, start: Event, n: Node, done: int, disk: Disk, known: KnownCommit) -> Iterator[tuple[str, tuple[Any, ...]]]:
    """The steps, without the configuration, that lead from a disk to a log as long as a line shows."""
    if disk.log.last == start.log:
        yield "restart", (known, Index(start.commit))
    torn = next((w for w in cluster.writes(run, n) if w.slot == done + 1), None)
    if torn is not None and start.log <= torn.disk.log.last:
        yield "restart_torn", (replace(torn, slot=Slot(1)), Index(start.log), known, Index(start.commit))


def _life(cluster: Cluster, position: int) -> list[Event]:
    """The lines of a server from a start on that tell what its disk held: up to its next change of configuration or start."""
    life = [cluster.events[position]]
    following = cluster.following(position)
    while following is not None and following.name != "InitState":
        life.append(following)
        if len(life) > 3 and following.name in ("ApplyConfChange", "BecomeCandidate"):
            break
        following = cluster.after(following)
    return life


def _shown(cluster: Cluster, life: list[Event], disk: Disk, commit: Index, c: ConfigAt) -> int:
    """How many of a server's first lines fit a disk and a configuration that the application may have kept."""
    incoming, outgoing = cluster.shown(c.config.incoming), cluster.shown(c.config.outgoing)
    if len(life) < 2 or life[1].name != "ApplyConfChange" or life[1].new_conf != incoming:
        return 1
    if len(life) < 3 or life[2].name != "BecomeFollower":
        return 2
    vote = 0 if disk.vote is None else cluster.ids[disk.vote]
    seen = life[2].term, life[2].vote, life[2].commit, life[2].conf
    return 3 if seen == (int(disk.term), vote, int(commit), (incoming, outgoing)) else 2


def _fits_later(cluster: Cluster, life: list[Event], disk: Disk, commit: Index, c: ConfigAt) -> bool:
    """Whether what a server applies first, or that it stands for election before, fits the configuration that it has."""
    if len(life) < 4 or life[-1].name not in ("ApplyConfChange", "BecomeCandidate"):
        return True
    changes = ((i, e.change) for i, e in enumerate(disk.log.entries[int(c.index) :], int(c.index) + 1) if e.change is not None)
    first = next(changes, None)
    if life[-1].name == "BecomeCandidate":
        # It has applied all changes that it knows to be committed.
        return first is None or first[0] > commit
    if first is None:
        return True
    following = (c.config.incoming | first[1].voters) - first[1].removed - first[1].learners
    return life[-1].new_conf == cluster.shown(following)
