"""Boolean circuits with constants folded and equal gates shared, handed to Z3's SAT solver as clauses.

A literal is a number: 1 is true, -1 false, -x the negation of x. Z3 knows the variable of literal x as the Boolean
constant with the numeral x as its name. A gate as a Z3 term costs some 25 microseconds in Python, most of them for gates
that fold away in the end; a gate as a number is a look-up in a dictionary. Only those below an asserted or assumed
literal reach the solver, as a text of clauses.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable
from concurrent.futures import ThreadPoolExecutor, wait
from typing import Any, TypeAlias

import z3

Literal: TypeAlias = int

TRUE: Literal = 1
FALSE: Literal = -1


class Circuit:
    """Gates over variables; building one twice gives the same literal."""

    def __init__(self) -> None:
        self.count = 1
        self._shared: dict[tuple[int, ...], Literal] = {}
        self._gates: dict[int, tuple[int, ...]] = {}

    def variable(self) -> Literal:
        """A fresh variable."""
        self.count += 1
        return self.count

    def all_of(self, operands: Iterable[Literal]) -> Literal:
        """Conjunction; nested conjunctions stay nested."""
        found = set(operands)
        found.discard(TRUE)
        if FALSE in found or any(-x in found for x in found):
            return FALSE
        if not found:
            return TRUE
        if len(found) == 1:
            return found.pop()
        return self._gate((0, *sorted(found)))

    def any_of(self, operands: Iterable[Literal]) -> Literal:
        """Disjunction."""
        return -self.all_of([-x for x in operands])

    def both(self, a: Literal, b: Literal) -> Literal:
        """Conjunction of two, the most frequent gate."""
        if FALSE in (a, b) or a == -b:
            return FALSE
        if a in (TRUE, b):
            return b
        if b == TRUE:
            return a
        return self._gate((0, a, b) if a < b else (0, b, a))

    def choice(self, condition: Literal, then: Literal, otherwise: Literal) -> Literal:
        """`then if condition else otherwise`."""
        if condition < 0:
            condition, then, otherwise = -condition, otherwise, then
        if condition == TRUE or then == otherwise:
            return then
        if then in (TRUE, condition):
            return -self.both(-condition, -otherwise)
        if then in (FALSE, -condition):
            return self.both(-condition, otherwise)
        if otherwise in (TRUE, -condition):
            return -self.both(condition, -then)
        if otherwise in (FALSE, condition):
            return self.both(condition, then)
        if then < 0:
            return -self._gate((1, condition, -then, -otherwise))
        return self._gate((1, condition, then, otherwise))

    def same(self, a: Literal, b: Literal) -> Literal:
        """Equality of two truth values."""
        return self.choice(a, b, -b)

    def _gate(self, definition: tuple[int, ...]) -> Literal:
        found = self._shared.get(definition)
        if found is None:
            found = self._shared[definition] = self.variable()
            self._gates[found] = definition
        return found

    def evaluate(self, literal: Literal, values: dict[int, bool], variable: Callable[[int], bool]) -> None:
        """Compute the gates below a literal into `values`, from the values of variables."""
        stack = [abs(literal)]
        while stack:
            x = stack[-1]
            inputs = () if x in values else self._gates.get(x, ())[1:]
            missing = [abs(i) for i in inputs if abs(i) not in values]
            if missing:
                stack += missing
                continue
            stack.pop()
            if x in values:
                continue
            found = [values[abs(i)] == (i > 0) for i in inputs]
            if not found:
                values[x] = variable(x)
            elif self._gates[x][0] == 0:
                values[x] = all(found)
            else:
                values[x] = found[1] if found[0] else found[2]

    def clauses(self, roots: Iterable[Literal], known: set[int]) -> list[tuple[int, ...]]:
        """The clauses that define all gates below some literals and are not yet known; `known` grows by them."""
        found: list[tuple[int, ...]] = []
        stack = [abs(x) for x in roots]
        while stack:
            x = stack.pop()
            if x in known:
                continue
            known.add(x)
            definition = self._gates.get(x)
            if definition is None:
                continue
            kind, *inputs = definition
            stack += [abs(i) for i in inputs]
            if kind == 0:
                found += [(-x, i) for i in inputs]
                found.append((x, *(-i for i in inputs)))
            else:
                c, a, b = inputs
                found += [(-c, -a, x), (-c, a, -x), (c, -b, x), (c, b, -x), (-a, -b, x), (a, b, -x)]
        return found


class Answer:
    """What the solver says: `sat` with a model, `unsat`, or `unknown` with a reason."""

    def __init__(self, verdict: str, circuit: Circuit, reason: str = "", model: Any = None) -> None:
        self.verdict, self.reason, self._circuit, self._model = verdict, reason, circuit, model
        self._values: dict[int, bool] = {1: True}

    def value(self, literal: Literal) -> bool:
        """The truth value of a literal in the model; gates that the solver never saw are computed from its variables (false where left open)."""
        if abs(literal) not in self._values:
            self._circuit.evaluate(literal, self._values, lambda x: z3.is_true(self._model.eval(z3.Bool(x))))
        found = self._values[abs(literal)]
        return found if literal > 0 else not found


class Solver:
    """Z3's incremental SAT solver over a circuit. `deadline` is a time of `time.monotonic()`."""

    def __init__(self, circuit: Circuit, deadline: float | None = None) -> None:
        self.circuit, self.deadline = circuit, deadline
        self._solver = z3.SolverFor("QF_FD")
        # Prefer false: sets in counterexamples stay small.
        self._solver.set("phase", "always_false")
        # Where Z3 minds Ctrl-C itself, one that comes as a call ends is lost.
        self._solver.set("ctrl_c", False)
        self._known: set[int] = {1}
        self._pending: list[Literal] = []
        self.clauses = 0

    def require(self, literal: Literal) -> None:
        """Assert a literal for good."""
        if literal != TRUE:
            self._pending.append(literal)

    def _hand_over(self, assumed: Literal) -> None:
        clauses = self.circuit.clauses([*self._pending, assumed], self._known)
        clauses += [(x,) for x in self._pending]
        self._pending = []
        self.clauses += len(clauses)
        if clauses:
            # Literal 1 is the constant true.
            lines = ["1 0", *(" ".join(map(str, c)) + " 0" for c in clauses)]
            self._solver.from_string(f"p cnf {self.circuit.count} {len(lines)}\n" + "\n".join(lines) + "\n")

    def check(self, assumed: Literal = TRUE) -> Answer:
        """Whether everything asserted, and the assumed literal, can be true together."""
        if assumed == FALSE:
            return Answer("unsat", self.circuit)
        try:
            verdict = self._verdict(assumed)
        except z3.Z3Exception as error:
            return Answer("unknown", self.circuit, str(error))
        if verdict == z3.sat:
            return Answer("sat", self.circuit, model=self._solver.model())
        if verdict == z3.unsat:
            return Answer("unsat", self.circuit)
        return Answer("unknown", self.circuit, "timeout" if verdict is None else self._solver.reason_unknown())

    def _verdict(self, assumed: Literal) -> z3.CheckSatResult | None:
        """Z3's own answer; None where no time is left to ask."""
        self._hand_over(assumed)
        if self.deadline is not None:
            left = self.deadline - time.monotonic()
            if left <= 0:
                return None
            self._solver.set("timeout", max(1, int(left * 1000)))
        assumption = z3.Bool(abs(assumed))
        return self._interruptibly(assumption if assumed > 0 else z3.Not(assumption))

    def _interruptibly(self, assumption: z3.BoolRef) -> z3.CheckSatResult:
        """Z3's answer, asked for in another thread: this one, which waits in Python, meets Ctrl-C at once."""
        with ThreadPoolExecutor(1) as pool:
            answer = pool.submit(self._solver.check, assumption)
            try:
                return answer.result()
            except KeyboardInterrupt:
                # An interrupt that comes before the solver has begun has no effect: it is told until it ends.
                while not answer.done():
                    self._solver.interrupt()
                    wait([answer], timeout=0.1)
                raise
