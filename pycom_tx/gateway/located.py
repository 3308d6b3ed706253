"""Components for the calls that come over HTTP."""

from __future__ import annotations

import random
from collections.abc import Callable
from typing import TYPE_CHECKING, Final

from twisted.internet import defer

from pycom_tx.zerojson.errors import ServiceNotAvailable, ServiceNotFound
from pycom_tx.zerojson.leases import Leases

if TYPE_CHECKING:
    from twisted.internet.interfaces import IReactorTime

    from pycom_tx.client.component import Component
    from pycom_tx.client.context import Context
    from pycom_tx.gateway.providers import Provider

UNUSED: Final = 60.0
"""Seconds after its last call in which the providers of an interface are still followed."""

KEPT: Final = 200
"""Interfaces whose providers are, each once more for each service that calls name. (A nameserver
lets no more than 500 calls wait.)"""

PATIENCE: Final = 1.0
"""Seconds that the nameserver has to answer where somebody is known to provide what is called."""


class Located:
    """Gives each call a component of its own, as its session is its own, too.

    The providers of an interface are followed as long as it is in use, so that only the first
    call asks the nameserver. While that is away, or was restarted and knows nobody yet, a call
    goes to a provider that lives.

    :param context: where the components come from.
    :param clock: what tells how long an interface was not used.
    :param living: gives those that live by their interface.
    :param limit: how many interfaces are followed.
    """

    def __init__(
        self,
        context: Context,
        clock: IReactorTime,
        living: Callable[[str], list[Provider]],
        *,
        limit: int = KEPT,
    ) -> None:
        self._context = context
        self._clock = clock
        self._living = living
        self._limit = limit
        self._kept: Leases[tuple[str, str | None], Component] = Leases(clock, UNUSED, self._unused)

    async def open(self, interface: str, service: str | None = None) -> Component:
        """A component for one call, to be closed after it.

        :param service: the path of the one service that will do.

        :raises ServiceNotFound: nobody provides it.
        :raises ServiceNotAvailable: the nameserver does not answer.
        """
        finding = defer.Deferred.fromCoroutine(self._find(interface, service))
        if not finding.called and self._lives(interface, service):
            finding.addTimeout(PATIENCE, self._clock)
        try:
            return await finding
        except (ServiceNotFound, ServiceNotAvailable, defer.TimeoutError):
            alive = self._lives(interface, service)
            if not alive:
                raise
        chosen = random.choice(alive)  # noqa: S311 # balancing, not cryptography
        return await self._context.connect(chosen.address, interface)

    def close(self) -> None:
        """Follow nobody any more."""
        for component in list(self._kept.values()):
            component.close()
        self._kept.clear()

    async def _find(self, interface: str, service: str | None) -> Component:
        """A component of all providers that the nameserver knows."""
        key = interface, service
        component = await self._context.locate(interface, service)
        if self._kept.get(key) is not None:
            self._kept.renew(key)
        elif len(self._kept) < self._limit:
            # There at once, as its providers are known by now.
            self._kept.put(key, await self._context.locate(interface, service))
        return component

    def _lives(self, interface: str, service: str | None) -> list[Provider]:
        """Who provides an interface and lives, whatever the nameserver says."""
        return [
            provider for provider in self._living(interface) if service in (None, provider.service)
        ]

    def _unused(self, _: object, component: Component) -> None:
        component.close()
