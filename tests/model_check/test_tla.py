"""The TLA+ export: every module parses, TLC's counts are ours, and what the text says."""

from __future__ import annotations

import os
import re
from dataclasses import asdict, replace
from functools import partial
from pathlib import Path

import pytest
import tla
from click.testing import CliRunner

from model_check import Result, check
from model_check.cli.export import export as export_command
from model_check.cli.main import run
from model_check.cli.specs import SHIPPED, find_protocol
from model_check.refine import mapping_to, refine
from model_check.search import abstraction
from model_check.tla import export
from spec.etcd_raft import EtcdRaft
from spec.language import Protocol, Scope, SpecError
from spec.multi_paxos import MultiPaxos
from spec.paxos import Paxos
from spec.quorums import explicit
from spec.raft import Raft
from tests.model_check.odd_corners import Lamp, MeetingNames, OddCorners, Painted, Watched
from tests.model_check.tlc import JAR, Entry, ask, entries

SMALL = 3_000
"""Distinct states up to which the interpreter is done with an entry before the compiler is."""
QUICK = 500
"""Distinct states up to which it takes seconds."""
SLOW = {"etcd-raft": 0, "deployed-raft": 100, "proofs/raft.py:RaftProof": 0}
"""The same where a state has many steps."""


def quick(entry: Entry) -> bool:
    """Whether an entry is one for the default tests."""
    if entry.distinct_states is None:
        # A step that is none of the abstract protocol is soon found; the other verdicts without counts are of large spaces.
        return entry.refines != ""
    return entry.distinct_states <= SLOW.get(entry.spec, QUICK)


QUICK_ENTRIES = [e for e in entries() if quick(e)]
OTHER_ENTRIES = [e for e in entries() if not quick(e)]

LENGTHY = ("etcd-raft", "deployed-raft")


@pytest.mark.parametrize("name", SHIPPED)
def test_every_export_parses(name):
    parses(find_protocol(name))


# The parser takes seconds for a long module.
@pytest.mark.parametrize("name", [pytest.param(n, marks=pytest.mark.long if n in LENGTHY else ()) for n in SHIPPED])
def test_every_export_without_a_rule_parses(name):
    cls = find_protocol(name)
    for rule, _ in cls.ir.rules:
        parses(cls, rule)


def parses(cls: type[Protocol], *without: str) -> None:
    """The export is a module of TLA+ of the protocol's name."""
    module, _ = export(cls(without=without), symmetry=not without)
    assert tla.parse(module).name == cls.__name__


def test_the_parser_is_a_judge():
    module, _ = export(Paxos())
    with pytest.raises(ValueError, match="Error while parsing"):
        tla.parse(module.replace("/\\ max_bal' =", "/\\ max_bal' = ="))


def agrees(entry: Entry, engine: str) -> None:
    """Ours is TLC's verdict, and what belongs to it."""
    (agrees_on_steps if entry.refines else agrees_on_properties)(entry, engine)


def agrees_on_steps(entry: Entry, engine: str) -> None:
    """Our explorer, too, finds that each step is one of the abstract protocol or none; or as short a way to one that is not."""
    found = refine(entry.protocol(), find_protocol(entry.refines), engine=engine, symmetry=entry.symmetry)
    assert found.verdict == entry.verdict
    if found.trace is not None:
        assert (found.mapping, len(found.trace.steps)) == (entry.property, entry.steps)
    else:
        assert (found.distinct_states, found.depth) == (entry.distinct_states, entry.depth)


def agrees_on_properties(entry: Entry, engine: str) -> None:
    """Our explorer finds the verdict that TLC found, a counterexample as long, also of the very property that TLC names, and its counts."""
    search = partial(check, entry.protocol(), engine=engine, symmetry=entry.symmetry, constraints=entry.constraints)
    result = search()
    assert result.verdict == entry.verdict
    if entry.verdict == "violated":
        named = result if result.property == entry.property else search(properties=(entry.property,))
        assert [steps(result), steps(named)] == [entry.steps, entry.steps]
    if entry.distinct_states is not None:
        whole = result if entry.verdict == "holds" else search(properties=())
        assert (whole.distinct_states, whole.depth) == (entry.distinct_states, entry.depth)


