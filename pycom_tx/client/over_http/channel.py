"""A channel on which each call is a request of HTTP to a gateway."""

from __future__ import annotations

from typing import TYPE_CHECKING

from twisted.internet.defer import CancelledError, Deferred, succeed
from twisted.logger import Logger
from zope.interface import implementer

from pycom_tx.client.over_http.answer import reply_of
from pycom_tx.client.over_http.behind import hint
from pycom_tx.client.over_http.body import Body
from pycom_tx.client.over_http.posting import post_of
from pycom_tx.zerojson.errors import ConnectionClosed, InvalidReply, ServiceNotAvailable
from pycom_tx.zerojson.interfaces import IChannel, check_frames
from pycom_tx.zerojson.messages import CALL, decode_request

if TYPE_CHECKING:
    from pycom_tx.client.over_http.network import GatewayNetwork
    from pycom_tx.zerojson.interfaces import ICallListener


@implementer(IChannel)
class GatewayChannel:
    """Makes a request of HTTP of each call, and a reply of its answer.

    :param network: what makes requests.
    :param address: the gateway's URL; behind a ``#`` the path of the one service that will do.
    :param listener: who calls.
    """

    sender = None

    def __init__(self, network: GatewayNetwork, address: str, listener: ICallListener) -> None:
        self.address = address
        self.listener = listener
        self.network = network
        self.service = address.partition("#")[2]
        self._exchanges: dict[int, Exchange] = {}
        self._closed = False

    @property
    def queued(self) -> int:
        """How many calls wait for a connection."""
        return sum(not exchange.is_running for exchange in self._exchanges.values())

    def send(self, frames: list[bytes]) -> None:
        """As :meth:`IChannel.send`.

        :raises NotSerializable: it is a call whose arguments are no standard JSON.
        :raises BadRequest: or one that has something which HTTP does not carry.
        """
        if self._closed:
            raise ConnectionClosed(f"The channel to {self.address} is closed")
        check_frames(frames)
        if frames[2] != CALL:
            return  # what else there is, a gateway does not know
        exchange = Exchange(self, frames)
        self.network.put(exchange)
        self._exchanges[id(frames)] = exchange

    def offer(self, frames: list[bytes]) -> bool:
        return False

    def withdraw(self, frames: list[bytes]) -> bool:
        """As :meth:`IChannel.withdraw`; what has left is cancelled."""
        exchange = self._exchanges.pop(id(frames), None)
        return exchange is not None and exchange.cancel()

    def flushed(self) -> Deferred[None]:
        return succeed(None)

    def finish(self, seconds: float) -> Deferred[None]:
        self.close()
        return succeed(None)

    def watch(self) -> None:
        """A connection that breaks tells those who wait on it."""

    def close(self) -> None:
        self._closed = True
        while self._exchanges:
            self._exchanges.popitem()[1].cancel()
        self.network.forget(self)

    def forget(self, exchange: Exchange) -> bool:
        """A call is over; whether its caller still waits for it."""
        return self._exchanges.pop(id(exchange.frames), None) is not None


class Exchange:
    """A call, as a request of HTTP and its answer.

    :param channel: where it was made.
    :param frames: what was sent there.
    """

    __slots__ = ("_body", "_channel", "_interface", "_post", "_running", "frames")

    _log = Logger()

    def __init__(self, channel: GatewayChannel, frames: list[bytes]) -> None:
        request = decode_request(frames[2:])
        self.frames = frames
        self._channel = channel
        self._interface = request.interface
        self._post = post_of(request, channel.service)
        self._body = Body(self._post.parts)
        self._running: Deferred[None] | None = None

    @property
    def is_running(self) -> bool:
        """Whether it has a connection."""
        return self._running is not None

    def start(self) -> None:
        """Make the request."""
        self._running = Deferred.fromCoroutine(self._run())
        self._running.addErrback(lambda failure: self._log.failure("A reply failed", failure))

    def cancel(self) -> bool:
        """Do not make it, or have it cancelled; whether nobody can have seen it."""
        unseen = not self._body.begun
        if self._running is None:
            self._channel.network.withdraw(self)
        else:
            self._running.cancel()
        return unseen

    async def _run(self) -> None:
        channel = self._channel
        reply: list[bytes] = []
        error: ServiceNotAvailable | None = None
        try:
            answer = await channel.network.answer(
                "POST", self._post.path, headers=self._post.headers, body=self._body
            )
            reply = reply_of(answer, channel.address, hint(self._interface))
        except CancelledError:
            return
        except ServiceNotAvailable as failure:
            error = failure
        except Exception:
            self._log.failure("What {address} answered broke its reader", address=channel.address)
            error = InvalidReply(f"What {channel.address} answered cannot be read")
        finally:
            channel.network.ended()
            awaited = channel.forget(self)
        if not awaited:
            return  # whatever it failed with when it was cancelled
        if error is None:
            channel.listener.message_received(channel, [self.frames[0], b"", *reply])
        else:
            channel.listener.no_reply(channel, self.frames, error)
