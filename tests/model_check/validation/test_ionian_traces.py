"""Traces in Ionian's own format: correct runs are explained, wrong lines are refused where they show."""

from __future__ import annotations

import gzip
import json
from collections import Counter
from pathlib import Path

import pytest

from model_check.cli.main import run
from model_check.validation import ionian_restart
from model_check.validation.ionian_lines import EVENTS, MESSAGES
from model_check.validation.trace_check import check_trace
from tests.model_check.validation.ionian_traces import (
    ASKED,
    ELECTION,
    FIRST,
    HEADER,
    LEADS,
    LOGGED,
    REPLICATION,
    STARTS,
    VOTED,
    call,
    eventful,
    judged,
    message,
    receive,
    send,
    simulated,
    start,
    step,
    stored,
)

X = {"last_log_index": 1, "last_log_term": 1}
FOLLOWS = {"term": 1, "voted_for": "a"}


def assert_explained(lines, tmp_path: Path) -> None:
    result = judged(lines, tmp_path)
    assert result.departure is None, result.departure
    assert (result.verdict, result.explained, result.events) == ("explained", len(lines) - 1, len(lines) - 1)


def assert_refused(lines, tmp_path: Path, *, line: int, action: str, conjunct: str) -> str:
    """Refused there; the reason in words."""
    result = judged(lines, tmp_path)
    assert result.verdict == "refused"
    assert result.departure is not None
    assert (result.departure.line, result.departure.action, result.departure.conjunct) == (line, action, conjunct)
    assert (result.explained, result.events) == (line - 2, len(lines) - 1)
    return result.departure.why


# --- Simulated clusters


@pytest.mark.parametrize(("seed", "nodes"), [(0, 3), (3, 3), (5, 5), (6, 5), (1, 1), (2, 2)])
def test_what_a_simulated_cluster_does_is_explained(seed: int, nodes: int, tmp_path: Path) -> None:
    assert_explained(simulated(seed, nodes), tmp_path)


@pytest.mark.long
@pytest.mark.parametrize("nodes", [3, 5])
@pytest.mark.parametrize("seed", range(60))
def test_long_runs_of_simulated_clusters_are_explained(seed: int, nodes: int, tmp_path: Path) -> None:
    assert_explained(simulated(seed, nodes, milliseconds=5_000), tmp_path)


def test_an_eventful_run_has_everything_in_it_and_is_explained(tmp_path: Path) -> None:
    lines, found = eventful(), Counter[str]()
    for line in map(json.loads, lines[1:]):
        m = line.get("message", {})
        found.update([line["event"], m.get("kind"), f"vote_granted {m.get('vote_granted')}", f"success {m.get('success')}"])
        found["restart"] += line["event"] == "start" and line["term"] > 0
        found["restart from a snapshot"] += line["event"] == "start" and line["snapshot_index"] > 0
    wanted = {"vote_granted False", "success False", "restart", "restart from a snapshot"}
    assert not {*EVENTS, *MESSAGES, *wanted} - found.keys()
    assert min(found.values()) > 0
    assert_explained(lines, tmp_path)


# --- By hand: what a correct server may do


def test_an_election_and_an_entry(tmp_path: Path) -> None:
    assert_explained([HEADER, *REPLICATION], tmp_path)


def test_messages_may_arrive_twice_late_or_never(tmp_path: Path) -> None:
    again = receive(FIRST, **FOLLOWS, **X)
    assert_explained([HEADER, *REPLICATION, again, send(stored("b", 1)), again, receive(VOTED, **LEADS, **X, commit_index=1)], tmp_path)


def test_a_server_may_ignore_whatever_it_receives(tmp_path: Path) -> None:
    ignored = [receive(ASKED), receive(ASKED, term=1), receive(ASKED, **FOLLOWS)]
    assert_explained([HEADER, *ELECTION[:5], *ignored], tmp_path)
    assert_explained([HEADER, *REPLICATION[:10], receive(FIRST, **FOLLOWS), receive(FIRST, **FOLLOWS, **X)], tmp_path)


def test_several_steps_of_the_spec_in_one_line(tmp_path: Path) -> None:
    """A leader takes three commands and sends them at once; one answer commits them all; a follower's term jumps."""
    three = [[1, "x"], [1, "y"], 1]
    state = {"last_log_index": 3, "last_log_term": 1}
    lines = [
        *ELECTION,
        step("a", **LEADS, **state, entries=three),
        send(call("b", three)),
        receive(call("b", three), **FOLLOWS, **state),
        send(stored("b", 3)),
        receive(stored("b", 3), **LEADS, **state, commit_index=3),
        step("c", term=1, role="follower"),
        step("c", term=2, voted_for="c", role="candidate"),
        step("b", term=3, voted_for="b", role="candidate", **state),
    ]
    assert_explained([HEADER, *lines], tmp_path)


