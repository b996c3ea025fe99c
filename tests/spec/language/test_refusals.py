"""What the language refuses, with the whole message: file, line, column, what was found, what to write instead.

In each case `«` stands where the message must point; a case without one points to the top of the file.
"""

from __future__ import annotations

from collections.abc import Callable
from textwrap import indent
from types import ModuleType

import pytest

from spec.language import SpecError

DECLARATIONS = '''from __future__ import annotations

import enum

from spec.language import *


class Node(Sort):
    """A process."""


class Term(Ordered):
    """A number."""


class Index(Position):
    """A position in a sequence."""


class Role(enum.Enum):
    """What a process does."""

    IDLE = 1
    BUSY = 2


@record
class Message:
    """What processes send."""

    sender: Node
    term: Term


@record
class Group:
    """Processes."""

    members: Set[Node]


def group(members: Set[Node]) -> bool:
    """Whether a group is a quorum."""
    return is_quorum(members, Node)


'''

EXAMPLE = '''class Example(Protocol):
    """A protocol with a variable of every kind."""

    flag: bool
    leader: Option[Node]
    role: Map[Node, Role]
    term: Map[Node, Term]
    linked: Map[tuple[Node, Node], bool]
    sent: Set[Message]
    votes: Set[Node]
    log: Seq[Index, Message]
    seen: History[Set[Node]]

    def init(self) -> None:
        self.flag = False
        self.leader = None
        self.role = Map({n: Role.IDLE for n in Node})
        self.term = Map({n: Term(0) for n in Node})
        self.linked = Map({(n, m): False for n in Node for m in Node})
        self.sent = Set()
        self.votes = Set()
        self.log = Seq.empty(Index)
        self.seen = Set()

    @action
    def act(self, n: Node) -> None:
'''

ABSTRACT = '''class Abstract(Protocol):
    """Something to refine."""

    done: bool

    def init(self) -> None:
        self.done = False

    @action
    def finish(self) -> None:
        self.done = True


'''

LEADER = "`self.leader` may be None where a value of type Node is needed; guard it: `self.leader is not None`"
LOCAL = "`x` may be None where a value of type Node is needed; guard it: `x is not None`"
BARE = "`{n}` is a set that Python can change, kept as a value; write Set({n})"

# None where CPython would pass it on, in the body of an action of `Example`; the guards that there are do not hold it off.
UNGUARDED = [
    ("self.term[«self.leader] = Term(0)", LEADER),
    ("self.flag = self.term[«self.leader] == 0", LEADER),
    ("self.sent |= {Message(«self.leader, Term(0))}", LEADER),
    ("self.votes |= {«self.leader}", LEADER),
    ("self.votes -= {«self.leader}", LEADER),
    ("self.votes = Set({n, «self.leader})", LEADER),
    ("self.log = self.log.append(Message(«self.leader, Term(0)))", LEADER),
    ("require(«self.leader in self.votes)", LEADER),
    ("x = self.leader\nself.votes |= {«x}", LOCAL),
    ("self.votes |= {«self.leader if self.flag else n}".replace("«self.leader", "«self.leader"), LEADER),
    ("if self.leader is None:\n    self.votes |= {«self.leader}", LEADER),
    ("if self.leader is not None:\n    self.flag = True\nself.votes |= {«self.leader}", LEADER),
    ("if self.leader is not None:\n    self.flag = True\nelse:\n    self.votes |= {«self.leader}", LEADER),
    ("if self.leader is not None or self.flag:\n    self.votes |= {«self.leader}", LEADER),
    ("if not (self.leader is not None and self.flag):\n    self.votes |= {«self.leader}", LEADER),
    ("require(self.leader is not None or «self.leader in self.votes)", LEADER),
    ('require(self.leader is not None, rule="a rule may be removed")\nself.votes |= {«self.leader}', LEADER),
    ("require(self.leader is not None)\nself.leader = None\nself.votes |= {«self.leader}", LEADER),
    ("require(self.leader is not None)\nif self.flag:\n    self.leader = None\nself.votes |= {«self.leader}", LEADER),
    ("require(self.leader is not None)\nfor k in Node:\n    if «self.leader in self.votes:\n        self.leader = None", LEADER),
    ("self.votes = Set({«self.leader for k in Node if self.leader is None})", LEADER),
]

