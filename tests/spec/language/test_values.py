"""The values of the language: identity, order, printing, and sequences that behave as lists do."""

from __future__ import annotations

import enum
import itertools
import pickle

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from spec.language import Map, Ordered, Position, Scope, ScopeError, Seq, Set, Sort, Window, first, is_quorum, quorums, record, require
from spec.language.context import Context, activate
from spec.language.errors import LeavesScope, NotEnabled
from spec.language.values import Undefined, elements, in_force, rule_id, show, sort_key
from spec.quorums import majorities

LENGTH = 4


class Node(Sort):
    """A process."""


class Term(Ordered, zero=True):
    """A number with a zero below its scope."""


class Index(Position):
    """A position."""


class Role(enum.Enum):
    """Defined in an order that is not that of its values."""

    LEADER = "a"
    FOLLOWER = "b"


@record
class Entry:
    """A record with an optional field."""

    term: Term
    by: Node | None


@pytest.fixture(autouse=True)
def _scope() -> None:
    activate(Context({Node: 3, Term: 2, Index: LENGTH}, frozenset({"removed-rule"}), {Node: majorities}))


def test_an_element_is_one_object() -> None:
    assert Node(1) is Node(1)
    assert Node(1) != Node(2)
    assert pickle.loads(pickle.dumps(Node(1))) is Node(1)


def test_the_scope_gives_the_elements() -> None:
    assert [repr(n) for n in Node] == ["n1", "n2", "n3"]
    assert list(Term) == [0, 1, 2]
    assert list(Index) == [0, 1, 2, 3, 4, 5]
    assert all(type(t) is Term for t in Term)


def test_neighbours() -> None:
    assert type(Term(0) + 1) is Term
    assert Term(1) - 1 == Term(0)
    with pytest.raises(LeavesScope, match="^Term 2 is the last of its scope$"):
        Term(2) + 1
    with pytest.raises(Undefined, match="^Term 0 has no element before it$"):
        Term(0) - 1


def test_values_print_as_one_would_write_them() -> None:
    assert show(Entry(Term(1), None)) == "Entry(term=1, by=None)"
    assert show(frozenset({Node(2), Node(0)})) == "{n1, n3}"
    assert show(Role.LEADER) == "leader"
    assert show(Map({n: Term(0) for n in Node})) == "{n1: 0, n2: 0, n3: 0}"
    assert show(Map({(n, n): True for n in Node})) == "{n1,n1: True, n2,n2: True, n3,n3: True}"
    log: Seq[Index, Term] = Seq.empty(Index)
    assert show(log) == "[]"
    log = log.append(Term(1)).append(Term(2))
    assert show(log) == "[1, 2]"
    assert show(log.window(Index(1), Index(2))) == "[2: 2]"
    assert show(log.window(Index(1), Index(1))) == "[after 1]"


def test_records_are_immutable_values() -> None:
    entry = Entry(Term(1), Node(0))
    assert entry == Entry(Term(1), Node(0))
    assert len({entry, Entry(Term(1), Node(0)), Entry(Term(1), None)}) == 2
    with pytest.raises(AttributeError):
        entry.term = Term(2)


def test_a_frozen_map_cannot_be_assigned_to() -> None:
    table = Map({n: Term(0) for n in Node})
    table[Node(0)] = Term(1)
    table.freeze()
    with pytest.raises(TypeError, match="a state is immutable"):
        table[Node(0)] = Term(2)
    copy = table.thawed()
    copy[Node(0)] = Term(2)
    assert table[Node(0)] == Term(1)
    assert copy != table
    assert hash(table) == hash(table.thawed())


def test_quorums() -> None:
    a, b, c = Node
    assert quorums(Node) == [frozenset({a, b}), frozenset({a, c}), frozenset({b, c})]
    assert is_quorum({a, b}, Node)
    assert is_quorum(frozenset(Node), Node)
    assert not is_quorum({a}, Node)


def test_guards_and_rules() -> None:
    require(True)
    require(False, rule="Removed rule")
    with pytest.raises(NotEnabled):
        require(False)
    with pytest.raises(NotEnabled):
        require(False, rule="another rule")
    assert in_force("another rule")
    assert not in_force("removed rule")
    assert rule_id("A candidate's log  is up-to-date") == "a-candidates-log-is-up-to-date"


