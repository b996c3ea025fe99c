"""Traces of etcd/raft written by hand: what a server's line shows is what its lines before left, unless something else is said."""

from __future__ import annotations

import json
from collections.abc import Iterable
from pathlib import Path
from typing import Any

Wire = dict[str, Any]
_KINDS = {"MsgVote": "RequestVoteRequest", "MsgVoteResp": "RequestVoteResponse"} | dict.fromkeys(("MsgAppResp", "MsgHeartbeatResp"), "AppendEntriesResponse")


class ByHand:
    """A cluster of founding servers 1, 2, ... whose events are written one by one.

    Attributes:
        lines: The events so far.
        now: For each server what its next line shows: term, vote, commit, role, log, conf.
    """

    def __init__(self, servers: int) -> None:
        self.lines: list[dict[str, Any]] = []
        self.now: dict[int, dict[str, Any]] = {}
        founders = list(range(1, servers + 1))
        for n in founders:
            self.start(n)
            self.event("BecomeFollower", n, term=1)
            for count in founders:
                known = [str(p) for p in founders[:count]]
                self.now[n].update(commit=servers, log=servers, conf=[known[:-1], []])
                self.event("ApplyConfChange", n, newconf=known)
            self.event("Ready", n, conf=[[str(p) for p in founders], []])
            for _ in founders:
                self.event("ApplyConfChange", n, newconf=[str(p) for p in founders])

    def start(self, n: int, *, conf: Iterable[int] = (), compacted: int = 0, **disk: Any) -> None:
        """A server starts, for the first time or again, and finds something on its disk."""
        voters = [str(p) for p in conf]
        found = {"term": 0, "vote": 0, "commit": 0, "log": 0, **disk}
        self.now[n] = {"term": 0, "vote": 0, "commit": compacted, "role": "Follower", "log": found["log"], "conf": [[], []]}
        self.event("InitState", n)
        self.event("ApplyConfChange", n, newconf=voters)
        self.event("BecomeFollower", n, **found, conf=[voters, []])

    def event(self, name: str, n: int, *, msg: Wire | None = None, newconf: list[str] | None = None, **changes: Any) -> None:
        """One line, after some of what the server shows has changed."""
        own = changes.pop("own", None)
        proposed = changes.pop("proposed", None)
        shown = self.now[n]
        shown.update(changes)
        state = {"term": shown["term"], "vote": str(shown["vote"]), "commit": shown["commit"]}
        event = {"name": name, "nid": str(n), "state": state, "role": f"State{shown['role']}", "log": shown["log"], "conf": shown["conf"]}
        if msg is not None:
            event["msg"] = msg
        if own is not None:
            event["prop"] = {"match": own[0], "next": own[1]}
        if name in ("ApplyConfChange", "ChangeConf"):
            event["prop"] = {"cc": {"newconf": newconf} if proposed is None else {"changes": proposed}}
        self.lines.append({"tag": "trace", "event": json.loads(json.dumps(event))})

    def send(self, kind: str, n: int, to: int, *, own: tuple[int, int] | None = None, changes: dict[str, Any] | None = None, **fields: Any) -> Wire:
        """A server makes a message; it leaves with the server's next Ready. `changes` are of what the line shows."""
        base = {"entries": 0, "logTerm": 0, "index": 0, "commit": 0, "vote": "0", "reject": False, "rejectHint": 0}
        self.now[n].update(changes or {})
        msg = {"type": kind, "term": self.now[n]["term"], "from": str(n), "to": str(to), **base, **fields}
        self.event("Send" + _KINDS.get(kind, "AppendEntriesRequest"), n, msg=msg, own=own)
        return msg

    def receive(self, msg: Wire, **changes: Any) -> None:
        """A message is delivered."""
        self.event("Receive" + _KINDS.get(msg["type"], "AppendEntriesRequest"), int(msg["to"]), msg=msg, **changes)

    def ready(self, *servers: int) -> None:
        """Servers hand out what they have made."""
        for n in servers:
            self.event("Ready", n)

    def elect(self, n: int, voters: Iterable[int], log_term: int = 1) -> None:
        """A server wins an election with the votes of others, appends its empty entry, and has that on its disk."""
        asked = self.stand(n, log_term)
        votes = [asked[n]]
        for voter in voters:
            self.receive(asked[voter])
            self.event("BecomeFollower", voter, term=asked[voter]["term"], vote=0, role="Follower")
            votes.append(self.send("MsgVoteResp", voter, n))
            self.event("Ready", voter, vote=n)
        for vote in votes:
            self.receive(vote)
        self.event("BecomeLeader", n, role="Leader")
        self.append(n)

    def stand(self, n: int, log_term: int = 1) -> dict[int, Wire]:
        """A server begins a term and asks all for their votes, itself too; the messages by whom they ask."""
        shown = self.now[n]
        self.event("BecomeCandidate", n, term=shown["term"] + 1, vote=n, role="Candidate")
        others = [int(p) for p in shown["conf"][0] if int(p) != n]
        asked = {n: self.send("MsgVoteResp", n, n)} | {p: self.send("MsgVote", n, p, index=shown["log"], logTerm=log_term) for p in others}
        self.ready(n)
        return asked

    def append(self, n: int, count: int = 1) -> None:
        """A leader appends commands, and has them on its disk."""
        for _ in range(count):
            self.event("Replicate", n)
        own = self.send("MsgAppResp", n, n, changes={"log": self.now[n]["log"] + count}, index=self.now[n]["log"] + count)
        self.ready(n)
        self.receive(own)
        self.event("Commit", n)

    def call(self, n: int, to: int, index: int, log_term: int, entries: int) -> Wire:
        """A leader sends entries, and they leave."""
        match = self.now[n]["log"]
        call = self.send("MsgApp", n, to, own=(match, match + 1), index=index, logTerm=log_term, entries=entries, commit=self.now[n]["commit"])
        self.ready(n)
        return call

    def take_over(self, call: Wire, **changes: Any) -> Wire:
        """A follower takes the entries of a call over and answers when they are on its disk."""
        n, last = int(call["to"]), call["index"] + call["entries"]
        self.receive(call)
        if call["term"] > self.now[n]["term"]:
            self.event("BecomeFollower", n, term=call["term"], vote=0, role="Follower")
        answer = self.send("MsgAppResp", n, int(call["from"]), changes={"log": last, **changes}, index=last)
        self.ready(n)
        return answer

    def write(self, path: Path) -> Path:
        """Write the trace down."""
        path.write_text("".join(json.dumps(line) + "\n" for line in self.lines), encoding="utf-8")
        return path