# The same guards where they do.
GUARDED = [
    "require(self.leader is not None)\nself.term[self.leader] = Term(0)\nself.votes |= {self.leader}",
    "require(self.flag and not (self.leader is None))\nself.sent |= {Message(self.leader, Term(0))}",
    "require(self.leader is not None)\nx = self.leader\nself.leader = None\nself.votes |= {x}",
    "if self.leader is None:\n    self.flag = True\nelse:\n    self.votes |= {self.leader}",
    "if not (self.leader is None or self.flag):\n    self.votes |= {self.leader}",
    "require(self.leader is not None and self.leader in self.votes)",
    "require(self.leader is None or self.leader in self.votes)",
    "x = self.leader if self.leader is not None else n\nself.votes |= {x}",
    "self.votes = Set({self.leader for k in Node if self.leader is not None})",
    "require(all(self.leader in self.votes for k in Node if self.leader is not None))",
    "x = self.leader\nrequire(x is not None)\nfor k in Node:\n    self.linked[k, x] = True",
]

# In the body of an action of `Example`.
STATEMENTS = [
    ("x = «1", "the number 1 has no sort here; write Term(0) or compare it with an element of an ordered sort"),
    ('x = «"a"', "the literal 'a' is outside the language; use an enumeration or an element of a sort"),
    ("x = «1.5", "the literal 1.5 is outside the language; use an enumeration or an element of a sort"),
    ("x = «-1", "`-1` is arithmetic; ordered sorts have only neighbours: x + 1 and x - 1"),
    ("x = «[n]", "`[n]` (List) is outside the language; use Seq.empty(Index) and .append(entry)"),
    ("x = «{n: n}", "`{n: n}` (Dict) is outside the language; use Map({key: value for key in Sort})"),
    ("x = «{k: k for k in Node}", "`{k: k for k in Node}` (DictComp) is outside the language; wrap it: Map({key: value for key in Sort})"),
    ('x = «f"{n}"', "`f'{n}'` (JoinedStr) is outside the language; a spec has no strings: use an enumeration"),
    ("x = «lambda: n", "`lambda: n` (Lambda) is outside the language; name it: write a method of the protocol and call it"),
    ("x = «(n, n)", "`(n, n)` (Tuple) is outside the language; declare a @record"),
    ("x = («y := n)", "`(y := n)` (NamedExpr) is outside the language; assign the local on a line of its own"),
    ("«x = y = n", "`x = y = n` (Assign) is outside the language; assign to one name or one variable at a time"),
    ("«x: Node = n", "`x: Node = n` (AnnAssign) is outside the language; declare variables in the class body; locals need no annotation"),
    (
        "«while self.flag: pass",
        "`while self.flag:` (While) is outside the language; a step is atomic and finite: use all(...), any(...), first(...) or several actions",
    ),
    ("«try: pass\nfinally: pass", "`try:` (Try) is outside the language; guards decide: require(condition)"),
    ("for k in Node: «break", "`break` (Break) is outside the language; a `for` visits every element: filter with `if`"),
    ("«for k in Node: self.flag = True", "every turn of this `for` assigns to the same `flag`; assign to entries keyed by `k`"),
    (
        "«for k in Node: self.term[k] = self.term[n]",
        "a turn of this `for` may see what another has changed in `term`; use its entries at `k` alone, or say the new value as a whole: self.term = ...",
    ),
    (
        "«for k in Node:\n    if n not in self.votes:\n        self.votes |= {k}",
        "a turn of this `for` may see what another has changed in `votes`; use its entries at `k` alone, or say the new value as a whole: self.votes = ...",
    ),
    (
        "«for k in Node:\n    self.votes |= {k}\n    self.votes -= {n}",
        "a turn of this `for` may see what another has changed in `votes`; use its entries at `k` alone, or say the new value as a whole: self.votes = ...",
    ),
    ("«for k, j in Node: pass", "a `for` has one name and no else; bind one name"),
    ("for k in «self.votes: pass", "a `for` statement ranges over a whole sort; range over a sort and test inside with `if`"),
    ("for k in «range(3): pass", "`range(...)` is outside the language; range over an ordered sort with a filter: `for i in Index if i <= last`"),
    ("for k in «Message: pass", "`for ... in Message` ranges over all records; range over a set variable that holds them"),
    ("for k in «Unknown: pass", "unknown name `Unknown`; use a parameter, a local, or a variable through `self.`"),
    ("for «n in Node: pass", "the `for` hides the name `n`; choose another name"),
    ("«return n", "`return n` (Return) is outside the language; an action has no value: end it with its last effect"),
    ("«import os", "`import os` (Import) is outside the language; import at the top of the module"),
    ("«global x", "`global x` (Global) is outside the language; state lives in variables of the protocol"),
    ("«assert self.flag", "`assert self.flag` (Assert) is outside the language; write a guard: require(condition)"),
    ("«raise ValueError", "`raise ValueError` (Raise) is outside the language; guards decide: require(condition)"),
    ("«with n: pass", "`with n:` (With) is outside the language; actions are atomic: remove the `with`"),
    ("«del n", "`del n` (Delete) is outside the language; remove from a set with `self.v -= {x}`"),
    ("«def f(): pass", "`def f():` (FunctionDef) is outside the language; write a method of the protocol"),
    ("«match n:\n    case _: pass", "`match n:` (Match) is outside the language; see docs/write-a-spec.md for what the language has"),
    ("«self.flag", "`self.flag` (Expr) is outside the language; see docs/write-a-spec.md for what the language has"),
    ("«self.nope = n", "unknown variable `nope`; declare it in the class body (declared: flag, leader, role, term, linked, sent, votes, log, seen)"),
    ("«self.nope()", "unknown helper `nope`; define it as a method of the protocol"),
    ("«self.act(n)", "`act` is marked @action, not a helper; call an undecorated method"),
    ("«self.init()", "`init` is the initial state, not a helper; call an undecorated method"),
    ("«self.flag[n] = True", "`self.flag` of type bool has no entries to assign to; assign to the whole variable"),
    ("«self.linked[n] = True", "1 key for Map[tuple[Node, Node], bool]; give 2, separated by commas"),
    ("self.term[n] = «n", "`n` has type Node; a value of type Term is needed here"),
    ("self.term[n] = «3", "the number 3 has no sort here; write Term(0) or compare it with an element of an ordered sort"),
    ("self.term[n] = «Term(3)", "`Term(3)` names an element of Term; only the least element of an ordered sort has a name, e.g. Term(0)"),
    ("self.term[n] = «Node(0)", "`Node(0)` names an element of Node; only the least element of an ordered sort has a name, e.g. Term(0)"),
    ("self.term[n] = «self.term[n] + 2", "`self.term[n] + 2` is arithmetic on Term; ordered sorts have only neighbours: x + 1 and x - 1"),
    ("self.term[n] = «self.term[n] * 2", "`self.term[n] * 2` is arithmetic; ordered sorts have only neighbours: x + 1 and x - 1"),
    ("«self.term[n] += 1", "`self.term[n] += 1` on Term; only sets change in place: self.v |= {x}, self.v -= {x}; otherwise self.v = ..."),
    ("self.term = «self.term", "the whole map `self.term` is used as a value; write Map({key: self.x[key] for key in Sort})"),
    (
        "self.term = «Map({k: Term(0) for k in Node if k == n})",
        "a map is total: its keys are all elements of its sorts; write Map({(a, b): value for a in SortA for b in SortB})",
    ),
    ("self.term = «Map({})", "`Map` takes one dictionary comprehension; write Map({key: value for key in Sort})"),
    ("self.leader = «Term(0)", "`Term(0)` has type Term; a value of type Option[Node] is needed here"),
    ("self.flag = n == «self.term[n]", "`self.term[n]` has type Term; a value of type Node is needed here"),
    ("self.flag = «n < n", "Node has no order; only elements of an Ordered sort compare with < and <=, sets with <="),
    ("self.flag = «n is None", "`n` of type Node is never None; compare only Option values with None"),
    ("self.flag = «n is n", "`is` compares only with None; use == for values"),
    ("self.flag = n in «self.flag", "`in` needs a set, found bool; use a set, or a tuple of values"),
    ("self.flag = n in «()", "nothing is `in ()`; write False, or name the values"),
    ("self.flag = self.role[n] == «Role.ASLEEP", "Role has no member `ASLEEP`; it has IDLE, BUSY"),
    ("self.flag = self.role[n] == «1", "the number 1 is compared with a value of type Role; only elements of an ordered sort compare with numbers"),
    ("self.flag = «n.number == 1", "a value of type Node has no `.number`; records have fields, sequences have .last, .after and .indices()"),
    ("self.flag = «None == None", "neither `None` nor `None` says its type; give one of the two a type: a variable, a parameter, Term(0)"),
    ("self.flag = «all(self.votes)", "`all(self.votes)` needs one generator; write all(condition for x in domain)"),
    ("self.flag = «len(self.votes) == 1", "call of `len` is outside the language; count with is_quorum, all(...) or any(...); a sequence has .last"),
    ("self.flag = «min(n, n) == n", "Node has no order; `min` takes elements of an Ordered sort"),
    ("self.flag = «is_quorum({n})", "`is_quorum({n})` is not a question about quorums; write is_quorum(members, Node)"),
    ("self.flag = «is_majority({n})", "`is_majority({n})` is not a question about majorities; write is_majority(members, of)"),
    ("self.flag = is_quorum({n}, «Role)", "`Role` has no quorums; name an unordered sort, e.g. Node"),
    ("self.flag = any(n in q for q in quorums(«Term))", "`Term` has no quorums; name an unordered sort, e.g. Node"),
    ("self.flag = in_force(«n)", 'a rule\'s name must be a literal text; write rule="vote once per term"'),
    ("self.flag = not «n", "`n` has type Node; a value of type bool is needed here"),
    ("self.flag = «self.term == self.term", "whole maps of type Map[Node, Term] are compared; compare the entries: all(self.x[k] == ... for k in Sort)"),
    ("self.votes = «set()", "call of `set` is outside the language; write Set() or Set({a, b})"),
    ("self.votes = «dict()", "call of `dict` is outside the language; write Map({key: value for key in Sort})"),
    ("self.votes = «{n}", BARE),
    ("x = «{n}", BARE),
    ("self.votes = «{n} | self.votes", "`{n} | self.votes` is a set that Python can change, kept as a value; write Set({n} | self.votes)"),
    (
        "x = «{n} if self.flag else self.votes",
        "`{n} if self.flag else self.votes` is a set that Python can change, kept as a value; write Set({n} if self.flag else self.votes)",
    ),
    ("x = «{k for k in Node}", "`{k for k in Node}` is a set that Python can change, kept as a value; write Set({k for k in Node})"),
    ("self.flag = group(«{n})", BARE),
    ("x = Group(«{n})", BARE),
    ("x = «Set(n)", "`Set(n)` makes a set of a value of type Node; write Set({a, b})"),
    ("self.votes = {n, «self.term[n]}", "`self.term[n]` has type Term; a value of type Node is needed here"),
    ("self.votes = «Set({n}, {n})", "`Set({n}, {n})` makes a set of several things; write Set() or Set({a, b})"),
    ("self.votes = «self.sent", "`self.sent` has type Set[Message]; a value of type Set[Node] is needed here"),
    ("self.votes = {«*self.votes}", "`*self.votes` (Starred) is outside the language; see docs/write-a-spec.md for what the language has"),
    ("«self.votes.add(n)", "`self.votes.add(n)` as a statement has no meaning in a spec; write `self.v |= {x}` to add to a set"),
    ("self.sent |= {«Message(n)}", "Message is made with 1 field; give exactly sender, term"),
    ("self.sent |= {«Message(n, Term(0)).copy}", "Message has no field `copy`; it has sender, term"),
    ("self.log = «[]", "`[]` (List) is outside the language; use Seq.empty(Index) and .append(entry)"),
    ("self.log = «Seq.empty(Term)", "`Seq.empty(Term)` is not a Seq[Index, Message]; write Seq.empty(Index)"),
    (
        "self.log = «self.log.push(n)",
        "`.push(...)` with 1 argument is not an operation of sequences; they have append(entry), window(after, last), splice(at, window), extend(window), indices()",
    ),
    (
        "«self.log.append(Message(n, Term(0)))",
        "`self.log.append(Message(n, Term(0)))` as a statement has no meaning in a spec; write `self.v |= {x}` to add to a set",
    ),
    ("self.log = self.log[«0:1]", "`0:1` (Slice) is outside the language; see docs/write-a-spec.md for what the language has"),
    (
        "self.flag = any(m == n for m in «self.log)",
        "cannot range over `self.log` of type Seq[Index, Message]; range over a sort, a set, quorums(Sort) or sequence.indices()",
    ),
    (
        "self.flag = «first(k for k in Node) == n",
        "`first` picks the least element of one ordered domain; write first(i for i in sequence.indices() if condition)",
    ),
    ("self.flag = «self == n", "the whole state `self` is used as a value; name one of its variables"),
    ("self.flag = «Role == n", "`Role` is not a value of the spec; use a parameter, a local, or a variable through `self.`"),
    (
        "self.flag = «print(n)",
        "call of `print` is outside the language; call a helper of the protocol (self.name(...)), all, any, min, max, first, is_quorum, is_majority or in_force",
    ),
    ("self.flag = «n[n] == n", "a value of type Node cannot be indexed; index a map variable or a sequence"),
    (
        "«self.flag, self.leader = True, None",
        "`(self.flag, self.leader)` cannot be assigned to; assign to a variable (self.x), to an entry of a map (self.x[k]) or to a new local",
    ),
    ("«self.flag = n in self.seen", "`flag` depends on the history variable `seen`; only history variables may depend on history"),
    ("«require(n in self.seen)", "a guard reads the history variable `seen`; history is for properties only: guard on real variables"),
    ('«require(self.flag, "message")', '`require` takes one condition; write require(condition) or require(condition, rule="name of the rule")'),
    ("require(self.flag, rule=«n)", 'a rule\'s name must be a literal text; write rule="vote once per term"'),
    ("require(«*self.votes)", "`*self.votes` (Starred) is outside the language; see docs/write-a-spec.md for what the language has"),
    ("x = n\n«x = n", "`x` is assigned twice; a local names one value: choose another name"),
    ("if self.flag:\n    x = n\nself.leader = «x", "unknown name `x`; use a parameter, a local, or a variable through `self.`"),
    ("«x = Set()", "the local `x` has no type; use None and Set() where a type is expected: in a store, a record or an argument"),
    ("«all = n", "the local `all` hides a name of the module or of the language; choose another name"),
    ("«x = self.term", "the whole map `x` is used as a value; read its entries: self.x[key]"),
]

