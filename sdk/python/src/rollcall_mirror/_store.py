"""Where a mirror keeps its records."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from contextlib import AbstractContextManager, contextmanager
from typing import Protocol, TypeVar


class Records(Protocol):
    """The records that a mirror keeps: texts by key.

    A key has at most 400 characters of printable ASCII. Any database has such a table.
    """

    def get(self, key: str, /) -> str | None:
        """Returns the text of a key, or None."""

    def set(self, key: str, value: str, /) -> None:
        """Stores the text of a key."""

    def delete(self, key: str, /) -> None:
        """Removes a key. Removing an absent key succeeds."""

    def keys(self, prefix: str, /) -> Iterable[str]:
        """Returns all keys that begin with a prefix, in any order."""


R = TypeVar("R", bound=Records)
R_co = TypeVar("R_co", bound=Records, covariant=True)


class Store(Protocol[R_co]):
    """Where a mirror keeps its records."""

    def transaction(self) -> AbstractContextManager[R_co]:
        """Returns a transaction: when its body fails, nothing that it stored is kept.

        Transactions of several processes must be serializable. Those of one Mirror do not overlap.
        """


class MemoryStore:
    """A store in memory, for tests."""

    def __init__(self) -> None:
        self._texts: dict[str, str] = {}

    @contextmanager
    def transaction(self) -> Iterator[MemoryStore]:
        before = dict(self._texts)
        try:
            yield self
        except BaseException:
            self._texts = before
            raise

    def get(self, key: str, /) -> str | None:
        return self._texts.get(key)

    def set(self, key: str, value: str, /) -> None:
        self._texts[key] = value

    def delete(self, key: str, /) -> None:
        self._texts.pop(key, None)

    def keys(self, prefix: str, /) -> Iterable[str]:
        return [key for key in self._texts if key.startswith(prefix)]
