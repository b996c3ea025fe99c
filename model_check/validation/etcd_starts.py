"""Explains the lines with which a server of etcd/raft starts: for the first time, again from its disk, and with founding members."""

from __future__ import annotations

from functools import partial

from model_check.validation.etcd_lines import Event
from model_check.validation.etcd_members import pass_over_up_to
from model_check.validation.etcd_restarts import Restart, restarts
from model_check.validation.etcd_stage import Phase, Stage, Way, text
from model_check.validation.verdict import Refused
from spec.etcd_records import Node
from spec.language import State


def ways_to_start(stage: Stage, event: Event, n: Node) -> list[Way]:
    """A server starts, with any disk that a crash may have left.

    Where a disk leads to all that its first lines show, those that do not are left out: they are refused within these lines.
    So are those that lead to the same state as one before: a write of which all was done is one that was torn at its end.
    """
    if stage.phases[n].boot == "off":
        return [partial(_first_start, stage, event, n)]
    mark = stage.run.mark()
    pass_over_up_to(stage, n, event.commit)
    found = restarts(stage.cluster, stage.run, stage.position, n)
    stage.run.back(mark)
    fitting: list[Restart] = []
    led: list[State] = []
    for restart in found:
        state = _leads_to(stage, event, n, restart) if restart.shown == 3 else None
        if state is not None and state not in led:
            fitting.append(restart)
            led.append(state)
    return [partial(_restart, stage, event, n, restart) for restart in fitting or found]


def _first_start(stage: Stage, event: Event, n: Node) -> None:
    _start_shows(stage, event, n, "start")
    stage.phases[n] = Phase(boot="restore")


def _restart(stage: Stage, event: Event, n: Node, restart: Restart) -> None:
    _come_back(stage, event, n, restart)
    _start_shows(stage, event, n, restart.action)
    stage.phases[n] = Phase(boot="restore")


def _come_back(stage: Stage, event: Event, n: Node, restart: Restart) -> None:
    pass_over_up_to(stage, n, event.commit)
    stage.persist(n, restart.done)
    if restart.vouched is not None:
        stage.take("vouch_for_commit", n, restart.vouched)
    stage.take(restart.action, n, *restart.arguments)


def _leads_to(stage: Stage, event: Event, n: Node, restart: Restart) -> State | None:
    """The state that a way to come back leads to, if it is possible."""
    mark, quiet, stage.quiet = stage.run.mark(), stage.quiet, True
    try:
        _come_back(stage, event, n, restart)
        return stage.run.state
    except Refused:
        return None
    finally:
        stage.run.back(mark)
        stage.quiet = quiet


def _start_shows(stage: Stage, event: Event, n: Node, action: str) -> None:
    """A server that starts shows its log and where its snapshot ends, and has not yet read anything else from its disk."""
    compacted = int(stage.run.peek("compacted", n))
    stage.shows(event, n, action, **{"state.term": 0, "state.vote": 0, "state.commit": compacted, "role": "StateFollower", "conf": ((), ())})


def boot(stage: Stage, event: Event, n: Node) -> None:
    """A server that starts reads its configuration, then the rest of its disk."""
    stands_at = stage.phases[n].boot
    if stands_at == "restore" and event.name == "ApplyConfChange":
        _start_shows(stage, event, n, "restart")
        incoming = stage.cluster.shown(stage.run.peek("config", n).incoming)
        if event.new_conf != incoming:
            raise Refused("restart", f"newconf == {text(incoming)}", f"the server restores {text(event.new_conf)}, its disk has {text(incoming)}")
        stage.phases[n] = Phase(boot="begin")
    elif stands_at == "begin" and event.name == "BecomeFollower":
        stage.shows(event, n, "restart")
        stage.phases[n] = Phase(boot="found" if _can_found(stage, n) else "", began=int(stage.run.peek("applied", n)))
    else:
        wanted = {"off": "InitState", "restore": "ApplyConfChange", "begin": "BecomeFollower"}[stands_at]
        raise Refused("restart", f"name == {wanted}", f"the server is {'not running' if stands_at == 'off' else 'starting'}: a line {wanted} has to come first")


def _can_found(stage: Stage, n: Node) -> bool:
    run = stage.run
    return run.peek("term", n) == 0 and len(run.peek("founding")) > 0 and not run.peek("log", n) and run.peek("handling", n) is None


def founds(stage: Stage, event: Event, n: Node) -> bool:
    """Whether a line is part of setting up a founding server."""
    stands_at = stage.phases[n].boot
    if stands_at == "founded":
        return event.name in ("BecomeFollower", "ApplyConfChange")
    return stands_at == "found" and event.name == "BecomeFollower" and event.term == 1 and _can_found(stage, n)


def found(stage: Stage, event: Event, n: Node) -> None:
    """A founding server begins its first term, then the founding members are applied one by one."""
    phase, peers = stage.phases[n], stage.cluster.peers
    if phase.boot == "found":
        stage.take("found", n)
        stage.shows(event, n, "found", **{"state.commit": 0, "log": 0, "conf": ((), ())})
        stage.phases[n] = Phase(boot="founded")
        return
    known = tuple(sorted(peers[: phase.founding]))
    wanted = tuple(sorted(peers[: phase.founding + 1]))
    stage.shows(event, n, "found", conf=(known, ()))
    if event.name != "ApplyConfChange" or event.new_conf != wanted:
        raise Refused("found", f"newconf == {text(wanted)}", f"the founding members are applied one by one: {text(wanted)} comes next")
    count = phase.founding + 1
    stage.phases[n] = Phase(boot="founded" if count < len(peers) else "", founding=count)
