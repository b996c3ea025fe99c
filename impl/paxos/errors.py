"""What can go wrong with a Paxos machine: each error's message names the place and the mend."""

from __future__ import annotations


class PaxosError(Exception):
    """An error that its message alone explains; the machine's state is as it was before the call."""


class ConfigError(PaxosError):
    """A configuration, or a restored state, that no correct cluster has."""


class UsageError(PaxosError):
    """A call that the caller's duties forbid at this time."""


class MessageError(PaxosError):
    """A message that no correct node sends to this one: `kind` and `field` name what is wrong with it."""

    def __init__(self, kind: str, field: str, fault: str) -> None:
        self.kind, self.field = kind, field
        super().__init__(f"{kind}.{field}: {fault}")
