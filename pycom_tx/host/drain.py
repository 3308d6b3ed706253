"""The end of a service: the calls in progress end before it does."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from twisted.internet import defer
from twisted.logger import Logger

if TYPE_CHECKING:
    from collections.abc import Iterable

    from twisted.internet.interfaces import IReactorTime

    from pycom_tx.zerojson.interfaces import IChannel
    from pycom_tx.zerojson.server import Server


FLUSH: Final = 1.0
"""Seconds that the last replies have to leave, at least; and without a call, after which
there are none under way."""


class Drain:
    """Lets the calls of a server end, for some time.

    :param server: what refuses new calls from then on.
    :param channel: what their answers leave through.
    :param clock: what ends it.
    :param service: whose calls they are, for the log.
    :param components: what is told, as :meth:`pycom_tx.Service.stopping`.
    :param seconds: how long the calls may take; 0 for not at all.
    """

    _log = Logger()

    def __init__(
        self,
        server: Server,
        channel: IChannel,
        clock: IReactorTime,
        *,
        service: str,
        components: Iterable[Any],
        seconds: float,
    ) -> None:
        self._service = service
        self._server = server
        self._channel = channel
        self._components = components
        self._clock = clock
        self._seconds = seconds
        self._waiting_for: defer.Deferred[None] | None = None

    async def run(self) -> None:
        """Refuse what comes from now on, and wait for what is there."""
        server = self._server
        drained = server.drain()
        # Whoever has just called may have called again: that is not read yet.
        busy = server.in_progress or server.waiting or server.quiet < FLUSH
        self._tell_components()
        if self._seconds and (server.in_progress or server.waiting):
            self._log.info(
                "{service} waits for {count} calls, {seconds:g} s at most",
                service=self._service,
                count=server.in_progress + server.waiting,
                seconds=self._seconds,
            )
        end = self._clock.seconds() + self._seconds
        await self._wait(drained, end)
        if server.in_progress or server.waiting:
            self._log.warn(
                "{service} cuts off {count} calls and refuses {waiting} that have not started",
                service=self._service,
                count=server.in_progress,
                waiting=server.waiting,
            )
        server.turn_away()
        if busy:
            await self._wait(self._channel.flushed(), max(end, self._clock.seconds() + FLUSH))
        left = max(FLUSH, end - self._clock.seconds())
        await self._wait(self._channel.finish(left), self._clock.seconds() + left)

    def cut_short(self) -> None:
        """Wait no longer."""
        self._seconds = 0
        if self._waiting_for is not None:
            self._waiting_for.cancel()

    async def _wait(self, event: defer.Deferred[None], end: float) -> None:
        left = end - self._clock.seconds()
        if left > 0 and self._seconds:
            event.addTimeout(left, self._clock)
        else:
            event.cancel()
        self._waiting_for = event
        try:
            await event
        except (defer.CancelledError, defer.TimeoutError):
            pass  # the time is over
        finally:
            self._waiting_for = None

    def _tell_components(self) -> None:
        for component in self._components:
            stopping = getattr(component, "stopping", None)
            if stopping is None or hasattr(stopping, "__method__"):
                continue
            try:
                stopping()
            except Exception:
                self._log.failure("{component!r}.stopping() failed", component=component)
