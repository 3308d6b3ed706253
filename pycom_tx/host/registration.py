"""Keeping a service known to its nameserver."""

from __future__ import annotations

from random import random
from typing import TYPE_CHECKING, Any, Final

from twisted.internet.defer import CancelledError, Deferred
from twisted.logger import Logger

from pycom_tx.client.context import NAMESERVER
from pycom_tx.client.directory import no_nameserver
from pycom_tx.zerojson.errors import AccessDenied, Error, RemoteError, ServiceNotAvailable

if TYPE_CHECKING:
    from collections.abc import Callable

    from twisted.internet.interfaces import IDelayedCall, IReactorTime

    from pycom_tx.client.component import Component
    from pycom_tx.client.context import Context

RENEWAL: Final = 30.0
"""Seconds between two registrations: half of what one lives in a nameserver, as in 0.6."""

SPREAD: Final = 3.0
"""Seconds that a renewal may be early, so that services which have registered together do
not renew together for ever."""

RETRY: Final = 0.5
"""Seconds until a nameserver that did not answer is tried again. A service that lost its
nameserver tries within as much, at a moment of its own."""

RETRY_REFUSED: Final = 2.0
"""Seconds until a registration that the nameserver refused is tried again."""

REMINDER: Final = 30.0
"""Seconds between two log lines that say that it still does not work."""

_UNSUPPORTED: Final = f"Unsupported interface: {NAMESERVER}"
"""What a service answers that is no nameserver, one of PyCOM 0.6 too."""

FAREWELL: Final = 1.0
"""Seconds that a stopping service waits for the nameserver to strike it off."""


class Registration:
    """Registers a service, renews that in time, and takes it back at the end.

    A nameserver that does not answer is tried until it does. One that the connection to has
    broken may have forgotten everything: it is told again.

    :param context: whose nameserver it is.
    :param record: what is registered: a dict of ``service``, ``address``, ``interfaces``.
    :param clock: what tells when.
    :param give_up_after: seconds after which the first registration has failed for good;
        None for never.
    :param gave_up: called with a message then.
    :param chance: gives numbers from 0 to 1, which set this service apart from others.
    """

    _log = Logger()

    def __init__(
        self,
        context: Context,
        record: dict[str, Any],
        clock: IReactorTime,
        *,
        give_up_after: float | None,
        gave_up: Callable[[str], object],
        chance: Callable[[], float] = random,
    ) -> None:
        self._context = context
        self._record = record
        self._clock = clock
        self._give_up_after = give_up_after
        self._gave_up = gave_up
        self._chance = chance
        self._registered = False
        self._asked = False
        self._silent_until = 0.0
        self._last_error = ""
        self._running: Deferred[None] | None = None
        self._due: IDelayedCall | None = None
        self._limit: IDelayedCall | None = None

    @property
    def registered(self) -> bool:
        """Whether the nameserver knows the service, by its last word."""
        return self._registered

    def start(self) -> None:
        """Begin to register.

        :raises AddressError: the nameserver's address is none.
        """
        nameserver = self._context.open_nameserver()
        if self._give_up_after is not None:
            self._limit = self._clock.callLater(self._give_up_after, self._give_up)
        self._running = Deferred.fromCoroutine(self._run(nameserver))
        self._running.addErrback(lambda failure: failure.trap(CancelledError))

    async def stop(self) -> None:
        """Strike the service off, if it may be registered and the nameserver knows how to."""
        # On the connection that stands: another one would have to be taken first, which a
        # nameserver that stands still for a moment does too late.
        opening = self._context.nameserver() if self._asked else None
        self._end()
        if opening is None:
            return
        self._asked = self._registered = False
        record = {name: self._record[name] for name in ("service", "address")}
        async with opening as nameserver:
            try:
                await nameserver.invoke("unregister", record, timeout=FAREWELL)
            except Error as error:
                self._log.debug("Not unregistered, it will expire: {error}", error=error)

    async def _run(self, nameserver: Component) -> None:
        async with nameserver:
            nameserver.when_lost(self._lost)
            while True:
                await self._pause(await self._register(nameserver))

    async def _pause(self, delay: float) -> None:
        over: Deferred[None] = Deferred()
        due = self._due = self._clock.callLater(delay, over.callback, None)
        try:
            await over
        finally:
            self._due = None
            if due.active():
                due.cancel()

    def _lost(self) -> None:
        """Register again soon; at once it would be all services in the same moment."""
        self._registered = False
        if self._due is not None:
            left = self._due.getTime() - self._clock.seconds()
            self._due.reset(min(left, RETRY * self._chance()))

    async def _register(self, nameserver: Component) -> float:
        """Register once, and give the seconds until that is due again."""
        asked_before, self._asked = self._asked, True  # whether an answer comes or not
        try:
            await nameserver.invoke("register", self._record)
        except RemoteError as error:
            self._asked = False
            self._failed(await self._refusal(nameserver, error))
            return RETRY_REFUSED
        except Error as error:
            if isinstance(error, ServiceNotAvailable) and error.not_started:
                self._asked = asked_before
            self._failed(str(error))
            return RETRY
        self._succeeded()
        return RENEWAL - SPREAD * self._chance()

    def _succeeded(self) -> None:
        if not self._registered:
            self._log.info(
                "{service} is registered with the nameserver at {nameserver}",
                service=self._record["service"],
                nameserver=self._context.nameserver_address,
                registered=True,  # which a supervisor reads
            )
        self._registered = True
        self._silent_until = 0.0
        self._cancel_limit()

    async def _refusal(self, nameserver: Component, error: RemoteError) -> str:
        """What an error of the nameserver means, for a reader."""
        if str(error) == _UNSUPPORTED:
            return str(no_nameserver(self._context.nameserver_address, error))
        if not isinstance(error, AccessDenied):
            return str(error)
        try:
            interface, service = self._record["interfaces"][0], self._record["service"]
            holder = await nameserver.invoke("locate", {"interface": interface, "service": service})
            return f"{error}: {holder['address']}"
        except (Error, LookupError, TypeError):
            return str(error)  # it is not there any more, or provides something else

    def _failed(self, reason: str) -> None:
        self._last_error = reason
        now = self._clock.seconds()
        if self._registered or now >= self._silent_until:
            self._silent_until = now + REMINDER
            self._log.warn(
                "{service} is not registered, trying on: {reason}",
                service=self._record["service"],
                reason=reason,
            )
        self._registered = False

    def _give_up(self) -> None:
        self._limit = None
        self._end()
        self._gave_up(
            f"not registered with the nameserver at {self._context.nameserver_address} "
            f"within {self._give_up_after:g} s: {self._last_error or 'it does not answer'}"
        )

    def _end(self) -> None:
        self._cancel_limit()
        if self._running is not None:
            running, self._running = self._running, None
            running.cancel()

    def _cancel_limit(self) -> None:
        if self._limit is not None:
            self._limit.cancel()
            self._limit = None
