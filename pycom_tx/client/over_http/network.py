"""Services behind a gateway, as a network."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final, NoReturn
from urllib.parse import urlsplit

from treq.client import HTTPClient
from twisted.internet.defer import Deferred, succeed
from zope.interface import implementer

from pycom_tx.client.over_http.agent import PooledAgent
from pycom_tx.client.over_http.answer import TOLD, Answer, told_by
from pycom_tx.client.over_http.channel import GatewayChannel
from pycom_tx.client.over_http.failing import failed
from pycom_tx.zerojson.errors import (
    AddressError,
    ConnectionClosed,
    Overloaded,
    ServiceNotAvailable,
)
from pycom_tx.zerojson.interfaces import ICallListener, INetwork
from pycom_tx.zerojson.server import MAX_MESSAGE
from pycom_tx.zerojson.waiting import QUEUE_LIMIT

if TYPE_CHECKING:
    from twisted.internet.interfaces import IDelayedCall
    from twisted.web.http_headers import Headers

    from pycom_tx.client.over_http.body import Body
    from pycom_tx.client.over_http.channel import Exchange
    from pycom_tx.zerojson.interfaces import IChannel, IChannelListener

AT_ONCE: Final = 100
"""Calls that are under way at once, each on a connection of its own; others wait for one."""


@implementer(INetwork)
class GatewayNetwork:
    """Reaches services through a gateway. Their addresses are its URL.

    :param url: the gateway's.
    :param reactor: what it runs in.
    :param agent: an ``IAgent``, which makes the requests; one with its own connections, if
        left out.

    :raises AddressError: *url* is none.
    """

    def __init__(self, url: str, reactor: Any, agent: Any = None) -> None:
        self.url = checked_url(url)
        self._reactor = reactor
        self._own: PooledAgent | None = None
        if agent is None:
            self._own = PooledAgent(reactor, AT_ONCE)
            agent = self._own.agent
        self._http = HTTPClient(agent)
        self._channels: dict[GatewayChannel, None] = {}
        self._waiting: dict[Exchange, None] = {}
        self._under_way = 0
        self._starting: IDelayedCall | None = None

    def address(self, service_name: str | None) -> str:
        """The address of whatever service there is, or of the one with that path."""
        return self.url if service_name is None else f"{self.url}#{service_name}"

    def connect(self, address: str, listener: IChannelListener) -> IChannel:
        if address.partition("#")[0] != self.url:
            raise AddressError(
                f"Cannot connect to {address!r} through the gateway {self.url}, which finds "
                "services by their interface: use locate"
            )
        channel = GatewayChannel(self, address, ICallListener(listener))
        self._channels[channel] = None
        return channel

    def bind(
        self, address: str, listener: IChannelListener, *, max_frame: int | None = None
    ) -> NoReturn:
        raise AddressError(f"Cannot listen at {address!r}: services do not run behind a gateway")

    def close(self) -> Deferred[None]:
        """As :meth:`INetwork.close`.

        :returns: Deferred firing when all connections are closed, but for those of an agent
            that was given.
        """
        for channel in list(self._channels):
            channel.close()
        if self._starting is not None:
            self._starting.cancel()
            self._starting = None
        return succeed(None) if self._own is None else self._own.close()

    async def ask(self, path: str) -> Any:
        """What a page of the gateway tells: JSON.

        :raises ServiceNotFound: that there is no such thing.
        :raises ServiceNotAvailable: as :meth:`answer`.
        """
        return told_by(await self.answer("GET", path, most=TOLD), self.url)

    async def answer(
        self,
        method: str,
        path: str,
        *,
        headers: Headers | None = None,
        body: Body | None = None,
        most: int = MAX_MESSAGE,
    ) -> Answer:
        """Make a request.

        :param path: what to add to the gateway's URL.
        :param most: bytes that are read of its answer.

        :raises ServiceNotAvailable: there is no answer, or none that can be read.
        """
        try:
            response = await self._http.request(
                method,
                self.url + path,
                headers=headers,
                data=body,
                allow_redirects=False,
                unbuffered=True,
                reactor=self._reactor,
            )
            return await Answer(response).read(most)
        except ServiceNotAvailable:
            raise
        except Exception as error:
            failure = failed(error, self.url, begun=body is not None and body.begun)
            if isinstance(failure, ServiceNotAvailable) and self._has_stopped():
                failure = ConnectionClosed("The reactor stopped", not_started=failure.not_started)
            raise failure from error

    # What channels need.

    def put(self, exchange: Exchange) -> None:
        """Start an exchange as soon as there is a connection for it, but not now.

        :raises Overloaded: too many wait already.
        """
        if len(self._waiting) >= QUEUE_LIMIT:
            raise Overloaded(f"{QUEUE_LIMIT} calls wait to be sent to {self.url}")
        self._waiting[exchange] = None
        self._wake()

    def withdraw(self, exchange: Exchange) -> None:
        """Do not start it."""
        self._waiting.pop(exchange, None)

    def ended(self) -> None:
        """An exchange that was started is over."""
        self._under_way -= 1
        self._wake()

    def forget(self, channel: GatewayChannel) -> None:
        """A channel is closed."""
        self._channels.pop(channel, None)

    def _has_stopped(self) -> bool:
        """Whether the reactor has: it closes its connections before it tells anybody."""
        return not getattr(self._reactor, "running", True)

    def _wake(self) -> None:
        if self._waiting and self._starting is None and self._under_way < AT_ONCE:
            self._starting = self._reactor.callLater(0, self._start)

    def _start(self) -> None:
        self._starting = None
        while self._waiting and self._under_way < AT_ONCE:
            exchange = next(iter(self._waiting))
            del self._waiting[exchange]
            self._under_way += 1
            exchange.start()


def checked_url(url: str) -> str:
    """Give back the URL of a gateway, without a slash at its end.

    :raises AddressError: it is none.
    """
    # What is no text for a URL is left out by urlsplit.
    if not url.isprintable() or " " in url or not _is_plain(url):
        raise AddressError(f"A gateway is at a URL like https://example.com:8080, got {url!r:.200}")
    return url.rstrip("/")


def _is_plain(url: str) -> bool:
    """Whether a URL has a host, and maybe a port and a path, and nothing else."""
    try:
        parts = urlsplit(url)
        named = bool(parts.hostname) and parts.port != 0
    except ValueError:
        return False
    return named and parts.scheme in ("http", "https") and not set(url) & set("@?#")
