"""Explains the lines of etcd/raft about changes of the members being applied, by entries and by snapshots."""

from __future__ import annotations

from contextlib import suppress
from functools import partial
from itertools import count
from typing import Any

from model_check.validation.etcd_lines import Event
from model_check.validation.etcd_stage import Stage, Way, text
from model_check.validation.verdict import Refused
from spec.etcd_records import Config, Kind, Message, Node


def ways_to_apply(stage: Stage, event: Event, n: Node) -> list[Way]:
    """A server applies a change, or its application turns it down; before it others may have been passed over."""
    m = stage.run.peek("handling", n)
    if m is not None and m.kind == Kind.SNAPSHOT:
        return [partial(_restore, stage, event, n, m)]
    late = [partial(_apply_late, stage, event, n)] if stage.phases[n].late else []
    quiet, stage.quiet = stage.quiet, True
    ways = _ways_to_lead_there(stage, event, n, True) or _ways_to_lead_there(stage, event, n, False)
    stage.quiet = quiet
    if _founding_left(stage, n) > stage.cluster.repeats_from(stage.position):
        # It has rather passed over the founding entries.
        ways.sort(key=lambda way: -way[0])
    if not ways and not late:
        ways = [(0, "apply_change")]
    return late + [partial(_apply, stage, event, n, passed, action) for passed, action in ways]


def _apply_late(stage: Stage, event: Event, n: Node) -> None:
    """A server applies a change that it was given before it took over a snapshot: that includes the change, which now changes nothing."""
    stage.settle(n)
    stage.shows(event, n, "apply_change")
    change, *others = stage.phases[n].late
    config: Config = stage.run.peek("config", n)
    gone = config.incoming | config.outgoing | config.learners | config.learners_next
    if change.joint or change.leave or not change.voters <= config.incoming or not change.learners <= config.learners or change.removed & gone:
        why = "the server applies a change after a snapshot that includes it, and so would change what the snapshot says"
        raise Refused("apply_change", "i > self.applied[n]", why)
    departs = _departs(stage, event, n)
    if departs is not None:
        raise departs
    stage.now(n, late=tuple(others))


def _ways_to_lead_there(stage: Stage, event: Event, n: Node, ahead: bool) -> list[tuple[int, str]]:
    """How many changes a server may have passed over, and by which step it has come to the configuration of a line, and `ahead` of its next one."""
    ways: list[tuple[int, str]] = []
    mark, phase = stage.run.mark(), stage.phases[n]
    with suppress(Refused):
        stage.settle(n)
        for passed in count():
            found = {action: _leads_to(stage, event, n, action, ahead) for action in ("apply_change", "reject_change")}
            ways += [(passed, a) for a, config in found.items() if config and (a == "apply_change" or config != found["apply_change"])]
            if not _passes_over(stage, n):
                break
    stage.run.back(mark)
    stage.phases[n] = phase
    return ways


def _leads_to(stage: Stage, event: Event, n: Node, action: str, ahead: bool) -> Config | None:
    """The configuration that a step leads to, if it is the one that a line, and `ahead` the server's next one, show."""
    mark = stage.run.mark()
    fits = stage.run.take(action, n) and _departs(stage, event, n) is None and (not ahead or _fits_ahead(stage, n))
    config: Config = stage.run.peek("config", n)
    stage.run.back(mark)
    return config if fits else None


def _apply(stage: Stage, event: Event, n: Node, passed: int, action: str) -> None:
    stage.settle(n)
    stage.shows(event, n, action)
    for _ in range(passed):
        _passes_over(stage, n)
    stage.take(action, n)
    departs = _departs(stage, event, n)
    if departs is not None:
        raise departs


def pass_over(stage: Stage, n: Node, action: str, *arguments: Any) -> int:
    """Take a step that shows that a server has dealt with all changes before it, after passing over those that have no line.

    Returns the mark between the two.
    """
    mark = passed = stage.run.mark()
    while not stage.run.take(action, *arguments):
        left = _founding_left(stage, n)
        applies = left > 0 and (left <= stage.cluster.repeats_from(stage.position) or stage.cluster.applies_founding(stage.position))
        if applies or not _passes_over(stage, n):
            stage.run.back(mark)
            stage.take(action, *arguments)
        passed = stage.run.mark()
    return passed


