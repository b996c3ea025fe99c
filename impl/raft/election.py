"""Leader election: who stands, who votes, who has won (section 5.2; dissertation, sections 4.2.3 and 9.6)."""

from __future__ import annotations

from impl.raft.errors import TermsExhausted
from impl.raft.log import size
from impl.raft.messages import LIMIT, RequestVote, TimeoutNow, VoteReply
from impl.raft.progress import Progress
from impl.raft.ready import Role
from impl.raft.state import CANDIDATE, LEADER, State

PRE_CANDIDATE = Role.PRE_CANDIDATE
NO_COMMAND = b""


def stand(node: State) -> None:
    """The election timeout has passed: stand for election, or first ask whether it could be won."""
    if node.config.pre_vote:
        _ask_for_pre_votes(node)
    else:
        campaign(node, transfer=False)


def _ask_for_pre_votes(node: State) -> None:
    term = _next_term(node)
    node.take_role(PRE_CANDIDATE, None)
    _request_votes(node, term, pre_vote=True, transfer=False)
    count_vote(node, node.id, granted=True)


def campaign(node: State, transfer: bool) -> None:
    """Begin a term as its candidate (Figure 2, Candidates); the own vote counts once it is persisted."""
    node.begin_term(_next_term(node))
    node.voted_for = node.id
    node.take_role(CANDIDATE, None)
    _request_votes(node, node.current_term, pre_vote=False, transfer=transfer)


def _next_term(node: State) -> int:
    term = node.current_term + 1
    if term >= LIMIT:
        raise TermsExhausted(f"current_term: after {node.current_term} there is no term left; the cluster must be set up anew")
    return term


def _request_votes(node: State, term: int, pre_vote: bool, transfer: bool) -> None:
    log = node.log
    for peer in node.config.voters:
        if peer != node.id:
            node.send_after_write(RequestVote(term, node.id, peer, log.last_index, log.last_term, pre_vote, transfer))


def sticks_to_leader(node: State, m: RequestVote) -> bool:
    """Whether the node hears from a leader and so takes no part in an election that this leader did not ask for."""
    hears = node.leader is not None and node.election_elapsed < node.config.election_ticks
    return hears and not m.transfer and (node.config.check_quorum or m.pre_vote)


def handle_request_vote(node: State, m: RequestVote) -> None:
    """Vote for at most one candidate a term, whose log is at least as up-to-date (Figure 2, RequestVote RPC)."""
    up_to_date = node.log.is_up_to_date(m.last_log_index, m.last_log_term)
    if m.pre_vote:
        granted = up_to_date and m.term > node.current_term
        node.send_after_write(VoteReply(m.term if granted else node.current_term, node.id, m.sender, granted, True))
        return
    granted = up_to_date and m.term == node.current_term and node.voted_for in (None, m.sender)
    if granted:
        node.voted_for = m.sender
        node.reset_election_timer()
    node.send_after_write(VoteReply(node.current_term, node.id, m.sender, granted, False))


def handle_vote_reply(node: State, m: VoteReply) -> None:
    """A voter answers; an answer to another election than the present one says nothing."""
    if m.pre_vote:
        # A refusal carries the voter's own term, which is not later than ours.
        current = node.role is PRE_CANDIDATE and (not m.vote_granted or m.term == node.current_term + 1)
    else:
        current = node.role is CANDIDATE and m.term == node.current_term
    if current:
        count_vote(node, m.sender, m.vote_granted)


def count_vote(node: State, voter: int, granted: bool) -> None:
    """Count an answer; a majority decides the (pre-)election."""
    # A vote stays granted: a denial that follows it answers a request of an earlier term that has come late.
    node.votes[voter] = granted or node.votes.get(voter, False)
    granted_by = sum(node.votes.values())
    if granted_by >= node.quorum:
        if node.role is PRE_CANDIDATE:
            campaign(node, transfer=False)
        else:
            become_leader(node)
    elif len(node.votes) - granted_by >= node.quorum:
        node.become_follower(node.current_term, None)


def become_leader(node: State) -> None:
    """The election is won: lead, and open the term with an entry of its own, through which earlier ones get committed (section 5.4.2)."""
    next_index = node.log.last_index + 1
    node.take_role(LEADER, node.id)
    node.followers = [Progress(peer, next_index) for peer in node.config.voters if peer != node.id]
    node.progress = {p.id: p for p in node.followers}
    node.uncommitted_bytes = _bytes_after(node, node.handed_index)
    node.term_start = next_index
    node.append([NO_COMMAND])


def _bytes_after(node: State, index: int) -> int:
    total = 0
    while index < node.log.last_index:
        run = node.log.entries(index + 1, node.log.last_index, node.config.max_batch_bytes)
        total += size(run.commands)
        index = run.last_index
    return total


def handle_timeout_now(node: State, m: TimeoutNow) -> None:
    """The leader hands over to this node (dissertation, section 3.10)."""
    if m.term == node.current_term < LIMIT - 1 and m.sender == node.leader:
        campaign(node, transfer=True)