# Members of `Example`, indented by the test.
MEMBERS = [
    ("x: «int", "`int` is unbounded; declare `class Term(Ordered)`: a scope gives it its size"),
    ("x: «str", "`str` is unbounded; declare an enum.Enum or a `class Value(Sort)`"),
    (
        "x: «dict[Node, Term]",
        "`dict[Node, Term]` is not a type of the language; write a sort, an enumeration, a @record, bool, Option, Set, Seq, Window or Map",
    ),
    (
        "x: «tuple[Node, Node]",
        "`tuple[Node, Node]` is not a type of the language; write a sort, an enumeration, a @record, bool, Option, Set, Seq, Window or Map",
    ),
    ("x: «Unknown", "unknown name `Unknown`; define or import it above the protocol"),
    ("x: Map[«Role, Term]", "a map's keys are sorts, found `Role`; use a sort or tuple[Sort, Sort] as the key"),
    ("x: Map[Node, «Map[Node, Term]]", "`Map[Node, Term]` stands within another type; a map is a whole variable: use several keys, Map[tuple[Node, Node], T]"),
    (
        "x: Set[«Set[Message]]",
        "`Set[Message]` stands within another type; sets of records are variables or entries of maps; elsewhere a set holds elements of a sort",
    ),
    ("x: Option[«Option[Node]]", "`Option[Option[Node]]` has two kinds of None; declare an enumeration or a @record"),
    ("x: Set[«Option[Node]]", "a set of `Option[Node]` may hold None; leave None out: Set[Node]"),
    ("x: Seq[«Node, Term]", "`Node` cannot index a sequence; declare `class Index(Position)` and use it"),
    ("x: «Sort", "`Sort` is the base of sorts, not a sort; derive one: `class Node(Sort)`"),
    ("x: «'Map[Node, ['", "`Map[Node, [` is not a type of the language; write a sort, an enumeration, a @record, bool, Option, Set, Seq, Window or Map"),
    ("x: bool = «True", "variable `x` has a value in the class body; assign it in init: self.x = True"),
    ("«x: bool", "variable `x` has no initial value; assign it in init: self.x = ..."),
    (
        "boxes: Map[Node, Set[Message]]\n\n@action\ndef other(self, m: «Message) -> None:\n    require(m in self.boxes[m.sender])",
        "parameter `m: Message` ranges over all values of Message; begin the action with require(m in self.some_set) to draw it from a state set",
    ),
    ("«flag: bool", "`flag` is defined twice; choose another name"),
    ("«scope: bool", "`scope` is a name that every protocol has; choose another name"),
    ("«class Inner: pass", "`class Inner:` in the body of a protocol; it holds variables (name: type), actions, properties and helpers"),
    (
        "@action\ndef other(self, m: «Message) -> None:\n    self.flag = True",
        "parameter `m: Message` ranges over all values of Message; begin the action with require(m in self.some_set) to draw it from a state set",
    ),
    (
        "@action\ndef other(self, m: «Message) -> None:\n    require(m in self.sent - self.sent)",
        "parameter `m: Message` ranges over all values of Message; begin the action with require(m in self.some_set) to draw it from a state set",
    ),
    ("@action\ndef other(self, «m) -> None:\n    self.flag = True", "parameter `m` has no type; annotate it with a sort, a record or Quorum[...]"),
    ("@action\ndef other(self, t: «int) -> None:\n    self.flag = True", "`int` is unbounded; declare `class Term(Ordered)`: a scope gives it its size"),
    (
        "@action\ndef other(self, *«n: Node) -> None:\n    self.flag = True",
        "parameter `n` of `other` is not a plain one; write name: type, without *, ** and /",
    ),
    (
        "@action\ndef other(self, *, «n: Node) -> None:\n    self.flag = True",
        "parameter `n` of `other` is not a plain one; write name: type, without *, ** and /",
    ),
    (
        "@action\ndef other(self, n: Node = «None) -> None:\n    self.flag = True",
        "a parameter of `other` has a default; give every argument where it is called",
    ),
    ("@action\ndef other(self, q: «Quorum[Role]) -> None:\n    self.flag = True", "`Quorum[Role]` is not a quorum of an unordered sort; write Quorum[Node]"),
    ("@action\n«def other() -> None:\n    pass", "`other` has no state; make `self` its first parameter"),
    ("@action\ndef other(self) -> «bool:\n    self.flag = True", "`other` returns bool; an action has effects and no value: annotate it `-> None`"),
    (
        "@action\ndef other(self, n: Node) -> None:\n    «require(n in self.seen)",
        "a guard reads the history variable `seen`; history is for properties only: guard on real variables",
    ),
    (
        "@action\n@«invariant\ndef other(self) -> bool:\n    return True",
        "`@invariant` on `other`; a method has at most one decorator: action, refines, invariant, action_property, witness, constraint, lemma",
    ),
    ("@action\n«async def other(self) -> None:\n    pass", "`async def other`; actions are atomic: write `def`"),
    (
        "@«staticmethod\ndef other(n: Node) -> bool:\n    return True",
        "`@staticmethod` on `other`; a method has at most one decorator: action, refines, invariant, action_property, witness, constraint, lemma",
    ),
    ("«def helper(self):\n    return True", "`helper` does not say what it returns; annotate it: `-> bool`, `-> Term`, or `-> None` for a procedure"),
    ("«def helper(self) -> bool:\n    return self.helper()", "`helper` calls itself; a helper is not recursive: use a quantifier"),
    ("«def helper(self) -> bool:\n    '''Nothing.'''", "a body without `return`; end it with `return expression`"),
    ("«def helper(self) -> bool:\n    if self.flag:\n        return True", "a body without `return`; end it with `return expression`"),
    (
        "def helper(self) -> bool:\n    «self.flag = True\n    return True",
        "`self.flag = True` in a body that has a value; use local definitions, `if ...: return` and `return`",
    ),
    ("def helper(self) -> bool:\n    return True\n    «return False", "a statement after `return` is never reached; remove it"),
    (
        "def helper(self) -> bool:\n    return «self.other(self.flag)\n\ndef other(self) -> bool:\n    return True",
        "`other` takes 0 arguments by position; give none",
    ),
    ("def helper(self, «m: Map[Node, Term]) -> bool:\n    return True", "parameter `m` is a whole map; give an entry, or read the variable in the helper"),
    ("@invariant\n«def good(self, n: Node) -> bool:\n    return True", "invariant `good` takes 2 parameters; give it self"),
    ("@invariant\ndef good(self) -> «Node:\n    return True", "invariant `good` returns Node; a property is true or false: annotate it `-> bool`"),
    (
        "@invariant\ndef good(self) -> bool:\n    return «self.log.last + 1 == 1",
        "`+ 1` may leave the scope, and a property has none to leave; compare with the position before, or use < and <=",
    ),
    ("@action_property\n«def good(self) -> bool:\n    return True", "action_property `good` takes 1 parameter; give it self and the state after the step"),
    (
        "@action_property\ndef good(self, after: Example) -> bool:\n    return «after == self",
        "the whole state `after` is used as a value; name one of its variables",
    ),
    (
        "@refines\n«def abstract(self) -> Abstract:\n    return Abstract.state_of(done=self.flag)",
        "`@refines` does not name the abstract protocol; write @refines(Voting)",
    ),
    (
        "@«refines(Node)\ndef abstract(self) -> Abstract:\n    return Abstract.state_of(done=self.flag)",
        "`Node` is not a protocol; import the abstract protocol above",
    ),
    ("@refines(Abstract)\ndef abstract(self) -> Abstract:\n    return «Abstract.state_of(nope=self.flag)", "the mapping gives nope; give exactly done"),
    (
        "@refines(Abstract)\ndef abstract(self) -> Abstract:\n    «return self.flag",
        "a refinement mapping returns a state of the abstract protocol; write `return Abstract.state_of(variable=...)` and nothing else",
    ),
    (
        "@refines(Abstract)\ndef abstract(self) -> Abstract:\n    return Abstract.state_of(done=«self.votes)",
        "`self.votes` has type Set[Node]; a value of type bool is needed here",
    ),
]