def steps(result: Result) -> int:
    """How long the counterexample is."""
    assert result.trace is not None
    return len(result.trace.steps)


@pytest.mark.parametrize("entry", QUICK_ENTRIES, ids=lambda e: e.name)
def test_verdicts_and_counts_are_those_of_tlc(entry):
    agrees(entry, "interpreter")


@pytest.mark.parametrize(
    "otherwise", [{"verdict": "holds"}, {"property": "validity"}, {"steps": 11}, {"distinct_states": 168}, {"depth": 11}], ids=lambda o: next(iter(o))
)
def test_a_difference_is_noticed(otherwise):
    (entry,) = [e for e in entries() if e.name == "paxos 2-2-2 without report-the-highest-vote"]
    with pytest.raises(AssertionError):
        agrees(replace(entry, **otherwise), "interpreter")


@pytest.mark.parametrize("otherwise", [{"verdict": "holds"}, {"property": "agreement"}, {"steps": 6}], ids=lambda o: next(iter(o)))
def test_a_difference_in_steps_is_noticed(otherwise):
    (entry,) = [e for e in entries() if e.name == "paxos 2-2-2 without keep-the-promise refines voting"]
    with pytest.raises(AssertionError):
        agrees(replace(entry, **otherwise), "interpreter")


@pytest.mark.long
@pytest.mark.parametrize("entry", OTHER_ENTRIES, ids=lambda e: e.name)
def test_the_larger_ones_are_those_of_tlc(entry):
    small = entry.distinct_states is not None and entry.distinct_states <= SMALL
    agrees(entry, "interpreter" if small else "native")


@pytest.mark.parametrize("name", SHIPPED)
def test_tlc_has_judged_every_rule(name):
    """At one scope at least, and the whole protocol at two; each of its refinement mappings, too."""
    judged = [e for e in entries() if e.spec == name]
    assert {e.mapping() for e in judged if e.refines and not e.without} == set(find_protocol(name).ir.refinements)
    assert {rule for e in judged for rule in e.without} == {rule for rule, _ in find_protocol(name).ir.rules}
    assert len([e for e in judged if not e.without]) >= 2


@pytest.mark.skipif(JAR not in os.environ, reason=f"set {JAR} to the path of tla2tools.jar to run TLC itself")
@pytest.mark.parametrize("entry", QUICK_ENTRIES, ids=lambda e: e.name)
def test_tlc_itself(entry):
    assert replace(entry, **asdict(ask(entry))) == entry


def test_the_guide_shows_what_is_exported():
    """Two actions, with their words and the order of their statements."""
    guide = (Path(__file__).parents[2] / "docs" / "for-tla-users.md").read_text(encoding="utf-8")
    simple, sequential = re.findall(r"```tla\n(.*?)```", guide, re.DOTALL)
    assert f"\n{simple}\n" in export(Paxos())[0]
    assert f"\n{sequential}\n" in export(Raft())[0]
    assert r"\/ \E a \in Acceptor, m \in accepts : phase_2b(a, m)" in export(Paxos())[0]


def test_a_list_before_an_implication_stands_in_parentheses():
    """Without them the implication would belong to the last item of the list."""
    module, _ = export(EtcdRaft())
    (text,) = re.findall(r"\none_vote_per_term ==\n(.*?)\n\n", module, re.DOTALL)
    assert [line.strip() for line in text.splitlines()][1:3] + text.splitlines()[-2:] == [
        '(/\\ x.kind = "vote_reply"',
        '/\\ y.kind = "vote_reply"',
        "         /\\ ~y.reject) =>",
        "            x.target = y.target",
    ]


def test_a_majority_is_counted():
    module, _ = export(OddCorners())
    assert "2 * Cardinality(voters \\cap seen) > Cardinality(seen)" in module


def test_a_map_over_pairs_is_a_function_of_pairs():
    module, configuration = export(MultiPaxos(Scope(acceptor=2, ballot=2, slot=2, value=1)))
    assert r"\/ \E a \in Acceptor, m \in accepts : phase_2b(a, m)" in module
    assert "Slot = {s1, s2}" in configuration


