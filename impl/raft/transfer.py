"""Leadership transfer: the leader brings its successor up to date and has it stand for election (dissertation, section 3.10)."""

from __future__ import annotations

from impl.raft.errors import NotLeader, UsageError
from impl.raft.messages import TimeoutNow
from impl.raft.state import LEADER, State


def transfer_leadership(node: State, target: int) -> None:
    """Begin to hand over; given up after one election timeout, and proposals are refused meanwhile."""
    if node.role is not LEADER:
        raise NotLeader(node.leader)
    if target not in node.progress:
        raise UsageError(f"target: node {target} is no follower of node {node.id}; choose among {sorted(node.progress)}")
    node.transfer_target, node.transfer_elapsed = target, 0
    hand_over_when_ready(node)


def hand_over_when_ready(node: State) -> None:
    """Once the successor has the whole log, let it stand at once."""
    target = node.transfer_target
    if target is not None and node.progress[target].match_index == node.log.last_index:
        node.send(TimeoutNow(node.current_term, node.id, target))


def transfer_tick(node: State) -> None:
    """Time passes; a successor that does not take over is given up, so that proposals are taken again."""
    if node.transfer_target is not None:
        node.transfer_elapsed += 1
        if node.transfer_elapsed >= node.config.election_ticks:
            node.transfer_target = None
