"""The loop of random walks around a generated program, compiled with it (see `kernel.py`); the walks are those of `walks.py`.

`row` holds the present state, `way` the positions taken since the walk began (`way[0]` is the initial state's number).
`draws` has the random generator's state and, behind it, what it was when the walk began; `reached_before` likewise
what `reached` was: with these the interpreter can walk a walk again.
"""

from __future__ import annotations

import numpy as np
from numba import njit

from model_check.native.compiler import ENTRY, PART
from model_check.native.kernel import (
    FIXED_WORDS,
    FULL,
    NONE,
    POSITION,
    ROWS,
    STATE_BAD,
    STATE_PROPERTY,
    STEP_BAD,
    STEP_PROPERTIES,
    STEP_PROPERTY,
    UNDEFINED,
    WORDS,
    check_state,
    check_step,
    note_witnesses,
    print_of,
    same_rows,
    seek_witnesses,
    successors,
)
from model_check.native.runtime import draw, place_of, tail_hash_of

# Places of the tally: walks begun, steps taken, states known; steps taken in the present walk (NONE: none is under way); the length of the row's tail.
WALKS, STEPS, KNOWN, LENGTH, TAIL = range(5)
TALLY = 5


@njit(**PART)
def arrive(rows, start, length, row, table, notes, tally, seen, reached):
    """Move to a state and check it; whether it was new."""
    for j in range(length):
        row[j] = rows[start + j]
    tail = length - FIXED_WORDS
    tally[TAIL] = tail
    mark = print_of(row, 0, tail, tail_hash_of(row, FIXED_WORDS, tail))
    slot = place_of(table, 0, table.size, mark)
    new = table[slot] != mark
    if new:
        table[slot] = mark
        tally[KNOWN] += 1
    bad = check_state(row, 0, tail, notes, seen)
    note_witnesses(seen, reached, tally[LENGTH])
    if bad != NONE:
        notes[STATE_BAD] = 0
        notes[STATE_PROPERTY] = bad
    return new


@njit(**PART)
def choose(row, tail, cand, cand_at, cand_meta, notes, draws, enabled, moving):
    """Draw an action among those with a step that changes something, then one of these steps; its number in the batch, NONE in a dead end."""
    actions = 0
    for j in range(moving.size):
        moving[j] = 0
    for k in range(notes[ROWS]):
        action = cand_meta[k] & 255
        enabled[action] += 1
        if same_rows(row, 0, FIXED_WORDS + tail, cand, cand_at[k], cand_at[k + 1] - cand_at[k]):
            cand_meta[k] = NONE
        else:
            actions += moving[action] == 0
            moving[action] += 1
    if actions == 0:
        return NONE
    left = draw(draws, actions)
    action = 0
    while moving[action] == 0 or left > 0:
        left -= moving[action] != 0
        action += 1
    left = draw(draws, moving[action])
    k = 0
    while cand_meta[k] == NONE or cand_meta[k] & 255 != action or left > 0:
        left -= cand_meta[k] != NONE and cand_meta[k] & 255 == action
        k += 1
    return k


@njit(**PART)
def begin(first, first_at, row, way, table, notes, tally, draws, seen, reached, reached_before):
    """Begin a walk at an initial state."""
    tally[WALKS] += 1
    tally[LENGTH] = 0
    draws[1] = draws[0]
    for i in range(reached.size):
        reached_before[i] = reached[i]
    number = draw(draws, first_at.size - 1)
    way[0] = number
    seek_witnesses(seen, reached, 0)
    arrive(first, first_at[number], first_at[number + 1] - first_at[number], row, table, notes, tally, seen, reached)


@njit(**PART)
def take(cand, cand_at, cand_meta, k, row, way, table, notes, tally, new, seen, reached):
    """Take a step of the batch, checking it and the state after it."""
    tally[STEPS] += 1
    tally[LENGTH] += 1
    way[tally[LENGTH]] = k
    at, length = cand_at[k], cand_at[k + 1] - cand_at[k]
    seek_witnesses(seen, reached, tally[LENGTH])
    if STEP_PROPERTIES:
        bad = check_step(row, 0, tally[TAIL], cand, at, length - FIXED_WORDS, notes, seen)
        note_witnesses(seen, reached, tally[LENGTH])
        if notes[UNDEFINED] != 0:
            return
        if bad != NONE:
            notes[STEP_BAD] = 0
            notes[STEP_PROPERTY] = bad
            return
    if arrive(cand, at, length, row, table, notes, tally, seen, reached):
        new[cand_meta[k] & 255] += 1


@njit(cache=True, **ENTRY)
def wander(
    first, first_at, row, way, cand, cand_at, cand_tail, cand_meta, table, room, notes, tally, draws,
    evaluated, saved, enabled, moving, new, seen, reached, reached_before, steps, walks, budget,
):  # fmt: skip
    """Walk `walks` walks of at most `steps` steps; stops after `budget` steps, at a violation, or (True) where room is lacking.

    `room` is how many states the table may hold. At an undefined expression it stops within the present walk.
    """
    for _ in range(budget):
        if notes[STEP_BAD] != NONE or notes[STATE_BAD] != NONE:
            return False
        if tally[LENGTH] == steps:
            tally[LENGTH] = NONE
        if tally[KNOWN] + 1 > room or tally[LENGTH] + 2 > way.size:
            return True
        if tally[LENGTH] == NONE:
            if tally[WALKS] == walks:
                return False
            begin(first, first_at, row, way, table, notes, tally, draws, seen, reached, reached_before)
        else:
            for j in range(evaluated.size):
                saved[j] = evaluated[j]
            notes[ROWS] = notes[WORDS] = notes[POSITION] = 0
            tail = tally[TAIL]
            successors(row, 0, tail, np.uint64(0), 0, cand, cand_at, cand_tail, cand_meta, notes, evaluated)
            if notes[UNDEFINED] != 0:
                return False
            if notes[FULL] != 0:
                for j in range(evaluated.size):
                    evaluated[j] = saved[j]
                return True
            k = choose(row, tail, cand, cand_at, cand_meta, notes, draws, enabled, moving)
            if k == NONE:
                tally[LENGTH] = NONE
            else:
                take(cand, cand_at, cand_meta, k, row, way, table, notes, tally, new, seen, reached)
        if notes[UNDEFINED] != 0:
            return False
    return False


CONSTANTS = ("NONE", "WALKS", "STEPS", "KNOWN", "LENGTH", "TAIL")
LOOPS = (same_rows, seek_witnesses, note_witnesses, arrive, choose, begin, take, wander)
