"""What each rule's removal breaks, and after how many steps at least: the explorer and the solver must both find it so."""

from __future__ import annotations

PAXOS = {
    "keep the promise": ("agreement", 12),
    "report the highest vote": ("agreement", 12),
    "adopt the value of the highest vote": ("agreement", 12),
    "promises from a quorum": ("agreement", 6),
    "one value per ballot": ("agreement", 9),
    "quorums intersect": ("agreement", 9),
}
RAFT = {
    "vote once per term": ("election_safety", 8),
    "leader needs a majority of votes": ("election_safety", 4),
    "votes and terms survive a restart": ("election_safety", 9),
    "ignore stale-term messages": ("election_safety", 9),
    "candidate's log must be up to date": ("leader_completeness", 13),
    "commit needs a majority": ("leader_completeness", 10),
    "AppendEntries consistency check": ("state_machine_safety", 16),
    "truncate on conflict": ("state_machine_safety", 16),
    "clamp the leader's commit index": ("state_machine_safety", 16),
    "commit only entries of the current term": ("leader_completeness", 26),
}
ETCD_RAFT = {
    "vote once per term": ("one_vote_per_term", 12),
    "leader needs a majority of votes": ("election_safety", 14),
    "promises wait for the disk": ("one_vote_per_term", 14),
    "promises survive a restart": ("one_vote_per_term", 16),
}
