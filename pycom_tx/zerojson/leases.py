"""Entries that vanish when nobody renews them."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Callable, Iterator
from typing import Generic, TypeVar

from twisted.internet.interfaces import IDelayedCall, IReactorTime

K = TypeVar("K")
V = TypeVar("V")


class Leases(Generic[K, V]):
    """A mapping whose entries live for *lifetime* after they were last put or renewed.

    All live equally long, so the order of renewal is the order of expiry: one timer
    watches the oldest, and every operation costs the same however many entries there are.
    While it is empty there is no timer.

    :param clock: what tells the time and holds the timer.
    :param lifetime: seconds.
    :param expired: called with key and value of each entry that expires.
    """

    def __init__(
        self,
        clock: IReactorTime,
        lifetime: float,
        expired: Callable[[K, V], object] = lambda _key, _value: None,
    ) -> None:
        self._clock = clock
        self._lifetime = lifetime
        self._expired = expired
        self._entries: OrderedDict[K, tuple[float, V]] = OrderedDict()
        self._timer: IDelayedCall | None = None

    def put(self, key: K, value: V) -> None:
        """Enter *value*, or renew and replace what *key* stands for."""
        self._entries[key] = (self._clock.seconds() + self._lifetime, value)
        self._entries.move_to_end(key)
        self._watch()

    def renew(self, key: K) -> V:
        """Start the lifetime of an entry anew and give its value.

        :raises KeyError: there is none.
        """
        value = self._entries[key][1]
        self.put(key, value)
        return value

    def get(self, key: K) -> V | None:
        """The value, without renewing it; None where there is none."""
        entry = self._entries.get(key)
        return None if entry is None else entry[1]

    def expires(self, key: K) -> float:
        """When an entry expires, unless it is renewed.

        :raises KeyError: there is none.
        """
        return self._entries[key][0]

    def pop(self, key: K) -> V | None:
        """Take an entry out, without calling *expired*; None where there is none."""
        entry = self._entries.pop(key, None)
        self._watch()
        return None if entry is None else entry[1]

    def clear(self) -> None:
        """Take every entry out, without calling *expired*."""
        self._entries.clear()
        self._watch()

    def values(self) -> Iterator[V]:
        """Every value, the one that expires next first."""
        for _, value in self._entries.values():
            yield value

    def __len__(self) -> int:
        return len(self._entries)

    def _watch(self) -> None:
        if not self._entries:
            if self._timer is not None:
                self._timer.cancel()
                self._timer = None
        elif self._timer is None:
            # Renewals do not move the timer: it looks again when it finds nothing to do.
            expires, _ = next(iter(self._entries.values()))
            self._timer = self._clock.callLater(
                max(0.0, expires - self._clock.seconds()), self._expire
            )

    def _expire(self) -> None:
        self._timer = None
        now = self._clock.seconds()
        over: list[tuple[K, V]] = []
        while self._entries:
            key, (expires, value) = next(iter(self._entries.items()))
            if expires > now:
                break
            del self._entries[key]
            over.append((key, value))
        self._watch()
        for key, value in over:
            self._expired(key, value)