def test_a_snapshot_stands_for_the_log(tmp_path: Path) -> None:
    snapshot = message("install_snapshot", "a", "c", 1, last_included_index=1, last_included_term=1)
    lines = [
        *REPLICATION,
        step("a", **LEADS, **X, commit_index=1, snapshot_index=1),
        send(snapshot),
        receive(snapshot, term=1, **X, commit_index=1, snapshot_index=1),
        send(stored("c", 1)),
        receive(stored("c", 1), **LEADS, **X, commit_index=1, snapshot_index=1),
        start("c", term=1, **X, commit_index=1, snapshot_index=1),
    ]
    assert_explained([HEADER, *lines], tmp_path)


def test_whoever_hears_of_a_later_term_follows(tmp_path: Path) -> None:
    later = message("append_reply", "b", "a", 2, success=False, match_index=0)
    lines = [
        *REPLICATION[:-2],
        send(stored("b", 1)),
        step("b", term=2, voted_for="b", role="candidate", **X),
        receive(FIRST, term=2, voted_for="b", role="candidate", **X),
        send(later),
        receive(later, term=2, **X),
    ]
    assert_explained([HEADER, *lines], tmp_path)


def test_fields_and_lines_that_may_be_left_out(tmp_path: Path) -> None:
    lines = [{k: v for k, v in line.items() if k != "snapshot_index"} for line in REPLICATION]
    assert_explained([HEADER, *lines], tmp_path)
    noted = [{**line, "note": {"at": "12:00", "file": 7}} for line in REPLICATION]
    assert_explained([{**HEADER, "note": "by hand", "writes": "at once"}, *noted], tmp_path)


def test_servers_may_have_numbers_for_names(tmp_path: Path) -> None:
    numbered = json.loads(json.dumps(REPLICATION).replace('"a"', "11").replace('"b"', "12").replace('"c"', "13"))
    assert_explained([{**HEADER, "nodes": [11, 12, 13]}, *numbered], tmp_path)


@pytest.mark.parametrize(("names", "shown"), [([11, 12, 13], ("n13", "n11")), (["n3", "n1", "v1"], ("v1", "n3"))], ids=str)
def test_reports_name_servers_as_the_trace_does(names, shown: tuple[str, str], tmp_path: Path) -> None:
    asked = message("request_vote", "c", "b", 1, last_log_index=0, last_log_term=0)
    lines = [*ELECTION, step("c", term=1, voted_for="c", role="candidate"), send(asked), receive(asked, term=1, voted_for="c")]
    text = json.dumps([HEADER, *lines])
    for old, new in zip("abc", names, strict=True):
        text = text.replace(f'"{old}"', f'"{old}!"').replace(f'"{old}!"', json.dumps(new) if isinstance(new, int) else f'"{new}?"')
    departure = judged(json.loads(text.replace("?", "")), tmp_path).departure
    assert departure is not None
    assert f"the line shows voted_for {shown[0]}; by the spec it is {shown[1]} here" in departure.why
    assert dict(departure.state)["voted_for"] == shown[1]


# --- By hand: crashes


def test_a_server_comes_up_with_its_disk_and_nothing_else(tmp_path: Path) -> None:
    assert_explained([HEADER, *REPLICATION, start("a", term=1, voted_for="a", **X), start("b", **FOLLOWS, **X), start("c")], tmp_path)


@pytest.mark.parametrize(
    ("state", "conjunct"),
    [
        ({"voted_for": "a", **X}, "term == 1"),
        ({"term": 1, **X}, "voted_for == a"),
        ({**FOLLOWS}, "last_log_index == 1"),
        ({**FOLLOWS, "last_log_index": 1, "last_log_term": 2}, "last_log_term == 1"),
        ({**FOLLOWS, **X, "commit_index": 1}, "commit_index == 0"),
    ],
    ids=lambda v: v if isinstance(v, str) else "",
)
def test_a_server_forgets_nothing_and_finds_nothing_new(state, conjunct: str, tmp_path: Path) -> None:
    assert_refused([HEADER, *REPLICATION, start("b", **state)], tmp_path, line=15, action="restart", conjunct=conjunct)


