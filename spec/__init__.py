"""The protocols, written once, and the language that they are in.

`consensus`, `voting`, `paxos`, `consensus_log`, `multi_paxos`, `replicated_log`, `raft`, `deployed_raft`, `etcd_raft`.
"""
