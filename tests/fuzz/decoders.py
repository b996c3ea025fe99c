"""What reads input that others wrote, each as a function of bytes: it takes them, or raises the one error that it documents.

`python -m tests.fuzz.decoders NAME FOLDER [libFuzzer options]` looks for bytes that do neither, with atheris installed; FOLDER collects inputs.
`test_decoders.py` does the same with Hypothesis, for a moment.
"""

from __future__ import annotations

import contextlib
import sys
import tempfile
from collections.abc import Callable, Iterator
from dataclasses import fields
from pathlib import Path
from random import Random
from types import ModuleType
from typing import Any

from impl import multi_paxos, paxos, raft
from impl.latency.errors import LatencyError
from impl.latency.topology import parse
from impl.multi_paxos import Vote
from impl.paxos import Ballot, Proposal
from impl.raft import Entries, Snapshot
from model_check import itf
from model_check.linearizability import MODELS, read_history
from model_check.linearizability.formats import HistoryError
from model_check.trace import Origin, Trace
from spec.consensus import Consensus
from spec.language import IonianError, Scope


def history(format_name: str, model: str) -> Callable[[bytes], None]:
    """A file of a format."""

    def take(data: bytes) -> None:
        with tempfile.TemporaryDirectory() as folder, contextlib.suppress(HistoryError):
            file = Path(folder) / "history"
            file.write_bytes(data)
            read_history(file, format_name, MODELS[model])

    return take


def topology(data: bytes) -> None:
    """A file of regions and round trips."""
    with contextlib.suppress(LatencyError):
        parse(data.decode(errors="replace"), "input.toml")


CONSENSUS = Consensus(Scope(value=2))
(NOTHING_CHOSEN,) = CONSENSUS.initial_states()
WITH_NOTHING_CHOSEN = itf.write(Trace(Origin.of(CONSENSUS), NOTHING_CHOSEN, ()))


def trace(data: bytes) -> None:
    """A trace's file, and a value in one."""
    text = data.decode(errors="replace")
    for whole in (text, WITH_NOTHING_CHOSEN.replace('{"#set": []}', text)):
        with contextlib.suppress(IonianError):
            itf.read(itf.parse(whole), CONSENSUS)


def _fields(data: Iterator[int]) -> Any:
    """A value such as a field of a message may have, or may not."""
    byte = next(data)
    if byte < 128:
        return byte % 8  # mostly small numbers, which come closest to making sense
    made = (
        lambda: -1,
        lambda: 1 << 63,
        lambda: 1 << 200,
        lambda: None,
        lambda: 1.5,
        lambda: "text",
        lambda: b"",
        lambda: b"x",
        lambda: True,
        lambda: False,
        lambda: [b"x"],
        list,
        lambda: Ballot(_fields(data), _fields(data)),
        lambda: Proposal(_fields(data), _fields(data)),
        lambda: [Vote(_fields(data), _fields(data), _fields(data))],
        lambda: Entries(_fields(data), [_fields(data)], [_fields(data)]),
        lambda: Snapshot(_fields(data), _fields(data), _fields(data)),
    )
    return made[byte % len(made)]()


def _messages(package: ModuleType, data: bytes) -> Iterator[Any]:
    """Messages of a package's kinds, out of bytes."""
    kinds = [kind for name in sorted(vars(package.messages)) if isinstance(kind := getattr(package.messages, name), type) and name[0].isupper()]
    kinds = [kind for kind in kinds if hasattr(kind, "__dataclass_fields__")]
    source = iter(data)
    with contextlib.suppress(StopIteration):
        while True:
            kind = kinds[next(source) % len(kinds)]
            yield kind(*[_fields(source) for _ in fields(kind)])


def raft_messages(data: bytes) -> None:
    """Messages to a node of Raft that has stood for election."""
    node = raft.Raft(raft.Config(1, (1, 2, 3), pre_vote=False), raft.MemoryStorage(), Random(0).randrange)
    while node.role is raft.Role.FOLLOWER:
        node.tick()
    for message in _messages(raft, data):
        with contextlib.suppress(raft.MessageError, raft.TermsExhausted):
            node.step(message)
        if node.has_ready():
            node.ready()
            node.advance()


def multi_paxos_messages(data: bytes) -> None:
    """Messages to a node of Multi-Paxos that has stood for election."""
    node = multi_paxos.Node(multi_paxos.Config(1, (1, 2, 3), max_open_slots=100), Random(0).randrange)
    while node.role is multi_paxos.Role.FOLLOWER:
        node.tick()
    for message in _messages(multi_paxos, data):
        with contextlib.suppress(multi_paxos.MessageError):
            node.step(message)
        if node.has_ready():
            node.ready()
            node.advance()


def paxos_messages(data: bytes) -> None:
    """Messages to the three machines of a node of Single-Decree Paxos."""
    config = paxos.Config(1, (1, 2, 3), (1, 2, 3), (1, 2, 3))
    machines: list[Any] = [paxos.Acceptor(config), paxos.Proposer(config, Random(0).randrange), paxos.Learner(config)]
    machines[1].propose(b"value")
    for message in _messages(paxos, data):
        for machine in machines:
            with contextlib.suppress(paxos.MessageError):
                machine.step(message)


DECODERS: dict[str, Callable[[bytes], None]] = {
    "jepsen": history("jepsen", "register"),
    "kv": history("kv", "kv"),
    "ionian": history("ionian", "kv"),
    "topology": topology,
    "itf": trace,
    "raft": raft_messages,
    "multi-paxos": multi_paxos_messages,
    "paxos": paxos_messages,
}
"""By name."""


if __name__ == "__main__":
    import atheris

    name, *options = sys.argv[1:]
    atheris.instrument_all()
    atheris.Setup([sys.argv[0], *options], DECODERS[name])
    atheris.Fuzz()
