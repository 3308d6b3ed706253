"""A provider: whether it lives, and what it tells about itself."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import suppress
from typing import TYPE_CHECKING, Any, Final

from twisted.internet.defer import CancelledError, Deferred, DeferredSemaphore

from pycom_tx.gateway.descriptions import Description, describe
from pycom_tx.gateway.names import name_of
from pycom_tx.zerojson.errors import Error, Refused

if TYPE_CHECKING:
    from twisted.internet.interfaces import IReactorTime

    from pycom_tx.client.component import Component
    from pycom_tx.client.context import Context
    from pycom_tx.gateway.registrations import Registered

FIRST_PAUSE: Final = 0.25
"""Seconds until a provider that did not answer is asked again; twice as long each time."""

LONGEST_PAUSE: Final = 30.0

BUSY: Final = 1.0
"""Seconds until one that has too much to do is asked again."""


class Provider:
    """A service that provides something which is exposed.

    .. attribute:: id

        Names its path and its address, in every gateway.

    .. attribute:: session_name

        What names it behind the id of a session.

    .. attribute:: service
    .. attribute:: address
    .. attribute:: interfaces

        The names of those that are exposed: a tuple.

    .. attribute:: alive

        Whether it has answered, and its connection has not broken since.

    .. attribute:: told

        What it tells, a :class:`Description` by the names of interfaces.
    """

    def __init__(self, registered: Registered) -> None:
        self.service, self.address, self.interfaces = registered
        self.id = name_of(self.service, self.address)
        self.session_name = name_of(self.address)
        self.alive = False
        self.told: dict[str, Description] = {}

    def public(self, *, frank: bool) -> dict[str, Any]:
        """What is told about it.

        :param frank: whether its address is.
        """
        return {
            "id": self.id,
            "service": self.service,
            **({"address": self.address} if frank else {}),
            "interfaces": list(self.interfaces),
        }


class Watching:
    """Holds a connection to a provider, and asks it about itself whenever it (re)appears.

    :param context: what connects.
    :param clock: what tells when to try again.
    :param turns: how many are asked at once.
    :param provider: who.
    :param changed: called when it was asked, with or without an answer, and when it is lost.
    """

    def __init__(
        self,
        context: Context,
        clock: IReactorTime,
        turns: DeferredSemaphore,
        provider: Provider,
        changed: Callable[[Provider], object],
    ) -> None:
        self._context = context
        self._clock = clock
        self._turns = turns
        self._provider = provider
        self._changed = changed
        self._lost = self._stopped = False
        self._event: Deferred[None] | None = None
        self._running = Deferred.fromCoroutine(self._run())
        self._running.addErrback(lambda failure: failure.trap(CancelledError))

    def stop(self) -> None:
        """Let go of it; also from what is told that it has changed."""
        self._stopped = True
        # Which stops what waits, and not what runs just now.
        self._running.cancel()

    async def _run(self) -> None:
        pause = FIRST_PAUSE
        while not self._stopped:
            try:
                component: Component = await self._context.connect(
                    self._provider.address, self._provider.interfaces[0]
                )
            except Error:
                # Somebody has registered nonsense; or there are no files left, for now.
                self._set(alive=False)
                pause = await self._rest(pause)
            else:
                async with component:
                    component.when_lost(self._connection_lost)
                    await self._keep_asking()

    async def _keep_asking(self) -> None:
        provider = self._provider
        pause = FIRST_PAUSE
        while not self._stopped:
            self._set(alive=await self._ask())
            if provider.alive:
                pause = FIRST_PAUSE
                busy = len(provider.told) < len(provider.interfaces)
                await self._wait(BUSY if busy else None)
            else:
                pause = await self._rest(pause)

    async def _rest(self, pause: float) -> float:
        """Wait, and give the time to wait the next time."""
        await self._wait(pause)
        return min(2 * pause, LONGEST_PAUSE)

    async def _ask(self) -> bool:
        """Have it tell about itself; whether it answers."""
        self._lost = False
        told = {}
        await self._turns.acquire()
        try:
            for interface in self._provider.interfaces:
                with suppress(Refused):
                    told[interface] = await describe(
                        self._context, self._provider.address, interface
                    )
        except Error:
            return False
        finally:
            self._turns.release()
        self._provider.told = told
        return not self._lost

    async def _wait(self, seconds: float | None) -> None:
        """Wait until the connection breaks, or for so long; not at all once it is stopped."""
        if self._stopped:
            return
        event = self._event = Deferred()
        if seconds is not None:
            event.addTimeout(seconds, self._clock, lambda *_: None)
        try:
            await event
        finally:
            self._event = None

    def _connection_lost(self) -> None:
        self._lost = True
        if self._provider.alive:
            self._set(alive=False)
            if self._event is not None:
                self._event.callback(None)

    def _set(self, *, alive: bool) -> None:
        self._provider.alive = alive
        self._changed(self._provider)
