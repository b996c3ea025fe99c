"""Protocols in which CPython and compiled code could come apart: what is evaluated last, and what None may stand for."""

from __future__ import annotations

from spec.language import Map, Option, Ordered, Position, Protocol, Scope, Seq, Set, Sort, action, invariant, record, require, witness


class Node(Sort):
    """A process."""


class Level(Ordered):
    """A height."""


class Index(Position):
    """A position."""


@record
class Report:
    """What a process says of its height."""

    sender: Node
    level: Level
    friends: Set[Node]


class Guarded(Protocol):
    """An Option as a value below every form of guard; without one of them, None would be stored."""

    default_scope = Scope(node=2, level=2)

    top: Map[Node, Option[Level]]
    leader: Option[Node]
    agreed: Option[bool]
    floor: Level
    followers: Set[Node]
    reports: Set[Report]

    def init(self) -> None:
        """Nothing is known."""
        self.top = Map({n: None for n in Node})
        self.leader = None
        self.agreed = None
        self.floor = Level(0)
        self.followers = Set()
        self.reports = Set()

    @action
    def learn(self, n: Node, x: Level) -> None:
        """Something becomes known, or is forgotten."""
        self.top[n] = None if self.top[n] == x else x
        self.leader = n if self.leader is None else None
        self.agreed = True if self.agreed is None else None

    @action
    def by_require(self) -> None:
        """A guard, and a local that takes the value over."""
        require(self.leader is not None and self.agreed is not None)
        leader = self.leader
        self.leader = None
        require(self.agreed)
        self.followers |= {leader}

    @action
    def by_branch(self, n: Node) -> None:
        """The branch that None does not take."""
        if self.top[n] is None or self.floor > 0:
            self.floor = Level(0)
        else:
            self.reports |= {Report(n, self.top[n], Set({n}))}

    @action
    def by_choice(self, n: Node) -> None:
        """A conditional expression, of the value's own type."""
        level = self.top[n] if self.top[n] is not None else self.floor
        self.floor = max(level, self.floor)

    @action
    def by_filter(self) -> None:
        """A comprehension's filter, and a helper's early return."""
        self.reports = Set({Report(n, self.top[n], Set({m for m in Node if m == self.leader})) for n in Node if self.top[n] is not None})
        self.floor = self.level_of(self.leader)

    def level_of(self, n: Option[Node]) -> Level:
        """The height of a process, the floor for none."""
        if n is None:
            return self.floor
        return self.top[n] if n in self.followers and self.top[n] is not None else self.floor

    @action
    def by_loop(self, n: Node) -> None:
        """A local keeps its value while a loop forgets."""
        known = self.top[n]
        require(known is not None)
        for m in Node:
            self.top[m] = known
        self.followers -= {n}

    @invariant
    def numbers_compare_with_options(self) -> bool:
        """None is unequal to every number, and not in a tuple of them."""
        return all(self.top[n] is None or self.top[n] in (0, 1) for n in Node) and all(self.top[n] != 1 or self.top[n] is not None for n in Node)

    @witness
    def unequal_to_zero(self) -> bool:
        """None != 0."""
        return any(self.top[n] != 0 and self.top[n] != 1 for n in Node)

    @witness
    def reported(self) -> bool:
        """A report names a level that is forgotten by now."""
        return any(r.level == 1 and self.top[r.sender] is None for r in self.reports)


class Climb(Protocol):
    """What the protocols below share: heights, an empty tape, and a level that is 0, so that `self.low - 1` is undefined."""

    default_scope = Scope(node=2, level=2, index=1)

    height: Map[Node, Level]
    steps: Map[Level, Level]
    low: Level
    tape: Seq[Index, Level]

    def init(self, x: Level) -> None:
        """Some height for all."""
        self.height = Map({n: x for n in Node})
        self.steps = Map({y: x for y in Level})
        self.low = Level(0)
        self.tape = Seq.empty(Index)

    @action
    def reset(self, n: Node) -> None:
        """Down again."""
        self.height[n] = Level(0)


class LeavesInLoop(Climb):
    """The first turn leaves the scope wherever the second has no value."""

    @action
    def turns(self) -> None:
        """Statements of one loop."""
        require(all(self.height[n] == 1 for n in Node))
        for n in Node:
            self.height[n] = self.height[n] + 1
            self.height[n] = self.low - 1


class LeavesInLaterTurn(Climb):
    """The end of one turn leaves the scope before the beginning of the next."""

    @action
    def turns(self) -> None:
        """The turn of 0 leaves the scope, that of 1 is undefined."""
        require(self.steps[Level(0)] == 1)
        for x in Level:
            self.steps[x] = self.steps[x] + 1 if x == 0 else self.tape[self.tape.last]


class FailsInInnerLoop(Climb):
    """A guard fails in an inner loop; the outer one would go on to what is undefined."""

    @action
    def turns(self) -> None:
        """Loops within each other."""
        for n in Node:
            for m in Node:
                require(m == n or self.low != 0)
            self.height[n] = self.low - 1


class LeavesInQuantifier(Climb):
    """A quantifier leaves the scope; the rest of its statement is undefined."""

    @action
    def guards(self) -> None:
        """The rest of a guard, and of a quantifier around it."""
        require(all(self.height[n] == 1 for n in Node))
        require(any(any(self.height[n] + 1 == self.low for n in Node) or self.low - 1 == self.low for _ in Node))

    @action
    def store(self) -> None:
        """The value of an entry, then what follows it in the same expression."""
        require(all(self.height[n] == 1 for n in Node))
        self.low = self.low - 1 if any(self.height[n] + 1 == self.low for n in Node) else self.tape[self.tape.last]


class LeavesAfterUndefined(Climb):
    """The undefined side stands first: CPython never comes to the side that leaves the scope."""

    @action
    def greater(self, n: Node) -> None:
        """`a > b` evaluates a first."""
        require(self.height[n] == 1)
        require(self.low - 1 > self.height[n] + 1)


class SpliceInOrder(Climb):
    """A splice evaluates its position first."""

    @action
    def splice(self) -> None:
        """The position is undefined, the window leaves the scope."""
        self.tape = self.tape.splice(self.tape.last - 1, self.tape.append(self.low).append(self.low).window(self.tape.last, self.tape.last))


class FieldOfNone(Protocol):
    """A field of None is undefined in both engines."""

    default_scope = Scope(node=2, level=2)

    last: Option[Report]

    def init(self) -> None:
        """Nothing was said."""
        self.last = None

    @action
    def say(self, n: Node, x: Level) -> None:
        """Say something."""
        require(self.last is None)
        self.last = Report(n, x, Set())

    @action
    def listen(self) -> None:
        """Listen to what was perhaps never said."""
        require(self.last.level == 1)
        self.last = None


DEFINED = ("Guarded", "LeavesInLoop", "LeavesInLaterTurn", "FailsInInnerLoop", "LeavesInQuantifier")
UNDEFINED = ("LeavesAfterUndefined", "SpliceInOrder", "FieldOfNone")
