"""Log replication: what leaders send, what followers store, what is committed (sections 5.3, 5.4.2 and 7)."""

from __future__ import annotations

from impl.raft.entries import Entries
from impl.raft.errors import MessageError
from impl.raft.log import entries_from
from impl.raft.messages import AppendEntries, AppendReply, InstallSnapshot
from impl.raft.progress import PROBE, REPLICATE, Flow, Progress
from impl.raft.reads import confirm_reads
from impl.raft.state import LEADER, State
from impl.raft.transfer import hand_over_when_ready

SNAPSHOT = Flow.SNAPSHOT
NO_ENTRIES = Entries(1, [], [])


# --- The leader sends


def call_followers(node: State) -> None:
    """A heartbeat is due: whatever is lost on the way is found out and sent again because of it."""
    node.to_replicate = True
    for p in node.followers:
        p.calling = True
        p.awaiting = False


def replicate(node: State) -> None:
    """Send each follower what it lacks, as far as flow control lets it."""
    node.to_replicate = node.read_round_open = False
    for p in node.followers:
        if p.flow is REPLICATE:
            _stream(node, p)
        elif p.flow is PROBE:
            if not p.awaiting:
                p.awaiting = True
                _send_entries(node, p)
        elif p.calling:
            _send_append(node, p, p.next_index - 1, p.snapshot_term, NO_ENTRIES)


def _stream(node: State, p: Progress) -> None:
    """Send on behind what is under way; without entries to send, call where a call or news of a commit is due."""
    last_index, inflight = node.log.last_index, p.inflight
    while p.next_index <= last_index and len(inflight) < node.config.max_inflight:
        sent = _send_entries(node, p)
        if sent == 0:
            return
        p.next_index += sent
        inflight.append(p.next_index - 1)
    if p.calling or (p.told_commit < node.commit_index and p.told_commit < p.next_index - 1):
        prev_log_index = p.next_index - 1
        prev_log_term = node.log.term(prev_log_index)
        if prev_log_term is None:
            _send_snapshot(node, p)
        else:
            _send_append(node, p, prev_log_index, prev_log_term, NO_ENTRIES)


def _send_entries(node: State, p: Progress) -> int:
    """Send a batch from next_index on, or a snapshot where its beginning was compacted away; the number of entries sent."""
    log, prev_log_index = node.log, p.next_index - 1
    prev_log_term = log.term(prev_log_index)
    if prev_log_term is None:
        _send_snapshot(node, p)
        return 0
    entries = NO_ENTRIES if prev_log_index >= log.last_index else log.entries(p.next_index, log.last_index, node.config.max_batch_bytes)
    _send_append(node, p, prev_log_index, prev_log_term, entries)
    return len(entries.terms)


def _send_append(node: State, p: Progress, prev_log_index: int, prev_log_term: int, entries: Entries) -> None:
    commit_index, last_index = node.commit_index, prev_log_index + len(entries.terms)
    p.calling = False
    p.told_commit = commit_index if commit_index < last_index else last_index
    node.send(AppendEntries(node.current_term, node.id, p.id, prev_log_index, prev_log_term, entries, commit_index, node.read_round))


def _send_snapshot(node: State, p: Progress) -> None:
    snapshot = node.log.stored_snapshot()
    if snapshot is None:
        p.probe(p.next_index)
        p.awaiting = True  # storage has none at the moment: try again at the next heartbeat
        return
    p.send_snapshot(snapshot.last_index, snapshot.last_term)
    p.calling = False
    node.send(InstallSnapshot(node.current_term, node.id, p.id, snapshot, node.read_round))


# --- The follower receives


def refuse_contradiction(node: State, m: AppendEntries | InstallSnapshot) -> None:
    """Refuse, before anything is done about it, a call that breaks what Raft guarantees: its sender is faulty."""
    leader = node.leader
    if leader != m.sender and leader is not None and m.term == node.current_term:
        raise MessageError(type(m).__name__, "sender", f"node {m.sender} leads term {m.term}, but so does node {leader} (election safety)")
    if type(m) is AppendEntries and m.prev_log_index < node.commit_index and m.term >= node.current_term:
        _refuse_uncommitting(node, m)


def _refuse_uncommitting(node: State, m: AppendEntries) -> None:
    log = node.log
    if log.term(m.prev_log_index) not in (None, m.prev_log_term):
        raise MessageError("AppendEntries", "prev_log_term", f"{m.prev_log_term} at {m.prev_log_index}, where term {log.term(m.prev_log_index)} is committed")
    conflict = log.conflict(entries_from(m.entries, log.first_index())) if m.entries.terms else None
    if conflict is not None and conflict <= node.commit_index:
        raise MessageError("AppendEntries", "entries", f"they differ at {conflict}, which is committed (leader completeness)")


