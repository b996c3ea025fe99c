"""Explains the lines of etcd/raft about proposals: each has its line before the batch is appended, and the batch's end is an acknowledgement."""

from __future__ import annotations

from functools import partial

from model_check.validation.etcd_lines import Event
from model_check.validation.etcd_members import pass_over
from model_check.validation.etcd_stage import Proposal, Stage, Way
from model_check.validation.verdict import Refused
from spec.etcd_records import Node

_UNTRACED: tuple[tuple[str, int], ...] = ()
"""A change that names no server, and has no line: the end of a joint configuration, or an update of what is known of a server."""


def replicate(stage: Stage, event: Event, n: Node) -> None:
    """A leader takes a command in."""
    _take_in(stage, event, n, None)


def change_conf(stage: Stage, event: Event, n: Node) -> None:
    """A leader takes a change of members in."""
    _take_in(stage, event, n, event.changes)


def _take_in(stage: Stage, event: Event, n: Node, item: Proposal) -> None:
    """A proposal's line comes before its batch is appended: see whether it may be, and wait for the rest."""
    batch = stage.phases[n].batch
    if not batch and not stage.run.peek("opening", n):
        stage.settle(n)
    if item is not None and None in batch:
        # The lines of changes come first in a batch.
        stage.drop_batch(n)
    stage.shows(event, n, "propose")
    first, *_ = [_propose(stage, n, proposal, False) for proposal in (*(c for c in batch if c is not None and item is not None), item)]
    stage.run.back(first)
    stage.now(n, batch=(*batch, item))


def ways_to_append(stage: Stage, event: Event, n: Node) -> list[Way]:
    """A leader appends what it has taken in, and acknowledges it to itself.

    The lines do not show where in its batch a change stands, nor whether it is joint where it has one part; and a change
    may have been dropped because too much was uncommitted. One batch has one change at most, for the next one waits for it.
    """
    batch = stage.phases[n].batch
    changes: list[Proposal] = [c for c in batch if c is not None]
    commands = [c for c in batch if c is None]
    untraced = event.log - len(stage.run.peek("log", n)) - len(batch)
    if changes and untraced == -len(changes):
        return [partial(_append_without_changes, stage, event, n)]
    if untraced == 1 and not changes:
        changes = [_UNTRACED]
    if len(changes) != 1 or untraced not in (0, 1):
        return [partial(_append, stage, event, n, batch, False)]
    change = changes[0] or _UNTRACED
    return [
        partial(_append, stage, event, n, (*commands[:at], change, *commands[at:]), joint)
        for joint in stage.cluster.joint_or_not(change, n, stage.position)
        for at in range(len(commands) + 1)
    ]


def _append_without_changes(stage: Stage, event: Event, n: Node) -> None:
    commands = tuple(c for c in stage.phases[n].batch if c is None)
    stage.now(n, batch=tuple(c for c in stage.phases[n].batch if c is not None))
    stage.drop_batch(n)
    _append(stage, event, n, commands, False)


def _append(stage: Stage, event: Event, n: Node, batch: tuple[Proposal, ...], joint: bool) -> None:
    if not batch and event.log == len(stage.run.peek("log", n)):
        raise Refused("acknowledge", f"log > {event.log}", "the leader has appended nothing that it could acknowledge")
    stage.now(n, batch=())
    if stage.run.peek("handling", n) is not None:
        stage.settle(n)
    mark = stage.run.mark()
    for item in batch:
        _propose(stage, n, item, joint)
    stage.take("acknowledge", n)
    stage.shows(event, n, "acknowledge")
    stage.made(event, mark, "acknowledge")


def _propose(stage: Stage, n: Node, item: Proposal, joint: bool) -> int:
    """Append a proposal; returns the mark before it, after what its line shows to have happened."""
    if item is None:
        mark = stage.run.mark()
        stage.take("propose", n)
        return mark
    if item == _UNTRACED and not joint and stage.run.peek("config", n).outgoing:
        return pass_over(stage, n, "propose_leave", n)
    change = stage.cluster.change(item, joint)
    return pass_over(stage, n, "propose_change", n, change.voters, change.learners, change.removed, change.joint)
