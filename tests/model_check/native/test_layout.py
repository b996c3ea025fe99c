"""The layout of states: codes and rows hold exactly what values and states hold, in the order of `sort_key`."""

from __future__ import annotations

import random
import sys
import tempfile
from pathlib import Path

from hypothesis import HealthCheck, assume, given, settings
from hypothesis import strategies as st

sys.path.insert(0, str(Path(__file__).parent))
from differential import random_state, random_value
from random_protocols import Generator
from spec_files import load

from model_check.native.layout import MASK_LIMIT, TAG_SHIFT, Layout
from spec.language import Scope, ScopeError, SpecError
from spec.language.types import SetType
from spec.language.values import sort_key
from spec.paxos import Paxos
from spec.raft import Raft

CHANCES = st.integers(0, 10**6).map(random.Random)
MANY = settings(max_examples=60, suppress_health_check=list(HealthCheck))


def _layout(chance: random.Random) -> Layout:
    """Of a shipped or of a random protocol, at a random scope."""
    kind = chance.randrange(4)
    if kind == 0:
        return Layout(Raft(Scope(node=chance.randint(1, 3), term=chance.randint(1, 3), index=chance.randint(1, 2), value=chance.randint(1, 2))))
    if kind == 1:
        return Layout(Paxos(Scope(acceptor=chance.randint(1, 4), ballot=chance.randint(1, 5), value=chance.randint(1, 4))))
    with tempfile.TemporaryDirectory() as folder:
        cls = load(Generator(chance).protocol(), Path(folder)).P
    return Layout(cls(Scope(**{n: chance.randint(1, 3) for n in cls.sort_names()})))


def _some_layout(chance: random.Random) -> Layout:
    try:
        return _layout(chance)
    except (ScopeError, SpecError):
        assume(False)
        raise


@MANY
@given(CHANCES)
def test_a_row_holds_its_state(chance):
    layout = _some_layout(chance)
    for _ in range(5):
        state, other = random_state(layout.protocol, chance), random_state(layout.protocol, chance)
        row = layout.pack(state)
        assert layout.unpack_state(row) == state
        assert all(0 <= word < 1 << 63 for word in row)
        assert (row == layout.pack(other)) == (state == other)
        tail = row[layout.fixed_words :]
        assert tail == sorted(set(tail))
        assert all(word >> TAG_SHIFT for word in tail), "a word 0 would not show in the tail's hash"


@MANY
@given(CHANCES)
def test_codes(chance):
    """Codes go back to their values, lie within their type's range, and compare as `sort_key` does."""
    layout = _some_layout(chance)
    sizes = layout.protocol.context.sizes
    for variable in layout.protocol.ir.variables:
        type_ = variable.value_type
        if isinstance(type_, SetType):
            type_ = type_.of
        values = [random_value(type_, sizes, chance) for _ in range(12)]
        codes = [layout.encode(type_, v) for v in values]
        for value, code in zip(values, codes, strict=True):
            assert layout.decode(type_, code) == value
            assert 0 <= code <= layout.greatest(type_)
            assert code.bit_length() <= layout.width(type_)
        if isinstance(variable.value_type, SetType):
            by_code = [v for _, v in sorted(zip(codes, values, strict=True), key=lambda pair: pair[0])]
            assert [sort_key(v) for v in by_code] == sorted(sort_key(v) for v in values)


@MANY
@given(CHANCES)
def test_ranks_are_dense_and_ascending(chance):
    layout = _some_layout(chance)
    for variable in layout.protocol.ir.variables:
        if not isinstance(variable.value_type, SetType):
            continue
        of = variable.value_type.of
        count = layout.values(of)
        if count is None or count > 2000:
            continue
        codes = [layout.unrank(of, rank) for rank in range(count)]
        assert codes == sorted(set(codes))
        assert [layout.rank(of, code) for code in codes] == list(range(count))
        assert len({layout.decode(of, code) for code in codes}) == count


def test_every_form_is_met():
    """Masks, bits over several words, tails: the shipped protocols use them all."""
    forms = {slot.form for scope in (3, 6) for slot in Layout(Paxos(Scope(acceptor=3, ballot=scope, value=3))).slots.values()}
    forms |= {slot.form for slot in Layout(Raft(Scope(node=3, term=3, index=2, value=2))).slots.values()}
    assert forms == {"fields", "bits", "tail"}
    assert MASK_LIMIT == 63
