"""The loops of breadth-first search around a generated program: enter, then expand, claim, absorb for each slice; and what all loops share.

These functions' text is pasted behind the generated functions `successors`, `check_state`, `check_step`, `only_sends`,
`expandable` and `print_of`, and compiled with them. `depth_kernel.py` and `walk_kernel.py` hold the loops of depth-first search and
of random walks: a program has the loops of one kind only, for each costs compiling time. A round takes a slice of the
frontier through three phases, each of which workers run side by side:

1. `expand`: each worker generates the successors of its part of the slice and keeps those that are not in the table;
2. `claim`: each worker enters the kept ones that belong to its shard, in order: the first of equals wins;
3. `absorb`: each worker checks the accepted ones of its part and closes the gaps: the next frontier, in order.

Buffers: `found` rows, `found_at` offsets (one more than rows), `found_print` fingerprints, `found_meta`
(parent << 32 | position of the step << 8 | action), `accepted` flags. `notes` carries counters in and out,
and bit masks that say which rules are removed and which properties and constraints are wanted: one compiled program
serves all of them.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numba import njit

from model_check.native.compiler import ENTRY, PART
from model_check.native.runtime import holds_print, home, insert_print, shard_of, tail_hash_of

# Places of the notes; the first two count the batch's rows and their words.
ROWS, WORDS, POSITION, UNDEFINED, FULL, FOUND, FOUND_END, GENERATED = range(8)
STEP_BAD, STEP_PROPERTY, STATE_BAD, STATE_PROPERTY, NEXT_PARENT, ACCEPTED, READ_AHEAD = range(8, 15)
REMOVED_RULES, WANTED_STATES, WANTED_STEPS, WANTED_CONSTRAINTS = range(16, 20)
NOTES = 20
BATCH = 2048
# A step's position and a state's number of children are kept in 16 bits, an action's number in 8.
MOST_SUCCESSORS = 65_535
MOST_ACTIONS = 256
NONE = -1

NEVER = np.iinfo(np.int64).max

# Stand-ins for the generated functions and constants.
successors: Any = None
check_state: Any = None
check_step: Any = None
expandable: Any = None
print_of: Any = None
only_sends: Any = None
forget: Any = None
FIXED_WORDS = STEP_PROPERTIES = EAGER = 0


@njit(**PART)
def forget_dead(first, cand, cand_at, cand_tail, notes):
    """Take dead messages out of the rows of a batch from `first` on, and close the gaps."""
    end = cand_at[first]
    for k in range(first, notes[ROWS]):
        at = cand_at[k]
        length = cand_at[k + 1] - at
        if end != at:
            for j in range(length):
                cand[end + j] = cand[at + j]
        tail, cand_tail[k] = forget(cand, end, length - FIXED_WORDS, cand_tail[k], notes)
        cand_at[k] = end
        end += FIXED_WORDS + tail
    cand_at[notes[ROWS]] = end
    notes[WORDS] = end


@njit(**PART)
def send_first(rows, start, tail, first, cand, cand_at, cand_tail, cand_meta, notes):
    """Of a state's steps, which are those of the batch from `first` on, keep the first that only sends messages, if there is one."""
    for k in range(first, notes[ROWS]):
        at, to = cand_at[k], cand_at[first]
        length = cand_at[k + 1] - at
        if only_sends(rows, start, tail, cand, at, length - FIXED_WORDS) and not same_rows(rows, start, FIXED_WORDS + tail, cand, at, length):
            for j in range(length):
                cand[to + j] = cand[at + j]
            cand_at[first + 1] = to + length
            cand_tail[first] = cand_tail[k]
            cand_meta[first] = cand_meta[k]
            notes[ROWS] = first + 1
            notes[WORDS] = to + length
            return


@njit(**PART)
def generate(frontier, offsets, parent, high, cand, cand_at, cand_tail, cand_meta, notes, evaluated, saved):
    """The successors of parents from `parent` on, until a batch is full; returns the first parent that is not done.

    That parent is short of room (`notes[FULL]`), has an undefined expression (`notes[UNDEFINED]`) or too many steps, or is `high`.
    `saved` keeps the counts of `evaluated` (before the batch, then before the parent) for work that is done again.
    """
    actions = evaluated.size
    for j in range(actions):
        saved[j] = evaluated[j]
    notes[ROWS] = 0
    notes[WORDS] = 0
    while parent < high and notes[ROWS] < BATCH:
        start = offsets[parent]
        tail = offsets[parent + 1] - start - FIXED_WORDS
        if expandable(frontier, start, tail, notes):
            count_before, end_before = notes[ROWS], notes[WORDS]
            notes[POSITION] = 0
            for j in range(actions):
                saved[actions + j] = evaluated[j]
            tail_hash = tail_hash_of(frontier, start + FIXED_WORDS, tail)
            successors(frontier, start, tail, tail_hash, parent, cand, cand_at, cand_tail, cand_meta, notes, evaluated)
            if notes[FULL] != 0:
                notes[ROWS], notes[WORDS] = count_before, end_before
                for j in range(actions):
                    evaluated[j] = saved[actions + j]
                return parent
            if EAGER:
                forget_dead(count_before, cand, cand_at, cand_tail, notes)
                send_first(frontier, start, tail, count_before, cand, cand_at, cand_tail, cand_meta, notes)
        if notes[UNDEFINED] != 0 or notes[POSITION] > MOST_SUCCESSORS:
            return parent
        parent += 1
    return parent


