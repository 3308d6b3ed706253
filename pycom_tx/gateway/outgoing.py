"""Large answers on their way: what of them waits for clients, and no more than may."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from pycom_tx.gateway.problems import AGAIN, Problem

if TYPE_CHECKING:
    from twisted.internet.interfaces import IReactorTime

    from pycom_tx.gateway.answers import Sending

SLOW: Final = 5.0
"""Seconds after which a client that takes nothing makes room for others, if they need it. While
it does take something, that is 64 KiB or more."""


class Outgoing:
    """The large answers that are under way: all together have a limit.

    One that is larger than all may be leaves alone.

    :param clock: what tells who is slow.
    :param limit: bytes that all have at most.

    .. attribute:: held

        Bytes that they have now.
    """

    def __init__(self, clock: IReactorTime, limit: int) -> None:
        self.held = 0
        self._clock = clock
        self._limit = limit
        self._under_way: dict[Sending, None] = {}

    def begin(self, sending: Sending) -> None:
        """Count an answer until it has left, or its client is gone.

        :raises Problem: there is no room for it, and nobody is slow.
        """
        for slow in self._in_the_way(self.held + sending.size - self._limit):
            self._end(slow)
            slow.give_up()
        self._under_way[sending] = None
        self.held += sending.size
        sending.request.notifyFinish().addBoth(lambda _: self._end(sending))

    def _in_the_way(self, excess: int) -> list[Sending]:
        """The answers that have to be given up for so many bytes, the slowest first."""
        now, found = self._clock.seconds(), []
        for sending in sorted(self._under_way, key=lambda sending: sending.paused_at):
            if excess <= 0:
                break
            if now < sending.paused_at + SLOW:
                raise Problem(
                    503,
                    "What other clients have not taken yet leaves no room for this answer",
                    {"Retry-After": str(AGAIN)},
                )
            found.append(sending)
            excess -= sending.size
        return found

    def _end(self, sending: Sending) -> None:
        if sending in self._under_way:
            del self._under_way[sending]
            self.held -= sending.size
