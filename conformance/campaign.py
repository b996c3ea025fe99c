"""Many seeded runs of an implementation, until one departs from the spec."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field

from conformance.departure import Departure
from conformance.outcome import Failure, Outcome
from spec.language.errors import IonianError


@dataclass(frozen=True)
class Subject:
    """An implementation, and how it is held against its spec.

    Attributes:
        name: Of the implementation, as on the command line.
        spec: Of the protocol that it refines.
        run: One run, from a seed and a number of nodes.
        shrunk: The same failure in fewer events.
        sizes: The numbers of nodes that make a cluster.
    """

    name: str
    spec: str
    run: Callable[[int, int], Outcome]
    shrunk: Callable[[Failure], Failure]
    sizes: range = range(1, 10)


@dataclass
class Campaign:
    """What came of the runs so far."""

    subject: Subject
    nodes: int
    runs: int = 0
    events: int = 0
    steps: int = 0
    seconds: float = 0.0
    seed: int = 0
    """Of the last run."""
    failure: Failure | None = None
    stopped: str = ""
    progress: Callable[[Campaign], None] | None = field(default=None, repr=False)

    @property
    def verdict(self) -> str:
        """As the command line words it."""
        if self.failure is not None:
            return "departs"
        return "inconclusive" if self.stopped else "no departure found"

    def go(self, seeds: Iterable[int]) -> None:
        """Run the seeds in order, up to the first failure or until interrupted."""
        if self.nodes not in self.subject.sizes:
            raise IonianError(f"--nodes {self.nodes}: a cluster of {self.subject.name} has {self.subject.sizes[0]} to {self.subject.sizes[-1]} nodes here")
        start = time.perf_counter()
        try:
            for seed in seeds:
                self.seed = seed
                outcome = self.subject.run(seed, self.nodes)
                self.runs, self.events, self.steps = self.runs + 1, self.events + outcome.events, self.steps + outcome.steps
                self.seconds = time.perf_counter() - start
                if self.progress is not None:
                    self.progress(self)
                if outcome.failure is not None:
                    self.failure = self.subject.shrunk(outcome.failure)
                    return
        except KeyboardInterrupt:
            self.stopped = "interrupted"
        finally:
            self.seconds = time.perf_counter() - start

    def to_json(self) -> dict[str, object]:
        """The whole result."""
        found: dict[str, object] = {
            "implementation": self.subject.name,
            "spec": self.subject.spec,
            "verdict": self.verdict,
            "nodes": self.nodes,
            "runs": self.runs,
            "events": self.events,
            "steps": self.steps,
            "seconds": round(self.seconds, 3),
        }
        if self.failure is not None:
            error = self.failure.error
            found["seed"] = self.seed
            found["length"] = len(self.failure.play.moves)
            found["reproduction"] = self.failure.play.as_code()
            found["departure"] = error.to_json() if isinstance(error, Departure) else {"error": f"{type(error).__name__}: {error}"}
        return found
