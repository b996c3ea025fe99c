"""What every generated program uses: hashing, the fingerprint table, the tail of a row.

Plain functions over arrays, compiled into the program that calls them; with NUMBA_DISABLE_JIT=1 they run as
Python, for debugging. All table positions are monotone in the fingerprint, so that growing the table is one
sequential sweep.
"""

from __future__ import annotations

import numpy as np
from numba import njit

from model_check.native.compiler import ENTRY, PART
from model_check.native.layout import TAG_SHIFT

_K1 = np.uint64(0x9E3779B97F4A7C15)
_K2 = np.uint64(0xD6E8FEB86659FD93)
_K3 = np.uint64(0xA0761D6478BD642F)
_S32 = np.uint64(32)
_S29 = np.uint64(29)
_S58 = np.uint64(58)
_ZERO = np.uint64(0)
_LOW = np.uint64(0xFFFFFFFF)
_ONE = np.uint64(1)
_DE_BRUIJN = np.uint64(0x03F79D71B4CB0A89)
_BIT_OF = np.zeros(64, np.int64)
for _i in range(64):
    _BIT_OF[((0x03F79D71B4CB0A89 << _i) & 0xFFFFFFFFFFFFFFFF) >> 58] = _i


@njit(**PART)
def lowest_bit(mask):
    """Number of the lowest bit set in a positive mask (de Bruijn multiplication)."""
    low = np.uint64(mask & -mask)
    return _BIT_OF[np.int64((low * _DE_BRUIJN) >> _S58)]


@njit(**PART)
def mix(word):
    """A bijective scrambling of 64 bits."""
    h = np.uint64(word) * _K1
    h = (h ^ (h >> _S32)) * _K2
    h = (h ^ (h >> _S29)) * _K3
    return h ^ (h >> _S32)


@njit(**PART)
def fingerprint(rows, start, fixed_words, tail_hash):
    """64 bits for a row: its fixed words in order, its tail as a set (sum of its words' hashes); never 0."""
    h = np.uint64(tail_hash)
    for j in range(fixed_words):
        h = (h ^ np.uint64(rows[start + j])) * _K1
        h = (h ^ (h >> _S32)) * _K2
        h = h ^ (h >> _S29)
    h = mix(h)
    return h if h != _ZERO else _ONE


@njit(**PART)
def tail_hash_of(rows, start, length):
    """The hash of a tail as a set."""
    total = _ZERO
    for j in range(length):
        total += mix(rows[start + j])
    return total


@njit(**PART)
def tail_has(rows, start, length, word):
    """Whether a tail holds a word."""
    for j in range(length):
        if rows[start + j] == word:
            return True
    return False


@njit(**PART)
def tail_insert(rows, start, length, word, total):
    """Add a word to a sorted tail; returns its new length and hash."""
    j = length
    while j > 0 and rows[start + j - 1] > word:
        j -= 1
    if j > 0 and rows[start + j - 1] == word:
        return length, total
    for k in range(length, j, -1):
        rows[start + k] = rows[start + k - 1]
    rows[start + j] = word
    return length + 1, total + mix(word)


@njit(**PART)
def tail_remove(rows, start, length, word, total):
    """Take a word out of a sorted tail; returns its new length and hash."""
    for j in range(length):
        if rows[start + j] == word:
            for k in range(j, length - 1):
                rows[start + k] = rows[start + k + 1]
            return length - 1, total - mix(word)
    return length, total


@njit(**PART)
def tail_clear(rows, start, length, tag, total):
    """Take all words of one tag out of a tail; returns its new length and hash."""
    kept = 0
    for j in range(length):
        word = rows[start + j]
        if word >> TAG_SHIFT == tag:
            total -= mix(word)
        else:
            rows[start + kept] = word
            kept += 1
    return kept, total


@njit(**PART)
def tail_subset(a, a_start, a_length, b, b_start, b_length, tag):
    """Whether all words of one tag in one tail are in another."""
    for j in range(a_length):
        word = a[a_start + j]
        if word >> TAG_SHIFT == tag and not tail_has(b, b_start, b_length, word):
            return False
    return True


@njit(**PART)
def same_but(a, i, a_end, b, j, b_end, tags):
    """Whether two tails hold the same words, those of some tags (a bit mask) aside."""
    while True:
        while i < a_end and (tags >> (a[i] >> TAG_SHIFT)) & 1 != 0:
            i += 1
        while j < b_end and (tags >> (b[j] >> TAG_SHIFT)) & 1 != 0:
            j += 1
        if i == a_end or j == b_end:
            return i == a_end and j == b_end
        if a[i] != b[j]:
            return False
        i += 1
        j += 1


@njit(**PART)
def shard_of(print_, shards):
    """The shard that owns a fingerprint, from its low bits (a multiplication: division is slow)."""
    return np.int64(((print_ & _LOW) * np.uint64(shards)) >> _S32)


@njit(**PART)
def home(print_, shard_size):
    """The first place to look for a fingerprint within its shard; monotone in the fingerprint."""
    return np.int64(((print_ >> _S32) * np.uint64(shard_size)) >> _S32)


@njit(**PART)
def place_of(table, shard, shard_size, print_):
    """The place in the table that holds a fingerprint, or the empty one where it belongs."""
    base = shard * shard_size
    slot = home(print_, shard_size)
    while True:
        found = table[base + slot]
        if found == print_ or found == _ZERO:
            return base + slot
        slot += 1
        if slot == shard_size:
            slot = 0


@njit(**PART)
def holds_print(table, shard, shard_size, print_):
    """Whether a shard of the table holds a fingerprint."""
    return table[place_of(table, shard, shard_size, print_)] == print_


@njit(**PART)
def insert_print(table, shard, shard_size, print_):
    """Put a fingerprint into its shard; whether it was new."""
    place = place_of(table, shard, shard_size, print_)
    if table[place] == print_:
        return False
    table[place] = print_
    return True


@njit(cache=True, **ENTRY)
def move_prints(old, new, shard, old_size, new_size):
    """Fill a shard of a larger table from the old one, in order."""
    for i in range(shard * old_size, (shard + 1) * old_size):
        if old[i] != _ZERO:
            insert_print(new, shard, new_size, old[i])


@njit(cache=True, **ENTRY)
def move_depths(old, old_depths, new, new_depths):
    """Fill the depths beside the fingerprints of a larger table (of one shard) from those of the old one."""
    for i in range(old.size):
        if old[i] != _ZERO:
            new_depths[place_of(new, 0, new.size, old[i])] = old_depths[i]


@njit(**PART)
def draw(state, count):
    """The next of a sequence of numbers below `count`; `state[0]` is the splitmix64 generator's state."""
    state[0] += _K1
    z = state[0]
    z = (z ^ (z >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
    z = (z ^ (z >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
    z = z ^ (z >> np.uint64(31))
    return np.int64(((z >> _S32) * np.uint64(count)) >> _S32)
