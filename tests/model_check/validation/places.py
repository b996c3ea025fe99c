"""Protocols whose values could come to share a place in a run's cells, or be seen half-changed."""

from __future__ import annotations

from spec.language import Map, Option, Ordered, Position, Protocol, Scope, Seq, Set, Sort, Window, action, first, record, require


class Node(Sort):
    """A process."""


class Level(Ordered):
    """A height."""


class Index(Position):
    """A position."""


@record
class Album:
    """What a process keeps of others."""

    friends: Set[Node]
    tape: Seq[Index, Level]
    cut: Window[Index, Level]


class Sharing(Protocol):
    """Sets and sequences pass through locals, helpers, procedures, records and other variables; all the while they change."""

    default_scope = Scope(node=2, level=2, index=2)

    friends: Map[Node, Set[Node]]
    crowd: Set[Node]
    tape: Seq[Index, Level]
    tapes: Map[Node, Seq[Index, Level]]
    height: Map[Node, Level]
    albums: Set[Album]
    best: Option[Album]
    spare: Option[Seq[Index, Level]]

    def init(self) -> None:
        """Nothing there."""
        self.friends = Map({n: Set() for n in Node})
        self.crowd = Set()
        self.tape = Seq.empty(Index)
        self.tapes = Map({n: Seq.empty(Index) for n in Node})
        self.height = Map({n: Level(0) for n in Node})
        self.albums = Set()
        self.best = None
        self.spare = None

    @action
    def befriend(self, n: Node, m: Node) -> None:
        """A local keeps the set that was."""
        before = self.friends[n]
        self.friends[n] |= {m}
        self.crowd = before
        self.crowd -= {m}

    @action
    def share(self, n: Node, m: Node) -> None:
        """One entry becomes another's; then one of them changes."""
        require(n != m)
        self.friends[m] = self.friends[n]
        self.friends[n] -= {n}

    @action
    def unite(self, n: Node) -> None:
        """A set is added to itself, and to another."""
        self.friends[n] |= self.friends[n]
        self.crowd |= self.friends[n]
        self.friends[n] -= self.crowd

    @action
    def record(self, x: Level) -> None:
        """A local keeps the sequence that was."""
        before = self.tape
        self.tape = self.tape.append(x)
        for n in Node:
            self.tapes[n] = before

    @action
    def lengthen(self, n: Node, x: Level) -> None:
        """What is longest, by a helper that gives a sequence; what is taken over must not grow along."""
        self.tapes[n] = self.longest(n)
        self.tape = self.tape.append(x)
        self.store(n, self.tape)

    def longest(self, n: Node) -> Seq[Index, Level]:
        """The longer of two sequences."""
        return self.tape if self.tape.last > self.tapes[n].last else self.tapes[n]

    def store(self, n: Node, given: Seq[Index, Level]) -> None:
        """A procedure whose argument changes under it."""
        self.tape = Seq.empty(Index)
        self.tapes[n] = given

    @action
    def keep(self, n: Node, i: Index) -> None:
        """Sets and sequences within records, within an Option."""
        require(i <= self.tape.last)
        album = Album(self.friends[n], self.tape, self.tape.window(i, self.tape.last))
        self.albums |= {album}
        self.best = album
        self.spare = self.tape
        self.tape = Seq.empty(Index)

    @action
    def restore(self, m: Album) -> None:
        """And out of them."""
        require(m in self.albums)
        self.tape = m.tape
        self.crowd = m.friends if self.best == m else self.crowd
        self.albums = Set({a for a in self.albums if a.tape != m.tape})
        if self.spare is not None:
            self.tapes = Map({n: self.spare for n in Node})

    @action
    def patch(self, n: Node, m: Album) -> None:
        """A window takes the place of a tail, or extends it."""
        require(m in self.albums)
        require(self.tapes[n].last >= m.cut.after)
        differs = first(i for i in m.cut.indices() if i <= self.tapes[n].last and self.tapes[n][i] != m.cut[i])
        if differs is not None:
            self.tapes[n] = self.tapes[n].splice(differs, m.cut)
        else:
            self.tapes[n] = self.tapes[n].extend(m.cut)

    @action
    def rise(self, n: Node) -> None:
        """All entries of a map at once, each from those that were."""
        self.height = Map({m: self.height[n] + 1 if m == n else self.height[n] for m in Node})

    @action
    def turn(self, n: Node, m: Node) -> None:
        """Entries change places through a local, a guard refuses in the middle."""
        before = self.friends[n]
        self.friends[n] = self.friends[m]
        require(self.friends[n] != before)
        self.friends[m] = before
        require(self.crowd <= before)
