"""Malformed, huge and hostile messages: an error that names the field, or a correct step; never a changed state and an error."""

from __future__ import annotations

import copy
from dataclasses import fields

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from impl.raft import Entries, MessageError, Role, Snapshot, TermsExhausted
from impl.raft.messages import (
    LIMIT,
    AppendEntries,
    AppendReply,
    InstallSnapshot,
    Proposal,
    ReadReply,
    ReadRequest,
    RequestVote,
    TimeoutNow,
    VoteReply,
    check_any,
    check_append_entries,
    check_append_reply,
)
from tests.impl.pictures import picture
from tests.impl.raft.cluster import Cluster, finish

GOOD = [
    RequestVote(3, 2, 1, 4, 2, False, False),
    VoteReply(3, 2, 1, True, False),
    AppendEntries(3, 2, 1, 2, 1, Entries(3, [1, 3], [b"", b"x"]), 2, 0),
    AppendReply(3, 2, 1, True, 2, 0, 0, 0, 0),
    AppendReply(3, 2, 1, False, 0, 0, 4, 3, 1),
    InstallSnapshot(3, 2, 1, Snapshot(9, 2, b"s"), 0),
    Proposal(3, 2, 1, [b"a"]),
    ReadRequest(3, 2, 1, b"r"),
    ReadReply(3, 2, 1, b"r", 4),
    TimeoutNow(3, 2, 1),
]
NUMBERS = (-1, LIMIT, 1 << 100_000, 1.5, True, None, "1", b"1", [1])
BAD = {
    "int": NUMBERS,
    "bool": (0, 1, None, "yes"),
    "bytes": (None, "text", bytearray(b"x"), 7),
    "list[bytes]": (None, [], [b""], ["text"], (b"a",), [b"a", 7]),
    "Entries": (
        None,
        [],
        Entries(3, [1], []),
        Entries(3, (1,), [b"x"]),
        Entries(3, [1], (b"x",)),
        Entries(3, ["1"], [b"x"]),
        Entries(3, [True], [b"x"]),
        Entries(3, [1], ["x"]),
        Entries(3, [-1], [b"x"]),
        Entries(3, [0], [b"x"]),
        Entries(3, [4], [b"x"]),
        Entries(3, [2, 1], [b"x", b"y"]),
        Entries(3, [1, 2, 1], [b"x"] * 3),
        Entries(2, [1], [b"x"]),
        Entries(None, [1], [b"x"]),
    ),
    "Snapshot": (None, b"s", Snapshot(0, 1, b""), Snapshot(1, 0, b""), Snapshot(1, 4, b""), Snapshot(1, 1, "s"), Snapshot("1", 1, b""), Snapshot(-1, 1, b"")),
}


def with_field(message, name, value):
    changed = copy.copy(message)
    setattr(changed, name, value)
    return changed


MALFORMED = [(with_field(m, f.name, value), f.name) for m in GOOD for f in fields(m) for value in BAD[str(f.type)]]
MALFORMED += [
    (with_field(GOOD[2], "prev_log_term", 0), "prev_log_term"),
    (with_field(GOOD[2], "prev_log_term", 4), "prev_log_term"),
    (with_field(GOOD[0], "last_log_term", 3), "last_log_term"),
    *((with_field(m, "term", 0), "term") for m in GOOD if not isinstance(m, AppendEntries | RequestVote | InstallSnapshot)),
]


def some_node(role):
    """Node 1 in a cluster that has committed three entries of term 1, and perhaps stands or leads in term 2 or 1."""
    c = Cluster(pre_vote=False)
    c.elect(1 if role is Role.LEADER else 2).propose_batch([b"a", b"b"])
    c.tick(1 if role is Role.LEADER else 2, 2)
    if role is Role.CANDIDATE:
        c[1].election_elapsed = c[1].timeout
        c[1].tick()
    assert c[1].role is role
    return c


ROLES = (Role.FOLLOWER, Role.CANDIDATE, Role.LEADER)


@pytest.mark.parametrize("message", GOOD, ids=lambda m: type(m).__name__)
def test_the_good_ones_are_good(message):
    check_any(message)


@pytest.mark.parametrize(("message", "field"), MALFORMED, ids=lambda v: v if isinstance(v, str) else type(v).__name__)
def test_a_malformed_message_is_refused_by_the_name_of_its_field_and_changes_nothing(message, field):
    node = some_node(Role.FOLLOWER)[1]
    before = picture(node)
    with pytest.raises(MessageError) as refusal:
        node.step(message)
    assert refusal.value.kind == type(message).__name__
    assert refusal.value.field == field
    assert len(str(refusal.value)) < 200
    assert picture(node) == before


@pytest.mark.parametrize("message", [None, 7, "AppendEntries", object(), Snapshot(1, 1, b"")])
def test_what_is_no_message_is_refused(message):
    node = some_node(Role.FOLLOWER)[1]
    with pytest.raises(MessageError, match=r"type: no such message is known"):
        node.step(message)


