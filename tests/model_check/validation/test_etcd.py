"""The search among the ways to explain a trace of etcd/raft: which choices are gone back to, and which are not."""

from __future__ import annotations

from functools import partial
from pathlib import Path

import pytest

from model_check.cli.main import run
from model_check.validation import etcd
from model_check.validation.etcd import Judge
from model_check.validation.etcd_lines import Event, read_etcd_events
from model_check.validation.etcd_stage import Stage, Way
from model_check.validation.trace_check import check_trace
from model_check.validation.verdict import Refused
from spec.etcd_records import Node
from tests.model_check.validation.etcd_by_hand import ByHand


def commit_alone(trace: ByHand, entries: int) -> None:
    """The only server commits what it has just taken in."""
    last = trace.now[1]["log"] + entries
    own = trace.send("MsgAppResp", 1, 1, changes={"log": last}, index=last)
    trace.ready(1)
    trace.receive(own)
    trace.event("Commit", 1, commit=last)
    trace.ready(1)


def test_choices_that_do_not_bear_on_a_refusal_are_not_multiplied(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Of each change it is open whether it came before or after a command: of sixteen changes, in more ways than could be tried."""
    trace = ByHand(1)
    trace.receive(trace.stand(1)[1])
    trace.event("BecomeLeader", 1, role="Leader")
    trace.event("Replicate", 1)
    commit_alone(trace, 1)
    for _ in range(16):
        trace.event("ChangeConf", 1, proposed=[{"nid": "1", "action": "AddNewServer"}])
        trace.event("Replicate", 1)
        commit_alone(trace, 2)
        trace.event("ApplyConfChange", 1, newconf=["1"])
        trace.event("Commit", 1)
    trace.event("Ready", 1, term=9)
    result = check_trace(trace.write(tmp_path / "trace.ndjson"), "etcd")
    assert result.verdict == "refused"
    assert result.departure is not None
    assert result.departure.line == len(trace.lines)
    assert result.departure.presumed
    assert run(["trace", "validate", str(tmp_path / "trace.ndjson")]) == 1
    assert "were not tried in all combinations" in " ".join(capsys.readouterr().out.split())


@pytest.mark.parametrize("right", [(1, 1), (2, 2)])
def test_what_was_presumed_not_to_bear_on_a_refusal_is_tried_before_it_is_final(
    right: tuple[int, int], monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    """Two lines with two ways each, of which a later line bears but one pair; it looks the same with the other way at either alone."""
    straight = etcd.ways
    trace = ByHand(1)
    for _ in range(3):
        trace.ready(1)
    *_, first, second, last = range(len(trace.lines))

    def ways(stage: Stage, event: Event, n: Node) -> list[Way]:
        (way,) = straight(stage, event, n)
        if stage.position in (first, second):
            return [partial(taken, stage, n, way, which) for which in (1, 2)]
        return [partial(compared, stage, n, way)] if stage.position == last else [way]

    def taken(stage: Stage, n: Node, way: Way, which: int) -> None:
        way()
        stage.now(n, founding=10 * stage.phases[n].founding + which)

    def compared(stage: Stage, n: Node, way: Way) -> None:
        way()
        if stage.phases[n].founding != 100 + 10 * right[0] + right[1]:
            raise Refused("compared", "the right pair", "another pair was taken")

    monkeypatch.setattr(etcd, "ways", ways)
    events = read_etcd_events(trace.write(tmp_path / "trace.ndjson"))
    assert etcd.judge(events)[0] == "explained"
    assert Judge(events).judge()[0] == ("explained" if right == (1, 1) else "refused")


def test_ways_to_come_back_that_lead_to_the_same_are_no_choice(tmp_path: Path) -> None:
    """A write without entries is lost: whether it was torn before or after it began is the same."""
    trace = ByHand(3)
    trace.elect(2, [3])
    trace.stand(1)
    asked = trace.stand(1)
    trace.receive(asked[3])
    trace.event("BecomeFollower", 3, term=3, vote=0)
    trace.send("MsgVoteResp", 3, 1)
    trace.event("Ready", 3, vote=1)
    trace.start(3, conf=[1, 2, 3], log=3, commit=3, term=2, vote=2)
    trace.event("Ready", 3, log=9)
    judge = Judge(read_etcd_events(trace.write(tmp_path / "trace.ndjson")))
    assert judge.judge()[0] == "refused"
    assert judge.retries == 0
