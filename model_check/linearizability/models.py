"""The sequential objects that a history is compared with: a register with compare-and-set, and a key-value store.

A model is a deterministic automaton for one key. Keys are independent objects, and a history is linearizable if and only if its
part for each object is (Herlihy and Wing, *Linearizability: A Correctness Condition for Concurrent Objects*, 1990, theorem 1).
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from bisect import bisect_left
from collections.abc import Callable, Iterable, Mapping
from enum import Enum
from typing import ClassVar, Final, Literal, NamedTuple, TypeAlias

from model_check.linearizability.history import Operation, Value, shown


class _Refusal(Enum):
    REFUSED = "refused"


REFUSED: Final = _Refusal.REFUSED
Next = Value | Literal[_Refusal.REFUSED]


Update: TypeAlias = tuple[str, tuple[Value, ...]]
"""What an operation does, whoever does it: its function and arguments."""


class Source(NamedTuple):
    """A way to make a value: an update, of any value or of one predecessor."""

    update: Update
    of_any: bool
    predecessor: Value = None


class Model(ABC):
    """An object with one value for each key."""

    name: ClassVar[str]
    initial: ClassVar[Value]
    functions: ClassVar[Mapping[str, int]]
    """The names of the operations, with their numbers of arguments."""
    read: ClassVar[str]
    """The operation that changes nothing: where its outcome is unknown, nothing is known of it."""

    @abstractmethod
    def apply(self, state: Value, operation: Operation) -> Next:
        """The value after an operation, or REFUSED where it cannot have returned what it did. An unknown result fits any state."""

    @abstractmethod
    def only_observes(self, operation: Operation) -> bool:
        """Whether a finished operation leaves every state as it is in which it can have returned what it did."""

    @abstractmethod
    def observed(self, operations: Iterable[Operation]) -> Callable[[Value], bool]:
        """Whether some of the operations can tell a value, or one that they make out of it, from others.

        All values of which this is false are one state to them: each is refused, overwritten and kept alike.
        """

    @abstractmethod
    def required(self, operation: Operation) -> tuple[Value, ...]:
        """The value, if there is only one, at which a finished operation can have returned what it did."""

    @abstractmethod
    def overwrites(self, operation: Operation) -> bool:
        """Whether the value after an operation is the same whatever it was before."""

    @abstractmethod
    def rules_out(self, operation: Operation) -> bool:
        """Whether a finished operation fits several values and yet not all: it tells what the value was not."""

    @abstractmethod
    def sources(self, operations: Iterable[Operation]) -> Callable[[Value], list[Source]]:
        """All ways to make a value out of another by some of the operations."""

    def fault(self, operation: Operation) -> str | None:
        """What is wrong with an operation that is none of this model's."""
        arity = self.functions.get(operation.function)
        if arity is None:
            return f"the {self.name} model has no operation {shown(operation.function)}, it has {', '.join(self.functions)}"
        if len(operation.arguments) != arity:
            return f"{operation.function} takes {arity} argument{'' if arity == 1 else 's'}, not {len(operation.arguments)}"
        values = (*operation.arguments, *([operation.result] if operation.outcome == "ok" and operation.function == self.read else ()))
        wrong = next((v for v in values if not self.is_value(v)), self)
        if not isinstance(wrong, Model):
            return f"{shown(wrong)} is no value of the {self.name} model"
        return None

    def is_value(self, value: Value) -> bool:
        """Whether the object can hold a value."""
        return not isinstance(value, bool)

    def refusal(self, state: Value, operation: Operation) -> str:
        """Why `apply` refused an operation."""
        return f"it returned {shown(operation.result)} where the value is {shown(state)}"


