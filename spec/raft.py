"""Raft: leader election and log replication, Figure 2 of the Raft paper.

Ongaro and Ousterhout, "In Search of an Understandable Consensus Algorithm (Extended Version)" (2014); sections and
figures below are those of this paper. Messages form grow-only sets: any of them may be delivered any number of times,
in any order, or never. A step is one event at one server, handled to its end as Figure 2 says. Where the paper
leaves room, or this text takes some, `docs/deviations.md` says so.
"""

from __future__ import annotations

from enum import Enum

from spec.language import (
    History,
    Map,
    Option,
    Protocol,
    Scope,
    Seq,
    Set,
    Sort,
    Volatile,
    Window,
    action,
    action_property,
    constraint,
    first,
    in_force,
    invariant,
    is_quorum,
    record,
    refines,
    require,
    witness,
)
from spec.replicated_log import Entry, Index, ReplicatedLog, Term, Value


class Node(Sort):
    """A server of the cluster."""


class Role(Enum):
    """What a server is in its current term (section 5.1, Figure 4)."""

    FOLLOWER = 0
    CANDIDATE = 1
    LEADER = 2


@record
class RequestVote:
    """A candidate asks all servers for their votes (Figure 2, RequestVote RPC, arguments)."""

    term: Term
    candidate: Node
    last_log_index: Index
    last_log_term: Term


@record
class VoteReply:
    """A server answers a candidate (RequestVote RPC, results); voter and candidate are the ends of the call."""

    term: Term
    voter: Node
    candidate: Node
    vote_granted: bool


@record
class AppendEntries:
    """A leader replicates entries, or none as a heartbeat (AppendEntries RPC, arguments)."""

    term: Term
    leader: Node
    prev_log_index: Index
    prev_log_term: Term
    entries: Window[Index, Entry]
    leader_commit: Index


@record
class AppendReply:
    """A follower answers the leader (AppendEntries RPC, results); match_index says which call, 0 on failure."""

    term: Term
    follower: Node
    success: bool
    match_index: Index


@record
class Leadership:
    """That a server was elected in a term."""

    term: Term
    node: Node


