"""Holds a trace of etcd/raft against `spec/etcd_raft.py`: explains line after line, and tries other ways where a later line refuses.

Most lines leave no choice. Those that do (`etcd_ways.py`) are gone back to when a line is refused: to the latest one that the
refused line depends on, for another way at the others would not change it. What lines depend on is noted with each
server: the choices made at it, and at those that it has heard from. When all ways of a choice are refused, the earlier
choices that any of these refusals depends on are gone back to in turn. `refused` means that no way is left.

Choices multiply, and most do not bear on a refusal that seems to depend on them. One all of whose ways lead to the very
same refusals is presumed not to bear on them, and is not gone back to for them again. A trace that is refused on such a
presumption is judged a second time without any, as far as a limit allows.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from typing import Any

from model_check.validation.etcd_lines import Event, WireMessage
from model_check.validation.etcd_stage import Phase, Stage, Way
from model_check.validation.etcd_ways import ways
from model_check.validation.verdict import Departure, Refused, Verdict
from spec.etcd_records import ConfigAt, Node
from spec.replicated_log import Index

MOST_RETRIES = 5_000
"""Choices gone back to before a trace is given up as inconclusive."""
MOST_RETRIES_WITHOUT_PRESUMING = 500
"""The same when nothing is presumed: a trace of 5,000 lines then takes seconds, and most need a few dozen."""

Outcome = frozenset[tuple[int, str, str]]
"""Refusals: for each the line, by its place among the events, the step, and the field that differs, if it is one, with its value by the spec."""
Choices = frozenset[int]
"""Lines at which there was a choice, by their place among the events."""
WayKey = tuple[Any, ...]
_NONE: Choices = frozenset()


@dataclass
class _Choice:
    """A line with several ways to explain it.

    Attributes:
        position: The line, by its place among the events.
        mark: The run before it; likewise `phases` and `past`.
        ways: Those that are still to be tried.
        blamed: The earlier choices that its ways, or the refusals that they led to, depend on.
        taken: The way that is being tried.
        led: The refusals that the ways that were tried have led to.
    """

    position: int
    mark: int
    phases: dict[Node, Phase]
    past: dict[Node, Choices]
    ways: Iterator[Way]
    blamed: Choices
    taken: WayKey = ()
    led: set[Outcome] = field(default_factory=set)


Judgement = tuple[Verdict, int, Departure | None]
"""The verdict on a trace, how many of its events are explained, and where it departs from the spec."""


def judge(events: list[Event]) -> Judgement:
    """The judgement of a trace."""
    first = Judge(events)
    found = first.judge()
    if found[0] != "refused" or not first.has_presumed:
        return found
    second = Judge(events, presumes=False)
    exact = second.judge()
    if exact[0] == "inconclusive" and second.farthest <= first.farthest and first.departure is not None:
        return "refused", first.farthest, replace(first.departure, presumed=True)
    return exact


class Judge:
    """Explains the lines of one trace, in order.

    Attributes:
        retries: How often a choice was gone back to.
        has_presumed: Whether a choice was not gone back to because it seemed not to bear on a refusal.
        farthest: The farthest line that was refused, by its place among the events.
        departure: Why it was refused.
    """

    def __init__(self, events: list[Event], presumes: bool = True) -> None:
        self.events = events
        self.stage = Stage(events)
        self.presumes = presumes
        self.has_presumed = False
        self.retries = 0
        self.farthest = -1
        self.departure: Departure | None = None
        self._choices: list[_Choice] = []
        # What servers, messages and configurations depend on.
        self._past: dict[Node, Choices] = dict.fromkeys(self.stage.phases, _NONE)
        self._origin: dict[WireMessage | ConfigAt, Choices] = {}
        # Ways that are in vain while others are taken, by the latest of them: (line, way) -> {line: way}, and to what they lead.
        self._in_vain: dict[tuple[int, WayKey], list[tuple[dict[int, WayKey], Outcome]]] = {}
        # The choices that are presumed not to bear on refusals.
        self._moot: defaultdict[Outcome, set[int]] = defaultdict(set)

    def judge(self) -> Judgement:
        """The judgement of the trace, on presumptions or without."""
        stage, most = self.stage, MOST_RETRIES if self.presumes else MOST_RETRIES_WITHOUT_PRESUMING
        while stage.position < len(self.events):
            choice = self._meet()
            while not self._finds_way(choice):
                outcome = self._outcome(choice)
                blamed = [c for c in self._choices if c.position in choice.blamed]
                if not blamed:
                    return "refused", self.farthest, self.departure
                if self.retries == most:
                    return "inconclusive", self.farthest, self.departure
                choice = self._go_back(blamed, outcome)
            stage.position += 1
        return "explained", len(self.events), None

    def _meet(self) -> _Choice:
        """The present line, with the ways in which it may be explained."""
        stage = self.stage
        event = self.events[stage.position]
        stage.quiet = stage.position <= self.farthest
        found = ways(stage, event, stage.cluster.nodes[event.node])
        several = len(found) > 1
        choice = _Choice(
            stage.position,
            stage.run.mark(),
            dict(stage.phases) if several else {},
            dict(self._past) if several else {},
            iter(found),
            self._depends_on(event) if several else _NONE,
        )
        if several:
            self._choices.append(choice)
        return choice

    def _finds_way(self, choice: _Choice) -> bool:
        """Try the ways that are left at a line; if none fits, it is no choice any more."""
        event, stage = self.events[choice.position], self.stage
        refusal: Refused | None = None
        applied = stage.run.peek("applied", stage.cluster.nodes[event.node])
        for way in choice.ways:
            vain = self._known_in_vain(choice.position, way.args)
            if vain is not None:
                choice.blamed |= vain[0]
                choice.led.add(vain[1])
                continue
            try:
                way()
            except Refused as refused:
                refusal = refusal or refused
                choice.led.add(frozenset({(choice.position, refused.action, "" if refused.place else refused.conjunct)}))
                choice.blamed |= self._depends_on(event, refused)
                stage.run.back(choice.mark)
                stage.phases.update(choice.phases)
                continue
            choice.taken = way.args
            self._note(event, choice, applied)
            return True
        if self._choices and self._choices[-1] is choice:
            self._choices.pop()
        if choice.position > self.farthest:
            self.farthest = choice.position
            self.departure = self._departs(event, refusal or Refused("", "", "no other way to explain it is left"))
        return False

    def _outcome(self, choice: _Choice) -> Outcome:
        """All that the ways at a line have led to; the choices that seem not to bear on it are not to blame."""
        outcome: Outcome = frozenset().union(*choice.led)
        if self.presumes:
            if len(choice.led) == 1:
                self._moot[outcome].add(choice.position)
            self.has_presumed |= not self._moot[outcome].isdisjoint(choice.blamed)
            choice.blamed -= self._moot[outcome]
        return outcome

    def _go_back(self, blamed: list[_Choice], outcome: Outcome) -> _Choice:
        """To the latest of the choices that refusals depend on; what came after it is undone."""
        *others, latest = blamed
        latest.led.add(outcome)
        self.retries += 1
        self._in_vain.setdefault((latest.position, latest.taken), []).append(({c.position: c.taken for c in others}, outcome))
        latest.blamed |= frozenset(c.position for c in others)
        del self._choices[self._choices.index(latest) + 1 :]
        self.stage.run.back(latest.mark)
        self.stage.phases, self._past = dict(latest.phases), dict(latest.past)
        self.stage.position, self.stage.quiet = latest.position, True
        return latest

    def _known_in_vain(self, position: int, way: WayKey) -> tuple[Choices, Outcome] | None:
        """The earlier choices because of which a way is known to be in vain, and to what it leads."""
        found = self._in_vain.get((position, way))
        if found is None:
            return None
        taken = {c.position: c.taken for c in self._choices}
        return next(((frozenset(others), outcome) for others, outcome in found if others.items() <= taken.items()), None)

    # --- what depends on what

    def _depends_on(self, event: Event, refused: Refused | None = None) -> Choices:
        """The choices that the ways at a line, or a refusal of it, depend on."""
        if refused is not None and refused.action == "hear_of_term":
            return frozenset(c.position for c in self._choices)
        n, m = self.stage.cluster.nodes[event.node], event.message
        found = self._past[n]
        if m is not None and event.name.startswith("Receive"):
            return found | self._origin.get(m, _NONE) | self._past[self.stage.cluster.nodes[m.source]]
        if event.name == "InitState" or (event.name == "ApplyConfChange" and not event.conf[0]):
            return found | self._of_configs(Index(0))
        if m is None or m.type == "MsgSnap" or m.source == m.target:
            return found | self._of_configs(self.stage.run.peek("applied", n) + 1)
        return found

    def _of_configs(self, first: Index) -> Choices:
        """The choices that the recorded configurations from a position on depend on."""
        return _NONE.union(*(self._origin.get(c, _NONE) for c in self.stage.run.peek("configs") if c.index >= first))

    def _note(self, event: Event, choice: _Choice, applied: Index) -> None:
        """What the server of a line depends on after it."""
        n, m = self.stage.cluster.nodes[event.node], event.message
        past = self._past[n]
        if choice.phases:
            past |= {choice.position}
        if m is not None and event.name.startswith("Receive"):
            # A snapshot that no line shows being sent depends on all that its sender does.
            past |= self._origin.get(m, self._past[self.stage.cluster.nodes[m.source]])
        if event.name == "InitState" and not choice.phases:
            past |= self._of_configs(Index(0))
        elif self.stage.run.peek("applied", n) != applied:
            past |= self._of_configs(min(self.stage.run.peek("applied", n), applied + 1))
            self._origin.update((member, past) for name, _, member in self.stage.run.added(choice.mark) if name == "configs")
        if m is not None and event.name.startswith("Send"):
            self._origin[m] = self._origin.get(m, _NONE) | past
        self._past[n] = past

    def _departs(self, event: Event, refused: Refused) -> Departure:
        state = self.stage.cluster.describe(self.stage.run, self.stage.cluster.nodes[event.node])
        return Departure(event.line, refused.action, refused.conjunct, refused.place, refused.why, state)
