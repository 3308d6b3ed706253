"""What makes requests of HTTP, and closes its connections behind it."""

from __future__ import annotations

import socket
from collections.abc import Callable, Iterable
from math import inf
from typing import TYPE_CHECKING, Any, Final

from twisted.internet.defer import Deferred, succeed
from twisted.internet.endpoints import HostnameEndpoint, wrapClientTLS
from twisted.internet.interfaces import IStreamClientEndpoint
from twisted.internet.protocol import connectionDone
from twisted.protocols.policies import ProtocolWrapper, WrappingFactory
from twisted.python.failure import Failure
from twisted.web.client import Agent, BrowserLikePolicyForHTTPS, HTTPConnectionPool
from twisted.web.iweb import IAgentEndpointFactory
from zope.interface import implementer

from pycom_tx.client.over_http.failing import NoGateway, NoHTTP

if TYPE_CHECKING:
    from twisted.internet.interfaces import IProtocol, IProtocolFactory
    from twisted.web.client import URI

IDLE: Final = 30
"""Seconds that a connection is kept without a request: a gateway closes it after 60, and what
is sent just then is lost."""

FAREWELL: Final = 1.0
"""Seconds that connections have for their end."""

HTTP: Final = b"HTTP/"
"""What every answer begins with."""

HEADERS: Final = 64 * 1024
"""Bytes that all has at most which comes before the body of an answer."""

KEEPALIVE: Final = (("TCP_KEEPIDLE", 15), ("TCP_KEEPINTVL", 5), ("TCP_KEEPCNT", 3))
"""After half a minute a machine is gone that answers nothing: seconds of silence, seconds
between questions, and how many."""


@implementer(IAgentEndpointFactory)
class PooledAgent:
    """An agent of Twisted with connections of its own.

    :param reactor: what it runs in.
    :param limit: how many connections without a request are kept.

    .. attribute:: agent

        An ``IAgent``.
    """

    def __init__(self, reactor: Any, limit: int) -> None:
        self._reactor = reactor
        self._policy = BrowserLikePolicyForHTTPS()
        self._pool = HTTPConnectionPool(reactor)
        self._pool.maxPersistentPerHost = limit
        self._pool.cachedConnectionTimeout = IDLE
        self._open: dict[_Connection, None] = {}
        self._waiting: list[Deferred[None]] = []
        self.agent = Agent.usingEndpointFactory(reactor, self, self._pool)

    def endpointForURI(self, uri: URI) -> IStreamClientEndpoint:
        host = uri.host.decode("ascii")
        there: IStreamClientEndpoint = HostnameEndpoint(self._reactor, host, uri.port)
        there = _Endpoint(there, lambda wrapped: _Connections(wrapped, self))
        if uri.scheme == b"https":
            there = wrapClientTLS(self._policy.creatorForNetloc(uri.host, uri.port), there)
        return _Endpoint(there, _Exchanges)

    def close(self) -> Deferred[None]:
        """Close all connections; no request may be under way, or begin.

        :returns: Deferred firing when there is none.
        """
        self._pool.closeCachedConnections()
        gone = self._gone()
        if self._open:
            gone.addTimeout(FAREWELL, self._reactor, lambda *_: self._abort())
        return gone

    def opened(self, connection: _Connection) -> None:
        self._open[connection] = None

    def closed(self, connection: _Connection) -> None:
        del self._open[connection]
        if not self._open:
            told, self._waiting = self._waiting, []
            for gone in told:
                gone.callback(None)

    def _gone(self) -> Deferred[None]:
        if not self._open:
            return succeed(None)
        gone: Deferred[None] = Deferred(self._waiting.remove)
        self._waiting.append(gone)
        return gone

    def _abort(self) -> Deferred[None]:
        """Close those that take their time."""
        for connection in list(self._open):
            connection.abortConnection()
        return self._gone()


class _Connection(ProtocolWrapper):
    factory: _Connections

    def makeConnection(self, transport: Any) -> None:
        transport.setTcpKeepAlive(True)
        for name, value in KEEPALIVE:
            option = getattr(socket, name, None)  # systems have other names for them
            if option is not None:
                transport.getHandle().setsockopt(socket.IPPROTO_TCP, option, value)
        super().makeConnection(transport)


class _Exchange(ProtocolWrapper):
    """What is said on a connection: whoever answers with something else than HTTP, or with
    headers that do not end, is not waited for."""

    transport: Any
    _began = b""
    _before = 0.0
    """Bytes of the answer so far; none count from its body on."""
    _wrong: Failure | None = None

    def writeSequence(self, data: Iterable[bytes]) -> None:
        self._before = 0.0  # so the head of a request leaves
        super().writeSequence(data)

    def pauseProducing(self) -> None:
        self._before = -inf  # Twisted does that where a body begins, until somebody wants it
        self.transport.pauseProducing()

    def dataReceived(self, data: bytes) -> None:
        if self._wrong is not None:
            return
        if len(self._began) < len(HTTP):
            self._began += data
            if not self._began.startswith(HTTP[: len(self._began)]):
                self._refuse(NoHTTP(self._began))
                return
        self._before += len(data)
        super().dataReceived(data)
        if self._before > HEADERS:
            self._refuse(NoGateway(f"its headers have {HEADERS} bytes or more"))

    def connectionLost(self, reason: Failure = connectionDone) -> None:
        super().connectionLost(self._wrong or reason)

    def _refuse(self, error: NoGateway) -> None:
        self._wrong = Failure(error)
        self.abortConnection()


class _Exchanges(WrappingFactory):
    noisy = False
    protocol = _Exchange

    def __init__(self, wrapped: Any) -> None:
        super().__init__(wrapped)
        wrapped.noisy = False


class _Connections(WrappingFactory):
    noisy = False
    protocol = _Connection

    def __init__(self, wrapped: IProtocolFactory, agent: PooledAgent) -> None:
        super().__init__(wrapped)
        self._agent = agent

    def registerProtocol(self, p: _Connection) -> None:
        self._agent.opened(p)

    def unregisterProtocol(self, p: _Connection) -> None:
        self._agent.closed(p)


@implementer(IStreamClientEndpoint)
class _Endpoint:
    """An endpoint with one layer more on its connections.

    :param endpoint: what connects.
    :param layer: what wraps a factory of protocols.
    """

    def __init__(
        self, endpoint: IStreamClientEndpoint, layer: Callable[[IProtocolFactory], WrappingFactory]
    ) -> None:
        self._endpoint = endpoint
        self._layer = layer

    def connect(self, protocolFactory: IProtocolFactory) -> Deferred[IProtocol]:
        connecting: Deferred[Any] = self._endpoint.connect(self._layer(protocolFactory))
        return connecting.addCallback(lambda connection: connection.wrappedProtocol)