# Whole modules after the declarations.
MODULES = [
    ("«class P(Protocol):\n    x: bool\n", "P has no initial state; define `def init(self) -> None` that assigns every variable"),
    ("«class P(Protocol):\n    x: bool\n\n    def init(self) -> None:\n        self.x = False\n", "P has no actions; mark its methods with @action"),
    ("«class P(Protocol):\n    def init(self) -> None:\n        pass\n", "P has no variables; declare them in the class body, e.g. `leader: Option[Node]`"),
    (
        "class P(Protocol):\n    x: bool\n    y: bool\n\n    def init(self) -> None:\n        self.x = False\n        self.y = «self.x\n\n    @action\n    def act(self) -> None:\n        self.x = True\n",
        "init reads the variable `x`; there is no state yet: write the initial value itself",
    ),
    (
        "class P(Protocol):\n    «x: bool\n\n    def init(self, b: bool) -> None:\n        if b:\n            self.x = False\n\n    @action\n    def act(self) -> None:\n        self.x = True\n",
        "variable `x` has no initial value; assign it in init: self.x = ...",
    ),
    (
        "class P(Protocol):\n    sent: Set[Message]\n\n    def init(self, m: Message) -> None:\n        require(m in «self.sent)\n        self.sent = Set()\n\n    @action\n    def act(self) -> None:\n        self.sent = Set()\n",
        "init reads the variable `sent`; there is no state yet: write the initial value itself",
    ),
    ("def f() -> None:\n    class P(Protocol):\n        x: bool\n\n\nf()\n", "class P: define it at the top level of its module"),
    ("@record\nclass R:\n    «n: Node = None\n\n\nclass P(Protocol):\n    x: Set[R]\n", "field `n` has a default; give every field where the record is made"),
    (
        "@record\nclass R:\n    next: Option[«R]\n\n\nclass P(Protocol):\n    x: Set[R]\n",
        "the record `R` contains itself; records are finite: refer to elements of a sort",
    ),
    ("@record\n«class R:\n    pass\n\n\nclass P(Protocol):\n    x: Set[R]\n", "the record `R` has no fields; use a bool or an enumeration"),
    (
        "import dataclasses\n\n\n@dataclasses.dataclass\n«class R:\n    n: Node\n\n\nclass P(Protocol):\n    x: Set[R]\n",
        "`R` is a dataclass of another kind; decorate it with @record and nothing else, without bases",
    ),
    ("class E(enum.Enum):\n    pass\n\n\nclass P(Protocol):\n    x: «E\n", "`E` has no members, or two with one value; give it members with different values"),
]

