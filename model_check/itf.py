"""Traces as files in ITF, the Informal Trace Format of Apalache and Quint (Apalache ADR-015).

Values: elements of unordered sorts and enumeration members are strings, of ordered sorts `#bigint`; records are
objects with a `tag` that names the record; None is the object `{"tag": "None"}`; maps are `#map`, tuples of keys
`#tup`, sets `#set` (in the order of the spec language, so that equal traces are equal files), sequences lists.
Windows carry their first position: `{"tag": "Window", "after": ..., "entries": [...]}`.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, TypeAlias

from model_check.evaluation import in_scope
from model_check.trace import Origin, Trace
from spec.language import IonianError, Map, Ordered, Protocol, Scope, Seq, Sort, State, Step, Window
from spec.language.types import BoolType, EnumType, MapType, OptionType, RecordType, SeqType, SetType, SortType, Type, WindowType
from spec.language.values import elements, sort_key

Json: TypeAlias = "dict[str, Json] | list[Json] | str | int | float | bool | None"

_LONGEST = 200
"""Characters of data that a message shows."""
_FORMAT = "https://apalache-mc.org/docs/adr/015adr-trace.html"


class TraceError(IonianError):
    """A file that is not a trace of the protocol it names."""


def encode(value: Any, bigint: bool = True) -> Json:
    """A value in ITF; `bigint=False` writes plain numbers, for readers of plain JSON."""
    match value:
        case None:
            return {"tag": "None"}
        case bool():
            return value
        case Ordered():
            return {"#bigint": str(int(value))} if bigint else int(value)
        case Sort():
            return repr(value)
        case frozenset():
            return {"#set": [encode(v, bigint) for v in sorted(value, key=sort_key)]}
        case tuple():
            return {"#tup": [encode(v, bigint) for v in value]}
        case Map():
            return {"#map": [[encode(k, bigint), encode(v, bigint)] for k, v in value.items()]}
        case Seq():
            return [encode(e, bigint) for e in value.entries]
        case Window():
            return {"tag": "Window", "after": encode(value.after, bigint), "entries": [encode(e, bigint) for e in value.entries]}
        case _ if hasattr(type(value), "__members__"):
            return str(value.name)
        case int():
            return {"#bigint": str(value)} if bigint else value
        case _:
            return {"tag": type(value).__name__, **{name: encode(getattr(value, name), bigint) for name in type(value).__slots__}}


def encode_state(state: State, bigint: bool = True) -> dict[str, Json]:
    """A state's variables in ITF."""
    return {name: encode(value, bigint) for name, value in state.items()}


def decode(protocol: Protocol, type_: Type, data: Json) -> Any:
    """The value of a type that ITF data stand for; TraceError where they stand for none within the scope."""
    try:
        value = _decode(protocol, type_, data)
        fits = in_scope(type_, value, protocol.context.sizes)
    except (KeyError, TypeError, ValueError, AttributeError, StopIteration):
        fits = False
    if not fits:
        raise TraceError(f"{_text(data)} is not a value of {type_} within the scope")
    return value


def _text(data: Json) -> str:
    """Data as JSON, as far as a message can hold it."""
    try:
        text = json.dumps(data)
    except RecursionError:
        return "what is nested so deeply"
    return text if len(text) <= _LONGEST else f"{text[:_LONGEST]}..."


def _decode(protocol: Protocol, type_: Type, data: Any) -> Any:
    match type_:
        case BoolType():
            return data
        case SortType(cls=cls) if issubclass(cls, Ordered):
            number = data["#bigint"] if isinstance(data, dict) else data
            if type(number) not in (int, str):
                raise TypeError(number)
            return cls(int(number))
        case SortType(cls=cls):
            return {repr(e): e for e in elements(cls, protocol.context.sizes[cls])}[data]
        case EnumType(cls=cls):
            return cls[data]
        case OptionType(of=of):
            return None if data == {"tag": "None"} else _decode(protocol, of, data)
        case RecordType(cls=cls, name=name, fields=fields):
            if data["tag"] != name or set(data) != {"tag", *(f for f, _ in fields)}:
                raise ValueError(name)
            return cls(*(_decode(protocol, t, data[f]) for f, t in fields))
        case SetType(of=of):
            return frozenset(_decode(protocol, of, m) for m in data["#set"])
        case SeqType(index=index, of=of):
            return Seq(index.cls, 0, tuple(_decode(protocol, of, e) for e in data))
        case WindowType(index=index, of=of):
            after = _decode(protocol, index, data["after"])
            return Window(index.cls, after, tuple(_decode(protocol, of, e) for e in data["entries"]))
        case MapType():
            return _decode_map(protocol, type_, data)
        case _:
            raise AssertionError(type_)