@pytest.mark.parametrize("message", GOOD, ids=lambda m: type(m).__name__)
def test_messages_from_unknown_nodes_are_ignored_and_counted(message):
    node = some_node(Role.FOLLOWER)[1]
    before = picture(node)
    node.step(with_field(message, "sender", 9))
    node.step(with_field(message, "sender", 1))
    assert node.ignored_messages == 2
    assert picture(node) == before | {"ignored_messages": "2"}


def test_a_message_for_another_node_is_refused():
    with pytest.raises(MessageError, match=r"VoteReply.receiver: 3, but this is node 1"):
        some_node(Role.FOLLOWER)[1].step(VoteReply(3, 2, 3, True, False))


@pytest.mark.parametrize(
    ("reply", "field"), [(AppendReply(1, 2, 1, True, 99, 0, 0, 0, 0), "match_index"), (AppendReply(1, 2, 1, True, 1, 99, 0, 0, 0), "read_round")]
)
def test_answers_to_what_was_never_sent_are_refused(reply, field):
    node = some_node(Role.LEADER)[1]
    before = picture(node)
    with pytest.raises(MessageError, match="was never sent") as refusal:
        node.step(reply)
    assert refusal.value.field == field
    assert picture(node) == before


small = st.integers(0, 6)
numbers = st.one_of(small, small, small, st.sampled_from([-1, LIMIT - 1, LIMIT, 2.0, True, None]))
flags = st.one_of(st.booleans(), st.sampled_from([0, None]))
entries = st.builds(
    lambda first, pairs, cut: Entries(first, [t for t, _ in pairs][cut:], [c for _, c in pairs]),
    small,
    st.lists(st.tuples(numbers, st.sampled_from([b"", b"x", "x"])), max_size=4).map(lambda e: sorted(e, key=repr)),
    st.sampled_from([0, 0, 0, 0, 1]),
)
orderly = st.builds(lambda prev, terms: (prev, Entries(prev + 1, sorted(terms), [b"x"] * len(terms))), small, st.lists(st.integers(1, 3), max_size=4))
ENDS = (numbers, st.sampled_from([2, 3, 3, 9]), st.sampled_from([1, 1, 1, 1, 2]))


def well_typed_call(ends, run, prev_log_term, leader_commit):
    prev_log_index, entries = run
    return AppendEntries(*ends, prev_log_index, prev_log_term if prev_log_index else 0, entries, leader_commit, 0)


commonest = st.one_of(
    st.builds(AppendEntries, *ENDS, numbers, numbers, entries, numbers, numbers),
    st.builds(well_typed_call, st.tuples(*ENDS), orderly, st.integers(1, 3), small),
    st.builds(AppendReply, *ENDS, flags, numbers, numbers, numbers, numbers, numbers),
    st.builds(AppendReply, *ENDS, flags, small, st.just(0), small, small, small),
)
anything = st.one_of(
    commonest,
    st.builds(RequestVote, *ENDS, numbers, numbers, flags, flags),
    st.builds(VoteReply, *ENDS, flags, flags),
    st.builds(InstallSnapshot, *ENDS, st.builds(Snapshot, numbers, numbers, st.just(b"s")), numbers),
    st.builds(Proposal, *ENDS, st.lists(st.sampled_from([b"a", b"", 7]), max_size=3)),
    st.builds(ReadRequest, *ENDS, st.sampled_from([b"r", "r"])),
    st.builds(ReadReply, *ENDS, st.just(b"r"), numbers),
    st.builds(TimeoutNow, *ENDS),
)


@settings(max_examples=200)
@given(st.sampled_from(ROLES), st.lists(anything, min_size=1, max_size=8))
def test_whatever_comes_in_is_a_step_or_a_refusal(role, messages):
    c = some_node(role)
    node, storage = c[1], c.storages[1]
    for m in messages:
        before, term, commit_index = picture(node), node.current_term, node.commit_index
        try:
            node.step(m)
        except MessageError:
            assert picture(node) == before
        assert node.current_term >= term
        assert node.commit_index >= commit_index
        assert node.commit_index <= node.log.last_index
        assert (node.role is Role.LEADER) == (node.leader == node.id)
        try:
            node.tick()
        except TermsExhausted:
            assert node.current_term == LIMIT - 1
        if node.has_ready():
            finish(node, storage)
    assert c.log(1)[:3] == [(1, b""), (1, b"a"), (1, b"b")] or storage.snapshot() is not None, "what is committed stays"


@settings(max_examples=500)
@given(commonest)
def test_the_fast_checks_accept_nothing_that_the_full_check_refuses(message):
    def verdict(check):
        try:
            check(message)
        except MessageError as refusal:
            return str(refusal)
        return ""

    assert verdict(check_append_entries if isinstance(message, AppendEntries) else check_append_reply) == verdict(check_any)
