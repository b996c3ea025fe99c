"""Which steps of the spec a crash comes to: of the write under way, a beginning is on the disk."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import replace

from conformance.raft.mapping import Server, last_index, log
from conformance.raft.steps import Guide, Happening
from impl.raft import Entries, messages
from spec.raft import AppendEntries, Node, Role
from spec.replicated_log import Entry, Index, Term


def explain_crash(guide: Guide, s: Server, writing: Sequence[Happening]) -> None:
    """Bring the spec's server to what the disk of a crashed host holds.

    Args:
        guide: takes the steps.
        s: the server; its view is still the one before the crash.
        writing: what had happened before the Ready whose write was torn, in order; empty where none was under way.
    """
    run, n = guide.run, s.node
    _store_what_survived(guide, s, writing)
    hard_state = s.host.disk.storage.hard_state()
    vote = None if hard_state.voted_for is None else Node(hard_state.voted_for - 1)
    if (run.peek("current_term", n), run.peek("voted_for", n)) != (hard_state.current_term, vote):
        if vote is None:
            guide.take("adopt_term", n, Term(hard_state.current_term))
        else:
            guide.take("vote_in_silence", n, Term(hard_state.current_term), vote)
    if last_index(s) < len(run.peek("log", n)):
        guide.take("lose_unwritten", n, Index(last_index(s)))
    if run.peek("role", n) is not Role.FOLLOWER or run.peek("commit_index", n) > 0:
        guide.take("restart", n)
    if run.peek("commit_index", n) < run.peek("snapshot_index", n):
        guide.take("recall_snapshot", n)


def _store_what_survived(guide: Guide, s: Server, writing: Sequence[Happening]) -> None:
    """Entries and snapshots of the torn write."""
    run, n = guide.run, s.node
    mark, refused = run.mark(), len(guide.refusals)
    found = log(s, guide.words)
    if not writing or list(found) == run.peek("log", n):
        return
    # Calls may undo each other, so which of them left their entries is tried: each of them as far as it agrees, or only the last ones.
    for whole in range(len(writing)):
        for number, h in enumerate(writing):
            _store(guide, s, h, found, whole=number < whole)
        if list(found) == run.peek("log", n):
            return
        run.back(mark)
        del guide.refusals[refused:]


def _store(guide: Guide, s: Server, h: Happening, found: tuple[Entry, ...], whole: bool) -> None:
    """The part of one event that is on the disk."""
    run, n = guide.run, s.node
    if not h.made:
        # Nobody was told of it, so it may have happened: an election won, entries that their leader took in.
        survived = max(0, len(found) - len(run.peek("log", n)))
        appended = h.appended
        if appended is not None and survived < len(appended.terms):
            appended = Entries(appended.first_index, appended.terms[:survived], appended.commands[:survived])
        guide.explain(s, replace(h, appended=appended))
        return
    m = h.message
    said = guide.words.said(m) if isinstance(m, (messages.AppendEntries, messages.InstallSnapshot)) else None
    if said is None or not any(type(r) is messages.AppendReply and r.success for r in h.made):
        return
    call = said[1]
    assert isinstance(call, AppendEntries)
    log = run.peek("log", n)
    if type(m) is messages.InstallSnapshot:
        if s.host.disk.storage.first_index() > call.entries.last:
            guide.take("restore_in_silence", n, call)
        return
    last = call.entries.last if whole else Index(int(call.prev_log_index) + _agreeing(call, found))
    if last > call.prev_log_index and not (last <= len(log) and log[last - 1] == call.entries[last]):
        guide.take("store_in_silence", n, call, last)


def _agreeing(call: AppendEntries, found: tuple[Entry, ...]) -> int:
    """How many of a call's entries, from the first on, are in a log."""
    there: Iterator[bool] = (a == b for a, b in zip(call.entries.entries, found[int(call.prev_log_index) :], strict=False))
    count = 0
    for same in there:
        if not same:
            break
        count += 1
    return count
