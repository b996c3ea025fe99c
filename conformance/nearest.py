"""The steps of the spec that come nearest to what an implementation did: what refuses them, or what they would change besides."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

from conformance.footprint import written
from conformance.search import Candidates, choices
from model_check.validation.refusal import Refusal
from model_check.validation.run import Run
from spec.language import ir


@dataclass(frozen=True)
class Near:
    """A step that changes one of the variables in question.

    Attributes:
        step: The step.
        refusal: The guard that refuses it; None where it is enabled.
        changes: The variables that it then changes.
    """

    step: str
    refusal: Refusal | None
    changes: tuple[str, ...] = ()


def nearest(run: Run, variables: Sequence[str], candidates: Candidates, server: Any) -> list[Near]:
    """For each action that writes one of some variables, the step that gets furthest, of all arguments tried.

    Args:
        run: in the state before what is to be explained.
        variables: what changed.
        candidates: the arguments to try, by their class.
        server: the server that took the step.
    """
    found: list[Near] = []
    for act in run.protocol.ir.actions:
        if set(variables) & written(act):
            tried = list(_tried(run, act, candidates, server))
            enabled = [near for near in tried if near.refusal is None and set(near.changes) & set(variables)]
            refused = [near for near in tried if near.refusal is not None]
            found += enabled[:1] or sorted(refused, key=_how_far)[-1:]
    return found


def _tried(run: Run, act: ir.Action, candidates: Candidates, server: Any) -> Iterator[Near]:
    for arguments in choices(act, candidates, server):
        mark = run.mark()
        if run.take(act.name, *arguments):
            changed = tuple(dict.fromkeys(name for name, _ in sorted(run.touched(mark), key=lambda t: t[0])))
            step = str(run.steps[-1])
            run.back(mark)
            yield Near(step, None, changed)
        else:
            refusal = run.refusal(act.name, *arguments)
            yield Near(str(refusal.step), refusal)


def _how_far(near: Near) -> int:
    assert near.refusal is not None, "it was refused"
    return int(near.refusal.place.rpartition(":")[2])