def test_a_removed_rule_leaves_a_comment():
    module, _ = export(Paxos(without=("keep the promise",)))
    assert '\\* The rule "keep the promise" is removed.' in module
    assert '\\* Without the rule "keep the promise": no guard here.' in module
    assert "at_most" not in module


def test_the_scope_is_the_configuration():
    _, configuration = export(Raft(Scope(node=2, term=3, index=4, value=1)))
    for line in ("Node = {n1, n2}", "MaxTerm = 3", "MaxIndex = 4", "Value = {v1}", "None = None"):
        assert f"    {line}\n" in configuration
    assert "CHECK_DEADLOCK FALSE" in configuration
    assert "INVARIANT election_safety" in configuration
    assert "PROPERTY leader_append_only" in configuration
    assert "\\* CONSTRAINT one_candidate_per_term" in configuration


def test_leaving_the_scope_disables():
    module, _ = export(Raft())
    assert "    /\\ current_term[n] < MaxTerm\n" in module
    assert "    /\\ Len(log[n]) < MaxIndex\n" in module


def test_only_alike_elements_are_permuted():
    scope = Scope(acceptor=3, ballot=1, value=2)
    assert "Symmetry == Permutations(Acceptor) \\cup Permutations(Value)" in export(Paxos(scope), symmetry=True)[0]
    told_apart = Paxos(scope, quorums={"acceptor": explicit((1, 2), (1, 3))})
    module, configuration = export(told_apart, symmetry=True)
    assert "Symmetry == Permutations(Value)" in module
    assert "Quorum = {{a1, a2}, {a1, a3}}" in configuration
    assert "SYMMETRY Symmetry" in configuration


def test_sorts_with_one_initial_keep_apart():
    _, configuration = export(OddCorners())
    assert "Cell = {cell1, cell2}" in configuration
    assert "Colour = {colour1}" in configuration


LOOP = """
from spec.language import *
class Node(Sort):
    "A node."
class P(Protocol):
    "A loop that changes two entries in each turn."
    a: Map[tuple[Node, Node], bool]
    def init(self) -> None:
        self.a = Map({(n, m): False for n in Node for m in Node})
    @action
    def go(self, m: Node) -> None:
        for n in Node:
            self.a[n, m] = True
            self.a[n, n] = False
"""


WORDS = """
from spec.language import *
class Node(Sort):
    "A node."
@record
class Hop:
    "A record."
    hop: Node
class P(Protocol):
    "An action and a field whose names are other words in other tests."
    default_scope = Scope(node=2)
    last: Option[Hop]
    def init(self) -> None:
        self.last = None
    @action
    def go(self, n: Node) -> None:
        self.last = Hop(n)
"""


def test_what_tla_cannot_say_is_refused_with_its_place(load_spec):
    with pytest.raises(SpecError, match=r"\.py:12:\d+: export to TLA\+: this `for` changes several entries of `a`"):
        export(load_spec(LOOP).P(Scope(node=2)))


@pytest.mark.parametrize(("name", "word"), [("go", "CHOOSE"), ("go", "Append"), ("go", "WF_go"), ("hop", "IN"), ("hop", "SF_hop")])
def test_a_word_of_tla_is_refused(load_spec, name, word):
    """An action by any of its names, a field by a keyword."""
    with pytest.raises(SpecError, match=rf"export to TLA\+: `{word}` already means something"):
        export(load_spec(WORDS.replace(name, word)).P())


def test_letters_are_those_of_tla(load_spec):
    """An action or a field in others is refused; a parameter, which nobody looks up, is spelt in them."""
    for name in ("go", "hop"):
        with pytest.raises(SpecError, match=r"export to TLA\+: `né` has letters that TLA\+ has not; give it a name in ASCII"):
            export(load_spec(re.sub(rf"\b{name}\b", "né", WORDS)).P())
    assert "\ngo(n_e) ==" in export(load_spec(re.sub(r"\bn\b", "née", WORDS)).P())[0]