def test_what_was_written_before_the_line_was_logged(tmp_path: Path) -> None:
    """A crash between the write and the line: a vote, a call's first entry, a leader's own entry."""
    vote = [*ELECTION[:5], start("b", **FOLLOWS)]
    two = call("b", [[1, "x"], [1, "y"]])
    appended = step("a", **LEADS, last_log_index=2, last_log_term=1, entries=[[1, "x"], [1, "y"]])
    part = [*ELECTION, appended, send(two), start("b", **FOLLOWS, **X)]
    own = [*ELECTION, start("a", term=1, voted_for="a", **X, entries=[[1, "x"]])]
    for lines in (vote, part, own):
        assert_explained([HEADER, *lines], tmp_path)


def test_a_crash_undoes_what_was_not_written(tmp_path: Path) -> None:
    """With writes logged: b votes and crashes before, in the middle of, or after the write; in the middle, the vote may be there or not."""
    asked = [*ELECTION[:4], {"event": "write", "node": "a"}, {"event": "written", "node": "a"}, send(ASKED), receive(ASKED, **FOLLOWS)]
    write, written = {"event": "write", "node": "b"}, {"event": "written", "node": "b"}
    for lines in ([start("b")], [start("b", **FOLLOWS)], [start("b", term=1)], [write, start("b")], [write, start("b", **FOLLOWS)]):
        assert_explained([LOGGED, *asked, *lines], tmp_path)
    assert_explained([LOGGED, *asked, write, written, send(VOTED), start("b", **FOLLOWS)], tmp_path)
    assert_refused([LOGGED, *asked, write, written, start("b")], tmp_path, line=12, action="restart", conjunct="term == 1")


def test_several_writes_may_be_under_way(tmp_path: Path) -> None:
    """The oldest one is done first: b's vote, then the call; a crash in between keeps the vote, and of the call all or nothing."""
    a_wrote = [*ELECTION[:4], {"event": "write", "node": "a"}, {"event": "written", "node": "a"}, send(ASKED)]
    write, written = {"event": "write", "node": "b"}, {"event": "written", "node": "b"}
    lines = [*a_wrote, receive(ASKED, **FOLLOWS), write, step("b", term=2, voted_for="b", role="candidate"), write, written, send(VOTED)]
    later = message("request_vote", "b", "c", 2, last_log_index=0, last_log_term=0)
    assert_explained([LOGGED, *lines, written, send(later)], tmp_path)
    assert_explained([LOGGED, *lines, start("b", **FOLLOWS)], tmp_path)
    assert_explained([LOGGED, *lines, start("b", term=2, voted_for="b")], tmp_path)
    assert_refused([LOGGED, *lines, send(later)], tmp_path, line=15, action="timeout", conjunct="message in self.vote_requests")


def test_a_leader_may_send_what_it_has_not_written_and_lose_it(tmp_path: Path) -> None:
    def on_disk(node: str) -> list:
        return [{"event": "write", "node": node}, {"event": "written", "node": node}]

    elected = [*ELECTION[:4], *on_disk("a"), *ELECTION[4:6], *on_disk("b"), *ELECTION[6:]]
    lines = [*elected, step("a", **LEADS, **X, entries=[[1, "x"]]), {"event": "write", "node": "a"}, send(FIRST)]
    assert_explained([LOGGED, *lines, start("a", term=1, voted_for="a")], tmp_path)
    assert_explained([LOGGED, *lines, receive(FIRST, **FOLLOWS, **X), *on_disk("b"), send(stored("b", 1)), start("a", term=1, voted_for="a")], tmp_path)
    # b's write under way covers nothing that b has told: its answer is refused.
    early = [*lines, receive(FIRST, **FOLLOWS, **X), {"event": "write", "node": "b"}, send(stored("b", 1))]
    why = assert_refused([LOGGED, *early], tmp_path, line=19, action="handle_append_entries", conjunct="message in self.append_replies")
    assert "lines from 17 on are not written yet" in why


def test_what_a_crash_makes_undone_must_have_been_possible(tmp_path: Path) -> None:
    lines = [*STARTS, step("b", term=1, voted_for="b", role="leader"), start("b")]
    result = judged([LOGGED, *lines], tmp_path)
    assert result.departure is not None
    assert (result.departure.line, result.departure.action) == (5, "become_leader")


