"""`impl/raft` held against `spec/deployed_raft.py`, event by event."""

from conformance.raft.cluster import Cluster

__all__ = ["Cluster"]
