"""Waiting for the end of something, for some time."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from twisted.internet import defer

if TYPE_CHECKING:
    from twisted.internet.interfaces import IReactorTime


class Patience:
    """Waits as long as it is worth while, and no longer once it was lost.

    :param clock: what ends it.

    .. attribute:: is_lost

        Whether :meth:`lose` was called.
    """

    def __init__(self, clock: IReactorTime) -> None:
        self._clock = clock
        self.is_lost = False
        self._waiting_for: defer.Deferred[Any] | None = None

    async def wait(self, event: defer.Deferred[Any], seconds: float) -> None:
        """Wait for an event; it is cancelled when its time is over."""
        if seconds > 0 and not self.is_lost:
            event.addTimeout(seconds, self._clock)
        else:
            event.cancel()
        self._waiting_for = event
        try:
            await event
        except (defer.CancelledError, defer.TimeoutError):
            pass  # the time is over
        finally:
            self._waiting_for = None

    def lose(self) -> None:
        """Wait no longer, and not again."""
        self.is_lost = True
        if self._waiting_for is not None:
            self._waiting_for.cancel()
