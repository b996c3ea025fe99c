"""The ledger of a proof (what was discharged, with which lemmas, by which solver), and the notes of an unfinished run.

Both only say what to try first. A ledger's supports are tried and, where they do not serve, others are sought; the
notes are believed only where the queries, to the letter, and the solver's version are the same.
"""

from __future__ import annotations

import hashlib
import inspect
import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from types import TracebackType
from typing import Any, Self, TextIO

import z3

from model_check.cache_folder import cache_root
from model_check.smt.unbounded.obligations import Obligation
from model_check.smt.unbounded.prover import Discharge, Hint
from spec.language import IonianError, Protocol

_LARGEST_NOTES = 10_000_000


def solver_version() -> str:
    """The solver's name and version."""
    return f"z3 {z3.get_version_string()}"


def ledger_of(protocol: type[Protocol]) -> Path:
    """Where a proof's ledger lies: beside its text, `raft.ledger.json` for `raft.py`."""
    return Path(inspect.getfile(protocol)).with_suffix(".ledger.json")


def read_ledger(protocol: type[Protocol]) -> dict[Obligation, Hint]:
    """The hints of a proof's ledger, none where there is no ledger of this protocol; IonianError for one that is damaged."""
    path = ledger_of(protocol)
    if not path.is_file():
        return {}
    try:
        found = json.loads(path.read_text(encoding="utf-8"))
        entries = found["obligations"] if found["protocol"] == protocol.ir.name else []
        return dict(_hint(entry) for entry in entries if entry["result"] == "unsat")
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise IonianError(f"{path} is not a ledger ({type(error).__name__}: {error}); delete it, or write it again with `python -m proofs.ledger`") from None


def _hint(entry: Mapping[str, Any]) -> tuple[Obligation, Hint]:
    obligation = Obligation(entry["action"], entry["lemma"])
    return obligation, Hint(tuple(tuple(s) for s in entry["support"]), float(entry["seconds"]), entry.get("digest", ""))


def entry_of(found: Discharge) -> dict[str, Any]:
    """An outcome as data."""
    return {
        "action": found.obligation.action,
        "lemma": found.obligation.lemma,
        "result": found.result,
        "seconds": round(found.seconds, 2),
        "support": [list(s) for s in found.support],
    }


def ledger_text(protocol: type[Protocol], outcomes: Sequence[Discharge], seed: int) -> str:
    """A ledger's text, one line for each obligation."""
    lines = (json.dumps({**entry_of(f), "solver": solver_version(), "seed": seed}) for f in outcomes)
    return f'{{"protocol": {json.dumps(protocol.ir.name)}, "obligations": [\n' + ",\n".join(lines) + "\n]}\n"


def users_of(lemma: str, hints: Mapping[Obligation, Hint]) -> list[Obligation]:
    """The obligations of other lemmas whose supports name this one."""
    return [o for o, hint in hints.items() if o.lemma != lemma and any(lemma in support for support in hint.support)]


def redundant(protocol: type[Protocol], hints: Mapping[Obligation, Hint]) -> list[str]:
    """The lemmas (they have a topic; the spec's own properties have none) that no obligation of another lemma uses."""
    return [p.name for p in protocol.ir.of_kind("invariant") if p.topic and not users_of(p.name, hints)]


class Notes:
    """What a run has discharged, written down at once, so that `--resume` can take it over after an interruption.

    Kept in the cache folder, a file for each protocol, solver and set of removed rules. Without effect where that
    folder cannot be written.
    """

    def __init__(self, protocol: type[Protocol], without: frozenset[str], resume: bool) -> None:
        key = repr((protocol.__module__, protocol.__qualname__, sorted(without), solver_version()))
        name = f"{protocol.ir.name}-{hashlib.sha256(key.encode()).hexdigest()[:16]}.jsonl"
        self.path = cache_root() / "proofs" / name
        self._resume = resume
        self._file: TextIO | None = None

    def __enter__(self) -> Self:
        try:
            self.path.parent.mkdir(parents=True, exist_ok=True)
            too_long = self.path.is_file() and self.path.stat().st_size > _LARGEST_NOTES
            self._file = self.path.open("w" if too_long else "a", encoding="utf-8")
        except OSError:
            self._file = None
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        if self._file is not None:
            self._file.close()

    def read(self) -> dict[Obligation, Hint]:
        """What earlier runs have discharged; lines that an interruption cut short are passed over."""
        found: dict[Obligation, Hint] = {}
        try:
            lines = self.path.read_text(encoding="utf-8").splitlines() if self._resume else []
        except (OSError, UnicodeDecodeError):
            return {}
        for line in lines:
            try:
                obligation, hint = _hint(json.loads(line))
            except (ValueError, KeyError, TypeError):
                continue
            found[obligation] = hint
        return found

    def add(self, found: Discharge) -> None:
        """Note an obligation that this run has discharged."""
        if self._file is not None and found.discharged and not found.resumed:
            self._file.write(json.dumps({**entry_of(found), "digest": found.digest}) + "\n")
            self._file.flush()
