"""Names of the module: what TLA+ reserves, what is taken, and fresh ones.

TLA+ has no shadowing: a bound variable may not repeat the name of anything in whose scope it stands.
"""

from __future__ import annotations

import re
from collections.abc import Iterable

from model_check.tla.library import LIBRARY

_KEYWORDS = """ACTION ASSUME ASSUMPTION AXIOM BY CASE CHOOSE CONSTANT CONSTANTS COROLLARY DEF DEFINE DEFS DOMAIN ELSE ENABLED
EXCEPT EXTENDS HAVE HIDE IF IN INSTANCE LAMBDA LEMMA LET LOCAL MODULE NEW OBVIOUS OMITTED ONLY OTHER PICK PROOF PROPOSITION
PROVE QED RECURSIVE STATE SUBSET SUFFICES TAKE TEMPORAL THEN THEOREM UNCHANGED UNION USE VARIABLE VARIABLES WITH WITNESS TRUE
FALSE BOOLEAN STRING"""

_STANDARD = """Nat Int Seq Len Head Tail Append SubSeq SelectSeq Cardinality IsFiniteSet Permutations SortSeq Print PrintT Assert
JavaTime TLCGet TLCSet Any ToString TLCEval RandomElement"""

_OWN = """None Init Next Spec TypeOK vars Symmetry"""

FAIRNESS = ("WF_", "SF_")
"""What no name may begin with."""

KEYWORDS = frozenset(_KEYWORDS.split())
"""What not even a field of a record may be called."""

RESERVED = KEYWORDS | frozenset(f"{_STANDARD} {_OWN} {' '.join(LIBRARY)}".split())


def fresh(wanted: str, taken: Iterable[str]) -> str:
    """A name like the wanted one that is not taken, in the letters of TLA+."""
    wanted = re.sub(r"\W", "_", wanted, flags=re.ASCII)
    base = wanted if re.search("[A-Za-z]", wanted) and not wanted.startswith(FAIRNESS) else f"x{wanted}"
    used = set(taken) | RESERVED
    if base not in used:
        return base
    stem = re.sub(r"_\d+$", "", base)
    return next(name for name in (f"{stem}_{i}" for i in range(1, len(used) + 2)) if name not in used)