# Functions of the module that an action of `Example` calls as `helper(n)`.
FUNCTIONS = [
    ("«def helper(n: Node) -> bool:\n    return helper(n)", "`helper` calls itself; a helper is not recursive: use a quantifier"),
    ("def helper(*«n: Node) -> bool:\n    return True", "parameter `n` of `helper` is not a plain one; write name: type, without *, ** and /"),
    ("def helper(n: Node) -> bool:\n    return «self.flag", "unknown name `self`; use a parameter, a local, or a variable through `self.`"),
    ("«def helper(n: Node):\n    return True", "`helper` does not say what it returns; annotate it: `-> bool`, `-> Term`, or `-> None` for a procedure"),
    ("def helper(n: Node) -> Set[Node]:\n    return «{n}", BARE),
    (
        "def helper(n: Option[Node]) -> Node:\n    if n is None:\n        return «n\n    return n",
        "`n` may be None where a value of type Node is needed; guard it: `n is not None`",
    ),
    ("def helper(«n) -> bool:\n    return True", "parameter `n` has no type; annotate it with a sort, a record or Quorum[...]"),
]


EXTENSIONS = [
    (
        "@action\n«def act(self, n: Node) -> None:\n    self.seen |= {n}",
        "`act` replaces the action of the class above; begin it with `super().act(n)`, and add history only",
    ),
    (
        "«def init(self) -> None:\n    self.flag = True",
        "`init` replaces the init of the class above; begin it with `super().init()`, and add history only",
    ),
    (
        "@action\n«def act(self, m: Node) -> None:\n    super().act(m)",
        "`act` has other parameters than in the class above; give it the same ones",
    ),
    (
        "@action\ndef more(self, n: Node) -> None:\n    «super().more(n)",
        "no class above has `more`; call `super()` only where an action of the class above is extended",
    ),
    (
        "@action\ndef act(self, n: Node) -> None:\n    super().act(n)\n    «require(n in self.votes)",
        "`act` adds a guard to the action of the class above; an extension may only assign to history variables and to its own",
    ),
    (
        "@action\ndef act(self, n: Node) -> None:\n    super().act(n)\n    «self.flag = False",
        "`act` adds an effect on `flag` to the action of the class above; an extension may only assign to history variables and to its own",
    ),
    (
        "@action\ndef act(self, n: Node) -> None:\n    «self.seen |= {n}\n    super().act(n)",
        "`act` does more than name values before the action of the class above; move it behind the call of super()",
    ),
    (
        '@«lemma("")\ndef votes_are_seen(self) -> bool:\n    return self.votes <= self.seen',
        'the lemma `votes_are_seen` names no topic; write @lemma("votes")',
    ),
]