@njit(**PART)
def same_rows(a, a_start, a_length, b, b_start, b_length):
    """Whether two rows are equal."""
    if a_length != b_length:
        return False
    for j in range(a_length):
        if a[a_start + j] != b[b_start + j]:
            return False
    return True


@njit(**PART)
def examine(rows, offsets, cand, cand_at, cand_tail, cand_meta, notes, enabled, seen):
    """Check the steps of a batch; `cand_tail` then holds the fingerprints of the states after them, 0 where a step changes nothing."""
    idle = NONE
    for k in range(notes[ROWS]):
        at = cand_at[k]
        length = cand_at[k + 1] - at
        meta = cand_meta[k]
        parent = meta >> 32
        enabled[meta & 255] += 1
        start = offsets[parent]
        before = offsets[parent + 1] - start
        same = same_rows(rows, start, before, cand, at, length)
        # Steps of one state that change nothing are all alike: one of them is checked.
        if STEP_PROPERTIES and not (same and idle == parent):
            bad = check_step(rows, start, before - FIXED_WORDS, cand, at, length - FIXED_WORDS, notes, seen)
            if notes[UNDEFINED] != 0:
                notes[NEXT_PARENT] = parent
                return
            if bad != NONE and notes[STEP_BAD] == NONE:
                notes[STEP_BAD] = meta
                notes[STEP_PROPERTY] = bad
        if same:
            idle = parent
            cand_tail[k] = np.uint64(0)
        else:
            cand_tail[k] = print_of(cand, at, length - FIXED_WORDS, cand_tail[k])


@njit(**PART)
def read_ahead(prints, low, high, table, shards, shard_size):
    """Read the places of fingerprints before they are needed, and return something made of what was read, or the compiler would drop it.

    The table is far larger than the caches, and no read here waits for another, as it does where each is followed by a decision.
    """
    together = np.uint64(0)
    for k in range(low, high):
        together ^= table[shard_of(prints[k], shards) * shard_size + home(prints[k], shard_size)]
    return np.int64(together >> np.uint64(1))


@njit(**PART)
def keep_unknown(cand, cand_at, cand_tail, cand_meta, found, found_at, found_print, found_meta, recent, table, shards, shard_size, notes):
    """Move the states of a batch that are not in the table to those found; with one shard, enter them at once.

    With several, `recent` holds fingerprints that this worker has found in this slice: the later ones of equals, of which
    the first wins in any case, go no further, and most of what is generated twice is generated by one worker soon after.
    """
    notes[READ_AHEAD] = read_ahead(cand_tail, 0, notes[ROWS], table, shards, shard_size)
    for k in range(notes[ROWS]):
        mark = cand_tail[k]
        if mark == np.uint64(0):
            continue
        if shards == 1:
            known = not insert_print(table, 0, shard_size, mark)
        else:
            spot = np.int64(mark % np.uint64(recent.size))
            known = recent[spot] == mark or holds_print(table, shard_of(mark, shards), shard_size, mark)
            recent[spot] = mark
        if not known:
            at, number, end = cand_at[k], notes[FOUND], notes[FOUND_END]
            length = cand_at[k + 1] - at
            for j in range(length):
                found[end + j] = cand[at + j]
            found_at[number + 1] = end + length
            found_print[number] = mark
            found_meta[number] = cand_meta[k]
            notes[FOUND] = number + 1
            notes[FOUND_END] = end + length


