"""Protocols for nobody: every construct of the language whose TLA+ form needs care, in the smallest space that uses it."""

from __future__ import annotations

from enum import Enum

from spec.language import (
    Map,
    Option,
    Ordered,
    Position,
    Protocol,
    Quorum,
    Scope,
    Seq,
    Set,
    Sort,
    Window,
    action,
    action_property,
    first,
    in_force,
    invariant,
    is_majority,
    quorums,
    record,
    refines,
    require,
    witness,
)


class Cell(Sort):
    """A place."""


class Colour(Sort):
    """Its paint, whose initial is that of the place."""


class Level(Ordered):
    """A height."""


class Slot(Position):
    """A position."""


class Mode(Enum):
    """What is going on."""

    IDLE = 0
    BUSY = 1


@record
class Ping:
    """A message with next to nothing."""

    mode: Mode


@record
class Note:
    """A message with some."""

    cell: Cell
    level: Option[Level]
    part: Window[Slot, Level]


class OddCorners(Protocol):
    """Loops, branches in mid-action, removals, procedures, options, windows, names that collide."""

    default_scope = Scope(cell=2, colour=1, level=2, slot=1)

    height: Map[Cell, Level]
    paint: Map[tuple[Cell, Colour], bool]
    seen: Set[Cell]
    mode: Mode
    tape: Seq[Slot, Level]
    notes: Set[Note]
    pings: Set[Ping]
    last: Option[Level]

    def init(self, start: Level, m: Mode) -> None:
        """Some height for all, in some mode."""
        require(m == Mode.IDLE or start == 0)
        self.height = Map({c: start for c in Cell})
        self.paint = Map({(c, k): False for c in Cell for k in Colour})
        self.seen = Set()
        self.mode = m
        self.tape = Seq.empty(Slot)
        self.notes = Set()
        self.pings = Set()
        self.last = None

    @action
    def climb(self, c: Cell, on: bool) -> None:
        """Read what was just written, branch in the middle, go on."""
        if on:
            self.raise_one(c)
        else:
            require(self.height[c] > 0)
            self.height[c] = self.height[c] - 1
        # After the branch.
        self.last = self.height[c]
        self.mode = Mode.BUSY if self.height[c] > 0 else Mode.IDLE
        if self.mode == Mode.BUSY:
            self.seen |= {c}
        else:
            self.seen -= {c}
        require(self.last is None or self.last <= self.height[c])

    @action
    def sweep(self, seen_by: Set[Cell]) -> None:
        """A loop with a branch over a map of two keys, and one that adds and takes."""
        require(self.mode == Mode.BUSY)
        for c in Cell:
            if c in seen_by:
                for k in Colour:
                    self.paint[c, k] = not self.paint[c, k]
                self.seen |= {c}
        for c in Cell:
            if c not in seen_by:
                self.seen -= {c}
        self.pings |= {Ping(self.mode)}

    @action
    def write(self, c: Cell) -> None:
        """Sequences, windows and the search for a position."""
        before = self.tape
        found = first(i for i in before.indices() if before[i] == self.height[c])
        if found is not None:
            self.tape = before.splice(found, before.window(found - 1, before.last))
            self.notes = Set({n for n in self.notes if n.cell != c})
        else:
            self.tape = before.append(self.height[c])
            self.notes |= {Note(c, self.last, self.tape.window(self.tape.last - 1, self.tape.last))}

    @action
    def forget(self, n: Note) -> None:
        """A parameter from a set; what it holds is used under its guard."""
        require(n in self.notes)
        require(n.level is None or n.level <= self.height[n.cell])
        self.notes -= {n}
        self.last = self.next_level(self.height[n.cell])

    @action
    def settle(self, voters: Set[Cell]) -> None:
        """A majority of a set that is part of the state: of none there is no majority."""
        require(is_majority(voters, self.seen))
        self.pings = Set()

    def raise_one(self, c: Cell) -> None:
        """One level up, within the scope."""
        up = self.height[c] + 1
        require(self.last is None or self.last != up or c not in self.seen)
        self.height[c] = up

    def next_level(self, of: Level) -> Level:
        """The level above: may leave the scope."""
        return of + 1

    def high(self, at: Level) -> bool:
        """Whether some cell is at a level."""
        return any(self.height[c] == at for c in Cell)

    @invariant
    def notes_are_whole(self) -> bool:
        """A note holds one entry."""
        return all(n.part.after < n.part.last for n in self.notes)

    @action_property
    def some_height_stays(self, after: OddCorners) -> bool:
        """Reads the state after, through a helper, at a place of the state before."""
        return all(after.high(self.height[c]) or self.height[c] != after.height[c] for c in Cell)

    @witness
    def all_painted(self) -> bool:
        """Every place is painted."""
        return all(self.paint[c, k] for c in Cell for k in Colour)