def refusal(load: Callable[[str], ModuleType], marked: str) -> tuple[str, str]:
    """The message that a marked text is refused with, and the place `file:line:column: ` where it should point."""
    before, mark, _ = marked.partition("«")
    line, column = (before.count("\n") + 1, len(before) - before.rfind("\n")) if mark else (1, 1)
    with pytest.raises(SpecError) as caught:
        load(marked.replace("«", ""))
    assert (caught.value.line, caught.value.column) == (line, column)
    return str(caught.value), f"{caught.value.file}:{line}:{column}: "


@pytest.mark.parametrize(("text", "message"), STATEMENTS, ids=[text for text, _ in STATEMENTS])
def test_a_statement_is_refused(load_spec: Callable[[str], ModuleType], text: str, message: str) -> None:
    found, place = refusal(load_spec, DECLARATIONS + EXAMPLE + indent(text, " " * 8) + "\n")
    assert found == place + message


@pytest.mark.parametrize(("text", "message"), UNGUARDED, ids=[text for text, _ in UNGUARDED])
def test_an_option_is_refused_as_a_value(load_spec: Callable[[str], ModuleType], text: str, message: str) -> None:
    found, place = refusal(load_spec, DECLARATIONS + EXAMPLE + indent(text, " " * 8) + "\n")
    assert found == place + message


