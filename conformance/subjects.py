"""The implementations that can be held against a spec."""

from __future__ import annotations

from typing import Final

from conformance.campaign import Subject
from conformance.multi_paxos.runs import RUNS as MULTI_PAXOS
from conformance.paxos.runs import RUNS as PAXOS
from conformance.raft.runs import RUNS as RAFT
from conformance.runs import shrunk

_ALL = (
    Subject("raft", "DeployedRaft", RAFT.run, shrunk),
    Subject("paxos", "Paxos", PAXOS.run, shrunk),
    Subject("multi_paxos", "MultiPaxos", MULTI_PAXOS.run, shrunk),
)
SUBJECTS: Final[dict[str, Subject]] = {subject.name: subject for subject in _ALL}
"""By their names on the command line."""
