"""The reference explorer: counts known from elsewhere, the order of its search, symmetry, limits, undefined expressions."""

import pytest

from model_check.evaluation import in_scope, successors
from model_check.interpreter import explore, explore_depth_first, permutations, permute
from model_check.search import TYPE_INVARIANT, Options
from model_check.trace import replay_path
from spec.consensus import Consensus, Value
from spec.language import (
    IonianError,
    Map,
    Option,
    Ordered,
    Position,
    Protocol,
    Scope,
    Seq,
    Set,
    Sort,
    SpecError,
    action,
    action_property,
    constraint,
    invariant,
    require,
    witness,
)
from spec.language.types import MapType, OptionType, SeqType, SetType, SortType
from spec.paxos import Acceptor, Paxos
from spec.quorums import explicit, majorities
from spec.voting import Ballot, Voting


class Cell(Sort):
    """A counter's place."""


class Level(Ordered):
    """A counter's height."""


class Slot(Position):
    """A place in a history."""


class Counters(Protocol):
    """Each cell counts up; the sum is bounded by a constraint."""

    default_scope = Scope(cell=2, level=3)

    level: Map[Cell, Level]
    last: Option[Level]

    def init(self) -> None:
        """All at zero."""
        self.level = Map({c: Level(0) for c in Cell})
        self.last = None

    @action
    def up(self, c: Cell) -> None:
        """One more."""
        self.level[c] = self.level[c] + 1
        self.last = self.level[c]

    @action
    def reset(self, c: Cell) -> None:
        """Back to zero, unless both are high."""
        require(any(self.level[d] < self.level[c] for d in Cell), rule="reset the highest only")
        self.level[c] = Level(0)

    @constraint
    def low(self) -> bool:
        """At most one cell is above zero."""
        return all(self.level[c] == 0 or self.level[d] == 0 or c == d for c in Cell for d in Cell)

    @invariant
    def never_both_top(self) -> bool:
        """Not all cells reach the second level."""
        return any(self.level[c] <= Level(0) for c in Cell) or any(self.level[c] != self.level[d] for c in Cell for d in Cell)

    @action_property
    def never_down(self, after: "Counters") -> bool:
        """Levels only rise."""
        return all(self.level[c] <= after.level[c] for c in Cell)

    @witness
    def one_up(self) -> bool:
        """A cell has left zero."""
        return any(self.level[c] != 0 for c in Cell)

    @witness
    def goes_down(self, after: "Counters") -> bool:
        """A step that lowers a cell."""
        return any(after.level[c] < self.level[c] for c in Cell)


class Careless(Protocol):
    """Compares with None."""

    default_scope = Scope(cell=1, level=2)

    top: Map[Cell, Option[Level]]

    def init(self) -> None:
        """Nothing known."""
        self.top = Map({c: None for c in Cell})

    @action
    def compare(self, c: Cell, x: Level) -> None:
        """Undefined while nothing is known."""
        require(self.top[c] < x)
        self.top[c] = x


class Histories(Protocol):
    """A sequence that grows; more than one initial state."""

    default_scope = Scope(cell=2, slot=2)

    seen: Seq[Slot, Cell]
    owner: Cell

    def init(self, c: Cell) -> None:
        """Some owner."""
        self.seen = Seq.empty(Slot)
        self.owner = c

    @action
    def note(self, c: Cell) -> None:
        """One more entry."""
        self.seen = self.seen.append(c)

    @invariant
    def short(self) -> bool:
        """At most one entry, or both alike."""
        return all(self.seen[i] == self.seen[j] for i in self.seen.indices() for j in self.seen.indices())


def counters(**sizes: int) -> Counters:
    return Counters(Scope(**{"cell": 2, "level": 3, **sizes}))


COUNTS = [
    # From TLC on Lamport's Paxos.tla, and by hand: a value among three is chosen or none is.
    (Consensus(Scope(value=3)), False, 4),
    (Consensus(Scope(value=3)), True, 2),
    (Paxos(Scope(acceptor=3, ballot=2, value=1)), False, 1681),
    (Paxos(Scope(acceptor=2, ballot=2, value=2)), True, 56),
]


@pytest.mark.parametrize(("protocol", "symmetry", "distinct"), COUNTS, ids=str)
def test_known_counts(protocol, symmetry, distinct):
    outcome = explore(protocol, Options(symmetry=symmetry))
    assert (outcome.distinct_states, outcome.violation, outcome.stopped, outcome.exact) == (distinct, None, "", True)
    assert sum(c.enabled for c in outcome.coverage.values()) == outcome.generated_states
    assert sum(c.new for c in outcome.coverage.values()) == outcome.distinct_states - len(_orbits(protocol, symmetry))
    assert all(c.evaluated >= c.enabled >= c.new for c in outcome.coverage.values())


