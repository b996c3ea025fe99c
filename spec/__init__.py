"""The protocols, written once: `consensus`, `voting`, `paxos`, `consensus_log`, `multi_paxos`, `replicated_log`, `raft`, and the language they are in."""
