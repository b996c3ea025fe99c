"""Traces as ITF files: what is written is read back, by us and by the library of the format."""

import functools
import json
import math
import random

import itf_py
import pytest

from model_check import itf
from model_check.evaluation import successors
from model_check.trace import Origin, Trace, first_wrong_step
from spec.consensus import Consensus
from spec.language import IonianError, Map, Scope, Seq, Set, Window
from spec.language.types import MapType, OptionType, SeqType, SetType, SortType, WindowType
from spec.paxos import Paxos
from spec.quorums import explicit
from spec.raft import Index, Node, Raft, Term
from spec.replicated_log import ReplicatedLog
from spec.voting import Voting

PROTOCOLS = [
    Consensus(Scope(value=2), without=("choose only once",)),
    Voting(Scope(acceptor=3, ballot=2, value=2)),
    Paxos(Scope(acceptor=3, ballot=2, value=2), quorums={"acceptor": explicit([1], [2, 3])}),
    ReplicatedLog(),
    Raft(Scope(node=3, term=2, index=2, value=1)),
]


def walk(protocol, seed, steps=12):
    """A random behaviour."""
    choose = random.Random(seed)
    state = choose.choice(protocol.initial_states())
    initial, taken = state, []
    for _ in range(steps):
        options = [(s, a) for s, a in successors(protocol, state) if a != state]
        if not options:
            break
        taken.append(choose.choice(options))
        state = taken[-1][1]
    return Trace(Origin.of(protocol), initial, tuple(taken), "some_property")


@pytest.mark.parametrize("protocol", PROTOCOLS, ids=lambda p: p.ir.name)
@pytest.mark.parametrize("seed", range(3))
def test_read_gives_what_was_written(protocol, seed):
    trace = walk(protocol, seed)
    document = itf.parse(itf.write(trace))
    assert document.origin == trace.origin
    assert itf.read(document, protocol) == trace
    assert first_wrong_step(protocol, itf.read(document, protocol)) == ""
    assert itf.write(itf.read(document, protocol)) == itf.write(trace)


@pytest.mark.parametrize("protocol", PROTOCOLS, ids=lambda p: p.ir.name)
def test_the_library_of_the_format_reads_it(protocol):
    trace = walk(protocol, 5)
    found = itf_py.trace_from_json(json.loads(itf.write(trace)))
    assert found.vars == [v.name for v in protocol.ir.variables]
    assert len(found.states) == len(trace.steps) + 1
    assert [s.meta.get("action") for s in found.states] == [None, *(step.action for step, _ in trace.steps)]
    for theirs, ours in zip(found.states, trace.states, strict=True):
        for variable in protocol.ir.variables:
            compare(theirs.values[variable.name], getattr(ours, variable.name))


def compare(theirs, ours):
    """Sizes, keys and plain values agree."""
    if isinstance(ours, Map):
        assert len(theirs) == len(ours.items())
        for key, value in ours.items():
            compare(theirs[tuple(repr(k) for k in key) if isinstance(key, tuple) else repr(key)], value)
    elif isinstance(ours, frozenset):
        assert isinstance(theirs, frozenset)
        assert len(theirs) == len(ours)
    elif isinstance(ours, Seq):
        assert len(theirs) == len(ours.entries)
    elif isinstance(ours, int):
        assert theirs == int(ours)


def test_values_have_the_forms_of_the_format():
    a, b = Node(0), Node(1)
    assert itf.encode(Term(2)) == {"#bigint": "2"}
    assert itf.encode(Term(2), bigint=False) == 2
    assert itf.encode(None) == {"tag": "None"}
    assert itf.encode(Set({b, a})) == {"#set": ["n1", "n2"]}
    assert itf.encode(Map({(a, b): True})) == {"#map": [[{"#tup": ["n1", "n2"]}, True]]}
    assert itf.encode(Seq(Index, 0, (a, b))) == ["n1", "n2"]
    assert itf.encode(Window(Index, 1, (a,))) == {"tag": "Window", "after": {"#bigint": "1"}, "entries": ["n1"]}


