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
from pycom_tx.zerojson.interfaces import ICountsConnections

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable, Mapping

    from prometheus_client import CollectorRegistry

    from pycom_tx.client.context import Context
    from pycom_tx.host.registration import Registration
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
        self._served = Calls(registry, "pycom", "served")
        self._made = ClientCalls(registry, reactor)
        self._bound, self._connected = Traffic(), Traffic()
        self._state = HostState(reactor, self._bound, self._connected)
        self._figures = Figures()
        registry.register(self._state)
        registry.register(self._figures)

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
    ) -> None:
        self._figures.components = list(components)
        self._state.server = server
        self._state.sessions = sessions
        self._state.registration = registration

    def closed(self) -> None:
        self._state.clear()
        self._figures.components = []