def test_a_field_may_be_called_like_an_operator(load_spec):
    assert "Hop == [Append: Node]" in export(load_spec(WORDS.replace("hop", "Append")).P())[0]


def test_a_parameter_gives_way_to_a_helper():
    """TLA+ has no shadowing, and the helper stands before every action; nor may a name begin like a fairness condition."""
    module, _ = export(MeetingNames())
    assert "\nclimb(high_1, xWF_first) ==\n" in module
    assert "/\\ ~high(xWF_first)\n" in module


def test_quorums_that_only_a_parameter_asks_for_are_defined():
    assert "\nQuorum == {q \\in SUBSET Cell : " in export(MeetingNames())[0]


def test_without_sorts_there_are_no_constants():
    assert not any("CONSTANTS" in text for text in export(Lamp()))


def test_command_writes_module_and_configuration(tmp_path: Path):
    done = CliRunner().invoke(export_command, ["tla", "paxos", "-o", str(tmp_path / "out"), "--acceptors", "2", "--without", "keep the promise"])
    assert done.exit_code == 0, done.output
    assert "MODULE Paxos" in (tmp_path / "out" / "Paxos.tla").read_text()
    assert "Acceptor = {a1, a2}" in (tmp_path / "out" / "Paxos.cfg").read_text()


def test_the_command_writes_what_is_refined(tmp_path: Path, capsys: pytest.CaptureFixture[str]):
    assert run(["export", "tla", "paxos", "--refines", "voting", "-o", str(tmp_path)]) == 0
    assert "Paxos.tla and Paxos.cfg, Voting.tla; check" in capsys.readouterr().out
    module, configuration, abstract = ((tmp_path / name).read_text() for name in ("Paxos.tla", "Paxos.cfg", "Voting.tla"))
    assert "Abstract == INSTANCE Voting WITH\n    votes <- {[acceptor |-> m.acceptor, " in module
    assert "RefinesVoting == Abstract!Spec\n" in module
    assert "PROPERTY RefinesVoting\n" in configuration
    assert abstract == export(abstraction(Paxos(), "voting")[0])[0]
    assert run(["export", "tla", "paxos", "--refines", "raft", "-o", str(tmp_path)]) == 2
    assert "Paxos has no refinement mapping to Raft (it maps to Voting)" in capsys.readouterr().err


def test_quorums_that_are_given_are_those_of_what_is_refined():
    """A constant of both modules, by its name in each."""
    protocol = Watched(Scope(cell=3, colour=2, level=2), quorums={"cell": explicit((1, 2), (2, 3))})
    module, configuration = export(protocol, mapping=mapping_to(Watched, Painted))
    assert ",\n    Quorum <- CellQuorum\n" in module
    assert "CellQuorum = {{cell1, cell2}, {cell2, cell3}}" in configuration


ONE_NAME = """
from spec.consensus import Consensus as Above, Value
from spec.language import *
class Consensus(Protocol):
    "It chooses nothing."
    default_scope = Scope(value=2)
    chosen: Set[Value]
    def init(self) -> None:
        self.chosen = Set()
    @action
    def go(self, v: Value) -> None:
        require(v in self.chosen)
    @refines(Above)
    def above(self) -> Above:
        return Above.state_of(chosen=self.chosen)
"""


def test_two_modules_of_one_name_are_refused(tmp_path: Path, capsys: pytest.CaptureFixture[str]):
    (tmp_path / "one_name.py").write_text(ONE_NAME)
    assert run(["export", "tla", f"{tmp_path / 'one_name.py'}:Consensus", "--refines", "consensus", "-o", str(tmp_path / "out")]) == 2
    assert "two modules cannot both be called Consensus" in capsys.readouterr().err
    assert not (tmp_path / "out").exists()


def test_both_files_are_written_or_neither(tmp_path: Path, capsys: pytest.CaptureFixture[str]):
    (tmp_path / "Paxos.cfg").mkdir()
    assert run(["export", "tla", "paxos", "-o", str(tmp_path)]) == 2
    assert "Paxos.cfg cannot be written: it is a folder" in capsys.readouterr().err
    assert [path.name for path in tmp_path.iterdir()] == ["Paxos.cfg"]
