"""Symmetry: two states have one fingerprint exactly if a permutation takes one to the other."""

from __future__ import annotations

import re
import sys
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).parent))
from differential import uncompiled

from model_check import native
from model_check.search import Options
from spec.language import IonianError, Scope
from spec.paxos import Paxos
from spec.raft import Raft


def test_orbits():
    """Against brute force: random states of random protocols with all their images."""
    uncompiled("symmetry", 0, 60)


def test_functions_of_the_generated_program_have_names_of_their_own():
    """Two types' functions under one name would hide each other, unnoticed by the compiler."""
    for protocol in (Raft(Scope(node=3, term=2, index=2, value=2)), Paxos(Scope(acceptor=3, ballot=3, value=3))):
        names = re.findall(r"^def (\w+)", native.source(protocol, symmetry=True), re.MULTILINE)
        assert len(names) == len(set(names))


@pytest.mark.long
@pytest.mark.parametrize("seed", range(1000, 6000, 1000))
def test_orbits_long(seed):
    uncompiled("symmetry", seed, 1000)


def test_refused_where_quorums_tell_members_apart():
    weighted = {"acceptor": lambda size: [frozenset({0})]}
    with pytest.raises(IonianError, match="tells the elements of Acceptor apart"):
        native.explore(Paxos(Scope(acceptor=3, ballot=2, value=2), quorums=weighted), Options(symmetry=True))


def test_refused_where_permutations_are_too_many():
    with pytest.raises(IonianError, match="permutations of .* are too many"):
        native.explore(Paxos(Scope(acceptor=9, ballot=1, value=1)), Options(symmetry=True))
