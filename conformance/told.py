"""Events and messages in a reader's words."""

from __future__ import annotations

from dataclasses import fields

from impl.raft import Entries, Snapshot, messages
from impl.simulation import events

_ALL_SHOWN = 4


def told(event: events.Event) -> str:
    """What happened, in a line."""
    host = f"host {event.host}"
    match event:
        case events.Tick():
            return f"{host} ticks"
        case events.Deliver(message=message):
            return f"{host} receives {told_message(message)}"
        case events.Propose(command=command):
            return f"{host} takes the command {command!r}"
        case events.Read(context=context):
            return f"{host} takes the read {context!r}"
        case events.Transfer(target=target):
            return f"{host} begins to hand over to host {target}"
        case events.ReportSnapshot(follower=follower, delivered=delivered):
            return f"{host} is told that its snapshot for host {follower} was {'delivered' if delivered else 'lost'}"
        case events.Compact(index=index):
            return f"{host} replaces its log up to {index} by a snapshot"
        case events.BeginWrite(messages=sent):
            return f"{host} hands out a Ready{_sent(sent, 'leaving at once')}"
        case events.FinishWrite(messages=sent):
            return f"{host} has written its Ready{_sent(sent, 'leaving now')}"
        case events.Crash(surviving=surviving):
            return f"{host} crashes; of its unsynced writes, {surviving} survive"
        case events.Restart():
            return f"{host} restarts from its disk"


def told_message(m: messages.Message) -> str:
    """A message with its fields, the long ones abridged."""
    shown = ", ".join(f"{f.name}={_value(getattr(m, f.name))}" for f in fields(m) if f.name not in ("sender", "receiver"))
    return f"{type(m).__name__}({shown}) from host {m.sender}"


def _sent(sent: list[messages.Message], when: str) -> str:
    if not sent:
        return ""
    kinds = [f"{type(m).__name__} to {m.receiver}" for m in sent]
    more = f" and {len(kinds) - _ALL_SHOWN} more" if len(kinds) > _ALL_SHOWN else ""
    return f"; {when}: {', '.join(kinds[:_ALL_SHOWN])}{more}"


def _value(value: object) -> str:
    if isinstance(value, Entries):
        if not value.terms:
            return "none"
        return f"{value.first_index}..{value.last_index} of terms {sorted(set(value.terms))}"
    if isinstance(value, Snapshot):
        return f"up to {value.last_index} of term {value.last_term}"
    return repr(value)


def remark(event: events.Event) -> str:
    """What a call that makes an event does not say by itself."""
    match event:
        case events.Deliver(message=message):
            return told_message(message)
        case events.Propose(command=command):
            return repr(command)
        case events.BeginWrite(messages=sent):
            return f"hands out a Ready{_sent(sent, 'leaving at once')}"
        case events.FinishWrite(messages=sent):
            return f"its Ready is on the disk{_sent(sent, 'leaving now')}"
        case _:
            return ""
