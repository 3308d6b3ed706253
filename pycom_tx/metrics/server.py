"""Serving metrics at an endpoint."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any, Final

from twisted.application.service import Service
from twisted.internet.address import IPv4Address, IPv6Address
from twisted.internet.defer import CancelledError, Deferred, maybeDeferred, succeed
from twisted.internet.protocol import connectionDone
from twisted.logger import Logger
from twisted.protocols.policies import WrappingFactory
from twisted.python.failure import Failure
from twisted.web.http import HTTPChannel, Request
from twisted.web.resource import Resource
from twisted.web.server import Site

from pycom_tx.metrics.resource import MetricsResource
from pycom_tx.zerojson.errors import ConfigurationError

if TYPE_CHECKING:
    from prometheus_client import CollectorRegistry
    from twisted.internet.interfaces import IAddress, IListeningPort, IStreamServerEndpoint

MAX_CONNECTIONS: Final = 100
"""Connections that there may be."""

MOST: Final = 30.0
"""Seconds that one has, for its request and for the answer."""

REFUSED: Final = (
    b"HTTP/1.1 413 Request Entity Too Large\r\nContent-Length: 0\r\nConnection: close\r\n\r\n"
)
"""The answer to a request that has a body."""


class _Channel(HTTPChannel):
    """A connection for one request, which has no body."""

    transport: Any  # there is one while it is used

    def connectionMade(self) -> None:
        super().connectionMade()
        self._ending = self.callLater(MOST, self.transport.abortConnection)

    def connectionLost(self, reason: Failure = connectionDone) -> None:
        if self._ending.active():
            self._ending.cancel()
        super().connectionLost(reason)

    def headerReceived(self, line: bytes) -> bool:
        name, _, value = line.lower().partition(b":")
        if name == b"transfer-encoding" or (name == b"content-length" and value.strip() != b"0"):
            self.transport.write(REFUSED)
            self.dataReceived = self._ignore  # type: ignore[method-assign] # as Twisted does
            self.clearLineBuffer()
            self.loseConnection()
            return False
        return bool(super().headerReceived(line))

    def checkPersistence(self, request: Request, version: bytes) -> bool:
        request.setHeader("Connection", "close")
        return False

    def _ignore(self, data: bytes) -> None:
        """Take no notice."""


class _Site(Site):
    """A site that is read every few seconds, which is nothing for the log."""

    noisy = False
    protocol = _Channel  # type: ignore[assignment] # of HTTP/1.1 only

    def log(self, request: Request) -> None:
        """Every line would be the same."""


class _Connections(WrappingFactory):
    """The connections that there are."""

    noisy = False

    def buildProtocol(self, addr: IAddress | None) -> Any:
        if len(self.protocols) >= MAX_CONNECTIONS:
            return None
        return super().buildProtocol(addr)


class MetricsServer(Service):
    """Serves a registry at ``/metrics`` of an endpoint, while it runs.

    Strangers may reach it: a connection has one request, whose body is refused, and 30 seconds;
    there are 100 of them at most.

    :param registry: what is shown.
    :param endpoint: where.
    :param gave_up: called with a message if it cannot be opened, and that is not known at
        once.
    :param reactor: what times its connections; the installed one, if left out.
    """

    _log = Logger()

    def __init__(
        self,
        registry: CollectorRegistry,
        endpoint: IStreamServerEndpoint,
        gave_up: Callable[[str], object] | None = None,
        *,
        reactor: Any = None,
    ) -> None:
        root = Resource()
        root.putChild(b"metrics", MetricsResource(registry))
        # Each connection has a time of its own, whatever comes on it.
        self._factory = _Connections(_Site(root, timeout=None, reactor=reactor))
        self._endpoint = endpoint
        self._gave_up = gave_up or self._log_giving_up
        self._opening: Deferred[Any] | None = None
        self._port: IListeningPort | None = None
        self._error: str | None = None

    def startService(self) -> None:
        """Open the endpoint.

        :raises ConfigurationError: it cannot be.
        """
        self._error = None
        self._opening = self._endpoint.listen(self._factory)
        self._opening.addCallbacks(self._opened, self._failed)
        if self._error is not None:
            raise ConfigurationError(self._error)
        super().startService()

    def stopService(self) -> Deferred[Any]:
        """Close it, and the connections that are open.

        :returns: Deferred firing when nobody listens there any more.
        """
        super().stopService()
        opening, self._opening = self._opening, None
        if opening is not None:
            opening.cancel()
        port, self._port = self._port, None
        closed = succeed(None) if port is None else maybeDeferred(port.stopListening)
        for connection in list(self._factory.protocols):
            connection.transport.abortConnection()
        return closed

    def _opened(self, port: IListeningPort) -> None:
        self._port = port
        self._log.info("Metrics are served at {address}", address=_shown(port.getHost()))

    def _failed(self, failure: Failure) -> None:
        if failure.check(CancelledError) is not None:
            return
        # What the system says, without the file of Twisted's own that it may name.
        reason = getattr(failure.value, "strerror", None) or failure.value
        self._error = f"metrics cannot be served: {reason}"
        if self.running:
            self._gave_up(self._error)

    def _log_giving_up(self, message: str) -> None:
        self._log.critical("{reason}", reason=message)


def _shown(address: Any) -> str:
    """An address as a browser takes it, if it does."""
    if isinstance(address, IPv6Address):
        return f"http://[{address.host}]:{address.port}/metrics"
    if isinstance(address, IPv4Address):
        return f"http://{address.host}:{address.port}/metrics"
    return str(address)
