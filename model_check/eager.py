"""Messages sent at once, and forgotten once dead: a reduction for protocols whose steps only ever add to sets of messages.

A set of messages here is a set variable that steps only add to, one element at a time, and that nothing reads but the
receipt of a message, `require(m in self.messages)`: no guard, no update and no property looks at it otherwise. Of two
states that are alike but for more messages in the second, the second can do whatever the first can, step by step, and
no property tells the two apart. So where a step of a state does nothing but add messages, nothing is lost if it is
taken first and alone: whatever the state's other steps lead to is led to again afterwards, with more messages under way.
(A stubborn set of one step, by simulation instead of commutation: Valmari, "Stubborn sets for reduced state space
generation", 1991; Abdulla and others, "Well-structured transition systems", 1996, for the order.)

A message whose receipt can never again have an effect is dead (`dead.py`), and is taken out of every state. Of two states that
differ in dead messages only, each can do what the other can, and dead messages stay dead: nothing is lost by this either.

The states explored are reachable ones, dead messages aside, so a violation is genuine: CPython walks the way to it again
with all messages. But the way may send more than it needs.
"""

from __future__ import annotations

import itertools
from collections.abc import Iterator
from typing import Any

from model_check.dead import ANSWERED, DEAD, LIVE, Receipt, receipts
from model_check.possibilities import values
from model_check.search import Options
from spec.language import Protocol, State, ir
from spec.language.types import EnumType, OptionType, RecordType, SetType, SortType, Type
from spec.language.values import sort_key


class Eagerness:
    """What a search with `eager` does about messages; a search without it does nothing.

    `sent` names the sets of messages; `receipts` tells, for those of which some may be dead, which are.
    """

    def __init__(self, protocol: Protocol, options: Options) -> None:
        self.protocol = protocol
        self.sent = message_sets(protocol, options)
        self.receipts = receipts(protocol, self.sent)

    def forget(self, state: State) -> State:
        """The state without its dead messages."""
        # Set by set, in the order of the variables, as compiled code does: what is asked for as an answer lies in a later set.
        for variable in self.receipts:
            held = getattr(state, variable)
            kept = frozenset(m for m in held if not self._dead(variable, m, state))
            if len(kept) < len(held):
                state = State(tuple(n for n, _ in state.items()), tuple(kept if n == variable else v for n, v in state.items()))
        return state

    def _dead(self, variable: str, message: Any, state: State) -> bool:
        """Whether no receipt of a message can ever have an effect."""
        for receipt in self.receipts[variable]:
            for place in self._places(receipt, message, state):
                fate = receipt.table[place]
                if fate == LIVE or (fate != DEAD and not self._answered(*receipt.answers[fate - ANSWERED], state)):
                    return False
        return True

    def _answered(self, variable: str, fields: tuple[Any, ...], state: State) -> bool:
        """Whether an answer has been sent, or would be dead itself."""
        of = self.protocol.ir.variable(variable).type
        assert isinstance(of, SetType)
        answer = _value(of.of, fields)
        return answer in getattr(state, variable) or (variable in self.receipts and self._dead(variable, answer, state))

    def _places(self, receipt: Receipt, message: Any, state: State) -> Iterator[int]:
        """The places in a receipt's table, one for each receiver."""
        types = [p.type for p in receipt.parameters]
        for arguments in itertools.product(*(values(self.protocol, t) for t in types)):
            given = {p.key[0]: _value(p.type, v) for p, v in zip(receipt.parameters, arguments, strict=True)}
            parts = [(p.type, given[p.key[0]]) for p in receipt.parameters]
            parts += [(f.type, getattr(message, f.key[1])) for f in receipt.fields]
            for variable, names in receipt.cells:
                keys = tuple(given[k.key[0]] if k in receipt.parameters else getattr(message, k.key[1]) for k in names)
                held = getattr(state, variable)
                parts.append((self.protocol.ir.variable(variable).value_type, held if not keys else held[keys if len(keys) > 1 else keys[0]]))
            place = 0
            for (type_, value), size in zip(parts, receipt.axes, strict=True):
                place = place * size + values(self.protocol, type_).index(_plain(value))
            yield place


def _plain(value: Any) -> Any:
    """A value as `dead.py` has it: elements as numbers."""
    if value is None:
        return None
    return frozenset(map(_plain, value)) if isinstance(value, frozenset) else sort_key(value)


def _value(type_: Type, plain: Any) -> Any:
    """The value of a type that is so written."""
    match type_:
        case SortType(cls=cls):
            return cls(plain)
        case EnumType(cls=cls):
            return list(cls)[plain]
        case OptionType(of=of):
            return None if plain is None else _value(of, plain)
        case SetType(of=of):
            return frozenset(_value(of, v) for v in plain)
        case RecordType(cls=cls, fields=fields):
            return cls(*(_value(t, v) for v, (_, t) in zip(plain, fields, strict=True)))
        case _:
            return plain


def message_sets(protocol: Protocol, options: Options) -> frozenset[str]:
    """The variables that are sets of messages, as far as the search's constraints and refinement mapping do not read them; empty unless asked for."""
    if not options.eager:
        return frozenset()
    received: set[int] = set()
    nodes: list[object] = []
    for action in protocol.ir.actions:
        domains = (p.domain for p in action.parameters)
        received |= {id(d.set) for d in domains if isinstance(d, ir.SetDomain) and isinstance(d.set, ir.Read)}
        nodes += ir.walk(action)
    nodes += ir.walk_all(tuple(p.body for p in protocol.ir.properties if p.kind != "constraint" or p.name in options.constraints))
    nodes += ir.walk_all(tuple(value for r in protocol.ir.refinements if r.name == options.refinement for _, value in r.assignments))
    read = {n.variable for n in nodes if isinstance(n, ir.Read) and id(n) not in received}
    changed = {n.variable for n in nodes if isinstance(n, (ir.Store, ir.Remove))}
    return frozenset(v.name for v in protocol.ir.variables if isinstance(v.type, SetType) and v.name not in read | changed)


def only_sends(sent: frozenset[str], before: State, after: State) -> bool:
    """Whether a step adds messages and does nothing else."""
    return before != after and all(value == getattr(after, name) for name, value in before.items() if name not in sent)
