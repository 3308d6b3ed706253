"""Connections of HTTP: how many there may be, and how slow."""

from __future__ import annotations

from http import HTTPStatus
from typing import TYPE_CHECKING, Any, Final

from twisted.internet.defer import Deferred, succeed
from twisted.internet.protocol import connectionDone
from twisted.python.failure import Failure
from twisted.web import server
from twisted.web.http import HTTPChannel

from pycom_tx.gateway.bodies import TOGETHER, Bodies
from pycom_tx.gateway.cors import Origins
from pycom_tx.gateway.hosts import Hosts
from pycom_tx.gateway.outgoing import Outgoing
from pycom_tx.gateway.problems import Problem
from pycom_tx.gateway.request import Request

if TYPE_CHECKING:
    from collections.abc import Iterator

    from twisted.internet.interfaces import IDelayedCall, IReactorTime
    from twisted.web.resource import IResource

    from pycom_tx.gateway.figures import Figures

IDLE: Final = 60.0
"""Seconds that a connection may be without a request."""

PERIOD: Final = 30.0
"""Seconds in which at least so much of a request has to come, unless it ends:"""

LEAST: Final = 30 * 1024

HEADERS: Final = 16384
"""Bytes that the first line of a request, and all its headers, have at most."""

MAX_CONNECTIONS: Final = 1000
"""Connections that there may be, unless told otherwise."""


_TLS: Final = b"\x16\x03"
"""What a client of TLS says first, and nobody in HTTP: a record of its handshake."""


class Channel(HTTPChannel):
    """A connection of a client."""

    MAX_LENGTH = HEADERS
    totalHeadersSize = maxHeaders = 2 * HEADERS  # what is too much for us is refused before
    site: Site
    transport: Any  # there is one while it is used

    def __init__(self) -> None:
        super().__init__()
        self._size = 0
        self._received = 0
        self._looking: IDelayedCall | None = None
        self._answering = False

    def connectionMade(self) -> None:
        if self.site.admit(self):
            super().connectionMade()
        else:
            self.abort()

    def dataReceived(self, data: bytes) -> None:
        if data.startswith(_TLS) and not (self._answering or self._size or self._received):
            # Whoever speaks it waits for an answer, and would wait for long.
            self._refuse(400, "HTTP is spoken here without TLS: the URL begins with http://")
            return
        if not self._answering:
            self._received += len(data)
            if self._looking is None:
                self._looking = self.callLater(PERIOD, self._look)
        super().dataReceived(data)

    def lineReceived(self, line: bytes) -> None:
        first = not self._size
        self._size += len(line)
        if self._size > HEADERS:
            self._refuse(431, f"All headers have {HEADERS} bytes at most")
            return
        known = len(self.requests)
        super().lineReceived(line)
        if first and len(self.requests) > known and line.count(b" ") == 2:
            self.requests[-1].begin(line, self.site.reactor.seconds())

    def headerReceived(self, line: bytes) -> bool:
        try:
            return bool(super().headerReceived(line))
        except ValueError:  # a length has more digits than Python reads
            self._respondToBadRequestAndDisconnect()
            return False

    def lineLengthExceeded(self, line: bytes) -> None:
        if self._size:
            self._refuse(431, f"A header has {HEADERS} bytes at most")
        else:
            self._refuse(414, f"A URL has {HEADERS} bytes at most")

    def allContentReceived(self) -> None:
        self._answering = True
        self._received = self._size = 0
        self._stop_looking()
        super().allContentReceived()

    def requestDone(self, request: Request) -> None:
        self._answering = False
        super().requestDone(request)

    def connectionLost(self, reason: Failure = connectionDone) -> None:
        self.site.forget(self)
        self._stop_looking()
        super().connectionLost(reason)

    def close(self) -> None:
        """Close it once the request that is answered is; at once, if there is none."""
        self.persistent = False
        if not self._answering:
            self.loseConnection()

    def abort(self) -> None:
        """Close it now."""
        self.transport.abortConnection()

    def _look(self) -> None:
        """Whether enough of a request came since the last look."""
        self._looking = None
        if self._received < LEAST:
            self.timeoutConnection()
            return
        self._received = 0
        self._looking = self.callLater(PERIOD, self._look)

    def _stop_looking(self) -> None:
        if self._looking is not None:
            self._looking.cancel()
            self._looking = None

    def _respondToBadRequestAndDisconnect(self) -> None:
        """Say in our words what Twisted says without any."""
        if self.requests and self.requests[-1].startedWriting:
            self.loseConnection()  # a body goes wrong that was refused already
        else:
            self._refuse(
                400,
                "This is no proper request of HTTP/1.1: its first line, a header, or a chunk of "
                "its body is none",
            )

    def _refuse(self, status: int, detail: str) -> None:
        answer = Problem(status, detail, not_started=True).answer()
        body = b"".join(answer.parts)
        lines = [f"HTTP/1.1 {status} {HTTPStatus(status).phrase}"]
        headers = {**answer.headers, "Content-Length": str(len(body)), "Connection": "close"}
        lines += [f"{name}: {value}" for name, value in headers.items()]
        self.transport.write("\r\n".join([*lines, "", ""]).encode("ascii") + body)
        self.dataReceived = self._ignore  # type: ignore[method-assign] # as Twisted does
        self.clearLineBuffer()
        self.loseConnection()

    def _ignore(self, data: bytes) -> None:
        """Take no notice."""


