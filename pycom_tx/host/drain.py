"""The end of a service: the calls in progress end before it does."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from twisted.logger import Logger

from pycom_tx.host.patience import Patience

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
        self._patience = Patience(clock)
        if not seconds:
            self._patience.lose()

    async def run(self) -> None:
        """Refuse what comes from now on, and wait for what is there."""
        server = self._server
        drained = server.drain()
        # Whoever has just called may have called again: that is not read yet.
        busy = server.in_progress or server.waiting or server.quiet < FLUSH
        self._tell_components()
        if not self._patience.is_lost and (server.in_progress or server.waiting):
            self._log.info(
                "{service} waits for {count} calls, {seconds:g} s at most",
                service=self._service,
                count=server.in_progress + server.waiting,
                seconds=self._seconds,
            )
        end = self._clock.seconds() + self._seconds
        await self._patience.wait(drained, self._seconds)
        if server.in_progress or server.waiting:
            self._log.warn(
                "{service} cuts off {count} calls and refuses {waiting} that have not started",
                service=self._service,
                count=server.in_progress,
                waiting=server.waiting,
            )
        server.turn_away()
        if busy:
            await self._patience.wait(self._channel.flushed(), self._left(end))
        if not self._patience.is_lost:
            await self._patience.wait(self._channel.finish(self._left(end)), self._left(end))

    def cut_short(self) -> None:
        """Wait no longer."""
        self._patience.lose()

    def _left(self, end: float) -> float:
        """Seconds for what has to leave yet."""
        return max(FLUSH, end - self._clock.seconds())

    def _tell_components(self) -> None:
        for component in self._components:
            stopping = getattr(component, "stopping", None)
            if stopping is None or hasattr(stopping, "__method__"):
                continue
            try:
                stopping()
            except Exception:
                self._log.failure("{component!r}.stopping() failed", component=component)