def test_a_search_that_is_too_long_is_inconclusive(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(ionian_restart, "MOST_TRIES", 1)
    lines = [LOGGED, *ELECTION[:4], {"event": "write", "node": "a"}, start("a", term=7)]
    result = judged(lines, tmp_path)
    assert (result.verdict, result.explained) == ("inconclusive", 5)
    assert result.departure is not None
    assert result.departure.line == 7


# --- By hand: what no correct server does


def test_two_votes_in_a_term(tmp_path: Path) -> None:
    asked = message("request_vote", "c", "b", 1, last_log_index=0, last_log_term=0)
    lines = [*ELECTION, step("c", term=1, voted_for="c", role="candidate"), send(asked), receive(asked, term=1, voted_for="c")]
    why = assert_refused(
        [HEADER, *lines],
        tmp_path,
        line=12,
        action="handle_request_vote",
        conjunct='self.voted_for[n] is None or self.voted_for[n] == m.candidate or not in_force("vote once per term")',
    )
    assert "the line shows voted_for c; by the spec it is a here" in why


def test_a_leader_without_votes(tmp_path: Path) -> None:
    lines = [*ELECTION[:-1], step("a", **LEADS)]
    assert_refused([HEADER, *lines], tmp_path, line=9, action="become_leader", conjunct="is_quorum(self.votes_granted[n], Node)")


def test_a_commit_without_a_majority(tmp_path: Path) -> None:
    lines = [*REPLICATION[:-2], step("a", **LEADS, **X, commit_index=1)]
    conjunct = "is_quorum({p for p in Node if p == n or i <= self.match_index[n, p]}, Node)"
    assert_refused([HEADER, *lines], tmp_path, line=13, action="advance_commit", conjunct=conjunct)


def test_an_acknowledgement_of_what_is_not_in_the_log(tmp_path: Path) -> None:
    lines = [*REPLICATION[:-2], send(stored("b", 2))]
    why = assert_refused([HEADER, *lines], tmp_path, line=13, action="handle_append_entries", conjunct="message in self.append_replies")
    assert "follower=b, success=True, match_index=1)" in why


def test_a_request_of_an_election_that_has_not_begun(tmp_path: Path) -> None:
    lines = [*ELECTION[:4], send({**ASKED, "term": 0})]
    why = assert_refused([HEADER, *lines], tmp_path, line=6, action="timeout", conjunct="message in self.vote_requests")
    assert "the nearest that it has made is RequestVote(term=1, candidate=a, last_log_index=0, last_log_term=0)" in why


def test_a_message_from_nowhere(tmp_path: Path) -> None:
    assert_refused([HEADER, *ELECTION[:5], receive(VOTED, **LEADS)], tmp_path, line=7, action="handle_vote_reply", conjunct="message in sent")
    other = receive({**VOTED, "term": 2}, term=2)
    assert_refused([HEADER, *ELECTION[:7], other], tmp_path, line=9, action="handle_vote_reply", conjunct="message.term == 1")


def test_an_answer_to_whom_nobody_has_heard(tmp_path: Path) -> None:
    answer = message("append_reply", "b", "c", 1, success=True, match_index=1)
    assert_refused([HEADER, *REPLICATION, send(answer)], tmp_path, line=15, action="handle_append_entries", conjunct="message.to has asked")


def test_a_vote_of_an_earlier_term_does_not_count(tmp_path: Path) -> None:
    lines = [*ELECTION[:7], step("a", term=2, voted_for="a", role="candidate"), receive(VOTED, **{**LEADS, "term": 2})]
    assert_refused([HEADER, *lines], tmp_path, line=10, action="become_leader", conjunct="is_quorum(self.votes_granted[n], Node)")


def test_an_answer_of_an_earlier_term_does_not_count(tmp_path: Path) -> None:
    """b's answer of term 1 reaches a when it leads term 2, elected by c."""
    asked = message("request_vote", "a", "c", 2, last_log_index=1, last_log_term=1)
    voted = message("vote_reply", "c", "a", 2, vote_granted=True)
    leads = {**LEADS, "term": 2, **X}
    lines = [
        *REPLICATION[:-1],
        step("a", **{**leads, "role": "candidate"}),
        send(asked),
        receive(asked, term=2, voted_for="a"),
        send(voted),
        receive(voted, **leads),
        receive(stored("b", 1), **leads, commit_index=1),
    ]
    conjunct = "is_quorum({p for p in Node if p == n or i <= self.match_index[n, p]}, Node)"
    assert_refused([HEADER, *lines], tmp_path, line=19, action="advance_commit", conjunct=conjunct)


def test_entries_do_not_follow_on_an_entry_of_another_term(tmp_path: Path) -> None:
    """a has an entry of term 1 that nobody else has; c leads term 2 and sends what comes after its own first entry."""
    asked = message("request_vote", "c", "b", 2, last_log_index=0, last_log_term=0)
    voted = message("vote_reply", "b", "c", 2, vote_granted=True)
    second = message("append_entries", "c", "a", 2, prev_log_index=1, prev_log_term=2, entries=[2], leader_commit=0)
    leads = {"term": 2, "voted_for": "c", "role": "leader", "last_log_index": 2, "last_log_term": 2}
    lines = [
        *ELECTION,
        step("a", **LEADS, **X, entries=[1]),
        step("c", term=2, voted_for="c", role="candidate"),
        send(asked),
        receive(asked, term=2, voted_for="c"),
        send(voted),
        receive(voted, **leads, entries=[2, 2]),
        send(second),
        receive(second, term=2, last_log_index=2, last_log_term=2),
    ]
    conjunct = 'self.term_at(n, m.prev_log_index) == m.prev_log_term or not in_force("AppendEntries consistency check")'
    assert_refused([HEADER, *lines], tmp_path, line=17, action="handle_append_entries", conjunct=conjunct)


def test_an_old_snapshot_does_not_take_a_longer_log_away(tmp_path: Path) -> None:
    snapshot = message("install_snapshot", "a", "b", 1, last_included_index=1, last_included_term=1)
    second = call("b", [[1, "y"]], prev=1, commit=1)
    two = {"last_log_index": 2, "last_log_term": 1}
    lines = [
        *REPLICATION,
        send(snapshot),
        step("a", **LEADS, **two, commit_index=1, entries=[[1, "y"]]),
        send(second),
        receive(second, **FOLLOWS, **two, commit_index=1),
        receive(snapshot, **FOLLOWS, **X, commit_index=1),
    ]
    assert_refused([HEADER, *lines], tmp_path, line=19, action="handle_append_entries", conjunct="last_log_index == 2")


def test_lines_out_of_order(tmp_path: Path) -> None:
    assert_refused([HEADER, *ELECTION[1:4]], tmp_path, line=4, action="init", conjunct="event == start")
    assert_refused([LOGGED, *STARTS, {"event": "written", "node": "a"}], tmp_path, line=5, action="written", conjunct="a write is under way")
    assert_refused([HEADER, start("a", term=3)], tmp_path, line=2, action="init", conjunct="term == 0")


def test_a_leader_that_does_not_show_what_it_appends(tmp_path: Path) -> None:
    why = assert_refused([HEADER, *ELECTION, step("a", **LEADS, **X)], tmp_path, line=10, action="step", conjunct="last_log_index == 0")
    assert "shows in `entries` what it appends" in why


def test_lines_that_wait_for_a_write_to_the_end_are_judged(tmp_path: Path) -> None:
    result = judged([LOGGED, *STARTS, step("a", term=1, voted_for="a", role="leader"), step("b", term=1, voted_for="b", role="candidate")], tmp_path)
    assert result.departure is not None
    assert (result.departure.line, result.explained) == (5, 3)


# --- The command


def test_the_format_is_found_and_the_report_names_everything(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    good, bad, written = tmp_path / "good.ndjson.gz", tmp_path / "bad.ndjson", tmp_path / "verdicts.json"
    good.write_bytes(gzip.compress("\n".join(map(json.dumps, [HEADER, *REPLICATION])).encode()))
    bad.write_text("\n".join(map(json.dumps, [HEADER, *ELECTION[:-1], step("a", **LEADS)])))
    assert run(["trace", "validate", str(good), str(bad), "--json", str(written)]) == 1
    shown = " ".join(capsys.readouterr().out.split())
    assert "EXPLAINED" in shown
    assert "No behaviour of the spec explains line 9 of" in shown
    assert "become_leader(a) is not possible" in shown
    assert "votes granted by: {a}" in shown
    assert "spec/raft.py:" in shown
    first, second = json.loads(written.read_text())
    assert (first["verdict"], first["events"], first["line"]) == ("explained", 13, None)
    assert (second["verdict"], second["line"], second["action"]) == ("refused", 9, "become_leader")
    assert set(second) == {"file", "verdict", "events", "explained", "line", "action", "conjunct", "seconds"}


def test_a_simulated_run_can_be_written_and_validated(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path = tmp_path / "run.ndjson"
    assert run(["run", "raft", "--seconds", "1", "--clients", "1", "--trace", str(path)]) == 0
    assert run(["trace", "validate", str(path), "--format", "ionian"]) == 0
    assert check_trace(path).events == len(path.read_text().splitlines()) - 1
    assert run(["run", "paxos", "--trace", str(path)]) == 2
    assert "--trace: paxos writes no traces" in capsys.readouterr().err
