"""What is measured: the scopes, how often, and how long at most; in full, or small for a quick try."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from spec.language import Scope


class BenchmarkError(Exception):
    """Why there is no figure, or none to be trusted."""


@dataclass(frozen=True)
class Run:
    """A protocol at a scope, to a depth (None: to its end), explored `repeats` times with each number of workers."""

    spec: str
    sizes: Mapping[str, int]
    repeats: int = 1
    workers: tuple[int, ...] = (1, 2)
    max_depth: int | None = None

    @property
    def scope(self) -> Scope:
        """The scope."""
        return Scope(**self.sizes)

    @property
    def name(self) -> str:
        """For tables: `Paxos, 3 acceptors, 3 ballots, 2 values`."""
        counts = [f"{size} {sort if sort == 'index' or size == 1 else sort + 's'}" for sort, size in self.sizes.items()]
        bound = [] if self.max_depth is None else [f"to depth {self.max_depth}"]
        return ", ".join([self.spec.capitalize(), *counts, *bound])


@dataclass(frozen=True)
class Plan:
    """All that a run of the benchmark measures."""

    paxos: tuple[Run, ...]
    """Smallest first; Spin explores the same scopes, TLC only the first."""
    raft: Run
    commands: bool = True
    """Whether `ionian check raft` and `ionian break raft` are run."""


def _paxos(ballots: int, repeats: int) -> Run:
    return Run("paxos", {"acceptor": 3, "ballot": ballots, "value": 2}, repeats)


def _raft(max_depth: int, workers: tuple[int, ...]) -> Run:
    return Run("raft", {"node": 3, "term": 2, "index": 1, "value": 1}, 1, workers, max_depth)


# Without symmetry, the first 19 levels of Raft's default scope have some 26 million states.
FULL = Plan((_paxos(3, 7), _paxos(4, 3)), _raft(19, (2,)))
QUICK = Plan((_paxos(1, 2), _paxos(2, 2)), _raft(8, (1, 2)), commands=False)
