"""Where a host can be measured."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping
from typing import TYPE_CHECKING, Any

from zope.interface import Interface, implementer

if TYPE_CHECKING:
    from pycom_tx.client.context import Context
    from pycom_tx.host.registration import Registration
    from pycom_tx.host.threads import Threads
    from pycom_tx.zerojson.interfaces import INetwork, IRequestHandler
    from pycom_tx.zerojson.server import Server
    from pycom_tx.zerojson.sessions import SessionStore


class IInstruments(Interface):
    """Measures a host, each time that it runs."""

    def network(network: INetwork) -> INetwork:
        """What the host listens at and connects through, in the place of *network*."""

    def handler(
        handler: IRequestHandler, methods: Mapping[str, Collection[str]]
    ) -> IRequestHandler:
        """What answers the host's calls, in the place of *handler*.

        :param methods: the names of the methods that there are, by their interfaces. There
            may be more later.
        """

    def context(context: Context) -> None:
        """Its components make calls through *context*."""

    def opened(
        components: Iterable[Any],
        server: Server,
        sessions: SessionStore,
        registration: Registration,
        threads: Threads,
    ) -> None:
        """The host is open, and consists of these."""

    def closed() -> None:
        """The host has closed, or could not be opened. It may open again, with others."""


@implementer(IInstruments)
class NoInstruments:
    """Measures nothing, and costs nothing."""

    def network(self, network: INetwork) -> INetwork:
        return network

    def handler(
        self, handler: IRequestHandler, methods: Mapping[str, Collection[str]]
    ) -> IRequestHandler:
        return handler

    def context(self, context: Context) -> None:
        """Nobody wants to know."""

    def opened(
        self,
        components: Iterable[Any],
        server: Server,
        sessions: SessionStore,
        registration: Registration,
        threads: Threads,
    ) -> None:
        """As above."""

    def closed(self) -> None:
        """As above."""
