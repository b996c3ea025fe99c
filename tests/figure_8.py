"""Behaviours written down step by step, and the one with which Figure 8 of the Raft paper begins: several tests go on from there."""

from __future__ import annotations

from spec.language import Protocol, State, Step

TWO_LEADERS_AND_THE_FIRST_AGAIN = """
    timeout(n=n1)
    handle_request_vote(n=n3, m=RequestVote(term=1, candidate=n1, last_log_index=0, last_log_term=0))
    handle_vote_reply(n=n1, m=VoteReply(term=1, voter=n3, candidate=n1, vote_granted=True))
    become_leader(n=n1)
    client_request(n=n1, v=v1)
    timeout(n=n2)
    timeout(n=n2)
    handle_request_vote(n=n3, m=RequestVote(term=2, candidate=n2, last_log_index=0, last_log_term=0))
    handle_vote_reply(n=n2, m=VoteReply(term=2, voter=n3, candidate=n2, vote_granted=True))
    become_leader(n=n2)
    client_request(n=n2, v=v1)
    restart(n=n1)
    timeout(n=n1)
    timeout(n=n1)
    handle_request_vote(n=n3, m=RequestVote(term=3, candidate=n1, last_log_index=1, last_log_term=1))
    handle_vote_reply(n=n1, m=VoteReply(term=3, voter=n3, candidate=n1, vote_granted=True))
    become_leader(n=n1)
"""
"""n1 wrote in term 1, and n2 in term 2, each alone; n1 leads again, in term 3."""


def follow(protocol: Protocol, state: State, *parts: str) -> list[tuple[Step, State]]:
    """From a state on, the step that begins with the words of each line, and the state after it."""
    taken: list[tuple[Step, State]] = []
    for words in (line.strip() for part in parts for line in part.strip().splitlines()):
        (step,) = [s for s in protocol.enabled(state) if str(s).startswith(words)]
        state = protocol.step(state, step)
        taken.append((step, state))
    return taken
