"""What measures a host."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from zope.interface import implementer

from pycom_tx.host.instruments import IInstruments
from pycom_tx.metrics.calls import Calls
from pycom_tx.metrics.client import ClientCalls
from pycom_tx.metrics.served import CountedCalls
from pycom_tx.metrics.state import Figures, HostState
from pycom_tx.metrics.traffic import CountedNetwork, Traffic
from pycom_tx.zerojson.errors import ConfigurationError
from pycom_tx.zerojson.interfaces import ICountsConnections

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable, Mapping

    from prometheus_client import CollectorRegistry

    from pycom_tx.client.context import Context
    from pycom_tx.host.registration import Registration
    from pycom_tx.host.threads import Threads
    from pycom_tx.zerojson.interfaces import INetwork, IRequestHandler
    from pycom_tx.zerojson.server import Server
    from pycom_tx.zerojson.sessions import SessionStore


@implementer(IInstruments)
class Instruments:
    """Measures one host, over all the times that it runs.

    :param registry: where the metrics belong; that of no other host.
    :param reactor: what the host runs in; the installed one, if left out.
    """

    def __init__(self, registry: CollectorRegistry, reactor: Any = None) -> None:
        if reactor is None:
            from twisted.internet import reactor
        self._reactor = reactor
        self._registry = registry
        self._served = Calls(registry, "pycom", "served")
        self._made = ClientCalls(registry, reactor)
        self._bound, self._connected = Traffic(), Traffic()
        self._state = HostState(self._bound, self._connected)
        self._figures: list[Figures] = []
        registry.register(self._state)

    def network(self, network: INetwork) -> INetwork:
        if ICountsConnections.providedBy(network):
            network.count_connections()
            self._state.network = network
        return CountedNetwork(network, self._bound, self._connected)

    def handler(
        self, handler: IRequestHandler, methods: Mapping[str, Collection[str]]
    ) -> IRequestHandler:
        return CountedCalls(handler, self._served, methods, self._reactor)

    def context(self, context: Context) -> None:
        context.observers.append(self._made)

    def opened(
        self,
        components: Iterable[Any],
        server: Server,
        sessions: SessionStore,
        registration: Registration,
        threads: Threads,
    ) -> None:
        for component in filter(Figures.has, components):
            self._register(component)
        self._state.server = server
        self._state.sessions = sessions
        self._state.registration = registration
        self._state.threads = threads

    def closed(self) -> None:
        self._state.clear()
        figures, self._figures = self._figures, []
        for collector in figures:
            self._registry.unregister(collector)

    def _register(self, component: Any) -> None:
        figures = Figures(component)
        try:
            self._registry.register(figures)
        except ValueError as error:
            raise ConfigurationError(
                f"{component!r}.figures() has names that are taken: {error}"
            ) from None
        self._figures.append(figures)
