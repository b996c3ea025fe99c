/*
 * Single-Decree Paxos, as in spec/paxos.py, for Spin: a peer to measure against, written to make Spin fast.
 *
 * Three acceptors; -DBALLOTS=n (1 to 4) ballots; two values. The message sets are bits of a few words, guards
 * and updates are C, each step is one d_step of one process, so that Spin's states are the protocol's states:
 * `states, stored` must be the number of distinct states that Ionian and TLC find (185,369 for three ballots).
 * A quorum is looked for inside the guard of phase 2a, so Spin generates fewer steps than the others do, and
 * agreement and validity are evaluated only after the one step that can break them.
 *
 *   prepares       bit b             1a of ballot b was sent
 *   accepts        bit 2b+v          2a of ballot b and value v was sent
 *   accepteds[a]   bit 2b+v          2b of acceptor a for them was sent
 *   promises[a]    bits 4b..4b+3     1b of a for ballot b: 0 not sent, 1 reports no vote, else 2 + vote
 *   max_bal[a]     0 none, else 1 + ballot
 *   max_vote[a]    0 none, else 1 + vote, where a vote is 2 * ballot + value
 */

#ifndef BALLOTS
#define BALLOTS 3
#endif

byte prepares, accepts;
byte accepteds[3];
byte max_bal[3];
byte max_vote[3];
short promises[3];

c_code {
    /* What acceptor a has answered to the 1a of ballot b. */
    static int promise(int a, int b) { return (now.promises[a] >> (4 * b)) & 15; }

    /* Whether acceptors a and c have promised b, and v is the value of the highest vote that they report, if any. */
    static int pair_allows(int a, int c, int b, int v) {
        int p = promise(a, b), q = promise(c, b), highest = p > q ? p : q;
        return p && q && (highest == 1 || ((highest - 2) & 1) == v);
    }

    /* Whether all three have promised b, and v is the value of the highest vote that they report, if any. */
    static int all_allow(int b, int v) {
        int p = promise(0, b), q = promise(1, b), r = promise(2, b), highest = p > q ? p : q;
        highest = highest > r ? highest : r;
        return p && q && r && (highest == 1 || ((highest - 2) & 1) == v);
    }

    static int can_promise(int a, int b) { return (now.prepares >> b & 1) && now.max_bal[a] < 1 + b; }

    static void send_promise(int a, int b) {
        now.max_bal[a] = 1 + b;
        now.promises[a] |= (1 + now.max_vote[a]) << (4 * b);
    }

    static int can_propose(int b, int v) {
        return !(now.accepts >> (2 * b) & 3) &&
               (pair_allows(0, 1, b, v) || pair_allows(0, 2, b, v) || pair_allows(1, 2, b, v) || all_allow(b, v));
    }

    static int can_accept(int a, int b, int v) { return (now.accepts >> (2 * b + v) & 1) && now.max_bal[a] <= 1 + b; }

    static void send_accepted(int a, int b, int v) {
        now.max_bal[a] = 1 + b;
        now.max_vote[a] = 1 + 2 * b + v;
        now.accepteds[a] |= 1 << (2 * b + v);
    }

    /* Agreement: no value of each kind is chosen. Validity: only what was proposed is accepted. */
    static int safe(void) {
        int x = now.accepteds[0], y = now.accepteds[1], z = now.accepteds[2], chosen = (x & y) | (x & z) | (y & z);
        return !((chosen & 0x55) && (chosen & 0xaa)) && !((x | y | z) & ~now.accepts);
    }
}

/* The parentheses around calls: Spin refuses an expression that begins with a call. */
#define PHASE_1A(b)       :: d_step { c_expr { !(now.prepares >> b & 1) } -> c_code { now.prepares |= 1 << b; } }
#define PHASE_1B(a, b)    :: d_step { c_expr { (can_promise(a, b)) } -> c_code { send_promise(a, b); } }
#define PHASE_2A(b, v)    :: d_step { c_expr { (can_propose(b, v)) } -> c_code { now.accepts |= 1 << (2 * b + v); } }
#define PHASE_2B(a, b, v) :: d_step { c_expr { (can_accept(a, b, v)) } -> c_code { send_accepted(a, b, v); }; assert(c_expr { (safe()) }) }

#define ACCEPTOR(a, b)    PHASE_1B(a, b) PHASE_2B(a, b, 0) PHASE_2B(a, b, 1)
#define BALLOT(b)         PHASE_1A(b) PHASE_2A(b, 0) PHASE_2A(b, 1) ACCEPTOR(0, b) ACCEPTOR(1, b) ACCEPTOR(2, b)

active proctype paxos() {
    do
    BALLOT(0)
#if BALLOTS > 1
    BALLOT(1)
#endif
#if BALLOTS > 2
    BALLOT(2)
#endif
#if BALLOTS > 3
    BALLOT(3)
#endif
    od
}
