"""A disk: what is on stable storage, and the writes that are queued and not yet synced."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Generic, TypeVar

Storage = TypeVar("Storage")
Write = TypeVar("Write")


class Disk(Generic[Storage, Write]):
    """Stable storage behind a queue of writes.

    Args:
        storage: what survives every crash; only this disk writes to it.
        put: how one write changes the storage.
        split: a write as the sequence of smaller ones between which a crash may fall.
    """

    __slots__ = ("_put", "_split", "storage", "unsynced")

    def __init__(self, storage: Storage, put: Callable[[Storage, Write], None], split: Callable[[Write], Iterable[Write]]) -> None:
        self.storage = storage
        self._put, self._split = put, split
        self.unsynced: list[Write] = []
        """Writes in the order in which they reach the storage."""

    def sync(self) -> None:
        """All queued writes are done."""
        for write in self.unsynced:
            self._put(self.storage, write)
        self.unsynced = []

    def pieces(self) -> list[Write]:
        """The queued writes in the smallest portions; a crash leaves a beginning of them."""
        return [piece for write in self.unsynced for piece in self._split(write)]

    def crash(self, surviving: int) -> None:
        """Of the pieces the first so many are done, the others are lost."""
        for piece in self.pieces()[:surviving]:
            self._put(self.storage, piece)
        self.unsynced = []