def _orbits(protocol, symmetry):
    images = permutations(protocol) if symmetry else []
    kept = []
    for state in protocol.initial_states():
        if not any(permute(state, mapping) in kept for mapping in [{}, *images]):
            kept.append(state)
    return kept


def test_symmetry_counts_orbits_of_the_full_space():
    protocol = Voting(Scope(acceptor=3, ballot=2, value=2))
    images = permutations(protocol)
    assert len(images) == 3 * 2 * 2 - 1
    full, reached = set(protocol.initial_states()), list(protocol.initial_states())
    while reached:
        for _, after in successors(protocol, reached.pop()):
            if after not in full:
                full.add(after)
                reached.append(after)
    orbits = {frozenset([s, *(permute(s, m) for m in images)]) for s in full}
    assert explore(protocol, Options(symmetry=True)).distinct_states == len(orbits) < len(full)


def test_permute_reaches_into_maps_sets_records_and_sequences():
    protocol = Paxos(Scope(acceptor=3, ballot=2, value=2))
    a1, a2, a3 = (Acceptor(i) for i in range(3))
    turn = {a1: a2, a2: a3, a3: a1, Value(0): Value(1), Value(1): Value(0)}
    state = protocol.initial_states()[0]
    for _ in range(9):
        state = list(protocol.successors(state))[-1][1]
    turned = permute(state, turn)
    assert turned != state
    assert turned.max_bal[a2] == state.max_bal[a1]
    assert {m.acceptor for m in turned.promises} == {turn[m.acceptor] for m in state.promises}
    assert permute(permute(turned, turn), turn) == permute(state, {v: v for v in (a1, a2, a3)} | {Value(0): Value(1), Value(1): Value(0)})
    sequence = Seq(Slot, 0, (Cell(0), Cell(1)))
    assert permute(sequence, {Cell(0): Cell(1), Cell(1): Cell(0)}) == Seq(Slot, 0, (Cell(1), Cell(0)))


def test_symmetry_is_refused_where_quorums_tell_members_apart():
    uneven = Paxos(Scope(acceptor=3, ballot=1, value=1), quorums={"acceptor": explicit([1], [2, 3])})
    with pytest.raises(IonianError, match="quorum system of `acceptor` tells its members apart"):
        explore(uneven, Options(symmetry=True))
    even = Paxos(Scope(acceptor=3, ballot=1, value=1), quorums={"acceptor": majorities})
    assert explore(even, Options(symmetry=True)).violation is None


def test_first_violation_in_the_order_of_the_search_and_its_level_finished():
    outcome = explore(counters(), Options())
    # From (1, 0), in order: up(c1), up(c2), which violates never_both_top, reset(c1), which violates never_down.
    assert outcome.violation.property == "never_both_top"
    trace = replay_path(counters(), outcome.violation.path)
    assert [str(step) for step, _ in trace.steps] == ["up(c=c1)", "up(c=c2)"]
    assert outcome.depth == 2
    # Level 1 was expanded in full: two states, each with two ways up and one reset.
    assert outcome.generated_states == 2 + 2 * 3
    assert outcome.witnesses == {"one_up": 1, "goes_down": 2}


def test_a_step_to_a_known_state_can_violate_an_action_property():
    outcome = explore(counters(cell=1, level=2), Options(properties=("never_down",)))
    assert outcome.violation is None
    outcome = explore(counters(), Options(properties=("never_down",)))
    assert outcome.violation.path == (0, 0, 2)


def test_only_the_named_properties_are_checked():
    assert explore(counters(), Options(properties=("never_both_top",))).violation.property == "never_both_top"
    assert explore(counters(), Options(properties=(TYPE_INVARIANT,))).violation is None


def test_a_violated_initial_state_is_found_at_depth_zero():
    outcome = explore(Histories(), Options(properties=("short",), start=(_broken(),)))
    assert outcome.violation.path == (0,)
    assert (outcome.distinct_states, outcome.generated_states, outcome.depth) == (1, 0, 0)


def _broken():
    protocol = Histories()
    state = protocol.initial_states()[0]
    for choice in (0, 1):
        state = list(protocol.successors(state))[choice][1]
    return state


def test_path_names_the_initial_state():
    outcome = explore(Histories(), Options())
    assert outcome.violation.path == (0, 0, 1)
    assert explore(Histories(), Options(symmetry=True)).violation.path == (0, 0, 1)
    assert explore(Histories(), Options(properties=())).distinct_states == 2 * (1 + 2 + 4)