@pytest.mark.parametrize("text", GUARDED)
def test_an_option_is_a_value_below_a_guard(load_spec: Callable[[str], ModuleType], text: str) -> None:
    load_spec(DECLARATIONS + EXAMPLE + indent(text, " " * 8) + "\n")


@pytest.mark.parametrize(("text", "message"), MEMBERS, ids=[text for text, _ in MEMBERS])
def test_a_member_is_refused(load_spec: Callable[[str], ModuleType], text: str, message: str) -> None:
    found, place = refusal(load_spec, DECLARATIONS + ABSTRACT + EXAMPLE + "        self.flag = True\n\n" + indent(text, " " * 4) + "\n")
    assert found == place + message


@pytest.mark.parametrize(("text", "message"), MODULES, ids=[text for text, _ in MODULES])
def test_a_module_is_refused(load_spec: Callable[[str], ModuleType], text: str, message: str) -> None:
    found, place = refusal(load_spec, DECLARATIONS + text)
    assert found == place + message


@pytest.mark.parametrize(("text", "message"), EXTENSIONS, ids=[text for text, _ in EXTENSIONS])
def test_an_extension_is_refused(load_spec: Callable[[str], ModuleType], text: str, message: str) -> None:
    extension = '\n\nclass Extended(Example):\n    """The protocol with more history."""\n\n' + indent(text, " " * 4) + "\n"
    found, place = refusal(load_spec, DECLARATIONS + EXAMPLE + "        self.flag = True\n" + extension)
    assert found == place + message


@pytest.mark.parametrize(("text", "message"), FUNCTIONS, ids=[text for text, _ in FUNCTIONS])
def test_a_function_is_refused(load_spec: Callable[[str], ModuleType], text: str, message: str) -> None:
    found, place = refusal(load_spec, DECLARATIONS + text + "\n\n\n" + EXAMPLE + "        require(helper(n))\n")
    assert found == place + message


def test_the_message_begins_with_the_path_of_the_file(load_spec: Callable[[str], ModuleType]) -> None:
    with pytest.raises(SpecError) as caught:
        load_spec(DECLARATIONS + EXAMPLE + "        x = 1\n")
    assert caught.value.file.endswith(".py")
    assert str(caught.value).startswith(f"{caught.value.file}:{caught.value.line}:13: the number 1 has no sort here; ")


def test_the_example_itself_is_accepted(load_spec: Callable[[str], ModuleType]) -> None:
    module = load_spec(DECLARATIONS + ABSTRACT + EXAMPLE + "        self.flag = True\n")
    assert [a.name for a in module.Example.ir.actions] == ["act"]