def handle_append_entries(node: State, m: AppendEntries) -> None:
    """Store the entries where they follow on, take over the commit index, and answer (Figure 2, AppendEntries RPC)."""
    term = node.current_term
    if m.term < term:
        _refuse_earlier_term(node, m)
        return
    if node.leader != m.sender:
        node.become_follower(term, m.sender)
    node.election_elapsed = 0
    log, prev_log_index, entries = node.log, m.prev_log_index, m.entries
    if log.term(prev_log_index) != m.prev_log_term and prev_log_index >= log.first_index() - 1:
        hint = log.last_match_candidate(prev_log_index, m.prev_log_term)
        reply = AppendReply(term, node.id, m.sender, False, 0, m.read_round, prev_log_index, hint, log.term(hint) or 0)
        node.send_after_write(reply)
        return
    match_index = prev_log_index + len(entries.terms)
    if match_index > prev_log_index:
        # What was compacted away is committed, so it agrees.
        log.store(entries_from(entries, log.first_index()) if entries.first_index <= node.commit_index else entries)
    if node.commit_index < m.leader_commit:
        node.commit_to(m.leader_commit if m.leader_commit < match_index else match_index)
    node.send_after_write(AppendReply(term, node.id, m.sender, True, match_index, m.read_round, 0, 0, 0))


def _refuse_earlier_term(node: State, m: AppendEntries | InstallSnapshot) -> None:
    """Tell a leader of an earlier term that there is a later one, and no more.

    The sender may lead that later term by the time it hears: what it called for in the earlier one must neither confirm reads
    nor lead to backing off in this one.
    """
    node.send_after_write(AppendReply(node.current_term, node.id, m.sender, False, 0, 0, 0, 0, 0))


def handle_install_snapshot(node: State, m: InstallSnapshot) -> None:
    """Take over a snapshot, unless the log already has what it covers (Figure 13)."""
    if m.term < node.current_term:
        _refuse_earlier_term(node, m)
        return
    if node.leader != m.sender:
        node.become_follower(node.current_term, m.sender)
    node.election_elapsed = 0
    snapshot, match_index = m.snapshot, m.snapshot.last_index
    if match_index <= node.commit_index:
        match_index = node.commit_index
    elif node.log.term(match_index) == snapshot.last_term:
        node.commit_to(match_index)
    else:
        node.log.restore(snapshot)
        node.commit_to(match_index)
        node.handed_index = match_index
    node.send_after_write(AppendReply(node.current_term, node.id, m.sender, True, match_index, m.read_round, 0, 0, 0))


# --- The leader hears


def refuse_what_was_not_sent(node: State, m: AppendReply) -> None:
    """Refuse, before anything is done about it, an answer to what this leader never said."""
    if node.role is LEADER and m.term == node.current_term:
        if m.match_index > node.log.last_index:
            raise MessageError("AppendReply", "match_index", f"{m.match_index} was never sent; the log ends at {node.log.last_index}")
        if m.read_round > node.read_round:
            raise MessageError("AppendReply", "read_round", f"{m.read_round} was never sent; the last one is {node.read_round}")


def handle_append_reply(node: State, m: AppendReply) -> None:
    """Note what a follower holds, or go back to where its log may agree (Figure 2, Leaders)."""
    if node.role is not LEADER or m.term < node.current_term:
        return
    p = node.progress[m.sender]
    p.active = True
    if m.success:
        index = m.match_index
        if p.acknowledge(index) and index > node.commit_index:
            advance_commit(node)
        if p.next_index <= node.log.last_index:
            node.to_replicate = True
        if node.transfer_target is not None:
            hand_over_when_ready(node)
    else:
        _back_off(node, p, m)
    if m.read_round > p.read_round:
        p.read_round = m.read_round
        confirm_reads(node)


def _back_off(node: State, p: Progress, m: AppendReply) -> None:
    """Try where the logs may agree: one round trip a term, not an entry, and never below what is known to agree (section 5.3)."""
    if m.prev_log_index <= p.match_index:
        return  # an old refusal, or a follower that has lost what it acknowledged: nothing that another message would mend
    if p.flow is REPLICATE:
        p.probe(p.match_index + 1)
        node.to_replicate = True
    elif p.flow is PROBE and m.prev_log_index == p.next_index - 1:
        candidate = node.log.last_match_candidate(m.hint_index, m.hint_term)
        p.probe(max(min(m.prev_log_index, candidate + 1), p.match_index + 1))
        node.to_replicate = True


def advance_commit(node: State) -> None:
    """Commit the entries of this term that a majority holds on stable storage, and with them all before (section 5.4.2, Figure 8)."""
    held = [p.match_index for p in node.followers]
    held.append(node.log.stable_index)
    held.sort(reverse=True)
    index = held[node.quorum - 1]
    if index > node.commit_index and node.log.term(index) == node.current_term:
        node.commit_to(index)
        node.to_replicate = True


def snapshot_reported(node: State, follower: int, delivered: bool) -> None:
    """The caller tells how the transfer of a snapshot ended."""
    p = node.progress.get(follower)
    if p is not None and p.flow is SNAPSHOT:
        p.probe(p.next_index if delivered else p.match_index + 1)
        p.awaiting = True  # the heartbeat tries: a lost transfer is not repeated at full speed
