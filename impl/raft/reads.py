"""Linearizable reads by ReadIndex: a majority confirms the leader, no log entry is written (dissertation, section 6.4)."""

from __future__ import annotations

from impl.raft.errors import NotLeader
from impl.raft.messages import ReadReply, ReadRequest
from impl.raft.ready import ReadState
from impl.raft.state import LEADER, State


def request_read(node: State, context: bytes) -> None:
    """A client of this node reads; followers ask the leader."""
    if node.role is LEADER:
        _begin(node, node.id, context)
    elif node.leader is None:
        raise NotLeader(None)
    else:
        node.send(ReadRequest(node.current_term, node.id, node.leader, context))


def handle_read_request(node: State, m: ReadRequest) -> None:
    """A follower's client reads; whoever does not lead leaves it to the client to try again."""
    if node.role is LEADER:
        _begin(node, m.sender, m.context)


def handle_read_reply(node: State, m: ReadReply) -> None:
    """The leader has answered. Its answer stays right when it leads no more: the index was confirmed after the request."""
    node.read_states.append(ReadState(m.context, m.read_index))


def _begin(node: State, requester: int, context: bytes) -> None:
    # A new leader does not know yet what earlier terms committed, but all of it stands before the entry that opens its term.
    read_index = max(node.commit_index, node.term_start)
    if node.quorum == 1:
        _answer(node, requester, context, read_index)
        return
    if not node.read_round_open:
        node.read_round += 1
        node.read_round_open = node.to_replicate = True
        for p in node.followers:
            p.calling = True
            p.awaiting = False
    node.reads.append((node.read_round, read_index, requester, context))


def confirm_reads(node: State) -> None:
    """Answer the reads of all rounds that a majority, the leader included, has confirmed."""
    if not node.reads:
        return
    rounds = sorted((p.read_round for p in node.followers), reverse=True)
    confirmed = rounds[node.quorum - 2]
    done = 0
    for read_round, read_index, requester, context in node.reads:
        if read_round > confirmed:
            break
        _answer(node, requester, context, read_index)
        done += 1
    del node.reads[:done]


def _answer(node: State, requester: int, context: bytes, read_index: int) -> None:
    if requester == node.id:
        node.read_states.append(ReadState(context, read_index))
    else:
        node.send(ReadReply(node.current_term, node.id, requester, context, read_index))
