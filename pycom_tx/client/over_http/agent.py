"""What makes requests of HTTP, and closes its connections behind it."""

from __future__ import annotations

import socket
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

from pycom_tx.client.over_http.failing import NoHTTP

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
        there = HostnameEndpoint(self._reactor, host, uri.port)
        if uri.scheme == b"http":
            return _Endpoint(there, self, _PlainConnection)
        endpoint = _Endpoint(there, self, _Connection)
        return wrapClientTLS(self._policy.creatorForNetloc(uri.host, uri.port), endpoint)

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


class _PlainConnection(_Connection):
    """One without TLS: whoever begins with something else than HTTP is not waited for."""

    _began = b""
    _wrong: Failure | None = None

    def dataReceived(self, data: bytes) -> None:
        if self._wrong is not None:
            return
        if len(self._began) < len(HTTP):
            self._began += data
            if not self._began.startswith(HTTP[: len(self._began)]):
                self._wrong = Failure(NoHTTP(self._began))
                self.abortConnection()
                return
        super().dataReceived(data)

    def connectionLost(self, reason: Failure = connectionDone) -> None:
        super().connectionLost(self._wrong or reason)


class _Connections(WrappingFactory):
    noisy = False

    def __init__(
        self, wrapped: IProtocolFactory, agent: PooledAgent, protocol: type[_Connection]
    ) -> None:
        super().__init__(wrapped)
        self._agent = agent
        self.protocol = protocol

    def registerProtocol(self, p: _Connection) -> None:
        self._agent.opened(p)

    def unregisterProtocol(self, p: _Connection) -> None:
        self._agent.closed(p)


@implementer(IStreamClientEndpoint)
class _Endpoint:
    """An endpoint whose connections are known to their agent."""

    def __init__(
        self, endpoint: IStreamClientEndpoint, agent: PooledAgent, kind: type[_Connection]
    ) -> None:
        self._endpoint = endpoint
        self._agent = agent
        self._kind = kind

    def connect(self, protocolFactory: IProtocolFactory) -> Deferred[IProtocol]:
        connecting: Deferred[Any] = self._endpoint.connect(
            _Connections(protocolFactory, self._agent, self._kind)
        )
        return connecting.addCallback(lambda connection: connection.wrappedProtocol)
