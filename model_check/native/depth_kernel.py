"""The loops of depth-first search around a generated program, compiled with it (see `kernel.py`).

The stack of states to expand: `stack` rows one behind the other, `stack_at` offsets, `stack_depth` depths and
`stack_place` positions among the successors of the state before. `way[d]` is the position taken at depth d on the way to
the state being expanded: what lies above a state in the stack leads on from it, so the way to it stays untouched below.
`depths` has the least depth at which each state of the table was met, or one entry where nothing limits the depth.
"""

from __future__ import annotations

import numpy as np
from numba import njit

from model_check.native.compiler import ENTRY, PART
from model_check.native.kernel import (
    EAGER,
    FIXED_WORDS,
    FULL,
    MOST_SUCCESSORS,
    NONE,
    POSITION,
    ROWS,
    STATE_BAD,
    STATE_PROPERTY,
    STEP_BAD,
    UNDEFINED,
    WORDS,
    check_state,
    examine,
    expandable,
    forget_dead,
    note_witnesses,
    print_of,
    same_rows,
    seek_witnesses,
    send_first,
    successors,
)
from model_check.native.runtime import place_of, tail_hash_of

# Places of the tally: states on the stack, known, generated; the greatest depth so far, and that of the state being expanded.
TOP, KNOWN, GENERATED, DEEPEST, DEPTH = range(5)
TALLY = 5


@njit(cache=True, **ENTRY)
def begin(stack, stack_at, stack_depth, stack_place, cand, cand_at, cand_tail, cand_meta, table, depths, notes, tally, new, seen, reached):
    """Enter the first states, which lie in the batch."""
    for k in range(notes[ROWS]):
        start = cand_at[k] + FIXED_WORDS
        tail = cand_at[k + 1] - start
        cand_tail[k] = print_of(cand, cand_at[k], tail, tail_hash_of(cand, start, tail))
    seek_witnesses(seen, reached, 0)
    meet(stack, stack_at, stack_depth, stack_place, 0, 0, cand, cand_at, cand_tail, cand_meta, table, depths, notes, tally, new, seen)
    note_witnesses(seen, reached, 0)


@njit(**PART)
def meet(stack, stack_at, stack_depth, stack_place, top, depth, cand, cand_at, cand_tail, cand_meta, table, depths, notes, tally, new, seen):
    """Enter and check the states of a batch that are new; put them, and those met at a lesser depth than before, on the stack."""
    bounded = depths.size == table.size
    for k in range(notes[ROWS]):
        mark = cand_tail[k]
        if mark == np.uint64(0):
            continue
        place = place_of(table, 0, table.size, mark)
        if table[place] != mark:
            table[place] = mark
            if bounded:
                depths[place] = depth
            meta = cand_meta[k]
            tally[KNOWN] += 1
            tally[DEEPEST] = max(tally[DEEPEST], depth)
            new[meta & 255] += 1
            bad = check_state(cand, cand_at[k], cand_at[k + 1] - cand_at[k] - FIXED_WORDS, notes, seen)
            if notes[UNDEFINED] != 0:
                return
            if bad != NONE and notes[STATE_BAD] == NONE:
                notes[STATE_BAD] = meta
                notes[STATE_PROPERTY] = bad
        elif bounded and depth < depths[place]:
            depths[place] = depth
        else:
            cand_tail[k] = np.uint64(0)
    # The last first, so that the first is on top.
    for k in range(notes[ROWS] - 1, -1, -1):
        if cand_tail[k] != np.uint64(0):
            end = stack_at[top]
            length = cand_at[k + 1] - cand_at[k]
            for j in range(length):
                stack[end + j] = cand[cand_at[k] + j]
            stack_depth[top] = depth
            stack_place[top] = cand_meta[k] >> 8
            top += 1
            stack_at[top] = end + length
    tally[TOP] = top


@njit(cache=True, **ENTRY)
def descend(
    stack, stack_at, stack_depth, stack_place, way, cand, cand_at, cand_tail, cand_meta, table, depths, room,
    notes, tally, evaluated, saved, enabled, new, seen, reached, max_depth, budget,
):  # fmt: skip
    """Expand the newest state, `budget` times or until none is left or a property is violated; True where room is lacking.

    `room` is how many states the table may hold. At an undefined expression its state is still on top of the stack.
    """
    for _ in range(budget):
        if tally[TOP] == 0 or notes[STEP_BAD] != NONE or notes[STATE_BAD] != NONE:
            return False
        top = tally[TOP] - 1
        depth = stack_depth[top]
        if depth + 2 > way.size:
            return True
        span = stack_at[top : top + 2]
        tail = span[1] - span[0] - FIXED_WORDS
        for j in range(evaluated.size):
            saved[j] = evaluated[j]
        notes[ROWS] = notes[WORDS] = notes[POSITION] = 0
        if (max_depth == NONE or depth < max_depth) and expandable(stack, span[0], tail, notes):
            tail_hash = tail_hash_of(stack, span[0] + FIXED_WORDS, tail)
            successors(stack, span[0], tail, tail_hash, 0, cand, cand_at, cand_tail, cand_meta, notes, evaluated)
            if EAGER and notes[FULL] == 0:
                forget_dead(0, cand, cand_at, cand_tail, notes)
                send_first(stack, span[0], tail, 0, cand, cand_at, cand_tail, cand_meta, notes)
        if notes[UNDEFINED] != 0 or notes[POSITION] > MOST_SUCCESSORS:
            return False
        if notes[FULL] != 0 or top + notes[ROWS] + 2 > stack_depth.size or span[0] + notes[WORDS] > stack.size or tally[KNOWN] + notes[ROWS] > room:
            for j in range(evaluated.size):
                evaluated[j] = saved[j]
            return True
        way[depth] = stack_place[top]
        tally[DEPTH] = depth
        tally[GENERATED] += notes[ROWS]
        seek_witnesses(seen, reached, depth + 1)
        examine(stack, span, cand, cand_at, cand_tail, cand_meta, notes, enabled, seen)
        if notes[UNDEFINED] != 0:
            return False
        meet(stack, stack_at, stack_depth, stack_place, top, depth + 1, cand, cand_at, cand_tail, cand_meta, table, depths, notes, tally, new, seen)
        if notes[UNDEFINED] != 0:
            return False
        note_witnesses(seen, reached, depth + 1)
    return False


CONSTANTS = ("NONE", "MOST_SUCCESSORS", "TOP", "KNOWN", "GENERATED", "DEEPEST", "DEPTH")
LOOPS = (same_rows, forget_dead, send_first, examine, seek_witnesses, note_witnesses, begin, meet, descend)
