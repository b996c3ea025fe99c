"""Messages sent at once: a reduction for protocols whose steps only ever add to sets of messages.

A set of messages here is a set variable that steps only add to, one element at a time, and that nothing reads but the
receipt of a message, `require(m in self.messages)`: no guard, no update and no property looks at it otherwise. Of two
states that are alike but for more messages in the second, the second can do whatever the first can, step by step, and
no property tells the two apart. So where a step of a state does nothing but add messages, nothing is lost if it is
taken first and alone: whatever the state's other steps lead to is led to again afterwards, with more messages under way.
(A stubborn set of one step, by simulation instead of commutation: Valmari, "Stubborn sets for reduced state space
generation", 1991; Abdulla and others, "Well-structured transition systems", 1996, for the order.)

The states explored are reachable ones, so a violation is genuine; but the way to it may send more than it needs.
"""

from __future__ import annotations

from model_check.search import Options
from spec.language import Protocol, State, ir
from spec.language.types import SetType


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
