"""A spec with an expression that has no value in its initial state."""

from __future__ import annotations

from pathlib import Path

from spec_files import load

from spec.language import Protocol, Scope

TEXT = '''
from __future__ import annotations
from spec.language import Map, Option, Ordered, Protocol, Sort, action, require


class Client(Sort):
    """A client."""


class Level(Ordered):
    """A level."""


class Careless(Protocol):
    """Compares what may be absent."""

    top: Map[Client, Option[Level]]

    def init(self) -> None:
        """Nothing yet."""
        self.top = Map({c: None for c in Client})

    @action
    def compare(self, c: Client, x: Level) -> None:
        """Undefined while there is no top."""
        require(self.top[c] < x)
        self.top[c] = x
'''


def careless(folder: Path) -> Protocol:
    """The protocol, at a small scope."""
    found: Protocol = load(TEXT, folder).Careless(Scope(client=2, level=2))
    return found