class Site(server.Site):
    """What is at an endpoint.

    :param root: the page that all are below.
    :param clock: what times its connections.
    :param bodies: what the bodies of its requests count for. Answers have as much room as those.
    :param hosts: which names it answers to.
    :param origins: which pages of browsers may call.
    :param max_connections: how many there may be at once.
    :param verbose: log every request.
    :param figures: what counts them.
    """

    noisy = False
    protocol = Channel  # type: ignore[assignment] # of HTTP/1.1 only

    def __init__(
        self,
        root: IResource,
        clock: IReactorTime,
        *,
        bodies: Bodies | None = None,
        hosts: Hosts | None = None,
        origins: Origins | None = None,
        max_connections: int = MAX_CONNECTIONS,
        verbose: bool = False,
        figures: Figures | None = None,
    ) -> None:
        super().__init__(root, requestFactory=Request, timeout=IDLE, reactor=clock)
        self.bodies = bodies or Bodies()
        self.outgoing = Outgoing(clock, TOGETHER * self.bodies.limit)
        self.hosts = hosts or Hosts()
        self.origins = origins or Origins()
        self.verbose = verbose
        self.figures = figures
        self._max_connections = max_connections
        self._channels: dict[Channel, None] = {}
        self._emptied: list[Deferred[None]] = []

    def acceptableProtocols(self) -> list[bytes]:
        return [b"http/1.1"]

    def startFactory(self) -> None:
        """There is no log file."""

    def stopFactory(self) -> None:
        """As above."""

    def log(self, request: Any) -> None:
        """Requests tell themselves how they ended."""

    def admit(self, channel: Channel) -> bool:
        """Whether there may be one connection more."""
        if len(self._channels) >= self._max_connections:
            return False
        self._channels[channel] = None
        return True

    def forget(self, channel: Channel) -> None:
        """A connection is gone."""
        self._channels.pop(channel, None)
        if not self._channels:
            told, self._emptied = self._emptied, []
            for emptied in told:
                emptied.callback(None)

    def close(self) -> None:
        """Close all connections, as soon as what is asked on them is answered."""
        for channel in self:
            channel.close()

    def abort(self) -> None:
        """Close all connections, now."""
        for channel in self:
            channel.abort()

    def closed(self) -> Deferred[None]:
        """Wait until there is no connection.

        :returns: Deferred firing then. It may be cancelled.
        """
        if not self._channels:
            return succeed(None)
        emptied: Deferred[None] = Deferred(self._emptied.remove)
        self._emptied.append(emptied)
        return emptied

    def __iter__(self) -> Iterator[Channel]:
        return iter(list(self._channels))

    def __len__(self) -> int:
        return len(self._channels)
