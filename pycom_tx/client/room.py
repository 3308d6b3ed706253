"""Calls that wait until services take more."""

from __future__ import annotations

from heapq import heappop, heappush
from itertools import count
from typing import TYPE_CHECKING, Final

from twisted.internet.defer import Deferred

from pycom_tx.zerojson.errors import ConnectionClosed

if TYPE_CHECKING:
    from twisted.internet.interfaces import IDelayedCall, IReactorTime

LOOK: Final = 0.1
"""Seconds until one of those that wait tries, where no answer comes sooner."""

AT_ONCE: Final = 2
"""How many try for each call that is answered: their number may double while all goes well."""


class Room:
    """Where the calls to an interface wait that services had no room for, in their order.

    Each call that is answered makes room. Where none is, one of them tries now and then: so
    however many wait, a service has little to refuse.

    :param clock: what holds the timer; there is one while a call waits.
    """

    def __init__(self, clock: IReactorTime) -> None:
        self._clock = clock
        self._numbers = count(1)
        self._waiting: dict[int, tuple[Deferred[None], object]] = {}
        # A heap of their tickets, with those of some that do not wait any more.
        self._order: list[int] = []
        self._timer: IDelayedCall | None = None

    def __len__(self) -> int:
        return len(self._waiting)

    def ticket(self) -> int:
        """A place behind all that have one."""
        return next(self._numbers)

    def wait(self, ticket: int, caller: object = None) -> Deferred[None]:
        """Wait for room.

        :param ticket: one of :meth:`ticket`; who had no luck in its turn waits with the same.
        :param caller: who may :meth:`leave`.

        :returns: Deferred firing when it is worth while to try.
        """
        turn: Deferred[None] = Deferred(lambda _: self._forget(ticket))
        self._waiting[ticket] = turn, caller
        heappush(self._order, ticket)
        if self._timer is None:
            self._timer = self._clock.callLater(LOOK, self._look)
        return turn

    def made(self) -> None:
        """A call was answered."""
        for _ in range(AT_ONCE):
            self._try_next()

    def leave(self, caller: object) -> None:
        """Those of a caller fail with :class:`ConnectionClosed`: they take nobody's turn."""
        for ticket, (turn, whose) in list(self._waiting.items()):
            # One that fails may end others.
            if whose is caller and ticket in self._waiting:
                self._forget(ticket)
                turn.errback(ConnectionClosed("The component is closed", not_started=True))

    def close(self, reason: str) -> None:
        """Those that wait fail with :class:`ConnectionClosed`."""
        while self._waiting:
            self._next().errback(ConnectionClosed(reason, not_started=True))

    def _next(self) -> Deferred[None]:
        """Whose turn it is; it waits no longer."""
        while self._order[0] not in self._waiting:
            heappop(self._order)
        ticket = heappop(self._order)
        turn, _ = self._waiting[ticket]
        self._forget(ticket)
        return turn

    def _forget(self, ticket: int) -> None:
        del self._waiting[ticket]
        if not self._waiting:
            self._order.clear()
            if self._timer is not None:
                self._timer.cancel()
                self._timer = None

    def _try_next(self) -> None:
        if self._waiting:
            self._next().callback(None)

    def _look(self) -> None:
        self._timer = None
        self._try_next()
        if self._waiting and self._timer is None:
            self._timer = self._clock.callLater(LOOK, self._look)
