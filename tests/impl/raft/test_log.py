"""The log: an unstable tail over storage, against a plain list; what is handed out never changes; nothing grows with its length."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from impl.raft import Entries, MemoryStorage, Snapshot
from impl.raft.log import MAX_BATCH_ENTRIES, Log, entries_from


def log_of(stable, unstable=()):
    storage = MemoryStorage()
    storage.append(Entries(1, list(stable), [b"%d" % i for i in range(len(stable))]))
    log = Log(storage)
    for term in unstable:
        log.append(term, [b"u"])
    return log, storage


def persist(log, storage):
    if tail := log.unstable():
        storage.append(tail)
        log.persisted(tail.last_index, tail.terms[-1])


def test_terms_are_known_from_the_beginning_to_the_end_and_nowhere_else():
    log, storage = log_of([1, 2], [3])
    assert [log.term(i) for i in range(5)] == [0, 1, 2, 3, None]
    persist(log, storage)
    storage.compact(2, b"s")
    assert [log.term(i) for i in range(5)] == [None, None, 2, 3, None]
    log.restore(Snapshot(7, 4, b"s"))
    assert [log.term(i) for i in (2, 3, 6, 7, 8)] == [None, None, None, 4, None]


def test_the_tail_is_handed_out_without_copying_and_shared():
    log, _ = log_of([1], [2, 2])
    assert log.unstable() is log.entries(2, 3, 100)
    assert log.unstable() is log.unstable()


def test_what_was_handed_out_stays_as_it_is():
    log, storage = log_of([1], [2])
    first = log.unstable()
    log.append(2, [b"v"])
    second = log.unstable()
    log.store(Entries(2, [3], [b"w"]))
    persist(log, storage)
    assert (first.terms, second.terms) == ([2], [2, 2])
    assert storage.entries(1, 2).terms == [1, 3]


def test_a_run_may_begin_in_storage_and_end_in_the_tail():
    log, _ = log_of([1, 1, 2], [3, 3])
    assert log.entries(2, 4, 100) == Entries(2, [1, 2, 3], [b"1", b"2", b"u"])
    assert log.entries(5, 5, 100) == Entries(5, [3], [b"u"])


@pytest.mark.parametrize(("max_bytes", "count"), [(0, 1), (4, 1), (5, 2), (9, 3), (10, 3), (99, 4)])
def test_a_run_is_limited_in_bytes_but_never_empty(max_bytes, count):
    log, _ = log_of([])
    log.append(1, [b"1", b"4444", b"4444", b"22"])
    assert len(log.entries(1, 4, max_bytes)) == count


def test_a_run_is_limited_in_entries_too():
    log, _ = log_of([1] * (MAX_BATCH_ENTRIES + 5))
    assert len(log.entries(1, log.last_index, 1 << 30)) == MAX_BATCH_ENTRIES
    assert log.entries(6, log.last_index, 1 << 30).last_index == log.last_index


@pytest.mark.parametrize(("index", "term", "found"), [(6, 3, 6), (6, 2, 4), (6, 1, 2), (6, 0, 0), (3, 9, 3), (99, 2, 4), (99, 9, 6), (0, 1, 0)])
def test_the_last_entry_that_may_agree_is_found_by_term(index, term, found):
    assert log_of([1, 1, 2, 2], [3, 3])[0].last_match_candidate(index, term) == found


def test_terms_are_searched_in_logarithmic_time():
    log, storage = log_of([1] * 100_000 + [2] * 100_000)
    asked = 0
    term = storage.term

    class Counting:
        def __getattr__(self, name):
            return getattr(storage, name)

        def term(self, index):
            nonlocal asked
            asked += 1
            return term(index)

    log._storage = Counting()
    assert log.last_match_candidate(200_000, 1) == 100_000
    assert asked < 20


terms = st.lists(st.integers(1, 4), max_size=8).map(sorted)


@given(terms, st.lists(st.one_of(st.tuples(st.integers(0, 8), terms, st.booleans()), st.none()), max_size=8))
def test_storing_is_what_figure_2_says_of_a_plain_list(stable, steps):
    """Receiver rules 3 and 4, entry by entry, on a list; None is a write to storage."""
    log, storage = log_of(stable)
    model = list(zip(stable, [b"%d" % i for i in range(len(stable))], strict=True))
    handed = []
    for number, step in enumerate(steps):
        if step is None:
            persist(log, storage)
            continue
        after, new, hand_out = step
        after = min(after, len(model))
        floor = model[after - 1][0] if after else 1
        run = Entries(after + 1, [max(t, floor) for t in new], [b"%d" % number for _ in new])
        for i, entry in enumerate(zip(run.terms, run.commands, strict=True), start=after):
            if i < len(model) and model[i][0] != entry[0]:
                del model[i:]
            if i >= len(model):
                model.append(entry)
        log.store(run)
        if hand_out and (tail := log.unstable()):
            handed.append((tail, repr(tail)))
        assert log.last_index == len(model)
        assert log.last_term == (model[-1][0] if model else 0)
        assert [log.term(i + 1) for i in range(len(model))] == [t for t, _ in model]
    if model:
        assert list(log.entries(1, len(model), 1 << 30)) == model
    assert all(repr(tail) == before for tail, before in handed)
    persist(log, storage)
    assert storage.entries(1, storage.last_index()).commands == [c for _, c in model]


def test_entries_know_their_place():
    run = Entries(5, [1, 2], [b"a", b"b"])
    assert (run.last_index, len(run), [e.term for e in run], [e.command for e in run]) == (6, 2, [1, 2], [b"a", b"b"])
    assert entries_from(run, 4) is run
    assert entries_from(run, 6) == Entries(6, [2], [b"b"])
    assert repr(run) == "Entries(5, [1, 2], [b'a', b'b'])"
    assert run != [1, 2]