@njit(cache=True, **ENTRY)
def expand(
    frontier, offsets, low, high, cand, cand_at, cand_tail, cand_meta, found, found_at, found_print, found_meta, recent,
    table, shards, shard_size, notes, evaluated, saved, enabled, seen,
):  # fmt: skip
    """Phase 1 for parents low..high-1; stops early, at a parent, where the buffers are nearly full."""
    parent = low
    while parent < high:
        first = parent
        parent = generate(frontier, offsets, first, high, cand, cand_at, cand_tail, cand_meta, notes, evaluated, saved)
        if notes[UNDEFINED] != 0 or notes[POSITION] > MOST_SUCCESSORS:
            notes[NEXT_PARENT] = parent
            return
        count = notes[ROWS]
        if notes[FOUND] + count + 1 >= found_at.size or notes[FOUND_END] + notes[WORDS] + 64 >= found.size or (parent == first and notes[FULL] != 0):
            notes[NEXT_PARENT] = first
            notes[FULL] = 1
            for j in range(evaluated.size):
                evaluated[j] = saved[j]
            return
        notes[FULL] = 0
        notes[GENERATED] += count
        examine(frontier, offsets, cand, cand_at, cand_tail, cand_meta, notes, enabled, seen)
        if notes[UNDEFINED] != 0:
            return
        keep_unknown(cand, cand_at, cand_tail, cand_meta, found, found_at, found_print, found_meta, recent, table, shards, shard_size, notes)
    notes[NEXT_PARENT] = high


@njit(cache=True, **ENTRY)
def claim(found_print, accepted, count, table, shard, shards, shard_size, own, own_print, notes):
    """Phase 2 for one shard: enter its fingerprints in order; `accepted` tells which were new.

    `own` and `own_print` are room for the positions and the fingerprints of a block that belong to the shard.
    """
    low = 0
    while low < count:
        high = min(count, low + own.size)
        # Gathered without a branch, which a processor would guess wrongly half the time.
        mine = 0
        for k in range(low, high):
            own[mine] = k
            own_print[mine] = found_print[k]
            mine += np.int64(shard_of(found_print[k], shards) == shard)
        notes[READ_AHEAD] = read_ahead(own_print, 0, mine, table, shards, shard_size)
        for j in range(mine):
            accepted[own[j]] = insert_print(table, shard, shard_size, own_print[j])
        low = high


@njit(cache=True, **ENTRY)
def absorb(found, found_at, found_meta, accepted, count, low, children, positions, notes, new, seen):
    """Phase 3: close the gaps between accepted rows, count children, check the states."""
    kept = 0
    for k in range(count):
        if accepted[k]:
            start = found_at[k]
            length = found_at[k + 1] - start
            end = found_at[kept]
            if end != start:
                for j in range(length):
                    found[end + j] = found[start + j]
            meta = found_meta[k]
            children[(meta >> 32) - low] += 1
            positions[kept] = (meta >> 8) & 65535
            new[meta & 255] += 1
            found_at[kept + 1] = end + length
            kept += 1
            bad = check_state(found, end, length - FIXED_WORDS, notes, seen)
            if notes[UNDEFINED] != 0:
                notes[NEXT_PARENT] = meta >> 32
                return
            if bad != NONE and notes[STATE_BAD] == NONE:
                notes[STATE_BAD] = meta
                notes[STATE_PROPERTY] = bad
    notes[ACCEPTED] = kept


@njit(cache=True, **ENTRY)
def enter(rows, offsets, count, table, shards, shard_size, accepted, meta):
    """Level 0: enter the first states; `absorb` then checks those that are new."""
    for k in range(count):
        start = offsets[k]
        tail = offsets[k + 1] - start - FIXED_WORDS
        mark = print_of(rows, start, tail, tail_hash_of(rows, start + FIXED_WORDS, tail))
        accepted[k] = insert_print(table, shard_of(mark, shards), shard_size, mark)
        meta[k] = k << 8


@njit(**PART)
def seek_witnesses(seen, reached, depth):
    """Before a look at depth `depth`: mark as seen the witnesses known at that depth or before (`reached`), which need no look."""
    for i in range(seen.size):
        seen[i] = 1 if reached[i] <= depth else 0


@njit(**PART)
def note_witnesses(seen, reached, depth):
    """After it: note the depth of those that are seen for the first time, or at a lesser depth than before."""
    for i in range(seen.size):
        if seen[i] != 0 and reached[i] > depth:
            reached[i] = depth


# Those that the loops of all kinds use.
PLACES = ("ROWS", "WORDS", "POSITION", "UNDEFINED", "FULL", "STEP_BAD", "STEP_PROPERTY", "STATE_BAD", "STATE_PROPERTY", "NEXT_PARENT")
CONSTANTS = ("FOUND", "FOUND_END", "GENERATED", "ACCEPTED", "READ_AHEAD", "BATCH", "NONE", "MOST_SUCCESSORS")
LOOPS = (same_rows, forget_dead, send_first, generate, examine, read_ahead, keep_unknown, expand, claim, absorb, enter)
