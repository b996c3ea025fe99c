"""`impl/paxos` held against `spec/paxos.py`, event by event."""

from conformance.paxos.cluster import Cluster

__all__ = ["Cluster"]