class Raft(Protocol):
    """Servers elect a leader for a term; it replicates its log and commits what a majority holds."""

    default_scope = Scope(node=3, term=2, index=2, value=1)
    default_reductions = frozenset({"symmetry", "eager"})

    current_term: Map[Node, Term]
    """Latest term that the server has seen."""
    role: Volatile[Map[Node, Role]]
    """Follower, candidate or leader."""
    voted_for: Map[Node, Option[Node]]
    """The candidate that received the server's vote in its current term."""
    log: Map[Node, Seq[Index, Entry]]
    """The server's log."""
    commit_index: Volatile[Map[Node, Index]]
    """Highest position known to be committed."""
    votes_granted: Volatile[Map[Node, Set[Node]]]
    """On candidates: the servers that voted for it in its current term."""
    next_index: Volatile[Map[tuple[Node, Node], Index]]
    """On leaders: the next position to send to each other server (0 where the server does not lead)."""
    match_index: Volatile[Map[tuple[Node, Node], Index]]
    """On leaders: the highest position known to be replicated on each other server."""
    vote_requests: Set[RequestVote]
    """All RequestVote calls ever made."""
    vote_replies: Set[VoteReply]
    """All answers to them."""
    append_requests: Set[AppendEntries]
    """All AppendEntries calls ever made."""
    append_replies: Set[AppendReply]
    """All answers to them."""
    leaders: History[Set[Leadership]]
    """Every election ever won."""
    committed: History[Seq[Index, Entry]]
    """The entries in the order in which leaders first committed them."""
    commit_terms: History[Seq[Index, Term]]
    """For each of them, the term of the leader that committed it."""

    def init(self) -> None:
        """All servers start as followers with an empty log; no message is under way."""
        self.current_term = Map({n: Term(0) for n in Node})
        self.role = Map({n: Role.FOLLOWER for n in Node})
        self.voted_for = Map({n: None for n in Node})
        self.log = Map({n: Seq.empty(Index) for n in Node})
        self.commit_index = Map({n: Index(0) for n in Node})
        self.votes_granted = Map({n: Set() for n in Node})
        self.next_index = Map({(n, p): Index(0) for n in Node for p in Node})
        self.match_index = Map({(n, p): Index(0) for n in Node for p in Node})
        self.vote_requests = Set()
        self.vote_replies = Set()
        self.append_requests = Set()
        self.append_replies = Set()
        self.leaders = Set()
        self.committed = Seq.empty(Index)
        self.commit_terms = Seq.empty(Index)

    # --- Leader election (section 5.2)

    @action
    def timeout(self, n: Node) -> None:
        """Server n hears of no leader for too long and stands for election (section 5.2; Figure 2, Candidates)."""
        # A leader has nobody to wait for; a candidate whose election came to nothing starts another.
        require(self.role[n] != Role.LEADER)
        self.current_term[n] = self.current_term[n] + 1
        self.role[n] = Role.CANDIDATE
        self.voted_for[n] = n
        self.votes_granted[n] = Set({n})
        self.vote_requests |= {RequestVote(self.current_term[n], n, self.log[n].last, self.last_term(n))}

    @action
    def handle_request_vote(self, n: Node, m: RequestVote) -> None:
        """Server n answers a candidate's request (Figure 2, RequestVote RPC, receiver implementation)."""
        require(m in self.vote_requests)
        # A candidate does not ask itself.
        require(n != m.candidate)
        self.observe_term(n, m.term)
        granted = self.grants_vote(n, m)
        if granted:
            self.voted_for[n] = m.candidate
        # A denial in the candidate's own term tells it no more than a lost reply does, so none is recorded.
        if granted or m.term < self.current_term[n]:
            self.vote_replies |= {VoteReply(self.current_term[n], n, m.candidate, granted)}

    @action
    def handle_vote_reply(self, n: Node, m: VoteReply) -> None:
        """Candidate n counts a vote, or learns of a later term (section 5.2)."""
        require(m in self.vote_replies)
        # A reply goes to the server that asked.
        require(m.candidate == n)
        # A vote cast in an earlier term is not for this election.
        require(m.term >= self.current_term[n], rule="ignore stale-term messages")
        # A later term deposes whoever hears of it; otherwise only a vote granted to a candidate has an effect.
        require(m.term > self.current_term[n] or (self.role[n] == Role.CANDIDATE and m.vote_granted))
        self.observe_term(n, m.term)
        if self.role[n] == Role.CANDIDATE:
            self.votes_granted[n] |= {m.voter}

    @action
    def become_leader(self, n: Node) -> None:
        """Candidate n has won its election (section 5.2; Figure 2, Leaders and volatile state on leaders)."""
        require(self.role[n] == Role.CANDIDATE)
        # Two majorities share a server, and a server votes once in a term: so a term has one leader.
        require(is_quorum(self.votes_granted[n], Node), rule="leader needs a majority of votes")
        self.role[n] = Role.LEADER
        self.votes_granted[n] = Set()
        for p in Node:
            if p != n:
                self.next_index[n, p] = self.log[n].last + 1
        self.leaders |= {Leadership(self.current_term[n], n)}

    # --- Log replication (section 5.3)

    @action
    def client_request(self, n: Node, v: Value) -> None:
        """Leader n takes a client's command into its log (section 5.3; Figure 2, Leaders)."""
        # Followers refer clients to the leader.
        require(self.role[n] == Role.LEADER)
        self.log[n] = self.log[n].append(Entry(self.current_term[n], v))

    @action
    def append_entries(self, n: Node, peer: Node, last: Index) -> None:
        """Leader n sends the entries from next_index for a peer up to last, or a heartbeat (section 5.3; Figure 2, Leaders)."""
        require(self.role[n] == Role.LEADER)
        # Its own log is complete.
        require(peer != n)
        prev = self.next_index[n, peer] - 1
        # No entry to send is a heartbeat; more than the log holds cannot be sent.
        require(prev <= last)
        require(last <= self.log[n].last)
        prev_term = self.term_at(n, prev)
        self.append_requests |= {AppendEntries(self.current_term[n], n, prev, prev_term, self.log[n].window(prev, last), self.commit_index[n])}

    @action
    def handle_append_entries(self, n: Node, m: AppendEntries) -> None:
        """Server n answers a leader's call (Figure 2, AppendEntries RPC, receiver implementation)."""
        require(m in self.append_requests)
        # A leader does not call itself.
        require(n != m.leader)
        self.observe_term(n, m.term)
        if m.term < self.current_term[n] and in_force("ignore stale-term messages"):
            # Receiver rule 1: a deposed leader is refused, and learns the later term from the reply.
            self.append_replies |= {AppendReply(self.current_term[n], n, False, Index(0))}
        else:
            # A term has one leader, so a leader never hears from another one of its own term.
            require(self.role[n] != Role.LEADER)
            # A candidate of the leader's term has lost (section 5.2).
            if self.role[n] == Role.CANDIDATE:
                self.step_down(n)
            if self.follows_on(n, m):
                self.store(n, m)
                self.append_replies |= {AppendReply(self.current_term[n], n, True, m.entries.last)}
            else:
                self.append_replies |= {AppendReply(self.current_term[n], n, False, Index(0))}

    @action
    def handle_append_reply(self, n: Node, m: AppendReply) -> None:
        """Leader n notes what a follower holds, or steps back to an earlier entry (section 5.3; Figure 2, Leaders)."""
        require(m in self.append_replies)
        # No server answers itself.
        require(n != m.follower)
        # What a follower held in an earlier term may be overwritten by now.
        require(m.term >= self.current_term[n], rule="ignore stale-term messages")
        # A later term deposes whoever hears of it; otherwise the reply is for the leader of its term.
        require(m.term > self.current_term[n] or self.role[n] == Role.LEADER)
        self.observe_term(n, m.term)
        if self.role[n] == Role.LEADER:
            if m.success:
                # A reply that was overtaken by another one takes nothing back.
                self.match_index[n, m.follower] = max(self.match_index[n, m.follower], m.match_index)
                self.next_index[n, m.follower] = max(self.next_index[n, m.follower], m.match_index + 1)
            else:
                # Try one entry earlier, but nothing that the follower is known to hold.
                self.next_index[n, m.follower] = max(self.next_index[n, m.follower] - 1, self.match_index[n, m.follower] + 1)

    @action
    def advance_commit(self, n: Node, i: Index) -> None:
        """Leader n commits its next entry, because entry i, this one or a later one, is safe (sections 5.3 and 5.4.2; Figure 2, Leaders)."""
        require(self.role[n] == Role.LEADER)
        # There is something to commit, up to an entry of the log.
        require(self.commit_index[n] < i)
        require(i <= self.log[n].last)
        # Any later leader needs a vote from a server that holds entry i.
        require(is_quorum({p for p in Node if p == n or i <= self.match_index[n, p]}, Node), rule="commit needs a majority")
        # An entry of an earlier term may still be overwritten although a majority holds it (Figure 8).
        require(self.log[n][i].term == self.current_term[n], rule="commit only entries of the current term")
        self.commit_index[n] = self.commit_index[n] + 1
        if self.committed.last < self.commit_index[n]:
            self.committed = self.committed.append(self.log[n][self.commit_index[n]])
            self.commit_terms = self.commit_terms.append(self.current_term[n])

    # --- Crashes (section 5.1, persistent and volatile state of Figure 2)

    @action
    def restart(self, n: Node) -> None:
        """Server n crashes and comes back with what it had on stable storage: current_term, voted_for and the log."""
        # A follower that knows of nothing committed has nothing to lose.
        require(self.role[n] != Role.FOLLOWER or self.commit_index[n] > 0 or not in_force("votes and terms survive a restart"))
        self.step_down(n)
        self.commit_index[n] = Index(0)
        # Figure 2 has both on stable storage before a server answers: a forgotten vote could be cast again.
        if not in_force("votes and terms survive a restart"):
            self.current_term[n] = Term(0)
            self.voted_for[n] = None

    # --- Parts of the steps

    def observe_term(self, n: Node, t: Term) -> None:
        """A later term in any message makes a server its follower (section 5.1; Figure 2, All Servers)."""
        if t > self.current_term[n]:
            self.current_term[n] = t
            self.voted_for[n] = None
            self.step_down(n)

    def step_down(self, n: Node) -> None:
        """Become a follower and forget what only candidates and leaders need."""
        self.role[n] = Role.FOLLOWER
        self.votes_granted[n] = Set()
        for p in Node:
            self.next_index[n, p] = Index(0)
            self.match_index[n, p] = Index(0)

    def store(self, n: Node, m: AppendEntries) -> None:
        """Take over the entries of a call and what it says to be committed (AppendEntries RPC, receiver rules 3 to 5)."""
        conflict = first(i for i in m.entries.indices() if i <= self.log[n].last and self.log[n][i].term != m.entries[i].term)
        if conflict is not None and in_force("truncate on conflict"):
            # An entry of another term, and all that follow it, give way to the leader's (rule 3).
            self.log[n] = self.log[n].splice(conflict, m.entries)
        else:
            # Only entries that are not there yet: an old call must not take later entries away (rule 4).
            self.log[n] = self.log[n].extend(m.entries)
        # Beyond the last entry that the call covers, the log may still differ from the leader's (rule 5).
        covered = m.entries.last if in_force("clamp the leader's commit index") else self.log[n].last
        self.commit_index[n] = max(self.commit_index[n], min(m.leader_commit, covered))

    def grants_vote(self, n: Node, m: RequestVote) -> bool:
        """Whether server n, with its term up to date, votes for the candidate (RequestVote RPC, receiver rules 1 and 2)."""
        # A request of an earlier term is for an election that is over.
        timely = m.term == self.current_term[n] or not in_force("ignore stale-term messages")
        # A second vote in a term could elect a second leader.
        free = self.voted_for[n] is None or self.voted_for[n] == m.candidate or not in_force("vote once per term")
        # A log that lacks a committed entry loses to any log that has it (section 5.4.1).
        complete = self.up_to_date(n, m) or not in_force("candidate's log must be up to date")
        return timely and free and complete

    def up_to_date(self, n: Node, m: RequestVote) -> bool:
        """Whether the candidate's log is at least as up to date as server n's (section 5.4.1)."""
        return m.last_log_term > self.last_term(n) or (m.last_log_term == self.last_term(n) and m.last_log_index >= self.log[n].last)

    def follows_on(self, n: Node, m: AppendEntries) -> bool:
        """Whether server n holds the entry before those of the call (AppendEntries RPC, receiver rule 2)."""
        # A log has no gaps, whatever the rules.
        gapless = m.prev_log_index <= self.log[n].last
        # Equal terms at one position mean equal logs up to it (section 5.3, Log Matching, by induction).
        return gapless and (self.term_at(n, m.prev_log_index) == m.prev_log_term or not in_force("AppendEntries consistency check"))

    def term_at(self, n: Node, i: Index) -> Term:
        """The term of the entry at a position of server n's log, 0 before the first."""
        return Term(0) if i == 0 else self.log[n][i].term

    def last_term(self, n: Node) -> Term:
        """The term of the last entry of server n's log, 0 where it is empty."""
        return self.term_at(n, self.log[n].last)

    # --- The five properties of Figure 3

    @invariant
    def election_safety(self) -> bool:
        """At most one leader is elected in a term (section 5.2)."""
        return all(x.node == y.node for x in self.leaders for y in self.leaders if x.term == y.term)

    @action_property
    def leader_append_only(self, after: Raft) -> bool:
        """A leader never overwrites or deletes entries of its log; it only appends (section 5.3)."""
        return all(
            i <= after.log[n].last and after.log[n][i] == self.log[n][i]
            for n in Node
            if self.role[n] == Role.LEADER and after.role[n] == Role.LEADER
            for i in self.log[n].indices()
        )

    @invariant
    def log_matching(self) -> bool:
        """Two logs with entries of one term at one position are identical up to that position (section 5.3)."""
        return all(
            self.log[n][j] == self.log[p][j]
            for n in Node
            for p in Node
            if n != p
            for i in self.log[n].indices()
            if i <= self.log[p].last and self.log[n][i].term == self.log[p][i].term
            for j in self.log[n].indices()
            if j <= i
        )

    @invariant
    def leader_completeness(self) -> bool:
        """An entry committed in a term is in the logs of the leaders of all later terms (section 5.4)."""
        return all(
            i <= self.log[n].last and self.log[n][i] == self.committed[i]
            for n in Node
            if self.role[n] == Role.LEADER
            for i in self.committed.indices()
            if self.commit_terms[i] < self.current_term[n]
        )

    @invariant
    def state_machine_safety(self) -> bool:
        """What a server takes for committed is what was first committed at that position, so no two apply different entries (section 5.4.3)."""
        return all(i <= self.committed.last and self.log[n][i] == self.committed[i] for n in Node for i in self.log[n].indices() if i <= self.commit_index[n])

    # --- Monotonicity

    @action_property
    def terms_never_decrease(self, after: Raft) -> bool:
        """A server's term never goes back (section 5.1)."""
        return all(self.current_term[n] <= after.current_term[n] for n in Node)

    @action_property
    def commit_index_never_decreases(self, after: Raft) -> bool:
        """A server's commit index never goes back, unless a restart loses it (Figure 2, commitIndex)."""
        return all(self.commit_index[n] <= after.commit_index[n] or (after.commit_index[n] == 0 and after.role[n] == Role.FOLLOWER) for n in Node)

    @action_property
    def committed_only_grows(self, after: Raft) -> bool:
        """What leaders have committed stays committed, at its position."""
        return all(i <= after.committed.last and after.committed[i] == self.committed[i] for i in self.committed.indices())

    # --- Coherence of the state

    @invariant
    def commit_within_log(self) -> bool:
        """A server holds what it takes for committed."""
        return all(self.commit_index[n] <= self.log[n].last for n in Node)

    @invariant
    def log_terms_ordered(self) -> bool:
        """Along a log, terms start at 1 and never decrease."""
        return all(
            self.log[n][i].term > 0 and all(self.log[n][j].term <= self.log[n][i].term for j in self.log[n].indices() if j < i)
            for n in Node
            for i in self.log[n].indices()
        )

    @invariant
    def office_matches_role(self) -> bool:
        """Only candidates count votes, and only leaders keep indices for the others, next_index beyond match_index."""
        return all(
            (self.votes_granted[n] == Set() or self.role[n] == Role.CANDIDATE)
            and all(
                self.match_index[n, p] < self.next_index[n, p]
                if self.role[n] == Role.LEADER and p != n
                else self.match_index[n, p] == 0 and self.next_index[n, p] == 0
                for p in Node
            )
            for n in Node
        )

    # --- What must be possible

    @witness
    def a_leader_is_elected(self) -> bool:
        """Some server leads."""
        return any(self.role[n] == Role.LEADER for n in Node)

    @witness
    def an_entry_is_committed(self) -> bool:
        """Some entry is committed."""
        return self.committed.last > 0

    @witness
    def a_follower_learns_of_the_commit(self) -> bool:
        """A server that does not lead knows of a committed entry."""
        return any(self.role[n] != Role.LEADER and self.commit_index[n] > 0 for n in Node)

    @witness
    def a_conflicting_suffix_is_truncated(self, after: Raft) -> bool:
        """A follower gives up an entry for the leader's (section 5.3, Figure 7)."""
        return any(i > after.log[n].last or after.log[n][i] != self.log[n][i] for n in Node for i in self.log[n].indices())

    @witness
    def an_entry_of_an_earlier_term_is_committed(self) -> bool:
        """A leader commits an entry of an earlier term, through one of its own (section 5.4.2)."""
        return any(self.committed[i].term < self.commit_terms[i] for i in self.committed.indices())

    @witness
    def a_leader_is_deposed(self, after: Raft) -> bool:
        """A leader hears of a later term and steps down (section 5.1)."""
        return any(self.role[n] == Role.LEADER and self.current_term[n] < after.current_term[n] for n in Node)

    # --- Bounds on a search: each may hide violations and is in force only where the command line names it

    @constraint
    def one_candidate_per_term(self) -> bool:
        """Bounds: no split votes; in each term at most one server stands for election."""
        return all(x.candidate == y.candidate for x in self.vote_requests for y in self.vote_requests if x.term == y.term)

    @constraint
    def elections_are_won(self) -> bool:
        """Bounds: an election begins only after every election of an earlier term has been won."""
        return all(any(w.term == x.term for w in self.leaders) for x in self.vote_requests for y in self.vote_requests if x.term < y.term)

    @constraint
    def one_vote_for_a_candidate(self) -> bool:
        """Bounds: a candidate gets one vote besides its own: just enough for three servers."""
        return all(x.voter == y.voter for x in self.vote_replies for y in self.vote_replies if x.term == y.term and x.vote_granted and y.vote_granted)

    @constraint
    def no_restarts(self) -> bool:
        """Bounds: no candidate or leader crashes (a follower that voted for itself has been one in this term)."""
        return all(self.role[n] != Role.FOLLOWER or self.voted_for[n] != n for n in Node)

    @constraint
    def only_earlier_entries_are_sent(self) -> bool:
        """Bounds: leaders send no entry of their own term, as if they crashed before (the leaders of Figure 8)."""
        return all(m.entries[i].term < m.term for m in self.append_requests for i in m.entries.indices())

    @constraint
    def no_heartbeats_of_new_leaders(self) -> bool:
        """Bounds: a leader calls only where its log holds an entry of an earlier term before or within the call."""
        return all(m.prev_log_index > 0 or m.entries.last > 0 for m in self.append_requests)

    # --- Refinement

    @refines(ReplicatedLog)
    def replicated_log(self) -> ReplicatedLog:
        """The agreed log is what leaders have committed."""
        return ReplicatedLog.state_of(log=self.committed)
