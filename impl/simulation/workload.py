"""What the clients of a run do: how many they are, what they ask for, how often, and how patient they are."""

from __future__ import annotations

from collections import defaultdict, deque
from dataclasses import dataclass
from random import Random
from typing import Final

from impl.simulation.latency import MILLISECOND, Exponential, Latency
from impl.simulation.machines import KEY_VALUE, REGISTER, Model, Value

OBJECTS: Final[dict[str, Model]] = {"register": REGISTER, "kv": KEY_VALUE, "decree": REGISTER}
"""What clients may use: a register and a key-value store for each key, and a register that is written once, by compare-and-set."""

READS: Final = frozenset(("read", "get"))


@dataclass(frozen=True)
class Workload:
    """What the clients do; times are in microseconds."""

    object: str = "register"
    """One of OBJECTS."""
    clients: int = 5
    keys: int = 3
    reads: float = 0.4
    """The share of reads; the rest are updates of all kinds."""
    roaming: float = 0.2
    """The chance that a client begins with a host of its own choice, rather than with the one that answered last."""
    think: Latency = Exponential(0, 10 * MILLISECOND)
    """From one operation to the next."""
    link: Latency = Exponential(100, 100)
    """Between a client and any host; these links lose nothing."""
    timeout: int = 150 * MILLISECOND
    """A client asks again after so long."""
    patience: int = 1_000 * MILLISECOND
    """It gives up after so long."""
    pause: int = 10 * MILLISECOND
    """It waits for so long after a refusal."""


class Requests:
    """Draws what the clients ask for; values are unique, so that a history tells where each came from."""

    def __init__(self, workload: Workload, random: Random) -> None:
        self._workload, self._random = workload, random
        self._written = 0
        initial = OBJECTS[workload.object].initial
        self._recent: defaultdict[str, deque[Value]] = defaultdict(lambda: deque([initial], maxlen=3))
        """The last values that somebody tried to write to a key: what a compare-and-set may well find."""

    def draw(self) -> tuple[str, str, tuple[Value, ...]]:
        """Name, key and arguments of an operation."""
        random, name = self._random, self._workload.object
        is_read = random.random() < self._workload.reads
        if name == "decree":
            return ("read", "decree", ()) if is_read else ("cas", "decree", (None, self._value()))
        key = f"k{random.randrange(self._workload.keys)}"
        if is_read:
            return ("get" if name == "kv" else "read"), key, ()
        value = self._value()
        if name == "kv":
            return ("put", key, (str(value),)) if random.random() < 0.3 else ("append", key, (f" {value}",))
        expected = random.choice(self._recent[key])
        self._recent[key].append(value)
        return ("write", key, (value,)) if random.random() < 0.6 else ("cas", key, (expected, value))

    def _value(self) -> int:
        self._written += 1
        return self._written
