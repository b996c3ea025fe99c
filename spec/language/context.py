"""What a spec under evaluation needs to know beyond its state: scope, removed rules, quorums.

CPython runs specs as ordinary methods; `for n in Node`, `x + 1` and `in_force(...)` ask the active context.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field

from spec.language.errors import ScopeError

QuorumSystem = Callable[[int], tuple[frozenset[int], ...]]
"""Given the number of members, the minimal quorums as sets of member numbers."""


class Scope:
    """The sizes of a protocol's sorts, e.g. `Scope(node=3, term=2, index=1, value=1)`.

    Raises ScopeError for a size below one.
    """

    __slots__ = ("sizes",)

    def __init__(self, **sizes: int) -> None:
        for name, size in sizes.items():
            if not isinstance(size, int) or isinstance(size, bool) or size < 1:
                raise ScopeError(f"scope: {name} must be a whole number of at least 1, not {size!r}")
        self.sizes: Mapping[str, int] = dict(sizes)

    def replace(self, **sizes: int) -> Scope:
        """The same scope with some sizes changed."""
        return Scope(**{**self.sizes, **sizes})

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Scope) and self.sizes == other.sizes

    def __hash__(self) -> int:
        return hash(tuple(sorted(self.sizes.items())))

    def __repr__(self) -> str:
        return f"Scope({', '.join(f'{k}={v}' for k, v in self.sizes.items())})"


@dataclass
class Context:
    """The scope's sizes by sort class, the rules removed, and the quorum systems by sort class."""

    sizes: Mapping[type, int]
    without: frozenset[str] = frozenset()
    quorums: Mapping[type, QuorumSystem] = field(default_factory=dict)


_active: list[Context] = []


def activate(context: Context) -> None:
    """Make a context the active one (evaluation is single-threaded within a process)."""
    _active[:] = [context]


def active() -> Context:
    """The active context; ScopeError where a spec's expression is evaluated outside a protocol."""
    if not _active:
        raise ScopeError("sorts have elements only within a protocol's scope: build the protocol first, e.g. Raft(Scope(...))")
    return _active[0]