class MeetingNames(Protocol):
    """Parameters called like a helper and like a fairness condition; quorums that only a parameter asks for."""

    default_scope = Scope(cell=3, level=2)

    height: Map[Cell, Level]

    def init(self) -> None:
        """All on the ground."""
        self.height = Map({c: Level(0) for c in Cell})

    @action
    def climb(self, high: Quorum[Cell], WF_first: Cell) -> None:
        """A quorum climbs, begun by one of it."""
        require(WF_first in high and not self.high(WF_first))
        for c in Cell:
            self.height[c] = self.height[c] + 1 if c in high else self.height[c]

    @action
    def fall(self, c: Cell) -> None:
        """One falls."""
        require(self.high(c))
        self.height[c] = Level(0)

    def high(self, c: Cell) -> bool:
        """Whether a place is above the ground."""
        return self.height[c] > 0


class Lamp(Protocol):
    """No sorts, hence no constants; a property that is constant once a rule is removed."""

    default_scope = Scope()

    lit: bool
    mode: Mode

    def init(self, mode: Mode) -> None:
        """In the dark, in some mode."""
        self.lit = False
        self.mode = mode

    @action
    def switch(self) -> None:
        """On or off."""
        self.lit = not self.lit

    @action
    def work(self) -> None:
        """Not in the dark."""
        require(self.lit, rule="light to work")
        self.mode = Mode.BUSY

    @action_property
    def nobody_begins_in_the_dark(self, after: Lamp) -> bool:
        """What the rule is for."""
        return not in_force("light to work") or self.lit or self.mode == after.mode


class Painted(Protocol):
    """A quorum of cells makes a picture, at some level."""

    default_scope = Scope(cell=2, level=2)

    painted: Set[Cell]
    """What has paint."""
    finished: Option[Level]
    """When it was enough."""

    def init(self) -> None:
        """White."""
        self.painted = Set()
        self.finished = None

    @action
    def paint(self, c: Cell) -> None:
        """One gets paint."""
        self.painted |= {c}

    @action
    def finish(self, at: Level) -> None:
        """It is enough."""
        require(self.finished is None)
        require(any(all(c in self.painted for c in q) for q in quorums(Cell)))
        self.finished = at


class Watched(Protocol):
    """The same under the eyes of colours, of which a quorum stays: two sorts have quorums, one of them above."""

    default_scope = Scope(cell=2, colour=2, level=2)

    paint: Map[Cell, bool]
    """What has paint."""
    gone: Set[Colour]
    """Who does not look."""
    height: Level
    """Rises until it is enough."""
    done: bool
    """Whether it is."""

    def init(self) -> None:
        """White, and all look."""
        self.paint = Map({c: False for c in Cell})
        self.gone = Set()
        self.height = Level(0)
        self.done = False

    def enough(self) -> bool:
        return any(all(self.paint[c] for c in q) for q in quorums(Cell))

    @action
    def brush(self, c: Cell) -> None:
        """One gets paint."""
        self.paint[c] = True

    @action
    def leave(self, x: Colour) -> None:
        """One goes; a quorum stays."""
        require(any(all(y not in self.gone and y != x for y in q) for q in quorums(Colour)))
        self.gone |= {x}

    @action
    def rise(self) -> None:
        """Higher."""
        require(not self.done)
        self.height = self.height + 1

    @action
    def stop(self) -> None:
        """Enough."""
        require(self.enough(), rule="enough is painted")
        self.done = True

    @refines(Painted)
    def picture(self) -> Painted:
        """As it stands."""
        return Painted.state_of(painted=Set({c for c in Cell if self.paint[c]}), finished=self.height if self.done else None)
