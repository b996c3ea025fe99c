"""`impl/multi_paxos` held against `spec/multi_paxos.py`, event by event."""

from conformance.multi_paxos.cluster import Cluster

__all__ = ["Cluster"]