def test_every_type_is_decoded():
    protocol = Raft(Scope(node=2, term=2, index=2, value=1))
    node, term, index = SortType(Node), SortType(Term), SortType(Index)
    key = MapType((node, node), OptionType(term))
    values = [
        (OptionType(term), None),
        (SetType(SetType(node)), Set({Set({Node(0)}), Set()})),
        (SeqType(index, node), Seq(Index, 0, (Node(1), Node(0)))),
        (WindowType(index, node), Window(Index, 1, (Node(1),))),
        (key, Map({(a, b): Term(1) if a == b else None for a in (Node(0), Node(1)) for b in (Node(0), Node(1))})),
    ]
    for type_, value in values:
        assert itf.decode(protocol, type_, itf.encode(value)) == value
        assert itf.decode(protocol, type_, json.loads(json.dumps(itf.encode(value)))) == value
    shuffled = itf.encode(values[-1][1])
    shuffled["#map"].reverse()
    assert [k for k, _ in itf.decode(protocol, key, shuffled).items()] == [k for k, _ in values[-1][1].items()]


NESTED = functools.reduce(lambda inner, _: [inner], range(2_000), [])


@pytest.mark.parametrize(
    "data",
    [3, -1, 0.5, math.inf, True, "n1", {"#bigint": "99"}, {"#bigint": 1.0}, {"#bigint": "9" * 5_000}, {"tag": "None"}, [], {"#set": ["n1"]}, None, {}, NESTED],
    ids=lambda data: f"{data!r:.20}" if data is not NESTED else "nested",
)
def test_data_of_another_type_are_refused(data):
    with pytest.raises(itf.TraceError, match="is not a value of Term within the scope$") as refusal:
        itf.decode(Raft(Scope(node=2, term=2, index=1, value=1)), SortType(Term), data)
    assert len(str(refusal.value)) < 300


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("", "not a trace: line 1"),
        ("[" * 100_000, "not a trace: its values are nested too deeply"),
        ("[]", "not a trace that Ionian wrote"),
        ('{"vars": [], "states": []}', "not a trace that Ionian wrote"),
        ('{"#meta": {"ionian": {"spec": "paxos", "scope": {"a": 0}, "without": [], "quorums": {}, "property": ""}}, "states": [{}]}', "at least 1"),
        ('{"#meta": {"ionian": {"spec": "paxos", "scope": {}, "without": [], "quorums": {}, "property": ""}}, "states": []}', "at least one state"),
    ],
)
def test_other_files_are_refused(text, message):
    with pytest.raises(IonianError, match=message):
        itf.parse(text)


def changed(trace, change):
    data = json.loads(itf.write(trace))
    change(data)
    return itf.parse(json.dumps(data))


def test_a_changed_file_is_no_behaviour():
    protocol = Paxos(Scope(acceptor=3, ballot=2, value=2))
    trace = walk(protocol, 1)

    def forget(data):
        data["states"][3]["promises"] = data["states"][3]["prepares"] = {"#set": []}

    def jump(data):
        del data["states"][2]

    def start(data):
        del data["states"][0]

    assert first_wrong_step(protocol, itf.read(changed(trace, forget), protocol)).startswith("step 3 is not a step of the protocol: ")
    assert "is not a step of the protocol" in first_wrong_step(protocol, itf.read(changed(trace, jump), protocol))
    assert first_wrong_step(protocol, itf.read(changed(trace, start), protocol)) == "state 0 is not an initial state of the protocol"


def test_a_step_outside_the_protocol_names_its_state():
    protocol = Paxos(Scope(acceptor=3, ballot=2, value=2))
    trace = walk(protocol, 1)

    def rename(data):
        data["states"][2]["#meta"]["action"] = "phase_9"

    def bare(data):
        del data["states"][2]["#meta"]

    def extra(data):
        data["states"][1]["ghost"] = 1

    for change, message in ((rename, "state 2: Paxos has no action `phase_9`"), (bare, "state 2: "), (extra, "state 1: its variables are")):
        with pytest.raises(itf.TraceError, match=message):
            itf.read(changed(trace, change), protocol)
