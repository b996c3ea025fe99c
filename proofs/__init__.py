"""Why the protocols are safe for clusters of any size: lemmas and prose, each step checked by machine."""

from __future__ import annotations

import importlib

from spec.language import Protocol

SHIPPED = {"paxos": "PaxosProof", "raft": "RaftProof"}
"""The shipped proofs: the module's name, and the class in it."""


def shipped_proof(name: str) -> type[Protocol]:
    """The protocol, with its lemmas, of a shipped proof; KeyError for another name."""
    found: type[Protocol] = getattr(importlib.import_module(f"proofs.{name}"), SHIPPED[name])
    return found
