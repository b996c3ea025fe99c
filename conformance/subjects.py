"""The implementations that can be held against a spec."""

from __future__ import annotations

from typing import Final

from conformance.campaign import Subject
from conformance.raft import runs as raft

SUBJECTS: Final[dict[str, Subject]] = {"raft": Subject("raft", "DeployedRaft", raft.run, raft.shrunk)}
"""By their names on the command line."""
