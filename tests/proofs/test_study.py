"""The pages about the proofs: every lemma has its section, and what they take from code and ledger is up to date."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path

import pytest

from proofs.study import BEGIN, END, PROOFS, README, formula, refreshed
from spec.language import IonianError, ir

TEXT = README.read_text(encoding="utf-8")
OWN_WORDS = re.sub(rf"{BEGIN}.*?{END}", "", TEXT, flags=re.DOTALL)
HEADINGS = re.findall(r"^### `(\w+)`$", TEXT, flags=re.MULTILINE)
LEMMAS = [p.name for protocol in PROOFS.values() for p in protocol.ir.properties if p.topic]
PROPERTIES = [p.name for protocol in PROOFS.values() for p in protocol.ir.properties]


def known_names(protocol: ir.ProtocolIR) -> Iterator[str]:
    """Every name that prose may mention: variables, definitions, parameters, types and their fields."""
    for variable in protocol.variables:
        yield variable.name
    for definition in (*protocol.actions, *protocol.properties):
        yield definition.name
    for item in ir.walk_all((*(a.body for a in protocol.actions), *(p.body for p in protocol.properties))):
        if isinstance(item, ir.Call):
            yield item.helper.name
        if isinstance(item, ir.Field):
            yield item.name


KNOWN = {name for protocol in PROOFS.values() for name in known_names(protocol.ir)} | {"is_quorum", "leader_commit"}


def test_what_stands_under_the_headings_is_what_code_and_ledger_say() -> None:
    assert refreshed(TEXT) == TEXT, "bring proofs/README.md up to date: python -m proofs.study"


def test_every_lemma_has_one_section() -> None:
    assert sorted(h for h in HEADINGS if h in LEMMAS) == sorted(LEMMAS)
    assert len(HEADINGS) == len(set(HEADINGS))
    assert {"state_machine_safety", "election_safety", "log_matching", "leader_completeness", "leader_append_only", "agreement"} <= set(HEADINGS)


def test_the_walk_begins_at_state_machine_safety_and_ends_at_votes() -> None:
    raft = [h for h in HEADINGS if h in {p.name for p in PROOFS["raft"].ir.properties}]
    assert raft[0] == "state_machine_safety"
    assert raft[-2:] == ["one_vote_per_term", "votes_within_terms"]


def test_every_section_has_a_scenario_in_words_of_its_own() -> None:
    for section in re.split(r"^### ", OWN_WORDS, flags=re.MULTILINE)[1:]:
        name, _, words = section.partition("\n")
        assert len(words.strip()) > 40, name


def test_every_lemma_says_what_it_is_needed_for() -> None:
    for protocol in PROOFS.values():
        for prop in protocol.ir.properties:
            if prop.topic:
                first, blank, rest = (prop.doc + "\n\n\n").split("\n", 2)
                assert first.endswith("."), prop.name
                assert not blank
                assert len(rest.strip()) > 40, prop.name


@pytest.mark.parametrize("words", [OWN_WORDS, *(p.doc for protocol in PROOFS.values() for p in protocol.ir.properties if p.topic)], ids=lambda w: w[:20])
def test_prose_names_what_there_is(words: str) -> None:
    mentioned = set(re.findall(r"`([a-z]\w+_\w+)[`\[.]", words))
    assert mentioned <= KNOWN


def test_every_link_leads_to_a_section() -> None:
    assert set(re.findall(r"\]\(#(\w+)\)", TEXT)) <= set(HEADINGS)
    for page in re.findall(r"\]\(([\w./-]+\.md)", TEXT + (README.parent / "trusted-base.md").read_text(encoding="utf-8")):
        assert (README.parent / Path(page)).is_file(), page


def test_a_formula_is_the_method_s_body() -> None:
    assert formula(PROOFS["raft"], "log_matching").startswith("return all(\n    self.log[n][j] == self.log[p][j]\n")


def test_a_heading_that_names_no_lemma_is_refused() -> None:
    with pytest.raises(IonianError, match="the heading `no_such_lemma` is the name of no lemma"):
        refreshed("### `no_such_lemma`\n\nProse.\n")