def test_first() -> None:
    assert first(t for t in Term if t > 0) == Term(1)
    assert first(t for t in Term if t > 2) is None


def test_sort_key_orders_as_the_language_enumerates() -> None:
    subsets = [frozenset(n for n in Node if mask >> n.number & 1) for mask in range(8)]
    assert sorted(set(subsets), key=sort_key) == subsets
    assert sorted(Role, key=sort_key) == [Role.LEADER, Role.FOLLOWER]
    options: list[Node | None] = [None, *Node]
    entries = [Entry(t, n) for t in Term for n in options]
    assert sorted(set(entries), key=sort_key) == entries
    keys = [sort_key(e) for e in entries]
    assert all(a < b for a, b in itertools.pairwise(keys))


def test_scopes() -> None:
    assert Scope(node=3).replace(term=2) == Scope(term=2, node=3)
    assert hash(Scope(node=3, term=2)) == hash(Scope(term=2, node=3))
    assert repr(Scope(node=3, term=2)) == "Scope(node=3, term=2)"
    for size in (0, -1, True, "3", 1.0):
        with pytest.raises(ScopeError, match="^scope: node must be a whole number of at least 1, not "):
            Scope(node=size)


def test_elements_do_not_need_a_scope() -> None:
    assert elements(Node, 2) == [Node(0), Node(1)]
    assert elements(Term, 2) == [Term(0), Term(1), Term(2)]


def seq_of(entries: list[int]) -> Seq[Index, Term]:
    found: Seq[Index, Term] = Seq.empty(Index)
    for entry in entries:
        found = found.append(Term(entry))
    return found


terms = st.lists(st.integers(0, 2), max_size=LENGTH)
positions = st.integers(0, LENGTH)


@given(terms)
def test_a_sequence_is_a_list_counted_from_1(entries: list[int]) -> None:
    found = seq_of(entries)
    assert found.last == len(entries)
    assert found.indices() == list(range(1, len(entries) + 1))
    assert [found[i] for i in found.indices()] == entries
    assert found == seq_of(entries)
    assert hash(found) == hash(seq_of(entries))
    for outside in (Index(0), Index(len(entries) + 1)):
        with pytest.raises(Undefined, match=f"^no entry at position {outside} of "):
            found[outside]


@given(terms, positions, positions)
def test_windows_are_slices(entries: list[int], after: int, last: int) -> None:
    found = seq_of(entries)
    if after <= last <= len(entries):
        window = found.window(Index(after), Index(last))
        assert (window.after, window.last) == (after, last)
        assert [window[i] for i in window.indices()] == entries[after:last]
    else:
        with pytest.raises(Undefined, match="^no window from "):
            found.window(Index(after), Index(last))


@given(terms, terms, positions, positions, positions)
def test_splice_replaces_everything_from_a_position_on(entries: list[int], other: list[int], after: int, last: int, at: int) -> None:
    assume(after <= last <= len(other))
    window = seq_of(other).window(Index(after), Index(last))
    if after < at <= last and at <= len(entries) + 1:
        assert list(seq_of(entries).splice(Index(at), window).entries) == entries[: at - 1] + other[at - 1 : last]
    else:
        with pytest.raises(Undefined, match="^cannot splice "):
            seq_of(entries).splice(Index(at), window)


@given(terms, terms, positions, positions)
def test_extend_appends_what_lies_beyond_the_end(entries: list[int], other: list[int], after: int, last: int) -> None:
    assume(after <= last <= len(other))
    window: Window[Index, Term] = seq_of(other).window(Index(after), Index(last))
    if after <= len(entries):
        assert list(seq_of(entries).extend(window).entries) == entries + other[len(entries) : last]
    else:
        with pytest.raises(Undefined, match="leaves a gap after"):
            seq_of(entries).extend(window)


def test_a_sequence_grows_no_longer_than_the_scope() -> None:
    with pytest.raises(LeavesScope, match="^a sequence of 4 entries is as long as the scope allows$"):
        seq_of([0] * LENGTH).append(Term(0))


def test_the_empty_set() -> None:
    assert Set() == frozenset()
