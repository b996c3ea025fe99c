"""A protocol that asks for the members of its sets by their fields in every way in which they are looked up, and in some in which they must not be."""

from __future__ import annotations

from spec.language import Map, Option, Ordered, Protocol, Scope, Set, Sort, action, record, require


class Node(Sort):
    """A process."""


class Level(Ordered):
    """A height."""


@record
class Note:
    """What a process says of another."""

    sender: Node
    of: Node
    level: Level
    rank: Option[Level]


class Asking(Protocol):
    """Notes come and go; each action asks for some of them."""

    default_scope = Scope(node=2, level=2)

    notes: Set[Note]
    held: Map[Node, Set[Note]]
    top: Level

    def init(self) -> None:
        """No notes."""
        self.notes = Set()
        self.held = Map({n: Set() for n in Node})
        self.top = Level(0)

    @action
    def write(self, n: Node, m: Node, x: Level) -> None:
        """A note, kept in a set of its own, too."""
        self.notes |= {Note(n, m, x, None if n == m else x)}
        self.held[n] |= {Note(m, n, x, None)}

    @action
    def tear(self, n: Node, x: Level) -> None:
        """The notes of one process about any other, of one level."""
        require(any(m.sender == n and m.level == x for m in self.notes))
        self.notes -= Set({m for m in self.notes if m.sender == n and m.level == x})

    @action
    def start_over(self, n: Node, m: Note) -> None:
        """The whole set anew."""
        require(m in self.held[n])
        require(all(k.of != n or k.level <= m.level for k in self.held[n]))
        self.notes = Set({m})

    @action
    def reply(self, m: Note) -> None:
        """A field of another record."""
        require(m in self.notes)
        require(not any(k.sender == m.of and k.of == m.sender for k in self.notes))
        self.notes |= {Note(m.of, m.sender, m.level, m.rank)}

    @action
    def climb(self, n: Node) -> None:
        """By a helper, the other way round, through a filter, and by a literal."""
        require(all(not self.about(m, n, n) for m in self.notes))
        require(any(n == m.sender and m.level == 0 for m in self.notes))
        require(all(m.rank is not None for m in self.notes if m.sender == n if m.level == self.top))
        self.top = self.top + 1

    @action
    def sink(self, n: Node, x: Level) -> None:
        """Two names; one set within the other's quantifier; no field alone."""
        require(any(m.level == self.top for m in self.notes))
        require(any(m.sender == n and k.sender == m.of and k.level == x for m in self.notes for k in self.held[n]))
        require(all(any(k.of == m.sender for k in self.held[n]) for m in self.notes if m.level == x))
        require(not all(m.sender == n or m.level == x for m in self.notes))
        self.top = x

    @action
    def rank(self, n: Node, x: Level) -> None:
        """What comes first leaves the scope for some members, so none may be passed over."""
        require(not any(self.above_itself(m) and m.sender == n for m in self.notes))
        self.top = x

    @action
    def contradict(self, n: Node, x: Level) -> None:
        """One field is asked for twice."""
        require(all(m.level != x or m.level != self.top for m in self.notes))
        require(any(m.sender == n and m.sender == m.of for m in self.notes))
        self.top = x

    def about(self, m: Note, n: Node, k: Node) -> bool:
        """Whether a note is of n about k, its rank known."""
        return m.sender == n and m.of == k and m.rank is not None

    def above_itself(self, m: Note) -> bool:
        """Never so, where it has a value."""
        return m.level + 1 <= m.level and m.of == m.sender
