"""Random small protocols that send messages: their clocks rise, they vote, they answer; some messages die and some seem to."""

from __future__ import annotations

import random

HEAD = '''
from spec.language import Map, Option, Ordered, Protocol, Set, Sort, action, record, require


class Node(Sort):
    """A node."""


class Clock(Ordered):
    """A time."""


@record
class Call:
    """A node's call to all."""

    at: Clock
    sender: Node
    flag: bool


@record
class Reply:
    """An answer to a call."""

    at: Clock
    to: Node
    sender: Node


class Messengers(Protocol):
    """Nodes with a clock, an office, a vote, and what they have heard."""

    clock: Map[Node, Clock]
    """Its time."""
    office: Map[Node, bool]
    """Whether it has the office."""
    vote: Map[Node, Option[Node]]
    """Whom it voted for."""
    known: Map[Node, Set[Node]]
    """Whom it knows."""
    heard: Map[tuple[Node, Node], Clock]
    """The latest time heard from each other."""
    spent: Map[Node, bool]
    """Whether it has called and may not again."""
    calls: Set[Call]
    """All calls."""
    replies: Set[Reply]
    """All replies."""

    def init(self) -> None:
        """At first."""
        self.clock = Map({n: Clock(0) for n in Node})
        self.office = Map({n: False for n in Node})
        self.vote = Map({n: None for n in Node})
        self.known = Map({n: Set() for n in Node})
        self.heard = Map({(n, p): Clock(0) for n in Node for p in Node})
        self.spent = Map({n: False for n in Node})
        self.calls = Set()
        self.replies = Set()
'''

OWN_GUARDS = (
    "self.office[n]",
    "not self.office[n]",
    "self.vote[n] is None",
    "self.clock[n] > 0",
    "self.known[n] == Set()",
    "self.vote[n] != n",
    "any(p in self.known[n] for p in Node)",
)
MESSAGE_GUARDS = (
    "n != m.sender",
    "m.at >= self.clock[n]",
    "m.at > self.clock[n] or self.office[n]",
    "m.at > self.clock[n]",
    "m.at == self.clock[n] and self.vote[n] is None",
    "m.sender not in self.known[n]",
    "self.heard[n, m.sender] < m.at",
    "self.later(n, m.at)",
)
OWN_STATEMENTS = (
    "self.clock[n] = self.clock[n] + 1",
    "self.office[n] = True",
    "self.office[n] = False",
    "self.vote[n] = None",
    "self.vote[n] = n",
    "self.known[n] = Set()",
    "self.known[n] |= {n}",
    "self.known[n] -= {n}",
    "for p in Node:\n    self.heard[n, p] = Clock(0)",
    "self.calls |= {Call(self.clock[n], n, self.office[n])}",
)
MESSAGE_STATEMENTS = (
    "self.clock[n] = m.at",
    "self.clock[n] = max(self.clock[n], m.at)",
    "self.heard[n, m.sender] = max(self.heard[n, m.sender], m.at)",
    "self.heard[n, m.sender] = m.at",
    "self.known[n] |= {m.sender}",
    "self.vote[n] = m.sender",
    "self.replies |= {Reply(self.clock[n], m.sender, n)}",
    "self.replies |= {Reply(m.at, m.sender, n)}",
    "self.observe(n, m.at)",
)
TAIL = '''
    def observe(self, n: Node, t: Clock) -> None:
        """A later time ends an office."""
        if t > self.clock[n]:
            self.clock[n] = t
            self.office[n] = False
            self.vote[n] = None

    def later(self, n: Node, t: Clock) -> bool:
        """Whether a time is no earlier than a node's."""
        now = self.clock[n]
        return now < t or (now == t and not self.office[n])
'''


def protocol(chance: random.Random) -> str:
    """The text of a protocol named Messengers."""
    return HEAD + "".join((_action(chance, 0, ""), _action(chance, 1, ""), _action(chance, 2, "Call"), _action(chance, 3, "Reply"))) + TAIL


def _action(chance: random.Random, number: int, message: str) -> str:
    """An action at one node; with a kind of message, its receipt."""
    guards, statements = OWN_GUARDS, OWN_STATEMENTS
    head, lines = f"def act_{number}(self, n: Node) -> None:", []
    if message:
        # Receipts look at their message more often than not.
        guards, statements = OWN_GUARDS + 2 * MESSAGE_GUARDS, OWN_STATEMENTS + 3 * MESSAGE_STATEMENTS
        head = f"def act_{number}(self, n: Node, m: {message}) -> None:"
        lines = [f"require(m in self.{'calls' if message == 'Call' else 'replies'})"]
        lines += ["require(m.to == n)"] if message == "Reply" and chance.random() < 0.7 else []
    # What can be sent only once is missed if it is forgotten too early.
    once = not message and chance.random() < 0.7
    lines += ["require(not self.spent[n])"] if once and number == 0 else []
    for guard in chance.sample(guards, chance.choice([0, 1, 1, 2])):
        lines.append(f"require({guard}{chance.choice(['', '', f', rule={chr(34)}rule {number}{chr(34)}'])})")
    if once and number == 0:
        lines += ["self.spent[n] = True", "self.calls |= {Call(self.clock[n], n, self.office[n])}"]
    # The other action of a node's own then sends nothing.
    elif once:
        statements = OWN_STATEMENTS[:-1]
    lines += _block(chance, guards, statements, chance.choice([1, 2, 2, 3]))
    text = ["", "@action", head, '    """Random."""', *(f"    {line}" for line in lines)]
    return "\n".join(f"    {line}".rstrip() for line in text) + "\n"


def _block(chance: random.Random, guards: tuple[str, ...], statements: tuple[str, ...], count: int) -> list[str]:
    lines: list[str] = []
    for _ in range(count):
        inner = chance.choice(statements).split("\n")
        if chance.random() < 0.3:
            other = chance.choice(statements).split("\n")
            lines += [f"if {chance.choice(guards)}:", *(f"    {line}" for line in inner), "else:", *(f"    {line}" for line in other)]
        else:
            lines += inner
    return lines