def _decode_map(protocol: Protocol, type_: MapType, data: Any) -> Map[Any, Any]:
    found = {}
    for key, value in data["#map"]:
        parts = key["#tup"] if len(type_.keys) > 1 else [key]
        decoded = tuple(_decode(protocol, t, part) for t, part in zip(type_.keys, parts, strict=True))
        found[decoded if len(decoded) > 1 else decoded[0]] = _decode(protocol, type_.value, value)
    # A map's keys stand in their order, whatever the order of the file.
    ordered = Map({k: found[k] for k in sorted(found, key=lambda k: tuple(map(sort_key, k)) if isinstance(k, tuple) else sort_key(k))})
    ordered.freeze()
    return ordered


def to_json(trace: Trace) -> dict[str, Json]:
    """The whole ITF document of a trace."""
    header: dict[str, Json] = {**trace.origin.to_json(), "property": trace.violates}
    states: list[Json] = [{"#meta": {"index": 0}, **encode_state(trace.initial)}]
    for number, (step, state) in enumerate(trace.steps, start=1):
        arguments: Json = {name: encode(value) for name, value in step.arguments}
        states.append({"#meta": {"index": number, "action": step.action, "arguments": arguments}, **encode_state(state)})
    return {
        "#meta": {"format": "ITF", "format-description": _FORMAT, "description": f"a behaviour of {trace.origin.spec}, found by Ionian", "ionian": header},
        "vars": [name for name, _ in trace.initial.items()],
        "states": states,
    }


def write(trace: Trace) -> str:
    """The text of a trace's file: one line a state."""
    document = to_json(trace)
    states = document.pop("states")
    assert isinstance(states, list)
    head = json.dumps(document)[:-1]
    return f'{head}, "states": [\n' + ",\n".join(json.dumps(state) for state in states) + "\n]}\n"


@dataclass(frozen=True)
class Document:
    """A trace's file before its protocol is known: what it says of its origin, and the rest as JSON."""

    origin: Origin
    property: str
    states: list[Any]


def parse(text: str) -> Document:
    """The document in a file's text; TraceError where it is not an ITF trace written by Ionian."""
    try:
        data = json.loads(text)
        header = data["#meta"]["ionian"]
        quorums = tuple(sorted((str(k), str(v)) for k, v in header["quorums"].items()))
        origin = Origin(str(header["spec"]), Scope(**header["scope"]), tuple(str(r) for r in header["without"]), quorums)
        states = data["states"]
        if not (isinstance(states, list) and states and all(isinstance(s, dict) for s in states)):
            raise TraceError("not a trace: `states` is not a list of at least one state")
        return Document(origin, str(header["property"]), states)
    except json.JSONDecodeError as error:
        raise TraceError(f"not a trace: line {error.lineno}, column {error.colno}: {error.msg}") from None
    except RecursionError:
        raise TraceError("not a trace: its values are nested too deeply") from None
    except (KeyError, TypeError, AttributeError):
        raise TraceError("not a trace that Ionian wrote: it lacks `#meta`.`ionian` with spec, scope, without, quorums and property, or `states`") from None


def read(document: Document, protocol: Protocol) -> Trace:
    """The trace in a document, as values of its protocol; TraceError names the state that does not fit."""
    states, steps = [], []
    for number, data in enumerate(document.states):
        try:
            states.append(decode_state(protocol, data))
            if number:
                steps.append(decode_step(protocol, data["#meta"]))
        except TraceError as error:
            raise TraceError(f"state {number}: {error}") from None
        except (KeyError, TypeError):
            raise TraceError(f"state {number}: `#meta` lacks the action and its arguments") from None
    return Trace(document.origin, states[0], tuple(zip(steps, states[1:], strict=True)), document.property)


def decode_state(protocol: Protocol, data: Mapping[str, Any]) -> State:
    """The state that ITF data stand for; TraceError where they stand for none of the protocol within its scope."""
    names = tuple(v.name for v in protocol.ir.variables)
    if set(data) - {"#meta"} != set(names):
        raise TraceError(f"its variables are {', '.join(sorted(set(data) - {'#meta'}))}; {protocol.ir.name} has {', '.join(names)}")
    return State(names, tuple(decode(protocol, v.type, data[v.name]) for v in protocol.ir.variables))


def decode_step(protocol: Protocol, meta: Mapping[str, Any]) -> Step:
    """The step that `action` and `arguments` stand for; TraceError where they stand for none of the protocol within its scope."""
    name, given = meta["action"], meta["arguments"]
    if name not in {a.name for a in protocol.ir.actions}:
        raise TraceError(f"{protocol.ir.name} has no action `{name}`; its actions are {', '.join(a.name for a in protocol.ir.actions)}")
    parameters = protocol.ir.action(name).parameters
    if set(given) != {p.name for p in parameters}:
        raise TraceError(f"`{name}` takes {', '.join(p.name for p in parameters) or 'no arguments'}; found {', '.join(given) or 'none'}")
    return Step(name, tuple((p.name, decode(protocol, p.type, given[p.name])) for p in parameters))