def test_depth_limit_and_constraint_count_but_do_not_expand():
    limited = explore(counters(), Options(properties=(), max_depth=1))
    assert (limited.distinct_states, limited.depth, limited.generated_states) == (3, 1, 2)
    protocol = counters()
    low = next(p for p in protocol.ir.properties if p.name == "low")
    reached, waiting = set(protocol.initial_states()), protocol.initial_states()
    while waiting:
        state = waiting.pop()
        for _, after in protocol.successors(state) if protocol.holds(low, state) else []:
            if after not in reached:
                reached.add(after)
                waiting.append(after)
    bounded = explore(protocol, Options(properties=(), constraints=("low",)))
    assert bounded.distinct_states == len(reached) < explore(protocol, Options(properties=())).distinct_states
    # States beyond the constraint are counted and checked, only not expanded.
    assert any(not protocol.holds(low, state) for state in reached)
    assert explore(protocol, Options(properties=("never_both_top",), constraints=("low",))).violation is not None


def test_start_states_replace_the_initial_ones():
    protocol = counters()
    _, top = next(protocol.successors(protocol.initial_states()[0]))
    outcome = explore(protocol, Options(start=(top,), properties=("never_down",)))
    assert outcome.violation.path == (0, 2)
    assert replay_path(protocol, (0, 0, 2)).steps[-1][0].action == "reset"


def test_memory_limit_ends_as_stopped_with_figures():
    outcome = explore(Paxos(Scope(acceptor=3, ballot=2, value=1)), Options(max_memory=300_000))
    assert outcome.stopped.startswith("memory limit")
    assert 1 < outcome.distinct_states < 1681
    assert outcome.memory > 300_000


@pytest.mark.parametrize(("end", "stopped"), [(KeyboardInterrupt, "interrupted"), (MemoryError, "out of memory")])
def test_an_early_end_is_told_with_the_figures_so_far(end, stopped):
    calls = []

    def cut_short(progress):
        calls.append(progress)
        raise end

    outcome = explore(Paxos(Scope(acceptor=3, ballot=3, value=2)), Options(progress=cut_short))
    assert outcome.stopped == stopped
    assert len(calls) == 1
    assert outcome.distinct_states >= calls[0].distinct_states > 0


def test_undefined_expressions_name_step_place_and_state():
    with pytest.raises(SpecError) as caught:
        explore(Careless(), Options())
    text = str(caught.value)
    assert "step compare(c=c1, x=0) is undefined" in text
    assert "require(self.top[c] < x)" in text
    assert f"{__file__}:" in text
    assert "top = {c1: None}" in text


def test_depth_first_visits_the_same_states_and_finds_some_violation():
    protocol = Voting(Scope(acceptor=2, ballot=2, value=2))
    assert explore_depth_first(protocol, Options()).distinct_states == explore(protocol, Options()).distinct_states
    for depth in range(6):
        bounds = Options(max_depth=depth)
        assert explore_depth_first(protocol, bounds).distinct_states == explore(protocol, bounds).distinct_states
    broken = Consensus(Scope(value=2), without=("choose only once",))
    outcome = explore_depth_first(broken, Options())
    assert outcome.violation.property == "agreement"
    assert len(replay_path(broken, outcome.violation.path).states[-1].chosen) == 2


def test_in_scope_wants_the_right_class_within_the_scope():
    sizes = {Acceptor: 2, Ballot: 2, Slot: 1}
    acceptor, ballot, slot = SortType(Acceptor), SortType(Ballot), SortType(Slot)
    assert in_scope(acceptor, Acceptor(1), sizes)
    assert not in_scope(acceptor, Acceptor(2), sizes)
    assert not in_scope(acceptor, Value(0), sizes)
    assert in_scope(ballot, Ballot(1), sizes)
    assert not in_scope(ballot, Ballot(2), sizes)
    assert not in_scope(ballot, 1, sizes)
    assert in_scope(slot, Slot(2), sizes)
    assert not in_scope(slot, Slot(3), sizes)
    assert in_scope(OptionType(ballot), None, sizes)
    assert not in_scope(ballot, None, sizes)
    assert not in_scope(SetType(ballot), Set({Ballot(0), Ballot(2)}), sizes)
    assert in_scope(SeqType(slot, ballot), Seq(Slot, 0, (Ballot(1),)), sizes)
    assert not in_scope(SeqType(slot, ballot), Seq(Slot, 0, (Ballot(1), Ballot(1))), sizes)
    assert in_scope(MapType((acceptor,), ballot), Map({Acceptor(0): Ballot(0), Acceptor(1): Ballot(1)}), sizes)
    assert not in_scope(MapType((acceptor,), ballot), Map({Acceptor(0): Ballot(0)}), sizes)
