"""The lemmas can be true, and exclude no action: for each there is a state in which all hold, and a step of it."""

from __future__ import annotations

import re

import pytest

from proofs import SHIPPED, shipped_proof
from proofs.examples import PAGE, examples
from proofs.paxos import PaxosProof
from spec.language import IonianError, Protocol, lemma


def test_the_page_has_each_action_of_each_proof() -> None:
    for part, protocol in zip(re.split(r"^## ", PAGE.read_text(), flags=re.MULTILINE)[1:], map(shipped_proof, SHIPPED), strict=True):
        assert part.startswith(protocol.ir.name)
        assert sorted(re.findall(r"^### `(\w+)`$", part, flags=re.MULTILINE)) == sorted(a.name for a in protocol.ir.actions)


@pytest.mark.parametrize("name", [pytest.param(n, marks=pytest.mark.long if n == "raft" else ()) for n in SHIPPED])
def test_each_action_is_taken_where_all_lemmas_hold(name: str) -> None:
    protocol = shipped_proof(name)
    found = list(examples(protocol))
    assert sorted(e.step.action for e in found) == sorted(a.name for a in protocol.ir.actions)
    assert all(e.before != e.after for e in found)


class NothingProposed(PaxosProof):
    """Paxos with a lemma that leaves nothing to vote for."""

    @lemma("wrong")
    def nothing_is_proposed(self) -> bool:
        """Nobody proposes anything."""
        return all(m.ballot != m.ballot for m in self.accepts)


class Impossible(PaxosProof):
    """Paxos with a lemma that no state satisfies."""

    @lemma("wrong")
    def nothing_is_true(self) -> bool:
        """Something is proposed, and nothing is."""
        return all(m.ballot != m.ballot for m in self.accepts) and any(m.ballot == m.ballot for m in self.accepts)


@pytest.mark.long
@pytest.mark.parametrize(("protocol", "excluded"), [(NothingProposed, "phase_2b"), (Impossible, "phase_1a, phase_1b, phase_2a, phase_2b")])
def test_a_lemma_that_excludes_an_action_is_noticed(protocol: type[Protocol], excluded: str) -> None:
    with pytest.raises(IonianError, match=f"no small cluster has a state in which all lemmas hold and {excluded} changes something"):
        list(examples(protocol))
