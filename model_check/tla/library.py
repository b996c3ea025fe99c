"""Operators that the exported modules define where they use them: sequences by absolute position, and small things."""

from __future__ import annotations

LIBRARY: dict[str, str] = {
    "Sequences": r"""\* Sequences over S of at most n entries.
Sequences(S, n) == UNION {[1..k -> S] : k \in 0..n}""",
    "Slice": r"""\* The entries at positions after+1..last of a sequence, as a window: it keeps the positions of its entries.
Slice(s, after, last) == [after |-> after, entries |-> SubSeq(s, after + 1, last)]""",
    "LastOf": r"""\* The last position of a window; equal to its `after` when there is no entry.
LastOf(w) == w.after + Len(w.entries)""",
    "EntryOf": r"""\* The entry of a window at an absolute position.
EntryOf(w, i) == w.entries[i - w.after]""",
    "PositionsOf": r"""\* The positions that hold an entry.
PositionsOf(w) == (w.after + 1)..(w.after + Len(w.entries))""",
    "Splice": r"""\* Keep the positions before i; from i on, take the window's entries.
Splice(s, i, w) == SubSeq(s, 1, i - 1) \o SubSeq(w.entries, i - w.after, Len(w.entries))""",
    "Extend": r"""\* Append those entries of the window that lie beyond the last position.
Extend(s, w) == s \o SubSeq(w.entries, Len(s) - w.after + 1, Len(w.entries))""",
    "Least": r"""\* The least element of a set of numbers, None where it is empty.
Least(S) == IF S = {} THEN None ELSE CHOOSE x \in S : \A y \in S : x <= y""",
    "Smaller": r"""Smaller(x, y) == IF x <= y THEN x ELSE y""",
    "Larger": r"""Larger(x, y) == IF x <= y THEN y ELSE x""",
}
"""Name and definition of each operator, in the order in which a module gives them."""
