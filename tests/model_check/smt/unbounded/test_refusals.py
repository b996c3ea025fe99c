"""What has no unbounded form is refused with its place, and never proved."""

from __future__ import annotations

from collections.abc import Callable
from types import ModuleType

import pytest

from model_check import check
from model_check.smt.unbounded.obligations import obligations_of
from model_check.smt.unbounded.prover import Limits, Prover
from spec.language import SpecError

# Copying with `+ 1` gives each node a value of its own: were one name to stand for all, `wrong` would be proved.
SPEC = '''
from __future__ import annotations

from spec.language import Map, Ordered, Protocol, Scope, Sort, action, invariant, require


class Node(Sort):
    """A node."""


class Term(Ordered):
    """A number."""


class Copies(Protocol):
    """Two counters for each node; a copy of one is wrongly said to differ from the other somewhere."""

    default_scope = Scope(node=2, term=4)
    order = (Term, Node)
    x: Map[Node, Term]
    y: Map[Node, Term]
    z: Map[Node, Term]
    copied: bool

    def init(self) -> None:
        """All at 0."""
        self.x = Map({n: Term(0) for n in Node})
        self.y = Map({n: Term(0) for n in Node})
        self.z = Map({n: Term(0) for n in Node})
        self.copied = False

    @action
    def count_y(self, n: Node) -> None:
        """One more."""
        self.y[n] = self.y[n] + 1
        self.copied = False

    @action
    def count_z(self, n: Node) -> None:
        """One more."""
        self.z[n] = self.z[n] + 1
        self.copied = False

    @action
    def copy(self) -> None:
        """All at once."""
        require(any(self.z[n] != self.z[m] for n in Node for m in Node))
        self.x = Map({n: self.y[n] + 1 for n in Node})
        self.copied = True

    @invariant
    def wrong(self) -> bool:
        """False where y is one behind z at every node."""
        return not self.copied or any(self.x[m] != self.z[m] for m in Node)
'''


MEMBERS = '''
from __future__ import annotations

from spec.language import Protocol, Scope, Set, Sort, action, invariant, is_majority, require


class Node(Sort):
    """A node."""


class Members(Protocol):
    """Members are let in by a majority of them."""

    default_scope = Scope(node=3)
    order = (Node,)
    members: Set[Node]

    def init(self, n: Node) -> None:
        """There is one."""
        self.members = Set({n})

    @action
    def let_in(self, n: Node) -> None:
        """One more."""
        require(is_majority(self.members, self.members))
        self.members |= {n}

    @invariant
    def somebody(self) -> bool:
        """They decide."""
        return is_majority(self.members, self.members)
'''


def test_a_majority_of_a_set_in_the_state_is_refused(load_spec: Callable[[str], ModuleType]) -> None:
    members = load_spec(MEMBERS).Members
    assert check(members(), engine="interpreter").verdict == "holds"
    with pytest.raises(SpecError, match=r":31:16: `is_majority`, of a set that the state holds, has no unbounded form; see docs/prove-a-spec.md"):
        Prover(members, frozenset(), Limits())


def test_a_map_whose_entries_need_names_is_refused(load_spec: Callable[[str], ModuleType]) -> None:
    copies = load_spec(SPEC).Copies
    assert check(copies(), engine="interpreter").verdict == "violated"
    prover = Prover(copies, frozenset(), Limits())
    with pytest.raises(SpecError, match=r":48:18: a value that must be named for each Node has no unbounded form; see docs/prove-a-spec.md"):
        [prover.discharge(obligation) for obligation in obligations_of(copies)]
