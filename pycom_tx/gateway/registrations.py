"""All that a nameserver knows, now and as that changes."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any, Final, NamedTuple

from twisted.internet.defer import CancelledError, Deferred
from twisted.internet.task import deferLater
from twisted.logger import Logger

from pycom_tx.client.directory import text
from pycom_tx.zerojson.errors import (
    BadRequest,
    Error,
    InvalidReply,
    MethodNotFound,
)

if TYPE_CHECKING:
    from twisted.internet.interfaces import IReactorTime

    from pycom_tx.client.component import Component
    from pycom_tx.client.context import Context

WATCH: Final = 25.0
"""Seconds that a nameserver waits for a change before it answers that there is none."""

GRACE: Final = 5.0
"""Seconds that its answer may take beyond that, or where there is nothing to wait for."""

SETTLE: Final = 0.2
"""Seconds between two questions to a nameserver that tells when something changes."""

POLL: Final = 5.0
"""Seconds between two questions to one that does not."""

RETRY: Final = 0.5
"""Seconds until a nameserver that did not answer is asked again."""


class Registered(NamedTuple):
    """A service that is registered."""

    service: str
    address: str
    interfaces: tuple[str, ...]


_News = tuple[list[Registered], list[str], list[str]]


class Registrations:
    """Follows a nameserver.

    While it is away, what it knew last counts.

    :param context: whose nameserver it is.
    :param clock: what tells when to ask.
    :param changed: called after each answer with the services that came or provide something
        else now, and with the paths of those that were struck off, and of those that are only
        missing: their nameserver may have been restarted, and know nobody yet.
    """

    _log = Logger()

    def __init__(
        self,
        context: Context,
        clock: IReactorTime,
        changed: Callable[[list[Registered], list[str], list[str]], object],
    ) -> None:
        self._context = context
        self._clock = clock
        self._changed = changed
        self._known: dict[str, Registered] = {}
        self._revision: str | None = None
        self._old = False
        self._silent = False
        self._running: Deferred[None] | None = None

    def start(self) -> None:
        """Follow it from now on.

        :raises AddressError: its address is none.
        """
        nameserver = self._context.open_nameserver()
        self._running = Deferred.fromCoroutine(self._run(nameserver))
        self._running.addErrback(lambda failure: failure.trap(CancelledError))

    def stop(self) -> None:
        """Ask no more."""
        running, self._running = self._running, None
        if running is not None:
            running.cancel()

    async def _run(self, nameserver: Component) -> None:
        async with nameserver:
            while True:
                await deferLater(self._clock, await self._follow(nameserver))

    async def _follow(self, nameserver: Component) -> float:
        """Ask once, and give the seconds until the next time."""
        before, asked = self._revision, self._clock.seconds()
        try:
            news = await self._ask(nameserver)
        except Error as error:
            self._old = False
            if not self._silent:
                self._log.warn("The nameserver tells nothing, trying on: {error}", error=error)
            self._silent = True
            return RETRY
        if self._silent:
            self._log.info("The nameserver answers again")
        self._silent = False
        try:
            self._changed(*news)
        except Exception:  # whatever it is, what comes next is not missed for it
            self._log.failure("Not all that the nameserver told could be taken in")
        if self._old:
            return POLL
        # One that lets nobody wait any more says at once that all is the same.
        at_once = self._clock.seconds() - asked < SETTLE
        return POLL if before == self._revision and at_once else SETTLE

    async def _ask(self, nameserver: Component) -> _News:
        """Ask once, for what has changed since the last time."""
        if not self._old:
            args = {"revision": self._revision, "timeout": WATCH}
            # The first time there is nothing that it could wait for.
            within = GRACE if self._revision is None else WATCH + GRACE
            try:
                told = await nameserver.invoke("watch", args, within)
            except (MethodNotFound, BadRequest):
                # One of PyCOM 0.6 does not know it, and others may want an interface.
                self._old, self._revision = True, None
            else:
                return self._learn(told)
        listed = await nameserver.invoke("list_services", None, GRACE)
        return self._learn({"services": listed, "revision": None})

    def _learn(self, told: Any) -> _News:
        try:
            found = list(map(_registered, told["services"]))
            gone, revision = told.get("gone"), told["revision"]
            everything = gone is None
            if everything:
                gone = self._known.keys() - {service.service for service in found}
            else:
                gone = list(map(text, gone))
            gone = [path for path in gone if self._known.pop(path, None) is not None]
        except (LookupError, TypeError, AttributeError):
            raise InvalidReply("It answered with something that tells no services") from None
        came = [service for service in found if self._known.get(service.service) != service]
        self._known.update((service.service, service) for service in came)
        self._revision = revision
        return (came, [], gone) if everything else (came, gone, [])


def _registered(record: Any) -> Registered:
    interfaces = tuple(dict.fromkeys(map(text, record["interfaces"])))
    return Registered(text(record["service"]), text(record["address"]), interfaces)
