"""Waiting for the providers of an interface to change, or of any."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Final

from twisted.internet.defer import Deferred

from pycom_tx.zerojson.server import MAX_CALLS

if TYPE_CHECKING:
    from twisted.internet.interfaces import IDelayedCall, IReactorTime

LIMIT: Final = MAX_CALLS // 2
"""Calls that wait for a change at once: others have to have their turn, too. What is more is
answered without waiting."""


class Watches:
    """Who waits for which interface, or for any.

    Changes are answered in the clock's next turn: all that happen in one are one change,
    and those who are answered find it complete.

    :param clock: what holds the timer; there is one while somebody has to be answered.
    :param limit: how many may wait at once.
    """

    def __init__(self, clock: IReactorTime, *, limit: int = LIMIT) -> None:
        self._clock = clock
        self._limit = limit
        # In the order that they came in, which sets would not keep.
        self._waiting: dict[str | None, dict[Deferred[None], None]] = {}
        self._changed: dict[str | None, None] = {}
        self._timer: IDelayedCall | None = None
        self._open = 0
        self._stopped = False

    @contextmanager
    def open(self, interface: str | None) -> Iterator[Deferred[None]]:
        """Wait, as long as the context lasts.

        :param interface: its name, or None for whatever happens.

        :returns: a context manager, which gives a Deferred that fires with the first change
            since; at once, if as many as may be wait already.
        """
        change: Deferred[None] = Deferred()
        if self._stopped or self._open >= self._limit:
            change.callback(None)
        self._waiting.setdefault(interface, {})[change] = None
        self._open += 1
        try:
            yield change
        finally:
            self._open -= 1
            waiting = self._waiting.get(interface, {})
            waiting.pop(change, None)
            if not waiting:
                self._waiting.pop(interface, None)

    def changed(self, interfaces: Iterable[str]) -> None:
        """Answer who waits for one of them, in the next turn."""
        for interface in (None, *interfaces):
            if interface in self._waiting:
                self._changed[interface] = None
        if self._changed and self._timer is None:
            self._timer = self._clock.callLater(0, self._answer)

    def start(self) -> None:
        """Let everybody wait again who comes from now on."""
        self._stopped = False

    def stop(self) -> None:
        """Answer everybody at once, also who comes later."""
        self._stopped = True
        if self._timer is not None:
            self._timer.cancel()
        self._changed = dict.fromkeys(self._waiting)
        self._answer()

    def _answer(self) -> None:
        self._timer = None
        changed, self._changed = self._changed, {}
        for interface in changed:
            for change in self._waiting.pop(interface, ()):
                if not change.called:  # one that is answered may end another
                    change.callback(None)

    def __len__(self) -> int:
        return self._open
