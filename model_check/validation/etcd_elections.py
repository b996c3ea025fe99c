"""Explains the lines of etcd/raft about roles, terms and votes."""

from __future__ import annotations

from typing import Any

from model_check.validation.etcd_lines import Event
from model_check.validation.etcd_members import pass_over
from model_check.validation.etcd_stage import Stage
from model_check.validation.verdict import Refused
from spec.etcd_records import Kind, Node, Reached, Role
from spec.replicated_log import Term


def become_follower(stage: Stage, event: Event, n: Node) -> None:
    """A server has become a follower: of what it received, or of what no line shows."""
    run = stage.run
    m, term = run.peek("handling", n), run.peek("term", n)
    if m is not None and m.term > term and (m.term == event.term or m.kind != Kind.VOTE):
        action: tuple[Any, ...] = ("adopt_term", n)
    elif m is not None and m.term == term and m.kind == Kind.VOTE_REPLY:
        action = ("lose", n)
    elif m is not None and m.term == term and m.kind != Kind.VOTE:
        action = ("concede", n)
    else:
        stage.settle(n)
        action = _unannounced(stage, event, n)
    stage.take(*action)
    stage.shows(event, n, action[0])


def _unannounced(stage: Stage, event: Event, n: Node) -> tuple[Any, ...]:
    """The step by which a server becomes a follower without a line that says why."""
    role = stage.run.peek("role", n)
    if event.term > stage.run.peek("term", n):
        return ("hear_of_term", n, _heard(stage, Term(event.term), n))
    if role == Role.LEADER:
        return ("abdicate", n)
    if role != Role.PRE_CANDIDATE:
        if not stage.cluster.has_asked_for_pre_votes(stage.position):
            why = "no line says why the server is a follower, and it has never asked for pre-votes, which might have been refused"
            raise Refused("lose_pre_vote", "role == StatePreCandidate", why)
        stand(stage, n)
    return ("lose_pre_vote", n)


def _heard(stage: Stage, term: Term, n: Node) -> Reached:
    """That another server has sent messages in a term; if none has, what is said and refused."""
    said = [Reached(term, p) for p in stage.phases if p != n]
    reached = stage.run.peek("reached")
    heard = next((x for x in said if x in reached), None)
    if heard is None:
        heard = next((x for x in said if stage.run.peek("term", x.node) == term and stage.hands_out_before_its_line(x.node)), None)
    return heard or next(iter(said), Reached(term, n))


def stand(stage: Stage, n: Node) -> None:
    """A server has become a pre-candidate, which has no line of its own."""
    stage.settle(n)
    pass_over(stage, n, "stand", n)


def become_candidate(stage: Stage, event: Event, n: Node) -> None:
    """A server has begun a term."""
    stage.settle(n)
    pass_over(stage, n, "campaign", n)
    stage.shows(event, n, "campaign")


def become_leader(stage: Stage, event: Event, n: Node) -> None:
    """A candidate has won."""
    stage.take("become_leader", n)
    stage.shows(event, n, "become_leader")


def send_request(stage: Stage, event: Event, n: Node) -> None:
    """A candidate asks a voter."""
    assert event.message is not None
    _ask(stage, event, n, stage.cluster.nodes[event.message.target])


def send_response(stage: Stage, event: Event, n: Node) -> None:
    """A server votes, or refuses to; a candidate votes for itself."""
    assert event.message is not None
    if event.message.target == event.node:
        _ask(stage, event, n, n)
        return
    # The vote is recorded after the line.
    stage.shows(event, n, "answer_vote")
    mark = stage.run.mark()
    stage.take("answer_vote", n)
    stage.made(event, mark, "answer_vote")


def _ask(stage: Stage, event: Event, n: Node, p: Node) -> None:
    mark = stage.run.mark()
    stage.take("ask", n, p)
    stage.shows(event, n, "ask")
    stage.made(event, mark, "ask")


def forget_before_vote(stage: Stage, event: Event, n: Node) -> None:
    """A follower grants a vote though it knew of a leader in this term: it was told to forget it."""
    m = event.message
    assert m is not None
    if m.type != "MsgVote" or m.term != event.term or stage.run.peek("lead", n) is None or stage.run.peek("vote", n) is not None:
        return
    following = stage.following()
    if following is not None and following.name == "SendRequestVoteResponse" and following.message is not None and not following.message.reject:
        stage.take("forget_leader", n)