def pass_over_up_to(stage: Stage, n: Node, last: int) -> None:
    """A snapshot shows that a server has dealt with all changes up to its end."""
    while (i := _next_change(stage, n)) is not None and i <= last and _rejects(stage, n):
        pass


def _next_change(stage: Stage, n: Node) -> int | None:
    applied = int(stage.run.peek("applied", n))
    log = stage.run.peek("log", n)
    return next((i for i in range(applied + 1, len(log) + 1) if log[i - 1].change is not None), None)


def _founding_left(stage: Stage, n: Node) -> int:
    return max(len(stage.run.peek("founding")) - int(stage.run.peek("applied", n)), 0)


def _passes_over(stage: Stage, n: Node) -> bool:
    """No line need say that a server has dealt with its next change.

    Its application need not apply founding entries, for the founders are in force already; it applies all, or none, of them. One that
    has started with the founders may have started behind any of them, so that it is not known which of them it applies.
    """
    if not _founding_left(stage, n):
        return _rejects(stage, n)
    began = stage.phases[n].began
    mark, skips = stage.run.mark(), began > 0 or stage.run.peek("applied", n) == began
    while skips and _founding_left(stage, n):
        skips = stage.run.take("skip_founding_change", n)
    if not skips:
        stage.run.back(mark)
    return skips


def _rejects(stage: Stage, n: Node) -> bool:
    """An application that rejects a change does not apply it, and no line says so: supposed only of changes that no line shows to be applied."""
    i = _next_change(stage, n)
    if i is None or _founding_left(stage, n):
        return False
    change, before = stage.run.peek("log", n)[i - 1].change, stage.run.peek("config", n)
    mark = stage.run.mark()
    applied = stage.run.take("apply_change", n)
    after: Config = stage.run.peek("config", n)
    stage.run.back(mark)
    if applied and stage.cluster.is_applied(change, before, after, stage.position):
        return False
    return stage.run.take("ignore_change", n)


def _departs(stage: Stage, event: Event, n: Node) -> Refused | None:
    """Whether the configuration in force has other voters than a line shows."""
    incoming = stage.cluster.shown(stage.run.peek("config", n).incoming)
    if event.new_conf == incoming:
        return None
    why = f"the server takes {text(event.new_conf)} for the voters; by the change that it applies they are {text(incoming)}"
    return Refused("apply_change", f"newconf == {text(incoming)}", why)


def _fits_ahead(stage: Stage, n: Node) -> bool:
    """Whether the configuration in force has the outgoing voters that the server's next line shows, which refuses any others."""
    shown = stage.cluster.outgoing_after(stage.position)
    return shown is None or shown == stage.cluster.shown(stage.run.peek("config", n).outgoing)


def _restore(stage: Stage, event: Event, n: Node, m: Message) -> None:
    """A follower takes over the configuration of a snapshot."""
    given = stage.run.peek("log", n)[stage.run.peek("applied", n) : stage.run.peek("handed_out", n)]
    late = tuple(entry.change for entry in given if entry.change is not None)
    found = [c for c in stage.run.peek("configs") if c.index <= m.entries.last]
    fitting = [c for c in sorted(found, key=lambda c: -c.index) if stage.cluster.shown(c.config.incoming) == event.new_conf]
    for ahead in (True, False):
        for c in fitting:
            mark = stage.run.mark()
            if stage.run.take("restore", n, c) and (not ahead or _fits_ahead(stage, n)):
                stage.shows(event, n, "restore", conf=((), ()))
                stage.now(n, late=late)
                return
            stage.run.back(mark)
    stage.take("restore", n, (fitting or found)[0])
    raise _departs(stage, event, n) or Refused("restore", "c in self.configs", "the snapshot has another configuration")
