"""The protocols, written once: `consensus`, `voting`, `paxos`, `replicated_log`, `raft`, and the language they are in."""
