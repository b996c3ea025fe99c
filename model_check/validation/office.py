"""How a server of Raft comes to a term and a role, where nothing but those is known."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from model_check.validation.run import Run
from spec.raft import Node, Role
from spec.replicated_log import Term

_INTO = {Role.LEADER: "become_leader", Role.FOLLOWER: "abdicate", Role.CANDIDATE: "timeout"}


def towards_office(run: Run, n: Node, term: int, role: Role, for_itself: bool) -> Iterator[tuple[Any, ...]]:
    """The steps, one at a time, each to be taken before the next is asked for; `for_itself`: it has voted for itself in that term."""
    own = run.peek("current_term", n)
    if own < term:
        if for_itself and role is not Role.FOLLOWER:
            if own + 1 < term:
                yield "adopt_term", n, Term(term - 1)
            elif run.peek("role", n) is Role.LEADER:
                yield "abdicate", n
            yield "timeout", n
        else:
            yield "adopt_term", n, Term(term)
    if run.peek("role", n) is not role:
        yield _INTO[role], n