class Register(Model):
    """read() -> v, write(v), and cas(expected, new) -> whether the value was as expected; the first value is null."""

    name, initial, read = "register", None, "read"
    functions: ClassVar[Mapping[str, int]] = {"read": 0, "write": 1, "cas": 2}

    def apply(self, state: Value, operation: Operation) -> Next:
        """The value written, swapped or kept."""
        if operation.function == "read":
            return state if operation.result == state else REFUSED
        if operation.function == "write":
            return operation.arguments[0]
        expected, new = operation.arguments
        if operation.outcome == "ok" and operation.result != (state == expected):
            return REFUSED
        return new if state == expected else state

    def only_observes(self, operation: Operation) -> bool:
        """A read, a cas that did not swap, a cas that swapped a value for itself."""
        if operation.function == "cas":
            return operation.result is False or operation.arguments[0] == operation.arguments[1]
        return operation.function == "read"

    def observed(self, operations: Iterable[Operation]) -> Callable[[Value], bool]:
        """Values are told apart by reading or expecting them."""
        tested: set[Value] = set()
        for operation in operations:
            if operation.function == "read":
                tested.add(operation.result)
            elif operation.function == "cas":
                tested.add(operation.arguments[0])
        return tested.__contains__

    def required(self, operation: Operation) -> tuple[Value, ...]:
        """What was read, or expected by a cas that swapped."""
        if operation.outcome != "ok" or operation.function == "write" or operation.result is False:
            return ()
        return (operation.result if operation.function == "read" else operation.arguments[0],)

    def overwrites(self, operation: Operation) -> bool:
        """A write."""
        return operation.function == "write"

    def rules_out(self, operation: Operation) -> bool:
        """A cas that did not swap."""
        return operation.function == "cas" and operation.result is False

    def sources(self, operations: Iterable[Operation]) -> Callable[[Value], list[Source]]:
        """Writes of the value, and cas to it."""
        found: dict[Value, set[Source]] = {}
        for operation in operations:
            if operation.function == "write":
                found.setdefault(operation.arguments[0], set()).add(Source(("write", operation.arguments), of_any=True))
            elif not self.only_observes(operation):
                expected, new = operation.arguments
                found.setdefault(new, set()).add(Source(("cas", operation.arguments), of_any=False, predecessor=expected))
        return lambda value: list(found.get(value, ()))

    def fault(self, operation: Operation) -> str | None:
        """As of any model; and a finished cas says whether it swapped."""
        if operation.function == "cas" and operation.outcome == "ok" and not isinstance(operation.result, bool):
            return f"the result of cas is true or false, not {shown(operation.result)}"
        return super().fault(operation)

    def refusal(self, state: Value, operation: Operation) -> str:
        """A refused cas names what it expected."""
        if operation.function == "cas":
            swapped = "swapped" if operation.result else "did not swap"
            return f"it {swapped} where it expected {shown(operation.arguments[0])} and the value is {shown(state)}"
        return super().refusal(state, operation)


class KeyValue(Model):
    """get() -> text, put(text) and append(text) for each key; a key that was never written holds the empty text."""

    name, initial, read = "kv", "", "get"
    functions: ClassVar[Mapping[str, int]] = {"get": 0, "put": 1, "append": 1}

    def apply(self, state: Value, operation: Operation) -> Next:
        """The text put, made longer or kept."""
        if operation.function == "get":
            return state if operation.result == state else REFUSED
        (text,) = operation.arguments
        return text if operation.function == "put" else f"{state}{text}"

    def only_observes(self, operation: Operation) -> bool:
        """A get."""
        return operation.function == "get"

    def observed(self, operations: Iterable[Operation]) -> Callable[[Value], bool]:
        """A text can be seen, whole or after appending to it, where it is the beginning of one that a get returned."""
        seen = sorted({str(operation.result) for operation in operations if operation.function == "get"})

        def is_beginning(state: Value) -> bool:
            text = str(state)
            at = bisect_left(seen, text)
            return at < len(seen) and seen[at].startswith(text)

        return is_beginning

    def required(self, operation: Operation) -> tuple[Value, ...]:
        """What a get returned."""
        return (operation.result,) if operation.outcome == "ok" and operation.function == "get" else ()

    def overwrites(self, operation: Operation) -> bool:
        """A put."""
        return operation.function == "put"

    def rules_out(self, operation: Operation) -> bool:
        """None: a get tells the whole text."""
        return False

    def sources(self, operations: Iterable[Operation]) -> Callable[[Value], list[Source]]:
        """Puts of the text, and appends of its endings."""
        updates = {(o.function, o.arguments[0]): (o.function, o.arguments) for o in operations if o.function != "get"}
        lengths = sorted({len(str(text)) for function, text in updates if function == "append"} - {0})

        def sources_of(value: Value) -> list[Source]:
            text = str(value)
            puts = [Source(updates["put", text], of_any=True)] if ("put", text) in updates else []
            endings = (text[-length:] for length in lengths if length <= len(text))
            return puts + [Source(updates["append", end], of_any=False, predecessor=text[: -len(end)]) for end in endings if ("append", end) in updates]

        return sources_of

    def is_value(self, value: Value) -> bool:
        """Texts only."""
        return isinstance(value, str)


MODELS: Final[Mapping[str, Model]] = {model.name: model for model in (Register(), KeyValue())}
